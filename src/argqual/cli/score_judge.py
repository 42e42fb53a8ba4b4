"""A judge as what scores: an argument, a table, the rows of a table that failed, or a plan of what a table takes."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import typer

from argqual.assessment import Assessment, Status
from argqual.cli.options import ScoreFormat, interruptible, say, step
from argqual.cli.progress import BatchProgress, count, money, plan_text, summary
from argqual.cli.score_batch import batch_answers, provider_batch, remind, still_there
from argqual.cli.settings import keep_minutes
from argqual.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_SOME_FAILED, InputError
from argqual.tabular.output import TableOutput, iter_scored, job_began, partial_folder, read_job
from argqual.tabular.results import ResultColumns
from argqual.tabular.table import TableRow

if TYPE_CHECKING:
    from argqual.argument import Argument
    from argqual.cli.score_options import Judging
    from argqual.cli.score_table import Scored, TableJob
    from argqual.frameworks.framework import Framework
    from argqual.judging.batch import Batch
    from argqual.judging.judge import Judge
    from argqual.judging.rounds import ProviderBatch
    from argqual.judging.splitting import Splitting, TextPart
    from argqual.judging.store import Store

_RETRY = "retry"  # what the job of `--retry-failed` is recognised by


@contextmanager
def judge_scorer(judging: Judging, prefix: str | None, *, yes: bool, in_parts: bool = False) -> Iterator[JudgeScorer]:
    """The judge that the options describe, and the store; an embedded model's weights are fetched with consent.

    With `in_parts` it rates parts of texts, and of a whole that is too long the beginning.
    """
    from argqual.cli.fetching import ensure_weights
    from argqual.frameworks.catalogue import load_framework
    from argqual.judging.store import Store

    criteria = load_framework(judging.framework)
    with nullcontext() if judging.no_store else Store() as store:
        ensure_weights(judging.model, yes=yes)
        with step(f"Loading {judging.model}"):
            judge = _judge(judging, criteria, truncate=judging.truncate or in_parts)
        yield JudgeScorer(judge, store, judging, prefix)


def _judge(judging: Judging, criteria: Framework, *, truncate: bool) -> Judge:
    from argqual.models.connect import begin, connect

    keep = keep_minutes(judging.model, judging.api_base)
    begin(judging.model, api_base=judging.api_base, slots=judging.concurrency, keep=keep)  # beside what these import
    from argqual.judging.judge import Judge
    from argqual.judging.program import load_program
    from argqual.models.prices import batch_price, read_price

    model = connect(
        judging.model,
        api_base=judging.api_base,
        engine=judging.engine,
        timeout=judging.timeout,
        slots=judging.concurrency,
        effort=judging.effort,
    )
    if deprecation := model.abilities.now.deprecation(date.today()):
        say(f"{model.name} {deprecation}.")
    if judging.price:
        model.price = read_price(judging.price)
    if judging.batch and model.price:
        model.price = batch_price(model.price, "" if judging.price else model.name)
    if judging.batch and judging.readout == "auto" and not model.endpoint:
        model.decider = None  # batches hold chats and no decisions, so `auto` takes what comes next
    return Judge(
        criteria,
        model=model,
        readout=judging.readout,
        explain=judging.explain,
        definitions=judging.definitions.value,
        truncate=truncate,
        program=load_program(judging.program, criteria) if judging.program else None,
    )


class JudgeScorer:
    """A judge with the store of what it has answered before, and the options it was made from: a `Scorer`."""

    part_rows = 1000
    done = "scored"
    again = "scores again, --retry-failed what failed"

    def __init__(self, judge: Judge, store: Store | None, judging: Judging, prefix: str | None) -> None:
        self.judge, self.store, self.judging = judge, store, judging
        self.results = ResultColumns(judge.framework, prefix=prefix, details=judging.details, raw=judging.raw)
        self.name = judge.framework.id
        self.declared: Mapping[str, str] = judge.framework.inputs.declared()
        self.types: Mapping[str, type] = self.results.types

    def parts(self, argument: Argument, by: Splitting) -> tuple[TextPart, ...]:
        from argqual.judging.parts import split_argument

        return split_argument(self.judge, argument, by)

    def text(self, argument: Argument, format: ScoreFormat, *, split: Splitting | None = None) -> int:
        if split:
            return self._in_parts(argument, format, split)
        assessment = self._assessed(argument)
        if not self.judging.raw:
            from argqual.judging.calibration import calibrated

            assessment = calibrated(assessment, self.judge.framework)
        typer.echo(_rendered(assessment, self.judge.framework, format))
        return EXIT_SOME_FAILED if assessment.status in ("unreadable", "failed") else EXIT_OK

    def _in_parts(self, argument: Argument, format: ScoreFormat, by: Splitting) -> int:
        from argqual.judging.calibration import calibrated
        from argqual.judging.parts import assess_parts
        from argqual.report import assessments as tables

        judging, framework = self.judging, self.judge.framework
        with step(f"Rating parts and the whole by {framework.id}"):
            concurrency, most = judging.concurrency, judging.max_cost
            found = assess_parts(self.judge, argument, by=by, store=self.store, concurrency=concurrency, max_cost=most)
        if not judging.raw:
            found = found.changed(lambda assessment: calibrated(assessment, framework))
        if format is ScoreFormat.JSON:
            typer.echo(found.model_dump_json(indent=2))
        else:
            written = tables.parts_markdown if format is ScoreFormat.MARKDOWN else tables.parts_text
            typer.echo(written(found, framework))
        failed = any(each.status in ("unreadable", "failed") for each in found.assessments)
        return EXIT_SOME_FAILED if failed else EXIT_OK

    def _assessed(self, argument: Argument) -> Assessment:
        judge, store = self.judge, self.store
        key = judge.key(argument)
        if store and (kept := store.get([key]).get(key)):
            say("Rated before; this is what was kept (--no-store asks again).")
            return kept
        doing = "Explaining and rating" if judge.explain else "Rating"
        with step(f"{doing} by {judge.framework.id} ({len(judge.framework.asked)} questions)"):
            assessment = judge.assess(argument)
        if store:
            store.settle({key: assessment})
        return assessment

    def table(self, job: TableJob) -> int:
        # Millions of small objects come and go: looking for cycles among them all costs a tenth of the time.
        gc.freeze()
        gc.set_threshold(50_000)
        again, path = self.judging.retry_failed, job.written.output
        if self.judging.plan:
            return self._show_plan(job)
        if self.judging.batch:
            self.batch(job)  # says what is wrong before anything is written
        elif self.store:
            remind(self.judge, self.store)
        if path is None:
            return job.score(self, resume=False)
        unfinished = read_job(path)
        if unfinished and _RETRY in unfinished and not (again or job.written.overwrite):
            raise InputError(
                f"Asking again about what failed in {path} was not finished.",
                hint="Repeat it with --retry-failed; what was answered is kept.",
            )
        if again and path.exists() and (unfinished is None or _RETRY in unfinished):
            return job.code(self._ask_again(path, job), whole=True)
        code = job.score(self, resume=job.written.resume or again)
        if again and code == EXIT_SOME_FAILED and path.exists():
            return job.code(self._ask_again(path, job), whole=True)
        return code

    def identity(self) -> dict[str, Any]:
        judge = self.judge
        return {
            "program": judge.reference.name + " " + judge.fingerprint,
            "model": f"{judge.model.name} ({judge.model.identity})",
            "readout": judge.readout.name,
            "levels": "raw" if self.judging.raw else "calibrated",
            "explain": judge.explain,
            "truncate": judge.truncate,
        }

    def run(self, job: TableJob, skip: int = 0) -> JudgeRun:
        return JudgeRun(self, job, self.batch(job), partial(job.rows, skip), job.total(), skip)

    def batch(self, job: TableJob, *, again: bool = False) -> Batch[Any] | ProviderBatch[Any]:
        """What asks: in the ordinary way, or by the provider's batches; `again` for what has failed before."""
        from argqual.judging.batch import Batch
        from argqual.models.traffic import most_connections

        judging = self.judging
        if judging.batch:
            assert self.store is not None
            fresh = again or not job.written.resume
            run = str(job.written.output and job.written.output.resolve())
            return provider_batch(self.judge, self.store, judging, run=run, fresh=fresh)
        wanted, most = judging.concurrency or 0, most_connections()
        if wanted > most:
            say(f"At most {most} requests at once, not {wanted}: no more files may be open here (ulimit -n).")
        path = job.written.output
        return Batch(
            self.judge,
            store=self.store,
            concurrency=judging.concurrency,
            max_cost=judging.max_cost,
            # What failed since this output was begun is not paid for again, unless that is wanted.
            failures_since=job_began(path) if path and not again else None,
        )

    def kept(self, path: Path) -> str:
        return f"What is scored lies in {partial_folder(path)}. Go on with --resume."

    def code_of(self, path: Path) -> int:
        return EXIT_SOME_FAILED if self.failed_in(path) else EXIT_OK

    def failed_in(self, path: Path) -> int:
        """The number of rows of a finished output that failed."""
        with step(f"Looking for failed rows in {path}"):
            return sum(self._has_failed(cells) for _, cells in iter_scored(path, self.types)[1])

    def _has_failed(self, cells: Mapping[str, Any]) -> bool:
        return self.results.status(cells) in (Status.FAILED, Status.UNREADABLE)

    def _show_plan(self, job: TableJob) -> int:
        from argqual.judging.plan import Planner

        planner = Planner(self.judge, self.store)
        with step(f"Reading {job.source.name}"):
            for row in job.rows():
                try:
                    planner.add(job.how.argument(row))
                except InputError:
                    planner.add(None)
        concurrency = self.batch(job).concurrency
        with step("Counting tokens"):
            plan = planner.plan(concurrency=concurrency)
        print(plan_text(plan, self.judge, concurrency, self.judging.max_cost, batch=self.judging.batch))
        return EXIT_OK

    def _ask_again(self, path: Path, job: TableJob) -> int:
        """Ask again about the rows of a finished output that failed, and put the new results in their places."""
        schema, rows = iter_scored(path, self.types)
        failed = self._failed_among(path, rows, job)
        if not failed:
            return EXIT_OK
        output = TableOutput(path, results=self.types, source_schema=schema, job={_RETRY: str(path)}, overwrite=True)

        def again() -> Iterator[TableRow]:
            return (TableRow(cells) for cells, old in iter_scored(path, self.types)[1] if self._has_failed(old))

        run = JudgeRun(self, job, self.batch(job, again=True), again, failed)
        try:
            with run.answers(quiet=False) as answers:
                for cells, old in iter_scored(path, self.types)[1]:
                    answer = next(answers, None) if self._has_failed(old) else (cells, old)
                    if answer is None:
                        break
                    output.append(cells, answer[1])
                else:
                    next(answers, None)
        except BaseException:
            output.discard()
            say(f"{path} is as it was; what was answered is kept in the store.")
            raise
        if words := run.summary():
            say(words)
        if run.batch.ended != "finished":
            output.discard()
            say(f"{path} is as it was; what was answered is kept in the store.")
            if self.judging.batch and (there := still_there(cast("ProviderBatch[Any]", run.batch), "--retry-failed")):
                say(there)
            return EXIT_INTERRUPTED if run.batch.ended == "stopped" else EXIT_SOME_FAILED
        output.finish()
        say(f"Written: {path}")
        return run.code(None)

    def _failed_among(self, path: Path, rows: Iterator[Scored], job: TableJob) -> int:
        """How many rows are to be asked about again, said in words too.

        Raises an `InputError` where they were scored by another program, or a column is gone.
        """
        failed = total = 0
        carried: set[str] = set()
        for row, cells in rows:
            total += 1
            carried |= row.keys()
            failed += self._has_failed(cells)
            if (other := self.results.program(cells)) not in (None, self.judge.fingerprint):
                raise InputError(
                    f"{path} was scored by another program ({other}, now {self.judge.fingerprint}).",
                    hint="Use the framework and the options it was scored with, or another --prefix.",
                )
        if not failed:
            say(f"Nothing failed among the {count(total)} rows of {path}.")
            return 0
        if gone := [name for name in job.how.columns.__dict__.values() if name is not None and name not in carried]:
            raise InputError(
                f"{path} has no column '{gone[0]}', so its failed rows cannot be asked about.",
                hint="Give the table it was made from, and the columns as then.",
            )
        say(f"Asking again about {count(failed)} of {count(total)} rows of {path}.")
        return failed


@dataclass(frozen=True)
class JudgeRun:
    """Rows that a judge rates, many at once; `before` of the table's were done earlier."""

    scorer: JudgeScorer
    job: TableJob
    batch: Batch[Any] | ProviderBatch[Any]
    rows: Callable[[], Iterator[TableRow]]
    total: int | None
    before: int = 0

    @contextmanager
    def answers(self, *, quiet: bool) -> Iterator[Iterator[Scored]]:
        if self.scorer.judging.batch:
            assessed = batch_answers(cast("ProviderBatch[Any]", self.batch), self.rows, self.job.how.argument)
        else:
            assessed = self._assessed(cast("Batch[Any]", self.batch), quiet=quiet)
        with assessed as found:
            yield ((row.cells, self.scorer.results.cells(assessment)) for row, assessment in found)

    @contextmanager
    def _assessed(self, batch: Batch[Any], *, quiet: bool) -> Iterator[Iterator[tuple[TableRow, Assessment]]]:
        found = batch.run(self.rows(), self.job.how.argument)
        progress = BatchProgress(batch, self.total, self.before, quiet=quiet)
        with interruptible(self._stop, self._stop_at_once, terminate=True), progress, closing(found):
            yield found

    def _stop(self) -> None:
        say(f"Finishing {count(self.batch.in_flight)} requests under way. Ctrl-C again stops at once.")
        self.batch.stop()

    def _stop_at_once(self) -> None:
        say("Stopped at once; answers that were still under way are lost.")
        os._exit(EXIT_INTERRUPTED)

    def summary(self) -> str:
        if self.scorer.judging.batch and not self.batch.tally.done:
            return ""  # what a batch costs is known when it is over
        return summary(self.batch, self.scorer.judge)

    def unfinished(self) -> int | None:
        if self.batch.ended == "finished":
            return None
        why, code = "Stopped", EXIT_INTERRUPTED
        further, path, most = "Go on with --resume", self.job.written.output, self.scorer.judging.max_cost
        if self.batch.ended == "budget" and most is not None:
            why, code = f"Stopped before {money(most)} were passed", EXIT_SOME_FAILED
            further += " and a higher --max-cost"
        where = f" What is scored lies in {partial_folder(path)}. {further}." if path else ""
        if self.scorer.judging.batch and (there := still_there(cast("ProviderBatch[Any]", self.batch), "--resume")):
            where = f" {there}"
        say(f"{why}.{where}")
        return code

    def code(self, written: Path | None) -> int:
        """1 when some failed, or when there were rows and nothing could be rated at all."""
        tally = self.batch.tally
        if written and (failed := self.scorer.failed_in(written)) > tally.failed:
            say(f"{count(failed)} of its rows failed, now or before. --retry-failed asks about them again.")
            return EXIT_SOME_FAILED
        rated = tally.done - tally.failed - tally.statuses[Status.SKIPPED]
        return EXIT_SOME_FAILED if tally.failed or (tally.done and not rated) else EXIT_OK


def _rendered(assessment: Assessment, framework: Framework, format: ScoreFormat) -> str:
    if format in (ScoreFormat.JSON, ScoreFormat.JSONL):
        return assessment.model_dump_json(indent=2 if format is ScoreFormat.JSON else None)
    from argqual.report import assessments as tables

    written = tables.markdown if format is ScoreFormat.MARKDOWN else tables.text
    return written(assessment, framework)
