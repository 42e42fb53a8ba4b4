"""`argqual benchmark report` and `verdict`: what a run has shown, computed from its predictions and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from argqual.cli.options import Format, FormatOption, step, wanted_format
from argqual.errors import BenchmarkError
from argqual.report.plain import clean, paragraph

if TYPE_CHECKING:
    from argqual.benchmark.analysis.results import ClaimFound, Results
    from argqual.benchmark.running.store import Run, Scored
    from argqual.benchmark.spec.config import Benchmark

_FILE = Annotated[Path, typer.Argument(metavar="BENCHMARK", help="The YAML file of a benchmark that has been run.")]
_RUN = Annotated[
    Path | None,
    typer.Option("--run", help="Its run file; by default ID.run.sqlite beside the benchmark. Of a folder: a folder."),
]
ModelOption = Annotated[
    str | None, typer.Option("--model", "-m", help="Ask this model instead of those that the benchmark names.")
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
    model: ModelOption = None,
    format: FormatOption = None,
) -> None:
    """Write report.html, report.md, predictions and tables as CSV, and print the first page.

    Without --texts the files hold ids only, and may be passed on whatever the corpora's licences.
    """
    found, scored = _results(benchmark, run, model, texts=texts)
    folder = output or benchmark.parent / f"{found.id}-report"
    with step("Writing"):
        from argqual.report.benchmark.files import write_report

        written = write_report(found, scored, folder)
    chosen = wanted_format(format)
    if chosen is Format.JSON:
        typer.echo(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
    elif chosen is Format.MARKDOWN:
        from argqual.report.benchmark.markdown import markdown

        typer.echo(markdown(found), nl=False)
    else:
        from argqual.report.benchmark.text import text

        typer.echo(text(found))
    tables = len(written) - 3
    typer.echo(clean(f"\nWrote {folder / 'report.html'}, report.md, predictions.csv and {tables} tables."), err=True)
    if texts:
        typer.echo(
            paragraph("These files hold texts of corpora: their licences decide whether they may be passed on."),
            err=True,
        )


def verdict(
    benchmark: Annotated[
        Path,
        typer.Argument(metavar="BENCHMARK", help="A benchmark that has been run, or a folder of them, or of reports."),
    ],
    run: _RUN = None,
    model: ModelOption = None,
    format: FormatOption = None,
) -> None:
    """The benchmark's claims: supported, contradicted or undecided, one sentence each.

    Of a folder, the first claim of each benchmark in it, which is the one that it was made for. Of a folder without
    benchmarks but with reports, what these say; nothing is computed again.
    """
    with step("Loading"):
        from argqual.benchmark.analysis.findings import verdicts_of
        from argqual.benchmark.analysis.results import plain_data
        from argqual.report.benchmark.text import headlines_text, verdicts_text

    if benchmark.is_dir():
        headlines = _headlines(benchmark, run, model)
        if wanted_format(format) is Format.JSON:
            content = {id: None if found is None else plain_data(found) for id, _, found in headlines}
            typer.echo(json.dumps(content, indent=2, ensure_ascii=False))
        else:
            typer.echo(headlines_text(headlines))
        return
    said = loaded(benchmark, model)
    with _kept(benchmark, said.id, run) as kept, step("Computing verdicts"):
        found = verdicts_of(kept, said)
    if wanted_format(format) is Format.JSON:
        typer.echo(json.dumps([plain_data(each) for each in found], indent=2, ensure_ascii=False))
    else:
        typer.echo(verdicts_text(found))


def _headlines(folder: Path, runs: Path | None, model: str | None) -> list[tuple[str, str, ClaimFound | None]]:
    """Each benchmark or report of a folder: its id, its title, and its first claim; None where it has not been run."""
    from argqual.benchmark.analysis.findings import verdicts_of

    files = sorted(folder.glob("*.yaml"))
    found: list[tuple[str, str, ClaimFound | None]] = []
    if not files:
        from argqual.report.benchmark.files import reported, reports_in

        for each in reports_in(folder):
            title, said_there = reported(each)
            found.append((each.name, title, next(iter(said_there), None)))
        if not found:
            raise BenchmarkError(f"There is no benchmark (*.yaml) in {folder}, and no report.")
        typer.echo("As these reports say; nothing is computed again.", err=True)
        return found
    for file in files:
        said = loaded(file, model)
        kept = run_file(file, said.id, None) if runs is None else runs / f"{said.id}.run.sqlite"
        claims: tuple[ClaimFound, ...] = ()
        if kept.exists():
            with _kept(file, said.id, kept) as opened, step(f"Computing {said.id}"):
                claims = verdicts_of(opened, said)
        found.append((said.id, said.title, next(iter(claims), None)))
    return found


def loaded(file: Path, model: str | None) -> Benchmark:
    """The benchmark of a file, with another model where one is asked for."""
    from argqual.benchmark.spec.config import load_benchmark

    said = load_benchmark(file)
    return said.on_model(model) if model else said


def run_file(file: Path, id: str, run: Path | None) -> Path:
    """Where a run is kept: beside its benchmark, unless somebody says where."""
    return run or file.parent / f"{id}.run.sqlite"


def _kept(file: Path, id: str, run: Path | None) -> Run:
    from argqual.benchmark.running.store import Run

    return Run(run_file(file, id, run))


def _results(file: Path, run: Path | None, model: str | None, *, texts: bool) -> tuple[Results, list[Scored]]:
    with step("Loading"):
        from argqual.benchmark.analysis.findings import results_of

    benchmark = loaded(file, model)
    with _kept(file, benchmark.id, run) as kept, step("Computing figures and intervals"):
        found = results_of(kept, benchmark)
        scored = [*kept.scored(), *kept.scored(perturbed=True)]
    if not texts:
        return found, scored
    from argqual.benchmark.analysis.disagreements import with_texts

    with step("Reading texts"):
        found, unread = with_texts(found, {each.title: each.build() for each in benchmark.systems()})
    for problem in unread:
        typer.echo(paragraph(f"argqual: no texts of {problem}", hanging=2), err=True)
    return found, scored
