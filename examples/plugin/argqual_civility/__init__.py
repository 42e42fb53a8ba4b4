"""A package that adds to argqual: how civil an argument is, by counting words or by asking a model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from argqual import Argument
from argqual.strategies import Predictions, Strategy

# A strategy ---------------------------------------------------------------------------------------------------------

INSULTS = ("idiot", "idiots", "moron", "nonsense", "stupid", "fool", "fools", "ridiculous")


class Civil(Strategy):
    """The more insults in a hundred words, the worse: a line through the labels.

    Parameters
    ----------
    words : sequence of str
        What counts as an insult, in lower case.

    Attributes
    ----------
    slope_, intercept_ : float
    """

    def __init__(self, *, words: Sequence[str] = INSULTS) -> None:
        self.words = words

    def _fit(self, arguments: list[Argument], labels: Any, groups: list[Any]) -> None:
        insults = self._insults(arguments)
        self.slope_, self.intercept_ = np.polyfit(insults, labels, 1) if np.ptp(insults) else (0.0, labels.mean())

    def _predict(self, arguments: list[Argument]) -> Predictions:
        return Predictions(self.intercept_ + self.slope_ * self._insults(arguments))

    def _insults(self, arguments: list[Argument]) -> Any:
        """Of a hundred words, how many are insults; shape (n_arguments,)."""
        said = [re.findall(r"\w+", argument.text.lower()) for argument in arguments]
        return np.array([100 * sum(word in self.words for word in words) / max(len(words), 1) for words in said])


# A framework --------------------------------------------------------------------------------------------------------

FRAMEWORKS = Path(__file__).parent / "frameworks"
"""The folder whose YAML files are known by their names: `argqual score TEXT --framework civility`."""


# A read-out, a model source, a corpus reader ------------------------------------------------------------------------
