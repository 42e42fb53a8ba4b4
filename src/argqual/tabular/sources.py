"""Tables of arguments, read one row after the other: CSV, JSON, Parquet, spreadsheets, files, the Hugging Face hub.

Memory stays flat however long a table is. A cell is what the file says: no text becomes a number or a missing value.
What is wrong with one row is that row's `problem`; what is wrong with the whole table is an `InputError` when it is
opened. Which file is a table, and what reads and writes it, is told by the ending, in this place only.
"""

import hashlib
import itertools
import json
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from argqual.downloads.hub import dataset_revision, stream_dataset, trouble_of
from argqual.errors import InputError, nearest
from argqual.tabular.arrowrows import arrow_rows
from argqual.tabular.delimited import DelimitedParts, DelimitedSource
from argqual.tabular.documents import read_text
from argqual.tabular.endings import SHEETS, is_text, refuse_unread
from argqual.tabular.jsonlines import JsonLinesParts, LinesSource, json_source
from argqual.tabular.opening import check_content
from argqual.tabular.parquet import ParquetSource, parquet_parts
from argqual.tabular.sheets import SheetSource
from argqual.tabular.table import PEEKED, PartWriter, Spelling, TableRow, TableSource, kind_of, packed_as, reason_of

HUB = "hf://"
_ADDRESS = re.compile(r"hf://(?:datasets/)?(?P<repo>[\w.-]+/[\w.-]+)(?:/(?P<config>[^:/@\s]+))?(?::(?P<split>[\w.]+))?")
_KINDS = (
    ".csv, .tsv, .tab, .json, .jsonl, .ndjson (each also as .gz, .bz2, .xz, .zst, .zip), .parquet, .xlsx, .ods, .xls, "
    "a folder of texts, hf://OWNER/NAME"
)


@dataclass(frozen=True)
class TableFormat:
    """A kind of table file.

    `read` opens a path, given its `Spelling`; `parts` makes what writes it, given the result columns and the Arrow
    types of the carried ones. `delimiter` is what argqual writes between cells, where there is such a thing, and
    `packed` says whether it is also read from a file that ends in .gz, .bz2, .xz, .zst or .zip.
    """

    read: Callable[..., TableSource]
    parts: Callable[[Mapping[str, type], Any], PartWriter]
    delimiter: str | None = None
    packed: bool = True


_JSON_LINES = TableFormat(json_source, JsonLinesParts)

# What is written, and read again.
FORMATS: Mapping[str, TableFormat] = {
    ".csv": TableFormat(DelimitedSource, partial(DelimitedParts, ","), delimiter=","),
    ".tsv": TableFormat(partial(DelimitedSource, usual="\t"), partial(DelimitedParts, "\t"), delimiter="\t"),
    ".jsonl": _JSON_LINES,
    ".ndjson": _JSON_LINES,
    ".parquet": TableFormat(ParquetSource, parquet_parts, packed=False),
}
# What is only read: a function, given a path and its `Spelling`.
_READ: Mapping[str, Callable[..., TableSource]] = {
    ".tab": FORMATS[".tsv"].read,
    ".json": json_source,
    ".pq": ParquetSource,
    ".parq": ParquetSource,
    **dict.fromkeys(SHEETS, SheetSource),
}


def reader_of(spec: str) -> Callable[..., TableSource] | None:
    """What reads a path, by its ending; None: it is no table."""
    kind, packed = kind_of(spec), packed_as(spec)
    written = FORMATS.get(kind)
    if packed and not (written.packed if written else kind in (".tab", ".json")):
        return None
    return written.read if written else _READ.get(kind)


def is_table(spec: str) -> bool:
    """Whether this names a table (a path by its ending, a folder, hf://…) and not a text."""
    return spec.startswith(HUB) or reader_of(spec) is not None or os.path.isdir(spec)


def open_source(
    spec: str,
    *,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    quoting: str | None = None,
    sheet: str | None = None,
) -> TableSource:
    """The table at a path or a hub address, checked as far as that is cheap.

    `encoding` is that of a CSV, TSV or JSON file. In CSV and TSV one character stands between the cells, `delimiter`,
    by default the tab for `.tsv`, and for `.csv` what the first lines tell. `quoting` is `minimal` where quotes enclose
    cells, `none` where they are characters like others, None to be told by the lines themselves. `sheet` is the name
    or number, from 1, of a spreadsheet's sheet. Raises an `InputError` if there is no such table, it is not what its
    name says, or not in this encoding.
    """
    if spec.startswith(HUB):
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
    if (read := reader_of(spec)) is None:
        refuse_unread(path)
        raise InputError(f"{path} is not a table that argqual reads.", hint=f"It reads {_KINDS}.")
    if sheet is not None and read is not SheetSource:
        raise InputError(f"{path} has no sheets.", hint=f"--sheet is for {', '.join(SHEETS)}.")
    check_content(path)
    return read(path, Spelling(encoding, delimiter, quoting, sheet))


def open_lines(name: str) -> TableSource:
    """The lines of a file as a table, read as they come; an `InputError` if it has none, or cannot be read."""
    path = Path(name)
    refuse_unread(path)
    if reader_of(name) and not packed_as(name) and kind_of(name) not in (".jsonl", ".ndjson"):
        raise InputError(f"{path} is a table, and its lines are no texts.", hint="Leave out --lines.")
    if packed := packed_as(name):
        raise InputError(
            f"{path}: --lines reads no {packed} file.",
            hint="Unpack it into a pipe: zcat FILE | argqual score - --lines",
        )
    try:
        return LinesSource(path.open("rb"), name)
    except OSError as error:
        raise InputError(f"Cannot read {name}: {error.strerror}.", hint="Use - for standard input.") from None


def _neighbours(path: Path) -> str | None:
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return f"There is no folder {path.parent} either."
    said = nearest(path.name, names)
    if said.startswith("Did you mean"):
        return said
    tables = [name for name in names if reader_of(name)]
    return f"Tables there: {', '.join(sorted(tables)[:8])}." if tables else None


class FilesSource(TableSource):
    """Text files, one argument each: below `folder`, or as they were named."""

    columns = ("file", "text")

    def __init__(self, name: str, files: Sequence[str], folder: Path = Path()) -> None:
        self.name, self._files, self._folder = name, list(files), folder

    def count(self) -> int:
        return len(self._files)

    def identity(self) -> dict[str, str | int]:
        digest = hashlib.sha256()
        for name in self._files:
            try:
                state = (self._folder / name).stat()
                facts = [state.st_size, state.st_mtime_ns]
            except OSError:
                facts = []
            digest.update(json.dumps([name, *facts]).encode())
        found: dict[str, str | int] = {"kind": "files", "path": str(self._folder.resolve()), "files": len(self._files)}
        return found | {"digest": digest.hexdigest()[:16]}

    def rows(self, skip: int = 0) -> Iterator[TableRow]:
        for name in self._files[skip:]:
            try:
                yield TableRow({"file": name, "text": read_text(self._folder / name)})
            except InputError as error:
                yield TableRow({"file": name, "text": None}, error.message)


def named_files(names: Sequence[str]) -> TableSource:
    """A table of the text files that were named.

    Raises an `InputError` where one is not there, is named twice, or is a table or a folder.
    """
    for name in names:
        if name.startswith(HUB) or reader_of(name) or os.path.isdir(name):
            kind = "folder" if os.path.isdir(name) else "table"
            raise InputError(f"{name} is a {kind}, and one of {len(names)} names.", hint=f"Score one {kind} at a time.")
    missing = [name for name in names if not os.path.exists(name)]
    if len(missing) == len(names):
        said = " ".join(names)
        raise InputError(
            f"These are {len(names)} words, and no files: {said if len(said) < 60 else said[:60] + ' …'}",
            hint="A text of several words stands in quotes. Options stand before it, or after.",
        )
    if missing:
        hint = _neighbours(Path(missing[0])) or "A text stands in quotes."
        raise InputError(f"There is no file {missing[0]}, one of {len(names)} names.", hint=hint)
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise InputError(f"{twice[0]} is named twice.")
    for name in names:
        refuse_unread(Path(name))
    return FilesSource(f"{len(names)} files", names)


class FolderSource(FilesSource):
    """The text files below a folder, in the order of their names."""

    def __init__(self, path: Path) -> None:
        self.path = path
        found = list(self._walk())
        files = sorted(name for name in found if is_text(name))
        self._others = sorted(name for name in found if not is_text(name))
        if not files:
            tables = sorted(name for name in found if reader_of(name))
            raise InputError(
                f"There are no .txt or .md files in the folder {path}.",
                hint=f"To score a table in it, name the file: {path / tables[0]}." if tables else None,
            )
        super().__init__(str(path), files, path)

    def notes(self) -> list[str]:
        if not self._others:
            return []
        listed = ", ".join(self._others[:5]) + (" …" if len(self._others) > 5 else "")
        files = f"{len(self._others):,} file{'s' * (len(self._others) != 1)}"
        return [f"{self.path}: {files} passed over, which are no texts by their names: {listed}."]

    def identity(self) -> dict[str, str | int]:
        return super().identity() | {"kind": "folder"}

    def _walk(self) -> Iterator[str]:
        """Files as paths below the folder with forward slashes; hidden ones are passed over.

        A folder that is a link is followed, each folder once, wherever links may lead.
        """
        entered: set[tuple[int, int]] = set()

        def refuse(error: OSError) -> None:
            raise InputError(f"Cannot read the folder {error.filename}: {reason_of(error)}.")

        for here, folders, files in os.walk(self.path, onerror=refuse, followlinks=True):
            state = os.stat(here)
            if (state.st_dev, state.st_ino) in entered:
                folders[:] = []
                continue
            entered.add((state.st_dev, state.st_ino))
            shown = [name for name in folders if not name.startswith(".")]
            folders[:] = sorted(shown, key=lambda name: os.path.islink(os.path.join(here, name)))
            for name in files:
                if not name.startswith("."):
                    yield (Path(here) / name).relative_to(self.path).as_posix()


class Hub(TableSource):
    """A data set that is streamed: nothing is downloaded whole."""

    def __init__(self, spec: str) -> None:
        found = _ADDRESS.fullmatch(spec)
        if found is None:
            raise InputError(
                f"{spec} is no address of a data set.",
                hint="Write hf://OWNER/NAME:SPLIT, or hf://OWNER/NAME/CONFIG:SPLIT.",
            )
        self.name = spec
        self._repo, self._config = found["repo"], found["config"]
        with _asking_hub(spec, self._repo):
            self._revision = dataset_revision(self._repo)
            splits = stream_dataset(self._repo, self._config, revision=self._revision)
            self._split = _chosen_split(spec, found["split"], list(splits))
            self._data = splits[self._split]
            features = self._data.features
            if features is not None:
                self.schema = features.arrow_schema
                self.columns = tuple(features)
        if features is None:
            names = (dict.fromkeys(row.cells) for row in itertools.islice(self.rows(), PEEKED))
            self.columns = tuple(dict.fromkeys(itertools.chain.from_iterable(names)))

    def count(self) -> int | None:
        """As the data set's card says; it may say nothing."""
        info = (self._data.info.splits or {}).get(self._split)
        return int(info.num_examples) if info is not None and info.num_examples else None

    def later(self) -> dict[str, int] | None:
        return {} if self._data.features is not None else None

    def identity(self) -> dict[str, str | int]:
        found = {"kind": "hub", "repo": self._repo, "config": self._config or "", "split": self._split}
        return found | {"revision": self._revision or "unknown"}

    def rows(self, skip: int = 0) -> Iterator[TableRow]:
        data = self._data.skip(skip) if skip else self._data
        done = skip
        with _asking_hub(self.name, self._repo):
            # As Arrow tables: pictures and sounds are not decoded, and types stay exact.
            for table in data.with_format("arrow").iter(batch_size=200):
                yield from arrow_rows(table, done + 1)
                done += table.num_rows


def _chosen_split(spec: str, asked: str | None, splits: list[str]) -> str:
    split = asked or ("train" if "train" in splits else splits[0] if len(splits) == 1 else None)
    if split in splits:
        return split
    known = ", ".join(splits)
    if split is None:
        address = spec.removesuffix(":")
        raise InputError(f"Which split of {spec}? It has: {known}.", hint=f"For example: {address}:{splits[0]}.")
    raise InputError(f"{spec}: there is no split '{split}'; it has: {known}.")


@contextmanager
def _asking_hub(spec: str, repo: str) -> Iterator[None]:
    """Turn what the hub's libraries raise into an InputError that says what to do."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # these libraries raise whatever theirs raise: httpx, aiohttp, fsspec, pyarrow
        match trouble_of(error):
            case "gated":
                said = "access has to be asked for."
                hint = f"Accept its terms at https://huggingface.co/datasets/{repo}, then: hf auth login."
            case "absent":
                said = f"the hub has no public data set '{repo}'."
                hint = "Check the spelling; for a private one: hf auth login."
            case "unreachable":
                said = f"the Hugging Face hub cannot be reached ({reason_of(error)})."
                hint = "Check the connection, or download the file and name it."
            case "other":
                named = "Name the configuration: hf://OWNER/NAME/CONFIG:SPLIT." if "onfig" in str(error) else None
                raise InputError(f"Cannot read {spec}: {reason_of(error)}.", hint=named) from error
        raise InputError(f"{spec}: {said}", hint=hint) from None
