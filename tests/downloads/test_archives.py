"""Single files are taken out of archives that somebody else made."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from argqual.downloads import archives
from argqual.downloads.files import SourceError
from packed import a_tar, a_zip

TWO = b"id,text,score\n1,Because it rains.,0.5\n"


def test_names_with_accents_are_found_however_an_archive_writes_them(tmp_path: Path):
    decomposed = "re\u0301ponse.csv"
    unflagged = io.BytesIO()
    with zipfile.ZipFile(unflagged, "w") as file:
        file.writestr("X" * len(decomposed.encode()), TWO)
    content = unflagged.getvalue().replace(b"X" * len(decomposed.encode()), decomposed.encode())
    (tmp_path / "a.zip").write_bytes(content)
    target = tmp_path / "out"
    archives.take_out(tmp_path / "a.zip", {"r\u00e9ponse.csv": (target, len(TWO))})
    assert target.read_bytes() == TWO


def test_an_archive_that_unpacks_to_too_much_in_all_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archives, "MOST_BYTES", 1_000_000)
    for name, content in (("a.zip", a_zip), ("a.tgz", a_tar)):
        (tmp_path / name).write_bytes(content({"two.csv": TWO, "bomb": bytes(1_000_000)}))
        with pytest.raises(SourceError, match=f"{name} is refused at its member 'bomb': it unpacks to more than 1 MB"):
            archives.take_out(tmp_path / name, {"two.csv": (tmp_path / "out", archives.MOST_BYTES)})
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("path", ["Debate: should we/c.csv", "a..b/c...", "./a"])
def test_harmless_paths_are_no_reason_to_refuse_an_archive(tmp_path: Path, path: str):
    (tmp_path / "a.zip").write_bytes(a_zip({path: b"x", "two.csv": TWO}))
    archives.take_out(tmp_path / "a.zip", {"two.csv": (tmp_path / "out", archives.MOST_BYTES)})
    assert (tmp_path / "out").read_bytes() == TWO
