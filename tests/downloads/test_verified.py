"""A file that was verified is not hashed again while it is the same; whatever may have changed is."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from argqual.cli.main import app
from argqual.downloads import files, verified
from argqual.downloads.files import SourceError, WantedFile
from argqual.errors import ModelError
from argqual.models import weights
from argqual.models.weights import Weights

CONTENT = b"weights of a model"
WANTED = WantedFile("model.gguf", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = tmp_path / "model.gguf"
    found.write_bytes(CONTENT)
    monkeypatch.setattr(verified, "_SETTLED_SECONDS", -1.0)  # it was written a moment ago
    monkeypatch.setattr(verified, "_right", {})
    return found


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    found: list[Path] = []
    digest = files.sha256_of
    monkeypatch.setattr(files, "sha256_of", lambda path: found.append(path) or digest(path))
    return found


def test_it_is_hashed_once(path: Path, hashed: list[Path]) -> None:
    assert verified.fault(WANTED, path) is None
    assert verified.fault(WANTED, path) is None
    assert hashed == [path]
    assert verified.fault(WANTED, path, anew=True) is None
    assert hashed == [path, path]


def other_bytes_and_the_times_put_back(path: Path) -> None:
    stat = path.stat()
    path.write_bytes(CONTENT[:-1] + b"L")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def another_file_in_its_place(path: Path) -> None:
    copy = path.with_suffix(".new")
    shutil.copy2(path, copy)
    copy.replace(path)


def longer(path: Path) -> None:
    path.write_bytes(CONTENT + b"!")


@pytest.mark.parametrize("change", [other_bytes_and_the_times_put_back, another_file_in_its_place, longer, Path.touch])
def test_what_may_have_changed_is_hashed_again(change: Callable[[Path], None], path: Path, hashed: list[Path]) -> None:
    assert verified.fault(WANTED, path) is None
    change(path)
    fault = verified.fault(WANTED, path)
    assert hashed == [path, path]
    assert (fault is None) == (path.read_bytes() == CONTENT)
    verified.fault(WANTED, path)
    assert len(hashed) == (2 if fault is None else 3)  # what is wrong leaves no mark


def test_the_mark_of_another_hash_does_not_count(path: Path) -> None:
    assert verified.fault(WANTED, path) is None
    fault = verified.fault(WantedFile("model.gguf", len(CONTENT), "0" * 64), path)
    assert fault is not None and "SHA-256" in fault.what


@pytest.mark.parametrize("content", ["", "[]", '{"sha256": 1}', "\0"])
def test_a_mark_that_is_none_does_not_count(content: str, path: Path, hashed: list[Path]) -> None:
    verified.mark_of(path).write_text(content)
    assert verified.fault(WANTED, path) is None
    assert hashed == [path]


def test_a_file_that_was_just_written_is_hashed_until_its_times_tell(
    path: Path, hashed: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verified, "_SETTLED_SECONDS", 3.0)
    assert verified.fault(WANTED, path) is verified.fault(WANTED, path) is None
    assert len(hashed) == 2 and not verified.mark_of(path).exists()


def test_where_no_mark_can_be_written_it_is_hashed_once_in_a_process(
    path: Path, hashed: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "write_text", refuse)
    assert verified.fault(WANTED, path) is verified.fault(WANTED, path) is None
    assert len(hashed) == 1 and [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_file_that_is_gone_is_said(path: Path) -> None:
    path.unlink()
    with pytest.raises(SourceError, match="No such file"):
        verified.fault(WANTED, path)


def test_how_far_a_large_file_is_hashed_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from argqual import _underway

    monkeypatch.setattr(files, "_LARGE", 1)
    monkeypatch.setattr(files, "_PART", 6)
    shown: list[_underway.Doing | None] = []
    doing = _underway._set
    monkeypatch.setattr(_underway, "_set", lambda mark, what: shown.append(what) or doing(mark, what))
    assert files.sha256_of(path) == WANTED.sha256
    assert [each.share for each in shown if each] == [None, 6 / 18, 12 / 18, 1.0]
    assert _underway.now() is None


def test_models_verify_hashes_what_was_fetched_and_says_what_is_broken(
    path: Path, hashed: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (path.parent / "weights").mkdir()
    path = path.rename(path.parent / "weights" / path.name)
    tiny = Weights("tiny", path.name, len(CONTENT), str(WANTED.sha256), "CC0-1.0", None, ())
    monkeypatch.setattr(weights, "KNOWN", {"tiny": tiny})
    monkeypatch.setenv("ARGQUAL_CACHE", str(path.parent.parent))
    assert weights.locate("tiny") == weights.locate("tiny") == path and hashed == [path]
    for words in ([], ["tiny"]):
        ran = CliRunner().invoke(app, ["models", "verify", *words])
        assert (ran.exit_code, ran.stdout) == (0, f"tiny: right, in {path}\n")
    assert hashed == [path] * 3
    path.write_bytes(CONTENT[:-1] + b"L")
    ran = CliRunner().invoke(app, ["models", "verify"])
    assert ran.exit_code == 1 and "is not the file it should be" in ran.stdout and "--force" in ran.stdout
    path.unlink()
    assert CliRunner().invoke(app, ["models", "verify"]).stdout == "No weights are on this machine.\n"
    assert CliRunner().invoke(app, ["models", "verify", "tiny"]).stdout == "tiny: not on this machine\n"
    with pytest.raises(ModelError, match="Did you mean 'tiny'"):
        CliRunner().invoke(app, ["models", "verify", "tinny"], catch_exceptions=False)
