"""Requests that are not sent one by one: each is built as ever, and answered from what a provider's batch has brought.

`Deferred` is an engine in a model's place, and the transport beneath it: what would have gone over the network is
compared with the answers that are known. A request without one is noted and raises `Waiting`, so that whoever asks
(a judge, a read-out) can be run again later, from the start, and gets one answer further.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from argqual.errors import ModelError
from argqual.models.connect import Model
from argqual.models.engines import Throttled, WholeTransport, told_apart

MOST_TRIES = 2
GIVEN_UP = -1


class Waiting(Exception):
    """A request has no answer yet: a batch is to ask it, or is doing so."""


@dataclass(frozen=True)
class Wanted:
    """A request that a batch is to ask.

    `body` is what would be sent; `shown` and `sent` are digests of what the model is shown and of all of the body;
    `most` is the number of tokens that its answer may have.
    """

    body: bytes
    shown: str
    sent: str
    most: int | None


@dataclass(frozen=True)
class Told:
    """A request that was given to a batch, by its digests, and what came of it.

    `status` is None while the batch is under way, an HTTP status when it was answered, 0 when it was not, and
    `GIVEN_UP` when it is not to be asked again; `answer` is the answer's body, or why there is none.
    """

    shown: str
    sent: str
    status: int | None
    answer: bytes = b""


@dataclass
class _About:
    """One run through what asks: what is known before it, what has been taken of that, and what is missing."""

    known: list[Told]
    wanted: list[Wanted] = field(default_factory=list)
    missing: Counter[str] = field(default_factory=Counter)


class Deferred(WholeTransport):
    """An engine (`argqual.models.connect.Engine`) that answers from a batch's answers; for one thread.

    Raises a `ModelError` for a model whose requests cannot be given to a provider's batch.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        over = model.engine.over if isinstance(model.engine, Throttled) else None
        if over is None:
            raise ModelError(
                f"{model.name} cannot be asked by a provider's batch: it is embedded, or reached by litellm.",
                hint="Leave out --batch.",
            )
        self._engine = over(self)
        self._model = model
        self._about = _About([])
        self._shown = ""
        self._most: int | None = None
        self._looking: list[Any] | None = None

    @property
    def wanted(self) -> list[Wanted]:
        """The requests that were missing since `begin`, and are in no batch."""
        return self._about.wanted

    def begin(self, known: Sequence[Told]) -> None:
        """What is asked from now on may be answered by these, each of them once."""
        self._about = _About(list(known))

    def unused(self) -> list[tuple[int | None, int | None]]:
        """The tokens read and written for good answers that were known and not taken: they were paid all the same."""
        good = [each for each in self._about.known if each.status is not None and 200 <= each.status < 300]
        return [_tokens(each.answer) for each in good]

    def door(self) -> tuple[str, list[tuple[str, str]]]:
        """The address to which the model's requests would go, and their headers, among them the key."""
        from dspy.lm15 import Config, Message, Request

        looking: list[Any] = []
        self._looking = looking
        try:
            name = self._model.lm.model
            self._engine.complete(Request(model=name, messages=(Message.user("-"),), config=Config(max_tokens=1)))
        except Waiting:
            pass
        finally:
            self._looking = None
        return looking[0].url, list(looking[0].headers)

    def ask(self, request: Any) -> tuple[Any, int]:
        """As `Engine.ask`; raises `Waiting` where there is no answer yet."""
        from dspy.lm15 import UnsupportedFeatureError

        said = [request.system, [(message.role, message.text) for message in request.messages]]
        self._shown, self._most = _digest(json.dumps(said, default=str).encode()), request.config.max_tokens
        try:
            return told_apart(self._engine, request), 0
        except UnsupportedFeatureError as error:
            raise ModelError(f"A batch cannot ask {self._model.name} in this way: {error}") from None
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            kind = type(error).__name__
            raise ModelError(f"{self._model.name} gave an answer that cannot be used ({kind}: {error})") from None

    def fetch(self, request: Any) -> tuple[int, str, list[tuple[str, str]], bytes]:
        """As the transport beneath the engine: the answer to an HTTP request."""
        if self._looking is not None:
            self._looking.append(request)
            raise Waiting
        sent, about = _digest(request.body), self._about
        found = self._find(sent)
        if found is not None:
            about.known.remove(found)
            if found.status is not None:
                return found.status, "", [("content-type", "application/json")], found.answer
            raise Waiting
        about.missing[sent] += 1
        lost = [each for each in about.known if each.sent == sent and each.status is not None and each.status <= 0]
        final = any(each.status == GIVEN_UP for each in lost)
        if final or len(lost) >= MOST_TRIES * about.missing[sent]:
            raise ModelError(f"The batch at {self._model.name} gave no answer: {lost[-1].answer.decode()}")
        about.wanted.append(Wanted(request.body, self._shown, sent, self._most))
        raise Waiting

    def _find(self, sent: str) -> Told | None:
        """What was told for this request, or for one that showed the same before more was known of the model."""
        known = self._about.known
        answered = [each for each in known if each.status is not None and each.status > 0]
        same = next((each for each in answered if each.sent == sent), None)
        if same is not None:
            return same
        shown = [each for each in known if each.shown == self._shown]
        good = [each for each in shown if each in answered and _usable(each)]
        under_way = [each for each in shown if each.status is None]
        return next(iter([*good, *under_way]), None)


def _usable(told: Told) -> bool:
    """Whether an answer also serves a request that differs in its settings: it is good, and was not cut off."""
    if not (told.status and 200 <= told.status < 300):
        return False
    return not any(end in told.answer for end in (b'"finish_reason":"length"', b'"stop_reason":"max_tokens"'))


def _tokens(answer: bytes) -> tuple[int | None, int | None]:
    usage = json.loads(answer).get("usage") or {}
    read, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return (usage.get("input_tokens"), usage.get("output_tokens")) if read is None else (read, written)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
