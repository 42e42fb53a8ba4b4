"""A table is known by its ending and by what is in it; columns that come late are there all the same."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from argqual.errors import InputError
from argqual.tabular.jsonlines import LinesSource
from argqual.tabular.sources import is_table, open_source
from argqual.tabular.table import TableSource


def table(folder: Path, name: str, content: str | bytes) -> TableSource:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return open_source(str(folder / name))


def read(source: TableSource) -> list[object]:
    """The cells of each row, or its problem."""
    rows = [row.problem or row.cells for row in source.rows()]
    assert source.count() == len(rows)
    return rows


def zipped(raw: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("folder/a.csv", raw)
        archive.writestr("__MACOSX/folder/._a.csv", b"\0")
    return file.getvalue()


def zstd(raw: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as file:
        file.write(raw)
    return sink.getvalue().to_pybytes()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstd, ".zip": zipped,
}  # fmt: skip


@pytest.mark.parametrize("packed", PACKED)
def test_one_packed_table_is_a_table(tmp_path: Path, packed: str) -> None:
    for name, content in (("a.csv", "text\nä\n"), ("a.tab", "text\nä\n"), ("a.json", '[{"text": "ä"}]')):
        assert is_table(name + packed)
        source = table(tmp_path, name + packed, PACKED[packed](content.encode()))
        assert read(source) == [{"text": "ä"}]
    assert not is_table(f"a.parquet{packed}")


@pytest.mark.parametrize("packed", PACKED)
def test_a_damaged_packed_table_is_refused(tmp_path: Path, packed: str) -> None:
    whole = PACKED[packed](b"text\n" + b"".join(b"%d\n" % (n * 7919) for n in range(5000)))
    for content in (b"text\na\n", whole[: len(whole) // 2]):
        with pytest.raises(InputError, match="file, or a damaged one"):
            read(table(tmp_path, f"a.csv{packed}", content))


def test_an_archive_of_several_files_names_them(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.csv.zip", "w") as archive:
        archive.writestr("one.csv", "text\n")
        archive.writestr("two.csv", "text\n")
    with pytest.raises(InputError, match=r"holds 2 files \(one\.csv, two\.csv\), not one.*\n.*Unpack"):
        open_source(str(tmp_path / "a.csv.zip"))
    with pytest.raises(InputError, match=r"no \.tar files.*\n.*Unpack"):
        table(tmp_path, "a.tar.gz", b"x")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"PAR1\x15\0", r"\.parquet file by what is in it"),
        ("a.csv", b"PK\3\4...", r"\.zip file by what is in it"),
        ("a.csv", gzip.compress(b"text\na\n", mtime=0), r"\.gz file by what is in it.*\n.*a\.csv\.gz"),
        ("a.csv", b'[{"text": "a"}]', r"\.json file by what is in it.*\n.*a\.json"),
        ("a.tsv", b'{"text": "a"}\n', r"\.json file by what is in it"),
        ("a.csv", b"<html><table>", r"\.html file by what is in it"),
        ("a.json", b"text\na\n", r"no JSON object in its first 2 rows"),
        ("a.parquet.gz", b"x", r"\.parquet is packed inside.*\n.*Unpack"),
        ("a.xlsx.gz", b"x", r"\.xlsx is packed inside.*\n.*Unpack"),
        ("a.feather", b"x", r"no \.feather files.*\n.*to_parquet"),
        ("a.numbers", b"x", r"no \.numbers files.*\n.*\.xlsx"),
        ("a.xml", b"x", r"no \.xml files"),
    ],
)
def test_what_is_not_what_its_name_says_is_told(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        table(tmp_path, name, content)


def test_a_parquet_table_is_known_by_other_endings(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "a.pq")
    assert read(open_source(str(tmp_path / "a.pq"))) == [{"text": "a"}]


# JSON


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.ndjson"])
@pytest.mark.parametrize(
    "content",
    [
        '[{"text": "ä"}, {"text": "b", "n": 1}]',
        '\ufeff[\r\n  {"text": "ä"},\r\n  {"text": "b",\r\n   "n": 1}\r\n]\r\n',
        '{"text": "ä"}\n\n{"text": "b", "n": 1}\n',
    ],
)
def test_a_list_and_lines_of_objects_are_the_same_table(tmp_path: Path, name: str, content: str) -> None:
    source = table(tmp_path, name, content)
    assert read(source) == [{"text": "ä"}, {"text": "b", "n": 1}]
    assert source.columns == ("text", "n")
    assert [row.cells["text"] for row in source.rows(1)] == ["b"]


def test_one_object_is_a_table_of_one_row(tmp_path: Path) -> None:
    assert read(table(tmp_path, "a.json", '{\n "text": "a",\n "replies": [{"text": "b"}]\n}')) == [
        {"text": "a", "replies": [{"text": "b"}]}
    ]


def test_a_long_list_is_read_item_by_item(tmp_path: Path) -> None:
    rows = [{"text": "é" * (n % 3000), "n": n} for n in range(3000)]
    source = table(tmp_path, "a.json", json.dumps(rows, ensure_ascii=False, indent=1))
    assert read(source) == rows


def test_items_that_are_no_objects_are_problems_of_their_own(tmp_path: Path) -> None:
    deep = "[" * 101 + "]" * 101
    assert read(table(tmp_path, "a.json", f'[{{"text": "a"}}, 5, {{"x": {deep}}}, null, {{}}]')) == [
        {"text": "a"},
        "item 2: a JSON number, not an object",
        "item 3: nested more than 100 levels deep",
        "item 4: a JSON null, not an object",
        {},
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[{"text": "a"},\n{"text": "b"', r"a\.json:2: item 2: not JSON"),
        ('[{"text": "a"}\n{"text": "b"}]', r"a\.json:2: not JSON: '{' where ',' should stand"),
        ('[{"text": "a"}', r"a\.json:1: not JSON: the file ends where ',' should stand"),
        ('[\n{"text": "a"}]\nx', r"a\.json:3: something stands after the end of the list"),
        ("[{}," + "[" * 100_000, r"a\.json:1: item 2: (nested more than|not JSON)"),
        ("[" + "9" * 5000 + "]", r"item 1: a number of too many digits"),
        ("[]", r"holds nothing"),
        ("{}", r"no JSON object in its first 1 rows"),
        ('{"meta": 1, "data": [{"text": "a"}]}', r"rows in 'data'.*\n.*jq '\.\[\"data\"\]'"),
        ('{"text": {"0": "a"}, "n": {"0": 1}}', r"holds columns, not rows.*\n.*orient='records'"),
    ],
)
def test_json_that_is_no_table_says_where(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(table(tmp_path, "a.json", content))


# Columns that come late


def test_columns_that_come_late_are_known_with_their_rows(tmp_path: Path) -> None:
    rows = [{"text": "a"}] * 10_000 + [{"text": "b", "topic": "Cars?"}, {"text": "c", "topic": "x", "n": 1}]
    for name, content in (("a.jsonl", "\n".join(map(json.dumps, rows))), ("a.json", json.dumps(rows))):
        source = table(tmp_path, name, content)
        assert source.columns == ("text",)
        assert source.later() == {"topic": 10_001, "n": 10_002}
    assert table(tmp_path, "a.csv", "text\na\n").later() == {}
    assert LinesSource(io.BytesIO(b'{"text": "a"}\n')).later() is None
    assert LinesSource(io.BytesIO(b"a\n")).later() == {}
