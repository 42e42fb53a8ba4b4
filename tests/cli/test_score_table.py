"""`argqual score TABLE` from outside, against a server on loopback: nothing is lost, nothing is paid twice."""

from __future__ import annotations

import csv
import json
import os
import random
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import commandline
from chatserver import ChatServer

KEY = "sk-planted-90125"
PRICE = ("--price", "1,4")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with ChatServer(latency=0.005) as server:
        yield server


def scored(server: ChatServer, *words: str) -> list[str]:
    return ["score", *words, "--model", "openai/test", "--api-base", f"{server.url}/v1"]


def run(server: ChatServer, *words: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return commandline.argqual(Path.cwd(), *scored(server, *map(str, words)), given=stdin.encode())


def table(path: Path, rows: int) -> Path:
    """A table with a topic, a text with a line break in it, and two columns that are none of argqual's business."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["number", "topic", "comment", "likes"])
        for number in range(rows):
            writer.writerow([f"{number:05d}", "Trams?", f'Trams are "quiet".\nI counted {number}.', "NA"])
    return path


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv", "tsv"])
def test_a_scored_table_has_every_row_and_column_and_the_ratings(
    server: ChatServer, tmp_path: Path, ending: str
) -> None:
    source, output = table(tmp_path / "in.csv", 30), tmp_path / f"out.{ending}"
    done = run(server, source, "--output", output)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "text from 'comment', issue from 'topic'" in done.stderr
    if ending == "parquet":
        rows = pq.read_table(output).to_pylist()
    elif ending == "jsonl":
        rows = lines_of(output)
    else:
        with output.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t" if ending == "tsv" else ","))
    assert [row["number"] for row in rows] == [f"{number:05d}" for number in range(30)]
    assert {row["likes"] for row in rows} == {"NA"}
    assert rows[7]["comment"] == 'Trams are "quiet".\nI counted 7.'
    assert {row["ratio_status"] for row in rows} == {"ok"}
    assert all(1 <= float(row["ratio_overall"]) <= 5 for row in rows)
    assert len({row["ratio_program"] for row in rows}) == 1
    assert not output.with_name(f"{output.name}.partial").exists()


def test_a_table_can_be_scored_by_a_second_framework(server: ChatServer, tmp_path: Path) -> None:
    run(server, table(tmp_path / "in.csv", 3), "--output", tmp_path / "one.jsonl", "--limit", "2")
    done = run(server, tmp_path / "one.jsonl", "--framework", "toulmin", "--output", tmp_path / "two.jsonl")
    assert done.returncode == 0, done.stderr
    (first, _) = lines_of(tmp_path / "two.jsonl")
    assert {"ratio_overall", "toulmin_overall"} <= first.keys()
    again = run(server, tmp_path / "two.jsonl", "--framework", "toulmin", "--output", tmp_path / "three.jsonl")
    assert again.returncode == 2
    assert "--prefix" in again.stderr


def test_rows_that_cannot_be_used_keep_their_place_with_the_reason(server: ChatServer, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(
        '{"text": "Trams are quiet."}\n{"text": ""}\n{not JSON\n{"text": 5}\n{"text": "They are clean."}\n'
    )
    done = run(server, tmp_path / "in.jsonl", "--output", tmp_path / "out.jsonl")
    assert done.returncode == 1, done.stderr
    assert "2 rows could not be used" in done.stderr  # an empty text is none that could not
    again = run(server, tmp_path / "in.jsonl", "--output", tmp_path / "out.jsonl", "--resume")
    assert again.returncode == 1, again.stderr
    rows = lines_of(tmp_path / "out.jsonl")
    assert [row["ratio_status"] for row in rows] == ["ok", "skipped", "skipped", "skipped", "ok"]
    assert [row["ratio_overall"] is None for row in rows] == [False, True, True, True, False]
    assert "line 3" in str(rows[2]["ratio_reason"])
    assert "3 skipped" in done.stderr


def test_what_a_content_filter_refuses_fails_and_the_others_are_rated(server: ChatServer, tmp_path: Path) -> None:
    """A third of the texts, in one stretch: one run asks about each once, and going on asks about none."""
    source, output = table(tmp_path / "in.csv", 300), tmp_path / "out.jsonl"
    source.write_text(re.sub(r"I counted 1\d\d\.", "It is filtered.\\g<0>", source.read_text(encoding="utf-8")))
    server.configure(refused_words="It is filtered.")
    done = run(server, source, "--output", output)
    assert done.returncode == 1, done.stderr
    assert server.stats().received == 300
    rows = lines_of(output)
    failed = [row for row in rows if row["ratio_status"] == "failed"]
    assert [row["number"] for row in failed] == [f"{number:05d}" for number in range(100, 200)]
    assert {row["ratio_status"] for row in rows if row not in failed} == {"ok"}
    assert all("content management policy" in str(row["ratio_reason"]) for row in failed)
    again = run(server, source, "--output", output, "--resume")
    assert again.returncode == 1, again.stderr
    assert server.stats().received == 300
    server.configure(refused_words="")
    repaired = run(server, source, "--output", output, "--retry-failed")
    assert repaired.returncode == 0, repaired.stderr
    assert server.stats().received == 400


def test_a_killed_run_does_not_pay_again_for_what_failed(server: ChatServer, tmp_path: Path) -> None:
    source, output = table(tmp_path / "in.csv", 400), tmp_path / "out.csv"
    source.write_text(re.sub(r"I counted \d*[13579]\.", "It is filtered.\\g<0>", source.read_text(encoding="utf-8")))
    server.configure(refused_words="It is filtered.", latency=0.05)
    process = commandline.start(tmp_path, *scored(server, str(source), "--output", str(output), "--concurrency", "8"))
    while server.stats().received < 100:
        time.sleep(0.02)
    process.kill()
    process.join()
    before = server.stats().received
    done = run(server, source, "--output", output, "--resume", "--concurrency", "8")
    assert done.returncode == 1, done.stderr
    with output.open(encoding="utf-8", newline="") as file:
        assert [row["ratio_status"] for row in csv.DictReader(file)] == ["ok", "failed"] * 200
    assert server.stats().received <= 400 + 10  # what was under way when it was killed may be asked about again
    assert before < 300


def test_details_hold_the_probabilities(server: ChatServer, tmp_path: Path) -> None:
    run(server, table(tmp_path / "in.csv", 2), "--output", tmp_path / "out.jsonl", "--details")
    (first, _) = lines_of(tmp_path / "out.jsonl")
    assessment = first["ratio_assessment"]
    assert isinstance(assessment, dict)
    assert sum(assessment["ratings"][0]["probabilities"].values()) == pytest.approx(1)


def test_a_plan_says_what_it_takes_and_asks_nothing(server: ChatServer, tmp_path: Path) -> None:
    source = table(tmp_path / "in.csv", 40)
    source.write_text(
        source.read_text() + "00040,Trams?,,NA\n" + '00041,Trams?,"Trams are ""quiet"".\nI counted 3.",x\n'
    )
    run(server, source, "--limit", "10", "--output", tmp_path / "ten.csv")
    before = server.stats().received
    done = run(server, source, "--plan", "--price", "1000,4000")
    assert done.returncode == 0, done.stderr
    assert "42: 30 to ask, 10 in the store, 1 equal to another row, 1 without" in done.stdout
    assert "Requests     30" in done.stdout
    assert "1000 and 4000 USD" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert server.stats().received == before
    unknown = run(server, source, "--plan")
    assert "no price is listed; give --price" in unknown.stdout


def test_a_budget_stops_before_it_is_passed_and_the_run_goes_on_with_another(
    server: ChatServer, tmp_path: Path
) -> None:
    source, output = table(tmp_path / "in.csv", 200), tmp_path / "out.csv"
    options = (source, "--output", output, *PRICE, "--concurrency", "4")
    stopped = run(server, *options, "--max-cost", "0.1")
    assert stopped.returncode == 1, stopped.stderr
    assert "Stopped before 0.10 USD were passed" in stopped.stderr
    assert not output.exists()
    paid = server.stats().received
    assert 0 < paid < 200
    refused = run(server, *options)
    assert refused.returncode == 2
    assert "--resume" in refused.stderr
    done = run(server, *options, "--max-cost", "100", "--resume")
    assert done.returncode == 0, done.stderr
    assert "were planned" in done.stderr
    assert server.stats().received == 200
    with output.open(newline="") as file:
        assert [row["number"] for row in csv.DictReader(file)] == [f"{number:05d}" for number in range(200)]


def test_another_job_is_not_mixed_with_an_unfinished_one(server: ChatServer, tmp_path: Path) -> None:
    source, output = table(tmp_path / "in.csv", 100), tmp_path / "out.csv"
    run(server, source, "--output", output, *PRICE, "--max-cost", "0.05", "--concurrency", "2")
    other = run(server, source, "--output", output, "--resume", "--readout", "label")
    assert other.returncode == 2
    assert "readout" in other.stderr


def test_failed_rows_alone_are_asked_again(server: ChatServer, tmp_path: Path) -> None:
    source, output = table(tmp_path / "in.csv", 120), tmp_path / "out.parquet"
    server.configure(faults={"no_logprobs": 0.1})
    first = run(server, source, "--output", output, "--concurrency", "4")
    assert first.returncode == 1, first.stderr
    assert "failed" in first.stderr and "--retry-failed" in first.stderr
    rows = pq.read_table(output).to_pylist()
    failed = [row["number"] for row in rows if row["ratio_status"] == "failed"]
    assert 0 < len(failed) < 40
    assert all("log-probabilities" in row["ratio_reason"] for row in rows if row["ratio_status"] == "failed")
    server.configure(faults={})
    before = server.stats().received
    again = run(server, source, "--output", output, "--retry-failed")
    assert again.returncode == 0, again.stderr
    assert server.stats().received - before == len(failed)
    repaired = pq.read_table(output).to_pylist()
    assert {row["ratio_status"] for row in repaired} == {"ok"}
    assert [row["number"] for row in repaired] == [row["number"] for row in rows]
    untouched = [row for row in rows if row["number"] not in failed]
    assert [row for row in repaired if row["number"] not in failed] == untouched


def test_rows_that_failed_before_a_run_went_on_still_count(server: ChatServer, tmp_path: Path) -> None:
    source, output = table(tmp_path / "in.csv", 60), tmp_path / "out.csv"
    options = (source, "--output", output, *PRICE, "--concurrency", "2")
    server.configure(faults={"no_logprobs": 0.2})
    assert run(server, *options, "--max-cost", "0.06").returncode == 1
    server.configure(faults={})
    done = run(server, *options, "--resume")
    assert done.returncode == 1, done.stderr
    assert "failed, now or before" in done.stderr
    assert run(server, *options, "--resume").returncode == 1
    assert run(server, *options, "--retry-failed").returncode == 0
    assert run(server, *options, "--resume").returncode == 0


def test_a_stream_is_scored_line_by_line_as_it_comes(server: ChatServer, tmp_path: Path) -> None:
    (given, ours), (answers, out) = os.pipe(), os.pipe()
    process = commandline.start(tmp_path, *scored(server, "-", "--lines", "--format", "jsonl"), given=given, out=out)
    os.close(given), os.close(out)
    with os.fdopen(answers, encoding="utf-8") as said:
        with os.fdopen(ours, "w", 1, encoding="utf-8") as lines:
            for number in range(3):
                lines.write(json.dumps({"text": f"Trams are quiet, {number}.", "user": number}) + "\n")
                row = json.loads(said.readline())
                assert (row["user"], row["ratio_status"]) == (number, "ok")
        process.join(20)
    assert process.exitcode == 0


def test_plain_lines_are_arguments(server: ChatServer) -> None:
    done = run(
        server, "-", "--lines", "--format", "csv", "--issue", "Should we have trams?", stdin="Quiet.\n\nClean.\n"
    )
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [row["text"] for row in rows] == ["Quiet.", "Clean."]
    assert "issue the same for all" in done.stderr


def test_ctrl_c_finishes_what_is_under_way_and_the_run_goes_on(server: ChatServer, tmp_path: Path) -> None:
    server.configure(latency=0.3)
    source, output = table(tmp_path / "in.csv", 100), tmp_path / "out.jsonl"
    words = scored(server, str(source), "--output", str(output), "--concurrency", "8")
    with (tmp_path / "said").open("wb") as errors:
        process = commandline.start(tmp_path, *words, errors=errors.fileno())
    while server.stats().received < 20:
        time.sleep(0.02)
    commandline.interrupt(process)
    process.join(30)
    assert process.exitcode == 130
    said = (tmp_path / "said").read_text(encoding="utf-8")
    assert "requests under way" in said and "Traceback" not in said
    stats = server.stats()
    assert stats.received == stats.answered < 60
    server.configure(latency=0.0)
    done = run(server, source, "--output", output, "--resume")
    assert done.returncode == 0, done.stderr
    assert len(lines_of(output)) == 100
    assert server.stats().received == 100


def test_ctrl_c_twice_stops_at_once(server: ChatServer, tmp_path: Path) -> None:
    server.configure(latency=30.0)
    words = scored(server, str(table(tmp_path / "in.csv", 100)), "--output", str(tmp_path / "out.jsonl"))
    with (tmp_path / "said").open("wb") as errors:
        process = commandline.start(tmp_path, *words, errors=errors.fileno())
    while server.stats().received < 4:
        time.sleep(0.02)
    commandline.interrupt(process)
    while "requests under way" not in (tmp_path / "said").read_text(encoding="utf-8"):
        time.sleep(0.02)
    time.sleep(0.3)  # two within 0.2 seconds are one press
    commandline.interrupt(process)
    process.join(10)
    assert process.exitcode == 130
    assert "Traceback" not in (tmp_path / "said").read_text(encoding="utf-8")


def test_a_run_in_the_background_that_ignores_ctrl_c_is_not_disturbed_by_it(server: ChatServer, tmp_path: Path) -> None:
    server.configure(latency=0.1)
    words = scored(server, str(table(tmp_path / "in.csv", 60)), "--output", str(tmp_path / "out.jsonl"))
    with (tmp_path / "said").open("wb") as errors:
        process = commandline.start(tmp_path, *words, "--concurrency", "8", errors=errors.fileno(), heeds_ctrl_c=False)
    while server.stats().received < 10:
        time.sleep(0.02)
    commandline.interrupt(process)
    process.join(60)
    assert process.exitcode == 0, (tmp_path / "said").read_text(encoding="utf-8")
    assert len(lines_of(tmp_path / "out.jsonl")) == 60


def test_a_reader_that_leaves_ends_the_run(server: ChatServer, tmp_path: Path) -> None:
    words = scored(server, str(table(tmp_path / "in.csv", 500)), "--format", "jsonl", "--concurrency", "2")
    answers, out = os.pipe()
    with (tmp_path / "said").open("wb") as errors:
        process = commandline.start(tmp_path, *words, out=out, errors=errors.fileno())
    os.close(out)
    with os.fdopen(answers, encoding="utf-8") as rows:
        rows.readline()
    process.join(30)
    assert process.exitcode is not None
    assert "Traceback" not in (tmp_path / "said").read_text(encoding="utf-8")
    assert server.stats().received < 500


def test_a_wrong_key_ends_the_run_with_what_to_do(server: ChatServer, tmp_path: Path) -> None:
    server.configure(faults={"401": 1.0})
    done = run(server, table(tmp_path / "in.csv", 300), "--output", tmp_path / "out.jsonl")
    assert done.returncode == 3
    assert "OPENAI_API_KEY" in done.stderr and "Traceback" not in done.stderr
    assert server.stats().received <= 80  # what was being worked on: 64 and a quarter


def test_the_key_the_text_and_the_prompt_are_nowhere_but_where_they_belong(server: ChatServer, tmp_path: Path) -> None:
    """A server that repeats both in its errors: neither gets into messages, reasons or the store."""
    server.configure(faults={"refused": 0.4})
    (tmp_path / "in.csv").write_text("text\n" + "".join(f"Xyzzy plants that grow by {n}\n" for n in range(40)))
    done = run(server, tmp_path / "in.csv", "--output", tmp_path / "out.jsonl", "--details", "--concurrency", "2")
    assert done.returncode == 1, done.stderr
    rows = lines_of(tmp_path / "out.jsonl")
    results = json.dumps([{name: value for name, value in row.items() if name != "text"} for row in rows])
    store = Path(os.environ["ARGQUAL_STORE"])
    kept = b"".join(each.read_bytes() for each in store.parent.rglob("*") if each.is_file()).decode("latin-1")
    assert len(kept) > 10_000
    for secret in (KEY, "Xyzzy plants", "You judge the quality of arguments"):
        assert secret not in done.stderr
        assert secret not in results
        assert secret not in kept


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--output", "out.xlsx"), ".parquet"),
        (("--output", "nowhere/out.csv"), "nowhere"),
        (("--text", "coment"), "comment"),
        (("--format", "markdown"), "jsonl or csv"),
        (("--max-cost", "1"), "--price"),
        (("--price", "cheap"), "--price 0.40,1.60"),
        (("--concurrency", "0"), "--concurrency"),
        (("--concurrency", "100000"), "--concurrency"),
        (("--limit", "-1"), "--limit"),
        (("--max-cost", "-1"), "--max-cost"),
        (("--max-cost", "nan", *PRICE), "--max-cost"),
        (("--timeout", "0"), "--timeout"),
        (("--resume",), "--output"),
        (("--encoding", "klingon"), "klingon"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_asked(
    server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "in.csv", 3)
    done = run(server, "in.csv", *words)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr and "Traceback" not in done.stderr
    assert server.stats().received == 0
    assert not list(tmp_path.glob("out*"))


def test_a_table_is_not_replaced_by_its_own_scores(server: ChatServer, tmp_path: Path) -> None:
    source = table(tmp_path / "in.csv", 3)
    before = source.read_bytes()
    done = run(server, source, "--output", source, "--overwrite", "--limit", "1")
    assert done.returncode == 2
    assert "is the table itself" in done.stderr
    assert source.read_bytes() == before


def test_lines_of_a_file_that_is_not_there(server: ChatServer) -> None:
    done = run(server, "nowhere.jsonl", "--lines")
    assert done.returncode == 2
    assert "Cannot read nowhere.jsonl" in done.stderr and "Traceback" not in done.stderr


def test_options_for_tables_are_refused_for_a_text(server: ChatServer) -> None:
    done = run(server, "Trams are quiet and clean.", "--output", "x.csv")
    assert done.returncode == 2
    assert "--output is for tables" in done.stderr


def test_the_store_is_shown_exported_and_cleared(server: ChatServer, tmp_path: Path) -> None:
    def store(*words: str) -> subprocess.CompletedProcess[str]:
        return commandline.argqual(tmp_path, "store", *words)

    assert "nothing is kept yet" in store("info", "--format", "text").stdout
    run(server, table(tmp_path / "in.csv", 5), "--output", tmp_path / "out.csv")
    assert "ratio 1.0, openai/test, expect: 5" in store("info", "--format", "text").stdout
    assert json.loads(store("info").stdout)["kept"][0]["assessments"] == 5
    exported = [json.loads(line) for line in store("export").stdout.splitlines()]
    assert len(exported) == 5 and all(each["status"] == "ok" for each in exported)
    assert store("clear").returncode == 2
    assert "5 assessments forgotten" in store("clear", "--yes").stdout
    assert json.loads(store("info").stdout)["kept"] == []


def test_a_dozen_kills_lose_nothing_and_pay_no_more_than_was_under_way(
    server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL at random moments of one job: the result is an undisturbed run's, byte for byte (RELEASING has fifty)."""
    kills, concurrency = int(os.environ.get("ARGQUAL_TEST_KILLS", "12")), 8
    rows = 50 * kills
    server.configure(latency=0.1)  # 80 answers a second at most: the job outlasts the kills on any machine
    source, output = table(tmp_path / "in.csv", rows), tmp_path / "out.jsonl"
    words = scored(server, str(source), "--output", str(output), "--resume", "--concurrency", str(concurrency))
    moments = random.Random(7)
    for _ in range(kills):
        after = moments.uniform(0.02, 0.5)
        assert commandline.killed(tmp_path, *words, after=after), "the job must still be running when it is killed"
    server.configure(latency=0.0)
    last = run(server, source, "--output", output, "--resume", "--concurrency", concurrency)
    assert last.returncode == 0, last.stderr
    answered = server.stats().answered
    assert rows <= answered <= rows + kills * concurrency
    monkeypatch.setenv("ARGQUAL_STORE", str(tmp_path / "another-store"))
    undisturbed = run(server, source, "--output", tmp_path / "undisturbed.jsonl")
    assert undisturbed.returncode == 0, undisturbed.stderr
    assert output.read_bytes() == (tmp_path / "undisturbed.jsonl").read_bytes()
