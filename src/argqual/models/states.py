"""Hidden states of an embedded model: what it makes of a text before it says anything.

The state is that of the last token in the last layer, scaled to length 1. Reading it takes as long as
reading a prompt, so states are kept in the cache, under the weights' hash and the text's.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import httpx
import numpy as np
import numpy.typing as npt

from argqual.errors import ModelError
from argqual.models import weights as weight_files
from argqual.models.connect import embedded_weights
from argqual.models.embedded import parameters, start

CONTEXT_TOKENS = 4096
_TIMEOUT_SECONDS = 3600.0


class HiddenStates:
    """Last-token states of an embedded model: `local`, an id of `argqual models list`, or the path of a GGUF file.

    Raises a `ModelError` if there is none or the extra `local` is not installed, and a `WeightsError` if the weights
    are not on this machine, or are broken.
    """

    def __init__(self, model: str) -> None:
        self.name, self._weights, self.identity = embedded_weights(model)
        self._server: object | None = None
        self._address = ""
        self._key = secrets.token_urlsafe(24)
        self._starting = threading.Lock()

    def of(self, texts: Sequence[str], tell: Callable[[int], None] = lambda read: None) -> npt.NDArray[np.float32]:
        """The states of texts, shape (n_texts, n_dimensions); a row of NaN for a text that does not fit.

        `tell` is called after each text that had to be read, with how many are there by then. Raises a `ModelError`
        if the engine failed.
        """
        digests = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
        path = self._cache()
        with closing(sqlite3.connect(path, timeout=60)) as kept:
            kept.execute("CREATE TABLE IF NOT EXISTS state (digest TEXT PRIMARY KEY, content BLOB NOT NULL)")
            found: dict[str, npt.NDArray[np.float32] | None] = {}
            for digest, text in zip(digests, texts, strict=True):
                if digest in found:
                    continue
                row = kept.execute("SELECT content FROM state WHERE digest = ?", (digest,)).fetchone()
                if row:
                    found[digest] = np.frombuffer(row[0], dtype=np.float32)
                    continue
                found[digest] = state = self._read(text)
                if state is not None:
                    with kept:
                        kept.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (digest, state.tobytes()))
                tell(len(found))
        width = next((len(state) for state in found.values() if state is not None), 1)
        missing = np.full(width, np.nan, dtype=np.float32)
        return np.array([missing if (state := found[digest]) is None else state for digest in digests])

    def _read(self, text: str) -> npt.NDArray[np.float32] | None:
        """The state of a text from the engine; None when the text is too long for it."""
        self._start()
        answer = httpx.post(
            f"{self._address}/v1/embeddings",
            json={"input": text},
            headers={"Authorization": f"Bearer {self._key}"},
            timeout=_TIMEOUT_SECONDS,
        )
        if answer.status_code != 200:
            if "too large" in answer.text or "context size" in answer.text:
                return None
            raise ModelError(f"The engine could not read a text with {self.name}: {answer.text[:200]}")
        return np.array(answer.json()["data"][0]["embedding"], dtype=np.float32)

    def _start(self) -> None:
        """Load the model, when first needed: kept states need none."""
        import xllamacpp

        with self._starting:
            if self._server is None:
                params = parameters(self._weights, self._key, context=CONTEXT_TOKENS)
                params.embedding = True
                params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_LAST
                params.n_parallel = 1
                # A text is read in one go, or its last token would not have seen it all.
                params.n_batch = params.n_ubatch = CONTEXT_TOKENS
                server = start(params)
                self._server, self._address = server, str(server.listening_address)

    def _cache(self) -> Path:
        folder = weight_files.cache_folder().parent / "states"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{self.identity[:32]}.sqlite"
