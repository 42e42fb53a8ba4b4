"""The chat server of the tests and benchmarks: argqual can read it, and its faults are what they say."""

from __future__ import annotations

import http.client
import json
import math
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from argqual.argument import Argument
from argqual.assessment import Assessment
from argqual.frameworks.framework import Framework
from argqual.judging.judge import Judge
from argqual.models.connect import Model, connect
from chatanswers import prompt_digest, text_digest
from chatdesk import FAULTS, Settings
from chatserver import ChatServer, ChatServerProcess

CODES = ["1", "2", "3"]
SCHEMA = {"properties": {name: {"type": "string", "enum": CODES} for name in ("clear", "fair")}}
KEY = "Bearer not-for-anyone"


def request_body(argument: str) -> dict[str, Any]:
    return {
        "model": "test",
        "messages": [{"role": "system", "content": "Judge."}, {"role": "user", "content": argument}],
        "logprobs": True,
        "top_logprobs": 20,
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}},
    }


def ask(server: ChatServer | ChatServerProcess, argument: str = "Tax sugar.", timeout: float = 5.0) -> httpx.Response:
    url, headers = f"{server.url}/v1/chat/completions", {"Authorization": KEY}
    return httpx.post(url, json=request_body(argument), headers=headers, timeout=timeout)


def text_of(response: httpx.Response) -> str:
    return str(response.json()["choices"][0]["message"]["content"])


def always(fault: str, **settings: Any) -> ChatServer:
    return ChatServer(faults={fault: 1.0}, **settings)


def model_at(server: ChatServer) -> Model:
    return connect("openai/test", api_base=server.url + "/v1", api_key="k")


def shares_of(assessment: Assessment) -> list[dict[str, float] | None]:
    assert assessment.status == "ok", assessment
    return [rating.probabilities for rating in assessment.ratings]


def bytes_until_reset(server: ChatServer) -> bytes:
    """What is received before the connection is reset."""
    data = json.dumps(request_body("Tax sugar.")).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    host, port = server.url.removeprefix("http://").split(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=5) as connected:
        connected.sendall(head + data)
        try:
            while more := connected.recv(65536):
                received += more
        except ConnectionResetError:
            return received
    pytest.fail("the connection ended without a reset")


# --- Good answers ---


def test_argqual_rates_an_argument_alike_whatever_comes_between(two: Framework) -> None:
    argument = Argument("Tax sugar.", issue="Sugar?")
    with ChatServer() as server:
        judge = Judge(two, model=model_at(server))
        first = judge.assess(argument)
        others = [shares_of(judge.assess(f"Tax sugar {number} times.")) for number in range(5)]
        again = judge.assess(argument)
        stats = server.stats()
    assert {rating.probability_source for rating in first.ratings} == {"logprobs"}
    assert shares_of(first) == shares_of(again)
    assert shares_of(first) not in others
    assert stats.paid[prompt_digest(message["content"] for message in judge.prompt(argument))] == 2
    assert (stats.received, stats.answered, stats.paid_after_success, stats.in_flight) == (7, 7, 1, 0)


@pytest.mark.parametrize("follows_schema", [True, False])
def test_notes_and_levels_can_be_read_with_a_schema_and_without(two: Framework, follows_schema: bool) -> None:
    with ChatServer() as server:
        model = model_at(server)
        rated = shares_of(Judge(two, model=model).assess("Tax sugar, for it harms the young."))
        model.follows_schema = follows_schema
        assert shares_of(Judge(two, model=model).assess("Tax sugar, for it harms the young.")) == rated
        explained = Judge(two, model=model, explain=True).assess("Tax sugar, for it harms the young.")
    assert shares_of(explained) == rated
    assert all(rating.rationale for rating in explained.ratings)
    assert [quote.text for quote in explained.ratings[0].evidence] == ["Tax sugar, for it harms"]
    assert explained.usage.requests == 2


def test_log_probabilities_say_what_was_written() -> None:
    with ChatServer() as server:
        choice = ask(server).json()["choices"][0]
    tokens = choice["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == choice["message"]["content"]
    codes = [token for token in tokens if token["token"] in CODES]
    assert [token["token"] for token in codes] == list(json.loads(choice["message"]["content"]).values())
    for token in codes:
        shares = {entry["token"]: math.exp(entry["logprob"]) for entry in token["top_logprobs"]}
        assert set(shares) == set(CODES)
        assert math.fsum(shares.values()) == pytest.approx(1.0)
        assert max(shares, key=shares.__getitem__) == token["token"]


def test_one_connection_serves_requests_that_come_in_pieces_or_together() -> None:
    data = json.dumps(request_body("Tax sugar.")).encode()
    whole = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data
    with ChatServer() as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=5) as connected:
            for piece in (whole[:30], whole[30:200], whole[200:] + whole + whole[:10], whole[10:]):
                connected.sendall(piece)
                time.sleep(0.01)
            received = connected.makefile("rb")
            for _ in range(3):
                assert received.readline() == b"HTTP/1.1 200 OK\r\n"
                headers = http.client.parse_headers(received)
                assert json.loads(received.read(int(headers["Content-Length"])))["usage"]["total_tokens"] > 0
        assert server.stats().answered == 3


# --- Faults ---


@pytest.mark.parametrize(
    ("fault", "status"), [("429", 429), ("429_bare", 429), ("401", 401), ("500", 500), ("503", 503)]
)
def test_refusals_have_their_status_and_only_a_429_says_when_to_come_back(fault: str, status: int) -> None:
    with always(fault, retry_after=0.05) as server:
        response = ask(server)
        stats = server.stats()
    assert response.status_code == status
    assert response.headers.get("retry-after") == ("0.05" if fault == "429" else None)
    assert (stats.faults, stats.answered, stats.charged) == ({fault: 1}, 0, 0)


def test_a_nasty_refusal_repeats_the_key_and_the_text() -> None:
    with always("refused") as server:
        response = ask(server, "A private argument.")
    assert response.status_code == 400
    assert KEY in response.text and "A private argument." in response.text


def test_a_reset_comes_after_half_of_the_answer_or_before_it() -> None:
    with always("reset") as server:
        head, _, body = bytes_until_reset(server).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK")
        length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
        assert len(body) == length // 2
        server.configure(faults={"reset_before": 1.0})
        assert bytes_until_reset(server) == b""
        stats = server.stats()
    assert (stats.answered, stats.paid.total(), stats.in_flight) == (0, 0, 0)


def test_a_hanging_request_ends_when_the_client_gives_up_and_a_slow_one_is_answered() -> None:
    with always("hang") as server:
        with pytest.raises(httpx.ReadTimeout):
            ask(server, timeout=0.1)
        server.configure(faults={"slow": 1.0}, slow_seconds=0.2)
        started = time.monotonic()
        assert ask(server).status_code == 200
        assert time.monotonic() - started >= 0.2
        stats = server.stats()
    assert (stats.answered, stats.paid.total(), stats.in_flight) == (1, 1, 0)


def test_malformed_bodies_are_whole_to_http_and_no_json() -> None:
    with always("malformed") as server:
        responses = [ask(server) for _ in range(10)]
        assert (server.stats().answered, server.stats().charged) == (10, 0)
    assert {response.text[:6] for response in responses} == {"<html>", '{"id":'}
    for response in responses:
        with pytest.raises(ValueError, match=r"line \d+ column"):
            response.json()


def test_spoiled_answers_are_charged_but_not_good() -> None:
    found = {}
    with ChatServer() as server:
        good = ask(server).json()["choices"][0]
        for fault in ("truncated", "no_logprobs", "wrong_level", "empty"):
            server.configure(faults={fault: 1.0})
            found[fault] = ask(server).json()["choices"][0]
        stats = server.stats()
    assert found["truncated"]["finish_reason"] == "length"
    assert good["message"]["content"].startswith(found["truncated"]["message"]["content"])
    assert found["no_logprobs"] == good | {"logprobs": None}
    wrong = [token for token in found["wrong_level"]["logprobs"]["content"] if token["token"] == "9"]
    assert len(wrong) == 1 and wrong[0]["top_logprobs"][0]["token"] == "9"
    assert "9" in json.loads(found["wrong_level"]["message"]["content"]).values()
    assert found["empty"]["message"]["content"] == "" and found["empty"]["logprobs"]["content"] == []
    assert (stats.charged, stats.paid.total()) == (5, 1)
    assert stats.good_by_first_user == {text_digest("Tax sugar."): 1}


def test_the_same_seed_draws_the_same_faults_about_as_often_as_asked() -> None:
    drawn = []
    with ChatServer(faults={"500": 0.2, "429": 0.3}, seed=7) as server, httpx.Client() as client:
        for _ in range(2):
            sent = [client.post(f"{server.url}/v1/chat/completions", json=request_body(str(i))) for i in range(300)]
            drawn.append([response.status_code for response in sent])
            counts = server.stats().faults
            server.reset()
        assert server.stats().received == 0
    assert drawn[0] == drawn[1]
    # Three standard deviations of a binomial count: 3 * sqrt(300 * 0.2 * 0.8) = 21 and 3 * sqrt(300 * 0.3 * 0.7) = 24.
    assert abs(counts["500"] - 60) <= 21 and abs(counts["429"] - 90) <= 24


def test_faults_can_be_limited_for_each_argument_and_chosen_by_content() -> None:
    def fault_for(body: Any) -> str | None:
        return "503" if "bad" in body["messages"][-1]["content"] else None

    with ChatServer(fault_for=fault_for, faults_per_prompt=2) as server:
        statuses = [[ask(server, text).status_code for _ in range(4)] for text in ("bad one", "bad two", "fine")]
    assert statuses == [[503, 503, 200, 200]] * 2 + [[200] * 4]


def test_settings_that_mean_nothing_are_refused() -> None:
    for settings in ({"faults": {"404": 0.1}}, {"faults": {"500": 0.6, "503": 0.5}}, {"rate_headers": True}):
        with pytest.raises(ValueError, match=r"faults|rate_headers"):
            Settings(**settings)
    assert "404" not in FAULTS


# --- Limits ---


def test_more_requests_at_once_than_the_limit_are_refused() -> None:
    with ChatServer(latency=0.5, limit_in_flight=3, retry_after=0.25) as server, ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda number: ask(server, str(number)), range(8)))
        stats = server.stats()
    refused = [response for response in responses if response.status_code == 429]
    assert (len(refused), stats.limited, stats.answered) == (5, 5, 3)
    assert {response.headers["retry-after"] for response in refused} == {"0.25"}
    assert not stats.faults


def test_the_bucket_empties_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("chatdesk.time", SimpleNamespace(monotonic=lambda: now))
    with ChatServer(requests_per_second=2, rate_headers=True) as server:
        responses = [ask(server) for _ in range(3)]
        now += float(responses[-1].headers["retry-after"])
        responses.append(ask(server))
    assert [response.status_code for response in responses] == [200, 200, 429, 200]
    assert {response.headers["x-ratelimit-limit-requests"] for response in responses} == {"2"}
    remaining = [response.headers["x-ratelimit-remaining-requests"] for response in responses]
    assert remaining == ["1", "0", "0", "0"]
    assert responses[0].headers["x-ratelimit-reset-requests"].endswith("ms")


# --- As a process ---


def test_as_a_process_it_answers_alike_and_can_be_told_to_behave_otherwise() -> None:
    with ChatServerProcess(latency=0.01, seed=3) as server, ChatServer() as here:
        assert text_of(ask(server)) == text_of(ask(here))
        assert server.stats().paid == here.stats().paid
        server.configure(faults={"503": 1.0})
        assert ask(server).status_code == 503
        with pytest.raises(ValueError, match="no such faults"):
            server.configure(faults={"nonsense": 1.0})
        assert server.stats().faults == {"503": 1}
        server.reset()
        assert server.stats().received == 0
