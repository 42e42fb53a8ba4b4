"""CSV and TSV as people write them: a quote, a header or a delimiter out of place costs no row in silence."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import pytest

from argqual.errors import InputError
from argqual.tabular.output import TableOutput, iter_scored
from argqual.tabular.quoting import Ambiguous, Quotes
from argqual.tabular.sources import open_source
from argqual.tabular.table import TableSource

STRAY = 'id\ttext\n1\tCars are bad.\n2\t"Bikes" are good\n3\t"Trains work.\n4\tBuses stop.\n'


def table(folder: Path, content: str, name: str = "a.csv", quoting: str | None = None) -> TableSource:
    (folder / name).write_text(content, encoding="utf-8", newline="")
    return open_source(str(folder / name), quoting=quoting)


def read(source: TableSource) -> list[tuple[object, ...] | str]:
    """The cells of each row, or its problem."""
    rows = [row.problem or tuple(row.cells.values()) for row in source.rows()]
    assert source.count() == len(rows)
    return rows


def test_a_stray_quote_swallows_no_row_and_its_line_is_told(tmp_path: Path) -> None:
    source = table(tmp_path, STRAY, "a.tsv")
    assert read(source) == [
        ("1", "Cars are bad."), ("2", '"Bikes" are good'), ("3", '"Trains work.'), ("4", "Buses stop."),
    ]  # fmt: skip
    (note,) = source.notes()
    assert "line 3: a quote in the middle of a cell; line 4: a quote opens here and is never closed" in note


def test_quoting_minimal_refuses_a_stray_quote_and_reads_the_lines_after_it(tmp_path: Path) -> None:
    assert read(table(tmp_path, STRAY, "a.tsv", "minimal")) == [
        ("1", "Cars are bad."),
        "line 3: a quote in the middle of a cell",
        "line 4: a quote opens here and is never closed",
        ("4", "Buses stop."),
    ]


def test_quoting_none_takes_quotes_as_characters(tmp_path: Path) -> None:
    source = table(tmp_path, 'id,text\n1,"a\n2,"b"\n3,c""\n', quoting="none")
    assert read(source) == [("1", '"a'), ("2", '"b"'), ("3", 'c""')]
    assert source.notes() == []


def test_two_stray_quotes_that_would_join_rows_join_none_in_tsv(tmp_path: Path) -> None:
    source = table(tmp_path, 'id\ttext\n1\t"Trains work.\n2\tBuses stop.\n3\tA screen of 5"\n4\tx\n', "a.tsv")
    assert read(source) == [("1", '"Trains work.'), ("2", "Buses stop."), ("3", 'A screen of 5"'), ("4", "x")]
    assert "line 2: a quote opens here and closes in line 4, though each line looks like a row" in source.notes()[0]


def test_what_can_be_read_in_two_ways_stops_with_the_line_and_both_remedies(tmp_path: Path) -> None:
    content = 'id,text\n1,"Dear all\nI think, that\nyours, Bob"\n'
    with pytest.raises(InputError, match=r"a\.csv: line 2: .*closes in line 4.*\n.*--quoting none.*--quoting minimal"):
        read(table(tmp_path, content))
    assert read(table(tmp_path, content, quoting="minimal")) == [("1", "Dear all\nI think, that\nyours, Bob")]
    assert read(table(tmp_path, content, quoting="none"))[2] == ("yours", ' Bob"')


def test_cells_over_several_lines_stay_whole(tmp_path: Path) -> None:
    source = table(tmp_path, 'id,text,n\n1,"a\n\nb, c\n",2\n2,"He said ""no"".\n""Why?""",3\n')
    assert read(source) == [("1", "a\n\nb, c\n", "2"), ("2", 'He said "no".\n"Why?"', "3")]
    assert source.notes() == []


def test_one_cell_of_many_lines_is_told(tmp_path: Path) -> None:
    source = table(tmp_path, 'id,text\n1,"' + "x\n" * 150 + '"\n')
    assert len(read(source)) == 1
    assert "line 2: one cell in quotes goes on for 151 lines" in source.notes()[0]


def test_a_quote_within_a_cell_of_several_lines_refuses_them_one_by_one(tmp_path: Path) -> None:
    assert read(table(tmp_path, 'id,text\n5,"One.\nHe said "no".\nEnd."\n6,ok\n')) == [
        "line 2: a quote opens here, and the next one, in line 3, is in the middle of a cell",
        "line 3 has 1 cell, the header has 2",
        "line 4 has 1 cell, the header has 2",
        ("6", "ok"),
    ]
    with pytest.raises(InputError, match=r"line 2: .* so it is not plain where its row ends"):
        read(table(tmp_path, 'text\n"One.\nHe said "no".\nEnd."\nok\n'))


def test_a_cell_that_is_far_too_long_is_a_problem_of_its_row(tmp_path: Path) -> None:
    long = "x" * 10_000_001
    for cell in (long, f'"{long}"'):
        assert read(table(tmp_path, f"id,text\n1,{cell}\n2,ok\n")) == [
            "line 2: a cell of more than 10,000,000 characters",
            ("2", "ok"),
        ]


def test_only_the_first_lines_of_many_are_told(tmp_path: Path) -> None:
    source = table(tmp_path, "id,text\n" + '1,"a" b\n' * 9)
    assert "line 4: a quote in the middle of a cell; and 6 more." in source.notes()[0]


@pytest.mark.parametrize("first", ["sep=;\n", "SEP=;\r\n", '"sep=;"\n', "\ufeffsep=;\n"])
def test_a_first_line_for_excel_tells_the_delimiter(tmp_path: Path, first: str) -> None:
    source = table(tmp_path, f"{first}id;text\n1;a, b, c\n2\n")
    assert source.columns == ("id", "text")
    assert read(source) == [("1", "a, b, c"), "line 4 has 1 cell, the header has 2"]


def test_a_delimiter_in_the_quotes_of_a_header_is_none(tmp_path: Path) -> None:
    assert table(tmp_path, 'id;"text, long, and, more"\n1;"a, b"\n2;c\n').columns == ("id", "text, long, and, more")
    assert table(tmp_path, "id;text, with comment\n1;a b\n2;c\n").columns == ("id", "text, with comment")
    assert table(tmp_path, 'id,the "best" text\n1,a\n').columns == ("id", 'the "best" text')


def test_a_delimiter_at_the_ends_of_lines_makes_no_column(tmp_path: Path) -> None:
    source = table(tmp_path, "id,text,,\n1,a,,\n2,b\n3,c,d\n4,e, \n")
    assert source.columns == ("id", "text")
    assert read(source) == [("1", "a"), ("2", "b"), "line 4 has 3 cells, the header has 2", ("4", "e")]
    assert read(table(tmp_path, "id,text\n1,a,\n")) == [("1", "a")]
    one = table(tmp_path, "comment;\nYes, we should;\n")
    assert (one.columns, read(one)) == (("comment",), [("Yes, we should",)])


def test_what_is_wrong_with_a_header_or_before_a_quote_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 1: a quote opens here and is never closed\.\n--quoting none"):
        table(tmp_path, 'id,"text\n1,a\n')
    assert read(table(tmp_path, 'id,text\n1, "Hello, world"\n')) == [
        "line 2 has 3 cells, the header has 2; a space stands before a quote"
    ]


def test_the_commas_of_a_table_of_one_column_are_text(tmp_path: Path) -> None:
    assert read(table(tmp_path, 'text\nYes, we should.\nNo.\n"So, so."\n')) == [
        ("Yes, we should.",), ("No.",), ("So, so.",),
    ]  # fmt: skip
    # Rows that are all cut alike have columns that the header does not name.
    assert read(table(tmp_path, "text\na,1\nb,2\nc,3\n"))[0] == "line 2 has 2 cells, the header has 1"


def test_what_argqual_writes_it_reads_again_whatever_its_lines_look_like(tmp_path: Path) -> None:
    texts = ['a\nb,"c', "x,1\ny,2\nz,3", '"', 'say ""', "=1+1", "a\rb"]
    for name in ("o.csv", "o.tsv"):
        output = TableOutput(tmp_path / name, results={"r": float}, source_schema=None, job={})
        for text in texts:
            output.append({"text": text}, {"r": 1.0})
        output.finish()
        assert [cells["text"] for cells, _ in iter_scored(tmp_path / name, {"r": float})[1]] == texts


def test_utf_16_without_a_byte_order_mark_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("id,text\n1,ä\n".encode("utf-16-le"))
    with pytest.raises(InputError, match=r"--encoding utf-16"):
        open_source(str(tmp_path / "a.csv"))
    (tmp_path / "a.csv").write_bytes("id,text\n1,a\n".encode("utf-16-le"))
    with pytest.raises(InputError, match=r"--encoding utf-16-le"):
        open_source(str(tmp_path / "a.csv"))


@pytest.mark.parametrize("rule", [None, "minimal", "none"])
def test_every_line_of_whatever_file_is_in_one_record_or_refused(rule: str | None) -> None:
    """A record takes more than its own line only for the line ends in its cells; what is refused takes its own only."""
    chance = random.Random(4)
    pieces = ['"', '""', ",", ",", "\n", "\n", "a", "b c", ' "', '",', ',"', '"\n', "\r\n"]
    for _ in range(3000):
        text = "".join(chance.choices(pieces, k=chance.randint(1, 40)))
        lines = text.splitlines(keepends=True)
        records = []
        with suppress(Ambiguous):  # which ends with the line, and nothing is lost
            for record in Quotes(",", rule).records(lines):
                records.append(record)
            lines_after = [*(record.line for record in records), len(lines) + 1]
            for record, following in zip(records, lines_after[1:], strict=True):
                ends = sum(
                    len(cell.splitlines(keepends=True)) - 1 + cell.endswith("\n") for cell in record.cells if cell
                )
                assert following - record.line - 1 == (0 if record.problem else ends), (text, record)
