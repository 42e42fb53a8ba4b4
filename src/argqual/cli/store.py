"""`argqual store`: what is kept so that nothing is asked twice."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from argqual.cli.options import Format, FormatOption, wanted_format
from argqual.errors import InputError

app = typer.Typer(
    help="Assessments that are kept, so that nothing is asked twice.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
FrameworkFilter = Annotated[str | None, typer.Option("--framework", "-f", help="Only those of a framework (its id).")]
ModelFilter = Annotated[str | None, typer.Option("--model", "-m", help="Only those of a model.")]


@app.command("info")
def info(format: FormatOption = None) -> None:
    """Where the store is and what it holds."""
    from argqual.judging.store import Kept, Store, store_path

    path = store_path()
    as_text = wanted_format(format) is not Format.JSON
    if as_text and not path.exists():
        typer.echo(f"{path}: nothing is kept yet.")
        return
    contents: list[Kept] = []
    if path.exists():
        with Store(path) as store:
            contents = store.contents()
    size = sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*") if file.is_file())
    if not as_text:
        typer.echo(
            json.dumps({"path": str(path), "bytes": size, "kept": [each.__dict__ for each in contents]}, indent=2)
        )
        return
    typer.echo(f"{path}, {size / 1e6:,.1f} MB")
    for each in contents:
        cost = "" if not each.cost_usd else f", {each.cost_usd:,.4f} USD"
        when = f"{_day(each.first)} to {_day(each.last)}"
        typer.echo(f"  {each.framework}, {each.model}, {each.readout}: {each.assessments:,}{cost} ({when})")


@app.command("clear")
def clear(
    framework: FrameworkFilter = None,
    model: ModelFilter = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget what is kept: all of it, or that of a framework or model."""
    from argqual.judging.store import Store, store_path

    if not store_path().exists():
        typer.echo("Nothing is kept.")
        return
    with Store() as store:
        if not yes:
            if not sys.stdin.isatty():
                raise InputError("Clearing the store cannot be undone.", hint="Add --yes to do it.")
            number = sum(
                each.assessments
                for each in store.contents()
                if framework in (None, each.framework.split(" ")[0]) and model in (None, each.model)
            )
            typer.confirm(f"Forget {number:,} assessments? They would have to be asked for again.", abort=True)
        typer.echo(f"{store.clear(framework=framework, model=model):,} assessments forgotten.")


@app.command("export")
def export(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A JSONL file; by default to stdout.")] = None,
) -> None:
    """Write everything that is kept as JSON lines."""
    from argqual.judging.store import Store, store_path
    from argqual.tabular.output import followed

    if not store_path().exists():
        raise InputError(f"Nothing is kept: there is no {store_path()}.")
    with Store() as store:
        if output is None:
            for each in store.export():
                typer.echo(json.dumps(each, ensure_ascii=False))
            return
        output = followed(output)
        temporary = output.with_name(f"{output.name}.tmp")
        try:
            with temporary.open("w", encoding="utf-8") as file:
                number = sum(bool(file.write(json.dumps(each, ensure_ascii=False) + "\n")) for each in store.export())
            temporary.replace(output)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink()
            raise InputError(f"Cannot write {output}: {error.strerror}.") from None
        print(f"{number:,} assessments written to {output}", file=sys.stderr)


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
