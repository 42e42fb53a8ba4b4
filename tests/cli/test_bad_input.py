"""Whatever a user gets wrong: one clear message, the right exit code, no traceback, nothing on standard output."""

from __future__ import annotations

import array
import fcntl
import os
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

import commandline

TEXT = "We should walk, because it is sunny."
BASE = """\
schema: argqual/framework@1
id: mine
version: "1"
title: Mine
description: d
license: CC0-1.0
provenance: {status: own}
scale: {levels: [{value: 1, label: bad}, {value: 2, label: good}]}
criteria:
  - {id: one, name: One, plain: p, question: q}
  - {id: two, name: Two, plain: p, question: q}
"""


@pytest.fixture(autouse=True)
def shipped_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARGQUAL_FRAMEWORKS", raising=False)


def argqual(
    folder: Path, *words: str | bytes, given: bytes = b"", variables: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `argqual`."""
    ran = commandline.argqual(folder, *words, given=given, variables=variables)
    return ran.returncode, ran.stdout, ran.stderr


def refused(folder: Path, *words: str | bytes, given: bytes = b"", variables: Mapping[str, str] | None = None) -> str:
    """The message of a command that must be refused as the user's mistake."""
    code, out, error = argqual(folder, *words, given=given, variables=variables)
    assert code == 2, error
    assert out == ""
    assert "Traceback" not in error
    assert error.strip()
    return error


# Arguments


@pytest.mark.parametrize("text", ["", "   ", "\n\t\n"])
def test_an_empty_argument(tmp_path: Path, text: str) -> None:
    assert refused(tmp_path, "score", text).startswith("argqual: The argument is empty.")


@pytest.mark.parametrize("given", [b"", b" \n\t\n", b"\xef\xbb\xbf\n"])
def test_an_empty_pipe(tmp_path: Path, given: bytes) -> None:
    error = refused(tmp_path, "score", "-", given=given)
    assert "standard input is empty" in error


def test_a_pipe_that_is_not_utf8(tmp_path: Path) -> None:
    error = refused(tmp_path, "score", "-", given=b"one\ncaf\xe9\n")
    assert "standard input:2" in error and "UTF-8" in error


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.txt", b"", "empty.txt is empty"),
        ("blank.txt", b" \n", "blank.txt is empty"),
        ("latin.txt", b"one\ntwo caf\xe9\n", "latin.txt:2: not UTF-8"),
        ("wide.txt", "some words".encode("utf-16")[:-1], "wide.txt:1: not UTF-16"),
        ("paper.txt", b"Paper\n\x00\x01", "paper.txt:2: a binary file"),
        ("paper.pdf", b"%PDF-1.7\n\x00\x01", "paper.pdf is no .pdf file, or a damaged one"),
        ("picture.png", b"\x89PNG\r\n\x1a\n", "picture.png: argqual reads no .png files"),
        ("letter.txt", b"\x89PNG\r\n\x1a\n", "letter.txt is a .png file by what is in it"),
    ],
)
def test_a_file_that_holds_no_argument(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert said in refused(tmp_path, "score", name)


@pytest.mark.parametrize("source", ["nowhere.txt", "folder/nowhere", "./nowhere.md"])
def test_a_file_that_is_not_there(tmp_path: Path, source: str) -> None:
    assert f"There is no file {source}" in refused(tmp_path, "score", source)


def test_a_folder_without_texts(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert "no .txt or .md files in the folder folder" in refused(tmp_path, "score", "folder")


def test_an_argument_in_another_encoding_on_the_command_line(tmp_path: Path) -> None:
    assert "Unicode" in refused(tmp_path, "score", b"caf\xe9 is French")


@pytest.mark.parametrize("words", [("", "A text."), ("A text.", ""), ("A text.", "nowhere.txt"), ("A text.", "folder")])
def test_compare_needs_two_arguments(tmp_path: Path, words: tuple[str, str]) -> None:
    (tmp_path / "folder").mkdir()
    refused(tmp_path, "compare", *words)


# Names


@pytest.mark.parametrize(
    "words",
    [
        ("score", TEXT, "--framework", "ratoi"),
        ("compare", TEXT, TEXT, "--framework", "ratoi"),
        ("frameworks", "show", "ratoi"),
        ("frameworks", "validate", "ratoi"),
        ("frameworks", "prompt", "ratoi"),
        ("frameworks", "diff", "ratio", "ratoi"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_an_unknown_framework_brings_the_nearest_name(tmp_path: Path, words: tuple[str, ...]) -> None:
    error = refused(tmp_path, *words)
    assert "'ratoi'" in error and "'ratio'" in error


@pytest.mark.parametrize(
    "name", ["nowhere.yaml", "no/where", "a" * 300, "~nobody-of-that-name/x.yaml", b"caf\xe9.yaml"]
)
def test_a_framework_that_is_not_there(tmp_path: Path, name: str | bytes) -> None:
    refused(tmp_path, "frameworks", "validate", name)


def test_a_variable_that_names_no_folder(tmp_path: Path) -> None:
    error = refused(tmp_path, "frameworks", "list", variables={"ARGQUAL_FRAMEWORKS": str(tmp_path / "nowhere")})
    assert "ARGQUAL_FRAMEWORKS" in error and "nowhere" in error


@pytest.mark.parametrize("words", [("score", TEXT, "--model"), ("models", "pull"), ("models", "test")], ids=" ".join)
def test_an_unknown_model_brings_the_nearest_name(tmp_path: Path, words: tuple[str, ...]) -> None:
    error = refused(tmp_path, *words, "smollm2-135")
    assert "'smollm2-135'" in error and "'smollm2-135m'" in error


def test_a_weight_file_that_is_not_there(tmp_path: Path) -> None:
    assert "nowhere.gguf" in refused(tmp_path, "score", TEXT, "--model", "nowhere.gguf")


def test_weights_that_are_not_fetched_are_not_fetched_unasked(tmp_path: Path) -> None:
    error = refused(
        tmp_path, "score", TEXT, "--model", "smollm2-135m", variables={"ARGQUAL_CACHE": str(tmp_path / "c")}
    )
    assert "argqual models pull smollm2-135m" in error
    assert list(tmp_path.rglob("*.gguf")) == []


def test_an_unknown_option_command_or_format(tmp_path: Path) -> None:
    for words in (("score", TEXT, "--formt", "json"), ("scor", TEXT), ("score", TEXT, "--format", "xml"), ("score",)):
        refused(tmp_path, *words)


def test_argqual_alone_shows_its_commands(tmp_path: Path) -> None:
    code, out, error = argqual(tmp_path)
    assert code in (0, 2) and "frameworks" in out + error and "Traceback" not in error


def test_the_version_is_printed(tmp_path: Path) -> None:
    from argqual import __version__

    assert argqual(tmp_path, "--version") == (0, f"argqual {__version__}\n", "")


# Framework files

LEVELS = "[{value: 1, label: bad}, {value: 2, label: good}]"


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        (BASE.replace("  - {id: two", "\t- {id: two"), 11, "tab"),
        (BASE + "title: Again\n", 12, "'title'"),
        (BASE + "titel: Again\n", 12, "'title'"),
        (BASE.replace(LEVELS, "[]"), 8, "scale.levels"),
        (BASE.replace(f"{{levels: {LEVELS}}}", "{}"), 8, "scale.levels"),
        (BASE.replace(LEVELS, "[{value: 1, label: bad}]"), 8, "scale.levels"),
        (
            BASE.replace(LEVELS, "[" + ", ".join(f"{{value: {i}, label: l{i}}}" for i in range(11)) + "]"),
            8,
            "scale.levels",
        ),
        (BASE.replace("id: two", "id: one"), 11, "'one'"),
        (BASE + "extends: mine.yaml\n", 12, "circle"),
        (BASE + "x: !!python/object/apply:os.system [touch owned]\n", 12, "!!python/object"),
        (BASE.replace("title: Mine", "title: 2024-01-31"), 4, "date"),
        (BASE + "yes: x\n", 12, "true"),
        (BASE + "? [a]\n: x\n", 12, "key"),
        (BASE.replace("title: Mine", "title: caf\x00e"), 4, ""),
    ],
    ids=[
        "tab",
        "duplicate key",
        "unknown key",
        "empty list of levels",
        "empty scale",
        "one level",
        "eleven levels",
        "one id twice",
        "circle",
        "python object",
        "date",
        "true as a key",
        "list as a key",
        "nul",
    ],
)
def test_a_framework_file_that_is_wrong(tmp_path: Path, content: str, line: int, said: str) -> None:
    (tmp_path / "mine.yaml").write_text(content, encoding="utf-8")
    error = refused(tmp_path, "frameworks", "validate", "mine.yaml")
    assert error.startswith(f"mine.yaml:{line}: ")
    assert said in error
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_score_refuses_a_wrong_file_in_the_same_words(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(BASE + "titel: Again\n", encoding="utf-8")
    error = refused(tmp_path, "score", TEXT, "--framework", "mine.yaml")
    assert error.startswith("argqual: mine.yaml:12: ")


def test_the_billion_laughs(tmp_path: Path) -> None:
    lines = ["a0: &a0 ha"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    (tmp_path / "laughs.yaml").write_text("\n".join(lines), encoding="utf-8")
    assert refused(tmp_path, "frameworks", "validate", "laughs.yaml").startswith("laughs.yaml")


def test_nesting_without_end(tmp_path: Path) -> None:
    (tmp_path / "deep.yaml").write_text("a: " + "[" * 400_000, encoding="utf-8")
    assert refused(tmp_path, "frameworks", "validate", "deep.yaml").startswith("deep.yaml")


def test_a_framework_file_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(BASE.replace("Mine", "Café").encode("latin-1"))
    assert refused(tmp_path, "frameworks", "validate", "mine.yaml").startswith("mine.yaml:4: ")


def test_a_circle_of_files(tmp_path: Path) -> None:
    for here, there in (("a", "b"), ("b", "c"), ("c", "a")):
        (tmp_path / f"{here}.yaml").write_text(f"id: {here}\nextends: {there}.yaml\n", encoding="utf-8")
    error = refused(tmp_path, "frameworks", "validate", "a.yaml")
    assert "a.yaml -> b.yaml -> c.yaml -> a.yaml" in error


def test_a_message_holds_no_escape_of_the_file_it_speaks_of(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(BASE + r'"\e[31mtitel": x' + "\n", encoding="utf-8")
    assert "\x1b" not in refused(tmp_path, "frameworks", "validate", "mine.yaml")
    assert "\x1b" not in refused(tmp_path, "score", TEXT, "--framework", "mine.yaml")


def test_show_and_list_hold_no_escape_of_a_framework_file(tmp_path: Path) -> None:
    hostile = BASE.replace("title: Mine", r'title: "\e]0;x\aMine"').replace("name: One", r'name: "\e[31mOne"')
    (tmp_path / "mine.yaml").write_text(hostile, encoding="utf-8")
    variables = {"ARGQUAL_FRAMEWORKS": str(tmp_path)}
    for words in (("show", "mine"), ("list",), ("diff", "mine", "ratio")):
        extra = () if words[0] == "diff" else ("--format", "text")
        code, out, error = argqual(tmp_path, "frameworks", *words, *extra, variables=variables)
        assert code == 0, error
        assert "\x1b" not in out, words


# Standard output and signals


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_of_any_encoding_gets_an_answer(tmp_path: Path, encoding: str) -> None:
    text = "She said “yes” – 絶対に – because of the naïve café."
    variables = {"PYTHONIOENCODING": encoding}
    for words in (("prompt", "ratio", "--text", text), ("show", "qoam", "--format", "text")):
        with (tmp_path / "said").open("wb") as said, (tmp_path / "out").open("wb") as out:
            streams = {"out": out.fileno(), "errors": said.fileno()}
            process = commandline.start(tmp_path, "frameworks", *words, variables=variables, **streams)
        process.join(60)
        assert process.exitcode == 0, (tmp_path / "said").read_bytes()
        assert (tmp_path / "out").read_bytes() and b"Traceback" not in (tmp_path / "said").read_bytes()


def test_a_reader_that_has_seen_enough_is_no_error_to_speak_of(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    command = [sys.executable, "-m", "argqual", "frameworks", "show", "walton"]
    with os.fdopen(theirs, "wb") as pipe:
        ran = subprocess.run(command, cwd=tmp_path, stdout=pipe, stderr=subprocess.PIPE, timeout=60)
    assert b"Traceback" not in ran.stderr and b"Exception" not in ran.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device that is always full")
def test_a_full_disk_is_said_without_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "argqual", "frameworks", "list"]
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert ran.returncode != 0
    assert "space" in ran.stderr and "Traceback" not in ran.stderr


def unread(pipe: int) -> int:
    """The bytes in a pipe that nobody has read yet."""
    waiting = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, waiting)
    return waiting[0]


def test_an_interruption_ends_with_130_and_no_traceback(tmp_path: Path) -> None:
    given, ours = os.pipe()
    with (
        (tmp_path / "out").open("wb") as out,
        (tmp_path / "said").open("wb") as said,
        os.fdopen(ours, "wb", 0) as written,
    ):
        running = commandline.start(tmp_path, "score", "-", given=given, out=out.fileno(), errors=said.fileno())
        written.write(b"We should walk")
        deadline = time.monotonic() + 30
        while unread(given) and time.monotonic() < deadline:
            time.sleep(0.02)
        commandline.interrupt(running)  # now it has read this much, and waits for the rest
        running.join(60)
    os.close(given)
    assert running.exitcode == 130
    assert (tmp_path / "out").read_bytes() == b""
    assert "Traceback" not in (tmp_path / "said").read_text(encoding="utf-8")
