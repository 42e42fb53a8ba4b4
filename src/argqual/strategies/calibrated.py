"""A prompted strategy whose ratings are mapped to human scores, with parameters fitted on training arguments only.

A model's levels are its own; people use them otherwise. What is mapped is not the level but the whole distribution over
each criterion's levels, as LLM-Rubric does (Hashemi et al. 2024), with models small enough for a few hundred labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from sklearn.isotonic import IsotonicRegression

from argqual.argument import Argument
from argqual.assessment import Assessment, Status, Usage
from argqual.errors import InputError, StrategyError
from argqual.frameworks.framework import Framework
from argqual.stats.regression import ProportionalOdds, equal_shares, fit_proportional_odds, standard_ridge
from argqual.strategies.base import Array, Predictions, Questions, Seen, Strategy, TryingLimit, require
from argqual.strategies.crossfit import cross_fitted, planned, tried
from argqual.strategies.prompted import Principle, shares_of

Method = Literal["ridge", "isotonic", "ordinal"]
_ALPHAS = (1.0, 10.0, 100.0, 1000.0)


@dataclass(eq=False, repr=False)
class Calibrated(Strategy):
    """Map a prompted strategy's ratings to human scores.

    Parameters
    ----------
    base : Strategy, optional
        A prompted strategy; `Principle()` when left out.
    method : {"ridge", "isotonic", "ordinal"}, default="ridge"
        `ridge`: regression on all criteria's probabilities. `isotonic`: each criterion's value by a
        monotone step function, averaged. `ordinal`: proportional odds on the criteria's values with
        slopes of at least 0, for the labels' levels; the prediction is the expected label.
    levels : int, default=5
        Into how many equal shares `ordinal` cuts the labels.
    folds : int, default=5
        Grouped folds for choosing the penalty, and for the ratings of a base that learns itself: those it
        is calibrated on are of arguments that it was not fitted on.

    Attributes
    ----------
    base_ : Strategy
    criteria_ : list of str
    fitted_on_ : int
        Arguments whose ratings counted: those the base could rate.

    References
    ----------
    Hashemi, H. et al. (2024). LLM-Rubric: a multidimensional, calibrated approach to automated evaluation. ACL.
    """

    nested: ClassVar[Mapping[str, str | None]] = {"base": "principle"}

    base: Strategy | None = None
    _: KW_ONLY
    method: Method = "ridge"
    levels: int = 5
    folds: int = 5

    def _check(self) -> None:
        require("method", self.method, get_args(Method))
        if self.levels < 2 or self.folds < 2:
            raise StrategyError(f"levels={self.levels}, folds={self.folds}: both are at least 2.")
        if self._base().rated_framework() is None:
            raise StrategyError(f"{type(self.base).__name__} gives no ratings, so there is nothing to calibrate.")

    def _base(self) -> Strategy:
        return Principle() if self.base is None else self.base

    def within(self) -> Mapping[str, Strategy]:
        return {"base": self._base()}

    def rated_framework(self) -> Framework | None:
        return self._base().rated_framework()

    def _plan(self, arguments: list[Argument], labels: Array, groups: list[Any], predict: list[Argument]) -> Questions:
        return planned(self._base(), arguments, labels, groups, self.folds, predict)

    def trying(self) -> list[TryingLimit]:
        return tried(self._base(), self.folds)

    def _fit(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> Usage:
        self.base_, said = cross_fitted(self._base(), arguments, labels, groups, self.folds)
        assessments = said.assessments or ()
        self.criteria_ = _criteria(assessments)
        why = [_why_not(assessment, self.criteria_) for assessment in assessments]
        rated = np.array([reason is None for reason in why])
        if rated.sum() < self.least_labels or rated.mean() < 0.5:
            raise InputError(
                f"Only {rated.sum()} of {len(rated)} training arguments could be rated: {next(filter(None, why))}"
            )
        kept = np.flatnonzero(rated)
        self.fitted_on_ = len(kept)
        self._learn([assessments[place] for place in kept], labels[rated], [groups[place] for place in kept])
        return Usage.total([self.base_.seen_.usage, said.usage])

    def _learn(self, assessments: list[Assessment], labels: Array, groups: list[Any]) -> None:
        if self.method == "ridge":
            shares = _shares(assessments, self.criteria_)
            fitted = standard_ridge(shares, labels, groups, _ALPHAS, self.folds, least=1e-3)
            self.mean_, self.scale_, self.alpha_, self.coef_, self.intercept_ = fitted
            return
        qualities = _qualities(assessments, self.criteria_)
        if self.method == "isotonic":
            self.steps_ = [IsotonicRegression(out_of_bounds="clip").fit(column, labels) for column in qualities.T]
            return
        cut = equal_shares(labels, self.levels)
        present = np.unique(cut)
        if len(present) < 2:
            raise InputError("The labels are so alike that they make one level only.")
        places = np.searchsorted(present, cut)
        self.means_ = np.array([labels[places == place].mean() for place in range(len(present))])
        self.mean_, self.scale_ = qualities.mean(axis=0), qualities.std(axis=0) + 1e-6
        model = fit_proportional_odds((qualities - self.mean_) / self.scale_, places, len(present), l2=0.01)
        self.slopes_, self.thresholds_ = model.slopes, model.thresholds

    def _predict(self, arguments: list[Argument]) -> Predictions:
        said = self.base_.predictions(arguments)
        assessments = said.assessments or ()
        reasons = tuple(_why_not(assessment, self.criteria_) for assessment in assessments)
        values = np.full(len(arguments), np.nan)
        rated = [place for place, reason in enumerate(reasons) if reason is None]
        if rated:
            values[rated] = self._mapped([assessments[place] for place in rated])
        return Predictions(values, reasons, assessments, said.usage)

    def _mapped(self, assessments: list[Assessment]) -> Array:
        if self.method == "ridge":
            standard = (_shares(assessments, self.criteria_) - self.mean_) / self.scale_
            return np.asarray(standard @ self.coef_ + self.intercept_)
        qualities = _qualities(assessments, self.criteria_)
        if self.method == "isotonic":
            columns = [step.predict(column) for step, column in zip(self.steps_, qualities.T, strict=True)]
            return np.asarray(np.mean(columns, axis=0))
        model = ProportionalOdds(self.slopes_, self.thresholds_)
        return np.asarray(model.probabilities((qualities - self.mean_) / self.scale_) @ self.means_)

    def _seen(self) -> Seen:
        return Seen(examples=self.base_.seen_.examples, model=self.base_.seen_.model)

    def depends_on(self) -> dict[str, str]:
        return self._base().depends_on()


def _criteria(assessments: Sequence[Assessment]) -> list[str]:
    """The criteria that were asked about every argument."""
    asked = [{rating.criterion for rating in each.ratings if _rated(rating)} for each in assessments]
    asked = [each for each in asked if each]
    if not asked:
        why = assessments[0].overall.reason
        raise InputError(f"None of {len(assessments)} training arguments could be rated: {why}")
    common = set.intersection(*asked)
    ordered = [rating.criterion for rating in assessments[0].ratings if rating.criterion in common]
    if not ordered:
        raise InputError("No criterion was rated for all training arguments, so nothing can be calibrated.")
    return ordered


def _rated(rating: Any) -> bool:
    return rating.asked and rating.status is Status.OK


def _why_not(assessment: Assessment, criteria: Sequence[str]) -> str | None:
    """Why an assessment cannot be mapped; None when it can."""
    ratings = map(assessment.rating, criteria)
    return next((f"{each.status}: {each.reason}" for each in ratings if not _rated(each)), None)


def _qualities(assessments: Sequence[Assessment], criteria: Sequence[str]) -> Array:
    """Each criterion's quality, 0 to 1, shape (n, n_criteria)."""
    return np.array([[each.rating(criterion).quality for criterion in criteria] for each in assessments], dtype=float)


def _shares(assessments: Sequence[Assessment], criteria: Sequence[str]) -> Array:
    """All criteria's probabilities side by side, shape (n, levels of all criteria)."""
    shares = ([shares_of(each.rating(criterion)) for criterion in criteria] for each in assessments)
    return np.array([np.concatenate(own) for own in shares])
