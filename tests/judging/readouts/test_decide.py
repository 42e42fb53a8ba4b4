"""The read-out `decide`: a System One endpoint."""

from __future__ import annotations

from typing import Any

import pytest

from argqual import Framework, Judge
from argqual.assessment import Status
from argqual.errors import ModelError, Unreachable
from argqual.models.connect import connect
from loopback import Loopback
from umbrella import KEY, TEXT


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


@pytest.mark.parametrize("usage", [None, "12 tokens", [1], {"input_tokens": "12"}, {"input_tokens": -1}, {}])
def test_odd_usage_costs_no_rating(loopback: Loopback, two: Framework, usage: Any) -> None:
    answers = {name: {"probabilities": {"0": 0.0, "1": 1.0, "2": 0.0}} for name in ("clear", "fair")}
    loopback.reply(200, {"answers": answers, "usage": usage})
    assessed = Judge(two, model=connect("systemone/d", api_base=loopback.url)).assess(TEXT)
    assert [rating.value for rating in assessed.ratings] == [2.0, 2.0]
    assert assessed.usage.input_tokens is None


def test_an_error_under_status_200_is_told(loopback: Loopback, two: Framework) -> None:
    loopback.reply(200, {"error": {"code": 400, "message": "The model crashed."}})
    with pytest.raises(ModelError, match="The model crashed"):
        Judge(two, model=connect("systemone/d", api_base=loopback.url)).assess(TEXT)


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
