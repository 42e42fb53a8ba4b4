"""`argqual benchmark report` and `verdict`: what a run has shown, computed from its predictions and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from argqual.cli import complete
from argqual.cli.options import Format, FormatOption, step, wanted_format
from argqual.errors import BenchmarkError
from argqual.report.plain import clean, paragraph

if TYPE_CHECKING:
    from argqual.benchmark.analysis.figures import ClaimFound
    from argqual.benchmark.analysis.results import Results
    from argqual.benchmark.running.scored import Scored
    from argqual.benchmark.spec.schema import Benchmark

_FILE = Annotated[
    Path,
    typer.Argument(
        metavar="BENCHMARK",
        help="The YAML file of a benchmark that has been run; or a report's folder or results.json.",
    ),
]
_RUN = Annotated[
    Path | None,
    typer.Option("--run", help="Its run file; by default ID.run.sqlite beside the benchmark. Of a folder: a folder."),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="Ask this model instead of those that the benchmark names.",
        autocompletion=complete.models,
    ),
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
    """Write report.html, report.md, results.json, predictions and tables as CSV, and print the first page.

    Without --texts the files hold ids only, and may be passed on whatever the corpora's licences.
    """
    from argqual.benchmark.analysis.results import read
    from argqual.report.benchmark.files import results_file, write_report

    scored: list[Scored] | None
    strategies: Mapping[str, Any] = {}
    if (file := results_file(benchmark)) is not None:
        found, scored = read(file), None
        folder = output or file.parent
    else:
        found, scored, strategies = _computed(benchmark, run, model)
        folder = output or benchmark.parent / f"{found.id}-report"
    if texts:
        found = _with_texts(found, strategies)
    with step("Writing"):
        written = write_report(found, scored, folder)
    chosen = wanted_format(format)
    if chosen is Format.JSON:
        _echo(found.as_json())
    elif chosen is Format.MARKDOWN:
        from argqual.report.benchmark.markdown import markdown

        typer.echo(markdown(found), nl=False)
    else:
        from argqual.report.benchmark.text import text

        typer.echo(text(found))
    tables = sum(path.parent.name == "tables" for path in written)
    named = ", ".join([str(written[0]), *(path.name for path in written[1:] if path.parent == folder)])
    typer.echo(clean(f"\nWrote {named} and {tables} tables."), err=True)
    if texts:
        typer.echo(
            paragraph("These files hold texts of corpora: their licences decide whether they may be passed on."),
            err=True,
        )


def verdict(
    benchmark: Annotated[
        Path,
        typer.Argument(
            metavar="BENCHMARK",
            help="A benchmark that has been run, a results.json, or a folder of benchmarks, or of reports.",
        ),
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
        from argqual.benchmark.analysis.results import plain_data, read
        from argqual.report.benchmark.files import results_file
        from argqual.report.benchmark.text import headlines_text, verdicts_text

    as_json = wanted_format(format) is Format.JSON
    if benchmark.is_dir():
        headlines = list(_headlines(benchmark, run, model))
        _echo({id: found and plain_data(found) for id, _, found in headlines} if as_json else headlines_text(headlines))
        return
    if (file := results_file(benchmark)) is not None:
        found = read(file).claims
    else:
        said = loaded(benchmark, model)
        found = _verdicts(said, run_file(benchmark, said.id, run))
    _echo([plain_data(each) for each in found] if as_json else verdicts_text(found))


def _echo(content: Any) -> None:
    """Words as they are, anything else as JSON."""
    typer.echo(content if isinstance(content, str) else json.dumps(content, indent=2, ensure_ascii=False))


def _headlines(folder: Path, runs: Path | None, model: str | None) -> Iterator[tuple[str, str, ClaimFound | None]]:
    """Each benchmark or report of a folder: its id, its title, and its first claim; None where it has not been run."""
    from argqual.report.benchmark.files import reported, reports_in

    files = sorted(folder.glob("*.yaml"))
    reports = [] if files else reports_in(folder)
    if not files and not reports:
        raise BenchmarkError(f"There is no benchmark (*.yaml) in {folder}, and no report.")
    for each in reports:
        title, said_there = reported(each)
        yield each.name, title, next(iter(said_there), None)
    if reports:
        typer.echo("As these reports say; nothing is computed again.", err=True)
    for file in files:
        said = loaded(file, model)
        kept = run_file(file, said.id, None) if runs is None else runs / f"{said.id}.run.sqlite"
        yield said.id, said.title, next(iter(_verdicts(said, kept) if kept.exists() else ()), None)


def loaded(file: Path, model: str | None) -> Benchmark:
    """The benchmark of a file, with another model where one is asked for."""
    from argqual.benchmark.spec.config import load_benchmark

    said = load_benchmark(file)
    return said.on_model(model) if model else said


def run_file(file: Path, id: str, run: Path | None) -> Path:
    """Where a run is kept: beside its benchmark, unless somebody says where."""
    return run or file.parent / f"{id}.run.sqlite"


def _verdicts(said: Benchmark, path: Path) -> tuple[ClaimFound, ...]:
    from argqual.benchmark.analysis.findings import verdicts_of
    from argqual.benchmark.running.store import Run

    with Run(path) as kept, step(f"Computing {said.id}"):
        return verdicts_of(kept, said)


def _computed(file: Path, run: Path | None, model: str | None) -> tuple[Results, list[Scored], dict[str, Any]]:
    """The results of a run, its predictions, and its strategies by their names in the tables."""
    with step("Loading"):
        from argqual.benchmark.analysis.findings import results_of
        from argqual.benchmark.running.store import Run

    benchmark = loaded(file, model)
    with Run(run_file(file, benchmark.id, run)) as kept, step("Computing figures and intervals"):
        scored = [*kept.scored(), *kept.scored(perturbed=True)]
        strategies = {each.title: each.build() for each in benchmark.systems()}
        return results_of(kept, benchmark), scored, strategies


def _with_texts(found: Results, strategies: Mapping[str, Any]) -> Results:
    from argqual.benchmark.analysis.disagreements import with_texts

    with step("Reading texts"):
        found, unread = with_texts(found, strategies)
    for problem in unread:
        typer.echo(paragraph(f"argqual: no texts of {problem}", hanging=2), err=True)
    return found
