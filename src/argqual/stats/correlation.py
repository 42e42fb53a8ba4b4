"""Correlations as functions of weights, so that a bootstrap computes them for all of its draws at once.

Ranks are those of each draw: with ranks of the whole sample, the interval would be that of another statistic.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Unpack

import numpy as np
import numpy.typing as npt

from argqual.stats.estimate import Estimate
from argqual.stats.resampling import Array, Bootstrap, Statistic, Whole, estimate, mean_defined, ratio

_MOST_PAIRED = 3000  # values of which all pairs are compared
_NOTHING_LEFT = 1e-9

Correlation = Callable[[Array, Array], Statistic]


def spearman(x: npt.ArrayLike, y: npt.ArrayLike, **how: Unpack[Bootstrap]) -> Estimate:
    """Spearman's correlation with a bootstrap interval; rows with a NaN do not count."""
    return _estimated({"x": x, "y": y}, spearman_of, "Spearman", "all values of one side are equal", **how)


def partial_spearman(x: npt.ArrayLike, y: npt.ArrayLike, given: npt.ArrayLike, **how: Unpack[Bootstrap]) -> Estimate:
    """Spearman's correlation of x and y with a third variable partialled out, as `spearman`.

    With the number of words as `given`, it is what a judge knows beyond length.
    """
    undefined = "a variable is constant, or is the third one in another order"
    return _estimated({"x": x, "y": y, "given": given}, partial_spearman_of, "partial Spearman", undefined, **how)


def _estimated(
    columns: dict[str, npt.ArrayLike],
    of: Callable[..., Statistic],
    method: str,
    undefined: str,
    **how: Unpack[Bootstrap],
) -> Estimate:
    given = [np.asarray(each, dtype=float) for each in columns.values()]
    if given[0].ndim != 1 or len({each.shape for each in given}) > 1:
        *first, last = columns
        raise ValueError(f"{', '.join(first)} and {last} must be equally long")
    kept = np.isfinite(np.array(given)).all(axis=0)
    return estimate(of(*(each[kept] for each in given)), kept, method=method, undefined=undefined, **how)


class SortedValues(NamedTuple):
    """Where each value stands among the distinct ones; rows in rising order; where each distinct value starts."""

    codes: Whole
    order: Whole
    starts: Whole

    def ranks(self, weights: Array) -> tuple[Array, Array]:
        """Average ranks, centred, of rows repeated by their weights, and the sum of their squares.

        Both follow from how often each distinct value occurs, so no draw is sorted.
        """
        counts = weights[self.order]
        if len(self.starts) < len(self.order):
            counts = np.add.reduceat(counts, self.starts, axis=0)
        # A value's average rank is (count so far) - (count - 1) / 2, and their mean is (n + 1) / 2.
        centred = np.cumsum(counts, axis=0)
        centred -= centred[-1] / 2
        centred -= counts / 2
        return centred[self.codes], _summed_products(counts, centred, centred)


def sorted_values(values: Array) -> SortedValues:
    distinct, codes = np.unique(values, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    return SortedValues(codes, order, np.searchsorted(codes[order], np.arange(len(distinct))))


def weighted_spearman(x: SortedValues, y: SortedValues, weights: Array) -> Array:
    """Spearman's correlation in each draw."""
    return _of_ranks(weights, x.ranks(weights), y.ranks(weights))


Pairs = Sequence[tuple[SortedValues, SortedValues, "Whole | slice"]]
"""Pairs of variables, each with the places of its rows among the units."""


def mean_spearman(pairs: Pairs) -> Statistic:
    """Spearman's correlation of each pair, averaged over those for which it is defined."""
    return lambda weights: mean_defined([weighted_spearman(one, two, weights[at]) for one, two, at in pairs])


def _of_ranks(weights: Array, one: tuple[Array, Array], two: tuple[Array, Array]) -> Array:
    return ratio(_summed_products(weights, one[0], two[0]), np.sqrt(one[1] * two[1]))


def _summed_products(one: Array, two: Array, three: Array) -> Array:
    """The sum over rows of the products of three tables, without a table in between."""
    return np.asarray(np.einsum("ij,ij,ij->j", one, two, three))


def spearman_of(x: Array, y: Array) -> Statistic:
    """Spearman's correlation of values without gaps."""
    one, two = sorted_values(x), sorted_values(y)
    return lambda weights: weighted_spearman(one, two, weights)


def partial_spearman_of(x: Array, y: Array, given: Array) -> Statistic:
    """As `partial_of(spearman_of)`, with each variable ranked once a draw."""
    columns = [sorted_values(values) for values in (x, y, given)]

    def partial(weights: Array) -> Array:
        one, two, third = (column.ranks(weights) for column in columns)
        pairs = ((one, two), (one, third), (two, third))
        return _partial(*(_of_ranks(weights, *pair) for pair in pairs))

    return partial


def partial_of(correlation: Correlation) -> Callable[[Array, Array, Array], Statistic]:
    """A correlation with a third variable partialled out (Kendall 1942).

    (r_xy - r_xg r_yg) / sqrt((1 - r_xg²)(1 - r_yg²))
    """

    def prepare(x: Array, y: Array, given: Array) -> Statistic:
        xy, xg, yg = correlation(x, y), correlation(x, given), correlation(y, given)
        return lambda weights: _partial(xy(weights), xg(weights), yg(weights))

    return prepare


def _partial(xy: Array, xg: Array, yg: Array) -> Array:
    """What is the third variable in another form has nothing beyond it."""
    left = (1 - xg**2) * (1 - yg**2)
    return ratio(xy - xg * yg, np.sqrt(np.where(left > _NOTHING_LEFT, left, 0.0)))


def pearson_of(x: Array, y: Array) -> Statistic:
    """Pearson's correlation of values without gaps."""
    x, y = x - x.mean(), y - y.mean()
    columns = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y])

    def correlation(weights: Array) -> Array:
        n, mean_x, mean_y, xx, yy, xy = moments(columns, weights)
        spread = (xx - mean_x**2 / n) * (yy - mean_y**2 / n)
        return ratio(xy - mean_x * mean_y / n, np.sqrt(np.clip(spread, 0, None)))

    return correlation


def moments(columns: Array, weights: Array) -> Array:
    """Sums over the rows, the first of which is their number; NaN where a draw has none of them."""
    sums = np.asarray(columns @ weights)
    return np.where(sums[0] > 0, sums, np.nan)


def kendall_of(x: Array, y: Array) -> Statistic:
    """Kendall's tau-b: pairs in order minus pairs out of order, over the root of those untied in x times in y."""
    if len(x) > _MOST_PAIRED:
        return never_defined
    order_x, order_y = _order(x), _order(y)
    agreeing = order_x * order_y

    def tau(weights: Array) -> Array:
        untied = _pairs(np.abs(order_x), weights) * _pairs(np.abs(order_y), weights)
        return ratio(_pairs(agreeing, weights), np.sqrt(untied))

    return tau


def pairwise_accuracy_of(predicted: Array, labels: Array) -> Statistic:
    """The share of pairs with different labels that are predicted in their order; a tie in predictions is half."""
    if len(labels) > _MOST_PAIRED:
        return never_defined
    order = _order(labels)
    agreeing, decided = _order(predicted) * order, np.abs(order)
    return lambda weights: (1 + ratio(_pairs(agreeing, weights), _pairs(decided, weights))) / 2


def never_defined(weights: Array) -> Array:
    """A statistic that has no value in any draw."""
    return np.full(weights.shape[1], np.nan)


def _order(values: Array) -> Array:
    """The sign of the difference of each pair."""
    return np.sign(values[:, None] - values[None, :])


def _pairs(table: Array, weights: Array) -> Array:
    """The sum over pairs, each as often as its two rows are drawn together."""
    return np.asarray((weights * (table @ weights)).sum(axis=0))
