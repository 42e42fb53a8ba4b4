"""The strategies by name: argqual's own, and those of installed packages.

A package adds one with an entry point of the group `argqual.strategies`:

    [project.entry-points."argqual.strategies"]
    shouting = "my_package:Shouting"

Nothing is imported before a strategy is used, so that a list of them costs nothing.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from argqual._plugins import added
from argqual._titled import Titled
from argqual.errors import StrategyError, nearest

if TYPE_CHECKING:
    from argqual.strategies.base import Strategy

GROUP = "argqual.strategies"
EXTRAS: Mapping[str, tuple[str, ...]] = {
    "local": ("xllamacpp",),
    "encoder": ("torch", "transformers"),
    "optimise": ("optuna", "gepa"),
    "ray": ("ray",),
}
"""What argqual imports of the packages of each extra."""


class Family(Titled):
    """The ways of knowing what a good argument is."""

    FLOOR = "floor"
    TRAINING = "training", "trained on labels"
    PRINCIPLE = "principle", "told the principle"
    EXEMPLAR = "exemplar", "shown exemplars"
    COMBINED = "combined"
    ADDED = "added"


@dataclass(frozen=True)
class Known:
    """A strategy that can be had: where its class is, one line about it, and the extra it needs."""

    target: str
    family: Family
    summary: str
    extra: str | None = None


def _own(module: str, family: Family, summary: str, extra: str | None = None) -> Known:
    return Known(f"argqual.strategies.{module}", family, summary, extra)


BUILT_IN: dict[str, Known] = {
    "mean": _own("floors:Mean", Family.FLOOR, "the mean of the training labels"),
    "length": _own("floors:Length", Family.FLOOR, "the number of words: the confound in every corpus"),
    "tfidf": _own("surface:Tfidf", Family.TRAINING, "TF-IDF and ridge regression"),
    "surface": _own(
        "surface:Surface", Family.TRAINING, "readability, punctuation, discourse markers; gradient boosting"
    ),
    "embedding": _own("embedding:Embedding", Family.TRAINING, "frozen sentence embeddings and ridge", "encoder"),
    "probe": _own("probe:Probe", Family.TRAINING, "an embedded model's hidden state and ridge", "local"),
    "encoder": _own("encoder:Encoder", Family.TRAINING, "fine-tuning of a transformer encoder", "encoder"),
    "conditioned": _own(
        "conditioned:Conditioned", Family.TRAINING, "fine-tuning that reads the definition with the text", "encoder"
    ),
    "plain": _own("prompted:Plain", Family.PRINCIPLE, "'rate the quality', without criteria"),
    "principle": _own("prompted:Principle", Family.PRINCIPLE, "a framework, no examples; with its controls"),
    "exemplars": _own("exemplars:Exemplars", Family.EXEMPLAR, "labelled examples, no criteria"),
    "principle+exemplars": _own("exemplars:PrincipleExemplars", Family.EXEMPLAR, "a framework and labelled examples"),
    "optimised": _own("optimised:Optimised", Family.COMBINED, "a prompt improved by a DSPy optimiser", "optimise"),
    "calibrated": _own("calibrated:Calibrated", Family.COMBINED, "a prompted strategy mapped to human scores"),
    "pairwise": _own("pairwise:Pairwise", Family.PRINCIPLE, "comparisons, and Bradley–Terry scores from them"),
    "jury": _own("jury:Jury", Family.COMBINED, "several strategies, combined"),
}


def known_strategies() -> dict[str, Known]:
    """argqual's own, then those of installed packages by name."""
    others = {
        name: Known(point.value, Family.ADDED, f"from {point.dist.name if point.dist else point.module}")
        for name, point in added(GROUP).items()
        if name not in BUILT_IN
    }
    return BUILT_IN | others


def load_class(name: str) -> type[Strategy]:
    """The class of a strategy; a StrategyError where there is none of this name, or it cannot be imported."""
    known = known_strategies()
    if name not in known:
        raise StrategyError(
            f"No strategy is called '{name}'. {nearest(name, known)}", hint="argqual strategies list shows them all."
        )
    module, _, attribute = known[name].target.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise StrategyError(f"The strategy '{name}' cannot be loaded: {error}.") from None
    from argqual.strategies.base import Strategy

    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise StrategyError(f"{known[name].target} is not a strategy: it does not extend argqual.strategies.Strategy.")
    return found


def create(name: str, **params: Any) -> Strategy:
    """An unfitted strategy by name.

    A string given for a parameter that takes a strategy names one: `create("calibrated",
    base="principle", base__framework="ratio")`.

    Raises
    ------
    StrategyError
        There is no such strategy, or it takes no such parameter.
    """
    kind = load_class(name)
    accepted = kind.parameter_names()
    own, made = {key: value for key, value in params.items() if "__" not in key}, set[str]()
    for key in own:
        if key not in accepted:
            raise StrategyError(f"The strategy '{name}' has no parameter '{key}'. {nearest(key, accepted)}")
        if key in kind.nested:
            named = isinstance(own[key], str)  # it is made with its parameters at once, which it may need
            inner = {rest.removeprefix(f"{key}__"): params[rest] for rest in params if rest.startswith(f"{key}__")}
            own[key] = _nested(own[key], inner if named else {})
            made |= {f"{key}__{rest}" for rest in inner} if named else set()
    rest = {key: value for key, value in params.items() if "__" in key and key not in made}
    try:
        built = kind(**own)
        return built.set_params(**rest) if rest else built
    except (TypeError, ValueError, AttributeError) as error:
        raise StrategyError(f"The strategy '{name}' cannot be set up: {error}") from None


def _nested(value: Any, params: dict[str, Any]) -> Any:
    """A strategy named by a string, or a list of them as (name, strategy); anything else as it is."""
    if isinstance(value, str):
        return create(value, **params)
    if isinstance(value, list | tuple):
        return [_member(each) for each in value]
    return value


def _member(value: Any) -> Any:
    """`plain` or [mine, plain] as (name, strategy)."""
    if isinstance(value, str):
        return value, create(value)
    if isinstance(value, list | tuple) and len(value) == 2 and isinstance(value[1], str):
        return value[0], create(value[1])
    return value


def lacking(modules: Collection[str]) -> list[str]:
    """Those that are not installed."""
    return [module for module in modules if importlib.util.find_spec(module) is None]


def needs(extra: str, modules: Collection[str] | None = None) -> None:
    """Make sure that an extra's packages are there, or (`modules`) some of them; else a StrategyError says how."""
    if missing := lacking(EXTRAS[extra] if modules is None else modules):
        raise StrategyError(
            f"This needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed.",
            hint=f"Run: pip install 'argqual[{extra}]'",
        )
