"""Where the records of a CSV or TSV file begin and end, so that a stray quote never swallows the lines after it.

A quote opens a cell only as its first character, and closes it only before a delimiter or the end of the line. What
breaks that rule stays within its own line: the lines after it are read by themselves.
"""

import csv
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

MOST_CELL = 10_000_000  # characters; a quote that never closes ends here and not with the memory
_TOO_LONG = f"a cell of more than {MOST_CELL:,} characters"
_MANY_LINES = 100
_INSIDE = re.compile(r'[^"]*+(?:""[^"]*+)*+')
_QUOTED = re.compile(r'"[^"]*+(?:""[^"]*+)*+"')
_CLOSED, _OPEN, _STRAY = "closed", "open", "stray"


class Ambiguous(Exception):
    """Lines that can be read in two ways; says which."""


@dataclass(frozen=True, slots=True)
class CsvRecord:
    """What begins at a line of the file: its cells, or the `problem` for which there are none that could be used.

    `note` is said of a record that is read, although its quotes look like an accident.
    """

    line: int
    cells: list[str]
    problem: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class Quotes:
    """How quotes are read.

    `rule` is `minimal` (they enclose cells; a line that breaks the rule is refused), `none` (they are characters like
    others), or None: as `minimal`, but where a line by itself has as many cells as the header, quotes that enclose no
    cell are taken as characters. `single` says that the table has one column and no delimiter.
    """

    delimiter: str
    rule: str | None
    single: bool = False

    def records(self, lines: Iterable[str], first: int = 1) -> Iterator[CsvRecord]:
        """The records of lines that still have their ends; that of a blank line has no cells, or a blank one.

        The first that is not blank is the header. Raises `Ambiguous` where the lines can be read in two ways.
        """
        waiting: deque[str] = deque()
        rest, parse = iter(lines), _parser(self.delimiter)
        width, number = 0, first
        while (line := waiting.popleft() if waiting else next(rest, None)) is not None:
            held = [line]
            if '"' not in line or self.rule == "none":
                record = self._plain(number, line)
            else:
                state = self._until_closed(held, waiting, rest)
                if state == _CLOSED and not (len(held) > 1 and self._are_rows(held, number, width)):
                    record = self._enclosed(number, held, parse)
                else:
                    record = self._stray(number, held, state, width)
                    waiting.extendleft(reversed(held[1:]))
                    del held[1:]
            yield record
            number += len(held)
            if not width and any(cell.strip() for cell in record.cells):
                width = len(named(record.cells))

    def _until_closed(self, held: list[str], waiting: deque[str], rest: Iterator[str]) -> str:
        """Add the lines that a quote in the first one holds together; how the last of them ends."""
        state, size = self._state(held[0], False), len(held[0])
        while state == _OPEN and size <= MOST_CELL:
            if (line := waiting.popleft() if waiting else next(rest, None)) is None:
                break
            held.append(line)
            size += len(line)
            state = self._state(line, True) if '"' in line else _OPEN
        return state

    def _plain(self, number: int, line: str) -> CsvRecord:
        text = line.rstrip("\r\n")
        cells = [text] if self.single else text.split(self.delimiter)
        if len(line) > MOST_CELL and max(map(len, cells)) > MOST_CELL:
            return CsvRecord(number, [], f"line {number}: {_TOO_LONG}")
        return CsvRecord(number, cells if text else [])

    def _enclosed(self, number: int, held: list[str], parse: Callable[[str], list[str]]) -> CsvRecord:
        text = "".join(held)
        try:
            cells = parse(text)
        except csv.Error:  # the only one that quotes which are right leave
            return CsvRecord(number, [], f"line {number}: {_TOO_LONG}")
        if self.single and len(cells) != 1:
            cells = [text.rstrip("\r\n")]
        note = None
        if len(held) > _MANY_LINES:
            note = f"line {number}: one cell in quotes goes on for {len(held):,} lines"
        return CsvRecord(number, cells, note=note)

    def _are_rows(self, held: list[str], number: int, width: int) -> bool:
        """Whether lines that quotes make one record are rows by themselves; `Ambiguous` where that is open."""
        if self.rule or width < 2 or held[0].count(self.delimiter) != width - 1:
            return False
        if any(line.count(self.delimiter) != width - 1 for line in held):
            return False
        if self.delimiter == "\t":
            return True
        if len(held) > 2:
            raise Ambiguous(f"line {number}: {_why(_CLOSED, number, held)}")
        return False

    def _stray(self, number: int, held: list[str], state: str, width: int) -> CsvRecord:
        """A line whose quotes break the rule: as it stands, where it plainly is a row of its own."""
        line, why = held[0], f"line {number}: {_why(state, number, held)}"
        if self.rule or not width:
            return CsvRecord(number, [], why)
        if width == 1:
            if len(held) > 1 and state != _OPEN:
                raise Ambiguous(f"{why}, so it is not plain where its row ends")
            return CsvRecord(number, [line.rstrip("\r\n")], note=why)
        cells = [_unquoted(cell) for cell in self._split(line)]
        alone = len(held) == 1 or len(self._split(held[1])) == width
        return CsvRecord(number, cells, note=why) if alone and len(cells) == width else CsvRecord(number, [], why)

    def _split(self, line: str) -> list[str]:
        return line.rstrip("\r\n").split(self.delimiter)

    def _state(self, line: str, inside: bool) -> str:
        """How a line ends that begins inside of quotes, or outside."""
        opening, place = f'{self.delimiter}"', 0
        if not inside and line.startswith('"'):
            inside, place = True, 1
        while True:
            if not inside:
                found = line.find(opening, place)
                if found < 0:
                    return _CLOSED
                place = found + 2
            place = _INSIDE.match(line, place).end() + 1  # type: ignore[union-attr]
            if place > len(line):
                return _OPEN
            inside = False
            if not line[place:].rstrip("\r\n"):
                return _CLOSED
            if line[place] != self.delimiter:
                return _STRAY


def _parser(delimiter: str) -> Callable[[str], list[str]]:
    """What cuts the text of one record whose quotes are right into cells; one reader for all, which saves time."""
    texts: deque[str] = deque()
    reader = csv.reader(iter(texts.popleft, None), delimiter=delimiter)

    def parse(text: str) -> list[str]:
        texts.append(text)
        return next(reader)

    return parse


def named(header: list[str]) -> list[str]:
    """The cells of a header without those that a delimiter at its end has made."""
    last = max((place for place, name in enumerate(header, 1) if name.strip()), default=len(header))
    return header[:last]


def _why(state: str, number: int, held: list[str]) -> str:
    last = number + len(held) - 1
    if sum(map(len, held)) > MOST_CELL:
        return f"{_TOO_LONG}; is a quote not closed?"
    if state == _CLOSED:
        return f"a quote opens here and closes in line {last}, though each line looks like a row"
    if state == _OPEN:
        return "a quote opens here and is never closed"
    if len(held) == 1:
        return "a quote in the middle of a cell"
    return f"a quote opens here, and the next one, in line {last}, is in the middle of a cell"


def _unquoted(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if _QUOTED.fullmatch(cell) else cell
