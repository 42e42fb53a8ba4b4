"""The names that a shell completes. Only what is cheap to list: no model, no network, none of the heavy libraries."""

from __future__ import annotations

from collections.abc import Iterable


def _starting(names: Iterable[str], begun: str) -> list[str]:
    return [name for name in names if name.startswith(begun)]


def frameworks(incomplete: str) -> list[str]:
    """Frameworks that can be named."""
    from argqual.frameworks.catalogue import known_frameworks

    return _starting(sorted(known_frameworks()), incomplete)


def models(incomplete: str) -> list[str]:
    """The embedded models, and what was fetched of a hub; hosted ones are too many, and their providers' to name."""
    from argqual.models.hub_weights import all_kept
    from argqual.models.weights import KNOWN

    return _starting(["local", *KNOWN, *(each.model for each in all_kept())], incomplete)


def engines(incomplete: str) -> list[str]:
    """The models whose engines stay."""
    from argqual.models.warm import all_kept

    return _starting(sorted({each.name for each in all_kept()}), incomplete)


def readouts(incomplete: str) -> list[str]:
    """The read-outs; `votes:` waits for its number."""
    known = ["auto", "expect", "expect:json", "expect:prefilled", "label", "votes:", "decide", "verbal"]
    return _starting(known, incomplete)


def strategies(incomplete: str) -> list[str]:
    """The strategies that `argqual fit` knows."""
    from argqual.strategies.registry import known_strategies

    return _starting(known_strategies(), incomplete)


def corpora(incomplete: str) -> list[str]:
    """The corpora that a card describes."""
    from argqual.corpora.cards import known_cards

    return _starting(sorted(known_cards()), incomplete)
