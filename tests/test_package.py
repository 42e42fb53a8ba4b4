"""The wheel is whole: it has the frameworks in it, and scores an argument far from the sources."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest

import argqual

ROOT = Path(__file__).parents[1]
SMALL = "smollm2-135m"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that has nothing but the wheel installed in it."""
    folder = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile", "--target"]
    done = subprocess.run([*command, str(folder), str(wheel)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def ran(installed: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`argqual` from the installed folder, called in another one."""
    own = ("ARGQUAL_FRAMEWORKS", "ARGQUAL_CORPORA")
    variables = {name: value for name, value in os.environ.items() if name not in own}
    variables["PYTHONPATH"] = str(installed)
    command = [sys.executable, "-m", "argqual", *words]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=120)


def test_the_wheel_holds_the_frameworks_the_cards_the_type_marker_and_the_licence(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {f"argqual/frameworks/{path.name}" for path in (ROOT / "frameworks").glob("*.yaml")}
    assert shipped | {f"argqual/datasets/{path.name}" for path in (ROOT / "datasets").glob("*.yaml")} <= names
    assert "argqual/py.typed" in names  # the classifier "Typing :: Typed" promises it
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_holds_no_tests_and_no_leftovers(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"argqual"}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_the_wheel_says_its_version_its_command_and_what_it_needs(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (about,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = Parser().parsestr(archive.read(about).decode())
    assert metadata["Version"] == argqual.__version__
    assert any(line.startswith("Documentation, https://") for line in metadata.get_all("Project-URL", []))
    needed = {line.split(";")[0].lower() for line in metadata.get_all("Requires-Dist", []) if "extra" not in line}
    for name in ("dspy-ai", "litellm", "scikit-learn", "datasets", "typer", "pydantic", "pyyaml", "platformdirs"):
        assert any(line.startswith(name) for line in needed), name
    assert "argqual = argqual.cli.main:main" in archive.read(about.replace("METADATA", "entry_points.txt")).decode()


def test_an_installed_argqual_finds_its_cards_in_the_package(installed: Path, tmp_path: Path) -> None:
    rows = json.loads(ran(installed, tmp_path, "corpora", "list", "--format", "json").stdout)
    assert {row["id"] for row in rows} == {path.stem for path in (ROOT / "datasets").glob("*.yaml")}
    assert {Path(row["file"]).parent for row in rows} == {installed / "argqual" / "datasets"}


def test_the_folder_of_cards_is_no_package(tmp_path: Path) -> None:
    """`import datasets` finds the library, also from the top of a checkout."""
    assert not list((ROOT / "datasets").rglob("*.py"))
    command = [sys.executable, "-c", "import datasets; print(datasets.Dataset.__name__)"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert found.stdout == "Dataset\n"


def test_an_installed_argqual_finds_its_frameworks_in_the_package(installed: Path, tmp_path: Path) -> None:
    done = ran(installed, tmp_path, "frameworks", "list", "--format", "json")
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    assert {row["id"] for row in rows} == {path.stem for path in (ROOT / "frameworks").glob("*.yaml")}
    assert {Path(row["file"]).parent for row in rows} == {installed / "argqual" / "frameworks"}


@pytest.mark.model
def test_an_installed_argqual_scores_an_argument_on_an_embedded_model(installed: Path, tmp_path: Path) -> None:
    text = "We should take umbrellas, because the forecast says that it will rain all day."
    words = ("--model", SMALL, "--format", "json", "--definitions", "none")
    done = ran(installed, tmp_path, "score", text, *words)
    assert done.stdout, done.stderr
    assessment = json.loads(done.stdout)
    # The smallest of models may answer what cannot be read: that is status and exit code 1, never a score.
    assert done.returncode == (1 if assessment["status"] in ("unreadable", "failed") else 0)
    assert (assessment["overall"]["value"] is None) == (assessment["status"] != "ok")
    assert assessment["framework"]["id"] == "ratio"
    assert [rating["criterion"] for rating in assessment["ratings"]] == ["relevance", "acceptability", "sufficiency"]
    assert assessment["usage"]["input_tokens"] > 50
    assert "Traceback" not in done.stderr
