"""Rate a framework's goldens, and say which expectations a model meets."""

from __future__ import annotations

from dataclasses import dataclass

from argqual.argument import Argument
from argqual.assessment import Assessment, Rating
from argqual.frameworks.framework import Framework
from argqual.frameworks.golden import Golden, Ordering
from argqual.judging.judge import Judge
from argqual.models.connect import Model


@dataclass(frozen=True)
class GoldenResult:
    """One expectation on one criterion: whether it was met, and the figures."""

    golden: str
    met: bool
    said: str


def check_goldens(framework: Framework, model: Model, *, readout: str = "auto") -> list[GoldenResult]:
    """Every expectation of every golden. A rating without a value meets none."""
    judge = Judge(framework, model=model, readout=readout)
    results: list[GoldenResult] = []
    for golden in framework.goldens:
        assessed = {
            name: judge.assess(Argument(text, issue=golden.issue, stance=golden.stance, context=golden.context))
            for name, text in golden.arguments.items()
        }
        results += _results(golden, assessed)
    return results


def _results(golden: Golden, assessed: dict[str, Assessment]) -> list[GoldenResult]:
    results = []
    for expectation in golden.expect:
        for criterion in expectation.criteria:
            if isinstance(expectation, Ordering):
                better = assessed[expectation.better].rating(criterion)
                worse = assessed[expectation.worse].rating(criterion)
                met = better.quality is not None and worse.quality is not None and better.quality > worse.quality
                said = f"{expectation.better} {_shown(better)} above {expectation.worse} {_shown(worse)}"
            else:
                rating = assessed[expectation.argument].rating(criterion)
                low = expectation.at_least if expectation.at_least is not None else rating.scale[0]
                high = expectation.at_most if expectation.at_most is not None else rating.scale[1]
                met = rating.value is not None and low <= rating.value <= high
                said = f"{expectation.argument} {_shown(rating)} within {low:g} to {high:g}"
            results.append(GoldenResult(golden.id, met, f"{golden.id}, {criterion}: {said}"))
    return results


def _shown(rating: Rating) -> str:
    return f"{rating.value:.2f}" if rating.value is not None else str(rating.status)
