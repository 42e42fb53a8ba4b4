"""Tables whose long texts are rated in parts: a row for each part, and one for the whole."""

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

from argqual.errors import InputError
from argqual.judging.splitting import TextPart
from argqual.tabular.table import TableRow, TableSource

PART_COLUMNS = ("part", "part_start", "part_end")
WHOLE = "whole"


class PartsSource(TableSource):
    """The rows of another table, each as often as its text has parts, and once more with the whole text.

    The column of the text holds the part; `part` has its number, from 1, or `whole`, and `part_start` and `part_end`
    say which characters of the whole it is. `split` gives the parts of a row; it raises an `InputError` for one that
    cannot be used, which then stands there once, as `whole`. `limit` counts rows of the other table, and `by` is how
    they are split.
    """

    def __init__(
        self,
        source: TableSource,
        text: str,
        split: Callable[[TableRow], Sequence[TextPart]],
        *,
        by: str,
        limit: int | None = None,
    ) -> None:
        if taken := [name for name in PART_COLUMNS if name in source.columns]:
            raise InputError(
                f"{source.name} has a column '{taken[0]}' already, where --split would write which part a row is.",
                hint="Rename it in the table.",
            )
        self.name, self.columns = source.name, (*source.columns, *PART_COLUMNS)
        self._source, self._text, self._split, self._by, self._limit = source, text, split, by, limit
        if source.schema is not None:
            import pyarrow as pa

            kinds = (pa.string(), pa.int64(), pa.int64())
            self.schema = source.schema
            for name, kind in zip(PART_COLUMNS, kinds, strict=True):
                self.schema = self.schema.append(pa.field(name, kind))

    def count(self) -> None:
        """How many parts there are is known when all texts were read."""
        return

    def identity(self) -> dict[str, str | int]:
        limited = {} if self._limit is None else {"texts": self._limit}
        return self._source.identity() | {"split": self._by} | limited

    def rows(self, skip: int = 0) -> Iterator[TableRow]:
        yield from itertools.islice(self._all(), skip, None)

    def _all(self) -> Iterator[TableRow]:
        for row in itertools.islice(self._source.rows(), self._limit):
            try:
                parts = self._split(row)
            except InputError:
                yield TableRow(row.cells | dict.fromkeys(PART_COLUMNS) | {"part": WHOLE}, row.problem)
                continue
            for part in parts:
                place = (str(part.number), part.start, part.end)
                yield TableRow(row.cells | {self._text: part.text} | dict(zip(PART_COLUMNS, place, strict=True)))
            whole = (WHOLE, 0, len(row.cells[self._text]))
            yield TableRow(row.cells | dict(zip(PART_COLUMNS, whole, strict=True)))


class OneText(TableSource):
    """A single text as a table of one row; `others` are further columns, such as its issue."""

    def __init__(self, name: str, text: str, others: Mapping[str, str]) -> None:
        self.name = name
        self._cells = {"file": name, "text": text} | dict(others)
        self.columns = tuple(self._cells)

    def count(self) -> int:
        return 1

    def identity(self) -> dict[str, str | int]:
        return {"kind": "text", "digest": hashlib.sha256(repr(self._cells).encode()).hexdigest()[:16]}

    def rows(self, skip: int = 0) -> Iterator[TableRow]:
        yield from [TableRow(self._cells)][skip:]
