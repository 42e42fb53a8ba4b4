"""What a framework may say, what it may not, and which of it changes a rating."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable

import pytest
from jsonschema import Draft202012Validator
from yaml import safe_load

from argqual import Framework, Scale
from argqual.errors import FrameworkError
from argqual.frameworks.catalogue import parse_framework
from argqual.frameworks.framework import json_schema, walk
from argqual.frameworks.template import template

HEAD = """\
schema: argqual/framework@1
id: tiny
version: "1"
title: Tiny
description: "Two questions."
license: CC0-1.0
provenance: {status: own}
"""
SCALE = "scale: {levels: [{value: 1, label: bad}, {value: 2, label: fair}, {value: 3, label: good}]}\n"
ONE = "{id: one, name: One, plain: p, question: q}"
CRITERIA = f"""\
criteria:
  - {ONE}
  - {{id: two, name: Two, plain: p, question: q}}
"""
GOLDENS = """\
goldens:
  - id: first
    arguments: {sound: "A, because B.", flawed: "A!"}
    expect: [EXPECT]
"""
TINY = HEAD + SCALE + CRITERIA


def parsed(text: str) -> Framework:
    return parse_framework(text, name="f.yaml")


def refused(text: str) -> list[str]:
    """The lines of the message with which a framework is refused."""
    with pytest.raises(FrameworkError) as caught:
        parsed(text)
    return caught.value.message.splitlines()


def with_criterion(extra: str, rest: str = "") -> str:
    return HEAD + SCALE + "criteria:\n  - " + ONE.replace("}", f", {extra}}}") + "\n" + rest


def with_scale(levels: str, rest: str = "") -> str:
    return HEAD + f"scale: {{levels: [{levels}]{rest}}}\n" + CRITERIA


def with_golden(expect: str) -> str:
    return TINY + GOLDENS.replace("EXPECT", expect)


def levels(count: int) -> str:
    return ", ".join(f"{{value: {i}, label: level {i}}}" for i in range(1, count + 1))


# Keys


def test_a_framework_is_read_with_its_defaults() -> None:
    framework = parsed(TINY)
    assert (framework.id, framework.aggregate, framework.language) == ("tiny", "weighted_mean", "en")
    assert [criterion.id for criterion in framework.asked] == ["one", "two"]
    assert [(c.weight, c.higher_is_better, c.evidence) for c in framework.asked] == [(1.0, True, "none")] * 2


@pytest.mark.parametrize(
    ("text", "place", "near"),
    [
        (TINY + "titel: x\n", "f.yaml:12: titel:", "'title'"),
        (with_criterion("wieght: 2"), "f.yaml:10: criteria.1.wieght:", "'weight'"),
        (TINY.replace("status: own", "status: own, caveats: x"), "f.yaml:7: provenance.caveats:", "'caveat'"),
        (with_scale("{value: 1, label: a}, {value: 2, lable: b}"), "f.yaml:8: scale.levels.2.lable:", "'label'"),
        (TINY + "inputs: {isue: optional}\n", "f.yaml:12: inputs.isue:", "'issue'"),
        (with_golden("{beter: sound, worse: flawed}"), "f.yaml:15: goldens.1.expect.1.beter:", "'better'"),
    ],
)
def test_an_unknown_key_is_named_with_its_line_and_the_nearest_known_one(text: str, place: str, near: str) -> None:
    lines = refused(text)
    assert lines[0].startswith(place)
    assert near in lines[0]


def test_an_unknown_key_far_from_any_brings_the_known_ones() -> None:
    assert "aggregate, citations, criteria" in refused(TINY + "zzz: x\n")[0]


def test_an_unknown_key_that_is_a_number_has_a_line_too() -> None:
    assert refused(TINY + "5: x\n")[0].startswith("f.yaml:12: ")


def test_the_name_of_a_field_in_python_is_no_key() -> None:
    assert "schema" in refused(TINY.replace("schema:", "schema_:"))[0]


@pytest.mark.parametrize("key", ["schema", "id", "version", "title", "description", "license", "provenance"])
def test_a_missing_key_is_named(key: str) -> None:
    text = "".join(line for line in TINY.splitlines(keepends=True) if not line.startswith(key))
    assert refused(text) == [f"f.yaml: {key}: this key is required and missing."]


def test_a_key_missing_from_a_criterion_is_placed_at_the_criterion() -> None:
    assert refused(TINY.replace("{id: two, name: Two, ", "{id: two, "))[0].startswith("f.yaml:11: criteria.2.name: ")


def test_another_version_of_the_format_is_refused() -> None:
    message = refused(TINY.replace("framework@1", "framework@2"))[0]
    assert message.startswith("f.yaml:1: schema: ") and "argqual/framework@1" in message


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (TINY.replace('version: "1"', "version: 1.0"), "f.yaml:3: version: "),
        (TINY + "language: no\n", "f.yaml:12: language: "),
        (TINY.replace("title: Tiny", "title:"), "f.yaml:4: title: "),
        (with_scale("{value: 1, label: no}, {value: 2, label: yes}"), "f.yaml:8: scale.levels.1.label: "),
    ],
)
def test_what_yaml_took_for_something_else_than_text_is_to_be_put_in_quotes(text: str, place: str) -> None:
    assert refused(text)[0].startswith(place)
    assert "quotes" in refused(text)[0]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (HEAD + "scale:\n" + CRITERIA, "f.yaml:8: scale: "),
        (HEAD + "scale: 5\n" + CRITERIA, "f.yaml:8: scale: "),
        (HEAD + "scale: [1, 2, 3]\n" + CRITERIA, "f.yaml:8: scale: "),
        (HEAD + "scale: {levels: {1: a, 2: b}}\n" + CRITERIA, "f.yaml:8: scale.levels: "),
        (HEAD + SCALE + "criteria:\n", "f.yaml:9: criteria: "),
        (HEAD + SCALE + "criteria: one\n", "f.yaml:9: criteria: "),
        (HEAD + SCALE + "criteria: [one]\n", "f.yaml:9: criteria.1: "),
        (with_criterion("checks: Is it?"), "f.yaml:10: criteria.1.checks: "),
        (with_criterion("checks: ~"), "f.yaml:10: criteria.1.checks: "),
        (with_criterion("levels: [a, b]"), "f.yaml:10: criteria.1.levels: "),
        (with_criterion("levels: {bad: a}"), "f.yaml:10: criteria.1.levels.bad"),
        (TINY + "gate: Is it?\n", "f.yaml:12: gate: "),
    ],
)
def test_the_wrong_shape_is_said_in_words_of_yaml_not_of_python(text: str, place: str) -> None:
    lines = refused(text)
    assert lines[0].startswith(place)
    assert not re.search(r"tuple|dictionary|instance|\[key\]", lines[0])


@pytest.mark.parametrize(
    "text",
    [
        with_criterion("wieght: 2"),
        with_criterion("weight: -1"),
        HEAD + SCALE + "criteria:\n  - {id: One, name: One, plain: p, question: q}\n",
        with_scale("{value: x, label: a}, {value: 2, label: b}"),
        with_golden("{beter: sound, worse: flawed}"),
        with_golden("{argument: sound, atleast: 2}"),
    ],
)
def test_one_mistake_is_one_line(text: str) -> None:
    assert len(refused(text)) == 1


def test_every_mistake_in_a_file_is_reported_at_once() -> None:
    text = HEAD + SCALE + "criteria:\n  - {id: One, name: One, plain: p, question: q}\n" + "titel: x\n"
    lines = refused(text.replace("titel: x\n", "language: 5\n").replace("status: own", "status: mine"))
    assert {line.split(": ")[1] for line in lines} == {"provenance.status", "language", "criteria.1.id"}


def test_messages_end_like_sentences() -> None:
    for text in (TINY + "titel: x\n", with_criterion("requires: [issue]"), with_criterion("independent_of: [on]")):
        assert not re.search(r"\?\.$|\. ?\.$| \.$", refused(text)[0]), refused(text)[0]


# Scales


@pytest.mark.parametrize("count", [0, 1, 11, 20])
def test_a_scale_has_two_to_ten_levels(count: int) -> None:
    message = refused(with_scale(levels(count)))[0]
    assert message.startswith("f.yaml:8: scale.levels: ")
    assert str(count) in message and ("2" if count < 2 else "10") in message


@pytest.mark.parametrize("count", [2, 10])
def test_two_and_ten_levels_are_a_scale(count: int) -> None:
    assert len(parsed(with_scale(levels(count))).scale.levels) == count


def test_an_empty_scale_is_refused() -> None:
    assert refused(HEAD + "scale: {}\n" + CRITERIA)[0].startswith("f.yaml:8: scale.levels: ")


@pytest.mark.parametrize("values", [(2, 1), (1, 1), (1, 3, 2)])
def test_the_values_of_a_scale_rise(values: tuple[int, ...]) -> None:
    text = ", ".join(f"{{value: {value}, label: level {i}}}" for i, value in enumerate(values))
    assert "rise" in refused(with_scale(text))[0]


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf"])
@pytest.mark.parametrize("place", [0, 1])
def test_the_values_of_a_scale_are_finite_numbers(value: str, place: int) -> None:
    values = [value, "2"] if place == 0 else ["1", value]
    refused(with_scale(", ".join(f"{{value: {v}, label: level {i}}}" for i, v in enumerate(values))))


def test_the_labels_of_a_scale_differ() -> None:
    assert "label" in refused(with_scale("{value: 1, label: a}, {value: 2, label: a}"))[0]


def test_cannot_say_is_not_one_of_the_levels() -> None:
    refused(with_scale("{value: 1, label: a}, {value: 2, label: b}", ", abstain: a"))


def test_a_level_is_a_share_of_the_range_of_its_scale() -> None:
    scale = Scale.model_validate(
        safe_load("levels: [{value: 0, label: a}, {value: 4, label: b}, {value: 10, label: c}]")
    )
    assert [scale.unit(value) for value in (0, 4, 10)] == [0.0, 0.4, 1.0]
    assert [scale.from_unit(unit) for unit in (0.0, 0.4, 1.0)] == [0, 4, 10]
    assert [scale.nearest(value).label for value in (1.9, 2.0, 2.1, 7.0, 7.1)] == ["a", "a", "b", "b", "c"]


def test_values_are_written_as_people_write_them() -> None:
    scale = Scale.model_validate(
        safe_load("levels: [{value: -1, label: a}, {value: 2.5, label: b}, {value: 3.0, label: c}]")
    )
    assert [level.written for level in scale.levels] == ["-1", "2.5", "3"]


# Criteria


@pytest.mark.parametrize("name", ["One", "1st", "two-words", "two words", "é", "x" * 41, "'1'"])
def test_the_id_of_a_criterion_is_a_plain_word(name: str) -> None:
    text = HEAD + SCALE + f"criteria:\n  - {{id: {name}, name: One, plain: p, question: q}}\n"
    assert refused(text)[0].startswith("f.yaml:10: criteria.1.id: ")


@pytest.mark.parametrize("name", ["argument", "issue", "stance", "context", "overall", "weighted_mean", "min"])
def test_the_words_that_mean_something_else_are_no_ids(name: str) -> None:
    text = HEAD + SCALE + f"criteria:\n  - {{id: {name}, name: One, plain: p, question: q}}\n"
    assert name in refused(text)[0]
    assert refused(text)[0].startswith("f.yaml:10: ")


def test_two_criteria_with_one_id_are_refused_on_the_line_of_the_second() -> None:
    message = refused(TINY.replace("id: two", "id: one"))[0]
    assert "'one'" in message
    assert message.startswith("f.yaml:11: ")


def test_an_id_is_not_repeated_at_another_depth() -> None:
    nested = "  - id: three\n    name: Three\n    plain: p\n    criteria:\n      - " + ONE + "\n"
    message = refused(TINY + nested)[0]
    assert "'one'" in message
    assert message.startswith("f.yaml:16: ")


def test_what_is_asked_has_a_question() -> None:
    for question in ("", ", question: ''", ", question: '  '"):
        lines = refused(HEAD + SCALE + f"criteria:\n  - {{id: one, name: One, plain: p{question}}}\n")
        assert lines[0].startswith("f.yaml:10: criteria.1") and "question" in lines[0]


def test_a_parent_needs_a_question_only_if_it_is_asked() -> None:
    parent = "criteria:\n  - {id: top, name: Top, plain: p, criteria: [" + ONE + "]EXTRA}\n"
    assert [c.id for c in parsed(HEAD + SCALE + parent.replace("EXTRA", "")).asked] == ["one"]
    asked = parent.replace("EXTRA", ", ask: true, question: q")
    assert [c.id for c in parsed(HEAD + SCALE + asked).asked] == ["one", "top"]
    assert "question" in refused(HEAD + SCALE + parent.replace("EXTRA", ", ask: true"))[0]


def test_children_stand_before_their_parents() -> None:
    text = HEAD + SCALE + f"criteria:\n  - {{id: top, name: Top, plain: p, criteria: [{ONE}]}}\n"
    assert [criterion.id for criterion in walk(parsed(text).criteria)] == ["one", "top"]


@pytest.mark.parametrize("extra", ["ask: true", "aggregate: min"])
def test_what_is_for_parents_is_refused_in_a_leaf(extra: str) -> None:
    assert "parents" in refused(with_criterion(extra))[0]


@pytest.mark.parametrize("weight", ["-1", ".nan", ".inf", "heavy", "1" * 400])
def test_a_weight_is_a_finite_number_from_zero(weight: str) -> None:
    assert refused(with_criterion(f"weight: {weight}"))[0].startswith("f.yaml:10: criteria.1.weight: ")


def test_no_criterion_is_called_what_a_program_cannot_be_compiled_with() -> None:
    # A criterion becomes a field of a DSPy signature: each name that means something there is refused, or works.
    import dspy

    from argqual.judging.program import RatingProgram

    known = {*dir(dspy.Signature), *dir(type(dspy.Signature))}
    names = sorted(name for name in known if re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name))
    assert "instructions" in names
    for name in names:
        text = HEAD + SCALE + f"criteria:\n  - {{id: '{name}', name: One, plain: p, question: q}}\n"
        try:
            framework = parsed(text)
        except FrameworkError:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            RatingProgram(framework)


# Anchors


def test_an_anchor_is_the_criterions_own_then_the_scales_description_then_the_label() -> None:
    scale = (
        "scale:\n  levels:\n    - {value: 1, label: bad, description: nothing}\n"
        "    - {value: 2, label: fair, description: something}\n    - {value: 3, label: good}\n"
    )
    framework = parsed(HEAD + scale + CRITERIA.replace("question: q}", "question: q, levels: {1: none at all}}", 1))
    assert framework.anchors(framework.criterion("one")) == ("none at all", "something", "good")
    assert framework.anchors(framework.criterion("two")) == ("nothing", "something", "good")


def test_a_criterion_may_have_a_scale_of_its_own() -> None:
    own = "scale: {levels: [{value: 0, label: no way}, {value: 1, label: sure}]}, levels: {0: never}"
    framework = parsed(with_criterion(own))
    assert framework.anchors(framework.criterion("one")) == ("never", "sure")


@pytest.mark.parametrize("extra", ["levels: {4: x}", "levels: {2.5: x}", "examples: [{argument: a, level: 9}]"])
def test_a_level_that_the_scale_does_not_have_is_refused_with_those_it_has(extra: str) -> None:
    message = refused(with_criterion(extra))[0]
    assert "'one'" in message and "1, 2, 3" in message
    assert message.startswith("f.yaml:10: ")


def test_a_level_described_twice_is_refused_however_it_is_written() -> None:
    refused(with_criterion("levels: {1: x, '1': y}"))


def test_a_description_of_a_level_is_not_empty() -> None:
    assert "empty" in refused(with_criterion("levels: {1: ''}"))[0]


# References

OPTIONS = "[{id: sign, name: A, definition: d}, {id: cause, name: B, definition: d}]"
SELECT = f"select: {{name: K, question: q, options: {OPTIONS}}}\n"


@pytest.mark.parametrize(
    ("text", "place", "said", "near"),
    [
        (with_criterion("independent_of: [on3]"), "f.yaml:10: ", "'on3'", "'one'"),
        (with_criterion("requires: [issue]"), "f.yaml:10: ", "'issue'", ""),
        (with_criterion("requires: [isue]"), "f.yaml:10: ", "'isue'", "'issue'"),
        (with_criterion("when: cause"), "f.yaml:10: ", "'cause'", ""),
        (with_criterion("when: causes", SELECT), "f.yaml:10: ", "'causes'", "'cause'"),
        (TINY + "aggregate: geometric\n", "f.yaml:12: ", "'geometric'", "'geometric_mean'"),
        (TINY + "aggregate: onee\n", "f.yaml:12: ", "'onee'", "'one'"),
        (TINY.replace("status: own", "status: own, sources: [doe-2001]"), "f.yaml:7: ", "'doe-2001'", ""),
        (
            TINY.replace("status: own", "status: own, sources: [doe-2001]") + "citations: [{id: doe-2000, text: t}]\n",
            "f.yaml:7: ",
            "'doe-2001'",
            "'doe-2000'",
        ),
        (with_golden("{better: sound, worse: flawd}"), "f.yaml:13: ", "'flawd'", "'flawed'"),
        (with_golden("{argument: soud, at_least: 2}"), "f.yaml:13: ", "'soud'", "'sound'"),
        (with_golden("{better: sound, worse: flawed, criteria: [onne]}"), "f.yaml:", "'onne'", "'one'"),
    ],
)
def test_a_reference_to_nothing_names_its_line_and_the_nearest_thing(
    text: str, place: str, said: str, near: str
) -> None:
    message = refused(text)[0]
    assert said in message and near in message
    assert message.startswith(place)


def test_an_overall_may_be_the_answer_to_a_criterion_that_is_asked_only() -> None:
    top = f"criteria:\n  - {{id: top, name: Top, plain: p, criteria: [{ONE}]}}\naggregate: AGGREGATE\n"
    assert parsed(HEAD + SCALE + top.replace("AGGREGATE", "one")).aggregate == "one"
    assert "'top'" in refused(HEAD + SCALE + top.replace("AGGREGATE", "top"))[0]


def test_a_golden_may_speak_of_the_overall_and_of_every_criterion() -> None:
    framework = parsed(with_golden("{better: sound, worse: flawed, criteria: [overall, two]}"))
    assert framework.goldens[0].expect[0].criteria == ("overall", "two")


def test_one_expectation_needs_no_list() -> None:
    text = with_golden("{better: sound, worse: flawed}")
    assert parsed(text.replace("[{better", "{better").replace("flawed}]", "flawed}")) == parsed(text)


@pytest.mark.parametrize(
    "expect", ["{argument: sound}", "{argument: sound, at_least: .nan}", "{argument: sound, at_least: 3, at_most: 2}"]
)
def test_an_expectation_that_nothing_or_everything_meets_is_refused(expect: str) -> None:
    refused(with_golden(expect))


@pytest.mark.parametrize(
    "text",
    [
        with_criterion("when: sign", SELECT.replace("id: cause", "id: sign")),
        TINY + "citations: [{id: a, text: t}, {id: a, text: u}]\n",
        with_golden("{better: sound, worse: flawed}")
        + GOLDENS.replace("EXPECT", "{better: sound, worse: flawed}").replace("goldens:\n", ""),
    ],
)
def test_two_options_sources_or_goldens_with_one_id_are_refused(text: str) -> None:
    refused(text)


def test_a_framework_knows_its_criteria_by_id() -> None:
    assert parsed(TINY).criterion("two").name == "Two"
    with pytest.raises(KeyError):
        parsed(TINY).criterion("three")


# Fingerprints

FULL = """\
schema: argqual/framework@1
id: full
version: "1.0"
title: Full
description: "Everything a framework can hold."
license: CC0-1.0
language: en
provenance: {status: adapted, sources: [doe-2000], caveat: "Invented."}
citations: [{id: doe-2000, text: "Doe (2000)."}]
inputs: {issue: optional}
guidelines: "Judge the reasoning."
gate: {question: "Is it an argument?"}
select:
  name: Kind
  question: "Which?"
  options: [{id: sign, name: A, definition: d}, {id: cause, name: B, definition: d}]
scale: {abstain: cannot tell, levels: [{value: 1, label: bad}, {value: 2, label: good, description: fine}]}
aggregate: weighted_mean
criteria:
  - id: one
    name: One
    plain: "It is plain."
    question: "Is it?"
    definition: "It is if it is."
    checks: ["Is it so?"]
    guidance: {counts: [this], does_not_count: [that]}
    independent_of: [two]
    levels: {1: "It is not."}
    weight: 2
    evidence: quote
    examples: [{argument: "A, because B.", level: 2, rationale: "B."}]
    same_as: ["elsewhere/one"]
  - id: two
    name: Two
    plain: "It is two."
    question: "Two?"
    when: sign
    requires: [issue]
goldens:
  - id: first
    arguments: {sound: "A, because B.", flawed: "A!"}
    expect: {better: sound, worse: flawed}
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("id: full", "id: fuller"),
        ('guidelines: "Judge the reasoning."', 'guidelines: "Judge the style."'),
        ("issue: optional", "issue: required"),
        ("Is it an argument?", "Does it argue?"),
        ('question: "Which?"', 'question: "Which kind?"'),
        ("abstain: cannot tell, ", ""),
        ("label: bad", "label: poor"),
        ("value: 2, label", "value: 3, label"),
        ("description: fine", "description: finer"),
        ("aggregate: weighted_mean", "aggregate: min"),
        ("name: One", "name: First"),
        ('plain: "It is plain."', 'plain: "It is clear."'),
        ('question: "Is it?"', 'question: "Is it not?"'),
        ("It is if it is.", "It is if it was."),
        ('checks: ["Is it so?"]', "checks: []"),
        ("counts: [this]", "counts: [these]"),
        ("independent_of: [two]", "independent_of: []"),
        ("It is not.", "It never is."),
        ("weight: 2", "weight: 3"),
        ("evidence: quote", "evidence: none"),
        ("level: 2, rationale", "level: 1, rationale"),
        ("when: sign", "when: cause"),
        ("    requires: [issue]\n", ""),
        ('question: "Two?"', 'question: "Two?"\n    higher_is_better: false'),
    ],
)
def test_a_fingerprint_changes_with_whatever_can_change_a_rating(old: str, new: str) -> None:
    assert FULL.count(old) == 1
    changed = FULL.replace(old, new)
    if "value: 3" in new:
        changed = changed.replace("level: 2,", "level: 3,")
    assert parsed(changed).fingerprint != parsed(FULL).fingerprint


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("title: Full", "title: Fuller"),
        ('version: "1.0"', 'version: "1.1"'),
        ("Everything a framework can hold.", "All that a framework can hold."),
        ("CC0-1.0", "CC-BY-4.0"),
        ("status: adapted", "status: published"),
        ('caveat: "Invented."', 'caveat: "Made up."'),
        ('text: "Doe (2000)."', 'text: "Doe, J. (2000)."'),
        ('sound: "A, because B."', 'sound: "A, because B and C."'),
        ("worse: flawed}", "worse: flawed, criteria: [one]}"),
        ('same_as: ["elsewhere/one"]', 'same_as: ["elsewhere/other"]'),
        ("weight: 2", "weight: 2.0"),
        ("criteria:\n", "# a note\ncriteria:\n"),
        ('    name: One\n    plain: "It is plain."\n', '    plain: "It is plain."\n    name: One\n'),
    ],
)
def test_a_fingerprint_does_not_change_with_what_no_judge_sees(old: str, new: str) -> None:
    assert FULL.count(old) == 1
    assert parsed(FULL.replace(old, new)).fingerprint == parsed(FULL).fingerprint


def test_a_fingerprint_changes_with_the_order_of_the_questions() -> None:
    head, one, two = re.split(r"(?=  - \{id: )", TINY)
    assert parsed(head + two + one).fingerprint != parsed(head + one + two).fingerprint


def test_a_fingerprint_is_sixteen_hexadecimal_digits() -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", parsed(FULL).fingerprint)


# The JSON Schema for editors


@pytest.fixture(scope="module")
def accepts() -> Callable[[str], bool]:
    Draft202012Validator.check_schema(json_schema())
    validator = Draft202012Validator(json_schema())
    # JSON has no keys but text: an editor sees `levels: {1: ...}` as {"1": ...}.
    return lambda text: validator.is_valid(_with_text_keys(safe_load(text)))


def _with_text_keys(data: object) -> object:
    if isinstance(data, dict):
        return {str(key): _with_text_keys(value) for key, value in data.items()}
    return [_with_text_keys(item) for item in data] if isinstance(data, list) else data


def test_the_schema_accepts_what_the_loader_accepts(accepts: Callable[[str], bool]) -> None:
    for text in (TINY, FULL, template("mine"), with_golden("{argument: sound, at_least: 2}")):
        parsed(text)
        assert accepts(text)


def test_the_schema_rejects_an_unknown_key_at_every_depth(accepts: Callable[[str], bool]) -> None:
    for text in (
        TINY + "titel: x\n",
        with_criterion("wieght: 2"),
        TINY.replace("status: own", "status: own, caveats: x"),
        with_scale("{value: 1, label: a}, {value: 2, label: b, lable: c}"),
        "extends: ratio\ncriteria: [{id: relevance, wieght: 2}]\n",
    ):
        assert not accepts(text)


def test_the_schema_rejects_what_lacks_a_key_and_extends_nothing(accepts: Callable[[str], bool]) -> None:
    assert not accepts(TINY.replace("title: Tiny\n", ""))


def test_the_schema_accepts_an_extending_file_that_changes_one_key_of_a_criterion(
    accepts: Callable[[str], bool],
) -> None:
    for text in (
        "extends: ratio\nid: mine\n",
        "extends: ratio\nid: mine\ndrop: [relevance]\n",
        "extends: ratio\nid: mine\ncriteria: [{id: relevance, weight: 2}]\n",
        "extends: ratio\nid: mine\nprovenance: {caveat: Changed.}\n",
    ):
        parsed(text)
        assert accepts(text), text


# The template


def test_the_template_is_a_framework_with_a_golden_that_is_one_of_its_own() -> None:
    framework = parsed(template("my-rubric"))
    assert (framework.id, framework.title) == ("my-rubric", "My rubric")
    (golden,) = framework.goldens
    (expectation,) = golden.expect
    assert {expectation.better, expectation.worse} == set(golden.arguments)
    assert set(expectation.criteria) - {"overall"} <= {criterion.id for criterion in framework.asked}


@pytest.mark.parametrize("name", ["on", "no", "null", "123", "007", "0x1f", "1-2", "2024-01-31", "x" * 60])
def test_the_template_takes_every_name_that_a_framework_may_have(name: str) -> None:
    assert parsed(template(name)).id == name


@pytest.mark.parametrize("name", ["", "Two words", "a: b", "a\nlicense: x", 'a"b', "{name}", "x" * 61, "é"])
def test_the_template_makes_no_framework_of_another_name(name: str) -> None:
    with pytest.raises(FrameworkError):
        parsed(template(name))


# Numbers that would count for something else than they say


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        ("yes", "must be a number; YAML reads yes"),
        ("010", "read as 8"),
        ("1:30", "read as 90"),
        ("1e308", "the weight 1e+308 must be 0, or from 1e-06"),
        ("1e-300", "the weight 1e-300 must be"),
        (".inf", "finite number"),
        ("1e999", "finite number"),
        ("-1", "greater than or equal to 0"),
        ("0o17", "cannot read"),
        ("half", "valid number"),
        ("", "valid number"),
    ],
)
def test_a_weight_that_is_none_is_refused_with_its_line(weight: str, said: str) -> None:
    text = (
        HEAD + SCALE + f"criteria:\n  - id: one\n    name: One\n    plain: p\n    question: q\n    weight: {weight}\n"
    )
    [line] = refused(text)
    assert line.startswith(f"f.yaml:{text.count(chr(10))}: ") and said in line


@pytest.mark.parametrize(("weight", "meant"), [(".5", 0.5), ("1e-3", 0.001), ("'2'", 2.0), ("1_000", 1000.0)])
def test_a_weight_is_what_it_says(weight: str, meant: float) -> None:
    assert parsed(with_criterion(f"weight: {weight}")).criteria[0].weight == meant


def test_weights_that_are_all_zero_are_refused_where_they_would_count() -> None:
    zero = ONE.replace("}", ", weight: 0}")
    below = "{id: up, name: Up, plain: p, PLACE criteria: [" + zero + "]}"
    for criteria, line in ((zero, 10), (below.replace("PLACE", ""), 10)):
        [said] = refused(HEAD + SCALE + f"criteria:\n  - {criteria}\n")
        assert said.startswith(f"f.yaml:{line}: criteria.1") and "all weights are 0" in said
    asked = below.replace("PLACE", "ask: true, question: q,")  # its own answer stands, theirs are only shown
    assert parsed(HEAD + SCALE + f"criteria:\n  - {asked}\n").criteria[0].ask
    assert parsed(HEAD + SCALE + f"criteria:\n  - {zero}\naggregate: one\n").aggregate == "one"


@pytest.mark.parametrize("levels", ["1e300, 2e300", "-2e6, 1", "1.0000001, 1.0000002"])
def test_levels_that_cannot_be_told_apart_or_added_up_are_refused(levels: str) -> None:
    low, high = levels.split(", ")
    [said] = refused(with_scale(f"{{value: {low}, label: bad}}, {{value: {high}, label: good}}"))
    assert said.startswith("f.yaml:8: ") and ("further from 0" in said or "written as 1" in said)
