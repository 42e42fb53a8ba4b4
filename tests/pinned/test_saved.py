"""What earlier code saved can still be loaded, and is still found and predicted with as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from pinned.comparing import as_json, compare, rounded
from pinned.saved import STRATEGIES, kept, loaded, program_found, run_found


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_saved_strategy_predicts_what_it_predicted(name: str) -> None:
    compare(f"loaded/{name}.json", as_json(loaded(name)))


def test_kept_assessments_are_found_under_the_keys_of_today_s_judges(tmp_path: Path) -> None:
    compare("loaded/store.json", rounded(as_json(kept(tmp_path))))


def test_a_saved_run_is_read_and_nothing_of_it_is_to_be_run_again(tmp_path: Path) -> None:
    compare("loaded/run.json", rounded(as_json(run_found(tmp_path))))


def test_a_saved_program_asks_what_it_asked() -> None:
    compare("loaded/program.json", as_json(program_found()))
