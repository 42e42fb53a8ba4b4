"""The read-out `decide`: a decision endpoint, which returns a probability for each possible answer.

A provider's (OpenAI, Azure, Ollama, …), a server of one's own that speaks System One, or a decision model in this
process: see `argqual.models.decisions`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from argqual.errors import ReadoutError
from argqual.judging.readouts.exchange import Exchange
from argqual.judging.readouts.reading import Distribution, Unreadable
from argqual.judging.readouts.readout import Inquiry, Readout, Request
from argqual.models.connect import Model
from argqual.models.decisions import Decided, Questions
from argqual.models.prices import Price
from argqual.models.traffic import RefusedByServer


class Decide(Readout):
    """The endpoint's own probabilities."""

    name = "decide"
    source = "endpoint"
    explains = False
    abstains = False

    def check(self, model: Model) -> None:
        if model.decider is None:
            raise ReadoutError(
                f"The read-out 'decide' needs a decision endpoint, and {model.name} is none.",
                hint="Write the model as systemone/NAME and give its --api-base.",
            )
        now = model.abilities.now
        if now.was_learnt("decisions") and not now.decisions:
            raise ReadoutError(
                f"{model.name} has no decision endpoint: its server said so ({now.source('decisions')}).",
                hint="Use --readout expect or label; argqual models test asks it again.",
            )

    def price(self, model: Model) -> Price | None:
        return model.price and (model.price.decisions or model.price)

    def answer(self, inquiry: Inquiry, model: Model, exchange: Exchange) -> dict[str, Distribution]:
        questions = {question.name: question.decision for question in inquiry.prompt.questions}
        decided = _asked(model, inquiry.prompt.filled(inquiry.inputs, inquiry.examples), questions)
        exchange.add(
            model,
            decided.read,
            decided.written,
            decided.cached,
            decided.lost,
            stored=decided.stored,
            price=self.price(model),
            billed=decided.cost_usd,
        )
        if decided.broken:
            raise Unreadable(decided.broken)
        try:
            found = {name: _distribution(each, decided.answers.get(name)) for name, each in questions.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unreadable(f"the decision endpoint's answer lacks {error}") from None
        refused = [name for name, each in found.items() if each.refused]
        if len(refused) == len(found):
            raise Unreadable(found[refused[0]].refused)
        if refused:
            exchange.remarks.append(f"the model refused to answer {', '.join(refused)}")
        return found

    def plan(self, inquiry: Inquiry, model: Model) -> list[Request]:
        return [replace(each, readings=len(inquiry.prompt.questions), kept="") for each in super().plan(inquiry, model)]


def _asked(model: Model, state: Mapping[str, Any], questions: Questions) -> Decided:
    assert model.decider is not None
    try:
        return model.decider.ask(state, questions)
    except RefusedByServer as error:
        # A model that is not known there is a 404 as well.
        missing = error.status in (405, 501) or (error.status == 404 and "model" not in str(error).lower())
        if model.endpoint or not missing:
            raise
        raise ReadoutError(
            f"The server of {model.name} has no decision endpoint ({error.status}).",
            hint="Use --readout expect or label. argqual models test has it remembered.",
        ) from None


def _distribution(question: Mapping[str, Any], answer: Any) -> Distribution:
    """An answer's probabilities; a refusal, or none at all, is no number."""
    if answer is None:
        return Distribution((), refused="the model refused to answer this question")
    if answer.get("type") == "refusal" or "refusal" in answer:
        said = answer.get("refusal") or answer.get("reason") or answer.get("message")
        because = f": {said}" if isinstance(said, str) else ""
        return Distribution((), refused=f"the model refused to answer this question{because}")
    return Distribution(_in_order(question, answer))


def _in_order(question: Mapping[str, Any], answer: Any) -> tuple[float, ...]:
    """An answer's probabilities in the order of the question's answers; those of a yes/no question are no, yes."""
    if question["type"] == "noul":
        yes = float(answer["noul"])
        shares = [1.0 - yes, yes]
    else:
        given = {str(label): float(share) for label, share in answer["probabilities"].items()}
        labels = range(len(question["criteria"])) if question["type"] == "score" else question["criteria"]
        shares = [given[str(label)] for label in labels]
    if any(not 0.0 <= share <= 1.0 for share in shares) or not math.isclose(math.fsum(shares), 1.0, abs_tol=0.02):
        raise Unreadable(f"these are no probabilities: {shares}")
    return tuple(shares)
