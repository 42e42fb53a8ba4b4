"""What all strategies have in common: one interface from arguments to quality.

A strategy is a scikit-learn estimator. Its `X` is a sequence of arguments (`Argument`, text, or rows with a `text`),
its `y` one number an argument, higher is better. A prediction that could not be had is NaN: the caller decides what
becomes of it, and `predictions` says why it is missing.
"""

from __future__ import annotations

import inspect
import math
import time
import warnings
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, is_dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, TypeAlias, get_type_hints

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import NotFittedError

from argqual.argument import Argument
from argqual.assessment import Assessment, Usage
from argqual.errors import StrategyError, nearest
from argqual.frameworks.catalogue import load_framework
from argqual.frameworks.framework import Framework
from argqual.stats.regression import rank_correlation
from argqual.strategies.given import as_arguments, as_labels, groups_for, labels_to_learn

if TYPE_CHECKING:
    from argqual.judging.judge import Judge

Array = npt.NDArray[np.float64]
Questions: TypeAlias = "Iterator[tuple[Judge, Argument]]"
"""What models would be asked: each judge with an argument to be assessed."""
_LISTENER: ContextVar[Callable[[str], None] | None] = ContextVar("listener", default=None)


class PredictionScale(StrEnum):
    """What the numbers that a strategy predicts mean."""

    LABELS = "labels"
    """They are on the scale of the labels that it was fitted on."""
    QUALITY = "quality"
    """They are qualities from 0 to 1, whatever the labels were."""
    OWN = "own"
    """Higher is better, on a scale of the strategy's own."""
    RELATIVE = "relative"
    """They hold among the arguments that are predicted together only; other company, other numbers."""


@dataclass(frozen=True)
class Seen:
    """What a strategy has seen and taken to be fitted: the terms of a fair comparison."""

    labels: int = 0  # labelled arguments given to `fit`, whose labels were looked at
    examples: int = 0  # labelled arguments shown to a model with each question
    model: str | None = None  # the model it rests on, if any
    usage: Usage = field(default_factory=Usage)  # of fitting
    seconds: float = 0.0  # of fitting


class TryingLimit(NamedTuple):
    """What an optimiser may spend to try things: requests, and US dollars; None where the other is the only limit."""

    calls: int | None
    usd: float | None


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
    """Base of all strategies, and all that a benchmark, a plan or the command line asks of one.

    A subclass stores its parameters (as a dataclass, which adds those of its base, or in `__init__`), learns in `_fit`
    (what it learns ends in `_`), and predicts in `_predict`; that is enough. The checks of labels and arguments, the
    account of what was seen, and saving are here. What else a strategy may say of itself has a default for one that
    works on texts and labels alone: the attributes below, whom it asks (`judges`, `_plan`), what it is made of
    (`within`), what keeps it from being fitted (`_check`, `_connect`), and what is saved (`state`, `restore`,
    `depends_on`).

    Its family and the extra that it needs stand in the registry (`argqual.strategies.registry.Known`), so that a list
    imports nothing. A parameter called `seed` is what a benchmark varies with `seeds`.
    """

    learns: bool = True
    """Whether `fit` looks at labels; otherwise `y` may be left out and is ignored."""
    least_labels: ClassVar[int] = 2
    """Fewest labelled arguments that it can learn from."""
    models: ClassVar[tuple[str, ...]] = ()
    """Parameters that name a language model, asked or read."""
    frameworks: ClassVar[tuple[str, ...]] = ()
    """Parameters that take a criteria framework: a name, a file, or one in memory."""
    nested: ClassVar[Mapping[str, str | None]] = {}
    """Parameters that are strategies themselves, or lists of these, each with the name of what is taken by default."""
    explain: bool | str = False
    """Whether a model is asked for its reasons too."""

    seen_: Seen

    @property
    def scale(self) -> PredictionScale:
        """What its predictions mean: when nothing else is said, the labels' scale where it learns, else its own."""
        return PredictionScale.LABELS if self.learns else PredictionScale.OWN

    def fit(self, X: Sequence[Any], y: Any = None, *, groups: Sequence[Any] | None = None) -> Self:  # noqa: N803
        """Learn from arguments and their labels.

        Parameters
        ----------
        X : sequence of Argument, str or mapping, of length n_arguments
        y : array-like of shape (n_arguments,)
            Labels, higher is better. Not needed by strategies that do not learn.
        groups : sequence of length n_arguments
            What must not be torn apart by inner splits. Default: each argument's `group`, else its issue.

        Raises
        ------
        InputError
            Nothing to learn from: no arguments, too few labels, NaN among them, or all equal.
        StrategyError
            A parameter is wrong, or an extra is not installed.
        """
        given = self._given(X, y, groups)
        self.check()
        return self._learn_from(*given)

    def fit_checked(self, X: Sequence[Any], y: Any = None, *, groups: Sequence[Any] | None = None) -> Self:  # noqa: N803
        """As `fit`, of a strategy whose `check` has passed, or that of one with the same parameters: not done again."""
        return self._learn_from(*self._given(X, y, groups))

    def _learn_from(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> Self:
        started = time.perf_counter()
        usage = self._fit(arguments, labels, groups) or Usage()
        seconds = time.perf_counter() - started
        self.seen_ = replace(self._seen(), labels=len(labels), usage=usage, seconds=seconds)
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

    def assess(self, X: Sequence[Any]) -> list[Assessment]:  # noqa: N803
        """The ratings behind `predict`, one an argument, in order; a StrategyError where `rated_framework` is None."""
        found = self.predictions(X).assessments
        if found is None:
            raise StrategyError(f"{type(self).__name__} gives no ratings.")
        return list(found)

    def score(self, X: Sequence[Any], y: Any, sample_weight: None = None) -> float:  # noqa: N803
        """Spearman's correlation of predictions with labels, over the arguments that have both.

        R², scikit-learn's default for regressors, would ask for labels and predictions on one scale.
        NaN where it is not defined; a `MissingPredictionsWarning` says when predictions are missing.
        """
        if sample_weight is not None:
            raise StrategyError("score takes no sample weights.")
        predicted = self.predict(X)
        labels = as_labels(y, len(predicted))
        both = np.isfinite(predicted) & np.isfinite(labels)
        if missing := int((~np.isfinite(predicted)).sum()):
            said = f"{missing} of {len(predicted)} arguments have no prediction; the score is of the others."
            warnings.warn(said, MissingPredictionsWarning, stacklevel=2)
        return rank_correlation(predicted[both], labels[both])

    # What is asked of a strategy before it is fitted.

    def check(self, *, connect: bool = True) -> None:
        """Raise what would make fitting fail, before anything is spent.

        That is an ArgqualError where a parameter is wrong, a framework or a model cannot be found, or an extra is not
        installed. Without `connect`, extras are not looked for and models not connected to, and nothing is loaded or
        fetched.
        """
        self._check()
        for inner in self.within().values():
            inner.check(connect=connect)
        if connect:
            self._connect()

    def plan(
        self,
        X: Sequence[Any],  # noqa: N803
        y: Any = None,
        *,
        predict: Sequence[Any],
        groups: Sequence[Any] | None = None,
    ) -> Questions:
        """What a model would be asked to fit this strategy (`X`, `y`, `groups`: as for `fit`) and then `predict`.

        Nothing is asked, and the strategy stays as it is. Each judge with an argument to be assessed, as often as it
        comes up; answers that the store has are not left out. Nothing for a strategy that asks no judge. Raises as
        `fit` does.
        """
        return self._plan(*self._given(X, y, groups), as_arguments(predict))

    def trying(self) -> list[TryingLimit]:
        """Of one fit, the most that each optimiser in it may spend on what cannot be planned, since it is made up then.

        These requests come on top of `plan`.
        """
        return [limit for inner in self.within().values() for limit in inner.trying()]

    def judges(self) -> list[Judge]:
        """Who is asked: none, one, or several whose ratings are put together; before fitting, without examples."""
        return []

    def rated_framework(self) -> Framework | None:
        """The framework by which predictions' assessments are made; None where predictions come without any."""
        return None

    def within(self) -> Mapping[str, Strategy]:
        """The strategies that it is made of, by the names under which their parameters are set."""
        return {}

    def parts(self) -> Iterator[tuple[str, Strategy]]:
        """It and all strategies within, at any depth, each with the prefix of its parameters (`base__`)."""
        yield "", self
        for name, inner in self.within().items():
            for prefix, part in inner.parts():
                yield f"{name}__{prefix}", part

    def model_names(self) -> list[str]:
        """The language models that it and the strategies within ask or read, as far as parameters name them."""
        named = [getattr(part, parameter) for _, part in self.parts() for parameter in part.models]
        return [name for name in named if isinstance(name, str)]

    @classmethod
    def parameter_names(cls) -> list[str]:
        """The names of its parameters, in alphabetical order."""
        return list(cls._get_param_names())

    @classmethod
    def parameter_types(cls) -> dict[str, Any]:
        """The types of the parameters that are annotated, as fields or in `__init__`.

        A NameError where one is known to type checkers only.
        """
        found = get_type_hints(cls)
        if "__init__" in vars(cls) and not is_dataclass(cls):
            found |= get_type_hints(cls.__init__)
        return {name: found[name] for name in inspect.signature(cls).parameters if name in found}

    def set_params(self, **params: Any) -> Self:
        """Set parameters, also those of strategies within (`base__framework`).

        Raises a StrategyError where there is no parameter of that name, at any depth.
        """
        own = {name: value for name, value in params.items() if "__" not in name}
        for name in own:
            self._check_name(name)
        self._set_own(own)
        within = self.within() if len(own) < len(params) else {}
        for name in params.keys() - own.keys():
            self._check_name(name)
        for part, inner in within.items():
            start = f"{part}__"
            if deep := {name.removeprefix(start): value for name, value in params.items() if name.startswith(start)}:
                inner.set_params(**deep)
                if getattr(self, part, inner) is None:  # left alone until now
                    setattr(self, part, inner)
        return self

    def _set_own(self, params: Mapping[str, Any]) -> None:
        """Set parameters of its own, whose names are known."""
        super().set_params(**params)

    def _check_name(self, name: str, given: str | None = None) -> None:
        """Raise a StrategyError for a parameter that neither it nor what is within has; `given`: its whole name."""
        own, separator, rest = name.partition("__")
        if not separator and own in self.parameter_names():
            return
        within, said = self.within(), given or name
        whole = f" ('{said}')" if said != own else ""
        if own not in (known := {*self.parameter_names(), *within}):
            raise StrategyError(f"{type(self).__name__} has no parameter '{own}'{whole}. {nearest(own, known)}")
        if separator and own not in within:
            raise StrategyError(f"'{own}' of {type(self).__name__} is no strategy with parameters of its own{whole}.")
        if separator:
            within[own]._check_name(rest, said)

    # What a subclass says.

    def _check(self) -> None:
        """Raise what is wrong with the parameters and the frameworks; load and connect to nothing."""

    def _connect(self) -> None:
        """Raise what is missing of extras and models."""

    def _plan(self, arguments: list[Argument], labels: Array, groups: list[Any], predict: list[Argument]) -> Questions:
        """See `plan`: when nothing else is said, that each judge is asked about everything that is predicted."""
        return ((judge, argument) for judge in self.judges() for argument in predict)

    @abstractmethod
    def _fit(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> Usage | None:
        """Learn; what it took, where a model was asked. `labels` is empty when it does not learn."""

    @abstractmethod
    def _predict(self, arguments: list[Argument]) -> Predictions:
        """Predict; anything missing is NaN with its reason."""

    def _seen(self) -> Seen:
        """What was shown, beyond the labels: examples, and the model's name."""
        return Seen()

    def state(self, folder: Path) -> dict[str, Any]:
        """What has to be saved: by default all that ends in `_`.

        Values: JSON-able data, arrays, scikit-learn estimators, `Argument`s, strategies, and lists of
        these. Anything else is written into the folder by a subclass, and read again by its `restore`.
        """
        return {name: value for name, value in vars(self).items() if name.endswith("_") and not name.startswith("_")}

    def restore(self, state: Mapping[str, Any], folder: Path) -> None:
        """Take up what `state` gave."""
        for name, value in state.items():
            setattr(self, name, value)

    def depends_on(self) -> dict[str, str]:
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

    def _given(self, X: Any, y: Any, groups: Any) -> tuple[list[Argument], Array, list[Any]]:  # noqa: N803
        """Arguments, labels (empty when it does not learn) and groups, checked."""
        arguments, name = as_arguments(X), type(self).__name__
        labels = labels_to_learn(y, len(arguments), self.least_labels, name) if self.learns else np.empty(0)
        return arguments, labels, groups_for(arguments, groups)


@dataclass(eq=False, repr=False)
class OfFramework(Strategy):
    """Base of strategies that take a criteria framework."""

    frameworks: ClassVar[tuple[str, ...]] = ("framework",)

    framework: Framework | str | Path = "ratio"

    def _framework(self) -> Framework:
        return load_framework(self.framework)

    def depends_on(self) -> dict[str, str]:
        return {"framework": self._framework().fingerprint}


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


def require(name: str, value: str, known: Collection[str]) -> None:
    """Make sure that a parameter has one of its known values; else a StrategyError says what was meant, or is known."""
    if value not in known:
        raise StrategyError(f"{name}={value!r}: {nearest(value, known)}")
