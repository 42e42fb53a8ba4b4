"""Which file is a table, and what reads and writes it: told by the ending, in this place only."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from argqual.tabular.delimited import DelimitedParts, DelimitedSource
from argqual.tabular.jsonlines import JsonLinesParts, JsonLinesSource
from argqual.tabular.parquet import ParquetParts, ParquetSource
from argqual.tabular.table import PartWriter, TableSource, kind_of

HUB = "hf://"


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
    ".parquet": TableFormat(ParquetSource, ParquetParts, compressed=False),
}


def format_of(spec: str) -> TableFormat | None:
    """The format of a path by its ending; None: it is no table."""
    found = FORMATS.get(kind_of(spec))
    return None if found and spec.lower().endswith(".gz") and not found.compressed else found


def is_table(spec: str) -> bool:
    """Whether this names a table (a path by its ending, a folder, hf://…) and not a text."""
    return spec.startswith(HUB) or format_of(spec) is not None or os.path.isdir(spec)
