"""The HTML report: one file that says everything, in which nothing from outside can do anything."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files

import planted
from argqual.benchmark.analysis.figures import PerturbationFigure
from argqual.benchmark.analysis.results import Results
from argqual.benchmark.spec.vocabulary import FurtherTest, PerturbationTest
from argqual.report.benchmark.html import html
from argqual.report.benchmark.sections import SECTIONS
from argqual.stats.estimate import Estimate

VOID = {"meta", "br", "line", "circle", "rect", "path"}


class Page(HTMLParser):
    """Elements in order, with their attributes, and the text of each kind of element."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.unclosed: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if self.open.pop() != tag:
            self.unclosed.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [given for name, given in self.tags if name == tag]


@cache
def results() -> Results:
    return planted.results()


@cache
def page() -> str:
    return html(results())


def test_hostile_text_is_text_wherever_it_stands() -> None:
    parsed = Page(page())
    assert not parsed.named("script") and not parsed.named("img") and not parsed.named("b class")
    assert not [given for _, given in parsed.tags for name in given if name.startswith("on")]
    shown = "".join(parsed.words)
    # In a claim, a criterion, a corpus' title, what is missing, an id, a text and a rationale.
    assert shown.count(planted.HOSTILE) >= 7


def test_direction_and_control_characters_do_not_reach_the_page() -> None:
    assert "\u202e" in planted.TURNED and "\x1b" in planted.TURNED
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f\x7f-\x9f]", page())


def test_it_needs_no_script_and_no_network() -> None:
    parsed = Page(page())
    policy = next(given["content"] for given in parsed.named("meta") if given.get("http-equiv"))
    assert policy is not None and policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    addresses = [given[name] for _, given in parsed.tags for name in ("href", "src", "action") if name in given]
    assert addresses and all(address is not None and address.startswith("#") for address in addresses)
    assert "url(" not in page() and "@import" not in page()


def test_every_element_is_closed_and_every_link_leads_somewhere() -> None:
    parsed = Page(page())
    assert parsed.open == [] and parsed.unclosed == []
    ids = [given["id"] for _, given in parsed.tags if "id" in given]
    assert len(ids) == len(set(ids))
    assert {str(given["href"])[1:] for given in parsed.named("a")} <= set(ids)


def test_tables_keep_their_roles_and_charts_their_titles() -> None:
    """On a phone the display of tables changes, and a browser then forgets that they are tables."""
    parsed = Page(page())
    for tag, role in (("table", "table"), ("tr", "row"), ("td", "cell"), ("tbody", "rowgroup")):
        assert {given.get("role") for given in parsed.named(tag)} == {role}
    assert {given.get("role") for given in parsed.named("th")} <= {"rowheader", "columnheader"}
    assert len(parsed.named("caption")) == len(parsed.named("table"))
    pictures = re.findall(r'<svg [^>]*role="img"[^>]*>(<\w+>)', page())
    assert len(pictures) == sum(given.get("role") == "img" for given in parsed.named("svg"))
    assert set(pictures) == {"<title>"}


def test_a_cell_of_the_matrix_says_its_figure_interval_and_basis() -> None:
    score = next(
        each
        for each in results().select(strategy="memoriser", split="in_domain", metric=planted.METRIC)
        if each.tested_on == "forum"
    )
    assert score.estimate.value is not None
    value, low = f"{score.estimate.value:.2f}"[1:], f"{score.estimate.low:.2f}"[1:]
    cell = re.search(rf'<td [^>]*class="above5 framed"[^>]*>.*?{re.escape(value)}.*?</td>', page())
    assert cell and low in cell[0] and "n = 120, 16 topics" in cell[0] and 'data-label="forum"' in cell[0]


def test_what_was_not_measured_is_left_out() -> None:
    bare = replace(
        results(),
        reliability=(),
        criteria=(),
        biases=(),
        reliance=(),
        disagreements=(),
        claims=(),
        costs=(),
        missing=(),
        scores=(),
    )
    parsed = Page(html(bare))
    ids = {given["id"] for given in parsed.named("section") if "id" in given}
    assert ids == {"transfer", "differences", "figures", "data", "methods", "sources"}


def test_what_constructed_arguments_show_has_a_row_a_strategy_and_frames_the_broken_criterion() -> None:
    found = Estimate(0.4, 0.2, 0.6, 40, 40, 12, "")
    pairs = (("relevance", "relevance"), ("relevance", "clarity"))
    probes = (
        PerturbationFigure("oracle", results().split, PerturbationTest.SENSITIVITY, found),
        *(
            PerturbationFigure("oracle", results().split, FurtherTest.SPECIFICITY, found, broken, rated)
            for broken, rated in pairs
        ),
    )
    shown = html(replace(results(), probes=probes))
    assert {"probes", "specificity"} <= {given.get("id") for given in Page(shown).named("section")}
    falls = shown[shown.index('<section id="specificity"') : shown.index('<section id="reliance"')]
    assert re.findall(r'data-label="(\w+)" class="above4( framed|)"', falls) == [
        ("relevance", " framed"),
        ("clarity", ""),
    ]


def test_every_section_has_a_template_and_every_template_a_section() -> None:
    folder = files("argqual.report.benchmark").joinpath("templates/sections")
    assert {each.name for each in folder.iterdir()} == {f"{id}.html" for id, _, _ in SECTIONS}


def test_without_texts_the_page_holds_ids_only() -> None:
    bare = html(results().without_texts())
    assert "water of a heavy rain" in page() and "water of a heavy rain" not in bare
    assert "It names a reason" in page() and "It names a reason" not in bare
    assert "post-3" in bare


def test_an_empty_benchmark_is_a_page_too() -> None:
    bare = replace(
        results(), systems=(), scores=(), transfers=(), contrasts=(), rivals=(), coverage=(), costs=(),
        reliability=(), criteria=(), biases=(), reliance=(), disagreements=(), claims=(), domains=(),
    )  # fmt: skip
    assert "Undecided: no strategy has a figure out of domain." in html(bare)
