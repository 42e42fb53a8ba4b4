"""A benchmark's results as tables: each is described once, and CSV, Markdown and HTML are rendered from that.

Beside them, results seen from a side: trained on and tested on, the ladder of distance, a row a strategy.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from argqual.benchmark.analysis.figures import Cost, Score
from argqual.benchmark.analysis.results import Results, SystemResult
from argqual.benchmark.spec.vocabulary import FurtherTest, PerturbationTest, Rung
from argqual.report.benchmark.words import NOTHING, figure, number, tested_where
from argqual.stats.estimate import Estimate

Cell = str | int | float | Estimate | None
Rows = Iterable[tuple[Cell, ...]]
Found = Mapping[tuple[str, Any], Estimate]
"""Figures by strategy and something else, such as a metric."""
Figures = list[Estimate | None]
Probed = PerturbationTest | FurtherTest


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

    @cached_property
    def words(self) -> list[bool]:
        """Of each column, whether it holds words, which stand to the left."""
        return self._any(str)

    @cached_property
    def figures(self) -> list[bool]:
        """Of each column, whether it holds figures with intervals."""
        return self._any(Estimate)

    def _any(self, kind: type) -> list[bool]:
        return [any(isinstance(cell, kind) for cell in column) for column in zip(*self.rows, strict=True)]


def tables_of(results: Results) -> list[Table]:
    """Every table that has a row."""
    return [table for part in (_compared, _placed, _measured, _single, _basis) for table in part(results) if table.rows]


def _compared(results: Results) -> Iterator[Table]:
    """The claims, and strategies against one another, out of domain and in it."""
    metrics = {metric.name: metric.title for metric in results.metrics}
    heads = "claim, says, verdict, exploratory, difference, smallest of interest, smallest detectable, why"
    rows: Rows = (
        (it.id, it.says, it.outcome, "yes" if it.exploratory else "no", it.estimate, it.smallest, it.mde, it.sentence)
        for it in results.claims
    )
    yield _table("claims", "Claims", heads, rows, signed=True)

    title = f"In-domain and out-of-domain ({results.split.heading}), means over domains"
    heads = "strategy, metric, out of domain, in domain, gap, retention, worst domain, in the worst domain"
    rows = (
        (it.strategy, metrics[it.metric], it.outside, it.inside, it.gap, it.retention, it.worst_domain, it.worst)
        for it in results.transfers
    )
    note = (
        "The gap is in-domain minus out-of-domain on the same arguments, both within the in-domain folds; the figure "
        "out of domain is of all arguments at once, so the gap is not quite the difference of the two columns. "
        "Retention is the ratio of the two sides of the gap, given only where the in-domain interval excludes 0."
    )
    yield _table("transfer", title, heads, rows, note)

    heads = "strategy, minus, metric, split, difference, p, p (Holm), p (BH), smallest detectable"
    rows = (
        (it.one, it.other, metrics[it.metric], it.split.heading, it.estimate, it.p, it.holm,
         it.benjamini_hochberg, it.mde)
        for it in results.contrasts
    )  # fmt: skip
    note = (
        "p: two-sided, against 0; adjusted over the rows of one baseline and metric (Holm; Benjamini–Hochberg, BH). "
        "Smallest detectable: the difference that would have been found with 80 % power at 5 %."
    )
    yield _table("contrasts", "Paired differences on the same arguments", heads, rows, note, signed=True)


def _placed(results: Results) -> Iterator[Table]:
    """Strategies place by place, metric by metric, and beside people."""
    metrics = {metric.name: metric.title for metric in results.metrics}
    headline, out = metrics[results.headline], f"{tested_where(results)} ({results.split.heading})"
    domains = [domain.id for domain in results.domains]
    rows: Rows = (
        (system.name, trained_on, *(found[id].estimate if id in found else None for id in domains))
        for system in results.ranked()
        for trained_on, found in matrix_rows(results, system.name)
    )
    yield Table("matrix", f"{headline}: trained on, tested on", ("strategy", "trained on", *domains), tuple(rows))

    rungs, climbed = ladder(results)
    title, titles = f"{headline} along the ladder of distance", {rung: rung.heading for rung in rungs}
    note = "Each rung is a mean over the tested domains that have it, so rungs may differ in their domains too."
    yield _ranked("ladder", title, results, climbed, titles, note)

    scores = results.select(split=results.split, tested_on=None)
    found = {(each.strategy, each.metric): each.estimate for each in scores}
    used = {name: title for name, title in metrics.items() if any(name == metric for _, metric in found)}
    note = (
        "A metric that needs the labels' scale is a mean over the domains that have one, and of the strategies that "
        "predict on it."
    )
    yield _ranked("metrics", f"Every metric {out}, means over domains", results, found, used, note)

    known = {domain.id: domain.ceiling for domain in results.domains if domain.ceiling}
    shares = {
        (each.strategy, each.tested_on): _share(each.estimate, known[each.tested_on])
        for each in results.select(split=results.split, metric="spearman")
        if each.tested_on in known
    }
    note = (
        "The ceiling is one annotator against the mean of the others, as the corpus' card has it; its own uncertainty "
        "is not in the intervals. A strategy is held against the mean of all annotators, and may exceed it."
    )
    title = f"Spearman {out} as a share of the human ceiling"
    yield _ranked("ceilings", title, results, shares, {id: id for id in known}, note)


def _measured(results: Results) -> Iterator[Table]:
    """What else there is of each strategy: seeds, label budgets, costs, coverage, calibration."""
    headline = results.metric(results.headline).title
    spreads: dict[str, list[float]] = {}
    for each in results.select(split=results.split, metric=results.headline):
        if each.seed_sd is not None:
            spreads.setdefault(each.strategy, []).append(each.seed_sd)
    heads = "strategy, seeds, least standard deviation, largest standard deviation"
    seeds = ((it.name, it.seeds, spreads.get(it.name)) for it in results.systems)
    rows: Rows = ((name, number, min(spread), max(spread)) for name, number, spread in seeds if spread)
    note = "Every figure is a mean over seeds; intervals speak of topics, not of seeds."
    yield _table("seeds", "Spread over seeds, in the domains", heads, rows, note)

    title = f"{headline} by labels of the tested domain, means over domains"
    scores = results.select(split="label_budget", metric=results.headline, tested_on=None)
    rows = ((each.strategy, each.budget, each.estimate) for each in scores)
    yield Table("budgets", title, ("strategy", "labels", headline), tuple(rows))

    heads = "strategy, arguments, seconds, seconds of fitting, requests, tokens in, tokens out, US dollars"
    rows = (
        (it.strategy, it.arguments, it.seconds, it.fit_seconds, it.requests, it.input_tokens, it.output_tokens, it.usd)
        for it in results.costs
    )
    note = (
        "Requests, tokens and dollars are those of this run: answers that were kept from before cost nothing. Seconds "
        "are what answers took when they were asked."
    )
    yield _table("costs", "What it took", heads, rows, note)

    statuses = dict.fromkeys(["ok", *(name for each in results.coverage for name in each.statuses)])
    rows = (
        (each.strategy, each.offered, *(each.statuses.get(name, 0) for name in statuses), each.share, each.degenerate)
        for each in results.coverage
    )
    columns = ("strategy", "predictions", *statuses, "share", "alarm")
    yield Table("coverage", "How predictions ended", columns, tuple(rows))

    title = "Calibration: expected calibration error, 0 to 1"
    rows = ((it.strategy, it.split.heading, it.error, len(it.bins)) for it in results.reliability)
    yield _table("calibration", title, "strategy, split, error, bins", rows)

    heads = "strategy, split, mean prediction, mean label, predictions"
    rows = (
        (it.strategy, it.split.heading, bin.predicted, bin.observed, bin.n)
        for it in results.reliability
        for bin in it.bins
    )
    yield _table("reliability", "Reliability curves", heads, rows, long=True)


def _single(results: Results) -> Iterator[Table]:
    """What shows how strategies judge: criteria, bias, texts in other forms, constructed arguments, disagreements."""
    heads = "strategy, criterion, tested on, metric, agreement"
    rows: Rows = (
        (it.strategy, it.criterion, it.tested_on or "mean", "Spearman", it.estimate) for it in results.criteria
    )
    yield _table("criteria", "Each criterion's ratings against the target", heads, rows)

    title = "Bias at equal human quality, in standard deviations of the predictions"
    rows = ((it.strategy, it.attribute, it.kind, it.estimate, it.p, it.holm) for it in results.biases)
    yield _table("bias", title, "strategy, attribute, of, shift, p, p (Holm)", rows, signed=True)

    title = "What predictions go by: texts in other forms"
    rows = ((it.strategy, it.perturbation, it.kept, it.moved, it.rise) for it in results.reliance)
    note = (
        "Order kept: Spearman's correlation of predictions before and after, 1 where nothing changes. Moved: the mean "
        "absolute change, in standard deviations of the predictions before; rise: the mean change."
    )
    yield _table("reliance", title, "strategy, text, order kept, moved, rise", rows, note)

    heads = "strategy, figure, broken, rating of, value, p"
    rows = (
        (it.strategy, it.name.heading, it.broken or "any", it.rated or "the whole", it.estimate, it.p)
        for it in results.probes
    )
    note = (
        "Means over families, with Student's t. Substance sensitivity: how often the sound version is rated above its "
        "broken twin of the same style. Falls, rises and moves are in standard deviations of all of a strategy's "
        "ratings. p: against a judge that sees nothing."
    )
    yield _table("probes", "Style or substance: constructed arguments", heads, rows, note, signed=True)

    title = "Worst disagreements: percentile ranks in the domain, 0 to 1"
    rows = ((it.strategy, it.domain, it.corpus, it.id, it.predicted, it.label) for it in results.disagreements)
    yield _table("disagreements", title, "strategy, domain, corpus, id, predicted, people", rows)


def _basis(results: Results) -> Iterator[Table]:
    """The domains, every figure, what is missing, and the sources."""
    heads = "domain, title, genre, construct, arguments, topics, median words, levels, human ceiling"
    rows: Rows = (
        (it.id, it.title, it.genre, it.construct, it.arguments, it.topics, it.words, it.levels, it.ceiling)
        for it in results.domains
    )
    note = "Human ceiling: one annotator against the mean of the others, Spearman, from the corpus' card."
    yield _table("domains", "The domains", heads, rows, note)

    heads = "strategy, split, trained on, tested on, rung, labels, metric, value, spread over seeds"
    rows = (
        (it.strategy, it.split, ", ".join(it.trained_on), it.tested_on or "mean", it.rung, it.budget, it.metric,
         it.estimate, it.seed_sd)
        for it in results.scores
    )  # fmt: skip
    yield _table("scores", "Every figure", heads, rows, long=True)

    rows = ((it.name, it.kind, it.reason) for it in results.missing)
    yield _table("missing", "What is not in the tables", "what, kind, why", rows)

    heads = "source, kind, title, fingerprint, licence, terms, cite"
    rows = (
        (it.id, it.kind, it.title, it.fingerprint, it.licence, it.terms, " ".join(it.citations))
        for it in results.sources
    )
    yield _table("sources", "Sources", heads, rows)


def _table(name: str, title: str, heads: str, rows: Rows, note: str = "", **kind: bool) -> Table:
    """A table whose columns are known beforehand: their names, with commas between."""
    return Table(name, title, tuple(heads.split(", ")), tuple(rows), note, **kind)


def _ranked(name: str, title: str, results: Results, found: Found, columns: Mapping[Any, str], note: str) -> Table:
    """A row a strategy, the best first; `columns` are what `found` knows them by, and their names."""
    rows = tuple((system.name, *figures) for system, figures in by_system(results, found, columns))
    return Table(name, title, ("strategy", *columns.values()), rows, note)


def _share(found: Estimate, ceiling: float) -> Estimate:
    value, low, high = (None if each is None else each / ceiling for each in (found.value, found.low, found.high))
    return replace(found, value=value, low=low, high=high)


def written(cell: Cell) -> str:
    """A cell in words; a figure with its interval."""
    if cell is None:
        return NOTHING
    if isinstance(cell, Estimate):
        return figure(cell)
    if isinstance(cell, float):
        if 0 < cell < 0.0005:  # a p value, or a price: little, but not nothing
            return "< .001"
        return number(cell, digits=3 if abs(cell) <= 1 else 1)
    return f"{cell:,}" if isinstance(cell, int) else cell


def by_system(results: Results, found: Found, columns: Iterable[Any]) -> list[tuple[SystemResult, Figures]]:
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
