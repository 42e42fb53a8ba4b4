"""Tries a model: one small request with all that argqual may send, and one argument rated.

What the server takes of the request, and what its answer shows, is kept for later runs (`argqual.models.learnt`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from argqual.argument import Argument
from argqual.assessment import Assessment, Usage
from argqual.errors import ReadoutError
from argqual.judging.judge import Judge
from argqual.judging.readouts.conversation import text_of
from argqual.judging.readouts.exchange import Exchange
from argqual.judging.readouts.registry import preferred
from argqual.judging.readouts.thinking import room, spent_on_thinking
from argqual.models.capabilities import MOST_ALTERNATIVES
from argqual.models.connect import Model
from argqual.models.failures import plain_errors

REQUESTS = 2
_TOKENS = 60
_SYSTEM = 'You answer questions. Write JSON and nothing else: {"answer": "yes"} or {"answer": "no"}.'
_QUESTION = "Does rain make things wet?"
_SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string", "enum": ["yes", "no"]}},
    "required": ["answer"],
    "additionalProperties": False,
}
_TAKEN = ("temperature", "seed", "schema", "strict", "system")
_ARGUMENT = Argument(
    "We should take umbrellas. The forecast says that it will rain all day, and we have a long way to walk.",
    issue="Should we take umbrellas?",
)


@dataclass(frozen=True)
class TrialAnswer:
    """What the answer to one request has shown of a model.

    Parameters
    ----------
    alternatives
        Of how many tokens it gave log-probabilities; 0 for none.
    follows
        Whether the answer had the form that was asked for.
    usage
        What it took.
    """

    alternatives: int
    follows: bool
    usage: Usage


def probe(model: Model) -> TrialAnswer:
    """Ask a hosted model or a server one small question with all that may be sent, and keep what that shows.

    Raises
    ------
    ArgqualError
        As `Judge.assess`.
    """
    exchange = Exchange()
    with model.abilities.anew(), plain_errors(model):
        response = _answered(model, exchange)
        dropped = {change.field for change in response.adaptations if change.action == "dropped"}
        left_out = {name: False for name in ("seed", "temperature") if f"config.{name}" in dropped}
        alternatives = max((len(token.top or ()) for token in response.logprobs or ()), default=0)
        taken = {name: True for name in _TAKEN if getattr(model.abilities.now, name)}  # what is off was not sent
        model.abilities.learn(**taken | left_out, logprobs=alternatives > 0)
    model.logprobs = alternatives > 0
    return TrialAnswer(alternatives, _follows(text_of(response)), exchange.usage)


def _answered(model: Model, exchange: Exchange) -> Any:
    """The answer to the question: without log-probabilities where those are refused, with room where it thinks."""
    from dspy.lm15 import Config, Message, Request

    config = Config(
        temperature=0.0,
        seed=1,
        logprobs=MOST_ALTERNATIVES,
        max_tokens=room(model, _TOKENS),
        response_format={"type": "json_schema", "name": "answer", "schema": _SCHEMA, "strict": True},
    )
    request = Request(model=model.lm.model, system=_SYSTEM, messages=(Message.user(_QUESTION),), config=config)
    while True:
        try:
            response, lost = model.ask(request)
        except ReadoutError:
            if request.config.logprobs is None:
                raise
            request = replace(request, config=replace(request.config, logprobs=None))
            continue
        exchange.add_response(model, response, lost)
        if spent_on_thinking(response) and not model.reasoning:
            model.abilities.learn(thinking="always")
        more = room(model, _TOKENS)
        if not spent_on_thinking(response) or more <= request.config.max_tokens:
            return response
        request = replace(request, config=replace(request.config, max_tokens=more))


def _follows(text: str) -> bool:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("answer") in ("yes", "no")


def rated(model: Model, readout: str) -> Assessment:
    """One small argument, rated by RATIO with its questions alone; raises as `Judge.assess`.

    That a server has no decision endpoint is kept, and `auto` takes another read-out from then on.
    """
    judge = Judge("ratio", model=model, readout=readout, definitions="plain")
    try:
        return judge.assess(_ARGUMENT)
    except ReadoutError:
        if readout != "auto" or judge.readout.name != "decide":
            raise
        model.abilities.learn(decisions=False)
        return rated(model, readout)


def why(model: Model, wanted: str) -> str:
    """Why a model was asked by this read-out."""
    return "asked for" if wanted != "auto" else preferred(model)[1]
