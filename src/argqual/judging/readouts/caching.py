"""What of a prompt the provider keeps, so that it is read once and not again with every argument.

Anthropic keeps what is marked, from a least length on; OpenAI, Gemini and others keep by themselves what begins many
prompts. What is kept is charged at another price.
"""

from __future__ import annotations

from typing import Any

from argqual.models.connect import Model

_BESIDE = frozenset({"cache_read_input_tokens", "cache_creation_input_tokens"})  # as Anthropic says it

_UNMARKED_FROM = 1024  # tokens; OpenAI's and Gemini's least
_CHARACTERS = 4  # of a token, at least: other languages have fewer, so that what counts as long enough is


def kept(beginning: str, model: Model) -> str:
    """The beginning that prompts have in common, where the provider keeps it; else nothing."""
    now = model.abilities.now
    long_enough = len(beginning) // _CHARACTERS >= (now.marks_from or _UNMARKED_FROM)
    return beginning if now.caching and long_enough else ""


def mark(beginning: str, shown: int, model: Model) -> Any:
    """What tells the provider to keep a beginning that holds `shown` messages after the system message.

    A `dspy.lm15.CacheConfig`; None where the provider is not told, and for a beginning too short to be kept.
    """
    if model.abilities.now.marks_from is None or not kept(beginning, model):
        return None
    from dspy.lm15 import CacheConfig

    return CacheConfig(prefix_until_index=shown - 1) if shown else CacheConfig(prefix="stable")


def counted(response: Any) -> tuple[int | None, int | None, int]:
    """Tokens of a `dspy.lm15.Response`: all that were read, and of those what was found in a cache and put there.

    Anthropic counts the latter beside those that it has read, the others among them.
    """
    usage = response.usage
    sent = getattr(response, "provider_data", None)
    raw = sent.get("usage") if isinstance(sent, dict) else None
    raw = raw if isinstance(raw, dict) else {}
    read, cached = usage.input_tokens, usage.cache_read_tokens
    stored = usage.cache_write_tokens or count_of(raw.get("cache_creation_input_tokens")) or 0
    beside = "prompt_tokens" not in raw and bool(_BESIDE & raw.keys())
    if read is not None and (beside or (cached or 0) + stored > read):
        read += (cached or 0) + stored
    return read, cached, stored


def count_of(found: Any) -> int | None:
    """A count of tokens; None for anything that is none, whatever a server calls it."""
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None
