"""What an engine has read of a prompt, kept on disk, so that the next process need not read it again.

The beginning that all of a framework's prompts share takes many seconds to read and 10 to 100 MB to keep. Each lies in
a file of its own, `KEY-DIGEST.state`: the key says what it depends on, the digest is that of its content, so that one
step puts it in place, and half a file, or another's, is known by its name. All of them together are limited in size;
those that were not used for longest go first. Whatever the disk refuses, nothing fails: then prompts are read.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from argqual.downloads.files import cache_of, free_bytes, sha256_of
from argqual.errors import InputError

VARIABLE = "ARGQUAL_KEPT_PROMPTS"
"""How many megabytes kept prompts may take; 0 to keep none."""
DEFAULT_MEGABYTES = 1000
_ENDING = ".state"
_DIGITS = 32
_ROOM = 200_000_000  # bytes of the disk that are left to others
_ABANDONED_SECONDS = 3600.0
_PATIENCE_SECONDS = 120.0  # with a process that reads the same: it may have been stopped


def folder() -> Path:
    """Where they lie: `prompts` in `ARGQUAL_CACHE`, or else in the user's cache folder."""
    return cache_of("prompts")


def most_bytes() -> int:
    """What they may take together; an `InputError` when that is set to something else than a number."""
    given = os.environ.get(VARIABLE) or str(DEFAULT_MEGABYTES)
    if not re.fullmatch(r"\d{1,9}", given.strip()):
        raise InputError(
            f"{VARIABLE} is '{given}', which is no number of megabytes.",
            hint=f"For example {VARIABLE}={DEFAULT_MEGABYTES}, or 0 to keep no prompts.",
        )
    return int(given) * 10**6


def writable_folder() -> Path | None:
    """Their folder, made if need be; None where none are to be kept, or it cannot be made."""
    if not most_bytes():
        return None
    try:
        folder().mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder()


def key_of(depends_on: Mapping[str, Any]) -> str:
    """The key of a state that depends on these things."""
    return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()[:_DIGITS]


def find(key: str) -> Path | None:
    """The file that is kept under a key and is whole; any other under that key is deleted."""
    for path in _of(key):
        try:
            whole = path.stem.rpartition("-")[2] == sha256_of(path)[:_DIGITS]
        except OSError:
            continue
        if whole:
            with suppress(OSError):
                os.utime(path)  # the one that was not used for longest goes first
            return path
        forget(path)
    return None


def new_draft() -> str:
    """A file name, in the folder, under which an engine writes a state before it is kept."""
    return f"{uuid.uuid4().hex}.part"


def keep(draft: Path, key: str, size: int) -> Path | None:
    """Keep what an engine has written, if it is whole (`size` bytes) and there is room; None where it is not kept."""
    most = most_bytes()
    try:
        if draft.stat().st_size < size or size > most or free_bytes(draft.parent) < _ROOM:
            return None
        path = draft.with_name(f"{key}-{sha256_of(draft)[:_DIGITS]}{_ENDING}")
        others = [other for other in _of(key) if other != path]
        os.replace(draft, path)
    except OSError:
        return None
    finally:
        for rest in draft.parent.glob(f"{draft.name}*"):
            forget(rest)
    for other in others:
        forget(other)
    _make_room(most)
    return path


def forget(path: Path) -> None:
    """Delete a file, if it is there and that is possible."""
    with suppress(OSError):
        path.unlink()


@contextmanager
def reading(key: str) -> Iterator[None]:
    """Wait while another process reads the prompt of this key: what it has read is then kept."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder() / f"{key}.lock", timeout=_PATIENCE_SECONDS)
    held = False
    try:
        with suppress(OSError, Timeout, NotImplementedError):
            lock.acquire()
            held = True
        yield
    finally:
        if held:
            forget(folder() / f"{key}.lock")
            lock.release()


def contents() -> tuple[int, int]:
    """How many are kept, and how many bytes they take; none where none are to be kept."""
    kept = _files(_ENDING) if most_bytes() else []
    return len(kept), sum(size for _, size, _ in kept)


def clear() -> int:
    """Delete all of them, and what a process that was killed has left; returns how many there were."""
    number = len(_files(_ENDING))
    with suppress(OSError):
        for path in folder().iterdir():
            if path.suffix in (_ENDING, ".part", ".lock"):
                forget(path)
    return number


def _of(key: str) -> list[Path]:
    return sorted(folder().glob(f"{key}-*{_ENDING}"))


def _files(ending: str) -> list[tuple[float, int, Path]]:
    """When each was used last, its bytes, and the file; what was not used for longest comes first."""
    found = []
    for path in folder().glob(f"*{ending}"):
        with suppress(OSError):
            stat = path.stat()
            found.append((stat.st_mtime, stat.st_size, path))
    return sorted(found)


def _make_room(most: int) -> None:
    """Delete those that were not used for longest until the rest fits, and drafts of processes that were killed."""
    kept = _files(_ENDING)
    total = sum(size for _, size, _ in kept)
    for _, size, path in kept[:-1]:
        if total <= most:
            break
        forget(path)
        total -= size
    for written, _, path in _files(".part"):
        if time.time() - written > _ABANDONED_SECONDS:
            forget(path)
