"""How often do the benchmark's intervals hold the truth, and how often is a difference found where there is none?

Made-up corpora of 5 to 60 topics of very unequal sizes: quality has a part that its topic shares, and so have the
errors of two strategies and the number of words, on which all three depend. Both strategies are equally good, so that
their difference is nothing; the true correlations come from one corpus of many thousand topics. For each number of
topics: the share of intervals that hold the truth (95 % is promised), and of differences with p < .05 (5 %).

    python benchmarks/statistics/coverage.py    # an hour, a row at a time; writes results/coverage.json, prints a table
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from argqual.stats.inference import Interval, difference, macro
from argqual.stats.metrics import METRICS, Sample

RESULTS = Path(__file__).parents[1] / "results" / "coverage.json"
TOPICS = (5, 8, 15, 30, 60)
CORPORA = 2000
DRAWS = 300
MEAN_SIZE = 8
METRIC_NAMES = ("spearman", "spearman_beyond_length", "pearson")
INTERVALS: tuple[Interval, ...] = ("t", "percentile")
SHARED = 0.3  # of each variance, by topic


def corpus(topics: int, rng: np.random.Generator) -> tuple[Sample, Sample]:
    """Predictions of two equally good strategies, whose errors are alike by topic."""
    sizes = 1 + rng.geometric(1 / MEAN_SIZE, size=topics)
    topic = np.repeat(np.arange(topics), sizes)

    def noise() -> np.ndarray:
        return np.sqrt(SHARED) * rng.normal(size=topics)[topic] + np.sqrt(1 - SHARED) * rng.normal(size=len(topic))

    quality, both = noise(), noise()
    words = np.round(np.exp(4 + 0.4 * (0.5 * quality + noise())))
    long = np.log(words) - 4
    labels = np.round(2 * quality) / 2  # people use steps
    clusters = [str(each) for each in topic]
    units = ["all"] * len(topic)
    one, other = (Sample(0.5 * quality + long + 0.5 * both + noise(), labels, words, clusters, units) for _ in range(2))
    return one, other


def truth() -> dict[str, float]:
    rng = np.random.default_rng(1)
    found: dict[str, list[float]] = {name: [] for name in METRIC_NAMES}
    for _ in range(500):
        sample, _ = corpus(300, rng)
        for name in METRIC_NAMES:
            value = METRICS[name].value(sample)
            assert value is not None
            found[name].append(value)
    return {name: float(np.mean(values)) for name, values in found.items()}


def simulated(topics: int, interval: Interval, true: dict[str, float]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, list[bool]]] = {
        name: {"one": [], "difference": [], "two domains": [], "false finding": []} for name in METRIC_NAMES
    }
    for number in range(CORPORA):
        rng = np.random.default_rng([topics, number])
        (one, other), (third, fourth) = corpus(topics, rng), corpus(2 * topics, rng)
        for name in METRIC_NAMES:
            own = found[name]
            single = macro(name, {"a": [one]}, draws=DRAWS, seed=number, interval=interval)
            both = macro(name, {"a": [one], "b": [third]}, draws=DRAWS, seed=number, interval=interval)
            apart = difference(
                name,
                {"a": [one], "b": [third]} if number % 2 else {"a": [one]},
                {"a": [other], "b": [fourth]} if number % 2 else {"a": [other]},
                draws=DRAWS,
                seed=number,
                interval=interval,
            )
            own["one"].append(_holds(single, true[name]))
            own["two domains"].append(_holds(both, true[name]))
            own["difference"].append(_holds(apart.estimate, 0.0))
            own["false finding"].append(apart.p is not None and apart.p < 0.05)
    return {
        name: {what: round(float(np.mean(values)), 3) for what, values in own.items()} for name, own in found.items()
    }


def _holds(estimate: object, value: float) -> bool:
    low, high = estimate.low, estimate.high  # type: ignore[attr-defined]
    return low is not None and low <= value <= high


def table(shares: dict[str, dict[str, dict[str, dict[str, float]]]]) -> str:
    """As docs/statistics.md has it: Spearman, and beyond length in brackets, in per cent."""
    columns = ("one", "difference", "two domains", "false finding")
    heads = ("one corpus", "a difference", "two corpora", "false findings")
    lines = [f"| interval | topics | {' | '.join(heads)} |", "|---|---:|---:|---:|---:|---:|"]
    for interval, rows in shares.items():
        for topics, found in rows.items():
            cells = (
                f"{100 * found['spearman'][each]:.1f} ({100 * found['spearman_beyond_length'][each]:.1f})"
                for each in columns
            )
            lines.append(f"| {interval} | {topics} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    true = truth()
    about = {
        "command": "python benchmarks/statistics/coverage.py",
        "versions": {name: version(name) for name in ("argqual", "numpy", "scipy")},
        "settings": {"corpora": CORPORA, "draws": DRAWS, "mean_size": MEAN_SIZE, "shared": SHARED},
        "true": {name: round(value, 4) for name, value in true.items()},
    }
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    same = all(kept.get(key) == value for key, value in about.items())
    shares: dict[str, dict[str, dict[str, dict[str, float]]]] = kept["shares"] if same else {}
    for interval in INTERVALS:
        for topics in TOPICS:
            own = shares.setdefault(interval, {})
            if str(topics) not in own:
                own[str(topics)] = simulated(topics, interval, true)
                print(interval, topics, own[str(topics)], flush=True)
                content = about | {"date": datetime.now(UTC).isoformat(timespec="seconds"), "shares": shares}
                RESULTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(table(shares))


if __name__ == "__main__":
    main()
