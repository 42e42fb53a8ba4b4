"""Training on the surface: words as they stand, and counts of what can be seen without understanding.

What these reach is no sign of understanding; what they do not reach may be one.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge

from argqual._graphemes import count_words
from argqual.argument import Argument
from argqual.errors import StrategyError
from argqual.strategies.base import Array, Predictions, Strategy

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SENTENCE_END = re.compile(r"[.!?…]+(?=\s|$)")
_VOWELS = re.compile(r"[aeiouy]+")

# English; our own lists. A marker counts as often as it stands there as a word or a phrase.
_MARKERS: dict[str, tuple[str, ...]] = {
    "causal": ("because", "since", "as a result", "due to", "therefore", "thus", "hence", "so that", "consequently"),
    "contrast": ("but", "however", "whereas", "instead", "on the other hand", "rather than", "yet"),
    "concession": ("although", "though", "even if", "admittedly", "granted", "despite", "nevertheless", "of course"),
    "conclusion": ("in conclusion", "to sum up", "overall", "in short", "all in all", "finally", "it follows"),
    "example": ("for example", "for instance", "such as", "e.g", "namely", "in fact", "like when"),
    "condition": ("if", "unless", "provided", "as long as", "in case", "otherwise"),
    "addition": ("also", "moreover", "furthermore", "in addition", "besides", "first", "second", "secondly"),
    "hedge": ("may", "might", "could", "perhaps", "probably", "likely", "seems", "some", "often", "usually"),
    "booster": ("always", "never", "obviously", "clearly", "definitely", "everyone", "nobody", "must", "totally"),
    "evidence": ("study", "studies", "research", "percent", "according to", "evidence", "statistics", "data"),
}
_PERSONS = {"first_person": r"\b(?:i|me|my|we|us|our)\b", "second_person": r"\b(?:you|your|yours)\b"}
_MARKS = {"commas": ",", "semicolons": ";", "colons": ":", "question_marks": "?", "exclamation_marks": "!"}

_PATTERNS = {name: re.compile(pattern) for name, pattern in _PERSONS.items()} | {
    name: re.compile(r"\b(?:" + "|".join(re.escape(marker) for marker in markers) + r")\b")
    for name, markers in _MARKERS.items()
}


def surface_features(texts: Sequence[str]) -> Array:
    """Counts of what stands on the surface of texts, shape (n_texts, len(FEATURES)).

    Counts are rates (per 100 words, of characters per character) except `log_words` and `sentences`.
    `distinct_words` is Guiraud's index, distinct words over the root of all, which depends less on length than
    their ratio. `reading_ease` is Flesch's (1948): 206.835 - 1.015 words a sentence - 84.6 syllables a word, with
    vowel groups as syllables.
    """
    return np.array([[*_features(text).values()] for text in texts], dtype=float)


def _features(text: str) -> dict[str, float]:
    words = _WORD.findall(text)
    lowered = text.lower()
    count, characters = max(len(words), 1), max(len(text), 1)
    sentences = max(len(_SENTENCE_END.findall(text)), 1)
    syllables = sum(max(len(_VOWELS.findall(word.lower())), 1) for word in words)
    hundred = 100.0 / count
    return {
        "log_words": np.log1p(count_words(text)),
        "sentences": sentences,
        "words_a_sentence": count / sentences,
        "characters_a_word": sum(map(len, words)) / count,
        "long_words": sum(len(word) > 6 for word in words) * hundred,
        "distinct_words": len({word.lower() for word in words}) / np.sqrt(count),
        "reading_ease": 206.835 - 1.015 * count / sentences - 84.6 * syllables / count,
        **{name: text.count(mark) * hundred for name, mark in _MARKS.items()},
        "quotation_marks": sum(text.count(mark) for mark in '"“”«»') * hundred,
        "brackets": (text.count("(") + text.count("[")) * hundred,
        "capitals": sum(character.isupper() for character in text) / characters,
        "shouted_words": sum(len(word) > 2 and word.isupper() for word in words) * hundred,
        "digits": sum(character.isdigit() for character in text) / characters,
        "links": lowered.count("http") + lowered.count("www."),
        "paragraphs": len([part for part in re.split(r"\n\s*\n", text) if part.strip()]),
        **{name: len(pattern.findall(lowered)) * hundred for name, pattern in _PATTERNS.items()},
    }


FEATURES: tuple[str, ...] = tuple(_features(""))
"""The columns of `surface_features`, in order."""


@dataclass(eq=False, repr=False)
class Tfidf(Strategy):
    """TF-IDF of words (of two letters or more) and word pairs, and ridge regression.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty.
    longest : int, default=2
        Longest sequence of words.
    least : int, default=2
        Training arguments that a word must stand in; 1 where that leaves no words.

    Attributes
    ----------
    vectoriser_ : TfidfVectorizer
    ridge_ : Ridge
    """

    _: KW_ONLY
    alpha: float = 1.0
    longest: int = 2
    least: int = 2

    def _check(self) -> None:
        if self.alpha <= 0 or self.longest < 1 or self.least < 1:
            given = f"alpha={self.alpha}, longest={self.longest}, least={self.least}"
            raise StrategyError(f"{given}: alpha is above 0, the others are 1 or more.")

    def _fit(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> None:
        texts = [argument.text for argument in arguments]
        table = None
        for least in dict.fromkeys((self.least, 1)):
            self.vectoriser_ = TfidfVectorizer(ngram_range=(1, self.longest), min_df=least, sublinear_tf=True)
            with suppress(ValueError):  # no word is left
                table = self.vectoriser_.fit_transform(texts)
                break
        if table is None:
            raise StrategyError("The training arguments hold no words of two letters.")
        self.ridge_ = Ridge(alpha=self.alpha).fit(table, labels)

    def _predict(self, arguments: list[Argument]) -> Predictions:
        table = self.vectoriser_.transform([argument.text for argument in arguments])
        return Predictions(np.asarray(self.ridge_.predict(table)))


@dataclass(eq=False, repr=False)
class Surface(Strategy):
    """Gradient boosting on readability, length, punctuation and discourse markers; see `FEATURES`.

    Parameters
    ----------
    trees : int, default=100
        How many.
    leaves : int, default=8
        Most leaves of a tree.
    learning_rate : float, default=0.05
        By which each tree counts.
    least : int, default=10
        Fewest training arguments in a leaf; at most a tenth of them all.
    seed : int, default=0
        Of the trees.

    Attributes
    ----------
    trees_ : HistGradientBoostingRegressor

    References
    ----------
    Flesch, R. (1948). A new readability yardstick. Journal of Applied Psychology 32(3).
    """

    _: KW_ONLY
    trees: int = 100
    leaves: int = 8
    learning_rate: float = 0.05
    least: int = 10
    seed: int = 0

    def _check(self) -> None:
        if min(self.trees, self.least) < 1 or self.leaves < 2 or self.learning_rate <= 0:
            raise StrategyError("trees and least are 1 or more, leaves 2 or more, learning_rate is above 0.")

    def _fit(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> None:
        self.trees_ = HistGradientBoostingRegressor(
            max_iter=self.trees,
            max_leaf_nodes=self.leaves,
            learning_rate=self.learning_rate,
            min_samples_leaf=max(1, min(self.least, len(labels) // 10)),
            early_stopping=False,
            random_state=self.seed,
        ).fit(_table(arguments), labels)

    def _predict(self, arguments: list[Argument]) -> Predictions:
        return Predictions(np.asarray(self.trees_.predict(_table(arguments))))


def _table(arguments: Sequence[Argument]) -> Array:
    return surface_features([argument.text for argument in arguments])
