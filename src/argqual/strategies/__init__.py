"""Strategies: everything that predicts quality, as scikit-learn estimators. Loaded when first used."""

from __future__ import annotations

from typing import Any

from argqual.strategies.registry import BUILT_IN, load_class

_CLASSES = {known.target.partition(":")[2]: name for name, known in BUILT_IN.items()}

__all__ = ["Strategy", "create", "load_strategy", "save_strategy", *_CLASSES]  # pyright: ignore


def __getattr__(name: str) -> Any:
    if name in _CLASSES:
        return load_class(_CLASSES[name])
    if name == "Strategy":
        from argqual.strategies.base import Strategy

        return Strategy
    if name == "create":
        from argqual.strategies.registry import create

        return create
    if name in ("save_strategy", "load_strategy"):
        from argqual.strategies import saving

        return getattr(saving, name)
    raise AttributeError(f"module 'argqual.strategies' has no attribute '{name}'")
