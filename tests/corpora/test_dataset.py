"""Corpora as data sets: the same features for all, and what stands in the rows."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import argqual
from argqual.corpora.groups import groups_of, leaking_into
from argqual.corpora.reading import read_corpus
from cardfile import own_card

datasets: Any = import_module("datasets")

DATA = """n,text,issue,who,quality,faults
1,Buses run late.,Ban cars?,ann,2,4
1,Buses run late.,Ban cars?,bob,3,
2,"Trams, quiet.",Should we ban the cars,ann,5,1
3,"BUSES run late!",Ban whaling,ann,1,1
"""
LABELS = """labels:
  quality: {title: Quality, lowest: 1, highest: 5}
  faults: {title: Faults, lowest: 0, higher_is_better: false}
targets: {overall: quality, logic: {label: faults, proxy: true}}
"""
TABLE = "{id: n, issue: issue, annotator: who}"


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path / "cache"))
    return own_card(tmp_path, DATA, table=TABLE, rest=LABELS)


def test_a_row_is_an_argument_with_targets_labels_and_judgements(card: Path) -> None:
    rows = argqual.load_corpus(card)
    first = rows[0]
    assert {name: first[name] for name in ("corpus", "id", "text", "issue", "domain", "language", "unit")} == {
        "corpus": "letters",
        "id": "1",
        "text": "Buses run late.",
        "issue": "Ban cars?",
        "domain": "letter",
        "language": "en",
        "unit": "letters",
    }
    assert (first["overall"], first["logic"], first["relevance"]) == (2.5, None, None)
    assert first["labels"] == [{"name": "quality", "value": 2.5}, {"name": "faults", "value": -4}]
    assert first["annotations"] == [
        {"annotator": "ann", "label": "quality", "value": 2},
        {"annotator": "ann", "label": "faults", "value": -4},
        {"annotator": "bob", "label": "quality", "value": 3},
        {"annotator": "bob", "label": "faults", "value": None},
    ]


def test_proxies_fill_targets_only_when_asked_to(card: Path) -> None:
    assert argqual.load_corpus(card)["logic"][:] == [None, None, None]
    assert argqual.load_corpus(card, proxies=True)["logic"][:] == [-4, -1, -1]


def test_every_corpus_has_the_same_features_so_that_several_can_be_joined(card: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = own_card(tmp_path / "other", "text,quality\nYes.,2\n")
    both = datasets.concatenate_datasets([argqual.load_corpus(card), argqual.load_corpus(other)])
    assert both.num_rows == 4
    assert argqual.load_corpus(card).features == argqual.load_corpus(other).features


def test_arguments_on_one_topic_or_with_one_text_are_in_one_group(card: Path) -> None:
    """Row 2 shares the topic of row 1, spelled otherwise; row 3 its text, on another topic."""
    assert len(set(argqual.load_corpus(card)["group"])) == 1


def test_a_group_column_holds_rows_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path / "cache"))
    data = "n,text,essay,quality\n1,One thing.,e1,2\n2,Another matter.,e1,3\n3,A third point.,e2,3\n"
    corpus = read_corpus(own_card(tmp_path, data, table="{id: n, group: essay}"))
    groups = groups_of([corpus])
    assert groups["letters", "1"] == groups["letters", "2"] != groups["letters", "3"]


def test_a_link_by_id_holds_two_corpora_together_whatever_their_texts_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path / "cache"))
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    one = own_card(tmp_path / "a", "n,text,quality\n1,One thing.,2\n2,Another.,2\n", table="{id: n}")
    other = own_card(tmp_path / "b", "n,text,quality\n1,Quite different.,2\n9,Else.,2\n", table="{id: n}")
    other.write_text(other.read_text().replace("id: letters", "id: posts"))
    one.write_text(one.read_text() + "overlaps: [{corpus: posts, kind: same_text, by: id}]\n")
    corpora = [read_corpus(one), read_corpus(other)]
    groups = groups_of(corpora)
    assert groups["letters", "1"] == groups["posts", "1"]
    assert len(set(groups.values())) == 3
    assert leaking_into([("letters", "1")], corpora) == {("posts", "1")}


def test_two_corpora_of_one_name_are_not_compared(card: Path) -> None:
    corpus = read_corpus(card)
    with pytest.raises(argqual.ArgqualError, match="Two corpora are called 'letters'"):
        groups_of([corpus, corpus])


def test_what_was_compared_once_is_not_compared_again(card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = groups_of([read_corpus(card)])
    module = import_module("argqual.corpora.groups")

    def compared(*_: object) -> None:
        raise AssertionError("compared again")

    monkeypatch.setattr(module, "find_leaks", compared)
    assert groups_of([read_corpus(card)]) == groups


@pytest.mark.parametrize("broken", ["", "[[1]]", '[["duplicate", 0, 99, 1.0]]', "{}", "\0"])
def test_a_broken_note_of_what_was_compared_is_made_anew(card: Path, tmp_path: Path, broken: str) -> None:
    groups = groups_of([read_corpus(card)])
    (note,) = (tmp_path / "cache" / "corpora" / ".leaks").iterdir()
    note.write_text(broken)
    assert groups_of([read_corpus(card)]) == groups


def test_a_corpus_of_which_the_files_are_missing_is_not_read(card: Path) -> None:
    (card.parent / "letters.csv").unlink()
    with pytest.raises(argqual.ArgqualError, match="is missing"):
        argqual.load_corpus(card)
