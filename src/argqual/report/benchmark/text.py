"""The first page of a benchmark's report for a terminal: at most 80 columns, no colour needed, plain hyphens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from argqual.benchmark.analysis.results import ClaimFound, Contrast, Results
from argqual.report.benchmark.answer import answer_of, notes_of
from argqual.report.benchmark.words import (
    MINUS,
    NOTHING,
    averaged,
    facts,
    interval,
    number,
    p_value,
    percent,
    split_title,
    tested_where,
)
from argqual.report.plain import clean, paragraph, shortened
from argqual.stats.estimate import Estimate

_NAME = 18


def text(results: Results) -> str:
    """The answer, the strategies in and out of their domain, the paired differences, claims, and what to know."""
    return _plain("\n".join(_lines(results)))


def verdicts_text(claims: Sequence[ClaimFound]) -> str:
    """The claims, one after another."""
    if not claims:
        return "There are no claims in this benchmark."
    return _plain("\n".join(line for claim in claims for line in _claim(claim)))


def headlines_text(headlines: Sequence[tuple[str, str, ClaimFound | None]]) -> str:
    """Of several benchmarks (id, title, first claim): what became of each claim, or that it has not been run."""
    lines: list[str] = []
    for id, title, claim in headlines:
        lines.append(paragraph(f"{id}: {title}", hanging=2))
        if claim is None:
            lines.append("  NOT RUN YET")
        else:
            lines += _claim(claim)
    return _plain("\n".join(lines))


def _plain(page: str) -> str:
    """A terminal's font has a hyphen for certain; not so the minus and the dash."""
    return page.replace(MINUS, "-").replace(NOTHING, "-")


def _lines(results: Results) -> Iterator[str]:
    metric = results.metric(results.headline)
    yield paragraph(results.title)
    yield paragraph(", ".join(facts(results)))
    yield ""
    answer = answer_of(results)
    yield paragraph(answer.sentence)
    for each in answer.details:
        yield paragraph(each)
    yield ""
    yield paragraph(f"{metric.title}, {averaged(results)}; out: {split_title(results.split)}")
    yield f"{'':{_NAME}}{'out':>6}  {'95 % interval':14}{'in':>6}{'gap':>7}{'kept':>7}  {'worst domain':12}{'ok':>6}"
    yield from _transfers(results)
    if any(each.name == "sensitivity" for each in results.probes):
        yield ""
        yield from _substance(results)
    for baseline in results.baselines:
        rows = [each for each in results.contrasts if each.other == baseline and each.split == results.split]
        rows = [each for each in rows if each.metric == results.headline] or rows
        if rows:
            yield ""
            yield from _contrasts(results, baseline, rows)
    if results.claims:
        yield ""
        yield "Claims"
        for claim in results.claims:
            yield from _claim(claim)
    if notes := notes_of(results):
        yield ""
        yield "Before you rely on this"
        yield from (paragraph(f"- {note}", indent=2, hanging=2) for note in notes)


def _transfers(results: Results) -> Iterator[str]:
    shares = {each.strategy: each.share for each in results.coverage}
    for system in results.ranked():
        found = results.transfer(system.name)
        if found is None:
            continue
        learns = system.learns
        home, gap = (found.inside.value, found.gap.value) if learns else (None, None)
        kept = percent(found.retention.value) if learns else NOTHING
        worst = f"{number(found.worst.value)} {shortened(clean(found.worst_domain or ''), 7)}"
        yield (
            f"{_name(system.name)}{number(found.outside.value):>6}  {interval(found.outside):14}"
            f"{number(home):>6}{number(gap, signed=True):>7}{kept:>7}  {worst:12}"
            f"{percent(shares.get(system.name)):>6}"
        )
        if found.outside.value is None and found.outside.reason:
            yield paragraph(found.outside.reason, indent=4)


def _substance(results: Results) -> Iterator[str]:
    """How often each sees what is broken, and what moves its ratings."""
    tests = [each for each in results.probes if each.broken is None]
    found: dict[tuple[str, str], Estimate] = {(each.strategy, each.name): each.estimate for each in tests}
    yield paragraph(
        "Sound arguments and their broken twins: how often the sound one is rated above (chance: .50); in standard "
        "deviations, how far ratings fall when something is broken, and move by polish alone"
    )
    yield f"{'':{_NAME}}{'above':>6}  {'95 % interval':14}{'fall':>6}  {'95 % interval':16}{'polish moves':>12}"
    for system in results.ranked():
        own = {name: estimate for (strategy, name), estimate in found.items() if strategy == system.name}
        if above := own.get("sensitivity"):
            fall, moves = own["substance"], own["style_moves"]
            yield (
                f"{_name(system.name)}{number(above.value):>6}  {interval(above):14}"
                f"{number(fall.value, signed=True):>6}  {interval(fall, signed=True):16}{number(moves.value):>12}"
            )


def _contrasts(results: Results, baseline: str, rows: list[Contrast]) -> Iterator[str]:
    title = results.metric(rows[0].metric).title
    yield paragraph(f"Minus {baseline}, on the same arguments ({title}, {tested_where(results)})")
    yield f"{'':{_NAME}}{'diff.':>6}  {'95 % interval':16}{'p (Holm)':>9}{'detectable':>12}"
    for each in sorted(rows, key=lambda row: -9 if row.estimate.value is None else row.estimate.value, reverse=True):
        yield (
            f"{_name(each.one)}{number(each.estimate.value, signed=True):>6}  "
            f"{interval(each.estimate, signed=True):16}{p_value(each.holm):>9}{number(each.mde):>12}"
        )


def _claim(claim: ClaimFound) -> Iterator[str]:
    exploratory = " (exploratory)" if claim.exploratory else ""
    yield paragraph(f"{claim.outcome.upper()}{exploratory}: {claim.says}", indent=2, hanging=2)
    for words in (claim.because, *claim.warnings):
        yield paragraph(words, indent=4)


def _name(strategy: str) -> str:
    return f"{shortened(clean(strategy), _NAME - 1):{_NAME}}"
