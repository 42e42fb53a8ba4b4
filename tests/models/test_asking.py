"""What a server refuses is left out, lowered or said otherwise, once, remembered and said; over real HTTP to fakes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest

from argqual.assessment import Assessment
from argqual.errors import ArgqualError, ModelError, ReadoutError, TextRefused
from argqual.frameworks.framework import Framework
from argqual.judging.batch import assess_all
from argqual.judging.judge import Judge
from argqual.models.connect import connect
from argqual.models.learnt import keep, learnt_path, read
from refusals import Refusing, Rule, detail, located, no_system, object_error, openai_error, refusing, when

TEXT = "Take an umbrella: the forecast says rain."


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_API_BASE", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def judging(server: Refusing, two: Framework, name: str = "openai/m", readout: str = "auto", **how: Any) -> Judge:
    path = "" if name.startswith(("anthropic", "gemini")) else "/v1"
    return Judge(two, model=connect(name, api_base=server.url + path, api_key="k", **how), readout=readout)


def with_temperature_0(refusal: tuple[int, Any]) -> Rule:
    return lambda body: refusal if body.get("temperature") == 0 else None


def with_many_alternatives(refusal: tuple[int, Any], most: int = 5) -> Rule:
    return lambda body: refusal if (body.get("top_logprobs") or 0) > most else None


TGI = {"error": "Input validation error: `temperature` must be strictly positive", "error_type": "validation"}
DROPPED: dict[str, tuple[str, Rule, str, str]] = {
    "temperature, by param": (
        "temperature",
        when("temperature", openai_error("No.", param="temperature")),
        "label",
        "",
    ),
    "temperature, 422": ("temperature", when("temperature", located("temperature")), "label", ""),
    "temperature, 500": (
        "temperature",
        when("temperature", openai_error("'temperature' is not supported", status=500)),
        "label",
        "",
    ),
    "seed, FastAPI": ("seed", when("seed", located("seed")), "votes:2", ""),
    "seed, a sentence": ("seed", when("seed", detail("Unknown field: seed.")), "votes:2", ""),
    "seed among names that it takes": (
        "seed",
        when("seed", detail("Unexpected argument 'seed'. Supported parameters: temperature, max_tokens.")),
        "votes:2",
        "",
    ),
    "a body that is a string": ("seed", when("seed", (400, "unknown field seed")), "votes:2", ""),
    "strict": ("strict", when("strict", object_error("json_schema.strict is not supported")), "label", ""),
    "a schema, vLLM": (
        "response_format",
        when("response_format", object_error("response_format of this type is not available now")),
        "label",
        "",
    ),
    "a schema, llama.cpp": (
        "response_format",
        when("response_format", openai_error("failed to parse grammar", status=500)),
        "label",
        "",
    ),
    "max_completion_tokens": (
        "max_completion_tokens",
        when("max_completion_tokens", located("max_completion_tokens")),
        "label",
        "max_tokens",
    ),
}


@pytest.mark.parametrize("case", DROPPED)
def test_what_a_server_refuses_is_left_out_once_and_said(two: Framework, case: str) -> None:
    name, rule, readout, instead = DROPPED[case]
    with refusing(rule) as server:
        judge = judging(server, two, readout=readout)
        first, second = judge.assess(TEXT), judge.assess(TEXT + " Twice.")
    assert [first.status, second.status] == ["ok", "ok"]
    assert server.refused == 1
    assert name not in json.dumps({key: value for key, value in server.requests[-1].items() if key != "messages"})
    assert not instead or instead in server.requests[-1]
    assert first.notes and first.notes == second.notes
    assert "temperature" in server.requests[-1] or name == "temperature"


def test_what_was_learnt_holds_in_the_next_run_and_for_that_server_alone(two: Framework) -> None:
    rule = when("temperature", openai_error("temperature?"))
    with refusing(rule) as server, refusing(rule) as other:
        judging(server, two).assess(TEXT)
        again = judging(server, two).assess(TEXT)
        judging(other, two).assess(TEXT)
    assert [server.refused, other.refused] == [1, 1]
    assert again.notes == ("the temperature was left out: the model takes none",)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}', "\0", '{"openai openai/gpt-6-luna": {"seed": 3}}'])
def test_a_file_of_what_was_learnt_that_is_broken_ends_nothing(two: Framework, content: str) -> None:
    learnt_path().write_text(content)
    with refusing(when("temperature", openai_error("temperature?"))) as server:
        assert judging(server, two).assess(TEXT).status == "ok"
        assert judging(server, two).assess(TEXT).status == "ok"
    assert server.refused == 1


def test_threads_that_meet_the_same_refusals_do_not_each_find_them_out(two: Framework) -> None:
    rules = [when(name, located(name)) for name in ("temperature", "seed", "max_completion_tokens", "response_format")]
    with refusing(*rules) as server:
        judge = judging(server, two, readout="votes:2")
        with ThreadPoolExecutor(16) as pool:
            found = list(pool.map(judge.assess, (f"{TEXT} {number}" for number in range(24))))
    assert {each.status for each in found} == {"ok"}
    assert server.refused <= 16 + len(rules)  # those that were under way at first, and one that learns


def test_a_refusal_that_quotes_the_text_teaches_nothing(two: Framework) -> None:
    text = "The temperature and the seed of any schema are unsupported by logprobs and max_tokens."
    with refusing(lambda body: openai_error(f"Refused: {body['messages'][-1]['content']}")) as server:
        with pytest.raises(ModelError, match="refuses the request"):
            judging(server, two).assess(text)
        assert len(server.requests) == 1
    assert not learnt_path().exists()


@pytest.mark.parametrize("status", [400, 422, 500])
def test_instructions_stand_in_the_first_message_where_there_is_no_system_role(two: Framework, status: int) -> None:
    with refusing(no_system(openai_error("System role not supported", status=status))) as server:
        found = judging(server, two).assess(TEXT)
    system, user = (message["content"] for message in server.requests[0]["messages"])
    [only] = server.requests[-1]["messages"]
    assert (only["role"], only["content"]) == ("user", f"{system}\n\n{user}")
    assert "no system message" in found.notes[0]


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("Requested sample logprobs of 20, which is greater than max allowed: 5", 5),
        ("top_logprobs must be between 0 and 8", 8),
        ("Value for top_logprobs is too high", 5),
        ("Input validation error: `top_n_tokens` must be >= 0 and <= 5.", 5),
    ],
)
def test_fewer_alternatives_are_asked_for_where_fewer_are_given(two: Framework, said: str, sent: int) -> None:
    with refusing(with_many_alternatives(object_error(said), most=sent)) as server:
        found = judging(server, two).assess(TEXT)
    assert (found.readout, found.status) == ("expect", "ok")
    assert server.requests[-1]["top_logprobs"] == sent
    assert f"{sent} likeliest" in found.notes[0]


@pytest.mark.parametrize("status", [400, 403, 422, 500])
def test_lost_log_probabilities_are_an_error_and_never_another_readout(two: Framework, status: int) -> None:
    with refusing(when("logprobs", openai_error("logprobs are not supported by this model", status=status))) as server:
        judge = judging(server, two)
        for _ in range(2):
            with pytest.raises(ReadoutError, match="log-probabilities") as caught:
                judge.assess(TEXT)
            assert "--readout label" in str(caught.value)
        assert len(server.requests) == 1
        assert judging(server, two).assess(TEXT).readout == "label"  # the next run knows it


def test_a_temperature_that_must_be_positive_is_raised_a_little(two: Framework) -> None:
    with refusing(with_temperature_0((422, TGI))) as server:
        found = judging(server, two).assess(TEXT)
    assert server.requests[-1]["temperature"] == 0.01
    assert "0.01" in found.notes[0]


def test_litellm_s_transport_learns_as_well(two: Framework) -> None:
    rules = (when("temperature", openai_error("No.", param="temperature")), when("seed", located("seed")))
    with refusing(*rules) as server:
        found = judging(server, two, readout="votes:2", engine="litellm").assess(TEXT)
    assert (found.status, server.refused) == ("ok", 2)


def test_refusals_while_learning_are_no_failures(two: Framework) -> None:
    rules = [when(name, located(name)) for name in ("temperature", "seed", "max_completion_tokens")]
    with refusing(*rules) as server:
        judge = judging(server, two, readout="votes:2")
        found: list[Assessment] = list(assess_all(judge, [f"{TEXT} {number}" for number in range(40)]))
    assert [each.status for each in found] == ["ok"] * 40


def test_a_server_that_refuses_everything_is_given_up_soon(two: Framework) -> None:
    with refusing(
        lambda body: openai_error("Unsupported: temperature, seed, schema, strict, max_tokens, system role")
    ) as s:
        with pytest.raises(ArgqualError):
            judging(s, two, readout="label").assess(TEXT)
        assert len(s.requests) <= 13


def test_a_text_that_is_refused_teaches_nothing_and_is_asked_once(two: Framework) -> None:
    said = "Invalid prompt: your prompt was flagged as potentially violating our usage policy. Read reasoning, schema."
    with refusing(lambda body: openai_error(said)) as server:
        with pytest.raises(TextRefused, match="flagged"):
            judging(server, two, "openai/gpt-6-luna").assess(TEXT)
        assert len(server.requests) == 1


def test_a_limit_of_tokens_that_is_too_high_is_lowered_to_what_is_said(two: Framework) -> None:
    def rule(body: dict[str, Any]) -> Any:
        said = "max_tokens is too large: 16080. This model (gpt-0613) supports at most 4096 completion tokens"
        return openai_error(said, param="max_tokens") if body["max_completion_tokens"] > 4096 else None

    with refusing(rule, thinks=lambda body: 900) as server:
        assert judging(server, two, "openai/gpt-5-mini").assess(TEXT).status == "ok"
    assert server.requests[-1]["max_completion_tokens"] == 4096


def test_many_that_keep_what_they_learnt_lose_nothing_of_each_other() -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: keep(f"place {number % 4}", {f"fact{number}": True}), range(40)))
    found = json.loads(learnt_path().read_text())
    assert sum(len(facts) for facts in found.values()) == 40
    assert [each.name for each in learnt_path().parent.iterdir() if each.suffix not in (".json", ".lock")] == []


def test_what_was_learnt_long_ago_is_tried_again() -> None:
    kinds = {"seed": (bool,), "temperature": (bool,)}
    keep("here", {"seed": False, "temperature": 3})
    assert list(read("here", kinds).values()) == [{"seed": False}]
    learnt_path().write_text(learnt_path().read_text().replace(str(date.today().year), "2020"))
    assert read("here", kinds) == {}


@pytest.mark.parametrize(
    "refusal",
    [
        openai_error("Invalid schema for response_format 'answer': In context=(), 'maxLength' is not permitted."),
        (
            400,
            {
                "type": "error",
                "error": {
                    "type": "invalid_request_error",
                    "message": "output_config.format.schema: For 'string' type, property 'maxLength' is not supported",
                },
            },
        ),
    ],
)
def test_a_schema_stays_where_only_its_limits_of_length_are_refused(two: Framework, refusal: tuple[int, Any]) -> None:
    with refusing(lambda body: refusal if "maxLength" in json.dumps(body) else None) as server:
        judge = Judge(two, model=connect("openai/m", api_base=f"{server.url}/v1", api_key="k"), explain=True)
        found = judge.assess(TEXT)
    assert server.refused == 1
    assert "how long texts are" in " ".join(found.notes)
    kept = server.requests[-1]["response_format"]["json_schema"]["schema"]
    assert "maxLength" not in json.dumps(kept) and kept["required"] == ["clear", "fair"]
