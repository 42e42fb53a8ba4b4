"""A benchmark's results as Markdown: the answer, what to know before relying on it, and the tables."""

from collections.abc import Iterable, Iterator

from argqual.benchmark.analysis.results import Results
from argqual.report.benchmark.answer import answer_of, notes_of
from argqual.report.benchmark.tables import Cell, Table, tables_of, written
from argqual.report.benchmark.words import facts, figure, listed, rests_on
from argqual.report.plain import as_markdown
from argqual.stats.estimate import Estimate


def markdown(results: Results) -> str:
    """The whole report; what only a machine would read to the end is left to the CSV files."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: Results) -> Iterator[str]:
    yield f"# {as_markdown(results.title)}"
    yield ""
    answer = answer_of(results)
    yield f"**{as_markdown(answer.sentence)}**"
    for each in answer.details:
        yield f"\n{as_markdown(each)}"
    yield ""
    yield as_markdown(f"{', '.join(facts(results))}. Target: {results.target}. Started {results.methods.started}.")
    if results.claims:
        yield "\n## Claims\n"
        for claim in results.claims:
            added = " (exploratory: added after the run had started)" if claim.exploratory else ""
            yield f"- **{claim.outcome.capitalize()}**{added}: {as_markdown(claim.says)} {as_markdown(claim.because)}"
            yield from (f"  - {as_markdown(warning)}" for warning in claim.warnings)
    if notes := list(notes_of(results)):
        yield "\n## Before you rely on this\n"
        yield from (f"- {as_markdown(note)}" for note in notes)
    for table in tables_of(results):
        if not table.long and table.name not in ("claims", "sources"):
            yield from _table(table)
    yield from _texts(results)
    yield from _methods(results)


def _table(table: Table) -> Iterator[str]:
    yield f"\n## {as_markdown(table.title)}\n"
    if any(table.figures):
        yield "Each figure with its 95 % interval and what it rests on.\n"
    yield _row(table.columns)
    yield f"| {' | '.join('---' if left else '---:' for left in table.words)} |"
    for row in table.rows:
        yield _row([_written(cell, signed=table.signed) for cell in row])
    if table.note:
        yield f"\n{as_markdown(table.note)}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(map(as_markdown, cells))} |"


def _written(cell: Cell, *, signed: bool) -> str:
    return f"{figure(cell, signed=signed)}; {rests_on(cell)}" if isinstance(cell, Estimate) else written(cell)


def _texts(results: Results) -> Iterator[str]:
    shown = [each for each in results.disagreements if each.text]
    if shown:
        yield "\n## The worst disagreements, with their texts"
    for each in shown:
        ranks = f"strategy {100 * each.predicted:.0f}, people {100 * each.label:.0f}"
        yield f"\n**{as_markdown(each.strategy)}**, {as_markdown(each.corpus)} {as_markdown(each.id)}: {ranks}\n"
        yield f"> {as_markdown(each.text or '')}"
        if each.rationale:
            yield f"\nThe model's reason: {as_markdown(each.rationale)}"


def _methods(results: Results) -> Iterator[str]:
    said = results.methods
    yield "\n## Methods\n"
    yield f"- Intervals: {as_markdown(said.interval)}, {said.draws:,} draws, seed {said.seed}"
    yield f"- Model and prompt selection: {as_markdown(said.selection.replace('_', ' '))}"
    yield f"- Baselines: {as_markdown(listed(results.baselines))}"
    yield f"- Configuration: `{said.fingerprint}`; when the run started: `{said.run_fingerprint}`"
    versions = (f"{name} {version}" for name, version in said.versions.items())
    yield f"- {as_markdown(', '.join((f'argqual {said.argqual}', *versions)))}"
    yield from (f"- {as_markdown(each)}" for each in said.details)
    if results.sources:
        yield "\n## Licences and citations\n"
    for each in results.sources:
        alike = " What is made from it carries the same licence." if each.share_alike else ""
        rights = f" {each.licence}. {each.terms}{alike}" if each.licence else ""
        yield f"- {each.kind} **{as_markdown(each.id)}** {as_markdown(f'{each.title} {each.fingerprint}.{rights}')}"
        yield from (f"  - {as_markdown(citation)}" for citation in each.citations)
