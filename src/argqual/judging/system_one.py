"""A client for decision endpoints that speak the System One protocol.

`POST /v1/systemone` takes a state and questions and returns a probability for each
possible answer. Served by llama.cpp with a decision model, by Ollama, and by hosted
gateways.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from argqual.errors import ModelError, Unreachable
from argqual.judging.reading import Unreadable
from argqual.models.connect import Model, masked

_TIMEOUT_SECONDS = 60.0


def ask_system_one(
    model: Model, state: Mapping[str, Any], questions: Mapping[str, Any]
) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Probabilities of each question's answers, in order, and the usage reported.

    A yes/no question's answers are no, yes.

    Raises
    ------
    Unreachable
        The endpoint cannot be reached or refuses the key.
    ModelError
        It is no decision endpoint, or refuses the request.
    Unreadable
        It answered, but not with one probability for each answer.
    """
    import httpx

    headers = {"Authorization": f"Bearer {model.secrets[0]}"} if model.secrets else {}
    body = {"model": model.name.partition("/")[2], "state": state, "questions": questions}
    url = f"{model.endpoint}/v1/systemone"
    try:
        response = httpx.post(url, json=body, headers=headers, timeout=_TIMEOUT_SECONDS)
    except httpx.HTTPError as error:
        raise Unreachable(f"The decision endpoint {url} cannot be reached: {error}", hint="Check --api-base.") from None
    if response.status_code in (401, 403):
        raise Unreachable(f"The decision endpoint {url} refuses the key.", hint="Set SYSTEMONE_API_KEY.")
    if response.status_code >= 500 and response.status_code != 501:
        raise Unreachable(f"The decision endpoint {url} failed ({response.status_code}).", hint="Try again later.")
    if response.status_code != 200:
        said = masked(response.text[:200], model.secrets)
        raise ModelError(f"The decision endpoint {url} refuses the request ({response.status_code}): {said}")
    try:
        content = response.json()
        answers = {name: _in_order(question, content["answers"][name]) for name, question in questions.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"the decision endpoint's answer lacks {error}") from None
    return answers, dict(content.get("usage") or {})


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
