"""JSON lines, read and written; and a stream of lines, each a text or a JSON object, read as they come."""

import codecs
import itertools
import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from argqual.errors import InputError
from argqual.tabular.jsonfile import MOST_ITEM, JsonListSource, JsonObjectSource, JsonTable, object_row
from argqual.tabular.table import CHUNK, PartWriter, Spelling, TableRow, TableSource, as_json, reason_of
from argqual.tabular.textfile import beginning


class JsonLinesSource(JsonTable):
    """A file with a JSON object a line; its columns are the keys of the first rows."""

    def count(self) -> int:
        with self._lines(newline=None) as lines:
            return sum(1 for line in lines if line.strip())

    def rows(self, skip: int = 0) -> Iterator[TableRow]:
        with self._lines(newline=None) as lines:
            filled = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
            for number, line in itertools.islice(filled, skip, None):
                yield object_row(line, f"line {number}")


def json_source(path: Path, spelling: Spelling) -> TableSource:
    """A JSON file as what it holds, whatever its ending says: one list, one object, or an object a line."""
    start = beginning(path, spelling.encoding, CHUNK).lstrip()
    first, _, others = start.partition("\n")
    if start.startswith("[") and not (_is_json(first) and others.strip()):
        return JsonListSource(path, spelling)
    if start.startswith("{") and not (_is_json(first) and others.strip()):
        with suppress(ValueError, RecursionError):
            value = json.loads(beginning(path, spelling.encoding, MOST_ITEM))
            return JsonObjectSource(path, spelling, value)
    return JsonLinesSource(path, spelling)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


class JsonLinesParts(PartWriter):
    """Rows as they will stand in the file."""

    def row(self, cells: Mapping[str, Any], values: list[Any]) -> bytes:
        line = as_json({**cells, **dict(zip(self._results, values, strict=True))})
        # An escape is what JSON has for half a surrogate pair, too.
        return line.encode("utf-8", "backslashreplace") + b"\n"

    def size(self, row: bytes) -> int:
        return len(row)

    def write_part(self, file: BinaryIO, rows: list[bytes]) -> None:
        file.writelines(rows)

    def read_part(self, part: Path) -> int:
        with part.open("rb") as file:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(CHUNK), b""))

    def join(self, parts: list[Path], file: BinaryIO) -> None:
        for part in parts:
            with part.open("rb") as opened:
                shutil.copyfileobj(opened, file, CHUNK)


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

    def later(self) -> dict[str, int] | None:
        return None if self._objects else {}

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
            row = object_row(line, f"line {self._read}")
            self._objects = self._objects or row.problem is None
            if self._objects:
                return row
        if opened == '"':
            with suppress(ValueError):
                return TableRow({"text": str(json.loads(line))})
        return TableRow({"text": line})
