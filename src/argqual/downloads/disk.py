"""The disk that files are kept on: the cache, the room in it, and what it refuses, told so that it can be put right."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_cache_dir

from argqual.errors import ArgqualError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class NoRoom(Exception):
    """What is to be fetched does not fit; it was not begun."""

    def __init__(self, needed: int, folder: Path) -> None:
        super().__init__(f"Not enough room on the disk: {shown_size(needed)} needed")
        self.folder = folder


def cache_folder(kind: str) -> Path:
    """The folder of one kind of files in `ARGQUAL_CACHE`, or else in the user's cache folder."""
    return Path(os.environ.get("ARGQUAL_CACHE") or user_cache_dir("argqual")).expanduser() / kind


def free_bytes(folder: Path) -> int:
    return shutil.disk_usage(next(place for place in (folder, *folder.parents) if place.exists())).free


def bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def require_room(folder: Path, needed: int) -> None:
    """Raise `NoRoom` unless so many bytes fit into a folder."""
    if needed > free_bytes(folder):
        raise NoRoom(needed, folder)


def shown_size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB" if count >= 1e6 else f"{count:,} bytes"


@contextmanager
def writing(folder: Path, kind: type[ArgqualError]) -> Iterator[None]:
    """Turn what the disk of a folder refuses into an error of a kind, which says what to do."""
    try:
        yield
    except NoRoom as error:
        raise _no_room(str(error), error.folder, kind) from None
    except OSError as error:
        if error.errno in DISK_FULL:
            raise _no_room("The disk ran full; what was fetched whole is kept", folder, kind) from None
        hint = "Set ARGQUAL_CACHE to a folder that can be written."
        raise kind(f"{error.filename or folder}: {error.strerror or error}.", hint=hint) from None


def _no_room(what: str, folder: Path, kind: type[ArgqualError]) -> ArgqualError:
    hint = "Make room and try again, or set ARGQUAL_CACHE to a folder on another disk."
    return kind(f"{what}, {shown_size(free_bytes(folder))} free in {folder}.", hint=hint)
