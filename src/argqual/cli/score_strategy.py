"""A saved strategy as what scores: an argument, or a table of them."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from argqual.argument import Argument
from argqual.cli.options import ScoreFormat, say, step
from argqual.cli.progress import count
from argqual.errors import EXIT_OK, EXIT_SOME_FAILED, InputError
from argqual.report.plain import paragraph
from argqual.tabular.output import iter_scored

if TYPE_CHECKING:
    from argqual.cli.score_table import Scored, TableJob
    from argqual.judging.splitting import TextPart
    from argqual.strategies.base import Strategy
    from argqual.tabular.table import TableRow

_CHUNK = 512  # rows that are predicted together, and that a killed run loses at most
_CHUNK_ASKED = 128  # the same where a model is asked about each, which takes longer
_SECONDS = 5.0


@contextmanager
def strategy_scorer(folder: Path, prefix: str | None, *, yes: bool) -> Iterator[StrategyScorer]:
    """A saved strategy and what its folder says of it; an embedded model's weights are fetched with consent."""
    from argqual.cli.fetching import ensure_weights
    from argqual.strategies.saving import describe_saved, load_strategy, saved_models

    content = describe_saved(folder)
    for model in saved_models(content):
        ensure_weights(model, yes=yes)
    with step(f"Loading {folder}"):
        strategy = load_strategy(folder)
    yield StrategyScorer(strategy, content, prefix)


class StrategyScorer:
    """A strategy with what its folder says of it: a `Scorer`.

    The columns of its results are `prediction`, `reason` (why there is none) and `strategy` (its name and
    fingerprint), by default with the strategy's name before them.
    """

    declared: Mapping[str, str] = dict.fromkeys(("issue", "stance", "context"), "optional")
    done = "predicted"
    again = "predicts again"

    def __init__(self, strategy: Strategy, content: Mapping[str, Any], prefix: str | None) -> None:
        self.strategy, self.content = strategy, content
        self.name = str(content["strategy"])
        self.part_rows = _CHUNK
        prefix = f"{self.name.replace('+', '_')}_" if prefix is None else prefix
        self.reason = f"{prefix}reason"
        self.types: Mapping[str, type] = {f"{prefix}prediction": float, self.reason: str, f"{prefix}strategy": str}
        self._mark = f"{self.name} {hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]}"

    def parts(self, argument: Argument, by: str) -> tuple[TextPart, ...]:
        raise InputError("A strategy predicts whole texts.")  # as its options say before

    def text(self, argument: Argument, format: ScoreFormat, *, split: str | None = None) -> int:
        from argqual.strategies.base import telling

        with step("Predicting") as further, telling(further):
            found = self.strategy.predictions([argument])
        value, reason = float(found.values[0]), found.reasons[0]
        training, scale = self.content["training"], self._scale()
        if format in (ScoreFormat.JSON, ScoreFormat.JSONL):
            shown = {
                "prediction": None if reason else value,
                "reason": reason,
                "scale": scale,
                "strategy": self.name,
                "target": training["target"],
                "trained_on": list(training["corpora"]),
                "assessment": found.assessments[0].model_dump(mode="json") if found.assessments else None,
            }
            typer.echo(json.dumps(shown, ensure_ascii=False, indent=2 if format is ScoreFormat.JSON else None))
            return EXIT_SOME_FAILED if reason else EXIT_OK
        framework = self.strategy.rated_framework()
        if found.assessments and framework:
            from argqual.report import assessments as tables

            written = tables.markdown if format is ScoreFormat.MARKDOWN else tables.text
            typer.echo(written(found.assessments[0], framework) + "\n")
        said = f"none: {reason}" if reason else f"{value:.2f}, {scale}"
        trained = f" Fitted on {', '.join(training['corpora'])}." if training["corpora"] else ""
        typer.echo(paragraph(f"Prediction of {self.name}: {said}.{trained}"))
        return EXIT_SOME_FAILED if reason else EXIT_OK

    def _scale(self) -> str:
        """What the numbers mean."""
        from argqual.strategies.base import PredictionScale

        if self.strategy.scale is PredictionScale.LABELS:
            return f"on the scale of its labels ({self.content['training']['target'] or 'not recorded which'})"
        quality = self.strategy.scale is PredictionScale.QUALITY
        return "from 0 to 1" if quality else "higher is better; the scale is the strategy's own"

    def table(self, job: TableJob) -> int:
        return job.score(self, resume=job.written.resume)

    def identity(self) -> dict[str, Any]:
        return {"strategy": self._mark}

    def run(self, job: TableJob, skip: int = 0) -> StrategyRun:
        if skip and self._relative():
            raise InputError(
                "This strategy compares the rows with one another, so it cannot go on in the middle.",
                hint="Start again with --overwrite; answers of the model are kept.",
            )
        return StrategyRun(self, job, skip)

    def kept(self, path: Path) -> str:
        return "What is predicted so far is kept. Go on with --resume."

    def code_of(self, path: Path) -> int:
        return self.ended(Counter(cells[self.reason] is not None for _, cells in iter_scored(path, self.types)[1]))

    def ended(self, reasons: Counter[bool]) -> int:
        """Say how many rows have no prediction; the exit code. `reasons`: how many have a reason, and have none."""
        rows = count(reasons.total())
        if not reasons[True]:
            say(f"{rows} rows, all predicted.")
            return EXIT_OK
        say(f"{rows} rows, {count(reasons[True])} without a prediction (the column {self.reason} says why).")
        return EXIT_SOME_FAILED

    def cells(self, value: float, reason: str | None) -> dict[str, Any]:
        """A prediction's cells, in the order of `types`."""
        return dict(zip(self.types, (None if reason else value, reason, self._mark), strict=True))

    def chunk(self) -> int | None:
        """How many rows are predicted together; None: all, as they are scored against one another."""
        if self._relative():
            return None
        return _CHUNK_ASKED if any(part.models for _, part in self.strategy.parts()) else _CHUNK

    def _relative(self) -> bool:
        from argqual.strategies.base import PredictionScale

        return self.strategy.scale is PredictionScale.RELATIVE


@dataclass(frozen=True)
class StrategyRun:
    """Rows after the first `skip` with their predictions, a chunk at a time, so that memory is flat."""

    scorer: StrategyScorer
    job: TableJob
    skip: int
    reasons: Counter[bool] = field(default_factory=Counter)  # how many rows have a reason, and have none

    @contextmanager
    def answers(self, *, quiet: bool) -> Iterator[Iterator[Scored]]:
        yield self._answers(quiet)

    def _answers(self, quiet: bool) -> Iterator[Scored]:
        from argqual.strategies.base import telling

        rows, total = self.job.rows(self.skip), self.job.total()
        done, said_at = self.skip, time.monotonic()

        def tell(further: str = "") -> None:
            nonlocal said_at
            if time.monotonic() - said_at > _SECONDS and not quiet:
                said_at = time.monotonic()
                say(f"Predicted: {count(done)}{f' of {count(total)}' if total else ''} rows{further}")

        while chunk := list(itertools.islice(rows, self.scorer.chunk())):
            with telling(lambda words: tell(f"; the next: {words}")):
                predicted = list(self._predicted(chunk))
            for cells, result in predicted:
                yield cells, result
                self.reasons[result[self.scorer.reason] is not None] += 1
            done += len(chunk)
            tell()

    def _predicted(self, chunk: list[TableRow]) -> Iterator[Scored]:
        arguments: list[Argument] = []
        unusable: dict[int, str] = {}
        for place, row in enumerate(chunk):
            try:
                arguments.append(self.job.how.argument(row))
            except InputError as error:
                unusable[place] = error.message
        found = self.scorer.strategy.predictions(arguments) if arguments else None
        predictions = iter(zip(found.values, found.reasons, strict=True) if found else ())
        for place, row in enumerate(chunk):
            value, reason = (math.nan, unusable[place]) if place in unusable else next(predictions)
            yield row.cells, self.scorer.cells(float(value), reason)

    def summary(self) -> str:
        return ""

    def unfinished(self) -> None:
        return None

    def code(self, written: Path | None) -> int:
        return self.scorer.code_of(written) if written else self.scorer.ended(self.reasons)
