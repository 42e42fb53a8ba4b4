"""Figures with intervals: a percentile bootstrap over units, or over clusters of units.

Texts on one topic are not independent, and an interval that treats them so is too narrow (Field and
Welsh 2007), so whole clusters are resampled where they are given. A draw is a vector of weights on the
units, and a statistic takes many draws at once.

What cannot be computed is None with a reason, never 0 or 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]
Labels = Sequence[Any] | npt.NDArray[Any]
Statistic = Callable[[Array], Array]  # weights of the units in each draw (units x draws) to values (draws)

FEW_CLUSTERS = 15
_CELLS = 1_000_000  # of a block of draws; smaller tables are given back to the system, and asked for, each time
_UNDEFINED_DRAWS = 0.05
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Estimate:
    """A figure, its 95 % interval, and what it rests on.

    Parameters
    ----------
    value
        None where it cannot be computed; `reason` then says why.
    low, high
        The 2.5th and 97.5th percentile of the bootstrap; None where there is none.
    n, offered
        Units that count, and units given.
    clusters
        How many clusters were resampled; None where the units themselves were.
    method
        What was computed, and how.
    reason
        Why the value, or its interval, is missing.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    offered: int
    clusters: int | None
    method: str
    reason: str | None = None

    @property
    def coverage(self) -> float:
        """The share of the units given that count, 0 to 1."""
        return self.n / self.offered if self.offered else 0.0

    @property
    def few_clusters(self) -> bool:
        """Whether the interval is likely too narrow, since fewer than 15 clusters were resampled."""
        return self.clusters is not None and self.clusters < FEW_CLUSTERS


class Units(NamedTuple):
    """Which of the units given count, and the cluster of each that does."""

    n: int
    offered: int
    codes: Whole | None
    clusters: int | None

    @classmethod
    def of(cls, kept: npt.NDArray[np.bool_], clusters: Labels | None) -> Units:
        number = int(kept.sum())
        if clusters is None:
            return cls(number, len(kept), None, None)
        distinct, codes = np.unique(codes_of(clusters, len(kept))[kept], return_inverse=True)
        return cls(number, len(kept), codes, len(distinct))


def codes_of(labels: Labels, length: int) -> Whole:
    """Labels as whole numbers, equal where the labels are."""
    if len(labels) != length:
        raise ValueError(f"{len(labels)} labels of clusters or groups for {length} units")
    places: dict[Any, int] = {}
    return np.array([places.setdefault(label, len(places)) for label in labels], dtype=np.intp)


def estimate(statistic: Statistic, units: Units, *, method: str, undefined: str, draws: int, seed: int) -> Estimate:
    """The statistic with every unit weighted 1, and its percentiles over draws of units or clusters."""
    if draws < 100:
        raise ValueError("an interval needs at least 100 draws")
    nothing = Estimate(None, None, None, units.n, units.offered, units.clusters, method)
    if units.n < 2:
        return replace(nothing, reason="fewer than two units count")
    value = float(statistic(np.ones((units.n, 1)))[0])
    if not np.isfinite(value):
        return replace(nothing, reason=undefined)
    found = replace(nothing, value=value)
    if units.clusters == 1:
        return replace(found, reason="no interval: there is only one cluster")
    values = np.concatenate([statistic(weights) for weights in draws_of(units, draws, np.random.default_rng(seed))])
    defined = values[np.isfinite(values)]
    if len(defined) < (1 - _UNDEFINED_DRAWS) * draws:
        return replace(found, reason=f"no interval: undefined in {draws - len(defined)} of {draws} draws")
    low, high = np.quantile(defined, (0.025, 0.975))
    return replace(found, low=float(low), high=float(high))


def exact_if_unanimous(share: Estimate) -> Estimate:
    """A share with an interval where all clusters say wholly yes, or wholly no, and so do not vary.

    The other end is then the exact one of Clopper and Pearson (1934), clusters being the trials: they alone are
    independent.
    """
    if share.value not in (0, 1) or share.low != share.value or share.high != share.value or not share.clusters:
        return share
    reach = 0.025 ** (1 / share.clusters)
    return replace(share, low=reach) if share.value == 1 else replace(share, high=1 - reach)


def draws_of(units: Units, draws: int, rng: np.random.Generator) -> Iterator[Array]:
    """How often each unit is in each draw (units x draws), in blocks that fit in memory."""
    resampled = units.n if units.clusters is None else units.clusters
    block = max(_CELLS // units.n, 1)
    for start in range(0, draws, block):
        size = min(block, draws - start)
        # Draws are rows of the picks, so that a draw is the same whatever the size of a block.
        picks = rng.integers(resampled, size=(size, resampled))
        cells = picks * size + np.arange(size)[:, None]
        weights = np.bincount(cells.ravel(), minlength=resampled * size).reshape(resampled, size).astype(float)
        yield weights if units.codes is None else weights[units.codes]


# --- Spearman


def spearman(
    x: npt.ArrayLike, y: npt.ArrayLike, *, clusters: Labels | None = None, draws: int = 1000, seed: int = 0
) -> Estimate:
    """Spearman's correlation with a bootstrap interval; rows with a NaN do not count.

    Rows are ranked anew in every draw: with ranks of the whole sample, the interval
    would be that of another statistic.

    Parameters
    ----------
    clusters
        The cluster of each row; whole clusters are then resampled.
    """
    one, two = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if one.ndim != 1 or one.shape != two.shape:
        raise ValueError("x and y must be equally long")
    kept = np.isfinite(one) & np.isfinite(two)
    pair = (sorted_values(one[kept]), sorted_values(two[kept]))
    return estimate(
        lambda weights: weighted_spearman(*pair, weights),
        Units.of(kept, clusters),
        method="Spearman",
        undefined="all values of one side are equal",
        draws=draws,
        seed=seed,
    )


def partial_spearman(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    given: npt.ArrayLike,
    *,
    clusters: Labels | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Spearman's correlation of x and y with a third variable partialled out (Kendall 1942), as `spearman`.

    (r_xy - r_xg r_yg) / sqrt((1 - r_xg²)(1 - r_yg²)) of rank correlations. With the number of words as
    `given`, it is what a judge knows beyond length.
    """
    columns = [np.asarray(each, dtype=float) for each in (x, y, given)]
    if columns[0].ndim != 1 or len({each.shape for each in columns}) > 1:
        raise ValueError("x, y and given must be equally long")
    kept = np.isfinite(np.array(columns)).all(axis=0)
    one, two, third = (sorted_values(each[kept]) for each in columns)

    def partial(weights: Array) -> Array:
        xy, xg, yg = (
            weighted_spearman(first, second, weights) for first, second in ((one, two), (one, third), (two, third))
        )
        return ratio(xy - xg * yg, np.sqrt(np.clip((1 - xg**2) * (1 - yg**2), 0, None)))

    return estimate(
        partial,
        Units.of(kept, clusters),
        method="partial Spearman",
        undefined="a variable is constant, or is the third one in another order",
        draws=draws,
        seed=seed,
    )


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
        return centred[self.codes], summed_products(counts, centred, centred)


def sorted_values(values: Array) -> SortedValues:
    distinct, codes = np.unique(values, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    return SortedValues(codes, order, np.searchsorted(codes[order], np.arange(len(distinct))))


def weighted_spearman(x: SortedValues, y: SortedValues, weights: Array) -> Array:
    (ranks_x, square_x), (ranks_y, square_y) = x.ranks(weights), y.ranks(weights)
    return ratio(summed_products(weights, ranks_x, ranks_y), np.sqrt(square_x * square_y))


def summed_products(one: Array, two: Array, three: Array) -> Array:
    """The sum over rows of the products of three tables, without a table in between."""
    return np.asarray(np.einsum("ij,ij,ij->j", one, two, three))


# --- arithmetic that leaves NaN where a value is not defined


def ratio(above: Array, below: Array) -> Array:
    """A quotient, NaN where what divides is not above 0."""
    out = np.full(np.broadcast_shapes(np.shape(above), np.shape(below)), np.nan)
    np.divide(above, below, out=out, where=np.asarray(below) > 0)
    return out


def squares(x: Array, size: Array, weights: Array) -> Array:
    """The sum of squares of x about its mean, each counted `size` times its weight; 0 where only rounding is left."""
    x = x - x[0]
    square = (size * x**2) @ weights
    left = square - ratio(((size * x) @ weights) ** 2, size @ weights)
    return np.where(left > _ROUNDING * square, left, 0.0)


def mean_defined(values: list[Array]) -> Array:
    """The mean of those that are defined, place by place; NaN where none is."""
    table = np.array(values) if values else np.full((1, 1), np.nan)
    defined = np.isfinite(table)
    return ratio(np.where(defined, table, 0.0).sum(axis=0), defined.sum(axis=0).astype(float))
