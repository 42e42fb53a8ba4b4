"""Servers on loopback that refuse some of what they are sent, as their documentation words it, and models that think.

They are fakes over real HTTP: a `Refusing` looks at the body of a request and answers as `Takes` says. It speaks the
chat completions of OpenAI, the messages of Anthropic, or the contents of Gemini, by the path it is asked at.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from loopback import Loopback, _token

Refusal = tuple[int, Any]
Rule = Callable[[dict[str, Any]], Refusal | None]


def openai_error(message: str, *, param: str | None = None, status: int = 400) -> Refusal:
    return status, {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": None}}


def detail(message: str, *, status: int = 422) -> Refusal:
    """As FastAPI says it, in one sentence."""
    return status, {"detail": message}


def located(name: str, message: str = "Extra inputs are not permitted") -> Refusal:
    """As FastAPI says it of a field."""
    return 422, {"detail": [{"type": "extra_forbidden", "loc": ["body", name], "msg": message, "input": 1}]}


def object_error(message: str, *, status: int = 400) -> Refusal:
    """As vLLM and FastChat say it."""
    return status, {"object": "error", "message": message, "type": "BadRequestError", "param": None, "code": status}


def when(name: str, refusal: Refusal) -> Rule:
    """Refuse a request whose body has a field of this name, at whatever depth."""

    def rule(body: dict[str, Any]) -> Refusal | None:
        return refusal if _has(body, name) else None

    return rule


def _has(body: Any, name: str) -> bool:
    if isinstance(body, dict):
        return any(key == name or (key != "schema" and _has(value, name)) for key, value in body.items())
    return isinstance(body, list) and any(_has(each, name) for each in body)


def no_system(refusal: Refusal) -> Rule:
    def rule(body: dict[str, Any]) -> Refusal | None:
        return refusal if any(each["role"] == "system" for each in body.get("messages", [])) else None

    return rule


@dataclass
class Takes:
    """What a server takes: the first rule that says something refuses; else it answers the questions asked.

    `thinks` are the tokens that it thinks with before it answers, `most` those that it writes at most if a request
    sets no limit; `codes` are what it answers to the questions. `alternatives` is of how many it gives
    log-probabilities, None for none.
    """

    rules: list[Rule] = field(default_factory=list)
    thinks: Callable[[dict[str, Any]], int] = lambda body: 0
    alternatives: int | None = 20
    code: str = "3"


class Refusing(Loopback):
    """A server that answers by `Takes`; `refused` counts what it refused."""

    def __init__(self, takes: Takes) -> None:
        super().__init__()
        self.takes = takes
        self.refused = 0
        self._counting = threading.Lock()
        self.queue = _Always(self._answer)  # type: ignore[assignment]

    def _answer(self, body: dict[str, Any]) -> tuple[int, Any]:
        for rule in self.takes.rules:
            if (refusal := rule(body)) is not None:
                with self._counting:
                    self.refused += 1
                return refusal
        dialect = _gemini if "contents" in body else _anthropic if self.paths[-1].endswith("/messages") else _chat
        return 200, dialect(body, self.takes)


class _Always:
    """A queue that never ends."""

    def __init__(self, answer: Callable[[Any], tuple[int, Any]]) -> None:
        self._answer = answer

    def __bool__(self) -> bool:
        return True

    def popleft(self) -> Callable[[Any], tuple[int, Any]]:
        return self._answer


@contextmanager
def refusing(*rules: Rule, **takes: Any) -> Iterator[Refusing]:
    server = Refusing(Takes(list(rules), **takes))
    try:
        yield server
    finally:
        server.close()


def _answers(body: dict[str, Any], code: str) -> dict[str, str]:
    """What is answered to each question of the form that stands in the prompt; without one, yes."""
    forms = re.findall(r'\{(?:\\"[^"{}]*\\":\\"#\\",?)+\}', json.dumps(body))
    return dict.fromkeys(json.loads(forms[-1].replace("\\", "")), code) if forms else {"answer": "yes"}


def _levels(answers: dict[str, str]) -> list[tuple[str, dict[str, float]]]:
    tokens: list[tuple[str, dict[str, float]]] = []
    for number, (name, code) in enumerate(answers.items()):
        before = f'{"," if number else "{"}"{name}":"'
        tokens += [(before, {before: 1.0}), (code, {code: 0.7, "2": 0.2, "1": 0.1}), ('"', {'"': 1.0})]
    return [*tokens, ("}", {"}": 1.0})]


def _chat(body: dict[str, Any], takes: Takes) -> dict[str, Any]:
    thought, most = takes.thinks(body), body.get("max_completion_tokens") or body.get("max_tokens") or 10**9
    tokens = _levels(_answers(body, takes.code))
    cut = thought + len(tokens) > most
    text = "" if cut else "".join(text for text, _ in tokens)
    message: dict[str, Any] = {"role": "assistant", "content": text}
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": "length" if cut else "stop"}
    top = body.get("top_logprobs") or 0
    if body.get("logprobs") and takes.alternatives is not None and not cut:
        choice["logprobs"] = {"content": [_token(text, dict(list(other.items())[:top])) for text, other in tokens]}
    written = min(thought + len(tokens), most)
    usage: dict[str, Any] = {"prompt_tokens": 100, "completion_tokens": written, "total_tokens": 100 + written}
    if thought:
        usage["completion_tokens_details"] = {"reasoning_tokens": min(thought, most)}
    return {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


def _anthropic(body: dict[str, Any], takes: Takes) -> dict[str, Any]:
    thought, most = takes.thinks(body), body["max_tokens"]
    cut = thought + 10 > most
    content: list[dict[str, Any]] = [{"type": "thinking", "thinking": "Hm.", "signature": "s"}] if thought else []
    if not cut:
        content.append({"type": "text", "text": json.dumps(_answers(body, takes.code))})
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": "max_tokens" if cut else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 100, "output_tokens": min(thought + 10, most)},
    }


def _gemini(body: dict[str, Any], takes: Takes) -> dict[str, Any]:
    thought, most = takes.thinks(body), body["generationConfig"]["maxOutputTokens"]
    cut = thought + 10 > most
    said = json.dumps(_answers(body, takes.code))
    content: dict[str, Any] = {"role": "model"} if cut else {"role": "model", "parts": [{"text": said}]}
    written, thoughts = (0, most) if cut else (10, thought)
    return {
        "candidates": [{"content": content, "finishReason": "MAX_TOKENS" if cut else "STOP", "index": 0}],
        "usageMetadata": {
            "promptTokenCount": 100,
            "candidatesTokenCount": written,
            "thoughtsTokenCount": thoughts,
            "totalTokenCount": 100 + written + thoughts,
        },
        "modelVersion": "gemini",
    }
