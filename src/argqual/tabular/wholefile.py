"""Files that are either whole or not there, in a folder that one run at a time may write."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from argqual.errors import InputError

if TYPE_CHECKING:
    from filelock import FileLock


def check_place(path: Path, folder: Path) -> None:
    parent = path.parent
    if path.is_dir():
        raise InputError(f"{path} is a folder.", hint="Name a file in it.")
    if not parent.is_dir():
        raise InputError(f"There is no folder {parent} to write {path.name} into.", hint="Make it first.")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(f"Nothing may be written into the folder {parent}.")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is in the way: unfinished runs are kept in a folder of that name.")


def locked(folder: Path, path: Path) -> "FileLock":
    from filelock import FileLock, Timeout

    lock = FileLock(folder / "_lock", timeout=0)
    try:
        with writing(folder):
            lock.acquire()
    except Timeout:
        raise InputError(
            f"Another run is writing {path}.", hint="Wait until it is done, or name another output."
        ) from None
    return lock


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except TimeoutError:  # filelock's is an OSError, too
        raise
    except OSError as error:
        where = error.filename or folder
        raise InputError(f"Cannot write {where}: {error.strerror or error}.") from error


def put(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Write a file that is either whole or not there."""
    temporary = path.with_name(f"_tmp-{path.name}")
    write_synced(temporary, write)
    os.replace(temporary, path)
    sync_folder(path.parent)


def write_synced(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    with path.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # it has no such call
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
