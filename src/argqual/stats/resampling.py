"""A percentile bootstrap over units, or over clusters of units.

Texts on one topic are not independent, and an interval that treats them so is too narrow (Field and Welsh 2007), so
whole clusters are resampled where they are given. A draw is a vector of weights on the units, and a statistic takes
many draws at once; a value that is not defined is NaN.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Self, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from argqual.stats.estimate import Estimate

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.intp]
Labels = Sequence[Any] | npt.NDArray[Any]
Statistic = Callable[[Array], Array]  # weights of the units in each draw (units x draws) to values (draws)

_ENDS = (0.025, 0.975)
_CELLS = 1_000_000  # of a block of draws; smaller tables are given back to the system, and asked for, each time
_UNDEFINED_DRAWS = 0.05
_ROUNDING = 1e-12


class Bootstrap(TypedDict, total=False):
    """How an interval is made."""

    clusters: Labels | None  # the cluster of each unit: whole ones are then resampled; units themselves, when left out
    draws: int  # at least 100; 1,000 when left out
    seed: int  # of the draws; 0 when left out


class Units(NamedTuple):
    """Which of the units given count, and the cluster of each that does."""

    n: int
    offered: int
    codes: Whole | None
    clusters: int | None

    @classmethod
    def of(cls, kept: Mask, clusters: Labels | None) -> Self:
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


def estimate(
    statistic: Statistic, units: Units | Mask, *, method: str, undefined: str, **how: Unpack[Bootstrap]
) -> Estimate:
    """The statistic with every unit weighted 1, and its percentiles over draws of units or clusters.

    `units` says which of the units given count, also with their clusters; `undefined` is the reason that is given where
    the statistic is not defined.
    """
    draws, rng = how.get("draws", 1000), np.random.default_rng(how.get("seed", 0))
    if draws < 100:
        raise ValueError("an interval needs at least 100 draws")
    if not isinstance(units, Units):
        units = Units.of(units, how.get("clusters"))
    nothing = Estimate.missing("fewer than two units count", units.n, units.offered, units.clusters, method)
    if units.n < 2:
        return nothing
    value = float(statistic(np.ones((units.n, 1)))[0])
    if not np.isfinite(value):
        return replace(nothing, reason=undefined)
    found = replace(nothing, value=value, reason=None)
    if units.clusters == 1:
        return replace(found, reason="no interval: there is only one cluster")
    values = np.concatenate([statistic(weights) for weights in draws_of(units, draws, rng)])
    if (known := defined(values)) is None:
        return replace(found, reason=f"no interval: undefined in {(~np.isfinite(values)).sum()} of {draws} draws")
    low, high = percentiles(known)
    return replace(found, low=low, high=high)


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


def defined(values: Array) -> Array | None:
    """The draws in which a statistic is defined; None where more than one in twenty does not define it."""
    known = values[np.isfinite(values)]
    return known if len(known) >= (1 - _UNDEFINED_DRAWS) * len(values) else None


def percentiles(values: Array) -> tuple[float, float]:
    """The ends of the 95 % interval of draws."""
    low, high = np.quantile(values, _ENDS)
    return float(low), float(high)


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


def scaled_within(values: Array, names: Sequence[str] | npt.NDArray[np.str_]) -> Array:
    """z-scores within each name; 0 where all values of one are equal."""
    scaled, own = np.zeros(len(values)), np.asarray(names)
    for name in dict.fromkeys(own.tolist()):
        part = values[own == name]
        if np.ptp(part) > 0:
            scaled[own == name] = (part - part.mean()) / part.std()
    return scaled


def mean_defined(values: list[Array]) -> Array:
    """The mean of those that are defined, place by place; NaN where none is."""
    table = np.array(values) if values else np.full((1, 1), np.nan)
    known = np.isfinite(table)
    return ratio(np.where(known, table, 0.0).sum(axis=0), known.sum(axis=0).astype(float))
