"""Models that think before they answer: how much room that takes, and answers that it left no room for."""

from __future__ import annotations

from typing import Any

from argqual.models.capabilities import EFFORTS
from argqual.models.connect import Model

THINKING_TOKENS = 16_000
_MOST_THINKING = 64_000  # also where the list says more: it is set aside in a budget, and is not all of a context
_EXPECTED = {"none": 0, "minimal": 200, "low": 500, "medium": 2_000, "high": 8_000}
_EXPECTED_UNTOLD = 2_000


def thinking_tokens(model: Model) -> int:
    """Most tokens that a model may think with.

    `THINKING_TOKENS` where it is told to think little or nothing is known of it; else what the list says that it can
    write, in bounds that leave a budget and a context of use.
    """
    if not model.reasoning:
        return 0
    listed = model.abilities.now.output_tokens
    little = model.abilities.effort_to_send in ("none", "minimal", "low")
    if little or not listed:
        return THINKING_TOKENS
    context = model.abilities.now.context_tokens or listed * 2
    return max(THINKING_TOKENS, min(listed, _MOST_THINKING, context // 2))


def expected_thinking(model: Model) -> int:
    """Tokens that a model thinks with as a rule, before one answer."""
    if not model.reasoning:
        return 0
    return _EXPECTED.get(model.abilities.effort_to_send or "", _EXPECTED_UNTOLD)


def room(model: Model, tokens: int) -> int:
    """Most tokens of an answer that needs `tokens`: a model that thinks first needs room for that."""
    if not model.reasoning:
        return tokens
    most = model.abilities.now.output_tokens
    wanted = tokens + thinking_tokens(model)
    return min(wanted, most) if most and most > tokens else wanted


def spent_on_thinking(response: Any) -> bool:
    """Whether an answer (a `dspy.lm15.Response`) ended at its limit of tokens before there was a word of it."""
    if response.finish_reason != "length" or response.data is not None:
        return False
    said = (response.text or "").strip()
    return not said or (said.startswith("<think>") and "</think>" not in said)


def used_up(model: Model, tokens: int) -> str:
    """Why there is no answer, and what to do."""
    sent, offered = model.abilities.effort_to_send, model.abilities.now.efforts or EFFORTS
    less = [effort for effort in offered if sent is None or EFFORTS.index(effort) < EFFORTS.index(sent)]
    remedy = f"--effort {less[0]}, or another --model" if less else "another --model"
    return f"the model used up its {tokens:,} tokens before it began to answer, as thinking does; try {remedy}"
