"""SIGKILL at random moments of one table job and of one benchmark run, each resumed until it is done.

A server on loopback answers, and counts. Asked is: is the output an undisturbed run's (the table's byte for byte, the
benchmark's cells and predictions), and was nothing paid for twice but what was under way when a process was killed?
Half of the kills go to each job. With --folder the script can be interrupted, and goes on where it was.

    python benchmarks/robustness/kills.py --kills 1000 --folder kills --output benchmarks/results/kills.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import socket
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
import commandline
from chatserver import ChatServerProcess
from smallbenchmark import run_tables, write_benchmark, write_corpus

AT_ONCE = 8
WORKERS = AT_ONCE + AT_ONCE // 4  # requests that a batch has under way or is about to send
LATENCY = 0.1


@dataclass
class Progress:
    """How far the kills are, kept in a file after each."""

    path: Path
    kept: dict[str, dict[str, int]] = field(default_factory=dict)

    def of(self, part: str) -> dict[str, int]:
        if not self.kept and self.path.exists():
            self.kept = json.loads(self.path.read_text())
        return self.kept.setdefault(part, {"kills": 0, "answered": 0, "ended": 0})

    def keep(self) -> None:
        fresh = self.path.with_suffix(".tmp")
        fresh.write_text(json.dumps(self.kept))
        fresh.replace(self.path)


def kill(part: str, words: list[str], kills: int, seed: int, server: ChatServerProcess, progress: Progress) -> None:
    """Start a job and kill it, until it was killed often enough, or is done."""
    done = progress.of(part)
    while done["kills"] < kills and not done["ended"]:
        server.reset()
        drawn = random.Random(f"{seed} {part} {done['kills']}")
        after, asking = drawn.uniform(0.0, 0.5), drawn.random() < 0.8  # most while it asks, some while it begins

        def since(asking: bool = asking) -> bool:
            return not asking or server.stats().received > 0

        killed = commandline.killed(progress.path.parent, *words, after=after, since=since)
        done["kills"] += killed
        done["ended"] = int(not killed)
        done["answered"] += server.stats().answered
        progress.keep()
        if done["kills"] % 50 == 0:
            print(f"{part}: {done['kills']} kills, {done['answered']} answers", flush=True)


def finished(folder: Path, *words: str, store: str) -> None:
    done = commandline.argqual(folder, *words, variables={"ARGQUAL_STORE": str(folder / store)}, timeout=3600)
    if done.returncode != 0:
        sys.exit(f"The job did not end well ({done.returncode}): {done.stderr}")


def result(part: str, rows: int, progress: Progress, same: bool) -> dict[str, Any]:
    done = progress.of(part)
    twice, bound = done["answered"] - rows, done["kills"] * WORKERS
    return {
        "kills": done["kills"],
        "asked_for": rows,
        "answered": done["answered"],
        "answered_twice": twice,
        "most_under_way_when_killed": bound,
        "same_as_undisturbed": same,
        "held": same and 0 <= twice <= bound,
    }


def of_table(folder: Path, kills: int, seed: int, server: ChatServerProcess, progress: Progress) -> dict[str, Any]:
    rows = 40 * kills + 200
    source, output = folder / "in.csv", folder / "out.jsonl"
    lines = (f'{number},"Trams are ""quiet"".\nI counted {number}."\n' for number in range(rows))
    if not source.exists():
        source.write_text("number,text\n" + "".join(lines), encoding="utf-8")
    asked = ["score", str(source), "--model", "openai/test", "--api-base", f"{server.url}/v1"]
    words = [*asked, "--output", str(output), "--resume", "--concurrency", str(AT_ONCE)]
    kill("table", words, kills, seed, server, progress)
    server.reset()
    server.configure(latency=0.0)
    finished(folder, *words, store="store.sqlite")
    progress.of("table")["answered"] += server.stats().answered
    finished(folder, *asked, "--output", str(folder / "undisturbed.jsonl"), "--overwrite", store="other.sqlite")
    same = output.read_bytes() == (folder / "undisturbed.jsonl").read_bytes()
    return result("table", rows, progress, same)


def of_benchmark(folder: Path, kills: int, seed: int, server: ChatServerProcess, progress: Progress) -> dict[str, Any]:
    count = 10 * kills + 40
    # The variable and not the file names the address: it is another one whenever the script goes on.
    os.environ["OPENAI_API_BASE"] = f"{server.url}/v1"
    asking = f"{{strategy: principle, params: {{framework: ratio, model: openai/test, concurrency: {AT_ONCE}}}}}"
    file = folder / "small.yaml"
    if not file.exists():
        write_benchmark(folder, f"  length:\n  tfidf:\n  ratio: {asking}\n")
        for name in ("east", "west"):
            write_corpus(folder, name, count=count)
    words = ["benchmark", "run", str(file), "--jobs", "1"]
    server.configure(latency=LATENCY)
    kill("benchmark", [*words, "--run", str(folder / "killed.sqlite")], kills, seed, server, progress)
    server.reset()
    server.configure(latency=0.0)
    finished(folder, *words, "--run", str(folder / "killed.sqlite"), store="store.sqlite")
    progress.of("benchmark")["answered"] += server.stats().answered
    finished(folder, *words, "--run", str(folder / "undisturbed.sqlite"), store="other.sqlite")
    same = run_tables(folder / "killed.sqlite") == run_tables(folder / "undisturbed.sqlite")
    return result("benchmark", 2 * count, progress, same)


def port_of(folder: Path) -> int:
    """The server's port, which is part of what a job was asked to do: the same whenever the script goes on."""
    kept = folder / "port"
    if not kept.exists():
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            kept.write_text(str(free.getsockname()[1]))
    return int(kept.read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000, help="in all, shared by the two jobs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where the jobs' files lie, to go on with them later")
    parser.add_argument("--output", type=Path, help="where the table is written as JSON")
    given = parser.parse_args()
    folder = (given.folder or Path(tempfile.mkdtemp(prefix="kills-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ |= {"OPENAI_API_KEY": "none", "ARGQUAL_STORE": str(folder / "store.sqlite")}
    progress, each = Progress(folder / "progress.json"), given.kills // 2
    with ChatServerProcess(port=port_of(folder), latency=LATENCY) as server:
        found = {
            "table": of_table(folder, each, given.seed, server, progress),
            "benchmark": of_benchmark(folder, each, given.seed, server, progress),
        }
    for part, facts in found.items():
        print(f"{part}: " + ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items()))
    if given.output:
        content = {
            "command": "python benchmarks/robustness/kills.py " + " ".join(sys.argv[1:]),
            "date": datetime.now(UTC).date().isoformat(),
            "seed": given.seed,
            "versions": {"python": platform.python_version(), "argqual": version("argqual")},
            **found,
        }
        given.output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    if not all(facts["held"] for facts in found.values()):
        sys.exit("Something was lost, or paid for twice.")


if __name__ == "__main__":
    main()
