"""The sections of a benchmark's HTML report; each is None where its part was not measured."""

from __future__ import annotations

import math

from markupsafe import Markup

from argqual.benchmark.analysis.results import Bias, Contrast, Results, Transfer
from argqual.report.benchmark.charts import (
    Axis,
    Frame,
    Mark,
    Point,
    axis_over,
    axis_row,
    curve,
    reliability,
    row,
    scatter,
    swatch,
)
from argqual.report.benchmark.html_tables import heat_table, plot_table
from argqual.report.benchmark.parts import leading, named, under
from argqual.report.benchmark.tables import cost_of
from argqual.report.benchmark.views import ladder, matrix_rows
from argqual.report.benchmark.words import (
    FAMILIES,
    NOTHING,
    averaged,
    figure,
    interval,
    number,
    p_value,
    percent,
    rung_title,
    seconds,
    split_title,
    tested_where,
)
from argqual.report.markup import joined, tag
from argqual.stats.resampling import Estimate


def named_with_reason(results: Results, strategy: str, found: Estimate) -> Markup:
    """The same, and below it why there is no figure, or no interval."""
    return joined(named(results, strategy), tag("small", found.reason) if found.reason else None)


def _legend(results: Results) -> Markup:
    families = dict.fromkeys(system.family for system in results.systems)
    shown = (tag("span", swatch(family), FAMILIES.get(family, family)) for family in families)
    return tag("p", *shown, class_="legend")


def transfer(results: Results) -> Markup | None:
    """In-domain against out-of-domain, a row a strategy."""
    rows = [found for each in results.ranked() if (found := results.transfer(each.name)) is not None]
    if not rows:
        return None
    metric = results.metric(results.headline)
    shown = [estimate for each in rows for estimate in (each.inside, each.outside)]
    axis = axis_over(end for each in shown for end in (each.value, each.low, each.high))
    plots = []
    for each in rows:
        learns = results.system(each.strategy).learns
        marks = [Mark(each.inside, "inside", False)] if learns else []
        marks.append(Mark(each.outside, "outside"))
        title = f"{each.strategy}: {tested_where(results)} {figure(each.outside)}" + (
            f", in domain {figure(each.inside)}" if learns else ""
        )
        plots.append(
            (
                named_with_reason(results, each.strategy, each.outside),
                row(axis, title, marks, worst=each.worst.value),
                _facts(results, each),
            )
        )
    lead = leading(
        f"{metric.title}, {averaged(results)}, with 95 % intervals.",
        f"The filled circle is out of domain ({split_title(results.split)}), the open diamond in domain, on the same "
        "arguments; the cross is the worst domain. Strategies that do not learn from labels have one figure.",
    )
    chart = plot_table(
        f"{metric.title} in and out of domain",
        "Strategy",
        axis_row(axis),
        axis,
        ("Out of domain", "In domain", "Gap", "Kept", "Worst domain", "Covered"),
        plots,
    )
    return joined(lead, _legend(results), chart, under(results, "transfer"))


def _facts(results: Results, found: Transfer) -> list[object]:
    cover = next((each.share for each in results.coverage if each.strategy == found.strategy), None)
    learns = results.system(found.strategy).learns
    kept = percent(found.retention.value)
    worst = joined(number(found.worst.value), " ", tag("small", found.worst_domain or ""))
    if not learns:
        return [_figure(found.outside), NOTHING, NOTHING, NOTHING, worst, percent(cover)]
    return [_figure(found.outside), _figure(found.inside), _figure(found.gap, signed=True), kept, worst, percent(cover)]


def _figure(found: Estimate, *, signed: bool = False) -> Markup:
    ends = interval(found, signed=signed)
    value = tag("span", number(found.value, signed=signed), class_="value")
    return joined(value, tag("small", ends) if ends else None)


def differences(results: Results) -> Markup | None:
    """A forest plot for each baseline."""
    found = [each for each in results.contrasts if each.split == results.split]
    if not found:
        return None
    lead = leading(
        f"{tested_where(results).capitalize()} ({split_title(results.split)}), strategy minus baseline on the same "
        "arguments, with 95 % intervals that resample topics. A filled circle has an interval that excludes 0; p is "
        "adjusted over the rows (Holm). Detectable: the smallest difference that this run would have found with 80 % "
        "power.",
    )
    groups: dict[tuple[str, str], list[Contrast]] = {}
    for each in found:
        groups.setdefault((each.other, each.metric), []).append(each)
    charts = (_forest(results, baseline, metric, rows) for (baseline, metric), rows in groups.items())
    return joined(lead, *charts, under(results, "contrasts"))


def _forest(results: Results, baseline: str, name: str, rows: list[Contrast]) -> Markup:
    metric = results.metric(name)
    heading = tag("h3", f"{metric.title}, against {baseline}")
    shown = [each.estimate for each in rows]
    axis = axis_over(end for each in shown for end in (each.value, each.low, each.high))
    ends = (f"worse than {baseline}", f"better than {baseline}")
    table = plot_table(
        f"{metric.title}: difference to {baseline}",
        "Strategy",
        axis_row(axis, signed=True),
        axis,
        ("Difference", "p (Holm)", "Detectable"),
        [
            (named_with_reason(results, each.one, each.estimate), _forest_row(axis, each), _contrast_facts(each))
            for each in sorted(rows, key=_by_value, reverse=metric.higher_is_better)
        ],
        ends=ends if metric.higher_is_better else (ends[1], ends[0]),
    )
    return joined(heading, table)


def _by_value(contrast: Contrast) -> float:
    return -math.inf if contrast.estimate.value is None else contrast.estimate.value


def _forest_row(axis: Axis, each: Contrast) -> Markup:
    title = f"{each.one} minus {each.other}: {figure(each.estimate, signed=True)}, Holm p {p_value(each.holm)}"
    return row(axis, title, [Mark(each.estimate, "outside", _excludes_zero(each.estimate))])


def _excludes_zero(found: Estimate) -> bool:
    return found.low is not None and found.high is not None and (found.low > 0 or found.high < 0)


def _contrast_facts(each: Contrast) -> list[object]:
    return [_figure(each.estimate, signed=True), p_value(each.holm), number(each.mde)]


def matrix(results: Results) -> Markup | None:
    """Each strategy trained on each domain, tested on each domain."""
    domains = [domain.id for domain in results.domains]
    groups: list[tuple[Markup | None, list[tuple[object, list[tuple[Estimate | None, bool]]]]]] = []
    for system in results.ranked():
        rows: list[tuple[object, list[tuple[Estimate | None, bool]]]] = []
        for trained_on, found in matrix_rows(results, system.name):
            cells = [(found[id].estimate if id in found else None, trained_on == id) for id in domains]
            rows.append((trained_on, cells))
        if not system.learns:
            rows = [(joined(named(results, system.name), tag("small", "not trained")), cells) for _, cells in rows]
        if rows:
            groups.append((named(results, system.name) if system.learns else None, rows))
    if not groups:
        return None
    metric = results.metric(results.headline)
    heads = [joined(each.id, tag("small", f"n {each.arguments:,}, {each.topics} topics")) for each in results.domains]
    lead = leading(
        f"{metric.title}. Rows say where a strategy was trained, columns where it was tested; a framed cell is in "
        "domain, on topics that training did not have. The stronger the colour and the longer the bar below the "
        "number, the higher the figure; a hollow bar has an interval that includes 0.",
    )
    table = heat_table(f"{metric.title}: trained on, tested on", "trained on", heads, domains, groups)
    return joined(lead, table, under(results, "matrix"))


def ladder_of_distance(results: Results) -> Markup | None:
    rungs, found = ladder(results)
    if len(rungs) < 2:
        return None
    metric = results.metric(results.headline)
    rows: list[tuple[object, list[tuple[Estimate | None, bool]]]] = []
    for system in results.ranked():
        if any((system.name, rung) in found for rung in rungs):
            scores = [found.get((system.name, rung)) for rung in rungs]
            cells = [(None if each is None else each.estimate, False) for each in scores]
            rows.append((named(results, system.name), cells))
    heads = [tag("span", rung_title(rung)) for rung in rungs]
    lead = leading(
        f"{metric.title} by how far training was from testing: other topics of the same corpus; another corpus of the "
        "same genre and construct; another genre; another construct. Each column is a mean over the tested domains "
        "that have such a distance, so columns may differ in their domains too.",
    )
    titles = [rung_title(rung) for rung in rungs]
    table = heat_table(f"{metric.title} by distance", "strategy", heads, titles, [(None, rows)])
    return joined(lead, table, under(results, "ladder"))


def budgets(results: Results) -> Markup | None:
    """A small chart a strategy, all on one scale, the others behind it."""
    metric = results.metric(results.headline)
    lines: dict[str, list[tuple[int, Estimate]]] = {}
    for each in results.select(split="label_budget", metric=results.headline, tested_on=None):
        if each.budget is not None:
            lines.setdefault(each.strategy, []).append((each.budget, each.estimate))
    lines = {name: sorted(line, key=lambda point: point[0]) for name, line in lines.items()}
    steps = sorted({budget for line in lines.values() for budget, _ in line})
    if len(steps) < 2:
        return None
    shown = [found for line in lines.values() for _, found in line]
    y = axis_over(end for found in shown for end in (found.value, found.low, found.high))
    frame = Frame(Axis(tuple(map(float, range(len(steps))))), y, 170, tuple(f"{step:,}" for step in steps))
    placed = {name: [(float(steps.index(b)), found) for b, found in line] for name, line in lines.items()}
    charts = []
    for system in results.ranked():
        if system.name not in placed:
            continue
        points = placed[system.name]
        said = ", ".join(f"{steps[int(x)]:,} labels {figure(found)}" for x, found in points)
        others = [line for name, line in placed.items() if name != system.name]
        picture = curve(frame, f"{system.name}: {said}", points, others)
        caption = joined(named(results, system.name), tag("small", "labels of the tested domain"))
        charts.append(tag("figure", tag("figcaption", caption), picture))
    lead = leading(
        f"{metric.title} as labels of the tested domain, from other topics than those tested, are added to training. "
        "Bars are 95 % intervals; the other strategies stand behind in grey.",
    )
    return joined(lead, tag("div", *charts, class_="multiples"), under(results, "budgets"))


def costs(results: Results) -> Markup | None:
    points = []
    metric = results.metric(results.headline)
    known = [(each, cost_of(results, each.name), results.transfer(each.name)) for each in results.ranked()]
    for place, (system, cost, found) in enumerate(known, start=1):
        if cost is None or cost.seconds_each is None or found is None or found.outside.value is None:
            continue
        spent = f"{seconds(cost.seconds_each)} an argument"
        name = f"{place} {system.name}: {figure(found.outside)}, {spent}"
        x = math.log10(max(cost.seconds_each, 1e-6))
        points.append(Point(x, found.outside, str(place), name, system.family))
    table = under(results, "costs")
    if len(points) < 2:
        return table or None
    low, high = math.floor(min(point.x for point in points)), math.ceil(max(point.x for point in points))
    ticks = tuple(float(power) for power in range(low, max(high, low + 1) + 1))
    y = axis_over(end for point in points for end in (point.found.value, point.found.low, point.found.high))
    labels = tuple("" if len(ticks) > 6 and place % 2 else seconds(10**tick) for place, tick in enumerate(ticks))
    frame = Frame(Axis(ticks), y, 300, labels)
    title = f"{metric.title} {tested_where(results)} against seconds an argument, of {len(points)} strategies"
    key = (tag("li", named(results, system.name), tag("small", _spent(results, system.name))) for system, _, _ in known)
    lead = leading(
        f"{metric.title} {tested_where(results)} (up) against seconds an argument, on a logarithmic scale (right: "
        "slower). Numbers are those of the list; up and to the left is better.",
    )
    picture = tag("figure", scatter(frame, title, points), class_="wide")
    return joined(lead, _legend(results), picture, tag("ol", *key, class_="key"), table)


def _spent(results: Results, strategy: str) -> str:
    cost = cost_of(results, strategy)
    if cost is None:
        return "not measured"
    said = [f"{seconds(cost.seconds_each)} an argument"] if cost.seconds_each is not None else []
    if cost.requests:
        said.append(f"{cost.requests:,} requests")
    if cost.input_tokens:
        said.append(f"{cost.input_tokens / cost.arguments:,.0f} tokens in" if cost.arguments else "")
    if cost.usd:
        said.append(f"${1000 * cost.usd / cost.arguments:,.2f} a thousand")
    if labels := results.system(strategy).labels:
        said.append(f"{labels:,} labels")
    return ", ".join(filter(None, said)) or "not measured"


def calibration(results: Results) -> Markup | None:
    if not results.reliability:
        return None
    charts = []
    for each in results.reliability:
        if not each.bins:
            continue
        title = f"{each.strategy}: expected calibration error {figure(each.error)}, {len(each.bins)} bins"
        caption = joined(named(results, each.strategy), tag("small", f"error {figure(each.error)}"))
        charts.append(tag("figure", tag("figcaption", caption), reliability(title, each.bins)))
    lead = leading(
        "Mean label (up) against mean prediction (right), both from 0 to 1, in bins of as many predictions each. On "
        "the diagonal, predictions can be taken at their word; a flat line says little whatever it predicts.",
    )
    return joined(lead, tag("div", *charts, class_="multiples"), under(results, "calibration"))


def criteria(results: Results) -> Markup | None:
    if not results.criteria:
        return None
    domains = [each.id for each in results.domains]
    groups = []
    for strategy in dict.fromkeys(each.strategy for each in results.criteria):
        found = {
            (each.criterion, each.tested_on): each.estimate for each in results.criteria if each.strategy == strategy
        }
        rows: list[tuple[object, list[tuple[Estimate | None, bool]]]] = [
            (criterion, [(found.get((criterion, place)), False) for place in (None, *domains)])
            for criterion in dict.fromkeys(criterion for criterion, _ in found)
        ]
        groups.append((named(results, strategy), rows))
    metric = "Spearman's correlation"
    lead = leading(f"{metric} of each criterion's ratings with the target label ({results.target}).")
    heads = [tag("span", each) for each in ("mean", *domains)]
    table = heat_table(f"{metric} by criterion", "criterion", heads, ["mean", *domains], groups)
    return joined(lead, table, under(results, "criteria"))


def bias(results: Results) -> Markup | None:
    """Shifts by strategy and attribute, shaded."""
    if not results.biases:
        return None
    attributes = list(dict.fromkeys(_attribute(each) for each in results.biases))
    rows: list[tuple[object, list[tuple[Estimate | None, bool]]]] = []
    for system in results.ranked():
        found = {_attribute(each): each.estimate for each in results.biases if each.strategy == system.name}
        if found:
            rows.append((named(results, system.name), [(found.get(each), False) for each in attributes]))
    lead = leading(
        "How much higher (blue) or lower (orange, with a minus) predictions are than the labels explain (differential "
        "item functioning), in standard deviations of the predictions: for a domain against the mean of all; for "
        "longer texts, one standard deviation of the logarithm of words more; for a stance, con against pro; the last "
        "two within domains. A full bar has an interval that excludes 0; p values are in the table below. Domains rest "
        "on all annotators having used their scales alike; a strategy that is trained on other domains takes their "
        "mean along, and that shows here.",
    )
    heads = [tag("span", each) for each in attributes]
    table = heat_table("Shift at equal human quality", "strategy", heads, attributes, [(None, rows)], signed=True)
    return joined(lead, table, under(results, "bias"))


def _attribute(each: Bias) -> str:
    return f"stance: {each.attribute}" if each.kind == "stance" else each.attribute
