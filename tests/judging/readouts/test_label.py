"""The read-out `label`: the level as written."""

from __future__ import annotations

from argqual import Framework
from loopback import Loopback
from umbrella import TEXT, answer, judge


def test_label_takes_the_level_as_written_and_claims_no_probabilities(loopback: Loopback, two: Framework) -> None:
    loopback.say(answer("3", "1"))
    assessed = judge(loopback, two, "label").assess(TEXT)
    assert [rating.value for rating in assessed.ratings] == [3.0, 1.0]
    assert all(rating.probabilities is None and rating.probability_source is None for rating in assessed.ratings)
    assert "logprobs" not in loopback.requests[0]
