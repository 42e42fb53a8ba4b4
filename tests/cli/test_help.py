"""What a user sees of a command before using it: its help, and the names that a shell completes."""

from __future__ import annotations

import json
import os
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


def completed(*words: str) -> tuple[list[str], list[str]]:
    """What bash would be offered for the last word, and the heavy packages that were loaded for it."""
    code = f"""
import atexit, json, sys
sys.argv = ["argqual"]
atexit.register(lambda: print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]), file=sys.stderr))
from argqual.cli.main import main
main()
"""
    line = " ".join(["argqual", *words])
    asked = {"_ARGQUAL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | asked, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split(), json.loads(ran.stderr.splitlines()[-1])


@pytest.mark.parametrize(
    ("words", "among"),
    [
        (("sco",), "score"),
        (("score", "letter.txt", "--exp"), "--explain"),
        (("score", "letter.txt", "--framework", "rat"), "ratio"),
        (("score", "letter.txt", "--model", "smol"), "smollm2-135m"),
        (("frameworks", "show", "qo"), "qoam"),
        (("fit", "princ"), "principle"),
        (("fit", "length", "--corpus", "dag"), "dagstuhl"),
        (("strategies", "show", "sur"), "surface"),
        (("optimise", "to"), "toulmin"),
    ],
    ids=lambda each: each if isinstance(each, str) else " ".join(each),
)
def test_a_shell_completes_names_without_loading_anything_heavy(words: tuple[str, ...], among: str) -> None:
    offered, loaded = completed(*words)
    assert among in offered
    assert all(each.startswith(words[-1]) for each in offered)
    assert loaded == []


def test_the_completion_of_a_shell_can_be_shown(tmp_path: Path) -> None:
    ran = commandline.argqual(tmp_path, "--show-completion", variables={"SHELL": "/bin/bash"})
    assert "--install-completion" in commandline.argqual(tmp_path, "--help").stdout
    assert ran.returncode in (0, 1)  # 1: the shell that runs the tests is not known
