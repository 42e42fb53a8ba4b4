"""The read-out `expect`: what log-probabilities make of a rating."""

from __future__ import annotations

import pytest

from argqual import Framework, Judge
from argqual.assessment import Status
from argqual.errors import ReadoutError
from argqual.models.connect import connect
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
