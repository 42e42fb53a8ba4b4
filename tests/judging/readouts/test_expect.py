"""The read-out `expect`: what log-probabilities make of a rating."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from argqual import Argument, Framework, Judge
from argqual.assessment import Status
from argqual.errors import ReadoutError
from argqual.models.connect import Model, connect
from loopback import Loopback
from umbrella import KEY, TEXT, answer, judge, levels, server_model, text_of


@pytest.mark.parametrize("engine", ["lm15", "litellm"])
def test_expect_reads_the_expectation_on_both_transports(loopback: Loopback, two: Framework, engine: str) -> None:
    tokens = levels({"3": 0.5, "1": 0.25, "2": 0.25}, {"2": 1.0})
    loopback.say(text_of(tokens), tokens=tokens)
    assessed = Judge(two, model=server_model(loopback, engine=engine)).assess(TEXT)
    clear = assessed.rating("clear")
    # 0.25 * 1 + 0.25 * 2 + 0.5 * 3 = 2.25; variance 0.25 * 1.5625 + 0.25 * 0.0625 + 0.5 * 0.5625 = 0.6875
    assert clear.value == pytest.approx(2.25)
    assert clear.spread == pytest.approx(0.6875**0.5)
    assert clear.probability_source == "logprobs"
    assert assessed.readout == "expect"
    assert assessed.usage.input_tokens == 100
    [request] = loopback.requests
    assert request["logprobs"] is True
    assert request["top_logprobs"] == 20
    assert request["temperature"] == 0


def test_missing_log_probabilities_are_an_error_with_a_remedy_never_another_readout(
    loopback: Loopback, two: Framework
) -> None:
    loopback.say(answer("2", "2"))
    with pytest.raises(ReadoutError, match="returned none") as raised:
        judge(loopback, two, "expect").assess(TEXT)
    assert "--readout label" in str(raised.value)
    assert len(loopback.requests) == 1


def test_mass_outside_the_levels_is_reported(loopback: Loopback, two: Framework) -> None:
    tokens = levels({"3": 0.6, "#": 0.4}, {"2": 1.0})
    loopback.say(text_of(tokens), tokens=tokens)
    clear = judge(loopback, two).assess(TEXT).rating("clear")
    assert clear.value == pytest.approx(3.0)
    assert clear.outside == pytest.approx(0.4)


def test_a_rating_with_most_mass_outside_the_levels_is_refused(loopback: Loopback, two: Framework) -> None:
    tokens = levels({"3": 0.3, "#": 0.7}, {"2": 1.0})
    loopback.say(
        text_of(tokens).replace("#", "3"),
        tokens=[("3", share) if "#" in token else (token, share) for token, share in tokens],
    )
    assessed = judge(loopback, two).assess(TEXT)
    assert assessed.rating("clear").status is Status.UNREADABLE
    assert "70%" in (assessed.rating("clear").reason or "")
    assert assessed.rating("fair").value == pytest.approx(2.0)
    assert assessed.overall.value is None
    assert assessed.status is Status.UNREADABLE


def test_expect_is_refused_before_asking_when_the_model_cannot_give_log_probabilities(two: Framework) -> None:
    with pytest.raises(ReadoutError, match="log-probabilities"):
        Judge(two, model=connect("openai/o3", api_key=KEY), readout="expect")


def vllm(loopback: Loopback, **settings: str) -> Model:
    return connect("hosted_vllm/m", api_base=f"{loopback.url}/v1", api_key=KEY, **settings)


@pytest.mark.parametrize("engine", ["lm15", "litellm"])
def test_an_answer_is_begun_where_the_server_is_known_to_go_on_with_it(
    loopback: Loopback, two: Framework, engine: str
) -> None:
    for alternatives in ({"3": 0.5, "1": 0.25, "2": 0.25}, {" 2": 0.6, "2": 0.2, "#": 0.2}):
        first = next(iter(alternatives))
        loopback.say(first, tokens=[(first, alternatives)], finish="length")
    assessed = Judge(two, model=vllm(loopback, engine=engine), readout="expect:prefilled").assess(TEXT)
    assert assessed.readout == "expect:prefilled"
    assert assessed.rating("clear").value == pytest.approx(2.25)
    assert assessed.rating("fair").value == pytest.approx(2.0)
    assert assessed.rating("fair").outside == pytest.approx(0.2)
    assert assessed.notes == ()  # an answer of one token is not one that was cut off
    assert [request["messages"][-1] for request in loopback.requests] == [
        {"role": "assistant", "content": '{"clear":"'},
        {"role": "assistant", "content": '{"clear":"3","fair":"'},
    ]
    for request in loopback.requests:
        assert request["continue_final_message"] is True
        assert request["add_generation_prompt"] is False
        assert request["top_logprobs"] == 20
        assert "response_format" not in request
        assert request["messages"][:-1] == loopback.requests[0]["messages"][:-1]


def test_the_form_of_an_answer_can_be_asked_for(loopback: Loopback, two: Framework) -> None:
    written = Judge(two, model=vllm(loopback), readout="expect:json")
    begun = Judge(two, model=vllm(loopback), readout="expect:prefilled")
    assert (written.readout.name, begun.readout.name) == ("expect", "expect:prefilled")
    assert written.key(Argument(TEXT)) != begun.key(Argument(TEXT))
    assert Judge(two, model=vllm(loopback), readout="expect").readout.name == "expect"
    with pytest.raises(ReadoutError, match="Did you mean 'expect:prefilled'"):
        Judge(two, model=vllm(loopback), readout="expect:perfilled")


def test_a_server_that_begins_anew_is_found_out(loopback: Loopback, two: Framework) -> None:
    for _ in two.asked:
        loopback.say("{", tokens=[("{", {"{": 0.97, "3": 0.001})], finish="length")
    assessed = Judge(two, model=server_model(loopback), readout="expect:prefilled").assess(TEXT)
    assert assessed.status is Status.UNREADABLE
    assert "no level" in (assessed.rating("clear").reason or "")


def test_no_answer_is_begun_for_weights_whose_turns_have_room_to_think(loopback: Loopback, two: Framework) -> None:
    """That the loopback server runs here is said in the engine's place."""
    model = server_model(loopback)
    model.server = SimpleNamespace(slots=1)  # type: ignore[assignment]
    with pytest.raises(ReadoutError, match="thinks before it answers") as raised:
        Judge(two, model=model, readout="expect:prefilled")
    assert "expect:json" in str(raised.value)


def test_an_answer_begun_for_a_model_goes_on_with_an_abstention(loopback: Loopback, two: Framework) -> None:
    scale = two.scale.model_copy(update={"abstain": "cannot be told"})
    framework = two.model_copy(update={"scale": scale})
    for alternatives in ({"X": 0.6, "3": 0.4}, {"2": 1.0}):
        first = next(iter(alternatives))
        loopback.say(first, tokens=[(first, alternatives)], finish="length")
    assessed = Judge(framework, model=vllm(loopback), readout="expect:prefilled").assess(TEXT)
    assert assessed.rating("clear").status is Status.ABSTAINED
    assert loopback.requests[1]["messages"][-1]["content"] == '{"clear":"X","fair":"'


def test_with_reasons_only_the_levels_are_begun(loopback: Loopback, two: Framework) -> None:
    loopback.say('{"clear":{"rationale":"Plain.","quote":""},"fair":{"rationale":"One side."}}')
    for _ in two.asked:
        loopback.say("2", tokens=[("2", {"2": 1.0})], finish="length")
    assessed = Judge(two, model=vllm(loopback), readout="expect:prefilled", explain=True).assess(TEXT)
    assert assessed.rating("clear").rationale == "Plain."
    assert [message["role"] for message in loopback.requests[1]["messages"]][-3:] == ["assistant", "user", "assistant"]
    assert assessed.usage.requests == 3


def test_log_probabilities_that_are_missing_are_an_error_in_either_form(loopback: Loopback, two: Framework) -> None:
    loopback.say("2")
    with pytest.raises(ReadoutError, match="returned none"):
        Judge(two, model=vllm(loopback), readout="expect:prefilled").assess(TEXT)


def test_a_plan_counts_a_request_a_question(loopback: Loopback, two: Framework) -> None:
    planned = Judge(two, model=vllm(loopback), readout="expect:prefilled")
    requests = planned.readout.plan(planned.inquiry(Argument(TEXT)), planned.model)
    assert [(request.expected, request.most) for request in requests] == [(1, 1)] * len(two.asked)
