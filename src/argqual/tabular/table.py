"""What every format of tables has: rows, a source that reads them, parts that are written and joined, and cells.

Whatever a source may hold in a cell becomes something that every format can: times as ISO text, decimals as they are
written, bytes in base64, NaN as nothing.
"""

import base64
import datetime
import json
import math
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import pyarrow as pa

PEEKED = 100  # rows of a table without a header whose keys are its columns
CHUNK = 1 << 20  # bytes that are read at once
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table: every column as read, in order (cells of CSV, TSV and text are str).

    `problem` says why it cannot be used; `cells` then holds what could be read.
    """

    cells: dict[str, Any]
    problem: str | None = None


class TableSource(ABC):
    """A table that is read from its first row to its last.

    `name` is for messages: the path, "standard input", the hub address. `columns` are known before the first row: all,
    but for JSON lines those of the first rows. `schema` has the exact Arrow types, where the source has them.
    """

    name: str
    columns: tuple[str, ...]
    schema: "pa.Schema | None" = None

    @abstractmethod
    def rows(self, skip: int = 0) -> Iterator[TableRow]:
        """The rows after the first `skip` ones, those with a problem among them.

        Raises an `InputError` where the table cannot be read any further.
        """

    @abstractmethod
    def count(self) -> int | None:
        """The number of rows, with those that have a problem; None where it cannot be known beforehand."""

    @abstractmethod
    def identity(self) -> dict[str, str | int]:
        """What tells this table from another, or from an edited one."""

    def notes(self) -> list[str]:
        """What a reader of the results should know of how the table was read, a sentence or two each."""
        return []

    def later(self) -> Mapping[str, int] | None:
        """Columns that are not in `columns`, each with the row, from 1, in which it first is; None: not to be known."""
        return {}


@dataclass(frozen=True)
class Spelling:
    """How a file is to be read: its encoding, what stands between cells, how quotes are read, which sheet it is.

    `quoting` is `minimal`, `none`, or None for what the file tells (`argqual.tabular.quoting.Quotes`).
    """

    encoding: str = "utf-8"
    delimiter: str | None = None
    quoting: str | None = None
    sheet: str | None = None


class PartWriter(ABC):
    """How rows are kept until their part is written, and how the parts of an output become one file.

    `results` are the result columns in order, each with the type of its cells; `schema` has the Arrow types of the
    carried columns, where the source has them.
    """

    def __init__(self, results: Mapping[str, type], schema: "pa.Schema | None") -> None:
        self._results = results
        self._schema = schema

    @abstractmethod
    def row(self, cells: Mapping[str, Any], values: list[Any]) -> Any:
        """A row as it is kept: the carried cells, and those of the results in order."""

    @abstractmethod
    def size(self, row: Any) -> int:
        """About how many bytes a row that is kept takes."""

    @abstractmethod
    def write_part(self, file: BinaryIO, rows: list[Any]) -> None:
        """Write rows that were kept as a whole file of their own."""

    @abstractmethod
    def read_part(self, part: Path) -> int:
        """The number of rows of a part that an earlier run wrote; raises an InputError if it is damaged."""

    @abstractmethod
    def join(self, parts: list[Path], file: BinaryIO) -> None:
        """Write the rows of all parts as one file."""


def packed_as(spec: str) -> str:
    """The ending of a path that says how one file is packed: .gz, .bz2, .xz, .zst, .zip, or none."""
    ending = os.path.splitext(spec.lower())[1]
    return ending if ending in (".gz", ".bz2", ".xz", ".zst", ".zip") else ""


def kind_of(spec: str) -> str:
    """The ending of a path in lower case, that of a packed file without the one that says so."""
    return os.path.splitext(spec.lower().removesuffix(packed_as(spec)))[1]


def reason_of(error: Exception) -> str:
    """What an exception says, as one short line without a full stop."""
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(said.split())[:300].rstrip(".")


def file_identity(kind: str, path: Path) -> dict[str, str | int]:
    state = path.stat()
    return {"kind": kind, "path": str(path.resolve()), "bytes": state.st_size, "mtime_ns": state.st_mtime_ns}


def well_formed(text: str) -> str:
    """Text that can be written as UTF-8: half a surrogate pair becomes its escape."""
    if text.isascii() or not _LONE_SURROGATE.search(text):
        return text
    return text.encode("utf-8", "backslashreplace").decode()


def as_json(value: Any, *, ascii: bool = False) -> str:
    """A value as one line of JSON. Lone surrogates are still in it."""
    try:
        return json.dumps(value, ensure_ascii=ascii, allow_nan=False, default=_plain)
    except ValueError:  # NaN or an infinity, which JSON has not
        finite = each_float(value, lambda number: number if math.isfinite(number) else None)
        return json.dumps(finite, ensure_ascii=ascii, allow_nan=False, default=_plain)


def as_text(value: Any) -> str:
    """A value as the cell of a CSV file; None and NaN are empty."""
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, float):
        return repr(float(value))
    plain = value if isinstance(value, (bool, int, list, tuple, dict)) else _plain(value)
    if isinstance(plain, str):
        return plain
    return "" if plain is None else as_json(plain)


def settled(value: Any, kind: type) -> Any:
    """A result cell in the type of its column; a `TypeError`, no fault of the user's, if it has another."""
    if value is None:
        return None
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) if math.isfinite(value) else None
    if kind is dict and isinstance(value, Mapping):
        return dict(value)
    if kind in (str, int) and isinstance(value, kind) and not isinstance(value, bool):
        return value
    raise TypeError(f"a result cell of the type {type(value).__name__} in a column of {kind.__name__}")


def restored(value: Any, kind: type) -> Any:
    """A result cell that was read from a file, in the type of its column; a `ValueError` if it cannot be one."""
    if value is None or value == "":
        return None
    if kind is str:
        return str(value)
    if kind is dict:
        found = json.loads(value) if isinstance(value, str) else value
        if not isinstance(found, dict):
            raise ValueError("no JSON object")
        return found
    if isinstance(value, (str, int, float)):
        return kind(value)
    raise ValueError("no number")


def _plain(value: Any) -> Any:
    """What JSON can hold instead of what it cannot."""
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat() if value == value else None  # NaT is not itself
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    return str(value)


def each_float(value: Any, change: Callable[[float], Any]) -> Any:
    """A value with each float in it changed."""
    if isinstance(value, float):
        return change(value)
    if isinstance(value, dict):
        return {name: each_float(item, change) for name, item in value.items()}
    return [each_float(item, change) for item in value] if isinstance(value, (list, tuple)) else value
