"""Which beginning of a prompt each of an engine's slots holds, so that no request waits for it to be read again.

A slot works on one request at a time, and keeps what it has read. Before a request is sent, a slot is given the
beginning that the request shares with others (instructions, criteria, examples): from what is kept on disk, or by
reading it, after which it is kept. So every request finds its beginning read, the first as well as any later one, in
this process as in the next. Whatever goes wrong here costs time and nothing else.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from argqual import _underway
from argqual.errors import ModelError
from argqual.models import kept_prompts
from argqual.models.llama import LlamaServer
from argqual.models.traffic import Traffic
from argqual.models.warm import Turns

SHARED = "argqual_shared_messages"
"""A request's extension: how many of its messages, after the system's, all of its kind begin with."""
_LEAST_TOKENS = 64  # what is shorter is read as quickly
_STEP_TOKENS = 128
_OPENING = re.compile(r"<\w+>\n")
_PROBES = ("A", "7")


@dataclass(frozen=True)
class Beginning:
    """What many requests begin with: messages of a chat, and how the message after them opens."""

    messages: tuple[tuple[str, str], ...]
    opening: str = ""

    @classmethod
    def of(cls, request: Any) -> Beginning | None:
        """That of a `dspy.lm15.Request`; None where nothing is known to be shared."""
        shared = (request.config.extensions or {}).get(SHARED, 0)
        said = [(message.role, message.text) for message in request.messages]
        if not isinstance(request.system, str) or len(said) <= shared or any(text is None for _, text in said):
            return None
        opening = _OPENING.match(said[shared][1])
        return cls((("system", request.system), *said[:shared]), opening[0] if opening else "")

    def with_end(self, text: str) -> list[dict[str, str]]:
        said = [*self.messages, ("user", self.opening + text)]
        return [{"role": role, "content": content} for role, content in said]


class Slots:
    """The slots of an engine, each with a context of so many tokens, and with the beginning that it holds.

    `depends_on` is what a state depends on besides these: the weights. `turns` are those of processes that share the
    engine; None for one that is this process's alone.
    """

    def __init__(
        self, llama: LlamaServer, slots: int, context: int, depends_on: Mapping[str, Any], turns: Turns | None = None
    ) -> None:
        self._llama = llama
        self._turns = turns
        self._context = context
        self._depends_on = {"slots": slots, "context": context, **depends_on}
        self._free = list(range(slots))
        self._held: list[Beginning | None] = [None] * slots
        self._changed = threading.Condition()
        self._bringing = threading.Lock()

    @contextmanager
    def holding(
        self,
        beginning: Beginning | None,
        has_waited: Callable[[float], None] = lambda seconds: None,
        *,
        text: str = "",
    ) -> Iterator[int]:
        """A slot that nobody else uses meanwhile, and that holds a beginning, if that could be had.

        `has_waited` is told how long there was none. What is asked at once about the same `text` is not parted by
        another process.
        """
        began = time.monotonic()
        slot = self._take(beginning)
        try:
            with self._turns.turn(slot, text) if self._turns else nullcontext():
                has_waited(time.monotonic() - began)
                self._see_to(slot, beginning)
                yield slot
        finally:
            with self._changed:
                self._free.append(slot)
                self._changed.notify()

    def check(self) -> None:
        """Raise a `ModelError` if the engine has ended."""
        if self._llama.ended:
            self._llama.check()

    def _see_to(self, slot: int, beginning: Beginning | None) -> None:
        """Have a slot hold a beginning, unless it does."""
        turns = self._turns
        if turns.holds(slot, repr(beginning)) if turns else self._held[slot] == beginning:
            return
        self._held[slot] = None
        if turns:
            turns.note(slot, "")  # as long as it is not known, and if this process is killed
        if beginning is not None:
            with self._bringing:
                self._bring(slot, beginning)
        self._held[slot] = beginning
        if turns:
            turns.note(slot, repr(beginning))

    def _take(self, beginning: Beginning | None) -> int:
        with self._changed:
            while not self._free:
                self._changed.wait()
            fitting = [slot for slot in self._free if self._held[slot] == beginning]
            slot = fitting[0] if fitting else min(self._free, key=lambda slot: self._held[slot] is not None)
            self._free.remove(slot)
            return slot

    def _bring(self, slot: int, beginning: Beginning) -> None:
        """Give a slot a beginning. What is refused on the way is left to the request itself, which says so."""
        folder = self._llama.kept_prompts
        with suppress(OSError, ValueError, KeyError):
            if folder is None:
                self._read(slot, beginning)
                return
            key = kept_prompts.key_of(
                {
                    "form": 1,
                    "engine": version("xllamacpp"),
                    "processor": self._llama.processor,
                    "beginning": [*beginning.messages, beginning.opening],
                    **self._depends_on,
                }
            )
            if self._restored(slot, key):
                return
            with kept_prompts.reading(key):
                if not self._restored(slot, key) and self._read(slot, beginning):
                    self._keep(slot, folder, key)

    def _restored(self, slot: int, key: str) -> bool:
        path = kept_prompts.find(key)
        if path is None:
            return False
        try:
            found = self._llama.post(f"/slots/{slot}?action=restore", {"filename": path.name})
            if found["n_restored"] >= _LEAST_TOKENS:
                return True
        except ModelError:  # the engine has ended over it
            kept_prompts.forget(path)
            raise
        except (OSError, ValueError, KeyError):
            pass
        kept_prompts.forget(path)
        return False

    def _read(self, slot: int, beginning: Beginning) -> bool:
        """Have a slot read a beginning; whether it is neither so short nor so long that this is of no use."""
        tokens = self._tokens(beginning)
        if not _LEAST_TOKENS <= len(tokens) < self._context:
            return False
        with _underway.doing(f"reading the instructions, {len(tokens):,} tokens, once") as tell:
            for end in [*range(_STEP_TOKENS, len(tokens), _STEP_TOKENS), len(tokens)]:
                body = {"prompt": tokens[:end], "n_predict": 0, "id_slot": slot, "cache_prompt": True}
                self._llama.post("/completion", body)
                tell(end / len(tokens))
        return True

    def _tokens(self, beginning: Beginning) -> Sequence[int]:
        """The tokens with which every prompt that has this beginning begins."""
        probes = []
        for text in _PROBES:
            chat = self._llama.post("/apply-template", {"messages": beginning.with_end(text)})["prompt"]
            whole = {"content": chat, "add_special": True, "parse_special": True}
            probes.append(self._llama.post("/tokenize", whole)["tokens"])
        one, other = probes
        same = next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), 0)
        return list(one[:same])

    def _keep(self, slot: int, folder: Path, key: str) -> None:
        draft = folder / kept_prompts.new_draft()
        try:
            written = self._llama.post(f"/slots/{slot}?action=save", {"filename": draft.name})["n_written"]
        except (OSError, ValueError, KeyError):
            kept_prompts.forget(draft)
            return
        kept_prompts.keep(draft, key, written)


class Prepared:
    """An engine for DSPy whose requests find their beginning read, in a slot that is theirs meanwhile.

    `native` says whether the engine beneath hands on what only llama.cpp knows. Waiting for a slot counts as waiting
    for one's turn in `traffic`.
    """

    def __init__(self, engine: Any, slots: Slots, traffic: Traffic, *, native: bool) -> None:
        self._engine = engine
        self._slots = slots
        self._traffic = traffic
        self._native = native

    def complete(self, request: Any) -> Any:
        beginning = Beginning.of(request)
        text = request.messages[len(beginning.messages) - 1].text if beginning else ""
        with self._slots.holding(beginning, self._traffic.has_waited, text=text) as slot:
            told = {name: value for name, value in (request.config.extensions or {}).items() if name != SHARED}
            if self._native:
                told["id_slot"] = slot
            try:
                return self._engine.complete(replace(request, config=replace(request.config, extensions=told or None)))
            except Exception:
                self._slots.check()
                raise
