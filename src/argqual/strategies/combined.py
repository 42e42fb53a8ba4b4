"""Strategies made of others: ratings that are mapped to human scores, and several that predict together.

Both learn from what others predict of the training arguments without having learnt from these (`cross_fitted`).

`calibrated`: a model's levels are its own; people use them otherwise. What is mapped is not the level but the whole
distribution over each criterion's levels, as LLM-Rubric does (Hashemi et al. 2024), with models small enough for a few
hundred labels. `jury`: members predict on scales of their own, so what is combined is how far each prediction lies from
what that member predicts elsewhere. A member without a prediction is left out only as far as `quorum` allows; nothing
is put in its place.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np
from sklearn.base import clone
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GroupKFold
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import check_is_fitted

from argqual.argument import Argument
from argqual.assessment import Assessment, Status, Usage
from argqual.errors import InputError, StrategyError
from argqual.frameworks.framework import Framework
from argqual.stats.regression import ProportionalOdds, equal_shares, fit_proportional_odds, standard_ridge
from argqual.strategies.base import Array, Predictions, PredictionScale, Questions, Seen, Strategy, require
from argqual.strategies.given import as_arguments
from argqual.strategies.prompted import Principle, shares_of

Method = Literal["ridge", "isotonic", "ordinal"]
Combine = Literal["mean", "median", "weights"]
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


@dataclass(eq=False, repr=False)
class Jury(Strategy, _BaseComposition):  # type: ignore[misc]
    """Combine what several strategies predict.

    Parameters
    ----------
    members : list of (str, Strategy)
        The strategies, each with a name; several models, several frameworks, or anything else. A member's
        parameters are set as `<name>__<parameter>`.
    combine : {"mean", "median", "weights"}, default="mean"
        `mean`, `median`: of the members' standardised predictions; in standard deviations. `weights`: a sum
        with weights of at least 0 fitted to the labels (stacked regression, Breiman 1996); on their scale.
    quorum : int, optional
        Members that must have a prediction; all of them when left out. The mean, the median or the weights
        are then those of the members that have one.
    folds : int, default=5
        Grouped folds for the predictions that a member which learns makes of the training arguments: each is
        made by a copy that was not fitted on its group.

    Attributes
    ----------
    members_ : list of Strategy
        Each fitted on all training arguments.
    means_, scales_ : array of shape (n_members,)
        Mean and standard deviation of each member's predictions of the training arguments.
    weights_ : array of shape (n_members,)
        Of the standardised predictions; all 0 when no member goes with the labels, and the jury then
        predicts one number. Only for `combine="weights"`.
    intercept_ : float
        The same.

    Notes
    -----
    Members are asked about the training arguments too; answers of models are kept, but cost what they cost
    the first time.

    References
    ----------
    Breiman, L. (1996). Stacked regressions. Machine Learning 24.

    Examples
    --------
    >>> from argqual.strategies import Principle
    >>> jury = Jury([("ratio", Principle("ratio")), ("qoam", Principle("qoam"))])
    >>> jury.set_params(qoam__definitions="plain").get_params()["qoam__definitions"]
    'plain'
    """

    nested: ClassVar[Mapping[str, str | None]] = {"members": None}

    members: Sequence[tuple[str, Strategy]]
    _: KW_ONLY
    combine: Combine = "mean"
    quorum: int | None = None
    folds: int = 5

    @property
    def learns(self) -> bool:  # type: ignore[override]
        """Whether `fit` looks at labels: for the weights, and where a member does."""
        return self.combine == "weights" or any(getattr(member, "learns", True) for _, member in self._named())

    @property
    def scale(self) -> PredictionScale:
        """The labels' with weights, else its own; it holds within a set only where a member's does."""
        if any(member.scale is PredictionScale.RELATIVE for member in self.within().values()):
            return PredictionScale.RELATIVE
        return PredictionScale.LABELS if self.combine == "weights" else PredictionScale.OWN

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters; with `deep`, the members by name and their parameters too."""
        return dict(self._get_params("members", deep=deep))

    def set_params(self, **params: Any) -> Self:
        """Set parameters, replace members by name, or set a member's own (`<name>__<parameter>`)."""
        self._set_params("members", **params)
        return self

    def members_predictions(self, X: Sequence[Any]) -> Array:  # noqa: N803
        """What each member says, shape (n_arguments, n_members), in its standard deviations; NaN where it is silent.

        How far the values of a row lie apart is how much the members disagree about that argument.
        """
        check_is_fitted(self, "seen_")
        return self._standardised(self._said(as_arguments(X)))

    def _named(self) -> list[tuple[str, Strategy]]:
        """The members with their names; a StrategyError where they are no list of names with strategies."""
        given = self.members if isinstance(self.members, list | tuple) else []
        if not given or not all(
            isinstance(each, list | tuple) and len(each) == 2 and isinstance(each[0], str) for each in given
        ):
            raise StrategyError(
                "A jury's members are a list of names with strategies.",
                hint='For example [("ratio", Principle("ratio")), ("qoam", Principle("qoam"))].',
            )
        return [(name, member) for name, member in given]

    def within(self) -> Mapping[str, Strategy]:
        return {name: member for name, member in self._named() if isinstance(member, Strategy)}

    def _plan(self, arguments: list[Argument], labels: Array, groups: list[Any], predict: list[Argument]) -> Questions:
        for member in self.within().values():
            yield from planned(member, arguments, labels, groups, self.folds, predict)

    def _check(self) -> None:
        require("combine", self.combine, get_args(Combine))
        named = self._named()
        try:
            self._validate_names([name for name, _ in named])
        except ValueError as error:
            raise StrategyError(f"The members' names cannot be used: {error}.") from None
        for name, member in named:
            if not isinstance(member, Strategy):
                raise StrategyError(f"The member '{name}' is {type(member).__name__}, not a strategy.")
        if self.quorum is not None and not 1 <= self.quorum <= len(named):
            raise StrategyError(f"quorum={self.quorum}: 1 to {len(named)}, the number of members.")
        if self.folds < 2:
            raise StrategyError(f"folds={self.folds}: at least 2.")

    def _fit(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> Usage:
        self.members_: list[Strategy] = []
        columns, usages = [], []
        for name, member in self._named():
            fitted, said = cross_fitted(member, arguments, labels, groups, self.folds)
            there = np.isfinite(said.values)
            if there.sum() < 2 or there.mean() < 0.5:
                why = next((reason for reason in said.reasons if reason), "")
                raise InputError(f"'{name}' could predict only {there.sum()} of {len(there)} training arguments: {why}")
            self.members_.append(fitted)
            columns.append(said.values)
            usages += [fitted.seen_.usage, said.usage]
        values = np.column_stack(columns)
        self.means_, spread = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
        # A member that always says the same has a spread of rounding errors, which is none.
        varies = spread > 1e-9 * np.maximum(np.abs(self.means_), 1.0)
        self.scales_ = np.where(varies, spread, 1.0)
        if self.combine == "weights":
            self._weigh((values - self.means_) / self.scales_, labels)
        return Usage.total(usages)

    def _weigh(self, standard: Array, labels: Array) -> None:
        whole = np.isfinite(standard).all(axis=1)
        if whole.sum() <= standard.shape[1]:
            few, weights = f"{whole.sum()} training arguments only", standard.shape[1]
            raise InputError(f"All members have a prediction for {few}, too few for {weights} weights.")
        model = LinearRegression(positive=True).fit(standard[whole], labels[whole])
        self.weights_, self.intercept_ = np.asarray(model.coef_), float(model.intercept_)

    def _predict(self, arguments: list[Argument]) -> Predictions:
        said = self._said(arguments)
        standard = self._standardised(said)
        there = np.isfinite(standard)
        values = np.full(len(arguments), np.nan)
        enough = there.sum(axis=1) >= (self.quorum or len(said))
        values[enough] = self._combined(standard[enough])
        names = [name for name, _ in self._named()]
        reasons = [None if np.isfinite(value) else _why_silent(names, said, row) for row, value in enumerate(values)]
        return Predictions(values, tuple(reasons), usage=Usage.total(each.usage for each in said))

    def _combined(self, standard: Array) -> Array:
        """One value a row, of the members that have one; at least one has."""
        if self.combine != "weights":
            middle = np.nanmean if self.combine == "mean" else np.nanmedian
            return np.asarray(middle(standard, axis=1))
        there = np.isfinite(standard) @ self.weights_
        total = self.weights_.sum()
        share = np.divide(total, there, out=np.full(len(standard), np.nan), where=there > 0)
        return np.asarray(self.intercept_ + (share if total else 0.0) * (np.nan_to_num(standard) @ self.weights_))

    def _said(self, arguments: list[Argument]) -> list[Predictions]:
        return [member.predictions(arguments) for member in self.members_]

    def _standardised(self, said: Sequence[Predictions]) -> Array:
        return np.asarray((np.column_stack([each.values for each in said]) - self.means_) / self.scales_)

    def _seen(self) -> Seen:
        seen = [member.seen_ for member in self.members_]
        models = dict.fromkeys(each.model for each in seen if each.model)
        return Seen(examples=sum(each.examples for each in seen), model=", ".join(models) or None)

    def restore(self, state: Mapping[str, Any], folder: Path) -> None:
        super().restore(state, folder)
        self.members = self._named()  # JSON has no tuples

    def depends_on(self) -> dict[str, str]:
        return {f"{name} {what}": mark for name, member in self._named() for what, mark in member.depends_on().items()}


def _why_silent(names: Sequence[str], said: Sequence[Predictions], row: int) -> str:
    whys = [f"{name}: {each.reasons[row]}" for name, each in zip(names, said, strict=True) if each.reasons[row]]
    return "; ".join(whys)


def cross_fitted(
    strategy: Strategy, arguments: list[Argument], labels: Array, groups: list[Any], folds: int
) -> tuple[Strategy, Predictions]:
    """A copy fitted on all arguments, and predictions for each of these by a copy that was not fitted on its group.

    What learns nothing predicts all of them itself. An InputError where it learns, and all are of one group.
    """
    whole: Strategy = clone(strategy).fit(arguments, labels if strategy.learns else None, groups=groups)
    if not strategy.learns:
        return whole, whole.predictions(arguments)
    values = np.full(len(arguments), np.nan)
    reasons = np.full(len(arguments), None)
    assessments: dict[int, Assessment] = {}
    usages = []
    for train, test, codes in _folds(arguments, groups, folds):
        part = clone(strategy).fit([arguments[place] for place in train], labels[train], groups=codes[train])
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
