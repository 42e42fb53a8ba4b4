"""A run whose predictions were made up by formula, written through the store as a real one is.

Four known domains; an oracle, one that counts words, one that memorises topics, one that guesses.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from argqual.benchmark.running.scored import ArgumentRow, Placement
from argqual.benchmark.running.store import Done, Run
from argqual.benchmark.spec.config import Benchmark
from smallbenchmark import parse_benchmark

DOMAINS = {"dagstuhl": (90, 15, True), "webis": (100, 20, False), "ibm_argq_rank_30k": (120, 30, True)}
SKILL = {"oracle": (0.95, 0.95), "length": (0.0, 0.0), "memoriser": (0.8, 0.0), "guess": (0.0, 0.0)}

YAML = """\
schema: argqual/benchmark@1
id: planted
title: Which strategy carries over?
target: overall
corpora: {dagstuhl: {}, webis: {}, ibm_argq_rank_30k: {}}
splits: [in_domain, leave_one_domain_out]
strategies:
  oracle: {strategy: principle, params: {framework: ratio}}
  length: {}
  memoriser: {strategy: tfidf}
  guess: {strategy: surface, seeds: 2}
baselines: [length]
metrics: [spearman_beyond_length, spearman, mae]
draws: 400
claims:
  oracle-beats-memory:
    says: The oracle carries over better than memory.
    contrast: oracle - memoriser
    metric: spearman_beyond_length
    smallest: 0.1
  memory-loses-more:
    says: Memory loses more on the way.
    contrast: memoriser - oracle
    metric: spearman_beyond_length
    kind: gap
    smallest: 0.1
  guessing-is-better-than-the-oracle:
    says: Guessing carries over better than the oracle.
    contrast: guess - oracle
    metric: spearman_beyond_length
    smallest: 0.1
"""


def benchmark() -> Benchmark:
    return parse_benchmark(YAML)


def rows(seed: int = 6) -> list[ArgumentRow]:
    rng = np.random.default_rng(seed)
    made = []
    for corpus, (number, topics, bounded) in DOMAINS.items():
        for place in range(number):
            label = rng.normal()
            made.append(
                ArgumentRow(
                    corpus=corpus,
                    id=f"{corpus}-{place}",
                    topic=f"{corpus} topic {place % topics}",
                    unit=corpus,
                    type=None,
                    stance=("pro", "con")[place % 2],
                    label=float(1 / (1 + np.exp(-label))) if bounded else float(label),
                    words=float(np.round(60 * np.exp(0.4 * rng.normal() + 0.2 * label))),
                    tested=True,
                )
            )
    return made


def predict(name: str, own: Sequence[ArgumentRow], share: float, rng: np.random.Generator) -> list[float]:
    if name == "length":
        return [row.words for row in own]
    labels = np.array([row.label for row in own])
    standard = (labels - labels.mean()) / labels.std()
    found = share * standard + np.sqrt(1 - share**2) * rng.normal(size=len(own))
    return [float(value) for value in 1 / (1 + np.exp(-found))]


def write(path: Path, *, leave_out: str | None = None) -> Run:
    """The run file; the cells of one strategy may be left out."""
    said, run = benchmark(), Run(path, create=True)
    known = rows()
    parts: list[Placement] = []
    for system in said.systems():
        for corpus in DOMAINS:
            test = tuple((row.corpus, row.id) for row in known if row.corpus == corpus)
            others = tuple(each for each in DOMAINS if each != corpus)
            for seed in range(system.seeds):
                for fold in range(2):
                    half = tuple(each for place, each in enumerate(test) if place % 30 // 15 == fold)
                    parts.append(_part(system.title, system.strategy, "in_domain", corpus, (corpus,), half, seed, fold))
                parts.append(
                    _part(system.title, system.strategy, "leave_one_domain_out", corpus, others, test, seed, 0)
                )
    domains = [
        {
            "id": corpus, "title": corpus.title(), "genre": "text", "construct": "quality", "bounded": bounded,
            "levels": None, "fingerprint": "0123456789ab", "licence": "CC-BY-4.0", "citations": [],
        }
        for corpus, (_, _, bounded) in DOMAINS.items()
    ]  # fmt: skip
    facts = {
        "benchmark": {}, "fingerprint": said.fingerprint, "taken_up": "2026-11-20T09:00:00+00:00",
        "versions": {"argqual": "0.1.0", "numpy": "2.2.0"}, "domains": domains,
        "refused": [{"split": "leave_one_type_out", "name": "leave_one_type_out", "reason": "no types"}],
    }  # fmt: skip
    claims = {name: claim.model_dump(mode="json") for name, claim in said.claims.items()}
    run.begin(facts, claims, known, parts)
    by_key = {(row.corpus, row.id): row for row in known}
    for part in parts:
        if part.strategy == leave_out:
            continue
        rng = np.random.default_rng([part.seed, len(part.cell), sum(map(ord, part.cell))])
        share = SKILL[part.strategy][part.split != "in_domain"]
        values = predict(part.strategy, [by_key[key] for key in part.test], share, rng)
        learns = part.strategy in ("memoriser", "guess")
        ratings = tuple({"clarity": value, "order": None} for value in values) if part.strategy == "oracle" else ()
        run.keep(
            part.cell,
            part.test,
            Done(
                "done",
                values=tuple(values),
                statuses=("ok",) * len(values),
                reasons=(None,) * len(values),
                ratings=ratings,
                on_scale=part.strategy != "length",
                seconds=1.0,
                seen={"labels": 100 if learns else 0, "seconds": 2.0},
                usage={"requests": 0 if learns else len(values), "seconds": 0.5 * len(values)},
            ),
        )
    return run


def _part(
    strategy: str, kind: str, split: str, corpus: str, sources: tuple[str, ...], test: tuple[tuple[str, str], ...],
    seed: int, fold: int,
) -> Placement:  # fmt: skip
    """An oracle and a counter learn nothing, so that their in-domain cells are their out-of-domain ones' halves."""
    return Placement(
        strategy=strategy,
        kind=kind,
        model=None,
        fold=f"{split}/{corpus}/{fold}",
        seed=seed,
        cell=f"{strategy}/{split}/{corpus}/{seed}/{fold}",
        split=split,
        rung="topic" if split == "in_domain" else "genre",
        trained_on=sources,
        tested_on=corpus,
        budget=None,
        removed=0,
        oracle=False,
        test=test,
    )
