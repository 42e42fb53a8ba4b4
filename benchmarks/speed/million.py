"""A large Parquet file through `argqual score`: time, and memory from beginning to end.

The command runs as a user runs it, against a server (tests/chatserver.py) that answers at
once; its resident memory is read twice a second. With `--distinct` fewer texts than rows,
most rows are equal to another one, so that reading, keeping order and writing are what is
measured, and not the server.

    python benchmarks/speed/million.py --rows 20000 --output benchmarks/results/rows-20000.json
    python benchmarks/speed/million.py --rows 1000000 --distinct 1000 --output …
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from argqual.models.llama import available_cores

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from chatserver import ChatServerProcess

WORDS = [
    "trams",
    "are",
    "quiet",
    "and",
    "clean",
    "so",
    "a",
    "street",
    "with",
    "children",
    "needs",
    "fewer",
    "bus",
    "stops",
    "and",
    "less",
    "noise",
]


def make_table(path: Path, rows: int, distinct: int) -> None:
    """Texts of about 60 words, a topic, and columns of several types to carry along."""
    draws = random.Random(0)
    with pq.ParquetWriter(path, schema()) as writer:
        for start in range(0, rows, 10_000):
            numbers = range(start, min(start + 10_000, rows))
            texts = [f"{number % distinct} " + " ".join(draws.choices(WORDS, k=60)) for number in numbers]
            if distinct < rows:
                texts = [f"{number % distinct} " + " ".join(WORDS * 4) for number in numbers]
            columns = [
                pa.array(numbers, pa.int64()),
                pa.array(texts, pa.string()),
                pa.array(["Should we have trams?"] * len(numbers), pa.string()).dictionary_encode(),
                pa.array([number * 1_000_000 for number in numbers], pa.timestamp("us")),
                pa.array([[number, number + 1] for number in numbers], pa.list_(pa.int32())),
            ]
            writer.write_batch(pa.record_batch(columns, schema=schema()))


def schema() -> pa.Schema:
    types = [pa.int64(), pa.string(), pa.dictionary(pa.int32(), pa.string()), pa.timestamp("us"), pa.list_(pa.int32())]
    return pa.schema(list(zip(["number", "text", "topic", "written", "votes"], types, strict=True)))


def resident_mib(process: int) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--distinct", type=int, help="distinct texts; all by default")
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ChatServerProcess(latency=0.0) as server:
        folder = Path(name)
        make_table(folder / "big.parquet", options.rows, options.distinct or options.rows)
        environment = os.environ | {"ARGQUAL_STORE": str(folder / "store.sqlite"), "OPENAI_API_KEY": "none"}
        words = ["score", str(folder / "big.parquet"), "--output", str(folder / "scored.parquet")]
        words += ["--model", "openai/test", "--api-base", f"{server.url}/v1", "--concurrency", str(options.concurrency)]
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "argqual", *words], env=environment)
        curve: list[tuple[float, float]] = []
        while process.poll() is None:
            curve.append((round(time.perf_counter() - began, 1), round(resident_mib(process.pid))))
            time.sleep(0.5)
        seconds = time.perf_counter() - began
        assert process.returncode == 0
        scored = pq.ParquetFile(folder / "scored.parquet")
        assert scored.metadata.num_rows == options.rows
        sizes = {each.name: each.stat().st_size for each in folder.iterdir() if each.is_file()}
        asked = server.stats().answered
    curve = [point for point in curve if point[1] > 0]
    report = {
        "command": "python benchmarks/speed/million.py " + " ".join(sys.argv[1:]),
        "date": datetime.now(UTC).date().isoformat(),
        "rows": options.rows,
        "asked": asked,
        "seconds": round(seconds, 1),
        "rows_per_second": round(options.rows / seconds, 1),
        "resident_mib_peak": max(size for _, size in curve),
        "resident_mib_by_second": curve[:: max(1, len(curve) // 20)],
        "bytes": sizes,
        "cores": available_cores(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("argqual", "dspy", "pyarrow")},
    }
    text = json.dumps(report)
    print(text)
    if options.output:
        options.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
