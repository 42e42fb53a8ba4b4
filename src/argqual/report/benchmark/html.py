"""A benchmark's results as one HTML file that opens from disk: no network, no script, nothing beside it.

The answer comes first, then charts, and the exact tables under each. The page forbids itself scripts and every
address (Content-Security-Policy), so a text that gets into it can do nothing; all text is escaped besides.
"""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from argqual.benchmark.analysis.results import Results
from argqual.report.benchmark import words
from argqual.report.benchmark.answer import answer_of, notes_of
from argqual.report.benchmark.sections import excludes_zero, sections_of
from argqual.report.benchmark.tables import tables_of, written
from argqual.report.plain import clean
from argqual.stats.estimate import Estimate
from argqual.strategies.registry import Family

_SHADES = 6


def html(results: Results) -> str:
    """The whole file, from `templates/report.html`, without control and direction characters."""
    template = _templates().get_template("report.html")
    page = template.render(
        results=results,
        answer=answer_of(results),
        notes=list(notes_of(results)),
        facts=words.facts(results),
        metric=results.metric(results.headline),
        where=words.tested_where(results),
        split=results.split.heading,
        averaged=words.averaged(results),
        texts=any(each.text for each in results.disagreements),
        lacking=any(each.share < 1 or each.degenerate for each in results.coverage),
        baselines=words.listed(results.baselines),
        sections=sections_of(results),
        tables={table.name: table for table in tables_of(results)},
    )
    return clean(page)


@cache
def _templates() -> Environment:
    found = Environment(
        loader=PackageLoader("argqual.report.benchmark"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    drawn = (words.number, words.interval, words.figure, words.rests_on, written, excludes_zero, _shade)
    found.filters |= {each.__name__.strip("_"): each for each in drawn}
    found.filters |= {"place": "{:.2f}%".format, "pixels": "{:.1f}".format}
    found.tests["figure"] = lambda cell: isinstance(cell, Estimate)
    found.globals["families"] = {family.value: family.heading for family in Family}
    return found


def _shade(value: float) -> str:
    """The class of the style sheet that colours a figure: above or below 0, from 0 to 5."""
    return f"{'below' if round(value, 2) < 0 else 'above'}{min(int(abs(value) * _SHADES / 0.6), _SHADES - 1)}"
