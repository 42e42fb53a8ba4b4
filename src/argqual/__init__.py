"""argqual scores arguments against explicit criteria, and measures what transfers.

The names below are the public API. They are loaded when first used, so that
`import argqual` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from argqual._version import __version__

if TYPE_CHECKING:
    from argqual.argument import Argument as Argument
    from argqual.assessment import Assessment as Assessment
    from argqual.assessment import Rating as Rating
    from argqual.assessment import Status as Status
    from argqual.corpora.corpus import Corpus as Corpus
    from argqual.corpora.dataset import load_corpus as load_corpus
    from argqual.corpora.reading import read_corpus as read_corpus
    from argqual.corpora.targets import LabelStandardiser as LabelStandardiser
    from argqual.errors import ArgqualError as ArgqualError
    from argqual.frameworks.catalogue import known_frameworks as known_frameworks
    from argqual.frameworks.catalogue import load_framework as load_framework
    from argqual.frameworks.framework import Criterion as Criterion
    from argqual.frameworks.framework import Framework as Framework
    from argqual.frameworks.scale import Scale as Scale
    from argqual.judging.batch import Batch as Batch
    from argqual.judging.batch import assess_all as assess_all
    from argqual.judging.compare import Comparison as Comparison
    from argqual.judging.compare import compare as compare
    from argqual.judging.judge import Judge as Judge
    from argqual.judging.program import load_program as load_program
    from argqual.judging.program import save_program as save_program
    from argqual.judging.store import Store as Store
    from argqual.models.connect import connect as connect

_HOME = {
    "Argument": "argqual.argument",
    "Assessment": "argqual.assessment",
    "Rating": "argqual.assessment",
    "Status": "argqual.assessment",
    "known_frameworks": "argqual.frameworks.catalogue",
    "load_framework": "argqual.frameworks.catalogue",
    "Corpus": "argqual.corpora.corpus",
    "load_corpus": "argqual.corpora.dataset",
    "read_corpus": "argqual.corpora.reading",
    "LabelStandardiser": "argqual.corpora.targets",
    "ArgqualError": "argqual.errors",
    "Criterion": "argqual.frameworks.framework",
    "Framework": "argqual.frameworks.framework",
    "Scale": "argqual.frameworks.scale",
    "Batch": "argqual.judging.batch",
    "assess_all": "argqual.judging.batch",
    "Comparison": "argqual.judging.compare",
    "compare": "argqual.judging.compare",
    "Judge": "argqual.judging.judge",
    "load_program": "argqual.judging.program",
    "save_program": "argqual.judging.program",
    "Store": "argqual.judging.store",
    "connect": "argqual.models.connect",
}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'argqual' has no attribute '{name}'")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
