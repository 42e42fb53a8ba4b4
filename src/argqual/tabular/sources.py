"""Tables of arguments, read one row after the other: CSV, TSV, JSON lines, Parquet, folders, the Hugging Face hub.

Memory stays flat however long a table is. A cell is what the file says: no text
becomes a number or a missing value. What is wrong with one row is that row's
`problem`; what is wrong with the whole table is an InputError when it is opened.
"""

import stat
from pathlib import Path

from argqual.errors import InputError, nearest
from argqual.tabular.folder import FolderSource
from argqual.tabular.formats import HUB, format_of
from argqual.tabular.table import Spelling, TableSource, reason_of

_KINDS = ".csv, .tsv, .jsonl, .ndjson (each also as .gz), .parquet, a folder of .txt and .md files, hf://OWNER/NAME"


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
    _check_is_file(path)
    if (format := format_of(spec)) is None:
        raise InputError(f"{path} is not a table that argqual reads.", hint=f"It reads {_KINDS}.")
    return format.read(path, Spelling(encoding, delimiter, quoting))


def _check_is_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"There is no file {path}.", hint=_neighbours(path)) from None
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot read {path}: {reason_of(error)}.") from None
    if not stat.S_ISREG(mode):
        raise InputError(f"{path} is not a regular file.", hint="A pipe is read with - and --lines.")


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
