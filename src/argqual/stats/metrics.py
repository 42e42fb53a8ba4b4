"""Metrics of predictions against human labels, each over many bootstrap draws at once.

A statistic takes weights of the arguments, shape (n_arguments, n_draws), and gives a value a draw; NaN where it is
not defined. Labels are compared only within what they are comparable in (`units`): with several, a statistic is the
mean over them. Correlations "beyond length" have the number of words partialled out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from argqual.stats.resampling import (
    Array,
    Statistic,
    mean_defined,
    ratio,
    sorted_values,
    summed_products,
    weighted_spearman,
)

_MOST_PAIRED = 3000  # arguments of which all pairs are compared
_ALIKE = 0.9
_FEWEST_VALUES = 3


class Sample(NamedTuple):
    """One strategy's predictions for the arguments of one domain, in the domain's order.

    Parameters
    ----------
    predicted
        Shape (n_arguments,), higher is better; NaN where there is none.
    labels, words
        Human labels and numbers of words, of the same shape.
    clusters
        What is resampled as a whole: the topic.
    units
        What labels are comparable within.
    levels
        Steps of the labels' scale, where it has any.
    on_scale
        Whether labels and predictions are both from 0 to 1 on the labels' scale, so that their distance means
        something.
    source
        What was trained on: samples that agree in it differ by their seed.
    """

    predicted: Array
    labels: Array
    words: Array
    clusters: Sequence[str]
    units: Sequence[str]
    levels: int | None = None
    on_scale: bool = False
    source: str = ""

    def kept(self) -> npt.NDArray[np.bool_]:
        """Which arguments have a prediction and a label."""
        return np.isfinite(self.predicted) & np.isfinite(self.labels)

    def part(self, kept: npt.NDArray[np.bool_]) -> Sample:
        """Some of the arguments."""

        def of(values: Sequence[str]) -> list[str]:
            return [value for value, keep in zip(values, kept, strict=True) if keep]

        return self._replace(
            predicted=self.predicted[kept],
            labels=self.labels[kept],
            words=self.words[kept],
            clusters=of(self.clusters),
            units=of(self.units),
        )


Prepare = Callable[[Sample], Statistic]


@dataclass(frozen=True)
class Metric:
    """How predictions are held against labels.

    Parameters
    ----------
    low, high
        The ends of its range; None where it has none.
    fisher
        Whether it is a correlation, whose intervals are made on Fisher's z scale.
    scale
        Whether predictions have to be on the labels' scale; `levels`: of so many steps.
    prepare
        Makes the statistic of a sample that lacks nothing.
    """

    name: str
    title: str
    prepare: Prepare
    low: float | None = -1.0
    high: float | None = 1.0
    higher_is_better: bool = True
    fisher: bool = True
    scale: bool = False
    levels: bool = False

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

        def mean(weights: Array) -> Array:
            return mean_defined([part(weights[own]) for own, part in parts])

        return mean

    def value(self, sample: Sample) -> float | None:
        """The value of a sample; None where it is not defined."""
        kept = sample.kept()
        if self.unfit(sample) or kept.sum() < 2:
            return None
        found = float(self.statistic(sample.part(kept))(np.ones((int(kept.sum()), 1)))[0])
        return found if np.isfinite(found) else None


def _spearman(sample: Sample) -> Statistic:
    one, two = sorted_values(sample.predicted), sorted_values(sample.labels)
    return lambda weights: weighted_spearman(one, two, weights)


def _pearson(sample: Sample) -> Statistic:
    return _weighted_pearson(sample.predicted, sample.labels)


def _weighted_pearson(x: Array, y: Array) -> Statistic:
    x, y = x - x.mean(), y - y.mean()
    moments = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y])

    def correlation(weights: Array) -> Array:
        n, mean_x, mean_y, xx, yy, xy = _moments(moments, weights)
        spread = (xx - mean_x**2 / n) * (yy - mean_y**2 / n)
        return ratio(xy - mean_x * mean_y / n, np.sqrt(np.clip(spread, 0, None)))

    return correlation


def _moments(columns: Array, weights: Array) -> Array:
    """Sums over the arguments, the first of which is their number; NaN where a draw has none of them."""
    sums = np.asarray(columns @ weights)
    return np.where(sums[0] > 0, sums, np.nan)


def _weighted_kendall(x: Array, y: Array) -> Statistic:
    """Kendall's tau-b: pairs in order minus pairs out of order, over the root of those untied in x times in y."""
    if len(x) > _MOST_PAIRED:
        return lambda weights: np.full(weights.shape[1], np.nan)
    order_x, order_y = _order(x), _order(y)
    agreeing = order_x * order_y

    def tau(weights: Array) -> Array:
        untied = _pairs(np.abs(order_x), weights) * _pairs(np.abs(order_y), weights)
        return ratio(_pairs(agreeing, weights), np.sqrt(untied))

    return tau


def _kendall(sample: Sample) -> Statistic:
    return _weighted_kendall(sample.predicted, sample.labels)


def _pairwise_accuracy(sample: Sample) -> Statistic:
    """The share of pairs with different labels that are predicted in their order; a tie in predictions is half."""
    if len(sample.labels) > _MOST_PAIRED:
        return lambda weights: np.full(weights.shape[1], np.nan)
    order = _order(sample.labels)
    agreeing, decided = _order(sample.predicted) * order, np.abs(order)
    return lambda weights: (1 + ratio(_pairs(agreeing, weights), _pairs(decided, weights))) / 2


def _order(values: Array) -> Array:
    """The sign of the difference of each pair."""
    return np.sign(values[:, None] - values[None, :])


def _pairs(table: Array, weights: Array) -> Array:
    """The sum over pairs, each as often as its two rows are drawn together."""
    return np.asarray((weights * (table @ weights)).sum(axis=0))


def _spearman_beyond_length(sample: Sample) -> Statistic:
    """As `_beyond_length` of Spearman's correlation, each variable ranked once a draw."""
    columns = [sorted_values(values) for values in (sample.predicted, sample.labels, sample.words)]

    def partial(weights: Array) -> Array:
        (x, xx), (y, yy), (w, ww) = (column.ranks(weights) for column in columns)
        xy = ratio(summed_products(weights, x, y), np.sqrt(xx * yy))
        xw = ratio(summed_products(weights, x, w), np.sqrt(xx * ww))
        yw = ratio(summed_products(weights, y, w), np.sqrt(yy * ww))
        return _partial(xy, xw, yw)

    return partial


def _partial(xy: Array, xw: Array, yw: Array) -> Array:
    """Kendall (1942). What is the number of words in another form has nothing beyond it."""
    left = (1 - xw**2) * (1 - yw**2)
    return ratio(xy - xw * yw, np.sqrt(np.where(left > 1e-9, left, 0.0)))


def _beyond_length(make: Callable[[Array, Array], Statistic]) -> Prepare:
    """A correlation with the number of words partialled out: (r_xy - r_xw r_yw) / sqrt((1 - r_xw²)(1 - r_yw²))."""

    def prepare(sample: Sample) -> Statistic:
        xy = make(sample.predicted, sample.labels)
        xw, yw = make(sample.predicted, sample.words), make(sample.labels, sample.words)

        return lambda weights: _partial(xy(weights), xw(weights), yw(weights))

    return prepare


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
    moments = np.stack([np.ones_like(one), one, two, one**2, two**2, (one - two) ** 2])

    def kappa(weights: Array) -> Array:
        n, mean_one, mean_two, square_one, square_two, apart = _moments(moments, weights)
        by_chance = square_one / n + square_two / n - 2 * mean_one * mean_two / n**2
        return 1 - ratio(apart / n, by_chance)

    return kappa


def _alpha(sample: Sample) -> Statistic:
    """Krippendorff's alpha (interval) of prediction and label as two raters."""
    one, two = _rounded(sample)
    moments = np.stack([np.ones_like(one), one + two, one**2 + two**2, (one - two) ** 2])

    def alpha(weights: Array) -> Array:
        n, total, square, apart = _moments(moments, weights)
        spread = square / (2 * n) - (total / (2 * n)) ** 2
        return 1 - ratio(apart / n, 2 * spread * 2 * n / (2 * n - 1))

    return alpha


_ALL = (
    Metric("spearman", "Spearman", _spearman),
    Metric("spearman_beyond_length", "Spearman beyond length", _spearman_beyond_length),
    Metric("kendall", "Kendall's tau-b", _kendall),
    Metric("kendall_beyond_length", "Kendall's tau-b beyond length", _beyond_length(_weighted_kendall)),
    Metric("pearson", "Pearson", _pearson),
    Metric("pearson_beyond_length", "Pearson beyond length", _beyond_length(_weighted_pearson)),
    Metric("pairwise_accuracy", "Pairwise accuracy", _pairwise_accuracy, low=0.0, fisher=False),
    Metric("qwk", "Quadratic weighted kappa", _quadratic_kappa, scale=True, levels=True, fisher=False),
    Metric("alpha", "Krippendorff's alpha", _alpha, scale=True, levels=True, fisher=False),
    Metric(
        "mae",
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
    """What is wrong with predictions that say nearly the same of everything; None where nothing is.

    Parameters
    ----------
    predicted
        NaN for a prediction that is missing.
    """
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


class Bin(NamedTuple):
    """Predictions between two quantiles: their mean, the labels' mean, and how many."""

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

    def error(weights: Array) -> Array:
        return ratio(np.abs(apart @ weights).sum(axis=0), weights.sum(axis=0))

    return curve, error
