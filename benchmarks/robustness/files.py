"""Hostile files: sound ones of every kind that is read, with bytes changed, cut out, doubled and put in at random.

python benchmarks/robustness/files.py [COUNT]        # writes results/robustness-files.json

An input ends well when it is read, every row with its cells or its problem, or refused by an `ArgqualError`. Each tenth
table is also written as CSV, JSONL and Parquet, and read again: rows in are rows out.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from argqual.errors import ArgqualError
from argqual.tabular.documents import read_text
from argqual.tabular.output import TableOutput
from argqual.tabular.sources import is_table, open_source

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
import officefiles

RESULTS = Path(__file__).parents[1] / "results" / "robustness-files.json"
SEED, SLOW = 20261130, 10.0
TOKENS = (
    b'"', b'""', b",", b";", b"\t", b"\n", b"\r", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"{", b"}", b"[", b"]", b"\\",
    b"\\ud800", b"sep=;\n", b"<", b"&", b"PK\3\4", b"9" * 30,
)  # fmt: skip


def sound(folder: Path) -> dict[str, bytes]:
    """A small file of each kind, by name."""
    csv = b'id,text,n\r\n1,"Cars, ""bad""",2\r\n2,"Two\nlines",3\n3,plain,"4"\n'
    table = pa.table({"text": ["a", "b"], "n": [1, None], "m": [[{"a": 1}], None]})
    sink, packed, archive = io.BytesIO(), pa.BufferOutputStream(), io.BytesIO()
    pq.write_table(table, sink)
    with pa.CompressedOutputStream(packed, "zstd") as file:
        file.write(csv)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("a.csv", csv)
    cell = officefiles.cell
    sheet = [
        cell("A1", "text") + cell("B1", "n"),
        cell("A2", "x") + cell("B2", 5, formula="1+4"),
        cell("A3", "y") + cell("B3", "#N/A", kind="e"),
    ]
    written = {
        "a.xlsx": officefiles.xlsx(folder / "s", {"One": sheet, "Two": []}, merged=["A2:A3"]).read_bytes(),
        "a.ods": officefiles.ods(folder / "s", [["text", "n"], ["a", 1]], spans=True).read_bytes(),
        "a.docx": officefiles.docx(folder / "s", "<w:p><w:r><w:t>x</w:t></w:r></w:p>", "<w:p/>").read_bytes(),
        "a.odt": officefiles.odt(folder / "s", "<text:p>x<text:s text:c='2'/></text:p>").read_bytes(),
        "a.pdf": officefiles.pdf(folder / "s", "Cars", "Buses").read_bytes(),
    }
    return written | {
        "a.csv": csv,
        "a.tsv": 'id\ttext\n1\t"Bikes" are\n2\t"Trains\n3\tÄ x"\n'.encode(),
        "a.json": b'[{"text":"a","n":[1,{"x":null}]},\n {"text":"b","t":1e5}]',
        "a.jsonl": b'{"text":"a"}\n{"text":"b","n":{"x":[1]}}\n',
        "a.parquet": sink.getvalue(),
        "a.rtf": rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 A;}}\f0 Caf\'e9s \u8212?x\par}",
        "a.html": b'<html><head><meta charset="utf-8"></head><body><p>a<br>b</body>',
        "a.txt": "Cars are bäd.\n".encode(),
        "a.csv.gz": gzip.compress(csv),
        "a.csv.bz2": bz2.compress(csv),
        "a.csv.xz": lzma.compress(csv),
        "a.csv.zst": packed.getvalue().to_pybytes(),
        "a.csv.zip": archive.getvalue(),
    }


def changed(raw: bytes, chance: random.Random) -> bytes:
    found = bytearray(raw)
    for _ in range(chance.randint(1, 6)):
        kind, place = chance.random(), chance.randrange(len(found) + 1)
        if kind < 0.35:
            found[place:place] = chance.choice(TOKENS)
        elif kind < 0.55:
            del found[place : place + chance.randint(1, 20)]
        elif kind < 0.8 and found:
            found[min(place, len(found) - 1)] = chance.randrange(256)
        elif kind < 0.9:
            del found[place:]
        else:
            found[place:place] = found[max(0, place - 30) : place]
    return bytes(found)


def read(path: Path, rule: str | None, *, again: bool) -> None:
    """Read a file as argqual does; an AssertionError where a row is lost."""
    if not is_table(str(path)):
        read_text(path)
        return
    source = open_source(str(path), quoting=rule)
    source.notes(), source.later()
    rows = list(source.rows())
    assert source.count() == len(rows), "rows counted are not rows read"
    for ending in ("csv", "jsonl", "parquet") if again and rows else ():
        written = path.with_name(f"out.{ending}")
        output = TableOutput(written, results={"r_": float}, source_schema=source.schema, job={}, overwrite=True)
        for row in rows:
            output.append(row.cells, {"r_": 1.0})
        output.finish()
        back = open_source(str(written), delimiter="," if ending == "csv" else None, quoting="minimal")
        assert sum(1 for _ in back.rows()) == len(rows), f"rows lost in {ending}"


def main(count: int) -> None:
    chance = random.Random(SEED)
    ended: dict[str, Counter[str]] = {}
    exceptions: Counter[str] = Counter()
    slowest = 0.0
    with tempfile.TemporaryDirectory() as place:
        kinds = sound(Path(place))
        for number in range(count):
            name = chance.choice(list(kinds))
            path = Path(place) / name
            path.write_bytes(changed(kinds[name], chance))
            began = time.perf_counter()
            try:
                read(path, chance.choice([None, "minimal", "none"]), again=number % 10 == 0)
                how = "read"
            except ArgqualError:
                how = "refused"
            except Exception as error:
                how = "exception"
                where = traceback.extract_tb(error.__traceback__)[-1]
                exceptions[f"{name}: {type(error).__name__} in {Path(where.filename).name}: {error}"] += 1
            slowest = max(slowest, time.perf_counter() - began)
            ended.setdefault(name, Counter())[how] += 1
    total: Counter[str] = sum(ended.values(), Counter())
    content = {
        "command": f"python benchmarks/robustness/files.py {count}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: version(name) for name in ("argqual", "pyarrow", "python-calamine", "pypdf", "striprtf")},
        "seed": SEED,
        "inputs": count,
        "ended": dict(total),
        "exceptions": dict(exceptions),
        "slowest_seconds": round(slowest, 2),
        "above_ten_seconds": slowest > SLOW,
        "kinds": {name: dict(ended[name]) for name in sorted(ended)},
    }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    for name, kind in sorted(ended.items()):
        print(f"{name:12} {kind['read']:6} read {kind['refused']:6} refused {kind['exception']:4} exceptions")
    print(f"{count} inputs, {sum(exceptions.values())} exceptions, the slowest took {slowest:.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
