"""The penalty of a ridge regression, chosen on groups that it was not fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold

from argqual.strategies.base import Array


def best_alpha(x: Array, y: Array, groups: Sequence[Any], alphas: Sequence[float], folds: int) -> float:
    """The alpha whose predictions for held-out groups correlate best with the labels (Spearman).

    Parameters
    ----------
    x : array of shape (n, k)
        Standardised features.
    groups : sequence of length n
        Whole groups are held out. With one group only nothing can be, and the strongest penalty is taken.
    """
    distinct = len(set(groups))
    if distinct < 2 or len(alphas) == 1:
        return max(alphas)
    codes = np.unique([str(group) for group in groups], return_inverse=True)[1]
    parts = list(GroupKFold(min(folds, distinct)).split(x, y, codes))

    def held_out(alpha: float) -> float:
        predicted = np.empty(len(y))
        for train, test in parts:
            predicted[test] = Ridge(alpha=alpha).fit(x[train], y[train]).predict(x[test])
        if np.ptp(predicted) == 0:
            return -1.0
        return float(np.corrcoef(rankdata(predicted), rankdata(y))[0, 1])

    return max(alphas, key=held_out)
