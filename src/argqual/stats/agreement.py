"""How well people agree on argument quality, and so how near to them a model can come.

Two questions, kept apart. How much do single raters agree (`alpha_estimate`, `one_against_rest`,
`random_one_against_rest`)? How reliable is the score that many raters make together (`split_half_reliability`, `icc`,
`binary_mean_reliability`; for comparisons `argqual.stats.comparisons`)? The first says what one careful person reaches;
the second bounds a model: its correlation with scores of reliability r cannot, in expectation, exceed the square root
of r (Spearman 1904). A model may therefore beat one person.

Every figure is an `Estimate`: with a 95 % interval, and with how many of the units it rests on. What cannot be computed
is None with a reason, never 0 or 1. Intervals are percentile bootstraps over units, or over clusters of units: texts on
one topic are not independent, and an interval that treats them so is too narrow (Field and Welsh 2007). They speak of
other units or topics rated by the same kind of raters; raters are not resampled.

Nothing here reads a file, rescales ratings, fills in missing ones, or calls a value good or bad.
"""

from collections.abc import Sequence
from typing import Any, Literal, Unpack

import numpy as np
import numpy.typing as npt

from argqual.stats.correlation import SortedValues, mean_spearman, sorted_values
from argqual.stats.estimate import Estimate
from argqual.stats.resampling import Array, Bootstrap, Mask, Statistic, estimate, ratio, squares

Level = Literal["nominal", "ordinal", "interval"]
Ratings = npt.ArrayLike | Sequence[Sequence[float]]
"""Of each unit, in any order and number; or units x ratings with NaN."""

_DECIMALS = 9  # means that differ by rounding alone are the same
_ALL_EQUAL = "all ratings, or all means, are equal"


def padded(ratings: Ratings) -> Array:
    """Ratings of each unit, of which there may be more or fewer, as one table (units x ratings).

    Who gave a rating is forgotten: each row is sorted and filled with NaN.
    """
    rows = [np.asarray(row, dtype=float) for row in ratings]  # type: ignore[union-attr]
    if any(row.ndim != 1 for row in rows):
        raise ValueError("each unit needs a flat list of ratings")
    table = np.full((len(rows), max((len(row) for row in rows), default=0)), np.nan)
    for index, row in enumerate(rows):
        table[index, : len(row)] = row
    return np.sort(table, axis=1)


def _rated(ratings: Ratings, least: int) -> tuple[Array, npt.NDArray[np.intp], Mask]:
    """`padded` ratings of the units that have so many, how many each has, and which of the units given these are."""
    table = padded(ratings)
    number = np.isfinite(table).sum(axis=1)
    kept = number >= least
    return table[kept], number[kept], kept


# --- Krippendorff's alpha


def value_counts(ratings: npt.ArrayLike, values: npt.ArrayLike | None = None) -> tuple[Array, Array]:
    """How often each unit got each value (units x values), and the values.

    Of ratings (annotators x units, NaN where one did not rate) and the values of the scale, lowest first; those that
    occur, where left out. A ValueError where a rating is none of the values, or the values do not rise.
    """
    table = _table(ratings)
    seen = table[np.isfinite(table)]
    scale = np.unique(seen) if values is None else np.asarray(values, dtype=float)
    if not np.isin(seen, scale).all():
        raise ValueError("a rating is none of the values")
    counts = np.array([(table == value).sum(axis=0) for value in scale], dtype=float)
    return counts.reshape(len(scale), table.shape[1]).T, _rising(scale)


def alpha_estimate(
    counts: npt.ArrayLike, values: npt.ArrayLike, *, level: Level = "ordinal", **how: Unpack[Bootstrap]
) -> Estimate:
    """Krippendorff's alpha, from how often each unit got each value (units x values), whoever gave it.

    1 is perfect agreement, 0 what chance would give, and less is systematic disagreement. Units with fewer than two
    ratings do not count. It is not defined where nothing was rated twice, or all ratings are equal. A draw's ordinal
    distances follow from that draw's own ratings, as the coefficient demands. For annotators x units:
    `alpha_estimate(*value_counts(ratings))`.

    References
    ----------
    Krippendorff (2019), Content Analysis, 4th edition, chapter 12; (2011), Computing Krippendorff's Alpha-Reliability,
    section D. Zapf et al. (2016), BMC Medical Research Methodology 16:93, for the bootstrap over units.
    """
    table, scale = np.asarray(counts, dtype=float), _rising(values)
    if table.ndim != 2 or table.shape[1] != len(scale):
        raise ValueError("counts must be units x values")
    if not np.isfinite(table).all() or (table < 0).any():
        raise ValueError("counts must be 0 or more")
    kept = table.sum(axis=1) >= 2
    method, undefined = f"Krippendorff's alpha, {level}", "all ratings are equal"
    return estimate(_alpha(table[kept], scale, level), kept, method=method, undefined=undefined, **how)


def _rising(values: npt.ArrayLike) -> Array:
    scale = np.asarray(values, dtype=float)
    if scale.ndim != 1 or (np.diff(scale) <= 0).any():
        raise ValueError("the values must rise")
    return scale


def _alpha(counts: Array, scale: Array, level: Level) -> Statistic:
    """Alpha as a function of the units' weights: the coincidence matrix is a sum over units."""
    if level not in ("nominal", "ordinal", "interval"):
        raise ValueError(f"no such level: {level}")
    size = len(scale)
    pairs = np.einsum("uc,uk->uck", counts, counts) / (counts.sum(axis=1) - 1)[:, None, None]
    pairs = pairs.reshape(len(counts), size * size)

    def alpha(weights: Array) -> Array:
        marginals = counts.T @ weights
        observed = (pairs.T @ weights).reshape(size, size, -1)
        if level == "nominal":
            distance = np.repeat(1.0 - np.eye(size)[:, :, None], weights.shape[1], axis=2)
        else:
            # sum of n_g from c to k, less half of n_c and n_k: a difference of two mid-points.
            middle = np.cumsum(marginals, axis=0) - marginals / 2
            place = middle if level == "ordinal" else np.repeat(scale[:, None], weights.shape[1], axis=1)
            distance = (place[:, None] - place[None, :]) ** 2
        disagreement = (observed * distance).sum(axis=(0, 1))
        chance = np.einsum("cb,kb,ckb->b", marginals, marginals, distance)
        share = ratio(disagreement, chance)
        return np.asarray(1.0 - (marginals.sum(axis=0) - 1) * share)

    return alpha


# --- one rater against others


def one_against_rest(
    ratings: npt.ArrayLike, *, min_rest: int | None = None, min_units: int = 10, **how: Unpack[Bootstrap]
) -> Estimate:
    """How well one annotator predicts the mean of the others: Spearman, averaged over annotators.

    For annotators known by name, each with many units. It estimates what a person who rates everything reaches against
    a reference of `min_rest` or more others; a model that is compared with that same reference can be set beside it. It
    falls with fewer others, so figures of corpora with different numbers of them are not comparable. With few units for
    each annotator, use `random_one_against_rest`.

    Of ratings (annotators x units, NaN where one did not rate), those count of units that `min_rest` others have rated
    (all others, where left out), and annotators with `min_units` of these who gave more than one value, in a draw of
    the bootstrap too.
    """
    table = _table(ratings)
    present = np.isfinite(table)
    others = present.sum(axis=0) - present
    needed = max(len(table) - 1 if min_rest is None else min_rest, 1)
    usable = present & (others >= needed)
    filled = np.where(present, table, 0.0)
    rest = np.round((filled.sum(axis=0) - filled) / np.maximum(others, 1), _DECIMALS)
    able = [a for a in range(len(table)) if _able(table[a, usable[a]], rest[a, usable[a]], min_units)]
    kept = usable[able].any(axis=0)
    pairs = [
        (sorted_values(table[a, usable[a]]), sorted_values(rest[a, usable[a]]), np.flatnonzero(usable[a, kept]))
        for a in able
    ]
    method = f"one annotator against the mean of the others, Spearman, mean over {len(able)} of {len(table)}"
    undefined = "no annotator with enough units and more than one value"
    return estimate(mean_spearman(pairs), kept, method=method, undefined=undefined, **how)


def _able(own: Array, rest: Array, min_units: int) -> bool:
    return len(own) >= max(min_units, 2) and bool(np.ptp(own) > 0) and bool(np.ptp(rest) > 0)


def random_one_against_rest(
    ratings: Ratings, *, min_rest: int = 1, picks: int = 50, **how: Unpack[Bootstrap]
) -> Estimate:
    """How well one rating, of whoever it may be, predicts the mean of the unit's others.

    For raters who change from unit to unit, or are not known: from every unit one rating is picked at random and
    correlated over units (Spearman) with the mean of the rest, averaged over `picks` such draws. Since each unit's
    rating may come from another rater, differences in severity count as disagreement, so this is lower than
    `one_against_rest` where raters use the scale differently.

    A unit with fewer ratings than `min_rest` besides the picked one does not count.
    """
    table, number, kept = _rated(ratings, max(min_rest, 1) + 1)
    total = np.nansum(table, axis=1)
    rng = np.random.default_rng([how.get("seed", 0), 1])
    pairs = []
    for _ in range(picks if len(table) else 0):
        # Sorted rows have their ratings first, so a place below their number is a rating.
        one = table[np.arange(len(table)), rng.integers(number)]
        rest = np.round((total - one) / (number - 1), _DECIMALS)
        pairs.append((sorted_values(one), sorted_values(rest), slice(None)))
    method = f"a random rating against the mean of the others, Spearman, mean over {picks} picks"
    return estimate(mean_spearman(pairs), kept, method=method, undefined=_ALL_EQUAL, **how)


# --- reliability of means


def split_half_reliability(ratings: Ratings, *, splits: int = 50, **how: Unpack[Bootstrap]) -> Estimate:
    """Reliability of the units' means: Spearman between random halves of their ratings, stepped up.

    The halves are equal; where a unit has an odd number of ratings, one is left out at random. The correlation,
    averaged over `splits`, is stepped up from half to full number (both averaged over units) by the Spearman-Brown
    formula, which assumes that raters are exchangeable. Units with fewer than two ratings do not count.

    References
    ----------
    Spearman (1910) and Brown (1910), British Journal of Psychology 3, 271-295, 296-322.
    """
    table, number, kept = _rated(ratings, 2)
    half = number // 2
    rng = np.random.default_rng([how.get("seed", 0), 2])
    correlation = mean_spearman([_halves(table, half, rng) for _ in range(splits if len(table) else 0)])
    length = float(number.mean() / half.mean()) if len(table) else 2.0
    method = f"split-half reliability of means, Spearman, {splits} splits, Spearman-Brown x {length:.3g}"
    undefined = "the means of a half are all equal"
    return estimate(stepped_up(correlation, length), kept, method=method, undefined=undefined, **how)


def _halves(table: Array, half: npt.NDArray[Any], rng: np.random.Generator) -> tuple[SortedValues, SortedValues, slice]:
    order = np.argsort(np.where(np.isfinite(table), rng.random(table.shape), 2.0), axis=1)
    shuffled = np.nan_to_num(np.take_along_axis(table, order, axis=1))
    place, size = np.arange(table.shape[1])[None, :], half[:, None]
    first = np.where(place < size, shuffled, 0.0).sum(axis=1) / half
    second = np.where((place >= size) & (place < 2 * size), shuffled, 0.0).sum(axis=1) / half
    return sorted_values(np.round(first, _DECIMALS)), sorted_values(np.round(second, _DECIMALS)), slice(None)


def icc(ratings: Ratings, *, k: float | None = None, **how: Unpack[Bootstrap]) -> Estimate:
    """Intraclass correlation ICC(1, k) of a one-way random effects design: reliability of a mean of k ratings.

    Every unit is rated by its own random raters, so differences in their severity count as error. Units with fewer than
    two ratings do not count. The estimate may be negative; it then says that units differ less than chance would have
    it. `k` is 1 for a single rating. Where left out, it is the number each unit has; if these differ, k0 = (N -
    sum(n^2) / N) / (units - 1), with n of the N ratings on a unit, as the expected mean squares of an unbalanced design
    have it.

    References
    ----------
    Shrout and Fleiss (1979), Psychological Bulletin 86, 420-428, equations for ICC(1,1)
    and ICC(1,k); Donner (1986), International Statistical Review 54, 67-82, for k0.
    """
    table, number, kept = _rated(ratings, 2)
    n = number.astype(float)
    above_lowest = table - table[:, :1]
    sums = np.nansum(above_lowest, axis=1)
    within = np.nansum(above_lowest**2, axis=1) - sums**2 / n
    means = table[:, 0] + sums / n if len(table) else n

    def coefficient(weights: Array) -> Array:
        units, total = weights.sum(axis=0), n @ weights
        between = squares(means, n, weights)
        ms_between, ms_within = ratio(between, units - 1), ratio(within @ weights, total - units)
        size = ratio(total - (n**2) @ weights / total, units - 1)
        single = ratio(ms_between - ms_within, ms_between + (size - 1) * ms_within)
        return spearman_brown(single, size if k is None else k)

    method = f"ICC(1,{'k' if k is None else format(k, 'g')}), one-way random effects"
    return estimate(coefficient, kept, method=method, undefined=_ALL_EQUAL, **how)


def binary_mean_reliability(shares: npt.ArrayLike, votes: npt.ArrayLike, **how: Unpack[Bootstrap]) -> Estimate:
    """Reliability of shares of yes among votes: 1 - mean(p (1 - p) / (votes - 1)) / var(p).

    Each unit's own p (1 - p) / (votes - 1) is the unbiased estimate of the variance that sampling its voters adds. It
    assumes unweighted votes that are independent given the unit; voters who differ in severity, or vote on many units,
    break that. Shares are 0 to 1, one for each unit; votes one number, or one for each unit. Units with fewer than two
    votes do not count.
    """
    p = np.asarray(shares, dtype=float)
    n = np.broadcast_to(np.asarray(votes, dtype=float), p.shape)
    kept = np.isfinite(p) & (n >= 2)
    p, n = p[kept], n[kept]
    if ((p < 0) | (p > 1)).any():
        raise ValueError("shares must be 0 to 1")
    noise = p * (1 - p) / (n - 1)

    def reliability(weights: Array) -> Array:
        units = weights.sum(axis=0)
        variance = ratio(squares(p, np.ones(len(p)), weights), units - 1)
        return 1.0 - ratio(noise @ weights / units, variance)

    method, undefined = "reliability of shares of independent votes", "all shares are equal"
    return estimate(reliability, kept, method=method, undefined=undefined, **how)


def spearman_brown(single: Array, length: Array | float) -> Array:
    """The Spearman-Brown formula: reliability of a measurement `length` times as long; NaN where it has a pole."""
    return ratio(length * single, 1 + (length - 1) * single)


def stepped_up(correlation: Statistic, length: float) -> Statistic:
    """A correlation of parts, as one of measurements `length` times as long as each."""
    return lambda weights: spearman_brown(correlation(weights), length)


def _table(ratings: npt.ArrayLike) -> Array:
    table = np.asarray(ratings, dtype=float)
    if table.ndim != 2:
        raise ValueError("ratings must be annotators x units")
    if np.isinf(table).any():
        raise ValueError("a rating is infinite")
    return table
