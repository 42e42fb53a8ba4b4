"""Frozen sentence embeddings and ridge regression: what an encoder knows of quality without being trained for it.

The encoder is never changed. Texts are embedded once a process, whatever the folds.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import Ridge

from argqual.argument import Argument
from argqual.errors import StrategyError
from argqual.models.encoders import DEFAULT_ENCODER, EncoderFiles, find_encoder
from argqual.models.encoding import batches, device_for, load_encoder, pooled, require_tokens, tokenised, warn_of_cuts
from argqual.stats.regression import best_alpha
from argqual.strategies.base import Array, Predictions, Seen, Strategy, tell
from argqual.strategies.registry import needs

_INNER_FOLDS = 5
_MOST_KEPT = 200_000  # vectors; about 300 MB of the default encoder's
_kept: dict[tuple[str, int, str, bytes], npt.NDArray[np.float32]] = {}


@dataclass(eq=False, repr=False)
class Embedding(Strategy):
    """Ridge regression on mean-pooled, normalised sentence embeddings (Reimers and Gurevych 2019).

    The penalty is the one whose predictions rank best in inner folds of whole groups, or of rows when
    all training arguments are of one group.

    Parameters
    ----------
    model : str or Path, default="all-minilm-l6-v2"
        Argqual's own (sentence-transformers/all-MiniLM-L6-v2, 91 MB, Apache-2.0), a folder, or
        a repository `owner/name` on the model hub. Its own way of pooling is used: mean or first token.
    alphas : sequence of float
        Penalties to choose from.
    max_tokens : int, default=256
        Of a longer text only the beginning is read, with a `TruncatedWarning`.
    batch_size : int, default=32
        Texts that are read together.
    device : str, default="auto"
        `cpu`, `cuda`, `cuda:1`; `auto` takes CUDA where there is any.
    fetch : bool, default=True
        Fetch the model when it is not on this machine; otherwise that is an error.

    Attributes
    ----------
    ridge_ : sklearn.linear_model.Ridge
        Fitted on standardised labels.
    alpha_ : float
        The penalty chosen.
    mean_, scale_ : float
        Of the training labels; predictions are on the labels' own scale.

    References
    ----------
    Reimers, N. and Gurevych, I. (2019). Sentence-BERT. EMNLP-IJCNLP, 3982-3992.
    """

    model: str | Path = DEFAULT_ENCODER
    _: KW_ONLY
    alphas: Sequence[float] = (0.01, 0.1, 1.0, 10.0, 100.0)
    max_tokens: int = 256
    batch_size: int = 32
    device: str = "auto"
    fetch: bool = True

    def _check(self) -> None:
        if not len(self.alphas) or min(self.alphas) <= 0:
            raise StrategyError(f"alphas={self.alphas!r}: one or more penalties above 0.")
        if self.max_tokens < 8 or self.batch_size < 1:
            raise StrategyError(f"max_tokens={self.max_tokens}, batch_size={self.batch_size}: at least 8, and 1.")

    def _connect(self) -> None:
        needs("encoder")
        device_for(self.device)
        self._files()

    def _fit(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> None:
        vectors = self._vectors(arguments)
        self.mean_, self.scale_ = float(labels.mean()), float(labels.std())
        standardised = (labels - self.mean_) / self.scale_
        kept_together = groups if len(set(groups)) > 1 else range(len(groups))
        self.alpha_ = best_alpha(vectors, standardised, kept_together, list(self.alphas), _INNER_FOLDS)
        self.ridge_ = Ridge(self.alpha_).fit(vectors, standardised)

    def _predict(self, arguments: list[Argument]) -> Predictions:
        found = self.ridge_.predict(self._vectors(arguments))
        return Predictions(np.asarray(found * self.scale_ + self.mean_, dtype=float))

    def _seen(self) -> Seen:
        return Seen(model=str(self.model))

    def depends_on(self) -> dict[str, str]:
        return {"encoder": self._files().digest}

    def _files(self) -> EncoderFiles:
        return find_encoder(self.model, fetch=self.fetch)

    def _vectors(self, arguments: list[Argument]) -> Array:
        texts = [argument.text for argument in arguments]
        return embed(texts, self._files(), max_tokens=self.max_tokens, batch_size=self.batch_size, device=self.device)


def embed(
    texts: Sequence[str], files: EncoderFiles, *, max_tokens: int = 256, batch_size: int = 32, device: str = "auto"
) -> Array:
    """Unit vectors, shape (n_texts, width); those of texts that this process has embedded before are not computed anew.

    A StrategyError where the encoder cannot read `max_tokens`, or there is no such device.
    """
    place = device_for(device)
    keys = [(files.digest, max_tokens, str(place), hashlib.sha256(text.encode()).digest()) for text in texts]
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in _kept}
    found = {key: _kept[key] for key in keys if key in _kept}
    if missing:
        vectors = _computed(list(missing.values()), files, max_tokens, batch_size, place)
        found |= dict(zip(missing, vectors, strict=True))
        if len(_kept) + len(missing) > _MOST_KEPT:
            _kept.clear()
        if len(missing) <= _MOST_KEPT:
            _kept.update({key: found[key] for key in missing})
    return np.stack([found[key] for key in keys]).astype(float)


def _computed(
    texts: list[str], files: EncoderFiles, max_tokens: int, batch_size: int, device: Any
) -> list[npt.NDArray[np.float32]]:
    import torch

    encoder = load_encoder(files.folder)
    require_tokens(encoder, max_tokens)
    encoder.network.to(device)
    readings = [(text, None) for text in texts]
    warn_of_cuts(encoder, readings, max_tokens)
    vectors: dict[int, npt.NDArray[np.float32]] = {}
    with torch.inference_mode():
        for chosen in batches(readings, batch_size):
            batch = tokenised(encoder, [readings[index] for index in chosen], max_tokens, device)
            unit = torch.nn.functional.normalize(pooled(encoder, batch), dim=1).cpu().numpy()
            vectors.update(zip(chosen.tolist(), unit, strict=True))
            tell(f"embedding: {len(vectors):,} of {len(texts):,} texts")
    return [vectors[index].copy() for index in range(len(texts))]
