"""Files that were verified before: what their SHA-256 was is not found out again while they are the same files.

Beside a file that was hashed and is right lies a mark with its size, its times, its inode and its hash. As long as all
of these are what they were, the file is taken for the right one; one that was changed, replaced or copied is hashed. A
decay of the disk that the system does not notice is not seen: `argqual models verify` hashes everything.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from argqual.downloads.files import Fault, SourceError, WantedFile

_SETTLED_SECONDS = 3.0  # some disks keep times in steps of two: what changes within one is not seen
_right: dict[Path, dict[str, Any]] = {}  # as the marks, for a folder that cannot be written


def fault(wanted: WantedFile, path: Path, *, anew: bool = False) -> Fault | None:
    """What is wrong with the file at a path, as `WantedFile.fault`; hashed if it may have changed, or `anew`.

    Raises a `SourceError` if it cannot be read.
    """
    before = _told(wanted, path)
    if not anew and before is not None and before in (_right.get(path), _marked(path)):
        return None
    began = time.time()
    found = wanted.fault(path)
    if found is not None or before is None or before != _told(wanted, path):
        forget(path)
    elif began - max(before["modified"], before["changed"]) / 1e9 > _SETTLED_SECONDS:
        _right[path] = before
        _mark(path, before)
    return found


def mark_of(path: Path) -> Path:
    """Where the mark of a file lies."""
    return path.with_name(f".{path.name}.verified")


def forget(path: Path) -> None:
    """Delete the mark of a file, so that it is hashed when it is next wanted."""
    with suppress(OSError):
        mark_of(path).unlink()
    _right.pop(path, None)


def _told(wanted: WantedFile, path: Path) -> dict[str, Any] | None:
    """What tells that a file is the one that was verified; None where nothing would."""
    if wanted.sha256 is None:
        return None
    try:
        stat = path.stat()
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from None
    return {
        "sha256": wanted.sha256,
        "bytes": stat.st_size,
        "modified": stat.st_mtime_ns,
        "changed": stat.st_ctime_ns,
        "inode": stat.st_ino,
        "device": stat.st_dev,
    }


def _marked(path: Path) -> Any:
    try:
        return json.loads(mark_of(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _mark(path: Path, told: dict[str, Any]) -> None:
    """Write a mark, whole or not at all; where that cannot be, the file is hashed the next time."""
    draft = mark_of(path).with_name(f"{mark_of(path).name}.{os.getpid()}.tmp")
    try:
        draft.write_text(json.dumps(told), encoding="utf-8")
        draft.replace(mark_of(path))
    except OSError:
        with suppress(OSError):
            draft.unlink()
