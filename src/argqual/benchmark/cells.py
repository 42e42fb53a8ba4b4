"""The cells of a benchmark: a strategy, fitted on a fold's training arguments with a seed, predicting its test.

A cell's key is a digest of all that it depends on, and of nothing else: what it is called in the tables, and which
split it belongs to, may change without its being run again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from argqual import __version__
from argqual.benchmark.config import Benchmark, Contender
from argqual.benchmark.data import Data
from argqual.benchmark.splits import Fold
from argqual.benchmark.store import Part
from argqual.strategies.registry import load_class

_FORMAT = 1


@dataclass(frozen=True)
class Cell:
    """Something to run.

    Parameters
    ----------
    asks
        Whether a language model is asked or read.
    """

    key: str
    contender: Contender
    fold: Fold
    seed: int
    asks: bool

    @property
    def name(self) -> str:
        """For people."""
        seed = f", seed {self.seed}" if self.contender.seeds > 1 else ""
        return f"{self.contender.title}: {self.fold.name}{seed}"


def cells_of(benchmark: Benchmark, data: Data, folds: Sequence[Fold]) -> list[tuple[Cell, Part]]:
    """Every strategy on every fold with every seed; several parts of the tables may share a cell.

    A strategy that learns nothing depends on what it is asked only, so that it is asked about a domain once,
    whatever was to be trained on.
    """
    found = []
    texts = [hashlib.sha256(argument.text.encode()).hexdigest() for argument in data.arguments]
    for contender in benchmark.contenders():
        learns = bool(contender.build().learns)
        asks = contender.model is not None
        for fold in folds:
            if fold.split not in contender.splits:
                continue
            for seed in range(contender.seeds):
                depends: dict[str, Any] = {
                    "format": _FORMAT,
                    "argqual": __version__,
                    "strategy": contender.strategy,
                    "class": _class_of(contender.strategy),
                    "params": _plain(contender.params),
                    "frameworks": dict(_frameworks(contender)),
                    "seed": seed,
                    "test": [texts[place] for place in fold.test],
                    "inputs": [_plain(data.arguments[place].inputs()) for place in fold.test],
                }
                if learns or contender.grid:
                    depends |= {
                        "train": [[texts[place], data.labels[place], data.units[place]] for place in fold.train],
                        "groups": [data.groups[place] for place in fold.train],
                        "bounded": {corpus: data.domains[corpus].bounded for corpus in fold.trained_on},
                    }
                if contender.grid:
                    depends |= {"grid": _plain(contender.grid), "selection": benchmark.selection}
                key = hashlib.sha256(json.dumps(depends, sort_keys=True, default=str).encode()).hexdigest()[:32]
                cell = Cell(key, contender, fold, seed, asks)
                found.append((cell, _part(cell, benchmark, data)))
    return found


def _part(cell: Cell, benchmark: Benchmark, data: Data) -> Part:
    fold = cell.fold
    return Part(
        strategy=cell.contender.title,
        kind=cell.contender.strategy,
        model=cell.contender.model,
        fold=fold.name,
        seed=cell.seed,
        cell=cell.key,
        split=fold.split,
        rung=fold.rung,
        trained_on=fold.trained_on,
        tested_on=fold.tested_on,
        budget=fold.budget,
        removed=fold.removed,
        oracle=bool(cell.contender.grid) and benchmark.selection == "oracle",
        test=tuple((data.corpora[place], data.arguments[place].id or "") for place in fold.test),
    )


def _class_of(name: str) -> str:
    """The class behind a name, with the version of the package that brings it."""
    kind = load_class(name)
    return f"{kind.__module__}:{kind.__qualname__}"


def _frameworks(contender: Contender) -> Iterator[tuple[str, str]]:
    """Fingerprints of the frameworks among the parameters, also of strategies within."""
    from argqual.catalogue import load_framework
    from argqual.framework import Framework

    for name, value in contender.build().get_params(deep=True).items():
        if name.rpartition("__")[2] == "framework":
            if isinstance(value, Framework):
                yield name, value.fingerprint
            elif isinstance(value, str | Path):
                yield name, load_framework(value).fingerprint


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))
