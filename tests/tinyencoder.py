"""A real BERT, too small to know anything: two layers, random weights, a vocabulary of a few words."""

from __future__ import annotations

import random
from importlib.util import find_spec
from pathlib import Path

import pytest

from argqual.argument import Argument

_VOCABULARY = "trams buses are quiet clean loud we should have them in town because therefore and but so it is good bad"
WORDS = _VOCABULARY.split()
SIGNAL = "because"

# torch is not loaded to find out: not every process of the suite needs it.
needs_encoders = pytest.mark.skipif(
    not (find_spec("torch") and find_spec("transformers")), reason="needs argqual[encoder]"
)


def write_tiny(folder: Path, *, extra: str = "", dropout: float = 0.1) -> Path:
    """Save the model, with the words of `extra` in its vocabulary too."""
    import torch
    from safetensors.torch import save_file
    from transformers import BertConfig, BertModel, BertTokenizer

    words = dict.fromkeys(WORDS + extra.lower().split())
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: place for place, word in enumerate([*special, *words])}
    tokenizer = BertTokenizer(vocab=vocabulary, model_max_length=64)
    tokenizer.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.2,  # the usual 0.02 is too little for so narrow a network to learn quickly
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = BertModel(config)
    save_file({name: each.contiguous() for name, each in network.state_dict().items()}, folder / "model.safetensors")
    config.save_pretrained(folder)
    return folder


def arguments(count: int, *, groups: int = 6, seed: int = 0) -> tuple[list[Argument], list[float]]:
    """Random words, and labels from 1 to 5 that follow from how often one of them is there."""
    rng = random.Random(seed)
    made, labels = [], []
    for number in range(count):
        times = rng.randrange(5)
        words = rng.choices([word for word in WORDS if word != SIGNAL], k=rng.randrange(4, 9)) + [SIGNAL] * times
        rng.shuffle(words)
        made.append(Argument(" ".join(words), id=str(number), group=f"g{number % groups}"))
        labels.append(1.0 + times)
    return made, labels
