"""What is said to a chat model: notes, the levels, once more, with a schema and without."""

from __future__ import annotations

from argqual import Framework, Judge
from argqual.assessment import Status
from argqual.models.connect import connect
from loopback import Loopback
from umbrella import KEY, TEXT, answer, judge, levels, text_of


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


def test_a_reasoning_model_is_sent_no_temperature_and_room_to_think(loopback: Loopback, two: Framework) -> None:
    loopback.say(answer("3", "2"))
    model = connect("openai/o3", api_base=f"{loopback.url}/v1", api_key=KEY)
    Judge(two, model=model).assess(TEXT)
    [request] = loopback.requests
    assert "temperature" not in request
    assert max(request.get("max_tokens") or 0, request.get("max_completion_tokens") or 0) >= 16_000
