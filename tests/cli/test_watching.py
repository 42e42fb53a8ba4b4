"""What a model is at before it answers is shown while it is waited for, on a terminal and in a log."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from argqual import _underway
from argqual.cli import options
from argqual.cli.options import step
from argqual.cli.progress import BatchProgress


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(options, "_LOOK_EVERY", 0.002)
    monkeypatch.setattr(options, "_FIRST", 0.0)
    yield
    assert _underway.now() is None


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def waited_for(stream: io.StringIO, words: str) -> bool:
    until = time.monotonic() + 5
    while words not in stream.getvalue() and time.monotonic() < until:
        time.sleep(0.002)
    return words in stream.getvalue()


@pytest.mark.parametrize(("stream", "share"), [(io.StringIO(), ", 40%"), (Terminal(), "")])
def test_a_step_says_what_is_under_way(stream: io.StringIO, share: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", stream)
    with step("Rating"), _underway.doing("reading 900 tokens") as tell:
        tell(0.4)
        assert waited_for(stream, f"reading 900 tokens{share}")


def test_what_was_begun_last_is_what_is_under_way() -> None:
    with _underway.doing("one"):
        with _underway.doing("other") as tell:
            tell(2.0)
            assert str(_underway.now()) == "other, 100%"
        assert str(_underway.now()) == "one"


def test_a_batch_says_it_too_and_estimates_the_rest_without_it() -> None:
    tally = SimpleNamespace(done=0, cost_usd=0.0, failed=0)
    limiter = SimpleNamespace(paused_for=0.0, troubled=False)
    model = SimpleNamespace(traffic=SimpleNamespace(limiter=limiter))
    batch: Any = SimpleNamespace(tally=tally, judge=SimpleNamespace(model=model))
    progress = BatchProgress(batch, 11, 0, quiet=True)
    began = progress._marks[0][0]
    with _underway.doing("reading 900 tokens") as tell:
        tell(0.5)
        progress._mark(began + 100)
        assert progress._line() == "0 of 11, reading 900 tokens, 50%"
    tally.done = 1
    progress._mark(began + 102)
    assert progress._line() == "1 of 11, 0.5/s, 20 s left"
