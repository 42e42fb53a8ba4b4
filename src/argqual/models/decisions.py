"""Decisions: typed questions about a state, each answered with a probability for every possible answer.

A named provider is asked through `litellm.systemone`, which speaks the dialects of OpenAI, Azure, Ollama and some
others; a server of one's own, and the engine on this machine, as `POST /v1/systemone`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, cast

from argqual.downloads.files import chain_of
from argqual.models.answers import error_inside
from argqual.models.errorbodies import message_in
from argqual.models.traffic import RefusedByServer, Traffic, heed_headers

TIMEOUT_SECONDS = 60.0
_MOST_CONNECTIONS = 1024
_AS_TEXT = ("openai", "azure")  # whose state is a text: litellm would write other letters than ASCII as escapes
_LONGEST_SAYING = 2000

Questions = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Decided:
    """What an endpoint has answered, and what that took.

    `answers` are by the question's name, as in a System One answer; one that is missing was refused. `broken` says
    why there are none. `read` holds all tokens of the request, those `cached` by the provider and those `stored` in
    its cache among them; None where it does not say. `cost_usd` is given where the provider says it. `lost` requests
    on the way may have been charged.
    """

    answers: Mapping[str, Any]
    broken: str | None = None
    read: int | None = None
    written: int | None = None
    cached: int | None = None
    stored: int = 0
    cost_usd: float | None = None
    lost: int = 0


class Decider(Protocol):
    """What asks for decisions; called from several threads at once."""

    def ask(self, state: Mapping[str, Any], questions: Questions) -> Decided:
        """The answers to the questions about a state; raises `RefusedByServer` and what HTTP clients raise."""


@dataclass(frozen=True)
class OwnServer:
    """A server that speaks System One at `address`; `key` is sent when there is one."""

    address: str
    name: str
    key: str
    traffic: Traffic
    timeout: float = TIMEOUT_SECONDS

    def ask(self, state: Mapping[str, Any], questions: Questions) -> Decided:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        body = {"model": self.name, "state": state, "questions": questions}

        def send() -> Any:
            with self.traffic.under_way():
                response = _client().post(
                    f"{self.address}/v1/systemone", json=body, headers=headers, timeout=self.timeout
                )
            heed_headers(self.traffic.limiter, response.headers.items())
            if response.status_code >= 400:
                raise RefusedByServer(response.status_code, _words(response.text), response.headers)
            if error := error_inside(response.content):
                raise RefusedByServer(error[0], _words(error[1].decode()), response.headers)
            return response

        response, lost = self.traffic.run(send)
        content: Any = None
        try:
            content = response.json()
            answers, usage = content["answers"], content.get("usage")
            usage = usage if isinstance(usage, dict) else {}
            read, written = usage.get("input_tokens"), usage.get("output_tokens")
            if not isinstance(answers, Mapping):
                raise TypeError("answers by their questions' names")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            said = message_in(content)
            broken = f"the decision endpoint says: {said}" if said else f"the decision endpoint's answer lacks {error}"
            return Decided({}, broken, lost=lost)
        return Decided(answers, read=read, written=written, lost=lost)


@dataclass(frozen=True)
class Provider:
    """A provider's decisions, in its own dialect; `name` is the model as litellm writes it."""

    name: str
    api_base: str | None
    api_key: str | None
    traffic: Traffic
    timeout: float

    def ask(self, state: Mapping[str, Any], questions: Questions) -> Decided:
        as_text = self.name.partition("/")[0] in _AS_TEXT
        request = {
            "model": self.name,
            "state": json.dumps(state, ensure_ascii=False) if as_text else state,
            "questions": questions,
            "api_base": self.api_base,
            "api_key": self.api_key,
            "timeout": self.timeout,
            "num_retries": 0,
            "cache": {"no-cache": True, "no-store": True},
        }
        systemone = _systemone()

        def send() -> Any:
            with self.traffic.under_way():
                try:
                    return systemone(**request)
                except Exception as error:
                    if (broken := _broken(error)) is not None:
                        return broken
                    raise _told(error) from None

        found, lost = self.traffic.run(send)
        if isinstance(found, str):
            return Decided({}, found, lost=lost)
        answers = {name: answer.model_dump() for name, answer in found.answers.items()}
        said = found.hidden_params.get("additional_headers") or {}
        cost = next((value for name, value in said.items() if "response-cost" in name), None)
        usage = found.usage
        if usage is None:
            return Decided(answers, cost_usd=cost, lost=lost)
        counts = {"read": usage.input_tokens, "written": usage.output_tokens, "cached": usage.cached_tokens}
        return Decided(answers, **counts, stored=usage.cache_write_tokens, cost_usd=cost, lost=lost)


def is_spoken(provider: str) -> bool:
    """Whether litellm speaks a dialect of decisions for a provider; litellm is not imported."""
    package = find_spec("litellm")
    if package is None or package.origin is None or not provider.isidentifier():
        return False
    return (Path(package.origin).parent / "llms" / provider / "decisions").is_dir()


@cache
def _client() -> Any:
    import httpx

    return httpx.Client(limits=httpx.Limits(max_connections=_MOST_CONNECTIONS))


@cache
def _systemone() -> Callable[..., Any]:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # nothing is looked up on the network
    import litellm

    litellm.suppress_debug_info = True  # it prints advice otherwise
    return cast(Callable[..., Any], litellm.systemone)


def _broken(error: Exception) -> str | None:
    """What is wrong with an answer that has arrived and is none; None for other errors."""
    found = next((each for each in chain_of(error) if type(each).__name__ == "DecisionsResponseValidationError"), None)
    return None if found is None else f"the answer cannot be used: {_words(str(found))}"


def _told(error: Exception) -> Exception:
    """litellm's error as the one that it stands for: of the network, or a refusal with its status and headers."""
    import httpx
    from litellm.exceptions import Timeout
    from litellm.llms.base_llm.chat.transformation import BaseLLMException

    if isinstance(error, Timeout):
        return httpx.ReadTimeout("no answer came in time")
    for each in chain_of(error):
        if isinstance(each, httpx.TransportError):
            return type(each)(str(each))  # anew: the one found would be its own cause
        if isinstance(each, BaseLLMException) and not each.status_code_is_synthesized:
            return RefusedByServer(each.status_code, _words(each.message), each.headers or {})
    status = getattr(error, "status_code", None)
    if not isinstance(status, int) or not 400 <= status < 500:
        status = 400  # raised before anything was sent: asking again would change nothing
    return RefusedByServer(status, _words(str(error)), {})


def _words(said: str) -> str:
    """What a server says, without the JSON around it."""
    try:
        found = message_in(json.loads(said))
    except (ValueError, RecursionError):
        found = ""
    return (found or said)[:_LONGEST_SAYING]
