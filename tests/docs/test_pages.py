"""What the pages promise is there: links, headings, commands with their options, names that are imported."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import click
import pytest
import typer.main
import yaml

from argqual.assessment import Status
from argqual.cli.main import app
from argqual.strategies.registry import BUILT_IN
from commandline import argqual
from docpages import ROOT, anchors, blocks, commands, named, pages, prose

COMMANDS: Any = typer.main.get_command(app)
PAGES = pytest.mark.parametrize("page", pages(), ids=named)


@PAGES
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", prose(page)):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


@PAGES
def test_every_command_exists_with_the_options_that_are_shown(page: Path) -> None:
    wrong = {" ".join(words): why for words in commands(page) if (why := refusal(words))}
    assert wrong == {}


def refusal(words: list[str]) -> str | None:
    """Why the command line would not take these words; None where it does. Values are not looked at."""
    command = COMMANDS
    context = click.Context(command)
    rest = list(words)
    while hasattr(command, "list_commands") and rest and not rest[0].startswith("-"):
        if rest[0].isupper() or rest[0] == "…":
            return None  # any command
        name = rest.pop(0)
        found = command.get_command(context, name)
        if found is None:
            return f"there is no command '{name}'"
        command, context = found, click.Context(found, parent=context)
    known = {
        option for parameter in command.get_params(context) for option in (*parameter.opts, *parameter.secondary_opts)
    }
    unknown = [word for word in rest if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in known]
    return f"there is no option {', '.join(unknown)}" if unknown else None


def test_the_hook_for_repositories_of_frameworks_is_a_command_that_exists() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert hook["id"] in (ROOT / "docs" / "write-a-framework.md").read_text(encoding="utf-8")
    assert hook["entry"].split()[0] == "argqual"
    assert refusal(hook["entry"].split()[1:]) is None


def test_a_command_that_is_not_there_is_noticed() -> None:
    assert refusal(["frameworks", "lisst"])
    assert refusal(["score", "letter.txt", "--framwork", "ratio"])
    assert refusal(["score", "letter.txt", "-f", "ratio", "--issue=x"]) is None


@PAGES
def test_every_python_block_can_be_read_and_imports_names_that_exist(page: Path) -> None:
    """Those of extending.md are run: see test_examples.py."""
    for block in blocks(page):
        if block.kind != "python" or page.name == "extending.md":
            continue
        for node in ast.walk(ast.parse(block.text, f"{named(page)}:{block.line}")):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "argqual":
                module = importlib.import_module(node.module or "")
                missing = [alias.name for alias in node.names if not hasattr(module, alias.name)]
                assert not missing, f"{named(page)}:{block.line}: {node.module} has no {missing}"


def test_the_readme_can_be_read_in_one_sitting() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def pictures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pictures", ROOT / "docs" / "pictures.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_picture_of_the_layers_is_that_of_the_contract() -> None:
    """When it is not: python docs/pictures.py."""
    assert (ROOT / "docs" / "images" / "layers.svg").read_text(encoding="utf-8") == pictures().house()


def test_the_picture_of_a_score_shows_the_output_of_the_first_page_and_loads_nothing() -> None:
    """When it does not: python docs/pictures.py."""
    image = (ROOT / "docs" / "images" / "score.svg").read_text(encoding="utf-8")
    shown = ["".join(each.itertext()) for each in ElementTree.fromstring(image).iter() if each.tag.endswith("}text")]
    said = "".join("".join(shown).split())
    assert [line for line in pictures().score_output().splitlines() if "".join(line.split()) not in said] == []
    assert "url(http" not in image and "@import" not in image


def shown(start: str) -> list[str]:
    """The lines of the README's blocks below a command that begins so."""
    (found,) = [each for each in blocks(ROOT / "README.md") if f"$ {start}" in each.text]
    return found.text.split(f"$ {start}")[1].partition("\n")[2].splitlines()


def test_the_readme_shows_what_the_first_run_came_to() -> None:
    ran = argqual(ROOT, "benchmark", "verdict", "benchmarks/results/transfer/", "--format", "text")
    *first, more = shown("argqual benchmark verdict")
    assert ran.stdout.splitlines()[: len(first)] == first and more.strip() == "…"


def test_the_readme_shows_what_is_said_of_a_misspelt_key(tmp_path: Path) -> None:
    argqual(tmp_path, "frameworks", "new", "letters")
    file = tmp_path / "letters.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("    weight:", "    wieght:"), encoding="utf-8")
    ran = argqual(tmp_path, "frameworks", "validate", "letters.yaml")
    assert ran.returncode == 2
    assert shown("argqual frameworks validate")[0] in (ran.stdout + ran.stderr).splitlines()


def test_the_rooms_that_contributors_are_sent_to_are_there() -> None:
    rows = [line for line in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    named_there = re.findall(r"`((?:src|tests|docs|frameworks|datasets)/[^`]*)`", "\n".join(rows))
    assert len(named_there) > 30
    assert [path for path in named_there if not any(ROOT.glob(path.rstrip("/")))] == []


def test_the_stops_of_an_argument_and_of_a_card_are_modules_or_rooms() -> None:
    page = prose(ROOT / "docs" / "architecture.md")
    stops = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]*)`", page)) - {"src/", "datasets/"}
    assert len(stops) > 20
    source = ROOT / "src" / "argqual"
    inside = [source, source / "benchmark"]
    assert [stop for stop in stops if not any((f / stop).exists() or (f / f"{stop}.py").exists() for f in inside)] == []


def test_every_strategy_status_and_read_out_is_in_the_glossary() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    readouts = ("expect", "label", "votes:N", "decide", "verbal", "auto")
    names = {*BUILT_IN, *(status.value for status in Status), *readouts}
    assert [name for name in sorted(names) if not re.search(rf"\b{re.escape(name)}\b", page)] == []
