"""Read-outs and models that an installed package adds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from argqual import Framework, Judge, connect
from argqual.assessment import Status
from argqual.errors import ModelError, ReadoutError
from plugins import install

CODE = '''
from argqual.judging.readouts.reading import Distribution
from argqual.judging.readouts.readout import Readout
from argqual.models.connect import Model
from dspy.lm15 import Message, Response, TextPart, Usage


class Lowest(Readout):
    """Everything gets the lowest level; nothing is asked."""

    name = "lowest"

    def answer(self, inquiry, model, exchange):
        count = len(inquiry.prompt.questions[0].codes)
        return {each.name: Distribution((1.0,) + (0.0,) * (count - 1)) for each in inquiry.prompt.questions}


class Always:
    """An engine that writes the same levels whatever it is asked."""

    def ask(self, request):
        said = Message(role="assistant", parts=(TextPart(text='{"clear":"3","fair":"1"}'),))
        used = Usage(input_tokens=5, output_tokens=2, total_tokens=7)
        return Response(id="1", model=request.model, message=said, usage=used, finish_reason="stop"), 0


def connect_mine(name, *, api_base, api_key):
    return Model(f"mine/{name}", engine=Always(), identity=f"mine at {api_base}")


broken = 5
'''
POINTS = {
    "argqual.readouts": {"lowest": "addition:Lowest", "broken": "addition:broken", "gone": "addition:gone"},
    "argqual.models": {"mine": "addition:connect_mine", "gone": "nowhere:connect"},
}


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delitem(sys.modules, "addition", raising=False)
    install(monkeypatch, tmp_path, CODE, POINTS)


def test_a_model_of_a_package_is_asked_by_the_name_with_its_prefix(two: Framework) -> None:
    assert "addition" not in sys.modules
    model = connect("mine/first", api_base="http://here")
    assessed = Judge(two, model=model).assess("Because.")
    assert (assessed.model, assessed.readout, assessed.status) == ("mine/first", "label", Status.OK)
    assert [rating.value for rating in assessed.ratings] == [3.0, 1.0]
    assert assessed.usage.input_tokens == 5


def test_a_readout_of_a_package_is_chosen_by_name_and_not_imported_before(two: Framework) -> None:
    hosted = connect("openai/test", api_base="http://127.0.0.1:9/v1", api_key="k")
    assert Judge(two, model=hosted, readout="label").readout.name == "label"
    assert "addition" not in sys.modules
    assessed = Judge(two, model=hosted, readout="lowest").assess("Because.")
    assert (assessed.readout, assessed.rating("clear").value, assessed.usage.requests) == ("lowest", 1.0, 0)


def test_an_added_name_is_among_the_nearest(two: Framework) -> None:
    model = connect("mine/first")
    with pytest.raises(ReadoutError, match=r"No read-out is called 'lowes'\. Did you mean 'lowest'"):
        Judge(two, model=model, readout="lowes")
    with pytest.raises(ReadoutError, match="No read-out is called 'lowest:3'"):
        Judge(two, model=model, readout="lowest:3")
    with pytest.raises(ModelError, match=r"No model is called 'mine'\. Did you mean 'mine/'"):
        connect("mine")


def test_a_package_that_cannot_be_loaded_says_so_when_it_is_asked_for(two: Framework) -> None:
    model = connect("mine/first")
    with pytest.raises(ReadoutError, match=r"'broken' \(addition:broken\).*does not extend argqual"):
        Judge(two, model=model, readout="broken")
    with pytest.raises(ReadoutError, match=r"'gone'.*cannot be loaded"):
        Judge(two, model=model, readout="gone")
    with pytest.raises(ModelError, match=r"'gone' \(nowhere:connect\).*No module named"):
        connect("gone/x")
