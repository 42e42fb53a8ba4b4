"""Cards: what is read, and what is said of a mistake."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from argqual.corpora.cards import card_schema, known_cards, load_card, parse_card, read_card, shipped_folder
from argqual.errors import CardError
from cardfile import CARD, own_card

SEVEN = ("dagstuhl", "dagstuhl_novice", "debate_speeches", "ibm_argq_rank_30k", "typic", "ukpconvarg1", "webis")
SHIPPED = sorted(shipped_folder().glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_card_is_valid_and_called_as_its_file(path: Path) -> None:
    card = read_card(path)
    assert card.id == path.stem
    assert card.licence.evidence
    assert card.citations
    assert card.traps


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_card_fits_the_schema(path: Path) -> None:
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), card_schema())


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(card_schema())
    json.dumps(card_schema())


@pytest.mark.parametrize("name", SEVEN)
def test_a_corpus_that_can_be_downloaded_has_a_hash_for_each_file(name: str) -> None:
    card, _ = load_card(name)
    assert all(file.sha256 and file.bytes for file in card.files)
    assert card.source


def test_overlaps_name_cards_that_exist() -> None:
    known = known_cards()
    for path in SHIPPED:
        card = read_card(path)
        assert {overlap.corpus for overlap in card.overlaps} <= set(known)
        assert card.texts_from is None or card.texts_from in known


def test_what_is_known_of_two_corpora_is_known_on_both_sides_when_they_are_one() -> None:
    cards = {path.stem: read_card(path) for path in SHIPPED}
    linked = {(name, each.corpus) for name, card in cards.items() for each in card.overlaps if each.by == "id"}
    assert {(two, one) for one, two in linked} == linked


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("descripton: x", "letters.yaml:7: descripton: unknown key 'descripton'. Did you mean 'description'?"),
        ("files: [{path: ../x.csv}]", "letters.yaml:7: files.1.path: '../x.csv' leads out of the corpus folder"),
        ("files: [{path: /etc/passwd}]", "leads out of the corpus folder"),
        ("files: [{path: a.csv, sha256: xyz}]", "files.1.sha256: 'xyz' is no SHA-256: 64 digits and letters a to f"),
        ("files: [{path: a.csv}, {path: a.csv}]", "the file 'a.csv' stands here twice"),
        ("source: [{}]", "give exactly one of web, archive, hub and request; here: none"),
        ("source: [{web: 'https://x/', request: ask}]", "give exactly one of web, archive, hub and request"),
        ("source: [{web: 'file:///etc/'}]", "is no web address"),
        ("source: [{hub: a/b}]", "'hub' and 'splits' go together"),
        ("source: [{hub: a/b, splits: {x.csv: train}}]", "'x.csv' is not among the files"),
        ("targets: {overall: quality}", "letters.yaml:7: targets.overall: no label is called 'quality'"),
        ("targets: {overal: quality}", "targets.overal"),
        ("labels: {q: {title: Q, lowest: 3, highest: 3}}", "'lowest' must be less than 'highest'"),
        ("labels: {q: {title: Q, annotators: who}}", "'annotators' is for a label whose cells hold a list"),
        ("labels: {Q: {title: Q}}", "labels: 'Q': only lower-case letters"),
        ("figures: {alpha: {q: .4}}", "figures.alpha.q: no label is called 'q'"),
        ("figures: {length: {q: 4}}", "figures.length.q: "),
        ("reader: table", "a card with 'reader: table' needs a 'table' section"),
        ("table: {}", "a 'table' section needs 'reader: table'"),
        ("reader: webis", "a card with a reader names its files"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_key(line: str, said: str) -> None:
    with pytest.raises(CardError) as caught:
        parse_card(f"{CARD}{line}\n", name="letters.yaml")
    assert said in str(caught.value)


def test_cells_written_as_numbers_in_yaml_are_text_as_in_the_table() -> None:
    card = parse_card(f"{CARD}labels: {{q: {{title: Q, values: {{1: 0, 2: 1}}, missing: [null, 9]}}}}\n")
    assert card.labels["q"].values == {"1": 0, "2": 1}
    assert card.labels["q"].missing == ("", "9")


def test_the_main_label_is_the_overall_target_or_else_the_first() -> None:
    labels = "labels: {a: {title: A}, b: {title: B}}\n"
    assert parse_card(CARD + labels).main_label == "a"
    assert parse_card(CARD + labels + "targets: {overall: b}\n").main_label == "b"
    assert parse_card(CARD).main_label is None


def test_a_folder_of_ones_own_has_its_cards_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_card(tmp_path, "text,quality\nA.,2\n")
    monkeypatch.setenv("ARGQUAL_CORPORA", str(tmp_path))
    assert load_card("letters")[1] == tmp_path / "letters.yaml"
    with pytest.raises(CardError, match=r"No corpus is called 'leters'\. Did you mean 'letters'"):
        load_card("leters")


def test_what_decides_how_it_is_read_changes_the_fingerprint_and_nothing_else(tmp_path: Path) -> None:
    path = own_card(tmp_path, "text,quality\nA.,2\n")
    before = read_card(path).fingerprint
    text = path.read_text()
    path.write_text(text.replace("Made up for tests.", "Made up again."))
    assert read_card(path).fingerprint == before
    path.write_text(text.replace("highest: 5", "highest: 7"))
    assert read_card(path).fingerprint != before
