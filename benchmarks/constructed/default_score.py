"""Does the default of `argqual score` tell sound arguments from broken ones, and put them on their side of the middle?

RATIO on the embedded model, with the calibrated levels that `score` shows and as the model gives them (`--raw`), on the
constructed arguments. Every figure is one of a family first, then the mean over families with Student's t.

    python benchmarks/constructed/default_score.py        # writes results/constructed-score.json

What was asked before comes from the store, so it can be stopped and started again: about 15 minutes on two cores.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from argqual.assessment import Assessment
from argqual.benchmark.analysis.minimal_pairs import Versions, measured
from argqual.benchmark.spec.vocabulary import PerturbationTest
from argqual.corpora.corpus import MinimalPair
from argqual.corpora.reading import read_corpus
from argqual.frameworks.catalogue import load_framework
from argqual.judging.calibration import calibrated
from argqual.stats.estimate import Estimate, exact_if_unanimous
from argqual.stats.inference import Difference, mean
from argqual.strategies import Principle

RESULTS = Path(__file__).parents[1] / "results" / "constructed-score.json"
MIDDLE = 0.5  # of the scale, as a quality from 0 to 1


def main() -> None:
    corpus = read_corpus("constructed")
    arguments = list(corpus.arguments)
    twins = [twin for argument in arguments if (twin := corpus.minimal_pair(argument))]
    raw = Principle("ratio").fit(arguments).assess(arguments)
    ratio = load_framework("ratio")
    shown = [calibrated(each, ratio) for each in raw]
    content: dict[str, Any] = {
        "command": "python benchmarks/constructed/default_score.py",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: version(name) for name in ("argqual", "numpy", "scipy", "dspy", "xllamacpp")},
        "model": raw[0].model,
        "corpus": corpus.card.fingerprint,
        "calibration": shown[0].calibration,
        "as shown": _figures(shown, twins),
        "raw": _figures(raw, twins),
    }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(content, indent=1))


def _figures(assessments: Sequence[Assessment], twins: Sequence[MinimalPair]) -> dict[str, Any]:
    values = [each.overall.quality for each in assessments]
    versions = Versions.of([np.nan if value is None else value for value in values], twins)
    ratings = versions.ratings
    sound, broken = ratings[:, 0, :], ratings[:, 1:, :]
    is_sound = np.zeros_like(ratings)
    is_sound[:, 0, :] = 1
    found = {
        "answered": int(np.isfinite(ratings).sum()),
        "sound above broken twin": measured(versions, PerturbationTest.SENSITIVITY),
        "sound above the middle": _share(sound, sound > MIDDLE),
        "broken below the middle": _share(broken, broken < MIDDLE),
        "squared error, sound being 1 and broken 0": _mean(ratings, (ratings - is_sound) ** 2),
        "mean quality, sound": _mean(sound, sound),
        "mean quality, broken": _mean(broken, broken),
    }
    for place, criterion in enumerate(versions.criteria):
        own = broken[:, place, :]
        found[f"sound above its twin, {criterion} broken"] = measured(
            versions, PerturbationTest.SENSITIVITY, criterion=criterion
        )
        found[f"{criterion} broken, below the middle"] = _share(own, own < MIDDLE)
    return {name: each if isinstance(each, int) else _written(each.estimate) for name, each in found.items()}


def _mean(ratings: Any, values: Any) -> Difference:
    """Over families, of those whose versions all have a rating."""
    known = np.isfinite(ratings).reshape(len(ratings), -1)
    kept = np.where(known, values.reshape(len(ratings), -1), np.nan)
    return mean(kept.mean(axis=1), method="mean over families")


def _share(ratings: Any, values: Any) -> Difference:
    found = _mean(ratings, values)
    return replace(found, estimate=exact_if_unanimous(found.estimate))


def _written(estimate: Estimate) -> dict[str, float | int | None]:
    ends = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    return {name: None if end is None else round(end, 3) for name, end in ends.items()} | {"families": estimate.n}


if __name__ == "__main__":
    main()
