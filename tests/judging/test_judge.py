"""What a judge does when an argument does not fit, or the model does not answer."""

from __future__ import annotations

import pytest

from argqual import Framework, Judge
from argqual.errors import TooLongError, Unreachable
from argqual.models.connect import connect
from loopback import Loopback
from umbrella import KEY, TEXT, answer, judge

TOO_LONG = {"error": {"message": "request (2500 tokens) exceeds the available context size (2000 tokens)", "code": 400}}


def test_credentials_refused_are_unreachable_and_never_shown(loopback: Loopback, two: Framework) -> None:
    loopback.reply(401, {"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}})
    with pytest.raises(Unreachable) as raised:
        judge(loopback, two, "label").assess(TEXT)
    assert KEY not in str(raised.value)
    assert raised.value.exit_code == 3


@pytest.mark.usefixtures("impatient")
def test_an_unreachable_server_is_said_to_be_unreachable(two: Framework) -> None:
    model = connect("openai/m", api_base="http://127.0.0.1:9/v1")
    model.lm.num_retries = 0
    with pytest.raises(Unreachable, match="cannot be reached"):
        Judge(two, model=model, readout="label").assess(TEXT)


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
