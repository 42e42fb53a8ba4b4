"""Results as text: within 80 columns, readable without colour, and inert whatever a model or a stranger wrote."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from rich.cells import cell_len

from argqual import Assessment, Comparison, Framework, Rating, Status, known_frameworks, load_framework
from argqual.assessment import FrameworkReference, Quote, Selected, Usage, aggregate, rate, unrated
from argqual.frameworks.catalogue import parse_framework
from argqual.frameworks.framework import Criterion
from argqual.judging.compare import Preference
from argqual.report import assessments as tables
from argqual.report.plain import as_markdown

RATIO = load_framework("ratio")
ESCAPES = "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b31m \x08\x08\x7f"
DIRECTIONS = "\u202eturned\u202c \u200f \u2066isolated\u2069 \u061c"

LONG = """\
schema: argqual/framework@1
id: a-framework-whose-id-is-as-long-as-an-id-may-be-which-is-60
version: "2026.10.31-rc1"
title: "A framework whose title is longer than a line, with a subtitle: everything that could be too long is too long"
description: "Names of every length."
license: CC0-1.0
provenance: {status: own}
scale:
  levels:
    - {value: -100, label: entirely unacceptable in every respect}
    - {value: 0.125, label: neither the one nor the other}
    - {value: 1000, label: 完全に受け入れられる主張である}
select:
  name: Kind
  question: "Which?"
  options:
    - {id: sign, name: "A kind whose name would fill a whole line of the table and then some more of it", definition: d}
    - {id: cause, name: Cause, definition: d}
criteria:
  - id: top
    name: "A parent with a name that goes on and on and on and on"
    plain: p
    criteria:
      - id: middle
        name: 完全に受け入れられる主張であるかどうかを問う
        plain: p
        criteria:
          - {id: low, name: "Adonaufdampfschifffahrtselektrizitaetenhauptbetriebswerk", plain: p, question: q}
  - {id: short, name: S, plain: p, question: q}
"""


TWO = """\
schema: argqual/framework@1
id: two
version: "1"
title: Both
description: d
license: CC0-1.0
provenance: {status: own}
scale: {levels: [{value: 1, label: low}, {value: 2, label: LABEL}]}
criteria:
  - {id: one, name: One, plain: p, question: q}
  - {id: two, name: Two, plain: p, question: q}
"""


@contextmanager
def written_to(encoding: str) -> Iterator[None]:
    """Standard output is a file of this encoding."""
    # In the body of a test, not in a fixture: pytest puts its own standard output back between the two.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
        yield


@contextmanager
def on_a_terminal(**variables: str) -> Iterator[None]:
    """Standard output is a terminal, though nobody looks at it."""
    ours, theirs = os.openpty()
    with pytest.MonkeyPatch.context() as patch, os.fdopen(theirs, "w", encoding="utf-8") as file:
        patch.delenv("NO_COLOR", raising=False)
        patch.setenv("TERM", "xterm-256color")
        for name, value in variables.items():
            patch.setenv(name, value)
        patch.setattr(sys, "stdout", file)
        yield
    os.close(ours)


def assessed(framework: Framework, *, keep: str | None = None, **changes: Any) -> Assessment:
    """Made-up ratings of every criterion that is asked; of those with `when`, only the ones for `keep`."""
    words = {"rationale": changes.pop("rationale", "Because of what it says."), "evidence": changes.pop("evidence", ())}
    asked: dict[str, Rating] = {}
    for number, criterion in enumerate(framework.asked):
        scale = framework.scale_of(criterion)
        if criterion.when and criterion.when != keep:
            asked[criterion.id] = unrated(criterion, scale, Status.SKIPPED, "another kind of argument was found")
            continue
        shares = [1.0 + (number + level) % 3 for level in range(len(scale.levels))]
        asked[criterion.id] = rate(criterion, scale, shares, source="logprobs", **words)
    ratings, overall = aggregate(framework, asked)
    made = {
        "status": overall.status,
        "overall": overall,
        "ratings": ratings,
        "framework": FrameworkReference(id=framework.id, version=framework.version, fingerprint=framework.fingerprint),
        "program": "0" * 16,
        "model": "a-model",
        "readout": "expect",
        "argqual_version": "0",
    }
    return Assessment(**(made | changes))


def compared(framework: Framework, **changes: Any) -> Comparison:
    answers = [
        Preference(
            criterion=criterion.id,
            name=criterion.name,
            probability_a=0.5,
            shown_first=0.875,
            shown_second=0.125,
            winner="undecided",
        )
        for criterion in framework.asked
    ]
    made = {
        "status": Status.OK,
        "overall": answers[0].model_copy(update={"criterion": "overall", "name": "Overall"}),
        "criteria": tuple(answers),
        "framework": FrameworkReference(id=framework.id, version=framework.version, fingerprint=framework.fingerprint),
        "model": "a-model",
        "readout": "expect",
        "usage": Usage(),
        "argqual_version": "0",
    }
    return Comparison(**(made | changes))


def all_rated(framework: Framework, one: Callable[[Criterion], Rating]) -> Assessment:
    """Every criterion that is asked is rated like this."""
    ratings, overall = aggregate(framework, {criterion.id: one(criterion) for criterion in framework.asked})
    return assessed(framework).model_copy(update={"ratings": ratings, "overall": overall, "status": overall.status})


def keeps_to_80_columns(text: str) -> None:
    """Of a terminal, where a Chinese character takes two."""
    widest = max(text.splitlines(), key=cell_len)
    assert cell_len(widest) <= 80, widest


# Width


@pytest.mark.parametrize("name", sorted(known_frameworks()))
def test_every_shipped_frameworks_table_is_within_80_columns(name: str) -> None:
    framework = load_framework(name)
    options = [option.id for option in framework.select.options] if framework.select else [None]
    for keep in options:
        keeps_to_80_columns(tables.text(assessed(framework, keep=keep, model="openai/gpt-4.1-mini"), framework))
    keeps_to_80_columns(tables.comparison_text(compared(framework)))


@pytest.mark.parametrize("name", sorted(known_frameworks()))
def test_every_label_of_a_shipped_framework_fits_into_its_row(name: str) -> None:
    # The likeliest sight of all: a rating of each level in turn.
    framework = load_framework(name)
    for criterion in framework.asked:
        levels = framework.scale_of(criterion).levels
        for level in range(len(levels)):
            shares = [0.1 + (level == other) for other in range(len(levels))]
            rating = rate(criterion, framework.scale_of(criterion), shares, source="logprobs")
            made = assessed(framework, keep=criterion.when)
            ratings = tuple(rating if old.criterion == criterion.id else old for old in made.ratings)
            keeps_to_80_columns(tables.text(made.model_copy(update={"ratings": ratings}), framework))


def test_a_label_of_any_length_stays_within_80_columns() -> None:
    for length in range(1, 40):
        text = TWO.replace("LABEL", "x" * length)
        framework = parse_framework(text)
        keeps_to_80_columns(tables.text(assessed(framework), framework))


@pytest.mark.parametrize("values", ["-100, 1000", "0.125, 0.375", "-1e6, 1e6"])
def test_a_scale_of_any_numbers_stays_within_80_columns(values: str) -> None:
    low, high = values.split(", ")
    text = TWO.replace("value: 1,", f"value: {float(low)},").replace("value: 2,", f"value: {float(high)},")
    framework = parse_framework(text.replace("LABEL", "x" * 16))
    keeps_to_80_columns(tables.text(assessed(framework), framework))


@pytest.mark.parametrize(
    "changes",
    [
        {"rationale": "x" * 500},
        {"rationale": "word " * 100},
        {"rationale": "主張" * 100},
        {"rationale": "ＡＢＣ 😀 " * 40},
        {"rationale": "tab\tbed " * 40},
        {"evidence": (Quote(text="y" * 300, start=0, end=300),)},
        {"evidence": (Quote(text="主張" * 100, start=0, end=200),)},
        {"model": "provider/" + "a-very-long-model-name-" * 5},
        {"notes": ("z" * 300, "the text was cut after 1,000 characters " * 5)},
        {"selected": Selected(option="sign", name="A kind whose name would fill a whole line of the table " * 2)},
        {"usage": Usage(seconds=123456.7, cost_usd=1234.5678)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_whatever_is_long_stays_within_80_columns(changes: dict[str, Any]) -> None:
    keeps_to_80_columns(tables.text(assessed(RATIO, **changes), RATIO))


def test_a_framework_in_which_everything_is_long_stays_within_80_columns() -> None:
    framework = parse_framework(LONG)
    for shown in (tables.text(assessed(framework), framework), tables.comparison_text(compared(framework))):
        keeps_to_80_columns(shown)


@pytest.mark.parametrize("status", [Status.ABSTAINED, Status.UNREADABLE, Status.FAILED, Status.SKIPPED])
def test_a_long_reason_is_wrapped(status: Status) -> None:
    made = all_rated(RATIO, lambda each: unrated(each, RATIO.scale, status, "no answer " * 30))
    shown = tables.text(made, RATIO)
    keeps_to_80_columns(shown)
    assert status.value in shown and "no answer" in shown


@pytest.mark.parametrize("model", ["a-model", "provider/" + "a-very-long-model-name-" * 5])
def test_a_comparison_with_long_names_and_reasons_is_within_80_columns(model: str) -> None:
    failed = Preference(criterion="low", name="Low " * 20, status=Status.FAILED, reason="no answer " * 30)
    comparison = compared(RATIO, model=model, criteria=(failed, *compared(RATIO).criteria))
    shown = tables.comparison_text(comparison)
    keeps_to_80_columns(shown)
    assert "no answer" in shown


def test_the_columns_of_a_table_stand_under_one_another() -> None:
    framework = load_framework("qoam")
    lines = [
        line for line in tables.text(assessed(framework, rationale=None), framework).splitlines() if " of 1-5 " in line
    ]
    assert len(lines) >= len(framework.asked)
    assert len({line.index(" of 1-5 ") for line in lines}) == 1


def test_wide_names_do_not_shift_the_columns() -> None:
    framework = parse_framework(TWO.replace("name: One", "name: 主張は明確か").replace("LABEL", "high"))
    lines = tables.text(assessed(framework, rationale=None), framework).splitlines()
    starts = {cell_len(line[: line.index(" of 1-2 ")]) for line in lines if " of 1-2 " in line}
    assert len(starts) == 1


# What is said


def test_a_table_says_value_spread_scale_level_reason_and_quote() -> None:
    quote = Quote(text="last year's\ntrial", start=0, end=17)
    # Levels 1 to 5, half on 4 and half on 5: 4.5, give or take 0.5; the nearest level (the lower of two) is "good".
    given: dict[str, Any] = {"source": "logprobs", "rationale": "It is so.", "evidence": (quote,)}
    made = all_rated(RATIO, lambda each: rate(each, RATIO.scale, (0, 0, 0, 1, 1), **given))
    shown = tables.text(made, RATIO)
    row = next(line for line in shown.splitlines() if line.startswith("Relevance"))
    assert row.split()[1:6] == ["4.5", "±", "0.5", "of", "1-5"] and row.endswith("good")
    assert "  It is so." in shown.splitlines()
    assert "  “last year's trial”" in shown.splitlines()


def test_parents_stand_above_their_children_who_are_indented() -> None:
    framework = load_framework("qoam")
    lines = tables.text(assessed(framework, rationale=None), framework).splitlines()
    first = framework.criteria[0]
    at = next(index for index, line in enumerate(lines) if line.startswith(first.name))
    assert lines[at + 1].startswith("  " + first.criteria[0].name[:20])


def test_what_failed_shows_its_status_and_no_figure() -> None:
    made = all_rated(RATIO, lambda each: unrated(each, RATIO.scale, Status.UNREADABLE, "no level in it"))
    for shown in (tables.text(made, RATIO), tables.markdown(made, RATIO)):
        rows = [line for line in shown.splitlines() if "unreadable" in line]
        assert len(rows) == 4  # three criteria and the overall
        assert not re.search(r"\d", "".join(rows))
        assert "no level in it" in shown


def test_what_was_not_asked_is_listed_with_the_reason() -> None:
    framework = load_framework("walton")
    shown = " ".join(tables.text(assessed(framework, keep="sign"), framework).split())
    assert "Not asked" in shown and "another kind of argument was found" in shown


def test_notes_are_shown() -> None:
    made = assessed(RATIO, notes=("the issue was not shown", "only the beginning was rated"))
    for shown in (tables.text(made, RATIO), tables.markdown(made, RATIO)):
        assert "the issue was not shown" in shown and "only the beginning was rated" in shown


# Nothing in it acts


def inert(shown: str) -> bool:
    """No character that moves a cursor, sets a colour, or turns the direction of writing; no half characters."""
    return not re.search(
        r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", shown
    )


@pytest.mark.parametrize(
    "hostile",
    [ESCAPES, DIRECTIONS, "a\rb", "a\u2028b\u2029c", "half \ud83d", "\x00"],
    ids=["escapes", "directions", "return", "separators", "half", "nul"],
)
@pytest.mark.parametrize("form", [tables.text, tables.markdown])
@pytest.mark.parametrize("where", ["rationale", "evidence", "notes", "reason", "model"])
def test_what_a_model_or_an_argument_holds_is_inert(form: Callable[..., str], hostile: str, where: str) -> None:
    value: Any = {"evidence": (Quote(text=hostile, start=0, end=len(hostile)),), "notes": (hostile,)}.get(
        where, hostile
    )
    if where == "reason":
        made = all_rated(RATIO, lambda each: unrated(each, RATIO.scale, Status.FAILED, hostile))
    else:
        made = assessed(RATIO, **{where: value})
    assert inert(form(made, RATIO))


def test_the_readable_part_of_a_hostile_rationale_is_still_read() -> None:
    shown = tables.text(assessed(RATIO, rationale=f"{ESCAPES} and {DIRECTIONS}"), RATIO)
    assert all(word in shown for word in ("red", "title", "turned", "isolated"))


@pytest.mark.parametrize("form", [tables.text, tables.markdown])
def test_what_a_framework_file_holds_is_inert(form: Callable[..., str]) -> None:
    # Between double quotes YAML can write any character: "\\e[31m".
    framework = parse_framework(
        TWO.replace("One", r'"\e[31mOne"').replace("Two", r'"\a\u202eTwo"').replace("LABEL", r'"\e[7mx"')
    )
    assert all("\x1b" in text for text in (framework.scale.levels[1].label, framework.criteria[0].name))
    made = assessed(framework, selected=Selected(option="sign", name="\x1b[31m"))
    assert inert(form(made, framework))
    comparison = tables.comparison_text if form is tables.text else tables.comparison_markdown
    assert inert(comparison(compared(framework)))


def test_a_failed_comparison_is_inert() -> None:
    failed = Preference(criterion="relevance", name="Relevance", status=Status.FAILED, reason=ESCAPES)
    for form in (tables.comparison_text, tables.comparison_markdown):
        assert inert(form(compared(RATIO, criteria=(failed,), overall=failed, model=ESCAPES)))


# Terminals


def test_a_terminal_gets_bold_and_dim_and_nothing_stays_switched_on() -> None:
    with on_a_terminal():
        shown = tables.text(assessed(RATIO), RATIO)
    assert "\x1b[1m" in shown
    for line in shown.splitlines():
        assert line.count("\x1b[") == 2 * line.count("\x1b[0m")
        assert cell_len(re.sub(r"\x1b\[\d*m", "", line)) <= 80


@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_that_wants_no_colour_gets_none(variable: dict[str, str]) -> None:
    with on_a_terminal(**variable):
        assert "\x1b" not in tables.text(assessed(RATIO), RATIO)
        assert "\x1b" not in tables.comparison_text(compared(RATIO))


def test_what_is_not_a_terminal_gets_no_colour() -> None:
    with written_to("utf-8"):
        assert "\x1b" not in tables.text(assessed(RATIO), RATIO)
        assert "\x1b" not in tables.comparison_text(compared(RATIO))


def test_a_bar_is_of_hashes_where_blocks_cannot_be_shown() -> None:
    with written_to("utf-8"):
        assert "█" in tables.text(assessed(RATIO), RATIO)
    for encoding in ("ascii", "latin-1", "cp1252"):
        with written_to(encoding):
            shown = tables.text(assessed(RATIO), RATIO)
        assert "█" not in shown and "#" in shown


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "utf-8"])
def test_the_tables_own_characters_are_of_the_terminals_encoding(encoding: str) -> None:
    # Names and rationales here are ASCII: whatever else appears, the table has put there.
    quote = Quote(text="and then", start=0, end=8)
    made = assessed(RATIO, rationale="word " * 40, evidence=(quote,), model="m" * 100)
    with written_to(encoding):
        tables.text(made, RATIO).encode(encoding)
        tables.comparison_text(compared(RATIO)).encode(encoding)


def test_a_bar_is_as_long_as_its_share() -> None:
    for level in range(5):
        shares = [float(level == other) for other in range(5)]
        made = all_rated(RATIO, lambda each, shares=shares: rate(each, RATIO.scale, shares, source="logprobs"))
        with written_to("ascii"):
            row = next(line for line in tables.text(made, RATIO).splitlines() if line.startswith("Relevance"))
        # Five levels are quarters apart; Python rounds 2.5 to 2 and 7.5 to 8.
        assert row.count("#") == (0, 2, 5, 8, 10)[level]


# Markdown


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


def test_a_markdown_table_has_as_many_cells_in_every_row() -> None:
    framework = parse_framework(
        TWO.replace("One", '"O | ne"').replace("LABEL", '"high | low"').replace("Two", '"T|wo"')
    )
    rows = [line for line in tables.markdown(assessed(framework), framework).splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 2 + 1  # head and rule, two criteria, the overall
    assert {len(cells(row)) for row in rows} == {4}
    rows = [line for line in tables.comparison_markdown(compared(framework)).splitlines() if line.startswith("|")]
    assert {len(cells(row)) for row in rows} == {5}


@pytest.mark.parametrize(
    "hostile",
    [
        "a|b",
        "*bold*",
        "_em_",
        "`code`",
        "<script>x</script>",
        "[link](http://x)",
        "![image](http://x)",
        "# heading",
        "a\\b",
        "~~struck~~",
        "$x$",
    ],
)
def test_markdown_shows_what_was_written_and_does_not_obey_it(hostile: str) -> None:
    quote = Quote(text=hostile, start=0, end=len(hostile))
    shown = tables.markdown(assessed(RATIO, rationale=hostile, evidence=(quote,), notes=(hostile,)), RATIO)
    for mark in set(hostile) & set("|*_`<>[]#\\~$"):
        written = "".join(f"\\{character}" if character in "|*_`<>[]#\\~$" else character for character in hostile)
        assert written in shown, mark
    assert re.sub(r"\\([|*_`<>\[\]#\\~$])", r"\1", shown).count(hostile) >= 3


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("&lt;b&gt; & &#65;", "\\&lt;b\\&gt; & &\\#65;"),
        ("- item", "\\- item"),
        ("+ item", "\\+ item"),
        ("12. item", "12\\. item"),
        ("1) item", "1\\) item"),
        ("---", "\\---"),
        ("-0.12", "-0.12"),
        ("1.5 of 2", "1.5 of 2"),
    ],
)
def test_markdown_has_no_entities_lists_or_rules_of_others(words: str, shown: str) -> None:
    assert as_markdown(words) == shown


@pytest.mark.parametrize("hostile", ["a\n\n# b", "a\n---\nb", "a\n> b", "a\n- b", "a\n1. b"])
def test_a_line_break_in_a_rationale_begins_nothing_in_markdown(hostile: str) -> None:
    quote = Quote(text=hostile, start=0, end=len(hostile))
    shown = tables.markdown(assessed(RATIO, rationale=hostile, evidence=(quote,)), RATIO)
    assert not re.search(r"^(# b|---$|> b|- b|1\. b)", shown, re.MULTILINE)
