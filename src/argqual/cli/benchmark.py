"""`argqual benchmark`: plan, run and report which strategy carries over."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from argqual.cli.benchmark_report import ModelOption, loaded, report, run_file, verdict
from argqual.cli.options import Format, FormatOption, YesOption, step, wanted_format
from argqual.cli.progress import clock, count, money
from argqual.errors import EXIT_SOME_FAILED
from argqual.report.plain import clean, paragraph, shortened

if TYPE_CHECKING:
    from argqual.benchmark.running.cells import Cell
    from argqual.benchmark.running.planning import Needed
    from argqual.benchmark.running.run import BenchmarkPlan
    from argqual.benchmark.running.store import Done
    from argqual.benchmark.spec.schema import Benchmark

app = typer.Typer(
    help="Which strategy carries over: plan, run, status, report, verdict.", no_args_is_help=True, rich_markup_mode=None
)
app.command("report")(report)
app.command("verdict")(verdict)

_FILE = Annotated[Path, typer.Argument(metavar="BENCHMARK", help="The YAML file of a benchmark.")]
_RUN = Annotated[
    Path | None, typer.Option("--run", metavar="FILE", help="The run's file; by default ID.run.sqlite beside it.")
]
_NAME_WIDTH = 24


class ExecutorChoice(StrEnum):
    """Where cells run that ask no model."""

    PROCESSES = "processes"
    RAY = "ray"


@app.command("plan")
def plan_command(
    benchmark: _FILE,
    run: _RUN = None,
    model: ModelOption = None,
    format: FormatOption = None,
    yes: YesOption = False,
) -> None:
    """What running it will take: cells, requests, tokens, money, time. Nothing is fitted."""
    plan, path = _planned(benchmark, run, model, yes=yes)
    from argqual.benchmark.running.planning import needed

    with step("Counting what is to be asked") as say:
        found = []
        for each in needed(plan, _status(path)):
            found.append(each)
            say(each.strategy)
    if wanted_format(format) is Format.JSON:
        typer.echo(json.dumps(_plan_content(plan, path, found), indent=2, ensure_ascii=False))
    else:
        typer.echo(_plan_text(plan, path, found))


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
    model: ModelOption = None,
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
        telling_of = _Progress(len(left))
        with telling(telling_of.how_far):
            failed = run_cells(
                plan,
                kept,
                jobs=jobs or os.cpu_count() or 1,
                executor=executor.value,
                started=telling_of.started,
                ended=telling_of.ended,
            )
    if failed:
        _say(f"{failed} cells failed. What was done is kept; run it again to try them again.")
        raise typer.Exit(EXIT_SOME_FAILED)
    _say(f"All {cells} cells are done. argqual benchmark report {benchmark}")


@app.command("status")
def status_command(benchmark: _FILE, run: _RUN = None, model: ModelOption = None, format: FormatOption = None) -> None:
    """How far a run is: cells that are done, failed and left, by strategy."""
    with step("Loading"):
        from argqual.benchmark.running.store import Run
        from argqual.benchmark.spec.vocabulary import CellStatus
    said, path = _said(benchmark, run, model)
    with Run(path) as kept:
        by_strategy, failures = kept.progress()
        now = kept.facts()["fingerprint"]
    if wanted_format(format) is Format.JSON:
        changed = now != said.fingerprint
        content = {"run": str(path), "strategies": by_strategy, "failed": failures, "changed": changed}
        typer.echo(json.dumps(content, indent=2, ensure_ascii=False))
        return
    lines = [f"{'Strategy':{_NAME_WIDTH}}{'done':>8}{'failed':>8}{'left':>8}"]
    for name, own in by_strategy.items():
        figures = "".join(f"{own[what]:>8}" for what in CellStatus)
        lines.append(f"{shortened(clean(name), _NAME_WIDTH - 1):{_NAME_WIDTH}}{figures}")
    total = sum(by_strategy.values(), Counter[CellStatus]())
    lines.append("-" * (_NAME_WIDTH + 24))
    lines.append(f"{'All':{_NAME_WIDTH}}" + "".join(f"{total[what]:>8}" for what in CellStatus))
    lines += [paragraph(f"Failed: {name}: {reason}", hanging=2) for name, reason in failures.items()]
    if now != said.fingerprint:
        lines.append(paragraph("The file has changed since it was run: argqual benchmark run takes the changes up."))
    typer.echo("\n".join(lines))


@app.command("schema")
def schema_command(
    results: Annotated[bool, typer.Option("--results", help="Of a report's results.json instead.")] = False,
) -> None:
    """JSON Schema of a benchmark file, for editors that complete and check it."""
    from argqual.benchmark.analysis.results import results_schema
    from argqual.benchmark.spec.config import benchmark_schema

    typer.echo(json.dumps(results_schema() if results else benchmark_schema(), indent=2))


def _said(file: Path, run: Path | None, model: str | None) -> tuple[Benchmark, Path]:
    benchmark = loaded(file, model)
    return benchmark, run_file(file, benchmark.id, run)


def _planned(file: Path, run: Path | None, model: str | None, *, yes: bool) -> tuple[BenchmarkPlan, Path]:
    """The benchmark worked out, with the weights of the embedded models it names at hand."""
    from argqual.cli.fetching import ensure_weights

    with step("Loading"):
        from argqual.benchmark.running.run import plan_of

        benchmark, path = _said(file, run, model)
    names = {name for system in benchmark.systems() for name in system.build().model_names()}
    for name in sorted(names):
        ensure_weights(name, yes=yes)
    with step(f"Reading {', '.join(benchmark.corpora)}"):
        return plan_of(benchmark), path


def _status(path: Path) -> Mapping[str, str]:
    from argqual.benchmark.running.store import Run

    if not path.exists():
        return {}
    with Run(path) as kept:
        return kept.done()


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
    total = vars(found[0]) | {
        name: sum(getattr(each, name) for each in found)
        for name in ("cells", "done", "failed", "to_ask", "kept", "tokens", "seconds", "reads")
    }
    total |= {"strategy": "All", "cost_usd": None if None in costs else sum(each or 0.0 for each in costs)}
    lines.append("-" * 80)
    lines.append(_plan_row(type(found[0])(**total)))
    lines.append(
        paragraph(
            "To ask: arguments that a model is asked about, each with the first strategy that needs it; kept: answers "
            "that the store has already. The time is that of asking; fitting comes on top."
        )
    )
    if reads := max(each.reads for each in found):
        lines.append(paragraph(f"The hidden states of up to {reads:,} texts are read as well."))
    return lines


def _plan_row(each: Needed) -> str:
    asks = bool(each.to_ask)
    cost = "" if not asks else "not known" if each.cost_usd is None else money(each.cost_usd)
    tokens = "" if not asks else f"{each.tokens / 1000:,.0f} k"
    name = shortened(clean(each.strategy), _NAME_WIDTH - 1)
    return (
        f"{name:{_NAME_WIDTH}}{each.cells:>6}{each.done:>6}{count(each.to_ask) if asks else '':>8}"
        f"{count(each.kept) if each.kept else '':>7}{tokens:>9}{cost:>10}{clock(each.seconds) if asks else '':>10}"
    ).rstrip()


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
    print(paragraph(words, hanging=2), file=sys.stderr, flush=True)
