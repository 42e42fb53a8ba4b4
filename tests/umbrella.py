"""An argument about umbrellas, judged by two questions on a server of the test's own: what it says, and who asks."""

from __future__ import annotations

from typing import Any

from argqual import Framework, Judge
from argqual.models.connect import Model, connect
from loopback import Loopback

TEXT = "Take an umbrella: the forecast says rain."


KEY = "sk-planted-secret-0123456789"


def levels(*shares: dict[str, float]) -> list[tuple[str, dict[str, float]]]:
    """Tokens of {"clear":"…","fair":"…"} with the probabilities given for each level."""
    tokens: list[tuple[str, dict[str, float]]] = []
    for name, share in zip(('{"clear":"', '","fair":"'), shares, strict=True):
        tokens += [(name, {name: 1.0}), (max(share, key=lambda token: share[token]), share)]
    return [*tokens, ('"}', {'"}': 1.0})]


def answer(clear: str, fair: str) -> str:
    return f'{{"clear":"{clear}","fair":"{fair}"}}'


def text_of(tokens: list[tuple[str, dict[str, float]]]) -> str:
    return "".join(token for token, _ in tokens)


def server_model(loopback: Loopback, **settings: Any) -> Model:
    return connect("openai/m", api_base=f"{loopback.url}/v1", api_key=KEY, **settings)


def judge(loopback: Loopback, framework: Framework, readout: str = "auto", **settings: Any) -> Judge:
    return Judge(framework, model=server_model(loopback), readout=readout, **settings)
