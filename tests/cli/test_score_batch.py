"""`argqual score TABLE --batch` from outside: killed with the provider's answers anywhere, nothing is asked twice."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import commandline
from batchserver import BatchServer
from conftest import TWO_QUESTIONS

OPENAI, ANTHROPIC = "openai/test", "anthropic/claude-sonnet-5-5"
PRICE = (1e-6, 4e-6)  # of a batch: half of --price 2,8


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-90125")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-planted-90125")
    monkeypatch.setenv("ARGQUAL_BATCH_POLL", "0.02")


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with BatchServer(looks=1) as server:
        yield server


def table(folder: Path, rows: int) -> Path:
    path = folder / "in.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["number", "comment"])
        writer.writerows([number, f"Trams are quiet, and I counted {number}."] for number in range(rows))
    return path


def two_questions(folder: Path) -> Path:
    path = folder / "two.yaml"
    path.write_text(TWO_QUESTIONS)
    return path


def words(server: BatchServer, source: Path, *more: str, model: str = OPENAI, price: str = "2,8") -> list[str]:
    return ["score", str(source), "--model", model, "--api-base", server.url, "--batch", "--price", price, *more]


def run(
    server: BatchServer, source: Path, *more: str, model: str = OPENAI, price: str = "2,8"
) -> subprocess.CompletedProcess[str]:
    return commandline.argqual(source.parent, *words(server, source, *more, model=model, price=price), timeout=60)


def broken_off(server: BatchServer, event: str, number: int, command: list[str], folder: Path) -> tuple[int, str]:
    """The exit code and the words of a command that gets a signal when something happens at the server."""
    with tempfile.TemporaryFile() as said:
        process = commandline.start(folder, *command, errors=said.fileno())
        server.when[event] = lambda: os.kill(process.pid, number)  # it takes longer to get there than this does
        process.join(60)
        assert process.exitcode is not None
        said.seek(0)
        return process.exitcode, said.read().decode()


def rows_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(("model", "rows"), [(OPENAI, 400), (ANTHROPIC, 100)])
def test_killed_at_three_moments_a_batch_has_every_row_once_and_costs_what_was_planned(
    tmp_path: Path, model: str, rows: int
) -> None:
    source, output = table(tmp_path, rows), tmp_path / "out.jsonl"
    with BatchServer(looks=3) as server:
        small = ["--framework", str(two_questions(tmp_path)), "--readout", "label", "--output", str(output)]
        command = words(server, source, *small, model=model)
        for event, more in (("created", []), ("look", ["--resume"]), ("answers", ["--resume"])):
            code, _ = broken_off(server, event, signal.SIGKILL, [*command, *more], tmp_path)
            assert code == -signal.SIGKILL
            assert event not in server.when
            assert not output.exists()
        server.not_there = 1
        done = run(server, source, *small, "--resume", model=model)
        assert done.returncode == 0, done.stderr
        assert len(server.batches) == 1
        assert set(server.billed.values()) == {1}
        assert server.billed.total() == rows
    assert [row["number"] for row in rows_of(output)] == [str(number) for number in range(rows)]
    assert {row["two_status"] for row in rows_of(output)} == {"ok"}
    assert f"{rows:,} asked, 0 known already" in done.stderr
    bill = sum(
        tokens * price
        for tokens, price in zip((server.usage["prompt_tokens"], server.usage["completion_tokens"]), PRICE, strict=True)
    )
    cost = re.search(r"Cost: ([\d.]+) USD \(([\d.]+) USD were planned\)", done.stderr)
    assert cost
    assert float(cost[1]) == pytest.approx(bill, rel=0.02)  # it is printed to the cent, or to two digits
    if model == OPENAI:  # what the other's thinking takes is a guess
        assert float(cost[2]) == pytest.approx(bill, rel=0.2)  # two tokenizers


def test_ctrl_c_leaves_the_batch_to_the_provider_and_says_how_to_go_on(server: BatchServer, tmp_path: Path) -> None:
    source, output = table(tmp_path, 5), tmp_path / "out.csv"
    server.looks = 10**6
    command = words(server, source, "--output", str(output))
    code, said = broken_off(server, "look", signal.SIGINT, command, tmp_path)
    assert code == 130
    assert "The batch batch_000 goes on at the provider" in said
    assert "--resume" in said
    ordinary = [word for word in command if word != "--batch"]
    reminded = commandline.argqual(tmp_path, *ordinary, "--output", str(tmp_path / "other.csv"), "--limit", "1")
    assert "5 requests" in reminded.stderr
    assert "paid twice" in reminded.stderr
    server.looks = 0
    done = run(server, source, "--output", str(output), "--resume")
    assert done.returncode == 0, done.stderr
    assert len(server.batches) == 1
    assert "sk-planted" not in said + done.stderr


def test_failed_rows_are_named_and_asked_again_by_another_batch(tmp_path: Path) -> None:
    source, output = table(tmp_path, 5), tmp_path / "out.jsonl"
    with BatchServer(looks=0, outcome_for=lambda body, _: "expired" if "counted 3." in str(body) else None) as server:
        done = run(server, source, "--output", str(output))
        assert done.returncode == 1
        assert "1 failed" in done.stderr
        (failed,) = [row for row in rows_of(output) if row["ratio_status"] == "failed"]
        assert "expired" in str(failed["ratio_reason"])
        server.outcome_for = lambda body, _: None
        done = run(server, source, "--output", str(output), "--retry-failed")
        assert done.returncode == 0, done.stderr
        assert {row["ratio_status"] for row in rows_of(output)} == {"ok"}
        assert server.billed.total() == 5


def test_a_plan_states_half_the_price_and_asks_nothing(server: BatchServer, tmp_path: Path) -> None:
    source = table(tmp_path, 5)
    plan = run(server, source, "--plan")
    assert plan.returncode == 0, plan.stderr
    assert "at 1 and 4 USD a million tokens" in " ".join(plan.stdout.split())
    assert "half of what it costs otherwise" in " ".join(plan.stdout.split())
    assert "24 hours" in plan.stdout
    assert server.calls == []
    listed = commandline.argqual(tmp_path, "score", str(source), "--model", "openai/gpt-4.1", "--batch", "--plan")
    assert "at 1 and 4 USD" in " ".join(listed.stdout.split())


def test_where_decisions_are_preferred_a_batch_takes_the_next_read_out(server: BatchServer, tmp_path: Path) -> None:
    source, output = table(tmp_path, 3), tmp_path / "out.jsonl"
    framework = str(two_questions(tmp_path))
    done = run(server, source, "--output", str(output), "--framework", framework, model="openai/gpt-6.1-sol")
    assert done.returncode == 0, done.stderr
    assert len(output.read_text().splitlines()) == 3


def test_a_limit_to_the_cost_and_to_the_rows_hold(server: BatchServer, tmp_path: Path) -> None:
    source, output = table(tmp_path, 9), tmp_path / "out.jsonl"
    done = run(server, source, "--output", str(output), "--limit", "8", "--max-cost", "0.04")
    assert done.returncode == 1
    assert "0.04 USD" in done.stderr
    assert 0 < server.billed.total() < 8
    done = run(server, source, "--output", str(output), "--limit", "8", "--max-cost", "1", "--resume")
    assert done.returncode == 0, done.stderr
    assert len(rows_of(output)) == server.billed.total() == 8


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--model", "local"], "no batch API"),
        (["--model", "groq/llama-3.3-70b-versatile"], "OpenAI and Anthropic"),
        (["--readout", "verbal"], "verbal"),
        (["--no-store"], "--no-store"),
        (["--concurrency", "5"], "--concurrency"),
        (["--engine", "litellm"], "litellm"),
    ],
)
def test_what_does_not_go_with_a_batch_is_said_at_once(
    server: BatchServer, tmp_path: Path, given: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "sk-planted-90125")
    done = run(server, table(tmp_path, 2), "--output", str(tmp_path / "out.csv"), *given)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "--batch" in done.stderr
    assert server.calls == []
    assert not (tmp_path / "out.csv.partial").exists()


@pytest.mark.parametrize("words", [["in.csv"], ["-", "--lines", "--output", "out.csv"], ["Trams are quiet."]])
def test_a_batch_needs_a_table_that_is_a_file_and_an_output(tmp_path: Path, words: list[str]) -> None:
    table(tmp_path, 2)
    done = commandline.argqual(tmp_path, "score", *words, "--batch", "--model", OPENAI)
    assert done.returncode == 2
    assert "--batch" in done.stderr
