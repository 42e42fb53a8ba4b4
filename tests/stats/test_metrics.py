"""Metrics against scipy, scikit-learn and krippendorff; intervals and tests against what they promise."""

from __future__ import annotations

import krippendorff
import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score, mean_absolute_error

from argqual.stats.inference import (
    Over,
    benjamini_hochberg,
    calibration_error,
    difference,
    gap,
    holm,
    macro,
    mean,
    measure,
    worst,
)
from argqual.stats.metrics import METRICS, Sample, degenerate


def sample(seed: int = 0, *, n: int = 120, topics: int = 20, noise: float = 0.3, levels: int | None = 5) -> Sample:
    rng = np.random.default_rng(seed)
    labels = np.random.default_rng(99).integers(0, 5, n) / 4
    predicted = np.clip(labels + rng.normal(0, noise, n), 0, 1)
    words = np.round(np.exp(np.random.default_rng(98).normal(4, 0.4, n) + labels))
    clusters = [f"t{number % topics}" for number in range(n)]
    return Sample(predicted, labels, words, clusters, ["u"] * n, levels, levels is not None)


def steps(values: np.ndarray) -> np.ndarray:
    return np.floor(values * 4 + 0.5).astype(int)


def partial(r: object, one: Sample) -> float:
    """By the residual formula of a third variable, with pairwise coefficients from scipy."""
    xy, xw, yw = (
        r(*pair).statistic  # type: ignore[operator]
        for pair in ((one.predicted, one.labels), (one.predicted, one.words), (one.labels, one.words))
    )
    return float((xy - xw * yw) / np.sqrt((1 - xw**2) * (1 - yw**2)))


ONE = sample()
EXPECTED = {
    "spearman": stats.spearmanr(ONE.predicted, ONE.labels).statistic,
    "kendall": stats.kendalltau(ONE.predicted, ONE.labels).statistic,
    "pearson": stats.pearsonr(ONE.predicted, ONE.labels).statistic,
    "spearman_beyond_length": partial(stats.spearmanr, ONE),
    "kendall_beyond_length": partial(stats.kendalltau, ONE),
    "pearson_beyond_length": partial(stats.pearsonr, ONE),
    "pairwise_accuracy": np.mean(
        [
            0.5 if p == q else float((p > q) == (a > b))
            for p, a in zip(ONE.predicted, ONE.labels, strict=True)
            for q, b in zip(ONE.predicted, ONE.labels, strict=True)
            if a != b
        ]
    ),
    "qwk": cohen_kappa_score(steps(ONE.predicted), steps(ONE.labels), weights="quadratic"),
    "alpha": krippendorff.alpha(np.array([steps(ONE.predicted), steps(ONE.labels)]), level_of_measurement="interval"),
    "mae": mean_absolute_error(ONE.labels, ONE.predicted),
}


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_is_what_others_say_it_is(metric: str) -> None:
    assert METRICS[metric].value(ONE) == pytest.approx(EXPECTED[metric], abs=1e-9)


@pytest.mark.parametrize("metric", METRICS)
def test_a_weight_of_two_is_a_row_that_stands_there_twice(metric: str) -> None:
    rng = np.random.default_rng(5)
    weights = rng.integers(0, 3, len(ONE.labels))
    places = np.repeat(np.arange(len(weights)), weights)
    twice = Sample(
        ONE.predicted[places],
        ONE.labels[places],
        ONE.words[places],
        [ONE.clusters[place] for place in places],
        ["u"] * len(places),
        5,
        True,
    )
    weighted = METRICS[metric].statistic(ONE)(weights[:, None].astype(float))[0]
    assert weighted == pytest.approx(METRICS[metric].value(twice), abs=1e-9)


def test_what_is_missing_is_left_out_and_counted() -> None:
    gaps = ONE._replace(predicted=np.where(np.arange(120) % 10 == 0, np.nan, ONE.predicted))
    found = measure("spearman", [gaps], draws=200)
    kept = np.isfinite(gaps.predicted)
    assert found.value == pytest.approx(stats.spearmanr(gaps.predicted[kept], gaps.labels[kept]).statistic)
    assert (found.n, found.offered, found.clusters) == (108, 120, 18) and found.coverage == 0.9


def test_labels_that_compare_within_topics_only_are_correlated_there() -> None:
    units = ["a" if number < 60 else "b" for number in range(120)]
    shifted = ONE._replace(labels=ONE.labels + 10 * (np.arange(120) >= 60), units=units)
    each = [stats.spearmanr(ONE.predicted[part], ONE.labels[part]).statistic for part in (slice(60), slice(60, 120))]
    assert METRICS["spearman"].value(shifted) == pytest.approx(np.mean(each))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.filterwarnings("error")
def test_a_draw_without_any_argument_of_a_unit_is_of_the_others(metric: str) -> None:
    units = ["a" if number < 60 else "b" for number in range(120)]
    weights = np.zeros((120, 2))
    weights[:60, 0] = weights[:, 1] = 1
    found = METRICS[metric].statistic(ONE._replace(units=units))(weights)
    alone = METRICS[metric].value(ONE.part(np.arange(120) < 60))
    assert found[0] == pytest.approx(alone) and np.isfinite(found[1])


def test_what_has_no_meaning_is_none_with_a_reason() -> None:
    open_scale = sample(levels=None)
    assert "open scale" in str(measure("mae", [open_scale], draws=200).reason)
    assert "no steps" in str(measure("qwk", [ONE._replace(levels=None)], draws=200).reason)
    constant = ONE._replace(predicted=np.full(120, 0.5))
    assert measure("spearman", [constant], draws=200).value is None
    by_length = ONE._replace(predicted=np.log(ONE.words))
    assert measure("spearman_beyond_length", [by_length], draws=200).value is None


def test_a_mean_over_domains_counts_them_alike_and_widens_with_the_worse_known_one() -> None:
    small = sample(3, n=40, topics=8)
    found = macro("spearman", {"large": [ONE], "small": [small]}, draws=500)
    values = [METRICS["spearman"].value(each) for each in (ONE, small)]
    assert found.value == pytest.approx(np.mean(np.array(values, dtype=float))) and found.clusters == 28


def test_adding_a_domain_does_not_move_the_interval_of_another() -> None:
    alone = macro("spearman", {"a": [ONE]}, draws=500)
    name, lowest = worst("spearman", {"a": [ONE], "b": [sample(1, noise=0.05)]}, draws=500)
    assert name == "a" and lowest.value == alone.value


def test_a_paired_difference_is_narrower_than_two_intervals_apart() -> None:
    other = ONE._replace(predicted=np.clip(ONE.predicted + np.random.default_rng(1).normal(0, 0.05, 120), 0, 1))
    found = difference("spearman", {"a": [ONE]}, {"a": [other]}, draws=500)
    alone = measure("spearman", [ONE], draws=500)
    assert found.estimate.high - found.estimate.low < alone.high - alone.low  # type: ignore[operator]
    # The interval, the p value and the t distribution are one and the same statement.
    reach = stats.t.ppf(0.975, 19) * found.se  # type: ignore[operator]
    assert found.df == pytest.approx(19) and found.estimate.high - found.estimate.value == pytest.approx(reach)  # type: ignore[operator]
    assert found.p == pytest.approx(2 * stats.t.sf(abs(found.estimate.value) / found.se, 19))  # type: ignore[operator]
    assert found.mde == pytest.approx((stats.t.ppf(0.975, 19) + stats.t.ppf(0.8, 19)) * found.se)  # type: ignore[operator]
    assert found.within(1.0) is True and found.within(1e-6) is False


@pytest.mark.parametrize("over", ["topics", "domains"])
@pytest.mark.parametrize("seeds", [1, 3])
def test_two_that_predict_the_same_do_not_differ_at_all(seeds: int, over: Over) -> None:
    same = {name: [sample(seed, noise=0.2 + 0.1 * seed) for seed in range(seeds)] for name in "abc"}
    turned = {name: list(reversed(own)) for name, own in same.items()}
    for metric in ("spearman", "mae"):
        found = difference(metric, same, turned, draws=100, over=over)
        assert (found.estimate.value, found.estimate.low, found.estimate.high) == (0.0, 0.0, 0.0)
        assert (found.se, found.p, found.mde) == (0.0, 1.0, 0.0) and found.within(1e-9) is True


def test_a_difference_that_never_varies_is_certain() -> None:
    found = mean(np.full(12, 0.3) / 3 * 3, method="made up")  # adding up leaves 1e-17 of variance, which is none
    assert found.se == 0 and found.p == 0.0 and found.within(0.1) is False and found.within(0.4) is True
    assert mean(np.full(12, 0.7), method="made up", null=0.7).p == 1.0


def test_over_domains_an_interval_is_students_of_the_domains_figures() -> None:
    one = {
        name: [sample(seed, noise=noise)]
        for seed, (name, noise) in enumerate(zip("abcd", (0.1, 0.3, 0.6, 0.9), strict=True))
    }
    other = {name: [sample(seed + 10, noise=0.5)] for seed, name in enumerate("abcd")}
    values = [
        difference("spearman", {name: one[name]}, {name: other[name]}, draws=200).estimate.value or 0 for name in "abcd"
    ]
    found = difference("spearman", one, other, draws=200, over="domains")
    said = stats.ttest_1samp(values, 0)
    assert found.p == pytest.approx(said.pvalue) and found.df == 3
    low, high = said.confidence_interval()
    assert (found.estimate.low, found.estimate.high) == pytest.approx((low, high))
    # One domain alone is no sample of domains: its interval is over topics.
    alone = difference("spearman", {"a": one["a"]}, {"a": other["a"]}, draws=200, over="domains")
    assert alone == difference("spearman", {"a": one["a"]}, {"a": other["a"]}, draws=200)


def test_over_domains_nothing_is_said_to_be_retained() -> None:
    inside = {"a": [ONE], "b": [sample(3)]}
    assert gap("spearman", inside, inside, draws=200, over="domains").retention.value is None
    assert gap("spearman", inside, inside, draws=200).retention.value == pytest.approx(1)


def test_seeds_add_the_variance_of_their_mean() -> None:
    seeds = [sample(seed, noise=0.2 + 0.3 * seed) for seed in range(3)]
    apart = [each._replace(source=str(place)) for place, each in enumerate(seeds)]  # not seeds of one training
    nothing = {"a": [ONE._replace(predicted=np.random.default_rng(7).random(120))]}
    with_seeds = difference("spearman", {"a": seeds}, nothing, draws=500)
    without = difference("spearman", {"a": apart}, nothing, draws=500)
    variance = float(np.var([METRICS["spearman"].value(each) or 0 for each in seeds], ddof=1)) / 3
    assert with_seeds.estimate.value == pytest.approx(without.estimate.value)
    assert (with_seeds.se or 0) ** 2 == pytest.approx((without.se or 0) ** 2 + variance)
    assert (with_seeds.df or 0) < (without.df or 0)


def test_samples_of_other_arguments_are_not_compared() -> None:
    with pytest.raises(ValueError, match="not of the same arguments"):
        difference("spearman", {"a": [ONE]}, {"a": [sample(n=60)]}, draws=200)


def test_what_is_retained_is_said_only_of_what_was_there() -> None:
    worse = ONE._replace(predicted=sample(1, noise=1.0).predicted)
    found = gap("spearman", {"a": [ONE]}, {"a": [worse]}, draws=500)
    assert found.gap.value == pytest.approx(found.inside.value - found.outside.value)  # type: ignore[operator]
    assert found.retention.value == pytest.approx(found.outside.value / found.inside.value)  # type: ignore[operator]
    nothing = ONE._replace(predicted=np.random.default_rng(2).random(120))
    assert gap("spearman", {"a": [nothing]}, {"a": [ONE]}, draws=500).retention.value is None


def test_adjusted_p_values() -> None:
    # Holm: (0.01 * 4, 0.02 * 3, 0.03 * 2, 0.2), each at least the one before.
    assert holm([0.03, 0.01, 0.2, 0.02]) == pytest.approx([0.06, 0.04, 0.2, 0.06])
    assert benjamini_hochberg([0.03, 0.01, 0.2, 0.02]) == pytest.approx([0.04, 0.04, 0.2, 0.04])
    assert holm([]) == benjamini_hochberg([]) == []


def test_the_calibration_error_of_the_labels_themselves_is_nothing() -> None:
    exact = ONE._replace(predicted=ONE.labels.copy())
    assert calibration_error({"a": [exact]}, draws=200).value == pytest.approx(0.0)
    high = ONE._replace(predicted=np.clip(ONE.labels * 0 + 1.0, 0, 1))
    assert calibration_error({"a": [high]}, draws=200).value == pytest.approx(1 - ONE.labels.mean())


def test_the_same_answer_to_everything_is_an_alarm() -> None:
    assert degenerate([0.75] * 95 + [0.1, 0.2, 0.3, 0.4, 0.5]) == "95 of 100 predictions are 0.75"
    assert degenerate([0.5, 0.75] * 20) == "only 2 different values"
    assert degenerate(np.linspace(0, 1, 50)) is None
