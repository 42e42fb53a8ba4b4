"""Files as earlier code saved them, kept under `data/saved`, and what loading them gives."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import dspy
import numpy as np
import pytest

from argqual.argument import Argument
from argqual.benchmark.analysis.findings import verdicts_of
from argqual.benchmark.running.run import begin, plan_of, run_cells
from argqual.benchmark.running.store import Run
from argqual.benchmark.spec.config import load_benchmark
from argqual.frameworks.catalogue import load_framework
from argqual.judging.judge import Judge
from argqual.judging.program import RatingProgram, load_program, save_program
from argqual.judging.store import Store
from argqual.models.connect import Model, connect
from argqual.strategies import (
    Calibrated,
    Exemplars,
    Jury,
    Length,
    Mean,
    Principle,
    Strategy,
    Surface,
    Tfidf,
    load_strategy,
    prompted,
    save_strategy,
)
from argqual.strategies.saving import Training, describe_saved
from chatserver import ChatServer
from loopback import Loopback
from pinned.exchanges import ARGUMENT, TEXT, chatting, emptied, plain_json, say_levels, two
from pinned.judges import SAVED_PROGRAM, hosted
from smallbenchmark import write_benchmark
from strategies_data import ARGUMENTS, ISSUES, LABELS

SAVED = Path(__file__).parent / "data" / "saved"
STORE = SAVED / "assessments.sqlite"
RUN = SAVED / "small-run.sqlite"
STRATEGIES = (
    "mean",
    "length",
    "tfidf",
    "surface",
    "principle",
    "exemplars",
    "calibrated-isotonic",
    "calibrated-ridge",
    "calibrated-ordinal",
    "jury",
)


def save_a_program() -> None:
    """RATIO with other instructions and one demonstration."""
    SAVED.mkdir(parents=True, exist_ok=True)
    program = RatingProgram(load_framework("ratio"), definitions="plain")
    program.rate.signature = program.rate.signature.with_instructions("Judge strictly, and in this order.")
    shown = dspy.Example(argument="So.", issue="Why?", relevance=1, acceptability=2, sufficiency=0)
    program.rate.demos = [shown.with_inputs("argument", "issue")]
    save_program(program, SAVED_PROGRAM)


# The address of the prompted strategies' server: a port that is not in use elsewhere, since the address is saved.
_PORT = 47613


def _made() -> dict[str, Strategy]:
    asked: dict[str, Any] = {"model": "openai/test", "api_base": f"http://127.0.0.1:{_PORT}/v1"}
    return {
        "mean": Mean(),
        "length": Length(),
        "tfidf": Tfidf(),
        "surface": Surface(trees=5),
        "principle": Principle("ratio", **asked),
        "exemplars": Exemplars(k=2, draws=1, **asked),
        "calibrated-isotonic": Calibrated(Principle("ratio", **asked), method="isotonic"),
        "calibrated-ridge": Calibrated(Principle("ratio", **asked), method="ridge"),
        "calibrated-ordinal": Calibrated(Principle("ratio", **asked), method="ordinal"),
        "jury": Jury([("length", Length()), ("words", Tfidf())]),
    }


def save_strategies() -> None:
    """Each kind, fitted on made-up arguments."""
    shutil.rmtree(SAVED / "strategies", ignore_errors=True)
    with pytest.MonkeyPatch.context() as patch, ChatServer(port=_PORT):
        patch.setenv("OPENAI_API_KEY", "k")
        for name, strategy in _made().items():
            strategy.fit(ARGUMENTS, LABELS, groups=ISSUES)
            training = Training({"letters": "abc"}, "overall", ("letters: CC0-1.0",))
            save_strategy(strategy, SAVED / "strategies" / name, training=training)


def loaded(name: str) -> dict[str, Any]:
    """What a saved strategy is and predicts; those that ask do so of a server that answers as when they were saved."""
    folder = SAVED / "strategies" / name
    strategy = load_strategy(folder)
    said = describe_saved(folder)
    with pytest.MonkeyPatch.context() as patch, ChatServer() as server:

        def elsewhere(name: str, api_base: str, effort: str | None, _from: str | None) -> Model:
            """Any free port does, where another process may have the one that stands in the file."""
            assert api_base == f"http://127.0.0.1:{_PORT}/v1"
            return connect(name, api_base=f"{server.url}/v1", effort=effort)

        patch.setattr(prompted, "_connected", elsewhere)
        patch.setenv("OPENAI_API_KEY", "k")
        predicted = strategy.predict(ARGUMENTS[:8])
    return {
        "class": type(strategy).__name__,
        "strategy": said["strategy"],
        "depends on": said["depends_on"],
        "training": said["training"],
        "labels seen": strategy.seen_.labels,
        "predicted": [None if np.isnan(value) else float(f"{value:.6g}") for value in predicted],
    }


def _judges(server: Loopback) -> list[tuple[Judge, Argument]]:
    return [
        (Judge(two(), model=chatting(server)), ARGUMENT),
        (Judge(two(), model=chatting(server), readout="label"), Argument(TEXT)),
    ]


def save_a_store(server: Loopback) -> None:
    """Two assessments through a server, under the keys that a judge at a fixed address has for them."""
    STORE.unlink(missing_ok=True)
    fixed = {
        "expect": Judge(two(), model=hosted("openai/m")),
        "label": Judge(two(), model=hosted("openai/m"), readout="label"),
    }
    with Store(STORE) as store:
        for judge, argument in _judges(server):
            say_levels(emptied(server))
            store.settle({fixed[judge.readout.name].key(argument): judge.assess(argument)})


def kept(folder: Path) -> dict[str, Any]:
    """What the saved store holds, found by the keys that judges have for it now."""
    path = shutil.copy(STORE, folder / "s.sqlite")
    found: dict[str, Any] = {}
    with Store(Path(path)) as store:
        for readout, argument in (("expect", ARGUMENT), ("label", Argument(TEXT))):
            key = Judge(two(), model=hosted("openai/m"), readout=readout).key(argument)
            found[readout] = {key: plain_json(each) for key, each in store.get([key]).items()}
        found["contents"] = [
            [each.framework, each.model, each.readout, each.assessments, each.cost_usd] for each in store.contents()
        ]
        found["exported keys"] = [each["key"] for each in store.export()]
    return found


def write_the_benchmark(folder: Path) -> Path:
    """The benchmark of the saved run; its cells are the same wherever it lies."""
    claims = "{words: {says: Words carry over better than length., contrast: tfidf - length, smallest: 0.1}}"
    return write_benchmark(folder, "  length:\n  tfidf:\n  mean:\n", claims=claims)


def save_a_run(folder: Path) -> None:
    """A small benchmark, run."""
    RUN.unlink(missing_ok=True)
    plan = plan_of(load_benchmark(write_the_benchmark(folder)))
    with Run(folder / "small.run.sqlite", create=True) as run:
        begin(plan, run)
        assert run_cells(plan, run) == 0
    with closing(sqlite3.connect(folder / "small.run.sqlite", isolation_level=None)) as file:
        file.execute("UPDATE fact SET content = replace(content, ?, '/letters')", (str(folder),))
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        file.execute("PRAGMA journal_mode=DELETE")
        file.execute("VACUUM")
    shutil.copy(folder / "small.run.sqlite", RUN)


def run_found(folder: Path) -> dict[str, Any]:
    """What the saved run says now, and which of its cells would have to be run again."""
    file = write_the_benchmark(folder)
    shutil.copy(RUN, folder / "small.run.sqlite")
    benchmark = load_benchmark(file)
    plan = plan_of(benchmark)
    with Run(folder / "small.run.sqlite") as run:
        verdicts = verdicts_of(run, benchmark)
        return {
            "left": [cell.name for cell in plan.left(run.done())],
            "done": len(run.done()),
            "verdicts": [[each.id, each.outcome, each.sentence] for each in verdicts],
            "scored": [
                [each.strategy, each.split, each.tested_on, len(each.ids), float(f"{np.nansum(each.predicted):.6g}")]
                for each in run.scored()
            ],
        }


def program_found() -> dict[str, Any]:
    """What the saved program asks, and the fingerprint that keys hang on."""
    program = load_program(SAVED_PROGRAM, load_framework("ratio"))
    return {
        "fingerprint": program.fingerprint,
        "definitions": program.definitions,
        "instructions": program.rate.signature.instructions,
        "demonstrations": [dict(each) for each in program.rate.demos],
        "outputs": {
            name: field.json_schema_extra["desc"] for name, field in program.rate.signature.output_fields.items()
        },
    }
