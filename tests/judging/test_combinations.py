"""Every read-out with every way of explaining, over every route and transport: ratings, or a plain error.

The servers are one on loopback that answers in each provider's own form, and tells by what it is asked whether notes,
levels or DSPy's form are wanted.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from argqual import Framework, Judge
from argqual.argument import Argument
from argqual.errors import ArgqualError, ModelError, ReadoutError
from argqual.judging.plan import requests_for
from argqual.judging.prompt import Explain
from argqual.models.connect import connect
from loopback import Loopback
from umbrella import KEY, TEXT, levels, text_of

TOKENS = levels({"2": 1.0}, {"3": 1.0})
NOTES = json.dumps({"clear": {"rationale": "Short.", "quote": "says rain"}, "fair": {"rationale": "No view is named."}})
_EVIDENCE = '{"probabilities": {"0": 0.0, "1": %s, "2": %s}, "confidence": 1.0}'
_FIELDS = {"clear": _EVIDENCE % (1.0, 0.0), "fair": _EVIDENCE % (0.0, 1.0)}

ROUTES = {
    # A model's name, and what stands behind the server's address.
    "openai": ("openai/test", "/v1"),
    "anthropic": ("anthropic/claude-sonnet-4-5", ""),
    "gemini": ("gemini/gemini-3.5-flash", ""),
    "openrouter": ("openrouter/someone/test", "/v1"),
    "groq": ("groq/test", "/v1"),
    "deepseek": ("deepseek/deepseek-chat", "/v1"),
    "hosted_vllm": ("hosted_vllm/test", "/v1"),
    "mistral": ("mistral/mistral-large-latest", "/v1"),
    "systemone": ("systemone/test", ""),
}
READOUTS = ("auto", "expect", "label", "votes:2", "verbal", "decide")
EXPLAINS: tuple[Explain, ...] = (False, True, "long")


def wanted(body: Any) -> str:
    """What a request asks for: the answer's text."""
    said = json.dumps(body)
    if "[[ ##" in said:
        names = ["clear_rationale", "clear_quote", "clear", "fair_rationale", "fair"]
        asked = [name for name in names if f"[[ ## {name} ## ]]" in said]
        return "\n\n".join(f"[[ ## {name} ## ]]\n{_FIELDS.get(name, 'Says rain.')}" for name in [*asked, "completed"])
    return NOTES if "First write notes" in said and "Now the levels." not in said else text_of(TOKENS)


def chat(body: Any) -> Any:
    text, top = wanted(body), body.get("logprobs")
    tokens = TOKENS if text == text_of(TOKENS) else [(text, {text: 1.0})]
    entries = [{"token": each, "logprob": 0.0, "top_logprobs": [{"token": each, "logprob": 0.0}]} for each, _ in tokens]
    message = {"role": "assistant", "content": text}
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": "stop",
        "logprobs": {"content": entries} if top else None,
    }
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    about = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "service_tier": "on_demand"}
    return {**about, "choices": [choice], "usage": usage}


def messages(body: Any) -> Any:
    """As Anthropic answers; to an answer in a tool's form, where that is how a schema is asked for."""
    content: dict[str, Any] = {"type": "text", "text": wanted(body)}
    if body.get("tool_choice", {}).get("type") == "tool":
        content = {
            "type": "tool_use",
            "id": "t",
            "name": body["tool_choice"]["name"],
            "input": json.loads(wanted(body)),
        }
    usage = {"input_tokens": 100, "output_tokens": 10}
    about = {"id": "x", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}
    return {**about, "content": [content], "usage": usage}


def contents(body: Any) -> Any:
    """As Gemini answers."""
    candidate = {"content": {"role": "model", "parts": [{"text": wanted(body)}]}, "finishReason": "STOP", "index": 0}
    usage = {"promptTokenCount": 100, "candidatesTokenCount": 10, "totalTokenCount": 110}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m"}


def decisions(body: Any) -> Any:
    shares = {"clear": [0.0, 1.0, 0.0], "fair": [0.0, 0.0, 1.0]}
    found = {
        name: {"probabilities": {str(i): share for i, share in enumerate(shares[name])}} for name in body["questions"]
    }
    return {"model": "m", "answers": found, "usage": {"input_tokens": 100, "output_tokens": 0}}


FORMS = {"anthropic": messages, "gemini": contents, "systemone": decisions}


class Always:
    """A queue that holds the same reply for ever."""

    def __init__(self, form: Callable[[Any], Any]) -> None:
        self.form = form

    def popleft(self) -> Callable[[Any], tuple[int, Any]]:
        return lambda body: (200, self.form(body))


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    server = Loopback()
    yield server
    server.close()


def refused_at_once(route: str, readout: str, explain: Explain) -> bool:
    """What no model of a kind can do, and what is said before anything is asked."""
    endpoint = route == "systemone"
    decides = readout == "decide" or (endpoint and readout == "auto")
    return decides != endpoint or (decides and bool(explain)) or (readout == "verbal" and explain == "long")


@pytest.mark.parametrize("engine", ["lm15", "litellm"])
@pytest.mark.parametrize("route", ROUTES)
def test_every_combination_rates_or_says_plainly_why_not(
    server: Loopback, two: Framework, monkeypatch: pytest.MonkeyPatch, route: str, engine: str
) -> None:
    for name in ("OPENAI_API_BASE", "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GEMINI_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    name, path = ROUTES[route]
    server.queue = Always(FORMS.get(route, chat))  # type: ignore[assignment]
    if (route, engine) == ("mistral", "lm15"):
        with pytest.raises(ModelError, match="Cannot use the model"):
            connect(name, api_base=server.url + path, api_key=KEY, engine=engine)
        return
    model = connect(name, api_base=server.url + path, api_key=KEY, engine=engine)
    for readout, explain in itertools.product(READOUTS, EXPLAINS):
        combination = f"{readout}, explain={explain}"
        server.requests.clear()
        if refused_at_once(route, readout, explain):
            with pytest.raises(ArgqualError):
                Judge(two, model=model, readout=readout, explain=explain)
            assert not server.requests, combination
        else:
            try:
                rates(server, Judge(two, model=model, readout=readout, explain=explain), combination)
            except ReadoutError as error:  # what this provider does not give, and what to do without
                lost = str(error)
            else:
                continue
            assert readout == "expect" and "--readout label" in lost, combination


def rates(server: Loopback, judge: Judge, combination: str) -> None:
    assert len(judge.key(Argument(TEXT))) == 40, combination
    planned = len(requests_for(judge, Argument(TEXT)))
    assessed = judge.assess(TEXT)
    assert [rating.value for rating in assessed.ratings] == [2.0, 3.0], (combination, assessed.overall.reason)
    assert [bool(rating.rationale) for rating in assessed.ratings] == [bool(judge.explain)] * 2, combination
    assert planned == assessed.usage.requests == len(server.requests), combination
    assert assessed.usage.input_tokens == 100 * planned, combination
