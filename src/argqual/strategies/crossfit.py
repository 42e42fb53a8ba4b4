"""What a strategy predicts of its own training arguments without having learnt from them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GroupKFold

from argqual.argument import Argument
from argqual.assessment import Assessment
from argqual.errors import InputError
from argqual.strategies.base import Array, Predictions, Strategy, total_usage


def cross_fitted(
    strategy: Strategy, arguments: list[Argument], labels: Array, groups: list[Any], folds: int
) -> Predictions:
    """Predictions for each argument by a copy that was not fitted on its group.

    A strategy that learns nothing is fitted once, and predicts all of them.

    Raises
    ------
    InputError
        It learns, and all arguments are of one group.
    """
    if not strategy.learns:
        whole: Strategy = clone(strategy)
        return whole.fit(arguments).predictions(arguments)
    codes = np.unique([str(group) for group in groups], return_inverse=True)[1]
    if codes.max() == 0:
        raise InputError(
            "All training arguments are of one group, so none can be predicted by what has not learnt from its group.",
            hint="Give groups, or take strategies that do not learn.",
        )
    values = np.full(len(arguments), np.nan)
    reasons: list[str | None] = [None] * len(arguments)
    assessments: dict[int, Assessment] = {}
    usages = []
    for train, test in GroupKFold(min(folds, int(codes.max()) + 1)).split(labels, labels, codes):
        part = clone(strategy).fit([arguments[place] for place in train], labels[train], groups=codes[train])
        said = part.predictions([arguments[place] for place in test])
        values[test] = said.values
        usages += [part.seen_.usage, said.usage]
        for place, reason in zip(test, said.reasons, strict=True):
            reasons[place] = reason
        assessments |= dict(zip(test.tolist(), said.assessments or (), strict=False))
    rated = tuple(assessments[place] for place in range(len(arguments))) if assessments else None
    return Predictions(values, tuple(reasons), rated, total_usage(usages))
