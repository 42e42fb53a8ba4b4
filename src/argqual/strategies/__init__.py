"""Strategies: everything that predicts quality, as scikit-learn estimators. Loaded when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from argqual.strategies.registry import BUILT_IN

if TYPE_CHECKING:
    from argqual.strategies.base import MissingPredictionsWarning as MissingPredictionsWarning
    from argqual.strategies.base import Predictions as Predictions
    from argqual.strategies.base import Strategy as Strategy
    from argqual.strategies.calibrated import Calibrated as Calibrated
    from argqual.strategies.conditioned import Conditioned as Conditioned
    from argqual.strategies.embedding import Embedding as Embedding
    from argqual.strategies.encoder import Encoder as Encoder
    from argqual.strategies.exemplars import Exemplars as Exemplars
    from argqual.strategies.exemplars import PrincipleExemplars as PrincipleExemplars
    from argqual.strategies.floors import Length as Length
    from argqual.strategies.floors import Mean as Mean
    from argqual.strategies.jury import Jury as Jury
    from argqual.strategies.optimised import Optimised as Optimised
    from argqual.strategies.pairwise import Pairwise as Pairwise
    from argqual.strategies.probe import Probe as Probe
    from argqual.strategies.prompted import Plain as Plain
    from argqual.strategies.prompted import Principle as Principle
    from argqual.strategies.registry import create as create
    from argqual.strategies.saving import load_strategy as load_strategy
    from argqual.strategies.saving import save_strategy as save_strategy
    from argqual.strategies.surface import Surface as Surface
    from argqual.strategies.surface import Tfidf as Tfidf

_HOME = {known.target.partition(":")[2]: known.target.partition(":")[0] for known in BUILT_IN.values()} | {
    "MissingPredictionsWarning": "argqual.strategies.base",
    "Predictions": "argqual.strategies.base",
    "Strategy": "argqual.strategies.base",
    "create": "argqual.strategies.registry",
    "load_strategy": "argqual.strategies.saving",
    "save_strategy": "argqual.strategies.saving",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'argqual.strategies' has no attribute '{name}'")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
