"""Models on this machine: a real model without an account or a network.

llama.cpp runs them in a process beside this one (`argqual.models.llama`); argqual talks to it as to any other
OpenAI-compatible server, so that there is one path to test.
"""

from __future__ import annotations

import threading
from pathlib import Path

from argqual.models import kept_prompts, warm
from argqual.models.llama import Address, Llama, LlamaServer, settings_of
from argqual.models.slots import Slots

CONTEXT_TOKENS = 8192
DEFAULT_SLOTS = 1
MOST_SLOTS = 8  # each takes memory for a whole context


class EmbeddedServer:
    """A model from `weights`, a GGUF file. It begins to load at once; what needs it waits for it.

    `context` is in tokens of prompt and answer together, for each of the `slots`: requests worked on at once, which
    share the machine's cores. `identity` tells the weights from all others; with it, what is read of a prompt is kept
    for other processes, and an engine that stays (`argqual.models.warm`) is used where there is one that fits. `keep`
    has one that is started stay for so many minutes after it was last used. Raises as `Llama`.
    """

    def __init__(
        self,
        weights: Path,
        *,
        context: int = CONTEXT_TOKENS,
        slots: int = 1,
        identity: str | None = None,
        keep: float | None = None,
    ) -> None:
        self.weights = weights
        self.context = context
        self.slots = slots
        prompts = kept_prompts.writable_folder() if identity else None
        place = None
        if identity and (keep or warm.folder().exists()):
            started_with = settings_of(weights, context=context, slots=slots, kept_prompts=prompts)
            place = warm.EnginePlace.of(started_with, identity)
        found = warm.found(place, prompts)
        stays = place.for_engine(keep) if place and keep and not found else None
        self.llama: LlamaServer = found or Llama(
            weights, context=context, slots=slots, kept_prompts=prompts, keep=stays
        )
        turns = warm.Turns(place, self.llama.key) if place and (found or stays) else None
        self.held = Slots(self.llama, slots, context, {"weights": identity}, turns)

    @property
    def address(self) -> Address:
        """Where it listens, as soon as it does; a `WeightsError` if the file cannot be loaded."""
        return self.llama.address

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, by the model's own tokenizer."""
        return len(self.llama.post("/tokenize", {"content": text})["tokens"])


_running: dict[tuple[Path, int, int], EmbeddedServer] = {}
_starting = threading.Lock()


def shared_server(
    weights: Path,
    *,
    context: int = CONTEXT_TOKENS,
    slots: int = 1,
    identity: str | None = None,
    keep: float | None = None,
) -> EmbeddedServer:
    """The process's server for these weights: loaded once, kept until one of the two ends."""
    key = (weights.resolve(), context, slots)
    with _starting:
        if key not in _running or _running[key].llama.ended:
            _running[key] = EmbeddedServer(weights, context=context, slots=slots, identity=identity, keep=keep)
        return _running[key]
