"""The sections of a benchmark's HTML report on style and substance; each is None where its part was not measured."""

from __future__ import annotations

from markupsafe import Markup

from argqual.benchmark.analysis.results import Results
from argqual.benchmark.running.perturbations import INJECTIONS, SURFACE
from argqual.report.benchmark.html_tables import heat_table
from argqual.report.benchmark.parts import leading, named, under
from argqual.report.benchmark.words import PROBE_TITLES
from argqual.report.markup import joined, tag
from argqual.stats.resampling import Estimate

_PROBED = (
    "sensitivity",
    "substance",
    "substance_moves",
    "style_moves",
    "style",
    "style_minus_substance",
    "style_over_substance",
    "order_effect",
    "turned_by_order",
)


def probes(results: Results) -> Markup | None:
    """What constructed arguments show, a row a strategy."""
    tests = [each for each in results.probes if each.broken is None]
    found: dict[tuple[str, str], Estimate] = {(each.strategy, each.name): each.estimate for each in tests}
    if not found:
        return None
    names = [name for name in _PROBED if any(own == name for _, own in found)]
    rows: list[tuple[object, list[tuple[Estimate | None, bool]]]] = [
        (named(results, system.name), [(found.get((system.name, name)), False) for name in names])
        for system in results.ranked()
        if any(strategy == system.name for strategy, _ in found)
    ]
    lead = leading(
        "Arguments that were written in versions: sound, or with one criterion broken, each in a plain and a polished "
        "style. Substance sensitivity is how often the sound version is rated above its broken twin (chance: .50). "
        "The others are in standard deviations of a strategy's ratings: how far they fall, or move either way, when "
        "something is broken; how far they move, or rise, by polish alone; and the one kind of move as a share of the "
        "other. The effect of standing first, for strategies that compare, is what it adds to the probability of a "
        "win; turned by the order are the comparisons whose winner is another when the other argument stands first.",
    )
    titles = [PROBE_TITLES[name] for name in names]
    heads = [tag("span", title) for title in titles]
    table = heat_table("Style or substance", "strategy", heads, titles, [(None, rows)])
    return joined(lead, table, under(results, "probes"))


def specificity(results: Results) -> Markup | None:
    """Which criterion was broken, and which ratings fell."""
    own = [each for each in results.probes if each.name == "specificity"]
    if not own:
        return None
    rated = list(dict.fromkeys(each.rated or "" for each in own))
    groups: list[tuple[Markup | None, list[tuple[object, list[tuple[Estimate | None, bool]]]]]] = []
    for strategy in dict.fromkeys(each.strategy for each in own):
        found = {(each.broken, each.rated): each.estimate for each in own if each.strategy == strategy}
        rows: list[tuple[object, list[tuple[Estimate | None, bool]]]] = [
            (broken, [(found.get((broken, name)), broken == name) for name in rated])
            for broken in dict.fromkeys(broken or "" for broken, _ in found)
        ]
        groups.append((named(results, strategy), rows))
    lead = leading(
        "Rows say which criterion was broken, columns how far the rating of a criterion fell, in its standard "
        "deviations. A judge that knows its criteria has its falls in the frames.",
    )
    heads = [tag("span", each) for each in rated]
    return joined(lead, heat_table("Which rating falls", "broken", heads, rated, groups, signed=True))


def reliance(results: Results) -> Markup | None:
    """How far the order of predictions survives a change of the surface."""
    kinds = [kind for kind in SURFACE if any(each.perturbation == kind for each in results.reliance)]
    if not kinds:
        return None
    rows: list[tuple[object, list[tuple[Estimate | None, bool]]]] = []
    for system in results.ranked():
        found = {each.perturbation: each.kept for each in results.reliance if each.strategy == system.name}
        if found:
            rows.append((named(results, system.name), [(found.get(kind), False) for kind in kinds]))
    lead = leading(
        "Spearman's correlation of predictions for texts as they are with those for the same texts changed. A text "
        "whose words are shuffled argues nothing any more: whoever still keeps the order (near 1) goes by which words "
        "there are, or how many. A text without its function words argues much the same, in worse style: whoever "
        "changes the order there goes by the style.",
    )
    heads = [tag("span", each) for each in kinds]
    table = heat_table("Order kept when the surface is changed", "strategy", heads, kinds, [(None, rows)])
    return joined(lead, table, under(results, "reliance"))


def injections(results: Results) -> Markup | None:
    """What a text gains that asks for a better rating."""
    kinds = [kind for kind in INJECTIONS if any(each.perturbation == kind for each in results.reliance)]
    if not kinds:
        return None
    rows: list[tuple[object, list[tuple[Estimate | None, bool]]]] = []
    for system in results.ranked():
        found = {each.perturbation: each.rise for each in results.reliance if each.strategy == system.name}
        if found:
            rows.append((named(results, system.name), [(found.get(kind), False) for kind in kinds]))
    lead = leading(
        "How far ratings rise, in their standard deviations, when a text says at its end that it deserves full marks, "
        "or orders the assessor to give them. It argues nothing more than before.",
    )
    heads = [tag("span", each) for each in kinds]
    table = heat_table("Can it be talked to?", "strategy", heads, kinds, [(None, rows)], signed=True)
    return joined(lead, table, under(results, "reliance"))
