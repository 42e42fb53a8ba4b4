"""Tables as people have them: what the file says is what a row holds, and one bad row is one bad row."""

from __future__ import annotations

import gzip
import io
import json
import math
import os
import threading
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from argqual.errors import InputError
from argqual.tabular.jsonlines import LinesSource
from argqual.tabular.sources import is_table, open_source
from argqual.tabular.table import TableRow, TableSource


def write(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    raw = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return str(path)


def cells(source: TableSource, skip: int = 0) -> list[dict[str, object]]:
    rows = list(source.rows(skip))
    assert [row.problem for row in rows] == [None] * len(rows)
    return [row.cells for row in rows]


def problems(source: TableSource) -> list[str | None]:
    return [row.problem for row in source.rows()]


def test_what_a_table_is_shows_in_its_name(tmp_path: Path):
    for name in ("a.csv", "a.TSV", "a.jsonl", "a.ndjson.gz", "a.csv.gz", "a.parquet", "hf://o/n", str(tmp_path)):
        assert is_table(name)
    for name in ("a.txt", "We should ban cars.", "", "a.parquet.gz", "csv", "x" * 5000, "a\0b"):
        assert not is_table(name)


# CSV


def test_csv_cells_stay_as_they_are_written(tmp_path: Path):
    source = open_source(write(tmp_path, "a.csv", "id,text,n\n007,NA,1e3\n, null ,\n"))
    assert source.columns == ("id", "text", "n")
    assert cells(source) == [{"id": "007", "text": "NA", "n": "1e3"}, {"id": "", "text": " null ", "n": ""}]
    assert source.count() == 2
    assert source.schema is None


def test_quoted_cells_keep_their_line_ends_and_count_as_one_row(tmp_path: Path):
    source = open_source(write(tmp_path, "a.csv", 'text,n\r\n"one\r\ntwo\nthree\rfour, ""five""",1\r\n\r\nx,2\r\n'))
    assert cells(source) == [{"text": 'one\r\ntwo\nthree\rfour, "five"', "n": "1"}, {"text": "x", "n": "2"}]
    assert source.count() == 2


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_every_kind_of_line_end_works_with_and_without_a_last_one(tmp_path: Path, end: str, last: bool):
    for name, lines, expected in (
        ("a.csv", ["text,n", "a,1", "", "b,2"], [{"text": "a", "n": "1"}, {"text": "b", "n": "2"}]),
        ("a.jsonl", ['{"text": "a"}', "", '{"text": "b"}'], [{"text": "a"}, {"text": "b"}]),
    ):
        source = open_source(write(tmp_path, name, end.join(lines) + (end if last else "")))
        assert cells(source) == expected
        assert source.count() == 2


@pytest.mark.parametrize(
    ("header", "row"), [("text;n", "a, b;1"), ("text\tn", "a, b\t1"), ("text|n", "a, b|1"), ('"text",n', '"a, b",1')]
)
def test_the_delimiter_is_found_in_the_header(tmp_path: Path, header: str, row: str):
    assert cells(open_source(write(tmp_path, "a.csv", f"{header}\n{row}\n"))) == [{"text": "a, b", "n": "1"}]


def test_a_given_delimiter_counts(tmp_path: Path):
    path = write(tmp_path, "a.csv", "text:x,y\na:b\n")
    assert open_source(path, delimiter=":").columns == ("text", "x,y")
    assert open_source(write(tmp_path, "b.csv", "a\tb\n1\t2\n"), delimiter="\\t").columns == ("a", "b")
    for wrong in ("", "ab", '"', "\n"):
        with pytest.raises(InputError, match="is not one character"):
            open_source(path, delimiter=wrong)


def test_a_tsv_file_is_cut_at_tabs_alone(tmp_path: Path):
    assert cells(open_source(write(tmp_path, "a.tsv", "text\tn\na, b; c\t1\n"))) == [{"text": "a, b; c", "n": "1"}]


def test_one_column_is_a_table_whose_commas_are_text_only_when_quoted(tmp_path: Path):
    assert cells(open_source(write(tmp_path, "a.csv", 'text\nyes\n"a, b"\n""\n'))) == [
        {"text": "yes"}, {"text": "a, b"}, {"text": ""},
    ]  # fmt: skip


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path):
    assert open_source(write(tmp_path, "a.csv", b'\xef\xbb\xbf"text",n\na,1\n')).columns == ("text", "n")
    assert open_source(write(tmp_path, "b.csv", "text,n\na,1\n".encode("utf-16")), encoding="utf-16").columns == (
        "text", "n",
    )  # fmt: skip
    assert open_source(write(tmp_path, "a.jsonl", b'\xef\xbb\xbf{"text": "a"}\n')).columns == ("text",)


def test_a_row_of_another_length_is_a_problem_of_its_own(tmp_path: Path):
    source = open_source(write(tmp_path, "a.csv", 'a,b\n1,"2\n3"\n1,2,3\n1\n4,5\n'))
    assert list(source.rows()) == [
        TableRow({"a": "1", "b": "2\n3"}),
        TableRow({"a": "1", "b": "2"}, "line 4 has 3 cells, the header has 2"),
        TableRow({"a": "1"}, "line 5 has 1 cell, the header has 2"),
        TableRow({"a": "4", "b": "5"}),
    ]
    assert source.count() == 4


def test_a_quote_that_never_closes_does_not_swallow_the_rest_unseen(tmp_path: Path):
    source = open_source(write(tmp_path, "a.csv", 'a,b\n1,2\n3,"4\n5\n6,7\n'))
    assert problems(source) == [
        None,
        "line 3: a quote opens here and is never closed",
        "line 4 has 1 cell, the header has 2",
        None,
    ]


def test_a_quote_that_never_closes_does_not_fill_the_memory(tmp_path: Path):
    source = open_source(write(tmp_path, "a.csv", 'a,b\n1,"2\n' + f"x,{'y' * 200}\n" * 60_000))
    rows = source.rows()
    assert next(rows).cells == {"a": "1", "b": '"2'}
    assert next(rows).cells == {"a": "x", "b": "y" * 200}
    assert source.count() == 60_001
    assert "line 2: a cell of more than 10,000,000 characters; is a quote not closed?" in source.notes()[0]


def test_control_characters_are_no_reason_to_stop(tmp_path: Path):
    source = open_source(write(tmp_path, "a.csv", "a,b\n1,x\0y\n2,\x1b[31m\n"))
    assert problems(source) == ["line 2 holds a NUL character, so it is not text", None]


def test_a_cell_of_a_megabyte_is_read(tmp_path: Path):
    long = "word " * 200_000
    source = open_source(write(tmp_path, "a.csv", f'text,n\n"{long}",1\n'))
    assert cells(source) == [{"text": long, "n": "1"}]


def test_rows_that_are_done_are_passed_over(tmp_path: Path):
    source = open_source(write(tmp_path, "a.csv", "n\n" + "".join(f"{n}\n" for n in range(10))))
    assert [row["n"] for row in cells(source, skip=7)] == ["7", "8", "9"]
    assert cells(source, skip=10) == cells(source, skip=11) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b,a\n1,2,3\n", "names 'a' more than once"),
        (",text\n0,a\n", "no name for column 1 of 2.*\n.*index=False"),
        ("", "is empty"),
        ("\n \n", "nothing but blank lines"),
        ("a\0b,c\n", "header cannot be read.*NUL"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused(tmp_path: Path, content: str, said: str):
    with pytest.raises(InputError, match=said):
        open_source(write(tmp_path, "a.csv", content))


def test_a_header_alone_is_a_table_of_no_rows(tmp_path: Path):
    source = open_source(write(tmp_path, "a.csv", "text,n\n"))
    assert (cells(source), source.count()) == ([], 0)


# Encodings


def test_another_encoding_is_refused_with_its_place_and_read_when_it_is_named(tmp_path: Path):
    for name, text in (("a.csv", "text,n\nok,1\ncafé,2\n"), ("a.jsonl", '{"text": "ok"}\n\n{"text": "café"}\n')):
        path = write(tmp_path, name, text.encode("cp1252"))
        place = text.index("é")
        with pytest.raises(
            InputError, match=rf"{name}:3: not UTF-8 text \(byte {place} is 0xe9\).*\n.*--encoding cp1252"
        ):
            open_source(path)
        assert cells(open_source(path, encoding="cp1252"))[1]["text"] == "café"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_the_place_of_a_broken_byte_is_exact_in_a_long_file(tmp_path: Path, end: str):
    start = ("text" + end + ("ä" * 700 + end) * 1500).encode()  # more than one chunk, cut within a character
    for tail in (b"\xff" + end.encode(), b"\xc3"):  # within the file, and a character cut off at its end
        with pytest.raises(InputError, match=rf":1502: not UTF-8 text \(byte {len(start)} is 0x{tail[0]:02x}\)"):
            open_source(write(tmp_path, "a.csv", start + tail))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json"])
def test_utf_16_and_utf_32_are_read_where_a_byte_order_mark_tells(tmp_path: Path, encoding: str, name: str):
    content = "text\nä\n" if name == "a.csv" else '{"text": "ä"}\n'
    source = open_source(write(tmp_path, name, content.encode(encoding)))
    assert cells(source) == [{"text": "ä"}]
    assert source.identity()["encoding"] == encoding


@pytest.mark.parametrize("encoding", ["utf8000", "base64", ""])
def test_an_unknown_encoding_is_named(tmp_path: Path, encoding: str):
    with pytest.raises(InputError, match=f"no encoding '{encoding}'"):
        open_source(write(tmp_path, "a.csv", "text\na\n"), encoding=encoding)


# JSON lines


def test_json_lines_keep_their_types_and_bad_lines_say_why(tmp_path: Path):
    big = 10**400
    lines = [
        f'{{"text": "a", "n": 1.5, "tags": ["x"], "big": {big}}}',
        '{"text": "b" "n": 2}',
        "[1]",
        "null",
        '{"text": "\\ud800", "n": NaN, "late": -Infinity}',
        '{"n": ' + "9" * 5000 + "}",
        "[" * 5000,
        '{"deep": ' + "[" * 200 + "]" * 200 + "}",
    ]
    source = open_source(write(tmp_path, "a.jsonl", "\n".join(lines)))
    assert source.columns == ("text", "n", "tags", "big", "late")
    rows = list(source.rows())
    assert rows[0].cells == {"text": "a", "n": 1.5, "tags": ["x"], "big": big}
    assert rows[4].cells["text"] == "\ud800"
    assert math.isnan(rows[4].cells["n"])
    assert [row.problem for row in rows] == [
        None,
        "line 2: not JSON (Expecting ',' delimiter, column 14)",
        "line 3: a JSON list, not an object",
        "line 4: a JSON null, not an object",
        None,
        "line 6: a number of too many digits",
        "line 7: nested more than 100 levels deep",
        "line 8: nested more than 100 levels deep",
    ]
    assert source.count() == 8


def test_brackets_in_a_text_are_no_nesting(tmp_path: Path):
    text = '\\"' + "[{" * 200
    source = open_source(write(tmp_path, "a.jsonl", f'{{"text": "{text}"}}'))
    assert problems(source) == [None]


def test_a_json_list_that_ends_in_a_comma_names_its_line(tmp_path: Path):
    with pytest.raises(InputError, match=r"a\.jsonl:3: item 2: not JSON \(Expecting value\)"):
        open_source(write(tmp_path, "a.jsonl", '[\n{"text": "a"},\n]\n'))


@pytest.mark.parametrize("name", ["a.csv.gz", "a.tsv.gz", "a.jsonl.gz", "a.ndjson.gz"])
def test_compressed_files_are_read(tmp_path: Path, name: str):
    content = '{"text": "ä"}\n' if "json" in name else "text\nä\n"
    assert cells(open_source(write(tmp_path, name, content))) == [{"text": "ä"}]


def test_a_broken_gzip_file_is_refused(tmp_path: Path):
    path = Path(write(tmp_path, "a.csv.gz", "text\n" + os.urandom(5000).hex()))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match="no gzip file, or a damaged one"):
        open_source(str(path))
    path.write_text("text\na\n")
    with pytest.raises(InputError, match="no gzip file, or a damaged one"):
        open_source(str(path))


# Parquet


def test_parquet_gives_python_values_and_exact_types(tmp_path: Path):
    table = pa.table(
        {
            "text": pa.array(["a", None]),
            "when": pa.array([datetime(2024, 1, 2, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
            "price": pa.array([Decimal("1.10"), None], pa.decimal128(9, 2)),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    source = open_source(str(tmp_path / "a.parquet"))
    assert source.schema == table.schema
    assert cells(source) == table.to_pylist()
    assert source.count() == 2


@pytest.mark.parametrize("skip", [0, 1, 9, 10, 11, 25, 30, 31])
def test_parquet_goes_on_after_any_row(tmp_path: Path, skip: int):
    pq.write_table(pa.table({"n": list(range(30))}), tmp_path / "a.parquet", row_group_size=10)
    assert [row["n"] for row in cells(open_source(str(tmp_path / "a.parquet")), skip)] == list(range(skip, 30))


def test_a_value_that_python_cannot_hold_is_a_problem_of_its_row(tmp_path: Path):
    far = pa.array([0, 300_000_000_000_000_000], pa.timestamp("us"))
    pq.write_table(pa.table({"text": ["a", "b"], "when": far}), tmp_path / "a.parquet")
    rows = list(open_source(str(tmp_path / "a.parquet")).rows())
    assert rows[0].problem is None
    assert rows[1].cells == {"text": "b", "when": None}
    assert "row 2: 'when' cannot be read" in (rows[1].problem or "")


def test_what_is_no_parquet_is_refused(tmp_path: Path):
    pq.write_table(pa.table({"n": list(range(1000))}), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    for content in (b"", b"text\na\n", whole[:-20], whole[:100]):
        with pytest.raises(InputError, match="no Parquet file, or it was cut off"):
            open_source(write(tmp_path, "b.parquet", content))


def test_a_parquet_file_that_says_more_rows_than_it_holds_ends_with_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["one"]}), path)
    whole = path.read_bytes()
    found = 0
    for place in range(4, len(whole) - 8):  # one of these is the number of rows
        path.write_bytes(whole[:place] + bytes([whole[place] + 2 & 255]) + whole[place + 1 :])
        try:
            source = open_source(str(path))
        except InputError:
            continue
        if source.count() == 2:
            found += 1
            with pytest.raises(InputError, match="says that it has 2 rows, and holds"):
                list(source.rows())
    assert found


def test_a_parquet_file_that_is_damaged_inside_ends_with_an_error(tmp_path: Path):
    pq.write_table(pa.table({"t": [str(n) * 50 for n in range(5000)]}), tmp_path / "a.parquet", row_group_size=1000)
    raw = bytearray((tmp_path / "a.parquet").read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 4000] = bytes(4000)
    source = open_source(write(tmp_path, "b.parquet", bytes(raw)))
    with pytest.raises(InputError, match="is damaged after row"):
        list(source.rows())


# Folders


def test_a_folder_gives_its_texts_in_order(tmp_path: Path):
    (tmp_path / "sub").mkdir()
    (tmp_path / ".git").mkdir()
    write(tmp_path, ".git/x.txt", "hidden")
    write(tmp_path, "b.txt", "two")
    write(tmp_path, "a.md", "\ufeffone")
    write(tmp_path, "sub/c.TXT", "three")
    write(tmp_path, "d.csv", "text\nx\n")
    write(tmp_path, "e.txt", "")
    write(tmp_path, "f.txt", b"caf\xe9")
    source = open_source(str(tmp_path))
    assert source.columns == ("file", "text")
    assert [row.cells for row in source.rows()] == [
        {"file": "a.md", "text": "one"},
        {"file": "b.txt", "text": "two"},
        {"file": "e.txt", "text": None},
        {"file": "f.txt", "text": None},
        {"file": "sub/c.TXT", "text": "three"},
    ]
    assert [row.problem is not None for row in source.rows()] == [False, False, True, True, False]
    assert source.count() == 5
    assert [row.cells["file"] for row in source.rows(4)] == ["sub/c.TXT"]


def test_a_linked_folder_is_read_once_whatever_circles_there_are(tmp_path: Path):
    for name in ("given", "given/own", "elsewhere"):
        (tmp_path / name).mkdir()
    for name in ("given/a.txt", "given/own/b.txt", "elsewhere/c.txt"):
        write(tmp_path, name, name)
    given = tmp_path / "given"
    for name, target in (("a-link", "own"), ("round", "."), ("own/up", ".."), ("far", "../elsewhere"), ("gone", "no")):
        (given / name).symlink_to(target)
    (tmp_path / "elsewhere" / "back").symlink_to(given)
    assert [row.cells["file"] for row in open_source(str(given)).rows()] == ["a.txt", "far/c.txt", "own/b.txt"]


def test_a_folder_without_texts_says_what_to_name(tmp_path: Path):
    write(tmp_path, "d.csv", "text\nx\n")
    with pytest.raises(InputError, match=r"no .txt or .md files.*\n.*name the file: .*d\.csv"):
        open_source(str(tmp_path))


def test_an_edited_file_changes_the_identity(tmp_path: Path):
    write(tmp_path, "a.txt", "one")
    csv = write(tmp_path, "a.csv", "text\na\n")
    before = [open_source(spec).identity() for spec in (str(tmp_path), csv)]
    assert before == [open_source(spec).identity() for spec in (str(tmp_path), csv)]
    json.dumps(before)
    write(tmp_path, "a.txt", "two!")
    write(tmp_path, "a.csv", "text\nab\n")
    after = [open_source(spec).identity() for spec in (str(tmp_path), csv)]
    assert all(one != other for one, other in zip(before, after, strict=True))


# Lines


def lines(raw: bytes) -> TableSource:
    return LinesSource(io.BytesIO(raw))


def test_lines_are_objects_strings_or_text():
    source = lines(b'\xef\xbb\xbfplain text\n\n"quoted \\"text\\""\n42\n{broken\n["a"]\r\nlast')
    assert source.columns == ("text",)
    texts = ["plain text", 'quoted "text"', "42", "{broken", '["a"]', "last"]
    assert cells(source) == [{"text": text} for text in texts]
    assert source.count() is None


def test_the_first_line_gives_the_columns():
    source = lines(b'{"id": 1, "argument": "a"}\n{"argument": "b", "x": 2}\n{broken\n')
    assert source.columns == ("id", "argument")
    rows = list(source.rows())
    assert [row.cells for row in rows] == [{"id": 1, "argument": "a"}, {"argument": "b", "x": 2}, {}]
    assert (rows[2].problem or "").startswith("line 3: not JSON")


def test_bytes_that_are_no_text_are_a_problem_of_their_line():
    assert problems(lines(b"caf\xe9\na\0b\nok\n")) == [
        "line 1: not UTF-8 text (byte 3 of the line is 0xe9)",
        "line 2 holds a NUL character, so it is not text",
        None,
    ]


def test_no_lines_are_a_table_of_no_rows():
    assert cells(lines(b"")) == []


def test_a_line_is_there_as_soon_as_it_is_written():
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as stream:
        os.write(writer, b"one\n")
        source = LinesSource(stream)
        rows = source.rows()
        assert next(rows).cells == {"text": "one"}
        threading.Timer(0.05, lambda: (os.write(writer, b"two\nthr"), None)[1]).start()
        assert next(rows).cells == {"text": "two"}
        os.write(writer, b"ee")
        os.close(writer)
        assert [row.cells for row in rows] == [{"text": "three"}]


# Names


def test_a_missing_file_is_met_with_what_is_there(tmp_path: Path):
    write(tmp_path, "essays.csv", "text\na\n")
    with pytest.raises(InputError, match=r"There is no file .*esays\.csv.*\n.*'essays\.csv'"):
        open_source(str(tmp_path / "esays.csv"))
    with pytest.raises(InputError, match=r"\n.*Tables there: essays\.csv"):
        open_source(str(tmp_path / "zzz.jsonl"))
    with pytest.raises(InputError, match="no folder"):
        open_source(str(tmp_path / "nowhere" / "a.csv"))


def test_other_kinds_of_file_are_refused_with_those_that_are_read(tmp_path: Path):
    with pytest.raises(InputError, match=r"not a table.*\n.*\.parquet"):
        open_source(write(tmp_path, "a.dat", b"PK"))
    os.mkfifo(tmp_path / "b.csv")
    with pytest.raises(InputError, match="not a regular file"):
        open_source(str(tmp_path / "b.csv"))


@pytest.mark.parametrize("spec", ["hf://", "hf://essays", "hf://o/n/c/d", "hf://o/n:a b"])
def test_an_address_that_is_none_is_refused(spec: str):
    with pytest.raises(InputError, match="is no address of a data set"):
        open_source(spec)
