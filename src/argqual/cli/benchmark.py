"""`argqual benchmark`: plan, run and report which strategy carries over."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from argqual.cli import complete
from argqual.cli.options import Format, FormatOption, YesOption, say, step, wanted_format
from argqual.cli.progress import clock, count, money
from argqual.errors import EXIT_SOME_FAILED, BenchmarkError
from argqual.report.plain import clean, paragraph, shortened

if TYPE_CHECKING:
    from argqual.benchmark.analysis.figures import ClaimFound
    from argqual.benchmark.analysis.results import Results
    from argqual.benchmark.running.cells import Cell
    from argqual.benchmark.running.planning import Needed
    from argqual.benchmark.running.run import BenchmarkPlan
    from argqual.benchmark.running.scored import Scored
    from argqual.benchmark.running.store import Done
    from argqual.benchmark.spec.schema import Benchmark

app = typer.Typer(
    help="Which strategy carries over: plan, run, status, report, verdict.", no_args_is_help=True, rich_markup_mode=None
)

_of_benchmark = partial(typer.Argument, metavar="BENCHMARK")
_FILE = Annotated[Path, _of_benchmark(help="The YAML file of a benchmark.")]
_RUN = Annotated[
    Path | None, typer.Option("--run", metavar="FILE", help="The run's file; by default ID.run.sqlite beside it.")
]
_REPORTED = Annotated[
    Path, _of_benchmark(help="The YAML file of a benchmark that has been run; or a report's folder or results.json.")
]
_CLAIMED = Annotated[
    Path, _of_benchmark(help="A benchmark that has been run, a results.json, or a folder of benchmarks, or of reports.")
]
_HAVING_RUN = Annotated[
    Path | None,
    typer.Option("--run", help="Its run file; by default ID.run.sqlite beside the benchmark. Of a folder: a folder."),
]
_INSTEAD = "Ask this model instead of those that the benchmark names."
_MODEL = Annotated[str | None, typer.Option("--model", "-m", help=_INSTEAD, autocompletion=complete.models)]
_NAME_WIDTH = 24


class ExecutorChoice(StrEnum):
    """Where cells run that ask no model."""

    PROCESSES = "processes"
    RAY = "ray"


@app.command("report")
def report(
    benchmark: _REPORTED,
    run: _HAVING_RUN = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A folder; by default ID-report beside the benchmark.")
    ] = None,
    texts: Annotated[
        bool, typer.Option("--texts", help="Show the worst disagreements with their texts, read from the corpora.")
    ] = False,
    model: _MODEL = None,
    format: FormatOption = None,
) -> None:
    """Write report.html, report.md, results.json, predictions and tables as CSV, and print the first page.

    Without --texts the files hold ids only, and may be passed on whatever the corpora's licences.
    """
    from argqual.benchmark.analysis.results import read
    from argqual.report.benchmark.files import results_file, write_report

    scored: list[Scored] | None = None
    strategies: Mapping[str, Any] = {}
    if (file := results_file(benchmark)) is not None:
        found = read(file)
        folder = output or file.parent
    else:
        with step("Loading"):
            from argqual.benchmark.analysis.findings import results_of
            from argqual.benchmark.running.store import Run

        said, path = _loaded(benchmark, run, model)
        with Run(path) as kept, step("Computing figures and intervals"):
            scored = [*kept.scored(), *kept.scored(perturbed=True)]
            strategies = {each.title: each.build() for each in said.systems()}
            found = results_of(kept, said)
        folder = output or benchmark.parent / f"{found.id}-report"
    if texts:
        from argqual.benchmark.analysis.disagreements import with_texts

        with step("Reading texts"):
            found, unread = with_texts(found, strategies)
        for problem in unread:
            typer.echo(paragraph(f"argqual: no texts of {problem}", hanging=2), err=True)
    with step("Writing"):
        written = write_report(found, scored, folder)
    _print(found, wanted_format(format))
    tables = sum(path.parent.name == "tables" for path in written)
    named = ", ".join([str(written[0]), *(path.name for path in written[1:] if path.parent == folder)])
    typer.echo(clean(f"\nWrote {named} and {tables} tables."), err=True)
    if texts:
        warning = "These files hold texts of corpora: their licences decide whether they may be passed on."
        typer.echo(paragraph(warning), err=True)


def _print(found: Results, format: Format) -> None:
    if format is Format.JSON:
        _echo(found.as_json())
    elif format is Format.MARKDOWN:
        from argqual.report.benchmark.markdown import markdown

        typer.echo(markdown(found), nl=False)
    else:
        from argqual.report.benchmark.text import text

        typer.echo(text(found))


@app.command("verdict")
def verdict(benchmark: _CLAIMED, run: _HAVING_RUN = None, model: _MODEL = None, format: FormatOption = None) -> None:
    """The benchmark's claims: supported, contradicted or undecided, one sentence each.

    Of a folder of several benchmarks, the first claim of each, which is the one that it was made for. Of a folder
    without benchmarks but with reports, what these say; nothing is computed again.
    """
    with step("Loading"):
        from argqual.benchmark.analysis.results import plain_data, read
        from argqual.report.benchmark.files import results_file
        from argqual.report.benchmark.text import headlines_text, verdicts_text

    as_json = wanted_format(format) is Format.JSON
    found: Sequence[ClaimFound]
    if benchmark.is_dir():
        several = list(_folder(benchmark, run, model))
        if len(several) > 1 or several[0][2] is None:
            first = {id: next(iter(claims or ()), None) for id, _, claims in several}
            said = {id: claim and plain_data(claim) for id, claim in first.items()}
            _echo(said if as_json else headlines_text(several, benchmark))
            return
        id, title, known = several[0]
        found = known or ()
        if not as_json:
            typer.echo(paragraph(f"{id}: {title}", hanging=2))
    elif (file := results_file(benchmark)) is not None:
        found = read(file).claims
    else:
        found = _verdicts(*_loaded(benchmark, run, model))
    _echo([plain_data(each) for each in found] if as_json else verdicts_text(found))


@app.command("plan")
def plan_command(
    benchmark: _FILE, run: _RUN = None, model: _MODEL = None, format: FormatOption = None, yes: YesOption = False
) -> None:
    """What running it will take: cells, requests, tokens, money, time. Nothing is fitted."""
    plan, path = _planned(benchmark, run, model, yes=yes)
    from argqual.benchmark.running.planning import needed
    from argqual.benchmark.running.store import Run

    status: Mapping[str, str] = {}
    found = []
    with step("Counting what is to be asked") as further:
        if path.exists():
            with Run(path) as kept:
                status = kept.done()
        for each in needed(plan, status):
            found.append(each)
            further(each.strategy)
    _echo((_plan_content if wanted_format(format) is Format.JSON else _plan_text)(plan, path, found))


@app.command("run")
def run_command(
    benchmark: _FILE,
    run: _RUN = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Processes for cells that ask no model. Default: cores.")
    ] = None,
    executor: Annotated[
        ExecutorChoice, typer.Option(help="Where those cells run; ray: on a Ray cluster (argqual[ray]).")
    ] = ExecutorChoice.PROCESSES,
    model: _MODEL = None,
    yes: YesOption = False,
) -> None:
    """Run the cells that are not done; interrupted at any moment, it goes on where it was.

    Exit codes: 0 all cells are done; 1 some failed (each is named); 2 wrong usage; 3 a
    model could not be reached; 130 interrupted, with what was done kept.
    """
    plan, path = _planned(benchmark, run, model, yes=yes)
    from argqual.benchmark.running.run import begin, run_cells
    from argqual.benchmark.running.store import Run
    from argqual.strategies.base import telling

    for refused in plan.refused:
        _say(f"Cannot be made: {refused.name}: {refused.reason}")
    with Run(path, create=True) as kept:
        begin(plan, kept)
        kept.forget_failures()
        left = plan.left(kept.done())
        cells = len(plan.distinct)
        _say(f"{cells} cells, {cells - len(left)} done already; the run is kept in {path}.")
        jobs, by = jobs or os.cpu_count() or 1, _Progress(len(left))
        with telling(by.how_far):
            failed = run_cells(plan, kept, jobs=jobs, executor=executor.value, started=by.started, ended=by.ended)
    if failed:
        _say(f"{failed} cells failed. What was done is kept; run it again to try them again.")
        raise typer.Exit(EXIT_SOME_FAILED)
    _say(f"All {cells} cells are done. argqual benchmark report {benchmark}")


@app.command("status")
def status_command(benchmark: _FILE, run: _RUN = None, model: _MODEL = None, format: FormatOption = None) -> None:
    """How far a run is: cells that are done, failed and left, by strategy."""
    with step("Loading"):
        from argqual.benchmark.running.store import Run
        from argqual.benchmark.spec.vocabulary import CellStatus
    said, path = _loaded(benchmark, run, model)
    with Run(path) as kept:
        by_strategy, failures = kept.progress()
        now = kept.facts()["fingerprint"]
    if wanted_format(format) is Format.JSON:
        _echo({"run": str(path), "strategies": by_strategy, "failed": failures, "changed": now != said.fingerprint})
        return

    def row(name: str, cells: Mapping[CellStatus, int]) -> str:
        return _name(name) + "".join(f"{cells[what]:>8}" for what in CellStatus)

    lines = [f"{'Strategy':{_NAME_WIDTH}}{'done':>8}{'failed':>8}{'left':>8}"]
    lines += [row(name, cells) for name, cells in by_strategy.items()]
    lines += ["-" * (_NAME_WIDTH + 24), row("All", sum(by_strategy.values(), Counter[CellStatus]()))]
    lines += [paragraph(f"Failed: {name}: {reason}", hanging=2) for name, reason in failures.items()]
    if now != said.fingerprint:
        lines.append(paragraph("The file has changed since it was run: argqual benchmark run takes the changes up."))
    _echo("\n".join(lines))


@app.command("schema")
def schema_command(
    results: Annotated[bool, typer.Option("--results", help="Of a report's results.json instead.")] = False,
) -> None:
    """JSON Schema of a benchmark file, for editors that complete and check it."""
    from argqual.benchmark.analysis.results import results_schema
    from argqual.benchmark.spec.config import benchmark_schema

    typer.echo(json.dumps(results_schema() if results else benchmark_schema(), indent=2))


def _loaded(file: Path, run: Path | None, model: str | None) -> tuple[Benchmark, Path]:
    """The benchmark of a file, with another model where one is asked for, and where its run is kept."""
    from argqual.benchmark.spec.config import load_benchmark

    if file.is_dir():
        raise BenchmarkError(
            f"{file} is a folder without a results.json.",
            hint="Give a benchmark's YAML file. Of an older report, 'argqual benchmark verdict' still reads claims.",
        )
    said = load_benchmark(file)
    said = said.on_model(model) if model else said
    return said, run or file.parent / f"{said.id}.run.sqlite"


def _planned(file: Path, run: Path | None, model: str | None, *, yes: bool) -> tuple[BenchmarkPlan, Path]:
    """The benchmark worked out, with the weights of the embedded models it names at hand."""
    from argqual.cli.fetching import ensure_weights

    with step("Loading"):
        from argqual.benchmark.running.run import plan_of

        benchmark, path = _loaded(file, run, model)
    names = {name for system in benchmark.systems() for name in system.build().model_names()}
    for name in sorted(names):
        ensure_weights(name, yes=yes)
    with step(f"Reading {', '.join(benchmark.corpora)}"):
        return plan_of(benchmark), path


def _echo(content: Any) -> None:
    """Words as they are, anything else as JSON."""
    typer.echo(content if isinstance(content, str) else json.dumps(content, indent=2, ensure_ascii=False))


def _folder(
    folder: Path, runs: Path | None, model: str | None
) -> Iterator[tuple[str, str, Sequence[ClaimFound] | None]]:
    """Each benchmark or report of a folder: its id, its title, and its claims; None where it has not been run."""
    from argqual.report.benchmark.files import reported, reports_in

    files = sorted(folder.glob("*.yaml"))
    reports = [] if files else reports_in(folder)
    if not files and not reports:
        raise BenchmarkError(f"There is no benchmark (*.yaml) in {folder}, and no report.")
    for each in reports:
        title, said_there = reported(each)
        yield each.resolve().name, title, said_there
    if reports:
        typer.echo("As these reports say; nothing is computed again.", err=True)
    for file in files:
        said, kept = _loaded(file, None, model)
        kept = runs / kept.name if runs else kept
        yield said.id, said.title, _verdicts(said, kept) if kept.exists() else None


def _verdicts(said: Benchmark, path: Path) -> tuple[ClaimFound, ...]:
    from argqual.benchmark.analysis.findings import verdicts_of
    from argqual.benchmark.running.store import Run

    with Run(path) as kept, step(f"Computing {said.id}"):
        return verdicts_of(kept, said)


def _plan_content(plan: BenchmarkPlan, path: Path, found: list[Needed]) -> dict[str, Any]:
    return {
        "benchmark": plan.benchmark.id,
        "run": str(path),
        "arguments": {domain: plan.data.corpora.count(domain) for domain in plan.data.domains},
        "folds": len(plan.folds),
        "cells": len(plan.distinct),
        "strategies": [vars(each) for each in found],
        "refused": [vars(each) for each in plan.refused],
    }


def _plan_text(plan: BenchmarkPlan, path: Path, found: list[Needed]) -> str:
    data = plan.data
    tested = Counter(corpus for corpus, own in zip(data.corpora, data.tested, strict=True) if own)
    topics = Counter(corpus for corpus, _ in set(zip(data.corpora, data.groups, strict=True)))
    lines = [paragraph(f"{plan.benchmark.title} ({plan.benchmark.id}, {plan.benchmark.fingerprint})")]
    lines += [f"  {domain}: {tested[domain]:,} arguments, {topics[domain]} topics" for domain in data.domains]
    lines.append(f"  {len(plan.folds)} folds, {len(plan.distinct)} cells; run: {shortened(clean(str(path)), 40)}")
    lines += ["", *(_needed_lines(found) if found else ["Nothing can be run."])]
    lines += [paragraph(f"Cannot be made: {each.name}: {each.reason}", hanging=2) for each in plan.refused]
    return "\n".join(lines)


def _needed_lines(found: list[Needed]) -> list[str]:
    titles = f"{'cells':>6}{'done':>6}{'to ask':>8}{'kept':>7}{'tokens':>9}{'cost':>10}{'time':>10}"
    lines = [f"{'Strategy':{_NAME_WIDTH}}{titles}", *map(_plan_row, found)]
    costs = [each.cost_usd for each in found]
    cost = None if None in costs else sum(each or 0.0 for each in costs)
    counted = ("cells", "done", "failed", "to_ask", "kept", "tokens", "seconds", "reads", "trying", "trying_usd")
    sums = {name: sum(getattr(each, name) for each in found) for name in counted}
    lines += ["-" * 80, _plan_row(replace(found[0], strategy="All", cost_usd=cost, **sums))]
    explained = (
        "To ask: arguments that a model is asked about, each with the first strategy that needs it; kept: answers "
        "that the store has already. The time is that of asking; fitting comes on top. Nothing has been fitted or "
        "asked, so all of this is an estimate."
    )
    lines.append(paragraph(explained))
    for each in found:
        if each.trying or each.trying_usd:
            limits = [f"{each.trying:,} requests"] * bool(each.trying) + [money(each.trying_usd)] * bool(
                each.trying_usd
            )
            price = "their price is not known" if each.cost_usd is None else "the cost above holds them"
            most = f"up to {' and '.join(limits)} to try prompts with, which nothing can know beforehand; {price}."
            lines.append(paragraph(f"{each.strategy}: {most}", hanging=2))
        lines += [paragraph(f"{each.strategy}: some cells will fail: {said}", hanging=2) for said in each.problems]
    if reads := max(each.reads for each in found):
        lines.append(paragraph(f"The hidden states of up to {reads:,} texts are read as well."))
    return lines


def _plan_row(each: Needed) -> str:
    asks = bool(each.to_ask or each.trying or each.trying_usd)
    cost = "" if not asks else "not known" if each.cost_usd is None else money(each.cost_usd)
    tokens = "" if not asks else f"{each.tokens / 1000:,.0f} k"
    return (
        f"{_name(each.strategy)}{each.cells:>6}{each.done:>6}{count(each.to_ask) if asks else '':>8}"
        f"{count(each.kept) if each.kept else '':>7}{tokens:>9}{cost:>10}{clock(each.seconds) if asks else '':>10}"
    ).rstrip()


def _name(strategy: str) -> str:
    return f"{shortened(clean(strategy), _NAME_WIDTH - 1):{_NAME_WIDTH}}"


class _Progress:
    """Says on stderr which cell is under way, how it ended, and how far the model is with it."""

    def __init__(self, left: int) -> None:
        self.left, self.done = left, 0
        self.cell = ""
        self.said_at = time.monotonic()

    def started(self, cell: Cell) -> None:
        self.cell = cell.name
        self.how_far("…")

    def how_far(self, words: str) -> None:
        if time.monotonic() - self.said_at >= 5:
            self.said_at = time.monotonic()
            _say(f"{self.done + 1} of {self.left}: {self.cell}: {words}")

    def ended(self, cell: Cell, done: Done) -> None:
        self.done += 1
        if done.reason is not None:
            _say(f"Failed: {cell.name}: {done.reason}")
        else:
            self.cell = cell.name
            self.how_far(f"done, {done.seconds:.1f} s")


def _say(words: str) -> None:
    say(paragraph(words, hanging=2))
