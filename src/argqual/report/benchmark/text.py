"""The first page of a benchmark's report for a terminal: at most 80 columns, no colour needed, plain hyphens."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from argqual.benchmark.analysis.figures import ClaimFound, Contrast
from argqual.benchmark.analysis.results import Results
from argqual.report.benchmark import words
from argqual.report.benchmark.answer import answer_of, notes_of
from argqual.report.benchmark.tables import probed
from argqual.report.plain import clean, paragraph, shortened
from argqual.stats.estimate import MINUS, Estimate

_TRANSFER = "{:18}{:>6}  {:14}{:>6}{:>7}{:>7}  {:12}{:>6}"
_SUBSTANCE = "{:18}{:>6}  {:14}{:>6}  {:16}{:>12}"
_CONTRAST = "{:18}{:>6}  {:16}{:>9}{:>12}"


def text(results: Results) -> str:
    """The answer, the strategies in and out of their domain, the paired differences, claims, and what to know."""
    return _plain("\n".join(_lines(results)))


def verdicts_text(claims: Sequence[ClaimFound]) -> str:
    if not claims:
        return "There are no claims in this benchmark."
    return _plain("\n".join(line for claim in claims for line in _claim(claim)))


def headlines_text(several: Sequence[tuple[str, str, Sequence[ClaimFound] | None]], folder: Path) -> str:
    """Of the benchmarks of a folder (id, title, claims): what became of the first claim of each, or that none was run.

    At its end, how many claims are not shown.
    """
    lines: list[str] = []
    for id, title, claims in several:
        lines.append(paragraph(f"{id}: {title}", hanging=2))
        if claims is None:
            lines.append("  NOT RUN YET")
        else:
            lines += _claim(claims[0]) if claims else ["  It makes no claim."]
    if more := sum(max(len(claims or ()) - 1, 0) for _, _, claims in several):
        others = f"There {'is' if more == 1 else 'are'} {more} more claim{'' if more == 1 else 's'}."
        how = f"To see all of one, name its file or folder in {folder}: argqual benchmark verdict"
        lines += ["", paragraph(f"This is the first claim of each. {others} {how}.")]
    return _plain("\n".join(lines))


def _plain(page: str) -> str:
    """A terminal's font has a hyphen for certain; not so the minus and the dash."""
    return page.replace(MINUS, "-").replace(words.NOTHING, "-")


def _lines(results: Results) -> Iterator[str]:
    metric = results.metric(results.headline)
    yield paragraph(results.title)
    yield paragraph(", ".join(words.facts(results)))
    yield ""
    answer = answer_of(results)
    yield paragraph(answer.sentence)
    for each in answer.details:
        yield paragraph(each)
    yield ""
    yield paragraph(f"{metric.title}, {words.averaged(results)}; out: {results.split.heading}")
    yield _TRANSFER.format("", "out", "95 % interval", "in", "gap", "kept", "worst domain", "ok")
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
    if notes := list(notes_of(results)):
        yield ""
        yield "Before you rely on this"
        yield from (paragraph(f"- {note}", indent=2, hanging=2) for note in notes)


def _transfers(results: Results) -> Iterator[str]:
    shares = {each.strategy: each.share for each in results.coverage}
    for system in results.ranked():
        found = results.transfer(system.name)
        if found is None:
            continue
        trained = (words.NOTHING,) * 3
        if system.learns:
            gap = words.number(found.gap.value, signed=True)
            trained = (words.number(found.inside.value), gap, words.percent(found.retention.value))
        worst = f"{words.number(found.worst.value)} {shortened(clean(found.worst_domain or ''), 7)}"
        share = words.percent(shares.get(system.name))
        yield _TRANSFER.format(_name(system.name), *_figure(found.outside), *trained, worst, share)
        if found.outside.value is None and found.outside.reason:
            yield paragraph(found.outside.reason, indent=4)


def _substance(results: Results) -> Iterator[str]:
    """How often each sees what is broken, and what moves its ratings."""
    found = probed(results)
    yield paragraph(
        "Sound arguments and their broken twins: how often the sound one is rated above (chance: .50); in standard "
        "deviations, how far ratings fall when something is broken, and move by polish alone"
    )
    yield _SUBSTANCE.format("", "above", "95 % interval", "fall", "95 % interval", "polish moves")
    for system in results.ranked():
        own: dict[str, Estimate] = {name: each for (strategy, name), each in found.items() if strategy == system.name}
        if above := own.get("sensitivity"):
            fall, moves = _figure(own["substance"], signed=True), words.number(own["style_moves"].value)
            yield _SUBSTANCE.format(_name(system.name), *_figure(above), *fall, moves)


def _contrasts(results: Results, baseline: str, rows: list[Contrast]) -> Iterator[str]:
    metric = results.metric(rows[0].metric)
    yield paragraph(f"Minus {baseline}, on the same arguments ({metric.title}, {words.tested_where(results)})")
    yield _CONTRAST.format("", "diff.", "95 % interval", "p (Holm)", "detectable")
    for each in words.best_first(rows, higher_is_better=metric.higher_is_better):
        found = _figure(each.estimate, signed=True)
        yield _CONTRAST.format(_name(each.one), *found, words.p_value(each.holm), words.number(each.mde))


def _claim(claim: ClaimFound) -> Iterator[str]:
    exploratory = " (exploratory)" if claim.exploratory else ""
    yield paragraph(f"{claim.outcome.upper()}{exploratory}: {claim.says}", indent=2, hanging=2)
    yield from (paragraph(said, indent=4) for said in (claim.because, *claim.warnings))


def _name(strategy: str) -> str:
    return shortened(clean(strategy), 17)


def _figure(found: Estimate, *, signed: bool = False) -> tuple[str, str]:
    return words.number(found.value, signed=signed), words.interval(found, signed=signed)
