"""Strategies that are what they are by construction, to see whether a benchmark says so."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from argqual.argument import Argument
from argqual.strategies.base import Array, Predictions, Strategy


def chance(text: str) -> float:
    """From 0 to 1, always the same for a text."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 16**8


class Oracle(Strategy):
    """Knows every label, by the very argument: two corpora may have judged the same text differently."""

    labels: ClassVar[Mapping[int, float]] = {}

    def _fit(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> None:
        self.fitted_ = True

    def _predict(self, arguments: list[Argument]) -> Predictions:
        return Predictions(np.array([self.labels[id(argument)] for argument in arguments]))


class Guess(Strategy):
    """Chance, whatever the argument says."""

    def _fit(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> None:
        self.fitted_ = True

    def _predict(self, arguments: list[Argument]) -> Predictions:
        return Predictions(np.array([chance(argument.text) for argument in arguments]))


class Memoriser(Strategy):
    """Gives a text the label of the training text that shares the most runs of five words, else its topic's mean.

    What it has not seen, nor anything on its topic, it guesses. It can only look good where training has what is
    tested, or its topics.
    """

    def _fit(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> None:
        self.labels_ = labels
        self.holders_: dict[str, list[int]] = defaultdict(list)
        for place, argument in enumerate(arguments):
            for run in set(_runs(argument.text)):
                self.holders_[run].append(place)
        by_issue: dict[str, list[float]] = defaultdict(list)
        for argument, label in zip(arguments, labels, strict=True):
            by_issue[argument.issue or ""].append(float(label))
        self.means_ = {issue: float(np.mean(own)) for issue, own in by_issue.items()}

    def _predict(self, arguments: list[Argument]) -> Predictions:
        return Predictions(np.array([self._one(argument) for argument in arguments]))

    def _one(self, argument: Argument) -> float:
        shared = Counter(place for run in set(_runs(argument.text)) for place in self.holders_.get(run, ()))
        if shared:
            return float(self.labels_[shared.most_common(1)[0][0]])
        if argument.issue in self.means_:
            return self.means_[argument.issue]
        return chance(argument.text) - 0.5


def _runs(text: str) -> Iterator[str]:
    words = "".join(letter if letter.isalnum() else " " for letter in text.lower()).split()
    return (" ".join(words[place : place + 5]) for place in range(max(1, len(words) - 4)))
