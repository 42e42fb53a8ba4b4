"""How reliable scores are that come from comparisons of two, by the model of Bradley and Terry (1952)."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from argqual.stats.agreement import stepped_up
from argqual.stats.correlation import mean_spearman, sorted_values
from argqual.stats.estimate import Estimate
from argqual.stats.resampling import Array, Labels, Mask, Statistic, Whole, codes_of, estimate, ratio

_SCORE_DECIMALS = 5  # two items with the same record have the same score
Fit = tuple[Array, Array, Mask]
"""Scores from each half of the comparisons, and which items both halves hold."""


def bradley_terry(
    first: npt.ArrayLike, second: npt.ArrayLike, outcome: npt.ArrayLike, n_items: int, *, l2: float = 1.0
) -> Array:
    """Scores of items from comparisons of two: P(i beats j) = 1 / (1 + exp(score_j - score_i)).

    The logarithm of the likelihood less `l2` / 2 times the squared scores is maximised (a normal prior of variance 1 /
    `l2`), so that an item that always won has a finite score and items that no chain of comparisons connects can be
    fitted together. Scores of each connected part have mean 0: those of different parts have no common scale. An item
    never compared has 0. Items are indices below `n_items`; an outcome is 1 where the first won, 0 where the second
    did, 0.5 for a tie (half a win each).

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

    The comparisons are split into random halves, each half is fitted, and the two scores of the items are correlated
    (Spearman) within each group, averaged over splits, then over groups weighted by their items; the average is stepped
    up to all comparisons (Spearman-Brown). An item that a half does not hold is left out of that split. Comparisons
    that a corpus has cleaned, by keeping only those that voters or a model agreed on, look more reliable here than
    people are.

    The interval resamples groups; if there is one only, its items, with their scores held fixed. Comparisons are not
    resampled: the same one in both halves would count as agreement. On simulated comparisons it is a little too wide.

    Comparisons are as for `bradley_terry`; `groups` has the group of each item, where scores have no common scale
    across groups (where left out, the parts that comparisons connect). Groups with fewer than `min_items` compared
    items do not count. A ValueError where items of different groups are compared.
    """
    one, two, won = _comparisons(first, second, outcome, n_items)
    group = linked_parts(one, two, n_items) if groups is None else codes_of(groups, n_items)
    if (group[one] != group[two]).any():
        raise ValueError("items of different groups are compared")
    compared = np.bincount(np.concatenate([one, two]), minlength=n_items) > 0
    sizes = np.bincount(group[compared], minlength=int(group.max(initial=0)) + 1)
    usable = np.flatnonzero(sizes >= max(min_items, 2))
    halves = _split_in_halves(one, group, splits, seed) if len(usable) else []
    fits = [_fit(one, two, won, n_items, l2, pair) for pair in halves]
    correlations = [(_half_correlation(fits, own), own) for own in (compared & (group == each) for each in usable)]
    method = f"split-half reliability of Bradley-Terry scores, Spearman, {splits} splits, Spearman-Brown x 2"
    if len(correlations) == 1:
        (correlation, items), undefined = correlations[0], "the scores of a half are all equal"
        return estimate(stepped_up(correlation, 2), items, method=method, undefined=undefined, draws=draws, seed=seed)
    values = np.array([correlation(np.ones((own.sum(), 1)))[0] for correlation, own in correlations])
    found = _over_groups(values, sizes[usable], f"{method}, within groups", draws, seed)
    return replace(found, offered=n_items)


def _over_groups(values: Array, sizes: Whole, method: str, draws: int, seed: int) -> Estimate:
    """The mean of groups' correlations, weighted by their items; groups are resampled, items counted."""
    found, size = values[np.isfinite(values)], sizes[np.isfinite(values)].astype(float)
    mean = stepped_up(lambda weights: ratio((found * size) @ weights, size @ weights), 2)
    kept, undefined = np.ones(len(found), dtype=bool), "no group has scores that differ"
    over_groups = estimate(mean, kept, method=method, undefined=undefined, draws=draws, seed=seed)
    reason = over_groups.reason and over_groups.reason.replace("units", "groups")
    return replace(over_groups, n=int(size.sum()), clusters=len(found), reason=reason)


def linked_parts(one: Whole, two: Whole, n_items: int) -> Whole:
    """Of each item, the number of the part that chains of comparisons link it with."""
    links = coo_array((np.ones(len(one)), (one, two)), shape=(n_items, n_items))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.intp)


def _fit(one: Whole, two: Whole, won: Array, n_items: int, l2: float, halves: tuple[Whole, Whole]) -> Fit:
    scores = [np.round(bradley_terry(one[h], two[h], won[h], n_items, l2=l2), _SCORE_DECIMALS) for h in halves]
    held = [np.bincount(np.concatenate([one[h], two[h]]), minlength=n_items) > 0 for h in halves]
    return scores[0], scores[1], held[0] & held[1]


def _split_in_halves(one: Whole, group: Whole, splits: int, seed: int) -> Iterator[tuple[Whole, Whole]]:
    """Random halves of the comparisons, of each group's too."""
    rng = np.random.default_rng([seed, 3])
    for _ in range(splits):
        order = rng.permutation(len(one))
        order = order[np.argsort(group[one[order]], kind="stable")]  # alternating, so each group is halved
        yield order[::2], order[1::2]


def _half_correlation(fits: list[Fit], items: Mask) -> Statistic:
    """Spearman between the halves over some of the items, averaged over splits, by those items' weights."""
    pairs = []
    for first, second, held in fits:
        at, both = np.flatnonzero(held[items]), items & held
        if len(at) > 1:
            pairs.append((sorted_values(first[both]), sorted_values(second[both]), at))
    return mean_spearman(pairs)
