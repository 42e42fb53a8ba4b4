"""`argqual strategies`: what there is to predict quality with, and what a saved one is."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from argqual.cli import complete
from argqual.cli.options import Format, FormatOption, wanted_format
from argqual.errors import StrategyError

_EITHER = "A strategy, or a folder that argqual fit wrote."
app = typer.Typer(help="Strategies: list them, show one.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_strategies(format: FormatOption = None) -> None:
    """All strategies that can be named, and what each needs."""
    from argqual.report.strategies import list_text
    from argqual.strategies.registry import EXTRAS, known_strategies, lacking

    rows = [
        {
            "name": name,
            "family": known.family,
            "summary": known.summary,
            "extra": known.extra,
            "installed": not lacking(EXTRAS.get(known.extra or "", ())),
        }
        for name, known in known_strategies().items()
    ]
    typer.echo(json.dumps(rows, indent=2) if wanted_format(format) is Format.JSON else list_text(rows))


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME|FOLDER", help=_EITHER, autocompletion=complete.strategies)],
    format: FormatOption = None,
) -> None:
    """What a strategy does and takes; of a saved one, what it was trained on and what it asks of you."""
    from argqual.strategies.registry import known_strategies

    as_json = wanted_format(format) is Format.JSON
    known = known_strategies().get(name)
    if known is None and Path(name).is_dir():
        from argqual.report.strategies import saved_text
        from argqual.strategies.saving import describe_saved

        content = describe_saved(name)
        saved: dict[str, Any] = {key: value for key, value in content.items() if key != "state"}
        typer.echo(json.dumps(saved, indent=2, ensure_ascii=False) if as_json else saved_text(content))
        return
    if known is None and Path(name).name != name:
        raise StrategyError(f"There is no folder {name}.", hint="argqual fit makes one.")
    from argqual.report.strategies import documentation, show_text
    from argqual.strategies.registry import load_class

    kind = load_class(name)
    assert known is not None
    said = documentation(kind)
    learns = kind.learns is not False
    if as_json:
        shown = {"name": name, "family": known.family, "extra": known.extra, "learns": learns, **said}
        typer.echo(json.dumps(shown, indent=2, ensure_ascii=False, default=repr))
    else:
        typer.echo(show_text(name, known.family, known.extra, said, learns))
