"""A benchmark's report as files in a folder; and the claims of such a report, read again.

In CSV each figure of a table is spread over columns, with its interval and its basis.
"""

import csv
import io
import math
import os
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from tempfile import NamedTemporaryFile

from argqual.benchmark.analysis.figures import ClaimFound
from argqual.benchmark.analysis.results import Results, read, written
from argqual.benchmark.running.scored import Scored
from argqual.benchmark.spec.vocabulary import Outcome
from argqual.errors import BenchmarkError, InputError
from argqual.report.benchmark.html import html
from argqual.report.benchmark.markdown import markdown
from argqual.report.benchmark.tables import Cell, Table, tables_of
from argqual.report.plain import from_markdown
from argqual.stats.estimate import Estimate
from argqual.tabular.output import followed

RESULTS = "results.json"
_PARTS = ("", " low", " high", " n", " offered", " clusters", " reason")


def write_report(results: Results, scored: Iterable[Scored] | None, folder: Path) -> list[Path]:
    """Write report.html, report.md, results.json, tables/*.csv, and predictions.csv where predictions are given.

    Each is written whole or not at all. Gives the paths; raises an `InputError` where the folder cannot be written.
    """
    contents = {"report.html": html(results), "report.md": markdown(results)}
    contents[RESULTS] = written(results.without_texts())
    if scored is not None:
        contents["predictions.csv"] = predictions_csv(scored)
    contents |= {f"tables/{table.name}.csv": csv_text(table) for table in tables_of(results)}
    try:
        (folder / "tables").mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            _write(folder / name, content)
    except OSError as error:
        raise InputError(f"Cannot write the report to {folder}: {error.strerror or error}.") from None
    return [folder / name for name in contents]


def csv_text(table: Table) -> str:
    """One table. A figure `x` has the columns x, x low, x high, x n, x offered, x clusters and x reason."""
    parts = [_PARTS if figures else _PARTS[:1] for figures in table.figures]
    heads = [name + part for name, own in zip(table.columns, parts, strict=True) for part in own]
    spread = ((_spread(cell)[: len(own)] for cell, own in zip(row, parts, strict=True)) for row in table.rows)
    return _lines([heads, *(chain.from_iterable(cells) for cells in spread)])


def predictions_csv(scored: Iterable[Scored]) -> str:
    """Every prediction by its argument's id, without the label or the text, which are the corpus' own."""
    own = ("corpus", "id", "prediction", "status")
    lines: list[tuple[object, ...]] = [("strategy", "split", "trained on", "tested on", "labels", "seed", "text", *own)]
    for each in scored:
        place = (each.strategy, each.split, " ".join(each.trained_on), each.tested_on, each.budget, each.seed)
        text = each.perturbation or "as it is"
        for corpus, id, value, status in zip(each.corpora, each.ids, each.predicted, each.statuses, strict=True):
            lines.append((*place, text, corpus, id, f"{value:.6g}" if math.isfinite(value) else None, status))
    return _lines(lines)


def _lines(rows: Iterable[Iterable[object]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    return written.getvalue()


def _spread(cell: Cell) -> tuple[object, ...]:
    """As many values as a figure has parts."""
    if isinstance(cell, Estimate):
        return (cell.value, cell.low, cell.high, cell.n, cell.offered, cell.clusters, cell.reason)
    return (cell, *(None for _ in _PARTS[1:]))


def reports_in(folder: Path) -> list[Path]:
    """The folder itself where it is a report with results or claims, or else those within it that are."""
    named = (folder, *sorted(folder.glob("*")))
    return [each for each in named if (each / RESULTS).is_file() or _claims_file(each).is_file()]


def results_file(path: Path) -> Path | None:
    """The results that a path stands for: itself, or those of the report that it is the folder of; None for others."""
    found = path / RESULTS if path.is_dir() else path
    return found if found.suffix == ".json" and found.is_file() else None


def reported(folder: Path) -> tuple[str, list[ClaimFound]]:
    """The title of a report and its claims, as they were written: nothing is computed again.

    Reports of before have no results.json; their claims stand in a table. Raises a `BenchmarkError` where the files are
    not such as `write_report` leaves.
    """
    if (found := results_file(folder)) is not None:
        results = read(found)
        return results.title, list(results.claims)
    path = _claims_file(folder)
    try:
        with (folder / "report.md").open(encoding="utf-8") as page:
            title = from_markdown(page.readline().removeprefix("# ").strip())
        with path.open(encoding="utf-8", newline="") as table:
            return title, [_claim(row) for row in csv.DictReader(table)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchmarkError(
            f"{path} is no table of claims as a report has it ({type(error).__name__}: {error}).",
            hint="Write the report again: argqual benchmark report BENCHMARK.yaml",
        ) from None


def _claim(row: Mapping[str, str]) -> ClaimFound:
    value, low, high, smallest, mde = (
        float(row[name]) if row[name] else None
        for name in ("difference", "difference low", "difference high", "smallest of interest", "smallest detectable")
    )
    n, offered, clusters = (int(row[f"difference {name}"] or 0) for name in ("n", "offered", "clusters"))
    estimate = Estimate(value, low, high, n, offered, clusters, "", row["difference reason"] or None)
    said = (row["claim"], row["says"], Outcome(row["verdict"]), row["why"], row["exploratory"] == "yes")
    return ClaimFound(*said, smallest, estimate, mde)


def _claims_file(folder: Path) -> Path:
    return folder / "tables" / "claims.csv"


def _write(path: Path, content: str) -> None:
    path = followed(path)
    with NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False, encoding="utf-8", newline="") as file:
        try:
            file.write(content)
            file.flush()
            os.chmod(file.name, 0o644)  # a temporary file is its owner's alone
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise
