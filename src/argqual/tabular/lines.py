"""A stream of lines, each a text or a JSON object, read as they come."""

import codecs
import itertools
import json
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from argqual.errors import InputError
from argqual.tabular.jsonlines import object_row
from argqual.tabular.table import TableRow, TableSource, reason_of


class LinesSource(TableSource):
    """A table with one record a line, each read as soon as it is there, and once.

    A line that is a JSON object gives its keys. A JSON string gives its text, and any other line
    itself, as `text`. Waits for the first line, whose columns are the table's.
    """

    def __init__(self, stream: BinaryIO, name: str = "standard input") -> None:
        self.name, self._stream = name, stream
        self._read = 0
        self._objects = False
        self._ahead = list(itertools.islice(self._remaining(), 1))
        self.columns = tuple(self._ahead[0].cells) if self._ahead and self._ahead[0].cells else ("text",)

    def count(self) -> None:
        return None

    def identity(self) -> dict[str, str | int]:
        found: dict[str, str | int] = {"kind": "lines", "name": self.name}
        try:
            state = os.fstat(self._stream.fileno())
        except (OSError, ValueError):
            return found
        if stat.S_ISREG(state.st_mode):
            found |= {"bytes": state.st_size, "mtime_ns": state.st_mtime_ns}
        return found

    def rows(self, skip: int = 0) -> Iterator[TableRow]:
        """As for every source, but once: a stream cannot be read again."""
        ahead, self._ahead = self._ahead, []
        yield from itertools.islice(itertools.chain(ahead, self._remaining()), skip, None)

    def _remaining(self) -> Iterator[TableRow]:
        while True:
            try:
                raw = self._stream.readline()
            except OSError as error:
                raise InputError(f"Cannot read {self.name}: {reason_of(error)}.") from None
            if not raw:
                return
            self._read += 1
            if self._read == 1:
                raw = raw.removeprefix(codecs.BOM_UTF8)
            if raw.strip():
                yield self._row(raw)

    def _row(self, raw: bytes) -> TableRow:
        try:
            line = raw.decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            found = raw[error.start]
            return TableRow({}, f"line {self._read}: not UTF-8 text (byte {error.start} of the line is 0x{found:02x})")
        if "\0" in line:
            return TableRow({}, f"line {self._read} holds a NUL character, so it is not text")
        opened = line.lstrip()[0:1]
        if opened == "{":
            row = object_row(line, self._read)
            self._objects = self._objects or row.problem is None
            if self._objects:
                return row
        if opened == '"':
            with suppress(ValueError):
                return TableRow({"text": str(json.loads(line))})
        return TableRow({"text": line})
