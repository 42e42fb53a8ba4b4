"""What tells a file from another, and what of an address may be told."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from argqual.downloads.files import SourceError, hosts_only, is_inside, rows_digest


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_the_digest_of_rows_does_not_depend_on_how_the_table_is_written(tmp_path: Path):
    a, b = tmp_path / "a.csv", tmp_path / "b.csv"
    a.write_text('text,score\n"it, rains",0.50\nno,1e0\nnan,3\n', encoding="utf-8")
    b.write_bytes('\ufeffscore,"text"\r\n.5,"it, rains"\r\n1,"no"\r\n3.0,nan\r\n\r\n'.encode())
    assert rows_digest(a) == rows_digest(b)


@pytest.mark.parametrize(
    "other",
    [
        "text,mark\na,1\nb,2\n",
        "text,score\na,1\nb,2\nb,2\n",
        "text,score\na,2\nb,1\n",
        "text,score\na ,1\nb,2\n",
        "text,score\nb,2\na,1\n",
        "score,text\na,1\nb,2\n",
        "text,score\na,1\n",
        "text,score\na,1\nb,0_2\n",
        "",
    ],
)
def test_the_digest_of_rows_changes_with_any_cell_header_or_copy(tmp_path: Path, other: str):
    a, b = tmp_path / "a.csv", tmp_path / "b.csv"
    a.write_text("text,score\na,1\nb,2\n")
    b.write_text(other)
    assert rows_digest(a) != rows_digest(b)


def test_the_digest_of_rows_is_sha256_over_the_columns_by_name_and_a_line_for_each_row(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text("t,s\nb,1\nc,x\n")
    assert rows_digest(path) == sha(b'["s", "t"]\n["1.0", "b"]\n["x", "c"]')


def test_bytes_that_are_no_text_have_a_digest_and_no_file_is_an_error(tmp_path: Path):
    a, b = tmp_path / "a.csv", tmp_path / "b.csv"
    a.write_bytes(b"t\n\xff\n")
    b.write_bytes(b"t\n\xfe\n")
    assert rows_digest(a) != rows_digest(b)
    with pytest.raises(SourceError, match="No such file"):
        rows_digest(tmp_path / "none.csv")
    a.write_text('t\n"' + "x" * 10_000_001 + '"\n')
    with pytest.raises(SourceError, match="cannot be read as CSV"):
        rows_digest(a)


@pytest.mark.parametrize("path", ["../a", "a/../../b", "/a", "\\a", "a\\..\\..\\b", "C:a", "a\0b", ""])
def test_a_path_that_climbs_out_is_seen_on_every_system(path: str) -> None:
    assert not is_inside(path)


@pytest.mark.parametrize("path", ["a", "a/b.csv", "a b/#c.csv", "..a/b..csv", "é"])
def test_an_ordinary_path_is_inside(path: str) -> None:
    assert is_inside(path)


@pytest.mark.parametrize(
    "text",
    [
        "at https://user:s3cret@host.org/simple/x: failed",
        "at https://s3cret@host.org/simple",
        "at https://user:s3/cret@s3cret@host.org/simple/",
        "at https://host.org/s3cret/simple/x, gave up",
        "at 'https://host.org/file?X-Signature=s3cret&Key=s3cret'",
        "HTTPSConnectionPool(host='host.org', port=443): Max retries exceeded with url: /s3cret/simple/x",
        "host.org refused user:s3cret@host.org",
        "host.org refused the token hf_s3cret",
    ],
)
def test_of_an_address_only_the_host_is_told(text: str) -> None:
    shown = hosts_only(text)
    assert "cret" not in shown
    assert "host.org" in shown
