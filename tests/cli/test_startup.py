"""The command line starts at once: asking for help or checking a file loads nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    "dspy",
    "litellm",
    "pyarrow",
    "sklearn",
    "scipy",
    "datasets",
    "torch",
    "transformers",
    "xllamacpp",
    "pandas",
    "numpy",
)


COMMANDS = (
    ("--help",),
    ("--version",),
    ("score", "--help"),
    ("compare", "--help"),
    ("frameworks", "--help"),
    ("models", "--help"),
    ("strategies", "list"),
    ("fit", "--help"),
    ("optimise", "--help"),
    ("store", "info"),
    ("frameworks", "validate", "ratio"),
    ("frameworks", "list"),
    ("frameworks", "show", "qoam"),
    ("frameworks", "schema"),
    ("frameworks", "diff", "ratio", "qoam"),
    ("models", "list"),
    ("corpora", "list"),
    ("corpora", "info", "dagstuhl"),
    ("corpora", "schema"),
)


def loaded_by(code: str) -> set[str]:
    """The heavy packages that are loaded after `code` has run in a new interpreter."""
    watched = f"""
import json, sys
try:
    {code}
except SystemExit as left:
    assert not left.code, left.code
print("\\n" + json.dumps(sorted(name for name in {HEAVY!r} if name in sys.modules)))
"""
    ran = subprocess.run([sys.executable, "-c", watched], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return set(json.loads(ran.stdout.splitlines()[-1]))


def test_the_watch_sees_a_heavy_package() -> None:
    assert "numpy" in loaded_by("import numpy")


@pytest.mark.parametrize(
    "code",
    [
        "import argqual",
        "import argqual; dir(argqual); argqual.__version__",
        "import argqual; argqual.load_framework; argqual.Argument; argqual.Assessment; argqual.ArgqualError",
        "from argqual.models import weights",
    ],
)
def test_importing_what_needs_no_model_loads_nothing_heavy(code: str) -> None:
    assert loaded_by(code) == set()


@pytest.fixture(scope="module")
def loaded() -> dict[str, list[str]]:
    """The heavy packages that each command has loaded, run after one another in a new interpreter."""
    code = f"""
import json, os, sys
found, out = {{}}, sys.stdout
for words in {COMMANDS!r}:
    before = set(sys.modules)
    sys.argv, sys.stdout = ["argqual", *words], open(os.devnull, "w")
    try:
        from argqual.cli.main import main
        main()
    except SystemExit as left:
        assert not left.code, (words, left.code)
    found[" ".join(words)] = [name for name in {HEAVY!r} if name in sys.modules and name not in before]
print(json.dumps(found), file=out)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, list[str]] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_that_asks_no_model_loads_nothing_heavy(loaded: dict[str, list[str]], words: tuple[str, ...]) -> None:
    assert loaded[" ".join(words)] == []


def test_a_name_that_argqual_does_not_have_is_an_attribute_error() -> None:
    loaded_by("import argqual; assert not hasattr(argqual, 'nothing_of_that_name')")


def test_every_public_name_is_there() -> None:
    code = "import argqual; [getattr(argqual, name) for name in argqual.__all__]"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
