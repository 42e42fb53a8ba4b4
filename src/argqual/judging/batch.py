"""Many arguments: asked side by side, each once, within a budget, in order.

Threads ask; the caller's thread alone reads the answers, keeps them in the store and
decides what is asked next, so that never more is unsaved than is under way. Threads
rather than asyncio: measured with an answer after 200 ms, both keep 128 requests under
way, and below that the processor is what limits either
(`benchmarks/results/throughput.json`); DSPy's programs, litellm and the embedded engine
are all there for threads, and a program that works for one argument works for a million.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Generic, Literal, TypeVar

from argqual.argument import Argument
from argqual.assessment import Assessment, Status
from argqual.errors import (
    ArgqualError,
    CredentialsError,
    InputError,
    ModelError,
    Outage,
    Stopped,
    TextRefused,
    UnknownModelError,
    Unreachable,
)
from argqual.judging.judge import Judge
from argqual.judging.order import Order
from argqual.judging.spending import FAILURES, Spending, paid_failure
from argqual.judging.store import Store, keepable
from argqual.models.traffic import LONG_PATIENCE, SHORT_PATIENCE

T = TypeVar("T")
HOSTED_CONCURRENCY = 64
MOST_CONCURRENCY = 512  # each takes a thread, and a processor serves no more than that
WINDOW = 4096  # arguments between the one that is due and the last one that was read
HOPELESS = 20  # failures in a row after which nothing more is asked
_ASK_AGAIN_SECONDS = 0.5
_GATHER_SECONDS = 1 / 6400  # times the requests at once: answers that come within it are kept in one transaction


@dataclass
class _Item(Generic[T]):
    number: int
    item: T
    argument: Argument | None
    key: str | None
    problem: Assessment | None


class Batch(Generic[T]):
    """Assess many arguments with one judge; to be run once.

    Parameters
    ----------
    store
        Where assessments are kept. Without one, a temporary one sees to it that equal
        arguments are asked once.
    concurrency
        Most requests at once; the rate limiter of the model's host finds how many it bears. A
        quarter more arguments are being worked on: so many may be lost when the process is
        killed.
    max_cost
        US dollars. Nothing is asked that could lead past it.
    failures_since
        For a run that goes on: what failed since then (seconds since 1970) has failed, and is
        not asked about again.

    Raises
    ------
    InputError
        There is a limit to the cost, and the model's price is not known.
    """

    def __init__(
        self,
        judge: Judge,
        *,
        store: Store | None = None,
        concurrency: int | None = None,
        max_cost: float | None = None,
        failures_since: float | None = None,
    ) -> None:
        if concurrency is not None and not 1 <= concurrency <= MOST_CONCURRENCY:
            raise InputError(f"{concurrency} requests at once: --concurrency is 1 to {MOST_CONCURRENCY:,}.")
        self.judge = judge
        self.store = store
        self.failures_since = failures_since
        server = judge.model.server
        most = server.slots if server else concurrency or HOSTED_CONCURRENCY
        self.concurrency = min(concurrency or most, most)
        self.spending = Spending(judge, max_cost)
        self.tally = self.spending.tally
        self.ended: Literal["", "finished", "stopped", "budget"] = ""
        # Some more arguments are being prepared and put away than there are requests under
        # way, so that a place at the server does not wait for either.
        self.workers = self.concurrency + self.concurrency // 4
        self.window = max(WINDOW, 8 * self.concurrency)
        self._stopping = False
        self._events: SimpleQueue[Any] = SimpleQueue()

    @property
    def in_flight(self) -> int:
        """Requests under way at the model's host."""
        return self.judge.model.traffic.limiter.in_flight

    def stop(self) -> None:
        """Ask nothing more; what is under way ends and is kept. Safe in a signal handler."""
        self._stopping = True
        self.judge.model.traffic.stopping.set()
        self._events.put(None)

    def run(
        self, items: Iterable[T], argument_of: Callable[[T], Argument]
    ) -> Generator[tuple[T, Assessment], None, None]:
        """Assess the items' arguments; each item with its assessment, in the order of `items`.

        Parameters
        ----------
        items
            Read in a thread of their own, a few thousand ahead.
        argument_of
            An item's argument. An item for which it raises `InputError` is `skipped`, with
            that reason.

        Raises
        ------
        Unreachable, ModelError
            Nothing works: a key is refused, a host was given up, or everything fails. What
            was answered before has been yielded or is kept.
        Exception
            What reading the items raised, after what came before has been yielded.
        """
        traffic = self.judge.model.traffic
        traffic.stopping.clear()
        traffic.limiter.ceiling = max(traffic.limiter.ceiling, self.concurrency)
        traffic.limiter.patience = LONG_PATIENCE
        if self._stopping:
            traffic.stop()
        with tempfile.TemporaryDirectory(prefix="argqual-") as folder:
            store = self.store or Store(Path(folder) / "asked.sqlite")
            executor = ThreadPoolExecutor(self.workers, thread_name_prefix="argqual")
            work = _Work(self, store, executor, self._events)
            room = threading.Semaphore(self.window)
            threading.Thread(target=self._read, args=(items, argument_of, room), daemon=True).start()
            try:
                yield from self._answers(work, room)
            finally:
                self._stopping = True
                room.release()  # for the thread that reads, should it wait for room
                traffic.stop()
                try:
                    work.finish()
                finally:
                    executor.shutdown()
                    traffic.stopping.clear()
                    traffic.limiter.patience = SHORT_PATIENCE
                    if store is not self.store:
                        store.close()
        if work.error:
            raise work.error
        self.ended = "finished" if work.complete else "budget" if work.out_of_budget else "stopped"

    def _answers(self, work: _Work[T], room: threading.Semaphore) -> Iterator[tuple[T, Assessment]]:
        while True:
            work.stopping = self._stopping
            moved = work.dispatch()
            for item, assessment in work.due():
                yield item, assessment
                room.release()
            if work.over:
                yield from work.due(last=True)
                return
            if not moved:
                work.wait()

    def _read(self, items: Iterable[T], argument_of: Callable[[T], Argument], room: threading.Semaphore) -> None:
        error: BaseException | None = None
        try:
            for number, item in enumerate(items):
                room.acquire()
                if self._stopping:
                    return
                argument = key = problem = None
                try:
                    argument = argument_of(item)
                    key = self.judge.key(argument)
                except InputError as wrong:
                    problem = self.judge.failed(argument, Status.SKIPPED, wrong.message)
                self._events.put(_Item(number, item, argument, key, problem))
        except BaseException as wrong:  # goes on in the thread that waits for the items
            error = wrong
        self._events.put(_End(error))


@dataclass(frozen=True)
class _End:
    error: BaseException | None


@dataclass(frozen=True)
class _Done:
    key: str
    outcome: Assessment | BaseException


class _Work(Generic[T]):
    """The state of a run, touched by one thread only."""

    def __init__(self, batch: Batch[T], store: Store, executor: ThreadPoolExecutor, events: SimpleQueue[Any]) -> None:
        self.batch, self.judge, self.spending = batch, batch.judge, batch.spending
        self.store, self.executor, self.events = store, executor, events
        self.stopping = False
        self.out_of_budget = False
        self.error: BaseException | None = None
        self._end: _End | None = None
        self._next = 0
        self._fresh: list[_Item[T]] = []  # read, not yet looked up
        self._to_ask: deque[str] = deque()
        self._order = Order(batch.judge)
        self._asked_elsewhere: set[str] = set()
        self._asked_elsewhere_at = self._gathered_at = 0.0
        self._gather_seconds = min(_GATHER_SECONDS * batch.concurrency, 0.02)
        self._waiting: dict[str, list[_Item[T]]] = {}  # by key: to be asked or under way
        self._results: dict[int, tuple[T, Assessment]] = {}
        self._doubtful: list[tuple[_Item[T], Assessment, BaseException | None]] = []
        self._doubtful_keys: set[str | None] = set()
        self._ever_answered = False

    @property
    def complete(self) -> bool:
        """Every item has its answer."""
        return self._end is not None and not self._waiting and not self._fresh

    @property
    def over(self) -> bool:
        """Nothing is under way, and nothing more will be asked."""
        given_up = self.stopping or self.error is not None or self.out_of_budget
        return not self.spending.reserved and (given_up or self.complete)

    @property
    def _stuck(self) -> bool:
        """Nothing more can be read before a failure that waits for a success is handed on."""
        held = len(self._results) + len(self._doubtful)
        return bool(self._doubtful) and not self._waiting and held >= self.batch.window

    def due(self, *, last: bool = False) -> Iterator[tuple[T, Assessment]]:
        """What can be handed on in order. Failures wait for a success after them, for the end, or for lack of room."""
        if last or self._stuck:  # where an error ends the run, rows that did not reach the model are left to the next
            self._release_doubtful(all_of_them=not (last and self.error))
        if last and not self.error and self._end:
            self.error = self._end.error
        while self._next in self._results:
            item, assessment = self._results.pop(self._next)
            self._next += 1
            self.spending.tally.add(assessment)
            yield item, assessment

    def wait(self) -> None:
        """Wait for something to happen, and take in all that has."""
        happened: list[Any] = []
        with suppress(Empty):
            happened.append(self.events.get(timeout=_ASK_AGAIN_SECONDS if self._asked_elsewhere else None))
            if (early := self._gathered_at + self._gather_seconds - time.monotonic()) > 0:
                time.sleep(early)
            while len(happened) < 1000:
                happened.append(self.events.get_nowait())
        self._gathered_at = time.monotonic()
        done = []
        for event in happened:
            if isinstance(event, _Item):
                self._fresh.append(event)
            elif isinstance(event, _End):
                self._end = event
            elif isinstance(event, _Done):
                done.append(event)
        if done:
            self._take_in(done)

    def finish(self) -> None:
        """Take in what is still under way, so that it is kept."""
        while self.spending.reserved:
            self.wait()

    def dispatch(self) -> bool:
        """Answer what is kept already, and ask what is not, as far as there is room; whether anything came of it."""
        self._look_up()
        if self.stopping or self.error or self.out_of_budget:
            return False
        again: list[str] = []
        now = time.monotonic()
        if self._asked_elsewhere and now - self._asked_elsewhere_at >= _ASK_AGAIN_SECONDS:
            again, self._asked_elsewhere_at = list(self._asked_elsewhere), now
        free = self.batch.workers - len(self.spending.reserved)
        keys = again + self._order.take(self._to_ask, max(free - len(again), 0), self._argument)
        if not keys:
            return False
        claims = self.store.claim(keys)
        for key, assessment in claims.found.items():
            self._asked_elsewhere.discard(key)
            self._answered(key, assessment, asked=False)
        self._asked_elsewhere |= claims.elsewhere
        refused = []
        for key in keys:
            if key not in claims.granted:
                continue
            self._asked_elsewhere.discard(key)
            if len(self.spending.reserved) >= self.batch.workers:
                refused.append(key)
            elif self.spending.reserve(key, self._argument(key)):
                self.executor.submit(self._ask, key, self._argument(key))
            else:  # at the end of the budget, wait for what is under way to cost less
                self.out_of_budget = not self.spending.reserved
                refused.append(key)
        if refused:
            self._to_ask.extendleft(reversed(refused))
            self.store.settle({}, refused)
        return bool(claims.found) or len(refused) < len(claims.granted)

    def _look_up(self) -> None:
        fresh, self._fresh = self._fresh, []
        keys = [each.key for each in fresh if each.key is not None and each.key not in self._waiting]
        found = self.store.get(list(dict.fromkeys(keys))) if keys else {}
        since = self.batch.failures_since
        failed = {} if since is None else self.store.failures([key for key in keys if key not in found], since)
        for each in fresh:
            if each.problem is not None:
                self._results[each.number] = (each.item, each.problem)
            elif each.key in found:
                self._hand_on(each, found[each.key], asked=False)
            elif each.key in failed:
                self._hand_on(each, failed[each.key], asked=False, doubtful=False)
            else:
                assert each.key is not None
                waiting = self._waiting.setdefault(each.key, [])
                if not waiting:
                    self._to_ask.append(each.key)
                waiting.append(each)

    def _argument(self, key: str) -> Argument:
        argument = self._waiting[key][0].argument
        assert argument is not None
        return argument

    def _ask(self, key: str, argument: Argument) -> None:
        """In a thread of the executor."""
        outcome: Assessment | BaseException
        try:
            outcome = self.judge.assess(argument)
        except BaseException as error:  # handed to the thread that decides
            outcome = error
        self.events.put(_Done(key, outcome))

    def _take_in(self, done: list[_Done]) -> None:
        """Keep answers, in one transaction and before anything else is asked; then hand them on."""
        answered = {each.key: each.outcome for each in done if isinstance(each.outcome, Assessment)}
        failures = [(each.key, paid_failure(self.judge, self._argument(each.key), each.outcome)) for each in done]
        failed = {key: failure for key, failure in failures if failure}
        self.store.settle(answered, [each.key for each in done if each.key not in answered], failed)
        for each in done:
            if isinstance(each.outcome, Assessment):
                self.spending.paid(each.key, each.outcome.usage)
                self._answered(each.key, each.outcome, asked=True)
            else:
                self._failed(each.key, each.outcome)

    def _answered(self, key: str, assessment: Assessment, *, asked: bool) -> None:
        for number, each in enumerate(self._waiting.pop(key)):
            self._hand_on(each, assessment, asked=asked and number == 0)

    def _hand_on(self, each: _Item[T], assessment: Assessment, *, asked: bool, doubtful: bool = True) -> None:
        self.spending.tally.kept += not asked
        if each.argument and each.argument.id != assessment.argument_id:
            assessment = assessment.model_copy(update={"argument_id": each.argument.id})
        if doubtful and assessment.status in FAILURES:
            self._doubt(each, assessment, None)
            return
        if asked and keepable(assessment):
            self._ever_answered = True
            self._release_doubtful()
        self._results[each.number] = (each.item, assessment)

    def _failed(self, key: str, error: BaseException) -> None:
        reserved = self.spending.failed(key, getattr(error, "answered", None))
        if isinstance(error, Stopped):
            if self._waiting.get(key):
                self._to_ask.appendleft(key)
            return
        if isinstance(error, Outage) or not isinstance(error, ArgqualError):
            self.error = self.error or error
            return
        if isinstance(error, CredentialsError | UnknownModelError) and not self._ever_answered:
            self.error = self.error or error
            return
        self.spending.lost(error.lost, reserved)
        for each in self._waiting.pop(key):
            assessment = self.judge.failed(each.argument, Status.FAILED, error.message, lost=error.lost)
            if isinstance(error, InputError | TextRefused):  # says nothing of the next one
                self._results[each.number] = (each.item, assessment)
            else:
                self._doubt(each, assessment, error)

    def _doubt(self, each: _Item[T], assessment: Assessment, error: BaseException | None) -> None:
        """Hold a failure back: when it is one of many in a row, the fault is not the argument's."""
        self._doubtful.append((each, assessment, error))
        self._doubtful_keys.add(each.key)  # equal arguments fail together, and say no more than one
        if len(self._doubtful_keys) < HOPELESS or self.error:
            return
        reason, hint = assessment.overall.reason, getattr(error, "hint", None)
        kind = Unreachable if isinstance(error, Unreachable) else ModelError
        self.error = kind(
            f"{HOPELESS} arguments in a row failed, so nothing more is asked. The last one: {reason}",
            hint=hint or "Try one argument by itself, or another --readout or --model.",
        )

    def _release_doubtful(self, *, all_of_them: bool = True) -> None:
        for each, assessment, error in self._doubtful:
            if all_of_them or not isinstance(error, Unreachable):
                self._results[each.number] = (each.item, assessment)
        self._doubtful.clear()
        self._doubtful_keys.clear()


def assess_all(
    judge: Judge,
    arguments: Iterable[Argument | str],
    *,
    store: Store | None = None,
    concurrency: int | None = None,
    max_cost: float | None = None,
) -> Iterator[Assessment]:
    """Rate many arguments side by side, in order, equal ones once; those in the store are not asked again.

    One that cannot be used or fails has that status instead of values. See `Batch`
    for the parameters and errors, and for how a run ended.
    """
    batch: Batch[Argument | str] = Batch(judge, store=store, concurrency=concurrency, max_cost=max_cost)
    for _, assessment in batch.run(arguments, lambda item: item if isinstance(item, Argument) else Argument(item)):
        yield assessment
