"""`argqual score TABLE`: rate every row, within a budget, and go on where it stopped."""

from __future__ import annotations

import gc
import itertools
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from argqual.argument import Argument
from argqual.assessment import Status
from argqual.cli.options import step
from argqual.cli.progress import BatchProgress, count, money, plan_text, summary
from argqual.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_SOME_FAILED, InputError
from argqual.tabular.columns import Columns, choose_columns, to_argument
from argqual.tabular.lines import LinesSource
from argqual.tabular.output import StreamOutput, TableOutput, iter_scored, partial_folder, read_job, refuse_shared
from argqual.tabular.results import Results
from argqual.tabular.sources import open_source
from argqual.tabular.table import TableRow, TableSource

if TYPE_CHECKING:
    from argqual.judging.batch import Batch
    from argqual.judging.judge import Judge
    from argqual.judging.store import Store


_RETRY = "retry"  # what the job of `--retry-failed` is recognised by


@dataclass(frozen=True)
class TableOptions:
    """What a user chose for a table."""

    output: Path | None
    stream: str  # `jsonl` or `csv`: how rows go to stdout when there is no output file
    text: str | None
    issue: str | None
    stance: str | None
    context: str | None
    id: str | None
    lines: bool
    encoding: str
    delimiter: str | None
    limit: int | None
    prefix: str | None
    details: bool
    concurrency: int | None
    max_cost: float | None
    plan: bool
    resume: bool
    overwrite: bool
    retry_failed: bool
    raw: bool


@dataclass(frozen=True)
class Reading:
    """How a row becomes an argument: columns, and an issue or a context that all rows share."""

    columns: Columns
    shared: Mapping[str, str]

    def argument(self, row: TableRow) -> Argument:
        argument = to_argument(row, self.columns)
        if not self.shared:
            return argument
        known = {name: getattr(argument, name) for name in ("issue", "stance", "context")}
        return Argument(argument.text, id=argument.id, **(known | dict(self.shared)))

    def describe(self) -> str:
        said = self.columns.describe()
        return said + "".join(f", {name} the same for all" for name in self.shared)


def open_table(name: str, options: TableOptions) -> TableSource:
    """The table a user named, checked as far as it can be before reading it."""
    if name == "-":
        if not options.lines:
            raise InputError("A table from standard input is read line by line: add --lines.")
        # Not sys.stdin itself: Python cannot end while a thread is still reading that one.
        return LinesSource(open(sys.stdin.fileno(), "rb", closefd=False))
    if options.lines:
        try:
            return LinesSource(Path(name).open("rb"), name)
        except OSError as error:
            raise InputError(f"Cannot read {name}: {error.strerror}.", hint="Use - for standard input.") from None
    return open_source(name, encoding=options.encoding, delimiter=options.delimiter)


def reading(source: TableSource, declared: Mapping[str, str], who: str, options: TableOptions) -> Reading:
    """Which column is what; words that are plainly no column's name hold for all rows.

    Parameters
    ----------
    declared
        The inputs that are used, each `required` or `optional`; `who` uses them.

    Raises
    ------
    InputError
        A column is not there, or there is none for what the framework requires.
    """
    given = {name: getattr(options, name) for name in ("issue", "stance", "context")}
    shared = {
        name: value
        for name, value in given.items()
        if value and value not in source.columns and any(map(str.isspace, value.strip()))
    }
    named = {
        name: "" if name in shared or (value is None and name not in declared) else value
        for name, value in given.items()
    }
    columns = choose_columns(source.columns, text=options.text, id=options.id, **named)
    for name, kind in declared.items():
        if kind == "required" and name not in shared and getattr(columns, name) is None:
            raise InputError(
                f"The framework {who} needs each argument's {name}, and no column looks like it.",
                hint=f"Name the column with --{name}, or give one {name} for all rows.",
            )
    return Reading(columns, shared)


def score_table(source: TableSource, judge: Judge, store: Store | None, options: TableOptions) -> int:
    """Score a table as the options say; the exit code."""
    # Millions of small objects come and go: looking for cycles among them all costs a tenth of the time.
    gc.freeze()
    gc.set_threshold(50_000)
    how = reading(source, judge.framework.inputs.declared(), judge.framework.id, options)
    results = Results(judge.framework, prefix=options.prefix, details=options.details, raw=options.raw)
    _say(f"{source.name}: {how.describe()}")
    if options.plan:
        return _show_plan(source, how, judge, store, options)
    if options.output is None:
        return _stream(source, how, judge, store, options, results)
    unfinished = read_job(options.output)
    if unfinished and _RETRY in unfinished and not (options.retry_failed or options.overwrite):
        raise InputError(
            f"Asking again about what failed in {options.output} was not finished.",
            hint="Repeat it with --retry-failed; what was answered is kept.",
        )
    if options.retry_failed and options.output.exists() and (unfinished is None or _RETRY in unfinished):
        return _retry(options.output, how, judge, store, options, results)
    code = _score(source, how, judge, store, options, results)
    if options.retry_failed and code == EXIT_SOME_FAILED and options.output.exists():
        return _retry(options.output, how, judge, store, options, results)
    return code


def _rows(source: TableSource, options: TableOptions, skip: int = 0) -> Iterator[TableRow]:
    rows = source.rows(skip)
    return rows if options.limit is None else itertools.islice(rows, max(0, options.limit - skip))


def _total(source: TableSource, options: TableOptions) -> int | None:
    total = source.count()
    return total if options.limit is None or total is None else min(total, options.limit)


def _score(
    source: TableSource, how: Reading, judge: Judge, store: Store | None, options: TableOptions, results: Results
) -> int:
    assert options.output is not None
    identity = source.identity()
    if Path(source.name).resolve() == options.output.resolve():
        raise InputError(f"{options.output} is the table itself.", hint="Give --output another name.")
    refuse_shared(source.columns, results.types)
    job = {
        "source": identity,
        "columns": {**how.columns.__dict__, **how.shared},
        "program": judge.reference.name + " " + judge.fingerprint,
        "model": f"{judge.model.name} ({judge.model.identity})",
        "readout": judge.readout.name,
        "levels": "raw" if options.raw else "calibrated",
        "explain": judge.explain,
        "truncate": judge.truncate,
        "results": list(results.types),
        "limit": options.limit,
    }
    output = TableOutput(
        options.output,
        results=results.types,
        source_schema=source.schema,
        job=job,
        resume=options.resume or options.retry_failed,
        overwrite=options.overwrite,
    )
    if output.finished:
        _say(f"{options.output} is there already, finished. --overwrite scores again, --retry-failed what failed.")
        return EXIT_SOME_FAILED if _failed_in(options.output, results) else EXIT_OK
    batch = _batch(judge, store, options)
    total = _total(source, options)
    if output.rows_done:
        _say(f"Going on after {count(output.rows_done)} rows that are scored already.")
    answers = batch.run(_rows(source, options, output.rows_done), how.argument)
    try:
        with _interruptible(batch), BatchProgress(batch, total, output.rows_done), closing(answers):
            for row, assessment in answers:
                output.append(row.cells, results.cells(assessment))
    except BaseException:
        with suppress(InputError):  # the disk is full, as the error on its way says
            output.flush()
        _say(summary(batch, judge))
        _say(f"What is scored lies in {partial_folder(options.output)}. Go on with --resume.")
        raise
    output.flush()
    _say(summary(batch, judge))
    if batch.ended != "finished":
        return _unfinished(batch, options)
    with step(f"Writing {options.output}"):
        output.finish()
    _say(f"Written: {options.output}")
    if output.rows_done and (failed := _failed_in(options.output, results)) > batch.tally.failed:
        _say(f"{count(failed)} of its rows failed, now or before. --retry-failed asks about them again.")
        return EXIT_SOME_FAILED
    return _code(batch)


def _failed_in(path: Path, results: Results) -> int:
    with step(f"Looking for failed rows in {path}"):
        return sum(_has_failed(results, cells) for _, cells in iter_scored(path, results.types)[1])


def _unfinished(batch: Batch[Any], options: TableOptions) -> int:
    why, code = "Stopped", EXIT_INTERRUPTED
    further = "Go on with --resume"
    if batch.ended == "budget" and options.max_cost is not None:
        why, code = f"Stopped before {money(options.max_cost)} were passed", EXIT_SOME_FAILED
        further += " and a higher --max-cost"
    where = f" What is scored lies in {partial_folder(options.output)}. {further}." if options.output else ""
    _say(f"{why}.{where}")
    return code


def _retry(path: Path, how: Reading, judge: Judge, store: Store | None, options: TableOptions, results: Results) -> int:
    """Ask again about the rows of a finished output that failed, and put the new results in their places."""
    schema, rows = iter_scored(path, results.types)
    failed = total = 0
    carried: set[str] = set()
    for row, cells in rows:
        total += 1
        carried |= row.keys()
        failed += _has_failed(results, cells)
        if (other := results.program(cells)) not in (None, judge.fingerprint):
            raise InputError(
                f"{path} was scored by another program ({other}, now {judge.fingerprint}).",
                hint="Use the framework and the options it was scored with, or another --prefix.",
            )
    if not failed:
        _say(f"Nothing failed among the {count(total)} rows of {path}.")
        return EXIT_OK
    if gone := [name for name in how.columns.__dict__.values() if name is not None and name not in carried]:
        raise InputError(
            f"{path} has no column '{gone[0]}', so its failed rows cannot be asked about.",
            hint="Give the table it was made from, and the columns as then.",
        )
    _say(f"Asking again about {count(failed)} of {count(total)} rows of {path}.")
    job = {_RETRY: str(path)}
    output = TableOutput(path, results=results.types, source_schema=schema, job=job, overwrite=True)
    batch = _batch(judge, store, options)
    again = (TableRow(cells) for cells, old in iter_scored(path, results.types)[1] if _has_failed(results, old))
    answers = batch.run(again, how.argument)
    try:
        with _interruptible(batch), BatchProgress(batch, failed, 0), closing(answers):
            for cells, old in iter_scored(path, results.types)[1]:
                if not _has_failed(results, old):
                    output.append(cells, old)
                    continue
                answer = next(answers, None)
                if answer is None:
                    break
                output.append(cells, results.cells(answer[1]))
            else:
                next(answers, None)
    except BaseException:
        output.discard()
        _say(f"{path} is as it was; what was answered is kept in the store.")
        raise
    _say(summary(batch, judge))
    if batch.ended != "finished":
        output.discard()
        _say(f"{path} is as it was; what was answered is kept in the store.")
        return EXIT_INTERRUPTED if batch.ended == "stopped" else EXIT_SOME_FAILED
    output.finish()
    _say(f"Written: {path}")
    return _code(batch)


def _has_failed(results: Results, cells: Mapping[str, Any]) -> bool:
    return results.status(cells) in (Status.FAILED, Status.UNREADABLE)


def _stream(
    source: TableSource, how: Reading, judge: Judge, store: Store | None, options: TableOptions, results: Results
) -> int:
    refuse_shared(source.columns, results.types)
    output = StreamOutput(sys.stdout, options.stream, results=results.types, columns=source.columns)
    batch = _batch(judge, store, options)
    quiet = sys.stdout.isatty() and sys.stderr.isatty()
    try:
        with (
            _interruptible(batch),
            BatchProgress(batch, None if options.lines else _total(source, options), 0, quiet=quiet),
        ):
            for row, assessment in batch.run(_rows(source, options), how.argument):
                output.append(row.cells, results.cells(assessment))
            output.finish()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _say("The reader of the results is gone. " + summary(batch, judge))
        return EXIT_INTERRUPTED
    _say(summary(batch, judge))
    return _unfinished(batch, options) if batch.ended != "finished" else _code(batch)


def _show_plan(source: TableSource, how: Reading, judge: Judge, store: Store | None, options: TableOptions) -> int:
    from argqual.judging.plan import Planner

    planner = Planner(judge, store)
    with step(f"Reading {source.name}"):
        for row in _rows(source, options):
            try:
                planner.add(how.argument(row))
            except InputError:
                planner.add(None)
    concurrency = _batch(judge, store, options).concurrency
    with step("Counting tokens"):
        plan = planner.plan(concurrency=concurrency)
    print(plan_text(plan, judge, concurrency, options.max_cost))
    return EXIT_OK


def _batch(judge: Judge, store: Store | None, options: TableOptions) -> Batch[Any]:
    from argqual.judging.batch import Batch

    return Batch(judge, store=store, concurrency=options.concurrency, max_cost=options.max_cost)


def _code(batch: Batch[Any]) -> int:
    """1 when some failed, or when there were rows and nothing could be rated at all."""
    tally = batch.tally
    rated = tally.done - tally.failed - tally.statuses[Status.SKIPPED]
    return EXIT_SOME_FAILED if tally.failed or (tally.done and not rated) else EXIT_OK


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


@contextmanager
def _interruptible(batch: Batch[Any]) -> Iterator[None]:
    """Ctrl-C once ends what is under way and keeps it; twice ends at once."""
    asked_at = 0.0

    def interrupt(number: int, _: Any) -> None:
        nonlocal asked_at
        if asked_at and time.monotonic() - asked_at > 0.2:  # some terminals send one press twice
            _say("Stopped at once; answers that were still under way are lost.")
            os._exit(EXIT_INTERRUPTED)
        if not asked_at:
            asked_at = time.monotonic()
            _say(f"Finishing {count(batch.in_flight)} requests under way. Ctrl-C again stops at once.")
            batch.stop()

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
