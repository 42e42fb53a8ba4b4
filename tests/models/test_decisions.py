"""The decisions of named providers: litellm's dialects against servers on loopback that answer as it documents them.

They are fakes over real HTTP; no provider was asked.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from argqual import Framework, Judge
from argqual.argument import Argument
from argqual.assessment import Assessment, Status
from argqual.errors import ArgqualError, CredentialsError, ModelError, ReadoutError, UnknownModelError, Unreachable
from argqual.frameworks.catalogue import load_framework
from argqual.judging.batch import assess_all
from argqual.judging.compare import compare
from argqual.judging.plan import Planner, worst_cost
from argqual.judging.readouts.registry import choose_readout, preferred
from argqual.judging.trial import rated, why
from argqual.models.connect import Model, connect
from argqual.models.learnt import learnt_path
from argqual.models.prices import listed_price
from loopback import Loopback
from umbrella import KEY, TEXT, answer, levels

SHARES = {"clear": (0.1, 0.3, 0.6), "fair": (1.0, 0.0, 0.0)}
GERMAN = "Nimm einen Schirm mit: für morgen ist Regen gemeldet."


def openai_decisions(body: Any, *, refuse: tuple[str, ...] = (), cached: int = 0) -> tuple[int, Any]:
    """As OpenAI's `POST /v1/decisions`: answers in the order of the questions."""
    answers: list[dict[str, Any]] = []
    for question in body["questions"]:
        name, about = question["name"], {"name": question["name"], "confidence": 0.5}
        if name in refuse:
            answers.append({"type": "refusal", "name": name})
        elif question["type"] == "predicate":
            answers.append({"type": "predicate", "name": name, "probability": 0.9})
        elif question["type"] == "choice":
            many = len(question["choices"])
            probabilities = [{"value": each["value"], "probability": 1 / many} for each in question["choices"]]
            answers.append({"type": "choice", "choice": "a", "probabilities": probabilities, **about})
        else:
            labels = [each["label"] for each in question["levels"]]
            shares = SHARES.get(name) or tuple(float(place == 0) for place, _ in enumerate(labels))
            probabilities = [
                {"value": place, "label": label, "probability": shares[place]} for place, label in enumerate(labels)
            ]
            answers.append({"type": "score", "score": 1.0, "probabilities": probabilities, **about})
    details = {"cached_tokens": cached, "cache_write_tokens": 0}
    usage = {"input_tokens": 1000, "input_tokens_details": details, "output_tokens": 2, "total_tokens": 1002}
    return 200, {"model": body["model"], "answers": answers, "usage": usage}


def system_one(body: Any, **usage: Any) -> tuple[int, Any]:
    """As System One's `POST /v1/systemone`: answers by the names of the questions."""
    answers = {
        name: {
            "type": "score",
            "score": 1.0,
            "legend": dict(enumerate(question["criteria"])),
            "probabilities": {str(place): share for place, share in enumerate(SHARES[name])},
            "confidence": 0.5,
        }
        for name, question in body["questions"].items()
    }
    return 200, {"model": "d", "answers": answers, "usage": {"input_tokens": 50, "output_tokens": 2, **usage}}


@pytest.fixture
def luna(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Model]:
    """Connects gpt-6-luna at a server of the test's, as if it were OpenAI's and charged what OpenAI does."""
    monkeypatch.setenv("OPENAI_API_BASE", f"{loopback.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return lambda: replace(connect("openai/gpt-6-luna"), price=listed_price("openai", "gpt-6-luna"))


def check_rated(assessed: Assessment) -> None:
    assert (assessed.status, assessed.readout) == (Status.OK, "decide")
    # Levels 1, 2, 3: 0.1 * 1 + 0.3 * 2 + 0.6 * 3 = 2.5
    assert assessed.rating("clear").value == pytest.approx(2.5)
    assert assessed.rating("clear").probability_source == "endpoint"
    assert assessed.rating("fair").value == pytest.approx(1.0)


def test_a_listed_decisions_endpoint_is_preferred_and_asked_at_its_price(
    loopback: Loopback, two: Framework, luna: Callable[[], Model]
) -> None:
    loopback.queue.append(lambda body: openai_decisions(body, cached=400))
    assessed = Judge(two, model=luna()).assess(GERMAN, issue="Umbrella?")
    check_rated(assessed)
    [body] = loopback.requests
    assert loopback.paths == ["/v1/decisions"]
    assert loopback.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert body["model"] == "gpt-6-luna"
    assert GERMAN in body["input"]  # to the letter, no escapes
    assert [question["name"] for question in body["questions"]] == ["clear", "fair"]
    assert [level["label"] for level in body["questions"][0]["levels"]] == ["low", "middle", "high"]
    # Listed: 0.10 USD a million tokens read, a tenth of it from the cache, nothing for those written.
    assert assessed.usage.cost_usd == pytest.approx(600 * 1e-7 + 400 * 1e-8)
    assert (assessed.usage.input_tokens, assessed.usage.cached_tokens) == (1000, 400)


def test_azure_is_asked_at_its_own_path_with_its_own_header(loopback: Loopback, two: Framework) -> None:
    loopback.queue.append(openai_decisions)
    model = connect("azure/luna-here", api_base=loopback.url, api_key=KEY)
    check_rated(Judge(two, model=model, readout="decide").assess(TEXT))
    assert loopback.paths[0].startswith("/openai/v1/decisions")
    assert loopback.headers[0]["api-key"] == KEY
    assert loopback.requests[0]["model"] == "luna-here"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("ollama/clef", "/v1/systemone"),
        ("lm_studio/clef", "/v1/systemone"),
        ("hosted_vllm/clef", "/v1/systemone"),
        ("typesafe/jev-latest", "/v1/systemone"),
        ("azure_ai/Microsoft-Decision-1", "/providers/microsoft/v1/systemone"),
        ("databricks/databricks-openjev-qwen35-4b", "/databricks-openjev-qwen35-4b/invocations"),
    ],
)
def test_dialects_of_system_one(loopback: Loopback, two: Framework, name: str, path: str) -> None:
    loopback.queue.append(system_one)
    chats_below_v1 = name.startswith(("lm_studio/", "hosted_vllm/"))
    model = connect(name, api_base=loopback.url + "/v1" * chats_below_v1, api_key=KEY)
    check_rated(Judge(two, model=model, readout="decide").assess(TEXT, issue="Umbrella?"))
    assert loopback.paths == [path]
    assert loopback.requests[0]["state"]["inputs"] == {"argument": TEXT, "issue": "Umbrella?"}
    assert loopback.requests[0]["questions"]["fair"]["criteria"] == ["low", "middle", "high"]
    assert KEY in str(loopback.headers[0])


def test_what_a_provider_says_that_it_costs_is_the_cost(loopback: Loopback, two: Framework) -> None:
    loopback.queue.append(lambda body: system_one(body, cost=0.0125))
    model = connect("openrouter/some/decider", api_base=loopback.url, api_key=KEY)
    assessed = Judge(two, model=model, readout="decide").assess(TEXT)
    assert loopback.paths == ["/alpha/decisions"]
    assert assessed.usage.cost_usd == 0.0125


def test_a_model_that_only_decides_needs_no_read_out_named(loopback: Loopback, two: Framework) -> None:
    loopback.queue.append(system_one)
    model = connect("perplexity/pplx-decider-latest", api_base=loopback.url, api_key=KEY)
    check_rated(Judge(two, model=model).assess(TEXT))
    with pytest.raises(ReadoutError, match="only serves the read-out 'decide'"):
        Judge(two, model=model, readout="label")
    with pytest.raises(ArgqualError, match="no reasons"):
        Judge(two, model=model, explain=True)


def test_a_refused_question_has_a_reason_and_no_number_and_the_others_are_rated(
    loopback: Loopback, two: Framework, luna: Callable[[], Model]
) -> None:
    loopback.queue.append(lambda body: openai_decisions(body, refuse=("fair",)))
    assessed = Judge(two, model=luna()).assess(TEXT)
    refused = assessed.rating("fair")
    assert (refused.status, refused.value) == (Status.UNREADABLE, None)
    assert "refused" in (refused.reason or "")
    assert assessed.rating("clear").value == pytest.approx(2.5)
    assert assessed.overall.value is None
    assert "the model refused to answer fair" in assessed.notes


def test_all_questions_refused_is_an_assessment_without_values(
    loopback: Loopback, two: Framework, luna: Callable[[], Model]
) -> None:
    loopback.queue.append(lambda body: openai_decisions(body, refuse=("clear", "fair")))
    assessed = Judge(two, model=luna()).assess(TEXT)
    assert assessed.status is Status.UNREADABLE
    assert {rating.value for rating in assessed.ratings} == {None}
    assert "refused" in (assessed.rating("clear").reason or "")


def test_comparing_asks_choices_and_a_refused_one_is_no_preference(
    loopback: Loopback, two: Framework, luna: Callable[[], Model]
) -> None:
    loopback.queue += [lambda body: openai_decisions(body, refuse=("fair",))] * 2
    found = compare(TEXT, "Leave it at home.", framework=two, model=luna())
    assert loopback.requests[0]["questions"][0]["type"] == "choice"
    by_name = {each.criterion: each for each in found.criteria}
    assert by_name["clear"].probability_a == pytest.approx(0.5)
    assert (by_name["fair"].status, by_name["fair"].probability_a) == (Status.UNREADABLE, None)


def test_auto_takes_the_next_read_out_for_what_decisions_cannot_serve(
    loopback: Loopback, luna: Callable[[], Model]
) -> None:
    model = luna()
    assert preferred(model) == ("decide", "its provider has a decision endpoint for it")
    assert choose_readout("auto", model).name == "decide"
    assert Judge("ratio", model=model, explain=True).readout.name == "label"
    assert "no reasons" in preferred(model, explain=True)[1]
    assert load_framework("wachsmuth2017").abstains
    assert Judge("wachsmuth2017", model=model).readout.name == "label"
    with pytest.raises(ArgqualError, match="no reasons"):
        Judge("ratio", model=model, readout="decide", explain=True)
    assert loopback.requests == []


@pytest.mark.parametrize(
    ("status", "content", "error", "said"),
    [
        (401, {"error": {"message": f"Incorrect API key: {KEY}"}}, CredentialsError, "OPENAI_API_KEY"),
        (400, {"error": {"message": "Too many questions.", "param": "questions"}}, ModelError, "Too many questions"),
        (422, {"detail": [{"loc": ["body", "input"], "msg": "not a text"}]}, ModelError, "input: not a text"),
        (404, {"detail": "Not Found"}, ReadoutError, "--readout expect"),
        (501, {"error": {"message": "This model is not a decision model"}}, ReadoutError, "--readout expect"),
        (
            404,
            {"error": {"message": "The model does not exist.", "code": "model_not_found"}},
            UnknownModelError,
            "name",
        ),
    ],
)
def test_what_a_provider_refuses_is_said_plainly_and_asked_once(
    loopback: Loopback,
    two: Framework,
    luna: Callable[[], Model],
    status: int,
    content: Any,
    error: type[Exception],
    said: str,
) -> None:
    loopback.reply(status, content)
    with pytest.raises(error) as raised:
        Judge(two, model=luna()).assess(TEXT)
    shown = f"{raised.value} {getattr(raised.value, 'hint', '')}"
    assert said in shown
    assert KEY not in shown
    assert "litellm" not in shown.lower()
    assert len(loopback.requests) == 1


def test_the_beginning_of_a_text_that_is_too_long_is_rated_where_that_is_wanted(
    loopback: Loopback, two: Framework, luna: Callable[[], Model]
) -> None:
    said = "This model's maximum context length is 400 tokens, and you sent 800 tokens."
    loopback.reply(400, {"error": {"message": said}})
    loopback.queue.append(openai_decisions)
    assessed = Judge(two, model=luna(), truncate=True).assess(f"{TEXT} " * 100)
    assert assessed.status is Status.OK
    assert "only the first" in assessed.notes[0]
    first, second = (len(body["input"]) for body in loopback.requests)
    assert second < first / 2 + 200


def test_a_rate_limit_is_waited_out(loopback: Loopback, two: Framework, luna: Callable[[], Model]) -> None:
    loopback.reply(429, {"error": {"message": "Rate limit reached"}})
    loopback.queue.append(openai_decisions)
    check_rated(Judge(two, model=luna()).assess(TEXT))
    assert len(loopback.requests) == 2


def test_a_server_that_does_not_answer_in_time_is_asked_twice_more(loopback: Loopback, two: Framework) -> None:
    late = threading.Event()

    def reply(body: Any) -> tuple[int, Any]:
        late.wait(10)
        return openai_decisions(body)

    loopback.queue += [reply] * 3
    loopback.server.handle_error = lambda *_: None  # type: ignore[method-assign]  # nobody listens any more
    model = connect("openai/gpt-6-luna", api_base=f"{loopback.url}/v1", api_key=KEY, timeout=0.1)
    with pytest.raises(Unreachable, match="cannot be reached") as raised:
        Judge(two, model=model).assess(TEXT)
    late.set()
    assert len(loopback.requests) == 3
    assert raised.value.lost == 3


def test_no_server_is_said_as_that(two: Framework) -> None:
    model = connect("openai/gpt-6-luna", api_base="http://127.0.0.1:9/v1", api_key=KEY)
    with pytest.raises(Unreachable, match="cannot be reached"):
        Judge(two, model=model).assess(TEXT)


@pytest.mark.parametrize("content", [{}, {"answers": [], "usage": None}, "<html>", [1], {"answers": "no"}])
def test_an_answer_that_is_none_is_unreadable(
    loopback: Loopback, two: Framework, luna: Callable[[], Model], content: Any
) -> None:
    loopback.reply(200, content)
    assessed = Judge(two, model=luna()).assess(TEXT)
    assert (assessed.status, assessed.usage.requests) == (Status.UNREADABLE, 1)
    assert assessed.usage.cost_usd is None
    assert len(loopback.requests) == 1


def test_a_key_that_is_missing_is_named_before_anything_is_sent(loopback: Loopback, two: Framework) -> None:
    with pytest.raises(CredentialsError) as raised:
        Judge(two, model=connect("openai/gpt-6-luna")).assess(TEXT)
    assert "OPENAI_API_KEY" in (raised.value.hint or "")


def test_trying_finds_out_that_a_server_has_no_decision_endpoint_and_keeps_it(
    loopback: Loopback, two: Framework, luna: Callable[[], Model]
) -> None:
    loopback.reply(404, {"detail": "Not Found"})
    loopback.say(json.dumps({each.id: "3" for each in load_framework("ratio").asked}))
    model = luna()
    assert why(model, "auto") == "its provider has a decision endpoint for it"
    assert rated(model, "auto").readout == "label"
    assert "no decision endpoint" in why(model, "auto")
    assert "decisions" in learnt_path().read_text()
    again = luna()
    assert Judge(two, model=again).readout.name == "label"
    with pytest.raises(ReadoutError, match="has no decision endpoint"):
        Judge(two, model=again, readout="decide")


def test_many_are_asked_at_once_and_a_plan_has_the_price_of_decisions(
    loopback: Loopback, two: Framework, luna: Callable[[], Model]
) -> None:
    loopback.queue += [openai_decisions] * 12
    judge = Judge(two, model=luna())
    arguments = [Argument(f"{TEXT} {number}", id=str(number)) for number in range(12)]
    planner = Planner(judge, None)
    for argument in arguments:
        planner.add(argument)
    plan = planner.plan(concurrency=4)
    done = list(assess_all(judge, arguments, concurrency=4))
    assert [each.status for each in done] == [Status.OK] * 12
    assert plan.cost_usd is not None and plan.most_cost_usd is not None
    assert plan.cost_usd.value == pytest.approx(plan.input_tokens.value * 1e-7)
    assert worst_cost(judge, arguments[0]) > (done[0].usage.cost_usd or 1.0)


def test_prices_of_decisions_are_the_list_s(two: Framework) -> None:
    luna = listed_price("openai", "gpt-6-luna")
    assert luna is not None and luna.decisions is not None
    assert (luna.decisions.input, luna.decisions.output, luna.output) == (1e-7, 0.0, 5e-7)
    only = listed_price("perplexity", "pplx-decider-latest")
    assert only is not None and (only.input, only.decisions) == (2e-8, None)
    assert listed_price("parallel_ai", "decision") is None  # it is paid by the question


def test_a_provider_without_a_dialect_is_told_before_asking(two: Framework) -> None:
    with pytest.raises(ModelError, match="gives decisions and nothing else"):
        connect("baseten/decision-models/baseten-joey-2b-latest")
    with pytest.raises(ReadoutError, match="needs a decision endpoint"):
        Judge(two, model=connect("anthropic/claude-sonnet-5-5", api_key=KEY), readout="decide")


def test_chat_of_a_model_with_decisions_can_still_be_asked_for(
    loopback: Loopback, two: Framework, luna: Callable[[], Model]
) -> None:
    loopback.say(answer("3", "2"), tokens=levels({"3": 0.9, "2": 0.1}, {"2": 1.0}))
    assessed = Judge(two, model=luna(), readout="expect").assess(TEXT)
    assert (assessed.status, assessed.readout, loopback.paths) == ("ok", "expect", ["/v1/chat/completions"])
    assert assessed.usage.cost_usd == pytest.approx(100 * 1e-7 + 10 * 5e-7)


def test_a_refused_gate_is_no_answer_and_said(loopback: Loopback, luna: Callable[[], Model]) -> None:
    loopback.queue.append(lambda body: openai_decisions(body, refuse=("gate",)))
    assessed = Judge("qoam", model=luna()).assess(TEXT, issue="Umbrella?")
    assert loopback.requests[0]["questions"][0]["type"] == "predicate"
    assert assessed.gate is None
    assert "the model refused to answer gate" in assessed.notes
    assert assessed.overall.value is not None


def test_a_refused_choice_of_kinds_leaves_nothing_rated(loopback: Loopback, luna: Callable[[], Model]) -> None:
    loopback.queue.append(lambda body: openai_decisions(body, refuse=("kind",)))
    assessed = Judge("walton", model=luna()).assess(TEXT, issue="Umbrella?")
    assert (assessed.status, assessed.selected, len(loopback.requests)) == (Status.UNREADABLE, None, 1)
    assert "refused" in (assessed.overall.reason or "")


def test_an_answered_gate_and_choice_are_taken(loopback: Loopback, luna: Callable[[], Model]) -> None:
    loopback.queue += [openai_decisions] * 3
    gated = Judge("qoam", model=luna()).assess(TEXT, issue="Umbrella?")
    assert gated.gate is not None and gated.gate.probability == pytest.approx(0.9)
    chosen = Judge("walton", model=luna()).assess(TEXT, issue="Umbrella?")
    assert chosen.selected is not None and sum(chosen.selected.probabilities.values()) == pytest.approx(1.0)
