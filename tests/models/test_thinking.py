"""Models that think before they answer: room for it, as little of it as they offer, and what used up its tokens."""

from __future__ import annotations

from typing import Any

import pytest

from argqual.argument import Argument
from argqual.errors import ModelError
from argqual.frameworks.framework import Framework
from argqual.judging.batch import Batch
from argqual.judging.judge import Judge
from argqual.judging.plan import Planner, worst_cost
from argqual.models.connect import connect
from argqual.models.prices import Price
from refusals import Refusing, object_error, openai_error, refusing, when

TEXT = "Take an umbrella: the forecast says rain."
NO_TEMPERATURE = when(
    "temperature", (400, {"type": "error", "error": {"type": "invalid_request_error", "message": "temperature: no"}})
)


def judging(server: Refusing, two: Framework, name: str, *, readout: str = "auto", **how: Any) -> Judge:
    path = "/v1" if name.startswith("openai") else ""
    return Judge(two, model=connect(name, api_base=server.url + path, api_key="k", **how), readout=readout)


def test_a_model_that_always_thinks_is_sent_no_temperature_and_told_to_think_little(two: Framework) -> None:
    with refusing(NO_TEMPERATURE, thinks=lambda body: 3000) as server:
        found = judging(server, two, "anthropic/claude-sonnet-5-5").assess(TEXT)
    [body] = server.requests
    assert (found.status, found.readout, found.notes) == ("ok", "label", ())
    assert body["max_tokens"] > 16_000
    assert body["output_config"]["effort"] == "low"


def test_thinking_that_counts_against_the_answer_has_room(two: Framework) -> None:
    with refusing(thinks=lambda body: 3000) as server:
        found = judging(server, two, "gemini/gemini-3.5-flash").assess(TEXT)
    settings = server.requests[0]["generationConfig"]
    assert (found.status, found.usage.output_tokens) == ("ok", 3010)
    assert settings["maxOutputTokens"] > 16_000
    assert settings["thinkingConfig"] == {"thinkingLevel": "minimal"}
    assert settings["temperature"] == 0


def test_a_model_that_need_not_think_is_told_so_and_has_a_temperature(two: Framework) -> None:
    with refusing(thinks=lambda body: 0 if body.get("reasoning_effort") == "none" else 5000) as server:
        found = judging(server, two, "openai/gpt-6-luna", readout="label").assess(TEXT)
    [body] = server.requests
    assert (found.status, body["reasoning_effort"], body["temperature"]) == ("ok", "none", 0)
    assert body["max_completion_tokens"] < 1000


@pytest.mark.parametrize(("name", "effort"), [("openai/gpt-5-mini", "minimal"), ("openai/o3", "low")])
def test_openai_s_models_that_reason_are_told_the_least(two: Framework, name: str, effort: str) -> None:
    no_temperature = when("temperature", openai_error("No temperature.", param="temperature"))
    with refusing(no_temperature, thinks=lambda body: 900) as server:
        found = judging(server, two, name).assess(TEXT)
    assert (found.status, found.notes, server.refused) == ("ok", (), 0)
    assert server.requests[0]["reasoning_effort"] == effort


def test_effort_is_sent_and_makes_another_key_and_more_room(two: Framework) -> None:
    with refusing(thinks=lambda body: 30_000) as server:
        usual = judging(server, two, "anthropic/claude-sonnet-5-5")
        harder = judging(server, two, "anthropic/claude-sonnet-5-5", effort="high")
        assert usual.assess(TEXT).status == "unreadable"
        assert harder.assess(TEXT).status == "ok"
    assert server.requests[-1]["output_config"]["effort"] == "high"
    assert usual.key(Argument(TEXT)) != harder.key(Argument(TEXT))


def test_tokens_used_up_by_thinking_are_the_reason_and_the_remedy_is_named(two: Framework) -> None:
    with refusing(thinks=lambda body: 10**6) as server:
        found = judging(server, two, "gemini/gemini-3.5-flash", effort="low").assess(TEXT)
    reason = found.rating("clear").reason or ""
    assert found.status == "unreadable"
    assert "thinking" in reason
    assert "--effort minimal" in reason
    assert len(server.requests) == 1


def test_a_model_that_turns_out_to_think_is_given_room_from_then_on(two: Framework) -> None:
    with refusing(thinks=lambda body: 900) as server:
        first = judging(server, two, "openai/qwen3").assess(TEXT)
        second = judging(server, two, "openai/qwen3").assess(TEXT)
    assert [first.status, second.status, first.truncated] == ["ok", "ok", False]
    assert first.usage.requests == 2
    assert len(server.requests) == 3
    assert "thinks first" in first.notes[0]


def test_room_to_think_shrinks_to_a_small_context(two: Framework) -> None:
    def context(body: dict[str, Any]) -> Any:
        most = body["max_completion_tokens"]
        said = (
            f"This model's maximum context length is 8192 tokens. However, you requested {most + 500} tokens (500 in "
        )
        return object_error(f"{said}the messages, {most} in the completion).") if most > 7_692 else None

    with refusing(context, thinks=lambda body: 900) as server:
        found = judging(server, two, "openai/qwen3").assess(TEXT)
    assert found.status == "ok"
    assert 6_000 < server.requests[-1]["max_completion_tokens"] < 7_692


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        (
            "Unsupported value: 'reasoning_effort' does not support 'none'. Supported values are: 'low' and 'high'.",
            "low",
        ),
        ("Unrecognized request argument supplied: reasoning_effort", None),
    ],
)
def test_a_refused_effort_becomes_the_least_that_is_offered(two: Framework, said: str, sent: str | None) -> None:
    refused = openai_error(said, param="reasoning_effort")
    rule = [lambda body: refused if body.get("reasoning_effort", sent) != sent else None]
    with refusing(*rule, thinks=lambda body: 700) as server:
        found = judging(server, two, "openai/gpt-6-luna", readout="label").assess(TEXT)
    assert found.status == "ok"
    assert server.requests[-1].get("reasoning_effort") == sent
    assert "effort" in " ".join(found.notes)


def test_an_effort_that_was_asked_for_is_never_changed(two: Framework) -> None:
    unknown = when("reasoning_effort", openai_error("Unknown parameter: reasoning_effort."))
    with refusing(unknown) as server, pytest.raises(ModelError, match="refuses the effort 'high'"):
        judging(server, two, "openai/m", effort="high").assess(TEXT)
    for name, effort in (("anthropic/claude-sonnet-5-5", "none"), ("openai/o3", "minimal"), ("local", "high")):
        with pytest.raises(ModelError) as caught:
            connect(name, api_key="k", effort=effort)
        assert "--effort" in str(caught.value)


def test_a_plan_and_a_budget_count_thinking(two: Framework) -> None:
    with refusing() as server:
        thinking = judging(server, two, "openai/o3")
        thinking.model.price = Price(0.0, 1e-6)
        told_not_to = judging(server, two, "openai/gpt-6-luna", readout="label")
    plan = Planner(thinking, None)
    plan.add(Argument(TEXT))
    planned = plan.plan(concurrency=1)
    assert planned.most_output_tokens.value == 16_080
    assert planned.output_tokens.value > 500
    assert worst_cost(thinking, Argument(TEXT)) > 2 * 16_080 * 1e-6
    other = Planner(told_not_to, None)
    other.add(Argument(TEXT))
    assert other.plan(concurrency=1).most_output_tokens.value < 100


def test_a_budget_is_not_passed_by_a_model_that_turns_out_to_think(two: Framework) -> None:
    with refusing(thinks=lambda body: 900) as server:
        judge = judging(server, two, "openai/qwen3")
        judge.model.price = Price(0.0, 1e-6)
        batch: Batch[str] = Batch(judge, concurrency=1, max_cost=0.2)
        found = [each for _, each in batch.run([f"{TEXT} {number}" for number in range(5)], Argument)]
    assert found[0].status == "unreadable"
    assert {each.status for each in found[2:]} == {"ok"}  # two are under way when the first is found out
    assert "--retry-failed" in (found[0].overall.reason or "")
    assert batch.tally.cost_usd < 0.2
    assert len(server.requests) == 5
