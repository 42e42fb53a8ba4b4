"""The rate limiter of a host: how hard it is asked, and what is waited out."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from dspy.lm15 import AuthError, BillingError, InvalidRequestError, RateLimitError, ServerError, TransportError

from argqual.assessment import Status
from argqual.downloads.http import seconds_from
from argqual.errors import Outage, Stopped
from argqual.judging.judge import Judge
from argqual.models import traffic as module
from argqual.models.traffic import RateLimiter, RefusedByServer, Traffic, fault_of, heed_headers
from loopback import Loopback


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_DELAY", 0.001)
    monkeypatch.setattr(module, "_LONGEST_DELAY", 0.01)


class Server:
    """A fake of a server, as a function: raises the errors it is given, one a call, then answers."""

    def __init__(self, *errors: Exception | None) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        error = self.errors.pop(0) if self.errors else None
        if error:
            raise error
        return "answer"


def send(traffic: Traffic, server: Server) -> tuple[str, int]:
    def once() -> str:
        with traffic.under_way():
            return server()

    return traffic.run(once)


def transport(cause: str) -> TransportError:
    error = TransportError("broken")
    error.__cause__ = type(cause, (Exception,), {})("cause")
    return error


@pytest.mark.parametrize(
    ("error", "kind", "lost"),
    [
        (RateLimitError("slow down", status=429), "rate limit", False),
        (ServerError("overloaded", status=503), "overload", False),
        (ServerError("broken", status=500), "server error", False),
        (transport("ConnectError"), "connection", False),
        (transport("ReadError"), "connection", True),
        (transport("ReadTimeout"), "timeout", True),
        (ValueError("not JSON"), "broken answer", True),
        (RecursionError("nested without end"), "broken answer", True),
        (RefusedByServer(429, "", {}), "rate limit", False),
        (RefusedByServer(502, "", {}), "server error", False),
    ],
)
def test_a_passing_failure_is_told_by_its_kind(error: Exception, kind: str, lost: bool) -> None:
    fault = fault_of(error)
    assert fault is not None
    assert (fault.kind, fault.lost) == (kind, lost)


@pytest.mark.parametrize(
    "error",
    [
        AuthError("no", status=401),
        BillingError("no credit", status=429),
        InvalidRequestError("bad", status=400),
        RefusedByServer(401, "", {}),
        RefusedByServer(400, "", {}),
        RefusedByServer(501, "", {}),
        KeyError("a mistake of our own"),
    ],
)
def test_what_would_fail_again_is_not_asked_again(error: Exception, quick: None) -> None:
    server = Server(error)
    with pytest.raises(type(error)):
        send(Traffic(RateLimiter(ceiling=4)), server)
    assert server.calls == 1


def test_passing_failures_are_waited_out(quick: None) -> None:
    server = Server(ServerError("x", status=503), RateLimitError("x", status=429), transport("ConnectError"))
    answer, lost = send(Traffic(RateLimiter(ceiling=4, patience=60)), server)
    assert (answer, lost, server.calls) == ("answer", 0, 4)


def test_an_answer_is_lost_at_most_three_times(quick: None) -> None:
    server = Server(*[transport("ReadError")] * 9)
    with pytest.raises(TransportError) as raised:
        send(Traffic(RateLimiter(ceiling=4, patience=60)), server)
    assert server.calls == 3
    assert raised.value.lost == 3  # type: ignore[attr-defined]


def test_lost_answers_are_counted_with_the_answer_that_came(quick: None) -> None:
    assert send(Traffic(RateLimiter(ceiling=4, patience=60)), Server(transport("ReadError"))) == ("answer", 1)


def test_the_server_s_wait_is_kept_for_all(quick: None) -> None:
    limiter = RateLimiter(ceiling=4, patience=60)
    began = time.monotonic()
    send(Traffic(limiter), Server(RateLimitError("x", status=429, retry_after=0.3)))
    assert time.monotonic() - began >= 0.3


def test_a_wait_beyond_all_patience_is_not_waited_for() -> None:
    limiter = RateLimiter(ceiling=4, patience=1.0)
    with pytest.raises(Outage, match="asks to wait 600 seconds"):
        send(Traffic(limiter), Server(RateLimitError("x", status=429, retry_after=600.0)))


def test_more_is_asked_as_long_as_all_goes_well_and_less_when_it_is_too_much() -> None:
    limiter = RateLimiter(ceiling=64)
    traffic = Traffic(limiter)
    grown = _in_parallel(traffic, 400, workers=64, seconds=0.05)
    assert grown > 40
    before = limiter.limit
    limiter.failed(
        module.PassingFailure("rate limit"), limiter.enter(time.monotonic(), traffic.stopping), RateLimitError("x")
    )
    assert limiter.limit == pytest.approx(before * 0.7, abs=1)


def test_failures_of_one_moment_count_once() -> None:
    limiter = RateLimiter(ceiling=10)
    sent = [limiter.enter(time.monotonic(), threading.Event()) for _ in range(8)]
    for moment in sent:
        limiter.failed(module.PassingFailure("rate limit"), moment, RateLimitError("x"))
    assert int(limiter._limit) == 5  # 8 × 0.7


def test_never_more_than_the_ceiling_is_under_way() -> None:
    limiter = RateLimiter(ceiling=5)
    assert _in_parallel(Traffic(limiter), 100, workers=20, seconds=0.002) == 5


def _in_parallel(traffic: Traffic, count: int, *, workers: int, seconds: float) -> int:
    """Most requests that were under way at once."""
    most = now = 0
    lock = threading.Lock()

    def once() -> None:
        nonlocal most, now
        with traffic.under_way():
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(seconds)
            with lock:
                now -= 1

    def work() -> None:
        for _ in range(count // workers):
            traffic.run(once)

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return most


def test_a_host_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
    monkeypatch.setattr(module, "_PATIENCE_WITH_STRANGERS", 0.05)
    limiter = RateLimiter(ceiling=4, patience=600)
    began = time.monotonic()
    with pytest.raises((Outage, TransportError)):
        for _ in range(10):
            send(Traffic(limiter), Server(*[transport("ConnectError")] * 99))
    assert time.monotonic() - began < 5


def test_an_outage_is_outlasted(quick: None) -> None:
    """More failures than one request may have, but no more than patience: everything comes back."""
    limiter = RateLimiter(ceiling=4, patience=60)
    traffic = Traffic(limiter)
    send(traffic, Server())
    down = [transport("ConnectError") for _ in range(40)]
    server = Server(*down)
    answers: list[object] = []
    errors: list[Exception] = []

    def work() -> None:
        try:
            answers.append(send(traffic, server))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) >= 4  # those that had not used up their tries when the outage was recognised
    assert not server.errors
    assert all(isinstance(error, TransportError) for error in errors)


def test_what_waits_gives_way_when_the_run_stops() -> None:
    limiter = RateLimiter(ceiling=1)
    traffic = Traffic(limiter)
    limiter.pause(60)
    threading.Timer(0.05, traffic.stop).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        send(traffic, Server())
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "1m30s")], 90),
        ([("X-RateLimit-Remaining-Tokens", "0"), ("X-RateLimit-Reset-Tokens", "120ms")], 0.12),
        ([("x-ratelimit-remaining-requests", "3"), ("x-ratelimit-reset-requests", "1m")], 0),
        ([("x-ratelimit-remaining-requests", "0")], 0),
        ([("x-ratelimit-remaining-requests", "none"), ("x-ratelimit-reset-requests", "soon")], 0),
    ],
)
def test_rate_limit_headers_are_heeded(headers: list[tuple[str, str]], seconds: float) -> None:
    limiter = RateLimiter(patience=600)
    heed_headers(limiter, headers)
    assert limiter.paused_for == pytest.approx(seconds, abs=0.05)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("12", 12.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("1m30s", 90.0),
        ("6m0s", 360.0),
        ("1h2m3.5s", 3723.5),
        ("8.64s", 8.64),
        ("17ms", 0.017),
        ("250us", 0.00025),
        ("30 seconds", 30.0),
        ("1 min, 30 s", 90.0),
        ("PT1M30S", 90.0),
        ("2d", 172800.0),
        ("soon", None),
        ("", None),
        ("-1", None),
        ("5 parsecs", None),
        (None, None),
    ],
)
def test_a_wait_is_read_in_all_its_forms(said: str | None, seconds: float | None) -> None:
    assert seconds_from(said) == (None if seconds is None else pytest.approx(seconds))


def moments(seconds: float) -> list[str]:
    """A moment in so many seconds, in the forms in which servers write it."""
    when = datetime.now(UTC) + timedelta(seconds=seconds)
    epoch = when.timestamp()
    numbers = [f"{epoch:.0f}", f"{epoch:.3f}", f"{epoch * 1e3:.0f}", f"{epoch * 1e6:.0f}", str(float(round(epoch)))]
    iso = [when.isoformat(), when.isoformat().replace("+00:00", "Z"), when.replace(tzinfo=None).isoformat()]
    return [*numbers, *iso, format_datetime(when, usegmt=True)]


@pytest.mark.parametrize("form", range(len(moments(0))))
def test_a_moment_is_no_duration(form: int) -> None:
    assert seconds_from(moments(40)[form]) == pytest.approx(40, abs=2)
    assert seconds_from(moments(-40)[form]) == 0.0
    assert RefusedByServer(429, "", {"Retry-After": moments(40)[form]}).retry_after == pytest.approx(40, abs=2)
    limiter = RateLimiter(patience=600)
    heed_headers(limiter, [("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", moments(40)[form])])
    assert limiter.paused_for == pytest.approx(40, abs=2)


def test_a_moment_that_dspy_took_for_a_duration_is_one_again() -> None:
    fault = fault_of(RateLimitError("x", status=429, retry_after=float(moments(40)[0])))
    assert fault is not None and fault.wait == pytest.approx(40, abs=2)


@pytest.mark.parametrize("value", ["limit=100, remaining=0, reset=50", '"default";r=0;t=50'])
def test_a_limit_in_one_header_is_heeded(value: str) -> None:
    limiter = RateLimiter(patience=600)
    heed_headers(limiter, [("RateLimit", value.replace("=0", "=7"))])
    assert limiter.paused_for == 0
    heed_headers(limiter, [("RateLimit", value)])
    assert limiter.paused_for == pytest.approx(50, abs=1)


@pytest.mark.parametrize("form", ["600 ms", "epoch", "date"])
@pytest.mark.parametrize("engine", ["lm15", "litellm"])
def test_a_server_that_says_when_is_asked_again_then(loopback: Loopback, form: str, engine: str) -> None:
    date = format_datetime(datetime.now(UTC), usegmt=True)
    when = {"600 ms": "600ms", "epoch": f"{time.time():.0f}", "date": date}[form]
    loopback.reply_headers = {"Retry-After": when}
    loopback.reply(429, {"error": {"message": "slow down"}})
    loopback.say("relevance: 4\nacceptability: 4\nsufficiency: 4")
    judge = Judge("ratio", model="openai/test", api_base=f"{loopback.url}/v1", readout="label", engine=engine)
    assert judge.assess("We should walk.").status is Status.OK
    first, second = loopback.times
    assert (0.6 if form == "600 ms" else 0.0) <= second - first < 20


def test_a_limit_may_be_renewed_at_a_date() -> None:
    limiter = RateLimiter(patience=600)
    when = (datetime.now(UTC) + timedelta(seconds=60)).isoformat()
    heed_headers(
        limiter, [("anthropic-ratelimit-requests-remaining", "0"), ("anthropic-ratelimit-requests-reset", when)]
    )
    assert limiter.paused_for == pytest.approx(60, abs=3)


def test_retry_after_may_be_a_date() -> None:
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert RefusedByServer(429, "", {"retry-after": when}).retry_after == pytest.approx(30, abs=2)
