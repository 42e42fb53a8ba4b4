"""`argqual fit`: a strategy and labelled corpora become a folder that `argqual score --strategy` uses."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from argqual._graphemes import count_words
from argqual.cli import complete
from argqual.cli.options import Format, FormatOption, YesOption, say, step, wanted_format
from argqual.cli.settings import VARIABLES, address_for, setting
from argqual.errors import InputError
from argqual.report.plain import paragraph

if TYPE_CHECKING:
    from argqual.strategies.base import Strategy
    from argqual.strategies.training import TrainingData


_NAME, _SET = "A name of argqual strategies list.", "A parameter, as argqual strategies show tells; repeatable."
_Strategy = Annotated[str, typer.Argument(metavar="STRATEGY", help=_NAME, autocompletion=complete.strategies)]
_SEVERAL = "A corpus, or a card; may be given repeatedly."
_Corpora = Annotated[list[str], typer.Option("--corpus", "-c", help=_SEVERAL, autocompletion=complete.corpora)]
_Settings = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help=_SET)]
_Limit = Annotated[int | None, typer.Option(metavar="N", min=2, help="At most N arguments, the same ones each time.")]


def fit(
    name: _Strategy,
    corpus: _Corpora,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the strategy is written.")],
    target: Annotated[str, typer.Option(help="The label to learn: overall, logic, …")] = "overall",
    settings: _Settings = None,
    seed: Annotated[int | None, typer.Option(help="The same as --set seed=N.")] = None,
    split: Annotated[str | None, typer.Option(help="Only this part of the release's own split: train.")] = None,
    limit: _Limit = None,
    proxies: Annotated[
        bool, typer.Option("--proxies", help="Also labels that only measure something akin to the target.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Also test it on groups it was not fitted on (five folds).")
    ] = False,
    format: FormatOption = None,
    yes: YesOption = False,
) -> None:
    """Fit a strategy on labelled corpora, and save it.

    One that asks a model takes model, framework and address from argqual config, where --set names none.
    """
    _check_place(output)
    params = dict(_setting(each) for each in settings or ()) | ({} if seed is None else {"seed": seed})
    with step("Loading"):
        from argqual.strategies.base import telling
        from argqual.strategies.registry import create
        from argqual.strategies.saving import save_strategy
        from argqual.strategies.training import training_data

        strategy = create(name, **params)
    for words in _with_settings(strategy, params):
        say(paragraph(words, hanging=2))
    for model in strategy.model_names():
        from argqual.cli.fetching import ensure_weights

        ensure_weights(model, yes=yes)
    with step(f"Checking {name}"):
        strategy.check()
    with step(f"Reading {', '.join(corpus)}"):
        data = training_data(corpus, target, proxies=proxies, split=split, limit=limit)
    for words in _notes(data):
        say(paragraph(words, hanging=2))
    groups = len(set(data.groups))
    if check and groups < 2:
        alone = "--check tests on groups it has not seen, and all these arguments are in one."
        raise InputError(alone, hint="Leave it out, or add a corpus.")
    with step(f"Fitting {name} on {len(data.arguments):,} arguments in {groups:,} groups") as further, telling(further):
        strategy.fit_checked(data.arguments, data.labels, groups=data.groups)
    save_strategy(strategy, output, training=data.training)
    say(paragraph(f"Written: {output}", hanging=2))
    for licence in data.training.licences:
        say(paragraph(f"Licence of {licence}.", hanging=2))
    checked = _checked(strategy, data) if check else None
    typer.echo(_report(strategy, name, output, data, checked, wanted_format(format)))


def _with_settings(strategy: Strategy, params: Mapping[str, Any]) -> Iterator[str]:
    """Put defaults of the user's own where a strategy that asks a model was given none, and say which."""
    for prefix, part in strategy.parts():
        own, kept = part.parameter_names(), {key: setting(key) for key in VARIABLES}
        if not {"model", "api_base"} <= {*own}:
            continue
        given = {key for key in VARIABLES if f"{prefix}{key}" in params}
        said = [key for key in ("model", "framework") if key in {*own} - given and kept[key].source != "default"]
        for key in said:
            part.set_params(**{key: kept[key].value})
        asked = part.get_params(deep=False)["model"]
        if "api_base" not in given and isinstance(asked, str):
            address, note = address_for(asked, flagged="model" in given)
            part.set_params(api_base=address)
            yield from filter(None, [note])
        if said:
            yield f"As argqual config says: {', '.join(f'{prefix}{key} {kept[key].value}' for key in said)}."


def _check_place(folder: Path) -> None:
    """Whether the folder can be made; known before hours of fitting, not after."""
    if folder.exists():
        raise InputError(f"{folder} is there already.", hint="Name another folder, or delete it first.")
    above = next(parent for parent in folder.absolute().parents if parent.exists())
    if not (above.is_dir() and os.access(above, os.W_OK)):
        raise InputError(f"{folder} cannot be made in {above}.", hint="Name a folder where you may write.")


def _notes(data: TrainingData) -> Iterator[str]:
    if data.unlabelled:
        yield f"{data.unlabelled:,} arguments have no label for the target, and are left out."
    if data.standardised:
        yield "Labels are z-scores within each corpus or topic: their scales do not compare."
    if data.without_scale:
        few = "a corpus or topic with fewer than two different labels, which has no z-scores"
        yield f"{data.without_scale:,} arguments are of {few}, and are left out."


def _setting(words: str) -> tuple[str, Any]:
    """`k=4` as a name and a value; values are read as YAML, so numbers are numbers and [a, b] is a list."""
    from argqual._yaml import YamlError, parse_value

    name, separator, value = words.partition("=")
    if not separator or not name:
        raise InputError(f"--set {words} is not NAME=VALUE.", hint="For example --set k=4.")
    try:
        return name.strip(), parse_value(value, name=f"--set {name.strip()}")
    except YamlError as error:
        raise InputError(error.message, hint=error.hint) from None


def _checked(strategy: Strategy, data: TrainingData) -> dict[str, Any]:
    """Spearman's correlation for groups that it was not fitted on, with its interval and with length partialled out."""
    import numpy as np
    from sklearn.base import clone
    from sklearn.model_selection import GroupKFold

    from argqual.stats.correlation import partial_spearman, spearman
    from argqual.strategies.base import telling

    codes = np.unique(data.groups, return_inverse=True)[1]
    folds = min(5, int(codes.max()) + 1)
    predicted = np.full(len(data.labels), np.nan)
    for fold, (train, test) in enumerate(GroupKFold(folds).split(data.labels, data.labels, codes), start=1):
        with step(f"Testing on groups it has not seen, fold {fold} of {folds}") as further, telling(further):
            taught, tested = ([data.arguments[place] for place in places] for places in (train, test))
            fitted = clone(strategy).fit_checked(taught, data.labels[train], groups=codes[train])
            predicted[test] = fitted.predict(tested)
    words = [count_words(argument.text) for argument in data.arguments]
    found = {
        "spearman": spearman(predicted, data.labels, clusters=data.groups),
        "length_partialled": partial_spearman(predicted, data.labels, words, clusters=data.groups),
    }
    return {name: asdict(each) | {"coverage": each.coverage} for name, each in found.items()}


def _report(
    strategy: Strategy, name: str, output: Path, data: TrainingData, checked: dict[str, Any] | None, format: Format
) -> str:
    seen = asdict(strategy.seen_) | {"usage": strategy.seen_.usage.model_dump()}
    content = {
        "strategy": name,
        "folder": str(output),
        "corpora": list(data.training.corpora),
        "target": data.training.target,
        "standardised": data.standardised,
        "licences": list(data.training.licences),
        "arguments": len(data.arguments),
        "unlabelled": data.unlabelled,
        "without_scale": data.without_scale,
        "groups": len(set(data.groups)),
        "seen": seen,
        "check": checked,
    }
    if format is Format.JSON:
        return json.dumps(content, indent=2, ensure_ascii=False)
    from argqual.report.strategies import row_text, seen_text

    rows = [
        ("Strategy", f"{name}, in {output}"),
        ("Trained on", f"{', '.join(data.training.corpora)}: {len(data.arguments):,} arguments"),
        ("Target", data.training.target or ""),
        ("Groups", f"{len(set(data.groups)):,}"),
        ("Saw", seen_text(seen)),
    ]
    if checked is None:
        rows.append(("How good", "not measured here: --check tests it on groups it has not seen"))
    else:
        rows.append(("Spearman", _figure(checked["spearman"])))
        rows.append(("Partial", f"{_figure(checked['length_partialled'])}; the number of words partialled out"))
    return "\n".join(row_text(title, value) for title, value in rows)


def _figure(found: Mapping[str, Any]) -> str:
    if found["value"] is None:
        return f"not to be had: {found['reason']}"
    interval = "no interval" if found["low"] is None else f"{found['low']:.2f} to {found['high']:.2f}"
    few = "; few groups, so the interval is likely too narrow" if (found["clusters"] or 99) < 15 else ""
    return f"{found['value']:.2f} ({interval}), {found['n']:,} of {found['offered']:,} arguments{few}"
