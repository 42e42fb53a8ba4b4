"""Read a benchmark's file, with what it extends, and say precisely what is wrong with it.

Everything that can be found wrong without reading a corpus or asking a model is found here, with file and line.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from argqual._schema import extending
from argqual._yaml import LocatedDict, YamlError, describe_invalid, place_of, read_yaml
from argqual.benchmark.spec.schema import Benchmark
from argqual.benchmark.spec.systems import Problem, StrategyUse, framework_parameters, problems_of, resolved
from argqual.corpora.card import Target
from argqual.errors import ArgqualError, BenchmarkError


def load_benchmark(path: str | os.PathLike[str]) -> Benchmark:
    """A benchmark from its file, with what it extends.

    Raises a `BenchmarkError` where it is not a valid one; the message names file, line and key.
    """
    file = Path(path)
    if not file.exists():
        raise BenchmarkError(f"There is no file {file}.", hint="Give the path of a benchmark: benchmarks/transfer.yaml")
    try:
        return _built(_extended(read_yaml(file), file), str(file))
    except YamlError as error:
        raise BenchmarkError(error.message, hint=error.hint) from None


def benchmark_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a benchmark file."""
    schema = Benchmark.model_json_schema(by_alias=True)
    keys = schema["properties"]
    for entries, part in (("corpora", "CorpusUse"), ("strategies", "StrategyUse"), ("claims", "ClaimSaid")):
        # null: no settings, or not what is extended says
        entry = {"anyOf": [{"$ref": f"#/$defs/{part}"}, {"type": "null"}]}
        if patterns := keys[entries].get("patternProperties"):
            keys[entries] |= {"patternProperties": dict.fromkeys(patterns, entry), "additionalProperties": False}
        else:
            keys[entries]["additionalProperties"] = entry
    return extending(schema, "Another benchmark file, to change.")


def _built(data: LocatedDict, name: str) -> Benchmark:
    try:
        benchmark = Benchmark.model_validate(data)
    except ValidationError as error:
        raise BenchmarkError(describe_invalid(error, data, name)) from None
    cards: dict[str, str] = {key: resolved(key, _folder(data, "corpora", key)) for key in benchmark.corpora}
    problems = list(_corpora_problems(cards, benchmark.target))
    benchmark = _with_paths(benchmark, cards, data)
    for key, use in benchmark.strategies.items():
        problems += [(("strategies", key, *at), said) for at, said in problems_of(key, use)]
    if problems:
        lines = [f"{place_of(data, path) or name}: {'.'.join(path)}: {said}" for path, said in problems]
        raise BenchmarkError("\n".join(lines))
    return benchmark


def _folder(data: LocatedDict, *path: str) -> Path:
    """Where the file lies that says something, which may be one that is extended."""
    return Path((place_of(data, path) or "").rpartition(":")[0]).parent


def _with_paths(benchmark: Benchmark, cards: Mapping[str, str], data: LocatedDict) -> Benchmark:
    """With the paths of cards and frameworks as seen from the file that names them."""

    def settled(key: str, use: StrategyUse) -> StrategyUse:
        params, grid = dict(use.params), dict(use.grid)
        taking = framework_parameters(key, use)
        for each in taking & params.keys():
            params[each] = resolved(params[each], _folder(data, "strategies", key, "params", each))
        for each in taking & grid.keys():
            place = _folder(data, "strategies", key, "grid", each)
            grid[each] = tuple(resolved(value, place) for value in grid[each])
        return use.model_copy(update={"params": params, "grid": grid})

    corpora = {cards[key]: use for key, use in benchmark.corpora.items()}
    strategies = {key: settled(key, use) for key, use in benchmark.strategies.items()}
    found = benchmark.model_copy(update={"corpora": corpora, "strategies": strategies})
    vars(found)["fingerprint"] = benchmark.fingerprint  # of what is written, wherever the files lie
    return found


def _corpora_problems(cards: Mapping[str, str], wanted: Target) -> Iterator[Problem]:
    """What is wrong with each corpus, as its card says (`cards`: where it is); none is read."""
    from argqual.corpora.cards import load_card

    seen: dict[str, str] = {}
    for key, source in cards.items():
        at = ("corpora", key)
        try:
            card, _ = load_card(source)
        except ArgqualError as error:
            yield at, error.message
            continue
        target = card.targets.get(wanted)
        own = [name for name, each in card.targets.items() if not each.proxy]
        if seen.setdefault(card.id, key) != key:
            yield at, f"{card.id} stands here twice."
        elif card.reader is None:
            yield at, "the corpus is described, but argqual has no reader for it."
        elif target is None or target.proxy:
            akin = "; what it has is only akin to it" if target else ""
            yield at, f"has no labels for '{wanted}'{akin}. Its targets: {', '.join(own) or 'none'}."


def _extended(data: LocatedDict, file: Path, below: tuple[Path, ...] = ()) -> LocatedDict:
    """A file's data laid over what it extends, each value with the place where it stands.

    Raises a `BenchmarkError` where what it extends is not there, extends it in turn, or has the same id (their runs
    would be one file), and a `YamlError` where that is no YAML.
    """
    if "extends" not in data:
        return data
    place, name = data.places["extends"], data.pop("extends")
    if not isinstance(name, str):
        raise BenchmarkError(f"{place}: 'extends' takes the path of one benchmark file.")
    other = (file.parent / name).resolve()
    chain = (*below, file.resolve())
    if other in chain:
        raise BenchmarkError(f"{place}: 'extends' goes in a circle.", hint="Remove one of these 'extends'.")
    if not other.is_file():
        raise BenchmarkError(f"{place}: there is no file {name} beside {file.name}.")
    base = _extended(read_yaml(other), other, chain)
    if data.get("id", base.get("id")) == base.get("id"):
        said = "a benchmark that extends another needs an 'id' of its own, since its run has a file of its own."
        raise BenchmarkError(f"{place}: {said}")
    return _laid_over(base, data)


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
