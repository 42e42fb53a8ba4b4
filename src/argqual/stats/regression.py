"""Regressions with a choice of their own: ridge with a penalty chosen on held-out groups, and proportional odds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import rankdata, spearmanr
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, cross_val_predict

from argqual.stats.resampling import Array

_TINY = 1e-12


@dataclass(frozen=True)
class ProportionalOdds:
    """logit P(level ≤ k) = threshold_k - x · slopes (McCullagh 1980, Regression models for ordinal data, JRSS B 42(2)).

    Slopes fitted by `fit_proportional_odds` are not negative: the level never falls when a feature rises.
    """

    slopes: Array  # shape (n_features,)
    thresholds: Array  # shape (n_levels - 1,), rising

    def probabilities(self, x: Array) -> Array:
        """P(level = k), shape (n, n_levels), of features of shape (n, n_features)."""
        below = expit(self.thresholds[None, :] - (x @ self.slopes)[:, None])
        padded = np.hstack([np.zeros((len(x), 1)), below, np.ones((len(x), 1))])
        return np.asarray(np.diff(padded, axis=1))


def fit_proportional_odds(x: Array, levels: npt.NDArray[Any], n_levels: int, *, l2: float = 0.0) -> ProportionalOdds:
    """Maximum likelihood with slopes of at least 0, of features (n, n_features) and levels: integers (n,), from 0.

    A level that does not occur gets next to no probability. Half of `l2` times the sum of squared slopes is added to
    the mean negative log-likelihood.
    """
    places = np.asarray(levels, dtype=int)
    rows, width = np.arange(len(places)), x.shape[1]
    shares = np.cumsum(np.bincount(places, minlength=n_levels))[:-1] / len(places)
    start = np.log(np.clip(shares, 0.01, 0.99) / (1 - np.clip(shares, 0.01, 0.99)))
    gaps = np.log(np.maximum(np.diff(start), 0.05))

    def model(parameters: Array) -> ProportionalOdds:
        first, steps = parameters[width], np.exp(parameters[width + 1 :])
        return ProportionalOdds(parameters[:width], first + np.concatenate([[0.0], np.cumsum(steps)]))

    def loss(parameters: Array) -> float:
        likelihood = model(parameters).probabilities(x)[rows, places]
        return float(-np.log(likelihood + _TINY).mean() + l2 / 2 * (parameters[:width] ** 2).sum())

    begin = np.concatenate([np.full(width, 0.1), start[:1], gaps])
    bounds = [(0.0, None)] * width + [(-30.0, 30.0)] * (n_levels - 1)
    return model(minimize(loss, begin, method="L-BFGS-B", bounds=bounds).x)


def rank_correlation(x: Array, y: Array) -> float:
    """Spearman's correlation; NaN where it is not defined: of fewer than two, or with all values of a side equal."""
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan
    return float(spearmanr(x, y).statistic)


def equal_shares(values: Array, shares: int) -> npt.NDArray[np.int64]:
    """Which of so many equal shares each value is in by its rank, 0 the lowest; equal values are in one."""
    ranks = (rankdata(values) - 0.5) / len(values)
    return np.asarray(np.minimum((ranks * shares).astype(np.int64), shares - 1))


def best_alpha(x: Array, y: Array, groups: Sequence[Any], alphas: Sequence[float], folds: int) -> float:
    """The alpha whose predictions for held-out groups correlate best with the labels (Spearman).

    Features, shape (n, k), are standardised. Whole groups are held out; with one group only nothing can be, and the
    strongest penalty is taken.
    """
    distinct = len(set(groups))
    if distinct < 2 or len(alphas) == 1:
        return max(alphas)
    codes = np.unique([str(group) for group in groups], return_inverse=True)[1]
    parts = list(GroupKFold(min(folds, distinct)).split(x, y, codes))

    def held_out(alpha: float) -> float:
        predicted = cross_val_predict(Ridge(alpha=alpha), x, y, cv=parts)
        found = rank_correlation(predicted, y)
        return found if math.isfinite(found) else -1.0

    return max(alphas, key=held_out)


def standard_ridge(
    x: Array, y: Array, groups: Sequence[Any], alphas: Sequence[float], folds: int, *, least: float
) -> tuple[Array, Array, float, Array, float]:
    """Ridge regression on standardised features: means, deviations, the `best_alpha`, coefficients, the intercept.

    `least` is added to the deviations, so that a feature that never changes divides by something.
    """
    mean, scale = x.mean(axis=0), x.std(axis=0) + least
    standard = (x - mean) / scale
    alpha = best_alpha(standard, y, groups, alphas, folds)
    ridge = Ridge(alpha=alpha).fit(standard, y)
    return mean, scale, alpha, np.asarray(ridge.coef_), float(ridge.intercept_)
