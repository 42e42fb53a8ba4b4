"""Where the files of a corpus lie, and whether they are the ones its card names."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_dir

from argqual.corpora.archives import MOST_BYTES
from argqual.corpora.card import Card, File
from argqual.downloads.sources import DISK_FULL, free_bytes, shown_size
from argqual.errors import CorpusError

_MOST_CELL = 10_000_000  # characters, as in every table
_UNWRITABLE = "Set ARGQUAL_CACHE to a folder that can be written."


def cache_folder() -> Path:
    """The folder of the corpora: `corpora` in `ARGQUAL_CACHE`, or else in the user's cache folder."""
    return Path(os.environ.get("ARGQUAL_CACHE") or user_cache_dir("argqual")).expanduser() / "corpora"


def folder_of(card: Card, card_path: Path) -> Path:
    """Where a card's files lie: in the cache, or beside the card when it names no source."""
    return cache_folder() / card.folder_name if card.source else card_path.parent


def is_fetched(card: Card, card_path: Path) -> bool:
    """Whether every file is there, of the right size; that they are the right ones only `verified` tells."""
    folder = folder_of(card, card_path)
    return bool(card.files) and all(_has_size(file, folder / file.path) for file in card.files)


def _has_size(file: File, path: Path) -> bool:
    try:
        return path.is_file() and exact_size(file) in (None, path.stat().st_size)
    except OSError:
        return False


def exact_size(file: File) -> int | None:
    """The bytes that the file has to have. The same rows can be written in more bytes or in fewer."""
    return None if file.rows_sha256 else file.bytes


def most_bytes(file: File) -> int:
    exact = exact_size(file)
    return MOST_BYTES if exact is None else exact


def sizes_known(card: Card) -> bool:
    return bool(card.files) and all(file.bytes is not None for file in card.files)


def verified(card: Card, card_path: Path) -> Path:
    """The folder of the files, after each was hashed whole (about 0.1 s for 15 MB).

    A file for which the card gives neither hash nor size is taken as it is.

    Raises
    ------
    CorpusError
        A file is missing, cannot be read, or is another one than the card describes.
    """
    folder = folder_of(card, card_path)
    again = f"argqual corpora fetch {card.id}"
    if not card.files:
        raise CorpusError(f"The card of {card.id} names no files.", hint=card.homepage or None)
    if missing := [file for file in card.files if not os.path.exists(folder / file.path)]:
        raise CorpusError(
            f"{card.id}: {folder / missing[0].path} is missing{and_more(len(missing) - 1)}.",
            hint=f"Bring it with '{again}'." if card.source else f"Put it beside the card: {card_path}.",
        )
    for file in card.files:
        if fault := fault_of(file, folder / file.path):
            own = f"If it was changed on purpose, put '{fault.cure}' into {card_path}."
            raise CorpusError(
                f"{folder / file.path} is not the file that its card describes: {fault.what}.",
                hint=f"Fetch it again with '{again} --force'." if card.source else own,
            )
    return folder


@dataclass(frozen=True)
class _Fault:
    """What is wrong with a file, and what a card would say for it to be right."""

    what: str
    cure: str


def fault_of(file: File, path: Path) -> _Fault | None:
    try:
        with path.open("rb") as content:
            size = os.fstat(content.fileno()).st_size
            found = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise CorpusError(f"{path}: {error.strerror or error}.") from None
    if file.sha256 == found:
        return None
    if file.rows_sha256:
        rows = rows_digest(path)
        if rows == file.rows_sha256:
            return None
        return _Fault(f"the SHA-256 of its rows is {rows}, expected {file.rows_sha256}", f"rows_sha256: {rows}")
    if file.sha256:
        return _Fault(f"its SHA-256 is {found}, expected {file.sha256}", f"sha256: {found}")
    if file.bytes is not None and file.bytes != size:
        return _Fault(f"it has {size:,} bytes, expected {file.bytes:,}", f"bytes: {size}")
    return None


def wrong_files(card: Card, folder: Path) -> list[File]:
    """The files that are missing, unreadable or not the card's."""
    return [file for file in card.files if not is_right(file, folder / file.path)]


def is_right(file: File, path: Path) -> bool:
    try:
        return path.is_file() and fault_of(file, path) is None
    except (CorpusError, OSError):
        return False


def rows_digest(path: Path) -> str:
    """SHA-256 of a CSV file as a table: of its columns by name, then of its rows.

    The order of the columns, quoting, line ends between rows and the way numbers are written do not
    change it. The order of the rows does, as rows without an id are known by their number.

    Raises
    ------
    CorpusError
        The file cannot be read as CSV.
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
        raise CorpusError(f"{path}: {error.strerror or error}.") from None
    except csv.Error as error:
        raise CorpusError(f"{path} cannot be read as CSV: {error}.") from None
    return digest.hexdigest()


def _canonical(cell: str) -> str:
    try:
        number = float(cell)
    except ValueError:
        return cell
    return repr(number) if math.isfinite(number) and "_" not in cell else cell


def and_more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn what a disk refuses into a CorpusError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL:
            raise no_room(folder, "The disk ran full; what was fetched whole is kept") from None
        raise CorpusError(f"{error.filename or folder}: {error.strerror or error}.", hint=_UNWRITABLE) from None


def no_room(folder: Path, what: str) -> CorpusError:
    hint = "Make room and fetch again, or set ARGQUAL_CACHE to a folder on another disk."
    return CorpusError(f"{what}, {shown_size(free_bytes(folder))} free in {folder}.", hint=hint)
