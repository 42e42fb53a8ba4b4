"""`argqual corpora`: list, info, fetch, check, new, schema. Every sentence here is made up."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import pytest
import yaml

import commandline
from argqual.corpora.cards import shipped_folder
from argqual.corpora.reading import read_corpus
from cardfile import CARD, own_card

SHIPPED = sorted(path.stem for path in shipped_folder().glob("*.yaml"))
WORDS = [f"word{number}" for number in range(300)]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("ARGQUAL_CACHE", str(cache))
    monkeypatch.delenv("ARGQUAL_MIRROR", raising=False)
    monkeypatch.delenv("ARGQUAL_CORPORA", raising=False)
    return cache


def argqual(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return commandline.argqual(folder, "corpora", *words)


def done(folder: Path, *words: str) -> str:
    """What a command says that must succeed."""
    ran = argqual(folder, *words)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def within_80(shown: str) -> bool:
    return all(len(line) <= 80 or " " not in line.strip() for line in shown.splitlines())


def letters(folder: Path, rows: int = 40) -> Path:
    """A CSV of letters whose rating rises with their length."""
    table = folder / "letters.csv"
    drawn = random.Random(0)
    lines = ["letter_id,headline,text,rating"]
    for number in range(rows):
        length = 10 + 2 * number
        lines.append(
            f"L{number},topic {number % 8},{' '.join(drawn.choices(WORDS, k=length))},{1 + number * 5 // rows}"
        )
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return table


# list and info


def test_list_names_every_card_and_where_it_stands(tmp_path: Path) -> None:
    rows = json.loads(done(tmp_path, "list", "--format", "json"))
    assert [row["id"] for row in rows] == SHIPPED
    state = {row["id"]: row["state"] for row in rows}
    assert state["dagstuhl"] == "to fetch, 0.6 MB"
    assert state["gaqcorpus"] == "on request"
    assert {row["id"]: row["forbids"] for row in rows}["persuade"] == ["commercial use"]


def test_list_and_info_keep_to_80_columns(tmp_path: Path) -> None:
    shown = done(tmp_path, "list", "--format", "text")
    assert within_80(shown)
    for name in SHIPPED:
        assert name in shown
        assert within_80(done(tmp_path, "info", name, "--format", "text"))


def test_info_says_what_people_need_before_they_use_it(tmp_path: Path) -> None:
    shown = done(tmp_path, "info", "ukpconvarg1", "--format", "text")
    for said in ("CC-BY-4.0", "lower", "turned around", ".950", "Traps", "Cite", "dagstuhl"):
        assert said in shown


def test_info_as_json_is_the_card(tmp_path: Path) -> None:
    card = json.loads(done(tmp_path, "info", "dagstuhl", "--format", "json"))
    assert card["figures"]["alpha"]["overall_quality"] == 0.444


def test_a_name_that_is_none_is_answered_with_the_nearest(tmp_path: Path) -> None:
    ran = argqual(tmp_path, "info", "dagstul")
    assert ran.returncode == 2
    assert "No corpus is called 'dagstul'. Did you mean 'dagstuhl'" in ran.stderr


def test_a_broken_card_of_ones_own_does_not_hide_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.yaml").write_text("id: mine\n")
    monkeypatch.setenv("ARGQUAL_CORPORA", str(tmp_path))
    ran = argqual(tmp_path, "list", "--format", "json")
    assert ran.returncode == 2
    assert "mine.yaml" in ran.stderr
    assert len(json.loads(ran.stdout)) == len(SHIPPED)


# fetch


def mirrored(folder: Path, monkeypatch: pytest.MonkeyPatch, licence: str) -> None:
    """A card named `given` whose file a mirror has."""
    cards, mirror = folder / "cards", folder / "mirror"
    (mirror / "letters").mkdir(parents=True)
    cards.mkdir()
    (mirror / "letters" / "a.csv").write_text("text,quality\nYes.,2\nNo.,4\n")
    text = CARD.replace("{id: CC0-1.0, evidence: made up, redistribution: true, commercial: true}", licence)
    (cards / "letters.yaml").write_text(
        f"{text}source: [{{web: 'http://127.0.0.1:9/'}}]\nfiles: [{{path: a.csv}}]\nreader: table\ntable: {{}}\n"
        "labels: {quality: {title: Q, lowest: 1, highest: 5}}\n"
    )
    monkeypatch.setenv("ARGQUAL_CORPORA", str(cards))
    monkeypatch.setenv("ARGQUAL_MIRROR", str(mirror))


FREE = "{id: CC0-1.0, evidence: made up, redistribution: true, commercial: true}"
STRICT = "{id: CC-BY-NC-4.0, evidence: its page, redistribution: true, commercial: false}"


def test_fetch_brings_a_corpus_from_the_mirror_and_says_that_it_has_no_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    mirrored(tmp_path, monkeypatch, FREE)
    shown = done(tmp_path, "fetch", "letters")
    assert "1 without a hash to verify" in " ".join(shown.split())
    assert (own_cache / "corpora" / "letters" / "a.csv").is_file()
    assert {row["id"]: row["state"] for row in json.loads(done(tmp_path, "list", "--format", "json"))}["letters"] == (
        "fetched"
    )


def test_a_licence_that_forbids_something_has_to_be_agreed_to_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrored(tmp_path, monkeypatch, STRICT)
    ran = argqual(tmp_path, "fetch", "letters")
    assert ran.returncode == 2
    assert "(CC-BY-NC-4.0) does not allow commercial use" in " ".join(ran.stderr.split())
    assert "--accept-licence" in ran.stderr
    done(tmp_path, "fetch", "letters", "--accept-licence")
    done(tmp_path, "fetch", "letters", "--force")


def test_what_cannot_be_fetched_does_not_keep_others_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirrored(tmp_path, monkeypatch, FREE)
    (tmp_path / "cards" / "unreachable.yaml").write_text(
        CARD.replace("id: letters", "id: unreachable")
        + "source: [{web: 'http://127.0.0.1:9/'}]\nfiles: [{path: a.csv, bytes: 3}]\n"
    )
    ran = argqual(tmp_path, "fetch", "gaqcorpus", "unreachable", "letters", "--accept-licence")
    assert ran.returncode == 3
    assert "gaqcorpus cannot be downloaded" in ran.stderr
    assert "unreachable (3 bytes) could not be fetched" in ran.stderr
    assert "letters: 1 file in" in " ".join(ran.stdout.split())


def test_what_has_to_be_asked_for_is_told_before_any_licence(tmp_path: Path) -> None:
    ran = argqual(tmp_path, "fetch", "gaqcorpus")
    assert ran.returncode == 2
    assert "it is to be had by request" in ran.stderr
    assert "--accept-licence" not in ran.stderr


# new and check: a card of one's own


def test_a_table_of_ones_own_becomes_a_corpus_that_is_checked(tmp_path: Path) -> None:
    letters(tmp_path)
    assert "argqual corpora check my-letters.yaml" in done(tmp_path, "new", "my-letters", "--from", "letters.csv")
    shown = done(tmp_path, "check", "my-letters.yaml", "--format", "text")
    assert "my-letters: 1 of 1 figures as the card says." in shown
    assert within_80(shown)
    found = json.loads(done(tmp_path, "check", "my-letters.yaml", "--format", "json"))
    figures = {each["figure"]: each for each in found["corpora"][0]["findings"]}
    assert figures["texts"]["found"] == 40
    assert figures["length"]["found"] > 0.9  # made to rise with length
    assert 0.9 < figures["length"]["low"] < figures["length"]["high"] <= 1


def test_new_guesses_the_columns_and_leaves_scales_to_be_checked(tmp_path: Path) -> None:
    letters(tmp_path)
    done(tmp_path, "new", "my-letters", "--from", "letters.csv")
    card = yaml.safe_load((tmp_path / "my-letters.yaml").read_text(encoding="utf-8"))
    assert card["table"] == {"text": "text", "issue": "headline"}
    assert card["labels"]["rating"]["lowest"] == 1
    assert card["labels"]["rating"]["highest"] == 5
    assert card["labels"]["rating"]["kind"] == "ordinal"
    assert card["files"][0]["sha256"]


def test_new_does_not_write_over_a_card(tmp_path: Path) -> None:
    letters(tmp_path)
    (tmp_path / "mine.yaml").write_text("precious")
    ran = argqual(tmp_path, "new", "mine", "--from", "letters.csv")
    assert ran.returncode == 2
    assert (tmp_path / "mine.yaml").read_text() == "precious"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("mine", "--from", "none.csv"), "There is no file none.csv"),
        (("mine", "--from", "letters.csv", "--text", "txt"), "there is no column 'txt'. Did you mean 'text'"),
        (("mine", "--from", "letters.csv", "--label", "text"), "neither numbers nor a few words"),
        (("Mine!", "--from", "letters.csv"), "only lower-case letters"),
        (("mine", "--from", "letters.csv", "--output", "elsewhere/mine.yaml"), "does not lie beside"),
    ],
)
def test_new_says_what_it_cannot_do(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    letters(tmp_path)
    ran = argqual(tmp_path, "new", *words)
    assert ran.returncode == 2
    assert said in " ".join(ran.stderr.split())
    assert not list(tmp_path.glob("*.yaml"))


def test_words_are_put_in_their_usual_order_or_marked(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,level,colour\nYes.,high,red\nNo.,low,blue\nSo.,medium,red\n")
    said = done(tmp_path, "new", "a", "--from", "a.csv", "--label", "level", "--label", "colour")
    labels = yaml.safe_load((tmp_path / "a.yaml").read_text())["labels"]
    assert labels["level"]["values"] == {"low": 1, "medium": 2, "high": 3}
    assert labels["colour"]["values"] == {"blue": 1, "red": 2}
    assert "put them in order" in said
    assert "CHECK THE ORDER" in (tmp_path / "a.yaml").read_text()


def test_a_table_out_of_a_spreadsheet_is_read_with_its_commas_and_blank_rows(tmp_path: Path) -> None:
    table = tmp_path / "excel.csv"
    table.write_bytes('\ufeffKommentar;Note\r\n"Bus; spät";3,5\r\n;\r\nBahn fährt;2,0\r\n'.encode())
    done(tmp_path, "new", "excel", "--from", "excel.csv")
    card = yaml.safe_load((tmp_path / "excel.yaml").read_text(encoding="utf-8"))
    assert card["table"] == {"decimal": ",", "text": "Kommentar"}
    assert card["figures"] == {"texts": 2}
    rows = read_corpus(tmp_path / "excel.yaml").arguments
    assert [(row.text, row.labels["note"]) for row in rows] == [("Bus; spät", 3.5), ("Bahn fährt", 2.0)]


def test_a_column_named_as_a_label_is_not_taken_for_the_texts(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("words,level\nBus,unbelievably good\nTram,bad\n")
    done(tmp_path, "new", "a", "--from", "a.csv", "--label", "level")
    assert yaml.safe_load((tmp_path / "a.yaml").read_text())["table"]["text"] == "words"


def test_lines_of_json_may_leave_a_key_out(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "One.", "q": 1, "more": 1}\n{"text": "Two.", "q": 2.5}\n')
    done(tmp_path, "new", "a", "--from", "a.jsonl", "--label", "q")
    assert "a: 1 of 1 figures" in done(tmp_path, "check", "a.yaml", "--format", "text")


def test_one_judgement_a_row_gives_agreement(tmp_path: Path) -> None:
    drawn = random.Random(1)
    lines = ["id,issue,text,rater,quality"]
    for number in range(60):
        true, text = drawn.uniform(2, 4), " ".join(drawn.choices(WORDS, k=20))
        lines += [f"{number},t{number % 20},{text},{who},{round(true + drawn.gauss(0, 0.5))}" for who in "abc"]
    (tmp_path / "long.csv").write_text("\n".join(lines))
    done(tmp_path, "new", "long", "--from", "long.csv")
    found = json.loads(done(tmp_path, "check", "long.yaml", "--format", "json", "--draws", "200"))
    figures = {each["figure"]: each for each in found["corpora"][0]["findings"]}
    assert figures["arguments"]["found"] == 60
    assert 0.2 < figures["alpha"]["low"] < figures["alpha"]["found"] < figures["alpha"]["high"] < 1
    assert figures["ceiling"]["clusters"] == 20


def test_a_figure_that_differs_is_marked_and_ends_with_1(tmp_path: Path) -> None:
    letters(tmp_path)
    done(tmp_path, "new", "mine", "--from", "letters.csv")
    card = tmp_path / "mine.yaml"
    card.write_text(card.read_text().replace("texts: 40", "texts: 41"))
    ran = argqual(tmp_path, "check", "mine.yaml", "--format", "text")
    assert ran.returncode == 1
    assert any("41" in line and line.endswith("<>") for line in ran.stdout.splitlines())
    assert "1 differs (marked <>)" in ran.stdout


def test_a_file_that_was_changed_is_told_with_its_new_hash(tmp_path: Path) -> None:
    table = letters(tmp_path)
    done(tmp_path, "new", "mine", "--from", "letters.csv")
    table.write_text(table.read_text() + "L99,topic 1,one more,3\n")
    ran = argqual(tmp_path, "check", "mine.yaml")
    assert ran.returncode == 2
    assert "letters.csv is not the file that its card describes" in ran.stderr
    assert "If it was changed on purpose, put 'sha256: " in ran.stderr


def test_a_bad_cell_is_told_with_file_row_and_column(tmp_path: Path) -> None:
    card = own_card(tmp_path, "text,quality\nYes.,2\nNo.,9\n")
    ran = argqual(tmp_path, "check", card.name)
    assert ran.returncode == 2
    assert "letters.csv: row 2, column 'quality': 9 is outside of the scale 1 to 5" in " ".join(ran.stderr.split())


def test_leaks_between_tables_of_ones_own_are_found(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    table = letters(tmp_path / "one")
    rows = table.read_text().splitlines()
    (tmp_path / "two" / "other.csv").write_text("\n".join([rows[0], *rows[30:]]))
    done(tmp_path, "new", "one", "--from", "one/letters.csv")
    done(tmp_path, "new", "two", "--from", "two/other.csv")
    ran = argqual(tmp_path, "check", "one/one.yaml", "two/two.yaml", "--leaks", "--format", "json", "--draws", "100")
    assert ran.returncode == 0, ran.stderr
    shared = {(each["first"], each["second"]): each["copies"] for each in json.loads(ran.stdout)["leaks"]["shared"]}
    assert shared == {("one", "two"): 11, ("two", "one"): 11}


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".csv"])
def test_a_corpus_is_exported_as_a_table_that_argqual_scores(tmp_path: Path, suffix: str) -> None:
    from argqual.tabular.sources import open_source

    letters(tmp_path)
    done(tmp_path, "new", "mine", "--from", "letters.csv")
    done(tmp_path, "export", "mine.yaml", "--output", f"out{suffix}")
    rows = [row.cells for row in open_source(str(tmp_path / f"out{suffix}")).rows()]
    assert len(rows) == 40
    assert float(rows[3]["overall"]) == 1
    assert rows[3]["id"] == "letters-4"
    assert (float(rows[3]["label_rating"]) if suffix == ".csv" else rows[3]["labels"][0]["value"]) == 1
    ran = argqual(tmp_path, "export", "mine.yaml", "--output", f"out{suffix}")
    assert ran.returncode == 2
    assert "is there already" in ran.stderr


def test_a_described_corpus_is_not_read(tmp_path: Path) -> None:
    ran = argqual(tmp_path, "check", "marro_essays")
    assert ran.returncode == 2
    assert "argqual has no reader for it" in ran.stderr


def test_schema_is_json(tmp_path: Path) -> None:
    assert json.loads(done(tmp_path, "schema"))["title"] == "Card"
