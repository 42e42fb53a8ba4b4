"""`argqual score`: rate one argument."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from argqual.cli.options import (
    ApiBaseOption,
    DefinitionsChoice,
    DefinitionsOption,
    Format,
    FormatOption,
    FrameworkOption,
    IssueOption,
    ModelOption,
    ReadoutOption,
    YesOption,
    read_source,
    step,
    wanted_format,
)
from argqual.errors import EXIT_SOME_FAILED

if TYPE_CHECKING:
    from argqual.assessment import Assessment
    from argqual.framework import Framework


def score(
    source: Annotated[
        str, typer.Argument(metavar="TEXT|FILE|-", help="The argument: text, a text file, or - for a pipe.")
    ],
    framework: FrameworkOption = "ratio",
    model: ModelOption = "local",
    readout: ReadoutOption = "auto",
    explain: Annotated[
        bool, typer.Option("--explain", "-e", help="Write a rationale and quotes before each rating.")
    ] = False,
    issue: IssueOption = None,
    stance: Annotated[str | None, typer.Option(help="The side that the argument takes.")] = None,
    context: Annotated[str | None, typer.Option(help="What it replies to, or where it stands.")] = None,
    format: FormatOption = None,
    definitions: DefinitionsOption = DefinitionsChoice.FULL,
    program: Annotated[Path | None, typer.Option(help="An optimised program saved for this framework.")] = None,
    truncate: Annotated[
        bool, typer.Option("--truncate", help="Rate the beginning of an argument that is too long.")
    ] = False,
    api_base: ApiBaseOption = None,
    engine: Annotated[str, typer.Option(help="Transport: auto, lm15 or litellm.", hidden=True)] = "auto",
    yes: YesOption = False,
) -> None:
    """Rate an argument, criterion by criterion.

    Exit codes: 0 rated; 1 the answer could not be read; 2 wrong usage or a bad
    file; 3 the model could not be reached; 130 interrupted.
    """
    from argqual.argument import Argument
    from argqual.catalogue import load_framework
    from argqual.cli.fetching import ensure_weights

    argument = Argument(read_source(source), issue=issue, stance=stance, context=context)
    criteria = load_framework(framework)
    ensure_weights(model, yes=yes)
    with step(f"Loading {model}"):
        from argqual.judging.judge import Judge
        from argqual.judging.program import load_program

        judge = Judge(
            criteria,
            model=model,
            readout=readout,
            explain=explain,
            definitions=definitions.value,
            truncate=truncate,
            program=load_program(program, criteria) if program else None,
            api_base=api_base,
            engine=engine,
        )
    with step(f"{'Explaining and rating' if explain else 'Rating'} by {criteria.id} ({len(criteria.asked)} questions)"):
        assessment = judge.assess(argument)
    typer.echo(render(assessment, criteria, wanted_format(format)))
    if assessment.status in ("unreadable", "failed"):
        raise typer.Exit(EXIT_SOME_FAILED)


def render(assessment: Assessment, framework: Framework, format: Format) -> str:
    if format is Format.JSON:
        return assessment.model_dump_json(indent=2)
    from argqual.report import tables

    return tables.markdown(assessment, framework) if format is Format.MARKDOWN else tables.text(assessment, framework)
