"""From what a model says to what people would say: calibrations that are shipped for the embedded model.

A small model's levels are its own: it finds nearly everything good. A calibration is a proportional-odds
model for each criterion, fitted on human ratings: from the model's value it gives the probability of each
level that people use. It never changes an order, and it is honest about how little a small model knows: the
probabilities are as wide as people's ratings of arguments that the model rates alike.

A calibration belongs to one prompt, one model and one read-out. Anything else is left as it is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Annotated, Any

from pydantic import Field

from argqual.assessment import Assessment, Rating, Record, Status, rate
from argqual.frameworks.framework import Criterion, Framework, walk
from argqual.frameworks.scale import Scale

FOLDER = "calibrations"


class Curve(Record):
    """logit P(level ≤ k) = threshold_k - slope · value, with the model's value on the criterion's own scale.

    The slope is not negative, so the expected level never falls when the model's value rises.
    """

    slope: Annotated[float, Field(ge=0)]
    thresholds: tuple[float, ...]

    def probabilities(self, value: float) -> tuple[float, ...]:
        """The probability of each level, lowest first."""
        below = [_logistic(threshold - self.slope * value) for threshold in self.thresholds]
        return tuple(high - low for low, high in zip([0.0, *below], [*below, 1.0], strict=True))


class Calibration(Record):
    """Curves for a framework's ratings by one model.

    It belongs to a `program` (the fingerprint of framework and prompt), a `model` by its id, and a `readout`.
    `curves` are by criterion, with `overall` for the overall rating. `note` is what to say beside the levels: whose
    they are, and what they do not hold for. `card` says on what it was fitted, under which licence, and how well it
    does.
    """

    schema_id: str = Field(alias="schema")
    id: str
    program: str
    model: str
    readout: str
    curves: Mapping[str, Curve]
    note: str
    card: Mapping[str, Any]

    def fits(self, assessment: Assessment) -> bool:
        """Whether an assessment was made in the way that it was fitted for."""
        made = (assessment.program, assessment.model, assessment.readout, assessment.explained)
        return made == (self.program, self.model, self.readout, False) and not assessment.calibration


@cache
def shipped() -> tuple[Calibration, ...]:
    """The calibrations that come with argqual."""
    folder = resources.files("argqual") / FOLDER
    texts = [file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".json")]
    return tuple(Calibration.model_validate(json.loads(text)) for text in texts)


def note_on(assessment: Assessment) -> str | None:
    """What to say beside calibrated levels; None where they are the model's own."""
    return next((each.note for each in shipped() if each.id == assessment.calibration), None)


def calibrated(assessment: Assessment, framework: Framework) -> Assessment:
    """The assessment as people would rate, where a calibration is shipped for how it was made; otherwise itself.

    Each rating keeps what the model said in `raw`. Ratings without a value stay without one.
    """
    chosen = next((each for each in shipped() if each.fits(assessment)), None)
    if chosen is None:
        return assessment
    ratings = tuple(_rating(rating, chosen, framework) for rating in assessment.ratings)
    overall = assessment.overall
    if overall.status is Status.OK and "overall" in chosen.curves:
        overall = _mapped(overall, *_of_overall(framework), chosen.curves["overall"])
    return assessment.model_copy(update={"ratings": ratings, "overall": overall, "calibration": chosen.id})


def _of_overall(framework: Framework) -> tuple[Criterion, Scale]:
    """What the overall rating is of, with its scale: the criterion that is asked for it, or a stand-in for all."""
    decisive = next((each for each in walk(framework.criteria) if each.id == framework.aggregate), None)
    if decisive is not None:
        return decisive, framework.scale_of(decisive)
    words, better = "Overall", framework.higher_is_better
    return Criterion(id="all", name=words, plain=words, question=words, higher_is_better=better), framework.scale


def _rating(rating: Rating, calibration: Calibration, framework: Framework) -> Rating:
    curve, criterion = calibration.curves.get(rating.criterion), framework.criterion(rating.criterion)
    if curve is None or rating.status is not Status.OK:
        return rating
    return _mapped(rating, criterion, framework.scale_of(criterion), curve)


def _mapped(rating: Rating, criterion: Criterion, scale: Scale, curve: Curve) -> Rating:
    assert rating.value is not None
    mapped = rate(criterion, scale, curve.probabilities(rating.value), source="calibrated")
    kept = {name: getattr(rating, name) for name in _KEPT}
    return mapped.model_copy(update={**kept, "raw": rating.value})


_KEPT = ("criterion", "name", "rationale", "evidence", "discarded_quotes", "outside", "asked")


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else 1 - 1 / (1 + math.exp(x))
