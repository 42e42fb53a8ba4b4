"""The worst disagreements: by percentile ranks, ids only, texts on demand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.stats import percentileofscore

from argqual.benchmark.analysis.disagreements import percentile_ranks, worst_disagreements

NAN = float("nan")


def scored(ids: str, predicted: np.ndarray, labels: np.ndarray, units: list[str]) -> Any:
    keys = [("c", id) for id in ids]
    columns = {"predicted": predicted, "labels": labels, "units": units, "ids": list(ids), "keys": keys}
    return SimpleNamespace(strategy="s", tested_on="d", **columns)


def test_percentile_ranks_are_scipys_mean_kind() -> None:
    values = np.array([3.0, 1.0, 2.0, 2.0, 9.0, 2.0])
    expected = [percentileofscore(values, value, kind="mean") / 100 for value in values]
    assert percentile_ranks(values) == pytest.approx(expected)


def test_values_that_are_missing_have_no_rank_and_do_not_count() -> None:
    assert percentile_ranks(np.array([5.0, NAN, 1.0])) == pytest.approx([0.75, NAN, 0.25], nan_ok=True)
    assert np.isnan(percentile_ranks(np.array([NAN, NAN]))).all()


def test_the_worst_come_first_and_a_missing_prediction_is_no_disagreement() -> None:
    predicted = np.array([1.0, 2.0, 3.0, 4.0, 5.0, NAN])
    labels = np.array([5.0, 2.0, 3.0, 4.0, 1.0, 9.0])
    found = worst_disagreements(scored("abcdef", predicted, labels, ["u"] * 6), most=2)
    # Ranks of five: .1, .3, .5, .7, .9; a and e stand at opposite ends, and a comes first by id.
    assert [(each.id, each.predicted, each.label) for each in found] == [("a", 0.1, 0.9), ("e", 0.9, 0.1)]
    assert all(each.text is None and each.rationale is None for each in found)


def test_labels_are_ranked_only_within_what_they_are_comparable_in() -> None:
    """Two units whose labels have other levels, and predictions that agree with both: no disagreement anywhere."""
    predicted = np.array([1.0, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1])
    labels = np.array([1.0, 2, 3, 4, 5, 11, 12, 13, 14, 15, 99])
    units = ["one"] * 5 + ["two"] * 5 + ["three"]
    found = worst_disagreements(scored("abcdefghijk", predicted, labels, units), most=99)
    assert len(found) == 10 and all(each.predicted == each.label for each in found)
