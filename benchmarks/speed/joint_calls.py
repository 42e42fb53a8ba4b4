"""Joint calls against one call a criterion, and the time that is not the engine's.

On one embedded server and model, in one run, three ways to rate the same arguments:
`joint`, a single `expect` call for all of a framework's questions; `same_readout`, one
DSPy call a question with the same read-out; `plain_dspy`, one DSPy call a question in
DSPy's own form, in which the model writes its probabilities down. The engine reports
its own time for each request; what remains of the wall time is argqual's, DSPy's and
HTTP's. The ways take turns in blocks, because the server keeps the prompt it read last.

    python benchmarks/speed/joint_calls.py --output benchmarks/results/joint-calls.json
"""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dspy.utils.exceptions import AdapterParseError

from argqual.argument import Argument
from argqual.frameworks.catalogue import known_frameworks, load_framework
from argqual.frameworks.framework import Framework
from argqual.judging.judge import Judge
from argqual.judging.program import RatingProgram, answerables
from argqual.judging.readouts.client import DecisionClient
from argqual.models.connect import Model, connect
from argqual.models.llama import available_cores


class Timed:
    """An engine that adds up the seconds that llama.cpp reports for its requests."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.seconds = 0.0

    def ask(self, request: Any) -> Any:
        response, lost = self.engine.ask(request)
        timings = response.provider_data["timings"]
        self.seconds += (timings["prompt_ms"] + timings["predicted_ms"]) / 1000
        return response, lost


def texts(count: int, joined: int) -> list[Argument]:
    """Arguments of the project's own: goldens of the shipped frameworks, `joined` of them to a text."""
    found = []
    for name in sorted(known_frameworks()):
        for golden in load_framework(name).goldens:
            found += [" ".join(text.split()) for text in golden.arguments.values()]
    groups = [found[start : start + joined] for start in range(0, len(found), joined)]
    return [Argument("\n\n".join(group)) for group in groups[:count]]


def ways_to_rate(framework: Framework, model: Model) -> dict[str, Callable[[Argument], Any]]:
    judge = Judge(framework, model=model, readout="expect")
    program = RatingProgram(framework)
    known = answerables(framework)
    questions = [criterion.id for criterion in framework.asked]

    def same_readout(argument: Argument) -> None:
        for question in questions:
            client = DecisionClient(model, judge.readout, known)
            program(lm=client, only=[question], **argument.inputs())

    def plain_dspy(argument: Argument) -> None:
        for question in questions:
            with contextlib.suppress(AdapterParseError):  # a failed parse has taken its time all the same
                program(lm=model.lm.copy(temperature=0.0, max_tokens=4000), only=[question], **argument.inputs())

    return {"joint": judge.assess, "same_readout": same_readout, "plain_dspy": plain_dspy}


def measure(framework: Framework, model: Model, arguments: list[Argument], ways: list[str]) -> dict[str, Any]:
    """Arguments a second of each way; the first argument warms each way up and is not counted."""
    timed = Timed(model.engine)
    rates: dict[str, float] = {}
    outside = 0.0
    for name, way in ways_to_rate(framework, replace(model, engine=timed)).items():
        if name not in ways:
            continue
        way(arguments[0])
        timed.seconds, started = 0.0, time.perf_counter()
        for number, argument in enumerate(arguments[1:], start=1):
            way(argument)
            print(f"{framework.id}, {name}: {number} of {len(arguments) - 1}", file=sys.stderr, flush=True)
        wall = time.perf_counter() - started
        rates[name] = (len(arguments) - 1) / wall
        if name == "joint":
            outside = 1 - timed.seconds / wall
    return {
        "questions": len(framework.asked),
        "arguments": len(arguments) - 1,
        "words_median": statistics.median(len(argument.text.split()) for argument in arguments[1:]),
        "arguments_per_second": rates,
        "speedup": {name: rates["joint"] / rate for name, rate in rates.items() if name != "joint"},
        "outside_engine_share": outside,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="local")
    parser.add_argument("--frameworks", nargs="+", default=["ratio", "qoam"])
    parser.add_argument("--arguments", type=int, default=6)
    parser.add_argument("--joined", type=int, nargs="+", default=[1, 4], help="texts joined to one argument")
    parser.add_argument("--ways", nargs="+", default=["joint", "same_readout", "plain_dspy"])
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    model = connect(options.model)
    result = {
        "command": "python benchmarks/speed/joint_calls.py " + " ".join(sys.argv[1:]),
        "date": datetime.now(UTC).date().isoformat(),
        "model": model.name,
        "cores": available_cores(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("argqual", "dspy", "xllamacpp")},
        "results": [
            {"framework": name}
            | measure(load_framework(name), model, texts(options.arguments + 1, joined), options.ways)
            for name in options.frameworks
            for joined in options.joined
        ],
    }
    text = json.dumps(result, indent=2)
    print(text)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
