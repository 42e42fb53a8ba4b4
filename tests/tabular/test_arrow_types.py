"""Every Arrow type that pyarrow can make is carried through to every output, or refused by its column's name."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from argqual.errors import InputError
from argqual.tabular.arrow import kept_type
from argqual.tabular.arrowrows import arrow_rows
from argqual.tabular.output import TableOutput
from argqual.tabular.sources import open_source

NOON = datetime(2024, 1, 2, 12)
ID = uuid.UUID(int=5)


def extended(kind: Any, values: list[Any]) -> pa.Array:
    return pa.ExtensionArray.from_storage(kind, pa.array(values, kind.storage_type))


def arrays() -> Iterator[tuple[pa.Array, str]]:
    """An array of each type, and its first value in CSV; the second value is null, where there is such a thing."""
    yield pa.nulls(2), ""
    yield pa.array([True, None]), "true"
    for make in (pa.int8, pa.int16, pa.int32, pa.int64, pa.uint8, pa.uint16, pa.uint32):
        yield pa.array([7, None], make()), "7"
    yield pa.array([2**64 - 1, None], pa.uint64()), "18446744073709551615"
    for make in (pa.float16, pa.float32, pa.float64):
        yield pa.array([1.5, None], make()), "1.5"
    for make in (pa.string, pa.large_string, pa.string_view):
        yield pa.array(["ä", None], make()), "ä"
    for kind in (pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(2)):
        yield pa.array([b"ab", None], kind), "YWI="
    for kind in (pa.decimal32(5, 2), pa.decimal64(10, 2), pa.decimal128(20, 2), pa.decimal256(50, 2)):
        yield pa.array([Decimal("1.10"), None], kind), "1.10"
    for kind in (pa.date32(), pa.date64()):
        yield pa.array([date(2024, 1, 2), None], kind), "2024-01-02"
    for kind in (pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")):
        yield pa.array([time(1, 2, 3), None], kind), "01:02:03"
    yield pa.array([1001, None], pa.time64("ns")), "00:00:00.000001001"
    for unit in ("s", "ms", "us", "ns"):
        yield pa.array([NOON, None], pa.timestamp(unit)), "2024-01-02T12:00:00"
        yield pa.array([NOON, None], pa.timestamp(unit, "+05:30")), "2024-01-02T17:30:00+05:30"
        yield pa.array([NOON, None], pa.timestamp(unit, "Europe/Berlin")), "2024-01-02T13:00:00+01:00"
        days = "1 days 00:00:00" if unit == "ns" else "1 day, 0:00:00"
        yield pa.array([timedelta(days=1), None], pa.duration(unit)), days
    yield pa.array([1704067200000000001, None], pa.timestamp("ns")), "2024-01-01T00:00:00.000000001"
    yield pa.array([0, None], pa.timestamp("us", "Nowhere/Land")), "1970-01-01T00:00:00+00:00"
    yield pa.array([pa.MonthDayNano([1, 2, 3]), None], pa.month_day_nano_interval()), "[1, 2, 3]"
    for many in (pa.list_, pa.large_list, pa.list_view, pa.large_list_view):
        yield pa.array([[1, 2], None], many(pa.int32())), "[1, 2]"
    yield pa.array([[1, 2], None], pa.list_(pa.int8(), 2)), "[1, 2]"
    yield pa.array([[[1]], None], pa.list_(pa.large_list(pa.int8()))), "[[1]]"
    yield pa.array([{"a": 1}, None], pa.struct([("a", pa.int32())])), '{"a": 1}'
    yield pa.array([{}, None], pa.struct([])), "{}"
    yield pa.array([[{"a": 1}], None], pa.list_(pa.struct([("a", pa.int8())]))), '[{"a": 1}]'
    for values in (pa.int32(), pa.map_(pa.string(), pa.int8()), pa.struct([("x", pa.int8())])):
        value: Any = 1 if pa.types.is_integer(values) else [("b", 1)] if pa.types.is_map(values) else {"x": 1}
        yield pa.array([[("a", value), ("a", value)], None], pa.map_(pa.string(), values)), ""
    for plain in (pa.array(["a", None]), pa.array(["a", None], pa.large_string())):
        yield plain.dictionary_encode(), "a"
    yield pa.array([5, None]).dictionary_encode(), "5"
    yield pa.array([b"x", None]).dictionary_encode(), "eA=="
    yield pa.array([Decimal("1.10"), None]).dictionary_encode(), "1.10"
    yield pa.array([NOON, None]).dictionary_encode(), "2024-01-02T12:00:00"
    yield pa.DictionaryArray.from_arrays(pa.array([0, None], pa.int8()), pa.array(["x"]), ordered=True), "x"
    yield pa.RunEndEncodedArray.from_arrays([1, 2], pa.array(["a", None])), "a"
    yield pa.RunEndEncodedArray.from_arrays([1, 2], pa.array([7, None])), "7"
    numbers, words = pa.array([1, 2]), pa.array(["a", "b"])
    yield pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [numbers, words]), "1"
    yield pa.UnionArray.from_dense(pa.array([0, 1], pa.int8()), pa.array([0, 1], pa.int32()), [numbers, words]), "1"
    yield extended(pa.bool8(), [1, None]), "true"
    yield extended(pa.uuid(), [ID.bytes, None]), str(ID)
    yield extended(pa.json_(), ['{"a":1}', None]), '{"a":1}'
    yield extended(pa.json_(pa.large_string()), ['{"a":1}', None]), '{"a":1}'
    yield extended(pa.opaque(pa.binary(), "kind", "vendor"), [b"x", None]), "eA=="
    yield extended(pa.fixed_shape_tensor(pa.int32(), (2, 2)), [[1, 2, 3, 4], None]), "[1, 2, 3, 4]"
    yield extended(_Unknown(), [7, None]), "7"
    yield pa.ListArray.from_arrays([0, 1, 1], extended(pa.uuid(), [ID.bytes])), f'["{ID}"]'
    yield pa.StructArray.from_arrays([extended(pa.bool8(), [1, None])], names=["x"]), '{"x": true}'
    yield pa.array([[pa.MonthDayNano([1, 2, 3])], None], pa.list_(pa.month_day_nano_interval())), "[[1, 2, 3]]"


class _Unknown(pa.ExtensionType):  # type: ignore[misc]
    """A type of somebody's, registered nowhere."""

    def __init__(self) -> None:
        super().__init__(pa.int64(), "somebody.s")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: Any, serialized: bytes) -> _Unknown:
        return cls()


ALL = list(arrays())


def test_every_type_of_arrow_is_among_them() -> None:
    """By the ids that Arrow's own library has; the two oldest kinds of interval cannot be made in Python."""
    made = {array.type.id for array, _ in ALL}
    known = {value for name, value in vars(pa.lib).items() if name.startswith("Type_")}
    missing = {name for name, value in vars(pa.lib).items() if name.startswith("Type_") and value not in made}
    assert known
    assert missing <= {"Type_INTERVAL_MONTHS", "Type_INTERVAL_DAY_TIME"}


@pytest.mark.parametrize(("array", "said"), ALL, ids=[f"{n} {array.type!s:.40}" for n, (array, _) in enumerate(ALL)])
def test_a_column_of_any_type_is_carried_through(tmp_path: Path, array: pa.Array, said: str) -> None:
    table = pa.table({"text": ["one", "two"], "x": array})
    path = tmp_path / "in.parquet"
    try:
        pq.write_table(table, path)
    except pa.ArrowNotImplementedError:  # Parquet has no such type: only the hub can bring it
        rows, schema = list(arrow_rows(table, 1)), table.schema
    else:
        source = open_source(str(path))
        rows, schema = list(source.rows()), source.schema
    assert [row.problem for row in rows] == [None, None]
    for ending in ("csv", "jsonl", "parquet"):
        output = TableOutput(tmp_path / f"o.{ending}", results={"r": float}, source_schema=schema, job={})
        for row in rows:
            output.append(row.cells, {"r": 1.0})
        output.finish()
    (cell, second) = [str(row.cells["x"]) for row in open_source(str(tmp_path / "o.csv")).rows()]
    if pa.types.is_map(array.type):
        assert json.loads(cell) == json.loads(json.dumps(array[0].as_py()))
    else:
        assert cell == said
    assert second in ("", "b", "[]", '{"x": null}')
    assert len((tmp_path / "o.jsonl").read_text().splitlines()) == 2
    written = pq.read_table(tmp_path / "o.parquet")
    kept = kept_type(schema.field("x").type)
    assert written.schema.field("x").type == kept
    if kept == array.type and kept != pa.time64("ns"):
        assert written["x"].to_pylist() == array.to_pylist()
    if kept == pa.time64("ns"):
        assert written["x"].cast(pa.int64()).to_pylist() == array.cast(pa.int64()).to_pylist()
    again = [row.problem for row in open_source(str(tmp_path / "o.parquet")).rows()]
    assert again == [None, None]


def test_two_fields_of_one_name_are_refused_by_the_name_of_their_column(tmp_path: Path) -> None:
    twins = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    for column in (twins, pa.ListArray.from_arrays([0, 1], twins)):
        pq.write_table(pa.table({"text": ["one"], "pair": column}), tmp_path / "a.parquet")
        with pytest.raises(InputError, match=r"the column 'pair' cannot be read: two fields in it have one name"):
            open_source(str(tmp_path / "a.parquet"))


def test_a_time_in_a_zone_that_nobody_knows_is_the_same_moment(tmp_path: Path) -> None:
    moment = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    column = pa.array([moment], pa.timestamp("us", "UTC")).cast(pa.timestamp("us", "Mars/Olympus"))
    pq.write_table(pa.table({"text": ["one"], "when": column}), tmp_path / "a.parquet")
    (row,) = open_source(str(tmp_path / "a.parquet")).rows()
    assert row.cells["when"] == moment
