"""The bytes of a file, unpacked where its ending says so; and what kind of file they are, whatever it is called."""

import bz2
import gzip
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any

from argqual.argument import byte_order
from argqual.errors import InputError
from argqual.tabular.table import kind_of, packed_as, reason_of

_SAID = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "Zstandard", ".zip": "zip"}
_OFFICE = "an old Office file"
# What files begin with, the ending that they should have, and whether the beginning could be that of a text too.
_BEGINNINGS = (
    (b"PAR1", ".parquet", True), (b"ARROW1", ".arrow", True), (b"ORC", ".orc", True), (b"Obj\1", ".avro", False),
    (b"%PDF-", ".pdf", False), (b"{\\rtf", ".rtf", False), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OFFICE, False),
    (b"\x1f\x8b", ".gz", False), (b"\xfd7zXZ\0", ".xz", False), (b"\x28\xb5\x2f\xfd", ".zst", False),
    (b"7z\xbc\xaf", ".7z", False), (b"Rar!\x1a", ".rar", False), (b"SQLite format 3\0", ".sqlite", False),
    (b"\x89PNG", ".png", False), (b"\xff\xd8\xff", ".jpg", False), (b"GIF8", ".gif", True), (b"BZh", ".bz2", True),
)  # fmt: skip
_JSON = re.compile(r'\s*(?:\[\s*\{\s*["}]|\[\s*\]\s*$|\{\s*"(?:[^"\\]|\\.)*"\s*:)')
_HTML = re.compile(r"\s*<(?:!doctype html|html)\b", re.IGNORECASE)
BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, RuntimeError)  # the last: locked, unknown
# Endings that are right for one kind of content.
_RIGHT = {
    ".parquet": (".parquet", ".pq", ".parq"),
    ".json": (".json", ".jsonl", ".ndjson"),
    ".html": (".html", ".htm"),
    ".docx": (".docx", ".docm", ".dotx"),
    ".xlsx": (".xlsx", ".xlsm", ".xltx", ".xlsb"),
    _OFFICE: (".xls", ".doc", ".ppt"),
}


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file; what goes wrong while they are read is an `InputError`."""
    packed = packed_as(path.name)
    try:
        with _unpacked(path, packed) as raw:
            yield raw
    except UnicodeDecodeError:
        raise InputError(f"{path} was changed while it was read.") from None
    except (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError) as error:
        said = f"{path} is no {_SAID.get(packed, 'whole')} file, or a damaged one ({reason_of(error)})."
        raise InputError(said) from None
    except OSError as error:
        if packed and error.errno is None:
            said = f"{path} is no {_SAID[packed]} file, or a damaged one ({reason_of(error)})."
            raise InputError(said) from None
        raise InputError(f"Cannot read {path}: {reason_of(error)}.") from None


@contextmanager
def _unpacked(path: Path, packed: str) -> Iterator[Any]:
    if packed == ".gz":
        with gzip.open(path, "rb") as raw:
            yield raw
    elif packed == ".bz2":
        with bz2.open(path, "rb") as raw:
            yield raw
    elif packed == ".xz":
        with lzma.open(path, "rb") as raw:
            yield raw
    elif packed == ".zst":
        import pyarrow as pa

        with pa.input_stream(str(path), compression="zstd") as raw:
            yield raw
    elif packed == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not (name.endswith("/") or _by_the_way(name))]
            if len(names) != 1:
                listed = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
                raise InputError(
                    f"{path} holds {len(names)} files{f' ({listed})' if names else ''}, not one.",
                    hint="Unpack it, and name the file, or the folder of texts.",
                )
            if archive.getinfo(names[0]).flag_bits & 1:
                raise InputError(f"{path} is locked with a password.", hint="Unpack it first.")
            with archive.open(names[0]) as raw:
                yield raw
    else:
        with path.open("rb") as raw:
            yield raw


def _by_the_way(name: str) -> bool:
    """What macOS puts into every archive."""
    return name.startswith("__MACOSX/") or PurePosixPath(name).name.startswith(".")


def check_content(path: Path) -> None:
    """Raise an `InputError` where a file holds something else than its ending says."""
    with opened(path) as raw:
        start = raw.read(4096)
    found = _content(path, start)
    if found is None:
        return
    kind = packed_as(path.name) if found in _SAID else kind_of(path.name)
    if kind in _RIGHT.get(found, (found,)):
        return
    if found == _OFFICE:
        said, hint = _OFFICE, "Open it where it was made, and save it as .docx, .xlsx, text or CSV."
    else:
        ending = f"{path.name}{found}" if found in _SAID else f"{_stem(path)}{found}"
        said, hint = f"a {found} file", f"Rename it, for example to {ending}."
    raise InputError(f"{path} is {said} by what is in it, whatever its name says.", hint=hint)


def _stem(path: Path) -> str:
    return path.name[: len(path.name) - len(packed_as(path.name)) - len(kind_of(path.name))]


def _content(path: Path, start: bytes) -> str | None:
    """The ending that content should have, where it is plain."""
    if start.startswith(b"PK\3\4"):
        return _of_zip(path) if not packed_as(path.name) else None
    binary = any(byte < 9 for byte in start[:64])
    for beginning, ending, also_text in _BEGINNINGS:
        if start.startswith(beginning) and (binary or not also_text):
            return ending
    text = start.decode(byte_order(start) or "utf-8", "ignore").removeprefix("\ufeff")
    if _JSON.match(text):
        return ".json"
    return ".html" if _HTML.match(text) else None


def _of_zip(path: Path) -> str:
    with suppress(*BROKEN_ZIP), zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        for part, ending in (("word/", ".docx"), ("xl/", ".xlsx"), ("ppt/", ".pptx")):
            if any(name.startswith(part) for name in names):
                return ending
        if "mimetype" in names:
            said = archive.read("mimetype").decode("ascii", "ignore")
            for part, ending in (("opendocument.text", ".odt"), ("opendocument.spreadsheet", ".ods"),
                                 ("opendocument.presentation", ".odp"), ("epub", ".epub")):  # fmt: skip
                if part in said:
                    return ending
    return ".zip"
