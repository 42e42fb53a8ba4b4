"""The read-out `votes:N`: frequencies."""

from __future__ import annotations

import pytest

from argqual import Framework
from argqual.errors import TextRefused
from loopback import Loopback
from umbrella import TEXT, answer, judge


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


def test_votes_that_are_all_refused_say_so(loopback: Loopback, two: Framework) -> None:
    for _ in range(2):
        loopback.say("", finish="content_filter")
    with pytest.raises(TextRefused, match="a content filter stopped the answer"):
        judge(loopback, two, "votes:2").assess(TEXT)
