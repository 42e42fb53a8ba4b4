"""What is scored stays scored: whole parts, one whole file, and the same rows whenever a run was killed."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from argqual.errors import InputError
from argqual.tabular.output import StreamOutput, TableOutput, iter_scored, partial_folder, read_job
from argqual.tabular.sources import open_source

RESULTS: dict[str, type] = {"status": str, "overall": float, "votes_asked": int, "assessment": dict}
FORMATS = [".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"]
JOB = {"model": "small", "source": {"path": "a.csv", "bytes": 10}}


def result(number: int) -> dict[str, Any]:
    return {
        "status": "ok" if number % 3 else None,
        "overall": number / 4 if number % 2 else None,
        "votes_asked": number,
        "assessment": {"n": number, "why": ["ä", None]} if number % 5 else None,
    }


def output(path: Path, **options: Any) -> TableOutput:
    return TableOutput(path, **{"results": RESULTS, "source_schema": None, "job": JOB, "part_rows": 4} | options)


def write(path: Path, rows: list[dict[str, Any]], **options: Any) -> Path:
    writer = output(path, **options)
    for number, cells in enumerate(rows):
        writer.append(cells, result(number))
    writer.finish()
    return path


def read(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    pairs = list(iter_scored(path, RESULTS)[1])
    return [cells for cells, _ in pairs], [scored for _, scored in pairs]


# Every source into every output

CSV = 'id,text,note\n007,"one, ""two""\nthree",NA\n,"a\rb", x \n3,é,\n4,"=1+1\t;",""\n5,null,nan\n'
JSONL = [
    {"id": 1, "text": "a\r\nb", "score": 1, "tags": ["x", "y"], "author": {"name": "A", "age": 3}, "ok": True},
    {"id": 2, "text": None, "score": 2.5, "tags": [], "author": None, "ok": None},
    {"id": 3, "text": "\u2028 ü \U0001f600", "score": None, "tags": None, "author": {"name": None, "age": 4},
     "ok": False},
]  # fmt: skip
TYPED = pa.table(
    {
        "text": pa.array(["a", "b", None], pa.large_string()),
        "when": pa.array([datetime(2024, 1, 2, 3, tzinfo=UTC), None, None], pa.timestamp("ns", "UTC")),
        "day": pa.array([date(2024, 1, 2), None, None], pa.date32()),
        "price": pa.array([Decimal("1.10"), None, Decimal("-2.00")], pa.decimal128(9, 2)),
        "kind": pa.array(["x", "y", "x"], pa.dictionary(pa.int8(), pa.string())),
        "raw": pa.array([b"\xff\x00", b"", None], pa.binary()),
        "small": pa.array([1, None, 3], pa.uint8()),
        "ratio": pa.array([1.5, math.nan, None], pa.float32()),
        "nested": pa.array([[{"a": 1}], [], None], pa.list_(pa.struct([("a", pa.int16())]))),
        "map": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
    }
)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_csv_table_comes_back_as_it_was(tmp_path: Path, suffix: str):
    (tmp_path / "in.csv").write_bytes(CSV.encode())
    rows = [row.cells for row in open_source(str(tmp_path / "in.csv")).rows()]
    path = write(tmp_path / f"out{suffix}", rows)
    assert read(path) == (rows, [result(number) for number in range(5)])
    assert list(read(path)[0][0]) == ["id", "text", "note"]


@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson", ".parquet"])
@pytest.mark.parametrize("part_rows", [1, 2, 100])
def test_json_values_come_back_as_they_were(tmp_path: Path, suffix: str, part_rows: int):
    path = write(tmp_path / f"out{suffix}", JSONL, part_rows=part_rows)
    assert read(path)[0] == JSONL


def test_json_values_stand_in_csv_as_json(tmp_path: Path):
    path = write(tmp_path / "out.csv", JSONL)
    with path.open(newline="", encoding="utf-8") as file:
        first, second, _ = list(csv.DictReader(file))
    assert first["tags"] == '["x", "y"]' and first["author"] == '{"name": "A", "age": 3}'
    assert first["ok"] == "true" and first["score"] == "1" and first["text"] == "a\r\nb"
    assert second["text"] == second["author"] == second["ok"] == "" and second["score"] == "2.5"


@pytest.mark.parametrize("part_rows", [1, 2, 100])
def test_parquet_types_stay_exactly_what_they_were(tmp_path: Path, part_rows: int):
    pq.write_table(TYPED, tmp_path / "in.parquet")
    source = open_source(str(tmp_path / "in.parquet"))
    rows = [row.cells for row in source.rows()]
    path = write(tmp_path / "out.parquet", rows, source_schema=source.schema, part_rows=part_rows)
    carried = pq.read_table(path).select(TYPED.column_names)
    assert carried.schema == TYPED.schema
    assert str(carried.to_pylist()) == str(TYPED.to_pylist())
    schema, again = iter_scored(path, RESULTS)
    assert schema == TYPED.schema
    assert [scored for _, scored in again] == [result(number) for number in range(3)]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_parquet_values_become_text_that_others_can_read(tmp_path: Path, suffix: str):
    pq.write_table(TYPED, tmp_path / "in.parquet")
    source = open_source(str(tmp_path / "in.parquet"))
    path = write(tmp_path / f"out{suffix}", [row.cells for row in source.rows()], source_schema=source.schema)
    first, second = read(path)[0][:2]
    assert first["when"] == "2024-01-02T03:00:00+00:00"
    assert (first["day"], first["price"], first["raw"]) == ("2024-01-02", "1.10", "/wA=")
    assert second["ratio"] in (None, "")
    assert first["nested"] in ([{"a": 1}], '[{"a": 1}]')


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_finished_output_can_be_scored_again_into_itself(tmp_path: Path, suffix: str):
    path = write(tmp_path / f"out{suffix}", JSONL)
    before = path.read_bytes()
    schema, rows = iter_scored(path, RESULTS)
    again = output(path, source_schema=schema, overwrite=True)
    for cells, scored in rows:
        again.append(cells, scored)
    assert path.read_bytes() == before
    again.finish()
    assert path.read_bytes() == before


# Awkward cells


@pytest.mark.parametrize("suffix", FORMATS)
def test_columns_that_appear_late_are_empty_before(tmp_path: Path, suffix: str):
    rows = [{"text": str(number)} | ({"late": number} if number > 5 else {}) for number in range(9)]
    path = write(tmp_path / f"out{suffix}", rows)
    cells, scored = read(path)
    assert [row.get("late") or None for row in cells[:6]] == [None] * 6
    assert [int(row["late"]) for row in cells[6:]] == [6, 7, 8]
    assert scored == [result(number) for number in range(9)]
    if suffix == ".csv":
        assert path.read_text().splitlines()[0] == "text,late,status,overall,votes_asked,assessment"


@pytest.mark.parametrize("part_rows", [1, 2, 3, 100])
def test_values_of_no_one_type_become_text_wherever_the_parts_are_cut(tmp_path: Path, part_rows: int):
    columns: dict[str, tuple[list[Any], list[Any]]] = {
        "mixed": ([1, "a", 2.0, None, [1.0]], ["1", "a", "2", None, "[1]"]),
        "number": ([1, 2.5, None, 3, 4], [1.0, 2.5, None, 3.0, 4.0]),
        "inexact": ([2**53 + 1, 2.5, None, 1, 1.0], ["9007199254740993", "2.5", None, "1", "1"]),
        "huge": ([1, 10**30, None, 2, 3], ["1", "1" + "0" * 30, None, "2", "3"]),
        "truth": ([True, 1, None, False, 0], ["true", "1", None, "false", "0"]),
        "objects": ([{"a": 1}, {"b": 2}, {}, None, {"a": 1}], ['{"a": 1}', '{"b": 2}', "{}", None, '{"a": 1}']),
        "same": (same := [{"a": 1}, {"a": None}, None, {"a": 2.5}, {"a": 2}], same),
        "lists": ([[1], [], None, [None, 2.5], [3]], [[1], [], None, [None, 2.5], [3]]),
        "nothing": ([None] * 5, [None] * 5),
        "late_text": ([None, None, None, None, "x"], [None, None, None, None, "x"]),
        "half": (["\ud800", "a", "b", "c", "d"], ["\\ud800", "a", "b", "c", "d"]),
    }  # fmt: skip
    rows = [{name: values[place] for name, (values, _) in columns.items()} for place in range(5)]
    cells = read(write(tmp_path / "out.parquet", rows, part_rows=part_rows))[0]
    assert {name: [row[name] for row in cells] for name in columns} == {
        name: expected for name, (_, expected) in columns.items()
    }


@pytest.mark.parametrize("suffix", FORMATS)
def test_half_a_character_nan_and_long_cells_make_valid_files(tmp_path: Path, suffix: str):
    long = "wörd " * 200_000
    rows = [{"text": "\ud800 x", "\udfff": "name", "n": math.nan}, {"text": long, "n": math.inf}, {"text": "a\0b"}]
    path = write(tmp_path / f"out{suffix}", rows)
    if suffix in (".csv", ".tsv"):
        assert path.read_bytes().decode().count("\\ud800 x") == 1
        assert "\0" not in path.read_text() and "a\\u0000b" in path.read_text()
    else:
        cells = read(path)[0]
        assert cells[0]["text"].removeprefix("\\ud800").removeprefix("\ud800") == " x"
        assert cells[1]["text"] == long
        assert cells[2]["text"] == "a\0b"
    if suffix in (".jsonl", ".ndjson"):
        assert "NaN" not in path.read_text() and "Infinity" not in path.read_text()


# What is taken for something else by whoever reads a table: quotes, ends of lines and cells, formulas, nothing.
HOSTILE = [
    '"', '""', '"open', 'mid"dle', "'", "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "a\nb", "a\r\nb", "a\rb", "\n", "\r",
    " ", "", "a,b;c\td|e", "\\", "\\n", "\\u0000", "NA", "nan", "null", "1e5", "007", "true", "{}", "[1]",
    "\u2028x\x85y\x0b\x0c\x1c",
    "\ufeffmark", "\u202eright", "\x1b[31m", "sep=;", "#", "a\u0301", "\U0001f600" * 3, "\ufffd\uffff",
]  # fmt: skip


@pytest.mark.parametrize("suffix", FORMATS)
def test_hostile_cells_and_names_are_read_again_as_they_were(tmp_path: Path, suffix: str):
    rows = [
        {"id": str(number), "text": text, "a;b|c\td;e;f,": "x", '"=n"': text} for number, text in enumerate(HOSTILE)
    ]
    path = write(tmp_path / f"out{suffix}", rows, part_rows=7)
    source = open_source(str(path))
    assert [name for name in source.columns if name not in RESULTS] == list(rows[0])
    found = list(source.rows())
    assert [row.problem for row in found] == [None] * len(rows)
    assert [{name: row.cells[name] for name in rows[0]} for row in found] == rows


def test_hostile_cells_in_a_stream_are_read_again_as_they_were(tmp_path: Path):
    for suffix in (".jsonl", ".csv"):
        path = tmp_path / f"stream{suffix}"
        with path.open("w", encoding="utf-8", newline="") as file:
            stream = StreamOutput(file, suffix[1:], results=RESULTS)
            for text in HOSTILE:
                stream.append({"text": text, "a;b;c;d;e;f": text}, {})
            stream.finish()
        assert [row.cells["a;b;c;d;e;f"] for row in open_source(str(path)).rows()] == HOSTILE


@pytest.mark.parametrize("suffix", FORMATS)
def test_no_rows_are_a_table_too(tmp_path: Path, suffix: str):
    path = write(tmp_path / f"out{suffix}", [], source_schema=pa.schema([("text", pa.string())]))
    assert read(path) == ([], [])
    if suffix not in (".jsonl", ".ndjson"):
        assert open_source(str(path)).columns == ("text", *RESULTS)


def test_long_rows_are_written_before_a_part_is_full(tmp_path: Path):
    writer = output(tmp_path / "out.parquet", part_rows=1000)
    for number in range(20):
        writer.append({"text": "x" * 1_000_000}, result(number))
    assert len(list(writer.folder.glob("part-*"))) == 1
    writer.finish()
    assert len(read(tmp_path / "out.parquet")[0]) == 20


def test_small_parts_become_large_row_groups(tmp_path: Path):
    path = write(tmp_path / "out.parquet", [{"text": str(number)} for number in range(50)])
    metadata = pq.read_metadata(path)
    assert metadata.num_row_groups == 1
    assert metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_result_named_like_a_carried_column_is_refused(tmp_path: Path):
    for suffix in FORMATS:
        writer = output(tmp_path / f"out{suffix}")
        with pytest.raises(InputError, match=r"names of results: status, overall.*\n.*--prefix"):
            writer.append({"text": "a", "overall": 1, "status": 2}, result(0))
        writer.discard()


def test_a_result_of_another_type_is_a_bug_and_not_a_cell(tmp_path: Path):
    writer = output(tmp_path / "out.csv")
    with pytest.raises(TypeError, match="str in a column of float"):
        writer.append({"text": "a"}, {"overall": "high"})


# Unfinished runs


def test_parts_are_tables_that_others_can_read_while_the_job_runs(tmp_path: Path):
    writer = output(tmp_path / "out.parquet")
    for number in range(10):
        writer.append({"text": str(number)}, result(number))
    assert len(pd.read_parquet(partial_folder(tmp_path / "out.parquet"))) == 8
    assert not (tmp_path / "out.parquet").exists()
    writer.flush()
    assert len(pd.read_parquet(partial_folder(tmp_path / "out.parquet"))) == 10
    assert read_job(tmp_path / "out.parquet") == JOB


def test_parts_can_be_read_together_when_the_first_has_no_value_in_a_column(tmp_path: Path):
    writer = output(tmp_path / "out.parquet", part_rows=1)
    writer.append({"text": "a", "stance": None}, result(1))
    writer.append({"text": "b", "stance": "pro"}, result(2))
    assert pd.read_parquet(writer.folder)["stance"].tolist()[1] == "pro"
    writer.finish()
    assert pq.read_schema(tmp_path / "out.parquet").field("stance") == pa.field("stance", pa.string())


ROWS = [{"text": f"t{number}"} | ({"late": number * 1.5} if number == 9 else {}) for number in range(11)]


class Killed(BaseException):
    pass


def killed_at(monkeypatch: pytest.MonkeyPatch, moment: int, names: list[str]) -> Callable[[], int]:
    """Let the n-th of these calls be the last thing that happens: before it for even n, after it for odd ones."""
    calls = 0

    def wrap(name: str) -> None:
        real = getattr(os, name)

        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > moment // 2 + 1:
                raise Killed  # nothing runs after a kill
            if calls == moment // 2 + 1 and moment % 2 == 0:
                raise Killed
            done = real(*arguments, **options)
            if calls == moment // 2 + 1:
                raise Killed
            return done

        monkeypatch.setattr(os, name, call)

    for name in names:
        wrap(name)
    return lambda: calls


def run(path: Path, *, resume: bool = True) -> None:
    """As the command line does it: go on after the rows that are done."""
    writer = output(path, resume=resume)
    try:
        if writer.finished:
            return
        for number in range(writer.rows_done, len(ROWS)):
            writer.append(ROWS[number], result(number))
        writer.finish()
    finally:
        if writer._lock is not None:
            writer._lock.release()  # a killed process holds no lock


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("names", [["replace"], ["replace", "fsync", "unlink", "rmdir", "mkdir"]])
def test_a_run_killed_at_any_moment_goes_on_to_the_same_file(tmp_path: Path, suffix: str, names: list[str]):
    whole = tmp_path / f"whole{suffix}"
    run(whole)
    killed = 0
    for moment in range(1000):
        path = tmp_path / f"killed-{moment}{suffix}"
        with pytest.MonkeyPatch.context() as patch:
            killed_at(patch, moment, names)
            try:
                run(path)
            except Killed:
                killed += 1
            else:
                break
        run(path)
        assert_same(path, whole)
        assert not partial_folder(path).exists()
    assert killed == moment > 10 - 4 * (names == ["replace"])


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_run_killed_again_and_again_ends_with_the_same_file(tmp_path: Path, suffix: str):
    whole, path = tmp_path / f"whole{suffix}", tmp_path / f"out{suffix}"
    run(whole)
    for moment in range(7, 60):
        with pytest.MonkeyPatch.context() as patch:
            killed_at(patch, moment, ["replace", "fsync", "unlink"])
            try:
                run(path)
            except Killed:
                continue
            break
    assert_same(path, whole)


def assert_same(path: Path, other: Path) -> None:
    if path.suffix == ".parquet":
        assert pq.read_table(path).equals(pq.read_table(other))
    else:
        assert path.read_bytes() == other.read_bytes()


@pytest.mark.slow
def test_a_kill_while_an_old_output_is_replaced_leaves_the_old_or_the_new_one(tmp_path: Path):
    path = tmp_path / "out.csv"
    old = write(path, [{"text": "old"}]).read_bytes()
    new = write(tmp_path / "new.csv", ROWS).read_bytes()
    for moment in range(1000):
        path.write_bytes(old)
        with pytest.MonkeyPatch.context() as patch:
            killed_at(patch, moment, ["replace", "fsync", "unlink", "rmdir", "mkdir"])
            writer = None
            try:
                writer = output(path, overwrite=True)
                for number, cells in enumerate(ROWS):
                    writer.append(cells, result(number))
                writer.finish()
            except Killed:
                pass
            else:
                break
            finally:
                if writer is not None and writer._lock is not None:
                    writer._lock.release()
        assert path.read_bytes() in (old, new)
        run(path)
        assert path.read_bytes() in (old, new)  # old: killed before the new job had begun
        output(path, overwrite=True).discard()
    assert moment > 20
    assert path.read_bytes() == new


KILLED = """\
import os, sys
from pathlib import Path
from argqual.tabular.output import TableOutput
writer = TableOutput(Path(sys.argv[1]), results={"overall": float}, source_schema=None, job={}, part_rows=2)
for number in range(5):
    writer.append({"text": str(number)}, {"overall": float(number)})
(writer.folder / "_tmp-part-000002.csv").write_text("half a par")
print("ready", flush=True)
sys.stdin.readline()
os._exit(9)
"""


def test_another_process_cannot_write_the_same_output_until_the_first_is_dead(tmp_path: Path):
    path = tmp_path / "out.csv"
    program = [sys.executable, "-c", KILLED, str(path)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None and first.stdin is not None
        assert first.stdout.readline() == "ready\n"
        for options in ({}, {"resume": True}, {"overwrite": True}):
            with pytest.raises(InputError, match=r"Another run is writing .*out\.csv"):
                TableOutput(path, results={"overall": float}, source_schema=None, job={}, **options)
        first.stdin.write("\n")
        first.stdin.close()
    again = TableOutput(path, results={"overall": float}, source_schema=None, job={}, resume=True)
    assert again.rows_done == 4
    assert not list(again.folder.glob("_tmp*"))
    again.append({"text": "4"}, {"overall": 4.0})
    again.finish()
    assert path.read_text() == "text,overall\n0,0.0\n1,1.0\n2,2.0\n3,3.0\n4,4.0\n"


def unfinished(path: Path) -> None:
    writer = output(path)
    for number in range(5):
        writer.append(ROWS[number], result(number))
    writer.close()


def test_an_unfinished_run_is_not_touched_unless_asked(tmp_path: Path):
    unfinished(tmp_path / "out.csv")
    with pytest.raises(InputError, match=r"unfinished run of 4 rows is in .*\n--resume goes on.*--overwrite"):
        output(tmp_path / "out.csv")
    assert output(tmp_path / "out.csv", resume=True).rows_done == 4


def test_overwrite_begins_anew(tmp_path: Path):
    unfinished(tmp_path / "out.csv")
    assert output(tmp_path / "out.csv", overwrite=True).rows_done == 0


def test_another_job_does_not_go_on_with_the_parts(tmp_path: Path):
    unfinished(tmp_path / "out.csv")
    other = {"model": "large", "source": {"path": "a.csv", "bytes": 11}}
    with pytest.raises(InputError) as caught:
        output(tmp_path / "out.csv", job=other, resume=True)
    assert 'model was "small", is "large"; source.bytes was 10, is 11' in caught.value.message
    assert "path" not in caught.value.message.split(": ", 1)[1]
    assert output(tmp_path / "out.csv", resume=True).rows_done == 4


def test_a_missing_or_broken_part_is_noticed(tmp_path: Path):
    path = tmp_path / "out.parquet"
    run_rows = output(path, part_rows=1)
    for number in range(3):
        run_rows.append(ROWS[number], result(number))
    run_rows.close()
    folder = partial_folder(path)
    (folder / "part-000002.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"part-000002\.parquet is damaged"):
        output(path, resume=True)
    (folder / "part-000001.parquet").unlink()
    with pytest.raises(InputError, match="part-000001 is missing"):
        output(path, resume=True)
    (folder / "_job.json").write_text("{")
    with pytest.raises(InputError, match="Cannot read"):
        output(path, resume=True)
    assert output(path, overwrite=True).rows_done == 0


def test_a_finished_output_is_left_alone(tmp_path: Path):
    path = write(tmp_path / "out.csv", ROWS)
    before = path.read_bytes()
    with pytest.raises(InputError, match="is there already"):
        output(path)
    done = output(path, resume=True)
    assert done.finished
    done.finish()
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.csv"]


def test_what_is_discarded_leaves_the_old_output(tmp_path: Path):
    path = write(tmp_path / "out.csv", ROWS)
    before = path.read_bytes()
    writer = output(path, overwrite=True)
    writer.append(ROWS[0], result(0))
    writer.flush()
    writer.discard()
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.csv"]


def test_a_full_disk_loses_nothing_that_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    writer = output(tmp_path / "out.csv", part_rows=2)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        writer.append(ROWS[0], result(0))
        with pytest.raises(InputError, match="No space left on device"):
            writer.append(ROWS[1], result(1))
    writer.finish()
    assert read(tmp_path / "out.csv")[1] == [result(0), result(1)]


def test_places_that_cannot_be_written_are_refused_at_once(tmp_path: Path):
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file.csv.partial").write_text("")
    for name, said in (
        ("out.xlsx", r"\.csv, \.tsv, \.jsonl \(or \.ndjson\) or \.parquet"),
        ("folder.csv", "is a folder"),
        ("nowhere/out.csv", "There is no folder"),
        ("file.csv", "is in the way"),
    ):
        with pytest.raises(InputError, match=said):
            output(tmp_path / name)


def test_an_output_that_is_a_link_stays_one_and_what_it_leads_to_is_written(tmp_path: Path):
    (tmp_path / "there").mkdir()
    link = tmp_path / "out.csv"
    link.symlink_to(tmp_path / "there" / "real.data")
    for text in ("one", "two"):
        unfinished = output(link, overwrite=True, part_rows=1)
        unfinished.append({"text": text}, {})
        unfinished.close()
        assert partial_folder(link) == tmp_path / "there" / "real.data.partial" and read_job(link) == JOB
        again = output(link, resume=True)
        assert again.rows_done == 1
        again.finish()
        assert link.is_symlink() and text in (tmp_path / "there" / "real.data").read_text()
    assert not (tmp_path / "out.csv.partial").exists()


def test_what_is_no_file_is_not_replaced(tmp_path: Path):
    (tmp_path / "round.csv").symlink_to(tmp_path / "round.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    for name, said in (("round.csv", "back to itself"), ("pipe.csv", "no file")):
        with pytest.raises(InputError, match=said):
            output(tmp_path / name, overwrite=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused_at_once(tmp_path: Path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="Nothing may be written"):
        output(tmp_path / "out.csv")


# Reading again


def test_an_output_of_other_results_is_refused(tmp_path: Path):
    path = write(tmp_path / "out.csv", ROWS)
    with pytest.raises(InputError, match=r"has not the result columns x, y.*\n.*--prefix"):
        iter_scored(path, RESULTS | {"x": str, "y": str})


def test_a_result_cell_that_was_edited_is_named(tmp_path: Path):
    (tmp_path / "out.csv").write_text("text,overall\na,high\n")
    with pytest.raises(InputError, match="row 1 has 'high' in the column overall, which is no number"):
        list(iter_scored(tmp_path / "out.csv", {"overall": float})[1])


# Streams


def stream(
    format: str, rows: list[dict[str, Any]], encoding: str = "utf-8", **options: Any
) -> tuple[str, StreamOutput]:
    raw = io.BytesIO()
    writer = StreamOutput(io.TextIOWrapper(raw, encoding, newline=""), format, results={"overall": float}, **options)
    for number, cells in enumerate(rows):
        writer.append(cells, {"overall": float(number)})
        assert raw.getvalue().count(b"\n") >= number + 1  # there at once
    writer.finish()
    return raw.getvalue().decode(encoding), writer


def test_a_stream_of_json_lines():
    said, _ = stream("jsonl", [{"text": "ä"}, {"other": math.nan}])
    assert said == '{"text": "ä", "overall": 0.0}\n{"other": null, "overall": 1.0}\n'


def test_a_stream_of_csv_says_which_columns_came_too_late():
    said, writer = stream("csv", [{"text": "a,b"}, {"text": "c", "late": 1}])
    assert said == 'text,overall\n"a,b",0.0\nc,1.0\n'
    assert writer.left_out == ["late"]
    assert stream("csv", [{}], columns=["text"])[0] == "text,overall\n,0.0\n"
    assert stream("csv", [], columns=["text"])[0] == "text,overall\n"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
def test_a_stream_takes_any_character(encoding: str):
    said, _ = stream("jsonl", [{"text": "日 \ud800"}], encoding)
    assert json.loads(said)["text"] == "日 \ud800"
    assert stream("csv", [{"text": "日 \ud800"}], encoding)[0].endswith(" \\ud800,0.0\n")
