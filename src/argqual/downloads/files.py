"""Files that are wanted: what tells the right one, the errors of places that do not give it, and the disk they lie on.

What the disk refuses is told so that it can be put right.
"""

import csv
import errno
import hashlib
import json
import math
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from platformdirs import user_cache_dir

from argqual import _underway
from argqual.errors import ArgqualError

MOST_BYTES = 2 << 30  # of a file whose size is not known, of an archive, and of all that is in one
_LARGE, _PART = 200 << 20, 4 << 20
_MOST_CELL = 10_000_000  # characters, as in every table
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class SourceError(Exception):
    """A source cannot give a file; another one may.

    `unreachable`: no connection, or refused credentials, so that the same source may do later.
    """

    def __init__(self, reason: str, *, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.unreachable = unreachable


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file, and what its description would say for it to be right."""

    what: str
    cure: str


@dataclass(frozen=True)
class WantedFile:
    """A file that somebody publishes: its path in the folder it is kept in, and what tells that it is the right one.

    `sha256` is of its bytes. `rows_sha256` is of its rows as a CSV table (`rows_digest`), which can be written in more
    bytes or in fewer. A file with neither has the right size, if that is known.
    """

    path: str
    bytes: int | None = None
    sha256: str | None = None
    rows_sha256: str | None = None

    @property
    def exact_bytes(self) -> int | None:
        """The bytes that the file has to have, where that is known."""
        return None if self.rows_sha256 else self.bytes

    @property
    def most_bytes(self) -> int:
        """The bytes that it may have."""
        return MOST_BYTES if self.exact_bytes is None else self.exact_bytes

    def fault(self, path: Path) -> Fault | None:
        """What is wrong with the file at a path, which is hashed whole (about 0.7 s a gigabyte).

        Raises a `SourceError` if it cannot be read.
        """
        try:
            size, found = path.stat().st_size, sha256_of(path)
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror or error}") from None
        if self.sha256 == found:
            return None
        if self.rows_sha256:
            rows = rows_digest(path)
            if rows == self.rows_sha256:
                return None
            return Fault(f"the SHA-256 of its rows is {rows}, expected {self.rows_sha256}", f"rows_sha256: {rows}")
        if self.sha256:
            return Fault(f"its SHA-256 is {found}, expected {self.sha256}", f"sha256: {found}")
        if self.bytes is not None and self.bytes != size:
            return Fault(f"it has {size:,} bytes, expected {self.bytes:,}", f"bytes: {size}")
        return None

    def is_right(self, path: Path) -> bool:
        """Whether the file at a path is there, can be read, and is this one."""
        try:
            return path.is_file() and self.fault(path) is None
        except (SourceError, OSError):
            return False


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file; of a large one it is told how far it is."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < _LARGE:
            return hashlib.file_digest(file, "sha256").hexdigest()
        digest, done = hashlib.sha256(), 0
        with _underway.doing(f"checking {path.name}") as tell:
            while part := file.read(_PART):
                digest.update(part)
                done += len(part)
                tell(done / size)
        return digest.hexdigest()


def rows_digest(path: Path) -> str:
    """SHA-256 of a CSV file as a table: of its columns by name, then of its rows.

    The order of the columns, quoting, line ends between rows and the way numbers are written do not change it. The
    order of the rows does, as rows without an id are known by their number. Raises a `SourceError` if it cannot be
    read as CSV.
    """
    if csv.field_size_limit() < _MOST_CELL:
        csv.field_size_limit(_MOST_CELL)
    digest = hashlib.sha256()
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            rows = csv.reader(file)
            names = next(rows, [])
            order = sorted(range(len(names)), key=lambda place: names[place])
            digest.update(json.dumps([names[place] for place in order]).encode())
            for row in rows:
                if row:
                    cells = [row[place] for place in order] if len(row) == len(names) else row
                    digest.update(b"\n" + json.dumps([_canonical(cell) for cell in cells]).encode())
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from None
    except csv.Error as error:
        raise SourceError(f"{path} cannot be read as CSV: {error}") from None
    return digest.hexdigest()


def _canonical(cell: str) -> str:
    try:
        number = float(cell)
    except ValueError:
        return cell
    return repr(number) if math.isfinite(number) and "_" not in cell else cell


def is_inside(path: str) -> bool:
    """Whether a path of an archive or a description stays in the folder it is meant for, on any system."""
    pure = PurePosixPath(path.replace("\\", "/"))
    return bool(path) and not pure.is_absolute() and ".." not in pure.parts and ":" not in path and "\0" not in path


def hosts_only(text: str) -> str:
    """One line of `text`, with no more of an address than its host: the rest may hold a credential."""
    text = re.sub(r"(\w[\w+.-]*://)(?:\S*@)?([^\s/?#'\",)>]*)\S*", r"\1\2", " ".join(text.split()))
    text = re.sub(r"\S+:\S*@", "***@", text)
    return re.sub(r"(url:) \S+", r"\1 ***", re.sub(r"hf_\w+", "hf_***", text))[:300]


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """An error, what it was raised from, and so on."""
    seen: BaseException | None = error
    before: set[int] = set()
    while seen is not None and id(seen) not in before:  # some libraries raise an error from itself
        before.add(id(seen))
        yield seen
        seen = seen.__cause__ or seen.__context__


def said_by(error: BaseException) -> str:
    """The name of an error and what it says, without addresses."""
    return hosts_only(f"{type(error).__name__}: {error}").rstrip(".: ")


class NoRoom(Exception):
    """What is to be fetched does not fit; it was not begun."""

    def __init__(self, needed: int, folder: Path) -> None:
        super().__init__(f"Not enough room on the disk: {shown_size(needed)} needed")
        self.folder = folder


def cache_of(kind: str) -> Path:
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
