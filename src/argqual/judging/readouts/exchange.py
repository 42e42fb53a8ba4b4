"""What went to and fro between a read-out and a model, and what it took."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from argqual.assessment import Usage
from argqual.judging.readouts.caching import count_of, counted
from argqual.judging.readouts.reading import Distribution, Note
from argqual.models.connect import Model
from argqual.models.prices import Price

NOTHING = Usage.total(())
_TOLD = ("seed", "temperature", "reasoning", "response_format")


@dataclass
class Exchange:
    """The answers to one argument's questions, and the requests that they took.

    `unreadable` says why the answer could not be read; then there are no distributions. `usage` is what was taken so
    far, without seconds; `remarks` what a reader of the assessment should know; `truncated` that an answer was cut
    off at its limit of tokens.
    """

    distributions: dict[str, Distribution] = field(default_factory=dict)
    notes: dict[str, Note] = field(default_factory=dict)
    unreadable: str | None = None
    usage: Usage = NOTHING
    remarks: list[str] = field(default_factory=list)
    truncated: bool = False

    def add(
        self,
        model: Model,
        read: int | None,
        written: int | None,
        cached: int | None = None,
        lost: int = 0,
        *,
        stored: int = 0,
        price: Price | None = None,
        billed: float | None = None,
    ) -> None:
        """Count an answer by its tokens, and the requests that were lost before it as if they had been charged.

        Of the tokens `read`, `cached` were found in the provider's cache and `stored` put there; what is no count of
        tokens, whatever a server calls it, is one that it did not say. `price` is that of the model when left out;
        `billed` is what the provider says that the request cost.
        """
        read, written, cached = count_of(read), count_of(written), count_of(cached)
        cost, price = billed, price or model.price
        free = model.endpoint is not None or (price is not None and not price.output)  # an endpoint writes nothing
        if price and read is not None and (written is not None or free):
            taken = price.of(read, written or 0, cached or 0, stored) if billed is None else billed
            cost = taken + lost * price.of(read, written or 0, stored=stored)
        usage = Usage(requests=1 + lost, input_tokens=read, cached_tokens=cached, output_tokens=written, cost_usd=cost)
        self.usage = Usage.total([self.usage, usage])
        if lost:
            were = "1 answer was" if lost == 1 else f"{lost} answers were"
            self.remarks.append(f"{were} lost on the way and asked for again; the provider may have charged for it")

    def add_changes(self, changes: Iterable[Any]) -> None:
        """Remark what was sent otherwise than asked (`dspy.lm15.Adaptation`s)."""
        self.remarks += [said for change in changes if (said := _change_in_words(change))]

    def add_response(self, model: Model, response: Any, lost: int) -> None:
        """Count a `dspy.lm15.Response`, and the requests that were lost before it."""
        read, cached, stored = counted(response)
        self.add(model, read, _written(response.usage), cached, lost, stored=stored)
        self.add_changes(response.adaptations)
        if response.finish_reason == "length":
            self.truncated = True
            self.remarks.append("an answer was cut off at its limit of tokens")


def _written(usage: Any) -> int | None:
    """Tokens written, with those of thinking: some providers count them beside the answer's (Gemini)."""
    read, written, thought = (
        count_of(each) for each in (usage.input_tokens, usage.output_tokens, usage.reasoning_tokens)
    )
    if not thought or written is None or read is None:
        return written
    beside = usage.total_tokens == read + written + thought
    return written + thought if beside or thought > written else written


def _change_in_words(change: Any) -> str | None:
    """What a reader should know of what was sent otherwise than asked: by argqual, or left out by DSPy's transport."""
    if change.field.startswith("argqual."):
        return str(change.reason)
    name = change.field.removeprefix("config.")
    return f"the {name} was left out: {change.reason}" if change.action == "dropped" and name in _TOLD else None
