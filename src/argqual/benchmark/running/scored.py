"""Predictions of a run as they are compared: pooled over the folds of a split, in the run's order of arguments."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np

from argqual.assessment import Usage
from argqual.benchmark.spec.vocabulary import CellStatus, Perturbation, Rung, Split, Unrated
from argqual.stats.resampling import Array

Key = tuple[str, str]
"""Corpus and id of an argument."""
ORDER = "order: "
"""Before the name of what the order of two does, where a criterion's id would stand; ids have no blanks."""


@dataclass(frozen=True)
class ArgumentRow:
    """An argument as a run knows it."""

    corpus: str
    id: str
    topic: str
    unit: str
    type: str | None
    stance: str | None
    label: float
    words: float
    tested: bool

    @property
    def key(self) -> Key:
        return self.corpus, self.id


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A strategy, trained on something with a seed and tested on something, perhaps with its texts perturbed."""

    strategy: str
    kind: str
    model: str | None
    seed: int
    split: Split
    rung: Rung
    trained_on: tuple[str, ...]
    tested_on: str
    budget: int | None
    oracle: bool
    perturbation: Perturbation | None = None


@dataclass(frozen=True, kw_only=True)
class Placement(Trial):
    """Where a cell stands in the tables: by its fold, with the ids tested, by corpus, and how many were `removed`."""

    fold: str
    cell: str
    removed: int
    test: tuple[Key, ...]


@dataclass(frozen=True, kw_only=True)
class Scored(Trial):
    """One strategy's predictions under one split on one tested domain, pooled over its folds.

    Arguments stand in the run's order, and are the same for every strategy: a cell that failed leaves gaps.

    `units` are what labels and predictions are comparable within: the labels' own unit and, where a strategy was fitted
    fold by fold, the fold. Pooled over folds, a prediction that is high because much was learnt from high labels would
    count against a strategy. `statuses`: `ok`; `abstained`, `skipped`, `unreadable`, `failed` as its rating has it;
    `missing` where there is no rating; `cell failed` or `not run` for all of a cell.
    """

    corpora: tuple[str, ...]
    ids: tuple[str, ...]
    predicted: Array
    labels: Array
    words: Array
    clusters: tuple[str, ...]
    units: tuple[str, ...]
    statuses: tuple[str, ...]
    levels: int | None  # steps of the labels' scale; None where it has none
    on_scale: bool
    ratings: Mapping[str, Array]  # criterion to qualities, 0 to 1, NaN where there is none
    usage: Usage
    fit_seconds: float
    labels_seen: int
    order: Mapping[str, Array] = field(default_factory=dict)  # as `Predictions` have it; empty: nothing was compared

    @cached_property
    def keys(self) -> tuple[Key, ...]:
        return tuple(zip(self.corpora, self.ids, strict=True))


Kept = tuple[CellStatus, Mapping[str, Any]]
"""What became of a cell, and what is kept of it besides its predictions."""
Prediction = tuple[Key, float | None, str, Mapping[str, float | None]]
"""An argument, its prediction, how that ended, and what was noted: ratings of criteria, 0 to 1, and, behind `ORDER`,
what the order of two does."""


def scored_of(
    placements: Iterable[Placement],
    rows: Mapping[Key, ArgumentRow],
    domains: Mapping[str, Mapping[str, Any]],
    cells: Mapping[str, Kept],
    predictions: Callable[[str], Iterable[Prediction]],
) -> Iterator[Scored]:
    """Predictions pooled over folds, in the order in which strategies and splits first occur.

    `rows` are all arguments, in the run's order; `domains` what a run says of each corpus; `predictions` gives those of
    a cell by its key.
    """
    order = {key: place for place, key in enumerate(rows)}
    pooled: dict[tuple[Any, ...], list[Placement]] = defaultdict(list)
    for each in placements:
        source = each.trained_on if each.split == Split.CORPUS_TO_CORPUS else ()
        place = (each.strategy, each.split, each.tested_on, each.budget, each.seed, source, each.perturbation)
        pooled[place].append(each)
    for folds in pooled.values():
        tested = sorted({key for fold in folds for key in fold.test}, key=order.__getitem__)
        yield _pooled(folds, [rows[key] for key in tested], domains, cells, predictions)


def _pooled(
    folds: Sequence[Placement],
    rows: Sequence[ArgumentRow],
    domains: Mapping[str, Mapping[str, Any]],
    cells: Mapping[str, Kept],
    predictions: Callable[[str], Iterable[Prediction]],
) -> Scored:
    first, corpora = folds[0], {row.corpus for row in rows}
    fold_of = {key: fold.fold for fold in folds for key in fold.test}
    statuses: dict[Key, str] = dict.fromkeys(fold_of, Unrated.NOT_RUN)
    values: dict[Key, float | None] = {}
    noted: dict[str, dict[Key, float | None]] = defaultdict(dict)
    done = []
    for fold in folds:
        status, content = cells.get(fold.cell, (CellStatus.LEFT, {}))
        if status == CellStatus.FAILED:
            statuses |= dict.fromkeys(fold.test, Unrated.CELL_FAILED)
        if status != CellStatus.DONE:
            continue
        done.append(content)
        for key, value, statuses[key], own in predictions(fold.cell):
            values[key] = value
            for name, quality in own.items():
                noted[name][key] = quality

    def column(known: Mapping[Key, float | None]) -> Array:
        return np.array([known.get(row.key) for row in rows], dtype=float)  # None becomes NaN

    columns = {name: column(known) for name, known in noted.items()}
    domain = domains.get(rows[0].corpus, {}) if len(corpora) == 1 else {}
    seen = [content["seen"] or {} for content in done]
    usages = [Usage(**(content["usage"] or {})) for content in done]
    common = {each.name: getattr(first, each.name) for each in fields(Trial)}
    trained_on = tuple(dict.fromkeys(corpus for fold in folds for corpus in fold.trained_on))
    return Scored(
        **(common | {"trained_on": trained_on}),
        corpora=tuple(row.corpus for row in rows),
        ids=tuple(row.id for row in rows),
        predicted=column(values),
        labels=np.array([row.label for row in rows]),
        words=np.array([row.words for row in rows]),
        clusters=tuple(row.topic for row in rows),
        units=tuple(f"{row.unit} | {fold_of[row.key]}" if len(folds) > 1 else row.unit for row in rows),
        statuses=tuple(statuses[row.key] for row in rows),
        levels=domain.get("levels"),
        on_scale=bool(domain.get("bounded")) and all(content["on_scale"] for content in done),
        ratings={name: own for name, own in columns.items() if not name.startswith(ORDER)},
        # What asks no model takes its time too.
        usage=Usage.total(usages).model_copy(update={"seconds": sum(usage.seconds for usage in usages)}),
        fit_seconds=sum(float(each.get("seconds", 0.0)) for each in seen),
        labels_seen=max((int(each.get("labels", 0)) for each in seen), default=0),
        order={name.removeprefix(ORDER): own for name, own in columns.items() if name.startswith(ORDER)},
    )
