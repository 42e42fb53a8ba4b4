"""`argqual frameworks`: see, write, check and compare criteria frameworks."""

from __future__ import annotations

import difflib
import json
import textwrap
from pathlib import Path
from typing import Annotated, Any

import typer

from argqual.cli import complete
from argqual.cli.grouped import TextCommand
from argqual.cli.options import (
    ApiBaseOption,
    DefinitionsChoice,
    DefinitionsOption,
    Format,
    FormatOption,
    FrameworkArgument,
    IssueOption,
    YesOption,
    read_source,
    readable,
    step,
    wanted_format,
    write_new,
)
from argqual.cli.settings import VARIABLES, address_for, default_framework, setting
from argqual.errors import EXIT_SOME_FAILED, EXIT_USAGE, FrameworkError
from argqual.report.plain import clean, paragraph

app = typer.Typer(help="List, show, write, check and compare frameworks.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_frameworks(format: FormatOption = None) -> None:
    """All frameworks that can be named."""
    from argqual.frameworks.catalogue import known_frameworks, read_framework

    with readable(known_frameworks(), read_framework) as found:
        rows = [
            {
                "id": name,
                "version": framework.version,
                "questions": len(framework.asked),
                "provenance": framework.provenance.status,
                "title": framework.title,
                "file": str(path),
            }
            for name, path, framework in found
        ]
        if wanted_format(format) is Format.JSON:
            typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
            return
        for row in rows:
            typer.echo(f"{row['id']:18} {row['version']:5} {row['questions']:3} questions  {row['provenance']}")
            _paragraph(str(row["title"]), indent=19, after="")


@app.command("show")
def show(name: FrameworkArgument, format: FormatOption = None) -> None:
    """A framework's criteria, sources and caveats."""
    from argqual.frameworks.catalogue import load_framework

    framework = load_framework(name)
    if wanted_format(format) is Format.JSON:
        typer.echo(framework.model_dump_json(indent=2, by_alias=True, exclude_defaults=True))
        return
    _paragraph(framework.title, after="")
    typer.echo(f"{framework.id} {framework.version} ({framework.fingerprint}), {clean(framework.license)}\n")
    _paragraph(framework.description)
    if framework.gate:
        _paragraph(f"Gate: {framework.gate.question}")
    if framework.select:
        _paragraph(
            f"First: {framework.select.question} " + ", ".join(option.name for option in framework.select.options)
        )
    levels = ", ".join(f"{level.written} {level.label}" for level in framework.scale.levels)
    _paragraph(f"Scale: {levels}{f', or {framework.scale.abstain}' if framework.scale.abstain else ''}")
    _paragraph(f"Overall: {framework.aggregate.replace('_', ' ')}")
    _show_criteria(framework.criteria, 0)
    typer.echo()
    _paragraph(f"Provenance: {framework.provenance.status}. {framework.provenance.caveat}")
    for citation in framework.citations:
        _paragraph(f"[{citation.id}] {citation.text}{f' doi:{citation.doi}' if citation.doi else ''}", after="")


def _show_criteria(criteria: Any, depth: int) -> None:
    for criterion in criteria:
        marks = [f"weight {criterion.weight:g}"] if criterion.weight != 1 else []
        marks += [f"when {criterion.when}"] if criterion.when else []
        marks += ["lower is better"] if not criterion.higher_is_better else []
        marks += [f"needs {', '.join(criterion.requires)}"] if criterion.requires else []
        shown = ", ".join(marks)
        _paragraph(f"{criterion.name} ({criterion.id}{f'; {shown}' if shown else ''})", indent=2 * depth, after="")
        _paragraph(criterion.plain, indent=2 * depth + 2, after="")
        _show_criteria(criterion.criteria, depth + 1)


def _paragraph(words: str, *, indent: int = 0, after: str = "\n") -> None:
    typer.echo(paragraph(words, indent=indent) + after)


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="The new framework's id, such as my-rubric.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to write it; default NAME.yaml.")] = None,
) -> None:
    """Write a commented template, ready to be changed."""
    from argqual.frameworks.catalogue import parse_framework
    from argqual.frameworks.template import template

    path = output or Path(f"{name}.yaml")
    content = template(name)
    parse_framework(content, name=name)
    write_new(path, content, FrameworkError)
    typer.echo(f"Wrote {path}. Change it, then: argqual frameworks validate {path}")


@app.command("validate")
def validate(
    names: Annotated[
        list[str],
        typer.Argument(metavar="FRAMEWORK...", help="Names or YAML files.", autocompletion=complete.frameworks),
    ],
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Also rate the goldens with this model.", autocompletion=complete.models),
    ] = None,
    goldens: Annotated[
        bool, typer.Option("--goldens", help="Also rate the goldens, with the model that argqual config shows.")
    ] = False,
    readout: Annotated[str, typer.Option(help="Read-out for the goldens.")] = "auto",
    api_base: ApiBaseOption = None,
    yes: YesOption = False,
) -> None:
    """Check framework files; with --goldens or --model, also whether the goldens come out as expected."""
    from argqual.frameworks.catalogue import load_framework

    if goldens and model is None:
        model = setting("model").value
        api_base = api_base or address_for(str(model), flagged=False)[0]

    frameworks, failed = [], False
    for name in names:
        try:
            framework = load_framework(name)
        except FrameworkError as error:
            typer.echo(clean(f"{error}"), err=True)
            failed = True
            continue
        frameworks.append(framework)
        golden = len(framework.goldens)
        counts = f"{len(framework.asked)} questions, {golden} golden{'' if golden == 1 else 's'}"
        typer.echo(clean(f"{name}: valid. {framework.id} {framework.version}, {counts}"))
    if failed:
        raise typer.Exit(EXIT_USAGE)
    if model:
        from argqual.cli.fetching import ensure_weights

        ensure_weights(model, yes=yes)
        with step(f"Loading {model}"):
            from argqual.judging.goldens import check_goldens
            from argqual.models.connect import connect

            connected = connect(model, api_base=api_base)
        missed = 0
        for framework in frameworks:
            with step(f"Rating the goldens of {framework.id}"):
                results = check_goldens(framework, connected, readout=readout)
            for result in results:
                typer.echo(f"  {'as expected' if result.met else 'NOT as expected'}: {clean(result.said)}")
                missed += not result.met
            met = sum(result.met for result in results)
            typer.echo(clean(f"{framework.id}: {met} of {len(results)} expectations met by {connected.name}"))
        if missed:
            raise typer.Exit(EXIT_SOME_FAILED)


@app.command("schema")
def schema() -> None:
    """The JSON Schema of framework files, for editors that complete and check YAML."""
    from argqual.frameworks.framework import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


@app.command("prompt", cls=TextCommand)
def prompt(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[FRAMEWORK]",
            envvar=VARIABLES["framework"],
            callback=default_framework,
            help="A name, or a YAML file. Yours: argqual config.",
            autocompletion=complete.frameworks,
        ),
    ] = "ratio",
    text: Annotated[str, typer.Option(help="An argument, or a file that holds one.")] = "(the argument stands here)",
    issue: IssueOption = None,
    explain: Annotated[bool, typer.Option("--explain", "-e", help="The prompt that asks for notes first.")] = False,
    definitions: DefinitionsOption = DefinitionsChoice.FULL,
) -> None:
    """Print exactly what a model will see (for every read-out but `verbal`, whose form is DSPy's)."""
    from argqual.argument import Argument
    from argqual.frameworks.catalogue import load_framework

    framework = load_framework(name)
    with step("Compiling"):
        from argqual.judging.program import RatingProgram

        declared = framework.inputs.declared()
        inputs = Argument(read_source(text), issue=issue or "(the issue stands here)").inputs()
        shown = {name: value for name, value in inputs.items() if name == "argument" or name in declared}
        program = RatingProgram(framework, definitions=definitions.value)
        messages = program.prompt(shown, explain=explain).messages(shown)
    for message in messages:
        typer.echo(f"--- {message['role']} ---\n{message['content']}\n")


@app.command("diff")
def diff(
    one: FrameworkArgument,
    other: FrameworkArgument,
) -> None:
    """What differs between two frameworks, key by key."""
    from argqual.frameworks.catalogue import load_framework

    frameworks = [load_framework(name) for name in (one, other)]
    before, after = (
        flattened(framework.model_dump(mode="json", by_alias=True, exclude_defaults=True)) for framework in frameworks
    )
    same = True
    for key in sorted({*before, *after}, key=list({**before, **after}).index):
        if before.get(key) != after.get(key):
            same = False
            typer.echo(clean(key))
            for line in difflib.ndiff(_lines(before.get(key)), _lines(after.get(key))):
                if not line.startswith("?"):
                    typer.echo(f"  {clean(line.rstrip())}")
    if frameworks[0].fingerprint == frameworks[1].fingerprint:
        typer.echo(
            "The two are the same." if same else "\nThe ratings are not affected: the fingerprints are the same."
        )


def _lines(value: Any) -> list[str]:
    return [] if value is None else textwrap.wrap(str(value), 74) or [""]


def flattened(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested data as one level of dotted keys; items of a list that have an id are named by it."""
    if isinstance(value, dict):
        items = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, list):
        items = [
            (str(item["id"]) if isinstance(item, dict) and "id" in item else str(index + 1), item)
            for index, item in enumerate(value)
        ]
    else:
        return {prefix: value}
    flat: dict[str, Any] = {}
    for key, item in items:
        flat |= flattened(item, f"{prefix}.{key}" if prefix else key)
    return flat
