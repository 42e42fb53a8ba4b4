"""What a report says first, by a stated rule: the answer in a sentence, and what to know before relying on it.

The rule. The leader is the strategy with the best out-of-domain mean among those not chosen by test labels. It is
said to carry over best only when its interval lies on the better side of 0 and it differs from every other strategy
(paired, Holm-adjusted p < .05 over those comparisons), and when no tested domain has fewer than 5 topics. Everything
else is undecided, and the sentence says what could not be told apart. Since the leader is picked after seeing the
figures, the answer never counts as a confirmed claim.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from argqual.benchmark.analysis.figures import Contrast, Transfer
from argqual.benchmark.analysis.minimal_pairs import CHANCE
from argqual.benchmark.analysis.results import Results
from argqual.benchmark.spec.vocabulary import PerturbationTest
from argqual.report.benchmark.words import averaged, figure, interval, listed, number, percent, tested_where
from argqual.stats.estimate import FEW_CLUSTERS

TOO_FEW = 5  # topics, under which nothing is decided
_LEVEL = 0.05
_NAMED = 4  # strategies that a sentence lists before it counts


@dataclass(frozen=True)
class Answer:
    """What the report says first. `decided` is False where the figures do not settle it."""

    decided: bool
    sentence: str
    details: tuple[str, ...] = ()


def answer_of(results: Results) -> Answer:
    """The sentence, and one or two that belong to it."""
    leader = results.leader
    if leader is None:
        return Answer(False, f"Undecided: no strategy has a figure {tested_where(results)}.")
    details = (*_substance(results), *_details(results, leader))
    if few := [domain for domain in results.domains if domain.topics < TOO_FEW]:
        named = listed(f"{domain.id} ({domain.topics})" for domain in few)
        return Answer(False, f"Undecided: too few topics to generalise from in {named}.", details)
    if not _better_than_nothing(results, leader):
        best = f"the best, {leader.strategy}: {_stated(results, leader)}"
        said = f"Undecided: {tested_where(results)}, no strategy can be told from chance ({best})."
        return Answer(False, said, details)
    rivals = [each for each in results.rivals if not results.system(each.other).oracle]
    if tied := [each for each in rivals if each.holm is None or each.holm >= _LEVEL]:
        return Answer(False, _undecided(results, leader, tied), details)
    closest = min(rivals, key=lambda each: abs(each.estimate.value or 0), default=None)
    size = closest and figure(replace(closest.estimate, value=abs(closest.estimate.value or 0)))  # whichever is better
    ahead = f", {size} ahead of the next, {closest.other}" if closest else ""
    does = "does" if results.split == "in_domain" else "carries over"
    return Answer(True, f"{leader.strategy} {does} best: {_stated(results, leader)}{ahead}.", details)


def _better_than_nothing(results: Results, leader: Transfer) -> bool:
    metric = results.metric(results.headline)
    if metric.low is None or metric.low >= 0:  # an error has no chance level at 0
        return True
    end = leader.outside.low if metric.higher_is_better else leader.outside.high
    return end is not None and (end > 0 if metric.higher_is_better else end < 0)


def _stated(results: Results, found: Transfer) -> str:
    trained = "trained in the domain" if results.split == "in_domain" else "trained on other domains"
    where = trained if results.system(found.strategy).learns else "without training"
    outside = found.outside
    ends = f" (95 % interval {interval(outside)})" if interval(outside) else " (no interval)"
    value = f"{results.metric(results.headline).title} of {number(outside.value)}{ends}"
    constructed = any(each.name == "sensitivity" for each in results.probes)
    labels = "the arguments' labels" if constructed else "people's judgements"
    return f"{where}, it reaches a {value} with {labels}, {averaged(results)}"


def _substance(results: Results) -> Iterator[str]:
    """Who sees best what is broken, where arguments were written in versions."""
    every = (each for each in results.probes if each.name == "sensitivity" and each.broken is None)
    found = [each for each in every if not results.system(each.strategy).oracle]
    if not found:
        return
    chance = CHANCE[PerturbationTest.SENSITIVITY]
    best = max(found, key=lambda each: each.estimate.value or 0)
    told = "more often than chance" if (best.estimate.low or 0) > chance else "which cannot be told from chance"
    yield (
        f"Of a sound argument and its broken twin, {best.strategy} rates the sound one higher in "
        f"{figure(best.estimate)} of pairs, {told} ({number(chance)}). No strategy does so more often."
    )


def _undecided(results: Results, leader: Transfer, tied: list[Contrast]) -> str:
    names = [each.other for each in tied]
    extra = len(names) - _NAMED
    named = listed(names, "or") if extra <= 0 else f"{', '.join(names[:_NAMED])} or {extra} more"
    seen = [each.mde for each in tied if each.mde is not None]
    least = max(seen, default=0.0)  # 0 where two are the same throughout
    power = f"; a difference below about {number(least)} could not have been seen" if least > 0 else ""
    stated = _stated(results, leader)
    return f"Undecided: {leader.strategy} leads, but cannot be told from {named}; {stated}{power}."


def _details(results: Results, leader: Transfer) -> Iterator[str]:
    headline = results.metric(results.headline)
    sunk = (each for each in results.transfers if each.metric == headline.name and (each.gap.low or 0) > 0)
    lost = [each for each in sunk if results.system(each.strategy).learns and headline.higher_is_better]
    if lost:
        most = max(lost, key=lambda each: each.gap.value or 0)
        kept = f", {percent(most.retention.value)} kept" if most.retention.value is not None else ""
        yield (
            f"{most.strategy} loses the most on the way to another domain: {figure(most.inside)} in domain, "
            f"{figure(most.outside)} out of it{kept}."
        )
    if leader.worst_domain is not None and leader.worst.value is not None:
        yield f"{leader.strategy}'s worst domain is {leader.worst_domain}: {figure(leader.worst)}."
    yield "The leader was picked after seeing the figures; only claims written down before the run confirm anything."


def notes_of(results: Results) -> Iterator[str]:
    """What a reader has to know before believing a figure."""
    methods = results.methods
    if methods.cells_done < methods.cells:
        yield (
            f"{methods.cells - methods.cells_done:,} of {methods.cells:,} cells have no result: the figures are of the "
            "others, and strategies may have been tested on different arguments."
        )
    if few := [domain for domain in results.domains if domain.topics < FEW_CLUSTERS]:
        named = listed(f"{domain.id} has {domain.topics}" for domain in few)
        yield f"Few topics: {named}. Intervals that rest on fewer than {FEW_CLUSTERS} are likely too narrow."
    for each in results.coverage:
        if each.degenerate:
            yield f"{each.strategy}: {each.degenerate}. Its figures rest on little."
    if gaps := [each for each in results.coverage if each.share < 1]:
        named = listed(f"{each.strategy} {percent(1 - each.share)}" for each in gaps)
        yield f"Predictions are missing ({named}); figures are of the others, differences of what both have."
    if chosen := [each.name for each in results.systems if each.oracle]:
        yield f"{listed(chosen)}: parameters chosen by test labels, so the figures are bounds, not results."
    if methods.fingerprint != methods.run_fingerprint:
        yield "The configuration was changed after the run had started; claims that were added are exploratory."
    yield from results.warnings
