"""What several sections of a benchmark's HTML report have in common."""

from __future__ import annotations

from markupsafe import Markup

from argqual.benchmark.analysis.results import Results
from argqual.report.benchmark.charts import swatch
from argqual.report.benchmark.html_tables import exact
from argqual.report.benchmark.tables import table_of
from argqual.report.markup import joined, tag


def under(results: Results, *names: str) -> Markup:
    """The exact tables below a chart."""
    tables = [table for name in names if (table := table_of(results, name))]
    return joined(*(exact(table) for table in tables))


def leading(*sentences: str) -> Markup:
    return tag("p", " ".join(sentences), class_="lead")


def named(results: Results, strategy: str) -> Markup:
    """A strategy with the marker of its family, and a word where it was chosen by test labels."""
    system = results.system(strategy)
    oracle = tag("span", "chosen by test labels", class_="tagged") if system.oracle else None
    return joined(swatch(system.family), tag("span", strategy, title=system.summary or None), oracle)
