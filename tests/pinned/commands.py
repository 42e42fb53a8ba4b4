"""Every command's options, and what many invocations print and exit with."""

from __future__ import annotations

import contextlib
import enum
import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from argqual.cli.main import app
from loopback import Loopback
from pinned.calling import called, masked
from pinned.comparing import ROOT
from pinned.exchanges import emptied, say_levels
from pinned.judges import NOWHERE, OWN
from smallbenchmark import write_benchmark

TEXT = "We should walk, because it is sunny."


def commands() -> Iterator[tuple[str, Any]]:
    """Each command and group with its words, from the tree that the command line is made of."""

    def walk(words: str, command: Any) -> Iterator[tuple[str, Any]]:
        yield words, command
        for name, inner in sorted(getattr(command, "commands", {}).items()):
            yield from walk(f"{words} {name}", inner)

    yield from walk("argqual", typer.main.get_command(app))


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return "(worked out)"


def _parameter(parameter: Any) -> dict[str, Any]:
    # Of newer versions of Typer a parameter knows its annotation, of older ones a type that is Click's.
    kind = getattr(parameter, "type", None)
    annotation = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    chosen = annotation if isinstance(annotation, type) and issubclass(annotation, enum.Enum) else None
    bounds = parameter if kind is None else kind
    return {
        "names": [*parameter.opts, *parameter.secondary_opts],
        "help": getattr(parameter, "help", None),
        "metavar": parameter.metavar,
        "default": _plain(parameter.default),
        "required": parameter.required,
        "many": parameter.nargs != 1 or bool(getattr(parameter, "multiple", False)),
        "flag": bool(getattr(parameter, "is_flag", False)),
        "hidden": bool(getattr(parameter, "hidden", False)),
        "choices": [_plain(each) for each in chosen or getattr(kind, "choices", ())],
        "from": getattr(bounds, "min", None),
        "to": getattr(bounds, "max", None),
        "variable": parameter.envvar,
    }


def options() -> dict[str, Any]:
    """What each command is for, its arguments in their order, and its options by name, wherever a help shows them."""
    found: dict[str, Any] = {}
    for words, command in commands():
        arguments = [each for each in command.params if each.param_type_name == "argument"]
        chosen = [each for each in command.params if each.param_type_name != "argument"]
        found[words] = {
            "help": command.help,
            "hidden": command.hidden,
            "arguments": [_parameter(each) for each in arguments],
            "options": {each.opts[0]: _parameter(each) for each in sorted(chosen, key=lambda each: each.opts[0])},
        }
    return found


def helps() -> Iterator[tuple[str, list[str]]]:
    """What the help of each command, as it is printed, leaves out of what the command takes."""
    root = typer.main.get_command(app)
    for words, command in commands():
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = root.main([*words.split()[1:], "--help"], prog_name="argqual", standalone_mode=False)
        assert not code
        takes = [name for each in command.params if not getattr(each, "hidden", False) for name in each.opts]
        yield words, [name for name in takes if name.startswith("--") and name not in out.getvalue()]


# What is printed, by words; each must exit with 0.
PRINTED: dict[str, str] = {
    **{
        f"frameworks-show-{name}": f"frameworks show {name} --format text"
        for name in ("ratio", "qoam", "walton", "dqi", "wachsmuth2017", "own.yaml")
    },
    "frameworks-list": "frameworks list --format text",
    "frameworks-list-json": "frameworks list",
    "frameworks-show-json": "frameworks show ratio",
    "frameworks-validate": "frameworks validate ratio qoam own.yaml",
    "frameworks-prompt": "frameworks prompt ratio --text letter.txt",
    "frameworks-prompt-explain": "frameworks prompt own.yaml --issue Why? --explain",
    "frameworks-diff": "frameworks diff ratio qoam",
    "frameworks-schema": "frameworks schema",
    "strategies-list": "strategies list --format text",
    "strategies-show-principle": "strategies show principle --format text",
    "strategies-show-tfidf": "strategies show tfidf --format text",
    "strategies-show-exemplars": "strategies show exemplars --format text",
    "strategies-show-json": "strategies show calibrated",
    "strategies-show-saved": "strategies show saved/tfidf --format text",
    "corpora-list": "corpora list --format text",
    "corpora-info": "corpora info constructed --format text",
    "corpora-info-json": "corpora info constructed",
    "corpora-info-webis": "corpora info webis --format text",
    "corpora-check": "corpora check constructed --draws 100 --format text",
    "corpora-schema": "corpora schema",
    "benchmark-plan": "benchmark plan small.yaml --format text",
    "benchmark-plan-json": "benchmark plan small.yaml",
    "benchmark-schema": "benchmark schema",
    "store-info": "store info --format text",
    "models-list": "models list --format text",
}


def prepared(folder: Path) -> Path:
    """A folder with a framework, a text, tables, a benchmark and saved strategies."""
    (folder / "own.yaml").write_text(OWN, encoding="utf-8")
    (folder / "wrong.yaml").write_text(OWN + "titel: Again\n", encoding="utf-8")
    (folder / "letter.txt").write_text(f"{TEXT}\n", encoding="utf-8")
    (folder / "empty.txt").write_text("", encoding="utf-8")
    (folder / "letters.csv").write_text(f'id,text,question\n1,"{TEXT}",Walk?\n2,Because.,Walk?\n', encoding="utf-8")
    (folder / "no-text.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (folder / "a-folder").mkdir()
    shutil.copytree(Path(__file__).parent / "data" / "saved" / "strategies", folder / "saved")
    write_benchmark(folder)
    return folder


def printed(folder: Path, name: str) -> str:
    """What one of `PRINTED` prints."""
    result = called(folder, *PRINTED[name].split())
    assert result.code == 0, result.err
    # A benchmark's own fingerprint hangs on where its corpora lie.
    return re.sub(r"\(small, [0-9a-f]{16}\)", "(small, FINGERPRINT)", masked(result.out, folder, ROOT))


_ASK = ("--model", "openai/test", "--no-store")
_DEAD = (*_ASK, "--api-base", f"{NOWHERE}/v1", "--readout", "label")
# What is given, and what the server answers (`levels`, a text, or an error's number and words), if it is asked.
EXITS: dict[str, tuple[tuple[str, ...], list[Any]]] = {
    "the version of nothing": (("--verson",), []),
    "a good text": (("score", TEXT, "--format", "text", *_ASK, "--api-base", "SERVER"), ["levels"]),
    "a good text as Markdown": (
        ("score", "letter.txt", "--format", "markdown", *_ASK, "--api-base", "SERVER"),
        ["levels"],
    ),
    "a good text as JSON": (("score", TEXT, *_ASK, "--api-base", "SERVER", "--readout", "label"), ["levels"]),
    "a good comparison": (
        ("compare", TEXT, "Rain is wet.", "--model", "openai/test", "--api-base", "SERVER", "--format", "text"),
        ["levels", "levels"],
    ),
    "a good table": (
        ("score", "letters.csv", *_ASK, "--api-base", "SERVER", "--readout", "label", "--concurrency", "1"),
        ["levels", "levels"],
    ),
    "a table as CSV": (
        ("score", "letters.csv", *_ASK, "--api-base", "SERVER", "--readout", "label", "--concurrency", "1",
         "--format", "csv", "--prefix", "r", "--details", "--issue", "question"),
        ["levels", "levels"],
    ),
    "an unreadable answer": (("score", TEXT, *_ASK, "--api-base", "SERVER", "--readout", "label"), ["No.", "No."]),
    "a row that fails": (
        ("score", "letters.csv", *_ASK, "--api-base", "SERVER", "--readout", "label", "--concurrency", "1"),
        ["levels", (400, "the prompt was found to be unkind")],
    ),
    "a refused key": (("score", TEXT, *_ASK, "--api-base", "SERVER", "--readout", "label"), [(401, "no such key")]),
    "an unknown option": (("score", TEXT, "--formt", "json"), []),
    "an unknown command": (("scor", TEXT), []),
    "an unknown format": (("score", TEXT, "--format", "xml"), []),
    "nothing to score": (("score",), []),
    "an empty text": (("score", ""), []),
    "an empty file": (("score", "empty.txt"), []),
    "an empty pipe": (("score", "-"), []),
    "a missing file": (("score", "nowhere.txt"), []),
    "a folder without texts": (("score", "a-folder", *_DEAD), []),
    "an option for tables": (("score", TEXT, "--output", "out.csv", *_DEAD), []),
    "a format for tables": (("score", TEXT, "--format", "csv"), []),
    "resume without an output": (("score", "letters.csv", "--resume"), []),
    "a table without texts": (("score", "no-text.csv", *_DEAD), []),
    "a column that is not there": (("score", "letters.csv", "--text", "txt", *_DEAD), []),
    "an unknown framework": (("score", TEXT, "--framework", "ratoi"), []),
    "a wrong framework": (("score", TEXT, "--framework", "wrong.yaml"), []),
    "a wrong framework validated": (("frameworks", "validate", "wrong.yaml", "ratio"), []),
    "a missing framework": (("frameworks", "show", "nowhere.yaml"), []),
    "a framework that is there already": (("frameworks", "new", "own"), []),
    "an unknown model": (("score", TEXT, "--model", "smollm2-135"), []),
    "a model that is not fetched": (("score", TEXT, "--model", "smollm2-135m"), []),
    "an unknown read-out": (("score", TEXT, *_DEAD[:-1], "lable"), []),
    "a missing input": (("score", TEXT, "--framework", "own.yaml", *_DEAD), []),
    "a program of another framework": (
        ("score", TEXT, "--framework", "qoam", "--program", "PROGRAM", *_DEAD),
        [],
    ),
    "a strategy and a model": (("score", TEXT, "--strategy", "saved/length", "--model", "openai/x"), []),
    "a strategy that is not there": (("score", TEXT, "--strategy", "nowhere"), []),
    "a saved strategy": (("score", TEXT, "--strategy", "saved/length", "--format", "text"), []),
    "an unknown strategy": (("strategies", "show", "tfdif"), []),
    "an unknown corpus": (("corpora", "info", "webbis"), []),
    "a corpus that is not fetched": (("corpora", "check", "webis"), []),
    "a missing benchmark": (("benchmark", "plan", "nowhere.yaml"), []),
    "a benchmark that was not run": (("benchmark", "report", "small.yaml"), []),
    "no reports": (("benchmark", "verdict", "a-folder"), []),
    "an empty store": (("store", "export"), []),
    "an unknown optimiser": (("optimise", "ratio", "--corpus", "webis", "--optimiser", "geppa", "-o", "p.json"), []),
    "a folder that is there already": (("fit", "tfidf", "--corpus", "east.yaml", "-o", "a-folder"), []),
    "a setting that is none": (("fit", "tfidf", "--corpus", "east.yaml", "-o", "new", "--set", "alfa=1"), []),
}  # fmt: skip


def exits(folder: Path, server: Loopback, name: str) -> dict[str, Any]:
    """The exit code, what is printed, and what is said on the side."""
    words, answers = EXITS[name]
    emptied(server)
    for answer in answers:
        if answer == "levels":
            say_levels(server)
        elif isinstance(answer, str):
            server.say(answer)
        else:
            server.reply(answer[0], {"error": {"message": answer[1], "code": answer[0]}})
    program = str(Path(__file__).parent / "data" / "saved" / "program.json")
    said = {"SERVER": f"{server.url}/v1", "PROGRAM": program}
    result = called(folder, *(said.get(word, word) for word in words))
    return {
        "words": " ".join(words),
        "code": result.code,
        "out": masked(result.out, folder, ROOT),
        "err": masked(result.err, folder, ROOT),
        "asked": len(server.requests),
    }


def unreachable(folder: Path) -> dict[str, Any]:
    """A server that is not there."""
    result = called(folder, "score", TEXT, *_DEAD)
    return {"code": result.code, "out": result.out, "err": masked(result.err, folder)}
