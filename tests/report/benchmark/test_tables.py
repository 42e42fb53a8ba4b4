"""The same figures as CSV, Markdown and a page for a terminal."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

import planted
from argqual.benchmark.analysis.results import Results
from argqual.cli.progress import clock, money
from argqual.errors import InputError
from argqual.report.benchmark.files import csv_text, write_report
from argqual.report.benchmark.markdown import markdown
from argqual.report.benchmark.sections import sections_of
from argqual.report.benchmark.tables import matrix_rows, tables_of
from argqual.report.benchmark.tables import written as cell_in_words
from argqual.report.benchmark.text import text, verdicts_text
from argqual.report.benchmark.words import figure, number, percent, seconds
from argqual.report.corpora import _coefficient as coefficient
from argqual.report.plain import dollars


@cache
def results() -> Results:
    return planted.results()


def rows_of(name: str) -> list[dict[str, str]]:
    table = next(table for table in tables_of(results()) if table.name == name)
    return list(csv.DictReader(io.StringIO(csv_text(table))))


def test_every_score_is_in_the_csv_with_interval_n_coverage_and_reason() -> None:
    rows = rows_of("scores")
    assert len(rows) == len(results().scores)
    for row, score in zip(rows, results().scores, strict=True):
        found = score.estimate
        assert row["value"] == ("" if found.value is None else repr(found.value))
        assert (row["value n"], row["value offered"]) == (str(found.n), str(found.offered))
        assert row["value reason"] == (found.reason or "")
    undefined = next(row for row in rows if row["strategy"] == "length" and row["metric"] == planted.METRIC)
    assert undefined["value"] == undefined["value low"] == "" and undefined["value reason"]


def test_csv_keeps_ids_as_they_are() -> None:
    assert rows_of("disagreements")[0]["id"] == planted.HOSTILE


def test_the_matrix_has_a_row_a_source_and_one_for_all_others() -> None:
    assert [name for name, _ in matrix_rows(results(), "memoriser")] == [
        "forum", "portal", "claims", "speeches", "all others",
    ]  # fmt: skip
    assert [name for name, _ in matrix_rows(results(), "principle")] == ["nothing"]
    found = dict(matrix_rows(results(), "memoriser"))
    assert found["forum"]["forum"].split == "in_domain"
    assert found["forum"]["claims"].split == "corpus_to_corpus"


def test_tables_without_rows_are_left_out() -> None:
    names = {table.name for table in tables_of(replace(results(), biases=(), missing=()))}
    assert {"bias", "missing"} & names == set() and "transfer" in names


def test_markdown_neutralises_what_is_hostile() -> None:
    page = markdown(results())
    assert not re.search(r"(?<!\\)<", page) and "\\<script\\>" in page and "\u202e" not in page
    lines = page.splitlines()
    heads = [place for place, line in enumerate(lines) if line.startswith("| ---")]
    for place in heads:  # every row of a table has as many cells as its head
        columns = lines[place].count("|")
        for line in lines[place + 1 :]:
            if not line.startswith("|"):
                break
            assert line.replace("\\|", "").count("|") == columns


def test_the_terminal_page_keeps_to_80_columns_in_plain_characters() -> None:
    page = text(results())
    assert max(map(len, page.splitlines())) <= 80
    assert "\N{MINUS SIGN}" not in page and "\x1b" not in page
    wide = replace(
        results(), systems=tuple(replace(each, name=each.name) for each in results().systems), title=planted.LONG
    )
    assert text(wide).splitlines()[1] == page.splitlines()[1]


def test_the_terminal_page_says_answer_figures_claims_and_warnings_in_this_order() -> None:
    page = text(results())
    order = [
        "oracle carries over best",
        "memoriser            .03",
        "Minus placebo",
        "UNDECIDED: Exemplars",
        "Few topics",
    ]
    places = [page.index(words) for words in order]
    assert places == sorted(places)


def test_verdicts_without_claims_say_so() -> None:
    assert verdicts_text(()) == "There are no claims in this benchmark."
    assert verdicts_text(results().claims).startswith("  SUPPORTED: Naming the principle")


def test_json_holds_everything_and_no_nan() -> None:
    one = replace(results().scores[0], seed_sd=math.nan)
    content = json.loads(json.dumps(replace(results(), scores=(one,)).as_json(), allow_nan=False))
    assert content["scores"][0]["seed_sd"] is None
    assert content["transfers"][0]["outside"]["n"] == 510


def test_files_are_written_whole_and_an_unwritable_folder_is_an_error(tmp_path: Path) -> None:
    written = write_report(results(), (), tmp_path / "report")
    assert {path.name for path in written} >= {"report.html", "report.md", "scores.csv", "matrix.csv"}
    assert all(path.exists() for path in written) and not list(tmp_path.rglob("*.tmp"))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="Cannot write the report"):
        write_report(results(), (), tmp_path / "file")


def test_numbers_are_written_as_papers_do() -> None:
    written = [number(value) for value in (0.414, -0.05, 1.0, 0.0, -0.001, None)]
    assert written == [".41", "−.05", "1.00", ".00", ".00", "–"]
    assert number(0.05, signed=True) == "+.05" and number(0.0, signed=True) == ".00"
    shares = [percent(share) for share in (1.0, 0.999, 0.001, 0.0, 0.5, None)]
    assert shares == ["100 %", "99 %", "1 %", "0 %", "50 %", "–"]
    times = [seconds(value) for value in (0.00002, 0.0001, 0.0021, 0.25, 3.0, 300, 7200)]
    assert times == ["20 µs", "100 µs", "2.1 ms", "250 ms", "3 s", "5 min", "2.0 h"]
    score = results().select(strategy="length", metric=planted.METRIC, tested_on="forum")[0]
    assert figure(score.estimate) == "–"


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (number(10.05, signed=True), "+10.05"), (number(-10.05), "−10.05"), (number(0.05), ".05"),
        (number(-0.001, signed=True), ".00"), (number(100.0), "100.00"), (number(None), "–"),
        (cell_in_words(10.05), "10.1"), (cell_in_words(0.0004), "< .001"), (cell_in_words(0.0), ".000"),
        (coefficient(10.05), "10.050"), (coefficient(-0.05), "-.050"), (coefficient(-0.0001), ".000"),
        (dollars(0.00001), "under 0.0001 USD"), (dollars(10.05), "10.0500 USD"), (dollars(0.0), "0.0000 USD"),
        (money(0.00003), "0.00003 USD"), (money(0.0999), "0.1 USD"), (money(10.05), "10.05 USD"),
        (clock(4 * 3600 - 1), "4 h 0 min"), (clock(12_000), "3 h 20 min"), (clock(89), "89 s"),
        (percent(10.05), "1005 %"), (percent(-0.001), "0 %"), (seconds(100.5), "100 s"),
    ],
)  # fmt: skip
def test_numbers_lose_no_digit_and_little_is_not_nothing(shown: str, expected: str) -> None:
    assert shown == expected


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_rows_are_the_best_first_whichever_way_is_better(higher_is_better: bool) -> None:
    metrics = tuple(replace(each, higher_is_better=higher_is_better) for each in results().metrics)
    first = results().contrasts[0]
    values = {"worst": -0.2, "none": None, "best": 0.3, "middle": 0.1}
    rows = [
        replace(
            first, one=name, estimate=replace(first.estimate, value=value and value * (1 if higher_is_better else -1))
        )
        for name, value in values.items()
    ]
    systems = tuple(replace(results().systems[0], name=name) for name in values)
    found = replace(results(), metrics=metrics, contrasts=tuple(rows), systems=(*results().systems, *systems))
    page = text(found).split(f"Minus {first.other}")[1]
    order = [line.split()[0] for line in page.splitlines()[2:] if line.split()[:1] and line.split()[0] in values]
    assert order == ["best", "middle", "worst", "none"]
    plot = next(each.content for each in sections_of(found) if each.id == "differences")[0]
    assert [row.system.name for row in plot.rows] == ["best", "middle", "worst", "none"]
    figures = [each.outside.value for system in found.ranked() if (each := found.transfer(system.name)) is not None]
    known = [value for value in figures if value is not None]
    assert known == sorted(known, reverse=higher_is_better)
