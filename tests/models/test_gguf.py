"""Decision models in GGUF files: how they are told from others, and the engine's own endpoint for them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from argqual import Framework, Judge
from argqual.assessment import Status
from argqual.errors import ArgqualError
from argqual.models import weights
from argqual.models.connect import connect
from argqual.models.gguf import described
from conftest import SMALL
from umbrella import TEXT

_HEAD = "<4sIQQ"


def text(said: str) -> bytes:
    return struct.pack("<Q", len(said.encode())) + said.encode()


def key(name: str, said: str) -> bytes:
    return text(name) + struct.pack("<I", 8) + text(said)


def header(*keys: bytes) -> bytes:
    return struct.pack(_HEAD, b"GGUF", 3, 0, len(keys)) + b"".join(keys)


VOCABULARY = text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 3) + text("a") + text("") + text("é")
SCORES = text("tokenizer.ggml.scores") + struct.pack("<IIQ2f", 9, 6, 2, 0.5, 1.5)
NESTED = text("general.nested") + struct.pack("<IIQIQ2H", 9, 9, 1, 2, 2, 7, 8)
COUNT = text("lfm2.block_count") + struct.pack("<II", 4, 16)
DECIDES = key("lfm2.decision.type", "lfm2-d1")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (header(key("general.architecture", "lfm2"), VOCABULARY, SCORES, NESTED, COUNT, DECIDES), "lfm2-d1"),
        (header(DECIDES, VOCABULARY), "lfm2-d1"),
        (header(key("general.architecture", "llama"), VOCABULARY, key("general.name", "x.decision.type")), None),
        (header(VOCABULARY, DECIDES)[:-4], None),
        (header(text("k") + struct.pack("<I", 99)), None),
        (header(text("k")[:-1] + b"\xff" + struct.pack("<IQ", 8, 2**60)), None),
        (b"GGUF", None),
        (b"", None),
    ],
)
def test_a_decision_model_is_known_by_a_key_wherever_it_stands(
    tmp_path: Path, content: bytes, found: str | None
) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    assert described(path).decision_type == found


@pytest.mark.model(SMALL)
def test_chat_weights_are_no_decision_model() -> None:
    path = weights.locate(SMALL)
    assert path is not None
    assert described(path).decision_type is None


@pytest.mark.model(SMALL)
def test_the_engine_answers_a_decision_model_in_the_process(tmp_path: Path, two: Framework) -> None:
    """The small model with the keys of a decision model: the engine's endpoint is real, its ratings mean nothing."""
    found = weights.locate(SMALL)
    assert found is not None
    content = found.read_bytes()
    magic, version, tensors, keys = struct.unpack_from(_HEAD, content)
    form = "{{ state }}\n{{ instructions }}\nAnswer: "
    added = key("llama.decision.type", "openjev") + key("tokenizer.chat_template.systemone", form)
    padded = form + " " * (-len(added) % 32)  # what follows stays aligned
    added = key("llama.decision.type", "openjev") + key("tokenizer.chat_template.systemone", padded)
    path = tmp_path / "decider.gguf"
    with path.open("wb") as file:
        file.write(struct.pack(_HEAD, magic, version, tensors, keys + 2) + added)
        file.write(memoryview(content)[struct.calcsize(_HEAD) :])
    model = connect(str(path))
    assessed = Judge(two, model=model).assess(TEXT, issue="Umbrella?")
    assert (assessed.status, assessed.readout, assessed.usage.cost_usd) == (Status.OK, "decide", 0.0)
    probabilities = assessed.rating("clear").probabilities or {}
    assert sum(probabilities.values()) == pytest.approx(1.0, abs=0.01)
    assert assessed.usage.input_tokens
    with pytest.raises(ArgqualError, match="no reasons"):
        Judge(two, model=model, explain=True)
