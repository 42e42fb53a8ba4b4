"""How well people agree on argument quality, and so how near to them a model can come.

Two questions, kept apart. How much do single raters agree (`alpha_estimate`,
`one_against_rest`, `random_one_against_rest`)? How reliable is the score that many
raters make together (`split_half_reliability`, `icc`, `binary_mean_reliability`,
`pair_reliability`)? The first says what one careful person reaches; the second
bounds a model: its correlation with scores of reliability r cannot, in expectation,
exceed the square root of r (Spearman 1904). A model may therefore beat one person.

Every figure is an `Estimate`: with a 95 % interval, and with how many of the units
it rests on. What cannot be computed is None with a reason, never 0 or 1. Intervals
are percentile bootstraps over units, or over clusters of units: texts on one topic
are not independent, and an interval that treats them so is too narrow (Field and
Welsh 2007). They speak of other units or topics rated by the same kind of raters;
raters are not resampled.

Nothing here reads a file, rescales ratings, fills in missing ones, or calls a value
good or bad.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Level = Literal["nominal", "ordinal", "interval"]
Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]
Labels = Sequence[Any] | npt.NDArray[Any]
Statistic = Callable[[Array], Array]  # weights of the units in each draw (units x draws) to values (draws)

FEW_CLUSTERS = 15
_CELLS = 2_000_000  # of a block of draws; keeps memory small without slowing anything
_UNDEFINED_DRAWS = 0.05
_DECIMALS = 9  # means that differ by rounding alone are the same
_ROUNDING = 1e-12
_SCORE_DECIMALS = 5  # two items with the same record have the same score


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


def padded(ratings: npt.ArrayLike | Sequence[Sequence[float]]) -> Array:
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


# --- Krippendorff's alpha


def value_counts(ratings: npt.ArrayLike, values: npt.ArrayLike | None = None) -> tuple[Array, Array]:
    """How often each unit got each value.

    Parameters
    ----------
    ratings
        Annotators x units, NaN where one did not rate.
    values
        The values of the scale, lowest first; those that occur, where left out.

    Returns
    -------
    Counts (units x values), and the values.

    Raises
    ------
    ValueError
        If a rating is none of the values, or the values do not rise.
    """
    table = _table(ratings)
    seen = table[np.isfinite(table)]
    scale = np.unique(seen) if values is None else np.asarray(values, dtype=float)
    if not np.isin(seen, scale).all():
        raise ValueError("a rating is none of the values")
    counts = np.array([(table == value).sum(axis=0) for value in scale], dtype=float)
    return counts.reshape(len(scale), table.shape[1]).T, _rising(scale)


def krippendorff_alpha(
    ratings: npt.ArrayLike, *, level: Level = "ordinal", values: npt.ArrayLike | None = None
) -> float:
    """Krippendorff's alpha of annotators x units; NaN where a rating is missing.

    1 is perfect agreement, 0 what chance would give, and less is systematic
    disagreement. Units with fewer than two ratings do not count.

    Returns
    -------
    NaN where alpha is not defined: nothing was rated twice, or all ratings are equal.

    References
    ----------
    Krippendorff (2019), Content Analysis, 4th edition, chapter 12; (2011), Computing
    Krippendorff's Alpha-Reliability, section D.
    """
    counts, scale = value_counts(ratings, values)
    return alpha_from_counts(counts, scale, level=level)


def alpha_from_counts(counts: npt.ArrayLike, values: npt.ArrayLike, *, level: Level = "ordinal") -> float:
    """As `krippendorff_alpha`, from how often each unit got each value (units x values), whoever gave it."""
    kept, scale = _pairable(counts, values)
    return float(_alpha(kept, scale, level)(np.ones((len(kept), 1)))[0])


def alpha_estimate(
    counts: npt.ArrayLike,
    values: npt.ArrayLike,
    *,
    level: Level = "ordinal",
    clusters: Labels | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Krippendorff's alpha with a bootstrap interval over units, or over clusters of units.

    A draw's ordinal distances follow from that draw's own ratings, as the coefficient
    demands. For annotators x units: `alpha_estimate(*value_counts(ratings))`.

    References
    ----------
    Zapf et al. (2016), BMC Medical Research Methodology 16:93, for the bootstrap over units.
    """
    table = np.asarray(counts, dtype=float)
    kept, scale = _pairable(table, values)
    return _estimate(
        _alpha(kept, scale, level),
        _Units.of(table.sum(axis=1) >= 2, clusters),
        method=f"Krippendorff's alpha, {level}",
        undefined="all ratings are equal",
        draws=draws,
        seed=seed,
    )


def _pairable(counts: npt.ArrayLike, values: npt.ArrayLike) -> tuple[Array, Array]:
    table, scale = np.asarray(counts, dtype=float), _rising(values)
    if table.ndim != 2 or table.shape[1] != len(scale):
        raise ValueError("counts must be units x values")
    if not np.isfinite(table).all() or (table < 0).any():
        raise ValueError("counts must be 0 or more")
    return table[table.sum(axis=1) >= 2], scale


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
        share = _ratio(disagreement, chance)
        return np.asarray(1.0 - (marginals.sum(axis=0) - 1) * share)

    return alpha


# --- one rater against others


def one_against_rest(
    ratings: npt.ArrayLike,
    *,
    min_rest: int | None = None,
    min_units: int = 10,
    clusters: Labels | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Estimate:
    """How well one annotator predicts the mean of the others: Spearman, averaged over annotators.

    For annotators known by name, each with many units. It estimates what a person
    who rates everything reaches against a reference of `min_rest` or more others;
    a model that is compared with that same reference can be set beside it. It falls
    with fewer others, so figures of corpora with different numbers of them are not
    comparable. With few units for each annotator, use `random_one_against_rest`.

    Parameters
    ----------
    ratings
        Annotators x units, NaN where one did not rate.
    min_rest
        How many others must have rated a unit; all of them, where left out.
    min_units
        Annotators with fewer such units, or who gave only one value, do not count.
        In a draw of the bootstrap, who then gave only one value does not count either.
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
    rows = [np.flatnonzero(usable[a, kept]) for a in able]
    pairs = [(_sorted(table[a, usable[a]]), _sorted(rest[a, usable[a]])) for a in able]
    return _estimate(
        lambda weights: _mean([_spearman(*pair, weights[at]) for pair, at in zip(pairs, rows, strict=True)]),
        _Units.of(kept, clusters),
        method=f"one annotator against the mean of the others, Spearman, mean over {len(able)} of {len(table)}",
        undefined="no annotator with enough units and more than one value",
        draws=draws,
        seed=seed,
    )


def _able(own: Array, rest: Array, min_units: int) -> bool:
    return len(own) >= max(min_units, 2) and bool(np.ptp(own) > 0) and bool(np.ptp(rest) > 0)


def random_one_against_rest(
    ratings: npt.ArrayLike | Sequence[Sequence[float]],
    *,
    min_rest: int = 1,
    picks: int = 50,
    clusters: Labels | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Estimate:
    """How well one rating, of whoever it may be, predicts the mean of the unit's others.

    For raters who change from unit to unit, or are not known: from every unit one
    rating is picked at random and correlated over units (Spearman) with the mean of
    the rest, averaged over `picks` such draws. Since each unit's rating may come from
    another rater, differences in severity count as disagreement, so this is lower
    than `one_against_rest` where raters use the scale differently.

    Parameters
    ----------
    ratings
        The ratings of each unit, in any order and number; or units x ratings with NaN.
    min_rest
        Units with fewer ratings besides the picked one do not count.
    """
    table = padded(ratings)
    number = np.isfinite(table).sum(axis=1)
    kept = number > max(min_rest, 1)
    table, number = table[kept], number[kept]
    total = np.nansum(table, axis=1)
    rng = np.random.default_rng([seed, 1])
    pairs = []
    for _ in range(picks if len(table) else 0):
        # Sorted rows have their ratings first, so a place below their number is a rating.
        one = table[np.arange(len(table)), rng.integers(number)]
        pairs.append((_sorted(one), _sorted(np.round((total - one) / (number - 1), _DECIMALS))))
    return _estimate(
        lambda weights: _mean([_spearman(*pair, weights) for pair in pairs]),
        _Units.of(kept, clusters),
        method=f"a random rating against the mean of the others, Spearman, mean over {picks} picks",
        undefined="all ratings, or all means, are equal",
        draws=draws,
        seed=seed,
    )


# --- reliability of means


def split_half_reliability(
    ratings: npt.ArrayLike | Sequence[Sequence[float]],
    *,
    splits: int = 50,
    clusters: Labels | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Reliability of the units' means: Spearman between random halves of their ratings, stepped up.

    The halves are equal; where a unit has an odd number of ratings, one is left out
    at random. The correlation, averaged over `splits`, is stepped up from half to
    full number (both averaged over units) by the Spearman-Brown formula, which
    assumes that raters are exchangeable. Units with fewer than two ratings do not
    count.

    References
    ----------
    Spearman (1910) and Brown (1910), British Journal of Psychology 3, 271-295, 296-322.
    """
    table = padded(ratings)
    number = np.isfinite(table).sum(axis=1)
    kept = number >= 2
    table, number = table[kept], number[kept]
    half = number // 2
    rng = np.random.default_rng([seed, 2])
    pairs = [_halves(table, half, rng) for _ in range(splits if len(table) else 0)]
    length = float(number.mean() / half.mean()) if len(table) else 2.0
    return _estimate(
        lambda weights: _step_up(_mean([_spearman(*pair, weights) for pair in pairs]), length),
        _Units.of(kept, clusters),
        method=f"split-half reliability of means, Spearman, {splits} splits, Spearman-Brown x {length:.3g}",
        undefined="the means of a half are all equal",
        draws=draws,
        seed=seed,
    )


def _halves(table: Array, half: npt.NDArray[Any], rng: np.random.Generator) -> tuple[_Sorted, _Sorted]:
    order = np.argsort(np.where(np.isfinite(table), rng.random(table.shape), 2.0), axis=1)
    shuffled = np.nan_to_num(np.take_along_axis(table, order, axis=1))
    place, size = np.arange(table.shape[1])[None, :], half[:, None]
    first = np.where(place < size, shuffled, 0.0).sum(axis=1) / half
    second = np.where((place >= size) & (place < 2 * size), shuffled, 0.0).sum(axis=1) / half
    return _sorted(np.round(first, _DECIMALS)), _sorted(np.round(second, _DECIMALS))


def icc(
    ratings: npt.ArrayLike | Sequence[Sequence[float]],
    *,
    k: float | None = None,
    clusters: Labels | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Intraclass correlation ICC(1, k) of a one-way random effects design: reliability of a mean of k ratings.

    Every unit is rated by its own random raters, so differences in their severity
    count as error. Units with fewer than two ratings do not count. The estimate may
    be negative; it then says that units differ less than chance would have it.

    Parameters
    ----------
    k
        1 for a single rating. Where left out, the number each unit has; if these
        differ, k0 = (N - sum(n^2) / N) / (units - 1), with n of the N ratings on a
        unit, as the expected mean squares of an unbalanced design have it.

    References
    ----------
    Shrout and Fleiss (1979), Psychological Bulletin 86, 420-428, equations for ICC(1,1)
    and ICC(1,k); Donner (1986), International Statistical Review 54, 67-82, for k0.
    """
    table = padded(ratings)
    number = np.isfinite(table).sum(axis=1)
    kept = number >= 2
    table, n = table[kept], number[kept].astype(float)
    above_lowest = table - table[:, :1]
    sums = np.nansum(above_lowest, axis=1)
    within = np.nansum(above_lowest**2, axis=1) - sums**2 / n
    means = table[:, 0] + sums / n if len(table) else n

    def coefficient(weights: Array) -> Array:
        units, total = weights.sum(axis=0), n @ weights
        between = _squares(means, n, weights)
        ms_between, ms_within = _ratio(between, units - 1), _ratio(within @ weights, total - units)
        size = _ratio(total - (n**2) @ weights / total, units - 1)
        single = _ratio(ms_between - ms_within, ms_between + (size - 1) * ms_within)
        return _step_up(single, size if k is None else k)

    return _estimate(
        coefficient,
        _Units.of(kept, clusters),
        method=f"ICC(1,{'k' if k is None else format(k, 'g')}), one-way random effects",
        undefined="all ratings, or all means, are equal",
        draws=draws,
        seed=seed,
    )


def binary_mean_reliability(
    shares: npt.ArrayLike,
    votes: npt.ArrayLike,
    *,
    clusters: Labels | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Reliability of shares of yes among votes: 1 - mean(p (1 - p) / (votes - 1)) / var(p).

    Each unit's own p (1 - p) / (votes - 1) is the unbiased estimate of the variance
    that sampling its voters adds. It assumes unweighted votes that are independent
    given the unit; voters who differ in severity, or vote on many units, break that.
    Units with fewer than two votes do not count.

    Parameters
    ----------
    shares
        0 to 1, one for each unit.
    votes
        How many votes each share rests on: one number, or one for each unit.
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
        variance = _ratio(_squares(p, np.ones(len(p)), weights), units - 1)
        return 1.0 - _ratio(noise @ weights / units, variance)

    return _estimate(
        reliability,
        _Units.of(kept, clusters),
        method="reliability of shares of independent votes",
        undefined="all shares are equal",
        draws=draws,
        seed=seed,
    )


# --- reliability of scores from comparisons


def bradley_terry(
    first: npt.ArrayLike, second: npt.ArrayLike, outcome: npt.ArrayLike, n_items: int, *, l2: float = 1.0
) -> Array:
    """Scores of items from comparisons of two: P(i beats j) = 1 / (1 + exp(score_j - score_i)).

    The logarithm of the likelihood less `l2` / 2 times the squared scores is
    maximised (a normal prior of variance 1 / `l2`), so that an item that always won
    has a finite score and items that no chain of comparisons connects can be fitted
    together. Scores of each connected part have mean 0: those of different parts
    have no common scale. An item never compared has 0.

    Parameters
    ----------
    first, second
        The items compared, as indices below `n_items`.
    outcome
        1 where the first won, 0 where the second did, 0.5 for a tie (half a win each).

    References
    ----------
    Bradley and Terry (1952), Biometrika 39, 324-345.
    """
    one, two, won = _comparisons(first, second, outcome, n_items)
    if l2 <= 0:
        raise ValueError("l2 must be above 0")

    def loss(scores: Array) -> tuple[float, Array]:
        gap = scores[one] - scores[two]
        miss = np.exp(-np.logaddexp(0.0, -gap)) - won
        slope = np.bincount(one, miss, n_items) - np.bincount(two, miss, n_items) + l2 * scores
        value = np.logaddexp(0.0, gap).sum() - won @ gap + l2 / 2 * scores @ scores
        return float(value), slope

    tight = {"maxiter": 2000, "ftol": 1e-15, "gtol": 1e-8}
    found = minimize(loss, np.zeros(n_items), jac=True, method="L-BFGS-B", options=tight)
    return np.asarray(found.x, dtype=float)


def _comparisons(
    first: npt.ArrayLike, second: npt.ArrayLike, outcome: npt.ArrayLike, n_items: int
) -> tuple[Whole, Whole, Array]:
    one, two = np.asarray(first, dtype=np.intp), np.asarray(second, dtype=np.intp)
    won = np.asarray(outcome, dtype=float)
    if not one.ndim == two.ndim == won.ndim == 1 or not len(one) == len(two) == len(won):
        raise ValueError("first, second and outcome must be equally long")
    if len(one) and not (min(one.min(), two.min()) >= 0 and max(one.max(), two.max()) < n_items):
        raise ValueError("an item's index is not below n_items")
    if (one == two).any():
        raise ValueError("an item is compared with itself")
    if not ((won >= 0) & (won <= 1)).all():
        raise ValueError("outcomes must be 0 to 1")
    return one, two, won


def pair_reliability(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    outcome: npt.ArrayLike,
    n_items: int,
    *,
    groups: Labels | None = None,
    min_items: int = 5,
    splits: int = 20,
    l2: float = 1.0,
    draws: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Reliability of Bradley-Terry scores, where all that people gave is which of two is better.

    The comparisons are split into random halves, each half is fitted, and the two
    scores of the items are correlated (Spearman) within each group, averaged over
    splits, then over groups weighted by their items; the average is stepped up to
    all comparisons (Spearman-Brown). An item that a half does not hold is left out
    of that split. Comparisons that a corpus has cleaned, by keeping only those that
    voters or a model agreed on, look more reliable here than people are.

    The interval resamples groups; if there is one only, its items, with their
    scores held fixed. Comparisons are not resampled: the same one in both halves
    would count as agreement. On simulated comparisons it is a little too wide.

    Parameters
    ----------
    first, second, outcome, n_items, l2
        As for `bradley_terry`.
    groups
        The group of each item (`n_items` labels), where scores have no common scale
        across groups; where left out, the parts that comparisons connect.
    min_items
        Groups with fewer compared items do not count.

    Raises
    ------
    ValueError
        If items of different groups are compared.
    """
    one, two, won = _comparisons(first, second, outcome, n_items)
    group = _connected(one, two, n_items) if groups is None else _codes(groups, n_items)
    if (group[one] != group[two]).any():
        raise ValueError("items of different groups are compared")
    compared = np.bincount(one, minlength=n_items) + np.bincount(two, minlength=n_items) > 0
    sizes = np.bincount(group[compared], minlength=int(group.max(initial=0)) + 1)
    usable = np.flatnonzero(sizes >= max(min_items, 2))
    fits = _half_fits(one, two, won, group, n_items, splits, l2, seed) if len(usable) else []
    method = f"split-half reliability of Bradley-Terry scores, Spearman, {splits} splits, Spearman-Brown x 2"
    if len(usable) == 1:
        kept = compared & (group == usable[0])
        correlation = _half_correlation(fits, kept)
        return _estimate(
            lambda weights: _step_up(correlation(weights), 2),
            _Units.of(kept, None),
            method=method,
            undefined="the scores of a half are all equal",
            draws=draws,
            seed=seed,
        )
    parts = [compared & (group == g) for g in usable]
    found = np.array([_half_correlation(fits, part)(np.ones((part.sum(), 1)))[0] for part in parts])
    size = sizes[usable].astype(float)[np.isfinite(found)]
    found = found[np.isfinite(found)]
    estimate = _estimate(
        lambda weights: _step_up(_ratio((found * size) @ weights, size @ weights), 2),
        _Units.of(np.ones(len(found), dtype=bool), None),
        method=f"{method}, within groups",
        undefined="no group has scores that differ",
        draws=draws,
        seed=seed,
    )
    reason = estimate.reason and estimate.reason.replace("units", "groups")
    return replace(estimate, n=int(size.sum()), offered=n_items, clusters=len(found), reason=reason)


def _connected(one: Whole, two: Whole, n_items: int) -> Whole:
    links = coo_array((np.ones(len(one)), (one, two)), shape=(n_items, n_items))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.intp)


class _Fit(NamedTuple):
    """Scores from each half of the comparisons, and which items both halves hold."""

    first: Array
    second: Array
    both: npt.NDArray[np.bool_]


def _half_fits(
    one: Whole, two: Whole, won: Array, group: Whole, n_items: int, splits: int, l2: float, seed: int
) -> list[_Fit]:
    rng = np.random.default_rng([seed, 3])
    fits = []
    for _ in range(splits):
        order = rng.permutation(len(one))
        order = order[np.argsort(group[one[order]], kind="stable")]  # alternating, so each group is halved
        halves = [order[::2], order[1::2]]
        scores = [np.round(bradley_terry(one[h], two[h], won[h], n_items, l2=l2), _SCORE_DECIMALS) for h in halves]
        held = [np.bincount(np.concatenate([one[h], two[h]]), minlength=n_items) > 0 for h in halves]
        fits.append(_Fit(scores[0], scores[1], held[0] & held[1]))
    return fits


def _half_correlation(fits: list[_Fit], items: npt.NDArray[np.bool_]) -> Statistic:
    """Spearman between the halves over some of the items, averaged over splits, by those items' weights."""
    rows = [np.flatnonzero(fit.both[items]) for fit in fits]
    pairs = [
        (_sorted(fit.first[items & fit.both]), _sorted(fit.second[items & fit.both])) if len(at) > 1 else None
        for fit, at in zip(fits, rows, strict=True)
    ]
    return lambda weights: _mean([_spearman(*p, weights[at]) for p, at in zip(pairs, rows, strict=True) if p])


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
    pair = (_sorted(one[kept]), _sorted(two[kept]))
    return _estimate(
        lambda weights: _spearman(*pair, weights),
        _Units.of(kept, clusters),
        method="Spearman",
        undefined="all values of one side are equal",
        draws=draws,
        seed=seed,
    )


class _Sorted(NamedTuple):
    """Where each value stands among the distinct ones; rows in rising order; where each distinct value starts."""

    codes: Whole
    order: Whole
    starts: Whole

    def ranks(self, weights: Array) -> tuple[Array, Array]:
        """Average ranks, centred, of rows repeated by their weights, and the sum of their squares.

        Both follow from how often each distinct value occurs, so no draw is sorted.
        """
        counts = np.add.reduceat(weights[self.order], self.starts, axis=0)
        # A value's average rank is (count so far) - (count - 1) / 2, and their mean is (n + 1) / 2.
        centred = np.cumsum(counts, axis=0) - counts / 2 - weights.sum(axis=0) / 2
        return centred[self.codes], (counts * centred**2).sum(axis=0)


def _sorted(values: Array) -> _Sorted:
    distinct, codes = np.unique(values, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    return _Sorted(codes, order, np.searchsorted(codes[order], np.arange(len(distinct))))


def _spearman(x: _Sorted, y: _Sorted, weights: Array) -> Array:
    (ranks_x, square_x), (ranks_y, square_y) = x.ranks(weights), y.ranks(weights)
    return _ratio((weights * ranks_x * ranks_y).sum(axis=0), np.sqrt(square_x * square_y))


# --- the bootstrap


class _Units(NamedTuple):
    """Which of the units given count, and the cluster of each that does."""

    n: int
    offered: int
    codes: Whole | None
    clusters: int | None

    @classmethod
    def of(cls, kept: npt.NDArray[np.bool_], clusters: Labels | None) -> _Units:
        number = int(kept.sum())
        if clusters is None:
            return cls(number, len(kept), None, None)
        distinct, codes = np.unique(_codes(clusters, len(kept))[kept], return_inverse=True)
        return cls(number, len(kept), codes, len(distinct))


def _codes(labels: Labels, length: int) -> Whole:
    """Labels as whole numbers, equal where the labels are."""
    if len(labels) != length:
        raise ValueError(f"{len(labels)} labels of clusters or groups for {length} units")
    places: dict[Any, int] = {}
    return np.array([places.setdefault(label, len(places)) for label in labels], dtype=np.intp)


def _estimate(statistic: Statistic, units: _Units, *, method: str, undefined: str, draws: int, seed: int) -> Estimate:
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
    values = np.concatenate([statistic(weights) for weights in _draws(units, draws, np.random.default_rng(seed))])
    defined = values[np.isfinite(values)]
    if len(defined) < (1 - _UNDEFINED_DRAWS) * draws:
        return replace(found, reason=f"no interval: undefined in {draws - len(defined)} of {draws} draws")
    low, high = np.quantile(defined, (0.025, 0.975))
    return replace(found, low=float(low), high=float(high))


def _draws(units: _Units, draws: int, rng: np.random.Generator) -> Iterator[Array]:
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


# --- small arithmetic


def _table(ratings: npt.ArrayLike) -> Array:
    table = np.asarray(ratings, dtype=float)
    if table.ndim != 2:
        raise ValueError("ratings must be annotators x units")
    if np.isinf(table).any():
        raise ValueError("a rating is infinite")
    return table


def _ratio(above: Array, below: Array) -> Array:
    """A quotient, NaN where what divides is not above 0."""
    out = np.full(np.broadcast_shapes(np.shape(above), np.shape(below)), np.nan)
    np.divide(above, below, out=out, where=np.asarray(below) > 0)
    return out


def _squares(x: Array, size: Array, weights: Array) -> Array:
    """The sum of squares of x about its mean, each counted `size` times its weight; 0 where only rounding is left."""
    x = x - x[0]
    square = (size * x**2) @ weights
    left = square - _ratio(((size * x) @ weights) ** 2, size @ weights)
    return np.where(left > _ROUNDING * square, left, 0.0)


def _mean(values: list[Array]) -> Array:
    """The mean of those that are defined, place by place; NaN where none is."""
    table = np.array(values) if values else np.full((1, 1), np.nan)
    defined = np.isfinite(table)
    return _ratio(np.where(defined, table, 0.0).sum(axis=0), defined.sum(axis=0).astype(float))


def _step_up(single: Array, length: Array | float) -> Array:
    """The Spearman-Brown formula: reliability of a measurement `length` times as long; NaN where it has a pole."""
    return _ratio(length * single, 1 + (length - 1) * single)
