"""Joint calls against one call a criterion, and the time that is not the engine's.

On one embedded server and model, in one run: every argument is rated by a single
`expect` call for all of a framework's questions, and by one DSPy call a question
with the same read-out. The two take turns, argument by argument, so that a machine
whose speed drifts slows both. The engine reports its own time for each request; what
remains of the wall time is argqual's, DSPy's and HTTP's.

    python benchmarks/speed/joint_calls.py --output benchmarks/results/joint-calls.json
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from argqual.argument import Argument
from argqual.catalogue import known_frameworks, load_framework
from argqual.judging.judge import Judge, answerables
from argqual.judging.program import RatingProgram
from argqual.judging.readout import ChatClient, Readout
from argqual.models.connect import connect
from argqual.models.embedded import available_cores


class Timed:
    """A language model that adds up the seconds that the engine reports for its requests."""

    def __init__(self, lm: Any) -> None:
        self.lm = lm
        self.model = lm.model
        self.seconds = 0.0
        self.requests = 0

    def __call__(self, request: Any) -> Any:
        response = self.lm(request)
        timings = response.provider_data["timings"]
        self.seconds += (timings["prompt_ms"] + timings["predicted_ms"]) / 1000
        self.requests += 1
        return response


def texts() -> list[Argument]:
    """The goldens of all shipped frameworks: short arguments of the project's own."""
    found = []
    for name in sorted(known_frameworks()):
        for golden in load_framework(name).goldens:
            found += [Argument(" ".join(text.split()), issue=golden.issue) for text in golden.arguments.values()]
    return found


def measure(framework_name: str, model: Any, arguments: list[Argument]) -> dict[str, Any]:
    framework = load_framework(framework_name)
    timed = Timed(model.lm)
    model.lm = timed
    judge = Judge(framework, model=model, readout="expect")
    program = RatingProgram(framework)
    known = answerables(framework)

    def separately(argument: Argument) -> None:
        for criterion in framework.asked:
            client = ChatClient(model, Readout("expect"), known, explain=False)
            program(lm=client, only=[criterion.id], **argument.inputs())

    ways = {"joint": judge.assess, "separate": separately}
    wall: dict[str, list[float]] = {way: [] for way in ways}
    engine = dict.fromkeys(ways, 0.0)
    for way in ways.values():  # each prompt's static part is read once, outside the measurement
        way(arguments[0])
    for number, argument in enumerate(arguments[1:], start=1):
        for name, way in ways.items():
            before = timed.seconds
            started = time.perf_counter()
            way(argument)
            wall[name].append(time.perf_counter() - started)
            engine[name] += timed.seconds - before
        print(f"\r{framework_name}: {number} of {len(arguments) - 1}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    model.lm = timed.lm
    ratios = [separate / joint for joint, separate in zip(wall["joint"], wall["separate"], strict=True)]
    total = {name: sum(seconds) for name, seconds in wall.items()}
    return {
        "questions": len(framework.asked),
        "arguments": len(ratios),
        "words_median": statistics.median(len(argument.text.split()) for argument in arguments[1:]),
        "joint_arguments_per_second": len(ratios) / total["joint"],
        "separate_arguments_per_second": len(ratios) / total["separate"],
        "speedup": total["separate"] / total["joint"],
        "speedup_quartiles": statistics.quantiles(ratios, n=4),
        "outside_engine_share": 1 - engine["joint"] / total["joint"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="local")
    parser.add_argument("--frameworks", nargs="+", default=["ratio", "qoam"])
    parser.add_argument("--arguments", type=int, default=20)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    model = connect(options.model)
    arguments = texts()[: options.arguments + 1]
    result = {
        "command": "python benchmarks/speed/joint_calls.py " + " ".join(sys.argv[1:]),
        "date": date.today().isoformat(),
        "model": model.name,
        "cores": available_cores(),
        "versions": {name: version(name) for name in ("argqual", "dspy", "xllamacpp")}
        | {"python": platform.python_version()},
        "results": {name: measure(name, model, arguments) for name in options.frameworks},
    }
    text = json.dumps(result, indent=2)
    print(text)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
