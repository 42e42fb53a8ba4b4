"""What becomes of a request to the chat server: limits, faults, and what is counted."""

from __future__ import annotations

import json
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Literal

from chatanswers import Asked, completion, text_digest, utf8
from oddities import ODDITIES

FAULTS = {
    "429": "too many requests, with Retry-After",
    "429_bare": "too many requests, without it",
    "401": "the key is refused",
    "refused": "400, with the credentials and the user's text in the message",
    "500": "the server failed",
    "503": "the server is overloaded",
    "slow": "a good answer after `slow_seconds`",
    "hang": "no answer for an hour",
    "reset": "the connection is reset after half of the answer",
    "reset_before": "the connection is reset before the answer",
    "malformed": "200, with a body that is cut off or no JSON",
    "truncated": "an answer that stops midway, for its length",
    "no_logprobs": "an answer without the log-probabilities that were asked for",
    "wrong_level": "one code that the question does not have, with the most probability",
    "empty": "an answer without text",
    **{f"odd_{name}": "as in oddities.py" for name in ODDITIES},
}
# As with real servers, what is refused is refused at once; all else takes its time.
_AT_ONCE = {"429", "429_bare", "401", "refused"}
_SPOILED = {"truncated", "no_logprobs", "wrong_level", "empty"}
_HANG_SECONDS = 3600.0


@dataclass(frozen=True)
class Settings:
    """How the server behaves.

    Parameters
    ----------
    latency, slow_seconds
        Seconds to an answer, and to a `slow` one.
    faults
        Probability of each fault (`FAULTS`), drawn once a request; they sum to 1 at most.
    seed
        Of the draws. Which request meets which draw hangs on the order of arrival.
    retry_after
        Seconds in Retry-After of a `429`, and of a refusal by `limit_in_flight`.
    faults_per_prompt
        Most faults for requests with the same first user message.
    limit_in_flight
        Most requests at once; the others get a 429.
    requests_per_second
        A token bucket that holds one second's requests (at least one) and is full at
        first; a request that finds it empty gets a 429 whose Retry-After is the time
        until the next token.
    refused_words
        A content filter refuses every text that has them (400).
    rate_headers
        Whether answers carry the bucket's state as `x-ratelimit-…-requests`.
    """

    latency: float = 0.0
    faults: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    retry_after: float = 0.0
    slow_seconds: float = 1.0
    faults_per_prompt: int | None = None
    limit_in_flight: int | None = None
    requests_per_second: float | None = None
    rate_headers: bool = False
    refused_words: str = ""

    def __post_init__(self) -> None:
        if unknown := set(self.faults) - set(FAULTS):
            raise ValueError(f"no such faults: {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}")
        if min(self.faults.values(), default=0) < 0 or math.fsum(self.faults.values()) > 1 + 1e-9:
            raise ValueError("the faults' probabilities are 0 or more and sum to 1 at most")
        if self.requests_per_second is not None and self.requests_per_second <= 0:
            raise ValueError("requests_per_second is more than 0")
        if self.rate_headers and self.requests_per_second is None:
            raise ValueError("rate_headers needs requests_per_second")


@dataclass
class Statistics:
    """What happened since the start or the last reset.

    An answer counts as sent in full when the operating system has taken all of it and the
    connection still stood; whether the client then read it is not known.

    Parameters
    ----------
    received
        Chat completions asked for.
    answered
        Answers with status 200 that were sent in full, the malformed ones too.
    charged
        Completions that were sent in full, good or spoiled (`truncated`, `no_logprobs`,
        `wrong_level`, `empty`).
    limited
        Requests refused by the limits, which are no faults.
    faults
        How often each fault was chosen.
    paid
        Good answers sent in full, by `prompt_digest`.
    paid_after_success
        Prompts that were asked again after a good answer to them had been sent in full.
    good_by_first_user
        Good answers sent in full, by `text_digest` of the first user message.
    in_flight, max_in_flight
        Requests not answered yet: now, and at most (those that were then refused too).
    """

    received: int = 0
    answered: int = 0
    charged: int = 0
    limited: int = 0
    paid_after_success: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    paid: Counter[str] = field(default_factory=Counter)
    good_by_first_user: Counter[str] = field(default_factory=Counter)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Statistics:
        values: dict[str, Any] = {
            name: Counter(value) if isinstance(value, dict) else value for name, value in found.items()
        }
        return cls(**values)


@dataclass(slots=True)
class Reply:
    """What is sent, when, and what it counts as once it has been sent."""

    status: int
    body: bytes
    headers: str = ""
    delay: float = 0.0
    ending: Literal["", "hang", "reset", "reset_before"] = ""
    counts: bool = True
    charged: bool = False
    paid: tuple[str, str] | None = None


_ERRORS = {
    "429": (429, "rate_limit_exceeded", "Rate limit reached. Please try again later."),
    "429_bare": (429, "rate_limit_exceeded", "Rate limit reached. Please try again later."),
    "401": (401, "invalid_api_key", "Incorrect API key provided."),
    "500": (500, "server_error", "The server had an error while processing your request."),
    "503": (503, "overloaded", "The server is overloaded. Please try again later."),
}


def refusal(status: int, code: str, message: str, **more: Any) -> Reply:
    return Reply(status, json.dumps({"error": {"message": message, "type": code, "code": code}}).encode(), **more)


def _duration(seconds: float) -> str:
    """As OpenAI's headers write it: 120ms, 1.5s, 6m0s."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f}m{rest:.0f}s" if minutes else f"{rest:.3f}".rstrip("0").rstrip(".") + "s"


class Bucket:
    """Tokens that come back at a steady rate."""

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self.capacity = max(1.0, per_second)
        self._left = self.capacity
        self._at = time.monotonic()

    def left(self) -> float:
        now = time.monotonic()
        self._left = min(self.capacity, self._left + (now - self._at) * self.per_second)
        self._at = now
        return self._left

    def take(self) -> float:
        """Take a token; the seconds to wait for one if there is none (0 when it was taken)."""
        left = self.left()
        if left < 1:
            return (1 - left) / self.per_second
        self._left = left - 1
        return 0.0

    def headers(self) -> str:
        left = self.left()
        return (
            f"x-ratelimit-limit-requests: {int(self.capacity)}\r\nx-ratelimit-remaining-requests: {int(left)}\r\n"
            f"x-ratelimit-reset-requests: {_duration((self.capacity - left) / self.per_second)}\r\n"
        )


class Desk:
    """Decides what becomes of each request, and counts. Belongs to one thread."""

    def __init__(self, settings: Settings, fault_for: Callable[[Any], str | None] | None = None) -> None:
        self.fault_for = fault_for
        self.statistics = Statistics()
        self._asked_again: set[str] = set()
        self._prefixes: dict[str, Any] = {}
        self._number = 0
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Behave like this from the next request on; the faults' draws begin again, and the bucket is full."""
        self.settings = settings
        self._bucket = Bucket(settings.requests_per_second) if settings.requests_per_second else None
        self._draw_again()

    def reset(self) -> None:
        """Forget what happened, but for what is still under way."""
        under_way = self.statistics.in_flight
        self.statistics = Statistics(in_flight=under_way, max_in_flight=under_way)
        self._asked_again.clear()
        self._draw_again()

    def _draw_again(self) -> None:
        self._draws = random.Random(f"faults {self.settings.seed}")
        self._details = random.Random(f"details {self.settings.seed}")
        self._faults_given: Counter[str] = Counter()

    def received(self, body: bytes, authorization: Callable[[], str]) -> Reply:
        """What to answer to a chat completion's body."""
        counts = self.statistics
        counts.received += 1
        counts.in_flight += 1
        counts.max_in_flight = max(counts.max_in_flight, counts.in_flight)
        wait = self._bucket.take() if self._bucket else 0.0
        try:
            reply = self._limited(wait) or self._reply(body, authorization)
        except Exception:  # of `fault_for`
            counts.in_flight -= 1
            raise
        if self._bucket and self.settings.rate_headers:
            reply.headers += self._bucket.headers()
        return reply

    def _limited(self, wait: float) -> Reply | None:
        limit = self.settings.limit_in_flight
        if limit is not None and self.statistics.in_flight > limit:
            wait = self.settings.retry_after
        elif not wait:
            return None
        self.statistics.limited += 1
        return refusal(*_ERRORS["429"], headers=f"Retry-After: {wait:g}\r\n")

    def _reply(self, body: bytes, authorization: Callable[[], str]) -> Reply:
        try:
            asked = Asked.read(body)
        except ValueError as error:
            return refusal(400, "invalid_request_error", str(error))
        digest = self._digest(asked)
        if digest in self.statistics.paid and digest not in self._asked_again:
            self._asked_again.add(digest)
            self.statistics.paid_after_success += 1
        fault = self._fault(asked)
        delay = 0.0 if fault in _AT_ONCE else self.settings.latency
        if fault in _ERRORS:
            headers = f"Retry-After: {self.settings.retry_after:g}\r\n" if fault == "429" else ""
            return refusal(*_ERRORS[fault], headers=headers, delay=delay)
        if fault == "refused":
            said = f"Invalid request from '{authorization()}': {asked.argument}"
            return refusal(400, "invalid_request_error", said)
        return self._answer(asked, fault, digest, delay)

    def _answer(self, asked: Asked, fault: str | None, digest: str, delay: float) -> Reply:
        if odd := ODDITIES.get((fault or "").removeprefix("odd_")):
            return Reply(odd.status, odd.body, odd.headers, delay, charged=odd.status == 200)
        wrong = self._details.randrange(len(asked.form)) if asked.form and fault == "wrong_level" else None
        tokens = [] if fault == "empty" else asked.tokens(wrong)
        if fault == "truncated":
            tokens = tokens[: len(tokens) // 2]
        self._number += 1
        body = completion(
            asked,
            tokens,
            number=self._number,
            logprobs=asked.logprobs and fault != "no_logprobs",
            finish="length" if fault == "truncated" else "stop",
        )
        reply = Reply(200, body, delay=delay)
        if fault is None or fault == "slow":
            reply.charged, reply.paid = True, (digest, text_digest(asked.argument))
            if fault:
                reply.delay = self.settings.slow_seconds
        elif fault in _SPOILED:
            reply.charged = True
        elif fault == "malformed":
            cut = self._details.random() < 0.5
            reply.body = body[: len(body) // 2] if cut else b"<html><body>Bad gateway</body></html>"
        elif fault == "hang":
            reply.ending, reply.delay = "hang", _HANG_SECONDS
        elif fault in ("reset", "reset_before"):
            reply.ending = fault
        return reply

    def _digest(self, asked: Asked) -> str:
        """`prompt_digest`, with the first message's part of it, which seldom changes, remembered."""
        first = asked.contents[0]
        begun = self._prefixes.get(first)
        if begun is None:
            if len(self._prefixes) >= 64:
                self._prefixes.clear()
            begun = self._prefixes[first] = sha256(utf8(first) + b"\0")
        digest = begun.copy()
        for content in asked.contents[1:]:
            digest.update(utf8(content) + b"\0")
        return str(digest.hexdigest()[:16])

    def _fault(self, asked: Asked) -> str | None:
        fault = self.fault_for(asked.body) if self.fault_for else None
        if self.settings.refused_words and self.settings.refused_words in asked.argument:
            fault = "odd_filter_azure"
        if fault is None and self.settings.faults:
            drawn = self._draws.random()
            for name, share in self.settings.faults.items():
                if drawn < share:
                    fault = name
                    break
                drawn -= share
        if fault is None:
            return None
        if fault not in FAULTS:
            raise ValueError(f"no such fault: {fault}")
        if (fault == "wrong_level" and not asked.form) or (fault == "no_logprobs" and not asked.logprobs):
            return None  # nothing to spoil
        most = self.settings.faults_per_prompt
        if most is not None:
            key = text_digest(asked.argument)
            if self._faults_given[key] >= most:
                return None
            self._faults_given[key] += 1
        self.statistics.faults[fault] += 1
        return fault

    def sent(self, reply: Reply) -> None:
        """Count an answer that has been sent in full."""
        counts = self.statistics
        counts.in_flight -= 1
        counts.answered += reply.status == 200
        counts.charged += reply.charged
        if reply.paid:
            counts.paid[reply.paid[0]] += 1
            counts.good_by_first_user[reply.paid[1]] += 1

    def lost(self) -> None:
        """Count a request whose connection is gone before its answer was sent."""
        self.statistics.in_flight -= 1

    def control(self, method: str, path: str, body: bytes) -> Reply:
        """Answer what is asked about the server itself."""
        if (method, path) == ("GET", "/stats"):
            return Reply(200, json.dumps(vars(self.statistics)).encode(), counts=False)
        if (method, path) == ("POST", "/reset"):
            self.reset()
            return Reply(200, b"{}", counts=False)
        if (method, path) == ("POST", "/configure"):
            try:
                self.configure(replace(self.settings, **json.loads(body)))
            except (TypeError, ValueError) as error:
                return refusal(400, "invalid_request_error", str(error), counts=False)
            return Reply(200, b"{}", counts=False)
        return refusal(404, "not_found", f"{method} {path} is not known here", counts=False)
