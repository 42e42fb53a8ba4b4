"""Options and small doings that several commands share."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from argqual.argument import decode_argument, read_argument_text
from argqual.errors import InputError
from argqual.report.plain import clean

_EVERY = 5.0


class Format(StrEnum):
    """How a result is written."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


class ScoreFormat(StrEnum):
    """How a score, or many, are written."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    JSONL = "jsonl"
    CSV = "csv"


class DefinitionsChoice(StrEnum):
    """How much a model is told of each criterion."""

    NONE = "none"
    PLAIN = "plain"
    FULL = "full"


FrameworkOption = Annotated[str, typer.Option("--framework", "-f", help="Framework: a name, or a YAML file.")]
ModelOption = Annotated[
    str, typer.Option("--model", "-m", help="'local' (embedded), provider/name, systemone/name, or a GGUF file.")
]
ReadoutOption = Annotated[str, typer.Option(help="auto, expect, label, votes:N, decide or verbal.")]
DefinitionsOption = Annotated[DefinitionsChoice, typer.Option(help="How much the model is told of each criterion.")]
IssueOption = Annotated[str | None, typer.Option(help="The question that the argument answers.")]
ApiBaseOption = Annotated[str | None, typer.Option(help="Address of a server of your own (its key: OPENAI_API_KEY).")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Fetch an embedded model's weights without asking.")]
FormatOption = Annotated[Format | None, typer.Option(help="Default: text on a terminal, JSON into a pipe or file.")]


def wanted_format(given: Format | None) -> Format:
    return given or (Format.TEXT if sys.stdout.isatty() else Format.JSON)


def read_source(source: str) -> str:
    """The text of an argument that was given as text, as a file, or as `-` for standard input.

    Raises
    ------
    InputError
        It is empty or not text, or is plainly meant as a file that is not there.
    """
    if source == "-":
        if sys.stdin.isatty():
            print("Type or paste the argument, then press Ctrl-D.", file=sys.stderr)
        return decode_argument(sys.stdin.buffer.read(), name="standard input")
    path = Path(source)
    try:
        exists = bool(source) and path.exists()
    except (OSError, ValueError):  # far too long for a file name: a text
        exists = False
    if exists:
        return read_argument_text(path)
    if (
        source.strip()
        and not any(character.isspace() for character in source.strip())
        and ("/" in source or path.suffix)
    ):
        raise InputError(f"There is no file {source}.", hint="An argument given as text has more than one word.")
    return source


@contextmanager
def step(doing: str) -> Iterator[Callable[[str], None]]:
    """Show on stderr that something takes its time: a spinner on a terminal, otherwise a line.

    Gives what says how far it is: behind the spinner, or in a line every five seconds.
    """
    doing = clean(doing)
    stream = sys.stderr  # of now: DSPy's own is kept quiet, and this is not
    if not stream.isatty():
        print(f"{doing} …", file=stream, flush=True)
        said_at = time.monotonic()

        def line(how_far: str) -> None:
            nonlocal said_at
            if time.monotonic() - said_at >= _EVERY:
                said_at = time.monotonic()
                print(f"  {clean(how_far)}", file=stream, flush=True)

        yield line
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=stream), transient=True) as progress:
        task = progress.add_task(f"{doing} …", total=None)
        yield lambda how_far: progress.update(task, description=f"{doing}: {clean(how_far)}")


class PlainProgress:
    """Progress for logs: a line at most every few seconds, and one at the end."""

    def __init__(self, doing: str, every: float = _EVERY) -> None:
        self.doing = doing
        self.every = every
        self.last = time.monotonic()
        self.ended = False

    def __call__(self, done: int, total: int, source: str) -> None:
        now, over = time.monotonic(), 0 < total <= done
        if (now - self.last >= self.every or over) and not self.ended:
            self.last, self.ended = now, over
            how_far = f"{done / total:4.0%} of {_megabytes(total)}" if total else _megabytes(done)
            print(f"{self.doing}: {how_far} ({source})", file=sys.stderr, flush=True)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB" if count >= 10e6 else f"{count / 1e6:,.1f} MB"
