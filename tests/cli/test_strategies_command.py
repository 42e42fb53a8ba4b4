"""`argqual strategies`: the list, one by its documentation, a saved one. Every sentence here is made up."""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path

import pytest
from typer.testing import CliRunner

import commandline
from argqual.cli.main import app
from argqual.report.strategies import documentation, list_text, show_text
from argqual.strategies.base import Strategy
from argqual.strategies.floors import Length
from argqual.strategies.registry import BUILT_IN, load_class
from argqual.strategies.saving import Training, save_strategy

TRAINING = Training({"letters": "0123456789ab"}, "overall", ("letters: CC-BY-SA-4.0; Name the authors; share alike",))


class Documented(Strategy):
    """Guess, in one
    sentence.

    Parameters
    ----------
    a, b : float, default=1.0
        What both are for;
        a second line.
    kind : {"x", "y"}, optional
        Which kind: one of two.

    Attributes
    ----------
    guess_ : float
        Not a parameter.
    """

    def __init__(self, a: float, *, b: float = 1.0, kind: str | None = None) -> None:
        self.a = a
        self.b = b
        self.kind = kind


def shown(folder: Path, *words: str) -> str:
    """The command in this process, which is quicker."""
    with chdir(folder):
        ran = CliRunner().invoke(app, ["strategies", *words], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return ran.stdout


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    strategy = Length().fit(["Short one.", "A longer one, by far."], [1.0, 2.0])
    return save_strategy(strategy, tmp_path / "mine", training=TRAINING)


def test_the_list_names_all_with_their_needs_in_80_columns(tmp_path: Path) -> None:
    text = shown(tmp_path, "list", "--format", "text")
    assert max(map(len, text.splitlines())) <= 80
    listed = {row["name"]: row for row in json.loads(shown(tmp_path, "list"))}
    assert list(listed) == list(BUILT_IN)
    assert listed["probe"]["extra"] == "local" and listed["mean"]["extra"] is None


def test_the_list_says_how_to_get_an_extra_that_is_missing() -> None:
    row = {"name": "probe", "family": "training", "summary": "a state", "extra": "local", "installed": False}
    assert list_text([row]).endswith("a state (pip install 'argqual[local]')")
    assert list_text([row | {"installed": True}]).endswith("a state [local]")


def test_documentation_has_each_parameter_with_type_default_and_description() -> None:
    said = documentation(Documented)
    assert said["summary"] == "Guess, in one sentence."
    both = {"type": "float", "description": "What both are for; a second line."}
    assert said["parameters"] == {
        "a": {**both, "required": True, "default": None},
        "b": {**both, "required": False, "default": 1.0},
        "kind": {
            "type": '{"x", "y"}',
            "required": False,
            "default": None,
            "description": "Which kind: one of two.",
        },
    }
    text = show_text("documented", "added", None, said, True)
    assert "a, needed (float)" in text and 'kind = None ({"x", "y"})' in text


@pytest.mark.parametrize("name", list(BUILT_IN))
def test_every_parameter_of_every_strategy_is_documented_in_80_columns(name: str) -> None:
    said = documentation(load_class(name))
    assert said["summary"]
    assert not [which for which, about in said["parameters"].items() if not (about["type"] or about["description"])]
    assert max(map(len, show_text(name, "", "local", said, True).splitlines())) <= 80


def test_show_tells_what_a_strategy_takes(tmp_path: Path) -> None:
    assert "k = 4" in shown(tmp_path, "show", "exemplars", "--format", "text")
    said = json.loads(shown(tmp_path, "show", "exemplars"))
    assert said["parameters"]["k"]["default"] == 4 and said["family"] == "exemplar" and said["learns"]


def test_show_tells_where_a_saved_strategy_comes_from_and_what_it_asks_of_you(saved: Path) -> None:
    text = shown(saved.parent, "show", "mine", "--format", "text")
    assert "letters" in text and "share alike" in text and "2 labels" in text and "scikit-learn" in text
    assert max(map(len, text.splitlines())) <= 80
    said = json.loads(shown(saved.parent, "show", "mine"))
    assert said["training"]["corpora"] == {"letters": "0123456789ab"} and "state" not in said


def test_a_folder_called_as_a_strategy_is_meant_by_its_path(saved: Path) -> None:
    saved.rename(saved.parent / "tfidf")
    assert "Parameters (--set" in shown(saved.parent, "show", "tfidf", "--format", "text")
    assert "Trained on   letters" in shown(saved.parent, "show", "./tfidf", "--format", "text")


@pytest.mark.parametrize(
    ("name", "said"),
    [("exemplar", "Did you mean 'exemplars'"), ("./mine", "argqual fit makes one"), (".", "holds no strategy")],
)
def test_what_cannot_be_shown_is_refused_with_what_to_do(tmp_path: Path, name: str, said: str) -> None:
    ran = commandline.argqual(tmp_path, "strategies", "show", name)
    assert ran.returncode == 2 and said in ran.stderr
