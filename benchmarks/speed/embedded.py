"""The embedded model on real arguments: speed by slots and threads, and the time that is not the engine's.

Half of the arguments are the first of dagstuhl's, half of the IBM corpus's (test), read
from `ARGQUAL_MIRROR`. They go through the batch scorer with a store, as `argqual score
TABLE` does it. With one slot the engine's own time for each request is known; what
remains of the wall time is argqual's, DSPy's, HTTP's and the store's. Each setting runs
in a process of its own, because a process keeps a model that it has loaded.

    ARGQUAL_MIRROR=… python benchmarks/speed/embedded.py --arguments 200 --output …
    ARGQUAL_MIRROR=… python benchmarks/speed/embedded.py --arguments 40 --slots 1 2 4 --threads 1 2
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from joint_calls import Timed

from argqual.argument import Argument
from argqual.judging.batch import Batch
from argqual.judging.judge import Judge
from argqual.judging.store import Store
from argqual.models import llama
from argqual.models.connect import connect


def arguments_from(mirror: Path, count: int) -> list[Argument]:
    """The first arguments of two corpora, in turn."""
    raw = (mirror / "dagstuhl" / "dagstuhl-15512-argquality-corpus-annotated.csv").read_bytes().decode("cp1252")
    dagstuhl = {row["#id"]: row for row in csv.DictReader(io.StringIO(raw, newline=None), delimiter="\t")}
    with (mirror / "ibm_argq_rank_30k" / "test.csv").open(encoding="utf-8", newline="") as file:
        ibm = [row for row, _ in zip(csv.DictReader(file), range(count), strict=False)]
    pairs = zip(dagstuhl.values(), ibm, strict=False)
    found = [
        argument
        for one, other in pairs
        for argument in (
            Argument(one["argument"], issue=one["issue"]),
            Argument(other["argument"], issue=other["topic"]),
        )
    ]
    return found[:count]


def measure(options: argparse.Namespace, slots: int, threads: int) -> dict[str, Any]:
    """One setting, in this process; two arguments warm it up."""
    llama.available_cores = lambda: threads
    arguments = arguments_from(options.mirror, options.arguments + 2)
    model = connect(options.model, slots=slots)
    assert model.engine is not None
    timed = Timed(model.engine)
    judge = Judge(options.framework, model=replace(model, engine=timed))
    for argument in arguments[:2]:
        judge.assess(argument)
    timed.seconds = 0.0
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "store.sqlite") as store:
        batch = Batch(judge, store=store, concurrency=slots)
        started = time.perf_counter()
        for number, _ in enumerate(batch.run(arguments[2:], lambda argument: argument), start=1):
            if number % 10 == 0:
                print(f"{slots} slots, {threads} threads: {number} arguments", file=sys.stderr, flush=True)
        wall = time.perf_counter() - started
    return {
        "slots": slots,
        "threads": threads,
        "arguments": len(arguments) - 2,
        "words_median": median(len(argument.text.split()) for argument in arguments[2:]),
        "statuses": dict(batch.tally.statuses),
        "seconds": round(wall, 2),
        "arguments_per_second": round((len(arguments) - 2) / wall, 3),
        "outside_engine_share": round(1 - timed.seconds / wall, 4) if slots == 1 else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mirror", type=Path, default=os.environ.get("ARGQUAL_MIRROR"), required=False)
    parser.add_argument("--model", default="local")
    parser.add_argument("--framework", default="ratio")
    parser.add_argument("--arguments", type=int, default=200)
    parser.add_argument("--slots", nargs="+", type=int, default=[1])
    parser.add_argument("--threads", nargs="+", type=int, default=[llama.available_cores()])
    parser.add_argument("--output", type=Path)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.mirror is None:
        parser.error("name the folder of the corpora in ARGQUAL_MIRROR, or with --mirror")
    if options.one:
        print(json.dumps(measure(options, options.slots[0], options.threads[0])))
        return
    results = []
    for slots in options.slots:
        for threads in options.threads:
            command = [sys.executable, __file__, "--one", "--mirror", str(options.mirror), "--model", options.model]
            command += ["--framework", options.framework, "--arguments", str(options.arguments)]
            command += ["--slots", str(slots), "--threads", str(threads)]
            run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            results.append(json.loads(run.stdout.splitlines()[-1]))
    report = {
        "command": "python benchmarks/speed/embedded.py " + " ".join(sys.argv[1:]),
        "date": datetime.now(UTC).date().isoformat(),
        "model": options.model,
        "framework": options.framework,
        "cores": llama.available_cores(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("argqual", "dspy", "xllamacpp")},
        "results": results,
    }
    text = json.dumps(report, indent=2)
    print(text)
    if options.output:
        options.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
