"""Tables of arguments, read row by row.

CSV and JSONL are read with the standard library and Parquet with pyarrow, so that cells
stay as they are ("007" is no number, "NA" is no gap) and a bad row is known by its line;
`datasets` guesses types, and is used for what only it can read: the hub, streamed.

A row that cannot be read is a row with a problem, never an exception: it takes its place
in the output with the reason.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import itertools
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from argqual.argument import read_argument_text
from argqual.errors import InputError, nearest

if TYPE_CHECKING:
    import pyarrow as pa

_ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
_DELIMITERS = (",", ";", "\t", "|")
_PEEK = 100
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it was read; `problem` says why it cannot be used."""

    cells: dict[str, Any]
    problem: str | None = None


class Source:
    """A table. `columns` are known before the first row; `schema` where the source has types of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.columns: tuple[str, ...] = ()
        self.schema: pa.Schema | None = None

    def rows(self, skip: int = 0) -> Iterator[Row]:
        """The rows, without the first `skip`."""
        raise NotImplementedError

    def count(self) -> int | None:
        """How many rows there are; None when that cannot be known before reading."""
        return None

    def identity(self) -> dict[str, str | int]:
        """By which a run that goes on recognises the table."""
        return {"kind": type(self).__name__, "name": self.name}


def is_table(spec: str) -> bool:
    """Whether this names a table: by its ending, as a folder, or as a dataset of the hub."""
    if spec.startswith("hf://"):
        return True
    if _kind(spec) in _ENDINGS:
        return not any(map(str.isspace, spec)) or Path(spec).exists()
    try:
        return Path(spec).is_dir()
    except (OSError, ValueError):
        return False


def open_source(spec: str, *, encoding: str = "utf-8", delimiter: str | None = None) -> Source:
    """The table that `spec` names.

    Raises
    ------
    InputError
        It is missing, is of no known kind, or cannot be read as what it seems to be.
    """
    if spec.startswith("hf://"):
        return _Hub(spec)
    path = Path(spec)
    if path.is_dir():
        return _Folder(path)
    if not path.is_file():
        folder = path.parent
        beside = [each.name for each in folder.iterdir()] if folder.is_dir() else []
        raise InputError(f"There is no file {spec}. {nearest(path.name, beside) if len(beside) < 50 else ''}".strip())
    kind = _kind(spec)
    if kind == ".parquet":
        return _Parquet(path)
    if kind in (".jsonl", ".ndjson"):
        return _JsonLines(path, encoding)
    if kind in (".csv", ".tsv"):
        return _Delimited(path, encoding, "\t" if kind == ".tsv" and delimiter is None else delimiter)
    raise InputError(f"{spec} is no table.", hint=f"Tables end in {', '.join(_ENDINGS)}, or are folders or hf://….")


def open_lines(stream: BinaryIO, name: str = "standard input") -> Source:
    """One argument a line: a JSON object with columns, or else text. Read as the lines come."""
    return _Stream(stream, name)


def _kind(spec: str) -> str:
    path = Path(spec.lower())
    return Path(path.stem).suffix if path.suffix == ".gz" and path.stem.count(".") else path.suffix


class _File(Source):
    def __init__(self, path: Path, encoding: str = "utf-8") -> None:
        super().__init__(str(path))
        self.path = path
        self.encoding = encoding

    def identity(self) -> dict[str, str | int]:
        about = self.path.stat()
        return {"path": str(self.path.absolute()), "bytes": about.st_size, "changed": about.st_mtime_ns}

    def _binary(self) -> IO[bytes]:
        if self.path.suffix.lower() == ".gz":
            return cast(IO[bytes], gzip.open(self.path, "rb"))
        return self.path.open("rb")

    def _text(self) -> IO[str]:
        encoding = "utf-8-sig" if self.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else self.encoding
        return io.TextIOWrapper(self._binary(), encoding=encoding, newline="")

    def _check(self) -> None:
        """Read the file once: it is better to hear of a wrong byte now than at night."""
        try:
            decoder = codecs.getincrementaldecoder(self.encoding)()
        except LookupError:
            raise InputError(f"No encoding is called '{self.encoding}'.", hint="For example utf-8 or cp1252.") from None
        read = lines = 0
        try:
            with self._binary() as file:
                while chunk := file.read(1 << 20):
                    try:
                        decoder.decode(chunk)
                    except UnicodeDecodeError as error:
                        line = lines + chunk[: error.start].count(b"\n") + 1
                        byte = error.object[error.start]
                        raise InputError(
                            f"{self.name}:{line}: not {self.encoding} (byte {read + error.start:,} is 0x{byte:02x}).",
                            hint="Name the encoding, for example --encoding cp1252.",
                        ) from None
                    read += len(chunk)
                    lines += chunk.count(b"\n")
        except (OSError, EOFError) as error:
            raise InputError(f"Cannot read {self.name}: {error}.") from None
        if not read:
            raise InputError(f"{self.name} is empty.")


class _Delimited(_File):
    def __init__(self, path: Path, encoding: str, delimiter: str | None) -> None:
        super().__init__(path, encoding)
        self._check()
        csv.field_size_limit(sys.maxsize)
        if delimiter is not None and len(delimiter) != 1:
            raise InputError(f"A delimiter is one character, not {delimiter!r}.")
        self.delimiter = delimiter or self._find_delimiter()
        header = next((cells for _, cells, _ in self._records()), [])
        self.columns = tuple(header)
        empty = [str(place) for place, name in enumerate(header, start=1) if not name.strip()]
        twice = sorted({name for name in header if header.count(name) > 1})
        if empty or twice:
            what = f"column {', '.join(empty)} has no name" if empty else f"the name {twice[0]!r} is there twice"
            raise InputError(
                f"{self.name}: the first line must name the columns, and {what}.",
                hint="Check --delimiter, or put a line with names on top.",
            )

    def _find_delimiter(self) -> str:
        with self._text() as file:
            first = next((line for line in file if line.strip()), "")
        counts = {delimiter: len(next(csv.reader([first], delimiter=delimiter), [])) for delimiter in _DELIMITERS}
        return max(_DELIMITERS, key=counts.__getitem__)

    def _records(self) -> Iterator[tuple[int, list[str], str | None]]:
        with self._text() as file:
            reader = csv.reader(file, delimiter=self.delimiter)
            while True:
                line = reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield line, [], f"line {line}: {error}"
                    continue
                if cells:
                    yield line, cells, None

    def rows(self, skip: int = 0) -> Iterator[Row]:
        width = len(self.columns)
        for line, cells, problem in itertools.islice(self._records(), skip + 1, None):
            if problem is None and len(cells) != width:
                problem = f"line {line} has {len(cells)} cells, the header has {width}"
            padded = itertools.chain(cells, itertools.repeat(""))
            yield Row(dict(zip(self.columns, padded, strict=False)), problem)

    def count(self) -> int | None:
        return max(0, sum(1 for _ in self._records()) - 1)


class _JsonLines(_File):
    def __init__(self, path: Path, encoding: str) -> None:
        super().__init__(path, encoding)
        self._check()
        self.columns = tuple(dict.fromkeys(name for row in itertools.islice(self.rows(), _PEEK) for name in row.cells))

    def rows(self, skip: int = 0) -> Iterator[Row]:
        with self._text() as file:
            numbered = ((number, line) for number, line in enumerate(file, start=1) if line.strip())
            for number, line in itertools.islice(numbered, skip, None):
                yield _json_row(line, f"line {number}")

    def count(self) -> int | None:
        with self._text() as file:
            return sum(1 for line in file if line.strip())


def _json_row(line: str, where: str) -> Row:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        said = f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
        return Row({}, f"{where}: not JSON ({said})")
    if not isinstance(found, dict):
        return Row({}, f"{where}: not a JSON object")
    return Row(found)


class _Parquet(_File):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            self._file = pq.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{path} is no Parquet file, or is cut off: {error}.") from None
        self.schema = self._file.schema_arrow
        self.columns = tuple(self.schema.names)

    def rows(self, skip: int = 0) -> Iterator[Row]:
        metadata = self._file.metadata
        first = 0
        while first < metadata.num_row_groups and metadata.row_group(first).num_rows <= skip:
            skip -= metadata.row_group(first).num_rows
            first += 1
        groups = list(range(first, metadata.num_row_groups))
        batches = self._file.iter_batches(batch_size=_BATCH, row_groups=groups) if groups else iter(())
        for batch in batches:
            if skip >= batch.num_rows:
                skip -= batch.num_rows
                continue
            for cells in batch.slice(skip).to_pylist():
                yield Row(cells)
            skip = 0

    def count(self) -> int | None:
        return int(self._file.metadata.num_rows)


class _Folder(Source):
    columns = ("file", "text")

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.columns = ("file", "text")
        self.path = path
        self._files = sorted(
            (each for each in path.rglob("*") if each.suffix.lower() in (".txt", ".md") and each.is_file()),
            key=lambda each: each.relative_to(path).as_posix(),
        )
        if not self._files:
            tables = [each.name for each in path.iterdir() if _kind(each.name) in _ENDINGS]
            hint = f"Name a table in it: {', '.join(sorted(tables)[:3])}." if tables else None
            raise InputError(f"There are no text files (.txt, .md) in {path}.", hint=hint)

    def rows(self, skip: int = 0) -> Iterator[Row]:
        for path in self._files[skip:]:
            name = path.relative_to(self.path).as_posix()
            try:
                yield Row({"file": name, "text": read_argument_text(path)})
            except InputError as error:
                yield Row({"file": name, "text": None}, error.message)

    def count(self) -> int | None:
        return len(self._files)

    def identity(self) -> dict[str, str | int]:
        digest = hashlib.sha256()
        for path in self._files:
            about = path.stat()
            digest.update(f"{path.relative_to(self.path)}\0{about.st_size}\0{about.st_mtime_ns}\0".encode())
        return {"path": str(self.path.absolute()), "files": len(self._files), "digest": digest.hexdigest()[:16]}


class _Stream(Source):
    def __init__(self, stream: BinaryIO, name: str) -> None:
        super().__init__(name)
        lines = (line for line in iter(stream.readline, b"") if line.strip())
        first = list(itertools.islice(lines, 1))
        self._rows = map(self._row, itertools.count(1), itertools.chain(first, lines))
        self.columns = tuple(self._row(1, first[0]).cells) if first else ("text",)

    def rows(self, skip: int = 0) -> Iterator[Row]:
        return itertools.islice(self._rows, skip, None)

    @staticmethod
    def _row(number: int, line: bytes) -> Row:
        try:
            text = line.decode("utf-8").strip().removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            return Row({"text": None}, f"line {number}: not UTF-8 (byte {error.start})")
        if text.startswith("{"):
            row = _json_row(text, f"line {number}")
            return row if row.problem is None else Row({"text": text})
        try:
            found = json.loads(text) if text.startswith('"') else text
        except ValueError:
            found = text
        return Row({"text": found})


class _Hub(Source):
    """A dataset of the Hugging Face hub, streamed: `hf://OWNER/NAME:SPLIT` or `hf://OWNER/NAME/CONFIG:SPLIT`."""

    def __init__(self, spec: str) -> None:
        super().__init__(spec)
        address, _, split = spec.removeprefix("hf://").partition(":")
        parts = address.strip("/").split("/")
        if len(parts) not in (2, 3) or not all(parts):
            raise InputError(
                f"{spec} is no dataset.", hint="Write hf://OWNER/NAME:SPLIT or hf://OWNER/NAME/CONFIG:SPLIT."
            )
        self._repository = "/".join(parts[:2])
        self._configuration = parts[2] if len(parts) == 3 else None
        self._split = split or "train"
        self._data = self._load()
        features = self._data.features
        if features is not None:
            self.columns, self.schema = tuple(features), features.arrow_schema.remove_metadata()
        else:
            first: dict[str, Any] = next(iter(self._data), {})
            self.columns = tuple(first)

    def _load(self) -> Any:
        datasets = import_module("datasets")  # whose names mypy does not find
        datasets.disable_progress_bars()
        try:
            found = datasets.load_dataset(self._repository, self._configuration, streaming=True)
        except Exception as error:  # the library raises many kinds, of several packages
            said = str(error).strip().split("\n")[0]
            raise InputError(
                f"{self.name} cannot be read: {said or type(error).__name__}",
                hint="Check the name and the network; a gated dataset needs HF_TOKEN.",
            ) from None
        if self._split not in found:
            raise InputError(f"{self.name}: there is no split '{self._split}'. {nearest(self._split, found)}")
        return found[self._split]

    def rows(self, skip: int = 0) -> Iterator[Row]:
        data: Iterable[dict[str, Any]] = self._data.skip(skip) if skip else self._data
        for cells in data:
            yield Row(cells)

    def count(self) -> int | None:
        splits = getattr(self._data.info, "splits", None) or {}
        known = splits.get(self._split)
        return known.num_examples if known is not None and known.num_examples else None

    def identity(self) -> dict[str, str | int]:
        from huggingface_hub import HfApi

        try:
            revision = HfApi().dataset_info(self._repository).sha or "unknown"
        except Exception:  # a mirror may lack it; then the name alone has to do
            revision = "unknown"
        return {
            "dataset": self._repository,
            "configuration": self._configuration or "",
            "split": self._split,
            "revision": revision,
        }
