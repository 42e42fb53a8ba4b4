"""The cells of a benchmark: a strategy, fitted on a fold's training arguments with a seed, predicting its test.

A cell's key is a digest of all that it depends on, and of nothing else: what it is called in the tables, and which
split it belongs to, may change without its being run again.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from argqual import __version__
from argqual.argument import Argument
from argqual.benchmark.running.data import Data
from argqual.benchmark.running.origins import packages_of, reader_packages
from argqual.benchmark.running.perturbations import perturbed
from argqual.benchmark.running.scored import Placement
from argqual.benchmark.running.splits import Fold
from argqual.benchmark.spec.schema import Benchmark
from argqual.benchmark.spec.systems import System
from argqual.benchmark.spec.vocabulary import Perturbation
from argqual.frameworks.catalogue import load_framework
from argqual.strategies.registry import load_class

_FORMAT = 1


@dataclass(frozen=True)
class Cell:
    """Something to run; whether it `asks` or reads a language model, and what is done to the tested texts first."""

    key: str
    system: System
    fold: Fold
    seed: int
    asks: bool
    perturbation: Perturbation | None = None

    @property
    def name(self) -> str:
        seed = f", seed {self.seed}" if self.system.seeds > 1 else ""
        changed = f", {self.perturbation}" if self.perturbation else ""
        return f"{self.system.title}: {self.fold.name}{changed}{seed}"


def tested(fold: Fold, perturbation: Perturbation | None, data: Data) -> list[Argument]:
    """A fold's test, with its texts perturbed where that is wanted."""
    arguments = [data.arguments[place] for place in fold.test]
    return [perturbed(argument, perturbation) for argument in arguments] if perturbation else arguments


def cells_of(benchmark: Benchmark, data: Data, folds: Sequence[Fold]) -> list[tuple[Cell, Placement]]:
    """Every strategy on every fold with every seed; several parts of the tables may share a cell.

    A strategy that learns nothing depends on what it is asked only, so that it is asked about a domain once,
    whatever was to be trained on.
    """
    found = []
    texts = [_digest(argument.text) for argument in data.arguments]
    readers = reader_packages(benchmark)
    for system in benchmark.systems():
        learns, packages = bool(system.build().learns), packages_of(system)
        asks, kind = system.model is not None, load_class(system.strategy)
        own = [_limited(fold, system.train, data) for fold in folds if fold.split in system.splits]
        for fold, perturbation in (*((fold, None) for fold in own), *_perturbed(benchmark, data, system, own)):
            arguments = tested(fold, perturbation, data)
            for seed in range(system.seeds):
                depends: dict[str, Any] = {
                    "format": _FORMAT,
                    "argqual": __version__,
                    "strategy": system.strategy,
                    "class": f"{kind.__module__}:{kind.__qualname__}",
                    "params": _plain(system.params),
                    "frameworks": {name: load_framework(each).fingerprint for name, each in system.frameworks()},
                    "seed": seed,
                    "test": [_digest(argument.text) for argument in arguments],
                    "inputs": [_plain(argument.inputs()) for argument in arguments],
                }
                if learns or system.grid:
                    depends |= {
                        "train": [[texts[place], data.labels[place], data.units[place]] for place in fold.train],
                        "groups": [data.groups[place] for place in fold.train],
                        "bounded": {corpus: data.domains[corpus].bounded for corpus in fold.trained_on},
                    }
                read_by = dict(item for corpus in _corpora_of(fold, data) for item in readers.get(corpus, {}).items())
                if brought := packages | read_by:
                    depends["packages"] = brought
                if system.grid:
                    depends |= {"grid": _plain(system.grid), "selection": benchmark.selection}
                key = hashlib.sha256(json.dumps(depends, sort_keys=True, default=str).encode()).hexdigest()[:32]
                cell = Cell(key, system, fold, seed, asks, perturbation)
                found.append((cell, _part(cell, benchmark, data)))
    return found


def _corpora_of(fold: Fold, data: Data) -> set[str]:
    """The corpora that a fold trains on and tests."""
    return {data.corpora[place] for place in (*fold.train, *fold.test)}


def _limited(fold: Fold, most: int | None, data: Data) -> Fold:
    """A fold with at most so many training arguments of each corpus, the first of those drawn."""
    if most is None:
        return fold
    first = {place for corpus in data.domains for place in data.places_of(corpus)[:most]}
    budgeted = fold.tested_on if fold.budget is not None else None
    kept = (place for place in fold.train if place in first or data.corpora[place] == budgeted)
    return replace(fold, train=tuple(kept))


def _perturbed(
    benchmark: Benchmark, data: Data, system: System, folds: Sequence[Fold]
) -> Iterator[tuple[Fold, Perturbation]]:
    """Out of domain, the folds whose test is the first arguments of each corpus, once a perturbation."""
    wanted = benchmark.perturbed
    if wanted is None or (wanted.strategies and system.name not in wanted.strategies):
        return
    testable = ([place for place in data.places_of(corpus) if data.tested[place]] for corpus in data.domains)
    first = {place for places in testable for place in places[: wanted.arguments]}
    for fold in folds:
        test = tuple(place for place in fold.test if place in first)
        if fold.split == benchmark.out_of_domain and test:
            yield from ((replace(fold, test=test), kind) for kind in wanted.kinds)


def _part(cell: Cell, benchmark: Benchmark, data: Data) -> Placement:
    fold = cell.fold
    return Placement(
        strategy=cell.system.title,
        kind=cell.system.strategy,
        model=cell.system.model,
        fold=f"{fold.name}, {cell.perturbation}" if cell.perturbation else fold.name,
        seed=cell.seed,
        cell=cell.key,
        split=fold.split,
        rung=fold.rung,
        trained_on=fold.trained_on,
        tested_on=fold.tested_on,
        budget=fold.budget,
        removed=fold.removed,
        oracle=bool(cell.system.grid) and benchmark.selection == "oracle",
        test=tuple(map(data.key, fold.test)),
        perturbation=cell.perturbation,
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))
