"""The embedded model at home, as it was and as it is: a first score, further arguments, and a machine that it shares.

Old and new take turns in one run on one machine; the old is a commit, checked out into a folder of its own. Each figure
is the median of the repeats, with the least and the most; CPU seconds are those of the command and of its engine, which
say more than the clock where others use the machine.

    python benchmarks/speed/start.py --output benchmarks/results/embedded-start.json      # all of it, about an hour
    python benchmarks/speed/start.py --parts first --frameworks ratio --repeats 3
    python benchmarks/speed/start.py --parts waits --output benchmarks/results/engine-waits.json

Parts: `first`, a new process from command to table; `warm`, the same of the new alone, with an engine that is kept;
`further`, arguments of 50 and of 200 words after the first; `beside`, the same beside a process that keeps a core busy;
`two`, two processes at once; `waits`, of the new alone: how OpenMP's threads wait, how many there are, and how nice the
engine is, on an idle machine, a busy one, and two at once.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OLD = "50fb673"  # the last commit before prompts were kept
SENTENCES = (
    "School uniforms should be required, because they spare poorer families the race for expensive brands.",
    "In three districts that introduced them, teachers reported fewer fights in the first two years.",
    "Children learn that what they do matters more than what they wear, and mornings at home are calmer.",
    "It may be said that clothes are a form of speech, but pupils keep every other way to say what they think.",
    "The cost of a uniform is known in advance, it can be handed on, and schools may lend it to those in need.",
    "A rule that holds for all is also easier to keep than one that leaves each teacher to judge a skirt's length.",
)
WAITS: dict[str, dict[str, Any]] = {
    "libgomp's default": {"variables": {"GOMP_SPINCOUNT": "300000"}},
    "20,000 spins": {"variables": {"GOMP_SPINCOUNT": "20000"}},
    "1,000 spins": {"variables": {"GOMP_SPINCOUNT": "1000"}},
    "passive": {"variables": {"OMP_WAIT_POLICY": "passive"}},
    "1,000 spins, one thread": {"variables": {"GOMP_SPINCOUNT": "1000"}, "threads": 1},
    "1,000 spins, nice 5": {"variables": {"GOMP_SPINCOUNT": "1000"}, "nice": 5},
}


def text_of(words: int, number: int) -> str:
    """An argument of so many words; another one for another number."""
    said = f"Point {number}: " + " ".join(SENTENCES[(number + place) % len(SENTENCES)] for place in range(20))
    return " ".join(said.split()[:words])


# ---- what is measured, in a process of its own


def one(options: argparse.Namespace) -> None:
    """Rate some arguments after a first one, when told to begin; write how long each took."""
    if options.nice:
        os.nice(options.nice)
    from argqual.judging.judge import Judge
    from argqual.models.connect import connect

    if options.threads:
        from argqual.models import llama

        llama.available_cores = lambda: options.threads
    judge = Judge(options.frameworks[0], model=connect(options.model))
    judge.readout.max_off_scale = 1.0
    for number in range(2):  # the first reads the instructions, where they are not kept
        judge.assess(text_of(options.words[0], 90 + number))
    print("ready", flush=True)
    sys.stdin.readline()
    taken = []
    for number in range(options.arguments):
        began = time.perf_counter()
        judge.assess(text_of(options.words[0], number))
        taken.append(time.perf_counter() - began)
    print(json.dumps(taken), flush=True)


class Rater:
    """A process that rates arguments with the code of a folder, as soon as it is told to."""

    def __init__(self, source: Path, options: argparse.Namespace, framework: str, words: int, **how: Any) -> None:
        command = [sys.executable, __file__, "--one", "--model", options.model, "--frameworks", framework]
        command += ["--words", str(words), "--arguments", str(options.arguments)]
        for name in ("threads", "nice"):
            command += [f"--{name}", str(how[name])] if how.get(name) else []
        variables = environment(source) | how.get("variables", {})
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=variables, text=True)
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "ready":
            raise SystemExit(f"{' '.join(command)} did not begin")

    def begin(self) -> None:
        assert self._process.stdin is not None
        print(file=self._process.stdin, flush=True)

    def taken(self) -> list[float]:
        """Seconds of each argument."""
        assert self._process.stdout is not None
        found: list[float] = json.loads(self._process.stdout.readline())
        self._process.communicate()
        return found


@contextmanager
def busy() -> Iterator[None]:
    """A process that keeps a core busy."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def environment(source: Path) -> dict[str, str]:
    """That of a user, with the code of a folder, and nothing that was asked before."""
    kept = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    return kept | {"PYTHONPATH": str(source / "src"), "ARGQUAL_CONFIG": os.devnull}


def children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# ---- the parts


def first(source: Path, options: argparse.Namespace, framework: str) -> dict[str, float]:
    """A command, from its start to its table."""
    command = [sys.executable, "-m", "argqual", "score", text_of(60, int(time.time()) % 1000)]
    command += ["--framework", framework, "--model", options.model, "--no-store", "--format", "text"]
    began, used = time.perf_counter(), children_seconds()
    ran = subprocess.run(command, env=environment(source), capture_output=True, text=True)
    if ran.returncode not in (0, 1):
        raise SystemExit(ran.stderr)
    return {"seconds": time.perf_counter() - began, "cpu_seconds": children_seconds() - used}


@contextmanager
def kept(source: Path, options: argparse.Namespace) -> Iterator[None]:
    """An engine that is kept loaded."""
    command = [sys.executable, "-m", "argqual", "models"]
    subprocess.run([*command, "keep", options.model], env=environment(source), check=True, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        subprocess.run([*command, "stop"], env=environment(source), check=True, stdout=subprocess.DEVNULL)


def further(source: Path, options: argparse.Namespace, framework: str, words: int, **how: Any) -> dict[str, float]:
    """An argument after the first."""
    used = children_seconds()
    rater = Rater(source, options, framework, words, **how)
    with busy() if how.get("beside") else nullcontext():
        rater.begin()
        taken = rater.taken()
    used = children_seconds() - used
    return {"seconds": statistics.median(taken), "process_cpu_seconds": used}


def two(source: Path, options: argparse.Namespace, framework: str, words: int, **how: Any) -> dict[str, float]:
    """Two processes at once: arguments a second of both together."""
    raters = [Rater(source, options, framework, words, **how) for _ in range(2)]
    for rater in raters:
        rater.begin()
    return {"arguments_per_second": sum(options.arguments / sum(rater.taken()) for rater in raters)}


def turns(options: argparse.Namespace, sources: Mapping[str, Path], measure: Any, what: str) -> dict[str, Any]:
    """What is measured of each, in turns, so that whatever else the machine does is shared between them."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in sources}
    for number in range(options.repeats):
        for name, source in sources.items():
            found[name].append(measure(source))
            print(f"{what}, {name}, {number + 1} of {options.repeats}: {found[name][-1]}", file=sys.stderr, flush=True)
    return {name: {key: spread([each[key] for each in all_]) for key in all_[0]} for name, all_ in found.items()}


def spread(values: Sequence[float]) -> dict[str, Any]:
    shown = [round(value, 3) for value in values]
    return {"median": round(statistics.median(values), 3), "least": min(shown), "most": max(shown), "all": shown}


def parts(options: argparse.Namespace, sources: Mapping[str, Path]) -> Iterator[dict[str, Any]]:
    """Each figure: what it is of, and what came of it."""
    new = sources["new"]
    for framework in options.frameworks:
        about = {"framework": framework}
        if "first" in options.parts:
            first(new, options, framework)  # the instructions are kept, and the disk is warm
            found = turns(options, sources, lambda source, f=framework: first(source, options, f), f"first {framework}")
            yield {"part": "first", "words": 60, **about, **found}
        if "warm" in options.parts:
            with kept(new, options):
                first(new, options, framework)
                call = lambda source, f=framework: first(source, options, f)  # noqa: E731
                found = turns(options, {"new": new}, call, f"warm {framework}")
            yield {"part": "warm", "words": 60, **about, **found}
        kinds = [("further", further, {}), ("beside", further, {"beside": True}), ("two", two, {})]
        for part, measure, how in kinds:
            for words in options.words if part in options.parts else ():
                if part != "further" and words != options.words[0]:
                    continue
                said = f"{part} {framework} {words} words"
                call = lambda source, m=measure, f=framework, w=words, h=how: m(source, options, f, w, **h)  # noqa: E731
                yield {"part": part, "words": words, **about, **turns(options, sources, call, said)}
    if "waits" in options.parts:
        framework, words = options.frameworks[0], options.words[0]
        for name, how in WAITS.items():
            ways = {"idle": (further, {}), "beside one busy process": (further, {"beside": True}), "two": (two, {})}
            for way, (measure, more) in ways.items():
                call = lambda source, m=measure, h=how | more: m(source, options, framework, words, **h)  # noqa: E731
                found = turns(options, {"new": new}, call, f"{name}, {way}")
                yield {"part": "waits", "engine": name, "machine": way, **found}


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """The repository as it was at a commit, in a folder of its own."""
    packed = subprocess.run(["git", "-C", str(ROOT), "archive", commit], check=True, stdout=subprocess.PIPE).stdout
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
        yield Path(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="local")
    parser.add_argument("--parts", nargs="+", default=["first", "warm", "further", "beside", "two"])
    parser.add_argument("--frameworks", nargs="+", default=["ratio", "qoam"])
    parser.add_argument("--words", nargs="+", type=int, default=[50, 200])
    parser.add_argument("--arguments", type=int, default=5, help="of each process, after the first")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--old", default=OLD, help="the commit to compare with")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--nice", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options)
        return
    report: dict[str, Any] = {
        "command": "python benchmarks/speed/start.py " + " ".join(sys.argv[1:]),
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "model": options.model,
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("dspy", "xllamacpp")},
        "results": [],
    }
    with checked_out(options.old) as old:
        sources = {"old": old, "new": ROOT}
        for found in parts(options, sources):
            report["results"].append(found)
            report["load_after"] = round(os.getloadavg()[0], 1)
            if options.output:
                options.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
