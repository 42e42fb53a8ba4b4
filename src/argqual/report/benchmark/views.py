"""Results seen from a side: trained on and tested on, the ladder of distance, metrics, ceilings, seeds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from argqual.benchmark.analysis.results import Results, Score
from argqual.report.benchmark.words import rung_title, tested_where
from argqual.stats.resampling import Estimate

Cell = str | int | float | Estimate | None


@dataclass(frozen=True)
class Table:
    """Rows under named columns; the first column is what a row is of.

    `name` is that of its CSV file. `long` is for tables that only a machine reads to the end. `signed`: figures are
    differences.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    long: bool = False
    signed: bool = False


def matrix_rows(results: Results, strategy: str) -> list[tuple[str, dict[str, Score]]]:
    """Of one strategy: what it was trained on, and its headline figure on each tested domain.

    A strategy that does not learn has one row.
    """
    headline = results.headline
    system = results.system(strategy)
    scores = [each for each in results.scores if each.strategy == strategy and each.metric == headline]
    inside = {each.tested_on: each for each in scores if each.split == "in_domain" and each.tested_on}
    domains = {domain.id for domain in results.domains}  # what is left out may be types instead
    elsewhere = {each.tested_on: each for each in scores if each.split == results.split and each.tested_on in domains}
    if not system.learns:
        found = elsewhere | inside
        return [("nothing", found)] if found else []
    rows = []
    pairs = [each for each in scores if each.split == "corpus_to_corpus" and each.tested_on]
    for source in dict.fromkeys(
        (*(domain.id for domain in results.domains), *(s for p in pairs for s in p.trained_on))
    ):
        found = {each.tested_on: each for each in pairs if each.trained_on == (source,) and each.tested_on}
        if source in inside:
            found[source] = inside[source]
        if found:
            rows.append((source, found))
    if elsewhere and results.split != "corpus_to_corpus":
        rows.append(("all others", elsewhere))
    return rows


def matrix_table(results: Results, title: str) -> Table:
    domains = tuple(domain.id for domain in results.domains)
    return Table(
        "matrix",
        f"{title}: trained on, tested on",
        ("strategy", "trained on", *domains),
        tuple(
            (system.name, trained_on, *(found[id].estimate if id in found else None for id in domains))
            for system in results.ranked()
            for trained_on, found in matrix_rows(results, system.name)
        ),
    )


def ladder(results: Results) -> tuple[tuple[str, ...], dict[tuple[str, str], Score]]:
    """The rungs that were climbed, nearest first, and the headline figure by strategy and rung."""
    found: dict[tuple[str, str], Score] = {
        (each.strategy, each.rung): each
        for each in results.scores
        if each.split == "ladder" and each.rung and each.metric == results.headline
    }
    return tuple(rung for rung in ("topic", "corpus", "genre", "construct") if any(r == rung for _, r in found)), found


def ladder_table(results: Results, title: str) -> Table:
    rungs, found = ladder(results)
    return Table(
        "ladder",
        f"{title} along the ladder of distance",
        ("strategy", *(rung_title(rung) for rung in rungs)),
        tuple(
            (
                system.name,
                *(found[system.name, rung].estimate if (system.name, rung) in found else None for rung in rungs),
            )
            for system in results.ranked()
            if any((system.name, rung) in found for rung in rungs)
        ),
        "Each rung is a mean over the tested domains that have it, so rungs may differ in their domains too.",
    )


def metrics_table(results: Results, elsewhere: str) -> Table:
    scores = {
        (each.strategy, each.metric): each.estimate
        for each in results.scores
        if each.split == results.split and each.tested_on is None
    }
    metrics = [metric for metric in results.metrics if any(name == metric.name for _, name in scores)]
    return Table(
        "metrics",
        f"Every metric {tested_where(results)} ({elsewhere}), means over domains",
        ("strategy", *(metric.title for metric in metrics)),
        tuple(
            (system.name, *(scores.get((system.name, metric.name)) for metric in metrics))
            for system in results.ranked()
            if any(name == system.name for name, _ in scores)
        ),
        "A metric that needs the labels' scale is a mean over the domains that have one, and of the strategies that "
        "predict on it.",
    )


def ceilings_table(results: Results, elsewhere: str) -> Table:
    known = {domain.id: domain.ceiling for domain in results.domains if domain.ceiling}
    found = {
        (each.strategy, each.tested_on): each.estimate
        for each in results.scores
        if each.split == results.split and each.metric == "spearman"
    }
    return Table(
        "ceilings",
        f"Spearman {tested_where(results)} ({elsewhere}) as a share of the human ceiling",
        ("strategy", *known),
        tuple(
            (
                system.name,
                *(
                    _share(found[system.name, id], ceiling) if (system.name, id) in found else None
                    for id, ceiling in known.items()
                ),
            )
            for system in results.ranked()
            if any((system.name, id) in found for id in known)
        ),
        "The ceiling is one annotator against the mean of the others, as the corpus' card has it; its own uncertainty "
        "is not in the intervals. A strategy is held against the mean of all annotators, and may exceed it.",
    )


def _share(found: Estimate, ceiling: float) -> Estimate:
    value, low, high = (None if each is None else each / ceiling for each in (found.value, found.low, found.high))
    return replace(found, value=value, low=low, high=high)


def seeds_table(results: Results) -> Table:
    rows = []
    for system in results.systems:
        spread = [
            each.seed_sd
            for each in results.select(strategy=system.name, split=results.split, metric=results.headline)
            if each.seed_sd is not None
        ]
        if spread:
            rows.append((system.name, system.seeds, min(spread), max(spread)))
    return Table(
        "seeds",
        "Spread over seeds, in the domains",
        ("strategy", "seeds", "least standard deviation", "largest standard deviation"),
        tuple(rows),
        "Every figure is a mean over seeds; intervals speak of topics, not of seeds.",
    )
