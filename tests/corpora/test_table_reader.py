"""Tables as a card describes them: what is read, and what is said of a cell that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from argqual.corpora.new import draft_card
from argqual.corpora.reading import read_corpus
from argqual.errors import CardError, CorpusError
from cardfile import own_card

THREE = "text,quality\nBuses run late.,2\nTrams are quiet.,4\nBikes are cheap.,5\n"


def test_a_row_is_an_argument_with_its_labels(tmp_path: Path) -> None:
    corpus = read_corpus(own_card(tmp_path, THREE))
    assert [argument.text for argument in corpus.arguments] == [
        "Buses run late.",
        "Trams are quiet.",
        "Bikes are cheap.",
    ]
    assert [argument.labels for argument in corpus.arguments] == [{"quality": 2}, {"quality": 4}, {"quality": 5}]
    assert corpus.arguments[0].domain == "letter"


def test_without_an_id_column_an_argument_is_named_by_file_and_row(tmp_path: Path) -> None:
    assert [argument.id for argument in read_corpus(own_card(tmp_path, THREE)).arguments] == [
        "letters-1",
        "letters-2",
        "letters-3",
    ]


def test_roles_are_taken_from_the_columns_that_the_card_names(tmp_path: Path) -> None:
    data = "n,body,q,side,answers,kind,where,part,quality\n7,Yes it is.,Is it?,-1,Who knows?,analogy,forum,test,3\n"
    table = """
  text: body
  id: n
  issue: q
  stance: side
  stances: {1: pro, -1: con}
  context: answers
  type: kind
  domain: where
  split: part"""
    corpus = read_corpus(own_card(tmp_path, data, table=table))
    (argument,) = corpus.arguments
    assert (argument.id, argument.issue, argument.stance, argument.context) == ("7", "Is it?", "con", "Who knows?")
    assert (argument.type, argument.domain, corpus.splits) == ("analogy", "forum", {"7": "test"})


def test_rows_of_one_id_are_one_argument_when_a_row_is_a_judgement(tmp_path: Path) -> None:
    data = "n,text,who,quality\n1,Yes.,ann,2\n1,Yes.,bob,5\n2,No.,ann,1\n2,No.,bob,?\n"
    rest = "labels:\n  quality: {title: Quality, lowest: 1, highest: 5, missing: ['?']}\n"
    corpus = read_corpus(own_card(tmp_path, data, table="{id: n, annotator: who}", rest=rest))
    assert [argument.labels for argument in corpus.arguments] == [{"quality": 3.5}, {"quality": 1}]
    assert [tuple(each) for each in corpus.annotations] == [
        ("1", "ann", "quality", 2),
        ("1", "bob", "quality", 5),
        ("2", "ann", "quality", 1),
        ("2", "bob", "quality", None),
    ]


def test_a_cell_may_hold_a_list_of_ratings_and_another_who_gave_them(tmp_path: Path) -> None:
    data = 'text,quality,who\nYes.,"[1, 4]","[""a"", ""b""]"\n'
    rest = "labels:\n  quality: {title: Quality, lowest: 1, highest: 5, ratings: true, annotators: who}\n"
    corpus = read_corpus(own_card(tmp_path, data, rest=rest))
    assert corpus.arguments[0].labels == {"quality": 2.5}
    assert [(each.annotator, each.value) for each in corpus.annotations] == [("a", 1), ("b", 4)]


def test_an_argument_that_any_of_its_rows_excludes_is_kept_apart(tmp_path: Path) -> None:
    data = "n,text,who,arg,quality\n1,Yes.,ann,y,2\n1,Yes.,bob,n,\n2,No.,ann,y,1\n2,No.,bob,y,3\n"
    table = "{id: n, annotator: who, keep: {column: arg, values: [y]}}"
    corpus = read_corpus(own_card(tmp_path, data, table=table))
    assert [argument.id for argument in corpus.arguments] == ["2"]
    assert [argument.id for argument in corpus.excluded] == ["1"]
    assert len(corpus.annotations) == 4


def test_a_scale_that_points_downwards_is_mirrored_on_itself(tmp_path: Path) -> None:
    rest = "labels:\n  quality: {title: Faults, lowest: 1, highest: 5, higher_is_better: false}\n"
    corpus = read_corpus(own_card(tmp_path, THREE, rest=rest))
    assert [argument.labels["quality"] for argument in corpus.arguments] == [4, 2, 1]


def test_an_open_scale_that_points_downwards_is_negated(tmp_path: Path) -> None:
    rest = "labels:\n  quality: {title: Rank, higher_is_better: false}\n"
    assert [a.labels["quality"] for a in read_corpus(own_card(tmp_path, THREE, rest=rest)).arguments] == [-2, -4, -5]


def test_html_becomes_the_text_that_people_saw(tmp_path: Path) -> None:
    data = 'text,quality\n"One.<br/>Two &amp; <b>three</b> with 2 < 3.",2\n'
    corpus = read_corpus(own_card(tmp_path, data, table="{markup: html}"))
    assert corpus.arguments[0].text == "One.\nTwo & three with 2 < 3."


def test_carriage_returns_tabs_and_another_encoding_are_read_as_the_card_says(tmp_path: Path) -> None:
    data = "text\tquality\rThe caf\xe9 is \x80 5.\t3\r".encode("latin-1")
    corpus = read_corpus(own_card(tmp_path, data, table='{encoding: cp1252, delimiter: "\\t"}'))
    assert corpus.arguments[0].text == "The café is € 5."


@pytest.mark.parametrize("rule", ["false", "none"])
def test_quoting_is_named_as_on_the_command_line(tmp_path: Path, rule: str) -> None:
    data = 'text\tquality\n"Yes.\t1\nNo."\t2\n'
    corpus = read_corpus(own_card(tmp_path, data, table=f'{{delimiter: "\\t", quoting: {rule}}}'))
    assert [argument.text for argument in corpus.arguments] == ['"Yes.', 'No."']


@pytest.mark.parametrize("rule", ["true", "minimal"])
def test_a_quote_that_breaks_the_rule_is_told_with_its_line_and_the_remedy(tmp_path: Path, rule: str) -> None:
    data = 'text\tquality\n"Yes" he said.\t1\n'
    with pytest.raises(CorpusError, match=r"line 2: a quote in the middle of a cell\.\n'quoting: none' in the card"):
        read_corpus(own_card(tmp_path, data, table=f'{{delimiter: "\\t", quoting: {rule}}}'))


def test_a_card_that_is_drafted_for_stray_quotes_takes_them_as_characters(tmp_path: Path) -> None:
    table = tmp_path / "a.tsv"
    table.write_text('text\tscore\n"Yes" he said.\t1\n"No.\t2\n')
    drafted, notes = draft_card("mine", table)
    assert "quoting: none" in drafted
    assert any("quotes in the file" in note for note in notes)
    (tmp_path / "mine.yaml").write_text(drafted)
    assert [each.text for each in read_corpus(tmp_path / "mine.yaml").arguments] == ['"Yes" he said.', '"No.']


def test_a_label_may_come_late_in_lines_of_json(tmp_path: Path) -> None:
    lines = ['{"text": "A."}'] * 150 + ['{"text": "B.", "quality": 3}']
    corpus = read_corpus(own_card(tmp_path, "\n".join(lines), name="letters.jsonl"))
    assert [each.labels for each in corpus.arguments][-1] == {"quality": 3.0}


def test_without_quoting_a_quote_is_a_character(tmp_path: Path) -> None:
    data = 'text\tquality\n"Tis so.\t3\nSo "it" is.\t2\n'
    corpus = read_corpus(own_card(tmp_path, data, table='{delimiter: "\\t", quoting: false}'))
    assert [argument.text for argument in corpus.arguments] == ['"Tis so.', 'So "it" is.']


def test_a_decimal_comma_is_read_when_the_card_says_so(tmp_path: Path) -> None:
    data = "text;quality\nA.;3,5\n"
    assert read_corpus(own_card(tmp_path, data, table='{decimal: ","}')).arguments[0].labels == {"quality": 3.5}
    with pytest.raises(CorpusError, match=r"'3,5' is no number\.\nIs it a decimal comma\?"):
        read_corpus(own_card(tmp_path, data))


def test_a_row_of_empty_cells_is_passed_over(tmp_path: Path) -> None:
    assert len(read_corpus(own_card(tmp_path, "text,quality\nA.,2\n , \nB.,3\n")).arguments) == 2


def test_json_lines_are_read_like_a_table(tmp_path: Path) -> None:
    data = '{"text": "Yes.", "quality": 3.5}\n{"text": "No.", "quality": null}\n'
    corpus = read_corpus(own_card(tmp_path, data, name="letters.jsonl"))
    assert [argument.labels for argument in corpus.arguments] == [{"quality": 3.5}, {}]


def test_parquet_is_read_like_a_table(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    card = own_card(tmp_path, b"", name="letters.parquet")
    pq.write_table(pa.table({"text": ["Yes.", "No."], "quality": [4, 2]}), tmp_path / "letters.parquet")
    assert [argument.labels["quality"] for argument in read_corpus(card).arguments] == [4, 2]


@pytest.mark.parametrize(
    ("data", "table", "said"),
    [
        ("text,quality\nA.,2\nB.,9\n", "{}", "letters.csv: row 2, column 'quality': 9 is outside of the scale 1 to 5"),
        ("text,quality\nA.,2\nB.,good\n", "{}", "letters.csv: row 2, column 'quality': 'good' is no number"),
        ("text,quality\nA.,nan\n", "{}", "letters.csv: row 1, column 'quality': 'nan' is no number"),
        ("text,quality\nA.,2\n   ,3\n", "{}", "letters.csv: row 2, column 'text': the text is empty"),
        ("text,qualty\nA.,2\n", "{}", "letters.csv: there is no column 'quality'. Did you mean 'qualty'?"),
        ("text,quality\nA.,2\nB.\n", "{}", "letters.csv: row 2 is broken: line 3 has 1 cell, the header has 2"),
        ("n,text,quality\n1,A.,2\n1,B.,3\n", "{id: n}", "letters.csv: row 2, column 'n': the id 1 stands"),
        ("n,text,quality\n,A.,2\n", "{id: n}", "letters.csv: row 1, column 'n': the id is empty"),
        (
            "n,text,w,quality\n1,A.,x,2\n1,B.,y,3\n",
            "{id: n, annotator: w}",
            "letters.csv: row 2, column 'text': another text than in row 1",
        ),
        (
            "n,text,w,quality\n1,A.,x,2\n1,A.,x,3\n",
            "{id: n, annotator: w}",
            "letters.csv: row 2, column 'w': 'x' judged 1 before (row 1)",
        ),
        ("text,quality\nA.,2\n", "{stance: quality, stances: {3: pro}}", "row 1, column 'quality': '2' is none of"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_row_and_column(tmp_path: Path, data: str, table: str, said: str) -> None:
    with pytest.raises(CorpusError) as caught:
        read_corpus(own_card(tmp_path, data, table=table))
    assert said in str(caught.value)


def test_a_word_that_is_none_of_the_values_is_named_with_the_nearest_one(tmp_path: Path) -> None:
    rest = 'labels:\n  quality: {title: Quality, values: {"3 (High)": 3, "1 (Low)": 1}}\n'
    with pytest.raises(CorpusError, match=r"'3 \(Hihg\)' is none of the card's values. Did you mean '3 \(High\)'"):
        read_corpus(own_card(tmp_path, "text,quality\nA.,3 (Hihg)\n", rest=rest))


def test_a_list_of_ratings_that_is_none_or_leaves_the_scale_is_an_error(tmp_path: Path) -> None:
    rest = "labels:\n  quality: {title: Quality, lowest: 1, highest: 5, ratings: true}\n"
    for cell, said in (("7", "no JSON list"), ("[1, 9]", "9 is outside of the scale"), ('["x"]', "'x' in the list")):
        data = f"text;quality\nA.;{cell}\n"
        with pytest.raises(CorpusError, match=said):
            read_corpus(own_card(tmp_path, data, table='{delimiter: ";", quoting: false}', rest=rest))


def test_another_encoding_than_the_card_says_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as caught:
        read_corpus(own_card(tmp_path, b"text,quality\nA.,2\nCaf\xe9.,3\n"))
    assert "letters.csv:3: not UTF-8 text" in caught.value.message
    assert caught.value.hint == "Set 'encoding' in the card's table."


def test_a_table_of_which_nothing_is_kept_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="not one argument was read"):
        read_corpus(own_card(tmp_path, THREE, table="{keep: {column: quality, values: [9]}}"))


def test_a_pattern_that_matches_no_file_is_an_error_of_the_card(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="matches none of the card's files"):
        read_corpus(own_card(tmp_path, THREE, table="{files: ['*.tsv']}"))


def test_a_changed_file_is_not_read(tmp_path: Path) -> None:
    card = own_card(tmp_path, THREE)
    card.write_text(card.read_text().replace("{path: letters.csv}", f"{{path: letters.csv, sha256: {'a' * 64}}}"))
    with pytest.raises(CorpusError, match=r"letters\.csv is not the file that its card describes"):
        read_corpus(card)
