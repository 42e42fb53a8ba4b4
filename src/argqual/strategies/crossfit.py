"""What a strategy predicts of its own training arguments without having learnt from them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GroupKFold

from argqual.argument import Argument
from argqual.assessment import Assessment, Usage
from argqual.errors import InputError
from argqual.strategies.base import Array, Predictions, Questions, Strategy, TryingLimit


def cross_fitted(
    strategy: Strategy, arguments: list[Argument], labels: Array, groups: list[Any], folds: int
) -> tuple[Strategy, Predictions]:
    """A copy fitted on all arguments, and predictions for each of these by a copy that was not fitted on its group.

    The strategy's `check` has passed, as that of what it is within has; its copies are not checked again. What learns
    nothing predicts all of them itself. An InputError where it learns, and all are of one group.
    """
    whole: Strategy = clone(strategy).fit_checked(arguments, labels if strategy.learns else None, groups=groups)
    if not strategy.learns:
        return whole, whole.predictions(arguments)
    values = np.full(len(arguments), np.nan)
    reasons = np.full(len(arguments), None)
    assessments: dict[int, Assessment] = {}
    usages = []
    for train, test, codes in _folds(arguments, groups, folds):
        told = [arguments[place] for place in train]
        part = clone(strategy).fit_checked(told, labels[train], groups=codes[train])
        said = part.predictions([arguments[place] for place in test])
        values[test], reasons[test] = said.values, said.reasons
        usages += [part.seen_.usage, said.usage]
        assessments |= dict(zip(test.tolist(), said.assessments or (), strict=False))
    rated = tuple(assessments[place] for place in range(len(arguments))) if assessments else None
    return whole, Predictions(values, tuple(reasons), rated, Usage.total(usages))


def planned(
    strategy: Strategy, arguments: list[Argument], labels: Array, groups: list[Any], folds: int, predict: list[Argument]
) -> Questions:
    """What `cross_fitted`, and then predicting with the copy fitted on all, would ask; see `Strategy.plan`."""
    if not strategy.learns:
        yield from strategy.plan(arguments, predict=[*arguments, *predict])
        return
    yield from strategy.plan(arguments, labels, groups=groups, predict=predict)
    for train, test, codes in _folds(arguments, groups, folds):
        told = [arguments[place] for place in train]
        held = [arguments[place] for place in test]
        yield from strategy.plan(told, labels[train], groups=codes[train], predict=held)


def tried(strategy: Strategy, folds: int) -> list[TryingLimit]:
    """What `cross_fitted` may spend on trying, at most: what learns is fitted on all, and on the rest of each fold."""
    return strategy.trying() * (folds + 1 if strategy.learns else 1)


def _folds(arguments: list[Argument], groups: list[Any], folds: int) -> Iterator[tuple[Any, Any, Any]]:
    """Places to learn from and places to predict, and a number for each argument's group; groups stay whole."""
    codes = np.unique([str(group) for group in groups], return_inverse=True)[1]
    if codes.max() == 0:
        raise InputError(
            "All training arguments are of one group, so none can be predicted by what has not learnt from its group.",
            hint="Give groups, or take strategies that do not learn.",
        )
    for train, test in GroupKFold(min(folds, int(codes.max()) + 1)).split(codes, codes, codes):
        yield train, test, codes
