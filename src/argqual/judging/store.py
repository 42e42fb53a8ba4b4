"""Assessments, kept so that nothing is asked twice.

A SQLite file. An assessment lies under a key made of everything it depends on
(`Judge.key`). What could not be read, was refused or was cut off is kept apart, for the run that paid for it: a run
that goes on does not ask again, every other does.

Before a process asks, it claims the key, so that another process on the same file waits
for the answer instead of paying for it again. A claim belongs to a process that holds a
file lock for as long as it lives: when it dies, at whatever moment, its claims are free at
once. Neither prompts nor keys to services are stored.
"""

from __future__ import annotations

import os
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from argqual.assessment import Assessment, Status
from argqual.errors import InputError

_KEPT = (Status.OK, Status.ABSTAINED, Status.SKIPPED)
_PATIENCE_SECONDS = 60.0

# Each step takes a file from one version to the next; steps are only ever added.
_STEPS: tuple[tuple[str, str], ...] = (
    (
        "assessments and claims",
        """
        CREATE TABLE assessment (
            key TEXT PRIMARY KEY,
            created REAL NOT NULL,
            framework TEXT NOT NULL,
            model TEXT NOT NULL,
            readout TEXT NOT NULL,
            cost_usd REAL,
            content TEXT NOT NULL
        );
        CREATE TABLE claim (key TEXT PRIMARY KEY, owner TEXT NOT NULL) WITHOUT ROWID;
        """,
    ),
    (
        "failures, for a run that goes on",
        """
        CREATE TABLE failure (
            key TEXT PRIMARY KEY,
            created REAL NOT NULL,
            framework TEXT NOT NULL,
            model TEXT NOT NULL,
            content TEXT NOT NULL
        );
        """,
    ),
)


def store_path() -> Path:
    """Where assessments are kept: `ARGQUAL_STORE`, or `assessments.sqlite` in the user's data folder."""
    if given := os.environ.get("ARGQUAL_STORE"):
        return Path(given)
    from platformdirs import user_data_path

    return user_data_path("argqual") / "assessments.sqlite"


@dataclass(frozen=True)
class Kept:
    """What a store holds of one framework, model and read-out."""

    framework: str
    model: str
    readout: str
    assessments: int
    cost_usd: float | None
    first: float
    last: float


@dataclass(frozen=True)
class Claims:
    """The answer to `Store.claim`: keys to ask now, keys another process is asking, and what is there already."""

    granted: frozenset[str]
    elsewhere: frozenset[str]
    found: dict[str, Assessment]


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """One transaction, undone where anything in it fails."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with suppress(sqlite3.Error):  # where the disk is full, SQLite has undone it by itself
            db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


class Store:
    """Kept assessments. To be used by one thread.

    Parameters
    ----------
    path
        The file; it and its folder are made when they are missing.

    Raises
    ------
    InputError
        The file is no store, is broken, was made by a newer argqual, or cannot be opened.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = (path or store_path()).absolute()
        self._owner: str | None = None
        self._lock: Any = None
        with self._plainly():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=_PATIENCE_SECONDS, isolation_level=None)
            self._set_up()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up all claims and close the file."""
        if self._owner:
            with self._plainly():
                self._db.execute("DELETE FROM claim WHERE owner = ?", (self._owner,))
            self._lock.release()
            self._lock_file(self._owner).unlink(missing_ok=True)
            self._owner = None
        self._db.close()

    def get(self, keys: Sequence[str]) -> dict[str, Assessment]:
        """The assessments that are there, by key."""
        found: dict[str, Assessment] = {}
        with self._plainly():
            for start in range(0, len(keys), 500):
                some = keys[start : start + 500]
                rows = self._db.execute(
                    f"SELECT key, content FROM assessment WHERE key IN ({','.join('?' * len(some))})",  # noqa: S608
                    some,
                )
                found.update((key, _read(content)) for key, content in rows)
        return found

    def failures(self, keys: Sequence[str], since: float) -> dict[str, Assessment]:
        """What failed since then (seconds since 1970), or was cut off, by key; nothing that was answered after."""
        found: dict[str, Assessment] = {}
        with self._plainly():
            for start in range(0, len(keys), 500):
                some = keys[start : start + 500]
                rows = self._db.execute(
                    f"SELECT key, content FROM failure WHERE created >= ? AND key IN ({','.join('?' * len(some))})",  # noqa: S608
                    [since, *some],
                )
                found.update((key, _read(content)) for key, content in rows)
        return found

    def has(self, keys: Sequence[str]) -> set[str]:
        """Those of the keys under which something is kept."""
        marks = ",".join("?" * len(keys))
        with self._plainly():
            rows = self._db.execute(f"SELECT key FROM assessment WHERE key IN ({marks})", list(keys))  # noqa: S608
            return {key for (key,) in rows}

    def seconds(self, framework: str, model: str, readout: str, *, most: int = 100) -> list[float]:
        """How long assessments of this kind took (seconds each); of some, as their keys have it."""
        with self._plainly():
            rows = self._db.execute(
                "SELECT content FROM assessment WHERE framework = ? AND model = ? AND readout = ? LIMIT ?",
                (framework, model, readout, most),
            )
            took = [_read(content).usage.seconds for (content,) in rows]
            return [seconds for seconds in took if seconds]  # those of a provider's batch have none

    def claim(self, keys: Sequence[str]) -> Claims:
        """Claim keys before asking about them; in one step with looking them up."""
        granted: set[str] = set()
        with self._plainly():
            owner = self._own()
            with transaction(self._db):
                found = self.get(keys)
                for key in dict.fromkeys(keys):
                    if key in found:
                        continue
                    self._db.execute("INSERT OR IGNORE INTO claim VALUES (?, ?)", (key, owner))
                    (holder,) = self._db.execute("SELECT owner FROM claim WHERE key = ?", (key,)).fetchone()
                    if holder != owner and not self._alive(holder):
                        self._db.execute("DELETE FROM claim WHERE owner = ?", (holder,))
                        self._db.execute("INSERT INTO claim VALUES (?, ?)", (key, owner))
                        holder = owner
                    if holder == owner:
                        granted.add(key)
        return Claims(frozenset(granted), frozenset(keys) - granted - found.keys(), found)

    def settle(
        self,
        answered: Mapping[str, Assessment],
        unanswered: Iterable[str] = (),
        failed: Mapping[str, Assessment] | None = None,
    ) -> None:
        """Keep assessments and give up their claims; give up those of `unanswered` too.

        One that must not be kept (see `keepable`) only loses its claim. `failed` are kept apart: they answer no
        question but that of a run which goes on (`failures`).
        """
        now = time.time()
        with self._plainly(), transaction(self._db):
            self._db.executemany(
                "INSERT OR REPLACE INTO assessment VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        key,
                        now,
                        found.framework.name,
                        found.model,
                        found.readout,
                        found.usage.cost_usd,
                        _written(found),
                    )
                    for key, found in answered.items()
                    if keepable(found)
                ],
            )
            self._db.executemany("DELETE FROM claim WHERE key = ?", [(key,) for key in (*answered, *unanswered)])
            self._db.executemany(
                "INSERT OR REPLACE INTO failure VALUES (?, ?, ?, ?, ?)",
                [
                    (key, now, found.framework.name, found.model, _written(found))
                    for key, found in (failed or {}).items()
                ],
            )

    def contents(self) -> list[Kept]:
        """What is kept, by framework, model and read-out."""
        with self._plainly():
            rows = self._db.execute(
                "SELECT framework, model, readout, count(*), sum(cost_usd), min(created), max(created) "
                "FROM assessment GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
            )
            return [Kept(*row) for row in rows]

    def clear(self, *, framework: str | None = None, model: str | None = None) -> int:
        """Forget assessments, of a framework's id or a model only where given; returns how many."""
        with self._plainly():
            for table in ("failure", "assessment"):
                forgotten = self._db.execute(
                    f"DELETE FROM {table} WHERE (?1 IS NULL OR framework = ?1 "  # noqa: S608
                    "OR substr(framework, 1, length(?1) + 1) = ?1 || ' ') "
                    "AND (?2 IS NULL OR model = ?2)",
                    (framework, model),
                ).rowcount
            self._db.execute("VACUUM")
        return int(forgotten)

    def export(self) -> Iterator[dict[str, Any]]:
        """Every assessment as JSON-able data, with its key and when it was made (seconds since 1970)."""
        with self._plainly():
            for key, created, content in self._db.execute("SELECT key, created, content FROM assessment ORDER BY key"):
                yield {"key": key, "created": created} | _read(content).model_dump(mode="json")

    def _set_up(self) -> None:
        """Make the file what it has to be; another process may be at it too, and SQLite does not wait there."""
        patience = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = NORMAL")
                return self._migrate()
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > patience:
                    raise
                time.sleep(0.02)

    def _migrate(self) -> None:
        with transaction(self._db):
            (done,) = self._db.execute("PRAGMA user_version").fetchone()
            if done > len(_STEPS):
                raise InputError(
                    f"{self.path} was made by a newer argqual (version {done} of the store; this one knows "
                    f"{len(_STEPS)}).",
                    hint="Update argqual, or name another file in ARGQUAL_STORE.",
                )
            if not done and self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise InputError(
                    f"{self.path} is another program's database.", hint="Name another file in ARGQUAL_STORE."
                )
            for number, (_, statements) in enumerate(_STEPS[done:], start=done + 1):
                for statement in statements.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {number}")

    def _own(self) -> str:
        """This process's name among the claims, held by a file lock."""
        if self._owner is None:
            from filelock import FileLock

            self._owner = uuid.uuid4().hex
            self._lock_file(self._owner).parent.mkdir(exist_ok=True)
            self._lock = FileLock(self._lock_file(self._owner))
            self._lock.acquire()
            for (holder,) in self._db.execute("SELECT DISTINCT owner FROM claim").fetchall():
                if not self._alive(holder):
                    self._db.execute("DELETE FROM claim WHERE owner = ?", (holder,))
        return self._owner

    def _alive(self, owner: str) -> bool:
        from filelock import FileLock, Timeout

        path = self._lock_file(owner)
        if not path.exists():
            return False
        try:
            with FileLock(path, timeout=0):
                pass
        except Timeout:
            return True
        path.unlink(missing_ok=True)
        return False

    def _lock_file(self, owner: str) -> Path:
        return self.path.with_name(f"{self.path.name}-claims") / owner

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            full = " (is the disk full?)" if "disk" in str(error) else ""
            raise InputError(
                f"The store {self.path} cannot be used: {error}{full}.",
                hint="Name another file in ARGQUAL_STORE, or score with --no-store.",
            ) from None


def keepable(assessment: Assessment) -> bool:
    """Whether asking again would be of no use: it was answered in full, if only by an abstention."""
    return assessment.status in _KEPT and not assessment.truncated


def _written(assessment: Assessment) -> str:
    return assessment.model_copy(update={"argument_id": None}).model_dump_json(exclude_defaults=True)


def _read(content: str) -> Assessment:
    return Assessment.model_validate_json(content)
