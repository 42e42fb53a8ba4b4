"""Which requests were given to a provider's batches, under which names, and what came of them: so that none is twice.

A SQLite file beside the store. What is to be submitted is written down before it is, so that a process that is killed
in between leaves something to look for at the provider. Requests stand here as digests, never as texts; answers only
until an assessment was made of them.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from argqual.assessment import Assessment
from argqual.errors import InputError
from argqual.judging.store import transaction
from argqual.models.batchapi import Answered
from argqual.models.deferred import GIVEN_UP, Told

_PATIENCE_SECONDS = 60.0
_VERSION = 1
_TABLES = """
CREATE TABLE job (
    tag TEXT PRIMARY KEY, place TEXT NOT NULL, run TEXT NOT NULL, created REAL NOT NULL, requests INTEGER NOT NULL,
    newest_before TEXT, id TEXT, perhaps TEXT NOT NULL DEFAULT '', over INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE request (
    tag TEXT NOT NULL, number INTEGER NOT NULL, key TEXT NOT NULL, shown TEXT NOT NULL, sent TEXT NOT NULL,
    usd REAL NOT NULL, status INTEGER, answer BLOB, PRIMARY KEY (tag, number)
) WITHOUT ROWID;
CREATE INDEX request_of_key ON request (key);
CREATE TABLE outcome (key TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Job:
    """A batch: `id` is the provider's, None until it is known; then `perhaps` are ids of which one may be its.

    `tag` is its own name for it, `newest_before` the last batch that there was before it.
    """

    tag: str
    created: float
    requests: int
    newest_before: str | None
    id: str | None
    perhaps: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """A request of a batch: whose assessment needs it (`key`), its digests, and what it costs at most."""

    key: str
    shown: str
    sent: str
    usd: float


@dataclass(frozen=True)
class KnownOfKey:
    """What the ledger has of one key: its requests, the batches that are under way with them, and how it ended."""

    told: tuple[Told, ...] = ()
    under_way: frozenset[str] = frozenset()
    outcome: Assessment | None = None


class BatchLedger:
    """The batches of a store. To be used by one thread; `enter` keeps other processes out.

    Raises an `InputError` where the file cannot be used.
    """

    def __init__(self, store: Path) -> None:
        self.path = ledger_path(store)
        self._lock: Any = None
        with self._plainly():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=_PATIENCE_SECONDS, isolation_level=None)
            self._db.execute("PRAGMA synchronous = FULL")  # what is submitted must have been written down
            with transaction(self._db):
                (version,) = self._db.execute("PRAGMA user_version").fetchone()
                if version > _VERSION:
                    raise InputError(f"{self.path} was made by a newer argqual.", hint="Update argqual.")
                if not version:
                    for statement in _TABLES.split(";"):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version = {_VERSION}")

    def close(self) -> None:
        self._db.close()

    def enter(self, *, seconds: float) -> bool:
        """Keep other processes out until `leave`; whether they were out within some seconds.

        Inside, a batch that has no id yet is one that nobody is submitting any more.
        """
        from filelock import FileLock, Timeout

        self._lock = FileLock(self.path.with_name(f"{self.path.name}.lock"), timeout=seconds)
        try:
            self._lock.acquire()
        except Timeout:
            return False
        return True

    def leave(self) -> None:
        self._lock.release()

    def jobs(self, place: str) -> list[Job]:
        """The batches at a place that are under way."""
        with self._plainly():
            rows = self._db.execute(
                "SELECT tag, created, requests, newest_before, id, perhaps FROM job WHERE place = ? AND NOT over "
                "ORDER BY created",
                (place,),
            )
            return [
                Job(tag, created, requests, newest, id, tuple(perhaps.split()))
                for tag, created, requests, newest, id, perhaps in rows
            ]

    def known(self, keys: Sequence[str]) -> dict[str, KnownOfKey]:
        """What there is of some keys (some hundreds at most)."""
        marks = ",".join("?" * len(keys))
        told: dict[str, list[Told]] = {}
        tags: dict[str, set[str]] = {}
        with self._plainly():
            wanted = "SELECT key, tag, shown, sent, status, answer FROM request"
            rows = self._db.execute(f"{wanted} WHERE key IN ({marks}) ORDER BY tag, number", list(keys))
            for key, tag, shown, sent, status, answer in rows:
                of_key = told.setdefault(key, [])
                if status is None:
                    of_key.append(Told(shown, sent, None))
                    tags.setdefault(key, set()).add(tag)
                elif answer is not None:  # or else an assessment was made of it, and is no longer kept
                    of_key.append(Told(shown, sent, status, zlib.decompress(answer)))
            ended = dict(
                self._db.execute(f"SELECT key, content FROM outcome WHERE key IN ({marks})", list(keys))  # noqa: S608
            )
        return {
            key: KnownOfKey(
                tuple(told.get(key, ())),
                frozenset(tags.get(key, ())),
                Assessment.model_validate_json(ended[key]) if key in ended else None,
            )
            for key in told.keys() | ended.keys()
        }

    def intend(self, tag: str, place: str, run: str, newest_before: str | None, entries: Sequence[Entry]) -> None:
        """Write down what is about to be submitted."""
        with self._plainly(), transaction(self._db):
            self._db.execute(
                "INSERT INTO job (tag, place, run, created, requests, newest_before) VALUES (?, ?, ?, ?, ?, ?)",
                (tag, place, run, time.time(), len(entries), newest_before),
            )
            self._db.executemany(
                "INSERT INTO request (tag, number, key, shown, sent, usd) VALUES (?, ?, ?, ?, ?, ?)",
                [(tag, number, each.key, each.shown, each.sent, each.usd) for number, each in enumerate(entries)],
            )

    def found(self, tag: str, ids: Sequence[str], *, certain: bool) -> None:
        """Keep a batch's id, or which ids may be its."""
        with self._plainly():
            if certain:
                self._db.execute("UPDATE job SET id = ?, perhaps = '' WHERE tag = ?", (ids[0], tag))
            else:
                self._db.execute("UPDATE job SET perhaps = ? WHERE tag = ?", (" ".join(ids), tag))

    def drop(self, tag: str) -> None:
        """Forget a batch that does not exist, or was refused as a whole: its requests were never asked."""
        with self._plainly(), transaction(self._db):
            self._db.execute("DELETE FROM request WHERE tag = ?", (tag,))
            self._db.execute("DELETE FROM job WHERE tag = ?", (tag,))

    def take_in(self, tag: str, answers: Iterable[Answered], *, missing: str, again: bool) -> int:
        """Keep the answers of a batch that is over, all or none; how many of its requests were answered.

        An answer counts once, and strangers' not at all. Requests without one are `missing` it.
        """
        answered = 0
        with self._plainly(), transaction(self._db):
            for each in answers:
                mine, dash, number = each.custom_id.rpartition("-")
                if mine != tag or not dash or not number.isdecimal():
                    continue
                status = each.status if each.status or each.again else GIVEN_UP
                paid = 200 <= status < 300
                answered += self._db.execute(
                    "UPDATE request SET status = ?, answer = ?, usd = usd * ? "
                    "WHERE tag = ? AND number = ? AND status IS NULL",
                    (status, zlib.compress(each.body, 1), paid, tag, int(number)),
                ).rowcount
            self._db.execute(
                "UPDATE request SET status = ?, answer = ?, usd = 0 WHERE tag = ? AND status IS NULL",
                (0 if again else GIVEN_UP, zlib.compress(missing.encode()), tag),
            )
            self._db.execute("UPDATE job SET over = 1 WHERE tag = ?", (tag,))
        return answered

    def settle(self, costs: Mapping[str, float | None], outcomes: Mapping[str, Assessment]) -> None:
        """Put what keys have cost (None: as much as was set aside) in the place of answers that are no longer needed.

        `outcomes` are assessments that the store does not keep.
        """
        with self._plainly(), transaction(self._db):
            for key, usd in costs.items():
                self._db.execute("UPDATE request SET answer = NULL WHERE key = ?", (key,))
                if usd is not None:
                    self._db.execute("UPDATE request SET usd = 0 WHERE key = ?", (key,))
                    self._db.execute(
                        "UPDATE request SET usd = ? WHERE (tag, number) IN "
                        "(SELECT tag, number FROM request WHERE key = ? LIMIT 1)",
                        (usd, key),
                    )
            self._db.executemany(
                "INSERT OR REPLACE INTO outcome VALUES (?, ?)",
                [(key, found.model_dump_json(exclude_defaults=True)) for key, found in outcomes.items()],
            )

    def spent(self, run: str) -> float:
        """US dollars that a run's requests have cost, and those under way may cost at most."""
        with self._plainly():
            (usd,) = self._db.execute(
                "SELECT total(usd) FROM request JOIN job USING (tag) WHERE run = ?", (run,)
            ).fetchone()
        return float(usd)

    def forget(self, keys: Sequence[str]) -> None:
        """Forget how keys ended (some hundreds at most), so that they may be asked anew."""
        marks = ",".join("?" * len(keys))
        with self._plainly(), transaction(self._db):
            self._db.execute(
                f"DELETE FROM request WHERE status IS NOT NULL AND key IN ({marks})",  # noqa: S608
                list(keys),
            )
            self._db.execute(f"DELETE FROM outcome WHERE key IN ({marks})", list(keys))  # noqa: S608

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise InputError(
                f"The record of batches {self.path} cannot be used: {error}.", hint="Name another store: ARGQUAL_STORE."
            ) from None


def ledger_path(store: Path) -> Path:
    """Where a store's batches are written down."""
    return store.with_name(f"{store.name}-batches")


def under_way(store: Path, place: str) -> list[Any]:
    """The batches at a place that are under way; a store that has none gets no file."""
    if not ledger_path(store).exists():
        return []
    ledger = BatchLedger(store)
    try:
        return list(ledger.jobs(place))
    finally:
        ledger.close()
