"""Style or substance: judges that are what they are by construction get the figures they deserve."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from argqual.benchmark.analysis.minimal_pairs import (
    Versions,
    by_family,
    compared,
    measured,
    specificity,
    style_over_substance,
)
from argqual.benchmark.spec.vocabulary import PerturbationTest as Of
from argqual.corpora.corpus import MinimalPair
from argqual.stats.inference import mean

CRITERIA = ("relevance", "acceptability", "sufficiency")
TWINS = [
    MinimalPair(f"family {number}", broken, polished)
    for number in range(48)
    for broken in (None, *CRITERIA)
    for polished in (False, True)
]


def judge(substance: float, style: float, noise: float, seed: int = 0) -> Versions:
    """Rates a sound text higher by `substance`, a polished one by `style`; the rest is its own affair."""
    rng = np.random.default_rng(seed)
    own = {twin.family: rng.normal() for twin in TWINS}
    ratings = [
        own[twin.family] - substance * (twin.broken is not None) + style * twin.polished + noise * rng.normal()
        for twin in TWINS
    ]
    return Versions.of(ratings, TWINS)


ORACLE = judge(1.0, 0.0, 0.0)
POLISH = judge(0.0, 1.0, 0.0)
COUNTER = judge(0.0, 0.0, 0.3)  # of words: they are balanced, so that what is left of them is chance
BOTH = judge(1.0, 0.5, 0.3)


def value(versions: Versions, test: Of) -> float:
    found = measured(versions, test).estimate.value
    assert found is not None
    return found


def test_an_oracle_sees_all_of_the_substance_and_nothing_else() -> None:
    assert value(ORACLE, Of.SENSITIVITY) == 1 and value(ORACLE, Of.STYLE) == value(ORACLE, Of.STYLE_MOVES) == 0
    exact = stats.binomtest(48, 48).proportion_ci(method="exact")  # of families, which alone are independent
    sure = measured(ORACLE, Of.SENSITIVITY).estimate
    assert (sure.low, sure.high) == (pytest.approx(exact.low), 1)
    assert value(ORACLE, Of.SUBSTANCE) > 0 and value(ORACLE, Of.STYLE_MINUS_SUBSTANCE) < 0
    assert style_over_substance(ORACLE).value == 0


def test_a_polish_detector_sees_no_substance() -> None:
    assert value(POLISH, Of.SENSITIVITY) == 0.5  # ties
    assert value(POLISH, Of.SUBSTANCE) == 0 and value(POLISH, Of.STYLE) > 0
    ratio = style_over_substance(POLISH)
    assert ratio.value is None and "may not lower" in (ratio.reason or "")


def test_a_length_counter_is_at_chance() -> None:
    found = measured(COUNTER, Of.SENSITIVITY)
    assert found.estimate.low is not None and found.estimate.high is not None
    assert found.estimate.low < 0.5 < found.estimate.high and (found.p or 0) > 0.05
    assert measured(COUNTER, Of.SUBSTANCE).p == pytest.approx(
        stats.ttest_1samp(by_family(COUNTER, Of.SUBSTANCE), 0).pvalue
    )


def test_figures_are_in_standard_deviations_of_all_ratings() -> None:
    spread = BOTH.ratings.std()
    assert value(BOTH, Of.SUBSTANCE) == pytest.approx(1 / spread, abs=0.1)
    assert value(BOTH, Of.STYLE) == pytest.approx(0.5 / spread, abs=0.1)
    tenfold = BOTH._replace(ratings=10 * BOTH.ratings + 3)
    assert value(tenfold, Of.STYLE_MINUS_SUBSTANCE) == pytest.approx(value(BOTH, Of.STYLE_MINUS_SUBSTANCE))
    ratio = style_over_substance(BOTH)
    assert ratio.low is not None and ratio.high is not None and ratio.low < 0.5 < ratio.high


def test_the_jackknife_of_a_ratio_to_a_constant_is_that_of_a_mean() -> None:
    exact = judge(1.0, 0.0, 0.0)
    ratings = exact.ratings.copy()
    ratings[:, :, 1] += np.linspace(0, 1, 48)[:, None]  # polish moves each family by its own amount
    ratio, moves = style_over_substance(exact._replace(ratings=ratings)), np.linspace(0, 1, 48)
    assert ratio.value == pytest.approx(0.5)
    assert ratio.low == pytest.approx(mean(moves, method="").estimate.low)


def test_what_moves_ratings_for_no_reason_counts_on_both_sides_of_the_ratio() -> None:
    """Noise of standard deviation 1 moves a rating by 2 / sqrt(pi) on average between any two versions."""
    noisy = judge(0.3, 0.0, 1.0)
    spread = noisy.ratings.std()
    assert value(noisy, Of.STYLE_MOVES) == pytest.approx(2 / np.sqrt(np.pi) / spread, rel=0.1)
    assert value(noisy, Of.SUBSTANCE_MOVES) == pytest.approx(2 / np.sqrt(np.pi) / spread, rel=0.1)
    ratio = style_over_substance(noisy)
    assert ratio.low is not None and ratio.high is not None and ratio.low < 1 < ratio.high < 1.3


def test_which_criterion_was_broken_is_seen_where_it_was_broken() -> None:
    """A judge whose rating of each criterion falls by 1 where that is broken, and by 0.2 elsewhere."""
    ratings = {
        rated: Versions.of(
            [0.0 if not twin.broken else -1.0 if twin.broken == rated else -0.2 for twin in TWINS], TWINS
        )
        for rated in CRITERIA
    }
    found = {(broken, rated): each.estimate.value or 0 for broken, rated, each in specificity(ratings)}
    assert len(found) == 9
    for (broken, rated), fall in found.items():
        assert fall == pytest.approx(found["relevance", "relevance"] * (1 if broken == rated else 0.2))


def test_judges_are_compared_family_by_family() -> None:
    noisy = judge(1.0, 0.5, 0.3, seed=1)
    found = compared(BOTH, noisy, Of.SENSITIVITY)
    paired = stats.ttest_rel(by_family(BOTH, Of.SENSITIVITY), by_family(noisy, Of.SENSITIVITY))
    assert found.p == pytest.approx(paired.pvalue)
    with pytest.raises(ValueError, match="same families"):
        compared(BOTH, Versions.of([0.0] * 8, TWINS[:8]), Of.STYLE)


def test_a_family_that_lacks_a_version_does_not_count_and_is_counted() -> None:
    ratings = [0.0 if twin.broken else 1.0 for twin in TWINS]
    ratings[0] = np.nan
    found = measured(Versions.of(ratings, TWINS), Of.SENSITIVITY).estimate
    assert (found.n, found.offered, found.value) == (47, 48, 1)
    nothing = measured(Versions.of([np.nan] * len(TWINS), TWINS), Of.STYLE).estimate
    assert nothing.value is None and nothing.reason


def test_of_one_style_substance_is_measured_and_style_is_not() -> None:
    plain = [twin for twin in TWINS if not twin.polished]
    versions = Versions.of([0.0 if twin.broken else 1.0 for twin in plain], plain)
    assert versions.ratings.shape == (48, 4, 1) and value(versions, Of.SENSITIVITY) == 1
    assert measured(versions, Of.STYLE).estimate.value is None


def test_a_share_of_a_judge_is_of_what_it_has_above_chance() -> None:
    seen = compared(ORACLE, ORACLE, Of.SENSITIVITY, share=0.8).estimate.value
    assert seen == pytest.approx(0.2 * 0.5)
    assert compared(BOTH, BOTH, Of.SUBSTANCE, share=0.5).estimate.value == pytest.approx(value(BOTH, Of.SUBSTANCE) / 2)


def test_several_ratings_of_one_version_are_averaged() -> None:
    twice = Versions.of(
        [1.0, 3.0, 0.0],
        [MinimalPair("a", None, False), MinimalPair("a", None, False), MinimalPair("a", "relevance", False)],
    )
    assert twice.ratings[0, 0, 0] == 2 and twice.criteria == ("relevance",)
