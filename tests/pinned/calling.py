"""The command line in this process: what it is given, what it prints, and its exit code."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from argqual.cli.main import main

_DATES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00:00|Z)?")
_SECONDS = re.compile(r"\b\d+(?:\.\d+)? s\b")
_DISK = re.compile(r"free disk \d+(?:\.\d+)? \wB")
_WAITED = re.compile(r"no success for \d+ seconds?")
_PORT = re.compile(r"127\.0\.0\.1:\d{4,}")
_SECONDS_KEY = re.compile(r'("+seconds"+:\s*)\d+(?:\.\d+)?(?:e-?\d+)?')
_VERSION_KEY = re.compile(r'("+argqual_version"+:\s*)"+[^"]*"+')


@dataclass(frozen=True)
class Called:
    code: int
    out: str
    err: str


def called(folder: Path, *words: str, given: bytes = b"") -> Called:
    """`argqual WORDS` in a folder with a store and a cache of its own, with something on standard input."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("ARGQUAL_STORE", str(folder / "assessments.sqlite"))
        patch.setenv("ARGQUAL_CACHE", str(folder / "cache"))
        patch.setattr(sys, "argv", ["argqual", *words])
        patch.setattr(sys.modules["__main__"], "__package__", None, raising=False)  # or usage is told of pytest
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), encoding="utf-8"))
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    out.flush()
    err.flush()
    return Called(code, out.buffer.getvalue().decode(), err.buffer.getvalue().decode())  # type: ignore[attr-defined]


def masked(text: str, *folders: Path) -> str:
    """A text without what no two runs have alike: dates, seconds, ports, places of temporary folders."""
    for number, folder in enumerate(folders):
        text = text.replace(str(folder), f"FOLDER{number or ''}")
    text = _WAITED.sub("no success for N seconds", _DISK.sub("free disk N", text))
    text = _PORT.sub("127.0.0.1:PORT", _SECONDS.sub("N s", _DATES.sub("DATE", text)))
    return _VERSION_KEY.sub(r'\1"VERSION"', _SECONDS_KEY.sub(r"\1SECONDS", text))
