"""How long a paired difference takes: 10,000 arguments on 100 topics, 2,000 draws, both strategies in each draw.

python benchmarks/speed/bootstrap.py        # writes results/bootstrap.json
"""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from argqual.stats.inference import difference
from argqual.stats.metrics import Sample

RESULTS = Path(__file__).parents[1] / "results" / "bootstrap.json"
ROWS, TOPICS, DRAWS, REPEATS = 10_000, 100, 2_000, 5


def main() -> None:
    rng = np.random.default_rng(0)
    labels = rng.normal(size=ROWS)
    words = np.round(np.exp(rng.normal(4, 0.5, size=ROWS)))
    clusters = [str(topic) for topic in rng.integers(TOPICS, size=ROWS)]
    one, other = (Sample(labels + rng.normal(size=ROWS), labels, words, clusters, ["all"] * ROWS) for _ in range(2))
    seconds: dict[str, list[float]] = {"spearman": [], "spearman_beyond_length": [], "pearson": []}
    for metric, taken in seconds.items():
        for _ in range(REPEATS):
            began = time.perf_counter()
            difference(metric, {"a": [one]}, {"a": [other]}, draws=DRAWS)
            taken.append(round(time.perf_counter() - began, 2))
        print(metric, taken)
    content = {
        "command": "python benchmarks/speed/bootstrap.py",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: version(name) for name in ("argqual", "numpy", "scipy")},
        "cores": os.cpu_count(),
        "rows": ROWS,
        "topics": TOPICS,
        "draws": DRAWS,
        "seconds": seconds,
    }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
