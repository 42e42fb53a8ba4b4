"""Strategies in folders: what is recorded, and what is refused."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
import sklearn.utils
from sklearn.linear_model import Ridge

from argqual.errors import FingerprintMismatch, StrategyError
from argqual.strategies import Length, Strategy, Tfidf, load_strategy, save_strategy
from argqual.strategies.base import Predictions
from argqual.strategies.saving import Training, describe_saved
from strategies_data import ARGUMENTS, LABELS


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    training = Training({"letters": "abc"}, "overall", ("letters: CC-BY-4.0; Name the authors",))
    return save_strategy(Tfidf().fit(ARGUMENTS, LABELS), tmp_path / "saved", training=training)


def test_the_folder_says_what_it_is_and_what_it_asks_of_whoever_passes_it_on(saved: Path) -> None:
    content = describe_saved(saved)
    assert content["training"] == {
        "corpora": {"letters": "abc"},
        "target": "overall",
        "licences": ["letters: CC-BY-4.0; Name the authors"],
    }
    assert content["versions"].keys() >= {"scikit-learn", "numpy"}
    assert content["seen"]["labels"] == 24


def test_a_changed_or_missing_file_is_refused(saved: Path) -> None:
    stored = next(saved.glob("*.skops"))
    content = stored.read_bytes()
    stored.write_bytes(content[:-1] + b"x")
    with pytest.raises(StrategyError, match="has been changed"):
        load_strategy(saved)
    stored.unlink()
    with pytest.raises(StrategyError, match="missing"):
        load_strategy(saved)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"schema": "argqual/strategy@9"}', '{"schema": "argqual/strategy@1"}']
)
def test_what_is_no_strategy_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "strategy.json").write_text(content, encoding="utf-8")
    with pytest.raises(StrategyError, match=r"strategy\.json"):
        load_strategy(tmp_path)
    with pytest.raises(StrategyError, match="holds no strategy"):
        load_strategy(tmp_path / "elsewhere")


def test_a_path_out_of_the_folder_is_refused(saved: Path, tmp_path: Path) -> None:
    main = saved / "strategy.json"
    content = json.loads(main.read_text(encoding="utf-8"))
    content["state"]["ridge_"] = {"$skops": "../other.skops"}
    main.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(StrategyError, match="no file of it"):
        load_strategy(saved)


class Stranger(Ridge):  # type: ignore[misc]
    """An estimator of somebody else's."""


@pytest.mark.parametrize("held", [Path("/anywhere"), Stranger(), np.memmap, sklearn.utils.Bunch])
def test_types_that_are_not_listed_are_not_brought_to_life(saved: Path, held: object) -> None:
    import hashlib

    import skops.io

    target = saved / "ridge_.skops"
    skops.io.dump(held, target)
    main = saved / "strategy.json"
    content = json.loads(main.read_text(encoding="utf-8"))
    content["files"]["ridge_.skops"] = hashlib.sha256(target.read_bytes()).hexdigest()
    main.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(StrategyError, match="nothing that argqual saves"):
        load_strategy(saved)


def test_what_could_not_be_brought_to_life_again_is_not_saved(tmp_path: Path) -> None:
    fitted = Tfidf().fit(ARGUMENTS, LABELS)
    fitted.ridge_ = Stranger()
    with pytest.raises(StrategyError, match=r"Stranger, which would not be brought to life"):
        save_strategy(fitted, tmp_path / "there")
    assert list(tmp_path.iterdir()) == []


def test_skops_is_of_a_version_without_known_holes() -> None:
    """CVE-2025-54412 and -54413 were closed in 0.12, CVE-2025-54886 in 0.13."""
    content = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    (floor,) = [each.partition(">=")[2] for each in content["project"]["dependencies"] if each.startswith("skops")]
    assert tuple(map(int, floor.split("."))) >= (0, 13)


def test_another_state_of_what_it_depends_on_is_refused(saved: Path) -> None:
    main = saved / "strategy.json"
    content = json.loads(main.read_text(encoding="utf-8"))
    content["depends_on"] = {"framework": "0123"}
    main.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(FingerprintMismatch, match="depends on framework 0123"):
        load_strategy(saved)


def test_nothing_is_written_over_and_nothing_unfitted_is_written(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(StrategyError, match="is there already"):
        save_strategy(Length().fit(ARGUMENTS, LABELS), saved)
    with pytest.raises(StrategyError, match="not fitted"):
        save_strategy(Length(), tmp_path / "new")


class Nameless(Strategy):
    """A strategy for these tests, known under no name."""

    def _fit(self, arguments: list, labels: np.ndarray, groups: list) -> None:
        self.odd_ = object()

    def _predict(self, arguments: list) -> Predictions:
        return Predictions(np.zeros(len(arguments)))


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = Nameless().fit(ARGUMENTS, LABELS)
    with pytest.raises(StrategyError, match="has no name"):
        save_strategy(fitted, tmp_path / "new")
    monkeypatch.setattr("argqual.strategies.saving.strategy_name", lambda strategy: "nameless")
    with pytest.raises(StrategyError, match="odd_ is object, which cannot be saved"):
        save_strategy(fitted, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []
