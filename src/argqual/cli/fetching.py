"""Get an embedded model's weights onto the machine, with consent and a progress bar."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from argqual.cli.options import PlainProgress
from argqual.errors import WeightsError
from argqual.models import weights as weight_files


def ensure_weights(name: str, *, yes: bool) -> None:
    """See to it that a model can be loaded: nothing to do unless it is embedded and not fetched yet.

    Raises
    ------
    WeightsError
        The weights are missing, and there was no consent to fetch them.
    """
    from argqual.models.connect import embedded_id

    wanted = embedded_id(name)
    if wanted not in weight_files.KNOWN or weight_files.is_fetched(wanted):
        return
    offer = f"{wanted}: {weight_files.describe_download(weight_files.KNOWN[wanted])}"
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
    print(f"{doing}: {weight_files.describe_download(weight_files.KNOWN[name])}", file=sys.stderr)
    if not sys.stderr.isatty():
        return weight_files.pull(name, progress=PlainProgress(doing), force=force)
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(doing, total=weight_files.KNOWN[name].bytes)

        def show(done: int, total: int, source: str) -> None:
            progress.update(task, completed=done, total=total, description=f"{doing} ({source})")

        return weight_files.pull(name, progress=show, force=force)
