"""Assessments and comparisons as plain text for a terminal, and as Markdown.

Text stays within 80 columns and needs no colour; on a terminal that wants it
(`NO_COLOR` unset), what stands out is bold and what is missing is dim.
"""

from __future__ import annotations

import os
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator

from argqual.assessment import Assessment, Rating, Status
from argqual.framework import Criterion, Framework
from argqual.judging.compare import Comparison, Preference

WIDTH = 80
_NAME = 30
_BAR = 10
_BLOCKS = " ▏▎▍▌▋▊▉█"
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def text(assessment: Assessment, framework: Framework) -> str:
    """An assessment as a table: value, spread, bar and level of each criterion; reasons and quotes below it."""
    lines = [_bold(_fit(framework.title, WIDTH)), _dim(_made_by(assessment)), ""]
    if assessment.selected:
        lines += [f"Kind of argument: {assessment.selected.name}", ""]
    asked = [(rating, depth) for rating, depth in _tree(assessment, framework.criteria) if _shown(rating)]
    for rating, depth in asked:
        lines.append(_row(rating, depth))
        lines += _reasons(rating, 2 * depth + 2)
    lines += ["-" * WIDTH, _bold(_row(assessment.overall, 0))]
    lines += _reasons(assessment.overall, 2) if assessment.overall.status is not Status.OK else []
    skipped = [rating for rating in assessment.ratings if not _shown(rating)]
    if skipped:
        lines += ["", *_wrapped(f"Not asked: {_because(skipped)}.", 0)]
    for note in assessment.notes:
        lines += _wrapped(f"Note: {clean(note)}.", 0)
    return "\n".join(lines)


def markdown(assessment: Assessment, framework: Framework) -> str:
    """An assessment as a Markdown table, with reasons and quotes below it."""
    lines = [f"### {framework.title}", "", f"{_made_by(assessment)}", ""]
    if assessment.selected:
        lines += [f"Kind of argument: {assessment.selected.name}", ""]
    lines += ["| criterion | value | 0–1 | level |", "| --- | ---: | ---: | --- |"]
    for rating, depth in _tree(assessment, framework.criteria):
        lines.append(_markdown_row(rating, "&nbsp;&nbsp;" * depth + rating.name))
    lines.append(_markdown_row(assessment.overall, "**Overall**"))
    for rating in assessment.ratings:
        if rating.rationale or rating.evidence:
            lines += ["", f"**{rating.name}.** {_escaped(rating.rationale or '')}".rstrip()]
            lines += [f"\n> {_escaped(quote.text)}" for quote in rating.evidence]
    lines += [f"\n*Note: {_escaped(note)}.*" for note in assessment.notes]
    return "\n".join(lines)


def comparison_text(comparison: Comparison) -> str:
    """A comparison as a table: on each criterion the winner and the probability that A is better."""
    lines = [
        _bold(f"A against B by {comparison.framework.id}"),
        _dim(f"{comparison.model}, {comparison.readout}, both orders asked"),
        "",
    ]
    lines.append(f"{'':{_NAME}}  {'P(A better)':>11}  {'A first':>7}  {'A second':>8}  better")
    for answer in comparison.criteria:
        lines.append(_preference_row(answer))
    lines += ["-" * WIDTH, _bold(_preference_row(comparison.overall))]
    effect = comparison.order_effect
    if effect is not None:
        lines += [
            "",
            *_wrapped(f"Order effect: {effect:+.2f} on the probability of winning from being shown first.", 0),
        ]
    return "\n".join(lines)


def comparison_markdown(comparison: Comparison) -> str:
    """A comparison as a Markdown table."""
    lines = [
        f"### A against B by {comparison.framework.id}",
        "",
        f"{comparison.model}, {comparison.readout}, both orders asked",
        "",
    ]
    lines += ["| criterion | P(A better) | A first | A second | better |", "| --- | ---: | ---: | ---: | --- |"]
    for answer in (*comparison.criteria, comparison.overall):
        numbers = (answer.probability_a, answer.shown_first, answer.shown_second)
        cells = [f"{number:.2f}" if number is not None else "–" for number in numbers]
        lines.append(f"| {answer.name} | {' | '.join(cells)} | {_winner(answer)} |")
    return "\n".join(lines)


def clean(untrusted: str) -> str:
    """Text that cannot move a terminal's cursor, change its colours or turn its direction."""
    return _NOT_TEXT.sub("\N{REPLACEMENT CHARACTER}", untrusted)


def _made_by(assessment: Assessment) -> str:
    usage = assessment.usage
    cost = "" if not usage.cost_usd else f", {usage.cost_usd:.4f} USD"
    framework = f"{assessment.framework.id} {assessment.framework.version} ({assessment.framework.fingerprint})"
    return f"{framework}, {assessment.model}, {assessment.readout}, {usage.seconds:.1f} s{cost}"


def _tree(assessment: Assessment, criteria: Iterable[Criterion], depth: int = 0) -> Iterator[tuple[Rating, int]]:
    """Ratings with their depth, parents before children, as a reader expects."""
    for criterion in criteria:
        yield assessment.rating(criterion.id), depth
        yield from _tree(assessment, criterion.criteria, depth + 1)


def _shown(rating: Rating) -> bool:
    return rating.status is not Status.SKIPPED


def _because(skipped: Iterable[Rating]) -> str:
    reasons: dict[str, list[str]] = {}
    for rating in skipped:
        reasons.setdefault(rating.reason or "", []).append(rating.name)
    return "; ".join(f"{', '.join(names)} ({reason})" for reason, names in reasons.items())


def _row(rating: Rating, depth: int) -> str:
    name = _fit("  " * depth + rating.name, _NAME)
    if rating.value is None or rating.unit is None:
        return f"{name:{_NAME}}  {rating.status}"
    low, high = rating.scale
    spread = f"± {rating.spread:.1f}" if rating.spread is not None else ""
    value = f"{rating.value:.1f}"
    of = f"of {low:g}-{high:g}"
    return f"{name:{_NAME}}  {value:>4} {spread:6} {of:8}  {_bar(rating.unit)}  {_fit(rating.label or '', 16)}".rstrip()


def _reasons(rating: Rating, indent: int) -> list[str]:
    lines: list[str] = []
    if rating.status not in (Status.OK, Status.SKIPPED) and rating.reason:
        lines += _wrapped(clean(rating.reason), indent)
    if rating.rationale:
        lines += _wrapped(clean(rating.rationale), indent)
    for quote in rating.evidence:
        lines += _wrapped(f"“{clean(' '.join(quote.text.split()))}”", indent)
    return lines


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
    name = _fit(answer.name, _NAME)
    if answer.probability_a is None:
        return f"{name:{_NAME}}  {answer.status}: {answer.reason}"
    orders = f"{answer.shown_first:>7.2f}  {answer.shown_second:>8.2f}"
    return f"{name:{_NAME}}  {answer.probability_a:>11.2f}  {orders}  {_winner(answer)}"


def _winner(answer: Preference) -> str:
    return {"a": "A", "b": "B", "undecided": "undecided"}[answer.winner]


def _markdown_row(rating: Rating, name: str) -> str:
    if rating.value is None or rating.unit is None:
        return f"| {name} | – | – | {rating.status}: {_escaped(rating.reason or '')} |"
    spread = f" ± {rating.spread:.1f}" if rating.spread is not None else ""
    return f"| {name} | {rating.value:.2f}{spread} | {rating.unit:.2f} | {rating.label} |"


_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|])")


def _escaped(untrusted: str) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(clean(untrusted).split()))


def _fit(words: str, width: int) -> str:
    return words if len(words) <= width else words[: width - 1] + "…"


def _wrapped(words: str, indent: int) -> list[str]:
    margin = " " * indent
    return textwrap.wrap(words, WIDTH, initial_indent=margin, subsequent_indent=margin, break_long_words=True)


def _styled(words: str, code: str) -> str:
    plain = not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return words if plain else f"\x1b[{code}m{words}\x1b[0m"


def _bold(words: str) -> str:
    return _styled(words, "1")


def _dim(words: str) -> str:
    return _styled(words, "2")
