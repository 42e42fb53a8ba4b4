"""Ten thousand hostile inputs: nothing may end in a Python exception or hang, and no row may be lost.

Each input is a valid one that was damaged (bytes flipped, cut, doubled, moved; quotes, delimiters, encodings and odd
characters put in), from a seed and its own number, so that any can be made again. What is wrong with it must be said
as an `ArgqualError`, or as the problem of a row. Answers and HTTP bodies come from a real server on loopback. A process
of its own works through each kind, so that a crash or a hang is one input's and not the run's.

    python benchmarks/robustness/fuzz.py --inputs 10000 --output benchmarks/results/robustness.json
    python benchmarks/robustness/fuzz.py --only csv --seed 3 --number 17    # one input again, with its traceback
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import random
import re
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from argqual.errors import ArgqualError

HANG_SECONDS = 10.0
MARK = re.compile(r"mrk\d{4}x")
SWALLOWED = re.compile(r"[\r\n]\d+[,\t]\"?mrk\d{4}x")  # a row within a cell of another one
Attempt = Callable[[random.Random, Path], int]  # the rows that were lost

# ---- damage

_TOKENS = [
    '"', '""', "'", "\\", "\0", "\r", "\n", "\r\n", "\t", ",", ";", "|", ":", "- ", "#", "&a ", "*a", "<<: ",
    "!!int ", "{", "}", "[", "]", "[[[[", "---\n", "```\n", "~~~", "%", "@", "`", "? ", "yes", "010", "1:30", ".inf",
    ".nan", "1e308", "-1e999", "1" * 400, "null", "true", "NaN", "2024-01-31", "\u00a0", "\u2028", "\ufeff",
    "\u200b", "\u202e", "\U0001f600", "a\u0301", "<|im_end|>", "</argument>", "[[ ## x ## ]]", "\x1b[2J", "=1+1",
    "\\u0000", "\\ud800", "\\x", "é", "論", "sep=;\n", "\x1c",
]  # fmt: skip
_ENCODINGS = ["utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "utf-7", "utf-8-sig", "shift_jis"]


def damaged(rng: random.Random, content: bytes, *, text: bool = True) -> bytes:
    """A copy with one to four things wrong."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        length = min(rng.choice([1, 1, 2, 8, 40, 400]), len(data) - at)
        match rng.randrange(8):
            case 0:
                for _ in range(rng.randint(1, 8)):
                    if data:
                        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[at : at + length] * rng.choice([1, 2, 200])
            case 3 if rng.random() < 0.3:
                del data[at:]
            case 4:
                piece = bytes(data[at : at + length])
                del data[at : at + length]
                there = rng.randrange(len(data) + 1)
                data[there:there] = piece
            case 5:
                data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 6)))
            case 6 if text and rng.random() < 0.1:
                data = bytearray(bytes(data).decode("utf-8", "replace").encode(rng.choice(_ENCODINGS), "replace"))
            case _:
                data[at:at] = rng.choice(_TOKENS).encode("utf-8", "replace") if text else b"\0"
    return bytes(data)


# ---- YAML

ROOT = Path(__file__).parents[2]


def yaml_file(rng: random.Random, folder: Path, seeds: list[Path]) -> Path:
    path = folder / "fuzzed.yaml"
    path.write_bytes(damaged(rng, rng.choice(seeds).read_bytes()))
    return path


def framework(rng: random.Random, folder: Path) -> int:
    from argqual.assessment import aggregate, rate
    from argqual.frameworks.catalogue import read_framework
    from argqual.judging.program import RatingProgram

    read = read_framework(yaml_file(rng, folder, sorted((ROOT / "frameworks").glob("*.yaml"))))
    rated = {}
    for each in read.asked:
        scale = read.scale_of(each)
        shares = [rng.random() + 1e-9 for _ in scale.levels]
        rated[each.id] = rate(each, scale, shares, source="logprobs")
    overall = aggregate(read, rated)[1]
    assert overall.value is not None or overall.reason, "no value and no reason"
    assert overall.unit is None or -1e-9 <= overall.unit <= 1 + 1e-9, f"a unit of {overall.unit}"
    if rng.random() < 0.05:
        RatingProgram(read)
    return 0


def card(rng: random.Random, folder: Path) -> int:
    from argqual.corpora.cards import parse_card

    path = yaml_file(rng, folder, sorted((ROOT / "datasets").glob("*.yaml")))
    parse_card(path, name=str(path))
    return 0


def benchmark(rng: random.Random, folder: Path) -> int:
    from argqual.benchmark.spec.config import load_benchmark
    from smallbenchmark import write_benchmark

    if not (folder / "small.yaml").exists():
        write_benchmark(folder)
    seeds = [folder / "small.yaml", *sorted((ROOT / "benchmarks" / "claims").glob("*.yaml"))]
    load_benchmark(yaml_file(rng, folder, seeds))
    return 0


# ---- tables


def rows_of(rng: random.Random) -> list[dict[str, str]]:
    def cell() -> str:
        words = ["plain words", 'a "quoted" word', "two\nlines", "a, b; c", "é論\U0001f600", " ", "x" * 300, "=1+1"]
        return rng.choice(words)

    return [
        {"id": str(number), "text": f"mrk{number:04}x {cell()}", "note": cell()} for number in range(rng.randint(1, 60))
    ]


def through(rng: random.Random, path: Path, folder: Path) -> int:
    """Read a table, write every row with a result, and read that again; the rows that went missing on the way."""
    from argqual.errors import InputError
    from argqual.tabular.columns import choose_columns, to_argument
    from argqual.tabular.output import TableOutput, iter_scored
    from argqual.tabular.sources import open_source

    source = open_source(str(path))
    columns = choose_columns(source.columns)
    types: dict[str, type] = {"fuzz_status": str, "fuzz_number": int}
    ending = rng.choice([".csv", ".tsv", ".jsonl", ".parquet"])
    output = TableOutput(
        folder / f"out{ending}", results=types, source_schema=source.schema, job={}, overwrite=True, part_rows=17
    )
    read = joined = 0
    try:
        for row in source.rows():
            try:
                to_argument(row, columns)
                status = "ok"
            except InputError as error:
                status = "skipped" if error.message else "nothing"
            if status == "ok":
                joined += max((len(SWALLOWED.findall(str(cell))) for cell in row.cells.values()), default=0)
            output.append(row.cells, {"fuzz_status": status, "fuzz_number": read})
            read += 1
            assert status != "nothing", "refused without a reason"
        assert source.count() in (None, read), f"{source.count()} were counted, {read} read"
        output.finish()
    except BaseException:
        output.discard()
        raise
    written = [scored["fuzz_number"] for _, scored in iter_scored(output.path, types)[1]]
    assert written == list(range(read)), f"{read} rows in, {len(written)} out"
    return joined


def delimited(delimiter: str, ending: str) -> Attempt:
    def attempt(rng: random.Random, folder: Path) -> int:
        import csv

        path = folder / f"in{ending}"
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = rows_of(rng)
            writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
            writer.writeheader()
            writer.writerows(rows)
        content = path.read_bytes()
        path.write_bytes(damaged(rng, content))
        doubled = len(MARK.findall(content.decode())) < len(MARK.findall(path.read_bytes().decode("utf-8", "replace")))
        joined = through(rng, path, folder)
        return 0 if doubled else joined  # a piece that was doubled may well hold several marks in one cell

    return attempt


def jsonl(rng: random.Random, folder: Path) -> int:
    path = folder / "in.jsonl"
    lines = (json.dumps(row, ensure_ascii=rng.random() < 0.5) for row in rows_of(rng))
    path.write_bytes(damaged(rng, "".join(f"{line}\n" for line in lines).encode()))
    through(rng, path, folder)
    return 0  # two lines that became one are no JSON, or one object with a long text


def parquet(rng: random.Random, folder: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path, rows = folder / "in.parquet", rows_of(rng)
    whole = rng.random() < 0.5  # a file that is whole, of cells that are odd
    if whole:
        odd = [*_TOKENS, None, b"\xff\0", 2**63 - 1, -0.0, float("nan"), float("inf"), [1, None], {"a": ["\0"]}, True]
        kinds = [rng.choice(odd) for _ in range(rng.randint(1, 4))]
        rows = [row | {f"c{place}": rng.choice([kind, None]) for place, kind in enumerate(kinds)} for row in rows]
    pq.write_table(pa.Table.from_pylist(rows), path, compression=rng.choice(["none", "zstd", "snappy"]))
    if not whole:
        path.write_bytes(damaged(rng, path.read_bytes(), text=False))
    through(rng, path, folder)
    return 0


# ---- texts


def text(rng: random.Random, folder: Path) -> int:
    from argqual.argument import Argument, decode_argument, fence
    from argqual.assessment import locate_quote
    from argqual.report.plain import as_markdown, clean, paragraph

    seed = "Trams are quiet, because they run on rails. <b>So</b> we should have them.\n\n" * rng.randint(1, 9)
    found = decode_argument(damaged(rng, seed.encode()), name="fuzzed")
    shown = fence(Argument(found, issue=found[:80]).inputs()["argument"])
    assert "</argument" not in shown and "<|" not in shown, "a text that closes its fence"
    start = rng.randrange(len(found) + 1)
    if quote := locate_quote(found[start : start + 30], found):
        assert found[quote.start : quote.end] == quote.text, "a quote that is not there"
    for written in (as_markdown(found), clean(found), paragraph(found)):
        assert "\x1b" not in written, "a text that speaks to the terminal"
    return 0


# ---- answers, over HTTP

_QUESTIONS = """\
schema: argqual/framework@1
id: two
version: "1"
title: Two
description: d
license: CC0-1.0
provenance: {status: own}
scale: {levels: [{value: 1, label: bad}, {value: 2, label: fair}, {value: 3, label: good}]}
criteria:
  - {id: clear, name: Clear, plain: p, question: Is it clear?}
  - {id: fair, name: Fair, plain: p, question: Is it fair?}
"""
_IN_A_BATCH = 15
_SAYINGS = [
    '{"clear":"2","fair":"3"}',
    "clear: 2\nfair: 3",
    '```json\n{"clear": 2, "fair": 3}\n```',
    "<think>Maybe 1?</think>\nClear: 2 (fair)\nFair: 3",
    '{"notes": "well", "clear": "2", "fair": 3.0}',
]


class HostileServer:
    """Answers each text with a damaged answer, which hangs on the number in it; each second text with a good one."""

    def __init__(self, kind: str, seed: int) -> None:
        from oddities import ODDITIES, PLAIN, answer

        bodies = [odd.body for odd in ODDITIES.values() if odd.status == 200]

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                found = re.search(rb"hostile number (\d+)\D", asked)
                status, short = 200, 0
                body = json.dumps(answer(PLAIN)).encode()
                if found:
                    rng = random.Random(f"{seed} {kind} {int(found[1])}")
                    if kind == "answer":
                        said = damaged(rng, rng.choice(_SAYINGS).encode()).decode("utf-8", "surrogateescape")
                        body = json.dumps(answer(said, finish=rng.choice(["stop", "length", None]))).encode()
                    else:
                        body = damaged(rng, rng.choice([body, *bodies]))
                        status = rng.choice([200] * 9 + [400, 422, 204, 302])
                        short = rng.choice([0] * 9 + [1, -1, 1000])
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(max(0, len(body) + short)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


def served(kind: str, seed: int, first: int, last: int, tell: Callable[[Any], None]) -> None:
    """Inputs `first` to before `last`, a few in each batch: twenty failures in a row would end one."""
    starts = range(first, last, _IN_A_BATCH)
    tell(("begin", first))
    with ThreadPoolExecutor(8) as pool:
        for told in pool.map(lambda start: batch(kind, seed, start, min(start + _IN_A_BATCH, last)), starts):
            for message in told:
                tell(("begin", message[1]))
                tell(message)


def batch(kind: str, seed: int, first: int, last: int) -> list[tuple[Any, ...]]:
    """What became of each input, asked about beside as many good ones, in a batch with a server of its own."""
    from argqual.argument import Argument
    from argqual.frameworks.catalogue import parse_framework
    from argqual.judging.batch import Batch
    from argqual.judging.judge import Judge
    from argqual.models.connect import connect

    server = HostileServer(kind, seed)
    model = connect("openai/test", api_base=f"{server.url}/v1", api_key="none")
    place = first // _IN_A_BATCH
    readout = ("label", "expect", "verbal", "votes:3")[place % 4]
    judge = Judge(parse_framework(_QUESTIONS), model=model, readout=readout, explain=place % 3 == 2)
    kinds = (True,) if readout == "verbal" else (True, False)  # the good answers are not in DSPy's form
    items = [(number, hostile) for number in range(first, last) for hostile in kinds]

    def argument(item: tuple[int, bool]) -> Argument:
        return Argument(f"Trams are quiet. This is {'hostile' if item[1] else 'good'} number {item[0]} of them.")

    outcomes: dict[int, tuple[Any, ...]] = {}
    problem, ended = "", False
    try:
        for (number, hostile), assessment in Batch(judge, concurrency=32).run(items, argument):
            assert assessment.overall.value is not None or assessment.overall.reason, "no value and no reason"
            assessment.model_dump_json()
            if hostile:
                outcomes[number] = ("read" if assessment.status == "ok" else "refused", "", 0)
    except ArgqualError:
        ended = True  # what was not asked is named by the error
    except Exception:
        problem = traceback.format_exc()
    finally:
        server.server.shutdown()
        server.server.server_close()
    for number in range(first, last):
        if number not in outcomes:
            outcomes[number] = ("exception", problem, 0) if problem else ("refused", "", int(not ended))
            problem, ended = "", ended or bool(problem)
    return [("done", number, *outcomes[number]) for number in range(first, last)]


# ---- the run

KINDS: dict[str, Attempt | None] = {
    "framework": framework,
    "card": card,
    "benchmark": benchmark,
    "csv": delimited(",", ".csv"),
    "tsv": delimited("\t", ".tsv"),
    "jsonl": jsonl,
    "parquet": parquet,
    "text": text,
    "answer": None,
    "http": None,
}


def outcome_of(kind: str, seed: int, number: int, folder: Path) -> tuple[str, str, int]:
    attempt = KINDS[kind]
    assert attempt
    try:
        return "read", "", attempt(random.Random(f"{seed} {kind} {number}"), folder)
    except ArgqualError as error:
        return ("refused", "", 0) if error.message.strip() else ("exception", "an error without a message", 0)
    except Exception:
        return "exception", traceback.format_exc(), 0


def work(kind: str, seed: int, first: int, last: int, pipe: Any) -> None:
    """In a process of its own: the inputs from `first` to before `last`."""
    os.environ["ARGQUAL_CACHE"] = tempfile.mkdtemp()
    if KINDS[kind] is None:
        served(kind, seed, first, last, pipe.send)
    else:
        with tempfile.TemporaryDirectory() as folder:
            for number in range(first, last):
                pipe.send(("begin", number))
                pipe.send(("done", number, *outcome_of(kind, seed, number, Path(folder))))
    pipe.send(("end",))


def outcomes(kind: str, seed: int, inputs: int) -> Iterator[tuple[int, str, str, int]]:
    """Number, outcome, traceback and lost rows of each input; a process that dies or hangs is begun anew after it."""
    context = multiprocessing.get_context("spawn")
    first = 0
    while first < inputs:
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(kind, seed, first, inputs, theirs), daemon=True)
        process.start()
        theirs.close()
        patience, current = 120.0, first  # what is imported first takes its time
        while True:
            try:
                if not ours.poll(patience):
                    process.kill()
                    yield current, "hang", f"nothing came back within {patience:.0f} s", 0
                    first = current + 1
                    break
                message = ours.recv()
            except (EOFError, OSError):
                process.join()
                yield current, "exception", f"the process ended with {process.exitcode}", 0
                first = current + 1
                break
            patience = HANG_SECONDS if KINDS[kind] else 3 * HANG_SECONDS  # answers are asked for again, after waits
            if message[0] == "begin":
                current = message[1]
            elif message[0] == "done":
                yield message[1:]
                current = first = message[1] + 1
            else:
                first = inputs
                break
        process.join(10)


def run(kind: str, seed: int, inputs: int) -> dict[str, Any]:
    began, counts, lost = time.perf_counter(), Counter[str](), 0
    found: list[dict[str, Any]] = []
    for number, outcome, trace, rows in outcomes(kind, seed, inputs):
        counts[outcome] += 1
        lost += rows
        if outcome in ("exception", "hang") or rows:
            last = trace.strip().splitlines()[-1] if trace else f"{rows} rows became one with another"
            found.append({"number": number, "what": outcome if trace else "rows lost", "said": last[:200]})
    return {
        "inputs": sum(counts.values()),
        "read": counts["read"],
        "refused": counts["refused"],
        "exceptions": counts["exception"],
        "hangs": counts["hang"],
        "rows_lost": lost,
        "seconds": round(time.perf_counter() - began, 1),
        "found": found[:50],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=10_000, help="in all, shared by the kinds")
    parser.add_argument("--only", choices=KINDS, action="append", help="only this kind; may be given several times")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--number", type=int, help="only this input, with its traceback")
    parser.add_argument("--output", type=Path, help="where the table is written as JSON")
    given = parser.parse_args()
    kinds = given.only or list(KINDS)
    if given.number is not None:
        with tempfile.TemporaryDirectory() as folder:
            print(*outcome_of(kinds[0], given.seed, given.number, Path(folder)))
        return
    each = -(-given.inputs // len(kinds))
    names = ("inputs", "read", "refused", "exceptions", "hangs", "rows_lost", "seconds")
    print(f"{'kind':10}" + "".join(f"{name:>11}" for name in names))
    found = {}
    for kind in kinds:
        found[kind] = run(kind, given.seed, each)
        print(f"{kind:10}" + "".join(f"{found[kind][name]:>11}" for name in names), flush=True)
        for problem in found[kind]["found"][:10]:
            print(f"  {problem['number']}: {problem['what']}: {problem['said']}")
    totals = {name: round(sum(part[name] for part in found.values()), 1) for name in names}
    print(f"{'all':10}" + "".join(f"{totals[name]:>11}" for name in names))
    if given.output:
        content = {
            "command": "python benchmarks/robustness/fuzz.py " + " ".join(sys.argv[1:]),
            "date": datetime.now(UTC).date().isoformat(),
            "seed": given.seed,
            "versions": {"python": platform.python_version(), "argqual": version("argqual")}
            | {name: version(name) for name in ("PyYAML", "pydantic", "pyarrow", "dspy")},
            "totals": totals,
            "kinds": found,
        }
        given.output.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
