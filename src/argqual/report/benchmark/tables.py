"""A benchmark's results as tables: each is described once, and CSV, Markdown and HTML are rendered from that."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from argqual.benchmark.analysis.results import Results
from argqual.report.benchmark.views import by_system, ladder, matrix_rows
from argqual.report.benchmark.words import NOTHING, figure, number, tested_where
from argqual.stats.estimate import Estimate

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
    return [table for made in _TABLES if (table := made(results)).rows]


def _claims(results: Results) -> Table:
    heads = "claim, says, verdict, exploratory, difference, smallest of interest, smallest detectable, why"
    rows = (
        (it.id, it.says, it.outcome, _yes(it.exploratory), it.estimate, it.smallest, it.mde, it.sentence)
        for it in results.claims
    )
    return _table("claims", "Claims", heads, rows, signed=True)


def _transfer(results: Results) -> Table:
    heads = "strategy, metric, out of domain, in domain, gap, retention, worst domain, in the worst domain"
    note = (
        "The gap is in-domain minus out-of-domain on the same arguments, both within the in-domain folds; the figure "
        "out of domain is of all arguments at once, so the gap is not quite the difference of the two columns. "
        "Retention is the ratio of the two sides of the gap, given only where the in-domain interval excludes 0."
    )
    metrics = _metric_titles(results)
    rows = (
        (it.strategy, metrics[it.metric], it.outside, it.inside, it.gap, it.retention, it.worst_domain, it.worst)
        for it in results.transfers
    )
    title = f"In-domain and out-of-domain ({results.split.heading}), means over domains"
    return _table("transfer", title, heads, rows, note)


def _contrasts(results: Results) -> Table:
    heads = "strategy, minus, metric, split, difference, p, p (Holm), p (BH), smallest detectable"
    note = (
        "p: two-sided, against 0; adjusted over the rows of one baseline and metric (Holm; Benjamini–Hochberg, BH). "
        "Smallest detectable: the difference that would have been found with 80 % power at 5 %."
    )
    metrics = _metric_titles(results)
    rows = (
        (it.one, it.other, metrics[it.metric], it.split.heading, it.estimate, it.p, it.holm,
         it.benjamini_hochberg, it.mde)
        for it in results.contrasts
    )  # fmt: skip
    return _table("contrasts", "Paired differences on the same arguments", heads, rows, note, signed=True)


def _matrix(results: Results) -> Table:
    domains = tuple(domain.id for domain in results.domains)
    rows = tuple(
        (system.name, trained_on, *(found[id].estimate if id in found else None for id in domains))
        for system in results.ranked()
        for trained_on, found in matrix_rows(results, system.name)
    )
    return Table("matrix", f"{_headline(results)}: trained on, tested on", ("strategy", "trained on", *domains), rows)


def _ladder(results: Results) -> Table:
    rungs, found = ladder(results)
    note = "Each rung is a mean over the tested domains that have it, so rungs may differ in their domains too."
    title = f"{_headline(results)} along the ladder of distance"
    return _ranked("ladder", title, results, found, {rung: rung.heading for rung in rungs}, note)


def _metrics(results: Results) -> Table:
    scores = results.select(split=results.split, tested_on=None)
    found = {(each.strategy, each.metric): each.estimate for each in scores}
    used = {metric for _, metric in found}
    metrics = {name: title for name, title in _metric_titles(results).items() if name in used}
    note = (
        "A metric that needs the labels' scale is a mean over the domains that have one, and of the strategies that "
        "predict on it."
    )
    title = f"Every metric {tested_where(results)} ({results.split.heading}), means over domains"
    return _ranked("metrics", title, results, found, metrics, note)


def _ceilings(results: Results) -> Table:
    known = {domain.id: domain.ceiling for domain in results.domains if domain.ceiling}
    found = {
        (each.strategy, each.tested_on): _share(each.estimate, known[each.tested_on])
        for each in results.select(split=results.split, metric="spearman")
        if each.tested_on in known
    }
    note = (
        "The ceiling is one annotator against the mean of the others, as the corpus' card has it; its own uncertainty "
        "is not in the intervals. A strategy is held against the mean of all annotators, and may exceed it."
    )
    title = f"Spearman {tested_where(results)} ({results.split.heading}) as a share of the human ceiling"
    return _ranked("ceilings", title, results, found, {id: id for id in known}, note)


def _seeds(results: Results) -> Table:
    rows = []
    for system in results.systems:
        scores = results.select(strategy=system.name, split=results.split, metric=results.headline)
        if spread := [each.seed_sd for each in scores if each.seed_sd is not None]:
            rows.append((system.name, system.seeds, min(spread), max(spread)))
    heads = "strategy, seeds, least standard deviation, largest standard deviation"
    note = "Every figure is a mean over seeds; intervals speak of topics, not of seeds."
    return _table("seeds", "Spread over seeds, in the domains", heads, rows, note)


def _budgets(results: Results) -> Table:
    title = _headline(results)
    scores = results.select(split="label_budget", metric=results.headline, tested_on=None)
    rows = tuple((each.strategy, each.budget, each.estimate) for each in scores)
    said = f"{title} by labels of the tested domain, means over domains"
    return Table("budgets", said, ("strategy", "labels", title), rows)


def _costs(results: Results) -> Table:
    heads = "strategy, arguments, seconds, seconds of fitting, requests, tokens in, tokens out, US dollars"
    rows = (
        (it.strategy, it.arguments, it.seconds, it.fit_seconds, it.requests, it.input_tokens, it.output_tokens, it.usd)
        for it in results.costs
    )
    note = "Answers that were kept from before cost nothing; seconds are of this run."
    return _table("costs", "What it took", heads, rows, note)


def _coverage(results: Results) -> Table:
    statuses = dict.fromkeys(["ok", *(name for each in results.coverage for name in each.statuses)])
    columns = ("strategy", "predictions", *statuses, "share", "alarm")
    rows = tuple(
        (each.strategy, each.offered, *(each.statuses.get(name, 0) for name in statuses), each.share, each.degenerate)
        for each in results.coverage
    )
    return Table("coverage", "How predictions ended", columns, rows)


def _calibration(results: Results) -> Table:
    rows = ((it.strategy, it.split.heading, it.error, len(it.bins)) for it in results.reliability)
    title = "Calibration: expected calibration error, 0 to 1"
    return _table("calibration", title, "strategy, split, error, bins", rows)


def _reliability(results: Results) -> Table:
    heads = "strategy, split, mean prediction, mean label, predictions"
    rows = (
        (it.strategy, it.split.heading, bin.predicted, bin.observed, bin.n)
        for it in results.reliability
        for bin in it.bins
    )
    return _table("reliability", "Reliability curves", heads, rows, long=True)


def _criteria(results: Results) -> Table:
    heads = "strategy, criterion, tested on, metric, agreement"
    rows = ((it.strategy, it.criterion, it.tested_on or "mean", "Spearman", it.estimate) for it in results.criteria)
    return _table("criteria", "Each criterion's ratings against the target", heads, rows)


def _bias(results: Results) -> Table:
    title = "Bias at equal human quality, in standard deviations of the predictions"
    rows = ((it.strategy, it.attribute, it.kind, it.estimate, it.p, it.holm) for it in results.biases)
    return _table("bias", title, "strategy, attribute, of, shift, p, p (Holm)", rows, signed=True)


def _reliance(results: Results) -> Table:
    title = "What predictions go by: texts in other forms"
    rows = ((it.strategy, it.perturbation, it.kept, it.moved, it.rise) for it in results.reliance)
    note = (
        "Order kept: Spearman's correlation of predictions before and after, 1 where nothing changes. Moved: the mean "
        "absolute change, in standard deviations of the predictions before; rise: the mean change."
    )
    return _table("reliance", title, "strategy, text, order kept, moved, rise", rows, note)


def _probes(results: Results) -> Table:
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
    return _table("probes", "Style or substance: constructed arguments", heads, rows, note, signed=True)


def _disagreements(results: Results) -> Table:
    title = "Worst disagreements: percentile ranks in the domain, 0 to 1"
    rows = ((it.strategy, it.domain, it.corpus, it.id, it.predicted, it.label) for it in results.disagreements)
    return _table("disagreements", title, "strategy, domain, corpus, id, predicted, people", rows)


def _domains(results: Results) -> Table:
    heads = "domain, title, genre, construct, arguments, topics, median words, levels, human ceiling"
    rows = (
        (it.id, it.title, it.genre, it.construct, it.arguments, it.topics, it.words, it.levels, it.ceiling)
        for it in results.domains
    )
    note = "Human ceiling: one annotator against the mean of the others, Spearman, from the corpus' card."
    return _table("domains", "The domains", heads, rows, note)


def _scores(results: Results) -> Table:
    heads = "strategy, split, trained on, tested on, rung, labels, metric, value, spread over seeds"
    rows = (
        (it.strategy, it.split, ", ".join(it.trained_on), it.tested_on or "mean", it.rung, it.budget, it.metric,
         it.estimate, it.seed_sd)
        for it in results.scores
    )  # fmt: skip
    return _table("scores", "Every figure", heads, rows, long=True)


def _missing(results: Results) -> Table:
    rows = ((it.name, it.kind, it.reason) for it in results.missing)
    return _table("missing", "What is not in the tables", "what, kind, why", rows)


def _sources(results: Results) -> Table:
    heads = "source, kind, title, fingerprint, licence, terms, cite"
    rows = (
        (it.id, it.kind, it.title, it.fingerprint, it.licence, it.terms, " ".join(it.citations))
        for it in results.sources
    )
    return _table("sources", "Sources", heads, rows)


def _table(name: str, title: str, heads: str, rows: Iterable[tuple[Cell, ...]], note: str = "", **kind: bool) -> Table:
    """A table whose columns are known beforehand: their names, with commas between."""
    return Table(name, title, tuple(heads.split(", ")), tuple(rows), note, **kind)


def written(cell: Cell) -> str:
    """A cell in words; a figure with its interval."""
    if cell is None:
        return NOTHING
    if isinstance(cell, Estimate):
        return figure(cell)
    if isinstance(cell, float):
        return number(cell, digits=3 if abs(cell) <= 1 else 1)
    return f"{cell:,}" if isinstance(cell, int) else cell


def _headline(results: Results) -> str:
    return results.metric(results.headline).title


def _ranked(
    name: str,
    title: str,
    results: Results,
    found: Mapping[tuple[str, Any], Estimate],
    columns: Mapping[str, str],
    note: str,
) -> Table:
    """A row a strategy, the best first; `columns` are what `found` knows them by, and their names."""
    rows = tuple((system.name, *figures) for system, figures in by_system(results, found, columns))
    return Table(name, title, ("strategy", *columns.values()), rows, note)


def _metric_titles(results: Results) -> dict[str, str]:
    return {metric.name: metric.title for metric in results.metrics}


def _yes(said: bool) -> str:
    return "yes" if said else "no"


def _share(found: Estimate, ceiling: float) -> Estimate:
    value, low, high = (None if each is None else each / ceiling for each in (found.value, found.low, found.high))
    return replace(found, value=value, low=low, high=high)


_TABLES: tuple[Callable[[Results], Table], ...] = (
    _claims, _transfer, _contrasts, _matrix, _ladder, _metrics, _ceilings, _seeds, _budgets, _costs, _coverage,
    _calibration, _reliability, _criteria, _bias, _reliance, _probes, _disagreements, _domains, _scores, _missing,
    _sources,
)  # fmt: skip
