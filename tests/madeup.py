"""Benchmarks and corpora of made-up words, in memory."""

from __future__ import annotations

import numpy as np
import yaml

from argqual.argument import Argument
from argqual.benchmark.spec.config import Benchmark
from argqual.benchmark.spec.vocabulary import Split
from argqual.corpora.cards import parse_card
from argqual.corpora.corpus import Corpus
from cardfile import CARD

WORDS = [f"word{number}" for number in range(400)]


def benchmark(*names: str, splits: tuple[str, ...] = tuple(Split), **settings: object) -> Benchmark:
    more = "\n".join(f"{key}: {value}" for key, value in settings.items())
    corpora = "\n".join(f"  {name}:" for name in names)
    text = f"schema: argqual/benchmark@1\nid: b\ntitle: B\nsplits: [{', '.join(splits)}]\nfolds: 3\n{more}\n"
    # Not through `load_benchmark`, which would look for these corpora's cards.
    return Benchmark.model_validate(yaml.safe_load(f"{text}corpora:\n{corpora}\nstrategies:\n  length:\n"))


def corpus(
    name: str, count: int, seed: int, *, topics: int = 8, copied: tuple[Argument, ...] = (), more: str = ""
) -> Corpus:
    """Made-up arguments; the last ones are copies of others'."""
    rng = np.random.default_rng(seed)
    card = parse_card(
        CARD.replace("id: letters", f"id: {name}")
        + more
        + "labels:\n  quality: {title: Quality, lowest: 1, highest: 5, kind: ordinal}\ntargets:\n  overall: quality\n"
    )
    arguments = [
        Argument(
            " ".join(rng.choice(WORDS, 12)),
            id=f"{name}{number}",
            issue=f"{name} topic {rng.integers(topics)}?",
            type=str(rng.choice(["sign", "cause"])),
            labels={"quality": float(rng.integers(1, 6))},
        )
        for number in range(count)
    ]
    arguments += [
        Argument(each.text.upper(), id=f"{name}-{each.id}", issue=f"{name} copy?", labels={"quality": 2.0})
        for each in copied
    ]
    return Corpus(card, tuple(arguments))
