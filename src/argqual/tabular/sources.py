"""Tables of arguments, read one row after the other: CSV, TSV, JSON lines, Parquet, folders, the Hugging Face hub.

Memory stays flat however long a table is. A cell is what the file says: no text becomes a number or a missing value.
What is wrong with one row is that row's `problem`; what is wrong with the whole table is an `InputError` when it is
opened. Which file is a table, and what reads and writes it, is told by the ending, in this place only.
"""

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from argqual.argument import read_argument_text
from argqual.errors import InputError, nearest
from argqual.tabular.delimited import DelimitedParts, DelimitedSource
from argqual.tabular.jsonlines import JsonLinesParts, JsonLinesSource
from argqual.tabular.parquet import ParquetSource, parquet_parts
from argqual.tabular.table import PartWriter, Spelling, TableRow, TableSource, kind_of, reason_of

HUB = "hf://"
_KINDS = ".csv, .tsv, .jsonl, .ndjson (each also as .gz), .parquet, a folder of .txt and .md files, hf://OWNER/NAME"
_TEXTS = (".txt", ".md")


@dataclass(frozen=True)
class TableFormat:
    """A kind of table file.

    `read` opens a path, given its `Spelling`; `parts` makes what writes it, given the result columns and the Arrow
    types of the carried ones. `delimiter` is what argqual writes between cells, where there is such a thing, and
    `compressed` says whether it is also read from a file that ends in .gz.
    """

    read: Callable[..., TableSource]
    parts: Callable[[Mapping[str, type], Any], PartWriter]
    delimiter: str | None = None
    compressed: bool = True


_JSON_LINES = TableFormat(JsonLinesSource, JsonLinesParts)

FORMATS: Mapping[str, TableFormat] = {
    ".csv": TableFormat(DelimitedSource, partial(DelimitedParts, ","), delimiter=","),
    ".tsv": TableFormat(partial(DelimitedSource, usual="\t"), partial(DelimitedParts, "\t"), delimiter="\t"),
    ".jsonl": _JSON_LINES,
    ".ndjson": _JSON_LINES,
    ".parquet": TableFormat(ParquetSource, parquet_parts, compressed=False),
}


def format_of(spec: str) -> TableFormat | None:
    """The format of a path by its ending; None: it is no table."""
    found = FORMATS.get(kind_of(spec))
    return None if found and spec.lower().endswith(".gz") and not found.compressed else found


def is_table(spec: str) -> bool:
    """Whether this names a table (a path by its ending, a folder, hf://…) and not a text."""
    return spec.startswith(HUB) or format_of(spec) is not None or os.path.isdir(spec)


def open_source(
    spec: str, *, encoding: str = "utf-8", delimiter: str | None = None, quoting: bool = True
) -> TableSource:
    """The table at a path or a hub address, checked as far as that is cheap.

    `encoding` is that of a CSV, TSV or JSONL file. In CSV and TSV one character stands between the cells,
    `delimiter`, by default the tab for `.tsv`, and for `.csv` the one of comma, semicolon, tab and bar that cuts its
    header into most cells. Without `quoting`, quotes enclose no cell but are characters like others. Raises an
    `InputError` if there is no such table, it is not what its name says, or not in this encoding.
    """
    if spec.startswith(HUB):
        from argqual.tabular.hub import Hub

        return Hub(spec)
    path = Path(spec)
    if path.is_dir():
        return FolderSource(path)
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"There is no file {path}.", hint=_neighbours(path)) from None
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot read {path}: {reason_of(error)}.") from None
    if not stat.S_ISREG(mode):
        raise InputError(f"{path} is not a regular file.", hint="A pipe is read with - and --lines.")
    if (format := format_of(spec)) is None:
        raise InputError(f"{path} is not a table that argqual reads.", hint=f"It reads {_KINDS}.")
    return format.read(path, Spelling(encoding, delimiter, quoting))


def _neighbours(path: Path) -> str | None:
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return f"There is no folder {path.parent} either."
    said = nearest(path.name, names)
    if said.startswith("Did you mean"):
        return said
    tables = [name for name in names if format_of(name)]
    return f"Tables there: {', '.join(sorted(tables)[:8])}." if tables else None


class FolderSource(TableSource):
    """The text files below a folder, in the order of their names."""

    columns = ("file", "text")

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, str(path)
        found = list(self._walk())
        self._files = sorted(name for name in found if name.lower().endswith(_TEXTS))
        if not self._files:
            tables = sorted(name for name in found if format_of(name))
            raise InputError(
                f"There are no .txt or .md files in the folder {path}.",
                hint=f"To score a table in it, name the file: {path / tables[0]}." if tables else None,
            )

    def _walk(self) -> Iterator[str]:
        """Files as paths below the folder with forward slashes; hidden ones are passed over."""

        def refuse(error: OSError) -> None:
            raise InputError(f"Cannot read the folder {error.filename}: {reason_of(error)}.")

        for here, folders, files in os.walk(self.path, onerror=refuse):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in files:
                if not name.startswith("."):
                    yield (Path(here) / name).relative_to(self.path).as_posix()

    def count(self) -> int:
        return len(self._files)

    def identity(self) -> dict[str, str | int]:
        digest = hashlib.sha256()
        for name in self._files:
            try:
                state = (self.path / name).stat()
                facts = [state.st_size, state.st_mtime_ns]
            except OSError:
                facts = []
            digest.update(json.dumps([name, *facts]).encode())
        found: dict[str, str | int] = {"kind": "folder", "path": str(self.path.resolve()), "files": len(self._files)}
        return found | {"digest": digest.hexdigest()[:16]}

    def rows(self, skip: int = 0) -> Iterator[TableRow]:
        for name in self._files[skip:]:
            try:
                yield TableRow({"file": name, "text": read_argument_text(self.path / name)})
            except InputError as error:
                yield TableRow({"file": name, "text": None}, error.message)
