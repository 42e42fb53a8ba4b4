"""Tables that are text files: an encoding, checked at once, and lines; also compressed."""

import codecs
import io
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from argqual.argument import byte_order
from argqual.errors import InputError
from argqual.tabular.opening import opened
from argqual.tabular.table import CHUNK, Spelling, TableSource, file_identity, kind_of


class TextTable(TableSource):
    """What CSV and JSONL files share: an encoding, checked at once, and lines."""

    def __init__(self, path: Path, spelling: Spelling) -> None:
        self.path, self.name = path, str(path)
        self._encoding = _marked(path, spelling.encoding)
        _check_encoding(path, self._encoding)

    def identity(self) -> dict[str, str | int]:
        return file_identity(kind_of(self.name)[1:], self.path) | {"encoding": self._encoding}

    @contextmanager
    def _lines(self, newline: str | None) -> Iterator[Iterator[str]]:
        """The lines of the file without a byte-order mark; `newline` as for `open`."""
        with self._text(newline) as text:
            yield itertools.chain([text.readline().removeprefix("\ufeff")], text)

    @contextmanager
    def _text(self, newline: str | None = None) -> Iterator[io.TextIOWrapper]:
        """The file as text, a byte-order mark still in it."""
        with opened(self.path) as raw:
            yield io.TextIOWrapper(raw, encoding=self._encoding, newline=newline)


def beginning(path: Path, encoding: str, size: int) -> str:
    """The first characters of a file; what is not in its encoding is replaced."""
    _decoder(encoding)
    with opened(path) as raw:
        file = io.TextIOWrapper(raw, encoding=_marked(path, encoding), errors="replace")
        return file.read(size).removeprefix("\ufeff")


def _marked(path: Path, encoding: str) -> str:
    """The encoding that is given, or in the place of the usual one what a byte-order mark tells."""
    with opened(path) as raw:
        told = byte_order(raw.read(4)) if encoding == "utf-8" else None
    return told or encoding


def _check_encoding(path: Path, encoding: str) -> None:
    """Refuse a file with bytes that its encoding does not have; one fast pass over it."""
    decoder = _decoder(encoding)
    done = 0
    with opened(path) as raw:
        try:
            while chunk := raw.read(CHUNK):
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
    raise InputError(
        f"{path}:{_line_of(path, encoding, place)}: not {encoding.upper()} text (byte {place} is 0x{value:02x}).",
        hint=f"Give its encoding, for example: --encoding {'utf-16' if _wide(path) else 'cp1252'}.",
    )


def _wide(path: Path) -> bool:
    """Whether a file looks like UTF-16 without a byte-order mark."""
    with opened(path) as raw:
        return b"\0" in raw.read(200)


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        return codecs.getincrementaldecoder(encoding)()
    except (LookupError, ValueError):
        raise InputError(
            f"There is no encoding '{encoding}'.", hint="Usual ones: utf-8, cp1252, latin-1, utf-16, gb18030."
        ) from None


def _line_of(path: Path, encoding: str, place: int) -> int:
    """The line, from 1, of a byte; lines end as the file ends them."""
    text = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("replace"), translate=True)
    line = 1
    with opened(path) as raw:
        while place > 0 and (chunk := raw.read(min(CHUNK, place))):
            place -= len(chunk)
            line += text.decode(chunk).count("\n")
    return line + text.decode(b"", final=True).count("\n")
