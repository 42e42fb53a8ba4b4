"""Take single files out of a .zip or .tar archive that somebody else made.

Only what is asked for is written, to the paths the caller gives. An archive with any member that would lead out of
the folder it is unpacked in is refused whole, and so is one that unpacks to more than it may; nothing of it is
followed as a link, and nothing is run.
"""

import difflib
import lzma
import posixpath
import re
import shutil
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from argqual.downloads.files import MOST_BYTES, SourceError, is_inside, shown_size

_MOST_MEMBERS = 200_000
_LONGEST_LINK = 4096
_DRIVE = re.compile(r"[A-Za-z]:")
_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError,
    ValueError, OSError,
)  # fmt: skip


@dataclass(frozen=True)
class _Member:
    """What an archive says of one member; `link` is where it leads, from the top of the archive."""

    name: str
    size: int
    plain: bool
    open: Callable[[], Any]
    link: str | None = None
    special: bool = False
    encrypted: bool = False


def take_out(archive: Path, targets: Mapping[str, tuple[Path, int]], *, name: str | None = None) -> None:
    """Write members of an archive to files.

    `archive` is a .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz, as its content tells, and messages call it `name`.
    `targets` says by a member's path in it where it is written, and the most bytes it may have. Raises a
    `SourceError` if it is no archive, damaged, unsafe or too large, or a wanted member is missing, encrypted or too
    large, and an `OSError` if a target cannot be written.
    """
    name = name or archive.name
    try:
        with _opened(archive, name) as members:
            known = {_plain_name(member.name): member for member in _checked(members, name)}
            chosen = [(_choose(path, known, most, name), target) for path, (target, most) in targets.items()]
            for member, target in chosen:
                # Both libraries read no more of a member than the size that the archive gives.
                target.parent.mkdir(parents=True, exist_ok=True)
                with member.open() as content, target.open("wb") as out:
                    shutil.copyfileobj(content, out, 1 << 20)
    except _BROKEN as error:
        if isinstance(error, OSError) and error.errno is not None:  # gzip and bz2 give none for broken data
            raise
        said = (" ".join(str(error).split()) or type(error).__name__)[:200].rstrip(".")
        raise SourceError(f"The archive {name} is damaged: {said}") from None


@contextmanager
def _opened(archive: Path, name: str) -> Iterator[Iterator[_Member]]:
    """The members in order. A tar may hold a zip at its end, where a zip is told by, so that is looked at second."""
    if tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tar:
            yield (_of_tar(tar, info) for info in tar)
    elif zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            yield (_of_zip(file, info) for info in file.infolist())
    else:
        raise SourceError(f"{name} is neither a .zip nor a .tar archive")


def _of_tar(tar: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    link = None
    if info.issym():
        link = posixpath.join(posixpath.dirname(info.name), info.linkname)
    elif info.islnk():
        link = info.linkname
    special = not (info.isfile() or info.isdir() or link is not None)
    return _Member(info.name, info.size, info.isfile(), lambda: tar.extractfile(info), link, special)


def _of_zip(file: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    kind = stat.S_IFMT(info.external_attr >> 16)
    link = None
    if kind == stat.S_IFLNK:
        with file.open(info) as content:
            target = content.read(_LONGEST_LINK).decode("utf-8", "surrogateescape")
        link = posixpath.join(posixpath.dirname(info.filename), target)
    special = kind not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)
    plain = link is None and not info.is_dir()
    encrypted = bool(info.flag_bits & 0x1)
    return _Member(_zip_name(info), info.file_size, plain, lambda: file.open(info), link, special, encrypted)


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The name as meant: with what stands after a NUL, and as UTF-8 where that is written without its flag."""
    name = info.orig_filename
    if info.flag_bits & 0x800:
        return name
    try:
        return name.encode("cp437").decode()
    except UnicodeError:
        return name


def _checked(members: Iterable[_Member], archive: str) -> Iterator[_Member]:
    """The members that can be wanted. Everything is looked at, and anything unsafe refuses the archive."""
    total = 0
    for count, member in enumerate(members, 1):
        shown = f"'{member.name[:200]}'".encode("utf-8", "replace").decode()
        if not _stays_inside(member.name):
            raise SourceError(f"The archive {archive} is refused: its member {shown} leads out of the folder")
        if member.link is not None and not _stays_inside(posixpath.normpath(member.link)):
            raise SourceError(f"The archive {archive} is refused: its member {shown} is a link out of the folder")
        if member.special:
            raise SourceError(f"The archive {archive} is refused: its member {shown} is a device, not a file")
        if member.size < 0:
            raise SourceError(f"The archive {archive} is damaged: its member {shown} has a size below nothing")
        total += member.size
        if total > MOST_BYTES or count > _MOST_MEMBERS:
            raise SourceError(
                f"The archive {archive} is refused at its member {shown}: it unpacks to more than "
                f"{shown_size(MOST_BYTES)} or {_MOST_MEMBERS:,} files"
            )
        if member.plain or member.link is not None:
            yield member


def _stays_inside(path: str) -> bool:
    """As for a card's paths, but that a colon is let be where it names no drive."""
    return not _DRIVE.match(path) and is_inside(path.replace(":", "_"))


def _plain_name(path: str) -> str:
    """What tells a member from another: forward slashes, no './', one way of writing an accent."""
    return unicodedata.normalize("NFC", PurePosixPath(path.replace("\\", "/")).as_posix())


def _choose(path: str, known: Mapping[str, _Member], most: int, archive: str) -> _Member:
    member = known.get(_plain_name(path))
    if member is None:
        raise SourceError(f"The archive {archive} has no '{path}'. {_near(path, list(known))}")
    if not member.plain:
        raise SourceError(f"In the archive {archive}, '{path}' is a link and not a file")
    if member.encrypted:
        raise SourceError(f"In the archive {archive}, '{path}' is encrypted")
    if member.size > most:
        raise SourceError(
            f"In the archive {archive}, '{path}' has {member.size:,} bytes; {most:,} are the most it may have"
        )
    return member


def _near(path: str, known: list[str]) -> str:
    """The members nearest to a missing one: of its file name, or of a similar path."""
    name = PurePosixPath(path).name
    same = [each for each in known if PurePosixPath(each).name == name]
    close = same[:3] or difflib.get_close_matches(path, known[:2000], n=3, cutoff=0.6)
    if close:
        return f"Nearest: {', '.join(close)}"
    return f"It has: {', '.join(known[:3])}{', …' if len(known) > 3 else ''}" if known else "It has no files"
