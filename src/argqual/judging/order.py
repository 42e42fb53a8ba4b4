"""In which order arguments are asked about: what several share is read once by a model on this machine."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import takewhile

from argqual.argument import Argument
from argqual.judging.judge import Judge


class Order:
    """Chooses from the arguments that wait.

    A hosted model takes them as they come. One on this machine still holds what it has read last, so that an argument
    on the same issue, with the same stance and context, is read from there on; what shares most comes first.
    """

    def __init__(self, judge: Judge) -> None:
        self._local = judge.model.server is not None
        self._inputs = tuple(judge.framework.inputs.declared())
        self._last: list[str | None] = []

    def take(self, keys: deque[str], most: int, argument: Callable[[str], Argument]) -> list[str]:
        """The keys that are asked about next, at most so many, taken out of `keys`; `argument` gives a key's."""
        return [self._next(keys, argument) for _ in range(min(most, len(keys)))]

    def _next(self, keys: deque[str], argument: Callable[[str], Argument]) -> str:
        if not self._local:
            return keys.popleft()
        key = max(keys, key=lambda key: _alike(self._shown_with(argument(key)), self._last))
        keys.remove(key)
        self._last = self._shown_with(argument(key))
        return key

    def _shown_with(self, argument: Argument) -> list[str | None]:
        given = argument.inputs()
        return [given.get(name) for name in self._inputs]


def _alike(one: list[str | None], other: list[str | None]) -> int:
    """How many values two lists begin with that are the same."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
