"""Reports hold what they held, in every file and format."""

from __future__ import annotations

from pathlib import Path

from pinned.comparing import DATA, compare
from pinned.reports import as_recorded, hostile_report, run_report, shipped_verdicts


def same(found: dict[str, str], part: str) -> None:
    known = {path.relative_to(DATA).as_posix() for path in (DATA / "reports" / part).rglob("*") if path.is_file()}
    recorded = as_recorded(found)
    assert set(recorded) == known
    for name, content in recorded.items():
        compare(name, content)


def test_a_report_of_everything_with_hostile_names_has_the_same_files(tmp_path: Path) -> None:
    same(hostile_report(tmp_path), "hostile")


def test_a_run_file_is_reported_in_the_same_words_and_figures(tmp_path: Path) -> None:
    same(run_report(tmp_path), "run")


def test_the_verdicts_of_the_reports_in_the_repository_are_read_the_same() -> None:
    same(shipped_verdicts(), "verdicts")
