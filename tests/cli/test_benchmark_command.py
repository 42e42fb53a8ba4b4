"""`argqual benchmark` as a user meets it: plan, run, status, report, verdict."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import commandline
from smallbenchmark import write_benchmark

CLAIM = "{words: {says: Words carry over better than length., contrast: tfidf - length, smallest: 0.1}}"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ARGQUAL_MIRROR", raising=False)
    return write_benchmark(tmp_path, claims=CLAIM)


def argqual(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return commandline.argqual(Path.cwd(), "benchmark", *(str(word) for word in words))


def test_from_a_plan_to_a_verdict(file: Path) -> None:
    before = argqual("plan", file, "--format", "text")
    assert before.returncode == 0, before.stderr
    assert "10 folds, 20 cells" in before.stdout and max(map(len, before.stdout.splitlines())) <= 80
    ran = argqual("run", file, "--jobs", "1")
    assert ran.returncode == 0 and "All 20 cells are done" in ran.stderr, ran.stderr
    status = json.loads(argqual("status", file).stdout)
    assert status["strategies"] == {"length": {"done": 10}, "tfidf": {"done": 10}} and not status["changed"]
    after = json.loads(argqual("plan", file).stdout)
    assert [(each["cells"], each["done"]) for each in after["strategies"]] == [(10, 10), (10, 10)]
    report = argqual("report", file, "--format", "text")
    assert report.returncode == 0, report.stderr
    assert "tfidf carries over best" in report.stdout and max(map(len, report.stdout.splitlines())) <= 80
    page = (file.parent / "small-report" / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page and "word17" not in page
    found = json.loads(argqual("verdict", file).stdout)
    assert [(each["id"], each["outcome"]) for each in found] == [("words", "supported")]


def test_a_plan_of_which_nothing_can_be_made_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path / "cache"))
    plan = argqual("plan", write_benchmark(tmp_path, splits="[leave_one_type_out]"), "--format", "text")
    assert plan.returncode == 0, plan.stderr
    assert "Nothing can be run." in plan.stdout and "Cannot be made: leave_one_type_out" in plan.stdout


def test_a_run_that_was_not_is_said_to_be_missing(file: Path) -> None:
    for command in ("status", "report", "verdict"):
        ran = argqual(command, file)
        assert ran.returncode == 2 and "There is no run" in ran.stderr


def test_a_folder_without_results_is_said_to_be_one(tmp_path: Path) -> None:
    for command in ("plan", "report"):
        ran = argqual(command, tmp_path)
        assert ran.returncode == 2 and "is a folder without a results.json" in ran.stderr


def test_a_file_that_is_wrong_is_said_to_be_with_its_line(file: Path) -> None:
    text = file.read_text(encoding="utf-8").replace("tfidf:\n", "tfidf: {params: {alfa: 1}}\n")
    file.write_text(text, encoding="utf-8")
    ran = argqual("plan", file)
    assert ran.returncode == 2 and "Did you mean 'alpha'?" in ran.stderr and "small.yaml:" in ran.stderr


def test_the_schema_is_json() -> None:
    assert json.loads(argqual("schema").stdout)["$schema"].startswith("https://json-schema.org/")
