"""A small benchmark on made-up letters, as files: two corpora on eight topics each."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

from argqual.benchmark.spec.config import Benchmark, load_benchmark
from cardfile import CARD

WORDS = [f"word{number}" for number in range(200)]
GOOD = ("because", "although", "therefore", "measured")
_TABLES = (
    "SELECT cell, corpus, id, value, reason, ratings FROM prediction ORDER BY cell, corpus, id",
    "SELECT key, status, reason FROM cell ORDER BY key",
    "SELECT strategy, fold, seed, cell FROM part ORDER BY number",
)
REST = """\
reader: table
table: {id: [id], issue: issue}
labels:
  quality: {title: Quality, lowest: 1, highest: 5, kind: ordinal}
targets:
  overall: quality
"""


def write_corpus(folder: Path, name: str, *, count: int = 40) -> Path:
    """A corpus in which good arguments have certain words, whatever their length."""
    drawn = random.Random(name)
    lines = ["id,issue,text,quality"]
    for number in range(count):
        label = 1 + number % 5
        words = drawn.choices(WORDS, k=drawn.randint(10, 40)) + drawn.choices(GOOD, k=2 * (label - 1))
        drawn.shuffle(words)
        lines.append(f"{name}{number},{name} topic {number * 7 % 8}?,{' '.join(words)},{label}")
    (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    card = folder / f"{name}.yaml"
    card.write_text(
        CARD.replace("id: letters", f"id: {name}") + f"files: [{{path: {name}.csv}}]\n" + REST, encoding="utf-8"
    )
    return card


def parse_benchmark(text: str, *, name: str = "text.yaml") -> Benchmark:
    """A benchmark given as YAML text, by way of a file."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text(text, encoding="utf-8")
        return load_benchmark(path)


def write_benchmark(
    folder: Path, strategies: str = "  length:\n  tfidf:\n", *, count: int = 40, folds: int = 4, **more: str
) -> Path:
    """A benchmark over two such corpora of so many; `length` is in every one."""
    if "length" not in strategies:
        strategies = f"  length:\n{strategies}"
    cards = [write_corpus(folder, name, count=count) for name in ("east", "west")]
    corpora = "".join(f"  {card}:\n" for card in cards)
    rest = "".join(f"{key}: {value}\n" for key, value in more.items())
    path = folder / "small.yaml"
    path.write_text(
        f"schema: argqual/benchmark@1\nid: small\ntitle: A small one\nfolds: {folds}\ndraws: 200\n{rest}"
        f"metrics: [spearman, spearman_beyond_length, mae]\ncorpora:\n{corpora}strategies:\n{strategies}",
        encoding="utf-8",
    )
    return path


def run_tables(path: Path) -> list[list[tuple[object, ...]]]:
    """What a run found, without when it was and how long it took."""
    connection = sqlite3.connect(path)
    try:
        return [connection.execute(query).fetchall() for query in _TABLES]
    finally:
        connection.close()
