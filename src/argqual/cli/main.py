"""Put the commands together, and turn errors into messages and exit codes."""

from __future__ import annotations

import codecs
import errno
import io
import json
import os
import sys
from typing import Annotated

import typer

from argqual._version import __version__
from argqual.cli import benchmark, compare, config, corpora, fit, frameworks, models, optimise, score, store, strategies
from argqual.cli.grouped import PanelCommand, TextCommand
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
    _write_everything()
    try:
        app()
    except ArgqualError as error:
        print(f"argqual: {clean(error.message)}", file=sys.stderr)
        if error.hint:
            print(f"  {clean(error.hint)}", file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        print(f"argqual: the result cannot be written: {error.strerror}.", file=sys.stderr)
        _forget_unwritten()
        sys.exit(EXIT_USAGE)


def _write_everything() -> None:
    """What a terminal's encoding lacks is written as in JSON (`\\u7d76`): nothing is lost, and JSON stays JSON."""

    def escape(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeEncodeError)
        return json.dumps(error.object[error.start : error.end])[1:-1], error.end

    codecs.register_error("argqual.escape", escape)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="argqual.escape")


def _forget_unwritten() -> None:
    """Keep Python from trying once more, at exit, to write what could not be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
