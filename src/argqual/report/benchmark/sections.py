"""What the sections of a benchmark's HTML report show; each is left out where its part was not measured.

Only figures are gathered here: the words around them, and how they are drawn, are in `templates/`, a file a section.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

from argqual.benchmark.analysis.figures import Contrast, Disagreement, Transfer
from argqual.benchmark.analysis.results import MetricNamed, Results, SystemResult
from argqual.benchmark.running.perturbations import INJECTIONS, SURFACE
from argqual.benchmark.spec.vocabulary import FurtherTest, Perturbation, PerturbationTest
from argqual.report.benchmark import charts, words
from argqual.report.benchmark.tables import Figures, Found, Probed, by_system, cost_of, ladder, matrix_rows, probed
from argqual.stats.estimate import Estimate

_PROBED: tuple[Probed, ...] = (
    PerturbationTest.SENSITIVITY, PerturbationTest.SUBSTANCE, PerturbationTest.SUBSTANCE_MOVES,
    PerturbationTest.STYLE_MOVES, PerturbationTest.STYLE, PerturbationTest.STYLE_MINUS_SUBSTANCE,
    FurtherTest.STYLE_OVER_SUBSTANCE, FurtherTest.ORDER_EFFECT, FurtherTest.TURNED_BY_ORDER,
)  # fmt: skip


class Section(NamedTuple):
    """A section: its template is `sections/ID.html`, which draws `content`."""

    id: str
    title: str
    content: Any


def sections_of(results: Results) -> list[Section]:
    """Those of which something was measured."""
    drawn = (Section(id, title, gather(results)) for id, title, gather in SECTIONS)
    return [section for section in drawn if section.content]


# --- rows with a chart


class Shown(NamedTuple):
    """A number in a row, and what stands small below or beside it; `strong` where it is the row's own figure."""

    text: str
    small: str | None = None
    strong: bool = False


class PlotRow(NamedTuple):
    """A strategy, why it has no figure or no interval, its chart (`says` in words), and numbers beside that."""

    system: SystemResult
    reason: str | None
    says: str
    marks: list[charts.Mark]
    worst: float | None
    numbers: list[Shown]


@dataclass(frozen=True)
class Plot:
    """A row a strategy on one axis; of differences, to which baseline."""

    metric: MetricNamed
    axis: charts.Axis
    rows: list[PlotRow]
    baseline: str = ""


def _transfer(results: Results) -> Plot | None:
    rows = [found for each in results.ranked() if (found := results.transfer(each.name)) is not None]
    axis = charts.axis_over(estimate for each in rows for estimate in (each.inside, each.outside))
    metric = results.metric(results.headline)
    return Plot(metric, axis, [_transfer_row(results, each) for each in rows]) if rows else None


def _transfer_row(results: Results, found: Transfer) -> PlotRow:
    system, out, home = results.system(found.strategy), found.outside, found.inside
    cover = next((each.share for each in results.coverage if each.strategy == found.strategy), None)
    worst = Shown(words.number(found.worst.value), found.worst_domain or "")
    says = f"{found.strategy}: {words.tested_where(results)} {words.figure(out)}"
    marks, trained = [charts.Mark(out, "outside")], [Shown(words.NOTHING)] * 3
    if system.learns:
        says += f", in domain {words.figure(home)}"
        marks.insert(0, charts.Mark(home, "inside", False))
        trained = [_shown(home), _shown(found.gap, signed=True), Shown(words.percent(found.retention.value))]
    numbers = [_shown(out), *trained, worst, Shown(words.percent(cover))]
    return PlotRow(system, out.reason, says, marks, found.worst.value, numbers)


def _shown(found: Estimate, *, signed: bool = False) -> Shown:
    return Shown(words.number(found.value, signed=signed), words.interval(found, signed=signed) or None, strong=True)


def _differences(results: Results) -> list[Plot]:
    """A forest plot for each baseline and metric."""
    groups: dict[tuple[str, str], list[Contrast]] = defaultdict(list)
    for each in results.contrasts:
        if each.split == results.split:
            groups[each.other, each.metric].append(each)
    plots = []
    for (baseline, name), found in groups.items():
        metric, axis = results.metric(name), charts.axis_over(each.estimate for each in found)
        found = words.best_first(found, higher_is_better=metric.higher_is_better)
        plots.append(Plot(metric, axis, [_forest_row(results, each) for each in found], baseline))
    return plots


def _forest_row(results: Results, each: Contrast) -> PlotRow:
    found = each.estimate
    says = f"{each.one} minus {each.other}: {words.figure(found, signed=True)}, Holm p {words.p_value(each.holm)}"
    numbers = [_shown(found, signed=True), Shown(words.p_value(each.holm)), Shown(words.number(each.mde))]
    marks = [charts.Mark(found, "outside", excludes_zero(found))]
    return PlotRow(results.system(each.one), found.reason, says, marks, None, numbers)


def excludes_zero(found: Estimate) -> bool:
    """Whether there is an interval, and 0 lies outside of it."""
    return found.low is not None and found.high is not None and (found.low > 0 or found.high < 0)


# --- shaded tables


class HeatRow(NamedTuple):
    """A strategy or a word, and a figure a column; the one in the column `framed` has a frame."""

    head: SystemResult | str
    figures: Figures
    framed: str | None = None


@dataclass(frozen=True)
class Heat:
    """Figures shaded by their value, in groups of rows, which have a heading where they are of one strategy.

    `small` stands below each column's name.
    """

    columns: Sequence[str]
    groups: Sequence[tuple[SystemResult | None, list[HeatRow]]]
    small: Sequence[str] = ()


def _heat(results: Results, found: Found, columns: Mapping[Any, str] | Sequence[str]) -> Heat | None:
    """A row a strategy that is in `found`; `columns` are what it knows them by, and their titles where these differ."""
    rows = [HeatRow(system, figures) for system, figures in by_system(results, found, columns)]
    titles = list(columns.values()) if isinstance(columns, Mapping) else columns
    return Heat(titles, [(None, rows)]) if titles else None


def _matrix(results: Results) -> Heat | None:
    domains = [domain.id for domain in results.domains]
    groups: list[tuple[SystemResult | None, list[HeatRow]]] = []
    for system in results.ranked():
        rows = []
        for trained_on, found in matrix_rows(results, system.name):
            figures = [found[id].estimate if id in found else None for id in domains]
            rows.append(HeatRow(trained_on if system.learns else system, figures, trained_on))
        if rows:
            groups.append((system if system.learns else None, rows))
    small = [f"n {each.arguments:,}, {each.topics} topics" for each in results.domains]
    return Heat(domains, groups, small) if groups else None


def _ladder(results: Results) -> Heat | None:
    rungs, found = ladder(results)
    return _heat(results, found, {rung: rung.heading for rung in rungs}) if len(rungs) > 1 else None


def _criteria(results: Results) -> Heat | None:
    found = {(each.strategy, each.criterion, each.tested_on or "mean"): each.estimate for each in results.criteria}
    return _grouped(results, found, ["mean", *(domain.id for domain in results.domains)])


def _bias(results: Results) -> Heat | None:
    found = {
        (each.strategy, f"stance: {each.attribute}" if each.kind == "stance" else each.attribute): each.estimate
        for each in results.biases
    }
    return _heat(results, found, list(dict.fromkeys(attribute for _, attribute in found)))


def _probes(results: Results) -> Heat | None:
    found = probed(results)
    known = {name for _, name in found}
    return _heat(results, found, {name: name.heading for name in _PROBED if name in known})


def _specificity(results: Results) -> Heat | None:
    own = [each for each in results.probes if each.name == "specificity"]
    found = {(each.strategy, each.broken or "", each.rated or ""): each.estimate for each in own}
    return _grouped(results, found, list(dict.fromkeys(rated for _, _, rated in found)), framed=True)


def _grouped(
    results: Results, found: Mapping[tuple[str, str, str], Estimate], columns: Sequence[str], *, framed: bool = False
) -> Heat | None:
    """A group a strategy, of figures by strategy, row and column; `framed`: where row and column are the same."""
    rows: dict[str, list[HeatRow]] = defaultdict(list)
    for strategy, head in dict.fromkeys((strategy, head) for strategy, head, _ in found):
        figures = [found.get((strategy, head, column)) for column in columns]
        rows[strategy].append(HeatRow(head, figures, head if framed else None))
    return Heat(columns, [(results.system(strategy), own) for strategy, own in rows.items()]) if rows else None


def _reliance(results: Results) -> Heat | None:
    """How far the order of predictions survives a change of the surface."""
    return _changed(results, {(each.strategy, each.perturbation): each.kept for each in results.reliance}, SURFACE)


def _injections(results: Results) -> Heat | None:
    """What a text gains that asks for a better rating."""
    return _changed(results, {(each.strategy, each.perturbation): each.rise for each in results.reliance}, INJECTIONS)


def _changed(results: Results, found: Found, kinds: Iterable[Perturbation]) -> Heat | None:
    return _heat(results, found, [kind for kind in kinds if any(kind == known for _, known in found)])


# --- charts with two axes


def _budgets(results: Results) -> list[charts.Picture]:
    """A small chart a strategy, all on one scale, the others behind it."""
    scores = results.select(split="label_budget", metric=results.headline, tested_on=None)
    known = ((each.strategy, each.budget, each.estimate) for each in scores if each.budget is not None)
    found = sorted(known, key=itemgetter(1))
    steps = list(dict.fromkeys(budget for _, budget, _ in found))
    if len(steps) < 2:
        return []
    x, y = charts.Axis(tuple(map(float, range(len(steps))))), charts.axis_over(estimate for _, _, estimate in found)
    frame = charts.Axes(x, y, 170, tuple(f"{step:,}" for step in steps))
    lines: dict[str, list[charts.Point]] = defaultdict(list)
    said: dict[str, list[str]] = defaultdict(list)
    for strategy, budget, estimate in found:
        lines[strategy].append(charts.Point.of(steps.index(budget), estimate))
        said[strategy].append(f"{budget:,} labels {words.figure(estimate)}")
    pictures = []
    for name, system in ((each.name, each) for each in results.ranked() if each.name in lines):
        drawn = [charts.Line("other", line) for other, line in lines.items() if other != name]
        drawn.append(charts.Line("curve", lines[name]))
        title, caption = f"{name}: {', '.join(said[name])}", "labels of the tested domain"
        pictures.append(charts.Picture(title, frame, drawn, lines[name], system, caption))
    return pictures


class Costs(NamedTuple):
    """Quality against seconds, where two strategies or more have both; and what each strategy took, in words."""

    picture: charts.Picture | None
    key: list[tuple[SystemResult, str]]


def _costs(results: Results) -> Costs | None:
    ranked, points, shown = results.ranked(), [], []
    for place, system in enumerate(ranked, start=1):
        cost, transfer = cost_of(results, system.name), results.transfer(system.name)
        if cost is None or cost.seconds_each is None or transfer is None or transfer.outside.value is None:
            continue
        found = transfer.outside
        says = f"{place} {system.name}: {words.figure(found)}, {words.seconds(cost.seconds_each)} an argument"
        x = math.log10(max(cost.seconds_each, 1e-6))
        points.append(charts.Point.of(x, found)._replace(says=says, family=system.family, code=str(place)))
        shown.append(found)
    if len(points) < 2:
        return Costs(None, []) if results.costs else None
    low, high = math.floor(min(point.x for point in points)), math.ceil(max(point.x for point in points))
    ticks = tuple(float(power) for power in range(low, max(high, low + 1) + 1))
    labels = tuple("" if len(ticks) > 6 and place % 2 else words.seconds(10**tick) for place, tick in enumerate(ticks))
    frame = charts.Axes(charts.Axis(ticks), charts.axis_over(shown), 300, labels)
    metric = results.metric(results.headline).title
    title = f"{metric} {words.tested_where(results)} against seconds an argument, of {len(points)} strategies"
    picture = charts.Picture(title, frame, [], charts.labelled(frame, points))
    return Costs(picture, [(system, _spent(results, system)) for system in ranked])


def _spent(results: Results, system: SystemResult) -> str:
    cost = cost_of(results, system.name)
    if cost is None:
        return "not measured"
    said = [f"{words.seconds(cost.seconds_each)} an argument"] if cost.seconds_each is not None else []
    if cost.requests:
        said.append(f"{cost.requests:,} requests")
    if cost.input_tokens and cost.arguments:
        said.append(f"{cost.input_tokens / cost.arguments:,.0f} tokens in")
    if cost.usd and cost.arguments:
        usd = 1000 * cost.usd / cost.arguments
        said.append(f"{f'${usd:,.2f}' if usd >= 0.005 else 'under $0.01'} a thousand")
    if system.labels:
        said.append(f"{system.labels:,} labels")
    return ", ".join(said) or "not measured"


def _calibration(results: Results) -> list[charts.Picture]:
    return [
        charts.Picture(
            f"{each.strategy}: expected calibration error {words.figure(each.error)}, {len(each.bins)} bins",
            *charts.reliability_curve(each.bins),
            results.system(each.strategy),
            f"error {words.figure(each.error)}",
        )
        for each in results.reliability
        if each.bins
    ]


# --- single arguments, exact figures, and what all of it rests on


def _disagreements(results: Results) -> dict[str, list[Disagreement]]:
    """By strategy, the best first."""
    return {
        system.name: found
        for system in results.ranked()
        if (found := [each for each in results.disagreements if each.strategy == system.name])
    }


SECTIONS: tuple[tuple[str, str, Callable[[Results], Any]], ...] = (
    ("transfer", "In domain and out of domain", _transfer),
    ("differences", "Paired differences", _differences),
    ("matrix", "Trained on, tested on", _matrix),
    ("ladder", "Along the ladder of distance", _ladder),
    ("budgets", "What a few labels buy", _budgets),
    ("costs", "Quality against cost", _costs),
    ("calibration", "Calibration", _calibration),
    ("criteria", "Criterion by criterion", _criteria),
    ("bias", "Bias at equal human quality", _bias),
    ("probes", "Style or substance", _probes),
    ("specificity", "Which rating falls", _specificity),
    ("reliance", "What predictions go by", _reliance),
    ("injections", "Can it be talked to?", _injections),
    ("disagreements", "The worst disagreements", _disagreements),
    ("figures", "Every metric, and coverage", lambda it: it.select(split=it.split, tested_on=None) or it.coverage),
    ("data", "The data", lambda it: it.domains),
    ("missing", "What is missing", lambda it: it.missing),
    ("methods", "Methods, versions, hashes", lambda it: it.methods),
    ("sources", "Licences and citations", lambda it: it.sources),
)
