"""Texts with their surface changed, and how far predictions of them move."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from argqual.argument import Argument
from argqual.benchmark.analysis.findings import results_of
from argqual.benchmark.running.perturbations import INJECTIONS, KINDS, perturbed
from argqual.benchmark.running.run import begin, plan_of, run_cells
from argqual.benchmark.running.store import Run
from argqual.benchmark.spec.config import load_benchmark
from argqual.errors import ArgqualError
from smallbenchmark import write_benchmark

TEXT = "We shouldn't build it, because the \u201ctram\u201d that\u2019s planned is not against wind; all of us know."


def test_shuffled_words_are_the_same_words() -> None:
    found = perturbed(Argument(TEXT, id="a"), "words shuffled")
    assert Counter(found.text.split()) == Counter(TEXT.split()) and found.text != TEXT
    assert found == perturbed(Argument(TEXT, id="a"), "words shuffled")
    assert replace(found, text=TEXT) == Argument(TEXT, id="a")


def test_function_words_go_and_what_turns_a_statement_round_stays() -> None:
    found = perturbed(Argument(TEXT), "without function words")
    assert found.text == "shouldn't build \u201ctram\u201d planned not against wind; all know."


@pytest.mark.parametrize("text", ["It is what it is.", "One"])
def test_a_text_is_never_left_empty(text: str) -> None:
    assert all(perturbed(Argument(text), kind).text for kind in KINDS)


def test_who_reads_a_bag_of_words_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path / "cache"))
    kinds = "[words shuffled, without function words, praising itself]"
    more = {"perturbed": f"{{arguments: 12, strategies: [length, words, sounds], kinds: {kinds}}}"}
    strategies = "  words: {strategy: tfidf}\n  sounds: {strategy: surface}\n  other: {strategy: mean}\n"
    benchmark = load_benchmark(write_benchmark(tmp_path, strategies, **more))
    plan = plan_of(benchmark)
    changed = [(cell, part) for cell, part in plan.cells if part.perturbation]
    assert len(changed) == 3 * 2 * 3 and all(len(part.test) == 12 for _, part in changed)
    assert len({(part.strategy, part.fold, part.seed) for _, part in plan.cells}) == len(plan.cells)
    with Run(tmp_path / "run.sqlite", create=True) as run:
        begin(plan, run)
        run_cells(plan, run)
        found = results_of(run, benchmark)
    by_name = {(each.strategy, each.perturbation): each for each in found.reliance}
    assert {name for name, _ in by_name} == {"length", "words", "sounds"}
    counter, words = (by_name[name, "words shuffled"] for name in ("length", "words"))
    assert counter.kept.value == pytest.approx(1) and counter.moved.value == pytest.approx(0)
    assert 0.97 < (words.kept.value or 0) <= 1 and words.kept.n == 24  # pairs of neighbours are among its words
    assert (by_name["length", "without function words"].moved.value or 0) > 0
    # Five words more make every text better, to one that counts them.
    praised = by_name["length", "praising itself"]
    assert praised.kept.value == pytest.approx(1) and (praised.rise.low or 0) > 0
    assert praised.rise.value == pytest.approx(praised.moved.value)
    # What is measured of the texts as they are does not count the changed ones.
    assert all(sum(each.statuses.values()) == 80 for each in found.coverage)


def test_what_is_added_asks_for_a_better_rating_and_leaves_the_text_as_it_is() -> None:
    for kind in INJECTIONS:
        found = perturbed(Argument(TEXT), kind).text
        assert found.startswith(TEXT) and len(found) > len(TEXT)


def test_a_strategy_that_is_not_there_is_said(tmp_path: Path) -> None:
    path = write_benchmark(tmp_path, perturbed="{strategies: [tfdif]}")
    with pytest.raises(ArgqualError, match=re.escape("no strategy here is called 'tfdif'. Did you mean 'tfidf'?")):
        load_benchmark(path)
