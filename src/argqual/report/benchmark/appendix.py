"""The last sections of a benchmark's HTML report: single arguments, exact figures, and what all of it rests on."""

from __future__ import annotations

from markupsafe import Markup

from argqual.benchmark.analysis.results import Disagreement, Results
from argqual.report.benchmark.html_tables import exact
from argqual.report.benchmark.parts import leading, under
from argqual.report.benchmark.tables import table_of
from argqual.report.benchmark.words import listed, tested_where
from argqual.report.markup import joined, stranger, tag


def disagreements(results: Results) -> Markup | None:
    """Where a strategy and people are furthest apart; texts only where a reader asked for them."""
    if not results.disagreements:
        return None
    texts = any(each.text for each in results.disagreements)
    lead = leading(
        "Percentile ranks in the domain, 0 the weakest and 100 the strongest: what the strategy says, and what people "
        f"say, {tested_where(results)}.",
        "" if texts else "Ids only; argqual benchmark report --texts shows the texts, where the corpora can be read.",
    )
    if not texts:
        return joined(lead, under(results, "disagreements"))
    blocks: list[Markup] = []
    for system in results.ranked():
        items = [_disagreement(each) for each in results.disagreements if each.strategy == system.name]
        if items:
            summary = tag("summary", system.name)
            opened = "" if not blocks else None  # the first, which is the best
            blocks.append(tag("details", summary, tag("ol", *items, class_="disagreements"), open=opened))
    return joined(lead, *blocks, under(results, "disagreements"))


def _disagreement(each: Disagreement) -> Markup:
    ranks = f"strategy {100 * each.predicted:.0f}, people {100 * each.label:.0f}"
    where = tag("small", stranger(f"{each.corpus} {each.id}"))
    issue = tag("p", stranger(each.issue), class_="issue") if each.issue else None
    text = tag("blockquote", each.text, dir="auto") if each.text else None
    why = tag("p", tag("b", "The model’s reason: "), stranger(each.rationale)) if each.rationale else None
    return tag("li", tag("p", tag("b", ranks), " ", where), issue, text, why)


def every_metric(results: Results) -> Markup | None:
    metrics, coverage = table_of(results, "metrics"), table_of(results, "coverage")
    lacking = any(each.share < 1 or each.degenerate for each in results.coverage)
    tables = (metrics and exact(metrics, opened=True), coverage and exact(coverage, opened=lacking))
    return joined(*tables, under(results, "ceilings", "seeds")) if metrics or coverage else None


def data(results: Results) -> Markup | None:
    table = table_of(results, "domains")
    return exact(table, opened=True, heading=False) if table else None


def missing(results: Results) -> Markup | None:
    table = table_of(results, "missing")
    return exact(table, opened=True, heading=False) if table else None


def methods(results: Results) -> Markup:
    said = results.methods
    rows = [
        ("Started", said.started),
        ("Finished", said.finished),
        ("Cells", f"{said.cells_done:,} of {said.cells:,} done"),
        ("Intervals", f"{said.interval}, {said.draws:,} draws, seed {said.seed}"),
        ("Selection", said.selection.replace("_", " ")),
        ("Baselines", listed(results.baselines)),
        ("Configuration", tag("code", said.fingerprint)),
        ("At the start", tag("code", said.run_fingerprint)),
        ("argqual", said.argqual),
        *said.versions.items(),
    ]
    table = tag("dl", *(joined(tag("dt", name), tag("dd", value)) for name, value in rows if value), class_="methods")
    changed = said.fingerprint != said.run_fingerprint
    note = "The configuration was changed after the run had started." if changed else None
    words = [tag("p", each) for each in said.details]
    return joined(tag("p", note, class_="lead") if note else None, *words, table)


def sources(results: Results) -> Markup | None:
    items = []
    for each in results.sources:
        head = joined(tag("b", each.id), " ", tag("small", each.kind), " ", each.title)
        alike = " What is made from it carries the same licence." if each.share_alike else ""
        licence = tag("p", f"{each.licence}. {each.terms}{alike}".strip()) if each.licence else None
        cites = [tag("p", citation, class_="cite") for citation in each.citations]
        hash_ = tag("code", each.fingerprint) if each.fingerprint else None
        items.append(tag("li", tag("p", head, " ", hash_), licence, *cites))
    return tag("ul", *items, class_="sources") if items else None
