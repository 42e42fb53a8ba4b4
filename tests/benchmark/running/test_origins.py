"""A cell's key changes with the version of an installed package that any part of it comes from, and else stays."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from argqual.argument import Argument
from argqual.benchmark.running.run import plan_of
from argqual.benchmark.spec.config import load_benchmark
from argqual.judging.judge import Judge
from plugins import install
from smallbenchmark import write_benchmark

CODE = '''
import csv
from argqual.argument import Argument
from argqual.corpora.corpus import Corpus
from argqual.judging.readouts.label import WrittenLevel
from argqual.models.connect import Model
from argqual.strategies import Length
from pathlib import Path

class Shouting(Length):
    """A stranger's strategy."""

class Written(WrittenLevel):
    """A stranger's read-out."""
    name = "written"
    def __init__(self, setting): super().__init__(None)

def read_mine(card, folder, texts):
    rows = csv.DictReader((folder / card.files[0].path).open(encoding="utf-8"))
    return Corpus(card, tuple(Argument(row["text"], id=row["id"], issue=row["issue"],
                                       labels={"quality": float(row["quality"])}) for row in rows))

def connect_mine(name, *, api_base, api_key):
    return Model(f"mine/{name}", identity="here")

frameworks = Path(__file__).parent / "frameworks"
'''
POINTS = {
    "argqual.strategies": {"shouting": "addition:Shouting"},
    "argqual.readouts": {"written": "addition:Written"},
    "argqual.models": {"mine": "addition:connect_mine"},
    "argqual.readers": {"mine": "addition:read_mine"},
    "argqual.frameworks": {"theirs": "addition:frameworks"},
}
STRATEGIES = """\
  length:
  shouting:
  jury: {params: {members: [length, shouting]}}
  theirs: {strategy: principle, params: {framework: theirs, model: openai/test}}
  asked: {strategy: plain, params: {model: mine/test, readout: label}}
  read: {strategy: plain, params: {model: openai/test, readout: written}}
  plain: {params: {model: openai/test, readout: label}}
"""
BROUGHT = {"shouting", "jury", "theirs", "asked", "read"}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "site"
    (folder / "frameworks").mkdir(parents=True)
    own = (Path(__file__).parents[3] / "frameworks" / "ratio.yaml").read_text(encoding="utf-8")
    (folder / "frameworks" / "theirs.yaml").write_text(own.replace("id: ratio", "id: theirs", 1), encoding="utf-8")
    install(monkeypatch, folder, CODE, POINTS)
    monkeypatch.delitem(sys.modules, "addition", raising=False)
    yield folder
    sys.modules.pop("addition", None)


def upgrade(monkeypatch: pytest.MonkeyPatch, folder: Path, version: str) -> None:
    """The same package in another version; it is found anew under another path."""
    (old,) = folder.glob("*.dist-info")
    metadata = (old / "METADATA").read_text(encoding="utf-8").replace("Version: 1.0", f"Version: {version}")
    moved = folder.rename(folder.with_name(f"site-{version}"))
    (moved / old.name / "METADATA").write_text(metadata, encoding="utf-8")
    (moved / old.name).rename(moved / f"addition-{version}.dist-info")
    monkeypatch.setattr(sys, "path", [str(moved) if place == str(folder) else place for place in sys.path])
    sys.modules.pop("addition", None)


def keys(path: Path) -> dict[str, set[str]]:
    """The keys of each strategy's cells."""
    found: dict[str, set[str]] = {}
    for cell, _ in plan_of(load_benchmark(path)).cells:
        found.setdefault(cell.system.name, set()).add(cell.key)
    return found


def test_keys_of_what_a_package_brings_change_with_its_version_and_no_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: Path
) -> None:
    path = write_benchmark(tmp_path, STRATEGIES)
    before = keys(path)
    upgrade(monkeypatch, installed, "1.1")
    after = keys(path)
    assert {name for name in before if before[name].isdisjoint(after[name])} == BROUGHT
    assert {name for name in before if before[name] == after[name]} == set(before) - BROUGHT


def test_keys_of_what_is_read_by_a_package_change_with_its_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: Path
) -> None:
    path = write_benchmark(tmp_path, "  length:\n")
    card = tmp_path / "east.yaml"
    said = card.read_text(encoding="utf-8").replace("reader: table\n", "reader: mine\n").splitlines(keepends=True)
    card.write_text("".join(line for line in said if not line.startswith("table:")), encoding="utf-8")
    before = plan_of(load_benchmark(path)).cells
    upgrade(monkeypatch, installed, "1.1")
    after = plan_of(load_benchmark(path)).cells
    for (one, _), (other, _) in zip(before, after, strict=True):
        alone = one.fold.split == "in_domain" and one.fold.tested_on == "west"  # nothing of it was read by the package
        assert (one.key == other.key) is alone, one.name


def test_keys_of_assessments_change_with_the_version_of_a_read_out_and_a_model(
    monkeypatch: pytest.MonkeyPatch, installed: Path
) -> None:
    def keys_of_judges() -> list[str]:
        judges = (
            Judge("ratio", model="openai/test", readout="written"),
            Judge("ratio", model="mine/test", readout="label"),
            Judge("ratio", model="openai/test", readout="label"),
        )
        return [judge.key(Argument("So it is.")) for judge in judges]

    before = keys_of_judges()
    upgrade(monkeypatch, installed, "1.1")
    assert [one == other for one, other in zip(before, keys_of_judges(), strict=True)] == [False, False, True]
