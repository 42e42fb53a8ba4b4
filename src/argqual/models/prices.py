"""What a model's tokens cost.

Prices are litellm's list, in the copy that comes with it: nothing is looked up on the
network. A model that is not in it has no known price; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from argqual.errors import InputError
from argqual.models.listing import listed

_LISTED_AS = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached": "cache_read_input_token_cost",
    "stored": "cache_creation_input_token_cost",
}
_STORING = 1.25  # Anthropic's, for what is kept five minutes


@dataclass(frozen=True)
class Price:
    """US dollars a token: read, written, found in the provider's cache, and put there.

    `decisions` is what the model's decisions endpoint costs, where that is listed.
    """

    input: float
    output: float
    cached: float | None = None
    stored: float | None = None
    decisions: Price | None = None

    @property
    def storing(self) -> float:
        """US dollars a token that is put into the cache: a quarter more than one that is read, unless listed."""
        return self.input * _STORING if self.stored is None else self.stored

    def of(self, input_tokens: int, output_tokens: int, cached: int = 0, stored: int = 0) -> float:
        """US dollars for a request.

        Of the input tokens, `cached` were found in the provider's cache, and `stored` put there.
        """
        cheaper = self.input if self.cached is None else self.cached
        read = (input_tokens - cached - stored) * self.input + cached * cheaper + stored * self.storing
        return read + output_tokens * self.output

    def most(self, input_tokens: int, output_tokens: int, *, marked: bool = False) -> float:
        """US dollars for a request at most: all that is read may be put into a cache, where the provider has one."""
        stored = input_tokens if (marked or self.stored is not None) and self.storing > self.input else 0
        return self.of(input_tokens, output_tokens, stored=stored)


FREE = Price(0.0, 0.0)


def listed_price(provider: str, name: str) -> Price | None:
    """The price of `provider/name`; None when it is not listed."""
    info = listed(provider, name)
    price = _price(info)
    return replace(price, decisions=_price(info, "_decisions")) if price else None


def _price(info: Mapping[str, Any], kind: str = "") -> Price | None:
    usd = _figures(info, kind)
    given, written = usd["input"], usd["output"]
    if given is None or written is None or (not given and info.get("input_cost_per_query")):
        return None
    return Price(given, written, usd["cached"], usd["stored"])


def _figures(info: Mapping[str, Any], kind: str) -> dict[str, float | None]:
    """What an entry says of each figure of a `Price`, under names that end in `kind`."""
    found = {figure: info.get(f"{name}{kind}") for figure, name in _LISTED_AS.items()}
    return {figure: float(usd) if isinstance(usd, int | float) else None for figure, usd in found.items()}


def batch_price(price: Price, name: str) -> Price:
    """What the tokens of `name` (`provider/model`) cost in a batch: as listed, or half of their ordinary price.

    The name is empty where the price is the user's own.
    """
    provider, _, model = name.partition("/")
    info = listed(provider, model) if name else {}
    found: dict[str, Any] = {
        figure: ordinary / 2 if usd is None else usd
        for figure, usd in _figures(info, "_batches").items()
        if (ordinary := getattr(price, figure)) is not None
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
