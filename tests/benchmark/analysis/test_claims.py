"""Verdicts follow from intervals by the stated rule."""

from __future__ import annotations

from typing import Any

import pytest
from scipy import stats

from argqual.benchmark.analysis.claims import verdict
from argqual.benchmark.spec.schema import ClaimSaid
from argqual.stats.estimate import Estimate
from argqual.stats.inference import Difference


def claim(**fields: Any) -> ClaimSaid:
    said = {"says": "A is better.", "contrast": "a - b", "metric": "spearman", "smallest": 0.1}
    return ClaimSaid.model_validate(said | fields)


def found(value: float, se: float, *, clusters: int = 60) -> Difference:
    df = clusters - 1.0
    reach = stats.t.ppf(0.975, df) * se
    estimate = Estimate(value, value - reach, value + reach, 200, 210, clusters, "difference")
    p = float(2 * stats.t.sf(abs(value) / se, df))
    return Difference(estimate, se=se, df=df, p=p, mde=2.8 * se)


@pytest.mark.parametrize(
    ("direction", "value", "se", "outcome"),
    [
        ("greater", 0.20, 0.05, "supported"),
        ("greater", 0.08, 0.02, "undecided"),  # above nothing, but perhaps less than matters
        ("greater", 0.12, 0.09, "undecided"),  # nothing is not excluded
        ("greater", 0.01, 0.03, "contradicted"),  # what would matter is excluded
        ("greater", -0.30, 0.05, "contradicted"),
        ("less", -0.20, 0.05, "supported"),
        ("less", 0.20, 0.05, "contradicted"),
        ("less", -0.12, 0.09, "undecided"),
        ("equivalent", 0.01, 0.03, "supported"),
        ("equivalent", 0.30, 0.05, "contradicted"),
        ("equivalent", 0.08, 0.05, "undecided"),
    ],
)
def test_the_rule(direction: str, value: float, se: float, outcome: str) -> None:
    said = verdict(claim(direction=direction), found(value, se))
    assert said.outcome == outcome and said.sentence.startswith(outcome.capitalize())
    assert "200 of 210 arguments on 60 topics" in said.sentence


def test_what_is_found_among_many_claims_has_to_hold_among_many() -> None:
    weak = found(0.12, 0.05)
    assert verdict(claim(), weak).outcome == "supported"
    assert verdict(claim(), weak, adjusted_p=0.08).outcome == "undecided"


def test_few_topics_decide_nothing_and_not_many_are_said_to_be_few() -> None:
    assert verdict(claim(), found(0.9, 0.01, clusters=4)).outcome == "undecided"
    said = verdict(claim(), found(0.5, 0.05, clusters=10))
    assert said.outcome == "supported" and "only 10 topics" in said.sentence


def test_a_figure_that_is_not_there_is_undecided_with_the_reason() -> None:
    none = Difference(Estimate(None, None, None, 0, 210, None, "difference", "all values of one side are equal"))
    said = verdict(claim(), none)
    assert said.outcome == "undecided" and "all values of one side are equal" in said.sentence


def test_an_undecided_claim_says_what_it_could_have_seen() -> None:
    assert "the smallest difference it would have found is 0.25" in verdict(claim(), found(0.1, 0.09)).sentence


def same() -> Difference:
    """Of two that predict the same: as `difference` says it."""
    return Difference(Estimate(0.0, 0.0, 0.0, 200, 210, 60, "difference"), se=0.0, p=1.0, mde=0.0)


def test_two_that_are_the_same_are_equivalent_and_neither_is_better() -> None:
    said = verdict(claim(direction="equivalent"), same())
    assert said.outcome == "supported" and "no difference at all" in said.sentence
    assert verdict(claim(direction="greater"), same()).outcome == "contradicted"
    assert verdict(claim(direction="less"), same()).outcome == "contradicted"


@pytest.mark.parametrize(
    ("value", "written"),
    [(10.05, "+10.05"), (-10.05, "−10.05"), (0.41, "+.41"), (-0.41, "−.41"), (0.004, "0"), (-0.004, "0"),
     (1.0, "+1.00"), (100.0, "+100.00"), (-20.0, "−20.00")],
)  # fmt: skip
def test_a_figure_is_written_with_all_its_digits(value: float, written: str) -> None:
    assert f": {written} (" in verdict(claim(metric="mae"), found(value, 0.001)).sentence
