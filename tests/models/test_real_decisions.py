"""A real decision model (two megabytes, near chance by its own account) behind a loopback server: the protocol's wire.

Skipped without the package `sparrow-decider`, which the extra `dev` brings.
"""

from __future__ import annotations

from typing import Any

import pytest

from argqual import Framework, Judge
from argqual.assessment import Status
from argqual.judging.compare import compare
from argqual.models.connect import connect
from loopback import Loopback
from umbrella import TEXT

sparrow_decider = pytest.importorskip("sparrow_decider")


@pytest.fixture
def sparrow(loopback: Loopback) -> Loopback:
    decider = sparrow_decider.Decider.load(None)

    def reply(body: Any) -> tuple[int, Any]:
        answers = decider.ask(body["state"], body["questions"])
        return 200, {"model": decider.name, "answers": answers, "usage": {"input_tokens": 0, "output_tokens": 0}}

    loopback.queue += [reply] * 4
    return loopback


@pytest.mark.parametrize("name", ["systemone/sparrow", "ollama/sparrow"])
def test_a_real_decision_model_rates_by_its_own_probabilities(sparrow: Loopback, two: Framework, name: str) -> None:
    model = connect(name, api_base=sparrow.url)
    assessed = Judge(two, model=model, readout="decide").assess(TEXT, issue="Umbrella?")
    assert (assessed.status, sparrow.paths) == (Status.OK, ["/v1/systemone"])
    for rating in assessed.ratings:
        if rating.probabilities:
            assert sum(rating.probabilities.values()) == pytest.approx(1.0, abs=0.02)
            assert rating.probability_source == "endpoint"
    assert 1.0 < (assessed.rating("clear").value or 0.0) < 3.0


def test_a_real_decision_model_compares(sparrow: Loopback, two: Framework) -> None:
    found = compare(TEXT, "Leave it at home.", framework=two, model=connect("systemone/sparrow", api_base=sparrow.url))
    assert found.status is Status.OK
    assert all(0.0 <= (each.probability_a or -1.0) <= 1.0 for each in found.criteria)
