"""`argqual fit` and `score --strategy` as a user meets them. Every sentence here is made up."""

from __future__ import annotations

import csv
import io
import json
import random
import sys
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import pyarrow.parquet as pq
import pytest

import commandline
from argqual.argument import Argument
from argqual.cli import score_strategy
from argqual.cli.main import main
from argqual.strategies.base import Predictions
from argqual.strategies.floors import Length
from argqual.strategies.optimised import Optimised
from argqual.strategies.saving import load_strategy, saved_models
from cardfile import own_card
from chatserver import ChatServer

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


class Ran(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def run(folder: Path, *words: str) -> Ran:
    """The command in this process: starting one each time would be most of what the tests take."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with chdir(folder), redirect_stdout(out), redirect_stderr(err), patch.object(sys, "argv", ["argqual", *words]):
        try:
            main()
            code = 0
        except SystemExit as left:
            code = int(left.code or 0)
    return Ran(code, *(stream.buffer.getvalue().decode("utf-8") for stream in (out, err)))


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
    assert found["value"] > 0.9 and found["low"] < found["high"] and found["n"] == 40 and found["clusters"] == 8


@pytest.mark.parametrize("within", ["", "base__"])
def test_fit_checks_once_and_asks_the_reflection_model_for_a_word_once(
    letters: Path, monkeypatch: pytest.MonkeyPatch, within: str
) -> None:
    asked: list[str] = []
    checked: list[Optimised] = []
    connect = Optimised._connect
    monkeypatch.setattr(Optimised, "_connect", lambda strategy: (checked.append(strategy), connect(strategy)))
    with ChatServer(fault_for=lambda body: asked.append(json.dumps(body["messages"]))) as server:
        own = {"model": "openai/test", "api_base": f"{server.url}/v1", "optimiser": "gepa", "readout": "label"}
        own |= {"framework": "ratio", "budget_calls": 30, "validation": 0.2}
        words = [word for key, value in own.items() for word in ("--set", f"{within}{key}={value}")]
        name, *more = ("calibrated", "--set", "base=optimised", "--set", "folds=2") if within else ("optimised",)
        fitted(letters, name, *more, *words, "--limit", "20")
    pings = sum("Answer with: ok" in each for each in asked)
    assert len(checked) == 1 and pings == (3 if within else 1)  # calibrated: fitted on all, and on each of two folds


def test_parameters_reach_the_strategy_also_within_another(letters: Path) -> None:
    folder = fitted(letters, "tfidf", "--set", "alpha=3", "--limit", "30")
    saved = json.loads((folder / "strategy.json").read_text(encoding="utf-8"))
    assert saved["params"]["alpha"] == 3 and saved["seen"]["labels"] == 30
    assert saved["training"]["corpora"].keys() == {"letters"} and saved["training"]["target"] == "overall"
    jury = fitted(letters, "jury", "--set", "members=[length, [words, tfidf]]", "--set", "words__alpha=5")
    assert load_strategy(jury).get_params()["words__alpha"] == 5
    shown = done(letters.parent, "strategies", "show", jury.name, "--format", "text")
    assert "members=[[length, length], [words, tfidf]]" in " ".join(shown.split())


def test_models_are_found_also_in_a_saved_list_of_strategies() -> None:
    member = {"$strategy": "plain", "params": {"model": "smollm2-135m", "readout": "auto"}}
    members = [["a", member], ["b", {"$strategy": "mean", "params": {}}]]
    assert list(saved_models({"strategy": "jury", "params": {"members": members}})) == ["smollm2-135m"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lenght",), "Did you mean 'length'"),
        (("length", "--set", "alpha=1"), "has no parameter 'alpha'"),
        (("calibrated", "--set", "base__modle=x"), "Did you mean 'model'?"),
        (("jury", "--set", "members=[[judge, plain], length]", "--set", "judge__modle=x"), "Did you mean 'model'?"),
        (("length", "--set", "alpha"), "is not NAME=VALUE"),
        (("length", "--target", "logik"), "Did you mean 'logic'"),
        (("length", "--target", "logic"), "has no labels for 'logic'. Its targets: overall"),
        (("length", "--split", "train"), "No argument of letters is in the split 'train'"),
        (("length", "-c", "dagstul"), "Did you mean 'dagstuhl'"),
        (("jury",), "members"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_fitted(letters: Path, words: tuple[str, ...], said: str) -> None:
    ran = run(letters.parent, "fit", *words, "-c", letters.name, "-o", "mine")
    assert ran.returncode == 2 and said in " ".join(ran.stderr.split())
    assert not (letters.parent / "mine").exists()


def test_a_place_where_no_folder_can_be_made_is_known_before_fitting(letters: Path) -> None:
    ran = run(letters.parent, "fit", "length", "-c", letters.name, "-o", f"{letters.name}/mine")
    assert ran.returncode == 2 and "cannot be made" in ran.stderr and "Reading" not in ran.stderr


@pytest.mark.parametrize("words", [("plain",), ("jury", "--set", "members=[length, plain]")])
def test_weights_that_are_missing_are_asked_for_before_anything_else(letters: Path, words: tuple[str, ...]) -> None:
    ran = run(letters.parent, "fit", *words, "-c", letters.name, "-o", "mine")
    assert ran.returncode == 2 and "--yes" in ran.stderr and "Reading" not in ran.stderr


def test_a_check_without_two_groups_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    lines = "".join(f"One word and {'more ' * number}of them.,trees,{number % 3 + 1}\n" for number in range(9))
    card = own_card(tmp_path, "text,issue,quality\n" + lines, table="{issue: issue}", rest=LABELS)
    ran = run(tmp_path, "fit", "length", "-c", card.name, "-o", "mine", "--check")
    assert ran.returncode == 2 and "all these arguments are in one" in ran.stderr
    assert not (tmp_path / "mine").exists()


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


def new_table(letters: Path, rows: int = 20) -> Path:
    table = letters.parent / "new.csv"
    lines = [f"{'word ' * (5 + 3 * number)}end{number}" for number in range(rows)]
    table.write_text("text\n" + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return table


def predicted(path: Path, column: str = "length_prediction") -> list[float]:
    return [json.loads(line)[column] for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_table_is_predicted_as_the_strategy_does_whatever_the_chunks(
    letters: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, table = fitted(letters), new_table(letters)
    monkeypatch.setattr(score_strategy, "_CHUNK", 7)
    done(letters.parent, "score", table.name, "--strategy", folder.name, "-o", "out.jsonl")
    texts = table.read_text(encoding="utf-8").splitlines()[1:]
    assert predicted(letters.parent / "out.jsonl") == pytest.approx(load_strategy(folder).predict(texts))
    done(letters.parent, "score", table.name, "--strategy", folder.name, "-o", "first.jsonl", "--limit", "9")
    assert predicted(letters.parent / "first.jsonl") == predicted(letters.parent / "out.jsonl")[:9]


def test_an_interrupted_table_goes_on_where_it_stopped(letters: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, table = fitted(letters), new_table(letters)
    words = ("score", table.name, "--strategy", folder.name, "-o", "out.jsonl")
    monkeypatch.setattr(score_strategy, "_CHUNK", 7)
    predict, asked = Length._predict, []

    def interrupted(self: Length, arguments: list[Argument]) -> Predictions:
        asked.append(len(arguments))
        if len(asked) == 2:
            raise KeyboardInterrupt
        return predict(self, arguments)

    monkeypatch.setattr(Length, "_predict", interrupted)
    first = run(letters.parent, *words)
    assert first.returncode == 130 and "--resume" in first.stderr and not (letters.parent / "out.jsonl").exists()
    second = run(letters.parent, *words, "--resume")
    assert second.returncode == 0 and "Going on after 7 rows" in second.stderr and "20 rows" in second.stderr
    assert asked == [7, 7, 7, 6]
    assert len(predicted(letters.parent / "out.jsonl")) == 20


def test_what_is_finished_with_rows_missing_still_exits_with_1(letters: Path) -> None:
    folder = fitted(letters)
    (letters.parent / "new.csv").write_text('text\n"Some words."\n""\n', encoding="utf-8")
    words = ("score", "new.csv", "--strategy", folder.name, "-o", "out.csv")
    assert run(letters.parent, *words).returncode == 1
    again = run(letters.parent, *words, "--resume")
    assert again.returncode == 1 and "finished" in again.stderr and "1 without a prediction" in again.stderr


def test_a_fit_and_a_score_as_processes_of_their_own(letters: Path) -> None:
    assert commandline.argqual(letters.parent, "fit", "mean", "-c", letters.name, "-o", "mine").returncode == 0
    table = new_table(letters)
    ran = commandline.argqual(letters.parent, "score", table.name, "--strategy", "mine", "--format", "csv")
    assert ran.returncode == 0 and len(ran.stdout.splitlines()) == 21


# with a model: a server on loopback whose ratings mean nothing


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, ...]]:
    """The settings that reach it."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-90125")
    with ChatServer() as running:
        yield "--set", "model=openai/test", "--set", f"api_base={running.url}/v1"


def test_ratings_behind_a_prediction_are_shown_with_it(letters: Path, server: tuple[str, ...]) -> None:
    folder = fitted(letters, "principle", *server, "--set", "framework=ratio")
    words = ("score", "Trams are quiet, so people sleep.", "--strategy", folder.name)
    shown = run(letters.parent, *words, "--format", "text")
    assert "Sufficiency" in shown.stdout and "Prediction of principle: 0." in shown.stdout, shown.stderr
    assert "from 0 to 1" in shown.stdout and "sk-planted" not in shown.stdout + shown.stderr
    assert "sk-planted" not in (folder / "strategy.json").read_text(encoding="utf-8")
    one = json.loads(done(letters.parent, *words))
    assert one["assessment"]["framework"]["id"] == "ratio"
    assert one["prediction"] == pytest.approx(one["assessment"]["overall"]["quality"])


def test_rows_that_are_compared_with_each_other_are_compared_all_together(
    letters: Path, server: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fitted(letters, "pairwise", *server, "--set", "against=test", "--set", "opponents=2")
    table = new_table(letters, 9)
    monkeypatch.setattr(score_strategy, "_CHUNK_ASKED", 4)
    done(letters.parent, "score", table.name, "--strategy", folder.name, "-o", "out.jsonl")
    texts = table.read_text(encoding="utf-8").splitlines()[1:]
    expected = load_strategy(folder).predict(texts)
    assert predicted(letters.parent / "out.jsonl", "pairwise_prediction") == pytest.approx(expected)


@pytest.mark.parametrize(
    "option",
    [("--framework", "ratio"), ("--explain",), ("--raw",), ("--readout", "label"), ("--concurrency", "4")],
)
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
