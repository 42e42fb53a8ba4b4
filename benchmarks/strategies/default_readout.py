"""What the embedded model's default should rest on: criteria, hidden state, or both; corpus to corpus.

Each read-out is fitted on two corpora and tested on the third: RATIO's overall rating as the model gives it
(nothing fitted), a ridge on all its criteria's probabilities, a ridge on the hidden state, and the sum of the
last two (standardised on the training corpora). Labels are standardised within their unit; texts that the
test corpus shares with training leave training.

    python benchmarks/strategies/default_readout.py dagstuhl:304 webis:120 ibm_argq_rank_30k:150

Needs the weights of `local` and `ARGQUAL_MIRROR` or fetched corpora. What was asked before comes from the
store, so it can be stopped and started again.
"""

from __future__ import annotations

import sys

import numpy as np
from sample import Sample, figures, paired_difference, provenance, sample, write
from scipy.stats import zscore

from argqual.corpora.groups import leaking_into
from argqual.strategies import Calibrated, Length, Principle, Probe


def main(wanted: list[str]) -> None:
    drawn = [sample(name, int(most)) for name, _, most in (each.partition(":") for each in wanted)]
    corpora = [each.corpus for each in drawn]
    content = provenance() | {"model": "qwen2.5-coder-1.5b", "samples": {}, "tests": {}}
    for test in drawn:
        own = {(test.corpus.card.id, argument.id or "") for argument in test.arguments}
        leaks = leaking_into(own, corpora)
        arguments, labels, groups = _training(drawn, test, leaks)
        principle = Principle("ratio").fit(arguments)
        readouts = {
            "length": Length().fit(arguments, labels),
            "criteria, as given": principle,
            "criteria, ridge": Calibrated(Principle("ratio"), method="ridge").fit(arguments, labels, groups=groups),
            "hidden state": Probe().fit(arguments, labels, groups=groups),
        }
        predicted = {name: strategy.predict(test.arguments) for name, strategy in readouts.items()}
        scales = {name: np.nanstd(readouts[name].predict(arguments)) for name in ("criteria, as given", "hidden state")}
        predicted["both"] = sum(predicted[name] / scale for name, scale in scales.items())
        name = test.corpus.card.id
        content["samples"][name] = {"n": len(test.arguments), "training": len(arguments), "left_out": len(leaks)}
        content["tests"][name] = {each: figures(values, test) for each, values in predicted.items()}
        content["tests"][name]["hidden state - criteria, as given"] = paired_difference(
            predicted["hidden state"], predicted["criteria, as given"], test
        )
        content["tests"][name]["both - criteria, as given"] = paired_difference(
            predicted["both"], predicted["criteria, as given"], test
        )
        for each, values in content["tests"][name].items():
            print(name, each, values, flush=True)
    print("written:", write("default-readout.json", content))


def _training(drawn: list[Sample], test: Sample, leaks: set[tuple[str, str]]) -> tuple[list, np.ndarray, list[str]]:
    """All samples but one, labels standardised within each corpus, without what leaks."""
    arguments, labels, groups = [], [], []
    for each in drawn:
        if each is test:
            continue
        kept = [place for place, one in enumerate(each.arguments) if (each.corpus.card.id, one.id) not in leaks]
        arguments += [each.arguments[place] for place in kept]
        labels += zscore(each.labels[kept]).tolist()
        groups += [f"{each.corpus.card.id}/{each.groups[place]}" for place in kept]
    return arguments, np.array(labels), groups


if __name__ == "__main__":
    main(sys.argv[1:])
