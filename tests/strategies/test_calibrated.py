"""Calibration: what is mapped, on what it is fitted, and the models behind it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from scipy.special import expit
from sklearn.model_selection import GroupKFold, cross_val_predict

from argqual.argument import Argument
from argqual.errors import InputError, StrategyError
from argqual.models.connect import Model, connect
from argqual.stats.regression import best_alpha, fit_proportional_odds
from argqual.strategies import Calibrated, Exemplars, Principle, load_strategy, save_strategy
from argqual.strategies.base import telling
from chatserver import ChatServer

ARGUMENTS = [Argument(f"Reason {number} speaks for it.", issue=f"Issue {number % 6}?") for number in range(48)]


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


@pytest.fixture
def model(server: ChatServer) -> Model:
    return connect("openai/test", api_base=f"{server.url}/v1", api_key="k")


@pytest.fixture
def labels(model: Model) -> np.ndarray:
    """What people said: what the model said of relevance, steeply and the other way up, on a scale of their own."""
    found = Principle("ratio", model=model).fit(ARGUMENTS).assess(ARGUMENTS)
    return np.array([10 + 3 * (each.rating("relevance").quality or 0) for each in found])


@pytest.mark.parametrize("method", ["ridge", "isotonic", "ordinal"])
def test_a_calibration_finds_the_criterion_that_people_go_by(model: Model, labels: np.ndarray, method: str) -> None:
    base = Principle("ratio", model=model)
    raw = np.corrcoef(base.fit(ARGUMENTS).predict(ARGUMENTS), labels)[0, 1]
    groups = [argument.issue for argument in ARGUMENTS]
    predicted = cross_val_predict(
        Calibrated(base, method=method),
        ARGUMENTS,
        labels,
        groups=groups,
        cv=GroupKFold(3),  # type: ignore[arg-type]
    )
    assert np.corrcoef(predicted, labels)[0, 1] > raw
    assert labels.min() - 1 < predicted.min() and predicted.max() < labels.max() + 1
    assert abs(predicted.mean() - labels.mean()) < 0.2


def test_a_strategy_within_another_tells_how_far_it_is(model: Model, labels: np.ndarray) -> None:
    said: list[str] = []
    with telling(said.append):
        Calibrated(Principle("ratio", model=model)).fit(ARGUMENTS, labels)
    assert said[-1] == "ratio: 48 of 48 arguments"


@pytest.mark.parametrize("method", ["ridge", "isotonic", "ordinal"])
def test_a_saved_calibration_predicts_the_same(tmp_path, server: ChatServer, labels: np.ndarray, method: str) -> None:
    base = Principle("ratio", model="openai/test", api_base=f"{server.url}/v1")
    fitted = Calibrated(base, method=method).fit(ARGUMENTS, labels)  # type: ignore[arg-type]
    again = load_strategy(save_strategy(fitted, tmp_path / "saved"))
    assert again.predict(ARGUMENTS[:6]) == pytest.approx(fitted.predict(ARGUMENTS[:6]))
    assert not list(tmp_path.rglob("*.pkl"))


def test_ordinal_and_isotonic_never_fall_when_a_criterion_rises(model: Model, labels: np.ndarray) -> None:
    fitted = Calibrated(Principle("ratio", model=model), method="ordinal").fit(ARGUMENTS, labels)
    assert (fitted.slopes_ >= 0).all()
    assert (np.diff(fitted.thresholds_) > 0).all()


def test_a_base_that_learns_is_calibrated_on_arguments_it_was_not_fitted_on(
    server: ChatServer, model: Model, labels: np.ndarray
) -> None:
    before = server.stats().received
    fitted = Calibrated(Exemplars(model=model, k=2, draws=1), folds=3).fit(ARGUMENTS, labels)
    assert server.stats().received - before == 48  # each once, by the part that had not seen its group
    assert fitted.seen_.examples == 2 and fitted.seen_.labels == 48
    with pytest.raises(InputError, match="one group"):
        Calibrated(Exemplars(model=model, k=2)).fit(ARGUMENTS, labels, groups=["all"] * 48)


def test_arguments_that_could_not_be_rated_do_not_count_and_are_missing(labels: np.ndarray) -> None:
    def fault(body: object) -> str | None:
        return "wrong_level" if any(f"Reason {number} " in str(body) for number in (3, 7)) else None

    with ChatServer(fault_for=fault) as spoiled:
        broken = connect("openai/test", api_base=f"{spoiled.url}/v1", api_key="k")
        fitted = Calibrated(Principle("ratio", model=broken)).fit(ARGUMENTS, labels)
        found = fitted.predictions(ARGUMENTS)
    assert fitted.fitted_on_ == 46
    assert np.flatnonzero(np.isnan(found.values)).tolist() == [3, 7]
    assert str(found.reasons[3]).startswith("unreadable")


def test_what_gives_no_ratings_cannot_be_calibrated() -> None:
    from argqual.strategies import Length

    with pytest.raises(StrategyError, match="no ratings"):
        Calibrated(Length()).fit(ARGUMENTS, np.arange(48.0))
    with pytest.raises(StrategyError, match="'isotonic'"):
        Calibrated(method="isotnic").fit(ARGUMENTS, np.arange(48.0))  # type: ignore[arg-type]


def test_proportional_odds_finds_the_parameters_that_made_the_levels() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 2))
    thresholds, slopes = np.array([-1.5, 0.2, 1.8]), np.array([0.9, 0.0])
    below = expit(thresholds[None, :] - (x @ slopes)[:, None])
    levels = (rng.random(len(x))[:, None] > below).sum(axis=1)
    fitted = fit_proportional_odds(x, levels, 4)
    assert fitted.slopes == pytest.approx(slopes, abs=0.05)
    assert fitted.thresholds == pytest.approx(thresholds, abs=0.06)
    assert fitted.probabilities(x[:5]).sum(axis=1) == pytest.approx(np.ones(5))


def test_proportional_odds_of_two_levels_is_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(1)
    x = rng.normal(size=(500, 1))
    levels = (x[:, 0] + rng.logistic(size=500) > 0.3).astype(int)
    ours = fit_proportional_odds(x, levels, 2)
    theirs = LogisticRegression(C=1e9).fit(x, levels)
    assert ours.slopes[0] == pytest.approx(theirs.coef_[0, 0], abs=1e-3)
    assert -ours.thresholds[0] == pytest.approx(theirs.intercept_[0], abs=1e-3)


def test_marginal_shares_of_a_fitted_model_are_those_of_the_levels() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(2000, 1))
    levels = np.digitize(0.4 * x[:, 0] + rng.logistic(size=2000), [-2.0, 0.0, 1.0])
    shares = fit_proportional_odds(x, levels, 4).probabilities(x).mean(axis=0)
    assert shares == pytest.approx(np.bincount(levels) / 2000, abs=0.01)


def test_the_penalty_is_chosen_on_groups_that_were_held_out() -> None:
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(20), 5)
    x = np.hstack([np.repeat(rng.normal(size=(20, 60)), 5, axis=0)])  # features tell the group and nothing else
    y = np.repeat(rng.normal(size=20), 5)
    assert best_alpha(x, y, groups.tolist(), (0.001, 10_000.0), 5) in (0.001, 10_000.0)
    assert best_alpha(x, y, ["one"] * 100, (0.001, 10_000.0), 5) == 10_000.0
    signal = rng.normal(size=(100, 3))
    assert best_alpha(signal, signal @ [1.0, 2.0, 3.0], groups.tolist(), (0.01, 1e6), 5) == 0.01
