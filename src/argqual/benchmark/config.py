"""What a benchmark file says: corpora, splits, strategies, metrics, and the claims they are to test.

Everything that can be found wrong without reading a corpus or asking a model is found here, with file and line.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self, get_args

from pydantic import Field, StringConstraints, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from argqual.corpora.card import Target
from argqual.errors import ArgqualError, BenchmarkError, nearest
from argqual.scale import Part, Text
from argqual.strategies.registry import create, load_class
from argqual.yamlfile import LocatedDict, YamlError, describe_invalid, parse_yaml, place_of, read_yaml

SCHEMA = "argqual/benchmark@1"

SplitName = Literal[
    "in_domain",
    "leave_one_topic_out",
    "leave_one_domain_out",
    "leave_one_type_out",
    "corpus_to_corpus",
    "label_budget",
]
MetricName = Literal[
    "spearman",
    "spearman_beyond_length",
    "kendall",
    "kendall_beyond_length",
    "pearson",
    "pearson_beyond_length",
    "pairwise_accuracy",
    "qwk",
    "alpha",
    "mae",
]
SPLITS: tuple[SplitName, ...] = get_args(SplitName)
METRICS: tuple[MetricName, ...] = get_args(MetricName)
ACROSS_DOMAINS = ("leave_one_domain_out", "corpus_to_corpus", "label_budget")
"""Splits that need two corpora or more."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_+.-]*$", max_length=60)]
Seeds = Annotated[int, Field(ge=1, le=100)]
_FEWEST = 20


class CorpusUse(Part):
    """How a corpus takes part.

    Parameters
    ----------
    sample
        How many of its arguments are tested, and trained on; left out: all of them.
    train_sample
        How many are trained on when that is to be more than are tested.
    genre, construct
        What kind of text it is and what was judged; two corpora that agree in both are nearer to one another than
        two that do not. The card's domain, and the title of its label, when left out.
    """

    sample: Annotated[int, Field(ge=_FEWEST)] | None = None
    train_sample: Annotated[int, Field(ge=_FEWEST)] | None = None
    genre: Text | None = None
    construct_: Annotated[Text | None, Field(alias="construct")] = None

    @model_validator(mode="after")
    def _more_to_train_on(self) -> Self:
        if self.train_sample is not None and (self.sample is None or self.train_sample < self.sample):
            raise PydanticCustomError(
                "train_sample", "is for training on more than 'sample'.", {"at": ("train_sample",)}
            )
        return self


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
    """

    strategy: Name | None = None
    params: dict[str, Any] = Field(default_factory=dict)
    grid: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    seeds: Seeds = 1
    splits: tuple[SplitName, ...] | None = None


class ClaimSaid(Part):
    """A hypothesis, written down before the benchmark runs.

    Parameters
    ----------
    says
        It, in a sentence.
    contrast
        `A - B`, two strategies; or `A` alone, for `kind: gap`, which is then A's own gap.
    kind
        `value`: of the metric on the split. `gap`: of what is lost from in-domain to the split, on the same
        arguments (in-domain minus split).
    direction
        Which way the contrast is expected: `greater` or `less` than nothing, or `equivalent` to nothing.
    smallest
        The smallest effect that would matter, in units of the metric, above 0.
    """

    says: Text
    contrast: Text
    metric: MetricName = "spearman"
    split: SplitName = "leave_one_domain_out"
    kind: Literal["value", "gap"] = "value"
    direction: Literal["greater", "less", "equivalent"] = "greater"
    smallest: Annotated[float, Field(gt=0, allow_inf_nan=False)]

    @property
    def sides(self) -> tuple[str, ...]:
        """The strategies contrasted: two, or one."""
        return tuple(part.strip() for part in self.contrast.split(" - "))


class Benchmark(Part):
    """A benchmark, as its file says it. `argqual benchmark schema` prints the JSON Schema."""

    schema_: Annotated[Literal["argqual/benchmark@1"], Field(alias="schema")]
    id: Name
    title: Text
    description: str = ""
    target: Target = "overall"
    corpora: Annotated[dict[str, CorpusUse], Field(min_length=1)]
    seed: Annotated[int, Field(ge=0)] = 0
    splits: Annotated[tuple[SplitName, ...], Field(min_length=1)] = ("in_domain", "leave_one_domain_out")
    folds: Annotated[int, Field(ge=2, le=50)] = 5
    budgets: tuple[Annotated[int, Field(ge=0)], ...] = ()
    selection: Literal["training_domain", "leave_one_domain_out", "oracle"] = "training_domain"
    models: Annotated[tuple[Text, ...], Field(min_length=1)] = ("local",)
    strategies: Annotated[dict[Name, StrategyUse], Field(min_length=1)]
    baselines: tuple[Name, ...] = ()
    metrics: Annotated[tuple[MetricName, ...], Field(min_length=1)] = ("spearman", "spearman_beyond_length")
    draws: Annotated[int, Field(ge=200, le=100_000)] = 2000
    claims: dict[Name, ClaimSaid] = Field(default_factory=dict)

    @field_validator("corpora", "strategies", mode="before")
    @classmethod
    def _nothing_to_say(cls, uses: object) -> object:
        """`length:` with nothing behind it is a strategy without settings."""
        return {key: {} if use is None else use for key, use in uses.items()} if isinstance(uses, dict) else uses

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        for split in self.splits:
            if split in ACROSS_DOMAINS and len(self.corpora) < 2:
                raise _wrong(f"{split} needs two corpora or more.", "splits")
        if "label_budget" in self.splits and not self.budgets:
            raise _wrong("label_budget needs 'budgets', numbers of labels: [0, 8, 32].", "splits")
        if self.budgets and "label_budget" not in self.splits:
            raise _wrong("is for the split label_budget, which is not among the splits.", "budgets")
        for name, use in self.strategies.items():
            for split in use.splits or ():
                if split not in self.splits:
                    raise _wrong(f"{split} is not among the splits.", "strategies", name, "splits")
        for name in self.baselines:
            self._require(name, "baselines")
        for key, claim in self.claims.items():
            self._check_claim(claim, ("claims", key))
        return self

    def _check_claim(self, claim: ClaimSaid, at: tuple[str, ...]) -> None:
        sides = claim.sides
        if not (len(sides) == 2 or (len(sides) == 1 and claim.kind == "gap")):
            raise _wrong(f"'{claim.contrast}' is no contrast: A - B, with a blank on either side.", *at, "contrast")
        for side in sides:
            self._require(side, *at, "contrast")
            if claim.split not in (self.strategies[side].splits or self.splits):
                raise _wrong(f"{side} is not tested on {claim.split}.", *at, "split")
            if claim.kind == "gap" and "in_domain" not in (self.strategies[side].splits or self.splits):
                raise _wrong(f"a gap needs {side} on in_domain too.", *at, "kind")
        if len(set(sides)) < len(sides):
            raise _wrong("both sides are the same.", *at, "contrast")
        if claim.kind == "gap" and claim.split == "in_domain":
            raise _wrong("a gap is between in_domain and another split.", *at, "split")
        if claim.metric not in self.metrics:
            raise _wrong(f"{claim.metric} is not among the metrics.", *at, "metric")

    def _require(self, strategy: str, *at: str) -> None:
        if strategy not in self.strategies:
            raise _wrong(f"no strategy here is called '{strategy}'. {nearest(strategy, self.strategies)}", *at)

    @cached_property
    def fingerprint(self) -> str:
        """Changes with everything that the file says, claims included."""
        said = self.model_dump(mode="json", by_alias=True)
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]

    def contenders(self) -> tuple[Contender, ...]:
        """Every strategy, once a model where it takes one and does not name it."""
        found = []
        for name, use in self.strategies.items():
            kind = use.strategy or name
            takes = "model" in load_class(kind)._get_param_names() and kind not in _OWN_MODELS
            inner = [f"{key}__model" for key in _prompted_inside(kind, use.params)]
            crossed = ["model"] if takes and "model" not in use.params else inner
            for model in self.models if crossed else (None,):
                params = use.params | (dict.fromkeys(crossed, model) if model else {})
                title = name if model is None or len(self.models) == 1 else f"{name} @ {model}"
                found.append(
                    Contender(title, name, kind, params, use.grid, use.seeds, use.splits or self.splits, model)
                )
        return tuple(found)


_OWN_MODELS = ("embedding", "encoder", "conditioned")  # their `model` is an encoder
_INSIDE: Mapping[str, str] = {"calibrated": "base"}


def _prompted_inside(kind: str, params: Mapping[str, Any]) -> list[str]:
    """The parameters that hold a prompted strategy whose model is not named."""
    key = _INSIDE.get(kind)
    return [key] if key and f"{key}__model" not in params else []


class Contender(NamedTuple):
    """A strategy with its model, as it stands in the tables."""

    title: str
    name: str
    strategy: str
    params: dict[str, Any]
    grid: Mapping[str, tuple[Any, ...]]
    seeds: int
    splits: tuple[SplitName, ...]
    model: str | None

    def build(self, seed: int | None = None, **chosen: Any) -> Any:
        """The unfitted strategy, with parameters chosen from the grid."""
        params = self.params | chosen
        if seed is not None and "seed" in load_class(self.strategy)._get_param_names():
            params = {"seed": seed} | params
        return create(self.strategy, **params)


def _wrong(words: str, *at: str) -> PydanticCustomError:
    return PydanticCustomError("benchmark", "{words}", {"words": words, "at": at})


def load_benchmark(path: str | os.PathLike[str]) -> Benchmark:
    """A benchmark from its file, with what it extends.

    Raises
    ------
    BenchmarkError
        The file is not a valid benchmark; the message names file, line and key.
    """
    file = Path(path)
    if not file.exists():
        raise BenchmarkError(f"There is no file {file}.", hint="Give the path of a benchmark: benchmarks/transfer.yaml")
    try:
        return _built(_extended(read_yaml(file), file, ()), str(file))
    except YamlError as error:
        raise BenchmarkError(error.message, hint=error.hint) from None


def parse_benchmark(text: str, *, name: str = "<text>") -> Benchmark:
    """A benchmark given as YAML text, which extends no other."""
    try:
        return _built(parse_yaml(text, name=name), name)
    except YamlError as error:
        raise BenchmarkError(error.message, hint=error.hint) from None


def benchmark_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a benchmark file."""
    schema = Benchmark.model_json_schema(by_alias=True)
    schema["properties"]["extends"] = {"type": "string", "description": "Another benchmark file, to change."}
    schema["required"] = ["schema"]  # the rest may come from what it extends
    for key in ("corpora", "strategies"):
        said = schema["properties"][key]
        by_pattern = said.get("patternProperties", {})
        by_pattern |= {pattern: {"anyOf": [values, {"type": "null"}]} for pattern, values in by_pattern.items()}
        if isinstance(said.get("additionalProperties"), dict):
            said["additionalProperties"] = {"anyOf": [said["additionalProperties"], {"type": "null"}]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _built(data: LocatedDict, name: str) -> Benchmark:
    try:
        benchmark = Benchmark.model_validate(data)
    except ValidationError as error:
        raise BenchmarkError(describe_invalid(error, data, name)) from None
    problems = [
        f"{place_of(data, ('strategies', key)) or name}: strategies.{key}: {said}"
        for key, use in benchmark.strategies.items()
        if (said := _problem(use.strategy or key, use))
    ]
    if problems:
        raise BenchmarkError("\n".join(problems))
    return benchmark


def _problem(kind: str, use: StrategyUse) -> str | None:
    """What is wrong with a strategy's settings, as far as can be known without a model or a corpus."""
    try:
        accepted = load_class(kind)._get_param_names()
        if use.seeds > 1 and "seed" not in accepted:
            return f"{kind} has no seed, so 'seeds' is 1."
        for key in use.grid:
            if not use.grid[key]:
                return f"grid.{key} has no values."
        first = {key: values[0] for key, values in use.grid.items()}
        strategy = create(kind, **(use.params | first))
        for key, value in strategy.get_params(deep=True).items():
            if key.rpartition("__")[2] == "framework" and isinstance(value, str | Path):
                from argqual.catalogue import load_framework

                load_framework(value)
    except ArgqualError as error:
        return error.message
    return None


def _extended(data: LocatedDict, file: Path, below: tuple[Path, ...]) -> LocatedDict:
    """A file's data laid over what it extends."""
    if "extends" not in data:
        return data
    place, name = data.places["extends"], data.pop("extends")
    if not isinstance(name, str):
        raise BenchmarkError(f"{place}: 'extends' takes the path of one benchmark file.")
    other = (file.parent / name).resolve()
    chain = (*below, file.resolve())
    if other in chain:
        raise BenchmarkError(f"{place}: 'extends' goes in a circle.", hint="Remove one of these 'extends'.")
    if not other.exists():
        raise BenchmarkError(f"{place}: there is no file {name} beside {file.name}.")
    return _laid_over(_extended(read_yaml(other), other, chain), data)


def _laid_over(base: LocatedDict, over: LocatedDict) -> LocatedDict:
    """Mappings key by key; anything else in place of what it changes; null takes an entry out, where it had one."""
    merged = LocatedDict()
    for key in dict.fromkeys([*base, *over]):
        source = over if key in over else base
        value = source[key]
        if key in base and key in over:
            if value is None:
                continue
            if isinstance(base[key], LocatedDict) and isinstance(value, LocatedDict):
                value = _laid_over(base[key], value)
        merged[key] = value
        merged.places[key] = source.places[key]
    return merged


def named_by(titles: Iterable[str], wanted: str) -> list[str]:
    """The titles in tables that stand for a strategy's name: itself, or one a model."""
    return [title for title in titles if title.partition(" @ ")[0] == wanted]
