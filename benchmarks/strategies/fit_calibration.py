"""Fit the calibration that is shipped for RATIO on the default embedded model, for one form of its answer.

    python benchmarks/strategies/fit_calibration.py prefilled
    python benchmarks/strategies/fit_calibration.py json

Labels: dagstuhl's mean expert ratings of local relevance, local acceptability, local sufficiency and overall
quality (1 to 3, means of three), as levels of 1 to 5: 1 is 1, up to 2.34 is 2 … 3 is 5 (see `LEVELS`). Each
curve is a proportional-odds model of one value with a slope of at least 0. How well it does is measured with
whole topics held out, against the model's own levels and against people's average.

Writes src/argqual/calibrations/ratio-qwen2.5-coder-1.5b-FORM.json and benchmarks/results/calibration-FORM.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from sample import Sample, provenance, sample, write
from sklearn.model_selection import LeaveOneGroupOut

from argqual.judging.judge import Judge
from argqual.stats.regression import ProportionalOdds, fit_proportional_odds
from argqual.stats.resampling import Units, estimate
from argqual.strategies import Principle

IDS = {"json": "ratio-qwen2.5-coder-1.5b-1", "prefilled": "ratio-qwen2.5-coder-1.5b-2"}
NOTE = (
    "Levels are those that people give to short comments on debate portals which this model rates alike. For any other "
    "kind of text, go by the order and not by the level."
)
LABELS = {
    "relevance": "local_relevance",
    "acceptability": "local_acceptability",
    "sufficiency": "local_sufficiency",
    "overall": "overall_quality",
}
LEVELS = 5


def level_of(mean: np.ndarray) -> np.ndarray:
    """Means of three ratings from 1 to 3 as levels 0 to 4: (1), (1.33, 1.67), (2), (2.33, 2.67), (3)."""
    thirds = np.round((mean - 1) * 3).astype(int)  # 0 to 6
    return np.array([0, 1, 1, 2, 3, 3, 4])[thirds]


def main(form: str) -> None:
    drawn = sample("dagstuhl", 10_000)
    strategy = Principle("ratio", readout=f"expect:{form}").fit(drawn.arguments)
    assessments = strategy.assess(drawn.arguments)
    curves: dict[str, Any] = {}
    report: dict[str, Any] = {}
    for name, label in LABELS.items():
        said = np.array([each.rating(name).value for each in assessments], dtype=float)
        levels = level_of(np.array([argument.labels[label] for argument in drawn.arguments]))
        fitted = fit_proportional_odds(said[:, None], levels, LEVELS, l2=0.001)
        curves[name] = {
            "slope": round(float(fitted.slopes[0]), 4),
            "thresholds": [round(float(each), 4) for each in fitted.thresholds],
        }
        report[name] = _held_out(said, levels, drawn)
        print(name, curves[name], report[name])
    judge = Judge("ratio", readout=f"expect:{form}")
    content = {
        "schema": "argqual/calibration@1",
        "id": IDS[form],
        "program": judge.fingerprint,
        "model": judge.model.name,
        "readout": judge.readout.name,
        "curves": curves,
        "note": NOTE,
        "card": {
            "fitted_on": "dagstuhl: 304 arguments that all three experts took for arguments, 16 topics",
            "source": "Wachsmuth et al. 2017; Zenodo record 3973285",
            "licence": "CC-BY-4.0: name the authors; parameters only, no text",
            "levels": "means of three experts' ratings, 1 to 3, as levels 1 to 5",
            "method": "proportional odds on the model's value, slope of at least 0, penalty 0.001",
            "evidence": f"benchmarks/results/calibration-{form}.json, benchmarks/results/default-readout.json",
            "limits": "Short comments from debate portals, in English. Elsewhere the order holds as far as the model's "
            "does, and the levels are those that such comments would get.",
            "held_out_topics": report,
            "date": provenance()["date"],
        },
    }
    folder = Path(__file__).parents[2] / "src" / "argqual" / "calibrations"
    path = folder / f"ratio-qwen2.5-coder-1.5b-{form}.json"
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print("written:", path)
    print(
        "written:", write(f"calibration-{form}.json", provenance() | {"n": len(assessments), "held_out_topics": report})
    )


def _held_out(said: np.ndarray, levels: np.ndarray, drawn: Sample) -> dict[str, Any]:
    """Errors in levels and log loss with topics held out; each with its interval over topics."""
    n = len(levels)
    shares, usual = np.empty((n, LEVELS)), np.empty((n, LEVELS))
    codes = np.unique(drawn.groups, return_inverse=True)[1]
    for train, test in LeaveOneGroupOut().split(said, levels, codes):
        model: ProportionalOdds = fit_proportional_odds(said[train, None], levels[train], LEVELS, l2=0.001)
        shares[test] = model.probabilities(said[test, None])
        usual[test] = (np.bincount(levels[train], minlength=LEVELS) + 0.5) / (len(train) + 0.5 * LEVELS)
    rows, places = np.arange(n), np.arange(LEVELS)
    errors = {
        "mean absolute error, model's own levels": np.abs(said - 1 - levels),
        "mean absolute error, calibrated": np.abs(shares @ places - levels),
        "mean absolute error, people's average": np.abs(usual @ places - levels),
        "log loss, calibrated": -np.log(np.maximum(shares[rows, levels], 1e-9)),
        "log loss, people's average": -np.log(usual[rows, levels]),
    }
    return {name: _mean(values, drawn) for name, values in errors.items()}


def _mean(values: np.ndarray, drawn: Sample) -> list[float | None]:
    found = estimate(
        lambda weights: (values @ weights) / weights.sum(axis=0),
        Units.of(np.isfinite(values), drawn.groups),
        method="mean",
        undefined="",
        draws=2000,
        seed=0,
    )
    return [None if each is None else round(each, 3) for each in (found.value, found.low, found.high)]


if __name__ == "__main__":
    main(sys.argv[1])
