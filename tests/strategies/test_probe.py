"""The probe: hidden states of a real model, read once, and the regression on them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

from argqual.argument import Argument
from argqual.errors import ModelError, StrategyError
from argqual.models import states
from argqual.strategies import Probe, load_strategy, save_strategy
from argqual.strategies import probe as module

SMALL = "smollm2-135m"
needs_weights = pytest.mark.model
LONG = [
    f"This is so because the {word} keeps the street cool, and the street was hot." for word in ("oak", "elm", "ash")
]
SHORT = ["Yes.", "No way.", "Sure."]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache for states of the test's own, with the weights where they are."""
    monkeypatch.setattr(states.HiddenStates, "_cache", lambda self: tmp_path / "states.sqlite")
    module._states.cache_clear()
    return tmp_path / "states.sqlite"


@needs_weights
def test_a_probe_learns_reads_each_text_once_and_is_saved(cache: Path, tmp_path: Path) -> None:
    arguments = [Argument(text, issue=f"{number % 3}?") for number, text in enumerate(LONG + SHORT)]
    labels = [2.0, 2.1, 1.9, 0.0, 0.1, -0.1]
    fitted = Probe(model=SMALL).fit(arguments, labels)
    assert len(fitted.coef_) == 576  # SmolLM2-135M's width
    assert fitted.seen_.model == SMALL and fitted.seen_.labels == 6
    predicted = fitted.predict(["This is right because the yew keeps the park cool, and it was hot.", "Never."])
    assert predicted[0] > predicted[1]
    with sqlite3.connect(cache) as kept:
        (count,) = kept.execute("SELECT count(*) FROM state").fetchone()
    assert count == 8
    again = load_strategy(save_strategy(fitted, tmp_path / "saved"))
    assert again.predict(arguments) == pytest.approx(fitted.predict(arguments))


@needs_weights
def test_kept_states_need_no_model(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    first = states.HiddenStates(SMALL).of(SHORT, read.append)
    assert read == [1, 2, 3]
    monkeypatch.setattr(states, "Llama", lambda *_, **__: pytest.fail("the model was loaded"))
    assert np.array_equal(states.HiddenStates(SMALL).of(SHORT, read.append), first)
    assert read == [1, 2, 3]


@needs_weights
def test_a_text_that_does_not_fit_is_missing_with_a_reason(cache: Path) -> None:
    fitted = Probe(model=SMALL).fit(LONG + SHORT, [2.0, 2.1, 1.9, 0.0, 0.1, -0.1])
    found = fitted.predictions(["word " * (states.CONTEXT_TOKENS + 10), "Yes."])
    assert np.isnan(found.values[0]) and np.isfinite(found.values[1])
    assert "too long" in str(found.reasons[0])


def test_wrong_parameters_are_said_before_a_model_is_loaded() -> None:
    with pytest.raises(StrategyError, match="where the argument goes"):
        Probe(prompt="How good?").fit(LONG, [1, 2, 3])
    with pytest.raises(ModelError, match="No weights are called 'nowhere'"):
        Probe(model="nowhere").fit(LONG, [1, 2, 3])
    assert clone(Probe(alphas=(1.0,))).get_params()["alphas"] == (1.0,)
