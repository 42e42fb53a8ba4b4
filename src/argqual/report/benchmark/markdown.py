"""A benchmark's results as Markdown: the answer, what to know before relying on it, and the tables."""

import re
from collections.abc import Iterable, Iterator

from argqual.benchmark.analysis.results import Results
from argqual.report.benchmark.answer import answer_of, notes_of
from argqual.report.benchmark.tables import Cell, Table, tables_of, written
from argqual.report.benchmark.words import facts, figure, listed, rests_on
from argqual.report.plain import clean
from argqual.stats.estimate import Estimate

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]<>#|~&])")
_ENTITY = re.compile(r"&(?=#?\w+;)")


def markdown(results: Results) -> str:
    """The whole report; what only a machine would read to the end is left to the CSV files."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: Results) -> Iterator[str]:
    yield f"# {_escaped(results.title)}"
    yield ""
    answer = answer_of(results)
    yield f"**{_escaped(answer.sentence)}**"
    for each in answer.details:
        yield f"\n{_escaped(each)}"
    yield ""
    yield _escaped(f"{', '.join(facts(results))}. Target: {results.target}. Started {results.methods.started}.")
    if results.claims:
        yield "\n## Claims\n"
        for claim in results.claims:
            added = " (exploratory: added after the run had started)" if claim.exploratory else ""
            yield f"- **{claim.outcome.capitalize()}**{added}: {_escaped(claim.says)} {_escaped(claim.because)}"
            yield from (f"  - {_escaped(warning)}" for warning in claim.warnings)
    if notes := list(notes_of(results)):
        yield "\n## Before you rely on this\n"
        yield from (f"- {_escaped(note)}" for note in notes)
    for table in tables_of(results):
        if not table.long and table.name not in ("claims", "sources"):
            yield from _table(table)
    yield from _texts(results)
    yield from _methods(results)


def _table(table: Table) -> Iterator[str]:
    yield f"\n## {_escaped(table.title)}\n"
    if any(table.figures):
        yield "Each figure with its 95 % interval and what it rests on.\n"
    yield _row(table.columns)
    yield f"| {' | '.join('---' if left else '---:' for left in table.words)} |"
    for row in table.rows:
        yield _row([_written(cell, signed=table.signed) for cell in row])
    if table.note:
        yield f"\n{_escaped(table.note)}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(map(_escaped, cells))} |"


def _written(cell: Cell, *, signed: bool) -> str:
    return f"{figure(cell, signed=signed)}; {rests_on(cell)}" if isinstance(cell, Estimate) else written(cell)


def _texts(results: Results) -> Iterator[str]:
    shown = [each for each in results.disagreements if each.text]
    if shown:
        yield "\n## The worst disagreements, with their texts"
    for each in shown:
        ranks = f"strategy {100 * each.predicted:.0f}, people {100 * each.label:.0f}"
        yield f"\n**{_escaped(each.strategy)}**, {_escaped(each.corpus)} {_escaped(each.id)}: {ranks}\n"
        yield f"> {_escaped(each.text or '')}"
        if each.rationale:
            yield f"\nThe model's reason: {_escaped(each.rationale)}"


def _methods(results: Results) -> Iterator[str]:
    said = results.methods
    yield "\n## Methods\n"
    yield f"- Intervals: {_escaped(said.interval)}, {said.draws:,} draws, seed {said.seed}"
    yield f"- Model and prompt selection: {_escaped(said.selection.replace('_', ' '))}"
    yield f"- Baselines: {_escaped(listed(results.baselines))}"
    yield f"- Configuration: `{said.fingerprint}`; when the run started: `{said.run_fingerprint}`"
    versions = (f"{name} {version}" for name, version in said.versions.items())
    yield f"- {_escaped(', '.join((f'argqual {said.argqual}', *versions)))}"
    yield from (f"- {_escaped(each)}" for each in said.details)
    if results.sources:
        yield "\n## Licences and citations\n"
    for each in results.sources:
        alike = " What is made from it carries the same licence." if each.share_alike else ""
        rights = f" {each.licence}. {each.terms}{alike}" if each.licence else ""
        yield f"- {each.kind} **{_escaped(each.id)}** {_escaped(f'{each.title} {each.fingerprint}.{rights}')}"
        yield from (f"  - {_escaped(citation)}" for citation in each.citations)


def _escaped(untrusted: str) -> str:
    """On one line, with nothing that Markdown, or the HTML it becomes, would take for its own."""
    return _ENTITY.sub(r"\&", _SPECIAL.sub(r"\\\1", " ".join(clean(untrusted).split())))


def unescaped(written: str) -> str:
    """The words that stand in Markdown of ours, as they were before."""
    return _ESCAPED.sub(r"\1", written)
