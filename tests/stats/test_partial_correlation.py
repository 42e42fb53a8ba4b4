"""Spearman's correlation with a third variable partialled out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from argqual.stats.correlation import partial_spearman


def residual_correlation(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> float:
    """The correlation of what is left of the ranks after a linear regression on z's ranks: the definition."""
    ranks = [rankdata(each) for each in (x, y, z)]
    design = np.column_stack([np.ones(len(x)), ranks[2]])
    left = [each - design @ np.linalg.lstsq(design, each, rcond=None)[0] for each in ranks[:2]]
    return float(np.corrcoef(*left)[0, 1])


def test_it_is_the_correlation_of_rank_residuals() -> None:
    rng = np.random.default_rng(0)
    z = rng.integers(0, 20, 300)
    x, y = z + rng.normal(size=300) * 5, z + rng.normal(size=300) * 8
    found = partial_spearman(x, y, z)
    assert found.value == pytest.approx(residual_correlation(x, y, z))
    assert found.low is not None and found.high is not None and found.low < found.value < found.high
    assert abs(found.value) < spearmanr(x, y).statistic


def test_rows_with_a_missing_prediction_do_not_count() -> None:
    rng = np.random.default_rng(1)
    x, y, z = rng.normal(size=(3, 50))
    x[:10] = np.nan
    found = partial_spearman(x, y, z)
    assert (found.n, found.offered) == (40, 50)
    assert found.value == pytest.approx(residual_correlation(x[10:], y[10:], z[10:]))


def test_a_judge_that_only_counts_words_has_no_value() -> None:
    z = np.arange(30.0)
    assert partial_spearman(z * 2, np.random.default_rng(2).normal(size=30), z).value is None
