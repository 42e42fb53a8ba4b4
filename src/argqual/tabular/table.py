"""What every format of tables has: rows, a source that reads them, and parts that are written and joined."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import pyarrow as pa

PEEKED = 100  # rows of a table without a header whose keys are its columns
CHUNK = 1 << 20  # bytes that are read at once


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


@dataclass(frozen=True)
class Spelling:
    """How a text file is to be read: its encoding, what stands between cells, whether quotes may enclose them."""

    encoding: str = "utf-8"
    delimiter: str | None = None
    quoting: bool = True


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


def kind_of(spec: str) -> str:
    """The ending of a path in lower case, that of a compressed file without its .gz."""
    return os.path.splitext(spec.lower().removesuffix(".gz"))[1]


def reason_of(error: Exception) -> str:
    """What an exception says, as one short line without a full stop."""
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(said.split())[:300].rstrip(".")


def file_identity(kind: str, path: Path) -> dict[str, str | int]:
    state = path.stat()
    return {"kind": kind, "path": str(path.resolve()), "bytes": state.st_size, "mtime_ns": state.st_mtime_ns}
