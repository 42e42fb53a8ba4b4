"""Hidden states of an embedded model: what it makes of a text before it says anything.

The state is that of the last token in the last layer, scaled to length 1. Reading it takes as long as
reading a prompt, so states are kept in the cache, under the weights' hash and the text's.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from urllib.error import HTTPError

import numpy as np
import numpy.typing as npt

from argqual.errors import ModelError
from argqual.models import weights as weight_files
from argqual.models.llama import Llama
from argqual.models.names import embedded_weights

CONTEXT_TOKENS = 4096


class HiddenStates:
    """Last-token states of an embedded model: `local`, an id of `argqual models list`, or the path of a GGUF file.

    Raises a `ModelError` if there is none or the extra `local` is not installed, and a `WeightsError` if the weights
    are not on this machine, or are broken.
    """

    def __init__(self, model: str) -> None:
        self.name, self._weights, self.identity = embedded_weights(model)
        self._llama: Llama | None = None
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
        try:
            answer = self._started().post("/v1/embeddings", {"input": text})
        except HTTPError as error:
            said = error.read().decode("utf-8", "replace")
            if "too large" in said or "context size" in said:
                return None
            raise ModelError(f"The engine could not read a text with {self.name}: {said[:200]}") from None
        return np.array(answer["data"][0]["embedding"], dtype=np.float32)

    def _started(self) -> Llama:
        """The engine, which is loaded when first needed: kept states need none."""
        with self._starting:
            if self._llama is None:
                self._llama = Llama(self._weights, context=CONTEXT_TOKENS, states=True)
            return self._llama

    def _cache(self) -> Path:
        folder = weight_files.cache_folder().parent / "states"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{self.identity[:32]}.sqlite"
