"""What a GGUF file says of itself, read without loading it.

The layout is that of https://github.com/ggml-org/ggml/blob/master/docs/gguf.md: after a head, keys with typed values.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_DECISION = b".decision.type"
_TEMPLATE = b"tokenizer.chat_template"
_THINKING = ("enable_thinking", "<think>")


@dataclass(frozen=True)
class WeightFile:
    """What a file says: the kind of decision model that it holds, if any, and whether its turns have room to think."""

    decision_type: str | None = None
    thinks: bool = False


def described(path: Path) -> WeightFile:
    """What a file says of itself; nothing where it cannot be read, for the engine then says what is wrong with it."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _Reader(content).described()
    except (OSError, ValueError, struct.error, KeyError, UnicodeDecodeError):
        return WeightFile()


class _Reader:
    """Goes through a file's keys from its beginning."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content = content
        self._at = 0

    def described(self) -> WeightFile:
        magic, _version, _tensors, keys = self._next("4sIQQ")
        found, thinks = None, False
        for _ in range(keys if magic == b"GGUF" else 0):
            key = self._bytes()
            value = self._value(self._next("I")[0])
            if key.endswith(_DECISION):
                found = str(value)
            elif key == _TEMPLATE:
                thinks = any(mark in str(value) for mark in _THINKING)
        return WeightFile(found, thinks)

    def _next(self, form: str) -> tuple[Any, ...]:
        found = struct.unpack_from(f"<{form}", self._content, self._at)
        self._at += struct.calcsize(f"<{form}")
        return found

    def _bytes(self) -> bytes:
        (length,) = self._next("Q")
        self._at += length
        if self._at > len(self._content):
            raise ValueError("it ends within a text")
        return self._content[self._at - length : self._at]

    def _value(self, kind: int) -> Any:
        """The value that comes next; of an array, which may hold a vocabulary, nothing but its end is found."""
        if kind == _STRING:
            return self._bytes().decode()
        if kind != _ARRAY:
            return self._next(_SCALARS[kind])[0]
        inner, many = self._next("IQ")
        if inner in _SCALARS:
            self._at += struct.calcsize(f"<{_SCALARS[inner]}") * many
            return None
        for _ in range(many):
            self._value(inner)
        return None
