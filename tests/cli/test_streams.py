"""Streams that are closed, full, unread or not to be had: the work goes on, or ends with a sentence."""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import commandline
from argqual._yaml import YamlError, read_yaml
from argqual.cli.options import read_source
from argqual.cli.streams import ResultsLost, Sink, hold_streams
from argqual.errors import InputError
from argqual.models.traffic import RateLimiter, most_connections
from argqual.tabular.jsonlines import LinesSource
from chatserver import ChatServerProcess

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full, a device that is always full")
TEXT = "Trams are quiet, because they run on rails."
GROUPS = [
    ["strategies", "list"],
    ["frameworks", "show", "ratio"],
    ["models", "list"],
    ["corpora", "list"],
    ["store", "info"],
    ["config", "show"],
    ["benchmark", "schema"],
    ["--help"],
]


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServerProcess]:
    with ChatServerProcess() as running:
        yield running


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ARGQUAL_STORE", str(tmp_path / "store.sqlite"))


def asking(server: ChatServerProcess, *words: str) -> list[str]:
    return ["score", *words, "--model", "openai/test", "--api-base", f"{server.url}/v1", "--price", "0,0"]


def ended(folder: Path, words: list[str], out: int | None, errors: int | None) -> int | None:
    process = commandline.start(folder, *words, variables={"OPENAI_API_KEY": "k"}, out=out, errors=errors)
    process.join(60)
    return process.exitcode


def table(path: Path, rows: int) -> str:
    path.write_text("text\n" + "".join(f'"Trams are quiet. I counted {row}."\n' for row in range(rows)))
    return str(path)


@needs_full
@pytest.mark.parametrize("words", GROUPS, ids=" ".join)
def test_results_that_cannot_be_written_end_any_command_with_a_sentence(tmp_path: Path, words: list[str]) -> None:
    with FULL.open("wb") as full, (tmp_path / "said").open("wb") as said:
        assert ended(tmp_path, words, full.fileno(), said.fileno()) == 2
    lines = (tmp_path / "said").read_text().splitlines()
    assert lines[-1] == "argqual: The result cannot be written: No space left on device."
    assert "Traceback" not in str(lines)


@pytest.mark.parametrize("words", GROUPS, ids=" ".join)
def test_results_that_nobody_reads_end_any_command_as_interrupted(tmp_path: Path, words: list[str]) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with (tmp_path / "said").open("wb") as said:
        assert ended(tmp_path, words, theirs, said.fileno()) == 130
    os.close(theirs)
    assert (tmp_path / "said").read_text() == "argqual: The result cannot be written: nobody reads it any further.\n"


@needs_full
def test_notes_that_cannot_be_written_stop_nothing(server: ChatServerProcess, tmp_path: Path) -> None:
    source = table(tmp_path / "in.csv", 5)
    with FULL.open("wb") as full:
        words = asking(server, source, "--output", str(tmp_path / "out.csv"))
        assert ended(tmp_path, words, None, full.fileno()) == 0
        assert ended(tmp_path, ["frameworks", "show", "nothing-like-it"], None, full.fileno()) == 2
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 6


@needs_full
def test_a_table_whose_results_cannot_be_written_keeps_what_was_answered(
    server: ChatServerProcess, tmp_path: Path
) -> None:
    source = table(tmp_path / "in.csv", 30)
    with FULL.open("wb") as full, (tmp_path / "said").open("wb") as said:
        assert ended(tmp_path, asking(server, source), full.fileno(), said.fileno()) == 2
    assert "The result cannot be written" in (tmp_path / "said").read_text()
    before = server.stats().received
    done = commandline.argqual(tmp_path, *asking(server, source), variables={"OPENAI_API_KEY": "k"})
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 30
    assert server.stats().received == 30 or server.stats().received - before < 30


def test_closed_streams_are_no_files_of_somebody_else(server: ChatServerProcess, tmp_path: Path) -> None:
    """With nothing on 0, 1 and 2, the next file that is opened would get such a number, and whatever is printed."""
    words = asking(server, table(tmp_path / "in.csv", 3), "--output", str(tmp_path / "out.jsonl"))
    command = [sys.executable, "-m", "argqual", *words]
    script = 'exec "$@" <&- >&- 2>&-'
    ran = subprocess.run(["sh", "-c", script, "sh", *command], env={**os.environ, "OPENAI_API_KEY": "k"}, timeout=60)
    assert ran.returncode == 0
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 3
    assert (tmp_path / "store.sqlite").read_bytes().startswith(b"SQLite format 3")


def test_a_closed_standard_output_is_named(tmp_path: Path) -> None:
    script = f"exec {sys.executable} -m argqual --version >&-"
    ran = subprocess.run(["sh", "-c", script], stderr=subprocess.PIPE, text=True, timeout=60)
    assert ran.returncode == 2
    assert ran.stderr == "argqual: The result cannot be written: standard output is closed.\n"


def test_a_standard_input_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    only_written = os.open(tmp_path / "written", os.O_WRONLY | os.O_CREAT)
    with (tmp_path / "said").open("wb") as said:
        process = commandline.start(tmp_path, "score", "-", given=only_written, errors=said.fileno())
        process.join(60)
    os.close(only_written)
    assert process.exitcode == 2
    assert (tmp_path / "said").read_text() == "argqual: Standard input cannot be read: Bad file descriptor.\n"


# In this process


@pytest.fixture
def restored_streams() -> Iterator[None]:
    before = sys.stdin, sys.stdout, sys.stderr
    yield
    sys.stdin, sys.stdout, sys.stderr = before


def test_a_stream_that_is_not_the_descriptors_is_left_alone(restored_streams: None) -> None:
    sys.stdout = captured = io.StringIO()
    hold_streams()
    assert sys.stdout is captured


@needs_full
def test_only_the_first_failure_of_results_is_said() -> None:
    with FULL.open("wb") as full:
        sink = Sink(full.fileno(), loud=True)
        with pytest.raises(ResultsLost, match="No space left"):
            sink.write(b"one")
        assert sink.write(b"two") == 3


@pytest.mark.parametrize(("files", "most"), [(200, 112), (80, 32), (40, 5), (10, 1)])
def test_no_more_connections_than_files_may_be_open(monkeypatch: pytest.MonkeyPatch, files: int, most: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    monkeypatch.setattr(os, "listdir", lambda _: ["0"] * 0)
    assert most_connections() == most
    assert RateLimiter(ceiling=512).ceiling == most
    assert RateLimiter(ceiling=1).ceiling == 1


def test_without_a_limit_there_are_as_many_connections_as_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert RateLimiter(ceiling=512).ceiling == 512


# What a shell gives for `<(…)`


def piped(content: bytes) -> str:
    ours, theirs = os.pipe()
    os.write(theirs, content)
    os.close(theirs)
    return f"/dev/fd/{ours}"


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs /dev/fd")
def test_a_pipe_that_has_a_name_is_a_text_or_with_lines_a_table() -> None:
    assert read_source(piped(TEXT.encode())) == TEXT
    with Path(piped(b'One.\n{"text": "Two."}\n')).open("rb") as stream:
        assert [row.cells["text"] for row in LinesSource(stream, "a pipe").rows()] == ["One.", "Two."]


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero, a device without an end")
def test_a_file_without_an_end_is_not_read_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("argqual.tabular.documents._MOST", 1_000_000)
    with pytest.raises(YamlError, match="at most 1,000,000"):
        read_yaml(Path("/dev/zero"))
    with pytest.raises(InputError, match="more than 1 MB"):
        read_source("/dev/zero")
