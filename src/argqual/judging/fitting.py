"""How much of a text fits a model's context.

Tokens are counted, by the model's own tokenizer where it can be had, and the place where a text has to end is found by
bisection. What a server says as it refuses a prompt, its limit and how much the prompt has, puts the count right: an
estimate of tokens is then only used for how they are spread over the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

from argqual._graphemes import between_words, whole
from argqual.argument import fence
from argqual.judging.readouts.readout import Inquiry, Readout
from argqual.judging.readouts.thinking import expected_thinking
from argqual.models.connect import Model
from argqual.models.tokenizing import Tokenizer, tokenizer_for

_TEMPLATE_TOKENS = 40  # a chat template's own words
_COUNTED_AT_MOST = 50_000  # characters of a refused text that are worth counting, to know what stands around it
_CLOSE = 500  # bisection ends within this share of the text
_MOST_STEPS = 40
_NUMBER = re.compile(r"(?<![\w.])\d{1,3}(?:,\d{3})+(?![\w,])|(?<![\w.])\d{3,}(?![\w,])")
_BEGINNING = re.compile(r"only the first ([\d,]+) of [\d,]+ characters were rated")
_SUM = re.compile(r"([\d,]{3,}) \+ ([\d,]{2,}) > ([\d,]{3,})")
_LIMIT = re.compile(
    r"max|limit|allow|available|window|context (?:size|length)|capacity|up to|only|>\s*$", re.IGNORECASE
)
_COUNTS_ANSWER = re.compile(r"completion|output tokens|max_tokens|max_new_tokens|max_completion", re.IGNORECASE)


@dataclass(frozen=True)
class Refusal:
    """What a server said of a prompt that is too long: tokens that it takes and that there were, where it says them.

    `with_answer`: those of the answer are counted in.
    """

    limit: int | None
    used: int | None
    with_answer: bool

    @classmethod
    def of(cls, message: str) -> Refusal:
        """The numbers in a message: of two that may be the limit the one that is called so, and the most for `used`."""
        if added := _SUM.search(message):
            prompt, answer, limit = (int(number.replace(",", "")) for number in added.groups())
            return cls(limit, prompt + answer, True)
        found = [(int(match[0].replace(",", "")), match.start()) for match in _NUMBER.finditer(message)]
        if len({number for number, _ in found}) < 2:
            return cls(next((number for number, at in found if _is_named(message, number, at)), None), None, False)
        used = max(number for number, _ in found)
        smaller = [(number, at) for number, at in found if number < used]
        named = [number for number, at in smaller if _is_named(message, number, at)]
        limit = max(named) if named else max(number for number, _ in smaller)
        return cls(limit, used, _COUNTS_ANSWER.search(message) is not None)


def _is_named(message: str, number: int, at: int) -> bool:
    """Whether the words beside a number call it a limit."""
    before = re.split(r"[.;]\s|however|but ", message[:at], flags=re.IGNORECASE)[-1][-60:]
    before = re.split(r"\d", before)[-1]
    after = re.split(r"[.;,(]|\d", message[at + len(f"{number}") :].lstrip("0123456789,"))[0][:30]
    return _LIMIT.search(before) is not None or re.match(r"\s*(?:tokens?\s*)?(?:max|limit)", after) is not None


@dataclass
class Fitting:
    """A text that is to be cut to a context.

    `frame` is all that is sent besides the text, `answer` the tokens of an answer to it, and `context` those that the
    model is known to take; None when that is not known.
    """

    text: str
    frame: str
    tokenizer: Tokenizer
    answer: int
    context: int | None = None
    _counted: dict[int, int] = field(default_factory=dict)

    @cached_property
    def room(self) -> int | None:
        """Tokens that there are for a text; None where the model's context is not known."""
        if self.context is None:
            return None
        return self.context - self.answer - _TEMPLATE_TOKENS - self.tokenizer.count(self.frame)

    def longest(self, text: str) -> int:
        """The most characters of a text's beginning that fit, in this one's place; all where the room is not known."""
        if self.room is None or len(fence(text).encode()) <= self.room:  # no token is less than a byte
            return len(text)
        return replace(self, text=text, _counted={})._bisected(self.room, len(text))

    def after(self, shown: int, message: str) -> int | None:
        """The most characters that fit, when the first `shown` were refused in these words; None when not known."""
        said = Refusal.of(message)
        limit = said.limit or self.context
        if limit is None:
            return None
        around = self.tokenizer.count(self.frame) + _TEMPLATE_TOKENS
        scale = 1.0
        if said.used and shown <= _COUNTED_AT_MOST and self.tokenizer.exact:
            around = max(said.used - self._tokens(shown), 0)
        elif said.used and not self.tokenizer.exact:
            around += self.answer if said.with_answer else 0
            scale = max(said.used - around, 1) / max(self._tokens(shown), 1)
        room = limit - around - (0 if said.with_answer else self.answer)
        found = self._bisected(room / scale, shown)
        return found if found < shown else whole(self.text, int(shown * 0.9))

    def said(self, characters: int | None) -> str:
        """How much would fit, as a sentence with a space before it."""
        if characters is None:
            return " How much of it would fit is not known."
        if not characters:
            return " Nothing of it would fit."
        by = "" if self.tokenizer.exact else f" (tokens estimated by {self.tokenizer.name})"
        return f" About {characters:,} of its characters would fit{by}."

    def _tokens(self, length: int) -> int:
        if length not in self._counted:
            self._counted[length] = self.tokenizer.count(fence(self.text[:length]))
        return self._counted[length]

    def _bisected(self, room: float, most: int) -> int:
        return whole(self.text, largest(self._tokens, room, most))


def largest(tokens: Callable[[int], int], room: float, most: int) -> int:
    """The largest length up to `most` whose tokens are no more than `room`, within a five-hundredth.

    In turns a length is tried at which the tokens, spread evenly, would be as many as there is room for, one just above
    the largest that is known to fit, and one halfway to the least that is known not to. Short ones come first, since
    counting takes time.
    """
    low, low_tokens, high, high_tokens = 0, 0, most + 1, 0
    guess, step = min(most, max(1, int(room / 4))), 0
    while room > 0 and high - low > max(1, low // _CLOSE) and step < _MOST_STEPS:
        count = tokens(guess)
        if count <= room:
            low, low_tokens = guess, count
        else:
            high, high_tokens = guess, count
        beyond = (high - low, high_tokens - low_tokens) if high_tokens else (low, low_tokens)
        a_token = beyond[0] / max(beyond[1], 1)
        even = low + int((room - low_tokens) * a_token)
        just_above = low + max(1, low // _CLOSE)
        halfway = min((low + high) // 2, 2 * max(low, 1))
        guess = min(max((even, just_above, halfway)[step % 3], low + 1), high - 1)
        step += 1
    return low


def beginning_note(kept: int, of: int) -> str:
    """That only the beginning of a text was rated, for the notes of its assessment."""
    return f"only the first {kept:,} of {of:,} characters were rated"


def rated_beginning(notes: Iterable[str], of: int) -> int:
    """How many characters of a text were rated, by the notes of its assessment: all `of` them, or a beginning."""
    found = next((said for note in notes if (said := _BEGINNING.match(note))), None)
    return int(found[1].replace(",", "")) if found else of


def answer_tokens(readout: Readout, inquiry: Inquiry, model: Model) -> int:
    """The tokens of an answer: the levels with their names, the notes, and what is thought before."""
    levels = tokenizer_for(model).count(inquiry.prompt.repair)
    if inquiry.prompt.explain or readout.own_form:
        return levels + readout.plan(inquiry, model)[0].expected
    return levels + expected_thinking(model)


def cut(text: str, length: int) -> str:
    """The beginning of a text that is no longer, and ends with a word where one ends near."""
    return text[: between_words(text, length)]
