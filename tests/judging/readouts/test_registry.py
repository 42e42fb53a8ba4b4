"""Which read-out is taken, by name and by what the model can do."""

from __future__ import annotations

import pytest

from argqual import Framework, Judge
from argqual.errors import ReadoutError
from argqual.models.connect import connect
from loopback import Loopback
from umbrella import KEY, judge


@pytest.mark.parametrize("wanted", ["expectt", "votes", "votes:1", "votes:999", "votes:-1", ""])
def test_an_unknown_readout_is_refused(loopback: Loopback, two: Framework, wanted: str) -> None:
    with pytest.raises(ReadoutError):
        judge(loopback, two, wanted)


def test_the_readout_is_chosen_by_what_the_model_is_known_to_give(loopback: Loopback, two: Framework) -> None:
    assert judge(loopback, two).readout.name == "expect"
    assert Judge(two, model=connect("anthropic/claude-x", api_key=KEY)).readout.name == "label"
    assert Judge(two, model=connect("openai/o3", api_key=KEY)).readout.name == "label"
    assert Judge(two, model=connect("systemone/d", api_base=loopback.url)).readout.name == "decide"
