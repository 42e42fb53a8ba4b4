from __future__ import annotations

from typing import Any

import pytest

from argqual import Framework, Judge
from argqual.assessment import Status
from argqual.errors import ModelError, ReadoutError, TooLongError, Unreachable
from argqual.models.connect import Model, connect
from loopback import Loopback

TEXT = "Take an umbrella: the forecast says rain."
KEY = "sk-planted-secret-0123456789"


def levels(*shares: dict[str, float]) -> list[tuple[str, dict[str, float]]]:
    """Tokens of {"clear":"…","fair":"…"} with the probabilities given for each level."""
    tokens: list[tuple[str, dict[str, float]]] = []
    for name, share in zip(('{"clear":"', '","fair":"'), shares, strict=True):
        tokens += [(name, {name: 1.0}), (max(share, key=lambda token: share[token]), share)]
    return [*tokens, ('"}', {'"}': 1.0})]


def answer(clear: str, fair: str) -> str:
    return f'{{"clear":"{clear}","fair":"{fair}"}}'


def text_of(tokens: list[tuple[str, dict[str, float]]]) -> str:
    return "".join(token for token, _ in tokens)


def server_model(loopback: Loopback, **settings: Any) -> Model:
    return connect("openai/m", api_base=f"{loopback.url}/v1", api_key=KEY, **settings)


def judge(loopback: Loopback, framework: Framework, readout: str = "auto", **settings: Any) -> Judge:
    return Judge(framework, model=server_model(loopback), readout=readout, **settings)


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


def test_label_takes_the_level_as_written_and_claims_no_probabilities(loopback: Loopback, two: Framework) -> None:
    loopback.say(answer("3", "1"))
    assessed = judge(loopback, two, "label").assess(TEXT)
    assert [rating.value for rating in assessed.ratings] == [3.0, 1.0]
    assert all(rating.probabilities is None and rating.probability_source is None for rating in assessed.ratings)
    assert "logprobs" not in loopback.requests[0]


def test_votes_are_the_frequencies_of_sampled_answers(loopback: Loopback, two: Framework) -> None:
    for said in (answer("3", "1"), answer("3", "1"), answer("2", "1"), "nonsense"):
        loopback.say(said)
    assessed = judge(loopback, two, "votes:4").assess(TEXT)
    clear = assessed.rating("clear")
    assert clear.probabilities == pytest.approx({"1": 0.0, "2": 1 / 3, "3": 2 / 3})
    assert clear.probability_source == "votes"
    assert clear.outside == pytest.approx(0.25)
    assert [request["seed"] for request in loopback.requests] == [0, 1, 2, 3]
    assert all(request["temperature"] == 1.0 for request in loopback.requests)


def test_an_unreadable_answer_is_asked_for_once_more(loopback: Loopback, two: Framework) -> None:
    loopback.say("Both are fine, I think.")
    loopback.say(answer("2", "3"))
    assessed = judge(loopback, two, "label").assess(TEXT)
    assert assessed.rating("fair").value == 3.0
    assert assessed.usage.requests == 2
    assert "could not be read" in loopback.requests[1]["messages"][-1]["content"]
    assert any("twice" in note for note in assessed.notes)


def test_an_answer_unreadable_twice_is_a_status_and_not_a_score(loopback: Loopback, two: Framework) -> None:
    loopback.say("Fine.")
    loopback.say("Fine, I said.")
    assessed = judge(loopback, two, "label").assess(TEXT)
    assert assessed.status is Status.UNREADABLE
    assert all(rating.value is None for rating in (*assessed.ratings, assessed.overall))


def test_a_server_that_refuses_the_schema_is_asked_without_it_from_then_on(loopback: Loopback, two: Framework) -> None:
    loopback.reply(400, {"error": {"message": "response_format json_schema is not supported", "code": 400}})
    loopback.say(answer("2", "3"))
    loopback.say(answer("2", "3"))
    asking = judge(loopback, two, "label")
    asking.assess(TEXT)
    asking.assess(TEXT)
    assert ["response_format" in request for request in loopback.requests] == [True, False, False]


def test_notes_come_before_levels_and_quotes_are_checked(loopback: Loopback, two: Framework) -> None:
    loopback.say(
        '{"clear":{"rationale":"Short.","quote":"the FORECAST  says"},"fair":{"rationale":"No view is named."}}'
    )
    tokens = levels({"3": 1.0}, {"2": 1.0})
    loopback.say(text_of(tokens), tokens=tokens)
    assessed = judge(loopback, two, explain=True).assess(TEXT)
    clear = assessed.rating("clear")
    assert clear.rationale == "Short."
    [quote] = clear.evidence
    assert TEXT[quote.start : quote.end] == quote.text == "the forecast says"
    assert clear.probability_source == "logprobs"
    first, second = loopback.requests
    assert second["messages"][: len(first["messages"])] == first["messages"]
    assert second["messages"][-2]["role"] == "assistant"
    assert "logprobs" not in first


def test_a_quote_that_is_not_in_the_argument_is_discarded_and_said_so(loopback: Loopback, two: Framework) -> None:
    loopback.say('{"clear":{"rationale":"Short.","quote":"the oracle says"},"fair":{"rationale":"Yes."}}')
    loopback.say(answer("3", "2"))
    assessed = judge(loopback, two, "label", explain=True).assess(TEXT)
    assert assessed.rating("clear").evidence == ()
    assert assessed.rating("clear").discarded_quotes == ("the oracle says",)
    assert any("1 quote left out" in note for note in assessed.notes)


def test_decide_asks_a_system_one_endpoint(loopback: Loopback, two: Framework) -> None:
    answers = {
        "clear": {"type": "score", "score": 1.5, "probabilities": {"0": 0.1, "1": 0.3, "2": 0.6}, "confidence": 0.6},
        "fair": {"type": "score", "score": 0.0, "probabilities": {"0": 1.0, "1": 0.0, "2": 0.0}, "confidence": 1.0},
    }
    loopback.reply(200, {"model": "d", "answers": answers, "usage": {"input_tokens": 50, "output_tokens": 2}})
    model = connect("systemone/d", api_base=loopback.url, api_key=KEY)
    assessed = Judge(two, model=model).assess(TEXT, issue="Umbrella?")
    assert assessed.readout == "decide"
    # Indices 0, 1, 2 are the values 1, 2, 3: 0.1 * 1 + 0.3 * 2 + 0.6 * 3 = 2.5
    assert assessed.rating("clear").value == pytest.approx(2.5)
    assert assessed.rating("clear").probability_source == "endpoint"
    assert assessed.usage.output_tokens == 2
    assert loopback.paths == ["/v1/systemone"]
    [request] = loopback.requests
    assert request["model"] == "d"
    assert request["questions"]["clear"]["type"] == "score"
    assert request["questions"]["clear"]["criteria"] == ["low", "middle", "high"]
    assert request["state"]["inputs"]["issue"] == "Umbrella?"
    assert loopback.headers[0]["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("answer", [{}, {"probabilities": {"0": 1.0}}, {"probabilities": {"0": 5, "1": 0, "2": 0}}])
def test_a_malformed_decision_is_unreadable(loopback: Loopback, two: Framework, answer: Any) -> None:
    loopback.reply(200, {"answers": {"clear": answer, "fair": answer}})
    assessed = Judge(two, model=connect("systemone/d", api_base=loopback.url)).assess(TEXT)
    assert assessed.status is Status.UNREADABLE


@pytest.mark.parametrize(
    ("status", "error"), [(401, Unreachable), (503, Unreachable), (404, ModelError), (501, ModelError)]
)
def test_a_decision_endpoint_that_fails_says_why(
    loopback: Loopback, two: Framework, status: int, error: type[Exception]
) -> None:
    loopback.reply(status, {"error": f"no, {KEY}"})
    with pytest.raises(error) as raised:
        Judge(two, model=connect("systemone/d", api_base=loopback.url, api_key=KEY)).assess(TEXT)
    assert KEY not in str(raised.value)


def test_verbal_lets_the_model_write_probabilities_down(loopback: Loopback, two: Framework) -> None:
    evidence = '{"probabilities": {"0": 0.0, "1": 0.5, "2": 0.5}, "confidence": 0.8}'
    loopback.say(f"[[ ## clear ## ]]\n{evidence}\n\n[[ ## fair ## ]]\n{evidence}\n\n[[ ## completed ## ]]")
    assessed = judge(loopback, two, "verbal").assess(TEXT)
    assert assessed.rating("clear").value == pytest.approx(2.5)
    assert assessed.rating("clear").probability_source == "verbalised"
    assert assessed.usage.input_tokens == 100


def test_verbal_writes_the_rationale_before_the_rating(loopback: Loopback, two: Framework) -> None:
    evidence = '{"probabilities": {"0": 0.0, "1": 0.0, "2": 1.0}, "confidence": 0.8}'
    fields = [
        ("clear_rationale", "Short."),
        ("clear_quote", "says rain"),
        ("clear", evidence),
        ("fair_rationale", "Yes."),
        ("fair", evidence),
    ]
    loopback.say("\n\n".join(f"[[ ## {name} ## ]]\n{value}" for name, value in fields) + "\n\n[[ ## completed ## ]]")
    assessed = judge(loopback, two, "verbal", explain=True).assess(TEXT)
    assert assessed.rating("clear").rationale == "Short."
    assert assessed.rating("clear").evidence[0].text == "says rain"
    system = loopback.requests[0]["messages"][0]["content"]
    assert system.index("clear_rationale") < system.index("`clear`") < system.index("fair_rationale")


def test_credentials_refused_are_unreachable_and_never_shown(loopback: Loopback, two: Framework) -> None:
    loopback.reply(401, {"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}})
    with pytest.raises(Unreachable) as raised:
        judge(loopback, two, "label").assess(TEXT)
    assert KEY not in str(raised.value)
    assert raised.value.exit_code == 3


def test_an_unreachable_server_is_said_to_be_unreachable(two: Framework) -> None:
    model = connect("openai/m", api_base="http://127.0.0.1:9/v1")
    model.lm.num_retries = 0
    with pytest.raises(Unreachable, match="cannot be reached"):
        Judge(two, model=model, readout="label").assess(TEXT)


TOO_LONG = {"error": {"message": "request (2500 tokens) exceeds the available context size (2000 tokens)", "code": 400}}


def test_an_argument_that_does_not_fit_says_how_long_it_is_and_how_much_fits(
    loopback: Loopback, two: Framework
) -> None:
    loopback.reply(400, TOO_LONG)
    with pytest.raises(TooLongError) as raised:
        judge(loopback, two, "label").assess("word " * 1600)
    assert "8,000 characters" in raised.value.message
    assert "would fit" in raised.value.message
    assert "--truncate" in (raised.value.hint or "")


def test_truncate_rates_the_beginning_and_says_how_much(loopback: Loopback, two: Framework) -> None:
    loopback.reply(400, TOO_LONG)
    loopback.say(answer("3", "2"))
    assessed = judge(loopback, two, "label", truncate=True).assess("word " * 1600)
    sent = loopback.requests[1]["messages"][-1]["content"]
    assert 3000 < sent.count("word") * 5 < 8000
    assert any("only the first" in note for note in assessed.notes)


@pytest.mark.parametrize("wanted", ["expectt", "votes", "votes:1", "votes:999", "votes:-1", ""])
def test_an_unknown_readout_is_refused(loopback: Loopback, two: Framework, wanted: str) -> None:
    with pytest.raises(ReadoutError):
        judge(loopback, two, wanted)


def test_the_readout_is_chosen_by_what_the_model_is_known_to_give(loopback: Loopback, two: Framework) -> None:
    assert judge(loopback, two).readout.name == "expect"
    assert Judge(two, model=connect("anthropic/claude-x", api_key=KEY)).readout.name == "label"
    assert Judge(two, model=connect("openai/o3", api_key=KEY)).readout.name == "label"
    assert Judge(two, model=connect("systemone/d", api_base=loopback.url)).readout.name == "decide"


def test_expect_is_refused_before_asking_when_the_model_cannot_give_log_probabilities(two: Framework) -> None:
    with pytest.raises(ReadoutError, match="log-probabilities"):
        Judge(two, model=connect("openai/o3", api_key=KEY), readout="expect")


def test_a_reasoning_model_is_sent_no_temperature_and_room_to_think(loopback: Loopback, two: Framework) -> None:
    loopback.say(answer("3", "2"))
    model = connect("openai/o3", api_base=f"{loopback.url}/v1", api_key=KEY)
    Judge(two, model=model).assess(TEXT)
    [request] = loopback.requests
    assert "temperature" not in request
    assert max(request.get("max_tokens") or 0, request.get("max_completion_tokens") or 0) >= 16_000


def test_a_verbal_answer_in_another_form_is_unreadable(two: Framework, loopback: Loopback) -> None:
    for _ in range(2):  # DSPy asks again, for JSON
        loopback.say("I would rather not.")
    assessment = judge(loopback, two, "verbal").assess(TEXT)
    assert assessment.status is Status.UNREADABLE
    assert "DSPy's form" in (assessment.overall.reason or "")
    assert assessment.usage.requests == 2
