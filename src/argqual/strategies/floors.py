"""The floor, and the confound: what has to be beaten before anything is said of a strategy."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from argqual._graphemes import count_words
from argqual.argument import Argument
from argqual.strategies.base import Array, Predictions, Strategy


class Mean(Strategy):
    """Predict the mean of the training labels, whatever the argument.

    Attributes
    ----------
    mean_ : float
    """

    least_labels: ClassVar[int] = 1

    def _fit(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> None:
        self.mean_ = float(labels.mean())

    def _predict(self, arguments: list[Argument]) -> Predictions:
        return Predictions(np.full(len(arguments), self.mean_))


class Length(Strategy):
    """Predict from the number of words alone: a line through the labels over log(1 + words).

    People rate longer arguments higher in every corpus that argqual knows, so a judge that counts words looks
    good. Predictions rank as the word counts do where the training slope is positive, and the other way round
    where it is negative.

    Attributes
    ----------
    slope_, intercept_ : float
    """

    def _fit(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> None:
        sizes = _log_words(arguments)
        if np.ptp(sizes) == 0:
            self.slope_, self.intercept_ = 0.0, float(labels.mean())
        else:
            self.slope_, self.intercept_ = (float(each) for each in np.polyfit(sizes, labels, 1))

    def _predict(self, arguments: list[Argument]) -> Predictions:
        return Predictions(self.intercept_ + self.slope_ * _log_words(arguments))


def _log_words(arguments: Sequence[Argument]) -> Array:
    return np.log1p([count_words(argument.text) for argument in arguments])
