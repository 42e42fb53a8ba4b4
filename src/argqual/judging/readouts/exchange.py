"""What went to and fro between a read-out and a model, and what it took."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from argqual.assessment import Usage
from argqual.judging.readouts.reading import Distribution, Note
from argqual.models.connect import Model

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
        self, model: Model, read: int | None, written: int | None, cached: int | None = None, lost: int = 0
    ) -> None:
        """Count an answer by its tokens, and the requests that were lost before it as if they had been charged.

        What is no count of tokens, whatever a server calls it, is one that it did not say.
        """
        read, written, cached = _count(read), _count(written), _count(cached)
        cost = None
        if model.price and read is not None and (written is not None or model.endpoint):  # an endpoint writes nothing
            cost = model.price.of(read, written or 0, cached or 0) + lost * model.price.of(read, written or 0)
        usage = Usage(requests=1 + lost, input_tokens=read, cached_tokens=cached, output_tokens=written, cost_usd=cost)
        self.usage = Usage.total([self.usage, usage])
        if lost:
            were = "1 answer was" if lost == 1 else f"{lost} answers were"
            self.remarks.append(f"{were} lost on the way and asked for again; the provider may have charged for it")

    def add_response(self, model: Model, response: Any, lost: int) -> None:
        """Count a `dspy.lm15.Response`, and the requests that were lost before it."""
        usage = response.usage
        self.add(model, usage.input_tokens, _written(usage), usage.cache_read_tokens, lost)
        self.remarks += [said for change in response.adaptations if (said := _change_in_words(change))]
        if response.finish_reason == "length":
            self.truncated = True
            self.remarks.append("an answer was cut off at its limit of tokens")


def _written(usage: Any) -> int | None:
    """Tokens written, with those of thinking: some providers count them beside the answer's (Gemini)."""
    read, written, thought = (
        _count(each) for each in (usage.input_tokens, usage.output_tokens, usage.reasoning_tokens)
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


def _count(tokens: Any) -> int | None:
    return tokens if type(tokens) is int and tokens >= 0 else None
