"""What went to and fro between a read-out and a model, and what it took."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from argqual.assessment import Usage
from argqual.judging.readouts.reading import Distribution, Note
from argqual.models.connect import Model


@dataclass
class Exchange:
    """The answers to one argument's questions, and the requests that they took.

    Parameters
    ----------
    unreadable
        Why the answer could not be read; then there are no distributions.
    input_tokens, cached_tokens, output_tokens, cost_usd
        None when the model did not say of every request.
    remarks
        What a reader of the assessment should know.
    truncated
        An answer was cut off at its limit of tokens.
    """

    distributions: dict[str, Distribution] = field(default_factory=dict)
    notes: dict[str, Note] = field(default_factory=dict)
    unreadable: str | None = None
    requests: int = 0
    input_tokens: int | None = 0
    cached_tokens: int | None = 0
    output_tokens: int | None = 0
    cost_usd: float | None = 0.0
    remarks: list[str] = field(default_factory=list)
    truncated: bool = False

    def add(
        self,
        *,
        input_tokens: int | None,
        cached: int | None,
        output: int | None,
        cost: float | None,
        requests: int = 1,
    ) -> None:
        """Count a request, or several; a figure that any of them leaves out is unknown in the sum."""
        self.requests += requests
        self.input_tokens = _sum(self.input_tokens, input_tokens)
        self.cached_tokens = _sum(self.cached_tokens, cached)
        self.output_tokens = _sum(self.output_tokens, output)
        self.cost_usd = _sum(self.cost_usd, cost)

    def add_answer(
        self, model: Model, read: int | None, written: int | None, cached: int | None = None, *, lost: int = 0
    ) -> None:
        """Count an answer by its tokens, and the requests that were lost before it as if they had been charged."""
        cost = None
        if model.price and read is not None and (written is not None or model.endpoint):  # an endpoint writes nothing
            cost = model.price.of(read, written or 0, cached or 0) + lost * model.price.of(read, written or 0)
        self.add(input_tokens=read, cached=cached, output=written, cost=cost, requests=1 + lost)
        if lost:
            were = "1 answer was" if lost == 1 else f"{lost} answers were"
            self.remarks.append(f"{were} lost on the way and asked for again; the provider may have charged for it")

    def add_response(self, model: Model, response: Any, lost: int) -> None:
        """Count a `dspy.lm15.Response`, and the requests that were lost before it."""
        usage = response.usage
        self.add_answer(model, usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, lost=lost)
        if response.finish_reason == "length":
            self.truncated = True
            self.remarks.append("an answer was cut off at its limit of tokens")

    @classmethod
    def total(cls, exchanges: Iterable[Exchange]) -> Exchange:
        """What several exchanges took together."""
        total = cls()
        for exchange in exchanges:
            total.add(
                requests=exchange.requests,
                input_tokens=exchange.input_tokens,
                cached=exchange.cached_tokens,
                output=exchange.output_tokens,
                cost=exchange.cost_usd,
            )
            total.remarks += exchange.remarks
            total.truncated |= exchange.truncated
        return total

    def usage(self, seconds: float) -> Usage:
        """The same as it stands in an assessment."""
        return Usage(
            requests=self.requests,
            input_tokens=self.input_tokens,
            cached_tokens=self.cached_tokens,
            output_tokens=self.output_tokens,
            cost_usd=self.cost_usd,
            seconds=seconds,
        )


def _sum(total: Any, more: Any) -> Any:
    return None if total is None or more is None else total + more
