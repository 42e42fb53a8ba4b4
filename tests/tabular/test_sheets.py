"""Spreadsheets: a cell is what the program that saved them would show, and nothing is left out unsaid."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import pytest

from argqual.errors import InputError
from argqual.tabular.output import TableOutput
from argqual.tabular.sources import is_table, open_source
from officefiles import cell, ods, xlsx


def rows(source: object) -> list[dict[str, object]]:
    return [row.cells for row in source.rows()]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["a.xlsx", "a.XLSX", "a.ods", "a.xls", "a.xlsm", "a.xlsb"])
def test_spreadsheets_are_tables(name: str) -> None:
    assert is_table(name)


def test_the_cells_of_a_spreadsheet_are_numbers_dates_texts_and_the_values_of_formulas(tmp_path: Path) -> None:
    sheet = [
        cell("A1", "id") + cell("B1", "text") + cell("C1", "on") + cell("D1", "mean") + cell("E1", "odd"),
        cell("A2", 7) + cell("B2", "Cars & <buses>.") + cell("C2", 45293, kind="d") + cell("D2", 1.5, formula="A2/2"),
        cell("A3", "007") + cell("B3", "Trains.") + cell("D3", "#N/A", kind="e"),
        "",
        cell("A5", 1e6),
    ]
    source = open_source(str(xlsx(tmp_path / "a.xlsx", {"One": sheet})))
    assert source.columns == ("id", "text", "on", "mean", "odd")
    nothing = dict.fromkeys(source.columns)
    assert rows(source) == [
        nothing | {"id": 7, "text": "Cars & <buses>.", "on": date(2024, 1, 2), "mean": 1.5},
        nothing | {"id": "007", "text": "Trains.", "mean": "#N/A"},
        nothing | {"id": 1000000},
    ]
    assert source.count() == 3
    assert source.notes() == []
    output = TableOutput(tmp_path / "o.parquet", results={"r": float}, source_schema=None, job={})
    for row in source.rows():
        output.append(row.cells, {"r": 1.0})
    output.finish()
    assert [row["on"] for row in rows(open_source(str(tmp_path / "o.parquet")))] == [date(2024, 1, 2), None, None]


def test_a_formula_that_has_no_stored_value_is_told(tmp_path: Path) -> None:
    sheet = [cell("A1", "text"), cell("A2", None, formula="B2&amp;C2"), cell("A3", "Trams.")]
    source = open_source(str(xlsx(tmp_path / "a.xlsx", {"One": sheet})))
    assert "no value is stored with 1 of its formulas (A2)" in source.notes()[0]


def test_what_is_merged_over_rows_stands_in_each_of_them(tmp_path: Path) -> None:
    sheet = [
        cell("A1", "topic") + cell("B1", "text"),
        cell("A2", "Cars?") + cell("B2", "one"),
        cell("B3", "two"),
        "",  # covered by what is merged, and nothing of its own
        cell("A5", "Buses?") + cell("B5", "three"),
    ]
    path = xlsx(tmp_path / "a.xlsx", {"One": sheet}, merged=["A2:A4"])
    assert [tuple(row.values()) for row in rows(open_source(str(path)))] == [
        ("Cars?", "one"),
        ("Cars?", "two"),
        ("Buses?", "three"),
    ]


def test_one_of_several_sheets_is_named_by_its_name_or_its_number(tmp_path: Path) -> None:
    def sheet(text: str) -> list[str]:
        return [cell("A1", "text"), cell("A2", text)]

    path = str(
        xlsx(tmp_path / "a.xlsx", {"Notes": sheet("x"), "Wave 1": sheet("y"), "Wave 2": sheet("z")}, hidden="Notes")
    )
    source = open_source(path)
    assert rows(source) == [{"text": "y"}]
    assert "the sheet 'Wave 1' is read. Other sheets: 'Wave 2'; --sheet names one" in source.notes()[0]
    for named, text in (("Wave 2", "z"), ("wave 2", "z"), ("3", "z"), ("Notes", "x")):
        assert rows(open_source(path, sheet=named)) == [{"text": text}]
        assert open_source(path, sheet=named).notes() == []
    assert open_source(path).identity() != open_source(path, sheet="Wave 2").identity()
    with pytest.raises(InputError, match=r"no sheet 'Wave 3'.*\n.*'Wave 2'"):
        open_source(path, sheet="Wave 3")
    (tmp_path / "a.csv").write_text("text\nx\n")
    with pytest.raises(InputError, match=r"has no sheets.*\n.*\.xlsx"):
        open_source(str(tmp_path / "a.csv"), sheet="1")


def test_an_open_document_sheet_ends_where_its_cells_do(tmp_path: Path) -> None:
    source = open_source(str(ods(tmp_path / "a.ods", [["id", "text"], [1, "Rad"], [None, None], [2.5, "Bahn"]])))
    assert rows(source) == [{"id": 1, "text": "Rad"}, {"id": 2.5, "text": "Bahn"}]


def test_what_is_merged_in_an_open_document_is_told(tmp_path: Path) -> None:
    path = ods(tmp_path / "a.ods", [["topic", "text"], ["Cars?", "one"], [None, "two"]], spans=True)
    assert "merged over several rows stands in the first of them only" in open_source(str(path)).notes()[0]


@pytest.mark.parametrize(
    ("sheet", "said"),
    [
        ([], "sheet 'One' is empty"),
        ([cell("A1", "text") + cell("B1", "text"), cell("A2", "x")], "names 'text' more than once"),
        ([cell("B1", "text"), cell("A2", "x") + cell("B2", "y")], "row 1, has no name for column A"),
    ],
)
def test_a_sheet_that_is_no_table_is_refused_with_the_place(tmp_path: Path, sheet: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        open_source(str(xlsx(tmp_path / "a.xlsx", {"One": sheet})))


def test_a_damaged_spreadsheet_is_refused(tmp_path: Path) -> None:
    whole = xlsx(tmp_path / "a.xlsx", {"One": [cell("A1", "text"), cell("A2", "x")]}).read_bytes()
    for name, content in (("b.xlsx", whole[:300]), ("c.xlsx", b""), ("d.ods", b"text"), ("e.xls", b"text\tn\n")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=r"is no spreadsheet, or a damaged one|is a .* file by what is in it"):
            open_source(str(tmp_path / name))


def test_without_the_extra_a_sentence_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = xlsx(tmp_path / "a.xlsx", {"One": [cell("A1", "text"), cell("A2", "x")]})
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(InputError, match=r'extra \'office\'.*\n.*pip install "argqual\[office\]"'):
        open_source(str(path))
