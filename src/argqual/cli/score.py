"""`argqual score`: rate an argument, or a table of them."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from argqual.cli.grouped import grouped
from argqual.cli.options import ScoreFormat, YesOption, read_source, what
from argqual.cli.score_options import Judging, Rated, Written, check_options

if TYPE_CHECKING:
    from argqual.cli.score_table import Scorer


@grouped
def score(
    called: typer.Context,
    rated: Rated,
    written: Written,
    judging: Judging,
    strategy: Annotated[
        Path | None,
        what(metavar="FOLDER", help="Predict with a strategy that argqual fit has saved, instead."),
    ] = None,
    yes: YesOption = False,
) -> None:
    """Rate an argument, or every row of a table, criterion by criterion.

    Exit codes: 0 rated; 1 some could not be rated, or a limit was reached; 2 wrong
    usage or a bad file; 3 the model could not be reached; 130 interrupted.
    """
    check_options(called, rated, judging, written, strategy)
    in_rows = rated.is_table or rated.in_rows(judging, written)
    if not rated.is_table:
        from argqual.argument import Argument

        argument = Argument(read_source(rated.source), issue=rated.issue, stance=rated.stance, context=rated.context)
    if in_rows:
        from argqual.cli.score_table import one_text, open_table, score_table

        source, rated = (open_table(rated), rated) if rated.is_table else one_text(argument, rated)
    if strategy:
        from argqual.cli.score_strategy import strategy_scorer

        chosen: AbstractContextManager[Scorer] = strategy_scorer(strategy, written.prefix, yes=yes)
    else:
        from argqual.cli.score_judge import judge_scorer

        chosen = judge_scorer(judging, written.prefix, yes=yes, in_parts=bool(rated.split))
    with chosen as scorer:
        if in_rows:
            code = score_table(source, scorer, rated, written)
        else:
            here = ScoreFormat.TEXT if sys.stdout.isatty() else ScoreFormat.JSON
            code = scorer.text(argument, written.format or here, split=rated.split.value if rated.split else None)
    raise typer.Exit(code)
