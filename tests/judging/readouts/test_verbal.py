"""The read-out `verbal`: DSPy's own form."""

from __future__ import annotations

import pytest

from argqual import Framework
from argqual.assessment import Status
from loopback import Loopback
from umbrella import TEXT, judge


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


def test_a_verbal_answer_in_another_form_is_unreadable(two: Framework, loopback: Loopback) -> None:
    for _ in range(2):  # DSPy asks again, for JSON
        loopback.say("I would rather not.")
    assessment = judge(loopback, two, "verbal").assess(TEXT)
    assert assessment.status is Status.UNREADABLE
    assert "DSPy's form" in (assessment.overall.reason or "")
    assert assessment.usage.requests == 2
