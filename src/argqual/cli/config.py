"""`argqual config`: defaults of one's own, so that they need not be given each time."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from argqual.cli.options import Format, FormatOption, say, wanted_format
from argqual.cli.settings import (
    VARIABLES,
    Setting,
    address_for,
    check_name,
    minutes,
    read_settings,
    setting,
    settings_file,
    write_setting,
)
from argqual.errors import InputError
from argqual.report.plain import clean

app = typer.Typer(
    help="Defaults of your own: model, framework, address, and how long an engine stays. "
    "A flag beats the environment, and that the file.",
    rich_markup_mode=None,
)
_Name = Annotated[str, typer.Argument(metavar="NAME", help="model, framework, api_base or keep.")]


@app.callback(invoke_without_command=True)
def config(called: typer.Context) -> None:
    if called.invoked_subcommand is None:
        show()


@app.command("show")
def show(format: FormatOption = None) -> None:
    """What is set, and where from: the environment, the file, or argqual's own default."""
    from argqual.models.addresses import shown_address

    path = settings_file()
    found = {key: setting(key) for key in VARIABLES}
    model, address = found["model"].value, found["api_base"].value
    unused = bool(model and address) and address_for(str(model), flagged=False)[0] is None
    if address:
        found["api_base"] = Setting(shown_address(address), found["api_base"].source)
    if wanted_format(format) is Format.JSON:
        content = {key: {"value": each.value, "source": each.source} for key, each in found.items()}
        typer.echo(json.dumps({"file": str(path), **content}, indent=2, ensure_ascii=False))
        return
    width = max(len(each.value or "") for each in found.values())
    for key, each in found.items():
        where = {"environment": f"environment ({VARIABLES[key]})", "file": "file", "default": "default"}[each.source]
        typer.echo(clean(f"{key:10} {each.value or '(none)':{width}}  {where}"))
    typer.echo(clean(f"\nfile       {path}{'' if path.exists() else ' (not there yet)'}"))
    typer.echo("A flag (--model, --framework, --api-base) beats the environment, and that beats the file.")
    if unused:
        typer.echo(clean(f"The address is not used for {model}, which it was not set with."))


@app.command("path")
def path_command() -> None:
    """Where the file is, whether or not it is there yet."""
    typer.echo(str(settings_file()))


@app.command("set")
def set_command(name: _Name, value: Annotated[str, typer.Argument(metavar="VALUE", help="What it is to be.")]) -> None:
    """Set a default in the file. Keys are never kept there: they stay in their environment variables."""
    name = name.replace("-", "_")
    check_name(name)
    kept = _checked(name, value)
    forgotten = write_setting(name, kept)
    typer.echo(clean(f"{name} is {kept}, in {settings_file()}"))
    _tell(name, forgotten)


@app.command("unset")
def unset_command(name: _Name) -> None:
    """Forget a default that the file has."""
    name = name.replace("-", "_")
    check_name(name)
    if name not in read_settings():
        typer.echo(clean(f"{name} is not set in {settings_file()}"))
        return
    forgotten = write_setting(name, None)
    typer.echo(clean(f"{name} is no more set in {settings_file()}"))
    _tell(name, forgotten)


def _tell(name: str, forgotten: list[str]) -> None:
    if forgotten:
        say("api_base went with it: that address was set for the other model.")
    if os.environ.get(VARIABLES[name]):
        say(f"{VARIABLES[name]} is set too, and beats the file.")


def _checked(name: str, value: str) -> str:
    """A value as it is kept: files by their whole path. An error where it can be none."""
    if not value.strip():
        raise InputError(f"The {name} is empty.", hint=f"To forget it: argqual config unset {name}")
    if name == "framework":
        from argqual.frameworks.catalogue import load_framework

        load_framework(value)
        return str(Path(value).resolve()) if Path(value).is_file() else value
    if name == "model":
        from argqual.models.names import check_name as check_model
        from argqual.models.weights import locate

        if check_model(value) != "file":
            return value
        path = Path(os.path.expanduser(value)).resolve()
        locate(path)
        return str(path)
    if name == "keep":
        return f"{minutes(value):g}"
    from argqual.models.addresses import checked_address, has_password
    from argqual.models.names import is_embedded

    model = read_settings().get("model", "")
    if model and is_embedded(model, value):
        raise InputError(
            f"The model that is set, {model}, runs on this machine and has no address.",
            hint="Set a model on that server first: argqual config set model openai/NAME",
        )
    if has_password(value):
        raise InputError(
            "A user name and a password are not kept among the settings.",
            hint="Set the environment variable ARGQUAL_API_BASE to that address instead.",
        )
    return checked_address(value.strip(), provider=model.partition("/")[0])
