"""`argqual score`: rate an argument, or a table of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from argqual.cli.options import (
    ApiBaseOption,
    DefinitionsChoice,
    DefinitionsOption,
    FrameworkOption,
    ModelOption,
    ReadoutOption,
    ScoreFormat,
    YesOption,
    read_source,
    step,
)
from argqual.errors import EXIT_SOME_FAILED, InputError

if TYPE_CHECKING:
    from argqual.argument import Argument
    from argqual.assessment import Assessment
    from argqual.frameworks.framework import Framework
    from argqual.judging.judge import Judge
    from argqual.judging.store import Store

_TABLE_ENDS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


# Options that say how a model is asked; a saved strategy has all that from its fit.
_OF_JUDGING = (
    "framework", "model", "readout", "explain", "definitions", "program", "raw", "truncate", "plan", "retry_failed",
    "max_cost", "price", "concurrency", "timeout", "details", "no_store", "api_base", "engine",
)  # fmt: skip


def score(
    called: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="TEXT|FILE|TABLE|-",
            help="The argument: text, a text file, or - for a pipe. Or many: a CSV, TSV, JSONL or Parquet file, "
            "a folder of text files, hf://OWNER/NAME:SPLIT.",
        ),
    ],
    framework: FrameworkOption = "ratio",
    model: ModelOption = "local",
    readout: ReadoutOption = "auto",
    explain: Annotated[
        bool, typer.Option("--explain", "-e", help="Write a rationale and quotes before each rating.")
    ] = False,
    issue: Annotated[
        str | None, typer.Option(help="The question that the argument answers; for a table, its column.")
    ] = None,
    stance: Annotated[str | None, typer.Option(help="The side that the argument takes; or its column.")] = None,
    context: Annotated[str | None, typer.Option(help="What it replies to, or where it stands; or its column.")] = None,
    format: Annotated[
        ScoreFormat | None, typer.Option(help="Default: text on a terminal, JSON elsewhere; JSONL for a table.")
    ] = None,
    definitions: DefinitionsOption = DefinitionsChoice.FULL,
    program: Annotated[Path | None, typer.Option(help="An optimised program saved for this framework.")] = None,
    strategy: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Predict with a strategy that argqual fit has saved, instead.")
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Levels as the model gives them, not calibrated to people's ratings.")
    ] = False,
    truncate: Annotated[
        bool, typer.Option("--truncate", help="Rate the beginning of an argument that is too long.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the scored table here: .parquet, .jsonl, .csv, .tsv.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="The column that holds the arguments.")] = None,
    id: Annotated[str | None, typer.Option(help="The column that names them.")] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only say what scoring a table takes: requests, tokens, money, time.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a table that was not finished.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an output that is there already.")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Ask again about the rows of the output that failed.")
    ] = False,
    max_cost: Annotated[
        float | None, typer.Option(metavar="USD", min=0, help="Stop before this much is spent.")
    ] = None,
    price: Annotated[
        str | None, typer.Option(metavar="IN,OUT", help="The model's price, USD a million tokens read and written.")
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=512, help="Most requests at once. Default: 64; embedded models 1."),
    ] = None,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.001, max=86400, help="How long to wait for a hosted model.")
    ] = 120.0,
    lines: Annotated[
        bool, typer.Option("--lines", help="Each line is an argument, or a JSON object with one.")
    ] = False,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Only the first rows.")] = None,
    prefix: Annotated[
        str | None,
        typer.Option(help="What the names of the result columns begin with. Default: the framework's id."),
    ] = None,
    details: Annotated[
        bool, typer.Option("--details", help="A column with everything: probabilities, reasons, quotes, usage.")
    ] = False,
    encoding: Annotated[str, typer.Option(help="Of a CSV, TSV or JSONL file.")] = "utf-8",
    delimiter: Annotated[str | None, typer.Option(help="Of a CSV file; found by itself as a rule.")] = None,
    no_store: Annotated[bool, typer.Option("--no-store", help="Do not keep assessments, nor use kept ones.")] = False,
    api_base: ApiBaseOption = None,
    engine: Annotated[str, typer.Option(help="Transport: auto, lm15 or litellm.", hidden=True)] = "auto",
    yes: YesOption = False,
) -> None:
    """Rate an argument, or every row of a table, criterion by criterion.

    Exit codes: 0 rated; 1 some could not be rated, or a limit was reached; 2 wrong
    usage or a bad file; 3 the model could not be reached; 130 interrupted.
    """
    from argqual.frameworks.catalogue import load_framework

    is_table = lines or _is_table(source)
    for option, given in {
        "--output": output, "--text": text, "--id": id, "--plan": plan, "--resume": resume,
        "--overwrite": overwrite, "--retry-failed": retry_failed, "--limit": limit, "--details": details,
        "--prefix": prefix, "--max-cost": max_cost,
    }.items():  # fmt: skip
        if given and not is_table:
            raise InputError(
                f"{option} is for tables, and {source[:60]!r} is none.",
                hint=f"A table ends in {', '.join(_TABLE_ENDS)}, or is a folder or hf://…; --lines takes lines.",
            )
    if not is_table and format is ScoreFormat.CSV:
        raise InputError("CSV is for tables.", hint="Use --format text, json, jsonl or markdown.")
    if is_table and format in (ScoreFormat.TEXT, ScoreFormat.JSON, ScoreFormat.MARKDOWN):
        raise InputError(f"A table is written as jsonl or csv, not as {format}.", hint="Or to a file, with --output.")
    if is_table and format and output:
        raise InputError("The ending of --output says its format; leave out --format.")
    if output is None and (resume or overwrite or retry_failed):
        raise InputError("--resume, --overwrite and --retry-failed need the file: give --output.")

    if strategy:
        for name in _OF_JUDGING:
            chosen = called.get_parameter_source(name)
            if chosen is not None and chosen.name == "COMMANDLINE":
                raise InputError(
                    f"--{name.replace('_', '-')} and --strategy do not go together.",
                    hint="A strategy is used as it was fitted; argqual strategies show FOLDER says how.",
                )

    def judge() -> Judge:
        from argqual.cli.fetching import ensure_weights

        ensure_weights(model, yes=yes)
        with step(f"Loading {model}"):
            from argqual.judging.judge import Judge
            from argqual.judging.program import load_program
            from argqual.models.connect import connect
            from argqual.models.prices import read_price

            connected = connect(model, api_base=api_base, engine=engine, timeout=timeout, slots=concurrency)
            if price:
                connected.price = read_price(price)
            return Judge(
                criteria,
                model=connected,
                readout=readout,
                explain=explain,
                definitions=definitions.value,
                truncate=truncate,
                program=load_program(program, criteria) if program else None,
            )

    if not is_table:
        from argqual.argument import Argument

        argument = Argument(read_source(source), issue=issue, stance=stance, context=context)
        if strategy:
            from argqual.cli import score_strategy

            loaded, content = score_strategy.load(strategy, yes=yes)
            raise typer.Exit(score_strategy.score_text(loaded, content, argument, format or _default_format()))
        criteria = load_framework(framework)
        with _store(wanted=not no_store) as kept:
            assessment = _score_one(
                judge(), argument, kept, doing=f"{'Explaining and rating' if explain else 'Rating'}"
            )
        if not raw:
            from argqual.judging.calibration import calibrated

            assessment = calibrated(assessment, criteria)
        typer.echo(render(assessment, criteria, format or _default_format()))
        if assessment.status in ("unreadable", "failed"):
            raise typer.Exit(EXIT_SOME_FAILED)
        return
    from argqual.cli.score_table import TableOptions, open_table, score_table

    options = TableOptions(
        output=output,
        stream="csv" if format is ScoreFormat.CSV else "jsonl",
        text=text,
        issue=issue,
        stance=stance,
        context=context,
        id=id,
        lines=lines,
        encoding=encoding,
        delimiter=delimiter,
        limit=limit,
        prefix=prefix,
        details=details,
        concurrency=concurrency,
        max_cost=max_cost,
        plan=plan,
        resume=resume,
        overwrite=overwrite,
        retry_failed=retry_failed,
        raw=raw,
    )
    table = open_table(source, options)
    if strategy:
        from argqual.cli import score_strategy

        loaded, content = score_strategy.load(strategy, yes=yes)
        raise typer.Exit(score_strategy.score_table(table, loaded, content, options))
    criteria = load_framework(framework)
    with _store(wanted=not no_store) as kept:
        code = score_table(table, judge(), kept, options)
    raise typer.Exit(code)


def _is_table(source: str) -> bool:
    """Whether a source can be a table at all; quick, for an argument given as text."""
    if "\n" in source or len(source) > 1000:
        return False
    from argqual.tabular.formats import is_table

    return is_table(source)


@contextmanager
def _store(*, wanted: bool) -> Iterator[Store | None]:
    if not wanted:
        yield None
        return
    from argqual.judging.store import Store

    with Store() as store:
        yield store


def _score_one(judge: Judge, argument: Argument, store: Store | None, *, doing: str) -> Assessment:
    key = judge.key(argument)
    if store and (kept := store.get([key]).get(key)):
        print("Rated before; this is what was kept (--no-store asks again).", file=sys.stderr)
        return kept
    with step(f"{doing} by {judge.framework.id} ({len(judge.framework.asked)} questions)"):
        assessment = judge.assess(argument)
    if store:
        store.settle({key: assessment})
    return assessment


def _default_format() -> ScoreFormat:
    return ScoreFormat.TEXT if sys.stdout.isatty() else ScoreFormat.JSON


def render(assessment: Assessment, framework: Framework, format: ScoreFormat) -> str:
    if format is ScoreFormat.JSON:
        return assessment.model_dump_json(indent=2)
    if format is ScoreFormat.JSONL:
        return assessment.model_dump_json()
    from argqual.report import assessments as tables

    return (
        tables.markdown(assessment, framework) if format is ScoreFormat.MARKDOWN else tables.text(assessment, framework)
    )
