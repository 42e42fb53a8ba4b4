"""A server that speaks OpenAI's chat completions on loopback, quickly, and misbehaves on demand.

In a test:

    with ChatServer(faults={"429": 0.1, "reset": 0.05}, latency=0.01, seed=1) as server:
        connect("openai/test", api_base=server.url + "/v1", api_key="k")

As a process of its own, for benchmarks (`ChatServerProcess` in Python):

    python tests/chatserver.py --latency 0.2 --faults '{"429": 0.05}' --seed 1

which prints `{"url": "http://127.0.0.1:PORT"}` and serves until it is stopped. `GET /stats`
gives the statistics, `POST /reset` clears them and starts the faults' draws again,
`POST /configure` changes `Settings`.

It answers with one code for each question of the request's JSON Schema, or of the form
in its system message. The codes and their log-probabilities hang on the user message that
holds the argument and the question's name alone, so an argument gets the same ratings whatever
else is asked, and in whatever order. It is no model: the ratings mean nothing. It reads
only requests with a Content-Length, keeps no credentials and streams nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import http.client
import json
import math
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from hashlib import sha256
from typing import Any, Literal, Self

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
}
# As with real servers, what is refused is refused at once; all else takes its time.
_AT_ONCE = {"429", "429_bare", "401", "refused"}
_SPOILED = {"truncated", "no_logprobs", "wrong_level", "empty"}
_HANG_SECONDS = 3600.0
_MOST_HEAD = 65536
_SHAPES = 64  # distributions for each code that can be answered


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


def prompt_digest(contents: Iterable[str]) -> str:
    """Digest of all of a request's messages: SHA-256 of their texts, each with a zero byte after it, 16 digits."""
    return sha256(b"".join(_utf8(content) + b"\0" for content in contents)).hexdigest()[:16]


def text_digest(text: str) -> str:
    """Digest of one text: SHA-256, 16 digits."""
    return sha256(_utf8(text)).hexdigest()[:16]


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


# --- What is answered -------------------------------------------------------------

Token = tuple[str, str]  # its text, and its entry in `logprobs` as JSON


def shares(codes: tuple[str, ...], answered: int, shape: int) -> list[float]:
    """A distribution over codes in which the answered one has the most; `shape` picks one of many."""
    draws = random.Random(f"{codes} {answered} {shape}")
    weights = [draws.uniform(0.001, 1.0) + (index == answered) for index in range(len(codes))]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def _code_token(codes: tuple[str, ...], top: int, answered: int, shape: int, *, wrong: bool = False) -> Token:
    likely = dict(zip(codes, shares(codes, answered, shape), strict=True))
    if wrong:
        other = next(code for code in ("9", "Z", "@") if code not in codes)
        likely = {other: 0.7} | {code: share * 0.3 for code, share in likely.items()}
    ranked = sorted(((math.log(share), code) for code, share in likely.items()), reverse=True)
    return _token(ranked[0][1], ranked[0][0], [(json.dumps(code)[1:-1], logprob) for logprob, code in ranked[:top]])


@lru_cache(maxsize=65536)
def _sure_token(text: str, top: int) -> Token:
    return _token(text, 0.0, [(text, 0.0)] if top else [])


def _token(text: str, logprob: float, top: list[tuple[str, float]]) -> Token:
    entries = [{"token": text, "logprob": logprob, "bytes": None} for text, logprob in top]
    entry = {"token": text, "logprob": logprob, "bytes": None, "top_logprobs": entries}
    return text, json.dumps(entry, separators=(",", ":"))


@lru_cache(maxsize=1024)
def _answers_known(codes: tuple[str, ...], top: int) -> dict[int, Token]:
    """The answers to all questions with these codes, made as they are needed."""
    return {}


class Form:
    """The questions to answer, each with its name and codes, and the tokens of their answers as far as known."""

    def __init__(self, questions: Sequence[tuple[str, tuple[str, ...]]]) -> None:
        self.questions = questions
        self._known: dict[int, list[tuple[bytes, list[Token], tuple[str, ...], dict[int, Token]]]] = {}

    def __len__(self) -> int:
        return len(self.questions)

    def tokens(self, argument: str, top: int, wrong: int | None) -> list[Token]:
        """The answer: `{"clear":"3","fair":"1"}`, each code a token of its own."""
        known = self._known.get(top)
        if known is None:
            known = self._known[top] = [self._prepared(number, top) for number in range(len(self))]
        begun = sha256(_utf8(argument))
        tokens: list[Token] = []
        for number, (name, before, codes, answers) in enumerate(known):
            digest = begun.copy()
            digest.update(name)
            drawn = digest.digest()
            answered, shape = drawn[0] % len(codes), drawn[1] % _SHAPES
            token = answers.get(answered * _SHAPES + shape)
            if token is None:
                token = answers[answered * _SHAPES + shape] = _code_token(codes, top, answered, shape)
            tokens += before
            tokens.append(token if number != wrong else _code_token(codes, top, answered, shape, wrong=True))
        tokens.append(_sure_token('"}', top))
        return tokens

    def _prepared(self, number: int, top: int) -> tuple[bytes, list[Token], tuple[str, ...], dict[int, Token]]:
        name, codes = self.questions[number]
        before = ('","' if number else '{"', json.dumps(name, ensure_ascii=False)[1:-1], '":"')
        return _utf8(name), [_sure_token(text, top) for text in before], codes, _answers_known(codes, top)


def _text_tokens(text: str, top: int) -> list[Token]:
    return [_sure_token(piece, top) for piece in re.findall(r"\s?\w+|\s|[^\w\s]", text)]


def _form_of(schema: Any) -> Form | None:
    """The questions of a schema whose properties all are codes, else None."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or not properties:
        return None
    questions = []
    for name, about in properties.items():
        codes = about.get("enum") if isinstance(about, dict) else None
        if not codes or not all(isinstance(code, str) for code in codes):
            return None
        questions.append((name, tuple(codes)))
    return Form(questions)


def _fill(schema: Any, name: str, argument: str) -> Any:
    """Something that follows a schema; as far as notes need it."""
    drawn = sha256(_utf8(argument + name)).digest()
    if not isinstance(schema, dict):
        return None
    if schema.get("enum"):
        return schema["enum"][drawn[0] % len(schema["enum"])]
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if kind == "object":
        return {key: _fill(about, f"{name} {key}".strip(), argument) for key, about in schema["properties"].items()}
    if kind == "string":
        text = _first_words(argument) if name.endswith("quote") else f"As to {name}, it is so ({drawn.hex()[:6]})."
        return text[: schema.get("maxLength")]
    return {"number": drawn[0] / 255, "integer": drawn[0], "boolean": drawn[0] > 127, "array": []}.get(kind)


def _first_words(argument: str) -> str:
    inside = re.search(r"<argument>\n(.*)\n</argument>", argument, re.DOTALL)
    return " ".join((inside[1] if inside else argument).split("\n")[0].split(" ")[:5])


@lru_cache(maxsize=256)
def _form_in(text: str) -> Form | None:
    """The questions of the form `{"clear":"#","fair":"#"}` in a prompt, with the codes listed for them there."""
    forms = re.findall(r'\{"[^{}]*":"#"[^{}]*\}', text)
    try:
        names = list(json.loads(forms[-1])) if forms else []
    except ValueError:
        return None
    questions = []
    for name in names:
        listed = re.search(rf"^\d+\. {re.escape(name)}: .*?((?:^\w = [^\n]*\n)+)", text, re.MULTILINE | re.DOTALL)
        codes = tuple(re.findall(r"^(\w) = ", listed[1], re.MULTILINE)) if listed else ("1", "2", "3", "4", "5")
        questions.append((name, codes))
    return Form(questions) if questions else None


@lru_cache(maxsize=256)
def _notes_schema_in(text: str) -> Any:
    """The schema of the notes whose example stands in a prompt, else None."""
    begins = list(re.finditer(r'\{"[^"{}]+":\{"rationale":"\.\.\."', text))
    if not begins:
        return None
    try:
        example, _ = json.JSONDecoder().raw_decode(text, begins[-1].start())
    except ValueError:
        return None
    return _schema_like(example)


def _schema_like(example: Any) -> Any:
    if isinstance(example, dict):
        return {"type": "object", "properties": {name: _schema_like(value) for name, value in example.items()}}
    return {"type": "string"}


def _schema_in(body: Any) -> Any:
    asked_for = body.get("response_format")
    return asked_for["json_schema"]["schema"] if asked_for and asked_for.get("type") == "json_schema" else None


@lru_cache(maxsize=256)
def _end(text: bytes) -> tuple[dict[str, Any], Form | None]:
    end = json.loads(b"{" + text)
    return end, _form_of(_schema_in(end))


def _load(body: bytes) -> tuple[Any, Form | None]:
    """A request's body, and the form in its schema.

    Bodies that end alike, from the schema on, have that end read once: it is most of a
    body, and the same for all arguments. A quotation mark inside a string is escaped,
    so what is found is a key; if not one of the body's own, neither part can be read.
    """
    at = body.rfind(b'"response_format":')
    if at > 0:
        try:
            end, form = _end(body[at:])
            return json.loads(body[:at] + b'"":0}') | end, form
        except (ValueError, TypeError, KeyError, AttributeError):
            pass
    found = json.loads(body)
    return found, _form_of(_schema_in(found)) if isinstance(found, dict) else None


@dataclass(slots=True)
class Asked:
    """A request for a chat completion, as far as it matters here."""

    body: dict[str, Any]
    roles: list[str]
    contents: list[str]
    argument: str
    logprobs: bool
    top: int
    form: Form | None

    @classmethod
    def read(cls, data: bytes) -> Asked:
        """Raises ValueError when the body is no such request."""
        try:
            body, form = _load(data)
            messages = body["messages"]
            roles = [message["role"] for message in messages]
            contents = [_content(message["content"]) for message in messages]
            asked = cls(
                body=body,
                roles=roles,
                contents=contents,
                argument=_argument_in(roles, contents),
                logprobs=bool(body.get("logprobs")),
                top=int(body.get("top_logprobs") or 0),
                form=form,
            )
            if form is None and asked.schema is None:
                asked.form = _form_in(asked.system) or _form_in(contents[-1])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"not a request for a chat completion ({type(error).__name__}: {error})") from None
        return asked

    @property
    def system(self) -> str:
        return self.contents[0] if self.roles[0] in ("system", "developer") else ""

    @property
    def schema(self) -> Any:
        """What the answer must be like, where it is not the levels: for notes, what their example shows."""
        if self.body.get("response_format"):
            return _schema_in(self.body)
        return _notes_schema_in(self.system) if self.roles.count("user") == 1 else None

    def tokens(self, wrong: int | None) -> list[Token]:
        if self.form is not None:
            return self.form.tokens(self.argument, self.top, wrong)
        schema = self.schema
        if schema is None:
            return _text_tokens("Nothing was asked that this server knows.", self.top)
        return _text_tokens(json.dumps(_fill(schema, "", self.argument), ensure_ascii=False), self.top)


def _argument_in(roles: Sequence[str], contents: Sequence[str]) -> str:
    """The message with the argument: the last user message that holds one (examples come before), else the first."""
    users = [content for role, content in zip(roles, contents, strict=True) if role == "user"]
    return next((content for content in reversed(users) if "<argument>" in content), users[0])


def _content(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content or () if part.get("type") == "text")


def _completion(asked: Asked, tokens: list[Token], *, number: int, logprobs: bool, finish: str) -> bytes:
    text, model = json.dumps("".join([text for text, _ in tokens])), json.dumps(str(asked.body.get("model", "")))
    entries = f'{{"content":[{",".join([entry for _, entry in tokens])}],"refusal":null}}' if logprobs else "null"
    read, written = sum(map(len, asked.contents)) // 4 + 1, len(tokens)
    return (
        f'{{"id":"chatcmpl-{number}","object":"chat.completion","created":{int(time.time())},'
        f'"model":{model},"choices":[{{"index":0,"message":{{"role":"assistant","content":{text},'
        f'"refusal":null}},"logprobs":{entries},"finish_reason":"{finish}"}}],"usage":{{"prompt_tokens":{read},'
        f'"completion_tokens":{written},"total_tokens":{read + written}}}}}'
    ).encode()


# --- What becomes of a request ----------------------------------------------------


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


def _error(status: int, code: str, message: str, **more: Any) -> Reply:
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
        return _error(*_ERRORS["429"], headers=f"Retry-After: {wait:g}\r\n")

    def _reply(self, body: bytes, authorization: Callable[[], str]) -> Reply:
        try:
            asked = Asked.read(body)
        except ValueError as error:
            return _error(400, "invalid_request_error", str(error))
        digest = self._digest(asked)
        if digest in self.statistics.paid and digest not in self._asked_again:
            self._asked_again.add(digest)
            self.statistics.paid_after_success += 1
        fault = self._fault(asked)
        delay = 0.0 if fault in _AT_ONCE else self.settings.latency
        if fault in _ERRORS:
            headers = f"Retry-After: {self.settings.retry_after:g}\r\n" if fault == "429" else ""
            return _error(*_ERRORS[fault], headers=headers, delay=delay)
        if fault == "refused":
            said = f"Invalid request from '{authorization()}': {asked.argument}"
            return _error(400, "invalid_request_error", said)
        return self._answer(asked, fault, digest, delay)

    def _answer(self, asked: Asked, fault: str | None, digest: str, delay: float) -> Reply:
        wrong = self._details.randrange(len(asked.form)) if asked.form and fault == "wrong_level" else None
        tokens = [] if fault == "empty" else asked.tokens(wrong)
        if fault == "truncated":
            tokens = tokens[: len(tokens) // 2]
        self._number += 1
        body = _completion(
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
        elif fault == "reset":
            reply.ending = "reset"
        elif fault == "reset_before":
            reply.ending = "reset_before"
        return reply

    def _digest(self, asked: Asked) -> str:
        """`prompt_digest`, with the first message's part of it, which seldom changes, remembered."""
        first = asked.contents[0]
        begun = self._prefixes.get(first)
        if begun is None:
            if len(self._prefixes) >= 64:
                self._prefixes.clear()
            begun = self._prefixes[first] = sha256(_utf8(first) + b"\0")
        digest = begun.copy()
        for content in asked.contents[1:]:
            digest.update(_utf8(content) + b"\0")
        return str(digest.hexdigest()[:16])

    def _fault(self, asked: Asked) -> str | None:
        fault = self.fault_for(asked.body) if self.fault_for else None
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
                return _error(400, "invalid_request_error", str(error), counts=False)
            return Reply(200, b"{}", counts=False)
        return _error(404, "not_found", f"{method} {path} is not known here", counts=False)


# --- HTTP -------------------------------------------------------------------------

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue", re.IGNORECASE)
_AUTHORIZATION = re.compile(rb"\r\nauthorization:[ \t]*([^\r\n]*)", re.IGNORECASE)
_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    411: "Length Required",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
# Long enough for a client to have read the first half before the connection breaks under it.
_HALF_SECONDS = 0.02


class House:
    """What all connections share.

    They read into one buffer, each taking out at once what it was sent: a plain
    `asyncio.Protocol` gets 256 KiB of fresh memory from the system for every read,
    which took a third of the server's time.
    """

    def __init__(self, desk: Desk, loop: asyncio.AbstractEventLoop) -> None:
        self.desk = desk
        self.loop = loop
        self.connections: set[Connection] = set()
        self.buffer = memoryview(bytearray(65536))


class Connection(asyncio.BufferedProtocol):
    """One connection; its requests are answered one after the other."""

    transport: asyncio.Transport

    def __init__(self, house: House) -> None:
        self._house = house
        self._desk = house.desk
        self._loop = house.loop
        self._buffer = b""
        self._head_length = 0
        self._length = 0
        self._reply: Reply | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closes = False
        self._draining = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=0)  # to be told when an answer has left in full
        self._house.connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._house.connections.discard(self)
        if self._timer:
            self._timer.cancel()
        if self._reply:
            if self._reply.counts:
                self._desk.lost()
            self._reply = None

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._house.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._buffer += self._house.buffer[:nbytes]
        if self._reply is None:
            self._read()

    def _read(self) -> None:
        """Take one request out of the buffer, if all of it is there."""
        if not self._head_length:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > _MOST_HEAD:
                    self._refuse(431)
                return
            head = self._buffer[:end]
            length = _LENGTH.search(head)
            if length is None and not head.startswith((b"GET ", b"HEAD ")):
                self._refuse(411)
                return
            self._head_length = end + 4
            self._length = int(length[1]) if length else 0
            if len(self._buffer) < self._head_length + self._length and _EXPECT.search(head):
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        start, end = self._head_length, self._head_length + self._length
        if len(self._buffer) < end:
            return
        head, body, self._buffer = self._buffer[:start], self._buffer[start:end], self._buffer[end:]
        self._head_length = 0
        self._closes = _CLOSE.search(head) is not None
        self._request(head, body)

    def _refuse(self, status: int) -> None:
        self._buffer, self._closes = b"", True
        self._reply = _error(status, "invalid_request_error", _REASONS[status], counts=False)
        self._send()

    def _request(self, head: bytes, body: bytes) -> None:
        method, path, _ = head[: head.index(b"\r\n")].decode("latin-1").split(" ", 2)
        if method == "POST" and path.partition("?")[0].endswith("/chat/completions"):

            def authorization() -> str:
                found = _AUTHORIZATION.search(head)
                return found[1].decode("latin-1") if found else ""

            self._reply = self._desk.received(body, authorization)
        else:
            self._reply = self._desk.control(method, path, body)
        if self._reply.delay > 0:
            self._timer = self._loop.call_later(self._reply.delay, self._send)
        else:
            self._send()

    def _send(self) -> None:
        reply = self._reply
        assert reply is not None
        self._timer = None
        if reply.ending in ("hang", "reset_before"):
            self._break()
            return
        head = (
            f"HTTP/1.1 {reply.status} {_REASONS[reply.status]}\r\nContent-Type: application/json\r\n"
            f"{reply.headers}{'Connection: close' if self._closes else 'Connection: keep-alive'}\r\n"
            f"Content-Length: {len(reply.body)}\r\n\r\n"
        ).encode("latin-1")
        if reply.ending == "reset":
            self.transport.write(head + reply.body[: len(reply.body) // 2])
            self._timer = self._loop.call_later(_HALF_SECONDS, self._break)
            return
        self.transport.write(head + reply.body)
        if self.transport.is_closing():
            return  # connection_lost counts it
        if self.transport.get_write_buffer_size():
            self._draining = True
        else:
            self._sent()

    def resume_writing(self) -> None:
        if self._draining:
            self._draining = False
            self._sent()

    def _sent(self) -> None:
        assert self._reply is not None
        if self._reply.counts:
            self._desk.sent(self._reply)
        self._reply = None
        if self._closes:
            self.transport.close()
        elif self._buffer:
            self._loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        if self._reply is None and self._buffer:
            self._read()

    def _break(self) -> None:
        """Close with a reset rather than an end."""
        connected: socket.socket = self.transport.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


async def _serve(desk: Desk, port: int, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    house = House(desk, loop)
    server = await loop.create_server(lambda: Connection(house), "127.0.0.1", port, backlog=1024)
    ready(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await stop.wait()
    server.close()
    for connection in list(house.connections):
        connection.transport.abort()
    await asyncio.sleep(0.01)  # for the connections to be closed


# --- Two ways to run it -----------------------------------------------------------


class ChatServer:
    """The server in a thread of this process; settings as in `Settings`.

    Parameters
    ----------
    fault_for
        Given a request's body, the fault it meets; None leaves it to `faults`. It is
        called in the server's thread.
    """

    url: str

    def __init__(self, *, port: int = 0, fault_for: Callable[[Any], str | None] | None = None, **settings: Any) -> None:
        self._desk = Desk(Settings(**settings), fault_for)
        self._port = port
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="chat server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failure:
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def stats(self) -> Statistics:
        copied: Statistics = self._in_loop(lambda: deepcopy(self._desk.statistics))
        return copied

    def reset(self) -> None:
        self._in_loop(self._desk.reset)

    def configure(self, **changes: Any) -> None:
        self._in_loop(lambda: self._desk.configure(replace(self._desk.settings, **changes)))

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # shown by the thread that started it
            self._failure = error
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        await _serve(self._desk, self._port, self._is_ready, self._stop)

    def _is_ready(self, url: str) -> None:
        self.url = url
        self._ready.set()

    def _in_loop(self, call: Callable[[], Any]) -> Any:
        """Call in the server's thread, or here once it has ended."""
        if not self._thread.is_alive():
            return call()

        async def called() -> Any:
            return call()

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result(timeout=10)


class ChatServerProcess:
    """The server in a process of its own; settings as in `Settings`. It ends with this process."""

    url: str

    def __init__(self, *, port: int = 0, **settings: Any) -> None:
        Settings(**settings)
        options = [
            text for name, value in settings.items() for text in ("--" + name.replace("_", "-"), json.dumps(value))
        ]
        self._command = [sys.executable, os.path.abspath(__file__), "--port", str(port), "--while-stdin", *options]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.url = json.loads(self._process.stdout.readline())["url"]
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()

    @property
    def pid(self) -> int:
        return self._process.pid

    def stats(self) -> Statistics:
        return Statistics.from_json(self._ask("GET", "/stats"))

    def reset(self) -> None:
        self._ask("POST", "/reset")

    def configure(self, **changes: Any) -> None:
        self._ask("POST", "/configure", changes)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=10)
        try:
            connection.request(method, path, body=json.dumps(body or {}))
            response = connection.getresponse()
            said = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise ValueError(said["error"]["message"])
        return said


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Speaks chat completions on loopback. Values are JSON.",
        epilog="Faults: " + "; ".join(f"{name}: {what}" for name, what in FAULTS.items()) + ".",
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--while-stdin", action="store_true", help="end with the standard input")
    for option in fields(Settings):
        parser.add_argument(
            "--" + option.name.replace("_", "-"),
            type=json.loads,
            nargs="?" if option.name == "rate_headers" else None,
            const=True if option.name == "rate_headers" else None,
            default=argparse.SUPPRESS,
        )
    options = vars(parser.parse_args())
    port, while_stdin = options.pop("port"), options.pop("while_stdin")
    try:
        settings = Settings(**options)
    except ValueError as error:
        parser.error(str(error))
    desk = Desk(settings)

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if while_stdin:
            loop.add_reader(0, lambda: None if os.read(0, 1024) else stop.set())
        await _serve(desk, port, lambda url: print(json.dumps({"url": url}), flush=True), stop)

    gc.freeze()
    gc.set_threshold(50_000)
    asyncio.run(serve())


if __name__ == "__main__":
    main()
