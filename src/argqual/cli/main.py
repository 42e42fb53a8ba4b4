"""Put the commands together, and turn errors into messages and exit codes."""

from __future__ import annotations

import errno
import sys
from typing import Annotated

import typer

from argqual._version import __version__
from argqual.cli import benchmark, compare, config, corpora, fit, frameworks, models, optimise, score, store, strategies
from argqual.cli.grouped import PanelCommand, TextCommand
from argqual.cli.streams import hold_streams
from argqual.errors import EXIT_USAGE, ArgqualError
from argqual.report.plain import clean

app = typer.Typer(
    name="argqual",
    help="Score arguments against explicit criteria.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("score", cls=PanelCommand)(score.score)
app.command("compare", cls=TextCommand)(compare.compare_command)
app.command("fit")(fit.fit)
app.command("optimise")(optimise.optimise)
app.add_typer(strategies.app, name="strategies")
app.add_typer(frameworks.app, name="frameworks")
app.add_typer(models.app, name="models")
app.add_typer(corpora.app, name="corpora")
app.add_typer(store.app, name="store")
app.add_typer(config.app, name="config")
app.add_typer(benchmark.app, name="benchmark")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"argqual {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Score arguments against explicit criteria."""


def main() -> None:
    """Run the command line. What a user can put right is said in one message, without a traceback."""
    hold_streams()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # here, where it can still be said that this failed
    except ArgqualError as error:
        print(f"argqual: {clean(error.message)}", file=sys.stderr)
        if error.hint:
            print(f"  {clean(error.hint)}", file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"argqual: {clean(where)}{error.strerror or error}.", file=sys.stderr)
        if hint := _REMEDIES.get(error.errno or 0):
            print(f"  {hint}", file=sys.stderr)
        sys.exit(EXIT_USAGE)


_FULL = "What was done before is kept. Make room, and run the same command again."
_FEW = "Too many files are open for this shell: raise 'ulimit -n', or lower --concurrency or --jobs."
_REMEDIES = {errno.ENOSPC: _FULL, errno.EDQUOT: _FULL, errno.EMFILE: _FEW, errno.ENFILE: _FEW}
