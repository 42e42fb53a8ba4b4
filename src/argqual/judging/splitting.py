"""A long text in parts: paragraphs as they are written, or stretches that argue one point.

Both are found by rules and not by a model, so that the same text always has the same parts, for nothing. Parts never
overlap, leave out nothing but white space, and cut through no character as people see it.

- `paragraphs`: what blank lines part, or lines, where there are no blank ones and most lines end as sentences do. A
  heading belongs to what follows it.
- `arguments`: a new part begins with a paragraph, with an item of a list, and with a sentence that opens a new point
  ("Second, …", "Another reason …", "However, …", in ten languages), as soon as the part before it has some two
  sentences (some hundred characters); a part is cut at a sentence's end before it is longer than a long paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from argqual._graphemes import between_words
from argqual.errors import InputError, nearest

Splitting = Literal["paragraphs", "arguments"]
SPLITTINGS: tuple[str, ...] = get_args(Splitting)
_LEAST, _MOST = 100, 1200  # characters of a part by `arguments`, where sentences allow it
_LITTLE = 60  # less than that at the end is no part
_HEADING = 80
_AT_ONCE = 200_000  # characters of a part that are looked at, to see how many of them fit
_SEEN = re.compile(r"\S")
_BLANK_LINES = re.compile(r"\n[^\S\n]*(?:\n\s*)+|\u2029")
_CLOSING = "\"'”’»)\\]」』）"
_SENTENCE_END = re.compile(rf"(?:[.!?…‽]+|[։؟۔।॥።])[{_CLOSING}]*(?=\s)|[。！？｡]+[{_CLOSING}]*", re.UNICODE)
_ENDED = re.compile(rf"[.!?…‽։؟۔।॥።。！？｡][{_CLOSING}]*\s*\Z")
_ABBREVIATED = re.compile(
    r"(?:\b[^\W\d_]|\b\d{1,2}"
    r"|\b(?:dr|mr|mrs|ms|prof|st|vs|etc|bzw|ca|cf|nr|no|abs|art|sr|sra|mme|bijv|resp|vgl|evtl))\.\Z",
    re.IGNORECASE,
)
_OPENERS = (
    r"first(?:ly)?\b|second(?:ly)?\b|third(?:ly)?\b|fourth(?:ly)?\b|fifth(?:ly)?\b|finally\b|lastly\b|moreover\b",
    r"furthermore\b|in addition\b",
    r"additionally\b|besides\b|(?:one|another|a further|the next) (?:reason|argument|point)\b",
    r"on the (?:one|other) hand\b|on the contrary\b|however\b|nevertheless\b|(?:some|many)(?: people)? (?:say|argue)\b",
    r"(?:opponents|critics|proponents|supporters)\b|in conclusion\b|to (?:sum up|conclude)\b",
    r"erstens|zweitens|drittens|viertens|außerdem\b|ferner\b|zudem\b|darüber hinaus|hinzu kommt|ein (?:weiter|ander)er",
    r"einerseits|andererseits|allerdings\b|dagegen\b|kritiker|gegner|befürworter|schließlich\b|zusammenfassend",
    r"premièrement|deuxièmement|troisièmement|d'abord|ensuite\b",
    r"de plus\b|en outre|par ailleurs|d'une part|d'autre part",
    r"cependant|toutefois|néanmoins|un autre (?:argument|point)|une autre raison|enfin\b|en conclusion",
    r"en (?:primer|segundo|tercer) lugar|primero\b|además\b|asimismo\b|por (?:un|otro) lado|por otra parte|sin embargo",
    r"otr[ao] (?:razón|argumento)|finalmente\b|por último|en conclusión|en resumen",
    r"in (?:primo|secondo|terzo) luogo|innanzitutto|inoltre\b",
    r"d'altra parte|tuttavia|un altro (?:motivo|argomento)|infine\b",
    r"em (?:primeiro|segundo|terceiro) lugar|além disso|ademais",
    r"por outro lado|no entanto|contudo|outr[ao] (?:razão|argumento)",
    r"ten (?:eerste|tweede|derde|vierde)|bovendien|daarnaast",
    r"verder\b|anderzijds|echter\b|een (?:ander|tweede) (?:argument|reden)",
    r"首先|其次|再次|再者|此外|另外|最后|最後|然而|但是|第[一二三四五]|まず|次に|さらに|しかし|最後に|一方",
    r"во-первых|во-вторых|в-третьих|кроме того|однако|с другой стороны|наконец",
    r"أولا|ثانيا|ثالثا|علاوة على ذلك|ومع ذلك|من ناحية أخرى|وأخيرا",
)
_OPENS = re.compile("|".join(_OPENERS) + r"|\(?(?:\d{1,2}|[a-z])[.)]\s|[-–•*·]\s", re.IGNORECASE)


@dataclass(frozen=True)
class TextPart:
    """A part of a text: `text == whole[start:end]`; numbers begin at 1."""

    number: int
    start: int
    end: int
    text: str


def split_text(
    text: str, by: Splitting = "paragraphs", *, longest: Callable[[str], int] | None = None
) -> tuple[TextPart, ...]:
    """The parts of a text, in order; at least one.

    `by` is `paragraphs` or `arguments`. `longest` says how many characters of a part's beginning can be rated; what
    is longer is cut further, at the end of a sentence where one is near. Raises an `InputError` for another `by`.
    """
    if by not in SPLITTINGS:
        raise InputError(f"A text is not split by '{by}'. {nearest(by, SPLITTINGS)}")
    spans = list(_paragraphs(text) if by == "paragraphs" else _arguments(text))
    if longest is not None:
        spans = [part for span in spans for part in _fitting(text, *span, longest)]
    if len(spans) < 2:  # the text itself, so that it is asked about once
        return (TextPart(1, 0, len(text), text),)
    return tuple(TextPart(number, start, end, text[start:end]) for number, (start, end) in enumerate(spans, start=1))


Span = tuple[int, int]


def _paragraphs(text: str) -> Iterator[Span]:
    """Paragraphs, each with the heading before it."""
    start = None
    blocks = list(_blocks(text))
    for place, (begin, end) in enumerate(blocks):
        start = begin if start is None else start
        heading = end - begin < _HEADING and not _ENDED.search(text[begin:end]) and place + 1 < len(blocks)
        if not heading:
            yield start, end
            start = None


def _blocks(text: str) -> Iterator[Span]:
    """What blank lines part; else lines, where most of them end as sentences do."""
    if not _BLANK_LINES.search(text.strip()):
        lines = list(_between(text, re.finditer(r"\n", text)))
        if len(lines) > 1 and sum(bool(_ENDED.search(text[slice(*span)])) for span in lines) >= 0.75 * len(lines):
            yield from lines
            return
    yield from _between(text, _BLANK_LINES.finditer(text))


def _between(text: str, breaks: Iterator[re.Match[str]]) -> Iterator[Span]:
    """What stands between breaks, without white space around it; nothing that is blank."""
    at = 0
    for start, end in [*((found.start(), found.end()) for found in breaks), (len(text), len(text))]:
        if text[at:start].strip():
            yield _stripped(text, at, start)
        at = end


def _stripped(text: str, start: int, end: int) -> Span:
    inner = text[start:end]
    return start + len(inner) - len(inner.lstrip()), end - (len(inner) - len(inner.rstrip()))


def _arguments(text: str) -> Iterator[Span]:
    spans: list[Span] = []
    for begin, end in _blocks(text):
        for place, (start, stop) in enumerate(_sentences(text, begin, end)):
            size = spans[-1][1] - spans[-1][0] if spans else _MOST
            enough = _HEADING if place == 0 else _LEAST
            opens = size >= enough and (place == 0 or _OPENS.match(text, start) is not None)
            if spans and not opens and stop - spans[-1][0] <= _MOST:
                spans[-1] = (spans[-1][0], stop)
            else:
                spans.append((start, stop))
    if len(spans) > 1 and spans[-1][1] - spans[-1][0] < _LITTLE and spans[-1][1] - spans[-2][0] <= _MOST:
        spans[-2:] = [(spans[-2][0], spans[-1][1])]
    yield from spans


def _sentences(text: str, start: int, end: int) -> Iterator[Span]:
    """The sentences of a paragraph; what has no full stops is one."""
    at = start
    for stop in _sentence_ends(text, start, end):
        yield _stripped(text, at, stop)
        at = stop
    if text[at:end].strip():
        yield _stripped(text, at, end)


def _sentence_ends(text: str, start: int, end: int) -> Iterator[int]:
    for found in _SENTENCE_END.finditer(text, start, end):
        beyond = _SEEN.search(text, found.end(), end)
        following = beyond[0] if beyond else ""
        dotted = found[0].startswith(".") and (
            following.islower() or _ABBREVIATED.search(text[max(start, found.start() - 12) : found.start() + 1])
        )
        if following and not dotted:
            yield found.end()


def _fitting(text: str, start: int, end: int, longest: Callable[[str], int]) -> Iterator[Span]:
    """A span in pieces that can be rated."""
    while start < end:
        piece = text[start : min(end, start + _AT_ONCE)]
        fits = longest(piece)
        if not 0 < fits < end - start:  # all of it, or nothing: a model will say so
            yield start, end
            return
        ends = [stop for stop in _sentence_ends(piece, 0, min(len(piece), fits + 2)) if fits // 2 < stop <= fits]
        stop = start + (ends[-1] if ends else max(1, between_words(piece, fits)))
        yield _stripped(text, start, stop)
        beyond = _SEEN.search(text, stop, end)
        start = beyond.start() if beyond else end
