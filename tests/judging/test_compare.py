"""What a comparison shows of two arguments, and what it says of what it does not show."""

from __future__ import annotations

from typing import Any

import pytest

from argqual.argument import Argument
from argqual.errors import InputError
from argqual.frameworks.framework import Framework, Inputs
from argqual.judging.compare import Comparison, compare
from argqual.models.connect import connect
from argqual.report.assessments import comparison_markdown, comparison_text
from chatserver import ChatServer

FIRST = Argument("Cars stink.", issue="Cars?", stance="con", context="A town hall.")
SECOND = Argument("Cars are quick.", issue="Cars?", stance="pro", context="A letter.")


def taking(framework: Framework, **inputs: str) -> Framework:
    """The framework with other inputs."""
    return framework.model_copy(update={"inputs": Inputs(**inputs)})  # type: ignore[arg-type]


def compared(framework: Framework, one: Argument = FIRST, other: Argument = SECOND, **more: Any) -> tuple[Any, ...]:
    """The comparison, and what a model was shown in each order."""
    shown: list[str] = []
    with ChatServer(fault_for=lambda body: shown.append(body["messages"][-1]["content"])) as server:
        model = connect("openai/test", api_base=f"{server.url}/v1", api_key="k")
        found: Comparison = compare(one, other, framework=framework, model=model, readout="label", **more)
    forward, backward = sorted(shown, key=lambda text: text.index(one.text) > text.index(other.text))
    return found, forward, backward


def held(shown: str, name: str) -> str:
    """What stands between the tags of an input."""
    return shown.split(f"<{name}>\n")[1].split(f"\n</{name}>")[0]


def test_each_argument_keeps_its_stance_and_context_in_both_orders(two: Framework) -> None:
    found, forward, backward = compared(taking(two, issue="optional", stance="optional", context="optional"))
    for shown, first, second in ((forward, FIRST, SECOND), (backward, SECOND, FIRST)):
        assert held(shown, "issue") == "Cars?"
        for place, each in (("first", first), ("second", second)):
            said = {name: held(shown, f"{place}_{name}") for name in ("stance", "context", "argument")}
            assert said == {"stance": each.stance, "context": each.context, "argument": each.text}
    assert found.notes == ()


def test_what_both_have_is_shown_once_and_what_one_lacks_is_not_made_up(two: Framework) -> None:
    both = taking(two, stance="optional", context="optional")
    one, other = Argument("Cars stink.", context="A town hall."), Argument("Cars are quick.", "", "pro", "A town hall.")
    _, forward, backward = compared(both, one, other)
    for shown, place, lacks in ((forward, "second", "first"), (backward, "first", "second")):
        assert held(shown, "context") == "A town hall." and "_context>" not in shown
        assert held(shown, f"{place}_stance") == "pro" and f"<{lacks}_stance>" not in shown


def test_what_the_framework_does_not_take_is_not_shown_and_said(two: Framework) -> None:
    found, forward, _ = compared(taking(two, stance="optional"), issue="Cars?")
    assert "Cars?" not in forward and "town hall" not in forward and held(forward, "first_stance") == "con"
    assert found.notes == (f"the issue was not shown: {two.id} does not use it",
                           f"the context was not shown: {two.id} does not use it")  # fmt: skip
    for written in (comparison_text(found), comparison_markdown(found)):
        assert "Note: the issue was not shown" in written and "Note: the context was not shown" in written


def test_issues_that_differ_are_said_and_none_is_shown(two: Framework) -> None:
    apart = Argument("Cars are quick.", issue="Buses?")
    found, forward, _ = compared(taking(two, issue="optional"), Argument("Cars stink.", issue="Cars?"), apart)
    assert "Buses?" not in forward and "Cars?" not in forward
    assert found.notes == ("the issue was not shown: it is not the same of both",)
    found, forward, _ = compared(
        taking(two, issue="optional"), Argument("Cars stink.", issue="Cars?"), apart, issue="A?"
    )
    assert held(forward, "issue") == "A?" and found.notes == ()


@pytest.mark.parametrize("name", ["issue", "stance", "context"])
def test_what_the_framework_needs_is_needed_of_both(two: Framework, name: str) -> None:
    given = Argument("Cars stink.", **{name: "Said."})  # type: ignore[arg-type]
    with pytest.raises(InputError, match=f"needs the {name}") as raised:
        compared(taking(two, **{name: "required"}), given, Argument("Cars are quick."))
    assert raised.value.hint == f"Give it with --{name}."
