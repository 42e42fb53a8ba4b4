"""Find the codes in an answer: where a model says which level each question has.

The rules, which hold whatever form an answer has:

- **A statement** is a question's name and a code after it: `"relevance": "4"`, `Relevance (1-5): **4**`,
  `relevance_score = 4/5`, `{"Relevance": {"score": 4}}`. Letter case, spaces, hyphens and a scale beside the name do
  not matter. In an answer with JSON keys of the names only these are statements.
- **The last statement counts**, not a draft before it: a name that comes again begins a new answer, and the last
  one must be whole. So must the code: after the name, `3.5`, `3-4`, `3 or 4`, `-4`, `4%`, `4/10` on a scale to 5,
  `null` or `true` make an answer unreadable. `4.0`, `4/5`, `four` and the level's own short name are codes.
- **Without any of the names** (translated keys, a bare list) the codes are read in the questions' order, where there
  is nothing among them but keys and punctuation.
- Thinking aloud (`<think>…</think>`) is no part of an answer. Digits of other scripts and widths are digits.

What fits none of these is unreadable rather than guessed at: an answer can be asked for once more, and a wrong
rating cannot be told from a right one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from argqual.judging.prompt import Question

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_QUOTE = "\"'`“”‘’„«»"
_TAGS = "think|thinking|thought|thoughts|reasoning|reflection"
_THINKING = (
    re.compile(rf"<({_TAGS})>.*?</\1>|\[think\].*?\[/think\]|◁think▷.*?◁/think▷", re.IGNORECASE | re.DOTALL),
    re.compile(rf"\A.*(?:</(?:{_TAGS})>|\[/think\]|◁/think▷|final<\|message\|>)", re.IGNORECASE | re.DOTALL),
    re.compile(rf"(?:<(?:{_TAGS})>|\[think\]|◁think▷|analysis<\|message\|>).*\Z", re.IGNORECASE | re.DOTALL),
)
_FENCE = re.compile(r"```\w*")

_FAR = 100  # marks and words between a name and its code, at most; without a bound a long run of them takes minutes
# A scale beside a name is no rating: `on a scale of 1 to 5`, `1-5`, `(1 = low)`, `out of 5`.
_RANGE = r"\d+[\s_]*(?:[-–—/]|to|bis|out[\s_]of|of)[\s_]*\d+"
_GAP = (
    rf"(?:[^\S\n]|[{_QUOTE}*_]|-(?=[^\W\d_])|\([^()\n]*\)|\[[^\[\]\n]*\]|(?i:score|rating|level|value|points?|is|gets)(?![^\W_])"
    rf"|(?i:(?:(?:on|a|scale|of|from|the)[\s_]+)*{_RANGE}|(?:out[\s_]+)?of[\s_]+\d+)){{0,{_FAR}}}?"
)
_LEVEL = "level|score|rating|option|code|stufe|niveau|nivel|nível|livello"  # in the languages of prompts
_OPENING = rf"(?:[^\S\n]|[{_QUOTE}*_(\[]|\({_RANGE}\)|(?i:{_LEVEL})\b\s*:?){{0,{_FAR}}}"
_RATING_KEY = rf"[{_QUOTE}](?i:score|rating|level|value|code|answer|grade|points)[{_QUOTE}]\s*:\s*"
# What a code may not stand beside: signs, further digits, another value (`3 or 4`, `3-4`, `3,5`), per cent.
_BEFORE = r"(?<![-−–+~≈<>≤≥./]|[^\W_])"
_JOINED = r"[^\S\n]*+(?:[-–—−~,;/|&+_>→]|\.\.++|or\b|to\b|and\b|through\b|oder\b|bis\b|und\b)"
_ENDED = rf"(?=\s*(?:\Z|[\n{_QUOTE}*_,;:.=()\[\]}}|<>–—#-]|//|/\*|(?:and|but|because|since|as)\b))"
_ATTEMPT = re.compile(r"[-−–+~≈<>≤≥]?\s*\d|(?:null|none|nan|n/a|true|false)\b|[{\[]", re.IGNORECASE)
_KEY = r"(?:\"[^\"\n]*\"\s*:|'[^'\n]*'\s*:|[^\W\d][^\d:=\n]*[:=])"


def find_codes(text: str, questions: Sequence[Question]) -> list[tuple[str, int]] | None:
    """Each question's code and where it stands in the text; None unless the text says one code a question."""
    plain, asked = folded(text), [_patterns(question) for question in questions]
    found = _stated(plain, asked)
    if found is None and not any(patterns.named.search(plain) for patterns in asked):
        found = _listed(plain, questions)
    return found


def code_of(text: str, spelled: Mapping[str, str]) -> str | None:
    """The code that a text is, but for space and punctuation around it; `spelled` are a question's `spellings`."""
    bare, lower = _bare(text)
    return spelled.get(bare) or spelled.get(lower)


@lru_cache(maxsize=4096)
def _bare(text: str) -> tuple[str, str]:
    bare = folded(text).strip(" \t\r\n,;:.{}[]()*" + _QUOTE)
    return bare, bare.casefold()


def folded(text: str) -> str:
    """Text of the same length, with digits and letters as in ASCII where they have a like there, and no thinking."""
    if not text.isascii():
        text = "".join(map(_ordinary, text))
    return _FENCE.sub(_blank, without_thinking(text))


def without_thinking(text: str) -> str:
    """Text of the same length, with thinking aloud left blank."""
    for thinking in _THINKING if any(mark in text for mark in "<[◁") else ():
        text = thinking.sub(_blank, text)
    return text


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


@lru_cache(maxsize=4096)
def _ordinary(character: str) -> str:
    if unicodedata.category(character) == "Cf":  # a byte order mark, a joiner of no width
        return " "
    digit = unicodedata.digit(character, None)
    alike = unicodedata.normalize("NFKC", character) if digit is None else str(digit)
    return alike if len(alike) == 1 else character


@lru_cache(maxsize=1024)
def spellings(question: Question) -> Mapping[str, str]:
    """How each code may be written: itself, its number as a word, or the short name that the prompt gives it."""
    names = [re.split(r"[:.;,(–—]| - ", folded(text))[0].strip().casefold() for text in question.descriptions]
    named = {
        name: code
        for name, code in zip(names, question.codes, strict=False)
        if names.count(name) == 1 and len(name) > 1 and not name.isdigit()
    }
    words = {word: str(digit) for digit, word in enumerate(_DIGITS) if str(digit) in question.codes}
    return named | words | {code: code for code in question.all_codes}


@lru_cache(maxsize=1024)
def _codes(question: Question) -> tuple[str, str, str]:
    """Patterns of a question's codes, however spelled; of those that can be half of a range; and of its highest one."""
    codes = "|".join(map(re.escape, question.all_codes))
    others = sorted(spellings(question).keys() - set(question.all_codes), key=len, reverse=True)
    words = "|".join(map(re.escape, others))
    halves = "|".join(word for word in others if word in _DIGITS)
    return (
        f"{codes}|(?i:{words})" if words else codes,
        f"{codes}|(?i:{halves})" if halves else codes,
        rf"(?:/|(?:out[^\S\n]+)?of\b)\s*{re.escape(max(question.codes))}(?:\.0+)?(?![\w/]|\.\d)",
    )


def _value(question: Question) -> str:
    """The pattern of a question's code, with what may follow it (`.0`, `/5`, `points`) and what may not."""
    codes, halves, of_highest = _codes(question)
    return (
        rf"(?P<code>{codes})(?:\.0+)?(?![^\W_]|\.\d|[^\S\n]*%|[-+−~])"
        rf"(?:[^\S\n]*(?:points?|stars?)\b)?(?:[^\S\n]*\(?{of_highest}\)?)?"
        rf"(?![^\S\n]*\(?(?:/|(?:out[^\S\n]+)?of\b)[^\S\n]*\d)"
        rf"(?!(?:{_JOINED})++[^\S\n]*(?:{halves})(?!\w)|(?:{_JOINED})*+[^\S\n]*\d)"
    )


def _named(question: Question) -> re.Pattern[str]:
    """A question's name, however its words are joined."""
    words = [re.escape(word) for word in re.split(r"[\s_-]+", question.name) if word]
    name = r"[^\S\n]*[_-]?[^\S\n]*".join(words)
    return re.compile(rf"(?<![^\W_])(?i:{name})(?![^\W_])")


@dataclass(frozen=True, eq=False)
class _Patterns:
    """What a question's statements look like, compiled once.

    `key` and `anywhere` are its name up to what is said of it, as a key of JSON and in any text; `code` its code where
    one is due, and `rating` as the rating among the keys of an object.
    """

    named: re.Pattern[str]
    key: re.Pattern[str]
    anywhere: re.Pattern[str]
    code: re.Pattern[str]
    rating: re.Pattern[str]
    spelled: Mapping[str, str]


@lru_cache(maxsize=1024)
def _patterns(question: Question) -> _Patterns:
    named, value = _named(question), _value(question)
    name = named.pattern
    alone = rf"(?:\n\s*(?={_OPENING}\S+[^\S\n]*(?:\n|\Z)))?"
    code = rf"{_OPENING}{value}{_ENDED}"
    return _Patterns(
        named,
        key=re.compile(rf"(?<!\\)[{_QUOTE}]\s*{name}{_GAP}(?<!\\)[{_QUOTE}]\s*(?P<says>:)\s*"),
        anywhere=re.compile(
            rf"{name}(?:{_GAP}(?P<says>:=?|=>?|->|→)[^\S\n]*{alone}"
            rf"|{_GAP}(?:[–—-](?=\s)|[|>]|(?<=[\s{_QUOTE}*_]))(?={code}))"
        ),
        code=re.compile(code),
        rating=re.compile(rf"{_RATING_KEY}[{_QUOTE}]?{value}(?=\s*[{_QUOTE},}}])"),
        spelled=spellings(question),
    )


@dataclass(frozen=True)
class _Statement:
    """What is said of a question: its code and where that stands, or None for what is none of its codes."""

    start: int
    about: _Patterns
    said: tuple[str, int] | None


def _stated(plain: str, asked: Sequence[_Patterns]) -> list[tuple[str, int]] | None:
    """The codes after the questions' names."""
    found = list(_all_statements(plain, asked, keys=True))
    if not found:
        return _last_whole(_all_statements(plain, asked, keys=False), asked)
    answer = _last_whole(found, asked)
    ended = plain.rfind("}") + 1
    if answer and ended > max(position for _, position in answer):  # what is added in prose may take it back
        said = {about: code for about, (code, _) in zip(asked, answer, strict=True)}
        for each in _all_statements(plain[ended:], asked, keys=False):
            if each.said and each.said[0] != said[each.about]:
                return None
    return answer


def _all_statements(plain: str, asked: Sequence[_Patterns], *, keys: bool) -> Iterator[_Statement]:
    for about in asked:
        for match in (about.key if keys else about.anywhere).finditer(plain):
            said = _said(plain, match.end(), about)
            if said or keys or (match["says"] and _ATTEMPT.match(plain, match.end())):
                yield _Statement(match.start(), about, said)


def _said(plain: str, at: int, about: _Patterns) -> tuple[str, int] | None:
    if plain.startswith("{", at):
        end = plain.find("}", at)
        matches = list(about.rating.finditer(plain, at, len(plain) if end < 0 else end + 1))
        match = matches[0] if len(matches) == 1 else None
    else:
        match = about.code.match(plain, at)
    return (_spelled(match["code"], about.spelled), match.start("code")) if match else None


def _last_whole(found: Iterable[_Statement], asked: Sequence[_Patterns]) -> list[tuple[str, int]] | None:
    """The last answer; one begins with each name that comes again."""
    answer: dict[_Patterns, tuple[str, int] | None] = {}
    for each in sorted(found, key=lambda each: each.start):
        if each.about in answer:
            answer = {}
        answer[each.about] = each.said
    whole = [said for about in asked if (said := answer.get(about)) is not None]
    return whole if len(whole) == len(asked) else None


def _spelled(text: str, spelled: Mapping[str, str]) -> str:
    return spelled.get(text) or spelled[text.casefold()]


@lru_cache(maxsize=256)
def _list(questions: tuple[Question, ...]) -> re.Pattern[str]:
    """The codes of all questions in order, and nothing but keys and punctuation among them."""
    values = []
    for question in questions:
        codes, _, of_highest = _codes(question)
        values.append(rf"{_BEFORE}({codes})(?:\.0+)?(?:[^\S\n]*{of_highest})?(?![^\W_]|\.\d|[^\S\n]*[%/]|[-+−~])")
    between = rf"\W{{0,40}}?(?:{_KEY}\W{{0,40}}?)*"
    return re.compile(rf"\A(?:\D*[:=\n])?\W{{0,40}}?{between.join(values)}(?:\W*\Z|{_ENDED}\D*\Z)")


def _listed(plain: str, questions: Sequence[Question]) -> list[tuple[str, int]] | None:
    match = _list(tuple(questions)).match(plain)
    if match is None:
        return None
    return [(_spelled(match[i], spellings(question)), match.start(i)) for i, question in enumerate(questions, start=1)]
