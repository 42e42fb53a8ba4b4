"""A benchmark's results as tables, the same for CSV, Markdown and the exact part of the HTML report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from argqual.benchmark.results import Cost, Results, Score
from argqual.corpora.bootstrap import Estimate
from argqual.report.benchmark_words import rung_title, split_title

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


def tables_of(results: Results) -> list[Table]:
    """Every table that has a row."""
    return [table for table in _tables(results) if table.rows]


def table_of(results: Results, name: str) -> Table | None:
    return next((table for table in tables_of(results) if table.name == name), None)


def _tables(results: Results) -> Iterator[Table]:
    title = results.metric(results.headline).title
    elsewhere = split_title(results.split)
    yield Table(
        "claims",
        "Claims",
        ("claim", "says", "verdict", "exploratory", "difference", "smallest of interest", "smallest detectable", "why"),
        tuple(
            (
                each.id,
                each.says,
                each.outcome,
                "yes" if each.exploratory else "no",
                each.estimate,
                each.smallest,
                each.mde,
                each.sentence,
            )
            for each in results.claims
        ),
        signed=True,
    )
    yield Table(
        "transfer",
        f"In-domain and out-of-domain ({elsewhere}), means over domains",
        (
            "strategy",
            "metric",
            "out of domain",
            "in domain",
            "gap",
            "retention",
            "worst domain",
            "in the worst domain",
        ),
        tuple(
            (
                each.strategy,
                results.metric(each.metric).title,
                each.outside,
                each.inside,
                each.gap,
                each.retention,
                each.worst_domain,
                each.worst,
            )
            for each in results.transfers
        ),
        "The gap is in-domain minus out-of-domain on the same arguments. Retention is out-of-domain over in-domain, "
        "given only where the in-domain interval excludes 0.",
    )
    yield Table(
        "contrasts",
        "Paired differences on the same arguments",
        ("strategy", "minus", "metric", "split", "difference", "p", "p (Holm)", "p (BH)", "smallest detectable"),
        tuple(
            (
                each.one,
                each.other,
                results.metric(each.metric).title,
                split_title(each.split),
                each.estimate,
                each.p,
                each.holm,
                each.benjamini_hochberg,
                each.mde,
            )
            for each in results.contrasts
        ),
        "p: two-sided, against 0; adjusted over the rows of one baseline and metric (Holm; Benjamini–Hochberg, BH). "
        "Smallest detectable: the difference that would have been found with 80 % power at 5 %.",
        signed=True,
    )
    yield _matrix(results, title)
    yield _ladder(results, title)
    yield _metrics(results, elsewhere)
    yield _ceilings(results, elsewhere)
    yield _seeds(results)
    yield Table(
        "budgets",
        f"{title} by labels of the tested domain, means over domains",
        ("strategy", "labels", title),
        tuple(
            (each.strategy, each.budget, each.estimate)
            for each in results.select(split="label_budget", metric=results.headline, tested_on=None)
        ),
    )
    yield Table(
        "costs",
        "What it took",
        ("strategy", "arguments", "seconds", "seconds of fitting", "requests", "tokens in", "tokens out", "US dollars"),
        tuple(
            (
                each.strategy,
                each.arguments,
                each.seconds,
                each.fit_seconds,
                each.requests,
                each.input_tokens,
                each.output_tokens,
                each.usd,
            )
            for each in results.costs
        ),
        "Answers that were kept from before cost nothing; seconds are of this run.",
    )
    statuses = dict.fromkeys(["ok", *(name for each in results.coverage for name in each.statuses)])
    yield Table(
        "coverage",
        "How predictions ended",
        ("strategy", "predictions", *statuses, "share", "alarm"),
        tuple(
            (
                each.strategy,
                each.offered,
                *(each.statuses.get(name, 0) for name in statuses),
                each.share,
                each.degenerate,
            )
            for each in results.coverage
        ),
    )
    yield Table(
        "calibration",
        "Calibration: expected calibration error, 0 to 1",
        ("strategy", "split", "error", "bins"),
        tuple((each.strategy, split_title(each.split), each.error, len(each.bins)) for each in results.reliability),
    )
    yield Table(
        "reliability",
        "Reliability curves",
        ("strategy", "split", "mean prediction", "mean label", "predictions"),
        tuple(
            (each.strategy, split_title(each.split), bin.predicted, bin.observed, bin.n)
            for each in results.reliability
            for bin in each.bins
        ),
        long=True,
    )
    yield Table(
        "criteria",
        "Each criterion's ratings against the target",
        ("strategy", "criterion", "tested on", "metric", "agreement"),
        tuple(
            (each.strategy, each.criterion, each.tested_on or "mean", "Spearman", each.estimate)
            for each in results.criteria
        ),
    )
    yield Table(
        "bias",
        "Bias at equal human quality, in standard deviations of the predictions",
        ("strategy", "attribute", "of", "shift", "p", "p (Holm)"),
        tuple((each.strategy, each.attribute, each.kind, each.estimate, each.p, each.holm) for each in results.biases),
        signed=True,
    )
    yield Table(
        "disagreements",
        "Worst disagreements: percentile ranks in the domain, 0 to 1",
        ("strategy", "domain", "corpus", "id", "predicted", "people"),
        tuple(
            (each.strategy, each.domain, each.corpus, each.id, each.predicted, each.label)
            for each in results.disagreements
        ),
    )
    yield Table(
        "domains",
        "The domains",
        ("domain", "title", "genre", "construct", "arguments", "topics", "median words", "levels", "human ceiling"),
        tuple(
            (
                each.id,
                each.title,
                each.genre,
                each.construct,
                each.arguments,
                each.topics,
                each.words,
                each.levels,
                each.ceiling,
            )
            for each in results.domains
        ),
        "Human ceiling: one annotator against the mean of the others, Spearman, from the corpus' card.",
    )
    yield Table(
        "scores",
        "Every figure",
        ("strategy", "split", "trained on", "tested on", "rung", "labels", "metric", "value", "spread over seeds"),
        tuple(
            (
                each.strategy,
                each.split,
                ", ".join(each.trained_on),
                each.tested_on or "mean",
                each.rung,
                each.budget,
                each.metric,
                each.estimate,
                each.seed_sd,
            )
            for each in results.scores
        ),
        long=True,
    )
    yield Table(
        "missing",
        "What is not in the tables",
        ("what", "kind", "why"),
        tuple((each.name, each.kind, each.reason) for each in results.missing),
    )
    yield Table(
        "sources",
        "Sources",
        ("source", "kind", "title", "fingerprint", "licence", "terms", "cite"),
        tuple(
            (each.id, each.kind, each.title, each.fingerprint, each.licence, each.terms, " ".join(each.citations))
            for each in results.sources
        ),
    )


def matrix_rows(results: Results, strategy: str) -> list[tuple[str, dict[str, Score]]]:
    """Of one strategy: what it was trained on, and its headline figure on each tested domain.

    A strategy that does not learn has one row.
    """
    headline = results.headline
    contender = results.contender(strategy)
    scores = [each for each in results.scores if each.strategy == strategy and each.metric == headline]
    inside = {each.tested_on: each for each in scores if each.split == "in_domain" and each.tested_on}
    elsewhere = {each.tested_on: each for each in scores if each.split == results.split and each.tested_on}
    if not contender.learns:
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


def _matrix(results: Results, title: str) -> Table:
    domains = tuple(domain.id for domain in results.domains)
    return Table(
        "matrix",
        f"{title}: trained on, tested on",
        ("strategy", "trained on", *domains),
        tuple(
            (contender.name, trained_on, *(found[id].estimate if id in found else None for id in domains))
            for contender in results.ranked()
            for trained_on, found in matrix_rows(results, contender.name)
        ),
    )


def ladder(results: Results) -> tuple[tuple[str, ...], dict[tuple[str, str], Score]]:
    """The rungs that were climbed, nearest first, and the headline figure by strategy and rung."""
    found = {
        (each.strategy, each.rung): each
        for each in results.scores
        if each.split == "ladder" and each.rung and each.metric == results.headline
    }
    return tuple(rung for rung in ("topic", "corpus", "genre", "construct") if any(r == rung for _, r in found)), found


def _ladder(results: Results, title: str) -> Table:
    rungs, found = ladder(results)
    return Table(
        "ladder",
        f"{title} along the ladder of distance",
        ("strategy", *(rung_title(rung) for rung in rungs)),
        tuple(
            (
                contender.name,
                *(found[contender.name, rung].estimate if (contender.name, rung) in found else None for rung in rungs),
            )
            for contender in results.ranked()
            if any((contender.name, rung) in found for rung in rungs)
        ),
        "Each rung is a mean over the tested domains that have it, so rungs may differ in their domains too.",
    )


def _metrics(results: Results, elsewhere: str) -> Table:
    scores = {
        (each.strategy, each.metric): each.estimate
        for each in results.scores
        if each.split == results.split and each.tested_on is None
    }
    metrics = [metric for metric in results.metrics if any(name == metric.name for _, name in scores)]
    return Table(
        "metrics",
        f"Every metric out of domain ({elsewhere}), means over domains",
        ("strategy", *(metric.title for metric in metrics)),
        tuple(
            (contender.name, *(scores.get((contender.name, metric.name)) for metric in metrics))
            for contender in results.ranked()
            if any(name == contender.name for name, _ in scores)
        ),
        "A metric that needs the labels' scale is a mean over the domains that have one, and of the strategies that "
        "predict on it.",
    )


def _ceilings(results: Results, elsewhere: str) -> Table:
    known = {domain.id: domain.ceiling for domain in results.domains if domain.ceiling}
    found = {
        (each.strategy, each.tested_on): each.estimate
        for each in results.scores
        if each.split == results.split and each.metric == "spearman"
    }
    return Table(
        "ceilings",
        f"Spearman out of domain ({elsewhere}) as a share of the human ceiling",
        ("strategy", *known),
        tuple(
            (
                contender.name,
                *(
                    _share(found[contender.name, id], ceiling) if (contender.name, id) in found else None
                    for id, ceiling in known.items()
                ),
            )
            for contender in results.ranked()
            if any((contender.name, id) in found for id in known)
        ),
        "The ceiling is one annotator against the mean of the others, as the corpus' card has it; its own uncertainty "
        "is not in the intervals. A strategy is held against the mean of all annotators, and may exceed it.",
    )


def _share(found: Estimate, ceiling: float) -> Estimate:
    value, low, high = (None if each is None else each / ceiling for each in (found.value, found.low, found.high))
    return replace(found, value=value, low=low, high=high)


def _seeds(results: Results) -> Table:
    rows = []
    for contender in results.contenders:
        spread = [
            each.seed_sd
            for each in results.select(strategy=contender.name, split=results.split, metric=results.headline)
            if each.seed_sd is not None
        ]
        if spread:
            rows.append((contender.name, contender.seeds, min(spread), max(spread)))
    return Table(
        "seeds",
        "Spread over seeds, in the domains",
        ("strategy", "seeds", "least standard deviation", "largest standard deviation"),
        tuple(rows),
        "Every figure is a mean over seeds; intervals speak of topics, not of seeds.",
    )


def cost_of(results: Results, strategy: str) -> Cost | None:
    return next((each for each in results.costs if each.strategy == strategy), None)
