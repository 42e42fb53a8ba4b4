"""Fine-tuning, with a real BERT so small that it is trained in a second."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.base import clone

from argqual.argument import Argument
from argqual.errors import StrategyError
from argqual.models.encoding import TruncatedWarning
from argqual.strategies.base import telling
from argqual.strategies.encoder import Encoder, hold_out
from argqual.strategies.saving import load_strategy, save_strategy
from tinyencoder import arguments, needs_encoders, write_tiny

pytestmark = needs_encoders


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("tiny"))


def small(tiny: Path, **params: Any) -> Encoder:
    chosen: dict[str, Any] = {"model": tiny, "max_tokens": 64, "device": "cpu", "epochs": 3, "batch_size": 16}
    return Encoder(**(chosen | {"learning_rate": 3e-3} | params))


@pytest.mark.model("all-minilm-l6-v2")
def test_the_default_model_is_trained_too() -> None:
    strategy = Encoder(fetch=False, device="cpu", epochs=1, batch_size=8, validation=0)
    strategy.fit(["Dogs are loyal.", "Cats are clean."] * 4, [1, 2] * 4)
    assert strategy.predict(["Dogs are loyal."]).shape == (1,)


def test_an_obvious_signal_is_learnt_and_predicted_on_the_labels_scale(tiny: Path) -> None:
    train, labels = arguments(200)
    test, truth = arguments(100, seed=1)
    strategy = small(tiny, epochs=6).fit(train, labels)
    assert strategy.score(test, truth) > 0.9
    assert np.mean(np.abs(strategy.predict(test) - truth)) < 0.6  # labels are 1 to 5; their mean is 1.2 off


def test_a_seed_gives_the_same_model_again_and_another_seed_another(tiny: Path) -> None:
    train, labels = arguments(40)
    first, again, other = (small(tiny, seed=seed, epochs=2).fit(train, labels).predict(train) for seed in (0, 0, 1))
    assert (first == again).all()
    assert not np.allclose(first, other)


def test_training_tells_its_epochs_and_how_good_it_is_so_far(tiny: Path) -> None:
    said: list[str] = []
    with telling(said.append):
        small(tiny, epochs=2).fit(*arguments(120))
    assert said[0].startswith("epoch 1 of 2 at most: 16 of 1")
    assert said[-1].startswith("epoch 2 of 2 at most, held-out Spearman ")


def test_the_random_state_of_others_is_left_alone(tiny: Path) -> None:
    import torch

    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    small(tiny, epochs=1).fit(*arguments(20))
    assert (torch.rand(3) == expected).all()


def test_training_stops_when_it_gets_no_better_and_the_best_epoch_is_kept(tiny: Path) -> None:
    train, labels = arguments(120)
    # far too fast, so that it soon gets worse
    strategy = small(tiny, epochs=12, learning_rate=3e-2, patience=2).fit(train, labels)
    ranks = [epoch["held_out_spearman"] for epoch in strategy.history_]
    keys = [(-1 if rank is None else rank, -strategy.history_[at]["held_out_loss"]) for at, rank in enumerate(ranks)]
    assert len(ranks) == strategy.best_epoch_ + 2 < 12
    assert keys[strategy.best_epoch_ - 1] == max(keys)
    held, kind = hold_out([argument.group for argument in train], 0.15, 0)
    assert kind == strategy.held_out_ == "groups"
    rows = np.flatnonzero(held)
    found = spearmanr(strategy.predict([train[row] for row in rows]), [labels[row] for row in rows]).statistic
    best = ranks[strategy.best_epoch_ - 1]
    assert best is not None
    assert found == pytest.approx(best, abs=1e-6)
    assert found > (ranks[-1] or -1)


def test_whole_groups_are_held_out_never_more_than_half() -> None:
    groups = list("aaabbbcccddd") + ["e"] * 8
    held, kind = hold_out(groups, 0.15, seed=0)
    assert kind == "groups"
    inside, outside = set(np.array(groups)[held]), set(np.array(groups)[~held])
    assert inside and outside and not inside & outside
    assert 0.15 * len(groups) <= held.sum() <= len(groups) / 2


def test_a_group_that_is_most_of_the_rows_is_trained_on() -> None:
    held, _ = hold_out(["big"] * 18 + ["small"] * 2, 0.15, seed=0)
    assert held.tolist() == [False] * 18 + [True] * 2


def test_with_one_group_rows_are_held_out(tiny: Path) -> None:
    train, labels = arguments(40, groups=1)
    strategy = small(tiny, epochs=1).fit(train, labels)
    assert strategy.held_out_ == "rows"
    assert hold_out(["a"] * 40, 0.15, 0)[0].sum() == 6


@pytest.mark.parametrize(("count", "validation"), [(9, 0.15), (40, 0)])
def test_without_anything_held_out_all_epochs_are_run(tiny: Path, count: int, validation: float) -> None:
    strategy = small(tiny, epochs=2, validation=validation).fit(*arguments(count))
    assert (strategy.held_out_, strategy.best_epoch_, len(strategy.history_)) == ("none", 2, 2)
    assert "held_out_loss" not in strategy.history_[0]


def test_the_issue_is_read_when_asked_for(tiny: Path) -> None:
    train, labels = arguments(20)
    about = [Argument("trams are quiet", issue=issue) for issue in ("buses", "town", None)]
    with_issue = small(tiny, epochs=1, issue=True).fit(train, labels).predict(about)
    without = small(tiny, epochs=1).fit(train, labels).predict(about)
    assert len(set(with_issue)) == 3
    assert np.ptp(without) < 1e-6


def test_a_text_that_is_cut_is_told(tiny: Path) -> None:
    train, labels = arguments(20)
    with pytest.warns(TruncatedWarning, match="1 of 21 texts"):
        small(tiny, epochs=1, max_tokens=32).fit([*train, "because " * 40], [*labels, 3])


def test_saved_and_loaded_it_predicts_the_same(tiny: Path, tmp_path: Path) -> None:
    train, labels = arguments(40)
    strategy = small(tiny, epochs=1).fit(train, labels)
    folder = save_strategy(strategy, tmp_path / "saved")
    again = load_strategy(folder)
    assert (again.predict(train) == strategy.predict(train)).all()
    assert isinstance(again, Encoder)
    assert again.history_ == strategy.history_
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} == {".json", ".safetensors"}


def test_a_saved_one_does_not_need_the_model_it_started_from(tmp_path: Path) -> None:
    import shutil

    start = write_tiny(tmp_path / "start")
    train, labels = arguments(20)
    strategy = small(start, epochs=1).fit(train, labels)
    save_strategy(strategy, tmp_path / "saved")
    shutil.rmtree(start)
    assert (load_strategy(tmp_path / "saved").predict(train) == strategy.predict(train)).all()


def test_weights_that_were_tampered_with_are_refused(tiny: Path, tmp_path: Path) -> None:
    folder = save_strategy(small(tiny, epochs=1).fit(*arguments(20)), tmp_path / "saved")
    weights = folder / "encoder" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    with pytest.raises(StrategyError, match="has been changed"):
        load_strategy(folder)


def test_the_saved_account_says_which_model_and_how_many_labels(tiny: Path, tmp_path: Path) -> None:
    folder = save_strategy(small(tiny, epochs=1).fit(*arguments(20)), tmp_path / "saved")
    told = json.loads((folder / "strategy.json").read_text())
    assert told["seen"]["labels"] == 20
    assert told["seen"]["model"] == str(tiny)
    assert told["params"]["epochs"] == 1


def test_a_clone_is_not_fitted_and_trains_as_the_first_did(tiny: Path) -> None:
    train, labels = arguments(20)
    first = small(tiny, epochs=1).fit(train, labels)
    copy = clone(first)
    assert not hasattr(copy, "seen_")
    assert (copy.fit(train, labels).predict(train) == first.predict(train)).all()


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"epochs": 0}, "epochs=0: it is 1 or more"),
        ({"learning_rate": 0}, "learning_rate=0: it is above 0"),
        ({"validation": 0.9}, r"validation=0\.9: it is from 0 to 0\.5"),
        ({"patience": 0}, "patience"),
        ({"max_tokens": 65}, "reads 64 tokens at most"),
        ({"device": "quantum"}, "quantum"),
    ],
)
def test_wrong_parameters_are_refused(tiny: Path, params: dict[str, Any], said: str) -> None:
    with pytest.raises(StrategyError, match=said):
        small(tiny, **params).fit(*arguments(20))


def test_a_loss_that_is_not_finite_is_an_error_with_a_remedy(tiny: Path) -> None:
    with pytest.raises(StrategyError, match=r"not finite(?s:.)*Lower learning_rate"):
        small(tiny, learning_rate=1e30, epochs=5).fit(*arguments(60))


def test_without_the_extra_the_error_says_what_to_install(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StrategyError, match=r"torch and transformers(?s:.)*argqual\[encoder\]"):
        small(tiny).fit(*arguments(20))


def test_on_cuda_it_learns_too_and_is_saved_for_any_machine(tiny: Path, tmp_path: Path) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    train, labels = arguments(200)
    strategy = small(tiny, device="cuda", epochs=6).fit(train, labels)
    assert strategy.score(train, labels) > 0.9
    again = load_strategy(save_strategy(strategy, tmp_path / "saved")).set_params(device="cpu")
    assert np.allclose(again.predict(train), strategy.predict(train), atol=1e-3)
