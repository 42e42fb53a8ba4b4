"""A run that was begun goes on: the cells of ten benchmarks have the keys and places that they had."""

from __future__ import annotations

from pathlib import Path

import pytest

from pinned.benches import OWN_FILES, SMALL, cells, said
from pinned.comparing import as_json, compare


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("name", [*OWN_FILES, *SMALL])
def test_cells_have_the_keys_that_they_had(
    name: str, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGQUAL_CACHE", str(cache))
    compare(f"cells/{Path(name).stem}.txt", cells(name, tmp_path))


def test_benchmark_files_say_what_they_said() -> None:
    compare("benchmarks.json", as_json(said()))
