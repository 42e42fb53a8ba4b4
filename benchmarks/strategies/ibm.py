"""How far training carries over to new topics: IBM Rank 30k, its official split, beside the published BERT-large.

Each strategy learns from the training topics and is tested on the 15 test topics (Gretz et al. 2020); intervals are of
a bootstrap over these topics. The release's development split is not part of the corpus here, so that an encoder is
stopped by training topics that it holds out. Gretz et al. trained BERT-large; the default encoder here has 22.7 million
parameters.

What is done is written after each strategy and seed, and not done again by a second run with the same settings.
With two cores and something else under way, OMP_NUM_THREADS=1 is faster than two threads that wait for one another.

    python benchmarks/strategies/ibm.py --output benchmarks/results/ibm-cross-topic.json
    python benchmarks/strategies/ibm.py --train 500 --test 500 --epochs 1 --seeds 1 --output /tmp/check.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import statistics
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from argqual.argument import Argument
from argqual.corpora.reading import read_corpus
from argqual.stats.correlation import spearman
from argqual.stats.estimate import Estimate
from argqual.stats.resampling import Units, estimate, ratio
from argqual.strategies import Strategy, create

CORPUS = "ibm_argq_rank_30k"
STRATEGIES = ("length", "tfidf", "embedding", "encoder")
SEEDED = ("encoder",)
PUBLISHED = {
    "system": "BERT-large, fine-tuned (Gretz et al. 2020)",
    "pearson": 0.53,
    "spearman": 0.475,
}
DRAWS = 2000


def pearson(x: np.ndarray, y: np.ndarray, *, clusters: Sequence[str]) -> Estimate:
    """Pearson's correlation with the same bootstrap as Spearman's."""
    one, two = (values - values.mean() for values in (x, y))

    def weighted(weights: np.ndarray) -> np.ndarray:
        n = weights.sum(axis=0)
        mean_one, mean_two = (one @ weights) / n, (two @ weights) / n
        shared = (one * two) @ weights / n - mean_one * mean_two
        spread = ((one**2) @ weights / n - mean_one**2) * ((two**2) @ weights / n - mean_two**2)
        return ratio(shared, np.sqrt(np.maximum(spread, 0)))

    units = Units.of(np.ones(len(one), dtype=bool), clusters)
    return estimate(weighted, units, method="Pearson", undefined="one side is constant", draws=DRAWS, seed=0)


def figures(found: Estimate) -> dict[str, Any]:
    return {name: getattr(found, name) for name in ("value", "low", "high", "n", "clusters", "reason")}


def sample(arguments: list[Argument], count: int | None) -> list[Argument]:
    """That many, drawn at random with the seed 0, in the corpus' order."""
    if count is None or count >= len(arguments):
        return arguments
    chosen = np.random.default_rng(0).choice(len(arguments), count, replace=False)
    return [arguments[index] for index in sorted(chosen)]


def prepared(name: str, seed: int, options: argparse.Namespace) -> Strategy:
    params: dict[str, Any] = {}
    if name in SEEDED:
        params = {"seed": seed, "issue": options.issue, "model": options.model, "device": options.device}
        params |= {"epochs": options.epochs} if options.epochs else {}
    if name == "embedding":
        params = {"model": options.model, "device": options.device}
    return create(name, **params)


def measured(strategy: Strategy, train: list[Argument], test: list[Argument]) -> dict[str, Any]:
    label = "quality_wa"
    started = time.perf_counter()
    strategy.fit(train, [each.labels[label] for each in train], groups=[each.issue for each in train])
    fitted = time.perf_counter()
    predicted = strategy.predict(test)
    done = time.perf_counter()
    truth = np.array([each.labels[label] for each in test])
    topics = [each.issue or "" for each in test]
    return {
        "spearman": figures(spearman(predicted, truth, clusters=topics, draws=DRAWS)),
        "pearson": figures(pearson(predicted, truth, clusters=topics)),
        "fit_seconds": round(fitted - started, 1),
        "predict_seconds": round(done - fitted, 1),
        "history": getattr(strategy, "history_", None),
        "best_epoch": getattr(strategy, "best_epoch_", None),
        "predictions": [round(float(value), 4) for value in predicted],
    }


def over_seeds(cells: dict[str, Any]) -> dict[str, Any]:
    """The mean and the range over the seeds of each strategy that has some."""
    told = {}
    for name in SEEDED:
        own = [cell for cell in cells.values() if cell["strategy"] == name]
        if own:
            values = {each: [cell[each]["value"] for cell in own] for each in ("spearman", "pearson")}
            told[name] = {"seeds": [cell["seed"] for cell in own]} | {
                each: {"mean": statistics.mean(found), "low": min(found), "high": max(found)}
                for each, found in values.items()
            }
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategies", nargs="+", default=list(STRATEGIES), choices=STRATEGIES)
    parser.add_argument("--seeds", type=int, default=3, help="of the encoder, from 0")
    parser.add_argument("--train", type=int, help="train on so many arguments, drawn at random (default: all)")
    parser.add_argument("--test", type=int, help="test on so many, drawn at random; for a check (default: all)")
    parser.add_argument("--epochs", type=int, help="most epochs of the encoder (default: its own)")
    parser.add_argument("--issue", action="store_true", help="the encoder reads the topic too")
    parser.add_argument("--model", default="all-minilm-l6-v2")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/ibm-cross-topic.json"))
    options = parser.parse_args()

    corpus = read_corpus(CORPUS)
    parts = {
        part: [each for each in corpus.arguments if corpus.splits[each.id or ""] == part] for part in ("train", "test")
    }
    train, test = sample(parts["train"], options.train), sample(parts["test"], options.test)
    assert not {each.issue for each in train} & {each.issue for each in test}
    settings = {
        "train": len(train),
        "test": len(test),
        "epochs": options.epochs,
        "issue": options.issue,
        "model": options.model,
    }
    before = json.loads(options.output.read_text()) if options.output.exists() else {}
    cells: dict[str, Any] = before.get("cells", {}) if before.get("settings") == settings else {}
    if before and not cells:
        sys.exit(f"{options.output} was made with other settings: name another file, or delete it.")
    for name in options.strategies:
        for seed in range(options.seeds if name in SEEDED else 1):
            key = f"{name}-{seed}" if name in SEEDED else name
            if key in cells:
                continue
            load = os.getloadavg()[0]
            cells[key] = {"strategy": name, "seed": seed if name in SEEDED else None, "load_before": round(load, 2)}
            cells[key] |= measured(prepared(name, seed, options), train, test)
            told = {
                "command": shlex.join(["python", *sys.argv]),
                "date": datetime.now(UTC).isoformat(timespec="seconds"),
                "versions": {each: version(each) for each in ("argqual", "torch", "transformers", "scikit-learn")}
                | {"python": platform.python_version()},
                "machine": {"cores": os.cpu_count(), "threads": os.environ.get("OMP_NUM_THREADS", "default")},
                "corpus": CORPUS,
                "label": "quality_wa",
                "topics": {"train": len({each.issue for each in train}), "test": len({each.issue for each in test})},
                "settings": settings,
                "published": PUBLISHED,
                "over_seeds": over_seeds(cells),
                "cells": cells,
                "test_ids": [each.id for each in test],
            }
            scratch = options.output.with_suffix(".part")
            scratch.write_text(_readable(told) + "\n", encoding="utf-8")
            scratch.replace(options.output)
            rank, linear = cells[key]["spearman"], cells[key]["pearson"]
            print(f"{key:12} Spearman {_shown(rank)}  Pearson {_shown(linear)}  {cells[key]['fit_seconds']} s")
    print(f"{'published':12} Spearman {PUBLISHED['spearman']}  Pearson {PUBLISHED['pearson']}")


def _readable(told: dict[str, Any]) -> str:
    """JSON with the long lists on one line each."""
    long = {"test_ids": told["test_ids"]} | {key: cell["predictions"] for key, cell in told["cells"].items()}
    short = {**told, "test_ids": "@test_ids"}
    short["cells"] = {key: cell | {"predictions": f"@{key}"} for key, cell in told["cells"].items()}
    text = json.dumps(short, indent=1, ensure_ascii=False)
    for name, values in long.items():
        text = text.replace(f'"@{name}"', json.dumps(values, separators=(",", ":")))
    return text


def _shown(found: dict[str, Any]) -> str:
    interval = f" ({found['low']:.3f} to {found['high']:.3f})" if found["low"] is not None else ""
    return "undefined" if found["value"] is None else f"{found['value']:.3f}{interval}"


if __name__ == "__main__":
    main()
