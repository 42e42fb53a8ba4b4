"""Assessments through a server on loopback: what is sent to it, to the letter, and what comes of its answers.

The server is a fake, and answers what stands here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from argqual.argument import Argument
from argqual.assessment import Assessment
from argqual.errors import ArgqualError
from argqual.frameworks.catalogue import load_framework, parse_framework
from argqual.frameworks.framework import Framework
from argqual.judging.batch import assess_all
from argqual.judging.calibration import calibrated
from argqual.judging.compare import compare
from argqual.judging.judge import Judge
from argqual.judging.program import load_program
from argqual.models.connect import Model, connect
from argqual.models.learnt import learnt_path
from argqual.models.prices import Price
from argqual.report import assessments as tables
from conftest import TWO_QUESTIONS
from loopback import Loopback
from pinned.judges import SAVED_PROGRAM, examples_for, own_framework

TEXT = "Take an umbrella: the forecast says rain."
ARGUMENT = Argument(TEXT, issue="Umbrella?", context="A reply.", stance="pro", id="1")
_SECONDS = re.compile(r"\b\d+(?:\.\d+)? s\b")


@contextmanager
def serving() -> Iterator[Loopback]:
    server = Loopback()
    try:
        yield server
    finally:
        server.close()


def emptied(server: Loopback) -> Loopback:
    """The server as if it were new: starting and ending one takes half a second."""
    server.queue.clear()
    server.requests, server.paths, server.headers = [], [], []
    learnt_path().unlink(missing_ok=True)
    return server


def codes_of(body: Any) -> dict[str, list[str]]:
    """The codes of each question that a request's schema asks for."""
    asked = body["response_format"]["json_schema"]["schema"]["properties"]
    return {name: about["enum"] for name, about in asked.items()}


def say_levels(server: Loopback, *, chosen: dict[str, str] | None = None, share: float = 0.5) -> None:
    """Queue an answer to the questions asked: each in turn another code, or the one given, with so much probability."""
    known = chosen or {}

    def reply(body: Any) -> tuple[int, Any]:
        tokens: list[tuple[str, dict[str, float]]] = []
        for number, (name, codes) in enumerate(codes_of(body).items()):
            code = known.get(name, codes[(number + 1) % len(codes)])
            rest = [each for each in codes if each != code]
            before = f'{"," if number else "{"}"{name}":"'
            likely = {code: share} | {each: (1 - share) / len(rest) for each in rest}
            tokens += [(before, {before: 1.0}), (code, likely), ('"', {'"': 1.0})]
        tokens.append(("}", {"}": 1.0}))
        server.say("".join(text for text, _ in tokens), tokens=tokens if body.get("logprobs") else None)
        said = server.queue.pop()
        assert not callable(said)
        return said

    server.queue.append(reply)


def say_decisions(server: Loopback, *, gate: float = 0.9) -> None:
    """Queue what a decision endpoint answers to the questions asked; the highest level is the likeliest."""

    def reply(body: Any) -> tuple[int, Any]:
        answers: dict[str, Any] = {}
        for name, question in body["questions"].items():
            if question["type"] == "noul":
                answers[name] = {"noul": gate}
                continue
            criteria = question["criteria"]
            labels = [str(each) for each in (range(len(criteria)) if isinstance(criteria, list) else criteria)]
            total = len(labels) * (len(labels) + 1) / 2
            answers[name] = {"probabilities": {label: (place + 1) / total for place, label in enumerate(labels)}}
        return 200, {"answers": answers, "usage": {"input_tokens": 50, "output_tokens": 2}}

    server.queue.append(reply)


def two() -> Framework:
    return parse_framework(TWO_QUESTIONS, name="two.yaml")


def chatting(server: Loopback, name: str = "openai/m") -> Model:
    model = connect(name, api_base=f"{server.url}/v1", api_key="sk-planted-secret")
    model.price = Price(1e-6, 4e-6)
    return model


def deciding(server: Loopback) -> Model:
    return connect("systemone/d", api_base=server.url, api_key="sk-planted-secret")


NOTES = json.dumps(
    {
        "clear": {"rationale": "It names *what* to do | and why.", "quote": "the FORECAST  says rain"},
        "fair": {"rationale": "No other view is named.", "quote": ""},
    }
)
INVENTED = json.dumps(
    {
        "clear": {"rationale": "Short.", "quote": "the forecast says snow"},
        "fair": {"rationale": "Yes."},
    }
)
_DSPY = '{"probabilities": {"0": 0.1, "1": 0.4, "2": 0.5}, "confidence": 0.8}'


def _expect(server: Loopback) -> Assessment:
    say_levels(server)
    return Judge(two(), model=chatting(server)).assess(ARGUMENT)


def _expect_outside(server: Loopback) -> Assessment:
    tokens = [('{"clear":"', {'{"clear":"': 1.0}), ("3", {"3": 0.6, "#": 0.4}), ('","fair":"', {'","fair":"': 1.0})]
    tokens += [("2", {"2": 0.3, "#": 0.7}), ('"}', {'"}': 1.0})]
    server.say('{"clear":"3","fair":"2"}', tokens=tokens)
    return Judge(two(), model=chatting(server)).assess(TEXT)


def _label(server: Loopback) -> Assessment:
    say_levels(server)
    return Judge(two(), model=chatting(server), readout="label", definitions="plain").assess(ARGUMENT)


def _label_explained(server: Loopback) -> Assessment:
    server.say(NOTES)
    say_levels(server)
    return Judge(two(), model=chatting(server), readout="label", explain=True).assess(ARGUMENT)


def _expect_explained_at_length(server: Loopback) -> Assessment:
    server.say(INVENTED)
    say_levels(server)
    return Judge(two(), model=chatting(server), explain="long").assess(ARGUMENT)


def _votes(server: Loopback) -> Assessment:
    for said in ('{"clear":"3","fair":"1"}', "nonsense", '{"clear":"2","fair":"1"}'):
        server.say(said)
    return Judge(two(), model=chatting(server), readout="votes:3").assess(ARGUMENT)


def _decide(server: Loopback) -> Assessment:
    say_decisions(server)
    return Judge(two(), model=deciding(server)).assess(ARGUMENT)


def _verbal(server: Loopback) -> Assessment:
    server.say(f"[[ ## clear ## ]]\n{_DSPY}\n\n[[ ## fair ## ]]\n{_DSPY}\n\n[[ ## completed ## ]]")
    return Judge(two(), model=chatting(server), readout="verbal").assess(ARGUMENT)


def _verbal_explained(server: Loopback) -> Assessment:
    said = {"clear_rationale": "Short.", "clear_quote": "says rain", "clear": _DSPY, "fair_rationale": "Yes."}
    fields = [f"[[ ## {name} ## ]]\n{value}" for name, value in (said | {"fair": _DSPY}).items()]
    server.say("\n\n".join([*fields, "[[ ## completed ## ]]"]))
    return Judge(two(), model=chatting(server), readout="verbal", explain=True).assess(TEXT)


def _asked_twice(server: Loopback) -> Assessment:
    server.say("Both are fine, I think.")
    say_levels(server)
    return Judge(two(), model=chatting(server), readout="label").assess(TEXT)


def _unreadable(server: Loopback) -> Assessment:
    server.say("Fine.")
    server.say("Fine, I said.")
    return Judge(two(), model=chatting(server), readout="label").assess(TEXT)


def _without_schema(server: Loopback) -> Assessment:
    server.reply(400, {"error": {"message": "response_format json_schema is not supported", "code": 400}})
    server.say('{"clear":"2","fair":"3"}')
    return Judge(two(), model=chatting(server), readout="label").assess(TEXT)


def _cut_off(server: Loopback) -> Assessment:
    server.say('{"clear":"2","fair":"3"}', finish="length")
    return Judge(two(), model=chatting(server), readout="label").assess(TEXT)


def _beginning_only(server: Loopback) -> Assessment:
    message = "request (2500 tokens) exceeds the available context size (2000 tokens)"
    server.reply(400, {"error": {"message": message, "code": 400}})
    say_levels(server)
    return Judge(two(), model=chatting(server), readout="label", truncate=True).assess(f"{TEXT} " * 100)


def _skipped_by_the_gate(server: Loopback) -> Assessment:
    say_decisions(server)
    say_decisions(server, gate=0.2)
    return Judge(own_framework(), model=deciding(server)).assess(ARGUMENT)


def _selected_and_missing_input(server: Loopback) -> Assessment:
    say_levels(server, chosen={"kind": "B"})
    say_levels(server, chosen={"gate": "1"})
    return Judge(own_framework(), model=chatting(server)).assess(Argument(TEXT, issue="Umbrella?"))


def _abstained(server: Loopback) -> Assessment:
    say_levels(server, chosen={"kind": "A"}, share=0.9)
    say_levels(server, chosen={"gate": "1", "clear": "X"}, share=0.9)
    return Judge(own_framework(), model=chatting(server)).assess(ARGUMENT)


def _examples(server: Loopback) -> Assessment:
    server.say(NOTES)
    say_levels(server)
    shown = examples_for(two(), notes=True)
    return Judge(two(), model=chatting(server), explain=True, demonstrations=shown).assess(ARGUMENT)


def _program(server: Loopback) -> Assessment:
    say_levels(server)
    ratio = load_framework("ratio")
    return Judge(ratio, model=chatting(server), program=load_program(SAVED_PROGRAM, ratio)).assess(ARGUMENT)


def _reasoning(server: Loopback) -> Assessment:
    say_levels(server)
    return Judge(two(), model=chatting(server, "openai/o3")).assess(TEXT)


def _failed(server: Loopback) -> Assessment:
    server.reply(400, {"error": {"message": "the prompt was found to be unkind", "code": 400}})
    [found] = assess_all(Judge(two(), model=chatting(server), readout="label"), [ARGUMENT], concurrency=1)
    return found


def _missing_input(server: Loopback) -> Assessment:
    [found] = assess_all(Judge(own_framework(), model=chatting(server)), [Argument(TEXT, id="9")], concurrency=1)
    return found


CASES: dict[str, Callable[[Loopback], Assessment]] = {
    "expect": _expect,
    "expect, much outside the levels": _expect_outside,
    "label": _label,
    "label, explained": _label_explained,
    "expect, explained at length, a quote invented": _expect_explained_at_length,
    "three votes, one unreadable": _votes,
    "decide": _decide,
    "verbal": _verbal,
    "verbal, explained": _verbal_explained,
    "asked twice": _asked_twice,
    "unreadable": _unreadable,
    "a schema is refused": _without_schema,
    "cut off": _cut_off,
    "the beginning only": _beginning_only,
    "skipped by the gate": _skipped_by_the_gate,
    "a kind is selected, an input is missing": _selected_and_missing_input,
    "abstained": _abstained,
    "examples with reasons": _examples,
    "a saved program": _program,
    "a reasoning model": _reasoning,
    "failed": _failed,
    "a required input is missing": _missing_input,
}
ERRORS: dict[str, tuple[int, str]] = {
    "a key is refused": (401, "Incorrect API key provided: sk-planted-secret"),
    "there is no such model": (404, "The model m does not exist"),
}


def plain_json(assessment: Any) -> Any:
    """Everything, with seconds and version masked."""
    content = json.loads(assessment.model_dump_json())
    content["usage"]["seconds"] = "SECONDS"
    content["argqual_version"] = "VERSION"
    return content


def exchange(server: Loopback, name: str) -> dict[str, Any]:
    """What one assessment sends, what comes of it, and how it is shown."""
    assessment = CASES[name](emptied(server))
    told = {"paths": server.paths, "bodies": server.requests, "left": len(server.queue)}
    ids = {"two": two, "own": own_framework, "ratio": lambda: load_framework("ratio")}
    framework = ids[assessment.framework.id]()
    found = {
        "sent": told,
        "assessment": plain_json(assessment),
        "text": _SECONDS.sub("N s", tables.text(assessment, framework)),
        "markdown": _SECONDS.sub("N s", tables.markdown(assessment, framework)),
    }
    return json.loads(json.dumps(found).replace(server.url, "http://ADDRESS"))


def comparison(server: Loopback) -> dict[str, Any]:
    """Which of two arguments is better, asked in both orders."""
    say_levels(emptied(server))
    say_levels(server, share=0.7)
    found = compare(TEXT, "Rain is wet.", framework=two(), issue="Umbrella?", model=chatting(server))
    return {
        "bodies": server.requests,
        "comparison": plain_json(found),
        "text": _SECONDS.sub("N s", tables.comparison_text(found)),
        "markdown": _SECONDS.sub("N s", tables.comparison_markdown(found)),
    }


def errors(server: Loopback) -> dict[str, Any]:
    """What is said of a server that refuses, and the exit code that goes with it."""
    found: dict[str, Any] = {}
    for name, (status, message) in ERRORS.items():
        emptied(server).reply(status, {"error": {"message": message, "code": status}})
        try:
            Judge(two(), model=chatting(server), readout="label").assess(TEXT)
        except ArgqualError as error:
            found[name] = [type(error).__name__, error.exit_code, str(error).replace(server.url, "http://ADDRESS")]
    return found


def calibrated_ratio(server: Loopback) -> dict[str, Any]:
    """RATIO's ratings of the embedded default model, as they are shown: its levels are those of people."""
    say_levels(emptied(server))
    assessment = Judge("ratio", model=chatting(server)).assess(ARGUMENT)
    as_local = assessment.model_copy(update={"model": "qwen2.5-coder-1.5b"})
    ratio = load_framework("ratio")
    shown = calibrated(as_local, ratio)
    return {
        "calibrated": plain_json(shown),
        "text": _SECONDS.sub("N s", tables.text(shown, ratio)),
        "markdown": _SECONDS.sub("N s", tables.markdown(shown, ratio)),
    }


def schema() -> dict[str, Any]:
    """The JSON Schema of an assessment."""
    return Assessment.model_json_schema(mode="serialization")
