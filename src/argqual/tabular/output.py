"""A table with its scores, written so that nothing finished is ever lost.

While a job runs, finished rows lie in the folder `<path>.partial/` as whole parts, in the output's own format:

    part-000000.jsonl …   renamed into place when they are on the disk
    _job.json             what is being done; a resumed run must be doing the same
    _lock                 held by the run that writes
    _tmp-…                being written; thrown away by the next run
    _finished             the output is whole, and is being put in its place

`finish` makes the parts one file. Until that one replaces the output, whatever stood there before stays.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from argqual.errors import InputError
from argqual.tabular.delimited import header_line, line_writer
from argqual.tabular.sources import FORMATS, TableFormat, open_source
from argqual.tabular.table import as_json, as_text, restored, settled, well_formed

if TYPE_CHECKING:
    import pyarrow as pa
    from filelock import FileLock

_PART = re.compile(r"part-(\d{6,})\.\w+")
_MOST_BUFFERED = 16 << 20  # bytes of text; many long rows become a part before `part_rows` of them are there


class TableOutput:
    """The file that a job writes, row by row, in the order of the source.

    `path` ends in .csv, .tsv, .jsonl, .ndjson or .parquet. `results` are the result columns in order, each with the
    type of its cells: str, float, int or dict (a JSON object); any cell may be None. `source_schema` has the Arrow
    types that carried columns keep in Parquet; None to find them from the cells. `job` is what is being done, as JSON:
    a resumed run must have the same. `resume` goes on with the parts of an earlier run, if there are any; `overwrite`
    begins anew, and the old output stays until the new one is whole. A killed run loses `part_rows` rows at most.

    `rows_done` are the rows that earlier runs finished, and `finished` says that the output is there already.

    Raises an `InputError` if the output cannot be written there, another run is writing it, it or a part of it is
    there and neither `resume` nor `overwrite` is given, or the part is another job's.
    """

    def __init__(
        self,
        path: Path,
        *,
        results: Mapping[str, type],
        source_schema: "pa.Schema | None",
        job: Mapping[str, Any],
        resume: bool = False,
        overwrite: bool = False,
        part_rows: int = 1000,
    ) -> None:
        self.path = followed(path)
        self.folder = partial_folder(path)
        self._ending = path.suffix.lower()
        self.rows_done = 0
        self.finished = False
        self._resume, self._overwrite = resume, overwrite
        self._results = dict(results)
        self._part_rows = part_rows
        self._format = _format(path).parts(self._results, source_schema)
        self._rows: list[Any] = []
        self._bytes = 0
        self._parts: list[Path] = []
        self._lock: FileLock | None = None
        _check_place(self.path, self.folder)
        if not self.folder.exists() and self._is_settled():
            return
        with _writing(self.folder):
            self.folder.mkdir(exist_ok=True)
        self._lock = _locked(self.folder, path)
        try:
            with _writing(self.folder):
                self._start(json.loads(json.dumps(job, default=str)))
        except BaseException:
            self.close()
            raise
        if self.finished:
            self.close()

    def append(self, cells: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """Add a row: the cells carried over from the source, and the result.

        Raises an `InputError` if a result column has the name of a carried one, or the disk is full.
        """
        refuse_shared(cells, self._results)
        row = self._format.row(cells, [settled(result.get(name), kind) for name, kind in self._results.items()])
        self._rows.append(row)
        self._bytes += self._format.size(row)
        if len(self._rows) >= self._part_rows or self._bytes >= _MOST_BUFFERED:
            self.flush()

    def flush(self) -> None:
        """Write the rows that are not in a part yet as one; after it they survive a kill."""
        if not self._rows:
            return
        part = self.folder / f"part-{len(self._parts):06d}{self._ending}"
        with _writing(self.folder):
            _put(part, lambda file: self._format.write_part(file, self._rows))
        # Only now: a flush that failed can be tried again, and writes the same part.
        self._parts.append(part)
        self._rows, self._bytes = [], 0

    def finish(self) -> None:
        """Make the parts the output file, in one step, and remove their folder."""
        if self.finished:
            return
        self.flush()
        whole = self.folder / "_tmp-output"
        with _writing(self.folder):
            _write_synced(whole, lambda file: self._format.join(self._parts, file))
            _put(self.folder / "_finished", lambda file: file.write(b"{}\n"))
            self._replace()
            self.finished = True
            self._clear()
        self.close()

    def discard(self) -> None:
        """Throw away what this job wrote; an older output stays as it was."""
        self._rows, self._bytes = [], 0
        with _writing(self.folder):
            self._clear()
        self.close()

    def close(self) -> None:
        """Let another run write; finished parts stay, rows that are in none are dropped."""
        if self._lock is None:
            return
        lock, self._lock = self._lock, None
        with suppress(OSError):  # on Windows a lock that is held cannot go, and another run may have come meanwhile
            if [entry.name for entry in self.folder.iterdir()] == ["_lock"]:
                (self.folder / "_lock").unlink()
                self.folder.rmdir()
        lock.release()

    def _is_settled(self) -> bool:
        """Whether a whole output and no part of one is there, to be left alone."""
        if self._overwrite or not self.path.exists():
            return False
        if not self._resume:
            raise InputError(
                f"{self.path} is there already.", hint="Name another file, or give --overwrite to write it anew."
            )
        self.finished = True
        return True

    def _start(self, job: dict[str, Any]) -> None:
        """Take over what earlier runs left, or begin."""
        if (self.folder / "_finished").exists():
            # Killed while it finished: what it still had to do is done now.
            self._replace()
            self._clear()
        for left in self.folder.glob("_tmp*"):
            left.unlink()
        if self._overwrite:
            self._clear()
        known = read_job(self.path)
        self._parts = _parts(self.folder)
        if known is None and self._parts:
            raise InputError(
                f"{self.folder} holds parts of a run, but not what it was.",
                hint="--overwrite starts again, or move the folder away.",
            )
        if known is None:
            if not self._is_settled():
                _put(self.folder / "_job.json", lambda file: file.write(f"{json.dumps(job, indent=1)}\n".encode()))
            return
        rows = [self._format.read_part(part) for part in self._parts]
        self.rows_done = sum(rows)
        if not self._resume:
            raise InputError(
                f"An unfinished run of {self.rows_done:,} rows is in {self.folder}.",
                hint="--resume goes on with it, --overwrite starts again.",
            )
        if differing := _differing(known, job):
            raise InputError(
                f"The unfinished run in {self.folder} did something else: {'; '.join(differing)}.",
                hint="Give the same options as then, or --overwrite to start again.",
            )

    def _replace(self) -> None:
        """Put the whole output in its place, unless that was done before."""
        whole = self.folder / "_tmp-output"
        if whole.exists():
            os.replace(whole, self.path)
            _sync_folder(self.path.parent)

    def _clear(self) -> None:
        """Empty the folder but for the lock, so that what a kill leaves is still a run that can go on.

        Parts go from the last to the first, the job after them, and the mark of a finished run last.
        """
        for part in reversed(_parts(self.folder, check=False)):
            part.unlink(missing_ok=True)
        last = {"_job.json": 1, "_finished": 2}
        for left in sorted(self.folder.glob("_*"), key=lambda path: last.get(path.name, 0)):
            if left.name != "_lock":
                left.unlink(missing_ok=True)
        self._parts = []


class StreamOutput:
    """The same rows to a text stream, as `jsonl` or `csv`, each sent at once.

    `columns` are the carried columns of a CSV stream, by default those of its first row. Carried columns that come
    only after its header was sent are not in it; `left_out` has their names.
    """

    def __init__(
        self, stream: TextIO, format: str, *, results: Mapping[str, type], columns: Sequence[str] | None = None
    ) -> None:
        if format not in ("jsonl", "csv"):
            raise InputError(f"A stream is written as jsonl or csv, not as {format}.")
        self._stream = stream
        self._results = dict(results)
        self._line = line_writer(",") if format == "csv" else None
        self._columns = None if columns is None else list(columns)
        self._started = False
        encoding = (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "").replace("_", "")
        self._ascii = not encoding.startswith("utf")
        self.left_out: list[str] = []

    def append(self, cells: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """Send a row. A reader that is gone raises BrokenPipeError."""
        refuse_shared(cells, self._results)
        values = [settled(result.get(name), kind) for name, kind in self._results.items()]
        if self._line is None:
            self._send(as_json({**cells, **dict(zip(self._results, values, strict=True))}, ascii=self._ascii) + "\n")
            return
        self._start(cells)
        columns = self._columns or []
        self.left_out += [name for name in cells if name not in columns and name not in self.left_out]
        self._send(self._line([as_text(cells.get(name)) for name in columns] + [as_text(v) for v in values]))

    def flush(self) -> None:
        self._stream.flush()

    def finish(self) -> None:
        """Send the header, if no row has brought it."""
        if self._line is not None:
            self._start({})
        self.flush()

    def _start(self, cells: Mapping[str, Any]) -> None:
        assert self._line is not None
        if not self._started:
            self._started = True
            if self._columns is None:
                self._columns = list(cells)
            self._send(header_line(",", [*self._columns, *self._results]))

    def _send(self, line: str) -> None:
        line = well_formed(line)
        if self._ascii:
            line = line.encode(self._stream.encoding, "backslashreplace").decode(self._stream.encoding)
        self._stream.write(line)
        self._stream.flush()


def followed(path: Path) -> Path:
    """Where an output is written: a link stays one, and what it leads to is replaced."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def partial_folder(path: Path) -> Path:
    """Where the parts of an unfinished output lie."""
    path = followed(path)
    return path.with_name(f"{path.name}.partial")


def read_job(path: Path) -> dict[str, Any] | None:
    """The job whose unfinished output this is; None if there is none. An `InputError` if it cannot be read."""
    file = partial_folder(path) / "_job.json"
    try:
        job = json.loads(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot read {file}: {error}.", hint="--overwrite starts again.") from None
    if not isinstance(job, dict):
        raise InputError(f"{file} is not a job of argqual's.", hint="--overwrite starts again.")
    return job


def job_began(path: Path) -> float | None:
    """When the unfinished output of this path was begun (seconds since 1970); None if there is none."""
    file = partial_folder(path) / "_job.json"
    return file.stat().st_mtime if file.exists() else None


def iter_scored(
    path: Path, results: Mapping[str, type]
) -> tuple["pa.Schema | None", Iterator[tuple[dict[str, Any], dict[str, Any]]]]:
    """A finished output again: Arrow types of the carried columns, for Parquet, and its rows.

    Each row is its carried cells, and its result cells in their types. Raises an `InputError` if it is no such
    output, or not of these result columns; while reading, if a cell of them is broken.
    """
    format = _format(path)
    if path.is_dir():
        raise InputError(f"{path} is not an output of argqual's.")
    if path.is_file() and not path.stat().st_size:
        return None, iter(())  # JSON lines of no rows
    source = open_source(str(path), delimiter=format.delimiter, quoting="minimal")
    missing = [name for name in results if name not in source.columns]
    if missing:
        raise InputError(
            f"{path} has not the result columns {', '.join(missing)}.",
            hint="It was scored by another framework, or with another --prefix.",
        )
    schema = source.schema
    if schema is not None:
        for name in results:
            schema = schema.remove(schema.get_field_index(name))

    def rows() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        for number, row in enumerate(source.rows(), 1):
            if row.problem is not None:
                raise InputError(f"{path}: {row.problem}.")
            scored = {}
            for name, kind in results.items():
                try:
                    scored[name] = restored(row.cells.get(name), kind)
                except ValueError:
                    raise InputError(
                        f"{path}: row {number} has {row.cells.get(name)!r:.60} in the column {name}, "
                        f"which is no {_SAID[kind]}."
                    ) from None
            yield {name: value for name, value in row.cells.items() if name not in results}, scored

    return schema, rows()


_SAID = {str: "text", float: "number", int: "whole number", dict: "JSON object"}


def _format(path: Path) -> TableFormat:
    """The format that an output is written in; compressed ones are only read."""
    if found := FORMATS.get(path.suffix.lower()):
        return found
    raise InputError(
        f"{path}: which format? A table is written as .csv, .tsv, .jsonl (or .ndjson) or .parquet.",
        hint=f"For example: --output {path.with_suffix('.csv') if path.name else 'scores.csv'}.",
    )


def refuse_shared(names: Iterable[str], results: Mapping[str, type]) -> None:
    """Raise an InputError when a carried column has the name of a result."""
    if shared := results.keys() & names:
        listed = ", ".join(name for name in results if name in shared)
        raise InputError(
            f"The table has columns with the names of results: {listed}.",
            hint="Give the results other names, for example: --prefix new_.",
        )


def _parts(folder: Path, *, check: bool = True) -> list[Path]:
    """The parts in order; an `InputError` if one is missing."""
    found = {int(match[1]): path for path in folder.glob("part-*") if (match := _PART.fullmatch(path.name))}
    numbers = sorted(found)
    if check and numbers != list(range(len(numbers))):
        gone = next(number for number, there in enumerate(numbers) if number != there)
        raise InputError(f"part-{gone:06d} is missing from {folder}.", hint="--overwrite starts again.")
    return [found[number] for number in numbers]


def _differing(then: Any, now: Any, name: str = "") -> list[str]:
    """What differs between two jobs, each with both values."""
    if isinstance(then, dict) and isinstance(now, dict):
        found = []
        for key in {**then, **now}:
            found += _differing(then.get(key), now.get(key), f"{name}.{key}" if name else key)
        return found
    return [] if then == now else [f"{name} was {json.dumps(then):.200}, is {json.dumps(now):.200}"]


def _check_place(path: Path, folder: Path) -> None:
    parent = path.parent
    if path.is_dir():
        raise InputError(f"{path} is a folder.", hint="Name a file in it.")
    if path.is_symlink():
        raise InputError(f"{path} is a link that leads back to itself.", hint="Name a file.")
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is no file that could be replaced.", hint="Name a file, or leave out --output.")
    if not parent.is_dir():
        raise InputError(f"There is no folder {parent} to write {path.name} into.", hint="Make it first.")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(f"Nothing may be written into the folder {parent}.")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is in the way: unfinished runs are kept in a folder of that name.")


def _locked(folder: Path, path: Path) -> "FileLock":
    from filelock import FileLock, Timeout

    lock = FileLock(folder / "_lock", timeout=0)
    try:
        with _writing(folder):
            lock.acquire()
    except Timeout:
        raise InputError(
            f"Another run is writing {path}.", hint="Wait until it is done, or name another output."
        ) from None
    return lock


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, TimeoutError):  # filelock's
            raise
        raise InputError(f"Cannot write {error.filename or folder}: {error.strerror or error}.") from error


def _put(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Write a file that is either whole or not there."""
    temporary = path.with_name(f"_tmp-{path.name}")
    _write_synced(temporary, write)
    os.replace(temporary, path)
    _sync_folder(path.parent)


def _write_synced(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    with path.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # it has no such call
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
