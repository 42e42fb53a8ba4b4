"""JSON lines, read and written."""

import itertools
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from argqual.errors import InputError
from argqual.tabular.cells import as_json
from argqual.tabular.table import CHUNK, PEEKED, PartWriter, Spelling, TableRow
from argqual.tabular.textfile import TextTable

_MOST_DEPTH = 100  # of JSON values


class JsonLinesSource(TextTable):
    """A file with a JSON object a line; its columns are the keys of the first rows."""

    def __init__(self, path: Path, spelling: Spelling) -> None:
        super().__init__(path, spelling)
        names: dict[str, None] = {}
        read = 0
        for row in itertools.islice(self.rows(), PEEKED):
            read += 1
            names |= dict.fromkeys(row.cells)
        self.columns = tuple(names)
        if not names:
            raise InputError(
                f"{path}: no JSON object in its first {read} lines." if read else f"{path} holds nothing.",
                hint="Each line is an object on its own: jq -c '.[]' FILE makes such lines of one JSON list.",
            )

    def count(self) -> int:
        with self._lines(newline=None) as lines:
            return sum(1 for line in lines if line.strip())

    def rows(self, skip: int = 0) -> Iterator[TableRow]:
        with self._lines(newline=None) as lines:
            filled = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
            for number, line in itertools.islice(filled, skip, None):
                yield object_row(line, number)


def object_row(line: str, number: int) -> TableRow:
    """The row of a line that should be a JSON object."""
    try:
        value = _parse_json(line)
    except json.JSONDecodeError as error:
        return TableRow({}, f"line {number}: not JSON ({error.msg}, column {error.colno})")
    except ValueError as error:
        return TableRow({}, f"line {number}: {error}")
    if not isinstance(value, dict):
        return TableRow({}, f"line {number}: a JSON {_json_type(value)}, not an object")
    return TableRow(value)


def _json_type(value: Any) -> str:
    names = {list: "list", str: "string", bool: "true or false", int: "number", float: "number"}
    return names.get(type(value), "null")


def _parse_json(line: str) -> Any:
    """JSON as Python reads it (NaN is allowed, the last of equal keys counts), but not nested without end."""
    if line.count("[") + line.count("{") > _MOST_DEPTH and _depth(line) > _MOST_DEPTH:
        raise ValueError(f"nested more than {_MOST_DEPTH} levels deep")
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        raise
    except ValueError:
        raise ValueError("a number of too many digits") from None


def _depth(line: str) -> int:
    depth = deepest = 0
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', line):
        if found[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif found[0] in "]}":
            depth -= 1
    return deepest


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
