"""CSV and TSV files, read and written."""

import csv
import itertools
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from argqual.errors import InputError
from argqual.tabular.quoting import MOST_CELL, Ambiguous, CsvRecord, Quotes, named
from argqual.tabular.table import CHUNK, PartWriter, Spelling, TableRow, as_text, well_formed
from argqual.tabular.textfile import TextTable

if TYPE_CHECKING:
    import pyarrow as pa

_CELL_LIMIT = 1 << 30  # characters of a cell of argqual's own parts
_SEP = re.compile(r'"?sep=(.)"?[ \r\n]*', re.IGNORECASE)  # a first line for Excel
_SAMPLE = 30  # records from which a delimiter is told
_TOLD = 3  # lines that are quoted of all whose quotes look like an accident


class DelimitedSource(TextTable):
    """A CSV or TSV file.

    `usual` stands between its cells unless another delimiter is given; else a first line `sep=;` tells, or what cuts
    the header and the first rows alike, into most cells.
    """

    def __init__(self, path: Path, spelling: Spelling, *, usual: str | None = None) -> None:
        delimiter = _checked(spelling.delimiter)
        super().__init__(path, spelling)
        self._rule = spelling.quoting
        self._surveyed: tuple[int, list[str]] | None = None
        if csv.field_size_limit() < MOST_CELL:
            csv.field_size_limit(MOST_CELL)
        with self._lines(newline="") as lines:
            said = _SEP.fullmatch(next(lines, ""))
        self._above = 1 if said else 0  # lines above the header
        delimiter = delimiter or (_checked(said[1]) if said else usual)
        self._quotes = Quotes(delimiter, self._rule) if delimiter else self._found()
        self.columns = self._header()
        unnamed = [str(place) for place, name in enumerate(self.columns, 1) if not name.strip()]
        twice = [f"'{name}'" for name, times in Counter(self.columns).items() if times > 1 and name.strip()]
        if unnamed:
            raise InputError(
                f"{path}: the header has no name for column {', '.join(unnamed)} of {len(self.columns)}.",
                hint="Name every column in the first line. (pandas leaves out its index with to_csv(…, index=False).)",
            )
        if twice:
            raise InputError(f"{path}: the header names {', '.join(twice)} more than once.", hint="Rename the columns.")

    def _found(self) -> Quotes:
        """The delimiter that the header and the first rows tell; one column, where there is none."""
        best, most = Quotes(",", self._rule), (False, 0.0, 0)
        broken: InputError | None = None
        for delimiter in ",;\t|":  # the comma stands first, and the first of equals is taken
            quotes = Quotes(delimiter, self._rule)
            try:
                header, *rows = itertools.islice(self._records(quotes), 1 + _SAMPLE)
            except ValueError:  # there is no line
                continue
            except InputError as error:  # there are two ways to read it so, and perhaps one to read it otherwise
                broken = broken or error
                continue
            names = [] if header.problem else named(header.cells)
            clean = self._rule == "none" or not any('"' in name for name in names)
            alike = sum(not row.problem and _fitted(row.cells, len(names)) is not None for row in rows)
            said = (clean, alike / max(len(rows), 1), len(names))
            # A delimiter at the end of a line is one, although it makes no column.
            if len(header.cells) > 1 and said > most:
                best, most = quotes, said
        if most[2]:
            return best
        if broken:
            raise broken
        rows = list(itertools.islice(self._records(best), 1, _SAMPLE))
        cut = {len(row.cells) for row in rows}
        plainly_cut = len(rows) > 2 and len(cut) == 1 and cut != {1}
        return best if plainly_cut else replace(best, single=True)

    def _header(self) -> tuple[str, ...]:
        for header in self._records(self._quotes):
            if header.problem:
                hint = "UTF-16 is read with --encoding utf-16-le." if "NUL" in header.problem else None
                hint = "--quoting none takes quotes as characters." if "a quote" in header.problem else hint
                raise InputError(f"{self.path}: the header cannot be read: {header.problem}.", hint=hint)
            return tuple(named(header.cells))
        raise InputError(f"{self.path} holds nothing but blank lines.")

    def identity(self) -> dict[str, str | int]:
        found = super().identity() | {"delimiter": self._quotes.delimiter}
        return found | ({"quoting": self._rule} if self._rule else {})

    def count(self) -> int:
        return self._survey()[0]

    def notes(self) -> list[str]:
        return self._survey()[1]

    def _survey(self) -> tuple[int, list[str]]:
        """The number of rows, and what is to be said of the quotes in them."""
        if self._surveyed is None:
            rows = -1
            odd: list[str] = []
            for record in self._records(self._quotes):
                rows += 1
                odd += [record.note] if record.note else []
            told = odd[:_TOLD] + ([f"and {len(odd) - _TOLD:,} more"] if len(odd) > _TOLD else [])
            notes = [
                f"{self.path}: {'; '.join(told)}. Quotes that enclose no cell were taken as characters. "
                "(--quoting none takes all so, --quoting minimal refuses such lines.)"
            ]
            self._surveyed = rows, notes if odd else []
        return self._surveyed

    def rows(self, skip: int = 0) -> Iterator[TableRow]:
        width = len(self.columns)
        for record in itertools.islice(self._records(self._quotes), 1 + skip, None):
            cells, problem = record.cells, record.problem
            if problem is None and len(cells) != width:
                if (fitted := _fitted(cells, width)) is None:
                    found = len(cells)
                    problem = f"line {record.line} has {found} cell{'s' * (found != 1)}, the header has {width}"
                    if any(cell.startswith(' "') for cell in cells):
                        problem += "; a space stands before a quote"
                else:
                    cells = fitted
            yield TableRow(dict(zip(self.columns, cells, strict=False)), problem)

    def _records(self, quotes: Quotes) -> Iterator[CsvRecord]:
        """Each record that is not blank; the header is the first."""
        width = 0
        with self._lines(newline="") as lines:
            rest = itertools.islice(lines, self._above, None)
            try:
                for record in quotes.records(rest, 1 + self._above):
                    cells = record.cells
                    if record.problem is None:
                        if not cells or (width != 1 and len(cells) == 1 and not cells[0].strip()):
                            continue
                        if "\0" in "".join(cells):
                            problem = f"line {record.line} holds a NUL character, so it is not text"
                            record = CsvRecord(record.line, [], problem)
                    yield record
                    width = width or len(named(cells))
            except Ambiguous as error:
                raise InputError(
                    f"{self.path}: {error}.",
                    hint="--quoting none where quotes are plain characters, --quoting minimal where it is one cell.",
                ) from None


def _fitted(cells: list[str], width: int) -> list[str] | None:
    """A row's cells without those that delimiters at its end have made; None where there are too few, or too many."""
    return cells[:width] if len(cells) >= width and not any(map(str.strip, cells[width:])) else None


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
