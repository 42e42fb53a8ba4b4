"""Cards, and what checking a corpus found, as plain text of at most 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from argqual.corpora.card import COUNTED, COUNTS, TARGETS, Card
from argqual.corpora.card_table import Label
from argqual.report.plain import WIDTH, clean, paragraph
from argqual.stats.estimate import MINUS, decimal

if TYPE_CHECKING:
    from argqual.corpora.check import Finding
    from argqual.corpora.groups import Summary

_SUBJECT = 33
_TITLES = {
    "alpha": "Agreement of single ratings (Krippendorff's alpha)",
    "ceiling": "Human ceiling (one rating against the mean of the others, Spearman)",
    "reliability": "Reliability of the means",
    "length": "Length: words with the label (Spearman)",
    "correlation": "Labels with one another (Spearman)",
    "mean": "Means by type",
    "win_rate": "Share of comparisons won, with the label (Spearman)",
    "longer_wins": "The longer one wins (share of decided comparisons)",
    "longest": "Longest version of a family, as a multiple of its shortest",
    "read_alike": "A reader who did not know names what was broken (share of texts)",
    "read_kappa": "The same, beyond chance (Cohen's kappa)",
    "same_text": "Texts that stand in another corpus",
    "inside": "Texts that stand inside longer ones of another corpus",
    "same_topic": "Topics that another corpus has too",
}
_COUNT_NAMES = {
    "pairs": "comparisons",
    "duplicates": "copies of an earlier argument",
    "families": "families with every version",
    "copies_across": "near-copies across families",
}


def size(card: Card) -> str:
    """What its files weigh, in words."""
    if not card.size:
        return "size unknown"
    return f"{card.size / 1e6:.1f} MB" if card.size >= 100_000 else f"{card.size / 1e3:.0f} kB"


def targets(card: Card) -> str:
    """The targets it has; those that only something akin was measured of in brackets."""
    named = [f"({name})" if card.targets[name].proxy else name for name in TARGETS if name in card.targets]
    return ", ".join(named) or "none"


def card_text(card: Card, state: str) -> str:
    """Everything a card says that people want to read."""
    published = (f"{it.system}; {it.setting}: {it.metric} {it.value} ({it.source})" for it in card.published)
    shared = (
        f"{each.corpus}: {_TITLES[each.kind].lower()}{'' if each.count is None else f', {each.count}'}"
        for each in card.overlaps
    )
    cited = (f"{each.text} {f'doi:{each.doi}' if each.doi else each.url}" for each in card.citations)
    blocks = (
        [paragraph(f"{card.id}: {card.title}")],
        [paragraph(card.description)],
        [*_facts(card, state)],
        [*_label_lines(card)] if card.labels else [],
        _titled("What reading it must come to (argqual corpora check recomputes it)", _figure_lines(card)),
        _titled("Published results", map(_item, published)),
        _titled("Shared with other corpora", map(_item, shared)),
        _titled("Traps", map(_item, card.traps)),
        _titled("Cite", map(_item, cited)),
    )
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _titled(title: str, lines: Iterable[str]) -> list[str]:
    """The lines under a title; nothing where there are none."""
    given = list(lines)
    return [title, *given] if given else []


def _item(words: str) -> str:
    return paragraph(f"- {words}", indent=2, hanging=2)


def _facts(card: Card, state: str) -> Iterator[str]:
    licence = card.licence
    allowed = f"; it forbids {' and '.join(licence.forbids)}" if licence.forbids else ""
    alike = "; share alike" if licence.share_alike else ""
    judges = card.annotators
    per_text = f", {judges.per_text:g} a text" if judges and judges.per_text else ""
    count = f" ({judges.count} in all)" if judges and judges.count else ""
    facts = [
        ("licence", f"{licence.id}{alike}{allowed}. {licence.terms}"),
        ("evidence", licence.evidence),
        ("language", card.language),
        ("domain", card.domain),
        ("types", ", ".join(card.argument_types)),
        ("targets", targets(card)),
        ("annotators", f"{judges.who}{count}{per_text}" if judges else ""),
        ("files", f"{len(card.files)}, {size(card)}; {state}" if card.files else state),
        ("home", card.homepage),
        ("get it", card.by_request or ""),
    ]
    for name, value in facts:
        if value.strip():
            text = paragraph(value, indent=12)
            # An address cannot be broken; where it is too long for its column it has a line of its own.
            fits = max(map(len, text.splitlines())) <= WIDTH
            yield f"{name:12}{text[12:]}" if fits else f"{name}\n{paragraph(value, indent=2)}"


def _label_lines(card: Card) -> Iterator[str]:
    """A row a label: its scale, and what people agree on."""
    figures = card.figures
    yield f"{'Labels':29}{'scale':>8} {'better':7}{'alpha':>8}{'ceiling':>9}{'reliable':>10}{'length':>8}"
    for name, label in card.labels.items():
        better = "higher" if label.higher_is_better else "lower"
        known = (each.get(name) for each in (figures.alpha, figures.ceiling, figures.reliability, figures.length))
        alpha, ceiling, reliability, length = ("" if value is None else _coefficient(value) for value in known)
        row = f"  {name:27}{_scale(label):>8} {better:7}{alpha:>8}{ceiling:>9}{reliability:>10}{length:>8}"
        yield row.rstrip()
        if label.note:
            yield paragraph(label.note, indent=4)
    if any(not label.higher_is_better for label in card.labels.values()):
        yield "  Labels of which lower is better are turned around when they are read."
    if figures.alpha or figures.ceiling or figures.reliability or figures.length:
        yield paragraph(_KEY, indent=2)


_KEY = """alpha: Krippendorff's, of single ratings. ceiling: one rating against the mean of the others, Spearman.
reliable: reliability of the means. length: Spearman of the label with the number of words. Intervals: argqual
corpora check."""


def _scale(label: Label) -> str:
    if label.kind == "count":
        return "count"
    if label.lowest is None and label.highest is None:
        return "open"
    low, high = ("" if end is None else f"{end:g}" for end in (label.lowest, label.highest))
    return f"{low}-{high}"


def _figure_lines(card: Card) -> list[str]:
    figures = card.figures
    counts = ((_COUNT_NAMES.get(name, name), getattr(figures, name)) for name in COUNTS)
    shares = (
        *((f"{label} with share of comparisons won", value) for label, value in figures.win_rate.items()),
        *((f"{pair.first} with {pair.second}", pair.spearman) for pair in figures.correlations),
    )
    others = (
        ("the longer one wins", figures.longer_wins),
        ("longest version, times the shortest", figures.longest),
        ("a blind reader names what was broken", figures.read_alike),
        ("the same, Cohen's kappa", figures.read_kappa),
    )
    rows = [
        *((name, _count(number)) for name, number in counts if number is not None),
        *((name, _coefficient(number)) for name, number in shares),
        *((f"mean of {kind}", _mean(mean)) for kind, mean in figures.means.items()),
        *((name, _coefficient(number)) for name, number in others if number is not None),
    ]
    return [f"  {name:40}{number:>12}" for name, number in rows]


def findings_text(card: Card, findings: Sequence[Finding]) -> str:
    """What was found, beside what was promised; a difference is marked at the end of its line."""
    lines = [clean(card.title), f"{'':{_SUBJECT}}{'card':>9}{'found':>9}   {'95 % interval':15}{'n':>7}"]
    for figure, group in groupby(findings, key=lambda each: each.figure if each.figure not in COUNTS else ""):
        lines += [_TITLES[figure]] if figure else []
        for each in group:
            lines += _finding_lines(each, "  " if figure else "")
    differing = sum(each.verdict == "differs" for each in findings)
    promised = sum(each.promised is not None for each in findings)
    few = [each.clusters for each in findings if each.clusters is not None and each.clusters < 15]
    marked = f", {differing} differ{'s' * (differing == 1)} (marked <>)" if differing else ""
    lines += ["", f"{card.id}: {promised - differing} of {promised} figures as the card says{marked}."]
    if few:
        lines.append(paragraph(f"Intervals resample only {min(few)} topics: take them as too narrow."))
    return "\n".join(lines)


def _finding_lines(finding: Finding, indent: str) -> Iterable[str]:
    subject = finding.subject or _COUNT_NAMES.get(finding.figure, finding.figure)
    counted = finding.figure in COUNTED
    shown = _count if counted else _mean if finding.figure == "mean" else _coefficient
    interval = "" if finding.low is None or finding.high is None else f"{shown(finding.low)} to {shown(finding.high)}"
    mark = "  <>" if finding.verdict == "differs" else ""
    number = "" if finding.n is None else f"{finding.n:,}"
    name = clean(f"{indent}{subject}")
    yield (
        f"{name[: _SUBJECT - 1]:{_SUBJECT}}{shown(finding.promised):>9}{shown(finding.found):>9}"
        f"   {interval:15}{number:>7}{mark}".rstrip()
    )
    if finding.note:
        yield paragraph(finding.note, indent=len(indent) + 2)


def _count(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _mean(value: float | None) -> str:
    return "-" if value is None else f"{value:z.2f}"


def _coefficient(value: float | None) -> str:
    """As papers write it: three digits, no leading zero."""
    return "-" if value is None else decimal(value, digits=3).replace(MINUS, "-")


def leaks_text(summary: Summary) -> str:
    """What corpora share, a row for each pair and direction, and the groups that follow."""
    lines = [f"{'What corpora share':44}{'copies':>8}{'near':>8}{'inside':>8}{'topics':>8}"]
    for each in summary.shared:
        names = f"within {each.first}" if each.first == each.second else f"{each.first} in {each.second}"
        numbers = (each.copies, each.near, each.inside, each.topics)
        lines.append(f"  {names:42}" + "".join(f"{number or '-':>8}" for number in numbers))
    if not summary.shared:
        lines.append("  nothing")
    groups, share = f"group{'s' * (summary.groups != 1)}", summary.largest / summary.texts
    said = (
        f"{summary.texts:,} texts in {summary.groups:,} {groups} that must not be split. "
        f"The largest, '{summary.largest_group}', has {summary.largest:,} ({share:.0%})."
    )
    lines += ["", paragraph(said)]
    lines += [paragraph(_QUOTED.format(number=summary.quoted))] if summary.quoted else []
    key = "copies: the same words. near: 70 % of the word triples. inside: half of it stands in a longer text."
    return "\n".join([*lines, paragraph(key, indent=2)])


_QUOTED = """Besides, {number:,} texts stand inside one of another group. When that one is tested they have to leave
the training data: argqual.corpora.groups.leaking_into(test, corpora)."""
