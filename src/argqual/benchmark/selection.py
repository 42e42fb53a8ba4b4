"""Choosing a strategy's parameters from its grid, by one of three rules (Gulrajani and Lopez-Paz 2021).

- `training_domain`: by held-out groups of the training arguments;
- `leave_one_domain_out`: by each training corpus in turn, held out; with one corpus only, as `training_domain`;
- `oracle`: by the test itself: a bound, and marked as such wherever it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut

from argqual.benchmark.config import Benchmark, Contender
from argqual.benchmark.data import Array, Data
from argqual.benchmark.splits import Fold
from argqual.errors import InputError

_FOLDS = 3


def selected(
    contender: Contender, benchmark: Benchmark, data: Data, fold: Fold, train: Sequence[int], labels: Array, seed: int
) -> dict[str, Any]:
    """The parameters with the best mean Spearman; the first of equals.

    Parameters
    ----------
    train, labels
        Places of the training arguments, and what is learnt of them.
    """
    candidates = list(combinations(contender.grid))
    if len(candidates) == 1:
        return candidates[0]
    inner = list(_inner(benchmark, data, fold, train, labels))
    scores = [np.nanmean([_score(contender, seed, chosen, data, *each) for each in inner]) for chosen in candidates]
    return candidates[int(np.nanargmax(scores))] if np.isfinite(scores).any() else candidates[0]


def combinations(grid: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Every combination of a grid's values."""
    for values in product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


_Inner = tuple[list[int], Array, list[int], Array]


def _inner(benchmark: Benchmark, data: Data, fold: Fold, train: Sequence[int], labels: Array) -> Iterator[_Inner]:
    """Places and labels to fit on, and places and labels to choose by."""
    if benchmark.selection == "oracle":
        yield list(train), labels, list(fold.test), data.labels[list(fold.test)]
        return
    corpora = [data.corpora[place] for place in train]
    by_domain = benchmark.selection == "leave_one_domain_out" and len(set(corpora)) > 1
    names = corpora if by_domain else [data.groups[place] for place in train]
    codes = np.unique(names, return_inverse=True)[1]
    if codes.max() < 1:
        raise InputError("All training arguments are of one group, so parameters cannot be chosen.")
    splitter = LeaveOneGroupOut() if by_domain else GroupKFold(min(_FOLDS, int(codes.max()) + 1))
    for one, other in splitter.split(codes, codes, codes):
        yield [train[each] for each in one], labels[one], [train[each] for each in other], labels[other]


def _score(
    contender: Contender,
    seed: int,
    chosen: Mapping[str, Any],
    data: Data,
    train: Sequence[int],
    labels: Array,
    held: Sequence[int],
    truth: Array,
) -> float:
    strategy = contender.build(seed, **chosen)
    strategy.fit([data.arguments[place] for place in train], labels, groups=[data.groups[place] for place in train])
    return float(strategy.score([data.arguments[place] for place in held], truth))
