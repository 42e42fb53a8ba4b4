"""The read-out `verbal`: DSPy's own form, in which a model writes its probabilities down."""

from __future__ import annotations

from typing import Any

from argqual.judging.prompt import Question
from argqual.judging.readouts.exchange import Exchange
from argqual.judging.readouts.reading import Distribution, Note, Unreadable
from argqual.judging.readouts.readout import Inquiry, Readout, Request
from argqual.judging.readouts.thinking import expected_thinking, room
from argqual.models.connect import Model

_MAX_TOKENS = 4000


class Verbal(Readout):
    """The probabilities that a model writes down, in an answer that DSPy asks for and reads."""

    name = "verbal"
    source = "verbalised"
    own_form = True

    def answer(self, inquiry: Inquiry, model: Model, exchange: Exchange) -> dict[str, Distribution]:
        from dspy.utils.exceptions import AdapterParseError

        # A copy for one assessment, whose history says what it took: DSPy's usage tracker is empty when several
        # threads ask at once.
        lm = model.lm.copy(temperature=0.0, max_tokens=room(model, _MAX_TOKENS))
        assert inquiry.run is not None
        try:
            prediction = inquiry.run(lm)
        except (AdapterParseError, ValueError):  # what DSPy raises for an answer that is not in its form
            raise Unreadable("the answer does not hold what was asked for, in DSPy's form") from None
        finally:
            for entry in lm.history:
                usage = entry.get("usage") or {}
                details = usage.get("prompt_tokens_details")
                cached = details.get("cached_tokens") if isinstance(details, dict) else None
                exchange.add(model, usage.get("prompt_tokens"), usage.get("completion_tokens"), cached)
        for question in inquiry.prompt.questions:
            if rationale := getattr(prediction, f"{question.name}_rationale", None):
                quote = getattr(prediction, f"{question.name}_quote", "") or ""
                exchange.notes[question.name] = Note(str(rationale).strip(), str(quote).strip())
        return {question.name: _written(question, prediction) for question in inquiry.prompt.questions}

    def plan(self, inquiry: Inquiry, model: Model) -> list[Request]:
        usual = 60 * len(inquiry.prompt.questions) + expected_thinking(model)
        return [Request(inquiry.text, usual, room(model, _MAX_TOKENS))]


def _written(question: Question, prediction: Any) -> Distribution:
    """The distribution that DSPy read out of an answer."""
    answer, kind = prediction[question.name], question.decision["type"]
    if kind == "noul":
        return Distribution((1.0 - float(answer.probability), float(answer.probability)))
    labels = range(len(question.codes)) if kind == "score" else question.decision["criteria"]
    return Distribution(tuple(answer.probabilities[label] for label in labels))
