"""`argqual score … --strategy FOLDER`: what a saved strategy says of an argument, or of a table of them."""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from argqual.argument import Argument
from argqual.cli.options import ScoreFormat, step
from argqual.cli.progress import count
from argqual.errors import EXIT_OK, EXIT_SOME_FAILED, InputError
from argqual.report.plain import paragraph

if TYPE_CHECKING:
    from argqual.cli.score_table import Reading, TableOptions
    from argqual.strategies.base import Strategy
    from argqual.tabular.sources import Row, Source

_CHUNK = 256  # rows that are predicted together, and that a killed run loses at most
_SECONDS = 5.0
_INPUTS = dict.fromkeys(("issue", "stance", "context"), "optional")


def load(folder: Path, *, yes: bool) -> tuple[Strategy, dict[str, Any]]:
    """A saved strategy and what its folder says of it; an embedded model's weights are fetched with consent."""
    from argqual.cli.fetching import ensure_weights
    from argqual.cli.fit import embedded_models
    from argqual.strategies.saving import describe_saved

    content = describe_saved(folder)
    for model in embedded_models(content["params"]):
        ensure_weights(model, yes=yes)
    with step(f"Loading {folder}"):
        from argqual.strategies.saving import load_strategy

        return load_strategy(folder), content


def score_text(strategy: Strategy, content: dict[str, Any], argument: Argument, format: ScoreFormat) -> int:
    """Print the prediction for one argument; the exit code."""
    with step("Predicting"):
        found = strategy.predictions([argument])
    value, reason = float(found.values[0]), found.reasons[0]
    training = content["training"]
    shown = {
        "prediction": None if reason else value,
        "reason": reason,
        "strategy": content["strategy"],
        "target": training["target"],
        "trained_on": list(training["corpora"]),
        "assessment": found.assessments[0].model_dump(mode="json") if found.assessments else None,
    }
    if format in (ScoreFormat.JSON, ScoreFormat.JSONL):
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=2 if format is ScoreFormat.JSON else None))
    else:
        said = f"{value:.2f}" if not reason else f"none: {reason}"
        trained = ", ".join(training["corpora"]) or "arguments that are not recorded"
        scale = f"on the scale of {training['target']}" if training["target"] else "on the scale of its labels"
        typer.echo(
            paragraph(f"Prediction of {content['strategy']}: {said}, {scale}, learnt from {trained}.", hanging=2)
        )
    return EXIT_SOME_FAILED if reason else EXIT_OK


def score_table(source: Source, strategy: Strategy, content: dict[str, Any], options: TableOptions) -> int:
    """Add a strategy's predictions to a table; the exit code."""
    from argqual.cli.score_table import reading
    from argqual.tabular.output import StreamOutput, TableOutput, refuse_shared

    name = str(content["strategy"])
    how = reading(source, _INPUTS, name, options)
    prefix = f"{name.replace('+', '_')}_" if options.prefix is None else options.prefix
    types: dict[str, type] = {f"{prefix}prediction": float, f"{prefix}reason": str, f"{prefix}strategy": str}
    fingerprint = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
    refuse_shared(source.columns, types)
    print(f"{source.name}: {how.describe()}", file=sys.stderr)
    output: Any
    done = 0
    if options.output is None:
        output = StreamOutput(sys.stdout, options.stream, results=types, columns=source.columns)
    else:
        if Path(source.name).resolve() == options.output.resolve():
            raise InputError(f"{options.output} is the table itself.", hint="Give --output another name.")
        output = TableOutput(
            options.output,
            results=types,
            source_schema=source.schema,
            job={
                "source": source.identity(),
                "columns": {**how.columns.__dict__, **how.shared},
                "strategy": fingerprint,
            },
            resume=options.resume,
            overwrite=options.overwrite,
            part_rows=_CHUNK,
        )
        if output.finished:
            print(f"{options.output} is finished already.", file=sys.stderr)
            return EXIT_OK
        done = output.rows_done
    missing = rows = 0
    try:
        for row, value, reason in _predicted(source, strategy, how, options, done):
            result = None if reason else value
            output.append(row.cells, dict(zip(types, (result, reason, f"{name} {fingerprint}"), strict=True)))
            rows += 1
            missing += reason is not None
    except BaseException:
        if options.output:
            with suppress(InputError):
                output.flush()
            print("What is predicted so far is kept. Go on with --resume.", file=sys.stderr)
        raise
    output.finish()
    said = f"{count(rows)} rows, {count(missing)} without a prediction (the column {prefix}reason says why)."
    print(said + (f" Written: {options.output}" if options.output else ""), file=sys.stderr)
    return EXIT_SOME_FAILED if missing else EXIT_OK


def _predicted(
    source: Source, strategy: Strategy, how: Reading, options: TableOptions, skip: int
) -> Iterator[tuple[Row, float, str | None]]:
    """Each row with its prediction, or the reason why there is none."""
    rows = source.rows(skip)
    if options.limit is not None:
        rows = itertools.islice(rows, max(0, options.limit - skip))
    total = source.count()
    done, said_at = skip, time.monotonic()
    for chunk in iter(lambda: list(itertools.islice(rows, _CHUNK)), []):
        arguments: list[Argument] = []
        unusable: dict[int, str] = {}
        for place, row in enumerate(chunk):
            try:
                arguments.append(how.argument(row))
            except InputError as error:
                unusable[place] = error.message
        found = strategy.predictions(arguments) if arguments else None
        predictions = iter(zip(found.values, found.reasons, strict=True) if found else ())
        for place, row in enumerate(chunk):
            if place in unusable:
                yield row, float("nan"), unusable[place]
            else:
                value, reason = next(predictions)
                yield row, float(value), reason
        done += len(chunk)
        if time.monotonic() - said_at > _SECONDS:
            said_at = time.monotonic()
            of = f" of {count(total)}" if total else ""
            print(f"Predicted: {count(done)}{of} rows", file=sys.stderr, flush=True)
