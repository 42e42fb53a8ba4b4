from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dspy
import pytest
from dspy.adapters.types.decision import Score

from argqual import Framework, load_framework, load_program, save_program
from argqual.errors import FingerprintMismatch
from argqual.frameworks.catalogue import known_frameworks, parse_framework
from argqual.judging.program import RatingProgram


@pytest.mark.parametrize("name", sorted(known_frameworks()))
def test_a_framework_compiles_to_one_score_a_question(name: str) -> None:
    framework = load_framework(name)
    outputs = RatingProgram(framework).rate.signature.output_fields
    scores = {field: kind for field, kind in outputs.items() if issubclass(kind.annotation, Score)}
    assert list(scores) == [criterion.id for criterion in framework.asked]
    for criterion in framework.asked:
        assert scores[criterion.id].annotation.criteria() == list(framework.anchors(criterion))


def test_rationales_stand_before_their_score(two: Framework) -> None:
    outputs = list(RatingProgram(two, rationales=True).rate.signature.output_fields)
    assert outputs == ["clear_rationale", "clear_quote", "clear", "fair_rationale", "fair"]


@pytest.mark.parametrize(("definitions", "shown"), [("none", False), ("plain", False), ("full", True)])
def test_definitions_say_as_much_as_was_asked_for(two: Framework, definitions: Any, shown: bool) -> None:
    field = RatingProgram(two, definitions=definitions).rate.signature.output_fields["clear"]
    text = field.json_schema_extra["desc"]
    assert ("Is it clear?" in text) is shown
    assert ("It is clear." in text) is (definitions == "plain")


class Uniform:
    """A fake client that gives every level the same probability."""

    supports_decision_requests = True

    def __init__(self) -> None:
        self.questions: dict[str, Any] = {}
        self.state: dict[str, Any] = {}

    def __call__(self, *, state: Any, questions: Any) -> Any:
        self.state, self.questions = state, questions
        return {
            name: {"probabilities": dict.fromkeys(range(len(question["criteria"])), 0.25), "confidence": 0.25}
            for name, question in questions.items()
        }


def test_only_the_wanted_criteria_are_asked(two: Framework) -> None:
    client = Uniform()
    RatingProgram(two)(lm=client, only=["fair"], argument="Because.")
    assert list(client.questions) == ["fair"]


def test_a_saved_program_comes_back_with_its_instructions_and_demonstrations(two: Framework, tmp_path: Path) -> None:
    program = RatingProgram(two)
    program.rate.signature = program.rate.signature.with_instructions("Judge strictly.")
    program.rate.demos = [dspy.Example(argument="So.", clear=1).with_inputs("argument")]
    save_program(program, tmp_path / "program.json")
    loaded = load_program(tmp_path / "program.json", two)
    client = Uniform()
    loaded(lm=client, argument="Because.")
    assert client.state["instructions"] == "Judge strictly."
    assert client.state["demos"] == [{"argument": "So.", "clear": 1}]
    assert loaded.fingerprint == program.fingerprint
    assert loaded.fingerprint != RatingProgram(two).fingerprint


def test_a_program_for_reordered_criteria_is_refused(two: Framework, tmp_path: Path) -> None:
    save_program(RatingProgram(two), tmp_path / "program.json")
    turned = two.model_copy(update={"criteria": two.criteria[::-1]})
    turned = Framework.model_validate(turned.model_dump(by_alias=True))
    with pytest.raises(FingerprintMismatch, match="was made for the framework two 1"):
        load_program(tmp_path / "program.json", turned)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema": "other"}', "\x00"])
def test_a_file_that_is_no_program_is_refused(two: Framework, tmp_path: Path, content: str) -> None:
    path = tmp_path / "program.json"
    path.write_text(content)
    with pytest.raises(FingerprintMismatch, match="not a program"):
        load_program(path, two)


def test_a_saved_program_is_json_and_holds_no_key(two: Framework, tmp_path: Path) -> None:
    save_program(RatingProgram(two), tmp_path / "program.json")
    content = json.loads((tmp_path / "program.json").read_text())
    assert content["framework"]["fingerprint"] == two.fingerprint
    assert content["state"]["rate"]["lm"] is None
    assert [path.name for path in tmp_path.iterdir()] == ["program.json"]


def test_the_program_fingerprint_follows_the_framework_and_the_definitions(two: Framework) -> None:
    from conftest import TWO_QUESTIONS

    changed = parse_framework(TWO_QUESTIONS.replace("Is it fair?", "Is it just?"))
    fingerprints = {
        RatingProgram(two).fingerprint,
        RatingProgram(two, definitions="plain").fingerprint,
        RatingProgram(changed).fingerprint,
    }
    assert len(fingerprints) == 3
    assert RatingProgram(two).fingerprint == RatingProgram(two).fingerprint
