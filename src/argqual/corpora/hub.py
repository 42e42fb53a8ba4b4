"""Splits of a data set of the Hugging Face hub, written as CSV files."""

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from argqual.corpora.card import CardSource
from argqual.downloads.disk import DISK_FULL
from argqual.downloads.files import SourceError, WantedFile, said_by
from argqual.downloads.http import quiet
from argqual.downloads.hub import dataset_revision, stream_dataset, trouble_of
from argqual.downloads.job import FetchJob


def from_splits(job: FetchJob, source: CardSource) -> None:
    """Write each split as CSV. It is streamed, so nothing of it stays in other caches."""
    repository = source.hub or ""
    with _asking_hub(repository):
        revision = dataset_revision(repository, source.revision)

    def bring(file: WantedFile) -> None:
        split = source.splits.get(file.path)
        if split is None:
            raise SourceError(f"{file.path} is not among its splits")
        draft = job.draft(file)
        with draft.open("w", encoding="utf-8", newline="") as out, _asking_hub(repository):
            data = stream_dataset(repository, source.config, split=split, revision=revision)
            _write_split(data, csv.writer(out, lineterminator="\n"), lambda: job.report(out.tell()))
        job.keep(file, draft)

    job.each(bring)


def _write_split(data: Any, out: Any, report: Callable[[], None]) -> None:
    from argqual.tabular.parquet import arrow_rows

    columns = list(data.features) if data.features is not None else []
    if columns:
        out.writerow(columns)
    for table in data.with_format("arrow").iter(batch_size=1000):
        if not columns:
            columns = list(table.column_names)
            out.writerow(columns)
        for row in arrow_rows(table, 1):
            if row.problem:
                raise SourceError(row.problem)
            out.writerow([_cell_text(row.cells.get(column)) for column in columns])
        report()


def _cell_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return repr(value) if isinstance(value, float) else str(value)


@contextmanager
def _asking_hub(repository: str) -> Iterator[None]:
    """Turn what the hub's libraries raise into a SourceError."""
    try:
        with quiet("httpx", "httpx2", "huggingface_hub", "datasets"):
            yield
    except SourceError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise
        trouble = trouble_of(error)
        said = {
            "gated": f"access to {repository} has to be asked for: accept its terms at "
            f"https://huggingface.co/datasets/{repository}, then: hf auth login",
            "absent": f"no public data set '{repository}'",
            "unreachable": f"cannot be reached: {said_by(error)}",
            "other": f"{repository}: {said_by(error)}",
        }
        raise SourceError(said[trouble], unreachable=trouble in ("gated", "unreachable")) from None
