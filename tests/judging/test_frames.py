"""Prompts speak the framework's language around its texts; English ones are pinned elsewhere, byte for byte."""

from __future__ import annotations

import re
import string
from dataclasses import asdict

import pytest

from argqual import Framework, compare
from argqual.frameworks.catalogue import parse_framework
from argqual.judging.frames.frame import LANGUAGES, frame_of, note_on
from argqual.judging.program import RatingProgram
from argqual.judging.readouts.codes import find_codes, spellings
from argqual.strategies.pairwise import versus_framework
from loopback import Loopback
from umbrella import TEXT, answer, judge, server_model

WELL = """\
schema: argqual/framework@1
id: brunnen
version: "1"
title: Brunnen
description: Zur Probe.
license: CC0-1.0
language: LANGUAGE
provenance: {status: own}
inputs: {issue: optional}
gate: {question: GATE?}
scale:
  levels: [{value: 1, label: A}, {value: 2, label: B}, {value: 3, label: C}]
criteria:
  - id: clear
    name: K1
    plain: P1
    question: Q1
    definition: D1
    evidence: quote
    independent_of: [fair]
    guidance: {counts: [G1], does_not_count: [G2]}
    checks: [H1]
    examples: [{argument: E1, level: 2, rationale: R1}]
  - {id: fair, name: K2, plain: P2, question: Q2, higher_is_better: false}
"""
ENGLISH_WORDS = re.compile(
    r"\b(the|you|and|of|with|answer|answers|which|judge|counts|yourself|example|examples|levels|argument|first|read)\b",
    re.IGNORECASE,
)


def well(language: str) -> Framework:
    return parse_framework(WELL.replace("LANGUAGE", language), name="brunnen.yaml")


def fields_of(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_there_in_every_language_with_the_same_blanks(language: str) -> None:
    frame, english = asdict(frame_of(language)), asdict(frame_of("en"))
    for name, text in frame.items():
        assert text.strip() == text and text, name
        assert fields_of(text) == fields_of(english[name]), name
    if language != "en":
        same = [name for name in frame if frame[name] == english[name]]
        assert same in ([], ["no"])  # Spanish and Italian have the same word


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "en"])
@pytest.mark.parametrize("explain", [False, True, "long"])
def test_no_english_is_left_in_a_prompt_of_another_language(language: str, explain: bool) -> None:
    program = RatingProgram(well(language))
    prompt = program.prompt(["argument", "issue"], explain=explain)
    said = "\n".join([prompt.system, prompt.repair, prompt.frame.ask_levels, prompt.state["input_fields"]])
    left = re.sub(r"\{\"gate.*?\}\}?", "", said)  # the form, whose names are ids
    left = re.sub(r"\d\. \`?(argument|issue|context)\`? \(.*?\)|\(rationale\)|\(quote\)", "", left)
    assert not [word for word in ENGLISH_WORDS.findall(left) if word.lower() not in ("argument", "of")]  # Dutch
    for own in ("Q1", "D1", "G1", "G2", "H1", "E1", "R1", "fair", "GATE?"):
        assert own in prompt.system


def test_a_german_prompt_reads_as_one() -> None:
    system = RatingProgram(well("de-AT")).prompt(["argument"]).system
    assert system.startswith(
        "Du beurteilst die Qualität von Argumenten, eine Frage nach der anderen.\n\n1. gate: GATE?"
    )
    assert "0 = nein\n1 = ja" in system
    assert (
        "K1. Q1\nD1\nBeurteile es unabhängig von: fair.\nEs zählt: G1.\nEs zählt nicht: G2.\nFrage dich: H1" in system
    )
    assert "Beispiel für die Stufe 2 (R1): E1" in system
    assert system.endswith('der Code der jeweiligen Antwort steht: {"gate":"#","clear":"#","fair":"#"}')


@pytest.mark.parametrize("tag", ["de", "DE", "de-AT", "de_CH", " de "])
def test_a_language_is_found_by_its_primary_subtag(tag: str) -> None:
    assert frame_of(tag) is frame_of("de")
    assert note_on(tag) is None


def test_yes_and_no_in_a_language_are_answers() -> None:
    gate = RatingProgram(well("fr")).prompt(["argument"]).questions[0]
    assert spellings(gate)["oui"] == "1" and spellings(gate)["non"] == "0"


@pytest.mark.parametrize("said", ["Stufe 3", "Niveau: 3", "nível 3", "livello 3"])
def test_a_level_may_be_called_so_in_the_language(said: str) -> None:
    (clear,) = (
        RatingProgram(well("de").model_copy(update={"gate": None})).prompt(["argument"], only=["clear"]).questions
    )
    assert [code for code, _ in find_codes(f"clear: {said}", [clear]) or []] == ["3"]


def test_another_language_falls_back_to_english_and_says_so(loopback: Loopback) -> None:
    swahili = well("sw-KE").model_copy(update={"gate": None})
    loopback.say(answer("3", "2"))
    assessed = judge(loopback, swahili, "label").assess(TEXT)
    assert any("in English" in note and "'sw-KE'" in note for note in assessed.notes)
    assert loopback.requests[0]["messages"][0]["content"].startswith("You judge the quality")


def test_the_second_turns_and_the_notes_are_in_the_language_too(loopback: Loopback) -> None:
    loopback.say('{"clear":{"rationale":"Klar.","quote":"rain"},"fair":{"rationale":"Naja."}}')
    loopback.say("nichts")
    loopback.say(answer("3", "2"))
    assessed = judge(loopback, well("de").model_copy(update={"gate": None}), "label", explain=True).assess(TEXT)
    turns = [message["content"] for message in loopback.requests[-1]["messages"] if message["role"] == "user"]
    assert turns[1] == "Jetzt die Stufen."
    assert turns[2].startswith("Das war nicht lesbar. Antworte nur mit einer Zeile")
    assert assessed.rating("clear").rationale == "Klar."
    assert assessed.notes == ("the answer had to be asked for twice",)


def test_comparisons_and_pairs_are_asked_in_the_language(loopback: Loopback) -> None:
    for _ in range(2):
        loopback.say('{"clear":"A","fair":"B","overall":"A"}')
    compare(
        "Eins, weil es so ist.",
        "Zwei, weil es so ist.",
        framework=well("de"),
        model=server_model(loopback),
        readout="label",
    )
    system = loopback.requests[0]["messages"][0]["content"]
    assert system.startswith("Du vergleichst zwei Argumente zum selben Thema")
    for said in ("Welches Argument ist hierin besser?", "weniger von diesem Mangel?", "A = das erste Argument"):
        assert said in system
    versus = versus_framework(well("de"))
    assert versus.criteria[0].question == "Ist dieses Argument besser als das im Kontext?"
    assert "Dies ist ein Mangel" in versus.guidelines
