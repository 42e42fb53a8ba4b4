"""The example package in `examples/plugin`, installed as a stranger would, adds what it says it adds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from commandline import argqual

ROOT = Path(__file__).parents[1]
USE = """
import json
from argqual.frameworks.catalogue import load_framework
from argqual.strategies import create, load_strategy, save_strategy
from argqual.strategies.registry import known_strategies

texts = ["You fool, no.", "You are wrong.", "Idiots and fools!", "I see it otherwise."]
fitted = create("civil").fit(texts, [1.0, 4.0, 0.0, 4.0])
again = load_strategy(save_strategy(fitted, "saved"))
print(json.dumps({
    "listed": known_strategies()["civil"].summary,
    "order": [int(place) for place in again.predict(texts).argsort()[:2]],
    "criteria": [criterion.id for criterion in load_framework("civility").asked],
}))
"""

CARD = """
schema: argqual/corpus@1
id: graded
title: "Graded letters"
description: "Letters, each behind the grade that a reader gave it."
domain: "letters"
licence: {id: unknown, evidence: "own data", redistribution: false, commercial: false}
files: [{path: letters.txt}]
reader: graded_lines
labels: {civil: {title: "Civil", kind: ordinal, lowest: 1, highest: 3}}
targets: {overall: civil}
figures: {texts: 2}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the package; nothing is fetched for it."""
    target = tmp_path_factory.mktemp("site")
    quiet = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-build-isolation"]
    command = [sys.executable, "-m", "pip", "install", *quiet, "--target", str(target), str(ROOT / "examples/plugin")]
    subprocess.run(command, check=True, capture_output=True)
    return target


def run(site: Path, folder: Path, *words: str) -> str:
    """What `argqual …` says where the package is installed."""
    done = argqual(folder, *words, variables={"PYTHONPATH": str(site)})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_its_strategy_and_its_framework_are_known_by_name(site: Path, tmp_path: Path) -> None:
    paths = os.pathsep.join([str(site), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", USE],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["listed"] == "from argqual-civility"
    # Two insults in three words are worse than one in three; both are worse than none.
    assert found["order"] == [2, 0]
    assert found["criteria"] == ["persons", "tone"]


def test_the_command_line_shows_what_it_brings(site: Path, tmp_path: Path) -> None:
    shown = json.loads(run(site, tmp_path, "strategies", "show", "civil", "--format", "json"))
    assert (shown["family"], shown["learns"], list(shown["parameters"])) == ("added", True, ["words"])
    assert "civility" in run(site, tmp_path, "frameworks", "list")


@pytest.mark.parametrize(("text", "value"), [("Only a fool would say so.", 4 / 3), ("I see it otherwise.", 8 / 3)])
def test_its_model_is_asked_and_its_readout_reads_the_answer(
    site: Path, tmp_path: Path, text: str, value: float
) -> None:
    options = ["--framework", "civility", "--model", "without/fool", "--readout", "blurred", "--no-store"]
    found = json.loads(run(site, tmp_path, "score", text, *options, "--format", "json"))
    assert (found["model"], found["readout"], found["status"]) == ("without/fool", "blurred", "ok")
    # Level 1 becomes 2/3 of 1 and 1/3 of 2; level 3 becomes 1/3 of 2 and 2/3 of 3.
    assert [each["value"] for each in found["ratings"]] == pytest.approx([value, value])


def test_its_reader_reads_a_corpus_whose_card_names_it(site: Path, tmp_path: Path) -> None:
    (tmp_path / "graded.yaml").write_text(CARD, encoding="utf-8")
    (tmp_path / "letters.txt").write_text("3 Let us talk.\n1 You fools.\n", encoding="utf-8")
    checked = json.loads(run(site, tmp_path, "corpora", "check", "graded.yaml", "--format", "json"))
    promised = [each for each in checked["corpora"][0]["findings"] if each["promised"] is not None]
    assert [(each["figure"], each["found"], each["verdict"]) for each in promised] == [("texts", 2, "as promised")]
