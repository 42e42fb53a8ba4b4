"""`argqual score TABLE`: whatever scores it, every row goes one way, within a budget, and goes on where it stopped."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from argqual.argument import Argument
from argqual.cli.options import ScoreFormat, say, step
from argqual.cli.progress import count
from argqual.cli.streams import ResultsLost
from argqual.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_SOME_FAILED, InputError
from argqual.report.plain import paragraph
from argqual.tabular.columns import Columns, alike, choose_columns, is_refused, to_argument, usual
from argqual.tabular.jsonlines import LinesSource
from argqual.tabular.output import StreamOutput, TableOutput, refuse_shared
from argqual.tabular.parts import OneText, PartsSource
from argqual.tabular.sources import HUB, named_files, open_lines, open_source
from argqual.tabular.table import TableRow, TableSource

if TYPE_CHECKING:
    from argqual.cli.score_options import Rated, Written
    from argqual.judging.splitting import Splitting, TextPart

Scored = tuple[Mapping[str, Any], Mapping[str, Any]]  # the cells of a row, and those of its result


@dataclass(frozen=True)
class Reading:
    """How a row becomes an argument: columns, and an issue or a context that all rows share."""

    columns: Columns
    shared: Mapping[str, Any]

    def argument(self, row: TableRow) -> Argument:
        argument = to_argument(row, self.columns)
        return replace(argument, **self.shared) if self.shared else argument

    def describe(self) -> str:
        return ", ".join([self.columns.describe(), *(f"{name} the same for all" for name in self.shared)])


class Scoring(Protocol):
    """The scoring of some rows, once: `answers` gives each with its result, in order.

    `summary` says what was done ("" for nothing to say), `unfinished` why rows are left, with the exit code, and
    `code` the exit code of all; rows that earlier runs wrote into the output `written` count too.
    """

    def answers(self, *, quiet: bool) -> AbstractContextManager[Iterator[Scored]]: ...
    def summary(self) -> str: ...
    def unfinished(self) -> int | None: ...
    def code(self, written: Path | None) -> int: ...


class Scorer(Protocol):
    """What scores, a judge or a saved strategy: `text` and `table` do it, and give the exit code.

    Attributes
    ----------
    name, declared
        Whose columns these are, in messages; the inputs that are used, each `required` or `optional`.
    types
        The result columns in order, each with the type of its cells.
    part_rows
        Rows that a killed run loses at most.
    done, again
        In messages: what its rows are, and what --overwrite does with them.
    """

    name: str
    declared: Mapping[str, str]
    types: Mapping[str, type]
    part_rows: int
    done: str
    again: str

    def text(self, argument: Argument, format: ScoreFormat, *, split: Splitting | None = None) -> int: ...
    def parts(self, argument: Argument, by: Splitting) -> Sequence[TextPart]: ...
    def table(self, job: TableJob) -> int: ...
    def run(self, job: TableJob, skip: int = 0) -> Scoring: ...

    def identity(self) -> dict[str, Any]:
        """What tells this scorer from another, or from one with other settings, as JSON."""

    def kept(self, path: Path) -> str:
        """Where the rows of a run that was broken off are."""

    def code_of(self, path: Path) -> int:
        """The exit code of an output that was finished before."""


@dataclass
class TableJob:
    """A table that was opened, how its rows are read, and where they go.

    `refused` counts the rows of the last time through that could not be used, however little was wrong with others.
    """

    source: TableSource
    how: Reading
    rated: Rated
    written: Written
    refused: int = 0

    def rows(self, skip: int = 0) -> Iterator[TableRow]:
        limit = self.rated.limit
        known = {*self.source.columns} if self.source.later() is None else None
        self.refused = 0
        for row in itertools.islice(self.source.rows(skip), None if limit is None else max(0, limit - skip)):
            self.refused += is_refused(row, self.how.columns)
            if known is not None and not row.cells.keys() <= known:
                self._tell_new([*row.cells.keys() - known])
                known |= row.cells.keys()
            yield row

    def _tell_new(self, names: list[str]) -> None:
        """Say which columns of a stream, that come only now, look as if they were to be read."""
        for role in ("issue", "stance", "context"):
            if getattr(self.how.columns, role) is None and role not in self.how.shared and (name := usual(role, names)):
                say(f"{self.source.name}: from here on there is '{name}', which is not read. --{role} {name} reads it.")

    def code(self, code: int, *, whole: bool = False) -> int:
        """The exit code where rows were refused, too; `whole`: also those that earlier runs have met."""
        if whole and not self.rated.source.startswith(HUB):
            for _ in self.rows():
                pass
        if code == EXIT_OK and self.refused:
            rows = f"{count(self.refused)} row{'s' * (self.refused != 1)}"
            say(paragraph(f"{rows} could not be used; the results say why.", hanging=2))
            return EXIT_SOME_FAILED
        return code

    def total(self) -> int | None:
        total, limit = self.source.count(), self.rated.limit
        return total if limit is None or total is None else min(total, limit)

    def score(self, scorer: Scorer, *, resume: bool) -> int:
        """Score the rows into the output, or to stdout; the exit code."""
        path = self.written.output
        if path and Path(self.source.name).resolve() == path.resolve():
            raise InputError(f"{path} is the table itself.", hint="Give --output another name.")
        refuse_shared([*self.source.columns, *(self.source.later() or ())], scorer.types)
        return self._write(scorer, path, resume=resume) if path else self._stream(scorer)

    def _stream(self, scorer: Scorer) -> int:
        columns = [*self.source.columns, *(self.source.later() or ())]
        output = StreamOutput(sys.stdout, self.written.stream, results=scorer.types, columns=columns)
        run = scorer.run(self)
        try:
            with run.answers(quiet=sys.stdout.isatty() and sys.stderr.isatty()) as answers:
                for cells, result in answers:
                    output.append(cells, result)
                output.finish()
        except ResultsLost as lost:
            if not lost.reader_gone:
                say(run.summary())
                raise
            say(f"The reader of the results is gone. {run.summary()}".rstrip())
            return EXIT_INTERRUPTED
        if words := run.summary():
            say(words)
        if output.left_out:
            named = ", ".join(f"'{name}'" for name in output.left_out)
            say(paragraph(f"Not in the results, as they came after the header: {named}. JSONL has them.", hanging=2))
        return run.unfinished() or self.code(run.code(None))

    def _write(self, scorer: Scorer, path: Path, *, resume: bool) -> int:
        output = TableOutput(
            path,
            results=scorer.types,
            source_schema=self.source.schema,
            job={
                "source": self.source.identity(),
                "columns": {**self.how.columns.__dict__, **self.how.shared},
                **scorer.identity(),
                "results": list(scorer.types),
                "limit": self.rated.limit,
            },
            resume=resume,
            overwrite=self.written.overwrite,
            part_rows=scorer.part_rows,
        )
        if output.finished:
            say(f"{path} is there already, finished. --overwrite {scorer.again}.")
            return self.code(scorer.code_of(path), whole=True)
        run = scorer.run(self, output.rows_done)
        if output.rows_done:
            say(f"Going on after {count(output.rows_done)} rows that are {scorer.done} already.")
        try:
            with run.answers(quiet=False) as answers:
                for cells, result in answers:
                    output.append(cells, result)
        except BaseException:
            with suppress(InputError):  # the disk is full, as the error on its way says
                output.flush()
            say(f"{run.summary()}\n{scorer.kept(path)}".lstrip())
            raise
        output.flush()
        if words := run.summary():
            say(words)
        if code := run.unfinished():
            return code
        with step(f"Writing {path}"):
            output.finish()
        say(f"Written: {path}")
        return self.code(run.code(path if output.rows_done else None), whole=bool(output.rows_done))


def open_table(rated: Rated) -> TableSource:
    """The table a user named, checked as far as it can be before reading it."""
    name = rated.source
    if len(rated.sources) > 1:
        return named_files(rated.sources)
    if name == "-":
        if not rated.lines:
            raise InputError("A table from standard input is read line by line: add --lines.")
        # Not sys.stdin itself: Python cannot end while a thread is still reading that one.
        return LinesSource(open(sys.stdin.fileno(), "rb", closefd=False))
    if rated.lines:
        return open_lines(name)
    return open_source(
        name, encoding=rated.encoding, delimiter=rated.delimiter, quoting=rated.quoting, sheet=rated.sheet
    )


def one_text(argument: Argument, rated: Rated) -> tuple[TableSource, Rated]:
    """A text that is to be split, as a table of one row, and the options as they are meant for that."""
    given = {name: text for name, text in argument.inputs().items() if name != "argument"}
    of_pipe = "standard input" if rated.source == "-" else "text"
    name = rated.source if os.path.isfile(rated.source) else of_pipe
    return OneText(name, argument.text, given), replace(rated, issue=None, stance=None, context=None)


def score_table(source: TableSource, scorer: Scorer, rated: Rated, written: Written) -> int:
    """Score a table; the exit code."""
    how = reading(source, scorer.declared, scorer.name, rated)
    for words in source.notes():
        say(paragraph(words, hanging=2))
    say(f"{source.name}: {how.describe()}")
    for words in late_columns(source, how, scorer.declared):
        say(paragraph(words, hanging=2))
    if by := rated.split:
        source = PartsSource(
            source, how.columns.text, lambda row: scorer.parts(how.argument(row), by.value), by=by, limit=rated.limit
        )
        rated = replace(rated, limit=None)
    return scorer.table(TableJob(source, how, rated, written))


def reading(source: TableSource, declared: Mapping[str, str], who: str, rated: Rated) -> Reading:
    """Which column is what; words that are plainly no column's name hold for all rows.

    `declared` are the inputs that `who` uses, each `required` or `optional`. Raises an `InputError` where a column is
    not there, or there is none for what the framework requires.
    """
    given = {name: getattr(rated, name) for name in ("issue", "stance", "context")}
    shared = {
        name: value
        for name, value in given.items()
        if value and value not in {*source.columns, *(source.later() or ())} and any(map(str.isspace, value.strip()))
    }
    named = {
        name: "" if name in shared or (value is None and name not in declared) else value
        for name, value in given.items()
    }
    given_names = [rated.text, rated.id, *(value for name, value in named.items() if value)]
    available = _available(source, [name for name in given_names if name])
    columns = choose_columns(available, text=rated.text, id=rated.id, **named)
    for name, kind in declared.items():
        if kind == "required" and name not in shared and getattr(columns, name) is None:
            raise InputError(
                f"The framework {who} needs each argument's {name}, and no column looks like it.",
                hint=f"Name the column with --{name}, or give one {name} for all rows.",
            )
    return Reading(columns, shared)


def _available(source: TableSource, given: Sequence[str]) -> list[str]:
    """The columns that can be read: those of the first rows, and of the later ones what is named, or has the text."""
    later, first = source.later(), list(source.columns)
    if later is None:  # a stream: what is named may come
        return first + [name for name in given if not any(alike(name, column) for column in first)]
    found = [column for column in later if any(alike(name, column) for name in given)]
    if not usual("text", first) and (text := usual("text", list(later))) and text not in found:
        found.append(text)
    return first + found


def late_columns(source: TableSource, how: Reading, declared: Mapping[str, str]) -> Iterator[str]:
    """What is said of columns that are not read, as they come after the first rows, although they look like inputs."""
    later = source.later() or {}
    for role in declared:
        name = usual(role, list(later))
        if name and getattr(how.columns, role) is None and role not in how.shared:
            first = f"'{name}' first comes in row {later[name]:,}, and is not read"
            yield f"{source.name}: {first}. --{role} {name} reads it."
