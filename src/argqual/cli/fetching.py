"""Get the weights of an embedded model or an encoder onto the machine, with consent and a progress bar."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from argqual.cli.options import PlainProgress, step
from argqual.downloads.verified import mark_of
from argqual.errors import WeightsError
from argqual.models import encoders, hub_weights, weights
from argqual.models.weights import Weights

if TYPE_CHECKING:
    from argqual.downloads.job import Progress


def ensure_weights(name: str, *, yes: bool) -> None:
    """See to it that a model can be loaded: nothing to do unless it is argqual's own, or a hub's, and not fetched yet.

    Raises a `WeightsError` where there was no consent to fetch what is missing.
    """
    from argqual.models.names import embedded_id

    wanted = embedded_id(name)
    if not (own_files(wanted) or hub_weights.is_hub_name(wanted)) or is_there(wanted):
        return
    download = _download(wanted)
    offer = f"{wanted}: {download.described}"
    if not yes:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise WeightsError(
                f"The model's weights are not on this machine ({offer}).",
                hint=f"Run 'argqual models pull {shlex.quote(wanted)} --yes' once, or pass --yes here.",
            )
        if not typer.confirm(
            f"The model's weights must be fetched once.\n{offer}\nFetch them now?", default=True, err=True
        ):
            raise WeightsError(
                "The model's weights were not fetched.", hint="Use --model provider/name for a hosted one."
            )
    _pull(wanted, download)


def pull_with_progress(name: str, *, force: bool = False) -> Path:
    """Fetch weights and show how far it is."""
    return _pull(name, _download(name, force=force))


@dataclass(frozen=True)
class _Download:
    """What there is to fetch, in words and in bytes, and what fetches it; `bring` tells how far it is."""

    described: str
    bytes: int
    bring: Callable[[Progress], Path]


def _download(name: str, *, force: bool = False) -> _Download:
    """The weights of a name; those of a hub are looked up there."""
    if hub_weights.is_hub_name(name):
        wanted = hub_weights.hub_name(name)
        with step(f"Looking {name} up"):
            found = hub_weights.look_up(wanted, force=force)
        bring = partial(hub_weights.pull, wanted, found, force=force)
        return _Download(hub_weights.describe(wanted, found), found.bytes or 0, lambda tell: bring(progress=tell))
    pull = encoders.pull_encoder if name in encoders.KNOWN_ENCODERS else weights.pull
    described = weights.describe_download(max(own_files(name), key=lambda file: file.bytes))
    return _Download(described, size_of(name), lambda tell: pull(name, progress=tell, force=force))


def _pull(name: str, download: _Download) -> Path:
    doing = f"Fetching {name}"
    print(f"{doing}: {download.described}", file=sys.stderr)
    if not sys.stderr.isatty():
        return download.bring(PlainProgress(doing))
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    bars = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    columns = (TextColumn("{task.description}", markup=False), *bars)
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(doing, total=download.bytes or None)

        def show(done: int, total: int, source: str) -> None:
            progress.update(task, completed=done, total=total or None, description=f"{doing} ({source})")

        return download.bring(show)


def own_files(name: str) -> tuple[Weights, ...]:
    """The files of a model or an encoder whose weights argqual knows; none of any other name."""
    return encoders.KNOWN_ENCODERS.get(name) or tuple(each for each in (weights.KNOWN.get(name),) if each)


def size_of(name: str) -> int:
    """Bytes to fetch for one of argqual's own."""
    return sum(file.bytes for file in own_files(name))


def is_there(name: str) -> bool:
    """Whether one of argqual's own, or a file of a hub, is in the cache."""
    if hub_weights.is_hub_name(name):
        return hub_weights.is_there(hub_weights.hub_name(name))
    return encoders.is_fetched(name) if name in encoders.KNOWN_ENCODERS else weights.is_fetched(name)


def kept_files(name: str) -> list[Path]:
    """Where one of argqual's own, or a file of a hub, lies when it is here, with what an interrupted fetch left."""
    if hub_weights.is_hub_name(name):
        wanted = hub_weights.hub_name(name)
        paths = [wanted.file, wanted.note]
    else:
        of_encoder = name in encoders.KNOWN_ENCODERS
        paths = [weights.cache_folder() / (name if of_encoder else weights.KNOWN[name].filename)]
    return [*paths, paths[0].with_name(f".{paths[0].name}.parts"), mark_of(paths[0])]


def verify(name: str) -> Path | None:
    """Hash the weights of one of argqual's own, or of a hub, whole; where they lie, or None if they are not here.

    Raises a `WeightsError` if they are not what they should be, or cannot be read.
    """
    if hub_weights.is_hub_name(name):
        found = hub_weights.locate(hub_weights.hub_name(name), anew=True)
        return found[0] if found else None
    if name in encoders.KNOWN_ENCODERS:
        return encoders.find_encoder(name, fetch=False).folder if is_there(name) else None
    return weights.locate(name, anew=True)
