"""Tables of arguments, read one row after the other: CSV, TSV, JSON lines, Parquet, folders, the Hugging Face hub.

Memory stays flat however long a table is. A cell is what the file says: no text
becomes a number or a missing value. What is wrong with one row is that row's
`problem`; what is wrong with the whole table is an InputError when it is opened.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import itertools
import json
import os
import re
import stat
import zlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from argqual.argument import read_argument_text
from argqual.errors import InputError, nearest

if TYPE_CHECKING:
    import pyarrow as pa

_DELIMITED = (".csv", ".tsv")
_JSON_LINES = (".jsonl", ".ndjson")
_TEXTS = (".txt", ".md")
_KINDS = ".csv, .tsv, .jsonl, .ndjson (each also as .gz), .parquet, a folder of .txt and .md files, hf://OWNER/NAME"
_HUB = "hf://"
_CHUNK = 1 << 20
PEEKED = 100  # rows of a JSONL file whose keys are its columns
_MOST_CELL = 10_000_000  # characters; a quote that never closes ends here and not with the memory
_MOST_DEPTH = 100  # of JSON values
_BATCH_ROWS = 1000
_BATCH_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table.

    Parameters
    ----------
    cells
        Every column as read, in order. Cells of CSV, TSV and text are str.
    problem
        Why this row cannot be used; `cells` then holds what could be read.
    """

    cells: dict[str, Any]
    problem: str | None = None


class Source(ABC):
    """A table that is read from its first row to its last.

    Attributes
    ----------
    name
        For messages: the path, "standard input", the hub address.
    columns
        The columns, as far as they are known before the first row: all, but for JSON lines
        those of the first rows.
    schema
        Exact Arrow types, where the source has them.
    """

    name: str
    columns: tuple[str, ...]
    schema: pa.Schema | None = None

    @abstractmethod
    def rows(self, skip: int = 0) -> Iterator[Row]:
        """The rows after the first `skip` ones, those with a problem among them.

        Raises
        ------
        InputError
            The table cannot be read any further.
        """

    @abstractmethod
    def count(self) -> int | None:
        """The number of rows, with those that have a problem; None where it cannot be known beforehand."""

    @abstractmethod
    def identity(self) -> dict[str, str | int]:
        """What tells this table from another, or from an edited one."""


def is_table(spec: str) -> bool:
    """Whether this names a table (a path by its ending, a folder, hf://…) and not a text."""
    return spec.startswith(_HUB) or _kind(spec) in (*_DELIMITED, *_JSON_LINES, ".parquet") or os.path.isdir(spec)


def open_source(spec: str, *, encoding: str = "utf-8", delimiter: str | None = None, quoting: bool = True) -> Source:
    """The table at a path or a hub address, checked as far as that is cheap.

    Parameters
    ----------
    encoding
        Of a CSV, TSV or JSONL file.
    delimiter
        One character between the cells of a CSV or TSV file. By default the tab for `.tsv`, and for
        `.csv` the one of comma, semicolon, tab and bar that cuts its header into most cells.
    quoting
        Whether quotes may enclose a cell of a CSV or TSV file; without it they are characters like others.

    Raises
    ------
    InputError
        There is no such table, it is not what its name says, or not in this encoding.
    """
    if spec.startswith(_HUB):
        from argqual.tabular.hub import Hub

        return Hub(spec)
    path = Path(spec)
    kind = _kind(spec)
    if path.is_dir():
        return _Folder(path)
    _check_is_file(path)
    if kind in _DELIMITED:
        delimiter = _checked_delimiter(delimiter) or ("\t" if kind == ".tsv" else None)
        return _Delimited(path, encoding, delimiter, quoting)
    if kind in _JSON_LINES:
        return _JsonLines(path, encoding)
    if kind == ".parquet":
        return _Parquet(path)
    raise InputError(f"{path} is not a table that argqual reads.", hint=f"It reads {_KINDS}.")


def open_lines(stream: BinaryIO, name: str = "standard input") -> Source:
    """A table with one record a line, each read as soon as it is there.

    A line that is a JSON object gives its keys. A JSON string gives its text, and any other line
    itself, as `text`. Waits for the first line, whose columns are the table's.
    """
    return _Lines(stream, name)


def _kind(spec: str) -> str:
    stem = spec.lower().removesuffix(".gz")
    kind = os.path.splitext(stem)[1]
    return "" if kind == ".parquet" and stem != spec.lower() else kind


def _check_is_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"There is no file {path}.", hint=_neighbours(path)) from None
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot read {path}: {reason_of(error)}.") from None
    if not stat.S_ISREG(mode):
        raise InputError(f"{path} is not a regular file.", hint="A pipe is read with - and --lines.")


def _neighbours(path: Path) -> str | None:
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return f"There is no folder {path.parent} either."
    said = nearest(path.name, names)
    if said.startswith("Did you mean"):
        return said
    tables = [name for name in names if is_table(str(path.parent / name)) and _kind(name)]
    return f"Tables there: {', '.join(sorted(tables)[:8])}." if tables else None


def reason_of(error: Exception) -> str:
    """What an exception says, as one short line without a full stop."""
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(said.split())[:300].rstrip(".")


def _file_identity(kind: str, path: Path) -> dict[str, str | int]:
    state = path.stat()
    return {"kind": kind, "path": str(path.resolve()), "bytes": state.st_size, "mtime_ns": state.st_mtime_ns}


# Text files


class _TextTable(Source):
    """What CSV and JSONL files share: an encoding, checked at once, and lines."""

    def __init__(self, path: Path, encoding: str) -> None:
        self.path, self.name, self._encoding = path, str(path), encoding
        _check_encoding(path, encoding)

    def identity(self) -> dict[str, str | int]:
        return _file_identity(_kind(self.name)[1:], self.path) | {"encoding": self._encoding}

    @contextmanager
    def _lines(self, newline: str | None) -> Iterator[Iterator[str]]:
        """The lines of the file without a byte-order mark; `newline` as for `open`."""
        with _reading(self.path), _open_bytes(self.path) as raw:
            text = io.TextIOWrapper(raw, encoding=self._encoding, newline=newline)
            yield _without_mark(text)


def _without_mark(text: TextIO) -> Iterator[str]:
    for first in text:
        yield first.removeprefix("\ufeff")
        break
    yield from text


def _open_bytes(path: Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")  # type: ignore[return-value]


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what may go wrong while reading a file that was checked before into an InputError."""
    try:
        yield
    except UnicodeDecodeError:
        raise InputError(f"{path} was changed while it was read.") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path} is no gzip file, or a damaged one ({reason_of(error)}).") from None
    except OSError as error:
        raise InputError(f"Cannot read {path}: {reason_of(error)}.") from None


def _check_encoding(path: Path, encoding: str) -> None:
    """Refuse a file with bytes that its encoding does not have; one fast pass over it."""
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        decoder = codecs.getincrementaldecoder(encoding)()
    except (LookupError, ValueError):
        raise InputError(
            f"There is no encoding '{encoding}'.", hint="Usual ones: utf-8, cp1252, latin-1, utf-16, gb18030."
        ) from None
    done, started = 0, b""
    with _reading(path), _open_bytes(path) as raw:
        try:
            while chunk := raw.read(_CHUNK):
                started = started or chunk[:4]
                pending = len(decoder.getstate()[0])
                decoder.decode(chunk)
                done += len(chunk)
            pending = len(decoder.getstate()[0])
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            place = done - pending + error.start
            value = error.object[error.start]
        else:
            if not done:
                raise InputError(f"{path} is empty.")
            return
    hint = "Give its encoding, for example: --encoding cp1252."
    if started.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        hint = "It looks like UTF-16; try --encoding utf-16."
    raise InputError(
        f"{path}:{_line_of(path, encoding, place)}: not {encoding.upper()} text (byte {place} is 0x{value:02x}).",
        hint=hint,
    )


def _line_of(path: Path, encoding: str, place: int) -> int:
    """The line, from 1, of a byte; lines end as the file ends them."""
    text = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("replace"), translate=True)
    line = 1
    with _open_bytes(path) as raw:
        while place > 0 and (chunk := raw.read(min(_CHUNK, place))):
            place -= len(chunk)
            line += text.decode(chunk).count("\n")
    return line + text.decode(b"", final=True).count("\n")


def _checked_delimiter(delimiter: str | None) -> str | None:
    if delimiter is None:
        return None
    found = {"\\t": "\t", "tab": "\t"}.get(delimiter, delimiter)
    if len(found) != 1 or found in '"\r\n\0\ufeff':
        raise InputError(f"The delimiter {delimiter!r} is not one character.", hint="For example: --delimiter ';'.")
    return found


class _Delimited(_TextTable):
    def __init__(self, path: Path, encoding: str, delimiter: str | None, quoting: bool) -> None:
        super().__init__(path, encoding)
        self._quoting = quoting
        if csv.field_size_limit() < _MOST_CELL:
            csv.field_size_limit(_MOST_CELL)
        # The comma stands first, and max() takes the first of equals.
        headers = {each: self._header(each) for each in ([delimiter] if delimiter else [",", ";", "\t", "|"])}
        self._delimiter = max(headers, key=lambda each: len(headers[each]))
        self.columns = tuple(headers[self._delimiter])
        self._check_header()

    def _header(self, delimiter: str) -> list[str]:
        for _, cells in self._records(delimiter, 0):
            if isinstance(cells, str):
                raise InputError(f"{self.path}: the header cannot be read: {cells}.")
            return cells
        raise InputError(f"{self.path} holds nothing but blank lines.")

    def _check_header(self) -> None:
        unnamed = [str(place) for place, name in enumerate(self.columns, 1) if not name.strip()]
        twice = [f"'{name}'" for name, times in Counter(self.columns).items() if times > 1 and name.strip()]
        if unnamed:
            raise InputError(
                f"{self.path}: the header has no name for column {', '.join(unnamed)} of {len(self.columns)}.",
                hint="Name every column in the first line. (pandas leaves out its index with to_csv(…, index=False).)",
            )
        if twice:
            raise InputError(
                f"{self.path}: the header names {', '.join(twice)} more than once.", hint="Rename the columns."
            )

    def identity(self) -> dict[str, str | int]:
        return super().identity() | {"delimiter": self._delimiter}

    def count(self) -> int:
        return sum(1 for _ in self._records(self._delimiter, len(self.columns))) - 1

    def rows(self, skip: int = 0) -> Iterator[Row]:
        width = len(self.columns)
        records = self._records(self._delimiter, width)
        for line, cells in itertools.islice(records, 1 + skip, None):
            if isinstance(cells, str):
                yield Row({}, cells)
            elif len(cells) != width:
                found = f"{len(cells)} cell" if len(cells) == 1 else f"{len(cells)} cells"
                yield Row(
                    dict(zip(self.columns, cells, strict=False)), f"line {line} has {found}, the header has {width}"
                )
            else:
                yield Row(dict(zip(self.columns, cells, strict=True)))

    def _records(self, delimiter: str, width: int) -> Iterator[tuple[int, list[str] | str]]:
        """Line number, and the cells or what is wrong, of each record that is not blank; the header is the first."""
        ended = nul = False

        def watched(lines: Iterable[str]) -> Iterator[str]:
            nonlocal ended, nul
            for line in lines:
                if "\0" in line:
                    nul = True
                yield line
            ended = True

        with self._lines(newline="") as lines:
            reader = csv.reader(
                watched(lines), delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if self._quoting else csv.QUOTE_NONE
            )
            while True:
                line = reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    why = str(error)
                    if "field limit" in why:
                        why = f"a cell of more than {_MOST_CELL:,} characters; is a quote not closed?"
                    yield line, f"line {line}: {why}"
                    nul = False
                    continue
                if nul:
                    yield line, f"line {line} holds a NUL character, so it is not text"
                    nul = False
                elif ended:  # the file ended inside the record, not the line
                    yield line, f"line {line}: a quote opens here and is never closed"
                elif cells and (width == 1 or len(cells) > 1 or cells[0].strip()):
                    yield line, cells


class _JsonLines(_TextTable):
    def __init__(self, path: Path, encoding: str) -> None:
        super().__init__(path, encoding)
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

    def rows(self, skip: int = 0) -> Iterator[Row]:
        with self._lines(newline=None) as lines:
            filled = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
            for number, line in itertools.islice(filled, skip, None):
                yield _object_row(line, number)


def _object_row(line: str, number: int) -> Row:
    """The row of a line that should be a JSON object."""
    try:
        value = _parse_json(line)
    except json.JSONDecodeError as error:
        return Row({}, f"line {number}: not JSON ({error.msg}, column {error.colno})")
    except ValueError as error:
        return Row({}, f"line {number}: {error}")
    if not isinstance(value, dict):
        return Row({}, f"line {number}: a JSON {_json_type(value)}, not an object")
    return Row(value)


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


class _Lines(Source):
    def __init__(self, stream: BinaryIO, name: str) -> None:
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

    def rows(self, skip: int = 0) -> Iterator[Row]:
        """As for every source, but once: a stream cannot be read again."""
        ahead, self._ahead = self._ahead, []
        yield from itertools.islice(itertools.chain(ahead, self._remaining()), skip, None)

    def _remaining(self) -> Iterator[Row]:
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

    def _row(self, raw: bytes) -> Row:
        try:
            line = raw.decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            found = raw[error.start]
            return Row({}, f"line {self._read}: not UTF-8 text (byte {error.start} of the line is 0x{found:02x})")
        if "\0" in line:
            return Row({}, f"line {self._read} holds a NUL character, so it is not text")
        opened = line.lstrip()[0:1]
        if opened == "{" and (self._objects or _is_object(line)):
            self._objects = True
            return _object_row(line, self._read)
        if opened == '"':
            try:
                return Row({"text": str(json.loads(line))})
            except ValueError:
                pass
        return Row({"text": line})


def _is_object(line: str) -> bool:
    try:
        return isinstance(_parse_json(line), dict)
    except ValueError:
        return False


# Parquet


class _Parquet(Source):
    def __init__(self, path: Path) -> None:
        self.path, self.name = path, str(path)
        file = self._open()
        self.schema = file.schema_arrow
        self.columns = tuple(file.schema_arrow.names)
        twice = [f"'{name}'" for name, times in Counter(self.columns).items() if times > 1]
        if twice:
            raise InputError(f"{path} names the column {', '.join(twice)} more than once.", hint="Rename the columns.")
        if not self.columns:
            raise InputError(f"{path} has no columns.")

    def _open(self) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            # Read in pieces: a column of a row group need not fit into memory.
            return pq.ParquetFile(self.path, buffer_size=_CHUNK, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            raise InputError(
                f"{self.path} is no Parquet file, or it was cut off ({reason_of(error)}).",
                hint="Download or write it again.",
            ) from None

    def count(self) -> int:
        return int(self._open().metadata.num_rows)

    def identity(self) -> dict[str, str | int]:
        return _file_identity("parquet", self.path)

    def rows(self, skip: int = 0) -> Iterator[Row]:
        import pyarrow as pa

        file = self._open()
        groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
        first = before = 0
        while first < len(groups) and before + groups[first].num_rows <= skip:
            before += groups[first].num_rows
            first += 1
        if first == len(groups):
            return
        size = max(group.total_byte_size / max(group.num_rows, 1) for group in groups[first:])
        batches = file.iter_batches(
            batch_size=max(1, min(_BATCH_ROWS, int(_BATCH_BYTES / max(size, 1)))),
            row_groups=range(first, len(groups)),
            use_threads=False,
        )
        done = before
        try:
            for batch in batches:
                start = max(0, skip - done)
                yield from arrow_rows(batch.slice(start), done + start + 1)
                done += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{self.path} is damaged after row {done:,} ({reason_of(error)}).") from None


def arrow_rows(table: Any, first: int) -> Iterator[Row]:
    """The rows of an Arrow table or batch as Python values; `first` is the number of its first row, from 1.

    A value that Python cannot hold (a date after the year 9999, broken UTF-8) is a problem of its row.
    """
    names = table.schema.names
    columns: list[list[Any]] = []
    broken: dict[int, str] = {}
    for name, column in zip(names, table.columns, strict=True):
        try:
            columns.append(column.to_pylist())
        except (ValueError, OverflowError, TypeError, ArithmeticError):
            values = []
            for place, cell in enumerate(column):
                try:
                    values.append(cell.as_py())
                except (ValueError, OverflowError, TypeError, ArithmeticError) as error:
                    values.append(None)
                    broken[place] = f"row {first + place}: '{name}' cannot be read ({reason_of(error)})"
            columns.append(values)
    for place, cells in enumerate(zip(*columns, strict=True)):
        yield Row(dict(zip(names, cells, strict=True)), broken.get(place))


# Folders


class _Folder(Source):
    columns = ("file", "text")

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, str(path)
        found = list(self._walk())
        self._files = sorted(name for name in found if name.lower().endswith(_TEXTS))
        if not self._files:
            tables = sorted(name for name in found if is_table(name))
            raise InputError(
                f"There are no .txt or .md files in the folder {path}.",
                hint=f"To score a table in it, name the file: {path / tables[0]}." if tables else None,
            )

    def _walk(self) -> Iterator[str]:
        """Files as paths below the folder with forward slashes; hidden ones are passed over."""

        def refuse(error: OSError) -> None:
            raise InputError(f"Cannot read the folder {error.filename}: {reason_of(error)}.")

        for here, folders, files in os.walk(self.path, onerror=refuse):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in files:
                if not name.startswith("."):
                    yield (Path(here) / name).relative_to(self.path).as_posix()

    def count(self) -> int:
        return len(self._files)

    def identity(self) -> dict[str, str | int]:
        digest = hashlib.sha256()
        for name in self._files:
            try:
                state = (self.path / name).stat()
                facts = [state.st_size, state.st_mtime_ns]
            except OSError:
                facts = []
            digest.update(json.dumps([name, *facts]).encode())
        return {
            "kind": "folder",
            "path": str(self.path.resolve()),
            "files": len(self._files),
            "digest": digest.hexdigest()[:16],
        }

    def rows(self, skip: int = 0) -> Iterator[Row]:
        for name in self._files[skip:]:
            try:
                yield Row({"file": name, "text": read_argument_text(self.path / name)})
            except InputError as error:
                yield Row({"file": name, "text": None}, error.message)
