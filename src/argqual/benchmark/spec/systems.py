"""The strategies of a benchmark as they stand in its tables: built as its file says, and checked without a model.

What a strategy refuses on its own (a control that does not exist, no examples to show) is asked of it here, without
connecting to a model, so that it is known before anything runs.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self, get_args, get_origin

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic_core import SchemaError

from argqual._registry import existing_file, looks_like_path
from argqual._schema import Part
from argqual.benchmark.spec.vocabulary import Split
from argqual.errors import ArgqualError, nearest
from argqual.models.names import is_embedded
from argqual.strategies.registry import create, load_class

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_+.-]*$", max_length=60)]
Sample = Annotated[int, Field(ge=20)]
Problem = tuple[tuple[str, ...], str]
"""Keys below the strategy's own that lead to what is wrong, and what is."""


class StrategyUse(Part):
    """A strategy of the registry, as it takes part.

    Parameters
    ----------
    strategy
        Its name in the registry; the name it has here when left out.
    params
        Its parameters, as `argqual strategies show` tells them.
    grid
        Parameters to choose from, each with its values; see `selection`.
    seeds
        How many seeds it is fitted with: 0, 1, …
    splits
        Only these; all of the benchmark's when left out.
    train
        At most so many training arguments of each corpus, for a strategy that asks a model about each of them. Labels
        that a label budget adds are not counted.
    """

    strategy: Name | None = None
    params: dict[str, Any] = Field(default_factory=dict)
    grid: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    seeds: Annotated[int, Field(ge=1, le=100)] = 1
    splits: tuple[Split, ...] | None = None
    train: Sample | None = None

    @property
    def first(self) -> dict[str, Any]:
        """The parameters, with the first values of the grid."""
        return self.params | {key: values[0] for key, values in self.grid.items()}

    def on_embedded(self, name: str, model: str) -> Self:
        """The same with this embedded model wherever it names one; `name`: what it is called here."""
        named = {
            slot: model
            for slot in _model_slots(_built(self.strategy or name, self.first))
            if isinstance(self.params.get(slot), str) and is_embedded(self.params[slot])
        }
        return self.model_copy(update={"params": self.params | named})


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
    splits: tuple[Split, ...]
    model: str | None
    train: int | None = None

    def build(self, seed: int | None = None, **chosen: Any) -> Any:
        """The unfitted strategy, with parameters chosen from the grid."""
        params = self.params | chosen
        if seed is not None and "seed" in load_class(self.strategy).parameter_names():
            params = {"seed": seed} | params
        return create(self.strategy, **params)

    def frameworks(self) -> Iterator[tuple[str, Any]]:
        """The frameworks among the parameters, also of strategies within, by the parameter's name."""
        for prefix, part in self.build().parts():
            for name in part.frameworks:
                if (value := getattr(part, name)) is not None:
                    yield f"{prefix}{name}", value


def systems_of(name: str, use: StrategyUse, models: tuple[str, ...], splits: tuple[Split, ...]) -> Iterator[System]:
    """A strategy, once a model where it asks or reads one and does not name it."""
    kind = use.strategy or name
    params = _with_defaults(kind, use.params)
    given = params | use.first
    slots = _model_slots(_built(kind, given))
    left = [slot for slot in slots if slot not in given]
    for model in models if left else (next((str(given[slot]) for slot in slots), None),):
        title = f"{name} @ {model}" if left and len(models) > 1 else name
        own = params | dict.fromkeys(left, model)
        yield System(title, name, kind, own, use.grid, use.seeds, use.splits or splits, model, use.train)


def _with_defaults(kind: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, with the strategies named that it builds on when left alone."""
    return {name: inner for name, inner in load_class(kind).nested.items() if inner} | dict(params)


def _built(kind: str, params: Mapping[str, Any]) -> Any:
    return create(kind, **_with_defaults(kind, params))


def resolved(value: Any, folder: Path) -> Any:
    """The path of a framework or card as seen from the file that names it; anything else as it is."""
    if isinstance(value, str) and looks_like_path(value) and (found := existing_file(value, folder)):
        return str(found.resolve())
    return value


def framework_parameters(name: str, use: StrategyUse) -> set[str]:
    """The parameters that take a framework, those of strategies within too; none of what cannot be set up."""
    kind = use.strategy or name
    try:
        built = _built(kind, use.first)
    except (ArgqualError, IndexError):  # `problems_of` says what is wrong
        return set()
    return {f"{prefix}{parameter}" for prefix, part in built.parts() for parameter in part.frameworks}


def problems_of(name: str, use: StrategyUse) -> Iterator[Problem]:
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
        if not values or key in use.params:
            yield ("grid", key), "is among the parameters too; say one or the other." if values else "has no values."
            return
    wrong = list(_wrong_with(kind, use.first, "params"))
    yield from wrong
    if not wrong and use.train is not None and not _built(kind, use.first).learns:
        yield ("train",), f"{name} learns nothing from labels, so it trains on none."
    for key, values in use.grid.items():
        for value in values[1:]:
            yield from _wrong_with(kind, use.first | {key: value}, "grid", key)


def _wrong_with(kind: str, params: Mapping[str, Any], *at: str) -> Iterator[Problem]:
    """The first thing that keeps a strategy from being set up with some parameters."""
    try:
        built = _built(kind, params)
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
    if isinstance(value, float) and not math.isfinite(value):
        return f"must be a finite number, not {value!r}."
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
