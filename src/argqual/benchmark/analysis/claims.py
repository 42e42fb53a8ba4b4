"""A benchmark's claims, held against a run: the verdict on each, by a rule that was there before the numbers.

For a contrast expected to be greater than nothing, with a smallest effect that would matter:

- **supported**: the 95 % interval lies above 0, the p value (adjusted by Holm over all claims written down before the
  run) is below .05, and the value is at least the smallest effect;
- **contradicted**: the whole interval lies below the smallest effect, so that an effect that matters is excluded;
- **undecided**: anything else.

Mirrored for `less`. For `equivalent`: supported if the 90 % interval lies within ± the smallest effect (two one-sided
tests at 5 %), contradicted if the 95 % interval lies outside of it, else undecided. With fewer than five topics, or
forty families of constructed arguments, nothing is decided; with fewer than fifteen topics the sentence says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from argqual.benchmark.analysis.figures import ClaimFound
from argqual.benchmark.analysis.minimal_pairs import Versions, against_chance, compared
from argqual.benchmark.analysis.predicted import Predicted
from argqual.benchmark.spec.schema import Benchmark, ClaimSaid
from argqual.benchmark.spec.vocabulary import Outcome, PerturbationTest, Split
from argqual.stats.estimate import Estimate, decimal
from argqual.stats.inference import Difference, contrast, difference, gap, holm
from argqual.stats.metrics import METRICS

FEWEST_CLUSTERS = 5
FEWEST_FAMILIES = 40
_LEVEL = 0.05


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
    directed = [id not in late and claim.direction != "equivalent" for _, id, claim, _ in asked]
    adjusted = holm([each.p if counts else None for each, counts in zip(found, directed, strict=True)])
    for (title, id, claim, _), each, p in zip(asked, found, adjusted, strict=True):
        said = verdict(claim, each, adjusted_p=p)
        basis = (id in late, claim.smallest, each.estimate, each.mde, said.warnings)
        yield ClaimFound(title, claim.says, said.outcome, said.sentence, *basis)


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


@dataclass(frozen=True)
class Verdict:
    """What a run says of a claim, in a word and in a sentence with numbers."""

    outcome: Outcome
    sentence: str
    warnings: tuple[str, ...] = ()


def verdict(claim: ClaimSaid, found: Difference, *, adjusted_p: float | None = None) -> Verdict:
    """By the rule above, for the contrast as the claim states it.

    `adjusted_p`: by Holm over the claims written down before the run; the contrast's own p value when left out, as for
    an exploratory claim.
    """
    estimate = found.estimate
    measured = claim.probe.heading if claim.probe else METRICS[claim.metric].title
    sides = claim.contrast if claim.share == 1 else f" - {claim.share:g} x ".join(claim.sides)
    split = "in domain" if claim.split == Split.IN_DOMAIN else claim.split.heading
    what = f"{sides}, {measured}, {f'lost from in domain to {split}' if claim.kind == 'gap' else split}"
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return Verdict(Outcome.UNDECIDED, f"Undecided: {what} is not to be had ({estimate.reason}).")
    numbers = f"{_signed(estimate.value)} ({_signed(estimate.low)} to {_signed(estimate.high)})"
    units, fewest = ("families", FEWEST_FAMILIES) if claim.probe else ("topics", FEWEST_CLUSTERS)
    rests = (
        f"{estimate.n:,} of {estimate.offered:,} families"
        if claim.probe
        else f"{estimate.n:,} of {estimate.offered:,} arguments on {estimate.clusters or 0:,} topics"
    )
    warnings = (f"only {estimate.clusters} {units}",) if estimate.few_clusters else ()
    outcome, why = _decided(claim, found, adjusted_p)
    if estimate.clusters is not None and estimate.clusters < fewest:
        outcome, why = Outcome.UNDECIDED, f"{estimate.clusters} {units} are too few to decide anything"
    said = f"{outcome.capitalize()}: {what}: {numbers}, {rests}; {why}"
    if outcome == Outcome.UNDECIDED and found.mde is not None:
        said += f"; the smallest difference it would have found is {found.mde:.2f}"
    if warnings and outcome != Outcome.UNDECIDED:
        said += f"; with {warnings[0]} the interval may be off"
    return Verdict(outcome, f"{said}.", warnings)


def _decided(claim: ClaimSaid, found: Difference, adjusted_p: float | None) -> tuple[Outcome, str]:
    estimate, smallest = found.estimate, claim.smallest
    assert estimate.value is not None and estimate.low is not None and estimate.high is not None
    if claim.direction == "equivalent":
        if found.se == 0 and estimate.value == 0:
            return Outcome.SUPPORTED, "there is no difference at all"
        if found.within(smallest):
            return Outcome.SUPPORTED, f"with 90 % confidence within ±{smallest:g}"
        if estimate.low > smallest or estimate.high < -smallest:
            return Outcome.CONTRADICTED, f"the interval lies outside of ±{smallest:g}"
        return Outcome.UNDECIDED, f"the interval is neither within ±{smallest:g} nor outside of it"
    sign = 1 if claim.direction == "greater" else -1
    low, high = sorted((sign * estimate.low, sign * estimate.high))
    p = found.p if adjusted_p is None else adjusted_p
    if high < smallest:
        return Outcome.CONTRADICTED, f"{sign * smallest:+g}, the least that would matter, is excluded"
    if low > 0 and sign * estimate.value >= smallest:
        if p is not None and p < _LEVEL:
            return Outcome.SUPPORTED, f"p {_p(p)}, and at least {smallest:g}, the least that would matter"
        return Outcome.UNDECIDED, f"p {_p(p)} with the other claims taken into account"
    return Outcome.UNDECIDED, f"neither nothing nor {smallest:g}, the least that would matter, is excluded"


def _signed(value: float) -> str:
    written = decimal(value, signed=True)
    return "0" if written == ".00" else written


def _p(p: float | None) -> str:
    return "is not known" if p is None else "< .001" if p < 0.001 else f"= {decimal(p, digits=3)}"
