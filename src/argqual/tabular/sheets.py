"""Spreadsheets (.xlsx, .ods, .xls): one sheet is a table, its first row that is not blank the header.

A cell is what the spreadsheet stores: a number, a date, a text, the last value of a formula. What is merged over
several rows stands in each of them. The sheet is read as a whole.
"""

import posixpath
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from argqual.errors import InputError, nearest
from argqual.tabular.extra import office
from argqual.tabular.opening import BROKEN_ZIP, opened
from argqual.tabular.table import CHUNK, Spelling, TableRow, TableSource, file_identity, kind_of, reason_of

_EXACT = 2**53
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_SPAN = re.compile(rb'number-rows-spanned="(?!1")')
_ERRORS = ("#N/A", "#VALUE!", "#REF!", "#DIV/0!", "#NUM!", "#NAME?", "#NULL!")


class SheetSource(TableSource):
    """A sheet of a spreadsheet: the one that is named, or the first that is not hidden."""

    def __init__(self, path: Path, spelling: Spelling) -> None:
        self.path, self.name = path, str(path)
        calamine = office("python_calamine", path)
        try:
            with calamine.load_workbook(str(path)) as book:
                known = [each for each in book.sheets_metadata if each.typ == calamine.SheetTypeEnum.WorkSheet]
                shown = [each.name for each in known if each.visible == calamine.SheetVisibleEnum.Visible]
                self._sheets: list[str] = shown or [each.name for each in known]
                self._sheet = self._chosen(spelling.sheet, [each.name for each in known])
                sheet = book.get_sheet_by_name(self._sheet)
                cells = [[_plain(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
                merged = sheet.merged_cell_ranges or []
            self._without_value = self._mend(cells)
        except calamine.PasswordError:
            raise InputError(f"{path} is locked with a password.", hint="Save it without one.") from None
        except (calamine.CalamineError, *BROKEN_ZIP, SyntaxError, ValueError) as error:  # the last two: XML
            raise InputError(
                f"{path} is no spreadsheet, or a damaged one ({reason_of(error)}).", hint="Save it again, or as CSV."
            ) from None
        self._named = spelling.sheet is not None
        self._spans = kind_of(self.name) == ".ods" and _spans_rows(path)
        self._read(cells, merged)

    def _chosen(self, wanted: str | None, known: list[str]) -> str:
        if not known:
            raise InputError(f"{self.path} has no sheet with cells.")
        if wanted is None:
            return self._sheets[0]
        alike = [name for name in known if name.casefold().strip() == wanted.casefold().strip()]
        if wanted in known or len(alike) == 1:
            return wanted if wanted in known else alike[0]
        if wanted.isdecimal() and 1 <= int(wanted) <= len(known):
            return known[int(wanted) - 1]
        raise InputError(f"{self.path} has no sheet '{wanted}'.", hint=nearest(wanted, known))

    def _mend(self, cells: list[list[Any]]) -> list[str]:
        """Put errors where .xlsx has them, which are read as nothing; the places of formulas without a value."""
        without = []
        if kind_of(self.name) in (".xlsx", ".xlsm", ".xltx"):
            for row, column, value in _odd_cells(self.path, self._sheet):
                if row < len(cells) and column < len(cells[row]) and cells[row][column] is None:
                    if value is None:
                        without.append(f"{_letters(column)}{row + 1}")
                    cells[row][column] = value
        return without

    def _read(self, cells: list[list[Any]], merged: list[tuple[tuple[int, int], tuple[int, int]]]) -> None:
        """Settle the header, and keep the rows below it that are not blank."""
        at = f"{self.path}: sheet '{self._sheet}'"
        filled = [number for number, row in enumerate(cells) if any(cell is not None for cell in row)]
        if not filled:
            raise InputError(f"{at} is empty.", hint=self._others())
        header, rows = cells[filled[0]], {number: cells[number] for number in filled[1:]}
        used = [place for place in range(len(header)) if any(row[place] is not None for row in rows.values())]
        unnamed = [_letters(place) for place in used if header[place] is None or not str(header[place]).strip()]
        if unnamed:
            raise InputError(
                f"{at}: the header, row {filled[0] + 1}, has no name for column {', '.join(unnamed)}.",
                hint="Give each column a name in the first row that is filled.",
            )
        places = [place for place, name in enumerate(header) if name is not None and str(name).strip()]
        self.columns = tuple(_word(header[place]) for place in places)
        if twice := [f"'{name}'" for name, times in Counter(self.columns).items() if times > 1]:
            raise InputError(f"{at}: the header names {', '.join(twice)} more than once.", hint="Rename the columns.")
        for (top, left), (bottom, right) in merged:
            for number in range(top + 1, bottom + 1) if top > filled[0] else ():
                for place in range(left, min(right, len(header) - 1) + 1):
                    if number in rows and rows[number][place] is None:
                        rows[number][place] = cells[top][left] if place == left else None
        self._rows = [[row[place] for place in places] for row in rows.values()]

    def _others(self) -> str | None:
        others = [f"'{name}'" for name in self._sheets if name != self._sheet]
        return f"Other sheets: {', '.join(others)}; --sheet names one." if others else None

    def notes(self) -> list[str]:
        found = []
        if not self._named and (others := self._others()):
            found.append(f"{self.path}: the sheet '{self._sheet}' is read. {others}")
        if self._spans:
            found.append(
                f"{self.path}: what is merged over several rows stands in the first of them only, as .ods has it."
            )
        if self._without_value:
            listed = ", ".join(self._without_value[:3]) + (" …" if len(self._without_value) > 3 else "")
            found.append(
                f"{self.path}: no value is stored with {len(self._without_value):,} of its formulas ({listed}), which "
                "are read as empty. A spreadsheet program that opens and saves the file puts the values in."
            )
        return found

    def count(self) -> int:
        return len(self._rows)

    def identity(self) -> dict[str, str | int]:
        return file_identity(kind_of(self.name)[1:], self.path) | {"sheet": self._sheet}

    def rows(self, skip: int = 0) -> Iterator[TableRow]:
        for row in self._rows[skip:]:
            yield TableRow(dict(zip(self.columns, row, strict=True)))


def _plain(cell: Any) -> Any:
    """A cell without what spreadsheets do not know: a whole number is one, and nothing is None."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) <= _EXACT:
        return int(cell)
    return None if isinstance(cell, str) and not cell.strip() else cell


def _word(name: Any) -> str:
    return " ".join(str(name).split())


def _letters(column: int) -> str:
    """The name of a column, from 0: A … Z, AA …"""
    letters = ""
    while column >= 0:
        letters, column = chr(65 + column % 26) + letters, column // 26 - 1
    return letters


def _odd_cells(path: Path, sheet: str) -> Iterator[tuple[int, int, str | None]]:
    """Row, column (from 0) and error of each cell of an .xlsx sheet that holds one, or a formula without a value."""
    reader = office("defusedxml.ElementTree", path)
    with zipfile.ZipFile(path) as archive:
        try:
            part = _part_of(reader, archive, sheet)
        except (KeyError, StopIteration):
            return  # not laid out as others are: its cells were read all the same
        with archive.open(part) as raw:
            for _, cell in reader.iterparse(raw, events=("end",)):
                if cell.tag == f"{_MAIN}row":
                    cell.clear()
                if cell.tag != f"{_MAIN}c" or not (place := cell.get("r")):
                    continue
                value = cell.findtext(f"{_MAIN}v")
                if (cell.get("t") == "e" and value in _ERRORS) or (cell.find(f"{_MAIN}f") is not None and not value):
                    letters = place.rstrip("0123456789")
                    column = 0
                    for letter in letters:
                        column = column * 26 + ord(letter) - 64
                    yield int(place[len(letters) :]) - 1, column - 1, value or None


def _spans_rows(path: Path) -> bool:
    """Whether an .ods file has cells that are merged over rows."""
    with opened(path) as raw, zipfile.ZipFile(raw) as archive, archive.open("content.xml") as content:
        return any(_SPAN.search(chunk) for chunk in iter(lambda: content.read(CHUNK), b""))


def _part_of(reader: Any, archive: zipfile.ZipFile, sheet: str) -> str:
    """The file in an .xlsx archive that holds a sheet."""
    book = reader.fromstring(archive.read("xl/workbook.xml"))
    relation = next(each.get(_RELATION) for each in book.iter(f"{_MAIN}sheet") if each.get("name") == sheet)
    relations = reader.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    target = next(each.get("Target") for each in relations if each.get("Id") == relation)
    return target[1:] if target.startswith("/") else posixpath.normpath(f"xl/{target}")
