"""A benchmark's claims, held against a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from argqual.benchmark.analysis.claims import verdict
from argqual.benchmark.analysis.minimal_pairs import Versions, against_chance, compared
from argqual.benchmark.analysis.predicted import Predicted
from argqual.benchmark.analysis.results import ClaimFound
from argqual.benchmark.spec.config import Benchmark, ClaimSaid, named_by
from argqual.benchmark.spec.schema import ProbeName
from argqual.stats.inference import Difference, contrast, difference, gap, holm
from argqual.stats.metrics import Sample
from argqual.stats.resampling import Estimate

Samples = Mapping[str, list[Sample]]


def claims_found(benchmark: Benchmark, predicted: Predicted, late: frozenset[str]) -> Iterator[ClaimFound]:
    """The verdict on each claim; with several models, on each of them.

    p values are adjusted by Holm over the claims written down before the run that expect a direction; those that
    came later (`late`) are exploratory and stand by their own p value.
    """
    asked = [
        (id if len(pairs) == 1 else f"{id}: {', '.join(sides)}", id, claim, sides)
        for id, claim in benchmark.claims.items()
        for pairs in (_sides(predicted, claim),)
        for sides in pairs
    ]
    found = [_contrast(predicted, claim, sides) for _, _, claim, sides in asked]
    tested = [
        place
        for place, ((_, id, claim, _), each) in enumerate(zip(asked, found, strict=True))
        if id not in late and claim.direction != "equivalent" and each.p is not None
    ]
    adjusted = dict(zip(tested, holm([found[place].p or 0.0 for place in tested]), strict=True))
    for place, ((title, id, claim, _), each) in enumerate(zip(asked, found, strict=True)):
        said = verdict(claim, each, adjusted_p=adjusted.get(place))
        yield ClaimFound(
            id=title,
            says=claim.says,
            outcome=said.outcome,
            sentence=said.sentence,
            exploratory=id in late,
            smallest=claim.smallest,
            estimate=each.estimate,
            mde=each.mde,
            warnings=said.warnings,
        )


def _sides(predicted: Predicted, claim: ClaimSaid) -> list[tuple[str, ...]]:
    """The strategies contrasted, by their names in the tables: with several models, those of one model each."""
    titles = [named_by(predicted.strategies, side) or [side] for side in claim.sides]
    models = [model for model in dict.fromkeys(_model(title) for own in titles for title in own) if model]
    if not models:
        return [tuple(own[0] for own in titles)]
    return [
        sides
        for model in models
        if (sides := tuple(title for own in titles for title in own if _model(title) in ("", model)))
        and len(sides) == len(titles)
    ]


def _model(title: str) -> str:
    return title.partition(" @ ")[2]


def _contrast(predicted: Predicted, claim: ClaimSaid, sides: tuple[str, ...]) -> Difference:
    if claim.probe is not None:
        return _probed(claim.probe, [predicted.versions(side, claim.split) for side in sides], claim.share)
    away = [_samples(predicted, side, claim.split) for side in sides]
    if claim.kind == "value" and claim.share != 1:
        terms = [(1.0, away[0]), (-claim.share, away[1])]
        return contrast(claim.metric, terms, **predicted.settings_of_means)
    if claim.kind == "value":
        return difference(claim.metric, *away, **predicted.settings_of_means)
    home = [predicted.at_home(side, claim.split) for side in sides]
    if len(sides) == 1:
        return gap(claim.metric, home[0], away[0], **predicted.settings_of_means).difference
    terms = [(1.0, home[0]), (-1.0, away[0]), (-1.0, home[1]), (1.0, away[1])]
    return contrast(claim.metric, terms, **predicted.settings_of_means)


def _probed(probe: ProbeName, sides: list[Versions | None], share: float) -> Difference:
    known = [side for side in sides if side is not None]
    if len(known) < len(sides):
        return Difference(Estimate(None, None, None, 0, 0, None, "", "no corpus here has families of versions"))
    return compared(known[0], known[1], probe, share=share) if len(known) > 1 else against_chance(known[0], probe)


def _samples(predicted: Predicted, strategy: str, split: str) -> Samples:
    """Of a label budget, the largest."""
    found = predicted.of(strategy, split)
    most = max((each.budget for each in found if each.budget is not None), default=None)
    return predicted.samples(each for each in found if each.budget == most)
