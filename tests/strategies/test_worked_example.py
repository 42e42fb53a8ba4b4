"""The strategy that docs/strategies.md builds works as written, from an installed package's entry point."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score

from argqual.strategies import create, load_strategy, save_strategy
from argqual.strategies.registry import known_strategies

DOCS = Path(__file__).parents[2] / "docs" / "strategies.md"
TEXTS = ["Good.", "Bad!", "Worse!!", "Worst!!!", "Fine.", "No!!"]
LABELS = [5.0, 4.0, 3.0, 2.0, 5.0, 3.0]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example as pip would leave it: a module, and metadata with the entry point."""
    blocks = re.findall(r"```(\w+)\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL)
    code = next(text for kind, text in blocks if kind == "python" and text.startswith("# shouting.py"))
    point = next(text for kind, text in blocks if kind == "toml")
    (tmp_path / "shouting.py").write_text(code, encoding="utf-8")
    info = tmp_path / "shouting-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n", encoding="utf-8")
    name, target = re.findall(r'^(\w+) = "(.*)"$', point, flags=re.MULTILINE)[0]
    (info / "entry_points.txt").write_text(f"[argqual.strategies]\n{name} = {target}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("shouting", None)


@pytest.mark.usefixtures("installed")
def test_the_example_is_found_fitted_tested_saved_and_loaded(tmp_path: Path) -> None:
    assert known_strategies()["shouting"].family == "added"
    strategy = create("shouting", most=3).fit(TEXTS, LABELS)
    # Labels fall by one a mark: the line through them is 5 - marks.
    assert strategy.predict(["Oh!!", "Well."]) == pytest.approx([3.0, 5.0])
    assert strategy.score(TEXTS, LABELS) == pytest.approx(1.0)
    assert np.isfinite(cross_val_score(create("shouting"), TEXTS, LABELS, cv=2)).all()
    folder = save_strategy(strategy, tmp_path / "saved")
    assert load_strategy(folder).predict(["Oh!!"]) == pytest.approx([3.0])
