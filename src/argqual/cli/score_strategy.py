"""`argqual score … --strategy FOLDER`: what a saved strategy says of an argument, or of a table of them."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from argqual.argument import Argument
from argqual.cli.options import ScoreFormat, step
from argqual.cli.progress import count
from argqual.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_SOME_FAILED, InputError
from argqual.report.plain import paragraph

if TYPE_CHECKING:
    from argqual.cli.score_table import Reading, TableOptions
    from argqual.strategies.base import Strategy
    from argqual.tabular.sources import Row, Source

_CHUNK = 512  # rows that are predicted together, and that a killed run loses at most
_CHUNK_ASKED = 128  # the same where a model is asked about each, which takes longer
_SECONDS = 5.0
_INPUTS = dict.fromkeys(("issue", "stance", "context"), "optional")


def load(folder: Path, *, yes: bool) -> tuple[Strategy, dict[str, Any]]:
    """A saved strategy and what its folder says of it; an embedded model's weights are fetched with consent."""
    from argqual.cli.fetching import ensure_weights
    from argqual.strategies.saving import describe_saved, saved_models

    content = describe_saved(folder)
    for model in saved_models(content):
        ensure_weights(model, yes=yes)
    with step(f"Loading {folder}"):
        from argqual.strategies.saving import load_strategy

        return load_strategy(folder), content


def score_text(strategy: Strategy, content: Mapping[str, Any], argument: Argument, format: ScoreFormat) -> int:
    """Print the prediction for one argument; the exit code."""
    from argqual.strategies.base import telling

    with step("Predicting") as say, telling(say):
        found = strategy.predictions([argument])
    value, reason = float(found.values[0]), found.reasons[0]
    training, scale = content["training"], _scale(strategy, content)
    if format in (ScoreFormat.JSON, ScoreFormat.JSONL):
        shown = {
            "prediction": None if reason else value,
            "reason": reason,
            "scale": scale,
            "strategy": content["strategy"],
            "target": training["target"],
            "trained_on": list(training["corpora"]),
            "assessment": found.assessments[0].model_dump(mode="json") if found.assessments else None,
        }
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=2 if format is ScoreFormat.JSON else None))
        return EXIT_SOME_FAILED if reason else EXIT_OK
    framework = strategy.rated_framework()
    if found.assessments and framework:
        from argqual.report import assessments as tables

        written = tables.markdown if format is ScoreFormat.MARKDOWN else tables.text
        typer.echo(written(found.assessments[0], framework) + "\n")
    said = f"none: {reason}" if reason else f"{value:.2f}, {scale}"
    trained = f" Fitted on {', '.join(training['corpora'])}." if training["corpora"] else ""
    typer.echo(paragraph(f"Prediction of {content['strategy']}: {said}.{trained}"))
    return EXIT_SOME_FAILED if reason else EXIT_OK


def _scale(strategy: Strategy, content: Mapping[str, Any]) -> str:
    """What the numbers mean."""
    from argqual.strategies.base import PredictionScale

    if strategy.scale is PredictionScale.LABELS:
        return f"on the scale of its labels ({content['training']['target'] or 'not recorded which'})"
    quality = strategy.scale is PredictionScale.QUALITY
    return "from 0 to 1" if quality else "higher is better; the scale is the strategy's own"


class _Results:
    """The columns of predictions: `prediction`, `reason` (why there is none), `strategy` (its name and fingerprint)."""

    def __init__(self, content: Mapping[str, Any], prefix: str | None) -> None:
        name = str(content["strategy"])
        prefix = f"{name.replace('+', '_')}_" if prefix is None else prefix
        self.reason = f"{prefix}reason"
        self.types: dict[str, type] = {f"{prefix}prediction": float, self.reason: str, f"{prefix}strategy": str}
        self.mark = f"{name} {hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]}"

    def cells(self, value: float, reason: str | None) -> dict[str, Any]:
        return dict(zip(self.types, (None if reason else value, reason, self.mark), strict=True))

    def ended(self, reasons: Counter[bool]) -> int:
        """Say how many rows have no prediction; the exit code. `reasons`: how many have a reason, and have none."""
        rows = count(reasons.total())
        if not reasons[True]:
            _say(f"{rows} rows, all predicted.")
            return EXIT_OK
        _say(f"{rows} rows, {count(reasons[True])} without a prediction (the column {self.reason} says why).")
        return EXIT_SOME_FAILED


def score_table(source: Source, strategy: Strategy, content: Mapping[str, Any], options: TableOptions) -> int:
    """Add a strategy's predictions to a table; the exit code."""
    from argqual.cli.score_table import reading
    from argqual.tabular.output import refuse_shared

    how = reading(source, _INPUTS, str(content["strategy"]), options)
    results = _Results(content, options.prefix)
    refuse_shared(source.columns, results.types)
    _say(f"{source.name}: {how.describe()}")
    predict = _Predict(source, strategy, how, options, results)
    return _stream(predict) if options.output is None else _write(predict, options.output)


def _stream(predict: _Predict) -> int:
    from argqual.tabular.output import StreamOutput

    results, columns = predict.results, predict.source.columns
    output = StreamOutput(sys.stdout, predict.options.stream, results=results.types, columns=columns)
    reasons: Counter[bool] = Counter()
    try:
        for carried, cells in predict.rows():
            output.append(carried, cells)
            reasons[cells[results.reason] is not None] += 1
        output.finish()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _say("The reader of the results is gone.")
        return EXIT_INTERRUPTED
    return results.ended(reasons)


def _write(predict: _Predict, path: Path) -> int:
    from argqual.tabular.output import TableOutput, iter_scored

    source, results, options = predict.source, predict.results, predict.options
    if Path(source.name).resolve() == path.resolve():
        raise InputError(f"{path} is the table itself.", hint="Give --output another name.")
    output = TableOutput(
        path,
        results=results.types,
        source_schema=source.schema,
        job={
            "source": source.identity(),
            "columns": {**predict.how.columns.__dict__, **predict.how.shared},
            "strategy": results.mark,
            "results": list(results.types),
            "limit": options.limit,
        },
        resume=options.resume,
        overwrite=options.overwrite,
        part_rows=_CHUNK,
    )
    if output.finished:
        _say(f"{path} is there already, finished. --overwrite predicts again.")
        return results.ended(_reasons(iter_scored(path, results.types)[1], results))
    if output.rows_done:
        predict.refuse_to_go_on()
        _say(f"Going on after {count(output.rows_done)} rows that are predicted already.")
    reasons: Counter[bool] = Counter()
    try:
        for carried, cells in predict.rows(output.rows_done):
            output.append(carried, cells)
            reasons[cells[results.reason] is not None] += 1
    except BaseException:
        with suppress(InputError):  # the disk is full, as the error on its way says
            output.flush()
        _say("What is predicted so far is kept. Go on with --resume.")
        raise
    output.finish()
    _say(f"Written: {path}")
    return results.ended(_reasons(iter_scored(path, results.types)[1], results) if output.rows_done else reasons)


def _reasons(rows: Iterable[tuple[Any, Mapping[str, Any]]], results: _Results) -> Counter[bool]:
    """How many rows have a reason for having no prediction, those of earlier runs too."""
    return Counter(cells[results.reason] is not None for _, cells in rows)


@dataclass(frozen=True)
class _Predict:
    """Rows of a table with their predictions, a chunk at a time, so that memory is flat."""

    source: Source
    strategy: Strategy
    how: Reading
    options: TableOptions
    results: _Results

    def rows(self, skip: int = 0) -> Iterator[tuple[Mapping[str, Any], dict[str, Any]]]:
        """The cells of each row after the first `skip`, and those of its prediction."""
        from argqual.strategies.base import telling

        rows, limit = self.source.rows(skip), self.options.limit
        total = self.source.count()
        if limit is not None:
            rows = itertools.islice(rows, max(0, limit - skip))
            total = limit if total is None else min(total, limit)
        quiet = self.options.output is None and sys.stdout.isatty() and sys.stderr.isatty()
        done, said_at = skip, time.monotonic()

        def say(further: str = "") -> None:
            nonlocal said_at
            if time.monotonic() - said_at > _SECONDS and not quiet:
                said_at = time.monotonic()
                _say(f"Predicted: {count(done)}{f' of {count(total)}' if total else ''} rows{further}")

        while chunk := list(itertools.islice(rows, self._chunk())):
            with telling(lambda words: say(f"; the next: {words}")):
                predicted = list(self._predicted(chunk))
            yield from predicted
            done += len(chunk)
            say()

    def _predicted(self, chunk: list[Row]) -> Iterator[tuple[Mapping[str, Any], dict[str, Any]]]:
        arguments: list[Argument] = []
        unusable: dict[int, str] = {}
        for place, row in enumerate(chunk):
            try:
                arguments.append(self.how.argument(row))
            except InputError as error:
                unusable[place] = error.message
        found = self.strategy.predictions(arguments) if arguments else None
        predictions = iter(zip(found.values, found.reasons, strict=True) if found else ())
        for place, row in enumerate(chunk):
            value, reason = (math.nan, unusable[place]) if place in unusable else next(predictions)
            yield row.cells, self.results.cells(float(value), reason)

    def _chunk(self) -> int | None:
        if self._relative():
            return None
        asks = any(part.models for _, part in self.strategy.parts())
        return _CHUNK_ASKED if asks else _CHUNK

    def _relative(self) -> bool:
        """Whether arguments are scored against one another, so that all rows belong together."""
        from argqual.strategies.base import PredictionScale

        return self.strategy.scale is PredictionScale.RELATIVE

    def refuse_to_go_on(self) -> None:
        if self._relative():
            raise InputError(
                "This strategy compares the rows with one another, so it cannot go on in the middle.",
                hint="Start again with --overwrite; answers of the model are kept.",
            )


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
