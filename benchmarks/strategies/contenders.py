"""Principle, exemplars, calibration and probe on the embedded model, within a corpus, topics held out.

    python benchmarks/strategies/contenders.py dagstuhl:304 webis:120
    python benchmarks/strategies/contenders.py dagstuhl:80 webis:60 --only exemplars

Every strategy predicts each argument from folds that hold none of its group (five folds of whole topics).
Strategies that learn nothing are the same in every fold. What was asked before comes from the store, so it can be
stopped and started again; results of other strategies and samples in the file are kept.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sample import RESULTS, Sample, figures, paired_difference, provenance, sample, write
from sklearn.base import clone
from sklearn.model_selection import GroupKFold

from argqual.assessment import Usage
from argqual.strategies import Calibrated, Exemplars, Plain, Principle, Probe, create
from argqual.strategies.base import Strategy

NAME = "contenders.json"
FOLDS = 5
CONTENDERS: dict[str, Callable[[], Strategy]] = {
    "length": lambda: create("length"),
    "tfidf": lambda: create("tfidf"),
    "plain": Plain,
    "principle": lambda: Principle("ratio"),
    "principle, placebo": lambda: Principle("ratio", control="placebo"),
    "principle, mismatched": lambda: Principle("ratio", control="mismatched"),
    "principle, shuffled": lambda: Principle("ratio", control="shuffled"),
    "principle, names only": lambda: Principle("ratio", definitions="none"),
    "calibrated, ridge": lambda: Calibrated(Principle("ratio"), method="ridge"),
    "calibrated, isotonic": lambda: Calibrated(Principle("ratio"), method="isotonic"),
    "calibrated, ordinal": lambda: Calibrated(Principle("ratio"), method="ordinal"),
    "calibrated placebo, ridge": lambda: Calibrated(Principle("ratio", control="placebo"), method="ridge"),
    "probe": Probe,
    "exemplars": lambda: Exemplars(k=4, draws=5),
    "exemplars, one draw": lambda: Exemplars(k=4, draws=1),
}


def main(samples: list[str], only: list[str]) -> None:
    path = RESULTS / NAME
    content: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"results": {}}
    for each in samples:
        name, _, most = each.partition(":")
        drawn = sample(name, int(most))
        key = f"{name}, first {len(drawn.arguments)}"
        found = content["results"].setdefault(key, {})
        predicted: dict[str, np.ndarray] = {}
        for system in only or CONTENDERS:
            started = time.perf_counter()
            predicted[system], seen = _held_out(CONTENDERS[system](), drawn)
            found[system] = figures(predicted[system], drawn) | seen
            found[system] |= {"this_run_seconds": round(time.perf_counter() - started, 1), "made": provenance()}
            print(key, system, found[system], flush=True)
        for control in ("principle, placebo", "principle, mismatched", "principle, shuffled", "plain"):
            if {"principle", control} <= predicted.keys():
                difference = paired_difference(predicted["principle"], predicted[control], drawn)
                found[f"principle - {control}"] = {"length_partialled": difference}
                print(key, "principle -", control, difference, flush=True)
        content["model"] = "qwen2.5-coder-1.5b"
        write(NAME, content)


def _held_out(strategy: Strategy, drawn: Sample) -> tuple[np.ndarray, dict[str, Any]]:
    """Predictions for each group by the strategy fitted on the others, and what that took."""
    values = np.full(len(drawn.arguments), np.nan)
    usages, fit_seconds, examples = [], 0.0, 0
    codes = np.unique(drawn.groups, return_inverse=True)[1]
    for train, test in GroupKFold(FOLDS).split(drawn.labels, drawn.labels, codes):
        fitted = clone(strategy).fit(
            [drawn.arguments[place] for place in train],
            drawn.labels[train],
            groups=[drawn.groups[place] for place in train],
        )
        found = fitted.predictions([drawn.arguments[place] for place in test])
        values[test] = found.values
        fit_seconds += fitted.seen_.seconds
        examples = fitted.seen_.examples
        # What the store gave took its time when it was asked: the assessments remember how long.
        usages += [assessment.usage for assessment in found.assessments or ()]
    asked = Usage.total(usages)
    return values, {
        "labels": len(drawn.labels) - len(test) if strategy.learns else 0,
        "examples": examples,
        "input_tokens": asked.input_tokens,
        "output_tokens": asked.output_tokens,
        "cost_usd": asked.cost_usd,
        "model_seconds": round(sum(usage.seconds for usage in usages), 1),
        "fit_seconds": round(fit_seconds, 1),
    }


if __name__ == "__main__":
    names = sys.argv[sys.argv.index("--only") + 1 :] if "--only" in sys.argv else []
    main([each for each in sys.argv[1:] if ":" in each], names)
