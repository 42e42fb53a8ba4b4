"""Everything here is held steady: see `pinned.steady`."""

from __future__ import annotations

from pathlib import Path

import pytest

from pinned.steady import steady


@pytest.fixture(autouse=True)
def held(own_store: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    steady(monkeypatch, tmp_path)
