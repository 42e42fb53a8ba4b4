"""Ridge on frozen embeddings; the default model where it is cached, a tiny one with random weights else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, cross_val_score

from argqual.errors import FingerprintMismatch, StrategyError, WeightsError
from argqual.models.encoders import find_encoder
from argqual.strategies import embedding
from argqual.strategies.base import telling
from argqual.strategies.embedding import Embedding, embed
from argqual.strategies.saving import load_strategy, save_strategy
from tinyencoder import arguments, needs_encoders, write_tiny

pytestmark = needs_encoders


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_tiny(tmp_path / "tiny")


def small(tiny: Path, **params: object) -> Embedding:
    return Embedding(**({"model": tiny, "max_tokens": 64, "device": "cpu"} | params))  # type: ignore[arg-type]


@pytest.mark.model("all-minilm-l6-v2")
def test_the_default_model_tells_texts_on_one_matter_from_texts_on_another() -> None:
    on = ["Dogs make loyal pets.", "My puppy loves a walk.", "A kitten sleeps all day.", "Cats chase mice at night."]
    off = ["Interest rates rose.", "The bank lends money.", "Bonds lost value today.", "Inflation worries investors."]
    strategy = Embedding(fetch=False, device="cpu").fit(on + off, [1] * 4 + [0] * 4)
    assert strategy.seen_.model == "all-minilm-l6-v2"
    animal, money = strategy.predict(["A hamster in its cage.", "The central bank's policy."])
    assert animal > 0.5 > money


def test_what_there_is_to_learn_is_learnt(tiny: Path) -> None:
    train, labels = arguments(150)
    test, truth = arguments(100, seed=1)
    assert small(tiny).fit(train, labels).score(test, truth) > 0.8


def test_predictions_are_ridge_regression_on_the_vectors(tiny: Path) -> None:
    train, labels = arguments(60)
    strategy = small(tiny, alphas=[0.1]).fit(train, labels)
    vectors = embed([argument.text for argument in train], find_encoder(tiny), max_tokens=64, device="cpu")
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(strategy.predict(train), Ridge(0.1).fit(vectors, labels).predict(vectors), atol=1e-4)


def test_a_cross_validation_embeds_each_text_once(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedded: list[str] = []
    computed = embedding._computed

    def counted(texts: list[str], *rest: object) -> object:
        embedded.extend(texts)
        return computed(texts, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(embedding, "_computed", counted)
    monkeypatch.setattr(embedding, "_kept", {})
    train, labels = arguments(60)
    cross_val_score(small(tiny), train, labels, cv=GroupKFold(3), groups=[each.group for each in train])
    texts = {argument.text for argument in train}
    assert sorted(embedded) == sorted(texts)


def test_the_penalty_is_chosen_on_groups_that_were_not_fitted_on(tiny: Path) -> None:
    train, labels = arguments(60)
    assert small(tiny, alphas=[1e-6, 0.1, 1e9]).fit(train, labels).alpha_ == 0.1


def test_with_one_group_the_penalty_is_chosen_on_rows(tiny: Path) -> None:
    train, labels = arguments(60, groups=1)
    assert small(tiny, alphas=[0.1, 1e9]).fit(train, labels).alpha_ == 0.1


def test_it_says_how_far_it_is(tiny: Path) -> None:
    said: list[str] = []
    with telling(said.append):
        embed(["One text.", "Another one.", "A third."], find_encoder(tiny), max_tokens=64, batch_size=2)
    assert said == ["embedding: 2 of 3 texts", "embedding: 3 of 3 texts"]


def test_two_arguments_are_enough(tiny: Path) -> None:
    assert small(tiny).fit(["trams are quiet", "buses are loud"], [1, 2]).predict(["trams"]).shape == (1,)


def test_saved_and_loaded_it_predicts_the_same(tiny: Path, tmp_path: Path) -> None:
    train, labels = arguments(40)
    strategy = small(tiny).fit(train, labels)
    again = load_strategy(save_strategy(strategy, tmp_path / "saved"))
    assert (again.predict(train) == strategy.predict(train)).all()


def test_with_another_encoder_in_its_place_it_is_not_loaded(tiny: Path, tmp_path: Path) -> None:
    train, labels = arguments(20)
    save_strategy(small(tiny).fit(train, labels), tmp_path / "saved")
    write_tiny(tiny, extra="and some words more")
    with pytest.raises(FingerprintMismatch, match="encoder"):
        load_strategy(tmp_path / "saved")


def test_it_is_cloned_with_its_parameters(tiny: Path) -> None:
    assert clone(small(tiny, alphas=[1, 2])).get_params()["alphas"] == [1, 2]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"alphas": []}, "alphas"),
        ({"alphas": [0]}, "alphas"),
        ({"max_tokens": 1}, "max_tokens"),
        ({"device": "x"}, "x"),
    ],
)
def test_wrong_parameters_are_refused_before_anything_is_done(tiny: Path, params: dict[str, object], said: str) -> None:
    with pytest.raises(StrategyError, match=said):
        small(tiny, **params).fit(*arguments(10))


def test_without_the_extra_the_error_says_what_to_install(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StrategyError, match=r"torch and transformers(?s:.)*argqual\[encoder\]"):
        small(tiny).fit(*arguments(10))


def test_a_model_that_may_not_be_fetched_is_missed_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match="is not on this machine"):
        Embedding(fetch=False).fit(*arguments(10))
    assert [*tmp_path.iterdir()] == []
