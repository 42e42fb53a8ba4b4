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
    step,
    wanted_format,
)
from argqual.errors import EXIT_SOME_FAILED


def compare_command(
    a: Annotated[str, typer.Argument(metavar="A", help="An argument: text, or a text file.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The other one.")],
    framework: FrameworkOption = "ratio",
    model: ModelOption = "local",
    readout: ReadoutOption = "auto",
    issue: IssueOption = None,
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

    first, second = Argument(read_source(a), issue=issue), Argument(read_source(b), issue=issue)
    criteria = load_framework(framework)
    ensure_weights(model, yes=yes)
    with step(f"Loading {model}"):
        from argqual.models.connect import begin, connect

        begin(model, api_base=api_base)  # beside what this imports
        from argqual.judging.compare import compare

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
