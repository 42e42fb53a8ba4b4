"""Arrow's values as Python's, row by row, of Parquet files and of the Hugging Face hub. pyarrow is loaded only then."""

import datetime
import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from argqual.tabular.table import TableRow, reason_of

_OFFSET = re.compile(r"[+-]\d{2}:\d{2}")


def arrow_rows(table: Any, first: int) -> Iterator[TableRow]:
    """The rows of an Arrow table or batch as Python values; `first` is the number of its first row, from 1.

    A value that Python cannot hold (a date after the year 9999, broken UTF-8) is a problem of its row.
    """
    names = table.schema.names
    columns: list[list[Any]] = []
    broken: dict[int, str] = {}
    for name, column in zip(names, table.columns, strict=True):
        try:
            columns.append(_values(column))
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
        yield TableRow(dict(zip(names, cells, strict=True)), broken.get(place))


class _Nanotime(datetime.time):
    """A time of day with nanoseconds, which Python's own has not: they are in its text."""

    nanoseconds: int

    def isoformat(self, timespec: str = "auto") -> str:
        return f"{super().isoformat('microseconds')}{self.nanoseconds % 1000:03d}"


def nanoseconds(time: datetime.time) -> int:
    """A time of day as nanoseconds after midnight."""
    if isinstance(time, _Nanotime):
        return time.nanoseconds
    seconds = (time.hour * 60 + time.minute) * 60 + time.second
    return (seconds * 1_000_000 + time.microsecond) * 1000


def _time(after_midnight: int | None) -> datetime.time | None:
    if after_midnight is None:
        return None
    seconds, below = divmod(after_midnight, 1_000_000_000)
    kind = _Nanotime if below % 1000 else datetime.time
    time = kind(seconds // 3600, seconds // 60 % 60, seconds % 60, below // 1000)
    if isinstance(time, _Nanotime):
        time.nanoseconds = after_midnight
    return time


def _values(column: Any) -> list[Any]:
    """A column as Python values, whole."""
    import pyarrow as pa

    kind = column.type
    if kind == pa.time64("ns"):
        return [_time(value) for value in column.cast(pa.int64()).to_pylist()]
    if pa.types.is_timestamp(kind) and kind.tz and not is_known_zone(kind.tz):
        column = column.cast(pa.timestamp(kind.unit, "UTC"))
    values: list[Any] = column.to_pylist()
    return values


@cache
def is_known_zone(name: str) -> bool:
    """Whether a time zone is known here: where it is not, times are told in UTC."""
    try:
        return bool(_OFFSET.fullmatch(name) or ZoneInfo(name))
    except (KeyError, ValueError, OSError):  # no such zone, no name of one, a folder of them
        return False
