"""Many arguments by a provider's batches: half the price, within a day, and nothing is asked twice.

Each round goes through all arguments as an ordinary run would, with the answers that are there. What lacks one is
submitted; what lacks none is kept in the store, under the same key as ever. Most take one round. Reasons before the
levels take two; an answer that cannot be read is asked for again in the next, as is what the provider did not answer.

The provider keeps a batch going whatever becomes of this process. The ledger knows it, and another process fetches it.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Generic, Literal, TypeVar

from argqual.argument import Argument
from argqual.assessment import Assessment, Status
from argqual.errors import ArgqualError, InputError, ModelError, ReadoutError, Stopped
from argqual.judging.judge import Judge
from argqual.judging.ledger import BatchLedger, Entry, KnownOfKey
from argqual.judging.readouts.conversation import ChatReadout
from argqual.judging.readouts.exchange import Exchange
from argqual.judging.spending import Spending
from argqual.judging.store import Store, keepable
from argqual.judging.submissions import Parcel, Submissions
from argqual.models.batchapi import batch_api
from argqual.models.connect import TIMEOUT_SECONDS
from argqual.models.deferred import Deferred, Waiting, Wanted
from argqual.models.failures import plain_errors
from argqual.models.traffic import LONG_PATIENCE, SHORT_PATIENCE

T = TypeVar("T")
FIRST_SECONDS, MOST_SECONDS = 5.0, 60.0  # between two looks at a batch
_GROWTH = 1.5
_CHUNK = 500
_TEMPLATE_BYTES = 400  # a chat template's own words, as in a plan
_UNBOUNDED_TOKENS = 32_000  # of an answer to which no limit may be set


@dataclass(frozen=True)
class _Pending(Generic[T]):
    item: T
    argument: Argument | None
    key: str | None
    problem: Assessment | None = None


class ProviderBatch(Generic[T]):
    """Assess many arguments with one judge by a provider's batch API; to be run once.

    Parameters
    ----------
    store
        Where assessments are kept; the ledger of batches lies beside it.
    run
        A name for what is being done: what it has spent counts towards `max_cost` in every process that goes on
        with it.
    fresh
        Whether to ask anew what failed in earlier runs.
    max_cost
        US dollars. Nothing is submitted that could lead past it.
    first_seconds, timeout
        How long to wait before the first look at a batch, later longer; and for an answer to a look.
    tell
        Told how far it is, in words; `True` beside them for what must not be missed.

    Raises
    ------
    ModelError
        The model's provider has no batch API, or the read-out cannot be asked by one.
    InputError
        There is a limit to the cost, and the model's price is not known.
    """

    in_flight = 0
    concurrency = 1

    def __init__(
        self,
        judge: Judge,
        store: Store,
        *,
        run: str = "",
        fresh: bool = False,
        max_cost: float | None = None,
        first_seconds: float = FIRST_SECONDS,
        timeout: float = TIMEOUT_SECONDS,
        tell: Callable[[str, bool], None] = lambda words, important: None,
    ) -> None:
        if not isinstance(judge.readout, ChatReadout) or judge.model.endpoint:
            raise ReadoutError(
                f"A batch cannot ask by the read-out '{judge.readout.name}'.",
                hint="Use --readout expect, label or votes:N, or leave out --batch.",
            )
        self.judge, self.store, self.max_cost = judge, store, max_cost
        Spending(judge, max_cost)  # says what is wrong with the limit
        self.spending = Spending(judge, None)
        self.tally = self.spending.tally
        self.ended: Literal["", "finished", "stopped", "budget"] = ""
        self.left: tuple[str, ...] = ()  # the provider's ids of batches that went on when it ended
        self.place = place_of(judge)
        self._run, self._fresh, self.tell, self._first_seconds = run, fresh, tell, first_seconds
        self._deferred = Deferred(judge.model)
        with plain_errors(judge.model):
            url, headers = self._deferred.door()
        self._api = batch_api(judge.model.name, url, headers, timeout=timeout)
        self._stopping = threading.Event()
        self._out_of_budget = False
        self._awaited: set[str] = set()  # tags of batches that answer some of the arguments
        self._elsewhere = False  # another process is asking about some

    def stop(self) -> None:
        """Wait no longer; what was submitted goes on at the provider. Safe in a signal handler."""

        def stop() -> None:
            self._stopping.set()
            self.judge.model.traffic.stop()

        # Not in a signal handler's own thread: it may have been interrupted while it holds what `set` waits for.
        threading.Thread(target=stop).start()

    def run(
        self, items: Callable[[], Iterable[T]], argument_of: Callable[[T], Argument]
    ) -> Generator[tuple[T, Assessment], None, None]:
        """Assess the items' arguments; each item with its assessment, in order, once all are there.

        `items` gives them from the start, every time that it is called. See `Batch.run` for the rest.
        """
        model = self.judge.model
        traffic, engine = model.traffic, model.engine
        traffic.stopping.clear()
        traffic.limiter.patience = LONG_PATIENCE
        self._ledger = ledger = BatchLedger(self.store.path)
        self._batches = Submissions(
            model,
            self._api,
            ledger,
            place=self.place,
            run=self._run,
            pause=self._first_seconds,
            tell=self.tell,
            stopping=self._stopping,
        )
        try:
            model.engine = self._deferred
            with suppress(Stopped):
                self._rounds(items, argument_of)
            if self._stopping.is_set():
                self.ended = "stopped"
                return
            yield from self._hand_on(items, argument_of)
            self.ended = "budget" if self._out_of_budget else "finished"
        finally:
            model.engine = engine
            traffic.stopping.clear()
            traffic.limiter.patience = SHORT_PATIENCE
            there = self._batches.under_way(self._awaited)
            self.left = tuple(job.id or "one whose id is not known yet" for job in there)
            ledger.close()

    def _rounds(self, items: Callable[[], Iterable[T]], argument_of: Callable[[T], Argument]) -> None:
        batches = self._batches
        while not self._stopping.is_set():
            with batches.alone():
                batches.seek_lost()
                self._go_through(self._rows(items, argument_of))
            self._fresh = False
            if batches.refused:
                raise ModelError(
                    f"{self.judge.model.name} refuses the batch: {'; '.join(batches.refused)}",
                    hint="What was answered is kept. --limit makes a smaller batch; --resume tries again.",
                )
            if not self._awaited and not self._elsewhere:
                return
            self._wait()

    def _rows(self, items: Callable[[], Iterable[T]], argument_of: Callable[[T], Argument]) -> Iterator[_Pending[T]]:
        for item in items():
            argument = None
            try:
                argument = argument_of(item)
                yield _Pending(item, argument, self.judge.key(argument))
            except InputError as wrong:
                yield _Pending(item, argument, None, self.judge.failed(argument, Status.SKIPPED, wrong.message))

    def _go_through(self, rows: Iterator[_Pending[T]]) -> None:
        """Keep what is answered, and submit what is not."""
        self._awaited, self._elsewhere, self._out_of_budget = set(), False, False
        spent = self._ledger.spent(self._run)
        seen: set[str] = set()
        with tempfile.TemporaryDirectory(prefix="argqual-") as folder:
            parcel = Parcel((Path(folder) / "0.jsonl").open("wb"))
            for number, chunk in enumerate(_chunks(rows), start=1):
                if self._stopping.is_set():
                    break
                for key, wanted in self._looked_at(chunk, seen):
                    usd = self._most(wanted)
                    if self.max_cost is not None and spent + usd > self.max_cost:
                        self._out_of_budget = True
                        continue
                    spent += usd
                    size = sum(len(each.body) + 200 for each in wanted)
                    many = len(parcel.entries) + len(wanted) > self._api.most_requests
                    if parcel.entries and (many or parcel.bytes + size > self._api.most_bytes):
                        self._submit(parcel)
                        parcel = Parcel((Path(folder) / f"{number}-{len(seen)}.jsonl").open("wb"))
                    for each in wanted:
                        line = self._api.line(f"{parcel.tag}-{len(parcel.entries)}", each.body)
                        parcel.bytes += parcel.file.write(line + b"\n")
                        parcel.entries.append(Entry(key, each.shown, each.sent, usd / len(wanted)))
            if parcel.entries and not self._stopping.is_set():
                self._submit(parcel)
            parcel.file.close()

    def _submit(self, parcel: Parcel) -> None:
        model = self.judge.model
        if self.judge.readout.name == "expect" and not (model.abilities.now.was_learnt("logprobs") or self._awaited):
            self.tell(
                f"{model.name} has not been seen to give log-probabilities yet, and answers without them are paid for "
                "nothing. argqual models test finds it out.",
                True,
            )
        self._batches.submit(parcel)
        self._awaited.add(parcel.tag)

    def _looked_at(self, chunk: Sequence[_Pending[T]], seen: set[str]) -> Iterator[tuple[str, list[Wanted]]]:
        """Keep what some rows' answers make; the keys of the others, each with the requests that are missing."""
        new = {row.key: row.argument for row in chunk if row.key and row.argument and row.key not in seen}
        seen.update(new)
        if not new:
            return
        keys = list(new)
        kept, known = self.store.has(keys), self._ledger.known(keys)
        if self._fresh:
            done = [key for key in keys if key in kept or (key in known and known[key].outcome)]
            self._ledger.forget(done)
            known = {key: each for key, each in known.items() if key not in done}
        open_keys = [key for key in keys if key not in kept and not known.get(key, KnownOfKey()).outcome]
        claims = self.store.claim(open_keys)
        assessed: dict[str, Assessment] = {}
        wanting: list[tuple[str, list[Wanted]]] = []
        for key in open_keys:
            if under_way := known.get(key, KnownOfKey()).under_way:
                self._awaited |= under_way
            elif key in claims.elsewhere:
                self._elsewhere = True
            elif key not in claims.found:
                self._deferred.begin(known.get(key, KnownOfKey()).told)
                if found := self._assessed(new[key]):
                    assessed[key] = found
                else:
                    wanting.append((key, self._deferred.wanted))
        if assessed:
            self.store.settle(assessed)
            costs = {key: found.usage.cost_usd for key, found in assessed.items()}
            self._ledger.settle(costs, {key: found for key, found in assessed.items() if not keepable(found)})
        yield from wanting

    def _assessed(self, argument: Argument) -> Assessment | None:
        """The assessment by the answers that are there; None when one is missing."""
        try:
            found = self.judge.assess(argument)
        except Waiting:
            return None
        except ArgqualError as error:
            failed = self.judge.failed(argument, Status.FAILED, error.message)
            if error.answered is None:
                return failed
            return failed.model_copy(update={"usage": error.answered})
        exchange = Exchange(usage=found.usage)
        for read, written in self._deferred.unused():
            exchange.add(self.judge.model, read, written)
        # Its seconds would be those of looking it up.
        return found.model_copy(update={"usage": exchange.usage.model_copy(update={"seconds": 0.0})})

    def _most(self, wanted: Sequence[Wanted]) -> float:
        """US dollars that requests cost at most: a byte is counted as a token."""
        price = self.judge.model.price
        if price is None:
            return 0.0
        most = [each.most or self.judge.model.abilities.now.output_tokens or _UNBOUNDED_TOKENS for each in wanted]
        return sum(
            price.most(len(each.body) + _TEMPLATE_BYTES, tokens) for each, tokens in zip(wanted, most, strict=True)
        )

    def _wait(self) -> None:
        """Wait until a batch is over, and take in what it answered."""
        pause, began = self._first_seconds, time.monotonic()
        while not self._stopping.is_set():
            seconds = time.monotonic() - began
            jobs = self._batches.under_way(self._awaited)
            over = [self._batches.look(job, seconds) for job in jobs]
            if any(over) or len(jobs) < len(self._awaited):  # or another process has taken its answers in
                return
            self._stopping.wait(pause)
            pause = min(pause * _GROWTH, max(MOST_SECONDS, self._first_seconds))
            if self._elsewhere and not self._awaited:
                return

    def _hand_on(
        self, items: Callable[[], Iterable[T]], argument_of: Callable[[T], Argument]
    ) -> Iterator[tuple[T, Assessment]]:
        """Each item with its assessment, up to the first that the budget had no room for."""
        counted: set[str] = set()
        for chunk in _chunks(self._rows(items, argument_of)):
            keys = list(dict.fromkeys(row.key for row in chunk if row.key))
            kept, known = self.store.get(keys), self._ledger.known(keys)
            for row in chunk:
                found = row.problem
                if row.key and row.argument:
                    found = kept.get(row.key) or known.get(row.key, KnownOfKey()).outcome
                    if found is None:
                        return
                    self._count(row.key, row.argument, found, asked=row.key in known and row.key not in counted)
                    counted.add(row.key)
                    found = found.model_copy(update={"argument_id": row.argument.id})
                assert found is not None
                self.tally.add(found)
                yield row.item, found

    def _count(self, key: str, argument: Argument, found: Assessment, *, asked: bool) -> None:
        if not asked:
            self.tally.kept += 1
            return
        self.spending.reserve(key, argument)
        self.spending.paid(key, found.usage)


def _chunks(rows: Iterator[_Pending[T]]) -> Iterator[list[_Pending[T]]]:
    while chunk := list(islice(rows, _CHUNK)):
        yield chunk


def place_of(judge: Judge) -> str:
    """Where a judge's batches are: the model and its address."""
    return f"{judge.model.identity} {judge.model.name}"
