"""CSV and TSV files, read and written."""

import csv
import itertools
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from argqual.errors import InputError
from argqual.tabular.table import CHUNK, PartWriter, Spelling, TableRow, as_text, well_formed
from argqual.tabular.textfile import TextTable

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_CELL = 10_000_000  # characters; a quote that never closes ends here and not with the memory
_CELL_LIMIT = 1 << 30  # characters of a cell of argqual's own parts


class DelimitedSource(TextTable):
    """A CSV or TSV file; `usual` stands between its cells unless another delimiter is given, else the header tells."""

    def __init__(self, path: Path, spelling: Spelling, *, usual: str | None = None) -> None:
        delimiter = _checked(spelling.delimiter) or usual
        super().__init__(path, spelling)
        self._quoting = spelling.quoting
        if csv.field_size_limit() < _MOST_CELL:
            csv.field_size_limit(_MOST_CELL)
        # The comma stands first, and max() takes the first of equals.
        headers = {each: self._header(each) for each in ([delimiter] if delimiter else [",", ";", "\t", "|"])}
        self._delimiter = max(headers, key=lambda each: len(headers[each]))
        self.columns = tuple(headers[self._delimiter])
        unnamed = [str(place) for place, name in enumerate(self.columns, 1) if not name.strip()]
        twice = [f"'{name}'" for name, times in Counter(self.columns).items() if times > 1 and name.strip()]
        if unnamed:
            raise InputError(
                f"{path}: the header has no name for column {', '.join(unnamed)} of {len(self.columns)}.",
                hint="Name every column in the first line. (pandas leaves out its index with to_csv(…, index=False).)",
            )
        if twice:
            raise InputError(f"{path}: the header names {', '.join(twice)} more than once.", hint="Rename the columns.")

    def _header(self, delimiter: str) -> list[str]:
        for _, cells in self._records(delimiter, 0):
            if isinstance(cells, str):
                raise InputError(f"{self.path}: the header cannot be read: {cells}.")
            return cells
        raise InputError(f"{self.path} holds nothing but blank lines.")

    def identity(self) -> dict[str, str | int]:
        return super().identity() | {"delimiter": self._delimiter}

    def count(self) -> int:
        return sum(1 for _ in self._records(self._delimiter, len(self.columns))) - 1

    def rows(self, skip: int = 0) -> Iterator[TableRow]:
        width = len(self.columns)
        records = self._records(self._delimiter, width)
        for line, cells in itertools.islice(records, 1 + skip, None):
            if isinstance(cells, str):
                yield TableRow({}, cells)
            else:
                problem = None
                if (found := len(cells)) != width:
                    problem = f"line {line} has {found} cell{'s' * (found != 1)}, the header has {width}"
                yield TableRow(dict(zip(self.columns, cells, strict=False)), problem)

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


def _checked(delimiter: str | None) -> str | None:
    if delimiter is None:
        return None
    found = {"\\t": "\t", "tab": "\t"}.get(delimiter, delimiter)
    if len(found) != 1 or found in '"\r\n\0\ufeff':
        raise InputError(f"The delimiter {delimiter!r} is not one character.", hint="For example: --delimiter ';'.")
    return found


class DelimitedParts(PartWriter):
    """Rows as lists of text."""

    def __init__(self, delimiter: str, results: Mapping[str, type], schema: "pa.Schema | None") -> None:
        super().__init__(results, schema)
        self._delimiter = delimiter
        self._line = line_writer(delimiter)
        self._carried: dict[str, None] = dict.fromkeys([] if schema is None else schema.names)

    def row(self, cells: Mapping[str, Any], values: list[Any]) -> list[str]:
        cells = {_readable(name): value for name, value in cells.items()}
        if not self._carried.keys() >= cells.keys():
            self._carried |= dict.fromkeys(cells)
        # Results first: columns that come later are then missing at the end only.
        return [_readable(as_text(each)) for each in (*values, *map(cells.get, self._carried))]

    def size(self, row: list[str]) -> int:
        return sum(map(len, row))

    def write_part(self, file: BinaryIO, rows: list[list[str]]) -> None:
        file.write(self._header())
        results, carried = len(self._results), len(self._carried)
        for row in rows:
            cells = row[results:]
            cells += [""] * (carried - len(cells))
            file.write(self._line([*cells, *row[:results]]).encode("utf-8", "backslashreplace"))

    def read_part(self, part: Path) -> int:
        with part.open(encoding="utf-8", newline="") as file, self._records(file) as records:
            self._carried |= dict.fromkeys(next(records, [])[: -len(self._results) or None])
            return sum(1 for _ in records)

    def join(self, parts: list[Path], file: BinaryIO) -> None:
        header = self._header()
        file.write(header)
        for part in parts:
            with part.open("rb") as opened:
                same = opened.read(len(header)) == header
                if same:
                    shutil.copyfileobj(opened, file, CHUNK)
            if not same:
                self._widen(part, file)

    def _widen(self, part: Path, file: BinaryIO) -> None:
        """Copy a part that was written before some column had appeared."""
        with part.open(encoding="utf-8", newline="") as opened, self._records(opened) as records:
            carried = len(next(records)) - len(self._results)
            blank = [""] * (len(self._carried) - carried)
            file.writelines(self._line([*cells[:carried], *blank, *cells[carried:]]).encode() for cells in records)

    @contextmanager
    def _records(self, file: TextIO) -> Iterator[Iterator[list[str]]]:
        before = csv.field_size_limit(_CELL_LIMIT)
        try:
            yield csv.reader(file, delimiter=self._delimiter)
        finally:
            csv.field_size_limit(before)

    def _header(self) -> bytes:
        return header_line(self._delimiter, [*self._carried, *self._results]).encode("utf-8", "backslashreplace")


def _readable(text: str) -> str:
    """Text that a file of text can hold: a NUL becomes its escape, as half a surrogate pair does."""
    return well_formed(text.replace("\0", "\\u0000"))


def header_line(delimiter: str, names: Sequence[str]) -> str:
    """The names of the columns; in quotes where one has what may stand between cells, so that none is cut at it."""
    if any(mark in name for name in names for mark in ",;\t|"):
        return delimiter.join('"' + name.replace('"', '""') + '"' for name in map(_readable, names)) + "\n"
    return line_writer(delimiter)(names)


def line_writer(delimiter: str) -> Callable[[Iterable[str]], str]:
    """What makes rows CSV with "\\n" line ends; a lone carriage return in a cell is quoted, too."""
    # Python 3.11 quotes the characters of the line end only, so both have to be in it.
    row = csv.writer(SimpleNamespace(write=str), delimiter=delimiter, lineterminator="\r\n").writerow

    def line(cells: Iterable[str]) -> str:
        written: str = row(map(_readable, cells))  # what the file's `write` gives back, and this one's is `str`
        return written[:-2] + "\n"

    return line
