"""Several assessments of an argument as one: of a framework's parts, or of several draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from argqual.assessment import Assessment, FrameworkReference, Rating, Status, Usage, aggregate, rate, unrated
from argqual.frameworks.framework import Framework
from argqual.strategies.base import Array


def shares_of(rating: Rating) -> Array:
    """A rating's probabilities over the levels, lowest first; without any, its place on the scale as two shares.

    Raises
    ------
    ValueError
        It has no value.
    """
    if rating.unit is None:
        raise ValueError(f"{rating.criterion} has no value: {rating.reason}")
    if rating.probabilities:
        return np.array(list(rating.probabilities.values()))
    return np.array([1.0 - rating.unit, rating.unit])


def of_parts(framework: Framework, asked: Sequence[Sequence[Assessment]]) -> list[Assessment]:
    """Assessments by parts of a framework as assessments by the whole of it."""
    reference = FrameworkReference.of(framework)
    together = []
    for parts in zip(*asked, strict=True):
        rated: Mapping[str, Rating] = {rating.criterion: rating for part in parts for rating in part.ratings}
        ratings, overall = aggregate(framework, rated)
        program = "+".join(part.program for part in parts)
        together.append(
            _joined(parts, ratings, overall).model_copy(update={"framework": reference, "program": program})
        )
    return together


def averaged(framework: Framework, asked: Sequence[Sequence[Assessment]]) -> list[Assessment]:
    """Several assessments of each argument by one framework as one, from the mean of their distributions.

    A criterion that any of them did not rate has the first such status and reason.
    """
    return [_mean_assessment(framework, each) for each in zip(*asked, strict=True)]


def _mean_assessment(framework: Framework, found: Sequence[Assessment]) -> Assessment:
    rated = {}
    for criterion in framework.asked:
        scale = framework.scale_of(criterion)
        ratings = [assessment.rating(criterion.id) for assessment in found]
        failed = next((rating for rating in ratings if rating.status is not Status.OK), None)
        if failed:
            rated[criterion.id] = unrated(criterion, scale, failed.status, failed.reason or "")
            continue
        shares = np.zeros(len(scale.levels))
        for rating in ratings:
            if rating.probabilities:
                shares += [rating.probabilities[level.written] for level in scale.levels]
            else:  # a level as written
                shares += [float(level.value == rating.level) for level in scale.levels]
        source = ratings[0].probability_source or "votes"
        rated[criterion.id] = rate(criterion, scale, (shares / len(found)).tolist(), source=source)
    return _joined(found, *aggregate(framework, rated))


def _joined(parts: Sequence[Assessment], ratings: tuple[Rating, ...], overall: Rating) -> Assessment:
    """The first of several assessments with what came of all of them."""
    return parts[0].model_copy(
        update={
            "status": overall.status,
            "overall": overall,
            "ratings": ratings,
            "usage": Usage.total(part.usage for part in parts),
            "notes": tuple(dict.fromkeys(note for part in parts for note in part.notes)),
            "truncated": any(part.truncated for part in parts),
        }
    )
