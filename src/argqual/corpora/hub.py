"""Splits of a data set of the Hugging Face hub, written as CSV files."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from argqual.corpora.card import File, Place
from argqual.downloads.download import CONNECT_SECONDS, quiet, said_by
from argqual.downloads.sources import DISK_FULL, SourceError, no_connection
from argqual.errors import CorpusError

if TYPE_CHECKING:
    from argqual.corpora.fetch import FetchJob


def from_hub(job: FetchJob, place: Place) -> None:
    """Write each split as CSV. It is streamed, so nothing of it stays in other caches."""
    with _asking_hub(place):
        revision = _revision(place)

    def bring(file: File) -> None:
        split = place.splits.get(file.path)
        if split is None:
            raise SourceError(f"{file.path} is not among its splits")
        draft = job.draft(file)
        with draft.open("w", encoding="utf-8", newline="") as out, _asking_hub(place):
            _write_split(place, split, revision, csv.writer(out, lineterminator="\n"), lambda: job.report(out.tell()))
        job.keep(file, draft)

    job.each(bring)


def _revision(place: Place) -> str | None:
    """The commit to read, the same for all splits; an unreachable hub would keep `datasets` busy for half a minute."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        return HfApi().dataset_info(place.hub or "", revision=place.revision, timeout=CONNECT_SECONDS).sha
    except (RepositoryNotFoundError, RevisionNotFoundError):
        raise
    except HfHubHTTPError:
        return place.revision


def _write_split(place: Place, split: str, revision: str | None, out: Any, report: Callable[[], None]) -> None:
    from argqual.tabular.parquet import arrow_rows

    library: Any = import_module("datasets")  # it declares no types
    library.disable_progress_bars()
    data = library.load_dataset(place.hub, place.config, split=split, revision=revision, streaming=True)
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
def _asking_hub(place: Place) -> Iterator[None]:
    """Turn what the hub's libraries raise into a SourceError."""
    from huggingface_hub import errors as hub

    from argqual.tabular.hub import causes_of

    try:
        with quiet("httpx", "httpx2", "huggingface_hub", "datasets"):
            yield
    except (SourceError, CorpusError):
        raise
    except Exception as error:  # these libraries raise whatever theirs raise: httpx, aiohttp, fsspec, pyarrow
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise
        causes = causes_of(error)
        if any(isinstance(each, hub.GatedRepoError) or "gated dataset" in str(each) for each in causes):
            page = f"https://huggingface.co/datasets/{place.hub}"
            said = f"access to {place.hub} has to be asked for: accept its terms at {page}, then: hf auth login"
            raise SourceError(said, unreachable=True) from None
        if any(isinstance(each, hub.RepositoryNotFoundError) for each in causes) or "doesn't exist" in str(error):
            raise SourceError(f"no public data set '{place.hub}'") from None
        if any(no_connection(each) or isinstance(each, hub.OfflineModeIsEnabled) for each in causes):
            raise SourceError(f"cannot be reached: {said_by(error)}", unreachable=True) from None
        raise SourceError(f"{place.hub}: {said_by(error)}") from None
