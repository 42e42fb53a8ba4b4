"""Read answers: codes out of a text, and probabilities out of its tokens.

Tokenizers differ in how they cut `4`, ` 4`, `"4` or `4,`; all of these say 4, so
their probabilities are added up. What goes to anything else is reported, never
spread over the levels.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Protocol

from argqual.judging.prompt import Question
from argqual.judging.readouts.codes import code_of, find_codes, spellings, without_thinking

_BYTE = re.compile(r"(?:<0x|bytes:\\\\x)([0-9a-fA-F]{2})>?")
_MARKS = str.maketrans({"▁": " ", "Ġ": " ", "Ċ": "\n", "ĉ": "\t"})
_ROUNDING = 0.01
_MOST_MASS = 1.05


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


def read_codes(text: str, questions: Sequence[Question]) -> list[tuple[str, int]]:
    """Each question's code and where it stands (see `codes`); `Unreadable` unless the text says one code a question."""
    if found := find_codes(text, questions):
        return found
    shown = " ".join(text.split())
    raise Unreadable(f"no {len(questions)} levels in the answer {shown[:120]!r}" if shown else "the answer is empty")


def written_distributions(text: str, questions: Sequence[Question]) -> list[Distribution]:
    """All of the mass on the code that was written."""
    return [
        _one_hot(question, code) for question, (code, _) in zip(questions, read_codes(text, questions), strict=True)
    ]


def _one_hot(question: Question, code: str) -> Distribution:
    if code not in question.codes:
        return Distribution(tuple(1.0 / len(question.codes) for _ in question.codes), abstain=1.0)
    return Distribution(tuple(float(code == own) for own in question.codes))


def token_distributions(
    tokens: Sequence[TokenChoice], questions: Sequence[Question], written: str | None = None
) -> list[Distribution]:
    """Each question's distribution, from the alternatives to the token that carries its code.

    Raises `Unreadable` if the tokens' text does not hold the codes (those of the answer as `written`, where given), or
    their figures are no log-probabilities.
    """
    pieces = [_piece(token) for token in tokens]
    starts = list(accumulate(map(len, pieces), initial=0))
    text = "".join(pieces)
    found = read_codes(text, questions)
    if written is not None and not _alike(text, written):
        of_answer = read_codes(written, questions)
        if [code for code, _ in found] != [code for code, _ in of_answer]:
            raise Unreadable("the log-probabilities are those of another answer")
    distributions = []
    for question, (code, position) in zip(questions, found, strict=True):
        mass = _mass(question, tokens[bisect_right(starts, position) - 1])
        if mass[code] <= 0.0:
            raise Unreadable(f"the level that was written is not among the likely tokens for {question.name}")
        distributions.append(_of_mass(question, mass))
    return distributions


def _alike(text: str, other: str) -> bool:
    """Whether two texts are the same, or the same as JSON."""
    if text == other:
        return True
    try:
        return bool(json.loads(text) == json.loads(other))
    except (ValueError, RecursionError):
        return False


def _piece(token: TokenAlternative) -> str:
    """A token's text: of its bytes where the server says them, and with the marks of tokenizers as what they mean."""
    text = token.token
    if text.isascii() and not text.startswith(("<0x", "bytes:")):
        return text
    if given := getattr(token, "bytes", None):
        with suppress(ValueError):  # no bytes after all
            return bytes(given).decode("utf-8", "replace")
    if coded := _BYTE.fullmatch(text):
        return chr(int(coded[1], 16))
    return text.translate(_MARKS)


def token_distribution(question: Question, choice: TokenChoice) -> Distribution:
    """A question's distribution, from the alternatives to one token where its code is due.

    All of it is off the scale where none of them is a code. Raises `Unreadable` for figures that are no
    log-probabilities.
    """
    return _of_mass(question, _mass(question, choice))


def _of_mass(question: Question, mass: Mapping[str, float]) -> Distribution:
    """A question's distribution, from the probabilities of its codes."""
    total = math.fsum(mass.values())
    levels = [mass[code] for code in question.codes]
    rated = math.fsum(levels)
    return Distribution(
        probabilities=tuple(level / rated for level in levels)
        if rated > 0
        else tuple(1.0 / len(levels) for _ in levels),
        abstain=1.0 - rated / total if total > 0 else 0.0,
        off_scale=max(0.0, 1.0 - total),
    )


def _mass(question: Question, choice: TokenChoice) -> dict[str, float]:
    """The probability of each of a question's codes, as far as the alternatives are listed."""
    listed = dict.fromkeys((_piece(each), each.logprob, getattr(each, "token_id", None)) for each in choice.top)
    chosen = _piece(choice)
    if all(piece != chosen for piece, *_ in listed):  # or it is listed again there
        listed[chosen, choice.logprob, None] = None
    mass = dict.fromkeys(question.all_codes, 0.0)
    spelled = spellings(question)
    everything = 0.0
    for piece, logprob, _ in listed:
        if not logprob <= _ROUNDING:  # nor is NaN
            raise Unreadable("one of its figures is no log-probability")
        share = math.exp(logprob)
        everything += share
        if (code := code_of(piece, spelled)) is not None:
            mass[code] += share
    if everything > _MOST_MASS:
        raise Unreadable(f"the probabilities at {question.name} add up to {everything:.3g}")
    return mass


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
    found = {_bare(name): entry for name, entry in _loads(without_thinking(text)).items()}
    notes = {}
    for question in questions:
        entry = found.get(_bare(question.name))
        if isinstance(entry, dict):
            entry = {_bare(name): said for name, said in entry.items()}
            rationale, quote = entry.get("rationale"), entry.get("quote")
            if isinstance(rationale, str):
                notes[question.name] = Note(rationale.strip(), quote.strip() if isinstance(quote, str) else "")
        elif isinstance(entry, str):
            notes[question.name] = Note(entry.strip())
    if not notes:
        raise Unreadable("the notes are not the JSON that was asked for")
    return notes


def _bare(name: object) -> str:
    """A key as far as it names a question."""
    return re.sub(r"[\W_]", "", str(name)).casefold()


def _whole(text: str) -> str:
    """Text without the halves of characters that JSON can hold and UTF-8 cannot."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _loads(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        import json_repair  # a dependency of dspy, made for models' near-JSON

        try:
            found = json_repair.loads(text)
        except RecursionError:  # nested without end
            return {}
    objects = [each for each in (found if isinstance(found, list) else [found]) if isinstance(each, dict)]
    return objects[-1] if objects else {}
