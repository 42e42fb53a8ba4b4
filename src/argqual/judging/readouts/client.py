"""A read-out behind DSPy's interface for decisions, for programs that DSPy runs itself (an optimiser's trials)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from argqual.judging.frames.frame import frame_of
from argqual.judging.prompt import Answerable, Prompt
from argqual.judging.readouts.exchange import Exchange
from argqual.judging.readouts.reading import Distribution, Unreadable
from argqual.judging.readouts.readout import Inquiry, Readout
from argqual.models.connect import Model


class DecisionClient:
    """Answers a program's questions by a read-out (any but `verbal`); for one argument.

    `known` is what is to be known of the questions beyond what DSPy hands over, by name; `language` that of the prompt.
    """

    supports_decision_requests = True

    def __init__(self, model: Model, readout: Readout, known: Mapping[str, Answerable], language: str = "en") -> None:
        self.model = model
        self.readout = readout
        self.known = known
        self.frame = frame_of(language)
        self.exchange = Exchange()

    def __call__(self, *, state: Mapping[str, Any], questions: Mapping[str, Any]) -> dict[str, Any]:
        inquiry = Inquiry(Prompt.of(state, questions, self.known, frame=self.frame), state["inputs"])
        self.exchange.distributions = self.readout.answer(inquiry, self.model, self.exchange)
        return {name: _evidence(questions[name], found) for name, found in self.exchange.distributions.items()}


def _evidence(question: Mapping[str, Any], distribution: Distribution) -> dict[str, Any]:
    """A distribution in the form in which DSPy decodes it."""
    if distribution.refused:
        raise Unreadable(distribution.refused)
    shares = distribution.probabilities
    if question["type"] == "noul":
        return {"noul": shares[1]}
    labels: Sequence[Any] = range(len(shares)) if question["type"] == "score" else list(question["criteria"])
    return {"probabilities": dict(zip(labels, shares, strict=True)), "confidence": min(1.0, max(shares))}
