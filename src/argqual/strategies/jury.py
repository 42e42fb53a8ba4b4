"""Several strategies that predict together: `jury`.

Members predict on scales of their own, so what is combined is how far each prediction lies from what that
member predicts elsewhere. A member without a prediction is left out only as far as `quorum` allows; nothing
is put in its place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import check_is_fitted

from argqual.argument import Argument
from argqual.assessment import Usage
from argqual.errors import InputError, StrategyError
from argqual.strategies.base import Array, Predictions, PredictionScale, Questions, Seen, Strategy, TryingLimit, require
from argqual.strategies.crossfit import cross_fitted, planned, tried
from argqual.strategies.given import as_arguments

Combine = Literal["mean", "median", "weights"]


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

    def _set_own(self, params: Mapping[str, Any]) -> None:
        """Also members, which are replaced by their names."""
        self._set_params("members", **params)

    def members_predictions(self, X: Sequence[Any]) -> Array:  # noqa: N803
        """What each member says, shape (n_arguments, n_members), in its standard deviations; NaN where it is silent.

        How far the values of a row lie apart is how much the members disagree about that argument.
        """
        check_is_fitted(self, "seen_")
        arguments = as_arguments(X)
        return self._standardised([member.predictions(arguments) for member in self.members_])

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

    def trying(self) -> list[TryingLimit]:
        return [limit for member in self.within().values() for limit in tried(member, self.folds)]

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
        said = [member.predictions(arguments) for member in self.members_]
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
