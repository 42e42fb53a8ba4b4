"""Recompute what a card promises of its corpus, and say where the files differ.

Nothing here is an error: a figure that differs is a finding, of the card or of the release. Every
coefficient comes with its interval and with how many texts it rests on, whether promised or not.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from argqual._graphemes import count_words
from argqual.argument import Argument
from argqual.corpora.card import COUNTED, Card
from argqual.corpora.cards import load_card
from argqual.corpora.corpus import Corpus, MinimalPair
from argqual.corpora.fetch import is_fetched
from argqual.corpora.groups import overlap_counts
from argqual.corpora.leaks import duplicates, near_duplicates
from argqual.corpora.reading import read_corpus
from argqual.stats import agreement
from argqual.stats.comparisons import pair_reliability
from argqual.stats.correlation import spearman
from argqual.stats.estimate import Estimate, exact_if_unanimous
from argqual.stats.resampling import Array, Units, codes_of, estimate, ratio

TOLERANCE = 0.005  # of a coefficient or mean that a card gives with two or three digits
_ROUNDING = 1e-9
_FEW_ANNOTATORS = 10  # up to here each annotator is known and rates much; beyond, a rating is anybody's

Verdict = Literal["as promised", "differs", "not promised"]


@dataclass(frozen=True)
class Finding:
    """One figure: what the card promises, and what the files give.

    `figure` is called as in the card's `figures` ("alpha", "texts"); `subject` is the label, type or corpus it is of,
    and empty for the corpus as a whole. `promised` is None where the card says nothing, `found` where it cannot be
    computed; `note` then says why. `low` and `high` are the 95 % interval, where there is one, and `n` the texts, or
    pairs, that it rests on.
    """

    figure: str
    subject: str
    promised: float | None
    found: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    clusters: int | None = None
    method: str = ""
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        """Counts are the same or differ; a coefficient or a mean may be off by `TOLERANCE`."""
        if self.promised is None:
            return "not promised"
        tolerance = 0.0 if self.figure in COUNTED else TOLERANCE + _ROUNDING
        near = self.found is not None and abs(self.found - self.promised) <= tolerance
        return "as promised" if near else "differs"


@dataclass(frozen=True)
class RatingTable:
    """One label's individual ratings: annotators x texts, NaN where one did not rate, and the texts' topics."""

    ratings: NDArray[np.float64]
    topics: list[str] | None

    def by_text(self) -> list[list[float]]:
        """The ratings of each text, whoever gave them."""
        return [[float(value) for value in column if not math.isnan(value)] for column in self.ratings.T]


_Estimators = Mapping[str, Callable[[], Estimate]]  # by label


def check_corpus(corpus: Corpus, *, draws: int = 1000) -> list[Finding]:
    """Every figure of the card, and those that the files allow besides; each interval takes `draws` bootstrap draws."""
    tables = ratings_of(corpus)
    return [
        *_counts(corpus),
        *_lengths(corpus, draws),
        *_correlations(corpus, draws),
        *_means(corpus),
        *_of_labels(corpus, "alpha", {name: partial(_alpha, corpus, name, tables[name], draws) for name in tables}),
        *_of_labels(corpus, "ceiling", {name: partial(human_ceiling, tables[name], draws=draws) for name in tables}),
        *_of_labels(corpus, "reliability", _reliability(corpus, tables, draws)),
        *_win_rates(corpus, draws),
        *_minimal_pairs(corpus, draws),
    ]


def check_overlaps(corpus: Corpus, others: Sequence[Corpus]) -> tuple[list[Finding], list[str]]:
    """What the card says is shared with other corpora, looked for in their texts.

    `others` have been read already; another one is read when it is fetched. Returns the findings, and the corpora
    that are not there to compare with.
    """
    read = {other.card.id: other for other in others}
    findings: list[Finding] = []
    absent: list[str] = []
    for name in dict.fromkeys(overlap.corpus for overlap in corpus.card.overlaps):
        other = read.get(name) or _if_fetched(name)
        if other is None:
            absent.append(name)
            continue
        counts = overlap_counts(corpus, other)
        findings += [
            Finding(overlap.kind, name, overlap.count, counts[overlap.kind])
            for overlap in corpus.card.overlaps
            if overlap.corpus == name
        ]
    return sorted(findings, key=lambda each: each.figure), absent


def _if_fetched(name: str) -> Corpus | None:
    card, path = load_card(name)
    return read_corpus(name, fetch=False) if card.reader and is_fetched(card, path) else None


def _counts(corpus: Corpus) -> Iterator[Finding]:
    figures = corpus.card.figures
    copies = sum(len(same) - 1 for same in duplicates([argument.text for argument in corpus.arguments]))
    found = {
        "texts": len(corpus.texts),
        "arguments": len(corpus.arguments),
        "topics": len({argument.issue for argument in corpus.texts if argument.issue}),
        "pairs": len(corpus.pairs),
        "duplicates": copies,
    }
    if corpus.card.minimal_pairs:
        found |= {"families": _complete_families(corpus), "copies_across": _copies_across(corpus)}
    for name, number in found.items():
        if number or getattr(figures, name) is not None:
            yield Finding(name, "", getattr(figures, name), number)


def _lengths(corpus: Corpus, draws: int) -> Iterator[Finding]:
    promised = corpus.card.figures.length
    labels = list(promised) or ([corpus.card.main_label] if corpus.card.main_label else [])
    for label in labels:
        texts = [each for each in corpus.texts if label in each.labels]
        found = spearman(
            [words(each) for each in texts], [each.labels[label] for each in texts], clusters=topics(texts), draws=draws
        )
        yield _finding("length", label, promised.get(label), found)


def words(argument: Argument) -> int:
    """Length as the project measures it: in words."""
    return count_words(argument.text)


def topics(arguments: Sequence[Argument]) -> list[str] | None:
    """What an interval resamples: the topics, or None for single texts where there are none."""
    if any(each.issue is None for each in arguments):
        return None
    return [each.issue or "" for each in arguments]


def _correlations(corpus: Corpus, draws: int) -> Iterator[Finding]:
    for pair in corpus.card.figures.correlations:
        both = [each for each in corpus.arguments if pair.first in each.labels and pair.second in each.labels]
        values = [[each.labels[name] for each in both] for name in (pair.first, pair.second)]
        found = spearman(values[0], values[1], clusters=topics(both), draws=draws)
        yield _finding("correlation", f"{pair.first}, {pair.second}", pair.spearman, found)


def _means(corpus: Corpus) -> Iterator[Finding]:
    label = corpus.card.main_label
    for kind, promised in corpus.card.figures.means.items():
        own = [each.labels[label] for each in corpus.arguments if each.type == kind and label in each.labels]
        error = 1.96 * float(np.std(own, ddof=1)) / math.sqrt(len(own)) if len(own) > 1 else None
        note = "" if own else f"no argument has the type '{kind}'"
        yield _mean("mean", kind, promised, own, error, note)


def _mean(
    figure: str, subject: str, promised: float | None, values: Sequence[float], error: float | None, note: str = ""
) -> Finding:
    """A mean, or a share, with the interval that an error leaves on both sides."""
    mean = sum(values) / len(values) if values else None
    low, high = (mean - error, mean + error) if mean is not None and error is not None else (None, None)
    kind = "mean" if figure == "mean" else "share"
    return Finding(figure, subject, promised, mean, low, high, len(values), None, f"{kind}, normal interval", note)


def _of_labels(
    corpus: Corpus, figure: Literal["alpha", "ceiling", "reliability"], estimators: _Estimators
) -> Iterator[Finding]:
    """A figure of every label that it can be estimated of, or that the card promises it of."""
    promised: dict[str, float] = getattr(corpus.card.figures, figure)
    for name in _in_order(corpus.card, set(estimators) | set(promised)):
        if name in estimators:
            yield _finding(figure, name, promised.get(name), estimators[name]())
        else:
            note = "the release has no individual ratings of it"
            yield Finding(figure, name, promised.get(name), None, note=note)


def _alpha(corpus: Corpus, name: str, table: RatingTable, draws: int) -> Estimate:
    level: Literal["ordinal", "interval"] = "ordinal" if corpus.card.labels[name].kind == "ordinal" else "interval"
    counts, values = agreement.value_counts(table.ratings)
    return agreement.alpha_estimate(counts, values, level=level, clusters=table.topics, draws=draws)


def _reliability(corpus: Corpus, tables: Mapping[str, RatingTable], draws: int) -> _Estimators:
    """From single ratings, or else from comparisons, or else from shares of a known number of votes."""
    votes = corpus.card.annotators.per_text if corpus.card.annotators else None
    shares = [name for name, label in corpus.card.labels.items() if label.kind == "share"] if votes else []
    return {
        **{name: partial(_share_reliability, corpus, name, votes or 0, draws) for name in shares},
        **{pair.label: partial(_pair_reliability, corpus, pair.label) for pair in corpus.pairs},
        **{
            name: partial(agreement.split_half_reliability, table.by_text(), clusters=table.topics, draws=draws)
            for name, table in tables.items()
        },
    }


def _share_reliability(corpus: Corpus, name: str, votes: float, draws: int) -> Estimate:
    """Of shares whose votes are not in the release: what so many votes a text would give."""
    label = corpus.card.labels[name]
    low, high = label.lowest or 0.0, 1.0 if label.highest is None else label.highest
    texts = [each for each in corpus.arguments if name in each.labels]
    shares = [(each.labels[name] - low) / (high - low) for each in texts]
    found = agreement.binary_mean_reliability(shares, [votes] * len(shares), clusters=topics(texts), draws=draws)
    note = f"taken as the share of {votes:g} votes that count the same; the votes are not in the release"
    return replace(found, reason=f"{found.reason or ''}; {note}".removeprefix("; "))


def _pair_reliability(corpus: Corpus, label: str) -> Estimate:
    pairs = [pair for pair in corpus.pairs if pair.label == label]
    places = {argument.id or "": place for place, argument in enumerate(corpus.arguments)}
    return pair_reliability(
        [places[pair.first] for pair in pairs],
        [places[pair.second] for pair in pairs],
        [pair.outcome for pair in pairs],
        len(places),
        groups=[
            f"{argument.issue}/{argument.stance if corpus.card.unit != 'corpus' else ''}"
            for argument in corpus.arguments
        ],
    )


def _win_rates(corpus: Corpus, draws: int) -> Iterator[Finding]:
    figures = corpus.card.figures
    for name in _in_order(corpus.card, {pair.label for pair in corpus.pairs} | set(figures.win_rate)):
        won: dict[str, list[float]] = defaultdict(list)
        for pair in corpus.pairs:
            if pair.label == name:
                won[pair.first].append(pair.outcome)
                won[pair.second].append(1 - pair.outcome)
        texts = [each for each in corpus.arguments if each.id in won and name in each.labels]
        shares = [sum(won[each.id or ""]) / len(won[each.id or ""]) for each in texts]
        found = spearman([each.labels[name] for each in texts], shares, clusters=topics(texts), draws=draws)
        yield _finding("win_rate", name, figures.win_rate.get(name), found)
    if corpus.pairs:
        yield _longer_wins(corpus)


def _longer_wins(corpus: Corpus) -> Finding:
    length = {argument.id or "": words(argument) for argument in corpus.arguments}
    decided = [pair for pair in corpus.pairs if pair.outcome != 0.5 and length[pair.first] != length[pair.second]]
    right = [(length[pair.first] > length[pair.second]) == (pair.outcome == 1) for pair in decided]
    share = sum(right) / len(right) if right else 0.0
    error = 1.96 * math.sqrt(share * (1 - share) / len(right)) if right else None
    return _mean("longer_wins", "", corpus.card.figures.longer_wins, right, error)


def _minimal_pairs(corpus: Corpus, draws: int) -> Iterator[Finding]:
    if corpus.card.minimal_pairs is None:
        return
    promised = corpus.card.figures
    yield Finding("longest", "", promised.longest, _longest(corpus), method="largest of all families")
    if corpus.card.minimal_pairs.read:
        for name, found in _read_alike(corpus, draws=draws):
            yield _finding(name, "", getattr(promised, name), found)


def _families_of(corpus: Corpus) -> dict[str, list[tuple[MinimalPair, str]]]:
    """The versions of each family, and their texts."""
    found: dict[str, list[tuple[MinimalPair, str]]] = defaultdict(list)
    for argument in corpus.arguments:
        if version := corpus.minimal_pair(argument):
            found[version.family].append((version, argument.text))
    return dict(found)


def _complete_families(corpus: Corpus) -> int:
    """Families that have each version once."""
    assert corpus.card.minimal_pairs is not None
    versions = 2 * (1 + len(corpus.card.minimal_pairs.broken))
    return sum(
        len(own) == versions == len({(version.broken, version.polished) for version, _ in own})
        for own in _families_of(corpus).values()
    )


def _longest(corpus: Corpus) -> float:
    """The most words of a family's versions, as a multiple of the fewest; the largest of all families."""
    lengths = [[count_words(text) for _, text in own] for own in _families_of(corpus).values()]
    return max(max(own) / min(own) for own in lengths)


def _copies_across(corpus: Corpus) -> int:
    """Texts that are nearly a text of another family."""
    rows = [(version.family, text) for own in _families_of(corpus).values() for version, text in own]
    pairs = [(each.first, each.second) for each in near_duplicates([text for _, text in rows])]
    return len({place for one, two in pairs if rows[one][0] != rows[two][0] for place in (one, two)})


def _read_alike(corpus: Corpus, *, draws: int = 1000) -> Iterator[tuple[str, Estimate]]:
    """How often the blind reader named what was broken, plainly and as Cohen's kappa (1960), by the card's figures.

    Families are resampled. Where all of them agree wholly, no draw differs from another: see `exact_if_unanimous`.
    """
    known = [(found, corpus.read(each)) for each in corpus.arguments if (found := corpus.minimal_pair(each))]
    named = [(version, read) for version, read in known if read is not None]
    criteria = {each: place for place, each in enumerate(dict.fromkeys(version.broken for version, _ in named))}
    built = np.array([criteria[version.broken] for version, _ in named])
    seen = np.array([-1 if len(read) > 1 else criteria.get(next(iter(read), None), -1) for _, read in named])
    families = [version.family for version, _ in named]
    units = Units(len(named), len(known), codes_of(families, len(families)), len(set(families)))

    def share(weights: Array) -> Array:
        return ratio((built == seen) @ weights, weights.sum(axis=0))

    def by_chance(weights: Array) -> Array:
        total = weights.sum(axis=0)
        shares = [
            ratio((built == one) @ weights, total) * ratio((seen == one) @ weights, total) for one in criteria.values()
        ]
        return np.asarray(np.sum(shares, axis=0))

    def kappa(weights: Array) -> Array:
        chance = by_chance(weights)
        return ratio(share(weights) - chance, 1 - chance)

    settings: dict[str, Any] = {"undefined": "all was read as one version", "draws": draws, "seed": 0}
    alike = estimate(share, units, method="share", **settings)
    beyond = estimate(kappa, units, method="Cohen's kappa", **settings)
    if alike.value == alike.low == 1:
        alike = exact_if_unanimous(alike)
        chance = float(by_chance(np.ones((units.n, 1)))[0])
        beyond = replace(beyond, low=((alike.low or 0) - chance) / (1 - chance))
    yield "read_alike", alike
    yield "read_kappa", beyond


def ratings_of(corpus: Corpus) -> dict[str, RatingTable]:
    """Individual ratings by label, over all texts of the release."""
    said: dict[str, list[tuple[str, str, float]]] = defaultdict(list)
    for each in corpus.annotations:
        if each.value is not None:
            said[each.label].append((each.annotator, each.argument, each.value))
    columns = {argument.id or "": place for place, argument in enumerate(corpus.texts)}
    clusters = topics(corpus.texts)
    tables = {}
    for label, ratings in said.items():
        people = {who: row for row, who in enumerate(dict.fromkeys(who for who, _, _ in ratings))}
        table = np.full((len(people), len(columns)), np.nan)
        for who, text, value in ratings:
            table[people[who], columns[text]] = value
        tables[label] = RatingTable(table, clusters)
    return tables


def human_ceiling(table: RatingTable, *, draws: int = 1000) -> Estimate:
    """One annotator against the mean of the others.

    With up to ten annotators of whom each rated most texts, each of them against the others; with
    more, or where who rated is not known, a rating at random against the others of its text.
    """
    rated = (~np.isnan(table.ratings)).mean(axis=1)
    if len(rated) <= _FEW_ANNOTATORS and rated.min() >= 0.5:
        return agreement.one_against_rest(table.ratings, clusters=table.topics, draws=draws)
    return agreement.random_one_against_rest(table.by_text(), clusters=table.topics, draws=draws)


def _in_order(card: Card, names: set[str]) -> list[str]:
    return [name for name in card.labels if name in names]


def _finding(figure: str, subject: str, promised: float | None, found: Estimate) -> Finding:
    interval = (found.low, found.high, found.n, found.clusters, found.method)
    return Finding(figure, subject, promised, found.value, *interval, found.reason or "")
