"""Labels on one scale, from training rows only."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from argqual.corpora.targets import LabelStandardiser
from argqual.errors import InputError

UNITS = ["a", "a", "a", "b", "b"]


def test_each_unit_is_standardised_by_itself() -> None:
    """By hand: a has mean 2 and deviation sqrt(2/3), b has mean 15 and deviation 5."""
    z = LabelStandardiser().fit_transform([1, 2, 3, 10, 20], UNITS)
    assert z == pytest.approx([-np.sqrt(1.5), 0, np.sqrt(1.5), -1, 1])


def test_test_rows_are_measured_with_the_training_rows_scale() -> None:
    fitted = LabelStandardiser().fit([10, 20], ["b", "b"])
    assert fitted.transform([30], ["b"]) == pytest.approx([3])
    assert fitted.units_ == {"b": (15.0, 5.0, 2)}


def test_the_inverse_gives_the_labels_back() -> None:
    labels = [1, 2, 3, 10, 20]
    fitted = LabelStandardiser().fit(labels, UNITS)
    assert fitted.inverse_transform(fitted.transform(labels, UNITS), UNITS) == pytest.approx(labels)


def test_missing_labels_stay_missing_and_do_not_count() -> None:
    fitted = LabelStandardiser().fit([10, None, 20], ["b"] * 3)
    assert fitted.units_["b"] == (15.0, 5.0, 2)
    assert np.isnan(fitted.transform([None], ["b"])).all()


def test_a_unit_without_training_rows_is_refused() -> None:
    with pytest.raises(InputError, match="No training row is of 'ukp/t2'"):
        LabelStandardiser().fit([10, 20], ["ukp/t1", "ukp/t1"]).transform([5], ["ukp/t2"])


def test_pooled_takes_the_mean_over_units_of_the_same_corpus_only() -> None:
    fitted = LabelStandardiser(unseen="pooled").fit([0, 2, 10, 14, 500, 900], ["u/1", "u/1", "u/2", "u/2", "w", "w"])
    assert fitted.transform([8], ["u/3"]) == pytest.approx([(8 - 6.5) / 1.5])
    with pytest.raises(InputError, match="No training row is of 'v'"):
        fitted.transform([8], ["v"])


@pytest.mark.parametrize(("labels", "why"), [([4, 4], "all labels equal"), ([4, None], "fewer than two labels")])
def test_a_unit_that_has_no_spread_is_refused(labels: list[float | None], why: str) -> None:
    with pytest.raises(InputError, match=why):
        LabelStandardiser().fit(labels, ["a", "a"])


def test_labels_and_units_must_go_together() -> None:
    with pytest.raises(InputError, match="3 labels, but 2 units"):
        LabelStandardiser().fit([1, 2, 3], ["a", "a"])


def test_it_is_cloned_like_any_estimator() -> None:
    assert clone(LabelStandardiser(unseen="pooled")).get_params() == {"unseen": "pooled"}
