"""Who is compared with whom, and where on a ladder an argument stands that has won and lost against its rungs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from argqual.argument import Argument
from argqual.strategies.base import Array

Pair = tuple[int, int]
_PRIOR_SD = 2.0  # of a position on the ladder, in standard deviations of the training labels


def choose_rungs(arguments: Sequence[Argument], labels: Array, rungs: int, *, seed: int) -> list[int]:
    """The places of a ladder's arguments, lowest label first.

    One is drawn from each of `rungs` equal shares of the arguments in the order of their labels, from an
    issue that no lower rung has, where there is one.
    """
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(labels))  # so that equal labels are in no particular order
    order = shuffled[np.argsort(labels[shuffled], kind="stable")]
    chosen: list[int] = []
    issues: set[str | None] = set()
    for share in np.array_split(order, rungs):
        drawn = [int(place) for place in rng.permutation(share)]
        fresh = [place for place in drawn if arguments[place].issue not in issues]
        chosen.append((fresh or drawn)[0])
        issues.add(arguments[chosen[-1]].issue)
    return chosen


def ladder_position(won: Array, rungs: Array, *, prior_sd: float = _PRIOR_SD) -> float:
    """The position from which an argument would win as it did against rungs whose positions are known.

    With P(win against rung r) = 1 / (1 + exp(b_r - t)), the model of Bradley and Terry with all abilities
    but one fixed, the position t maximises

        sum_r [w_r log P_r + (1 - w_r) log(1 - P_r)] - t^2 / (2 prior_sd^2),

    and so solves sum_r (w_r - P_r) = t / prior_sd^2. The left side falls in t, so there is one solution. The
    prior keeps it finite where all is won or lost. Against the same rungs, more wins always mean a higher
    position: how steep P is changes no ranking.

    Parameters
    ----------
    won : array of shape (n,)
        Probability of having won against each rung, 0 to 1.
    rungs : array of shape (n,)
        Positions b_r.
    """
    precision = prior_sd**-2
    bound = (len(rungs) + 1) / precision
    return float(brentq(lambda t: (won - expit(t - rungs)).sum() - precision * t, -bound, bound))


def opponents_of(
    n_items: int, opponents: int, *, issues: Sequence[str | None] | None = None, seed: int = 0
) -> list[Pair]:
    """Which items are compared: each with `opponents` others (with all, if there are no more), all linked.

    A circulant design: the items stand in a circle, in a random order, and each meets those at some fixed
    distances. Distance 1 is one of them, so that every item is linked with every other; no pair comes twice.

    Parameters
    ----------
    opponents
        An even number.
    issues
        Of each item: equal ones stand side by side, and all distances but one are the shortest.
    """
    if opponents >= n_items - 1:
        return [(one, other) for one in range(n_items) for other in range(one + 1, n_items)]
    rng = np.random.default_rng(seed)
    order = rng.permutation(n_items)
    steps = opponents // 2
    farthest = (n_items - 1) // 2
    near = 1
    if issues is not None:
        codes = np.unique([str(issue) for issue in issues], return_inverse=True)[1]
        codes = rng.permutation(codes.max() + 1)[codes]
        order = order[np.argsort(codes[order], kind="stable")]
        near = max(1, steps - 1)
    farther = rng.choice(np.arange(near + 1, farthest + 1), steps - near, replace=False)
    distances = [*range(1, near + 1), *(int(distance) for distance in farther)]
    return [
        (int(order[place]), int(order[(place + distance) % n_items]))
        for distance in distances
        for place in range(n_items)
    ]
