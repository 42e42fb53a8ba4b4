"""What this process is at before a model answers, for whoever shows it: weights checked, weights loaded, a prompt read.

It is said here by what does it, wherever that is called from, and looked at by the command line. Nothing waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Doing:
    """Something that takes its time, in words, and which share of it is done (0 to 1; None where that is not known)."""

    what: str
    share: float | None = None

    def __str__(self) -> str:
        return self.what if self.share is None else f"{self.what}, {self.share:.0%}"


_lock = threading.Lock()
_under_way: dict[object, Doing] = {}


@contextmanager
def doing(what: str) -> Iterator[Callable[[float], None]]:
    """Say that something is under way for as long as the block lasts; gives what says which share of it is done."""
    mark = object()
    _set(mark, Doing(what))
    try:
        yield lambda share: _set(mark, Doing(what, min(1.0, max(0.0, share))))
    finally:
        with _lock:
            _under_way.pop(mark, None)


def now() -> Doing | None:
    """What is under way, and was begun last; None when nothing is."""
    with _lock:
        return next(reversed(_under_way.values()), None)


def _set(mark: object, what: Doing) -> None:
    with _lock:
        _under_way[mark] = what
