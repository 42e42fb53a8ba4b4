"""Read answers: codes out of a text, and probabilities out of its tokens.

Tokenizers differ in how they cut `4`, ` 4`, `"4` or `4,`; all of these say 4, so
their probabilities are added up. What goes to anything else is reported, never
spread over the levels.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from argqual.judging.prompt import Question

_AROUND = " \t\r\n\"'`,;:.{}[]()*▁Ġ"
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_WORDS = {word: str(digit) for digit, word in enumerate(_DIGITS)}


class TokenAlternative(Protocol):
    """A token that could have stood here."""

    token: str
    logprob: float


class TokenChoice(TokenAlternative, Protocol):
    """A token that was written, with the alternatives the server reports."""

    top: Sequence[TokenAlternative]


class Unreadable(Exception):
    """An answer that does not hold one code for each question."""


@dataclass(frozen=True)
class Distribution:
    """Probabilities over one question's answers, in the order of its codes; they sum to 1.

    `abstain` is the share of "cannot say" among all answers, `off_scale` the probability of everything that is not an
    answer; both are 0 to 1. `refused` says why there is no answer; then there are no probabilities.
    """

    probabilities: tuple[float, ...]
    abstain: float = 0.0
    off_scale: float = 0.0
    refused: str | None = None


def find_codes(text: str, questions: Sequence[Question]) -> list[tuple[str, int]]:
    """Each question's code and where it stands; `Unreadable` unless the text holds exactly one code a question."""
    for start in (max(0, text.rfind("{")), 0):  # what comes before the answer itself may speak of levels too
        found = _by_name(text, start, questions) or _in_order(text, start, questions)
        if found:
            return found
    shown = " ".join(text.split())
    raise Unreadable(f"no {len(questions)} levels in the answer {shown[:120]!r}")


def _alternatives(question: Question) -> str:
    words = [word for word, digit in _WORDS.items() if digit in question.codes]
    return "|".join(re.escape(code) for code in (*question.all_codes, *words))


def _code(match: str) -> str:
    return _WORDS.get(match.lower(), match)


def _in_order(text: str, start: int, questions: Sequence[Question]) -> list[tuple[str, int]] | None:
    every = "|".join(dict.fromkeys("|".join(_alternatives(question) for question in questions).split("|")))
    matches = list(re.finditer(rf"(?<![\w/.])({every})(?!\w|\.\d)", text[start:]))
    if len(matches) != len(questions):
        return None
    found = [(_code(match[1]), start + match.start(1)) for match in matches]
    readable = all(code in question.all_codes for (code, _), question in zip(found, questions, strict=True))
    return found if readable else None


def _by_name(text: str, start: int, questions: Sequence[Question]) -> list[tuple[str, int]] | None:
    """`relevance: 4/5 … sufficiency: **3**`: each name followed by its code."""
    found = []
    for question in questions:
        name = re.escape(question.name).replace("_", "[_ ]")
        pattern = rf"\b(?i:{name})\b[^\w]{{1,8}}({_alternatives(question)})(?!\w|\.\d)"
        match = re.search(pattern, text[start:])
        if match is None:
            return None
        found.append((_code(match[1]), start + match.start(1)))
    return found


def written_distributions(text: str, questions: Sequence[Question]) -> list[Distribution]:
    """All of the mass on the code that was written."""
    return [
        _one_hot(question, code) for question, (code, _) in zip(questions, find_codes(text, questions), strict=True)
    ]


def _one_hot(question: Question, code: str) -> Distribution:
    if code not in question.codes:
        return Distribution(tuple(1.0 / len(question.codes) for _ in question.codes), abstain=1.0)
    return Distribution(tuple(float(code == own) for own in question.codes))


def token_distributions(tokens: Sequence[TokenChoice], questions: Sequence[Question]) -> list[Distribution]:
    """Each question's distribution, from the alternatives to the token that carries its code.

    Raises `Unreadable` if the tokens' text does not hold the codes.
    """
    text = "".join(token.token for token in tokens)
    starts = [0]
    for token in tokens:
        starts.append(starts[-1] + len(token.token))
    distributions = []
    for question, (_, position) in zip(questions, find_codes(text, questions), strict=True):
        index = max(i for i in range(len(tokens)) if starts[i] <= position)
        distributions.append(_from_candidates(question, tokens[index]))
    return distributions


def _from_candidates(question: Question, choice: TokenChoice) -> Distribution:
    candidates: dict[str, float] = {candidate.token: candidate.logprob for candidate in choice.top}
    candidates.setdefault(choice.token, choice.logprob)
    mass = dict.fromkeys(question.all_codes, 0.0)
    for token, logprob in candidates.items():
        code = _code(token.strip(_AROUND))
        if code in mass:
            mass[code] += math.exp(logprob)
    total = math.fsum(mass.values())
    if total <= 0.0:
        raise Unreadable(f"no level among the likely tokens for {question.name}")
    levels = [mass[code] for code in question.codes]
    rated = math.fsum(levels)
    return Distribution(
        probabilities=tuple(level / rated for level in levels)
        if rated > 0
        else tuple(1.0 / len(levels) for _ in levels),
        abstain=1.0 - rated / total,
        off_scale=max(0.0, 1.0 - total),
    )


def mean_distribution(samples: Iterable[Distribution], *, unreadable: int) -> Distribution:
    """Frequencies over samples; unreadable ones count as mass off the scale."""
    taken = list(samples)
    rated = [sample for sample in taken if sample.abstain < 0.5]
    shares = [math.fsum(sample.probabilities[i] for sample in rated) for i in range(len(taken[0].probabilities))]
    return Distribution(
        probabilities=tuple(share / len(rated) for share in shares) if rated else taken[0].probabilities,
        abstain=1.0 - len(rated) / len(taken),
        off_scale=unreadable / (unreadable + len(taken)),
    )


@dataclass(frozen=True)
class Note:
    """What a judge wrote of one question before rating."""

    rationale: str
    quote: str = ""

    def __post_init__(self) -> None:
        for name in ("rationale", "quote"):
            object.__setattr__(self, name, _whole(getattr(self, name)))


def read_notes(text: str, questions: Sequence[Question]) -> dict[str, Note]:
    """The notes on each question, as far as the text holds them; a cut-off end is forgiven.

    Raises `Unreadable` if there is no note at all.
    """
    found = _loads(text)
    notes = {}
    for question in questions:
        entry = found.get(question.name)
        if isinstance(entry, dict) and isinstance(entry.get("rationale"), str):
            notes[question.name] = Note(entry["rationale"].strip(), str(entry.get("quote") or "").strip())
        elif isinstance(entry, str):
            notes[question.name] = Note(entry.strip())
    if not notes:
        raise Unreadable("the notes are not the JSON that was asked for")
    return notes


def _whole(text: str) -> str:
    """Text without the halves of characters that JSON can hold and UTF-8 cannot."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _loads(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        import json_repair  # a dependency of dspy, made for models' near-JSON

        found = json_repair.loads(text)
    return found if isinstance(found, dict) else {}
