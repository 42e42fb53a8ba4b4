"""Kept prompts on the disk: whole or not there, limited in size, and never a reason for anything to fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from argqual.cli.main import app
from argqual.errors import InputError
from argqual.models import kept_prompts

KEY, OTHER = "a" * 32, "b" * 32


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path))
    monkeypatch.setenv("ARGQUAL_KEPT_PROMPTS", "1")
    found = kept_prompts.writable_folder()
    assert found == tmp_path / "prompts" and found.is_dir()
    return found


def kept(folder: Path, content: bytes, key: str = KEY) -> Path:
    draft = folder / kept_prompts.new_draft()
    draft.write_bytes(content)
    path = kept_prompts.keep(draft, key, len(content))
    assert path is not None and not draft.exists()
    return path


def test_what_is_kept_is_found_by_its_key(folder: Path) -> None:
    path = kept(folder, b"state")
    assert kept_prompts.find(KEY) == path and path.read_bytes() == b"state"
    assert kept_prompts.find(OTHER) is None
    assert kept_prompts.contents() == (1, 5)


def test_a_broken_file_is_not_found_and_makes_room_for_a_whole_one(folder: Path) -> None:
    path = kept(folder, b"state")
    path.write_bytes(b"stat")
    assert kept_prompts.find(KEY) is None and not path.exists()
    assert kept_prompts.find(KEY) != kept(folder, b"state") or kept_prompts.find(KEY)


def test_another_file_under_the_key_is_replaced(folder: Path) -> None:
    foreign = folder / f"{KEY}-{'0' * 32}.state"
    foreign.write_bytes(b"something else")
    path = kept(folder, b"state")
    assert kept_prompts.find(KEY) == path and not foreign.exists()


def test_the_one_that_was_not_used_for_longest_goes_first(folder: Path) -> None:
    paths = [kept(folder, bytes([number]) * 400_000, str(number) * 32) for number in range(2)]
    for age, path in enumerate(paths):
        os.utime(path, (1e9 + age, 1e9 + age))
    assert kept_prompts.find("0" * 32)  # used: now it is the newer one
    kept(folder, b"x" * 400_000, KEY)
    assert [path.exists() for path in paths] == [True, False]
    assert kept_prompts.contents() == (2, 800_000)


def test_what_alone_is_too_large_is_not_kept(folder: Path) -> None:
    draft = folder / kept_prompts.new_draft()
    draft.write_bytes(b"x" * 1_000_001)
    assert kept_prompts.keep(draft, KEY, 1_000_001) is None
    assert list(folder.iterdir()) == []


def test_a_draft_that_the_disk_has_cut_short_is_not_kept(folder: Path) -> None:
    draft = folder / kept_prompts.new_draft()
    draft.write_bytes(b"sta")
    assert kept_prompts.keep(draft, KEY, 5) is None
    assert list(folder.iterdir()) == []


def test_nothing_is_kept_on_a_disk_that_is_nearly_full(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_prompts, "free_bytes", lambda _: 1000)
    draft = folder / kept_prompts.new_draft()
    draft.write_bytes(b"state")
    assert kept_prompts.keep(draft, KEY, 5) is None
    assert list(folder.iterdir()) == []


def test_without_a_folder_that_can_be_made_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path / "file"))
    assert kept_prompts.writable_folder() is None
    assert kept_prompts.find(KEY) is None
    assert kept_prompts.contents() == (0, 0)
    assert kept_prompts.clear() == 0
    with kept_prompts.reading(KEY):
        pass


def test_what_cannot_be_marked_as_used_is_found_all_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kept(folder, b"state")

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "utime", refuse)
    assert kept_prompts.find(KEY) == path


@pytest.mark.parametrize("given", ["much", "-1", "1e3", "1 GB"])
def test_a_limit_that_is_no_number_is_said(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGQUAL_KEPT_PROMPTS", given)
    with pytest.raises(InputError, match="megabytes"):
        kept_prompts.writable_folder()


def test_with_a_limit_of_nothing_there_is_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGQUAL_KEPT_PROMPTS", "0")
    assert kept_prompts.writable_folder() is None


def test_a_process_that_is_killed_before_a_state_is_in_place_leaves_nothing_that_is_found(folder: Path) -> None:
    code = f"""
import os, pathlib, signal
from argqual.models import kept_prompts
os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
draft = kept_prompts.folder() / kept_prompts.new_draft()
draft.write_bytes(b"state")
with kept_prompts.reading({KEY!r}):
    kept_prompts.keep(draft, {KEY!r}, 5)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert kept_prompts.find(KEY) is None
    (draft,) = folder.glob("*.part")
    with kept_prompts.reading(KEY):  # the lock is free
        path = kept(folder, b"state")
    assert kept_prompts.find(KEY) == path
    os.utime(draft, (1e9, 1e9))  # of an hour ago, and longer
    kept(folder, b"other", OTHER)
    assert not draft.exists()


def test_two_that_read_the_same_wait_for_one_another() -> None:
    said: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait()
        with kept_prompts.reading(KEY):
            said.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with kept_prompts.reading(KEY):
        inside.set()
        thread.join(0.05)
        said.append("first")
    thread.join()
    assert said == ["first", "second"]


def test_clearing_deletes_them_and_what_was_left(folder: Path) -> None:
    kept(folder, b"state")
    kept(folder, b"other", OTHER)
    (folder / kept_prompts.new_draft()).write_bytes(b"half")
    assert kept_prompts.clear() == 2
    assert list(folder.iterdir()) == []


def test_the_store_counts_them_and_clears_them(folder: Path) -> None:
    kept(folder, b"state")
    said = commanded("store", "info", "--format", "text")
    assert "nothing is kept yet" in said and f"{folder}, 0.0 MB" in said and "read of 1 prompt," in said
    assert json.loads(commanded("store", "info"))["prompts"] == {"path": str(folder), "bytes": 5, "kept": 1}
    assert "cannot" not in commanded("store", "clear", "--prompts")
    assert kept_prompts.contents() == (0, 0)
    assert "Nothing is kept" in commanded("store", "clear", "--prompts")


def test_those_of_one_framework_are_not_known_apart(folder: Path) -> None:
    kept(folder, b"state")
    with pytest.raises(InputError, match="without --framework"):
        commanded("store", "clear", "--prompts", "--framework", "ratio")
    assert kept_prompts.contents() == (1, 5)


def commanded(*words: str) -> str:
    """What a command says; it raises what it is refused with."""
    ran = CliRunner().invoke(app, words, catch_exceptions=False)
    return ran.output
