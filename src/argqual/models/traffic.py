"""How hard a server is asked: its limit is found by trying, and its failures are waited out.

There is one `RateLimiter` a host in a process. It starts with a few requests at once, adds
while all goes well, backs off when the server says that it is too much, and keeps
still while the server asks for it (`Retry-After`, rate-limit headers). `Traffic` sends
one model's requests through its host's limiter and repeats what is worth repeating: rate
limits, overload, timeouts and broken connections; never a request that was refused.

A request that may still be worked on is never sent a second time beside the first:
there is no hedging of stragglers, and a repeat starts only after the connection of the
first one is gone.
"""

from __future__ import annotations

import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from argqual.downloads.files import chain_of
from argqual.downloads.http import seconds_from
from argqual.errors import Outage, Stopped

T = TypeVar("T")
Kind = Literal["rate limit", "overload", "server error", "timeout", "connection", "broken answer"]
_TOO_MUCH = ("rate limit", "overload")

START = 8  # requests at once before anything is known of a server
MAX_TRIES = 5
_MOST_REFUSALS = 20  # by a rate limit, of one request
MAX_LOST = 2  # repeats of a request that may have been charged although no answer came
SHORT_PATIENCE = 1.0
LONG_PATIENCE = 600.0
_PATIENCE_WITH_STRANGERS = 20.0  # a host that never answered: more likely a wrong address than an outage
_PATIENCE_WITH_NONSENSE = 5.0  # one that never gave anything but pages and halves: no model's, or not yet
_LONGEST_PAUSE = 3600.0
_OUTAGE_AFTER = 8  # failures without one success between them
_NO_LIMIT = 1 << 16  # connections; more are never wanted
_USUALLY_OPEN, _KEPT_FOR_FILES = 32, 32  # descriptors
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 30.0


@dataclass(frozen=True)
class PassingFailure:
    """A failure that may pass.

    `wait` are the seconds that the server asks to wait; `lost` means that the request had been sent and may have been
    charged.
    """

    kind: Kind
    wait: float | None = None
    lost: bool = False


class RefusedByServer(Exception):
    """An HTTP status of 400 or more, from a client of argqual's own."""

    def __init__(self, status: int, said: str, headers: Mapping[str, str]) -> None:
        super().__init__(said)
        self.status = status
        self.retry_after = seconds_from(dict(with_waits(headers.items())).get("retry-after"))


class OddAnswer(Exception):
    """An answer that came whole, and not in the form of one: asking again would bring another like it."""


def fault_of(error: Exception) -> PassingFailure | None:
    """What kind of passing failure this is; None when asking again would change nothing."""
    import httpx
    from dspy.lm15 import BillingError, ProviderError, RateLimitError, ServerError, TransportError
    from dspy.lm15 import TimeoutError as TimedOut

    wait = _asked_wait(error)
    status = getattr(error, "status", None) or 0
    if isinstance(error, BillingError):
        return None
    if isinstance(error, RateLimitError) or status == 429:
        return PassingFailure("rate limit", wait)
    if isinstance(error, TimedOut) or status in (408, 504):
        return PassingFailure("timeout", wait, lost=True)
    if isinstance(error, TransportError | httpx.TransportError):
        causes = {type(cause).__name__ for cause in chain_of(error)}
        if causes & {"ConnectError", "ConnectTimeout", "ConnectionRefusedError", "gaierror"}:
            return PassingFailure("connection")
        return PassingFailure("timeout" if any("Timeout" in cause for cause in causes) else "connection", lost=True)
    if status in (503, 529):
        return PassingFailure("overload", wait)
    if isinstance(error, ServerError) or (isinstance(error, RefusedByServer) and status >= 500 and status != 501):
        return PassingFailure("server error", wait)
    if isinstance(error, ValueError | RecursionError) or (type(error) is ProviderError and status < 300):
        return PassingFailure("broken answer", lost=True)  # no JSON, nested without end, or not an answer's
    return None


def _asked_wait(error: Exception) -> float | None:
    """Seconds that the server asks to wait, from the error or the answer that it stands for (as litellm's do)."""
    said = getattr(error, "retry_after", None)
    if said is None:
        answers = (getattr(each, "response", None) for each in chain_of(error))
        headers: Any = next((found for each in answers if (found := getattr(each, "headers", None))), {})
        said = headers.get("retry-after")
    return seconds_from(said)  # also of DSPy's, which takes a time for a duration


class RateLimiter:
    """How many requests may be under way at one host, found out while asking.

    Doubles each round until the server first says that it is too much, then falls by three tenths and grows by one a
    round, as TCP does (additive increase, multiplicative decrease; Chiu and Jain 1989), to `ceiling` requests at
    most, or to as many connections as this process may open. After `patience` seconds without one success a failing
    server is given up; time that the server itself asks to wait does not count.
    """

    def __init__(self, *, ceiling: int = 1, patience: float = SHORT_PATIENCE) -> None:
        self.ceiling = ceiling
        self.patience = patience
        self.in_flight = 0
        self._limit = float(START)
        self._doubling = True
        self._fell_at = 0.0
        self._paused_until = 0.0
        self._in_a_row = 0
        self._hopeful_since: float | None = None
        self._ever = False
        self._gave_up: tuple[float, str, Exception] | None = None
        self._changed = threading.Condition()

    @property
    def ceiling(self) -> int:
        return self._ceiling

    @ceiling.setter
    def ceiling(self, most: int) -> None:
        self._ceiling = min(most, most_connections())

    @property
    def limit(self) -> int:
        """Requests that may be under way now."""
        return 1 if self.troubled else max(1, min(int(self._limit), self.ceiling))

    def enter(self, began: float, stopping: threading.Event) -> float:
        """Wait until another request may be sent; returns the time (monotonic seconds). Then `leave`.

        Raises `Stopped` when `stopping` is set, and `Outage` when the host was given up after `began`.
        """
        with self._changed:
            while True:
                if stopping.is_set():
                    raise Stopped
                if self._gave_up and self._gave_up[0] >= began:
                    raise Outage(*self._gave_up[1:])
                now = time.monotonic()
                pause = self._paused_until - now
                if pause <= 0 and self.in_flight < self.limit:
                    self.in_flight += 1
                    return now
                self._changed.wait(min(pause, 1.0) if pause > 0 else 1.0)

    def leave(self) -> None:
        """A request is no longer under way."""
        with self._changed:
            self.in_flight -= 1
            self._changed.notify()

    def succeeded(self) -> None:
        """Count a good answer: while all places are taken, the server may bear more."""
        with self._changed:
            self._in_a_row, self._hopeful_since, self._ever = 0, None, True
            if self.in_flight + 1 >= int(self._limit) and self._limit < self.ceiling:
                self._limit = min(self._limit + (1.0 if self._doubling else 1.0 / self._limit), self.ceiling)
                self._changed.notify()

    def refused(self) -> None:
        """Count an answer that was not what was wanted: the server is there, and no busier than before."""
        with self._changed:
            self._in_a_row, self._hopeful_since = 0, None

    def failed(self, fault: PassingFailure, sent: float, error: Exception) -> None:
        """Count a passing failure; gives the host up when there has been no success for too long."""
        with self._changed:
            now = time.monotonic()
            self._in_a_row += 1
            self._hopeful_since = self._hopeful_since or now
            if fault.kind in _TOO_MUCH and sent >= self._fell_at:
                self._limit = max(1.0, min(self._limit, self.ceiling) * 0.7)
                self._doubling, self._fell_at = False, now
            if fault.wait:
                if fault.wait > min(self.patience * 10, _LONGEST_PAUSE):
                    self.give_up(f"it asks to wait {fault.wait:,.0f} seconds", error)
                    return
                self._pause(now + fault.wait)
                self._hopeful_since = max(self._hopeful_since, self._paused_until)
            elif self.troubled:
                self._pause(now + _delay(self._in_a_row - _OUTAGE_AFTER))
            strangers = _PATIENCE_WITH_NONSENSE if fault.kind == "broken answer" else _PATIENCE_WITH_STRANGERS
            patience = self.patience if self._ever else min(self.patience, strangers)
            if now - self._hopeful_since >= patience and self._in_a_row > 1:
                self.give_up(f"no success for {now - self._hopeful_since:,.0f} seconds", error)
            self._changed.notify_all()

    def give_up(self, why: str, error: Exception) -> None:
        """Let everything that waits, and has begun before, fail with an `Outage`."""
        with self._changed:
            self._gave_up = (time.monotonic(), why, error)
            self._in_a_row, self._hopeful_since = 0, None
            self._changed.notify_all()

    def wake(self) -> None:
        """Let everything that waits look again whether it should stop."""
        with self._changed:
            self._changed.notify_all()

    def pause(self, seconds: float) -> None:
        """Send nothing for a while, as the server asks."""
        with self._changed:
            self._pause(time.monotonic() + min(seconds, max(self.patience, 60.0), _LONGEST_PAUSE))

    @property
    def paused_for(self) -> float:
        """Seconds until the next request may be sent (0 when it may be now)."""
        return max(0.0, self._paused_until - time.monotonic())

    @property
    def troubled(self) -> bool:
        """Whether everything has failed for a while."""
        return self._in_a_row >= max(_OUTAGE_AFTER, 2 * int(min(self._limit, self.ceiling)))

    def _pause(self, until: float) -> None:
        self._paused_until = max(self._paused_until, until)


_limiters: dict[str, RateLimiter] = {}
_limiters_lock = threading.Lock()


def most_connections() -> int:
    """How many connections this process may open beside its files: two thirds of the descriptors that are left.

    The other third is for what a connection takes while it is made (its host's name is looked up), and for files.
    """
    try:
        import resource  # Windows has none, and no such limit
    except ImportError:
        return _NO_LIMIT
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if most == resource.RLIM_INFINITY or most > _NO_LIMIT:
        return _NO_LIMIT
    try:
        taken = len(os.listdir("/dev/fd"))
    except OSError:
        taken = _USUALLY_OPEN
    return max(1, (most - taken - _KEPT_FOR_FILES) * 2 // 3)


def limiter_for(host: str, *, ceiling: int = 1) -> RateLimiter:
    """The process's limiter for a host; made when first asked for."""
    with _limiters_lock:
        return _limiters.setdefault(host, RateLimiter(ceiling=ceiling))


class Traffic:
    """One model's requests, through the limiter of its host.

    `stopping` makes everything that waits give way with `Stopped`; what is under way ends
    by itself.
    """

    def __init__(self, limiter: RateLimiter) -> None:
        self.limiter = limiter
        self.stopping = threading.Event()
        self._mine = threading.local()

    def stop(self) -> None:
        self.stopping.set()
        self.limiter.wake()

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Hold a place at the host, from before a request is sent until its answer has been read."""
        now = time.monotonic()
        self._mine.sent = self.limiter.enter(getattr(self._mine, "began", now), self.stopping)
        self._mine.waited = self.waited + self._mine.sent - now
        try:
            yield
        finally:
            self.limiter.leave()

    @property
    def waited(self) -> float:
        """Seconds that this thread has waited for its turn so far."""
        return float(getattr(self._mine, "waited", 0.0))

    def has_waited(self, seconds: float) -> None:
        """Count time for which this thread has waited for its turn elsewhere."""
        self._mine.waited = self.waited + seconds

    def run(self, send: Callable[[], T]) -> tuple[T, int]:
        """Send a request, again where that helps; its answer, and how many requests were lost before it.

        `send` sends it once, inside `under_way`. Raises `Stopped` and `Outage` as `RateLimiter.enter`, and what
        `send` raised last, with the attribute `lost`: requests that may have been charged without an answer.
        """
        self._mine.began = self._mine.sent = time.monotonic()
        tries = refusals = lost = 0
        while True:
            try:
                answer = send()
            except (Stopped, Outage):
                raise
            except Exception as error:
                fault = fault_of(error)
                error.lost = lost + (fault.lost if fault else False)  # type: ignore[attr-defined]
                if fault is None:
                    self.limiter.refused()
                    raise
                self.limiter.failed(fault, self._mine.sent, error)
                lost += fault.lost
                troubled = self.limiter.troubled
                refusals += fault.kind == "rate limit"
                tries += fault.kind != "rate limit" and not troubled  # an outage is not the request's fault
                if lost > MAX_LOST or tries >= MAX_TRIES or refusals >= _MOST_REFUSALS:
                    if troubled:
                        self.limiter.give_up("everything fails", error)
                    raise
                if not fault.wait and not troubled:
                    self.stopping.wait(_delay(tries + refusals - 1))
            else:
                self.limiter.succeeded()
                return answer, lost


def _delay(tries: int) -> float:
    """Seconds before another try: doubling, with full jitter so that many do not come back at once."""
    longest = min(_FIRST_DELAY * 2.0 ** min(tries, 10), _LONGEST_DELAY)
    return random.uniform(longest / 2, longest)  # noqa: S311


def with_waits(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """An answer's headers with `Retry-After` in seconds, which may be a date, a time or a duration such as `1m30s`."""
    found = []
    for name, value in headers:
        if name.lower() == "retry-after":
            name, seconds = "retry-after", seconds_from(value)
            value = value if seconds is None else f"{seconds:.3f}"
        found.append((name, value))
    return found


def heed_headers(limiter: RateLimiter, headers: Iterable[tuple[str, str]]) -> None:
    """Keep still when the rate-limit headers of an answer say that nothing is left until the limit is renewed."""
    used_up: set[str] = set()
    renewed: dict[str, float] = {}
    for name, value in headers:
        name = name.lower()
        if "ratelimit" not in name:
            continue
        unit = "tokens" if "tokens" in name else "requests"
        if "remaining" in name and re.fullmatch(r"0+(\.0+)?", value.strip()):
            used_up.add(unit)
        elif "reset" in name and (seconds := seconds_from(value)) is not None:
            renewed[unit] = seconds
        elif re.search(r"\b(remaining|r)=0+\b", value) and (reset := re.search(r"\b(?:reset|t)=(\d+)", value)):
            limiter.pause(seconds_from(reset[1]) or 0.0)  # all in one header, as the IETF's draft has it
    for unit in used_up & renewed.keys():
        limiter.pause(renewed[unit])
