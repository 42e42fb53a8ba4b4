"""`argqual score TABLE --batch`: by the provider's batch API, at half the price, within a day."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from argqual.cli.options import interruptible, say
from argqual.cli.progress import clock, count
from argqual.errors import EXIT_INTERRUPTED, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from argqual.argument import Argument
    from argqual.assessment import Assessment
    from argqual.cli.score_options import Judging
    from argqual.judging.judge import Judge
    from argqual.judging.rounds import ProviderBatch
    from argqual.judging.store import Store
    from argqual.tabular.table import TableRow

POLL = "ARGQUAL_BATCH_POLL"
_LINE_EVERY = 600.0  # seconds, in a log, while nothing changes


class Telling:
    """How far a batch is: one line that changes on a terminal; elsewhere a line when something has, or every while."""

    def __init__(self) -> None:
        self._last, self._said_at = "", time.monotonic()
        self._open = False

    def __call__(self, words: str, important: bool) -> None:
        if important:
            self.end()
            say(words)
        elif sys.stderr.isatty():
            print(f"\r\033[K{words}", end="", file=sys.stderr, flush=True)
            self._open = True
        else:
            what, now = words.partition(" after ")[0], time.monotonic()
            if what != self._last or now - self._said_at > _LINE_EVERY:
                self._last, self._said_at = what, now
                say(words)

    def end(self) -> None:
        """What is said next begins a line."""
        if self._open:
            print(file=sys.stderr, flush=True)
            self._open = False


def provider_batch(judge: Judge, store: Store, judging: Judging, *, run: str, fresh: bool) -> ProviderBatch[Any]:
    """What asks by batches, and tells how far it is."""
    from argqual.judging.rounds import FIRST_SECONDS, ProviderBatch

    try:
        pause = float(os.environ.get(POLL) or FIRST_SECONDS)
        if not pause > 0:
            raise ValueError
    except ValueError:
        raise InputError(f"{POLL} is {os.environ[POLL]!r}: it is the seconds between two looks at a batch.") from None
    return ProviderBatch(
        judge,
        store,
        run=run,
        fresh=fresh,
        max_cost=judging.max_cost,
        first_seconds=pause,
        timeout=judging.timeout,
        tell=Telling(),
    )


@contextmanager
def batch_answers(
    batch: ProviderBatch[Any], rows: Callable[[], Iterable[TableRow]], argument_of: Callable[[TableRow], Argument]
) -> Iterator[Iterator[tuple[TableRow, Assessment]]]:
    """The rows with their assessments, when all are there; Ctrl-C leaves what was submitted to the provider."""

    def stop() -> None:
        say("\nWaiting no longer. Ctrl-C again stops at once.")
        batch.stop()

    def stop_at_once() -> None:
        os._exit(EXIT_INTERRUPTED)

    found = batch.run(rows, argument_of)
    try:
        with interruptible(stop, stop_at_once, terminate=True), closing(found):
            yield found
    finally:
        if isinstance(batch.tell, Telling):
            batch.tell.end()


def still_there(batch: ProviderBatch[Any], option: str) -> str:
    """Which batches go on at the provider, in words; empty when none does."""
    ids = batch.left
    if not ids:
        return ""
    those = f"The batch {ids[0]} goes" if len(ids) == 1 else f"{len(ids)} batches ({', '.join(ids)}) go"
    return f"{those} on at the provider. The same command with {option} fetches it, also tomorrow."


def remind(judge: Judge, store: Store) -> None:
    """Say that batches of this model are under way, to whoever is about to ask it in the ordinary way."""
    from argqual.judging.ledger import under_way
    from argqual.judging.rounds import place_of

    if jobs := under_way(store.path, place_of(judge)):
        many, since = sum(job.requests for job in jobs), time.time() - min(job.created for job in jobs)
        say(
            f"A batch with {count(many)} requests to {judge.model.name} is under way (for {clock(since)}). Rows of it "
            "that are asked now are paid twice; --batch --resume fetches it."
        )
