"""`argqual benchmark report` and `verdict`: what a run has shown, computed from its predictions and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from argqual.cli.options import Format, FormatOption, step, wanted_format
from argqual.report.plain import clean, paragraph

if TYPE_CHECKING:
    from argqual.benchmark.results import Results
    from argqual.benchmark.store import Run, Scored

_FILE = Annotated[Path, typer.Argument(metavar="BENCHMARK", help="The YAML file of a benchmark that has been run.")]
_RUN = Annotated[
    Path | None, typer.Option("--run", help="Its run file; by default ID.run.sqlite beside the benchmark.")
]


def report(
    benchmark: _FILE,
    run: _RUN = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A folder; by default ID-report beside the benchmark.")
    ] = None,
    texts: Annotated[
        bool, typer.Option("--texts", help="Show the worst disagreements with their texts, read from the corpora.")
    ] = False,
    format: FormatOption = None,
) -> None:
    """Write report.html, report.md, predictions and tables as CSV, and print the first page.

    Without --texts the files hold ids only, and may be passed on whatever the corpora's licences.
    """
    found, scored = _results(benchmark, run, texts=texts)
    folder = output or benchmark.parent / f"{found.id}-report"
    with step("Writing"):
        from argqual.report.benchmark_files import write_report

        written = write_report(found, scored, folder)
    chosen = wanted_format(format)
    if chosen is Format.JSON:
        typer.echo(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
    elif chosen is Format.MARKDOWN:
        from argqual.report.benchmark_markdown import markdown

        typer.echo(markdown(found), nl=False)
    else:
        from argqual.report.benchmark_text import text

        typer.echo(text(found))
    tables = len(written) - 3
    typer.echo(clean(f"\nWrote {folder / 'report.html'}, report.md, predictions.csv and {tables} tables."), err=True)
    if texts:
        typer.echo(
            paragraph("These files hold texts of corpora: their licences decide whether they may be passed on."),
            err=True,
        )


def verdict(benchmark: _FILE, run: _RUN = None, format: FormatOption = None) -> None:
    """The benchmark's claims: supported, contradicted or undecided, one sentence each."""
    with step("Loading"):
        from argqual.benchmark.config import load_benchmark
        from argqual.benchmark.findings import verdicts_of
        from argqual.benchmark.results import plain_data
        from argqual.report.benchmark_text import verdicts_text

    said = load_benchmark(benchmark)
    with _kept(benchmark, said.id, run) as kept, step("Computing verdicts"):
        found = verdicts_of(kept, said)
    if wanted_format(format) is Format.JSON:
        typer.echo(json.dumps([plain_data(each) for each in found], indent=2, ensure_ascii=False))
    else:
        typer.echo(verdicts_text(found))


def _kept(file: Path, id: str, run: Path | None) -> Run:
    from argqual.benchmark.store import Run

    return Run(run or file.parent / f"{id}.run.sqlite")


def _results(file: Path, run: Path | None, *, texts: bool) -> tuple[Results, list[Scored]]:
    with step("Loading"):
        from argqual.benchmark.config import load_benchmark
        from argqual.benchmark.findings import results_of

    benchmark = load_benchmark(file)
    with _kept(file, benchmark.id, run) as kept, step("Computing figures and intervals"):
        found = results_of(kept, benchmark)
        scored = [*kept.scored(), *kept.scored(perturbed=True)]
    if not texts:
        return found, scored
    from argqual.benchmark.disagreements import with_texts

    with step("Reading texts"):
        found, unread = with_texts(found, {each.title: each.build() for each in benchmark.contenders()})
    for problem in unread:
        typer.echo(paragraph(f"argqual: no texts of {problem}", hanging=2), err=True)
    return found, scored
