"""A benchmark's tables as CSV, each figure spread over columns with its interval and its basis; and its predictions."""

import csv
import io
import math
from collections.abc import Iterable

from argqual.benchmark.running.scored import Scored
from argqual.report.benchmark.tables import Cell, Table
from argqual.stats.estimate import Estimate

_PARTS = ("", " low", " high", " n", " offered", " clusters", " reason")


def csv_text(table: Table) -> str:
    """One table. A figure `x` has the columns x, x low, x high, x n, x offered, x clusters and x reason."""
    parts = [_PARTS if figures else _PARTS[:1] for figures in table.figures]
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\n")
    lines.writerow([name + part for name, own in zip(table.columns, parts, strict=True) for part in own])
    for row in table.rows:
        lines.writerow([each for cell, own in zip(row, parts, strict=True) for each in _spread(cell)[: len(own)]])
    return written.getvalue()


def predictions_csv(scored: Iterable[Scored]) -> str:
    """Every prediction by its argument's id, without the label or the text, which are the corpus' own."""
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\n")
    own = ("corpus", "id", "prediction", "status")
    lines.writerow(("strategy", "split", "trained on", "tested on", "labels", "seed", "text", *own))
    for each in scored:
        place = (each.strategy, each.split, " ".join(each.trained_on), each.tested_on, each.budget, each.seed)
        text = each.perturbation or "as it is"
        for corpus, id, value, status in zip(each.corpora, each.ids, each.predicted, each.statuses, strict=True):
            lines.writerow((*place, text, corpus, id, f"{value:.6g}" if math.isfinite(value) else None, status))
    return written.getvalue()


def _spread(cell: Cell) -> tuple[object, ...]:
    """As many values as a figure has parts."""
    if isinstance(cell, Estimate):
        return (cell.value, cell.low, cell.high, cell.n, cell.offered, cell.clusters, cell.reason)
    return (cell, *(None for _ in _PARTS[1:]))
