"""Parquet parts of an output, and their union.

What type a column without a known one gets must not depend on where a job was interrupted, so a cell changes its type
only in ways that can be undone: whole numbers among decimal ones (within 2**53), and nothing else. What has no one type
becomes text: strings as they are, everything else as JSON.
"""

import datetime
import uuid
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from argqual.errors import InputError
from argqual.tabular.arrowrows import is_known_zone, nanoseconds
from argqual.tabular.table import PartWriter, as_json, as_text, each_float, reason_of, well_formed

_GROUP_ROWS = 100_000
_GROUP_BYTES = 32 << 20
_MOST_DEPTH = 16  # of lists and objects that become Arrow's; deeper ones become JSON
_EXACT = 2**53
_NOTHING = {b"argqual": b"no values"}
_RESULTS = {str: pa.string(), float: pa.float64(), int: pa.int64(), dict: pa.string()}

_Row = tuple[Mapping[str, Any], Sequence[Any]]


class _Mixed(Exception):
    """Values that have no one type."""


class ParquetParts(PartWriter):
    """Rows as Python values until a part is written."""

    def __init__(self, results: Mapping[str, type], schema: pa.Schema | None) -> None:
        super().__init__(results, schema)
        if schema is not None:
            fields = [field.with_type(kept_type(field.type)) for field in schema]
            self._schema = pa.schema(fields, metadata=schema.metadata)

    def row(self, cells: Mapping[str, Any], values: list[Any]) -> _Row:
        return {well_formed(name): value for name, value in cells.items()}, values

    def size(self, row: _Row) -> int:
        return sum(len(value) for value in chain(row[0].values(), row[1]) if isinstance(value, (str, bytes)))

    def write_part(self, file: BinaryIO, rows: Sequence[_Row]) -> None:
        types = {field.name: field for field in self._schema or ()}
        names = dict.fromkeys(types)
        for cells, _ in rows:
            if not names.keys() >= cells.keys():
                names |= dict.fromkeys(cells)
        columns, fields = [], []
        for name in names:
            values = [cells.get(name) for cells, _ in rows]
            column = _typed(name, values, types[name].type) if name in types else _inferred(values)
            if name in types:
                fields.append(types[name].with_nullable(True))
            elif pa.types.is_null(column.type):
                # As text: what reads all parts at once takes the types of the first, and null fits nothing else.
                column = pa.nulls(len(rows), pa.string())
                fields.append(pa.field(name, pa.string(), metadata=_NOTHING))
            else:
                fields.append(pa.field(name, column.type))
            columns.append(column)
        for place, kind in enumerate(self._results.values()):
            columns.append(pa.array([_result(values[place], kind) for _, values in rows], type=_RESULTS[kind]))
        pq.write_table(pa.table(columns, schema=self._with_results(fields)), file, compression="zstd")

    def read_part(self, part: Path) -> int:
        try:
            return int(pq.read_metadata(part).num_rows)
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{part} is damaged ({error}).", hint="--overwrite starts again.") from None

    def join(self, parts: Sequence[Path], file: BinaryIO) -> None:
        fixed = {field.name: field.with_nullable(True) for field in self._schema or ()}
        carried: dict[str, pa.Field] = {}
        for field in chain.from_iterable(pq.read_schema(part) for part in parts):
            if field.name not in self._results and field.name not in fixed:
                field = pa.field(field.name, pa.null()) if _is_nothing(field) else field
                carried[field.name] = _united(carried.get(field.name, field), field)
        for name, field in carried.items():
            if pa.types.is_null(field.type):
                carried[name] = pa.field(name, pa.string())
        carried = fixed | carried
        while inexact := _write(parts, file, self._with_results(carried.values())):
            # Whole numbers that a float cannot hold: the column becomes text.
            carried[inexact] = pa.field(inexact, pa.string())
            file.seek(0)
            file.truncate()

    def _with_results(self, carried: Iterable[pa.Field]) -> pa.Schema:
        results = [pa.field(name, _RESULTS[kind]) for name, kind in self._results.items()]
        return pa.schema([*carried, *results], metadata=None if self._schema is None else self._schema.metadata)


def _write(parts: Sequence[Path], file: BinaryIO, schema: pa.Schema) -> str | None:
    """Write all parts in this schema; the name of a column that does not fit into it, if there is one."""
    waiting: list[pa.Table] = []
    rows = size = 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for part in parts:
            # One file, not a data set: parts of different schemas are read as they are.
            table = pq.ParquetFile(part).read(use_threads=False)
            columns = []
            for field in schema:
                if field.name not in table.column_names or _is_nothing(table.schema.field(field.name)):
                    columns.append(pa.nulls(table.num_rows, field.type))
                    continue
                column = table[field.name]
                if column.type != field.type and pa.types.is_string(field.type):
                    column = pa.array([_as_words(value) for value in column.to_pylist()], type=field.type)
                try:
                    columns.append(column if column.type == field.type else column.cast(field.type))
                except pa.ArrowInvalid:
                    return str(field.name)
            table = pa.table(columns, schema=schema)
            waiting.append(table)
            rows += table.num_rows
            size += table.nbytes
            if rows >= _GROUP_ROWS or size >= _GROUP_BYTES:
                writer.write_table(pa.concat_tables(waiting), row_group_size=_GROUP_ROWS)
                waiting, rows, size = [], 0, 0
        if waiting:
            writer.write_table(pa.concat_tables(waiting), row_group_size=_GROUP_ROWS)
    return None


def _is_nothing(field: pa.Field) -> bool:
    """Whether a part has no value in this column, and so no type."""
    return (field.metadata or {}).items() >= _NOTHING.items()


def _united(one: pa.Field, other: pa.Field) -> pa.Field:
    try:
        return one if one is other else pa.field(one.name, _merged(one.type, other.type))
    except _Mixed:
        return pa.field(one.name, pa.string())


def kept_type(kind: pa.DataType) -> pa.DataType:
    """The type that a column of a source has in a Parquet output.

    It is the same, but for what Parquet has not, or Python's values do not make again: that is the plain type of its
    values where there is one, and else text, as in CSV.
    """
    if pa.types.is_run_end_encoded(kind):
        return kept_type(kind.value_type)
    if pa.types.is_timestamp(kind) and kind.tz and not is_known_zone(kind.tz):
        return pa.timestamp(kind.unit, "UTC")
    return kind if _is_whole(kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind) else pa.string()


def _is_whole(kind: pa.DataType) -> bool:
    """Whether a type can be written to Parquet, and made of Python's values."""
    if isinstance(kind, pa.BaseExtensionType):  # within another type
        return False
    if pa.types.is_dictionary(kind):
        return bool(pa.types.is_string(kind.value_type) or pa.types.is_integer(kind.value_type))
    if pa.types.is_struct(kind):
        return kind.num_fields > 0 and all(_is_whole(field.type) for field in kind)
    if pa.types.is_map(kind):
        return _is_whole(kind.key_type) and _is_whole(kind.item_type)
    if pa.types.is_nested(kind) and not pa.types.is_union(kind):
        return _is_whole(kind.value_type)
    return not (pa.types.is_union(kind) or pa.types.is_interval(kind) or pa.types.is_run_end_encoded(kind))


def _typed(name: str, values: list[Any], kind: pa.DataType) -> pa.Array:
    """Cells of a column whose type the source gave; an `InputError` if they are not of it."""
    try:
        if pa.types.is_string(kind):
            values = [value if isinstance(value, str) else _as_words(value) for value in values]
        elif kind == pa.time64("ns"):
            values = [nanoseconds(value) if isinstance(value, datetime.time) else value for value in values]
        elif isinstance(kind, pa.BaseExtensionType):
            if kind.extension_name == "arrow.bool8":
                values = [None if value is None else int(value) for value in values]
            values = [value.bytes if isinstance(value, uuid.UUID) else value for value in values]
            return pa.ExtensionArray.from_storage(kind, pa.array(values, type=kind.storage_type))
        return pa.array(values, type=kind)
    except UnicodeEncodeError:
        return pa.array([well_formed(value) if isinstance(value, str) else value for value in values], type=kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"The column '{name}', of the type {kind}, cannot be written to Parquet ({reason_of(error)}).",
            hint="--output FILE.jsonl or FILE.csv can hold it.",
        ) from None


def _inferred(values: list[Any]) -> pa.Array:
    """Cells of a column whose type nothing gave."""
    kind = pa.null()
    try:
        one_of_each = {type(value): value for value in values}
        simple = one_of_each.keys() <= {str, float, int, bool, type(None)}
        for value in one_of_each.values() if simple else values:
            kind = _merged(kind, _type_of(value))
        return pa.array(values, type=kind)
    except (_Mixed, pa.ArrowException, UnicodeEncodeError, OverflowError):
        return pa.array([_as_words(value) for value in values], type=pa.string())


def _type_of(value: Any, depth: int = 0) -> pa.DataType:
    if value is None:
        return pa.null()
    if isinstance(value, bool):
        return pa.bool_()
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise _Mixed
        return pa.int64()
    if isinstance(value, float):
        return pa.float64()
    if isinstance(value, str):
        return pa.string()
    if depth == _MOST_DEPTH or (isinstance(value, dict) and not value):
        raise _Mixed  # Parquet has no objects without keys
    if isinstance(value, dict):
        return pa.struct([(name, _type_of(item, depth + 1)) for name, item in value.items()])
    if isinstance(value, (list, tuple)):
        kind = pa.null()
        for item in value:
            kind = _merged(kind, _type_of(item, depth + 1))
        return pa.list_(kind)
    try:
        return pa.scalar(value).type
    except (pa.ArrowException, TypeError, ValueError):
        raise _Mixed from None


def _merged(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The type that holds the values of both without changing what they say."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if {one, other} == {pa.int64(), pa.float64()}:
        return pa.float64()
    if pa.types.is_list(one) and pa.types.is_list(other):
        return pa.list_(_merged(one.value_type, other.value_type))
    # Objects with other keys stay apart: one struct for them would add keys that they do not have.
    both = pa.types.is_struct(one) and pa.types.is_struct(other)
    if both and [field.name for field in one] == [field.name for field in other]:
        pairs = zip(one, other, strict=True)
        return pa.struct([(left.name, _merged(left.type, right.type)) for left, right in pairs])
    raise _Mixed


def _as_words(value: Any) -> str | None:
    if value is None:
        return None
    plain = isinstance(value, (bool, int, float, dict, list, tuple))
    return well_formed(as_json(each_float(value, _canonical)) if plain else as_text(value))


def _canonical(number: float) -> float:
    """1.0 as 1: a part may have made a whole number a float before it became text."""
    return int(number) if number.is_integer() and abs(number) <= _EXACT else number


def _result(value: Any, kind: type) -> Any:
    if kind is dict and value is not None:
        value = as_json(value)
    return well_formed(value) if isinstance(value, str) else value
