"""`argqual score` of files as people have them, with a server on loopback: nothing is lost, nothing mistaken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import commandline
import officefiles
from chatserver import ChatServerProcess
from officefiles import cell


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServerProcess]:
    with ChatServerProcess() as server:
        yield server


def score(server: ChatServerProcess, folder: Path, *words: str, given: bytes = b"") -> tuple[int, str, str]:
    """Exit code, standard output and, as one line, standard error."""
    to = ("--model", "openai/test", "--api-base", f"{server.url}/v1", "--no-store", "--framework", "ratio")
    ran = commandline.argqual(folder, "score", *to, *words, given=given, variables={"OPENAI_API_KEY": "sk-1"})
    return ran.returncode, ran.stdout, " ".join(ran.stderr.split())


def rows(out: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.splitlines()]


def test_several_files_are_a_table_with_their_names(server: ChatServerProcess, tmp_path: Path) -> None:
    officefiles.docx(tmp_path / "b.docx", "<w:p><w:r><w:t>Buses are quiet.</w:t></w:r></w:p>")
    (tmp_path / "a.txt").write_text("Cars are loud.")
    (tmp_path / "c.txt").write_bytes(b"\xff")
    code, out, said = score(server, tmp_path, "a.txt", "b.docx", "c.txt")
    assert [(row["file"], row["text"], row["ratio_status"]) for row in rows(out)] == [
        ("a.txt", "Cars are loud.", "ok"),
        ("b.docx", "Buses are quiet.", "ok"),
        ("c.txt", None, "skipped"),
    ]
    assert code == 1
    assert "c.txt:1: not UTF-8 text" in said
    assert "1 row could not be used" in said


def test_a_document_is_one_argument(server: ChatServerProcess, tmp_path: Path) -> None:
    officefiles.docx(tmp_path / "b.docx", "<w:p><w:r><w:t>Buses are quiet.</w:t></w:r></w:p>")
    code, out, _ = score(server, tmp_path, "b.docx")
    assert (code, json.loads(out)["status"]) == (0, "ok")


def test_a_stray_quote_is_told_and_costs_no_row(server: ChatServerProcess, tmp_path: Path) -> None:
    (tmp_path / "q.tsv").write_text(
        'id\ttext\n1\tCars are bad.\n2\t"Bikes" are good\n3\t"Trains work.\n4\tBuses stop.\n'
    )
    code, out, said = score(server, tmp_path, "q.tsv")
    assert code == 0
    assert [row["text"] for row in rows(out)] == ["Cars are bad.", '"Bikes" are good', '"Trains work.', "Buses stop."]
    assert "line 3: a quote in the middle of a cell; line 4: a quote opens here and is never closed" in said
    code, out, said = score(server, tmp_path, "q.tsv", "--quoting", "minimal")
    assert code == 1
    assert [row["ratio_status"] for row in rows(out)] == ["ok", "skipped", "skipped", "ok"]
    assert "2 rows could not be used" in said


def test_a_sheet_is_named(server: ChatServerProcess, tmp_path: Path) -> None:
    first = [cell("A1", "text"), cell("A2", "Cars are loud.")]
    officefiles.xlsx(tmp_path / "a.xlsx", {"One": first, "Two": [cell("A1", "text"), cell("A2", "Buses are quiet.")]})
    code, out, said = score(server, tmp_path, "a.xlsx", "--sheet", "Two")
    assert (code, [row["text"] for row in rows(out)]) == (0, ["Buses are quiet."])
    assert "--sheet" not in said


def test_a_column_that_comes_late_is_told_and_can_be_named(server: ChatServerProcess, tmp_path: Path) -> None:
    lines = ['{"text": ""}'] * 200 + ['{"text": "Cars are loud.", "topic": "Cars?"}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    code, out, said = score(server, tmp_path, "a.jsonl", "--format", "csv")
    assert code == 0
    assert "'topic' first comes in row 201, and is not read. --issue topic reads it." in said
    assert out.splitlines()[0].startswith("text,topic,ratio_status")
    assert out.splitlines()[-1].startswith("Cars are loud.,Cars?,ok")
    code, _, said = score(server, tmp_path, "a.jsonl", "--issue", "topic", "--format", "csv")
    assert code == 0
    assert "text from 'text', issue from 'topic'" in said
    piped = "\n".join(lines[-2:]).encode()
    code, out, said = score(server, tmp_path, "-", "--lines", "--format", "csv", given=piped)
    assert "from here on there is 'topic', which is not read. --issue topic reads it." in said
    assert "Not in the results, as they came after the header: 'topic'." in said
    code, out, said = score(server, tmp_path, "-", "--lines", "--issue", "topic", given=piped)
    assert (code, "issue from 'topic'" in said) == (0, True)


def test_a_text_that_begins_with_a_dash_comes_after_two(server: ChatServerProcess, tmp_path: Path) -> None:
    code, out, said = score(server, tmp_path, "- Cars are loud.")
    assert (code, out) == (2, "")
    assert "'- Cars are loud.' begins with -, and is taken for an option. Write -- before it" in said
    code, out, _ = score(server, tmp_path, "--", "- Cars are loud.")
    assert (code, json.loads(out)["status"]) == (0, "ok")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("letter",), "There is no file letter, but letter.txt. Name it with its ending."),
        (
            ("We", "should", "walk."),
            "These are 3 words, and no files: We should walk. A text of several words stands in",
        ),
        (("letter.doc",), "letter.doc: argqual reads no .doc files. Open it where it was made, and save it as .docx"),
        (("https://example.org/a.html",), "argqual opens no addresses: https://example.org/a.html Save the page"),
        (("letter.txt", "table.csv"), "table.csv is a table, and one of 2 names. Score one table at a time."),
        (("letter.txt", "-"), "- is standard input, and no file among others."),
        (("letter.txt", "--sheet", "1"), "--sheet is for tables, and 'letter.txt' is none."),
        (("table.csv", "--sheet", "1"), "table.csv has no sheets."),
        (("table.csv", "--lines"), "table.csv is a table, and its lines are no texts. Leave out --lines."),
        (("table.csv", "--text", "txt"), "The table has no column 'txt'"),
    ],
)
def test_what_is_not_meant_so_is_said(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    for name in ("letter.txt", "letter.doc", "table.csv"):
        (tmp_path / name).write_text("text\nWe should walk.\n" if name == "table.csv" else "We should walk.")
    if words == ("letter",):
        (tmp_path / "letter.doc").unlink()
    ran = commandline.argqual(
        tmp_path, "score", *words, "--model", "openai/test", "--api-base", "http://localhost:9/v1"
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in " ".join(ran.stderr.split())


def test_compare_takes_documents_and_no_tables(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\nCars.\n")
    for words, said in (
        (("a.csv", "Cars are loud."), "a.csv is a table, not a text."),
        (("- Cars", "Cars are loud."), "'- Cars' begins with -"),
    ):
        ran = commandline.argqual(tmp_path, "compare", *words)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert said in ran.stderr
