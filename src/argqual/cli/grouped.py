"""Commands whose options are declared in groups, and shown in panels.

typer takes options from a function's parameters. `grouped` lets such a parameter be a
dataclass whose fields are options, so that a command with many of them stays a short
function, and what belongs together is handed on together.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints

from typer.core import TyperCommand

from argqual.cli.options import PANELS
from argqual.errors import InputError


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """The command as typer reads it: the fields of its dataclasses as parameters, in the place of each."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    parameters: list[inspect.Parameter] = []

    def add(name: str, default: Any, annotation: Any) -> None:
        kind = inspect.Parameter.KEYWORD_ONLY
        parameters.append(inspect.Parameter(name, kind, default=default, annotation=annotation))

    for name, parameter in inspect.signature(command).parameters.items():
        if name not in groups:
            add(name, parameter.default, hints[name])
            continue
        of_group = get_type_hints(groups[name], include_extras=True)
        for field in fields(groups[name]):
            add(field.name, parameter.empty if field.default is MISSING else field.default, of_group[field.name])

    @wraps(command)
    def run(**given: Any) -> None:
        for name, kind in groups.items():
            given[name] = kind(**{field.name: given.pop(field.name) for field in fields(kind)})
        command(**given)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


class TextCommand(TyperCommand):
    """A command that is given texts: one that begins with - and was taken for an option is told apart from a slip."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given = args[: args.index("--")] if "--" in args else list(args)
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            texts = [word for word in given if word.startswith("-") and any(map(str.isspace, word.partition("=")[0]))]
            if not texts or "UsageError" not in [kind.__name__ for kind in type(error).__mro__]:
                raise
            raise InputError(
                f"'{' '.join(texts[0].split()):.40}' begins with -, and is taken for an option.",
                hint=f"Write -- before it, after all options: {ctx.command_path} -- TEXT",
            ) from None


class PanelCommand(TextCommand):
    """A command whose help has a section for each `rich_help_panel`, in plain text, and its details at the end.

    rich's own panels take half as many lines again for the same words, a quarter of a
    second to load, and put frames around usage errors too.
    """

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        _write(formatter, (self.help or "").partition("\n\n")[0])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        _write(formatter, (self.help or "").partition("\n\n")[2])

    def format_options(self, ctx: Any, formatter: Any) -> None:
        panels: dict[str, list[tuple[str, str]]] = {title: [] for title in PANELS}
        for parameter in self.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                name = record[0].removesuffix(" <list[str]>")  # takes the room of what it is for
                panels[getattr(parameter, "rich_help_panel", None) or PANELS[-1]].append((name, record[1]))
        for title in filter(panels.get, panels):
            with formatter.section(title):
                formatter.write_dl(panels[title])


def _write(formatter: Any, paragraph: str) -> None:
    formatter.write_paragraph()
    with formatter.indentation():
        formatter.write_text(inspect.cleandoc(paragraph))
