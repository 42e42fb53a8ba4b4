"""Get the weights of an embedded model or an encoder onto the machine, with consent and a progress bar."""

import sys
from pathlib import Path

import typer

from argqual.cli.options import PlainProgress
from argqual.errors import WeightsError
from argqual.models import encoders, weights
from argqual.models.weights import Weights


def ensure_weights(name: str, *, yes: bool) -> None:
    """See to it that a model can be loaded: nothing to do unless it is one of argqual's own and not fetched yet.

    Raises a `WeightsError` where there was no consent to fetch what is missing.
    """
    from argqual.models.connect import embedded_id

    wanted = embedded_id(name)
    if not own_files(wanted) or is_there(wanted):
        return
    offer = f"{wanted}: {_described(wanted)}"
    if not yes:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise WeightsError(
                f"The model's weights are not on this machine ({offer}).",
                hint=f"Run 'argqual models pull {wanted} --yes' once, or pass --yes here.",
            )
        if not typer.confirm(
            f"The model's weights must be fetched once.\n{offer}\nFetch them now?", default=True, err=True
        ):
            raise WeightsError(
                "The model's weights were not fetched.", hint="Use --model provider/name for a hosted one."
            )
    pull_with_progress(wanted)


def pull_with_progress(name: str, *, force: bool = False) -> Path:
    """Fetch weights and show how far it is."""
    doing = f"Fetching {name}"
    print(f"{doing}: {_described(name)}", file=sys.stderr)
    bring = encoders.pull_encoder if name in encoders.KNOWN_ENCODERS else weights.pull
    if not sys.stderr.isatty():
        return bring(name, progress=PlainProgress(doing), force=force)
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    bars = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(TextColumn("{task.description}"), *bars, console=Console(stderr=True)) as progress:
        task = progress.add_task(doing, total=size_of(name))

        def show(done: int, total: int, source: str) -> None:
            progress.update(task, completed=done, total=total, description=f"{doing} ({source})")

        return bring(name, progress=show, force=force)


def own_files(name: str) -> tuple[Weights, ...]:
    """The files of a model or an encoder whose weights argqual knows; none of any other name."""
    return encoders.KNOWN_ENCODERS.get(name) or tuple(each for each in (weights.KNOWN.get(name),) if each)


def size_of(name: str) -> int:
    """Bytes to fetch for one of argqual's own."""
    return sum(file.bytes for file in own_files(name))


def is_there(name: str) -> bool:
    """Whether one of argqual's own is in the cache."""
    return encoders.is_fetched(name) if name in encoders.KNOWN_ENCODERS else weights.is_fetched(name)


def _described(name: str) -> str:
    return weights.describe_download(max(own_files(name), key=lambda file: file.bytes))
