"""A benchmark's claims, held against a run."""

from collections.abc import Iterator

from argqual.benchmark.analysis.claims import verdict
from argqual.benchmark.analysis.figures import ClaimFound
from argqual.benchmark.analysis.minimal_pairs import Versions, against_chance, compared
from argqual.benchmark.analysis.predicted import Predicted
from argqual.benchmark.spec.schema import Benchmark, ClaimSaid
from argqual.benchmark.spec.vocabulary import PerturbationTest
from argqual.stats.estimate import Estimate
from argqual.stats.inference import Difference, contrast, difference, gap, holm


def claims_found(benchmark: Benchmark, predicted: Predicted, late: frozenset[str]) -> Iterator[ClaimFound]:
    """The verdict on each claim; with several models, on each of them.

    p values are adjusted by Holm over the claims written down before the run that expect a direction; those that
    came later (`late`) are exploratory and stand by their own p value.
    """
    asked = [
        (id if len(pairs) == 1 else f"{id}: {', '.join(sides)}", id, claim, sides)
        for id, claim in benchmark.claims.items()
        for pairs in (_sides(benchmark, predicted, claim),)
        for sides in pairs
    ]
    found = [_contrast(predicted, claim, sides) for _, _, claim, sides in asked]
    adjusted = holm(
        [
            None if id in late or claim.direction == "equivalent" else each.p
            for (_, id, claim, _), each in zip(asked, found, strict=True)
        ]
    )
    for (title, id, claim, _), each, p in zip(asked, found, adjusted, strict=True):
        said = verdict(claim, each, adjusted_p=p)
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


def _sides(benchmark: Benchmark, predicted: Predicted, claim: ClaimSaid) -> list[tuple[str, ...]]:
    """The strategies contrasted, by their names in the tables: with several models, those of one model each."""
    several = [each for each in benchmark.systems() if each.title != each.name and each.title in predicted.strategies]
    models = dict.fromkeys(each.model for each in several if each.name in claim.sides)
    if not models:
        return [claim.sides]
    by_model = [{each.name: each.title for each in several if each.model == model} for model in models]
    names = {each.name for each in several}
    return [
        tuple(titles.get(side, side) for side in claim.sides)
        for titles in by_model
        if all(side in titles or side not in names for side in claim.sides)
    ]


def _contrast(predicted: Predicted, claim: ClaimSaid, sides: tuple[str, ...]) -> Difference:
    if claim.probe is not None:
        return _perturbed(claim.probe, [predicted.versions(side, claim.split) for side in sides], claim.share)
    tested = [predicted.samples(predicted.of_largest_budget(side, claim.split)) for side in sides]
    if claim.kind == "value" and claim.share != 1:
        terms = [(1.0, tested[0]), (-claim.share, tested[1])]
        return contrast(claim.metric, terms, **predicted.settings_of_means)
    if claim.kind == "value":
        return difference(claim.metric, *tested, **predicted.settings_of_means)
    inside = [predicted.in_domain(side, claim.split) for side in sides]
    if len(sides) == 1:
        return gap(claim.metric, inside[0], tested[0], **predicted.settings_of_means).difference
    terms = [(1.0, inside[0]), (-1.0, tested[0]), (-1.0, inside[1]), (1.0, tested[1])]
    return contrast(claim.metric, terms, **predicted.settings_of_means)


def _perturbed(test: PerturbationTest, sides: list[Versions | None], share: float) -> Difference:
    known = [side for side in sides if side is not None]
    if len(known) < len(sides):
        return Difference(Estimate.missing("no corpus here has families of versions"))
    return compared(known[0], known[1], test, share=share) if len(known) > 1 else against_chance(known[0], test)
