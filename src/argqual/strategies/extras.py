"""The extras of the package: what each brings, and whether it is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection, Mapping

from argqual.errors import StrategyError

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "local": ("xllamacpp",),
    "encoder": ("torch", "transformers"),
    "optimise": ("optuna", "gepa"),
    "ray": ("ray",),
}
"""What argqual imports of the packages of each extra."""


def lacking(modules: Collection[str]) -> list[str]:
    """Those that are not installed."""
    return [module for module in modules if importlib.util.find_spec(module) is None]


def needs(extra: str, modules: Collection[str] | None = None) -> None:
    """Make sure that an extra's packages are there, or (`modules`) some of them.

    Raises
    ------
    StrategyError
        One is missing; the hint says what to install.
    """
    missing = lacking(EXTRAS[extra] if modules is None else modules)
    if missing:
        raise StrategyError(
            f"This needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed.",
            hint=f"Run: pip install 'argqual[{extra}]'",
        )
