"""What begins every prompt is marked for Anthropic, and what was found in a cache is charged as each provider counts.

The servers are fakes on loopback that answer as the providers document; none of them caches anything.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from argqual import Framework, Judge
from argqual.argument import Argument
from argqual.cli.progress import plan_text
from argqual.judging.plan import Planner, expected_cost, worst_cost
from argqual.judging.prompt import Demonstration
from argqual.models.connect import Model, connect
from argqual.models.prices import Price, listed_price
from loopback import Loopback, completion
from refusals import refusing, when
from umbrella import KEY, TEXT

CLAUDE = "claude-sonnet-5-5"
MARK = {"type": "ephemeral"}
# Listed for it, in USD a token: read, put into the cache, found in the cache, written.
READ, STORED, FOUND, WRITTEN = 2e-6, 2.5e-6, 1e-7, 1e-5


def anthropic(body: Any, *, read: int = 40, stored: int = 0, found: int = 0) -> tuple[int, Any]:
    """As Anthropic's `POST /v1/messages`: the three counts of what was read stand beside each other."""
    questions = ("relevance", "acceptability", "sufficiency", "overall")
    text = json.dumps(dict.fromkeys(questions, "4"))
    usage = {"input_tokens": read, "output_tokens": 20}
    usage |= {"cache_creation_input_tokens": stored, "cache_read_input_tokens": found}
    message = {"id": "m", "type": "message", "role": "assistant", "model": CLAUDE, "stop_sequence": None}
    return 200, {**message, "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "usage": usage}


def claude(server: Loopback, *, engine: str = "auto") -> Model:
    model = connect(f"anthropic/{CLAUDE}", api_base=server.url, api_key=KEY, engine=engine)
    model.price = listed_price("anthropic", CLAUDE)
    return model


@pytest.mark.parametrize("engine", ["lm15", "litellm"])
def test_the_system_text_is_marked_and_the_counts_are_priced(loopback: Loopback, engine: str) -> None:
    loopback.queue.append(lambda body: anthropic(body, stored=1070))
    loopback.queue.append(lambda body: anthropic(body, found=1070))
    judge = Judge("ratio", model=claude(loopback, engine=engine))
    first, second = judge.assess(TEXT), judge.assess(f"{TEXT} Again.")
    for body in loopback.requests:
        [system] = body["system"]
        assert system["cache_control"] == MARK
        assert "relevance" in system["text"]
        assert "cache_control" not in json.dumps(body["messages"])
        assert "cache_control_injection_points" not in body
    assert [each.usage.input_tokens for each in (first, second)] == [1110, 1110]
    assert [each.usage.cached_tokens for each in (first, second)] == [0, 1070]
    assert first.usage.cost_usd == pytest.approx(40 * READ + 1070 * STORED + 20 * WRITTEN)
    assert second.usage.cost_usd == pytest.approx(40 * READ + 1070 * FOUND + 20 * WRITTEN)


def test_a_prompt_too_short_to_be_kept_is_not_marked(loopback: Loopback) -> None:
    loopback.queue.append(anthropic)
    judge = Judge("ratio", model=claude(loopback), definitions="none")
    assert judge.assess(TEXT).status == "ok"
    assert isinstance(loopback.requests[0]["system"], str)


def test_how_long_a_kept_beginning_must_be_is_the_list_s(loopback: Loopback) -> None:
    loopback.queue += [anthropic] * 2
    for name, marked in (("claude-opus-4-6", False), (CLAUDE, True)):  # 4,096 tokens, and 512
        model = connect(f"anthropic/{name}", api_base=loopback.url, api_key=KEY)
        Judge("ratio", model=model).assess(TEXT)
        assert ("cache_control" in str(loopback.requests[-1]["system"])) is marked


class Same:
    """Examples that are the same for all arguments, or not."""

    def __init__(self, *, fixed: bool) -> None:
        self.fixed = fixed

    def __call__(self, argument: Argument) -> Sequence[Demonstration]:
        levels = dict.fromkeys(("relevance", "acceptability", "sufficiency", "overall"), "2")
        return [Demonstration({"argument": "It never rains."}, levels)]


@pytest.mark.parametrize("engine", ["lm15", "litellm"])
@pytest.mark.parametrize("fixed", [True, False])
def test_examples_that_all_arguments_are_shown_are_kept_as_well(loopback: Loopback, fixed: bool, engine: str) -> None:
    loopback.queue.append(anthropic)
    judge = Judge("ratio", model=claude(loopback, engine=engine), demonstrations=Same(fixed=fixed))
    judge.assess(TEXT)
    [body] = loopback.requests
    assert body["system"][0]["cache_control"] == MARK
    marked = ["cache_control" in json.dumps(message) for message in body["messages"]]
    assert marked == [False, fixed, False]


def test_notes_are_written_on_what_was_kept(loopback: Loopback) -> None:
    loopback.queue += [anthropic] * 2
    Judge("ratio", model=claude(loopback), explain=True).assess(TEXT)
    assert [body["system"][0]["cache_control"] for body in loopback.requests] == [MARK, MARK]


def test_a_server_that_takes_no_marks_is_sent_none_from_then_on(two: Framework) -> None:
    refused = {"type": "error", "error": {"type": "invalid_request_error", "message": "cache_control: not permitted"}}
    with refusing(when("cache_control", (400, refused))) as server:
        judge = Judge("ratio", model=connect(f"anthropic/{CLAUDE}", api_base=server.url, api_key=KEY))
        first, second = judge.assess(TEXT), judge.assess(TEXT)
    assert [first.status, second.status, server.refused, len(server.requests)] == ["ok", "ok", 1, 3]
    assert "marked" in first.notes[0]


@pytest.mark.parametrize("engine", ["lm15", "litellm"])
def test_openai_s_cached_tokens_are_among_those_read(loopback: Loopback, two: Framework, engine: str) -> None:
    reply = completion(
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": '{"clear":"3","fair":"2"}'},
        }
    )
    details = {"cached_tokens": 1024, "cache_write_tokens": 100}
    reply["usage"] = {"prompt_tokens": 1500, "completion_tokens": 10, "total_tokens": 1510}
    reply["usage"]["prompt_tokens_details"] = details
    loopback.reply(200, reply)
    model = connect("openai/m", api_base=f"{loopback.url}/v1", api_key=KEY, engine=engine)
    model.price = Price(1e-6, 4e-6, cached=1e-7, stored=1.25e-6)
    assessed = Judge(two, model=model, readout="label").assess(TEXT)
    assert (assessed.usage.input_tokens, assessed.usage.cached_tokens) == (1500, 1024)
    assert assessed.usage.cost_usd == pytest.approx(376e-6 + 1024e-7 + 125e-6 + 40e-6)
    assert "cache" not in json.dumps(loopback.requests[0])


def test_gemini_s_cached_tokens_are_among_those_read(loopback: Loopback, two: Framework) -> None:
    usage = {"promptTokenCount": 1500, "cachedContentTokenCount": 1000, "candidatesTokenCount": 10}
    content = {"role": "model", "parts": [{"text": '{"clear":"3","fair":"2"}'}]}
    reply = {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}], "modelVersion": "g"}
    loopback.reply(200, reply | {"usageMetadata": usage | {"totalTokenCount": 1510}})
    model = connect("gemini/gemini-3.5-flash", api_base=loopback.url, api_key=KEY)
    model.price = Price(1e-6, 4e-6, cached=1e-7)
    assessed = Judge(two, model=model).assess(TEXT)
    assert (assessed.usage.input_tokens, assessed.usage.cached_tokens) == (1500, 1000)
    assert assessed.usage.cost_usd == pytest.approx(500e-6 + 100e-6 + 40e-6)


def planned(judge: Judge, rows: int) -> Any:
    planner = Planner(judge, None)
    for number in range(rows):
        planner.add(Argument(f"{TEXT} {number}"))
    return planner.plan(concurrency=1)


def test_a_plan_says_what_is_saved_and_a_budget_holds_that_nothing_is(loopback: Loopback) -> None:
    judge = Judge("ratio", model=claude(loopback))
    plan, one = planned(judge, 100), planned(judge, 1)
    assert plan.caching is not None and plan.caching.sure
    tokens, (writes, reads) = plan.caching.tokens, (plan.caching.writes, plan.caching.reads)
    assert (writes, reads) == (1, 99)
    uncached = plan.input_tokens.value * READ + plan.output_tokens.value * WRITTEN
    assert plan.cost_usd.value == pytest.approx(uncached - 99 * tokens * (READ - FOUND) + tokens * (STORED - READ))
    assert plan.caching.saved_usd == pytest.approx(uncached - plan.cost_usd.value)
    # The first row alone pays for what others would find.
    assert one.caching.saved_usd == pytest.approx(-tokens * (STORED - READ))
    assert expected_cost(judge, Argument(TEXT)) < one.cost_usd.value
    # At worst every request puts all of its prompt into the cache.
    dearest = plan.input_tokens.value * STORED + plan.most_output_tokens.value * WRITTEN
    assert plan.most_cost_usd.value == pytest.approx(dearest)
    assert worst_cost(judge, Argument(TEXT)) > 1000 * STORED
    said = " ".join(plan_text(plan, judge, 1, None).split())
    assert f"the first {tokens:,} tokens are written 1 and read 99 times" in said
    assert loopback.requests == []


def test_what_a_provider_keeps_by_itself_is_said_and_not_counted_on() -> None:
    model = connect("openai/gpt-4.1-mini", api_key=KEY)
    judge = Judge("ratio", model=model)
    plan = planned(judge, 100)
    assert plan.caching is not None and not plan.caching.sure
    price = model.price
    assert price is not None
    assert plan.cost_usd.value == pytest.approx(price.of(plan.input_tokens.value, plan.output_tokens.value))
    assert "up to" in plan_text(plan, judge, 1, None)
    assert planned(Judge("ratio", model=model, definitions="none"), 100).caching is None
