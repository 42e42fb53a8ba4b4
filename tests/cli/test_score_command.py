"""`argqual score` and `compare` from outside, on the small real model."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import commandline
from argqual.models import weights
from conftest import TWO_QUESTIONS

SMALL = "smollm2-135m"
pytestmark = pytest.mark.model
TEXT = "We should plant trees along the main road, because they cool the pavement in summer."
MODEL = ("--model", SMALL, "--readout", "label")
GOLDEN = f"""\
goldens:
  - id: trees
    expect: {{better: sound, worse: flawed, criteria: [clear]}}
    arguments: {{sound: "{TEXT}", flawed: "Trees are bad."}}
"""
BRIEF = (*MODEL, "--definitions", "none")


def run(*words: str, stdin: str = "", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return commandline.argqual(cwd or Path.cwd(), *words, given=stdin.encode())


def test_into_a_pipe_the_result_is_json_and_progress_is_elsewhere() -> None:
    done = run("score", TEXT, "--issue", "Trees?", *BRIEF)
    assert done.returncode == 0, done.stderr
    assessment = json.loads(done.stdout)
    assert assessment["framework"]["id"] == "ratio"
    assert assessment["readout"] == "label"
    assert 1 <= assessment["overall"]["value"] <= 5
    assert "Rating" in done.stderr


def test_text_a_file_and_a_pipe_are_the_same_argument(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "two.yaml").write_text(TWO_QUESTIONS, encoding="utf-8")
    short = (*BRIEF, "--framework", "two.yaml")
    results = [
        run("score", TEXT, *short, cwd=tmp_path),
        run("score", "letter.txt", *short, cwd=tmp_path),
        run("score", "-", *short, stdin=TEXT, cwd=tmp_path),
    ]
    ratings = [[rating["value"] for rating in json.loads(done.stdout)["ratings"]] for done in results]
    assert ratings[0] == ratings[1] == ratings[2]


def test_a_table_fits_eighty_columns_without_colour() -> None:
    for format in ("text", "markdown"):  # the second finds in the store what the first has asked
        done = run("score", TEXT, "--format", format, *BRIEF)
        assert done.returncode == 0, done.stderr
        assert "\x1b" not in done.stdout
        assert "Sufficiency" in done.stdout
        if format == "text":
            assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_comparison_names_the_better_argument_or_none(tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(TWO_QUESTIONS, encoding="utf-8")
    done = run("compare", TEXT, "Trees are bad.", *BRIEF, "--framework", "two.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    comparison = json.loads(done.stdout)
    assert comparison["overall"]["winner"] in ("a", "b", "undecided")
    assert {answer["criterion"] for answer in comparison["criteria"]} == {"clear", "fair"}


def test_an_unreadable_answer_is_shown_and_exits_with_1(tmp_path: Path) -> None:
    # So small a model gives most of its probability to something else than a level here.
    (tmp_path / "two.yaml").write_text(TWO_QUESTIONS, encoding="utf-8")
    asked = ("--framework", "two.yaml", "--definitions", "none")
    done = run("score", "x y z", "--model", SMALL, "--readout", "expect", "--format", "json", *asked, cwd=tmp_path)
    assessment = json.loads(done.stdout)
    assert done.returncode == (1 if assessment["status"] == "unreadable" else 0)
    assert (assessment["overall"]["value"] is None) == (assessment["status"] != "ok")


def test_goldens_are_rated_on_request(tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(f"{TWO_QUESTIONS}{GOLDEN}", encoding="utf-8")
    done = run("frameworks", "validate", "two.yaml", *MODEL, cwd=tmp_path)
    assert done.returncode in (0, 1), done.stderr
    assert "expectations met by smollm2-135m" in done.stdout


def test_a_model_can_be_tried() -> None:
    done = run("models", "test", SMALL, "--readout", "label")
    assert done.returncode == 0, done.stderr
    assert "tokens in" in done.stdout
    assert "loading" in done.stdout


def test_weights_that_are_missing_are_not_fetched_without_consent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path))
    done = run("score", TEXT, "--model", SMALL)
    assert done.returncode == 2
    assert "98 MB" in done.stderr
    assert "--yes" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_broken_weight_file_is_refused_by_its_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path))
    broken = weights.cache_folder() / weights.KNOWN[SMALL].filename
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"GGUF and nothing else")
    done = run("score", TEXT, "--model", SMALL)
    assert done.returncode == 2
    assert "SHA-256" in done.stderr
    assert "--force" in done.stderr
