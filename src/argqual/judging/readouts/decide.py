"""The read-out `decide`: a decision endpoint that speaks the System One protocol.

`POST /v1/systemone` takes a state and questions and returns a probability for each
possible answer. Served by llama.cpp with a decision model, by Ollama, and by hosted
gateways.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from typing import Any

from argqual.errors import ReadoutError
from argqual.judging.readouts.exchange import Exchange
from argqual.judging.readouts.reading import Distribution, Unreadable
from argqual.judging.readouts.readout import Inquiry, Readout
from argqual.models.answers import error_inside
from argqual.models.connect import Model
from argqual.models.traffic import RefusedByServer, heed_headers

_TIMEOUT_SECONDS = 60.0


class Decide(Readout):
    """The endpoint's own probabilities."""

    name = "decide"
    source = "endpoint"
    explains = False

    def check(self, model: Model) -> None:
        if not model.endpoint:
            raise ReadoutError(
                f"The read-out 'decide' needs a decision endpoint, and {model.name} is none.",
                hint="Write the model as systemone/NAME and give its --api-base.",
            )

    def answer(self, inquiry: Inquiry, model: Model, exchange: Exchange) -> dict[str, Distribution]:
        questions = {question.name: question.decision for question in inquiry.prompt.questions}
        response, lost = _post(model, inquiry.prompt.filled(inquiry.inputs, inquiry.examples), questions)
        try:
            content = response.json()
            found = {name: Distribution(_in_order(each, content["answers"][name])) for name, each in questions.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unreadable(f"the decision endpoint's answer lacks {error}") from None
        usage = content.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        exchange.add(model, usage.get("input_tokens"), usage.get("output_tokens"), lost=lost)
        return found


@cache
def _client() -> Any:
    import httpx

    return httpx.Client(timeout=_TIMEOUT_SECONDS, limits=httpx.Limits(max_connections=1024))


def _post(model: Model, state: Mapping[str, Any], questions: Mapping[str, Any]) -> tuple[Any, int]:
    """The endpoint's answer, an `httpx.Response`, and the requests lost on the way to it."""
    headers = {"Authorization": f"Bearer {model.key}"} if model.key else {}
    body = {"model": model.name.partition("/")[2], "state": state, "questions": questions}

    def send() -> Any:
        with model.traffic.under_way():
            response = _client().post(f"{model.endpoint}/v1/systemone", json=body, headers=headers)
        heed_headers(model.traffic.limiter, response.headers.items())
        if response.status_code >= 400:
            raise RefusedByServer(response.status_code, response.text[:200], response.headers)
        if error := error_inside(response.content):
            raise RefusedByServer(error[0], json.loads(error[1])["error"]["message"][:200], response.headers)
        return response

    return model.traffic.run(send)


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
