"""How a benchmark's figures are written: numbers as papers write them, and phrases that recur."""

from collections.abc import Iterable

from argqual.benchmark.analysis.figures import Contrast
from argqual.benchmark.analysis.results import Results
from argqual.benchmark.spec.vocabulary import Split
from argqual.stats.estimate import Estimate, decimal

NOTHING = "\N{EN DASH}"


def number(value: float | None, *, signed: bool = False, digits: int = 2) -> str:
    """As papers write it; a dash for what is not there."""
    return NOTHING if value is None else decimal(value, digits=digits, signed=signed)


def interval(estimate: Estimate, *, signed: bool = False) -> str:
    """The ends of the 95 % interval, or nothing where there is none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{number(estimate.low, signed=signed)} to {number(estimate.high, signed=signed)}"


def figure(estimate: Estimate, *, signed: bool = False) -> str:
    """`.41 (.30 to .48)`; a dash where it could not be had."""
    ends = interval(estimate, signed=signed)
    return number(estimate.value, signed=signed) + (f" ({ends})" if ends else "")


def rests_on(estimate: Estimate) -> str:
    """What a figure is of: how many arguments, how many of those offered, how many topics; and why it is missing."""
    part = f"{percent(estimate.coverage)} of {estimate.offered:,}" if estimate.n != estimate.offered else None
    topics = None if estimate.clusters is None else f"{estimate.clusters} topics"
    return ", ".join(filter(None, (f"n = {estimate.n:,}", part, topics, estimate.reason)))


def best_first(rows: Iterable[Contrast], *, higher_is_better: bool) -> list[Contrast]:
    """Differences in a metric, the best first, of which the least is best where lower is better; those without last."""

    def place(row: Contrast) -> tuple[bool, float]:
        value = row.estimate.value or 0.0
        return row.estimate.value is None, -value if higher_is_better else value

    return sorted(rows, key=place)


def percent(share: float | None) -> str:
    """Whole percent; never 100 while something is missing, nor 0 while something is there."""
    if share is None:
        return NOTHING
    whole = 99 if 0.99 < share < 1 else 1 if 0 < share < 0.01 else round(100 * share)
    return f"{whole} %"


def p_value(p: float | None) -> str:
    return NOTHING if p is None else "< .001" if p < 0.001 else number(p, digits=3)


def seconds(value: float | None) -> str:
    """A time in the unit that people would use."""
    if value is None:
        return NOTHING
    if value < 0.000995:
        return f"{1e6 * value:.2g} µs" if value < 0.0000995 else f"{1e6 * value:.0f} µs"
    if value < 0.995:
        return f"{1000 * value:.2g} ms" if value < 0.0995 else f"{1000 * value:.0f} ms"
    if value < 120:
        return f"{value:.3g} s"
    return f"{value / 60:.0f} min" if value < 5400 else f"{value / 3600:.1f} h"


def listed(words: Iterable[str], last: str = "and") -> str:
    """`a, b and c`."""
    given = list(words)
    return f"{', '.join(given[:-1])} {last} {given[-1]}" if len(given) > 1 else "".join(given)


def tested_where(results: Results) -> str:
    """Where the report's figures are from: elsewhere than trained, unless there was no elsewhere."""
    return "in domain" if results.split is Split.IN_DOMAIN else "out of domain"


def domain_count(results: Results) -> str:
    return f"{len(results.domains)} domain{'' if len(results.domains) == 1 else 's'}"


def averaged(results: Results) -> str:
    """What the report's figures out of domain are taken over."""
    if results.split is Split.LEAVE_ONE_TYPE_OUT:
        return "over all types of argument at once"
    return f"as a mean over {domain_count(results)}"


def facts(results: Results) -> tuple[str, ...]:
    """How large the benchmark was, in a few phrases."""
    methods = results.methods
    arguments = sum(domain.arguments for domain in results.domains)
    topics = sum(domain.topics for domain in results.domains)
    sizes = (f"{arguments:,} arguments", f"{topics:,} topics")
    done = f"{methods.cells_done:,} of" if methods.cells_done < methods.cells else "all"
    return f"{len(results.systems)} strategies", domain_count(results), *sizes, f"{done} {methods.cells:,} cells done"
