"""Metrics of predictions against human labels, each over many bootstrap draws at once.

A statistic takes weights of the arguments, shape (n_arguments, n_draws), and gives a value a draw; NaN where it is
not defined. Labels are compared only within what they are comparable in (`units`): with several, a statistic is the
mean over them. Correlations "beyond length" have the number of words partialled out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import compress
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from argqual.stats.correlation import (
    Correlation,
    kendall_of,
    moments,
    pairwise_accuracy_of,
    partial_of,
    partial_spearman_of,
    pearson_of,
    spearman_of,
)
from argqual.stats.resampling import Array, Mask, Statistic, mean_defined, ratio

_ALIKE = 0.9
_FEWEST_VALUES = 3


class MetricName(StrEnum):
    """The metrics, as benchmark files and results name them; what each is called and is stands in `METRICS`."""

    SPEARMAN = "spearman"
    SPEARMAN_BEYOND_LENGTH = "spearman_beyond_length"
    KENDALL = "kendall"
    KENDALL_BEYOND_LENGTH = "kendall_beyond_length"
    PEARSON = "pearson"
    PEARSON_BEYOND_LENGTH = "pearson_beyond_length"
    PAIRWISE_ACCURACY = "pairwise_accuracy"
    QWK = "qwk"
    ALPHA = "alpha"
    MAE = "mae"


class Sample(NamedTuple):
    """One strategy's predictions for the arguments of one domain, in the domain's order."""

    predicted: Array  # shape (n_arguments,), higher is better; NaN where there is none
    labels: Array  # of people, of the same shape
    words: Array  # how many, of the same shape
    clusters: Sequence[str]  # what is resampled as a whole: the topic
    units: Sequence[str]  # what labels are comparable within
    levels: int | None = None  # steps of the labels' scale, where it has any
    on_scale: bool = False  # labels and predictions are both from 0 to 1 on the labels' scale: their distance counts
    source: str = ""  # what was trained on: samples that agree in it differ by their seed

    def kept(self) -> Mask:
        """Which arguments have a prediction and a label."""
        return np.isfinite(self.predicted) & np.isfinite(self.labels)

    def part(self, kept: Mask) -> Self:
        """Some of the arguments."""
        return self._replace(
            predicted=self.predicted[kept],
            labels=self.labels[kept],
            words=self.words[kept],
            clusters=list(compress(self.clusters, kept)),
            units=list(compress(self.units, kept)),
        )


Prepare = Callable[[Sample], Statistic]


@dataclass(frozen=True)
class Metric:
    """How predictions are held against labels."""

    name: str
    title: str
    prepare: Prepare  # makes the statistic of a sample that lacks nothing
    low: float | None = -1.0  # the lower end of its range; None where it has none
    high: float | None = 1.0
    higher_is_better: bool = True
    fisher: bool = True  # whether it is a correlation, whose intervals are made on Fisher's z scale
    scale: bool = False  # whether predictions have to be on the labels' scale
    levels: bool = False  # and that has to have steps

    def unfit(self, sample: Sample) -> str | None:
        """Why it cannot be had of a sample, whatever its numbers."""
        if self.scale and not sample.on_scale:
            return "labels or predictions are on an open scale, so only their order can be compared"
        if self.levels and sample.levels is None:
            return "the labels' scale has no steps to round to"
        return None

    def statistic(self, sample: Sample) -> Statistic:
        """Of a sample without gaps: weights to values; the mean over the units of labels."""
        units = list(dict.fromkeys(sample.units))
        if len(units) == 1:
            return self.prepare(sample)
        rows = [np.array([unit == own for own in sample.units]) for unit in units]
        parts = [(own, self.prepare(sample.part(own))) for own in rows]
        return lambda weights: mean_defined([part(weights[own]) for own, part in parts])

    def value(self, sample: Sample) -> float | None:
        """The value of a sample; None where it is not defined."""
        kept = sample.kept()
        if self.unfit(sample) or kept.sum() < 2:
            return None
        found = float(self.statistic(sample.part(kept))(np.ones((int(kept.sum()), 1)))[0])
        return found if np.isfinite(found) else None


def _pair(of: Correlation) -> Prepare:
    return lambda sample: of(sample.predicted, sample.labels)


def _beyond_length(partial: Callable[[Array, Array, Array], Statistic]) -> Prepare:
    """With the number of words partialled out."""
    return lambda sample: partial(sample.predicted, sample.labels, sample.words)


def _mean_absolute_error(sample: Sample) -> Statistic:
    errors = np.abs(sample.predicted - sample.labels)
    return lambda weights: ratio(errors @ weights, weights.sum(axis=0))


def _rounded(sample: Sample) -> tuple[Array, Array]:
    """Predictions and labels as steps of the scale, 0 to levels - 1; beyond its ends is its end."""
    assert sample.levels is not None
    top = sample.levels - 1
    return tuple(np.clip(np.floor(values * top + 0.5), 0, top) for values in (sample.predicted, sample.labels))  # type: ignore[return-value]


def _quadratic_kappa(sample: Sample) -> Statistic:
    """Cohen's kappa with quadratic weights (1968): 1 - mean (p - l)² / that of chance, which the moments give."""
    one, two = _rounded(sample)
    columns = np.stack([np.ones_like(one), one, two, one**2, two**2, (one - two) ** 2])

    def kappa(weights: Array) -> Array:
        n, mean_one, mean_two, square_one, square_two, apart = moments(columns, weights)
        by_chance = square_one / n + square_two / n - 2 * mean_one * mean_two / n**2
        return 1 - ratio(apart / n, by_chance)

    return kappa


def _alpha(sample: Sample) -> Statistic:
    """Krippendorff's alpha (interval) of prediction and label as two raters."""
    one, two = _rounded(sample)
    columns = np.stack([np.ones_like(one), one + two, one**2 + two**2, (one - two) ** 2])

    def alpha(weights: Array) -> Array:
        n, total, square, apart = moments(columns, weights)
        spread = square / (2 * n) - (total / (2 * n)) ** 2
        return 1 - ratio(apart / n, 2 * spread * 2 * n / (2 * n - 1))

    return alpha


_ALL = (
    Metric(MetricName.SPEARMAN, "Spearman", _pair(spearman_of)),
    Metric(MetricName.SPEARMAN_BEYOND_LENGTH, "Spearman beyond length", _beyond_length(partial_spearman_of)),
    Metric(MetricName.KENDALL, "Kendall's tau-b", _pair(kendall_of)),
    Metric(MetricName.KENDALL_BEYOND_LENGTH, "Kendall's tau-b beyond length", _beyond_length(partial_of(kendall_of))),
    Metric(MetricName.PEARSON, "Pearson", _pair(pearson_of)),
    Metric(MetricName.PEARSON_BEYOND_LENGTH, "Pearson beyond length", _beyond_length(partial_of(pearson_of))),
    Metric(MetricName.PAIRWISE_ACCURACY, "Pairwise accuracy", _pair(pairwise_accuracy_of), low=0.0, fisher=False),
    Metric(MetricName.QWK, "Quadratic weighted kappa", _quadratic_kappa, scale=True, levels=True, fisher=False),
    Metric(MetricName.ALPHA, "Krippendorff's alpha", _alpha, scale=True, levels=True, fisher=False),
    Metric(
        MetricName.MAE,
        "Mean absolute error, of a scale from 0 to 1",
        _mean_absolute_error,
        low=0.0,
        higher_is_better=False,
        fisher=False,
        scale=True,
    ),
)
METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _ALL}


def degenerate(predicted: npt.ArrayLike) -> str | None:
    """What is wrong with predictions (NaN: missing) that say nearly the same of everything; None where nothing is."""
    values = np.asarray(predicted, dtype=float)
    values = values[np.isfinite(values)]
    if len(values) < _FEWEST_VALUES:
        return None
    distinct, counts = np.unique(np.round(values, 9), return_counts=True)
    if counts.max() >= _ALIKE * len(values):
        return f"{counts.max():,} of {len(values):,} predictions are {distinct[counts.argmax()]:.3g}"
    if len(distinct) < _FEWEST_VALUES:
        return f"only {len(distinct)} different values"
    return None


@dataclass(frozen=True)
class Bin:
    """Predictions between two quantiles: their mean, the mean of the labels (both 0 to 1) and how many they are."""

    predicted: float
    observed: float
    n: int


def reliability(sample: Sample, *, bins: int = 10) -> tuple[list[Bin], Statistic]:
    """The reliability curve of predictions from 0 to 1, and the statistic of the expected calibration error.

    The error is the mean over arguments of |mean prediction - mean label| of their bin (Naeini et al. 2015, with bins
    of equal numbers). Equal predictions are in one bin. The sample has no gaps.
    """
    edges = np.unique(np.quantile(sample.predicted, np.linspace(0, 1, bins + 1)[1:-1]))
    codes = np.searchsorted(edges, sample.predicted, side="right")
    members = [codes == code for code in np.unique(codes)]
    curve = [
        Bin(float(sample.predicted[own].mean()), float(sample.labels[own].mean()), int(own.sum())) for own in members
    ]
    apart = np.stack([np.where(own, sample.predicted - sample.labels, 0.0) for own in members])
    return curve, lambda weights: ratio(np.abs(apart @ weights).sum(axis=0), weights.sum(axis=0))
