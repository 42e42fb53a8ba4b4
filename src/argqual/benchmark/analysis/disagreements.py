"""The arguments that a strategy places furthest from where people do; their texts only when a reader asks.

Results hold ids. Texts are read from the corpora when a report is made, and rationales from the user's own store of
assessments; what cannot be read stays an id.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.stats import rankdata

from argqual.argument import Argument
from argqual.benchmark.analysis.figures import Disagreement
from argqual.benchmark.analysis.results import Results
from argqual.benchmark.running.scored import Scored
from argqual.errors import ArgqualError
from argqual.stats.resampling import Array

_FEWEST = 5  # arguments that are ranked among themselves


def percentile_ranks(values: Array) -> Array:
    """The share of values below each, ties half, 0 to 1 (mid-ranks); NaN where there is no value."""
    known = max(int(np.isfinite(values).sum()), 1)
    return np.asarray((rankdata(values, nan_policy="omit") - 0.5) / known)


def worst_disagreements(scored: Scored, *, most: int = 3) -> list[Disagreement]:
    """Those with the largest distance between the percentile ranks of prediction and label, in one domain.

    Ranks are among the arguments that have both, within what labels are comparable in (`units`); a unit of fewer
    than five is left out. Of equal distances, the one whose id comes first.
    """
    predicted, labels, units, ids = scored.predicted, scored.labels, scored.units, scored.ids
    both = np.isfinite(predicted) & np.isfinite(labels)
    said, meant = (np.full(len(predicted), np.nan) for _ in range(2))
    for unit in dict.fromkeys(units):
        own = both & np.array([each == unit for each in units])
        if own.sum() >= _FEWEST:
            said[own], meant[own] = percentile_ranks(predicted[own]), percentile_ranks(labels[own])
    both &= np.isfinite(said)
    places = sorted(np.flatnonzero(both).tolist(), key=lambda place: (-abs(said[place] - meant[place]), ids[place]))
    return [
        Disagreement(scored.strategy, scored.tested_on, *scored.keys[place], float(said[place]), float(meant[place]))
        for place in places[:most]
    ]


def with_texts(results: Results, strategies: Mapping[str, Any]) -> tuple[Results, list[str]]:
    """The same results with texts, issues and rationales where they are to be had, and what could not be read.

    `strategies`: by the name in the tables, for the rationales of those that keep assessments.
    """
    from argqual.corpora.reading import read_corpus

    arguments: dict[tuple[str, str], Argument] = {}
    unread = []
    for name in dict.fromkeys(each.corpus for each in results.disagreements):
        try:
            corpus = read_corpus(name, fetch=False)
        except ArgqualError as error:
            unread.append(f"{name}: {error.message}")
            continue
        arguments |= {(name, argument.id): argument for argument in corpus.arguments if argument.id is not None}
    reasons = _rationales(results, arguments, strategies)
    shown = []
    for each in results.disagreements:
        argument = arguments.get((each.corpus, each.id))
        if argument is not None:
            each = replace(each, text=argument.text, issue=argument.issue)
        shown.append(replace(each, rationale=reasons.get((each.strategy, each.corpus, each.id))))
    return replace(results, disagreements=tuple(shown)), unread


def _rationales(
    results: Results, arguments: Mapping[tuple[str, str], Argument], strategies: Mapping[str, Any]
) -> dict[tuple[str, str, str], str]:
    """What a model gave as its reasons, from the user's store; nothing is asked."""
    from argqual.judging.store import Store

    found = {}
    with Store() as store:
        for name, strategy in strategies.items():
            if not strategy.explain:
                continue
            try:
                judges = strategy.judges()
            except ArgqualError:  # a model that is not to be had here has no rationales to show
                continue
            for each in results.disagreements:
                argument = arguments.get((each.corpus, each.id))
                if argument is None or each.strategy != name:
                    continue
                kept = store.get([judge.key(argument) for judge in judges])
                said = [
                    f"{rating.name}: {rating.rationale}"
                    for assessment in kept.values()
                    for rating in assessment.ratings
                    if rating.rationale
                ]
                if said:
                    found[name, each.corpus, each.id] = " ".join(said)
    return found
