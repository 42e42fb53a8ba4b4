"""What all strategies have in common: one interface from arguments to quality.

A strategy is a scikit-learn estimator. Its `X` is a sequence of arguments (`Argument`, text, or
rows with a `text`), its `y` one number an argument, higher is better. A prediction that could not
be had is NaN: the caller decides what becomes of it, and `predictions` says why it is missing.
"""

from __future__ import annotations

import math
import time
import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from scipy.stats import ConstantInputWarning, spearmanr
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import NotFittedError

from argqual.argument import Argument, type_name
from argqual.assessment import Assessment, Usage
from argqual.errors import InputError, StrategyError

Array = npt.NDArray[np.float64]
_LISTENER: ContextVar[Callable[[str], None] | None] = ContextVar("listener", default=None)
_ROW_KEYS = ("id", "issue", "stance", "context", "domain", "type", "group")


@dataclass(frozen=True)
class Seen:
    """What a strategy has seen and taken to be fitted: the terms of a fair comparison.

    Parameters
    ----------
    labels
        Labelled arguments given to `fit`, whose labels were looked at.
    examples
        Labelled arguments shown to a model with each question.
    model
        The model it rests on, if any.
    usage
        Requests, tokens and cost of fitting.
    seconds
        How long fitting took.
    """

    labels: int = 0
    examples: int = 0
    model: str | None = None
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0


@dataclass(frozen=True)
class Predictions:
    """What a strategy says of arguments.

    Parameters
    ----------
    values
        Shape (n_arguments,); NaN where there is none.
    reasons
        Why a value is missing; None where it is there.
    assessments
        The ratings behind the values, where there are any.
    usage
        What it took.
    order
        Of a strategy that compares, what the order of the two does, means over an argument's comparisons, NaN where
        there is none. `order_effect`: how much more probable a win is from the first place than from the second (-1
        to 1); `turned_by_order`: in which share of them the other one wins when the order is turned (0 to 1).
    """

    values: Array
    reasons: tuple[str | None, ...] = ()
    assessments: tuple[Assessment, ...] | None = None
    usage: Usage = field(default_factory=Usage)
    order: Mapping[str, Array] = field(default_factory=dict)

    @property
    def coverage(self) -> float:
        """The share of arguments that have a value, 0 to 1."""
        return float(np.isfinite(self.values).mean()) if len(self.values) else 0.0


class MissingPredictionsWarning(UserWarning):
    """Some arguments have no prediction, and a score is of the others only."""


class Strategy(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Base of all strategies.

    A subclass stores its parameters in `__init__`, learns in `_fit` (what it learns ends in `_`),
    and predicts in `_predict`. Everything else (checks, the account of what was seen, saving) is here.
    """

    learns: bool = True
    """Whether `fit` looks at labels; otherwise `y` may be left out and is ignored."""
    least_labels: ClassVar[int] = 2
    """Fewest labelled arguments that it can learn from."""
    nested: ClassVar[tuple[str, ...]] = ()
    """Parameters that are strategies themselves."""

    seen_: Seen

    def fit(self, X: Sequence[Any], y: Any = None, *, groups: Sequence[Any] | None = None) -> Self:  # noqa: N803
        """Learn from arguments and their labels.

        Parameters
        ----------
        X : sequence of Argument, str or mapping, of length n_arguments
        y : array-like of shape (n_arguments,)
            Labels, higher is better. Not needed by strategies that do not learn.
        groups : sequence of length n_arguments
            What must not be torn apart by inner splits. Default: each argument's `group`, else its
            issue.

        Raises
        ------
        InputError
            Nothing to learn from: no arguments, too few labels, NaN among them, or all equal.
        StrategyError
            A parameter is wrong, or an extra is not installed.
        """
        started = time.perf_counter()
        arguments = as_arguments(X)
        labels = self._labels(y, len(arguments))
        names = groups_for(arguments, groups)
        self._check()
        usage = self._fit(arguments, labels, names)
        self.seen_ = replace(
            self._seen(),
            labels=len(labels) if self.learns else 0,
            usage=usage or Usage(),
            seconds=time.perf_counter() - started,
        )
        return self

    def predict(self, X: Sequence[Any]) -> Array:  # noqa: N803
        """Quality of each argument, shape (n_arguments,); higher is better, NaN where there is none."""
        return self.predictions(X).values

    def predictions(self, X: Sequence[Any]) -> Predictions:  # noqa: N803
        """As `predict`, with the reasons of missing values, the ratings behind them, and what it took."""
        if not hasattr(self, "seen_"):
            raise NotFittedError(f"This {type(self).__name__} is not fitted yet: call fit first.")
        arguments = as_arguments(X)
        started = time.perf_counter()
        found = self._predict(arguments)
        if len(found.values) != len(arguments):
            raise AssertionError(f"{type(self).__name__} gave {len(found.values)} values for {len(arguments)}")
        reasons = found.reasons or tuple(None if math.isfinite(value) else "no value" for value in found.values)
        usage = found.usage.model_copy(update={"seconds": time.perf_counter() - started})
        return replace(found, reasons=reasons, usage=usage)

    def score(self, X: Sequence[Any], y: Any, sample_weight: None = None) -> float:  # noqa: N803
        """Spearman's correlation of predictions with labels, over the arguments that have both.

        R², scikit-learn's default for regressors, would ask for labels and predictions on one scale.
        NaN where it is not defined; a `MissingPredictionsWarning` says when predictions are missing.
        """
        if sample_weight is not None:
            raise StrategyError("score takes no sample weights.")
        predicted = self.predict(X)
        labels = _as_labels(y, len(predicted))
        both = np.isfinite(predicted) & np.isfinite(labels)
        if not np.isfinite(predicted).all():
            missing = int((~np.isfinite(predicted)).sum())
            warnings.warn(
                f"{missing} of {len(predicted)} arguments have no prediction; the score is of the others.",
                MissingPredictionsWarning,
                stacklevel=2,
            )
        if both.sum() < 2:
            return math.nan
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConstantInputWarning)
            return float(spearmanr(predicted[both], labels[both]).statistic)

    # What a subclass says.

    def _check(self) -> None:
        """Raise what would make fitting fail, before anything is spent: parameters, extras, a model out of reach."""

    @abstractmethod
    def _fit(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> Usage | None:
        """Learn; what it took, where a model was asked. `labels` is empty when it does not learn."""

    @abstractmethod
    def _predict(self, arguments: list[Argument]) -> Predictions:
        """Predict; anything missing is NaN with its reason."""

    def _seen(self) -> Seen:
        """What was shown, beyond the labels: examples, and the model's name."""
        return Seen()

    def _state(self, folder: Path) -> dict[str, Any]:
        """What has to be saved: by default all that ends in `_`.

        Values: JSON-able data, arrays, scikit-learn estimators, `Argument`s, strategies, and lists of
        these. Anything else is written into the folder by a subclass, and read again by its `_restore`.
        """
        return {name: value for name, value in vars(self).items() if name.endswith("_") and not name.startswith("_")}

    def _restore(self, state: Mapping[str, Any], folder: Path) -> None:
        """Take up what `_state` gave."""
        for name, value in state.items():
            setattr(self, name, value)

    def _depends_on(self) -> dict[str, str]:
        """Fingerprints, by name, of what predictions depend on beyond parameters; saved and checked on loading."""
        return {}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.input_tags.allow_nan = False
        tags.target_tags.required = self.learns
        tags.no_validation = True
        return tags

    def _labels(self, y: Any, length: int) -> Array:
        if not self.learns:
            return np.empty(0)
        name = type(self).__name__
        if y is None:
            raise InputError(f"{name} learns from labels, and there are none.", hint="Call fit(X, y).")
        labels = _as_labels(y, length)
        if missing := int((~np.isfinite(labels)).sum()):
            raise InputError(
                f"{missing} of {length} labels are missing or not finite.",
                hint="Leave those arguments out of training.",
            )
        if length < self.least_labels:
            are = f"{length} labelled argument{' is' if length == 1 else 's are'}"
            raise InputError(f"{are} too few: {name} needs at least {self.least_labels}.")
        if self.least_labels > 1 and np.ptp(labels) == 0:
            raise InputError(f"All {length} labels are {labels[0]:g}, so {name} has nothing to learn from.")
        return labels


@contextmanager
def telling(listener: Callable[[str], None]) -> Iterator[None]:
    """Have strategies say how far they are while they fit and predict, also those inside others: a few words, often."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def tell(words: str) -> None:
    """Say how far it is to whoever listens."""
    if listener := _LISTENER.get():
        listener(words)


def as_arguments(X: Any) -> list[Argument]:  # noqa: N803
    """Arguments from texts, rows with a `text`, or arguments.

    Raises
    ------
    InputError
        There are none, or one is empty or nothing of the kind; the message says which.
    """
    if isinstance(X, str | Argument | Mapping) or not hasattr(X, "__len__") or not hasattr(X, "__getitem__"):
        raise InputError(f"Expected a sequence of arguments, not {type_name(X)}.", hint="One argument: [argument].")
    if getattr(X, "ndim", 1) != 1:
        raise InputError(
            f"Expected one argument a row, not a table of shape {X.shape}.", hint="Take the column with the texts."
        )
    if not len(X):
        raise InputError("There are no arguments.")
    return [_argument(item, place) for place, item in enumerate(X)]


def _argument(item: Any, place: int) -> Argument:
    try:
        if isinstance(item, Argument):
            return item
        if isinstance(item, str):
            return Argument(str(item))
        if isinstance(item, Mapping) and "text" in item:
            known = {key: item[key] for key in _ROW_KEYS if item.get(key) is not None}
            return Argument(item["text"], **known)
    except InputError as error:
        raise InputError(f"Argument {place} (counted from 0): {error.message}", hint=error.hint) from None
    raise InputError(f"Argument {place} (counted from 0) is {type_name(item)}, neither an argument nor a text.")


def groups_for(arguments: Sequence[Argument], groups: Sequence[Any] | None) -> list[Any]:
    """The group of each argument: as given, else its `group`, else its issue, else its own."""
    if groups is None:
        return [argument.group or argument.issue or place for place, argument in enumerate(arguments)]
    if len(groups) != len(arguments):
        raise InputError(f"{len(groups)} groups for {len(arguments)} arguments; each has one.")
    return list(groups)


def _as_labels(y: Any, length: int) -> Array:
    try:
        labels = np.asarray([np.nan if value is None else value for value in y], dtype=float)
    except (TypeError, ValueError):
        raise InputError("Labels are numbers, one an argument.") from None
    if labels.ndim != 1 or len(labels) != length:
        raise InputError(f"Labels of shape {labels.shape} for {length} arguments; each has one number.")
    return labels


def total_usage(usages: Sequence[Usage]) -> Usage:
    """What several took together; a figure that any request leaves out is unknown in the sum."""
    return Usage.total(usages)


def needs(extra: str, *modules: str) -> None:
    """Make sure that an extra's packages are there.

    Raises
    ------
    StrategyError
        One is missing; the hint says what to install.
    """
    from importlib.util import find_spec

    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise StrategyError(
            f"This needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed.",
            hint=f"Run: pip install 'argqual[{extra}]'",
        )
