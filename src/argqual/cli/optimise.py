"""`argqual optimise`: a framework and a labelled corpus become a program that `argqual score --program` uses."""

from __future__ import annotations

import difflib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from argqual.cli import complete
from argqual.cli import options as shared
from argqual.cli.options import Format, interruptible, say, step, wanted_format
from argqual.errors import EXIT_INTERRUPTED, InputError
from argqual.report.plain import clean, paragraph

if TYPE_CHECKING:
    from argqual.strategies.optimised import Optimised
    from argqual.strategies.training import TrainingData

_FEW = 15
_FREE_CALLS = 200


class OptimiserChoice(StrEnum):
    """DSPy's optimisers that are to be had."""

    GEPA = "gepa"
    MIPROV2 = "miprov2"
    BOOTSTRAP = "bootstrap"
    LABELLED = "labelled"


_JUDGED = "A corpus with human judgements, or a card."
_Corpus = Annotated[str, typer.Option("--corpus", "-c", help=_JUDGED, autocompletion=complete.corpora)]
_ReflectionModel = Annotated[
    str | None, typer.Option(metavar="NAME", help="Who writes instructions (gepa, miprov2). Default: the model.")
]
_Budget = Annotated[
    str, typer.Option(metavar="2usd|300calls", help="Most to spend, on both models; 2usd,300calls sets both.")
]
_Limit = Annotated[int | None, typer.Option(metavar="N", min=4, help="At most N arguments, the same ones each time.")]


def optimise(
    framework: shared.FrameworkArgument,
    corpus: _Corpus,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where the program is written.")],
    target: Annotated[str, typer.Option(help="The label to agree with: overall, logic, …")] = "overall",
    optimiser: Annotated[OptimiserChoice, typer.Option(help="How the prompt is improved.")] = OptimiserChoice.GEPA,
    model: shared.ModelOption = "local",
    readout: shared.ReadoutOption = "auto",
    reflection_model: _ReflectionModel = None,
    api_base: shared.ApiBaseOption = None,
    budget: _Budget = "200calls",
    limit: _Limit = None,
    seed: Annotated[int, typer.Option(help="Of the split and of the optimiser.")] = 0,
    definitions: shared.DefinitionsOption = shared.DefinitionsChoice.FULL,
    format: shared.FormatOption = None,
    yes: shared.YesOption = False,
) -> None:
    """Improve a framework's prompt on human judgements, and save it as a program.

    Exit codes: 0 done, also when the budget was spent; 2 wrong usage; 3 a model could
    not be reached; 130 interrupted, with the best program so far written.
    """
    calls, usd = read_budget(budget)
    _check_output(output)
    from argqual.cli.fetching import ensure_weights
    from argqual.models.names import is_embedded

    for name in (models := [name for name in (model, reflection_model) if name]):
        ensure_weights(name, yes=yes)
    if calls is None and all(map(is_embedded, models)):
        calls = _calls_where_free()
    with step("Loading"):
        from argqual.judging.program import save_program
        from argqual.strategies.base import telling
        from argqual.strategies.optimised import Optimised
        from argqual.strategies.training import training_data
    with step(f"Reading {corpus}"):
        data = training_data([corpus], target, limit=limit)
    strategy = Optimised(
        framework,
        definitions=definitions.value,
        optimiser=optimiser.value,
        reflection_model=reflection_model,
        budget_calls=calls,
        budget_usd=usd,
        seed=seed,
        model=model,
        readout=readout,
        api_base=api_base,
    )
    doing = f"Improving {framework} with {optimiser.value} ({_limits(calls, usd)} at most)"
    with _interruptible(strategy), step(doing) as further, telling(further):
        strategy.fit(data.arguments, data.labels, groups=data.groups)
    save_program(strategy.program(), output)
    for licence in data.training.licences:
        say(paragraph(f"Licence of {licence}. The program may show texts of it.", hanging=2))
    typer.echo(_report(strategy, framework, output, data, wanted_format(format)))
    if strategy.ended_ == "interrupted":
        say("Interrupted; the best program so far was written.")
        raise typer.Exit(EXIT_INTERRUPTED)


def _check_output(output: Path) -> None:
    if output.exists():
        raise InputError(f"{output} is there already.", hint="Name another file, or delete it first.")
    if not output.parent.is_dir():
        raise InputError(f"There is no folder {output.parent}.")


def _limits(calls: int | None, usd: float | None) -> str:
    said = [f"{calls:,} calls"] if calls else []
    return " and ".join([*said, f"{usd:g} USD"] if usd else said)


def _calls_where_free() -> int:
    said = f"An embedded model costs nothing, so the limit is {_FREE_CALLS} requests (--budget 300calls sets another)."
    say(paragraph(said))
    return _FREE_CALLS


def read_budget(words: str) -> tuple[int | None, float | None]:
    """`2usd`, `300calls` or both as calls and US dollars, None for what is not limited; else an `InputError`."""
    calls: int | None = None
    usd: float | None = None
    for part in words.replace(" ", "").lower().split(","):
        if found := re.fullmatch(r"([1-9]\d*)calls?", part):
            calls = int(found[1])
        elif found := re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)usd", part):
            usd = float(found[1])
        else:
            raise InputError(f"--budget {words} is no budget.", hint="For example --budget 2usd, or --budget 300calls.")
    return calls, usd


@contextmanager
def _interruptible(strategy: Optimised) -> Iterator[None]:
    """Ctrl-C once ends what is under way and keeps the best; twice ends at once."""
    stream = sys.stderr  # of now: DSPy's own is kept quiet, and this is not

    def stop() -> None:
        print("Finishing the requests under way. Ctrl-C again stops at once.", file=stream, flush=True)
        strategy.stop()

    def stop_at_once() -> None:
        raise KeyboardInterrupt

    try:
        with interruptible(stop, stop_at_once):
            yield
    except KeyboardInterrupt:
        print("Interrupted before there was anything to keep; nothing was written.", file=stream, flush=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None


def _report(strategy: Optimised, framework: str, output: Path, data: TrainingData, format: Format) -> str:
    content = {
        "program": str(output),
        "framework": framework,
        "optimiser": strategy.optimiser,
        "corpora": list(data.training.corpora),
        "target": data.training.target,
        "arguments": len(data.arguments),
        "ended": strategy.ended_,
        "calls": strategy.calls_,
        "cost_usd": strategy.seen_.usage.cost_usd,
        "failures": strategy.failures_,
        "before": strategy.score_before_,
        "after": strategy.score_after_,
        "prompt_before": strategy.prompt_before_,
        "prompt_after": strategy.prompt_after_,
    }
    if format is Format.JSON:
        return json.dumps(content, indent=2, ensure_ascii=False)
    changed = difflib.unified_diff(
        strategy.prompt_before_.splitlines(), strategy.prompt_after_.splitlines(), "before", "after", n=0, lineterm=""
    )
    cost = "" if content["cost_usd"] is None else f", {content['cost_usd']:.2f} USD"
    lines = [
        "\n".join(map(clean, changed)) or "The prompt stays as it was: nothing that was tried agreed better.",
        "",
        paragraph(f"Before: {_figures(strategy.score_before_)}", hanging=8),
        paragraph(f"After:  {_figures(strategy.score_after_)}", hanging=8),
        paragraph(
            "Both on topics that were held out to choose by, so the second is an optimistic figure; measure on "
            "other topics before relying on it."
        ),
        paragraph(f"{strategy.calls_:,} calls{cost}; {strategy.failures_:,} without a rating; {strategy.ended_}."),
        clean(f"Written: {output}. Use it: argqual score FILE -f {framework} --program {output}"),
    ]
    return "\n".join(lines)


def _figures(score: Mapping[str, Any]) -> str:
    if score["spearman"] is None:
        rank = f"Spearman not to be had ({score['reason']})"
    else:
        between = "no interval" if score["low"] is None else f"{score['low']:.2f} to {score['high']:.2f}"
        few = ", few groups: likely too narrow" if (score["clusters"] or _FEW) < _FEW else ""
        rank = f"Spearman {score['spearman']:.2f} ({between}{few})"
    return f"agreement {score['metric']:.3f}, {rank}, {score['n']:,} of {score['offered']:,} arguments"
