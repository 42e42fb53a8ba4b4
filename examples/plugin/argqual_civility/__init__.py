"""A package that adds to argqual, one thing of each kind: how civil an argument is, by counting or by asking."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from dspy.lm15 import Message, Response, Usage

from argqual import Argument
from argqual.corpora.card import Card
from argqual.corpora.corpus import Corpus
from argqual.corpora.readers.parts import Place, argument_of, rating
from argqual.judging.readouts.conversation import Conversation
from argqual.judging.readouts.label import WrittenLevel
from argqual.judging.readouts.reading import Distribution
from argqual.models.connect import Model
from argqual.models.prices import FREE
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


# A source of models -------------------------------------------------------------------------------------------------


class CountingWords:
    """Answers every question with the highest of three levels, or with the lowest where the text has the word."""

    def __init__(self, word: str) -> None:
        self.word = word

    def ask(self, request: Any) -> tuple[Any, int]:
        """The response to a request of DSPy's transport, and how many requests were lost before it."""
        level = 1 if self.word in request.messages[-1].text.lower() else 3
        asked = request.config.response_format["schema"]["properties"]
        said = Message.assistant("\n".join(f"{name}: {level}" for name in asked))
        nothing = Usage(input_tokens=0, output_tokens=0)
        return Response(id=None, model=request.model, message=said, finish_reason="stop", usage=nothing), 0


def connect_without(name: str, *, api_base: str | None, api_key: str | None) -> Model:
    """The model `without/WORD`: it finds everything good that does not have this word."""
    return Model(f"without/{name}", engine=CountingWords(name), identity=f"texts without {name}", price=FREE)


# A read-out ---------------------------------------------------------------------------------------------------------


class Blurred(WrittenLevel):
    """The level as written, of which each neighbour gets a third: for models that are often off by one."""

    name = "blurred"

    def read(self, conversation: Conversation) -> list[Distribution]:
        return [blurred(found) for found in super().read(conversation)]


def blurred(found: Distribution) -> Distribution:
    """Each level's probability as the mean of its own and its neighbours'; beyond an end stands the end again."""
    levels = found.probabilities
    shares = zip((levels[0], *levels), levels, (*levels[1:], levels[-1]), strict=False)
    return Distribution(tuple(sum(three) / 3 for three in shares), abstain=found.abstain)


# A corpus reader ----------------------------------------------------------------------------------------------------


def read_graded_lines(card: Card, folder: Path, texts: Corpus | None) -> Corpus:
    """The corpus of a card whose files hold a grade and a text on each line."""
    (label, scale), *_ = card.labels.items()
    arguments = []
    for file in card.files:
        for number, line in enumerate((folder / file.path).read_text(encoding="utf-8").splitlines(), 1):
            place = Place(folder / file.path, number)
            grade, _, text = line.partition(" ")
            value = rating(grade, label, scale, place)
            labels = {} if value is None else {label: value}
            id = f"{file.path}-{number}"
            arguments.append(argument_of(place, "text", text=text, id=id, domain=card.domain, labels=labels))
    return Corpus(card, tuple(arguments))
