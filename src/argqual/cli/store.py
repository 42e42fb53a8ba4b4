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
    """Where the store is and what it holds, and what is kept of prompts that the embedded model has read."""
    from argqual.judging.store import Kept, Store, store_path
    from argqual.models import kept_prompts

    path = store_path()
    prompts, prompts_bytes = kept_prompts.contents()
    as_text = wanted_format(format) is not Format.JSON
    if as_text and not path.exists():
        typer.echo(f"{path}: nothing is kept yet.")
    contents: list[Kept] = []
    if path.exists():
        with Store(path) as store:
            contents = store.contents()
    size = sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*") if file.is_file())
    if not as_text:
        of_prompts = {"path": str(kept_prompts.folder()), "bytes": prompts_bytes, "kept": prompts}
        kept = [each.__dict__ for each in contents]
        typer.echo(json.dumps({"path": str(path), "bytes": size, "kept": kept, "prompts": of_prompts}, indent=2))
        return
    if path.exists():
        typer.echo(f"{path}, {size / 1e6:,.1f} MB")
    for each in contents:
        cost = "" if not each.cost_usd else f", {each.cost_usd:,.4f} USD"
        when = f"{_day(each.first)} to {_day(each.last)}"
        typer.echo(f"  {each.framework}, {each.model}, {each.readout}: {each.assessments:,}{cost} ({when})")
    if prompts:
        typer.echo(f"{kept_prompts.folder()}, {prompts_bytes / 1e6:,.1f} MB")
        typer.echo(f"  what the embedded model has read of {_counted(prompts)}, so that it need not read them again")


@app.command("clear")
def clear(
    framework: FrameworkFilter = None,
    model: ModelFilter = None,
    prompts: Annotated[
        bool, typer.Option("--prompts", help="Only what the embedded model has read of prompts; no assessment.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget what is kept: all of it, or that of a framework or model.

    What the embedded model has read of prompts goes with all of it. Nothing is lost by that but the time to read them.
    """
    from argqual.judging.store import store_path
    from argqual.models import kept_prompts

    if prompts and (framework or model):
        raise InputError("--prompts goes without --framework and --model.", hint="Leave out one or the other.")
    there = store_path().exists() and not prompts
    if not there and (framework or model or not kept_prompts.contents()[0]):
        typer.echo("Nothing is kept.")
        return
    if there:
        _clear(framework, model, yes=yes)
    if not (framework or model) and (forgotten := kept_prompts.clear()):
        typer.echo(f"What was read of {_counted(forgotten)} is forgotten.")


def _clear(framework: str | None, model: str | None, *, yes: bool) -> None:
    """Forget assessments, with consent."""
    from argqual.judging.store import Store

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


def _counted(prompts: int) -> str:
    return "1 prompt" if prompts == 1 else f"{prompts:,} prompts"


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
