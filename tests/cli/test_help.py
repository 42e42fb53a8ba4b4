"""What a user sees of a command before using it: its help, and the names that a shell completes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import commandline
from argqual.cli.options import PANELS

HEAVY = ("dspy", "litellm", "sklearn", "datasets", "torch", "pyarrow", "numpy")


def test_the_first_screen_of_score_has_what_is_used_most(tmp_path: Path) -> None:
    ran = commandline.argqual(tmp_path, "score", "--help", variables={"COLUMNS": "80"})
    assert ran.returncode == 0
    lines = ran.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    screen = "\n".join(lines[:24])
    assert screen.startswith("Usage: ")
    for said in ("TEXT|FILE|TABLE|-", "--issue", "--framework", "--explain", "--model"):
        assert said in screen, said
    assert [line[:-1] for line in lines if line[:-1] in PANELS] == list(PANELS)
    assert "130\n  interrupted." in ran.stdout


COMPLETIONS = (
    (("sco",), "score"),
    (("score", "letter.txt", "--exp"), "--explain"),
    (("score", "letter.txt", "--framework", "rat"), "ratio"),
    (("score", "letter.txt", "--model", "smol"), "smollm2-135m"),
    (("frameworks", "show", "qo"), "qoam"),
    (("fit", "princ"), "principle"),
    (("fit", "length", "--corpus", "dag"), "dagstuhl"),
    (("strategies", "show", "sur"), "surface"),
    (("optimise", "to"), "toulmin"),
)


@pytest.fixture(scope="module")
def completed() -> list[tuple[str, list[str]]]:
    """What bash would be offered for each last word, and the heavy packages loaded for it; in one new interpreter."""
    code = f"""
import io, json, os, sys
found, out = [], sys.stdout
os.environ["_ARGQUAL_COMPLETE"] = "complete_bash"
for words in {[words for words, _ in COMPLETIONS]!r}:
    before = set(sys.modules)
    os.environ |= {{"COMP_WORDS": " ".join(["argqual", *words]), "COMP_CWORD": str(len(words))}}
    sys.argv, sys.stdout = ["argqual"], io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    try:
        from argqual.cli.main import main
        main()
    except SystemExit as left:
        assert not left.code, (words, left.code)
    sys.stdout.flush()
    said = sys.stdout.buffer.getvalue().decode()
    found.append((said, [name for name in {HEAVY!r} if name in sys.modules and name not in before]))
print(json.dumps(found), file=out)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    found: list[tuple[str, list[str]]] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize(
    ("number", "words", "among"),
    [(number, *each) for number, each in enumerate(COMPLETIONS)],
    ids=[" ".join(words) for words, _ in COMPLETIONS],
)
def test_a_shell_completes_names_without_loading_anything_heavy(
    completed: list[tuple[str, list[str]]], number: int, words: tuple[str, ...], among: str
) -> None:
    said, loaded = completed[number]
    offered = said.split()
    assert among in offered
    assert all(each.startswith(words[-1]) for each in offered)
    assert loaded == []


def test_the_completion_of_a_shell_can_be_shown(tmp_path: Path) -> None:
    ran = commandline.argqual(tmp_path, "--show-completion", variables={"SHELL": "/bin/bash"})
    assert "--install-completion" in commandline.argqual(tmp_path, "--help").stdout
    assert ran.returncode in (0, 1)  # 1: the shell that runs the tests is not known
