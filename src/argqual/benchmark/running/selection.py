"""Choosing a strategy's parameters from its grid, by one of three rules (Gulrajani and Lopez-Paz 2021).

- `training_domain`: by held-out groups of the training arguments;
- `leave_one_domain_out`: by each training corpus in turn, held out; with one corpus only, as `training_domain`;
- `oracle`: by the test itself: a bound, and marked as such wherever it is shown.

What is held out to choose by is as far from what is fitted on as a test is: no group, no copy, no quotation of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut

from argqual.benchmark.running.data import Data
from argqual.benchmark.running.splits import Fold
from argqual.benchmark.spec.schema import Benchmark
from argqual.benchmark.spec.systems import System
from argqual.errors import InputError
from argqual.stats.resampling import Array, scaled_within

_FOLDS = 3
InnerFold = tuple[list[int], Array, list[int], Array]


def selected(
    system: System, benchmark: Benchmark, data: Data, fold: Fold, train: Sequence[int], labels: Array, seed: int
) -> dict[str, Any]:
    """The parameters with the best mean Spearman; the first of equals.

    `train` and `labels`: places of the training arguments, and what is learnt of them. Raises an `InputError` where
    nothing can be held out to choose by.
    """
    candidates = list(combinations(system.grid))
    if len(candidates) == 1:
        return candidates[0]
    inner = list(inner_folds(benchmark, data, fold, train, labels))
    if not inner:
        raise InputError(
            "The training arguments are too much of one group for parameters to be chosen by held-out ones."
        )
    scores = [np.mean([_score(system, seed, chosen, data, each) for each in inner]) for chosen in candidates]
    return candidates[int(np.argmax(scores))]


def combinations(grid: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    for values in product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def inner_folds(
    benchmark: Benchmark, data: Data, fold: Fold, train: Sequence[int], labels: Array
) -> Iterator[InnerFold]:
    """Places and labels to fit on, and places and labels to choose by."""
    if benchmark.selection == "oracle":
        units = [data.units[place] for place in fold.test]
        yield list(train), labels, list(fold.test), scaled_within(data.labels[list(fold.test)], units)
        return
    corpora = [data.corpora[place] for place in train]
    by_domain = benchmark.selection == "leave_one_domain_out" and len(set(corpora)) > 1
    names = corpora if by_domain else [data.groups[place] for place in train]
    codes = np.unique(names, return_inverse=True)[1]
    if codes.max() < 1:
        return
    splitter = LeaveOneGroupOut() if by_domain else GroupKFold(min(_FOLDS, int(codes.max()) + 1))
    for rest, held in splitter.split(codes, codes, codes):
        groups = {data.groups[train[each]] for each in held}
        leaking = data.leaking_into(train[each] for each in held)
        kept = [each for each in rest if data.groups[train[each]] not in groups and train[each] not in leaking]
        if len(kept) > 1 and np.ptp(labels[kept]) > 0:
            yield [train[each] for each in kept], labels[kept], [train[each] for each in held], labels[held]


def _score(system: System, seed: int, chosen: Mapping[str, Any], data: Data, inner: InnerFold) -> float:
    """Spearman; 0 where it is not defined, since who says the same of all orders nothing."""
    train, labels, held, truth = inner
    strategy = system.build(seed, **chosen)
    strategy.fit([data.arguments[place] for place in train], labels, groups=[data.groups[place] for place in train])
    score = float(strategy.score([data.arguments[place] for place in held], truth))
    return score if np.isfinite(score) else 0.0
