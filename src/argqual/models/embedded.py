"""llama.cpp inside the process: a real model without an account or a network.

The engine brings its own server (continuous batching, prompt cache, schema-bound
output, log-probabilities). It listens on loopback only, on a port that the system
chooses, behind a key that is made anew each time; argqual talks to it as to any
other OpenAI-compatible server, so that there is one path to test.
"""

from __future__ import annotations

import os
import secrets
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from argqual.errors import ModelError, WeightsError

CONTEXT_TOKENS = 8192
DEFAULT_SLOTS = 1
MOST_SLOTS = 8  # each takes memory for a whole context


@dataclass(frozen=True)
class Address:
    """Where a server listens, and the key it wants."""

    url: str
    key: str = field(repr=False)


class EmbeddedServer:
    """A model loaded in this process from `weights`, a GGUF file.

    `context` is in tokens of prompt and answer together, for each of the `slots`: requests worked on at once, which
    share the machine's cores. Raises as `parameters` and `start`.
    """

    def __init__(self, weights: Path, *, context: int = CONTEXT_TOKENS, slots: int = 1) -> None:
        key = secrets.token_urlsafe(24)
        params = parameters(weights, key, context=context * slots)
        params.n_parallel = slots
        self._server = start(params)
        self.weights = weights
        self.context = context
        self.slots = slots
        self.address = Address(self._server.listening_address, key)

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, by the model's own tokenizer."""
        import httpx

        answer = httpx.post(
            f"{self.address.url}/tokenize",
            json={"content": text},
            headers={"Authorization": f"Bearer {self.address.key}"},
            timeout=60.0,
        )
        return len(answer.raise_for_status().json()["tokens"])


def parameters(weights: Path, key: str, *, context: int) -> Any:
    """The engine's settings that every use of it has in common; a `ModelError` without the extra `local`."""
    try:
        import xllamacpp
    except ImportError as error:
        raise ModelError(
            f"The embedded model needs the engine xllamacpp ({error}).", hint="Run: pip install 'argqual[local]'"
        ) from None
    cores = available_cores()
    params: Any = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.n_ctx = context
    params.cpuparams.n_threads = cores
    params.cpuparams_batch.n_threads = cores
    params.api_keys = [key]
    params.hostnames = ["127.0.0.1"]
    params.ui = False
    params.endpoint_slots = False
    params.warmup = False
    params.verbosity = 0
    return params


def start(params: Any) -> Any:
    """A server of the engine; a `WeightsError` if it cannot load the file."""
    import xllamacpp

    try:
        return xllamacpp.Server(params)
    except Exception as error:
        raise WeightsError(
            f"The engine cannot load {params.model.path}: {error}.", hint="Is it a GGUF file of a language model?"
        ) from None


def available_cores() -> int:
    """Cores that this process may use (at least 1)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_running: dict[tuple[Path, int, int], EmbeddedServer] = {}
_starting = threading.Lock()


def shared_server(weights: Path, *, context: int = CONTEXT_TOKENS, slots: int = 1) -> EmbeddedServer:
    """The process's server for these weights: loaded once, kept until the process ends."""
    key = (weights.resolve(), context, slots)
    with _starting:
        if key not in _running:
            _running[key] = EmbeddedServer(weights, context=context, slots=slots)
        return _running[key]
