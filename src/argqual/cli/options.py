"""Options and small doings that several commands share."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from argqual import _underway
from argqual._underway import Doing
from argqual.argument import decode_argument
from argqual.cli import complete
from argqual.cli.settings import VARIABLES, default_address, default_framework, default_model
from argqual.errors import EXIT_USAGE, ArgqualError, InputError
from argqual.report.plain import clean

T = TypeVar("T")
_EVERY, _FIRST = 5.0, 1.5
_LOOK_EVERY = 0.2


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


class EffortChoice(StrEnum):
    """How hard a model is to think before it answers."""

    NONE = "none"
    MINIMAL = "minimal"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


# The panels of a help in which options stand by what they are about.
PANELS = ("What to rate", "Model", "Table", "Cost", "Output", "Other")
what, of_model, of_table, of_cost, of_output = (partial(typer.Option, rich_help_panel=title) for title in PANELS[:-1])

FrameworkOption = Annotated[
    str,
    what(
        "--framework",
        "-f",
        envvar=VARIABLES["framework"],
        callback=default_framework,
        help="Framework: a name, or a YAML file. Yours: argqual config.",
        autocompletion=complete.frameworks,
    ),
]
FrameworkArgument = Annotated[
    str, typer.Argument(metavar="FRAMEWORK", help="A name, or a YAML file.", autocompletion=complete.frameworks)
]
ModelOption = Annotated[
    str,
    of_model(
        "--model",
        "-m",
        envvar=VARIABLES["model"],
        callback=default_model,
        help="'local' (embedded), provider/name, systemone/name, or a GGUF file. Yours: argqual config.",
        autocompletion=complete.models,
    ),
]
ModelArgument = Annotated[
    str,
    typer.Argument(
        envvar=VARIABLES["model"],
        callback=default_model,
        help="The model to try. Yours: argqual config.",
        autocompletion=complete.models,
    ),
]
ReadoutOption = Annotated[
    str, of_model(help="auto, expect, label, votes:N, decide or verbal.", autocompletion=complete.readouts)
]
DefinitionsOption = Annotated[DefinitionsChoice, of_model(help="How much the model is told of each criterion.")]
EffortOption = Annotated[
    EffortChoice | None, of_model(help="How hard a model that thinks is to think. Default: the least that it offers.")
]
IssueOption = Annotated[str | None, typer.Option(help="The question that the argument answers.")]
ApiBaseOption = Annotated[
    str | None,
    of_model(
        envvar=VARIABLES["api_base"],
        callback=default_address,
        help="Address of a server of your own (its key: OPENAI_API_KEY). Yours: argqual config.",
    ),
]
YesOption = Annotated[bool, of_model("--yes", "-y", help="Fetch an embedded model's weights without asking.")]
FormatOption = Annotated[Format | None, typer.Option(help="Default: text on a terminal, JSON into a pipe or file.")]


def wanted_format(given: Format | None) -> Format:
    return given or (Format.TEXT if sys.stdout.isatty() else Format.JSON)


def read_source(source: str) -> str:
    """The text of an argument that was given as text, as a file, or as `-` for standard input.

    A file may be a document (`argqual.tabular.documents`). Raises an `InputError` where it is empty, a table or not
    text, or is plainly meant as a file that is not there.
    """
    if source == "-":
        if sys.stdin.isatty():
            print("Type or paste the argument, then press Ctrl-D.", file=sys.stderr)
        try:
            given = sys.stdin.buffer.read()
        except OSError as error:
            raise InputError(f"Standard input cannot be read: {error.strerror}.") from None
        return _told_if_table(decode_argument(given, name="standard input"))
    path = Path(source)
    try:
        exists = bool(source) and path.exists()
    except (OSError, ValueError):  # far too long for a file name: a text
        exists = False
    if exists:
        from argqual.tabular.documents import read_text
        from argqual.tabular.sources import reader_of

        if reader_of(source):
            raise InputError(f"{source} is a table, not a text.", hint="argqual score rates tables, row by row.")
        return read_text(path)
    if source.startswith(("http://", "https://")) and not any(map(str.isspace, source)):
        raise InputError(f"argqual opens no addresses: {source}", hint="Save the page as .html, and name the file.")
    if (
        source.strip()
        and not any(character.isspace() for character in source.strip())
        and ("/" in source or path.suffix)
    ):
        raise InputError(f"There is no file {source}.", hint="An argument given as text has more than one word.")
    if longer := _named_but_for_the_ending(source):
        raise InputError(f"There is no file {source}, but {' and '.join(longer)}.", hint="Name it with its ending.")
    return source


def _told_if_table(text: str) -> str:
    """A text from a pipe, as it is; said, where it looks like a table."""
    from argqual.tabular.columns import is_header

    first, second = [*text.lstrip().splitlines(), "", ""][:2]
    if is_header(first, second) or (first.startswith("{") and first.rstrip().endswith("}")):
        say("Standard input looks like a table, and is rated as one text; --lines rates each line.")
    return text


def _named_but_for_the_ending(source: str) -> list[str]:
    """The files whose names are this, a dot and an ending."""
    path = Path(source)
    if len(source) > 80 or "\n" in source or not path.name:
        return []
    with suppress(OSError, ValueError):
        names = sorted(entry.name for entry in os.scandir(path.parent) if entry.name.startswith(f"{path.name}."))
        return [str(path.with_name(name)) for name in names[:3]]
    return []


def say(words: str) -> None:
    """A note for people, which is no result."""
    print(words, file=sys.stderr, flush=True)


@contextmanager
def interruptible(first: Callable[[], None], again: Callable[[], None], *, terminate: bool = False) -> Iterator[None]:
    """Let Ctrl-C end in good order what is under way, by `first`, and a second one at once, by `again`.

    With `terminate` the same holds for a polite kill. A signal that was ignored when the process began (a job
    in the background of a script, for one) stays ignored.
    """
    asked_at = 0.0

    def interrupt(number: int, _: Any) -> None:
        nonlocal asked_at
        if not asked_at:
            asked_at = time.monotonic()
            first()
        elif time.monotonic() - asked_at > 0.2:  # some terminals send one press twice
            again()

    numbers = (signal.SIGINT, signal.SIGTERM) if terminate else (signal.SIGINT,)
    heeded = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def step(doing: str) -> Iterator[Callable[[str], None]]:
    """Show on stderr that something takes its time: a bar on a terminal, otherwise a line.

    Gives what says how far it is: behind the bar, or in a line every five seconds. What a model is at before it
    answers (`argqual._underway`) is shown without that.
    """
    doing = clean(doing)
    stream = sys.stderr  # of now: DSPy's own is kept quiet, and this is not
    if stream.isatty():
        with _barred(doing, stream) as tell:
            yield tell
        return
    print(f"{doing} …", file=stream, flush=True)
    said_at = time.monotonic()

    def line(how_far: str, every: float | None = None) -> None:
        nonlocal said_at
        if time.monotonic() - said_at >= (_EVERY if every is None else every):
            said_at = time.monotonic()
            print(f"  {clean(how_far)}", file=stream, flush=True)

    first = [_FIRST]

    def look(under_way: Doing | None) -> None:
        if under_way:
            line(str(under_way), first[0])
            first[0] = _EVERY

    with watching(look):
        yield line


@contextmanager
def _barred(doing: str, stream: Any) -> Iterator[Callable[[str], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(16), TimeElapsedColumn())
    said = ""

    def tell(how_far: str) -> None:
        nonlocal said
        said = clean(how_far)
        show(None)

    def show(under_way: Doing | None) -> None:
        further = said if under_way is None else clean(under_way.what)
        share = under_way.share if under_way else None
        description = f"{doing}: {further}" if further else f"{doing} …"
        progress.update(task, description=description, completed=share or 0.0, total=1.0 if share else None)

    with Progress(*columns, console=Console(file=stream), transient=True) as progress:
        task = progress.add_task(f"{doing} …", total=None)
        with watching(show):
            yield tell


@contextmanager
def watching(show: Callable[[Doing | None], None]) -> Iterator[None]:
    """Have what is under way before a model answers shown, some times a second, for as long as the block lasts."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_EVERY):
            show(_underway.now())

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def write_new(path: Path, content: str, kind: type[ArgqualError]) -> None:
    """Write a file that is not there yet; an error of a kind if it is, or cannot be written."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError:
        raise kind(f"{path} is there already; nothing was written.", hint="Choose another name, or --output.") from None
    except OSError as error:
        raise kind(f"Cannot write {path}: {error.strerror or error}.") from None


@contextmanager
def readable(files: Mapping[str, Path], read: Callable[[Path], T]) -> Iterator[list[tuple[str, Path, T]]]:
    """Files by name, with what is read of each. At the end those that cannot be are named, and it is wrong usage."""
    found, broken = [], []
    for name, path in sorted(files.items()):
        try:
            found.append((name, path, read(path)))
        except ArgqualError as error:
            broken.append(error)
    yield found
    for problem in broken:
        typer.echo(f"argqual: {clean(str(problem))}", err=True)
    if broken:
        raise typer.Exit(EXIT_USAGE)


class PlainProgress:
    """Progress for logs: a line at most every few seconds, and one at the end."""

    def __init__(self, doing: str) -> None:
        self.doing = doing
        self.last = time.monotonic()
        self.ended = False

    def __call__(self, done: int, total: int, source: str) -> None:
        now, over = time.monotonic(), 0 < total <= done
        if (now - self.last >= _EVERY or over) and not self.ended:
            self.last, self.ended = now, over
            how_far = f"{done / total:4.0%} of {_megabytes(total)}" if total else _megabytes(done)
            print(f"{self.doing}: {how_far} ({source})", file=sys.stderr, flush=True)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB" if count >= 10e6 else f"{count / 1e6:,.1f} MB"
