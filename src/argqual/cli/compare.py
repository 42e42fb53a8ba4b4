"""`argqual compare`: which of two arguments is better."""

from __future__ import annotations

from typing import Annotated

import typer

from argqual.cli.options import (
    ApiBaseOption,
    DefinitionsChoice,
    DefinitionsOption,
    EffortOption,
    Format,
    FormatOption,
    FrameworkOption,
    IssueOption,
    ModelOption,
    ReadoutOption,
    YesOption,
    read_source,
    say,
    step,
    wanted_format,
)
from argqual.cli.settings import keep_minutes
from argqual.errors import EXIT_SOME_FAILED, InputError

_TWICE = "given twice, A's and B's."


def compare_command(
    a: Annotated[str, typer.Argument(metavar="A", help="An argument: text, or a text file.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The other one.")],
    framework: FrameworkOption = "ratio",
    model: ModelOption = "local",
    readout: ReadoutOption = "auto",
    issue: IssueOption = None,
    stance: Annotated[list[str] | None, typer.Option(help=f"The side that they take; {_TWICE}")] = None,
    context: Annotated[list[str] | None, typer.Option(help=f"What they reply to; {_TWICE}")] = None,
    format: FormatOption = None,
    definitions: DefinitionsOption = DefinitionsChoice.FULL,
    effort: EffortOption = None,
    api_base: ApiBaseOption = None,
    yes: YesOption = False,
) -> None:
    """Say which of two arguments is better, and on which criteria. Both orders are asked."""
    from argqual.argument import Argument
    from argqual.cli.fetching import ensure_weights
    from argqual.frameworks.catalogue import load_framework

    stances, contexts = _of_each("stance", stance), _of_each("context", context)
    first, second = (
        Argument(read_source(source), issue=issue, stance=side, context=place)
        for source, side, place in zip((a, b), stances, contexts, strict=True)
    )
    criteria = load_framework(framework)
    ensure_weights(model, yes=yes)
    with step(f"Loading {model}"):
        from argqual.models.connect import begin, connect

        begin(model, api_base=api_base, keep=keep_minutes(model, api_base))  # beside what this imports
        from argqual.judging.compare import compare
        from argqual.judging.frames.frame import note_on

        if said := note_on(criteria.language):
            say(f"Note: {said}.")
        connected = connect(model, api_base=api_base, effort=effort)
    with step(f"Comparing by {criteria.id}, in both orders"):
        result = compare(
            first,
            second,
            framework=criteria,
            issue=issue,
            model=connected,
            readout=readout,
            definitions=definitions.value,
        )
    chosen = wanted_format(format)
    if chosen is Format.JSON:
        typer.echo(result.model_dump_json(indent=2))
    else:
        from argqual.report import assessments as tables

        shown = tables.comparison_markdown(result) if chosen is Format.MARKDOWN else tables.comparison_text(result)
        typer.echo(shown)
    if result.status in ("unreadable", "failed"):
        raise typer.Exit(EXIT_SOME_FAILED)


def _of_each(name: str, given: list[str] | None) -> tuple[str | None, str | None]:
    """What was said of A and of B: the same of both where it was said once."""
    if given and len(given) > 2:
        raise InputError(f"--{name} is given {len(given)} times.", hint="Once for both arguments, or once for each.")
    return (given[0], given[-1]) if given else (None, None)
