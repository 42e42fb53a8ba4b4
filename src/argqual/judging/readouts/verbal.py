"""The `verbal` read-out: DSPy's own form, in which a model writes its probabilities down."""

from __future__ import annotations

from typing import Any

from argqual.judging.readouts.readout import Exchange
from argqual.models.connect import Model

MAX_TOKENS = 4000


class VerbalClient:
    """An ordinary `dspy.LM` for one assessment, whose history says what it took.

    Its own copy, because DSPy's usage tracker is empty when several threads ask at once.
    """

    def __init__(self, model: Model) -> None:
        settings: dict[str, Any] = {} if model.reasoning else {"temperature": 0.0, "max_tokens": MAX_TOKENS}
        self.lm = model.lm.copy(**settings)
        self._price = model.price

    def exchange(self) -> Exchange:
        exchange = Exchange()
        for entry in self.lm.history:
            usage = entry.get("usage") or {}
            read, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
            cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
            cost = None
            if self._price is not None and read is not None and written is not None:
                cost = self._price.of(read, written, cached or 0)
            exchange.add(
                input_tokens=read,
                cached=cached,
                output=written,
                cost=cost,
            )
        return exchange
