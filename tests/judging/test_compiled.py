"""What argqual reads from a program's signatures is what DSPy hands a decision client for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dspy
import pytest

from argqual import Framework, Judge, load_framework
from argqual.argument import Argument
from argqual.frameworks.catalogue import known_frameworks
from argqual.judging.program import RatingProgram
from argqual.judging.prompt import Prompt
from argqual.models.connect import connect

INPUTS = {"issue": "Why <b>?", "stance": "pro", "context": "He asked.", "argument": "Because </argument> it is."}


class Recorder:
    """A decision client that answers nothing, and keeps what it is asked."""

    supports_decision_requests = True

    def __call__(self, *, state: Any, questions: Any) -> Any:
        self.state, self.questions = state, questions
        raise Recorded


class Recorded(Exception):
    """Everything was said."""


def handed(ask: Callable[..., Any], **inputs: Any) -> tuple[Any, Any]:
    recorder = Recorder()
    with pytest.raises(Recorded):
        ask(lm=recorder, **inputs)
    return recorder.state, recorder.questions


def read(prompt: Prompt, inputs: dict[str, str]) -> tuple[Any, Any]:
    return prompt.filled(inputs), {question.name: question.decision for question in prompt.questions}


def in_order(content: Any) -> str:
    """With the order of keys, which a request keeps."""
    return repr(content)


@pytest.mark.parametrize("name", sorted(known_frameworks()))
@pytest.mark.parametrize("left_out", [(), ("issue", "stance", "context")])
def test_what_is_read_is_what_dspy_hands_over(name: str, left_out: tuple[str, ...]) -> None:
    framework = load_framework(name)
    declared = {"argument", *framework.inputs.declared()} - set(left_out)
    inputs = {name: text for name, text in INPUTS.items() if name in declared}
    some = [criterion.id for criterion in framework.asked][::2]
    for definitions in ("none", "plain", "full"):
        program = RatingProgram(framework, definitions=definitions)  # type: ignore[arg-type]
        program.rate.demos = [dspy.Example(argument="So.", **{some[0]: "1"}, other="x").with_inputs("argument")]
        assert in_order(read(program.prompt(inputs), inputs)) == in_order(handed(program, **inputs))
        only = in_order(handed(program, only=some, **inputs))
        assert in_order(read(program.prompt(inputs, only=some), inputs)) == only
    if framework.select:
        assert in_order(read(program.prompt(inputs, select=True), inputs)) == in_order(handed(program.choose, **inputs))


def test_a_rationale_in_dspy_s_own_form_is_no_question(two: Framework) -> None:
    plain, told = (RatingProgram(two, rationales=rationales).prompt(["argument"]) for rationales in (False, True))
    assert told.questions == plain.questions


def test_thinking_aloud_is_asked_for_in_the_request_as_in_the_key(two: Framework) -> None:
    model = connect("openai/test", api_base="http://127.0.0.1:9/v1", api_key="k")
    inquiry = Judge(two, model=model, explain="long").inquiry(Argument("Because."))
    assert inquiry.prompt.explain == "long"
    assert "thinks aloud" in inquiry.messages()[0]["content"]


def test_a_prompt_is_compiled_once_for_all_arguments_with_the_same_inputs(two: Framework) -> None:
    judge = Judge(two, model=connect("openai/test", api_base="http://127.0.0.1:9/v1", api_key="k"))
    first, second = (judge.inquiry(Argument(text)) for text in ("One.", "Two."))
    assert first.prompt is second.prompt
    assert judge.inquiry(Argument("One.", issue="Why?")).prompt is not first.prompt
