"""What a model's tokens cost, and how many there will be.

Prices are litellm's list, in the copy that comes with it: nothing is looked up on the
network. A model that is not in it has no known price; nothing is guessed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from argqual.errors import InputError
from argqual.models.listing import listed


@dataclass(frozen=True)
class Price:
    """US dollars a token."""

    input: float
    output: float
    cached: float | None = None

    def of(self, input_tokens: int, output_tokens: int, cached: int = 0) -> float:
        """US dollars for a request; `cached` of the input tokens were found in the provider's cache."""
        cheaper = self.input if self.cached is None else self.cached
        return (input_tokens - cached) * self.input + cached * cheaper + output_tokens * self.output


FREE = Price(0.0, 0.0)


def listed_price(provider: str, name: str) -> Price | None:
    """The price of `provider/name`; None when it is not listed."""
    info = listed(provider, name)
    given, written = info.get("input_cost_per_token"), info.get("output_cost_per_token")
    if not isinstance(given, int | float) or not isinstance(written, int | float):
        return None
    cached = info.get("cache_read_input_token_cost")
    return Price(float(given), float(written), float(cached) if isinstance(cached, int | float) else None)


def batch_price(price: Price, name: str) -> Price:
    """What the tokens of `name` (`provider/model`) cost in a batch: as listed, or half of their ordinary price.

    The name is empty where the price is the user's own.
    """
    provider, _, model = name.partition("/")
    info = listed(provider, model) if name else {}
    halves = {each.name: getattr(price, each.name) for each in fields(Price)}
    listed_as = {
        "input": "input_cost_per_token_batches",
        "output": "output_cost_per_token_batches",
        "cached": "cache_read_input_token_cost_batches",
        "stored": "cache_creation_input_token_cost_batches",
    }
    found = {
        name: info[listed_as[name]] if isinstance(info.get(listed_as.get(name, "")), int | float) else usd / 2
        for name, usd in halves.items()
        if isinstance(usd, int | float) and not isinstance(usd, bool)
    }
    return replace(price, **found)


def read_price(given: str) -> Price:
    """A price from `IN,OUT`, US dollars a million tokens; an `InputError` unless these are two numbers from 0."""
    try:
        inward, outward = (float(part) for part in given.split(","))
        if not (0 <= inward < float("inf") and 0 <= outward < float("inf")):
            raise ValueError
    except ValueError:
        raise InputError(
            f"'{given}' is no price.", hint="Give US dollars a million tokens read and written: --price 0.40,1.60"
        ) from None
    return Price(inward / 1e6, outward / 1e6)


@dataclass(frozen=True)
class Tokenizer:
    """Counts tokens; `exact` when it is the model's own."""

    name: str
    exact: bool
    count: Callable[[str], int]


def tokenizer_for(model: Any) -> Tokenizer:
    """The best tokenizer on this machine for a `Model`."""
    if model.server is not None:
        return Tokenizer("the model's own tokenizer", True, model.server.count_tokens)
    encoding = _cl100k()
    if encoding is None:
        return Tokenizer("four characters a token", False, lambda text: len(text) // 4 + 1)
    exact = model.name.startswith(("openai/gpt-4-", "openai/gpt-3.5-")) or model.name == "openai/gpt-4"
    return Tokenizer("cl100k", exact, lambda text: len(encoding.encode_ordinary(text)))


_CL100K_FILE = "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"  # SHA-1 of the address it comes from, as tiktoken names it


@cache
def _cl100k() -> Any:
    """OpenAI's cl100k encoding, from the copy that litellm carries; None when it is not there."""
    package = find_spec("litellm")
    if package is None or package.origin is None:
        return None
    folder = Path(package.origin).parent / "litellm_core_utils" / "tokenizers"
    if not (folder / _CL100K_FILE).is_file():  # it would be looked for on the network
        return None
    os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(folder))
    import tiktoken

    return tiktoken.get_encoding("cl100k_base")
