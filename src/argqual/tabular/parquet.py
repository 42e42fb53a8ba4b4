"""Parquet files, read and written. pyarrow is loaded only where one is opened."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from argqual.errors import InputError
from argqual.tabular.arrowrows import arrow_rows
from argqual.tabular.table import CHUNK, PartWriter, Spelling, TableRow, TableSource, file_identity, reason_of

_BATCH_ROWS = 1000
_BATCH_BYTES = 16 << 20


class ParquetSource(TableSource):
    """A Parquet file, read in pieces: a row group need not fit into memory."""

    def __init__(self, path: Path, _: Spelling) -> None:
        self.path, self.name = path, str(path)
        file = self._open()
        try:
            self.schema = file.schema_arrow
            self.columns = tuple(file.schema_arrow.names)
        except UnicodeDecodeError as error:
            raise InputError(
                f"{path} names a column in no UTF-8 ({reason_of(error)}).", hint="Write it again."
            ) from None
        twice = [f"'{name}'" for name, times in Counter(self.columns).items() if times > 1]
        if twice:
            raise InputError(f"{path} names the column {', '.join(twice)} more than once.", hint="Rename the columns.")
        if not self.columns:
            raise InputError(f"{path} has no columns.")
        for field in self.schema:
            if _has_twins(field.type):
                raise InputError(
                    f"{path}: the column '{field.name}' cannot be read: two fields in it have one name ({field.type}).",
                    hint="Rename them, or write the table without the column.",
                )

    def _open(self) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return pq.ParquetFile(self.path, buffer_size=CHUNK, pre_buffer=False)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"{self.path} is no Parquet file, or it was cut off ({reason_of(error)}).",
                hint="Download or write it again.",
            ) from None

    def count(self) -> int:
        return int(self._open().metadata.num_rows)

    def identity(self) -> dict[str, str | int]:
        return file_identity("parquet", self.path)

    def rows(self, skip: int = 0) -> Iterator[TableRow]:
        import pyarrow as pa

        file = self._open()
        groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
        said = int(file.metadata.num_rows)
        first = before = 0
        while first < len(groups) and before + groups[first].num_rows <= skip:
            before += groups[first].num_rows
            first += 1
        if first == len(groups) and before == said:
            return
        size = max((group.total_byte_size / max(group.num_rows, 1) for group in groups[first:]), default=1)
        batches = file.iter_batches(
            batch_size=max(1, min(_BATCH_ROWS, int(_BATCH_BYTES / max(size, 1)))),
            row_groups=range(first, len(groups)),
            use_threads=False,
        )
        done = before
        try:
            for batch in batches:
                start = max(0, skip - done)
                yield from arrow_rows(batch.slice(start), done + start + 1)
                done += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{self.path} is damaged after row {done:,} ({reason_of(error)}).") from None
        if done != said:
            raise InputError(f"{self.path} is damaged: it says that it has {said:,} rows, and holds {done:,}.")


def _has_twins(kind: Any) -> bool:
    """Whether some object in a column has two fields of one name, which Python's have not."""
    import pyarrow as pa

    names = [kind.field(place).name for place in range(kind.num_fields)]
    if pa.types.is_struct(kind) and len(set(names)) < len(names):
        return True
    return any(_has_twins(kind.field(place).type) for place in range(kind.num_fields))


def parquet_parts(results: Mapping[str, type], schema: Any) -> PartWriter:
    """What writes Parquet parts."""
    from argqual.tabular.arrow import ParquetParts

    return ParquetParts(results, schema)
