"""Characters as people see them, and words: where a text may be cut, and how long it is.

An accent that stands by itself, a joiner of no width, the second half of a flag: all belong to what stands before them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

_WORD = 40  # characters that are left out so that no word is cut, or a fiftieth of the text
# Flags stand apart: over a long run of them \X alone takes time by the square of it.
_CHARACTER = r"[\U0001F1E6-\U0001F1FF]{2}[\p{Grapheme_Extend}\u200d]*|\X"
_PLAIN = "\r\n"  # the only characters of ASCII that belong together


def ends(text: str) -> Iterator[int]:
    """Where each character as people see it (an extended grapheme cluster of Unicode) ends."""
    import regex

    return (match.end() for match in regex.finditer(_CHARACTER, text))


def whole(text: str, length: int) -> int:
    """The most of `text[:length]` that cuts through no character as people see it."""
    if length >= len(text):
        return len(text)
    if text[max(0, length - 1) : length + 1].isascii() and text[length - 1 : length + 1] != _PLAIN:
        return length
    best = 0
    for end in ends(text):
        if end > length:
            break
        best = end
    return best


def between_words(text: str, length: int) -> int:
    """The most of `text[:length]` that cuts through no word, where one begins near; else through no character."""
    if length >= len(text) or text[length].isspace():
        return min(length, len(text))
    back = max(_WORD, length // 50)
    for place in range(length, max(0, length - back), -1):
        if text[place - 1].isspace():
            return place
    return whole(text, length)


def count_words(text: str) -> int:
    """Length as the project measures it: words between white space.

    Chinese, Japanese, Thai, Lao, Khmer and Burmese are written without spaces: of these each letter counts.
    """
    if text.isascii():
        return len(text.split())
    others, letters = _unspaced().subn(" ", text)
    if not letters:
        return len(text.split())
    return int(letters) + sum(any(map(str.isalnum, word)) for word in others.split())


@cache
def _unspaced() -> Any:
    import regex

    scripts = "".join(rf"\p{{{name}}}" for name in ("Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar"))
    return regex.compile(rf"(?V1)[[{scripts}]&&\p{{L}}]")


def splits_a_character(text: str, place: int) -> bool:
    """Whether a place is inside of a character as people see it."""
    return 0 < place < len(text) and whole(text, place) != place
