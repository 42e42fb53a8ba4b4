"""A run: the SQLite file of what a benchmark did, from which every figure is computed anew.

Cells are kept under all that they depend on, so a cell that is there is never run again, and one whose strategy,
training or test has changed is another cell. A cell is written in one transaction: a run that is killed loses what
was under way. No text of a corpus is in it: arguments are ids, labels, lengths and topics.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from argqual.assessment import Usage
from argqual.corpora.corpus import MinimalPair
from argqual.errors import BenchmarkError

Array = npt.NDArray[np.float64]
_VERSION = 1
_TABLES = """
CREATE TABLE fact (name TEXT PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE claim (id TEXT PRIMARY KEY, content TEXT NOT NULL, exploratory INTEGER NOT NULL);
CREATE TABLE argument (
    corpus TEXT, id TEXT, place INTEGER NOT NULL, topic TEXT NOT NULL, unit TEXT NOT NULL, type TEXT, stance TEXT,
    label REAL NOT NULL, words REAL NOT NULL, tested INTEGER NOT NULL, PRIMARY KEY (corpus, id)
);
CREATE TABLE cell (
    key TEXT PRIMARY KEY, status TEXT NOT NULL, reason TEXT, finished TEXT NOT NULL, content TEXT NOT NULL
);
CREATE TABLE prediction (
    cell TEXT, corpus TEXT, id TEXT, value REAL, status TEXT NOT NULL, reason TEXT, ratings TEXT,
    PRIMARY KEY (cell, corpus, id)
) WITHOUT ROWID;
CREATE TABLE part (
    strategy TEXT, fold TEXT, seed INTEGER, cell TEXT NOT NULL, content TEXT NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (strategy, fold, seed)
);
"""


@dataclass(frozen=True)
class Row:
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


@dataclass(frozen=True)
class Part:
    """Where a cell stands in the tables: a strategy's fold with a seed.

    `split`, `rung`, `trained_on`, `tested_on`, `budget`, `removed` are the fold's; `test` the ids, by corpus;
    `perturbation` what was done to the tested texts.
    """

    strategy: str
    kind: str
    model: str | None
    fold: str
    seed: int
    cell: str
    split: str
    rung: str
    trained_on: tuple[str, ...]
    tested_on: str
    budget: int | None
    removed: int
    oracle: bool
    test: tuple[tuple[str, str], ...]
    perturbation: str | None = None


@dataclass(frozen=True)
class Done:
    """What became of a cell.

    Parameters
    ----------
    values
        A prediction for each tested argument, in their order; NaN where there is none, with status and reason.
    on_scale
        Whether predictions are from 0 to 1 on the labels' scale, not only in order.
    ratings
        For each argument its criteria's qualities, 0 to 1; empty where there are none.
    seen
        Labels, examples, chosen parameters, usage and seconds of fitting.
    usage
        What predicting took, when it was asked first.
    """

    status: str
    reason: str | None = None
    values: tuple[float, ...] = ()
    statuses: tuple[str, ...] = ()
    reasons: tuple[str | None, ...] = ()
    ratings: tuple[Mapping[str, float | None], ...] = ()
    on_scale: bool = False
    seconds: float = 0.0
    seen: Mapping[str, Any] | None = None
    usage: Mapping[str, Any] | None = None


ORDER = "order: "
"""Before the name of what the order of two does, where a criterion's id would stand; ids have no blanks."""


@dataclass(frozen=True)
class Scored:
    """One strategy's predictions under one split on one tested domain, pooled over its folds.

    Arguments stand in the run's order, and are the same for every strategy: a cell that failed leaves gaps.

    Parameters
    ----------
    units
        What labels and predictions are comparable within: the labels' own unit and, where a strategy was fitted
        fold by fold, the fold. Pooled over folds, a prediction that is high because much was learnt from high labels
        would count against a strategy.
    statuses
        `ok`; `abstained`, `skipped`, `unreadable`, `failed` as its rating has it; `missing` where there is no rating;
        `cell failed` or `not run` for all of a cell.
    levels
        Steps of the labels' scale; None where it has none.
    ratings
        Criterion to qualities, 0 to 1, NaN where there is none.
    order
        As `argqual.strategies.base.Predictions` has it; empty where nothing was compared.
    """

    strategy: str
    kind: str
    split: str
    rung: str
    trained_on: tuple[str, ...]
    tested_on: str
    budget: int | None
    seed: int
    model: str | None
    oracle: bool
    corpora: tuple[str, ...]
    ids: tuple[str, ...]
    predicted: Array
    labels: Array
    words: Array
    clusters: tuple[str, ...]
    units: tuple[str, ...]
    statuses: tuple[str, ...]
    levels: int | None
    on_scale: bool
    ratings: Mapping[str, Array]
    usage: Usage
    fit_seconds: float
    labels_seen: int
    perturbation: str | None = None
    order: Mapping[str, Array] = field(default_factory=dict)


class Run:
    """A run's file.

    Raises
    ------
    BenchmarkError
        It is not a run, or of a later version.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path = path
        if not create and not path.exists():
            raise BenchmarkError(f"There is no run {path}.", hint="Run it first: argqual benchmark run BENCHMARK.yaml")
        try:
            self._connection = sqlite3.connect(path, timeout=60, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._set_up()
        except sqlite3.DatabaseError as error:
            raise BenchmarkError(f"{path} is no run of a benchmark ({error}).") from None

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    # What is to be run.

    def begin(
        self,
        facts: Mapping[str, Any],
        claims: Mapping[str, Any],
        rows: Sequence[Row],
        parts: Sequence[Part],
    ) -> None:
        """Take up a benchmark as it is now; cells that are done stay done.

        What a claim says is fixed when the first cell is done: one that is added or changed later is exploratory.
        """
        with self._transaction() as sql:
            begun = sql.execute("SELECT count(*) FROM cell").fetchone()[0] > 0
            known = {id: (content, late) for id, content, late in sql.execute("SELECT * FROM claim")}
            sql.execute("DELETE FROM claim")
            for id, content in claims.items():
                said = _json(content)
                before, late = known.get(id, (None, begun))
                sql.execute("INSERT INTO claim VALUES (?, ?, ?)", (id, said, bool(late or (begun and said != before))))
            if not begun:
                sql.execute("INSERT OR REPLACE INTO fact VALUES ('first', ?)", (_json(facts),))
            sql.execute("INSERT OR REPLACE INTO fact VALUES ('now', ?)", (_json(facts),))
            sql.execute("DELETE FROM argument")
            sql.executemany(
                "INSERT INTO argument VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        row.corpus,
                        row.id,
                        place,
                        row.topic,
                        row.unit,
                        row.type,
                        row.stance,
                        row.label,
                        row.words,
                        row.tested,
                    )
                    for place, row in enumerate(rows)
                ],
            )
            sql.execute("DELETE FROM part")
            sql.executemany(
                "INSERT INTO part VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (part.strategy, part.fold, part.seed, part.cell, _json(vars(part)), number)
                    for number, part in enumerate(parts)
                ],
            )

    def done(self) -> dict[str, str]:
        """The cells that there are, and their status: `done` or `failed`."""
        return dict(self._connection.execute("SELECT key, status FROM cell"))

    def keep(self, key: str, test: Sequence[tuple[str, str]], done: Done) -> None:
        """Write a cell, all of it or nothing."""
        content = {"seconds": done.seconds, "seen": done.seen, "usage": done.usage, "on_scale": done.on_scale}
        with self._transaction() as sql:
            sql.execute("DELETE FROM prediction WHERE cell = ?", (key,))
            sql.execute(
                "INSERT OR REPLACE INTO cell VALUES (?, ?, ?, ?, ?)",
                (key, done.status, done.reason, datetime.now(UTC).isoformat(timespec="seconds"), _json(content)),
            )
            if done.status == "done":
                ratings = done.ratings or ({},) * len(test)
                sql.executemany(
                    "INSERT INTO prediction VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [
                        (key, *place, value if math.isfinite(value) else None, *said, _json(own) if own else None)
                        for place, value, own, *said in zip(
                            test, done.values, ratings, done.statuses, done.reasons, strict=True
                        )
                    ],
                )

    def forget_failures(self) -> int:
        """Drop the cells that failed, so that they are run again; how many."""
        with self._transaction() as sql:
            return sql.execute("DELETE FROM cell WHERE status = 'failed'").rowcount

    # What has been run.

    def facts(self, which: str = "now") -> dict[str, Any]:
        """What was said of the benchmark when it was taken up: last (`now`), or before the first cell (`first`)."""
        found = self._connection.execute("SELECT content FROM fact WHERE name = ?", (which,)).fetchone()
        if found is None:
            raise BenchmarkError(f"{self.path}: the run has not begun.", hint="argqual benchmark run BENCHMARK.yaml")
        return json.loads(found[0])  # type: ignore[no-any-return]

    def twins(self) -> dict[tuple[str, str], MinimalPair]:
        """Which version of its family an argument is, by corpus and id, for corpora that were written so."""
        return {
            (corpus, id): MinimalPair(family, broken, bool(polished))
            for corpus, id, family, broken, polished in self.facts().get("twins", ())
        }

    def claims(self) -> dict[str, tuple[dict[str, Any], bool]]:
        """Each claim, and whether it is exploratory."""
        rows = self._connection.execute("SELECT id, content, exploratory FROM claim")
        return {id: (json.loads(content), bool(late)) for id, content, late in rows}

    def rows(self) -> list[Row]:
        """The arguments, in the run's order."""
        found = self._connection.execute(
            "SELECT corpus, id, topic, unit, type, stance, label, words, tested FROM argument ORDER BY place"
        )
        return [Row(*values) for values in found]

    def parts(self) -> list[Part]:
        """What the benchmark consists of, in the order of its strategies and folds."""
        found = []
        for (content,) in self._connection.execute("SELECT content FROM part ORDER BY number"):
            said = json.loads(content)
            said["trained_on"] = tuple(said["trained_on"])
            said["test"] = tuple((corpus, id) for corpus, id in said["test"])
            found.append(Part(**said))
        return found

    def failures(self) -> dict[str, str]:
        """Cells that failed, and why."""
        return dict(self._connection.execute("SELECT key, reason FROM cell WHERE status = 'failed'"))

    def finished(self) -> str | None:
        """When the last cell was written."""
        return self._connection.execute("SELECT max(finished) FROM cell").fetchone()[0]  # type: ignore[no-any-return]

    def scored(self, *, perturbed: bool = False) -> Iterator[Scored]:
        """All predictions of the texts as they are, or as they are perturbed, pooled over folds, in the run's order."""
        rows = {(row.corpus, row.id): row for row in self.rows()}
        order = {key: place for place, key in enumerate(rows)}
        levels = {domain["id"]: domain["levels"] for domain in self.facts()["domains"]}
        bounded = {domain["id"]: domain["bounded"] for domain in self.facts()["domains"]}
        pooled: dict[tuple[Any, ...], list[Part]] = defaultdict(list)
        sources: dict[tuple[Any, ...], dict[str, None]] = defaultdict(dict)
        for part in self.parts():
            if perturbed != (part.perturbation is not None):
                continue
            away = part.trained_on if part.split == "corpus_to_corpus" else ()
            key = (part.strategy, part.split, part.tested_on, part.budget, part.seed, away, part.perturbation)
            pooled[key].append(part)
            sources[key].update(dict.fromkeys(part.trained_on))
        cells = {key: (status, json.loads(content)) for key, status, content in self._cells()}
        for pool, parts in pooled.items():
            tested = sorted({each for part in parts for each in part.test}, key=order.__getitem__)
            own = [rows[each] for each in tested]
            first, statuses = parts[0], dict.fromkeys(tested, "not run")
            fold_of = {each: part.fold for part in parts for each in part.test}
            values: dict[tuple[str, str], float] = {}
            ratings: dict[str, dict[tuple[str, str], float]] = defaultdict(dict)
            usages, on_scale = [], bounded.get(own[0].corpus, False)
            for part in parts:
                status, content = cells.get(part.cell, ("not run", {}))
                if status != "done":
                    statuses |= dict.fromkeys(part.test, "cell failed" if status == "failed" else status)
                    continue
                on_scale &= bool(content["on_scale"])
                usages.append(content)
                for each, value, own_status, said in self._predictions(part.cell):
                    statuses[each] = own_status
                    values[each] = math.nan if value is None else value
                    for criterion, quality in (json.loads(said) if said else {}).items():
                        ratings[criterion][each] = math.nan if quality is None else quality
            seen = [content["seen"] or {} for content in usages]
            noted = {name: np.array([found.get(each, math.nan) for each in tested]) for name, found in ratings.items()}
            of_order = {each.removeprefix(ORDER): noted.pop(each) for each in list(noted) if each.startswith(ORDER)}
            yield Scored(
                strategy=first.strategy,
                kind=first.kind,
                split=first.split,
                rung=first.rung,
                trained_on=tuple(sources[pool]),
                tested_on=first.tested_on,
                budget=first.budget,
                seed=first.seed,
                model=first.model,
                oracle=first.oracle,
                corpora=tuple(row.corpus for row in own),
                ids=tuple(row.id for row in own),
                predicted=np.array([values.get(each, math.nan) for each in tested]),
                labels=np.array([row.label for row in own]),
                words=np.array([row.words for row in own]),
                clusters=tuple(row.topic for row in own),
                units=tuple(
                    f"{row.unit} | {fold_of[each]}" if len(parts) > 1 else row.unit
                    for each, row in zip(tested, own, strict=True)
                ),
                statuses=tuple(statuses[each] for each in tested),
                levels=levels.get(own[0].corpus) if len({row.corpus for row in own}) == 1 else None,
                on_scale=on_scale and len({row.corpus for row in own}) == 1,
                ratings=noted,
                usage=_total([Usage(**(content["usage"] or {})) for content in usages]),
                fit_seconds=sum(float(each.get("seconds", 0.0)) for each in seen),
                labels_seen=max((int(each.get("labels", 0)) for each in seen), default=0),
                perturbation=first.perturbation,
                order=of_order,
            )

    def _cells(self) -> Iterable[tuple[str, str, str]]:
        return self._connection.execute("SELECT key, status, content FROM cell").fetchall()

    def _predictions(self, cell: str) -> list[tuple[tuple[str, str], float | None, str, str | None]]:
        query = "SELECT corpus, id, value, status, ratings FROM prediction WHERE cell = ?"
        return [
            ((corpus, id), value, status, said)
            for corpus, id, value, status, said in self._connection.execute(query, (cell,))
        ]

    def _set_up(self) -> None:
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > _VERSION:
            raise BenchmarkError(f"{self.path} is of a later argqual (version {version}).", hint="Update argqual.")
        if version == 0:
            with self._transaction() as sql:
                if sql.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    raise BenchmarkError(f"{self.path} is another program's database.")
                for statement in _TABLES.split(";"):
                    sql.execute(statement)
                sql.execute(f"PRAGMA user_version = {_VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


def _total(usages: Sequence[Usage]) -> Usage:
    from argqual.strategies.base import total_usage

    # What asks no model takes its time too.
    return total_usage(usages).model_copy(update={"seconds": sum(usage.seconds for usage in usages)})


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, default=str)
