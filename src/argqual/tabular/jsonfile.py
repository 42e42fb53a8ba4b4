"""JSON values as rows: a table of one JSON list, and what lists and lines of objects share."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from argqual.errors import InputError
from argqual.tabular.columns import usual
from argqual.tabular.table import CHUNK, PEEKED, Spelling, TableRow
from argqual.tabular.textfile import TextTable

_MOST_DEPTH = 100  # of JSON values
DEEP = f"nested more than {_MOST_DEPTH} levels deep"
MOST_ITEM = 1 << 26  # characters
_SPACE = re.compile(r"[ \t\r\n]*")
_NAMES: Mapping[type, str] = {list: "list", str: "string", bool: "true or false", int: "number", float: "number"}


class JsonTable(TextTable):
    """Objects whose keys are columns: `columns` are those of the first rows, and others may come later."""

    def __init__(self, path: Path, spelling: Spelling) -> None:
        super().__init__(path, spelling)
        self._later: dict[str, int] | None = None
        names: dict[str, None] = {}
        read = 0
        for row in itertools.islice(self.rows(), PEEKED):
            read += 1
            names |= dict.fromkeys(row.cells)
        self.columns = tuple(names)
        if not names:
            raise InputError(
                f"{path}: no JSON object in its first {read} rows." if read else f"{path} holds nothing.",
                hint='Each line, or each item of one list, is an object: {"text": "…"}.',
            )

    def later(self) -> dict[str, int]:
        if self._later is None:
            self._later = {}
            for number, row in enumerate(self.rows(PEEKED), PEEKED + 1):
                for name in row.cells.keys() - self.columns:
                    self._later.setdefault(name, number)
        return self._later


class JsonListSource(JsonTable):
    """A file that is one JSON list of objects, read item by item."""

    def count(self) -> int:
        return sum(1 for _ in self._items())

    def rows(self, skip: int = 0) -> Iterator[TableRow]:
        for number, (value, text) in enumerate(itertools.islice(self._items(), skip, None), skip + 1):
            where = f"item {number}"
            yield TableRow({}, f"{where}: {DEEP}") if _is_deep(text) else _row_of(value, where)

    def _items(self) -> Iterator[tuple[Any, str]]:
        """Each item of the list, and its text."""
        with self._text() as file:
            window = _Window(self.name, file)
            window.take("[")
            number = 0
            while window.peek() != "]":
                if number:
                    window.take(",")
                number += 1
                yield window.value(number)
            window.take("]")
            if window.peek():
                raise InputError(f"{self.name}:{window.line()}: something stands after the end of the list.")


class _Window:
    """The part of a file's text that is being read, and what comes after it."""

    def __init__(self, name: str, file: TextIO) -> None:
        self._name, self._file, self._ended = name, file, False
        self._text = file.read(CHUNK).removeprefix("\ufeff")
        self._place, self._lines = 0, 1
        self._decode = json.JSONDecoder().raw_decode

    def line(self, place: int | None = None) -> int:
        return self._lines + self._text.count("\n", 0, self._place if place is None else place)

    def peek(self) -> str:
        """The next character that is no space; "" at the end."""
        while True:
            self._place = _SPACE.match(self._text, self._place).end()  # type: ignore[union-attr]
            if self._place < len(self._text) or not self._further():
                return self._text[self._place : self._place + 1]

    def take(self, wanted: str) -> None:
        if (found := self.peek()) != wanted:
            said = f"'{found}' where" if found else "the file ends where"
            raise InputError(f"{self._name}:{self.line()}: not JSON: {said} '{wanted}' should stand.")
        self._place += 1

    def value(self, number: int) -> tuple[Any, str]:
        """The value that comes next, and its text."""
        self.peek()
        while True:
            try:
                found, end = self._decode(self._text, self._place)
                if end < len(self._text) or not self._further():
                    text = self._text[self._place : end]
                    self._place = end
                    return found, text
                continue
            except json.JSONDecodeError as error:
                line, why = self.line(error.pos), f"not JSON ({error.msg})"
                if len(self._text) - self._place < MOST_ITEM and self._further():
                    continue
            except RecursionError:
                line, why = self.line(), DEEP
            except ValueError:
                line, why = self.line(), "a number of too many digits"
            raise InputError(f"{self._name}:{line}: item {number}: {why}.", hint="The list cannot be read any further.")

    def _further(self) -> bool:
        """Read on, by as much as is there; False at the end of the file."""
        self._lines += self._text.count("\n", 0, self._place)
        self._text, self._place = self._text[self._place :], 0
        read = self._file.read(max(CHUNK, len(self._text)))
        self._text += read
        return bool(read)


class JsonObjectSource(JsonTable):
    """A file that is one JSON object: a table of one row."""

    def __init__(self, path: Path, spelling: Spelling, value: dict[str, Any]) -> None:
        self._value = value
        has_text = usual("text", [name for name, found in value.items() if isinstance(found, str)])
        lists = [name for name, found in value.items() if isinstance(found, list) and found and _are_objects(found)]
        if lists and not has_text:
            listed = ", ".join(f"'{name}'" for name in lists)
            raise InputError(
                f"{path} is one JSON object, with rows in {listed}.",
                hint=f"A table is a list: jq '.[\"{lists[0]}\"]' {path.name} > rows.json makes one of it.",
            )
        if len(value) > 1 and all(isinstance(found, (list, dict)) for found in value.values()):
            raise InputError(
                f"{path} holds columns, not rows.", hint="pandas writes rows with to_json(…, orient='records')."
            )
        super().__init__(path, spelling)

    def count(self) -> int:
        return 1

    def rows(self, skip: int = 0) -> Iterator[TableRow]:
        yield from [TableRow(self._value)][skip:]


def _are_objects(values: list[Any]) -> bool:
    return all(isinstance(value, dict) for value in values)


def object_row(line: str, where: str) -> TableRow:
    """The row of a line that should be a JSON object; `where` it stands, for messages.

    JSON is read as Python does (NaN is allowed, the last of equal keys counts), but not nested without end.
    """
    if _is_deep(line):
        return TableRow({}, f"{where}: {DEEP}")
    try:
        return _row_of(json.loads(line), where)
    except json.JSONDecodeError as error:
        return TableRow({}, f"{where}: not JSON ({error.msg}, column {error.colno})")
    except ValueError:
        return TableRow({}, f"{where}: a number of too many digits")


def _row_of(value: Any, where: str) -> TableRow:
    if isinstance(value, dict):
        return TableRow(value)
    return TableRow({}, f"{where}: a JSON {_NAMES.get(type(value), 'null')}, not an object")


def _is_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= _MOST_DEPTH:
        return False
    depth = 0
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', text):
        if found[0] in "[{":
            depth += 1
            if depth > _MOST_DEPTH:
                return True
        elif found[0] in "]}":
            depth -= 1
    return False
