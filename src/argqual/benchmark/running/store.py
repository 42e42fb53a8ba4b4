"""A run: the SQLite file of what a benchmark did, from which every figure is computed anew.

Cells are kept under all that they depend on, so a cell that is there is never run again, and one whose strategy,
training or test has changed is another cell. A cell is written in one transaction: a run that is killed loses what
was under way. No text of a corpus is in it: arguments are ids, labels, lengths and topics.
"""

import json
import math
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter

from argqual.benchmark.running.scored import ArgumentRow, Key, Placement, Prediction, Scored, scored_of
from argqual.benchmark.spec.vocabulary import CellStatus
from argqual.corpora.corpus import MinimalPair
from argqual.errors import BenchmarkError

_VERSION = 1
_PLACEMENT = TypeAdapter(Placement)
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
class Done:
    """What became of a cell; what there is of each tested argument stands in their order."""

    status: CellStatus
    reason: str | None = None
    values: tuple[float, ...] = ()  # NaN where there is none, with status and reason
    statuses: tuple[str, ...] = ()
    reasons: tuple[str | None, ...] = ()
    ratings: tuple[Mapping[str, float | None], ...] = ()  # criteria's qualities, 0 to 1; empty where there are none
    on_scale: bool = False  # whether predictions are from 0 to 1 on the labels' scale, not only in order
    seconds: float = 0.0
    seen: Mapping[str, Any] | None = None  # labels, examples, chosen parameters, usage and seconds of fitting
    usage: Mapping[str, Any] | None = None  # what predicting took, when it was asked first


class Run:
    """A run's file; a `BenchmarkError` where it is not a run, or of a later version."""

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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    # What is to be run.

    def begin(
        self, facts: Mapping[str, Any], claims: Mapping[str, Any], rows: Sequence[ArgumentRow], parts: list[Placement]
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
            for name in ("now",) if begun else ("first", "now"):
                sql.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, _json(facts)))
            sql.execute("DELETE FROM argument")
            placed = ((row.corpus, row.id, place, *astuple(row)[2:]) for place, row in enumerate(rows))
            sql.executemany("INSERT INTO argument VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", placed)
            sql.execute("DELETE FROM part")
            numbered = (
                (part.strategy, part.fold, part.seed, part.cell, _json(vars(part)), number)
                for number, part in enumerate(parts)
            )
            sql.executemany("INSERT INTO part VALUES (?, ?, ?, ?, ?, ?)", numbered)

    def done(self) -> dict[str, CellStatus]:
        """The cells that there are, and their status: done or failed."""
        return {key: CellStatus(status) for key, status in self._connection.execute("SELECT key, status FROM cell")}

    def keep(self, key: str, test: Sequence[tuple[str, str]], done: Done) -> None:
        """Write a cell, all of it or nothing."""
        content = {"seconds": done.seconds, "seen": done.seen, "usage": done.usage, "on_scale": done.on_scale}
        with self._transaction() as sql:
            sql.execute("DELETE FROM prediction WHERE cell = ?", (key,))
            cell = (key, done.status, done.reason, datetime.now(UTC).isoformat(timespec="seconds"), _json(content))
            sql.execute("INSERT OR REPLACE INTO cell VALUES (?, ?, ?, ?, ?)", cell)
            if done.status == CellStatus.DONE:
                ratings = done.ratings or ({},) * len(test)
                found = zip(test, done.values, ratings, done.statuses, done.reasons, strict=True)
                predictions = (
                    (key, *place, value if math.isfinite(value) else None, *said, _json(own) if own else None)
                    for place, value, own, *said in found
                )
                sql.executemany("INSERT INTO prediction VALUES (?, ?, ?, ?, ?, ?, ?)", predictions)

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

    def minimal_pairs(self) -> dict[Key, MinimalPair]:
        """Which version of its family an argument is, by corpus and id, for corpora that were written so."""
        return {
            (corpus, id): MinimalPair(family, broken, bool(polished))
            for corpus, id, family, broken, polished in self.facts().get("twins", ())
        }

    def claims(self) -> dict[str, tuple[dict[str, Any], bool]]:
        """Each claim, and whether it is exploratory."""
        rows = self._connection.execute("SELECT id, content, exploratory FROM claim")
        return {id: (json.loads(content), bool(late)) for id, content, late in rows}

    def rows(self) -> list[ArgumentRow]:
        """The arguments, in the run's order."""
        query = "SELECT corpus, id, topic, unit, type, stance, label, words, tested FROM argument ORDER BY place"
        return [ArgumentRow(*row) for row in self._connection.execute(query)]

    def parts(self) -> list[Placement]:
        """What the benchmark consists of, in the order of its strategies and folds."""
        found = self._connection.execute("SELECT content FROM part ORDER BY number")
        return [_PLACEMENT.validate_json(content) for (content,) in found]

    def failures(self) -> dict[str, str]:
        return dict(self._connection.execute("SELECT key, reason FROM cell WHERE status = 'failed'"))

    def progress(self) -> tuple[dict[str, Counter[CellStatus]], dict[str, str]]:
        """How many cells of each strategy are done, failed and left; and what failed, with the reason."""
        done, why = self.done(), self.failures()
        by_strategy: dict[str, Counter[CellStatus]] = defaultdict(Counter)
        names: dict[str, str] = {}
        for each in self.parts():
            by_strategy[each.strategy][done.get(each.cell, CellStatus.LEFT)] += 1
            names.setdefault(each.cell, f"{each.strategy}: {each.fold}")
        return dict(by_strategy), {names[key]: reason for key, reason in why.items() if key in names}

    def finished(self) -> str | None:
        return self._connection.execute("SELECT max(finished) FROM cell").fetchone()[0]  # type: ignore[no-any-return]

    def scored(self, *, perturbed: bool = False) -> Iterator[Scored]:
        """All predictions of the texts as they are, or as they are perturbed, pooled over folds, in the run's order."""
        placements = [each for each in self.parts() if perturbed == (each.perturbation is not None)]
        domains = {domain["id"]: domain for domain in self.facts()["domains"]}
        found = self._connection.execute("SELECT key, status, content FROM cell")
        cells = {key: (CellStatus(status), json.loads(content)) for key, status, content in found}
        return scored_of(placements, {row.key: row for row in self.rows()}, domains, cells, self._predictions)

    def _predictions(self, cell: str) -> Iterator[Prediction]:
        query = "SELECT corpus, id, value, status, ratings FROM prediction WHERE cell = ?"
        for corpus, id, value, status, noted in self._connection.execute(query, (cell,)):
            yield (corpus, id), value, status, json.loads(noted) if noted else {}

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
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                with suppress(sqlite3.Error):  # where the disk is full, SQLite has undone it by itself
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise BenchmarkError(
                f"{self.path} cannot be written: {error}.", hint="What was done before is kept; run it again."
            ) from None


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, default=str)
