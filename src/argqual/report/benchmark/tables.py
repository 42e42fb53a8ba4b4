"""A benchmark's results as tables, the same for CSV, Markdown and the exact part of the HTML report."""

from __future__ import annotations

from collections.abc import Iterator

from argqual.benchmark.analysis.results import Cost, Results
from argqual.report.benchmark.views import Table, ceilings_table, ladder_table, matrix_table, metrics_table, seeds_table
from argqual.report.benchmark.words import PROBE_TITLES, split_title


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
        "The gap is in-domain minus out-of-domain on the same arguments, both within the in-domain folds; the figure "
        "out of domain is of all arguments at once, so the gap is not quite the difference of the two columns. "
        "Retention is the ratio of the two sides of the gap, given only where the in-domain interval excludes 0.",
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
    yield matrix_table(results, title)
    yield ladder_table(results, title)
    yield metrics_table(results, elsewhere)
    yield ceilings_table(results, elsewhere)
    yield seeds_table(results)
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
        "reliance",
        "What predictions go by: texts in other forms",
        ("strategy", "text", "order kept", "moved", "rise"),
        tuple((each.strategy, each.perturbation, each.kept, each.moved, each.rise) for each in results.reliance),
        "Order kept: Spearman's correlation of predictions before and after, 1 where nothing changes. Moved: the mean "
        "absolute change, in standard deviations of the predictions before; rise: the mean change.",
    )
    yield Table(
        "probes",
        "Style or substance: constructed arguments",
        ("strategy", "figure", "broken", "rating of", "value", "p"),
        tuple(
            (
                each.strategy,
                PROBE_TITLES.get(each.name, each.name),
                each.broken or "any",
                each.rated or "the whole",
                each.estimate,
                each.p,
            )
            for each in results.probes
        ),
        "Means over families, with Student's t. Substance sensitivity: how often the sound version is rated above its "
        "broken twin of the same style. Falls, rises and moves are in standard deviations of all of a strategy's "
        "ratings. p: against a judge that sees nothing.",
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


def cost_of(results: Results, strategy: str) -> Cost | None:
    return next((each for each in results.costs if each.strategy == strategy), None)
