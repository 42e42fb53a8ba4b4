"""`argqual fit`, `strategies` and `score --strategy` from outside. Every sentence here is made up."""

from __future__ import annotations

import csv
import json
import random
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import commandline
from argqual.strategies.registry import BUILT_IN
from cardfile import own_card

WORDS = [f"word{number}" for number in range(300)]
LABELS = """\
labels:
  quality: {title: Quality, lowest: 1, highest: 5}
targets:
  overall: {label: quality}
"""


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("ARGQUAL_MIRROR", raising=False)
    monkeypatch.delenv("ARGQUAL_CORPORA", raising=False)


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """A card of forty letters on eight topics; the longer, the better."""
    drawn = random.Random(0)
    lines = ["id,issue,text,quality"]
    for number in range(40):
        words = " ".join(drawn.choices(WORDS, k=10 + 2 * number))
        lines.append(f"L{number},topic {number % 8},{words},{1 + number * 5 // 40}")
    return own_card(tmp_path, "\n".join(lines) + "\n", table="{id: [id], issue: issue}", rest=LABELS)


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return commandline.argqual(folder, *words)


def done(folder: Path, *words: str) -> str:
    ran = run(folder, *words)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def fitted(letters: Path, name: str = "length", *more: str) -> Path:
    done(letters.parent, "fit", name, "--corpus", letters.name, "-o", f"my-{name}", *more)
    return letters.parent / f"my-{name}"


# fit


def test_fit_says_what_was_seen_and_under_which_licence(letters: Path) -> None:
    ran = run(letters.parent, "fit", "length", "-c", letters.name, "-o", "mine", "--format", "text")
    assert ran.returncode == 0, ran.stderr
    assert "letters: 40 arguments" in ran.stdout and "40 labels" in ran.stdout
    assert "--check" in ran.stdout  # no figure on what it was fitted on
    assert "CC0-1.0" in ran.stderr
    assert max(map(len, ran.stdout.splitlines())) <= 80


def test_check_tests_on_groups_that_it_was_not_fitted_on(letters: Path) -> None:
    report = json.loads(done(letters.parent, "fit", "length", "-c", letters.name, "-o", "mine", "--check"))
    found = report["check"]["spearman"]
    assert found["value"] > 0.9 and found["low"] <= found["value"] and found["n"] == 40 and found["clusters"] == 8


def test_parameters_reach_the_strategy_also_within_another(letters: Path) -> None:
    folder = fitted(letters, "tfidf", "--set", "alpha=3", "--limit", "30")
    saved = json.loads((folder / "strategy.json").read_text(encoding="utf-8"))
    assert saved["params"]["alpha"] == 3 and saved["seen"]["labels"] == 30
    assert saved["training"]["corpora"].keys() == {"letters"} and saved["training"]["target"] == "overall"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lenght",), "Did you mean 'length'"),
        (("length", "--set", "alpha=1"), "has no parameter 'alpha'"),
        (("length", "--set", "alpha"), "is not NAME=VALUE"),
        (("length", "--target", "logik"), "Did you mean 'logic'"),
        (("length", "--target", "logic"), "has no labels for 'logic'. Its targets: overall"),
        (("length", "--split", "train"), "No argument is in the split 'train'"),
        (("mean", "-c", "dagstuhl"), "argqual corpora fetch"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_fitted(letters: Path, words: tuple[str, ...], said: str) -> None:
    corpus = () if "-c" in words else ("-c", letters.name)
    ran = run(letters.parent, "fit", *words, *corpus, "-o", "mine")
    assert ran.returncode in (2, 3) and said in " ".join(ran.stderr.split())
    assert not (letters.parent / "mine").exists()


def test_a_folder_that_is_there_is_not_written_over(letters: Path) -> None:
    fitted(letters)
    ran = run(letters.parent, "fit", "length", "-c", letters.name, "-o", "my-length")
    assert ran.returncode == 2 and "is there already" in ran.stderr


def test_two_corpora_share_no_scale_and_become_z_scores(letters: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    card = own_card(
        other, "text,quality\n" + "".join(f"{'w ' * n}end,{n % 3 + 1}\n" for n in range(1, 20)), rest=LABELS
    )
    card.write_text(card.read_text(encoding="utf-8").replace("id: letters", "id: others"), encoding="utf-8")
    ran = run(tmp_path, "fit", "mean", "-c", letters.name, "-c", "other/letters.yaml", "-o", "both")
    assert ran.returncode == 0, ran.stderr
    assert "z-scores" in ran.stderr
    assert json.loads((tmp_path / "both" / "strategy.json").read_text())["training"]["target"] == "overall, z-scores"


# score --strategy


def test_a_table_gets_the_prediction_and_keeps_its_columns(letters: Path) -> None:
    folder = fitted(letters)
    table = letters.parent / "new.csv"
    table.write_text(f"text,who\n{'word ' * 20},Ann\n,Ben\n{'word ' * 60},Eve\n", encoding="utf-8")
    ran = run(letters.parent, "score", "new.csv", "--strategy", folder.name, "-o", "scored.parquet")
    assert ran.returncode == 1 and "1 without a prediction" in ran.stderr
    rows = pq.read_table(letters.parent / "scored.parquet").to_pylist()
    assert [row["who"] for row in rows] == ["Ann", "Ben", "Eve"]
    assert rows[0]["length_prediction"] < rows[2]["length_prediction"]
    assert rows[1]["length_prediction"] is None and "empty" in rows[1]["length_reason"]
    again = run(letters.parent, "score", "new.csv", "--strategy", folder.name, "-o", "scored.parquet")
    assert again.returncode == 2 and "--overwrite" in again.stderr


def test_a_stream_and_a_text_are_predicted_too(letters: Path) -> None:
    folder = fitted(letters)
    (letters.parent / "new.csv").write_text("text\nSome words here.\n", encoding="utf-8")
    row = json.loads(done(letters.parent, "score", "new.csv", "--strategy", folder.name))
    one = json.loads(done(letters.parent, "score", "Some words here.", "--strategy", folder.name))
    assert row["length_prediction"] == pytest.approx(one["prediction"])
    assert one["trained_on"] == ["letters"] and one["target"] == "overall"
    shown = done(letters.parent, "score", "Some words here.", "--strategy", folder.name, "--format", "text")
    assert "Prediction of length" in shown and "letters" in shown


def test_csv_streams_have_the_columns(letters: Path) -> None:
    folder = fitted(letters)
    (letters.parent / "new.csv").write_text("text\nSome words here.\n", encoding="utf-8")
    shown = done(letters.parent, "score", "new.csv", "--strategy", folder.name, "--format", "csv")
    assert next(csv.reader(shown.splitlines())) == ["text", "length_prediction", "length_reason", "length_strategy"]


@pytest.mark.parametrize("option", [("--framework", "qoam"), ("--explain",), ("--raw",), ("--readout", "label")])
def test_options_of_judging_do_not_go_with_a_strategy(letters: Path, option: tuple[str, ...]) -> None:
    ran = run(letters.parent, "score", "Some words here.", "--strategy", str(fitted(letters)), *option)
    assert ran.returncode == 2 and "do not go together" in ran.stderr


def test_a_folder_that_is_no_strategy_or_was_changed_is_refused(letters: Path) -> None:
    ran = run(letters.parent, "score", "Some words here.", "--strategy", ".")
    assert ran.returncode == 2 and "holds no strategy" in ran.stderr
    folder = fitted(letters, "tfidf")
    stored = next(folder.glob("*.skops"))
    stored.write_bytes(stored.read_bytes() + b" ")
    ran = run(letters.parent, "score", "Some words here.", "--strategy", folder.name)
    assert ran.returncode == 2 and "has been changed" in ran.stderr


# strategies


def test_list_names_all_with_their_needs_in_80_columns(tmp_path: Path) -> None:
    shown = done(tmp_path, "strategies", "list", "--format", "text")
    assert max(map(len, shown.splitlines())) <= 80
    listed = {row["name"]: row for row in json.loads(done(tmp_path, "strategies", "list"))}
    assert list(listed) == list(BUILT_IN)
    assert listed["probe"]["extra"] == "local"


@pytest.mark.parametrize("name", list(BUILT_IN))
def test_show_describes_every_parameter(name: str) -> None:
    from argqual.report.strategies import documentation
    from argqual.strategies.registry import load_class

    said = documentation(load_class(name))
    assert said["summary"]
    assert not [parameter for parameter, about in said["parameters"].items() if not about["description"]]


def test_show_tells_parameters_with_defaults_and_a_saved_strategy_with_its_origin(letters: Path) -> None:
    shown = done(letters.parent, "strategies", "show", "exemplars", "--format", "text")
    assert "k = 4" in shown and max(map(len, shown.splitlines())) <= 80
    saved = done(letters.parent, "strategies", "show", str(fitted(letters)), "--format", "text")
    assert "letters" in saved and "CC0-1.0" in saved and "40 labels" in saved
    ran = run(letters.parent, "strategies", "show", "exemplar")
    assert ran.returncode == 2 and "exemplars" in ran.stderr
