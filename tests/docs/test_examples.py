"""The worked examples of docs/extending.md work as they are written, each section in a folder of its own.

Fenced blocks are taken in order. One whose first line is a comment with a file's name is that file; a `diff` changes
a copy of argqual's sources; lines of a `console` block that begin with `$ ` are run, and print what stands below them
(`…` is anything). `pip install .` installs into a folder that is on the path, from nowhere but here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import argqual
from docpages import ROOT, Block, blocks

PAGE = ROOT / "docs" / "extending.md"
SECTIONS = {
    section: [each for each in blocks(PAGE) if each.section == section]
    for section in dict.fromkeys(block.section for block in blocks(PAGE))
}


@pytest.mark.parametrize("section", SECTIONS)
def test_a_worked_example_works_as_written(section: str, tmp_path: Path) -> None:
    example = Example(tmp_path)
    for block in SECTIONS[section]:
        example.take(block)


class Example:
    """A folder in which an example is followed, with argqual's sources, `argqual`, `pip` and `pytest` on the path."""

    def __init__(self, folder: Path) -> None:
        self.sources = Path(argqual.__file__).parents[1]
        self.changed = folder / "checkout" / "src"
        self.installed = folder / "installed"
        self.tools = folder / "tools"
        self.work = folder / "work"
        for each in (self.installed, self.tools, self.work):
            each.mkdir()
        pip = f"-m pip install --quiet --no-deps --no-index --no-build-isolation --target {self.installed}"
        calls = {
            "argqual": '-m argqual "$@"',
            "pytest": '-m pytest -p no:cacheprovider "$@"',
            "pip": f'{pip} "${{@:2}}"',
        }
        for name, call in calls.items():
            tool = self.tools / name
            tool.write_text(f"#!/usr/bin/env bash\nexec {sys.executable} {call}\n", encoding="utf-8")
            tool.chmod(0o755)

    def take(self, block: Block) -> None:
        if block.kind == "diff":
            self._change(block)
        elif block.kind == "console":
            self._run(block)
        elif block.file:
            path = self.work / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            # Only where the file's kind has comments does the line with the name belong to it.
            path.write_text(
                block.text.partition("\n")[2] if path.suffix in (".csv", ".txt") else block.text, encoding="utf-8"
            )

    def _change(self, block: Block) -> None:
        """Do what a diff says, in a copy of the sources; its hunks are found by their lines, not by numbers."""
        if self.sources != self.changed:
            shutil.copytree(self.sources / "argqual", self.changed / "argqual")  # with what is compiled already
            for data in ("frameworks", "datasets"):  # where they lie in a checkout
                (self.changed.parent / data).symlink_to(ROOT / data)
            self.sources = self.changed
        for name, hunks in re.findall(r"^\+\+\+ b/src/(\S+)\n(.*?)(?=^--- |\Z)", block.text, re.MULTILINE | re.DOTALL):
            path = self.sources / name
            text = path.read_text(encoding="utf-8") if path.exists() else ""
            for hunk in re.split(r"^@@.*\n", hunks, flags=re.MULTILINE)[1:]:
                lines = hunk.splitlines(keepends=True)
                before = "".join(line[1:] for line in lines if line[0] in " -")
                assert text.count(before) == 1, f"{name} has this {text.count(before)} times:\n{before}"
                text = text.replace(before, "".join(line[1:] for line in lines if line[0] in " +"))
            path.write_text(text, encoding="utf-8")

    def _run(self, block: Block) -> None:
        for call in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, expected = call.partition("\n")
            variables = os.environ | {
                "PATH": f"{self.tools}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": os.pathsep.join(map(str, (self.sources, self.installed, ROOT / "tests"))),
                "PYTHONIOENCODING": "utf-8",
                "COLUMNS": "80",
            }
            ran = subprocess.run(
                ["bash", "-c", command],
                cwd=self.work,
                env=variables,
                capture_output=True,
                encoding="utf-8",
                timeout=300,
            )
            assert ran.returncode == 0, f"{command}\n{ran.stdout}{ran.stderr}"
            said = (ran.stdout or ran.stderr).strip()  # what is said beside a result is not shown
            pattern = "".join(".*" if part == "…" else re.escape(part) for part in re.split("(…)", expected.strip()))
            assert not expected.strip() or re.fullmatch(pattern, said, re.DOTALL), f"{command}\n{said}"
