"""What the report says first: by its rule, and no more than the figures allow."""

from __future__ import annotations

from dataclasses import replace

import pytest

import planted
from argqual.benchmark.analysis.figures import Contrast
from argqual.benchmark.analysis.results import Results
from argqual.report.benchmark.answer import answer_of, notes_of
from argqual.stats.estimate import Estimate


@pytest.fixture(scope="module")
def results() -> Results:
    return planted.results()


def without(results: Results, *names: str) -> Results:
    """The same benchmark without some of its strategies."""
    return replace(
        results,
        systems=tuple(each for each in results.systems if each.name not in names),
        transfers=tuple(each for each in results.transfers if each.strategy not in names),
        coverage=tuple(each for each in results.coverage if each.strategy not in names),
        rivals=tuple(each for each in results.rivals if each.other not in names),
    )


def rival(one: str, other: str, value: float, holm: float) -> Contrast:
    found = Estimate(value, value - 0.05, value + 0.05, 500, 500, 70, "")
    return Contrast(one, other, planted.METRIC, "leave_one_domain_out", found, holm, holm, holm, 0.08)


def test_the_oracle_wins_when_it_differs_from_all(results: Results) -> None:
    answer = answer_of(results)
    assert answer.decided
    assert answer.sentence.startswith("oracle carries over best: without training, it reaches a Spearman beyond length")
    assert "ahead of the next, principle." in answer.sentence


def test_one_rival_too_close_is_enough_to_be_undecided(results: Results) -> None:
    rivals = (rival("principle", "exemplars", 0.05, 0.4), rival("principle", "placebo", 0.3, 0.001))
    answer = answer_of(replace(without(results, "oracle"), rivals=rivals))
    assert not answer.decided
    assert answer.sentence.startswith("Undecided: principle leads, but cannot be told from exemplars; ")
    assert answer.sentence.endswith("a difference below about .08 could not have been seen.")


def test_what_test_labels_chose_neither_leads_nor_ties(results: Results) -> None:
    chosen = tuple(replace(each, oracle=each.name in ("oracle", "exemplars")) for each in results.systems)
    rivals = (rival("principle", "exemplars", 0.05, 0.4), rival("principle", "placebo", 0.3, 0.001))
    answer = answer_of(replace(results, systems=chosen, rivals=rivals))
    assert answer.decided and answer.sentence.startswith("principle carries over best")


def test_chance_is_no_answer(results: Results) -> None:
    others = [each.name for each in results.systems if each.name != "random"]
    answer = answer_of(without(results, *others))
    assert not answer.decided and "no strategy can be told from chance (the best, random" in answer.sentence


def test_a_domain_of_four_topics_leaves_everything_undecided(results: Results) -> None:
    domains = (replace(results.domains[0], topics=4), *results.domains[1:])
    assert answer_of(replace(results, domains=domains)).sentence == (
        "Undecided: too few topics to generalise from in forum (4)."
    )


def test_without_any_figure_it_says_so(results: Results) -> None:
    assert answer_of(replace(results, transfers=())).sentence == ("Undecided: no strategy has a figure out of domain.")


def test_the_memoriser_is_said_to_lose_the_most(results: Results) -> None:
    assert any(line.startswith("memoriser loses the most") for line in answer_of(results).details)


def test_notes_warn_of_what_weakens_a_figure(results: Results) -> None:
    notes = " ".join(notes_of(results))
    assert "2 of 420 cells have no result" in notes
    assert "speeches has 9" in notes and "forum has" not in notes  # 16 topics are enough
    assert "constant: one value for 96 % of arguments" in notes
    assert "Predictions are missing (principle 4 %)" in notes
    assert "embedding: parameters chosen by test labels" in notes
    assert "The configuration was changed after the run had started" in notes
