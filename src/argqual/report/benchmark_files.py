"""A benchmark's report as files in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import NamedTemporaryFile

from argqual.benchmark.results import Results
from argqual.benchmark.store import Scored
from argqual.errors import InputError
from argqual.report.benchmark_csv import csv_text, predictions_csv
from argqual.report.benchmark_html import html
from argqual.report.benchmark_markdown import markdown
from argqual.report.benchmark_tables import tables_of


def write_report(results: Results, scored: Iterable[Scored], folder: Path) -> list[Path]:
    """Write report.html, report.md, predictions.csv and tables/*.csv, each whole or not at all. Gives their paths.

    Raises
    ------
    InputError
        The folder cannot be written.
    """
    contents = {folder / "report.html": html(results), folder / "report.md": markdown(results)}
    contents[folder / "predictions.csv"] = predictions_csv(scored)
    contents |= {folder / "tables" / f"{table.name}.csv": csv_text(table) for table in tables_of(results)}
    try:
        (folder / "tables").mkdir(parents=True, exist_ok=True)
        for path, content in contents.items():
            _write(path, content)
    except OSError as error:
        raise InputError(f"Cannot write the report to {folder}: {error.strerror or error}.") from None
    return list(contents)


def _write(path: Path, content: str) -> None:
    with NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False, encoding="utf-8", newline="") as file:
        file.write(content)
    os.chmod(file.name, 0o644)  # a temporary file is its owner's alone
    os.replace(file.name, path)
