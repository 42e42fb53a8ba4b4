"""How near scoring comes to what a server allows: 200 ms an answer, 32 and 128 requests under way.

`batch` is `argqual score TABLE` without the table: judge, limiter, store, order. `ideal` is
requests under way divided by latency. `threads` and `async` send the same request by
DSPy's two engines alone, to see which bears more. The server (tests/chatserver.py) is a
process of its own on the same machine.

    python benchmarks/speed/throughput.py --output benchmarks/results/throughput.json
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import platform
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from dspy.clients.engines.lm15_engine import AsyncLM15Engine, LM15Engine
from dspy.lm15 import RouterConfig

from argqual.argument import Argument
from argqual.judging.batch import Batch
from argqual.judging.judge import Judge
from argqual.judging.store import Store
from argqual.models.connect import connect
from argqual.models.llama import available_cores
from chatserver import ChatServerProcess

LATENCY = 0.2
TEXT = "We should have trams in town, because they are quiet and clean, and children may cross the road. " * 3


def judge_at(url: str) -> Judge:
    return Judge("ratio", model=connect("openai/test", api_base=f"{url}/v1", api_key="none"), readout="expect")


def figures(count: int, under_way: int, wall: float, cpu: float) -> dict[str, Any]:
    ideal = under_way / LATENCY
    return {
        "under_way": under_way,
        "arguments": count,
        "seconds": round(wall, 2),
        "per_second": round(count / wall, 1),
        "share_of_ideal": round(count / wall / ideal, 3),
        "cpu_ms_each": round(1000 * cpu / count, 2),
    }


def batch(url: str, under_way: int, count: int) -> dict[str, Any]:
    """A whole run, its slow start included; then the first thousand again, from the store."""
    judge = judge_at(url)
    arguments = [Argument(f"{TEXT} {under_way} {number}") for number in range(count)]
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "store.sqlite") as store:
        run = Batch(judge, store=store, concurrency=under_way)
        wall, cpu = time.perf_counter(), time.process_time()
        done = sum(answer.status == "ok" for _, answer in run.run(arguments, lambda argument: argument))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        assert done == count
        again = Batch(judge, store=store, concurrency=under_way)
        stored = time.perf_counter()
        assert sum(1 for _ in again.run(arguments[:1000], lambda argument: argument)) == again.tally.kept == 1000
        stored = time.perf_counter() - stored
    return figures(count, under_way, wall, cpu) | {"thousand_stored_seconds": round(stored, 3)}


def captured(judge: Judge) -> Any:
    """A request, as the judge sends it."""
    requests: list[Any] = []
    assert judge.model.engine is not None
    ask = judge.model.engine.ask
    judge.model.engine.ask = lambda request: requests.append(request) or ask(request)
    judge.assess(TEXT)
    return requests[0]


def router(url: str, under_way: int) -> RouterConfig:
    return RouterConfig(
        api_keys={"openai-chat": "none"}, base_urls={"openai-chat": f"{url}/v1"}, max_connections=under_way
    )


def by_threads(url: str, under_way: int, count: int) -> dict[str, Any]:
    engine, request = LM15Engine(router(url, under_way)), captured(judge_at(url))
    with ThreadPoolExecutor(under_way) as executor:
        list(executor.map(engine.complete, [request] * under_way))
        wall, cpu = time.perf_counter(), time.process_time()
        list(executor.map(engine.complete, [request] * count))
    return figures(count, under_way, time.perf_counter() - wall, time.process_time() - cpu)


def by_async(url: str, under_way: int, count: int) -> dict[str, Any]:
    request = captured(judge_at(url))

    async def run() -> dict[str, Any]:
        engine = AsyncLM15Engine(router(url, under_way))
        await asyncio.gather(*(engine.complete(request) for _ in range(under_way)))
        left = iter(range(count))

        async def work() -> None:
            for _ in left:
                await engine.complete(request)

        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work() for _ in range(under_way)))
        return figures(count, under_way, time.perf_counter() - wall, time.process_time() - cpu)

    return asyncio.run(run())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--under-way", nargs="+", type=int, default=[32, 128])
    parser.add_argument("--seconds", type=float, default=40.0, help="how long an ideal run would take")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    gc.freeze()
    gc.set_threshold(50_000)  # as `argqual score TABLE` does
    results: dict[str, list[dict[str, Any]]] = {"batch": [], "threads": [], "async": []}
    with ChatServerProcess(latency=LATENCY) as server:
        for under_way in options.under_way:
            count = int(under_way / LATENCY * options.seconds)
            for name, measure, part in (("batch", batch, 1), ("threads", by_threads, 4), ("async", by_async, 4)):
                results[name].append(measure(server.url, under_way, count // part))
                print(name, results[name][-1], file=sys.stderr, flush=True)
    report = {
        "command": "python benchmarks/speed/throughput.py " + " ".join(sys.argv[1:]),
        "date": datetime.now(UTC).date().isoformat(),
        "latency_seconds": LATENCY,
        "cores": available_cores(),
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("argqual", "dspy")},
        "results": results,
    }
    text = json.dumps(report, indent=2)
    print(text)
    if options.output:
        options.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
