"""A scored table, written as it grows and never seen half written.

While a job runs, its finished rows lie in `OUTPUT.partial/` as parts, each whole, in the
output's own format; a killed process loses no part, and a resumed one goes on after the
last. At the end the parts become one file, which takes the output's place in one step.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from argqual.errors import InputError
from argqual.tabular.sources import open_source

if TYPE_CHECKING:
    import pyarrow as pa

_FORMATS = {".parquet": ".parquet", ".jsonl": ".jsonl", ".ndjson": ".jsonl", ".csv": ".csv", ".tsv": ".tsv"}
_GROUP_ROWS, _GROUP_BYTES = 100_000, 64 << 20
Cells = Mapping[str, Any]


class TableOutput:
    """A scored table on its way into a file.

    Parameters
    ----------
    path
        Its ending says the format: .parquet, .jsonl, .ndjson, .csv or .tsv.
    results
        The result columns in order, each str, float, int or dict (a JSON object).
    source_schema
        Arrow types of the carried columns, where the source has them.
    job
        What is done here, as JSON-able data; a run that goes on must be the same job.

    Attributes
    ----------
    rows_done
        Rows that earlier runs of the job finished.
    finished
        With `resume`: the output is there already.

    Raises
    ------
    InputError
        The output cannot be written there, is there already, is being written, or belongs
        to another job.
    """

    def __init__(
        self,
        path: Path,
        *,
        results: Mapping[str, type],
        source_schema: pa.Schema | None,
        job: Mapping[str, Any],
        resume: bool = False,
        overwrite: bool = False,
        part_rows: int = 1000,
    ) -> None:
        self.path = path
        self.finished = False
        self.rows_done = 0
        self._format = _format_of(path)
        self._results = results
        self._schema = source_schema
        self._part_rows = part_rows
        self._rows: list[dict[str, Any]] = []
        self._columns: dict[str, None] = dict.fromkeys(source_schema.names) if source_schema is not None else {}
        self._folder = path.with_name(f"{path.name}.partial")
        if path.is_dir():
            raise InputError(f"{path} is a folder.", hint="Give the name of a file.")
        if not path.parent.is_dir():
            raise InputError(f"There is no folder {path.parent}.", hint="Make it first.")
        if (self._folder / "_finished").exists():  # killed on the last steps, which are all that is left
            self._lock = self._locked()
            self._take_its_place()
        if not self._folder.exists():
            if path.exists() and resume:
                self.finished = True
                return
            if path.exists() and not overwrite:
                raise InputError(f"{path} is there already.", hint="--overwrite replaces it; or name another --output.")
        try:
            self._folder.mkdir(exist_ok=True)
            self._lock = self._locked()
        except OSError as error:
            raise InputError(f"Cannot write beside {path}: {error.strerror or error}.") from None
        self._begin(json.loads(json.dumps(job, default=str)), resume=resume, overwrite=overwrite)

    def _begin(self, job: Any, *, resume: bool, overwrite: bool) -> None:
        described = self._folder / "_job.json"
        if overwrite:
            for each in self._folder.iterdir():
                if each.name != "_lock":
                    each.unlink()
        if described.exists():
            before = json.loads(described.read_text(encoding="utf-8"))
            parts = list(self._parts())
            if not resume:
                self._lock.release()
                raise InputError(
                    f"An unfinished run is in {self._folder} ({len(parts)} parts).",
                    hint="--resume goes on with it, --overwrite starts again.",
                )
            if differing := [key for key in {**before, **job} if before.get(key) != job.get(key)]:
                self._lock.release()
                said = "; ".join(f"{key}: {before.get(key)!r}, now {job.get(key)!r}" for key in differing)
                raise InputError(
                    f"The unfinished run in {self._folder} was another one. {said}",
                    hint="Use the same table and options, or start again with --overwrite.",
                )
            self.rows_done = sum(int(part.stem.split("-")[2]) for part in parts)
        else:
            self._write_whole("_job.json", json.dumps(job, indent=2).encode())
        for leftover in self._folder.glob("_tmp*"):
            leftover.unlink()
        self._number = len(list(self._parts()))

    def append(self, cells: Cells, result: Cells) -> None:
        """Add a row: the carried cells, then the results.

        Raises
        ------
        InputError
            A carried column has the name of a result column.
        """
        row = _joined(cells, result)
        if cells.keys() - self._columns.keys():
            self._columns |= dict.fromkeys(cells)
        self._rows.append(row)
        if len(self._rows) >= self._part_rows:
            self.flush()

    def flush(self) -> None:
        """Write what is buffered as a part."""
        if not self._rows:
            return
        rows, self._rows = self._rows, []
        name = f"part-{self._number:06d}-{len(rows)}{self._format}"
        if self._format == ".parquet":
            import pyarrow.parquet as pq

            buffer = io.BytesIO()
            pq.write_table(self._table(rows), buffer, compression="zstd")
            self._write_whole(name, buffer.getvalue())
        elif self._format == ".jsonl":
            self._write_whole(name, b"".join(_json_line(row) for row in rows))
        else:
            columns = [*self._columns, *self._results]
            lines = [_delimited(columns, self._format)]
            lines += (_delimited([_cell(row.get(column)) for column in columns], self._format) for row in rows)
            self._write_whole(name, b"".join(lines))
        self._number += 1

    def finish(self) -> None:
        """Make one file of the parts and put it in the output's place."""
        self.flush()
        whole = self._folder / "_whole"
        parts = list(self._parts())
        if self._format == ".parquet":
            _join_parquet(parts, whole, self._results, self._schema)
        elif self._format == ".jsonl":
            _join_bytes(parts, whole, b"")
        else:
            self._join_delimited(parts, whole)
        with whole.open("rb+") as file:
            os.fsync(file.fileno())
        self._write_whole("_finished", b"")
        self._take_its_place()

    def discard(self) -> None:
        """Forget the rows of this run; an earlier output stays."""
        self._lock.release()
        shutil.rmtree(self._folder)

    def _take_its_place(self) -> None:
        """The last steps, which a run that was killed among them repeats."""
        whole = self._folder / "_whole"
        if whole.exists():
            os.replace(whole, self.path)
        for each in self._folder.iterdir():
            if each.name not in ("_finished", "_lock"):
                each.unlink()
        self._lock.release()
        shutil.rmtree(self._folder)

    def _parts(self) -> Iterator[Path]:
        yield from sorted(self._folder.glob(f"part-*{self._format}"))

    def _locked(self) -> Any:
        from filelock import FileLock, Timeout

        lock = FileLock(self._folder / "_lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise InputError(f"Another run is writing {self.path}.", hint="Wait for it, or stop it first.") from None
        return lock

    def _write_whole(self, name: str, content: bytes) -> None:
        temporary = self._folder / f"_tmp-{name}"
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self._folder / name)

    def _table(self, rows: list[dict[str, Any]]) -> pa.Table:
        import pyarrow as pa

        arrays = {}
        for column in self._columns:
            values = [row.get(column) for row in rows]
            if self._schema is not None and column in self._schema.names:
                arrays[column] = pa.array(values, type=self._schema.field(column).type)
            else:
                arrays[column] = _inferred(values)
        for column, kind in self._results.items():
            values = [row.get(column) for row in rows]
            arrays[column] = pa.array(map(_json_text, values) if kind is dict else values, type=_arrow_type(kind))
        return pa.table(arrays)

    def _join_delimited(self, parts: list[Path], whole: Path) -> None:
        header = _delimited([*self._all_columns(parts), *self._results], self._format)
        if all(_begins(part, header) for part in parts):
            _join_bytes(parts, whole, header)
            return
        columns = next(csv.reader([header.decode()], delimiter=_delimiter(self._format)))
        with whole.open("wb") as file:
            file.write(header)
            for part in parts:
                with part.open(encoding="utf-8", newline="") as rows:
                    for row in csv.DictReader(rows, delimiter=_delimiter(self._format)):
                        file.write(_delimited([row.get(column) or "" for column in columns], self._format))

    def _all_columns(self, parts: list[Path]) -> list[str]:
        found: dict[str, None] = {}
        for part in parts:
            with part.open(encoding="utf-8", newline="") as file:
                found |= dict.fromkeys(next(csv.reader(file, delimiter=_delimiter(self._format)), []))
        found |= self._columns if not parts else {}
        return [column for column in found if column not in self._results]


class StreamOutput:
    """Scored rows on a stream, each as soon as it is there."""

    def __init__(self, stream: TextIO, format: str, *, results: Mapping[str, type]) -> None:
        self._stream = stream
        self._format = format
        self._results = results
        self._columns: list[str] | None = None

    def append(self, cells: Cells, result: Cells) -> None:
        row = _joined(cells, result)
        if self._format == "jsonl":
            self._stream.write(_json_line(row).decode())
        else:
            if self._columns is None:
                self._columns = list(row)
                self._stream.write(_delimited(self._columns, ".csv").decode())
            self._stream.write(_delimited([_cell(row.get(column)) for column in self._columns], ".csv").decode())
        self._stream.flush()

    def finish(self) -> None:
        self._stream.flush()


def iter_scored(
    path: Path, results: Mapping[str, type]
) -> tuple[pa.Schema | None, Iterator[tuple[dict[str, Any], dict[str, Any]]]]:
    """A finished output again: the types of its carried columns, and its rows as (carried, results).

    Raises
    ------
    InputError
        It lacks result columns, or is none of argqual's outputs.
    """
    source = open_source(str(path), delimiter="," if path.suffix.lower() == ".csv" else None)
    if missing := [column for column in results if column not in source.columns]:
        raise InputError(
            f"{path} has no column '{missing[0]}': it was not scored like this.",
            hint="Use the framework, --prefix and --details it was scored with.",
        )
    schema: Any = source.schema
    if schema is not None:
        for column in results:
            schema = schema.remove(schema.get_field_index(column))

    def rows() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        for row in source.rows():
            carried = {name: value for name, value in row.cells.items() if name not in results}
            yield carried, {name: _restored(row.cells.get(name), kind) for name, kind in results.items()}

    return schema, rows()


def _joined(cells: Cells, result: Cells) -> dict[str, Any]:
    if both := cells.keys() & result.keys():
        raise InputError(
            f"The table has columns of the same names already: {', '.join(sorted(both))}.",
            hint="Choose another --prefix, for example --prefix second_.",
        )
    return {**cells, **result}


def _restored(value: Any, kind: type) -> Any:
    if value is None or value == "":
        return None
    if kind is dict:
        return json.loads(value) if isinstance(value, str) else value
    return kind(value)


def _format_of(path: Path) -> str:
    found = _FORMATS.get(path.suffix.lower())
    if found is None:
        raise InputError(f"{path}: the format is not known by this ending.", hint="Use .parquet, .jsonl, .csv or .tsv.")
    return found


def _plain(value: Any) -> Any:
    """A value as JSON can have it: dates as ISO text, bytes as base64, what is no number as null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, date | time):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)


def _json_text(value: Any) -> str | None:
    return None if value is None else json.dumps(_plain(value), ensure_ascii=False)


def _json_line(row: Cells) -> bytes:
    text = json.dumps({name: _plain(value) for name, value in row.items()}, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace") + b"\n"  # a lone surrogate as JSON writes it


def _cell(value: Any) -> str:
    if value is None:
        return ""
    plain = _plain(value)
    if isinstance(plain, str):
        return plain
    return "" if plain is None else json.dumps(plain, ensure_ascii=False)


def _delimiter(format: str) -> str:
    return "\t" if format == ".tsv" else ","


def _delimited(cells: Iterable[str], format: str) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=_delimiter(format), lineterminator="\n").writerow(cells)
    return buffer.getvalue().encode("utf-8", "backslashreplace")


def _begins(part: Path, header: bytes) -> bool:
    with part.open("rb") as file:
        return file.read(len(header)) == header


def _join_bytes(parts: Iterable[Path], whole: Path, header: bytes) -> None:
    with whole.open("wb") as file:
        file.write(header)
        for part in parts:
            with part.open("rb") as rows:
                rows.seek(len(header))
                shutil.copyfileobj(rows, file)


def _arrow_type(kind: type) -> pa.DataType:
    import pyarrow as pa

    return {str: pa.string(), float: pa.float64(), int: pa.int64(), dict: pa.string()}[kind]


def _inferred(values: list[Any]) -> pa.Array:
    """Values of one type as it is; of several as text."""
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return pa.array([_as_text(value) for value in values], type=pa.string())


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else _json_text(value)
    return text.encode("utf-8", "backslashreplace").decode() if text is not None else None


def _join_parquet(parts: list[Path], whole: Path, results: Mapping[str, type], schema: pa.Schema | None) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types: dict[str, list[Any]] = {} if schema is None else {field.name: [field.type] for field in schema}
    for part in parts:
        for field in pq.read_schema(part):
            seen = types.setdefault(field.name, [])
            if field.type not in seen:
                seen.append(field.type)
    carried = [pa.field(name, _common(seen)) for name, seen in types.items() if name not in results]
    final = pa.schema([*carried, *(pa.field(name, _arrow_type(kind)) for name, kind in results.items())])
    with pq.ParquetWriter(whole, final, compression="zstd") as writer:
        waiting: list[pa.Table] = []
        for part in parts:
            waiting.append(_fitted(pq.read_table(part), final))
            enough = sum(table.num_rows for table in waiting) >= _GROUP_ROWS
            if enough or sum(table.nbytes for table in waiting) >= _GROUP_BYTES:
                writer.write_table(pa.concat_tables(waiting))
                waiting = []
        if waiting:
            writer.write_table(pa.concat_tables(waiting))


def _common(types: list[Any]) -> Any:
    """The type that can hold all: numbers as numbers, everything else that differs as text."""
    import pyarrow as pa

    some = [each for each in types if not pa.types.is_null(each)]
    if not some:
        return pa.string()
    if len(some) == 1:
        return some[0]
    if all(pa.types.is_integer(each) or pa.types.is_floating(each) for each in some):
        return pa.float64()
    return pa.string()


def _fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    columns = []
    for field in schema:
        place = table.schema.get_field_index(field.name)
        if place < 0:
            columns.append(pa.nulls(table.num_rows, field.type))
            continue
        column = table.column(place)
        if column.type == field.type:
            columns.append(column)
        elif pa.types.is_null(column.type):
            columns.append(pa.nulls(table.num_rows, field.type))
        elif pa.types.is_floating(field.type):
            columns.append(column.cast(field.type, safe=False))
        else:
            columns.append(pa.array([_as_text(value) for value in column.to_pylist()], type=pa.string()))
    return pa.table(columns, schema=schema)
