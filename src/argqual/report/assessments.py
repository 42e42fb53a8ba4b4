"""Assessments and comparisons as plain text for a terminal, and as Markdown.

Text stays within 80 columns and needs no colour; on a terminal that wants it
(`NO_COLOR` unset), what stands out is bold and what is missing is dim.
"""

import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import partial

from rich.cells import cell_len, chop_cells, set_cell_size

from argqual.assessment import Assessment, Rating, Status
from argqual.frameworks.framework import Criterion, Framework
from argqual.judging.calibration import note_on
from argqual.judging.compare import Comparison, Preference
from argqual.judging.parts import PartAssessment, SplitAssessment
from argqual.report.plain import WIDTH, as_markdown, clean, dollars

_NAME = 28
_LABEL = 16
_BAR = 10
_BLOCKS = " ▏▎▍▌▋▊▉█"
_WINNERS = {"a": "A", "b": "B", "undecided": "undecided"}


def text(assessment: Assessment, framework: Framework) -> str:
    """An assessment as a table: value, spread, bar and level of each criterion; reasons and quotes below it."""
    lines = [_bold(_fit(framework.title, WIDTH)), *map(_dim, _wrapped(_made_by(assessment), 0)), ""]
    if assessment.selected:
        lines += [*_wrapped(f"Kind of argument: {assessment.selected.name}", 0), ""]
    skipped = [rating for rating in assessment.ratings if rating.status is Status.SKIPPED]
    for rating, depth in _tree(assessment, framework.criteria):
        if rating.status is not Status.SKIPPED:
            lines += [_row(rating, depth), *_reasons(rating, 2 * depth + 2)]
    lines += ["-" * WIDTH, _bold(_row(assessment.overall, 0))]
    lines += _reasons(assessment.overall, 2) if assessment.overall.status is not Status.OK else []
    if skipped:
        lines += ["", *_wrapped(f"Not asked: {_because(skipped)}.", 0)]
    for note in assessment.notes:
        lines += _wrapped(f"Note: {note}.", 0)
    if said := note_on(assessment):
        lines += ["", *map(_dim, _wrapped(said, 0))]
    return "\n".join(lines)


def markdown(assessment: Assessment, framework: Framework) -> str:
    """An assessment as a Markdown table, with reasons and quotes below it."""
    lines = [f"### {as_markdown(framework.title)}", "", as_markdown(_made_by(assessment)), ""]
    if assessment.selected:
        lines += [f"Kind of argument: {as_markdown(assessment.selected.name)}", ""]
    lines += ["| criterion | value | 0–1 | level |", "| --- | ---: | ---: | --- |"]
    for rating, depth in _tree(assessment, framework.criteria):
        lines.append(_markdown_row(rating, "&nbsp;&nbsp;" * depth + as_markdown(rating.name)))
    lines.append(_markdown_row(assessment.overall, "**Overall**"))
    for rating in assessment.ratings:
        if rating.rationale or rating.evidence:
            lines += ["", f"**{as_markdown(rating.name)}.** {as_markdown(rating.rationale or '')}".rstrip()]
            lines += [f"\n> {as_markdown(quote.text)}" for quote in rating.evidence]
    lines += [f"\n*Note: {as_markdown(note)}.*" for note in assessment.notes]
    if said := note_on(assessment):
        lines += ["", as_markdown(said)]
    return "\n".join(lines)


def parts_text(found: SplitAssessment, framework: Framework) -> str:
    """A text in parts as a table, a line a part; the reasons of each part below it; then the whole."""
    many = "1 part" if len(found.parts) == 1 else f"{len(found.parts)} parts"
    lines = [_bold(f"{many} by {found.split}, each rated by itself"), ""]
    lines += [_dim(f"{'part':>4} {'characters':>15}  overall           lowest criterion      begins")]
    lines += [_part_row(part, framework) for part in found.parts]
    for part in found.parts:
        said = [line for rating, depth in _tree(part.assessment, framework.criteria) for line in _explained(rating)]
        said += [line for note in part.assessment.notes for line in _wrapped(f"Note: {note}.", 2)]
        if said:
            lines += ["", _bold(f"Part {part.part}, characters {_span(part)}"), *said]
    lines += ["", _bold("The whole"), *(line for note in found.notes for line in _wrapped(f"Note: {note}.", 0)), ""]
    return "\n".join([*lines, text(found.whole, framework)])


def parts_markdown(found: SplitAssessment, framework: Framework) -> str:
    """A text in parts as a Markdown table with a column a criterion; reasons below it; then the whole."""
    names = [criterion.name for criterion in framework.criteria]
    head = ["part", "characters", "overall", *map(as_markdown, names), "begins"]
    lines = [f"### {len(found.parts)} parts by {found.split}", "", f"| {' | '.join(head)} |"]
    lines += [f"| ---: | ---: | ---: |{' ---: |' * len(names)} --- |"]
    for part in found.parts:
        ratings = [part.assessment.overall, *(part.assessment.rating(each.id) for each in framework.criteria)]
        cells = [f"{each.value:.2f}" if each.value is not None else str(each.status) for each in ratings]
        lines.append(f"| {part.part} | {_span(part)} | {' | '.join(cells)} | {as_markdown(part.text[:60])} |")
    for part in found.parts:
        for rating in part.assessment.ratings:
            if rating.rationale or rating.evidence:
                lines += [
                    "",
                    f"**Part {part.part}, {as_markdown(rating.name)}.** {as_markdown(rating.rationale or '')}".rstrip(),
                ]
                lines += [f"\n> {as_markdown(quote.text)}" for quote in rating.evidence]
        lines += [f"\n*Part {part.part}: {as_markdown(note)}.*" for note in part.assessment.notes]
    lines += ["", *(f"*Note: {as_markdown(note)}.*\n" for note in found.notes)]
    return "\n".join([*lines, markdown(found.whole, framework)])


def _span(part: PartAssessment) -> str:
    return f"{part.start + 1:,}-{part.end:,}"


def _part_row(part: PartAssessment, framework: Framework) -> str:
    overall = part.assessment.overall
    place = f"{part.part:>4} {_span(part):>15}  "
    if overall.value is None or overall.unit is None:
        return place + _fit(f"{overall.status}: {overall.reason or ''}", WIDTH - len(place))
    rated = [each for each in part.assessment.ratings if each.asked and each.value is not None]
    lowest = min(rated, key=lambda each: each.quality or 0.0, default=None)
    weak = f"{_fit(lowest.name, 16)} {lowest.value:.1f}" if lowest and lowest.value is not None else ""
    begins = _fit(part.text[:60], 18)
    return _cut(
        f"{place}{overall.value:>4.1f}  {_bar(overall.unit)}  {set_cell_size(weak, 20)}  {begins}".rstrip(), WIDTH
    )


def _explained(rating: Rating) -> list[str]:
    """A rating with its reasons; nothing without any."""
    reasons = _reasons(rating, 4)
    if not reasons:
        return []
    value = f"{rating.value:.1f}" if rating.value is not None else str(rating.status)
    return [*_wrapped(f"{rating.name}: {value}", 2), *reasons]


def comparison_text(comparison: Comparison) -> str:
    """A comparison as a table: on each criterion the winner and the probability that A is better."""
    lines = [
        _bold(f"A against B by {comparison.framework.id}"),
        *map(_dim, _wrapped(f"{comparison.model}, {comparison.readout}, both orders asked", 0)),
        "",
        f"{'':{_NAME}}  {'P(A better)':>11}  {'A first':>7}  {'A second':>8}  better",
    ]
    for answer in comparison.criteria:
        lines += [_preference_row(answer), *_failure(answer)]
    lines += ["-" * WIDTH, _bold(_preference_row(comparison.overall)), *_failure(comparison.overall)]
    if (effect := comparison.order_effect) is not None:
        said = f"Order effect: {effect:+z.2f} on the probability of winning from being shown first."
        lines += ["", *_wrapped(said, 0)]
    for note in comparison.notes:
        lines += _wrapped(f"Note: {note}.", 0)
    return "\n".join(lines)


def comparison_markdown(comparison: Comparison) -> str:
    lines = [
        f"### A against B by {comparison.framework.id}",
        "",
        as_markdown(f"{comparison.model}, {comparison.readout}, both orders asked"),
        "",
        "| criterion | P(A better) | A first | A second | better |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for answer in (*comparison.criteria, comparison.overall):
        numbers = (answer.probability_a, answer.shown_first, answer.shown_second)
        cells = [f"{number:.2f}" if number is not None else "–" for number in numbers]
        failed = answer.probability_a is None
        better = f"{answer.status}: {as_markdown(answer.reason or '')}" if failed else _WINNERS[answer.winner]
        lines.append(f"| {as_markdown(answer.name)} | {' | '.join(cells)} | {better} |")
    lines += [f"\n*Note: {as_markdown(note)}.*" for note in comparison.notes]
    return "\n".join(lines)


def _made_by(assessment: Assessment) -> str:
    usage = assessment.usage
    cost = "" if not usage.cost_usd else f", {dollars(usage.cost_usd)}"
    framework = f"{assessment.framework.id} {assessment.framework.version} ({assessment.framework.fingerprint})"
    levels = f"calibrated by {assessment.calibration}" if assessment.calibration else "the model's own levels"
    return f"{framework}, {assessment.model}, {assessment.readout}, {levels}, {usage.seconds:.1f} s{cost}"


def _tree(assessment: Assessment, criteria: Iterable[Criterion], depth: int = 0) -> Iterator[tuple[Rating, int]]:
    """Ratings with their depth, parents before children, as a reader expects."""
    for criterion in criteria:
        yield assessment.rating(criterion.id), depth
        yield from _tree(assessment, criterion.criteria, depth + 1)


def _because(skipped: Iterable[Rating]) -> str:
    reasons: dict[str, list[str]] = defaultdict(list)
    for rating in skipped:
        reasons[rating.reason or ""].append(rating.name)
    return "; ".join(f"{', '.join(names)} ({reason})" for reason, names in reasons.items())


def _row(rating: Rating, depth: int) -> str:
    name = _column(rating.name, 2 * depth)
    if rating.value is None or rating.unit is None:
        return f"{name}  {rating.status}"
    low, high = rating.scale
    spread = f"{_glyph('±', '+-')} {rating.spread:.1f}" if rating.spread is not None else ""
    of, label = f"of {low:g}-{high:g}", _fit(rating.label or "", _LABEL)
    return _cut(f"{name}  {rating.value:>4.1f} {spread:6} {of:8}  {_bar(rating.unit)}  {label}".rstrip(), WIDTH)


def _reasons(rating: Rating, indent: int) -> list[str]:
    failed = rating.status not in (Status.OK, Status.SKIPPED)
    quotes = (f"{_glyph('“', chr(34))}{quote.text}{_glyph('”', chr(34))}" for quote in rating.evidence)
    said = (rating.reason if failed else None, rating.rationale, *quotes)
    return [line for words in said if words for line in _wrapped(words, indent)]


def _bar(unit: float) -> str:
    """A bar of ten characters for 0 to 1, in eighths of a character where the terminal can show them."""
    if not _can_show(_BLOCKS):
        full = round(unit * _BAR)
        return "#" * full + "." * (_BAR - full)
    eighths = round(unit * _BAR * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_BLOCKS[rest] if rest else "")).ljust(_BAR, "·")


def _can_show(characters: str) -> bool:
    try:
        characters.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _preference_row(answer: Preference) -> str:
    name = _column(answer.name)
    if answer.probability_a is None:
        return f"{name}  {answer.status}"
    orders = f"{answer.shown_first:>7.2f}  {answer.shown_second:>8.2f}"
    return f"{name}  {answer.probability_a:>11.2f}  {orders}  {_WINNERS[answer.winner]}"


def _failure(answer: Preference) -> list[str]:
    return _wrapped(answer.reason, 2) if answer.probability_a is None and answer.reason else []


def _markdown_row(rating: Rating, name: str) -> str:
    if rating.value is None or rating.unit is None:
        return f"| {name} | – | – | {rating.status}: {as_markdown(rating.reason or '')} |"
    spread = f" ± {rating.spread:.1f}" if rating.spread is not None else ""
    return f"| {name} | {rating.value:.2f}{spread} | {rating.unit:.2f} | {as_markdown(rating.label or '')} |"


def _glyph(character: str, instead: str) -> str:
    return character if _can_show(character) else instead


def _fit(words: str, width: int) -> str:
    """Words on one line, cut off where they would take more columns than there are."""
    return _cut(" ".join(clean(words).split()), width)


def _cut(line: str, width: int) -> str:
    """A Chinese character takes two columns, so columns are counted, not characters."""
    if cell_len(line) <= width:
        return line
    dots = _glyph("…", "...")
    return set_cell_size(line, width - len(dots)) + dots


def _column(name: str, indent: int = 0) -> str:
    return set_cell_size(" " * indent + _fit(name, _NAME - indent), _NAME)


def _wrapped(words: str, indent: int) -> list[str]:
    room = WIDTH - indent
    lines: list[str] = []
    for word in clean(words).split():
        for piece in chop_cells(word, room):
            if lines and cell_len(lines[-1]) + 1 + cell_len(piece) <= room:
                lines[-1] += f" {piece}"
            else:
                lines.append(piece)
    return [" " * indent + line for line in lines]


def _styled(words: str, code: str) -> str:
    plain = not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return words if plain else f"\x1b[{code}m{words}\x1b[0m"


_bold, _dim = partial(_styled, code="1"), partial(_styled, code="2")
