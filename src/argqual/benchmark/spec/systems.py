"""The strategies of a benchmark as they stand in its tables: built as its file says, and checked without a model.

What a strategy refuses on its own (a control that does not exist, no examples to show) is asked of it here, without
connecting to a model, so that it is known before anything runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic_core import SchemaError

from argqual._registry import existing_file, looks_like_path
from argqual.errors import ArgqualError, nearest
from argqual.strategies.registry import create, load_class

Problem = tuple[tuple[str, ...], str]
"""Keys below the strategy's own that lead to what is wrong, and what is."""


class Use(Protocol):
    """How a strategy takes part, as `argqual.benchmark.spec.schema.StrategyUse` says it."""

    @property
    def strategy(self) -> str | None: ...

    @property
    def params(self) -> Mapping[str, Any]: ...

    @property
    def grid(self) -> Mapping[str, tuple[Any, ...]]: ...

    @property
    def seeds(self) -> int: ...

    @property
    def splits(self) -> tuple[str, ...] | None: ...

    @property
    def train(self) -> int | None: ...


class System(NamedTuple):
    """A strategy with its model, as it stands in the tables.

    `model` is the language model it asks or reads, None for one that does neither; `train` the most that it is trained
    on of each corpus.
    """

    title: str
    name: str
    strategy: str
    params: dict[str, Any]
    grid: Mapping[str, tuple[Any, ...]]
    seeds: int
    splits: tuple[str, ...]
    model: str | None
    train: int | None = None

    def build(self, seed: int | None = None, **chosen: Any) -> Any:
        """The unfitted strategy, with parameters chosen from the grid."""
        params = self.params | chosen
        if seed is not None and "seed" in load_class(self.strategy).parameter_names():
            params = {"seed": seed} | params
        return create(self.strategy, **params)


def systems_of(name: str, use: Use, models: tuple[str, ...], splits: tuple[str, ...]) -> Iterator[System]:
    """A strategy, once a model where it asks or reads one and does not name it."""
    kind = use.strategy or name
    params = _with_defaults(kind, use.params)
    given = params | _first(use.grid)
    slots = _model_slots(create(kind, **given))
    left = [slot for slot in slots if slot not in given]
    splits = use.splits or splits
    if not left:
        named = next((str(given[slot]) for slot in slots), None)
        yield System(name, name, kind, params, use.grid, use.seeds, splits, named, use.train)
    for model in models if left else ():
        title = name if len(models) == 1 else f"{name} @ {model}"
        with_model = params | dict.fromkeys(left, model)
        yield System(title, name, kind, with_model, use.grid, use.seeds, splits, model, use.train)


def named_by(titles: Iterable[str], wanted: str) -> list[str]:
    """The titles in tables that stand for a strategy's name: itself, or one a model."""
    return [title for title in titles if title.partition(" @ ")[0] == wanted]


def _with_defaults(kind: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, with the strategies named that it builds on when left alone."""
    return {name: inner for name, inner in load_class(kind).nested.items() if inner} | dict(params)


def resolved(value: Any, folder: Path) -> Any:
    """A framework's path as seen from the file that names it; anything else as it is."""
    if isinstance(value, str) and looks_like_path(value) and (found := existing_file(value, folder)):
        return str(found.resolve())
    return value


def framework_parameters(name: str, use: Use) -> set[str]:
    """The parameters that take a framework, those of strategies within too; none of what cannot be set up."""
    kind = use.strategy or name
    try:
        built = create(kind, **_with_defaults(kind, {**use.params, **_first(use.grid)}))
    except (ArgqualError, IndexError):  # `problems_of` says what is wrong
        return set()
    return {f"{prefix}{parameter}" for prefix, part in built.parts() for parameter in part.frameworks}


def problems_of(name: str, use: Use) -> Iterator[Problem]:
    """What is wrong with a strategy's settings, as far as can be known without a model or a corpus."""
    kind = use.strategy or name
    try:
        accepted = load_class(kind).parameter_names()
    except ArgqualError as error:
        yield ("strategy",), error.message
        return
    if use.seeds > 1 and "seed" not in accepted:
        yield ("seeds",), f"{kind} has no seed, so nothing would change from one to the next."
    elif use.seeds > 1 and "seed" in use.params.keys() | use.grid.keys():
        yield ("seeds",), "the seed is among the parameters too; say one or the other."
    for key, values in use.grid.items():
        if not values:
            yield ("grid", key), "has no values."
            return
        if key in use.params:
            yield ("grid", key), "is among the parameters too; say one or the other."
            return
    first = _first(use.grid)
    wrong = list(_wrong_with(kind, {**use.params, **first}, "params"))
    yield from wrong
    if not wrong and use.train is not None and not create(kind, **_with_defaults(kind, {**use.params, **first})).learns:
        yield ("train",), f"{name} learns nothing from labels, so it trains on none."
    for key, values in use.grid.items():
        for value in values[1:]:
            yield from _wrong_with(kind, {**use.params, **first} | {key: value}, "grid", key)


def _first(grid: Mapping[str, tuple[Any, ...]]) -> dict[str, Any]:
    return {key: values[0] for key, values in grid.items()}


def _wrong_with(kind: str, params: Mapping[str, Any], *at: str) -> Iterator[Problem]:
    """The first thing that keeps a strategy from being set up with some parameters."""
    try:
        built = create(kind, **_with_defaults(kind, params))
        for key, value in params.items():
            if said := _misfit(built, key, value):
                yield (*at, key) if len(at) == 1 else at, said
                return
        built.check(connect=False)
    except ArgqualError as error:
        yield at, error.message
    except (TypeError, ValueError) as error:
        yield at, f"{kind} cannot be set up with these: {error}."


def _model_slots(built: Any) -> list[str]:
    """The parameters that take a language model, but for those left to the strategy itself."""
    return [
        f"{prefix}{slot}" for prefix, part in built.parts() for slot in part.models if getattr(part, slot) is not None
    ]


def _misfit(built: Any, key: str, value: Any) -> str | None:
    """What is wrong with the kind of a parameter's value; None where nothing is, or where any value may do."""
    prefix, _, own = key.rpartition("__")
    part = dict(built.parts()).get(f"{prefix}__" if prefix else "")
    if part is None or own in part.nested:
        return None
    wanted = Any
    try:
        wanted = part.parameter_types().get(own, Any)
        # YAML knows lists only, where a strategy may want a tuple; "4" is no number, though.
        strict = not isinstance(value, list | dict)
        TypeAdapter(wanted, config=ConfigDict(arbitrary_types_allowed=True)).validate_python(value, strict=strict)
    except (NameError, TypeError, PydanticUserError, SchemaError):  # a type that only type checkers know
        return None
    except ValidationError as error:
        if (words := _words(wanted)) and isinstance(value, str):
            return f"'{value}' is not one of its values. {nearest(value, words)}"
        return str(error.errors()[0]["msg"]).replace("Input should be", "must be") + f", not {value!r}."
    return None


def _words(hint: Any) -> list[str]:
    """The words that a type allows, where it lists any."""
    if get_origin(hint) is Literal:
        return [each for each in get_args(hint) if isinstance(each, str)]
    return [word for each in get_args(hint) for word in _words(each)]
