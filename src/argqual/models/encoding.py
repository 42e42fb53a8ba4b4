"""Texts into vectors with a transformer encoder: loading, batches of like length, pooling.

It refuses pickled weights and code that comes with a model, and prints nothing.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from argqual.errors import StrategyError, WeightsError

Pooling = Literal["mean", "cls"]
Reading = tuple[str, str | None]
"""What an encoder reads: a text, or a pair of texts."""

_CHUNK = 50  # batches among which texts are sorted by length; more would make training less random


@dataclass(frozen=True)
class LoadedEncoder:
    """A loaded encoder: the network (a `torch.nn.Module`), its tokeniser, and how token vectors become one."""

    network: Any
    tokenizer: Any
    pooling: Pooling

    @property
    def longest(self) -> int:
        """Most tokens that it can read."""
        positions = getattr(self.network.config, "max_position_embeddings", None) or self.tokenizer.model_max_length
        return int(min(self.tokenizer.model_max_length, positions))

    @property
    def width(self) -> int:
        """Length of its vectors."""
        return int(self.network.config.hidden_size)


def load_encoder(folder: Path) -> LoadedEncoder:
    """The encoder in a folder, in 32-bit floating point, on the CPU.

    Raises a `WeightsError` if it cannot be used, or pools otherwise than by the mean or the first token.
    """
    from transformers import AutoModel, AutoTokenizer

    pooling = _pooling(folder)
    try:
        with _quiet():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            network = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype="float32")
    except Exception as error:  # transformers raises whatever its parts raise
        raise WeightsError(f"{folder} cannot be loaded: {' '.join(str(error).split())[:300]}") from None
    return LoadedEncoder(network.eval(), tokenizer, pooling)


def save_encoder(encoder: LoadedEncoder, folder: Path) -> None:
    """Write what `load_encoder` reads, and sentence-transformers too: JSON and safetensors."""
    with _quiet():
        encoder.network.save_pretrained(folder)
        encoder.tokenizer.save_pretrained(folder)
    (folder / "1_Pooling").mkdir()
    mode = {"mean": "pooling_mode_mean_tokens", "cls": "pooling_mode_cls_token"}[encoder.pooling]
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({mode: True}), encoding="utf-8")


def _pooling(folder: Path) -> Pooling:
    """As sentence-transformers' own configuration says; the mean where there is none."""
    path = folder / "1_Pooling" / "config.json"
    if not path.is_file():
        return "mean"
    found = json.loads(path.read_text(encoding="utf-8"))
    mode = found.get("pooling_mode")
    modes = [mode] if mode else [key.removeprefix("pooling_mode_") for key in found if found[key] is True]
    modes = [each for each in modes if each in ("cls", "cls_token", "mean", "mean_tokens")] if len(modes) == 1 else []
    if not modes:
        raise WeightsError(f"{path} asks for a way of pooling that argqual does not have.")
    return "cls" if modes[0].startswith("cls") else "mean"


def device_for(name: str) -> Any:
    """A `torch.device`; `auto` is the first CUDA device where there is one, else the CPU.

    Raises a `StrategyError` if there is no such device.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        why = str(error).splitlines()[0]
        raise StrategyError(f"device={name!r} cannot be used: {why}.", hint="Use 'auto' or 'cpu'.") from None
    return device


def tokenised(encoder: LoadedEncoder, readings: Sequence[Reading], max_tokens: int, device: Any) -> dict[str, Any]:
    """A padded batch. Of a pair that is too long, only the second text is cut."""
    first = [reading[0] for reading in readings]
    second = [reading[1] for reading in readings]
    pairs: dict[str, Any] = {} if second[0] is None else {"text_pair": second}
    batch = encoder.tokenizer(
        first,
        **pairs,
        padding=True,
        truncation="only_second" if pairs else True,
        max_length=max_tokens,
        return_tensors="pt",
    )
    return {name: tensor.to(device) for name, tensor in batch.items()}


class TruncatedWarning(UserWarning):
    """Some texts are longer than what is read, and only their beginnings are."""


def warn_of_cuts(encoder: LoadedEncoder, readings: Sequence[Reading], max_tokens: int) -> None:
    """A `TruncatedWarning` when there are readings longer than `max_tokens`."""
    second = None if readings[0][1] is None else [reading[1] for reading in readings]
    with _quiet():
        ids = encoder.tokenizer([reading[0] for reading in readings], second)["input_ids"]
    if cut := sum(len(each) > max_tokens for each in ids):
        said = f"{cut} of {len(ids)} texts are longer than {max_tokens} tokens; only their beginnings are read."
        warnings.warn(said, TruncatedWarning, stacklevel=2)


def require_tokens(encoder: LoadedEncoder, max_tokens: int) -> None:
    """Raise a `StrategyError` unless the encoder can read so many tokens."""
    if max_tokens > encoder.longest:
        raise StrategyError(f"max_tokens={max_tokens}, and the encoder reads {encoder.longest} tokens at most.")


def pooled(encoder: LoadedEncoder, batch: Mapping[str, Any]) -> Any:
    """One vector a text, shape (n_texts, hidden): the mean over its tokens, padding left out; or its first token's."""
    hidden = encoder.network(**batch).last_hidden_state
    if encoder.pooling == "cls":
        return hidden[:, 0]
    mask = batch["attention_mask"].unsqueeze(-1).to(hidden.dtype)
    return (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1e-9)


def batches(
    readings: Sequence[Reading], size: int, rng: np.random.Generator | None = None
) -> Iterator[npt.NDArray[np.intp]]:
    """Indices of texts of like length, so that little is padding; shuffled when there is an `rng`, else longest first.

    Length is counted in characters: it only has to sort.
    """
    lengths = np.array([len(first) + len(second or "") for first, second in readings])
    if rng is None:
        order = np.argsort(-lengths, kind="stable")
        yield from (order[start : start + size] for start in range(0, len(order), size))
        return
    order = rng.permutation(len(lengths))
    cut: list[npt.NDArray[np.intp]] = []
    for start in range(0, len(order), size * _CHUNK):
        chunk = order[start : start + size * _CHUNK]
        chunk = chunk[np.argsort(lengths[chunk], kind="stable")]
        cut += [chunk[begin : begin + size] for begin in range(0, len(chunk), size)]
    yield from (cut[place] for place in rng.permutation(len(cut)))


@contextmanager
def _quiet() -> Iterator[None]:
    """transformers writes warnings and bars to the terminal by itself."""
    from transformers.utils import logging as its_logging

    logging: Any = its_logging  # it declares no types
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
