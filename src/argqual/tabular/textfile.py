"""Tables that are text files: an encoding, checked at once, and lines; also compressed."""

import codecs
import gzip
import io
import itertools
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from argqual.errors import InputError
from argqual.tabular.table import CHUNK, Spelling, TableSource, file_identity, kind_of, reason_of


class TextTable(TableSource):
    """What CSV and JSONL files share: an encoding, checked at once, and lines."""

    def __init__(self, path: Path, spelling: Spelling) -> None:
        self.path, self.name, self._encoding = path, str(path), spelling.encoding
        _check_encoding(path, spelling.encoding)

    def identity(self) -> dict[str, str | int]:
        return file_identity(kind_of(self.name)[1:], self.path) | {"encoding": self._encoding}

    @contextmanager
    def _lines(self, newline: str | None) -> Iterator[Iterator[str]]:
        """The lines of the file without a byte-order mark; `newline` as for `open`."""
        with _opened(self.path) as raw:
            text = io.TextIOWrapper(raw, encoding=self._encoding, newline=newline)
            yield itertools.chain([text.readline().removeprefix("\ufeff")], text)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file that was checked before; what goes wrong while they are read is an InputError."""
    try:
        with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb") as raw:
            yield raw  # type: ignore[misc]
    except UnicodeDecodeError:
        raise InputError(f"{path} was changed while it was read.") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path} is no gzip file, or a damaged one ({reason_of(error)}).") from None
    except OSError as error:
        raise InputError(f"Cannot read {path}: {reason_of(error)}.") from None


def _check_encoding(path: Path, encoding: str) -> None:
    """Refuse a file with bytes that its encoding does not have; one fast pass over it."""
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        decoder = codecs.getincrementaldecoder(encoding)()
    except (LookupError, ValueError):
        raise InputError(
            f"There is no encoding '{encoding}'.", hint="Usual ones: utf-8, cp1252, latin-1, utf-16, gb18030."
        ) from None
    done, started = 0, b""
    with _opened(path) as raw:
        try:
            while chunk := raw.read(CHUNK):
                started = started or chunk[:4]
                pending = len(decoder.getstate()[0])
                decoder.decode(chunk)
                done += len(chunk)
            pending = len(decoder.getstate()[0])
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            place = done - pending + error.start
            value = error.object[error.start]
        else:
            if not done:
                raise InputError(f"{path} is empty.")
            return
    hint = "Give its encoding, for example: --encoding cp1252."
    if started.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        hint = "It looks like UTF-16; try --encoding utf-16."
    raise InputError(
        f"{path}:{_line_of(path, encoding, place)}: not {encoding.upper()} text (byte {place} is 0x{value:02x}).",
        hint=hint,
    )


def _line_of(path: Path, encoding: str, place: int) -> int:
    """The line, from 1, of a byte; lines end as the file ends them."""
    text = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("replace"), translate=True)
    line = 1
    with _opened(path) as raw:
        while place > 0 and (chunk := raw.read(min(CHUNK, place))):
            place -= len(chunk)
            line += text.decode(chunk).count("\n")
    return line + text.decode(b"", final=True).count("\n")
