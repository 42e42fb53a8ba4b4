"""Agreement between people, against published worked examples, other libraries, and real corpora."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from argqual.stats.agreement import (
    alpha_estimate,
    binary_mean_reliability,
    icc,
    one_against_rest,
    padded,
    random_one_against_rest,
    split_half_reliability,
    value_counts,
)
from argqual.stats.comparisons import bradley_terry, pair_reliability
from argqual.stats.correlation import spearman
from argqual.stats.estimate import Estimate

NAN = np.nan
LEVELS = ("nominal", "ordinal", "interval")

# Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section C: 4 observers, 12 units.
KRIPPENDORFF_2011 = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
    [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
]

# Shrout and Fleiss (1979), table 2: 6 targets, 4 judges.
SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def _ratings(annotators: int, units: int, *, missing: float = 0.0, values: int = 5, seed: int = 0) -> np.ndarray:
    """Annotators x units who see the same quality with noise, some ratings missing."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=units) + rng.normal(size=(annotators, units))
    table = np.clip(np.round(table + (values + 1) / 2), 1, values)
    return np.where(rng.random(table.shape) < missing, NAN, table)


def _same(one: Estimate, other: Estimate) -> bool:
    return one == other and one.value is not None and one.low is not None


# --- alpha


def krippendorff_alpha(ratings: Any, *, level: Any = "ordinal", values: Any = None) -> float:
    found = alpha_estimate(*value_counts(ratings, values), level=level, draws=100).value
    return NAN if found is None else found


@pytest.mark.parametrize(("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_is_that_of_krippendorffs_worked_example(level, published):
    assert krippendorff_alpha(KRIPPENDORFF_2011, level=level) == pytest.approx(published, abs=0.0005)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("seed", range(5))
def test_alpha_is_that_of_the_krippendorff_package(level, seed):
    krippendorff = pytest.importorskip("krippendorff")
    table = _ratings(5, 60, missing=0.4, seed=seed)
    expected = krippendorff.alpha(table, level_of_measurement=level)
    assert krippendorff_alpha(table, level=level) == pytest.approx(expected, abs=1e-12)


def test_unevenly_spaced_values_matter_to_the_interval_level_alone():
    krippendorff = pytest.importorskip("krippendorff")
    table = _ratings(4, 50, missing=0.2)
    spread = table**2
    assert krippendorff_alpha(spread, level="ordinal") == krippendorff_alpha(table, level="ordinal")
    expected = krippendorff.alpha(spread, level_of_measurement="interval")
    assert krippendorff_alpha(spread, level="interval") == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("level", LEVELS)
def test_a_value_that_nobody_used_changes_nothing(level):
    table = _ratings(3, 40, values=3)
    assert krippendorff_alpha(table, level=level, values=[0, 1, 2, 3, 7]) == pytest.approx(
        krippendorff_alpha(table, level=level), abs=1e-12
    )


def test_the_order_of_annotators_changes_nothing():
    table = _ratings(6, 80, missing=0.3)
    shuffled = table[::-1]
    assert krippendorff_alpha(shuffled) == krippendorff_alpha(table)
    assert one_against_rest(shuffled, min_rest=2).value == pytest.approx(one_against_rest(table, min_rest=2).value)
    for measure in (random_one_against_rest, split_half_reliability, icc):
        assert measure(shuffled.T) == measure(table.T)


def test_units_with_one_rating_do_not_count_but_are_covered_by_the_estimate():
    table = np.hstack([_ratings(3, 30), [[5.0, 5, 5], [NAN] * 3, [NAN] * 3]])
    estimate = alpha_estimate(*value_counts(table))
    assert estimate.value == pytest.approx(krippendorff_alpha(table[:, :30]), abs=1e-12)
    assert (estimate.n, estimate.offered) == (30, 33)
    assert estimate.coverage == pytest.approx(30 / 33)


@pytest.mark.parametrize("level", LEVELS)
def test_alpha_of_total_agreement_is_1(level):
    assert krippendorff_alpha([[1, 2, 3, 4], [1, 2, 3, 4]], level=level) == 1.0


def test_alpha_is_undefined_where_all_ratings_are_equal_or_nothing_is_rated_twice():
    assert np.isnan(krippendorff_alpha([[2, 2, 2], [2, 2, 2]]))
    assert np.isnan(krippendorff_alpha([[1, NAN, 3], [NAN, 2, NAN]]))
    equal = alpha_estimate(*value_counts([[2, 2, 2], [2, 2, 2]]))
    assert (equal.value, equal.low, equal.reason) == (None, None, "all ratings are equal")
    single = alpha_estimate(*value_counts([[1, NAN, 3], [NAN, 2, NAN]]))
    assert (single.value, single.n, single.reason) == (None, 0, "fewer than two units count")


def test_a_rating_off_the_scale_is_an_error():
    with pytest.raises(ValueError, match="none of the values"):
        value_counts([[1, 4]], values=[1, 2, 3])
    with pytest.raises(ValueError, match="rise"):
        value_counts([[1, 2]], values=[2, 1])
    with pytest.raises(ValueError, match="no such level"):
        alpha_estimate([[1, 1]], [1, 2], level="ratio")  # type: ignore[arg-type]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("clustered", [False, True])
def test_alphas_interval_is_that_of_resampling_the_table_itself(level, clustered):
    krippendorff = pytest.importorskip("krippendorff")
    table = _ratings(3, 120, missing=0.1, values=3, seed=3)
    topics = np.arange(120) // 6
    members = [np.flatnonzero(topics == t) for t in range(20)] if clustered else [np.array([u]) for u in range(120)]
    rng = np.random.default_rng(9)
    naive = []
    for _ in range(2000):
        units = np.concatenate([members[m] for m in rng.integers(len(members), size=len(members))])
        naive.append(krippendorff.alpha(table[:, units], level_of_measurement=level))
    estimate = alpha_estimate(
        *value_counts(table), level=level, clusters=list(topics) if clustered else None, draws=2000
    )
    assert (estimate.low, estimate.high) == pytest.approx(tuple(np.quantile(naive, [0.025, 0.975])), abs=0.015)
    assert estimate.clusters == (20 if clustered else None)


# --- Spearman and the bootstrap


@pytest.mark.parametrize("decimals", [0, 6])
def test_spearman_is_scipys_with_and_without_ties(decimals):
    rng = np.random.default_rng(1)
    x = np.round(rng.normal(size=200), decimals)
    y = np.round(x + rng.normal(size=200), decimals)
    y[:7] = NAN
    estimate = spearman(x, y)
    assert estimate.value == pytest.approx(stats.spearmanr(x[7:], y[7:]).statistic, abs=1e-12)
    assert (estimate.n, estimate.offered) == (193, 200)


@pytest.mark.parametrize("clustered", [False, True])
def test_spearmans_interval_is_that_of_ranking_every_draw_anew(clustered):
    rng = np.random.default_rng(2)
    topics = np.repeat(np.arange(25), 6)
    x = np.round(rng.normal(size=150), 1)
    y = np.round(0.6 * x + rng.normal(size=25)[topics] + rng.normal(size=150) / 2, 1)
    members = [np.flatnonzero(topics == t) for t in range(25)] if clustered else [np.array([u]) for u in range(150)]
    naive = []
    for _ in range(800):
        rows = np.concatenate([members[m] for m in rng.integers(len(members), size=len(members))])
        naive.append(stats.spearmanr(x[rows], y[rows]).statistic)
    estimate = spearman(x, y, clusters=[f"topic {t}" for t in topics] if clustered else None, draws=2000)
    assert (estimate.low, estimate.high) == pytest.approx(tuple(np.quantile(naive, [0.025, 0.975])), abs=0.02)


def test_a_draw_is_the_same_whatever_the_block_it_is_computed_in(monkeypatch):
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(2, 60))
    whole = spearman(x, y, draws=300)
    monkeypatch.setattr("argqual.stats.resampling._CELLS", 60 * 7)
    assert _same(spearman(x, y, draws=300), whole)


def test_19_of_20_intervals_cover_the_truth():
    # Spearman's rho of a bivariate normal: 6 / pi arcsin(r / 2) (Pearson 1907).
    r = 0.5
    truth = 6 / np.pi * np.arcsin(r / 2)
    rng = np.random.default_rng(5)
    covered = 0
    for trial in range(300):
        x, noise = rng.normal(size=(2, 150))
        estimate = spearman(x, r * x + np.sqrt(1 - r**2) * noise, draws=300, seed=trial)
        covered += estimate.low <= truth <= estimate.high
    assert 0.91 <= covered / 300 <= 0.98  # 0.95, give or take three standard errors


def test_only_intervals_over_clusters_cover_where_clusters_differ():
    # x and y share nothing but each cluster's two independent levels: rho is 0.
    rng = np.random.default_rng(6)
    covered = {"units": 0, "clusters": 0}
    clusters = np.repeat(np.arange(30), 10)
    for trial in range(150):
        levels, noise = rng.normal(size=(2, 30)), rng.normal(size=(2, 300))
        x, y = levels[:, clusters] + noise / 2
        for name, labels in (("units", None), ("clusters", clusters)):
            estimate = spearman(x, y, clusters=labels, draws=200, seed=trial)
            covered[name] += estimate.low <= 0 <= estimate.high
    assert covered["units"] / 150 < 0.75
    assert covered["clusters"] / 150 > 0.88


def test_the_seed_alone_decides_the_draws():
    table = _ratings(4, 60, missing=0.1)
    for measure in (random_one_against_rest, split_half_reliability, icc):
        assert _same(measure(table.T, seed=3), measure(table.T, seed=3))
        assert measure(table.T, seed=3).low != measure(table.T, seed=4).low
    assert _same(alpha_estimate(*value_counts(table), seed=3), alpha_estimate(*value_counts(table), seed=3))


def test_what_cannot_be_computed_has_a_reason():
    constant = spearman([1, 1, 1], [1, 2, 3])
    assert (constant.value, constant.reason) == (None, "all values of one side are equal")
    assert spearman([1], [2]).reason == "fewer than two units count"
    assert spearman([NAN, NAN], [1, 2]).value is None
    one_cluster = spearman([1, 2, 3], [1, 3, 2], clusters=["a"] * 3)
    assert one_cluster.value == pytest.approx(0.5)
    assert (one_cluster.low, one_cluster.reason) == (None, "no interval: there is only one cluster")
    # Three rows: 1 draw in 9 holds one row only.
    assert "undefined in" in spearman([1, 2, 3], [1, 3, 2]).reason


def test_fewer_than_15_clusters_are_flagged():
    x, y = np.random.default_rng(7).normal(size=(2, 60))
    assert spearman(x, y, clusters=np.arange(60) % 14).few_clusters
    assert not spearman(x, y, clusters=np.arange(60) % 15).few_clusters
    assert not spearman(x, y).few_clusters


def test_labels_of_clusters_must_match_the_units():
    with pytest.raises(ValueError, match="labels"):
        spearman([1, 2, 3], [1, 2, 3], clusters=["a", "b"])
    with pytest.raises(ValueError, match="draws"):
        spearman([1, 2, 3], [1, 2, 3], draws=10)


# --- one against the rest


def test_one_against_rest_is_the_mean_of_the_annotators_correlations():
    table = _ratings(3, 90, missing=0.1)
    complete = table[:, np.isfinite(table).all(axis=0)]
    expected = [stats.spearmanr(complete[a], np.delete(complete, a, axis=0).mean(axis=0)).statistic for a in range(3)]
    estimate = one_against_rest(table)
    assert estimate.value == pytest.approx(np.mean(expected), abs=1e-12)
    assert (estimate.n, estimate.offered) == (complete.shape[1], 90)
    assert estimate.low < estimate.value < estimate.high


def test_one_against_rest_leaves_out_annotators_with_few_units_or_one_value():
    table = np.vstack([_ratings(3, 40), np.full(40, 3.0), np.full(40, NAN)])
    table[4, :9] = 1.0
    expected = []
    for a in range(3):
        rest = np.nanmean(np.delete(table, a, axis=0), axis=0)
        expected.append(stats.spearmanr(table[a], rest.round(9)).statistic)
    estimate = one_against_rest(table, min_rest=2)
    assert estimate.value == pytest.approx(np.mean(expected), abs=1e-12)
    assert "mean over 3 of 5" in estimate.method


def test_one_against_rest_without_an_able_annotator_has_no_value():
    estimate = one_against_rest(_ratings(3, 9))
    assert (estimate.value, estimate.n, estimate.reason) == (None, 0, "fewer than two units count")


def test_a_random_rating_against_the_rest_is_the_mean_over_all_ways_to_pick_one():
    # There are too many ways to go through them all, so the naive loop draws picks of its own.
    table = _ratings(4, 60, missing=0.2, seed=8).T
    table = table[np.isfinite(table).sum(axis=1) >= 2]
    rng = np.random.default_rng(10)
    naive = []
    for _ in range(400):
        one, rest = [], []
        for row in table:
            given = row[np.isfinite(row)]
            place = rng.integers(len(given))
            one.append(given[place])
            rest.append(np.delete(given, place).mean())
        naive.append(stats.spearmanr(one, np.round(rest, 9)).statistic)
    estimate = random_one_against_rest(table, picks=1500, draws=100)
    assert estimate.value == pytest.approx(np.mean(naive), abs=0.01)


def test_ratings_may_come_as_lists_of_different_lengths():
    rng = np.random.default_rng(11)
    units = [list(rng.normal(quality, 1, size=rng.integers(1, 7))) for quality in rng.normal(size=80)]
    table = np.full((80, 6), NAN)
    for row, given in zip(table, units, strict=True):
        row[: len(given)] = given[::-1]
    for measure in (random_one_against_rest, split_half_reliability, icc):
        assert _same(measure(units), measure(table))
    several = sum(len(given) >= 4 for given in units)
    assert random_one_against_rest(units, min_rest=3).n == several
    assert random_one_against_rest(units, min_rest=3).offered == 80


def test_severe_and_lenient_raters_lower_the_random_form_alone():
    rng = np.random.default_rng(12)
    table = rng.normal(size=200) + rng.normal(size=(4, 200)) / 2
    strict = table + np.array([[-3.0], [-1.0], [1.0], [3.0]])
    assert one_against_rest(strict).value == pytest.approx(one_against_rest(table).value, abs=1e-12)
    assert random_one_against_rest(strict.T).high < random_one_against_rest(table.T).low


@pytest.mark.parametrize("measure", [random_one_against_rest, split_half_reliability, icc])
def test_equal_ratings_or_too_few_have_no_value(measure):
    assert measure([]).reason == "fewer than two units count"
    assert measure([[1, 2], [3], []]).reason == "fewer than two units count"
    assert measure([[0.1, 0.1, 0.1]] * 5).value is None
    assert "equal" in measure([[0.1, 0.1, 0.1]] * 5).reason


# --- reliability of means


@pytest.mark.parametrize(("k", "published"), [(1, 0.17), (4, 0.44), (None, 0.44)])
def test_icc_is_that_of_shrout_and_fleiss(k, published):
    assert icc(SHROUT_FLEISS, k=k).value == pytest.approx(published, abs=0.005)


def test_icc_of_unequal_numbers_of_ratings():
    # The unit with one rating does not count; (0, 2) and (3, 4, 5) have means 1 and 4, N = 5, grand mean 2.8.
    # Between: 2 (1 - 2.8)^2 + 3 (4 - 2.8)^2 = 6.48 + 4.32 = 10.8, on 1 degree of freedom.
    # Within: (1 + 1) + (1 + 0 + 1) = 4 on 3, so 4 / 3.  k0 = 5 - (4 + 9) / 5 = 2.4.
    # ICC(1,1) = (10.8 - 4 / 3) / (10.8 + 1.4 * 4 / 3); ICC(1,k) = (10.8 - 4 / 3) / 10.8.
    units = [[0, 2], [3, 4, 5], [8]]
    assert icc(units, k=1).value == pytest.approx((10.8 - 4 / 3) / (10.8 + 1.4 * 4 / 3))
    assert icc(units).value == pytest.approx((10.8 - 4 / 3) / 10.8)
    assert (icc(units).n, icc(units).offered) == (2, 3)


def test_iccs_interval_is_that_of_resampling_the_table_itself():
    table = _ratings(4, 60, seed=13).T
    rng = np.random.default_rng(14)
    naive = []
    for _ in range(2000):
        drawn = table[rng.integers(60, size=60)]
        between = 4 * drawn.mean(axis=1).var(ddof=1)
        naive.append((between - drawn.var(axis=1, ddof=1).mean()) / between)
    estimate = icc(table, draws=2000)
    assert (estimate.low, estimate.high) == pytest.approx(tuple(np.quantile(naive, [0.025, 0.975])), abs=0.025)


@pytest.mark.parametrize("raters", [2, 3, 6, 7])
def test_both_reliabilities_of_means_are_the_share_of_true_variance(raters):
    # Variance 1 between units and 2 of each rating: the mean of k has reliability 1 / (1 + 2 / k).
    rng = np.random.default_rng(raters)
    table = rng.normal(size=(3000, 1)) + np.sqrt(2) * rng.normal(size=(3000, raters))
    truth = 1 / (1 + 2 / raters)
    assert icc(table, draws=100).value == pytest.approx(truth, abs=0.03)
    # Spearman of normal scores is 6 / pi arcsin(r / 2), a little below Pearson's r.
    half = 1 / (1 + 2 / (raters // 2))
    rho = 6 / np.pi * np.arcsin(half / 2)
    length = raters / (raters // 2)
    expected = length * rho / (1 + (length - 1) * rho)
    assert split_half_reliability(table, splits=10, draws=100).value == pytest.approx(expected, abs=0.03)


def test_reliability_of_shares_is_that_of_the_beta_binomial():
    # p from Beta(a, b): the share of n votes has reliability n / (n + a + b).
    rng = np.random.default_rng(15)
    p, votes = rng.beta(3, 2, size=20000), rng.integers(8, 13, size=20000)
    estimate = binary_mean_reliability(rng.binomial(votes, p) / votes, votes, draws=100)
    assert estimate.value == pytest.approx(10 / 15, abs=0.02)


def test_reliability_of_shares_by_hand():
    # Shares 0, .5, 1 of 5 votes: noise (0 + .25 / 4 + 0) / 3 = 1 / 48; variance .25; 1 - 1 / 12.
    estimate = binary_mean_reliability([0, 0.5, 1, 0.3, NAN], [5, 5, 5, 1, 5])
    assert estimate.value == pytest.approx(11 / 12)
    assert (estimate.n, estimate.offered) == (3, 5)
    assert binary_mean_reliability([0.3, 0.3, 0.3], 10).reason == "all shares are equal"
    with pytest.raises(ValueError, match="0 to 1"):
        binary_mean_reliability([30, 50], 10)


# --- comparisons


def _league(wins: dict[tuple[int, int], int]) -> tuple[list[int], list[int], list[float]]:
    games = [(i, j) for (i, j), number in wins.items() for _ in range(number)]
    return [i for i, _ in games], [j for _, j in games], [1.0] * len(games)


def test_bradley_terry_is_that_of_the_1987_baseball_season():
    # Agresti (2002), Categorical Data Analysis, table 10.10; abilities beside Baltimore's as in
    # Turner and Firth (2012), Journal of Statistical Software 48(9), section 2.
    teams = ["Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore"]
    won = [
        [0, 7, 9, 7, 7, 9, 11],
        [6, 0, 7, 5, 11, 9, 9],
        [4, 6, 0, 7, 7, 8, 12],
        [6, 8, 6, 0, 6, 7, 10],
        [6, 2, 6, 7, 0, 7, 12],
        [4, 4, 5, 6, 6, 0, 6],
        [2, 4, 1, 3, 1, 7, 0],
    ]
    published = [1.5814, 1.4364, 1.2945, 1.2476, 1.1077, 0.6839, 0.0]
    league = _league({(i, j): won[i][j] for i in range(7) for j in range(7)})
    scores = bradley_terry(*league, len(teams), l2=1e-6)
    assert scores - scores[6] == pytest.approx(published, abs=2e-4)


def test_bradley_terry_of_two_items_is_the_logarithm_of_the_odds():
    # Three wins, one loss and two ties are four wins of six: log(4 / 2).
    scores = bradley_terry([0, 0, 0, 1, 0, 1], [1, 1, 1, 0, 1, 0], [1, 1, 1, 1, 0.5, 0.5], 2, l2=1e-7)
    assert scores[0] - scores[1] == pytest.approx(np.log(2), abs=1e-4)


def test_bradley_terry_is_logistic_regression_on_differences():
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(16)
    one = rng.integers(12, size=150)
    two = (one + rng.integers(1, 12, size=150)) % 12
    outcome = rng.integers(2, size=150).astype(float)
    design = np.zeros((150, 12))
    design[np.arange(150), one], design[np.arange(150), two] = 1, -1
    oracle = linear_model.LogisticRegression(C=1 / 0.7, fit_intercept=False, tol=1e-10, max_iter=1000)
    expected = oracle.fit(design, outcome).coef_[0]
    assert bradley_terry(one, two, outcome, 12, l2=0.7) == pytest.approx(expected, abs=1e-5)


def test_items_never_compared_or_unbeaten_have_finite_scores():
    scores = bradley_terry([0, 0, 3], [1, 1, 4], [1, 1, 1], 6)
    assert np.isfinite(scores).all()
    assert scores[0] > 0 > scores[1] and scores[3] > 0 > scores[4]
    assert scores[2] == scores[5] == 0


def _comparisons(rng, quality, number, ties=0.1):
    """Pairs of items drawn at random, each judged once as Bradley and Terry have it, some tied."""
    one = rng.integers(len(quality), size=number)
    two = (one + rng.integers(1, len(quality), size=number)) % len(quality)
    wins = (rng.random(number) < 1 / (1 + np.exp(quality[two] - quality[one]))).astype(float)
    return one, two, np.where(rng.random(number) < ties, 0.5, wins)


def test_pair_reliability_is_the_correlation_of_two_whole_rounds_of_comparisons():
    rng = np.random.default_rng(17)
    quality = rng.normal(size=500)
    rounds = [_comparisons(rng, quality, 6000) for _ in range(6)]
    scores = [bradley_terry(*r, 500) for r in rounds]
    expected = np.mean([stats.spearmanr(scores[i], scores[j]).statistic for i in range(6) for j in range(i)])
    found = [pair_reliability(*r, 500, draws=100, splits=4) for r in rounds]
    assert np.mean([estimate.value for estimate in found]) == pytest.approx(expected, abs=0.02)
    assert all(0 < estimate.high - estimate.low < 0.15 and estimate.clusters is None for estimate in found)


def test_scores_are_correlated_within_groups_only():
    rng = np.random.default_rng(18)
    parts = [_comparisons(rng, rng.normal(size=30) + 10 * g, 150) for g in range(4)]
    one = np.concatenate([part[0] + 30 * g for g, part in enumerate(parts)])
    two = np.concatenate([part[1] + 30 * g for g, part in enumerate(parts)])
    outcome = np.concatenate([part[2] for part in parts])
    groups = np.repeat(["a", "b", "c", "d"], 30)
    estimate = pair_reliability(one, two, outcome, 120, groups=groups, draws=200)
    assert (estimate.clusters, estimate.n, estimate.few_clusters) == (4, 120, True)
    # Left out, the groups are the parts that comparisons connect: the same four.
    assert _same(pair_reliability(one, two, outcome, 120, draws=200), estimate)
    # Who wins within a group is now chance, whatever the groups' levels.
    guess = pair_reliability(one, two, rng.integers(2, size=len(one)), 120, groups=groups, draws=200)
    assert guess.low < 0 < guess.high
    with pytest.raises(ValueError, match="different groups"):
        pair_reliability(one, two, outcome, 120, groups=np.arange(120))


def test_small_groups_and_items_never_compared_do_not_count():
    rng = np.random.default_rng(19)
    one, two, outcome = _comparisons(rng, rng.normal(size=20), 200)
    estimate = pair_reliability([*one, 20, 21], [*two, 21, 22], [*outcome, 1, 1], 25)
    assert (estimate.n, estimate.offered, estimate.clusters) == (20, 25, None)
    nothing = pair_reliability([0, 1], [1, 2], [1, 1], 3)
    assert (nothing.value, nothing.reason) == (None, "fewer than two groups count")
    assert pair_reliability([], [], [], 3).value is None
    assert pair_reliability(one, two, [0.5] * 200, 20).value is None


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (([0], [0], [1]), "itself"),
        (([0], [9], [1]), "n_items"),
        (([0], [1], [2]), "outcomes"),
        (([0], [1], [NAN]), "outcomes"),
        (([0, 1], [1], [1]), "equally long"),
    ],
)
def test_comparisons_that_cannot_be_are_errors(pairs, message):
    with pytest.raises(ValueError, match=message):
        bradley_terry(*pairs, 3)


# --- real corpora

ALPHAS = {
    "overall quality": 0.444,
    "reasonableness": 0.452,
    "local relevance": 0.407,
    "global acceptability": 0.395,
    "cogency": 0.385,
    "local acceptability": 0.345,
    "effectiveness": 0.334,
    "sufficiency": 0.279,
    "global relevance": 0.266,
    "arrangement": 0.255,
    "clarity": 0.253,
    "credibility": 0.245,
    "emotional appeal": 0.223,
    "appropriateness": 0.174,
    "global sufficiency": 0.172,
}
CEILINGS = {
    "overall quality": 0.547,
    "cogency": 0.531,
    "reasonableness": 0.531,
    "local relevance": 0.488,
    "effectiveness": 0.484,
    "sufficiency": 0.466,
    "local acceptability": 0.443,
}


def _mirror(path: str) -> Path:
    root = os.environ.get("ARGQUAL_MIRROR")
    if not root:
        pytest.skip("ARGQUAL_MIRROR is not set: no corpora to measure")
    file = Path(root) / path
    if not file.exists():
        pytest.skip(f"ARGQUAL_MIRROR holds no {path}")
    return file


@pytest.fixture(scope="module")
def dagstuhl() -> tuple[dict[str, np.ndarray], list[str]]:
    """Each label's ratings (3 experts x 320 texts), and the texts' issues."""
    file = _mirror("dagstuhl/dagstuhl-15512-argquality-corpus-annotated.csv")
    rows = list(csv.DictReader(file.read_text(encoding="cp1252").splitlines(), delimiter="\t"))
    texts = list(dict.fromkeys(row["#id"] for row in rows))
    issue = {row["#id"]: row["issue"] for row in rows}
    tables = {label: np.full((3, len(texts)), NAN) for label in ALPHAS}
    for row in rows:
        for label, table in tables.items():
            if row[label][:1].isdigit():
                table[int(row["annotator"]) - 1, texts.index(row["#id"])] = float(row[label][0])
    return tables, [issue[text] for text in texts]


@pytest.mark.parametrize("label", ALPHAS)
def test_dagstuhls_alphas(dagstuhl, label):
    tables, issues = dagstuhl
    estimate = alpha_estimate(*value_counts(tables[label], [1, 2, 3]), clusters=issues)
    assert estimate.value == pytest.approx(ALPHAS[label], abs=0.005)
    assert (estimate.offered, estimate.clusters) == (320, 16)
    assert estimate.low < estimate.value < estimate.high


@pytest.mark.parametrize("label", CEILINGS)
def test_dagstuhls_experts_against_the_other_two(dagstuhl, label):
    tables, issues = dagstuhl
    estimate = one_against_rest(tables[label], clusters=issues)
    assert estimate.value == pytest.approx(CEILINGS[label], abs=0.005)
    assert estimate.n == 304
    assert estimate.low < estimate.value < estimate.high


def test_speeches_rated_by_fifteen_strangers_each():
    krippendorff = pytest.importorskip("krippendorff")
    with _mirror("debate_speeches/data.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    ratings = [json.loads(row["goodopeningspeech"]) for row in rows]
    topics = [row["topic_id"] for row in rows]
    counts, values = value_counts(padded(ratings).T, [1, 2, 3, 4, 5])
    alpha = alpha_estimate(counts, values, clusters=topics)
    assert alpha.value == pytest.approx(
        krippendorff.alpha(value_counts=counts.astype(int), level_of_measurement="ordinal"), abs=1e-12
    )
    assert (alpha.n, alpha.clusters) == (631, 76)
    # Fifteen raters are better than one, and both ways to reliability agree within their intervals.
    split, means = split_half_reliability(ratings, clusters=topics), icc(ratings, clusters=topics)
    assert split.low < means.value and split.value < means.high
    assert random_one_against_rest(ratings, clusters=topics).high < split.low
