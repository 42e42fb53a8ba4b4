"""A client for decision endpoints that speak the System One protocol.

`POST /v1/systemone` takes a state and questions and returns a probability for each
possible answer. Served by llama.cpp with a decision model, by Ollama, and by hosted
gateways.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

from argqual.judging.readouts.reading import Unreadable
from argqual.models.connect import Model
from argqual.models.traffic import RefusedByServer, heed_headers

_TIMEOUT_SECONDS = 60.0


@cache
def _client() -> Any:
    import httpx

    return httpx.Client(timeout=_TIMEOUT_SECONDS, limits=httpx.Limits(max_connections=1024))


def ask_system_one(
    model: Model, state: Mapping[str, Any], questions: Mapping[str, Any]
) -> tuple[dict[str, list[float]], dict[str, Any], int]:
    """Probabilities of each question's answers, in order, the usage reported, and requests lost on the way.

    A yes/no question's answers are no, yes.

    Raises
    ------
    RefusedByServer, httpx.TransportError
        The endpoint refuses the request or the key, or cannot be reached
        (`argqual.models.connect.plain_errors` says it plainly).
    Unreadable
        It answered, but not with one probability for each answer.
    """
    headers = {"Authorization": f"Bearer {model.secrets[0]}"} if model.secrets else {}
    body = {"model": model.name.partition("/")[2], "state": state, "questions": questions}

    def send() -> Any:
        with model.traffic.under_way():
            response = _client().post(f"{model.endpoint}/v1/systemone", json=body, headers=headers)
        heed_headers(model.traffic.gate, response.headers.items())
        if response.status_code >= 400:
            raise RefusedByServer(response.status_code, response.text[:200], response.headers)
        return response

    response, lost = model.traffic.run(send)
    try:
        content = response.json()
        answers = {name: _in_order(question, content["answers"][name]) for name, question in questions.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"the decision endpoint's answer lacks {error}") from None
    return answers, dict(content.get("usage") or {}), lost


def _in_order(question: Any, answer: Any) -> list[float]:
    if question["type"] == "noul":
        yes = float(answer["noul"])
        shares = [1.0 - yes, yes]
    else:
        given = {str(label): float(share) for label, share in answer["probabilities"].items()}
        labels = range(len(question["criteria"])) if question["type"] == "score" else question["criteria"]
        shares = [given[str(label)] for label in labels]
    if any(not 0.0 <= share <= 1.0 for share in shares) or not math.isclose(math.fsum(shares), 1.0, abs_tol=0.02):
        raise Unreadable(f"these are no probabilities: {shares}")
    return shares
