"""What holds pins steady whatever is installed and whatever the user has set: the one place that knows where."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from argqual import _plugins
from argqual.benchmark.running import cells
from argqual.judging import judge

_ASKING = ("dspy", "litellm", "xllamacpp")
_VARIABLES = (
    "OPENAI_API_KEY",
    "OPENAI_API_BASE",
    "OPENAI_BASE_URL",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_API_BASE",
    "ANTHROPIC_BASE_URL",
    "SYSTEMONE_API_BASE",
    "SYSTEMONE_API_KEY",
    "ARGQUAL_FRAMEWORKS",
    "ARGQUAL_MODEL",
    "ARGQUAL_FRAMEWORK",
    "ARGQUAL_API_BASE",
    "ARGQUAL_KEEP",
    "ARGQUAL_MIRROR",
    "FORCE_COLOR",
)


def steady(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Versions are made up, stores and caches lie in a folder, and no variable nor plugin of the user's counts.

    A store's key and a cell's key hold argqual's version, a store's key also those of the libraries that ask.
    """
    version = importlib.metadata.version
    patch.setattr(importlib.metadata, "version", lambda name: "1.2.3" if name in _ASKING else version(name))
    patch.setattr(_plugins, "points", lambda group, path: ())
    patch.setattr(judge, "__version__", "9.9.9")
    patch.setattr(cells, "__version__", "9.9.9")
    for name in _VARIABLES:
        patch.delenv(name, raising=False)
    said = {
        "ARGQUAL_STORE": str(folder / "assessments.sqlite"),
        "ARGQUAL_CACHE": str(folder / "cache"),
        "ARGQUAL_CONFIG": str(folder / "config.toml"),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "COLUMNS": "80",
        "NO_COLOR": "1",
        "TERM": "dumb",
    }
    for name, value in said.items():
        patch.setenv(name, value)
