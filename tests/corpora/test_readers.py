"""Readers by name: argqual's own, and one that an installed package adds, which is the example of the docs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from argqual.corpora.reading import read_corpus
from argqual.errors import CardError, CorpusError
from cardfile import CARD, LABELS

DOCS = Path(__file__).parents[2] / "docs" / "extending.md"


def card(folder: Path, reader: str, lines: str = "4 Because it rains.\n2 It rains.\n", rest: str = "") -> Path:
    (folder / "letters.txt").write_text(lines, encoding="utf-8")
    path = folder / "letters.yaml"
    path.write_text(f"{CARD}files: [{{path: letters.txt}}]\nreader: {reader}\n{LABELS}{rest}", encoding="utf-8")
    return path


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example as pip would leave it: a module, and metadata with the entry point."""
    site = tmp_path / "site"
    info = site / "debates-1.0.dist-info"
    info.mkdir(parents=True)
    blocks = re.findall(r"```(\w+)\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL)
    code = next(text for kind, text in blocks if kind == "python" and text.startswith("# debates.py"))
    point = next(text for kind, text in blocks if kind == "toml" and "argqual.readers" in text)
    (site / "debates.py").write_text(code, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: debates\nVersion: 1.0\n", encoding="utf-8")
    target = re.findall(r'^debates = "(.*)"$', point, flags=re.MULTILINE)[0]
    (info / "entry_points.txt").write_text(
        f"[argqual.readers]\ndebates = {target}\nlost = debates:read_nothing\nnumber = math:pi\n"
        "slips = slips:read\nother = slips:other\n",
        encoding="utf-8",
    )
    (site / "slips.py").write_text(
        "def read(card, folder, texts):\n    return [][1]\n\ndef other(card, folder, texts):\n    return []\n"
    )
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "debates", raising=False)
    return site


def test_a_card_may_name_the_reader_of_an_installed_package(tmp_path: Path, site: Path) -> None:
    corpus = read_corpus(card(tmp_path, "debates"))
    assert [(each.text, each.labels) for each in corpus.arguments] == [
        ("Because it rains.", {"quality": 4.0}),
        ("It rains.", {"quality": 2.0}),
    ]
    with pytest.raises(Exception, match=r"letters\.txt: row 1, column 'quality': 9 is outside of the scale 1 to 5"):
        read_corpus(card(tmp_path, "debates", "9 Because it rains.\n"))


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("reader", "said"),
    [
        ("debate", "no reader is called 'debate'. Did you mean 'debates'"),
        ("webbis", "no reader is called 'webbis'. Did you mean 'webis'"),
        ("lost", r"gives 'lost' \(debates:read_nothing\) to argqual\.readers cannot be loaded: AttributeError"),
        ("number", r"gives 'number' .*TypeError: 3\.14\d* is no function"),
    ],
)
def test_a_reader_that_cannot_be_had_says_why(tmp_path: Path, reader: str, said: str) -> None:
    with pytest.raises(CardError, match=said):
        read_corpus(card(tmp_path, reader))


@pytest.mark.usefixtures("site")
def test_the_slip_of_a_packages_reader_is_a_sentence_that_names_its_place(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"the reader 'slips' .* failed: IndexError: .* \(slips\.py, line 2\)"):
        read_corpus(card(tmp_path, "slips"))
    with pytest.raises(CorpusError, match=r"the reader 'other' .* failed: TypeError: it gave list, not a Corpus"):
        read_corpus(card(tmp_path, "other"))


def test_a_reader_that_is_not_there_may_be_in_a_package_that_is_not_installed(tmp_path: Path) -> None:
    with pytest.raises(CardError) as error:
        read_corpus(card(tmp_path, "debates"))
    assert "installed, with an entry point of argqual.readers" in (error.value.hint or "")


def test_a_reader_of_judgements_needs_the_corpus_with_the_texts(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="the reader 'novice' needs 'texts_from'"):
        read_corpus(card(tmp_path, "novice"))


def test_no_reader_is_imported_before_it_is_needed() -> None:
    code = "import sys, argqual.corpora.reading; print([name for name in sys.modules if '.readers.' in name])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['argqual.corpora.readers.registry']"
