"""A long text rated in parts, from Python and from the command line."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from itertools import repeat
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pyarrow.parquet as parquet
import pytest
from rich.cells import cell_len

import commandline
from argqual import Argument, Framework, SplitAssessment, assess_parts
from argqual.errors import ArgqualError
from argqual.judging.store import Store
from argqual.models.prices import Price
from argqual.report.assessments import parts_markdown, parts_text
from conftest import TWO_QUESTIONS
from loopback import Loopback, Reply, completion
from umbrella import answer, judge

PARAGRAPHS = (
    "Trees cool the pavement in summer, and that is a reason to plant them along the main road.",
    "They cost little: a hospital bed costs more, and so do people who move away from the heat.",
    "树木在夏天使街道凉爽，因此我们应该种树。",
)
TEXT = "\n\n".join(PARAGRAPHS) + "\n"


def shown(body: Any) -> str:
    said: str = body["messages"][1]["content"]
    return said.partition("<argument>\n")[2].rpartition("\n</argument>")[0]


def rating(limit: int = 10**6) -> Any:
    """A server that rates by the first letter, and refuses what has more bytes in threes than `limit`."""

    def reply(body: Any) -> Reply:
        used = sum(len(message["content"].encode()) // 3 for message in body["messages"])
        if used >= limit:
            said = f"request ({used} tokens) exceeds the available context size ({limit} tokens)"
            return 400, {"error": {"message": said, "code": 400}}
        message = {"role": "assistant", "content": answer("1" if shown(body).startswith("They") else "3", "2")}
        return 200, completion({"index": 0, "message": message, "finish_reason": "stop"})

    return reply


def serve(loopback: Loopback, limit: int = 10**6, many: int = 60) -> None:
    loopback.queue.extend(repeat(rating(limit), many))


def test_each_part_is_rated_by_itself_and_the_whole_once(loopback: Loopback, two: Framework, tmp_path: Path) -> None:
    serve(loopback)
    argument = Argument(TEXT, issue="Trees?", stance="pro")
    with Store(tmp_path / "kept.sqlite") as store:
        found = assess_parts(judge(loopback, two, "label"), argument, store=store)
        assert sorted(map(shown, loopback.requests)) == sorted([*PARAGRAPHS, TEXT])
        assert all("<issue>\nTrees?" in body["messages"][1]["content"] for body in loopback.requests)
        assert [part.text for part in found.parts] == list(PARAGRAPHS)
        assert [TEXT[part.start : part.end] for part in found.parts] == list(PARAGRAPHS)
        assert [part.assessment.rating("clear").value for part in found.parts] == [3, 1, 3]
        assert (found.rated_characters, found.characters, found.notes) == (len(TEXT), len(TEXT), ())
        again = assess_parts(judge(loopback, two, "label"), argument, store=store)
        assert len(loopback.requests) == 4  # nothing is asked twice
        assert again.whole.overall.value == found.whole.overall.value
    assert SplitAssessment.model_validate_json(found.model_dump_json()) == found


def test_a_text_of_one_part_is_asked_about_once(loopback: Loopback, two: Framework) -> None:
    serve(loopback)
    found = assess_parts(judge(loopback, two, "label"), f"{PARAGRAPHS[0]}\n")
    assert len(found.parts) == 1
    assert len(loopback.requests) == 1


def test_of_a_whole_that_is_too_long_the_beginning_is_rated_and_the_overlap_said(
    loopback: Loopback, two: Framework
) -> None:
    serve(loopback, limit=900)
    text = "\n\n".join(f"{number}. {PARAGRAPHS[0]}" for number in range(40))
    found = assess_parts(judge(loopback, two, "label"), text)
    assert len(found.parts) == 40
    assert 0 < found.rated_characters < len(text)
    (note,) = found.notes
    told = re.fullmatch(
        r"the whole was rated by its first ([\d,]+) of ([\d,]+) characters \((\d+)%\): parts 1 to (\d+)"
        r"(?: and (\d+)% of part (\d+))?",
        note,
    )
    assert told is not None
    assert int(told[1].replace(",", "")) == found.rated_characters
    assert found.parts[int(told[4]) - 1].end <= found.rated_characters < found.parts[int(told[4])].end
    assert all(part.assessment.status == "ok" and not part.assessment.notes for part in found.parts)


def test_a_paragraph_that_does_not_fit_is_cut_where_the_context_is_known(loopback: Loopback, two: Framework) -> None:
    serve(loopback, limit=900)
    loopback.tokens = lambda text: len(text.encode()) // 3
    loopback.context = 900
    found = assess_parts(judge(loopback, two, "label"), PARAGRAPHS[2] * 60)
    assert len(found.parts) == 2
    assert all(part.assessment.status == "ok" and not part.assessment.notes for part in found.parts)
    assert all(part.text.endswith("。") for part in found.parts)


def test_a_budget_that_is_used_up_is_said_with_how_far_it_went(
    loopback: Loopback, two: Framework, tmp_path: Path
) -> None:
    serve(loopback)
    asking = judge(loopback, two, "label")
    asking.model.price = Price(1e-6, 1e-6)
    with Store(tmp_path / "kept.sqlite") as store, pytest.raises(ArgqualError, match="of 3 parts") as raised:
        assess_parts(asking, TEXT, store=store, max_cost=0.0075, concurrency=1)
    assert raised.value.exit_code == 1
    assert "--max-cost" in (raised.value.hint or "")


@pytest.mark.parametrize("text", [TEXT, "  هذا نص. " * 30 + "\n\n" + "👩\u200d🔬 " * 40])
def test_the_tables_hold_every_part_in_eighty_columns(loopback: Loopback, two: Framework, text: str) -> None:
    serve(loopback)
    found = assess_parts(judge(loopback, two, "label"), text)
    lines = parts_text(found, two).splitlines()
    assert all(cell_len(line) <= 80 for line in lines)
    assert sum(re.match(r" +\d+ +[\d,]+-[\d,]+  +\d\.\d", line) is not None for line in lines) == len(found.parts)
    written = parts_markdown(found, two)
    assert written.count("\n| ") >= len(found.parts) + 1
    assert "| part | characters | overall | Clear | Fair | begins |" in written


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "two.yaml").write_text(TWO_QUESTIONS, encoding="utf-8")
    (tmp_path / "long.txt").write_text(TEXT, encoding="utf-8")
    return tmp_path


def score(loopback: Loopback, folder: Path, *words: str) -> CompletedProcess[str]:
    address = ("--model", "openai/m", "--api-base", f"{loopback.url}/v1", "--readout", "label")
    return commandline.argqual(folder, "score", *words, "--framework", "two.yaml", *address)


def rows_of(path: Path) -> Sequence[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_a_text_in_parts_is_json_text_and_a_table(loopback: Loopback, folder: Path) -> None:
    serve(loopback)
    done = score(loopback, folder, "long.txt", "--split", "paragraphs")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [part["part"] for part in found["parts"]] == [1, 2, 3]
    assert found["whole"]["status"] == "ok"
    done = score(loopback, folder, "long.txt", "--split", "paragraphs", "--format", "text")
    assert "3 parts by paragraphs" in done.stdout
    done = score(loopback, folder, "long.txt", "--split", "paragraphs", "--issue", "Trees", "--output", "parts.csv")
    assert done.returncode == 0, done.stderr
    rows = rows_of(folder / "parts.csv")
    assert [row["part"] for row in rows] == ["1", "2", "3", "whole"]
    assert [row["text"] for row in rows] == [*PARAGRAPHS, TEXT]
    assert {row["issue"] for row in rows} == {"Trees"}
    done = score(loopback, folder, "long.txt", "--split", "paragraphs", "--plan")
    assert re.search(r"Rows +4: ", done.stdout)


@pytest.mark.slow
def test_a_table_in_parts_has_a_row_a_part_and_loses_none(loopback: Loopback, folder: Path) -> None:
    serve(loopback)
    with (folder / "in.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["id", "text"], ["1", TEXT], ["2", PARAGRAPHS[0]], ["3", ""], ["4", "Left out."]])
    done = score(loopback, folder, "in.csv", "--split", "paragraphs", "--limit", "3", "--output", "out.parquet")
    assert done.returncode == 0, done.stderr
    rows = parquet.read_table(folder / "out.parquet").to_pylist()
    places = [(row["id"], row["part"]) for row in rows]
    assert places == [("1", "1"), ("1", "2"), ("1", "3"), ("1", "whole"), ("2", "1"), ("2", "whole"), ("3", "whole")]
    assert [row["two_status"] for row in rows] == ["ok"] * 6 + ["skipped"]
    assert len(loopback.requests) == 4  # the second text's part and whole are the same as the first one's part
    (folder / "in.csv").write_text("text,part\nBecause it is so.,7\n", encoding="utf-8")
    done = score(loopback, folder, "in.csv", "--split", "paragraphs")
    assert done.returncode == 2
    assert "has a column 'part' already" in done.stderr


@pytest.mark.slow
def test_without_split_a_text_that_is_too_long_is_an_error_that_names_it(loopback: Loopback, folder: Path) -> None:
    serve(loopback, limit=900)
    (folder / "long.txt").write_text(TEXT * 60, encoding="utf-8")
    done = score(loopback, folder, "long.txt")
    assert done.returncode == 2
    assert "--split paragraphs" in done.stderr
    done = score(loopback, folder, "long.txt", "--split", "arguments", "--limit", "3")
    assert done.returncode == 2
    assert "--limit is for tables" in done.stderr
