"""Results seen from a side: trained on and tested on, the ladder of distance, a row a strategy."""

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

from argqual.benchmark.analysis.figures import Cost, Score
from argqual.benchmark.analysis.results import Results, SystemResult
from argqual.benchmark.spec.vocabulary import FurtherTest, PerturbationTest, Rung
from argqual.stats.estimate import Estimate

Key = TypeVar("Key", bound=Hashable)
Probed = PerturbationTest | FurtherTest


def by_system(
    results: Results, found: Mapping[tuple[str, Key], Estimate], columns: Iterable[Key]
) -> list[tuple[SystemResult, list[Estimate | None]]]:
    """A row a strategy that has any figure, the best first: of `found` by strategy and column, those of the columns."""
    named, columns = {strategy for strategy, _ in found}, list(columns)
    return [
        (system, [found.get((system.name, column)) for column in columns])
        for system in results.ranked()
        if system.name in named
    ]


def matrix_rows(results: Results, strategy: str) -> list[tuple[str, dict[str, Score]]]:
    """Of one strategy: what it was trained on, and its headline figure on each tested domain.

    A strategy that does not learn has one row.
    """
    scores = [each for each in results.select(strategy=strategy, metric=results.headline) if each.tested_on]
    inside = {each.tested_on or "": each for each in scores if each.split == "in_domain"}
    domains = [domain.id for domain in results.domains]  # what is left out may be types instead
    elsewhere = {
        each.tested_on or "": each for each in scores if each.split == results.split and each.tested_on in domains
    }
    if not results.system(strategy).learns:
        found = elsewhere | inside
        return [("nothing", found)] if found else []
    rows = []
    pairs = [each for each in scores if each.split == "corpus_to_corpus"]
    for source in dict.fromkeys((*domains, *(name for pair in pairs for name in pair.trained_on))):
        found = {each.tested_on or "": each for each in pairs if each.trained_on == (source,)}
        if source in inside:
            found[source] = inside[source]
        if found:
            rows.append((source, found))
    if elsewhere and results.split != "corpus_to_corpus":
        rows.append(("all others", elsewhere))
    return rows


def ladder(results: Results) -> tuple[tuple[Rung, ...], dict[tuple[str, Rung], Estimate]]:
    """The rungs that were climbed, nearest first, and the headline figure by strategy and rung."""
    scores = results.select(split="ladder", metric=results.headline)
    found = {(each.strategy, each.rung): each.estimate for each in scores if each.rung}
    climbed = {rung for _, rung in found}
    return tuple(rung for rung in Rung if rung in climbed), found


def probed(results: Results) -> dict[tuple[str, Probed], Estimate]:
    """What constructed arguments show whichever criterion was broken, by strategy and figure."""
    return {(each.strategy, each.name): each.estimate for each in results.probes if each.broken is None}


def cost_of(results: Results, strategy: str) -> Cost | None:
    """What a strategy took; None where nothing was taken down."""
    return next((each for each in results.costs if each.strategy == strategy), None)
