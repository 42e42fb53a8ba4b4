"""The arguments that a benchmark tests and trains on: drawn from its corpora, with labels, groups and lengths."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, zip_longest

import numpy as np

from argqual._graphemes import count_words
from argqual.argument import Argument
from argqual.benchmark.spec.schema import Benchmark
from argqual.corpora.corpus import Corpus, MinimalPair
from argqual.corpora.groups import groups_of, leaks_among
from argqual.corpora.leaks import normalised
from argqual.corpora.reading import read_corpus
from argqual.errors import BenchmarkError, nearest
from argqual.stats.resampling import Array, Mask

_STRATA = 5


@dataclass(frozen=True)
class Domain:
    """A corpus as benchmarks see it.

    `bounded`: whether its scale has two ends, so that labels are from 0 to 1 and a prediction may be compared with them
    as it is; otherwise only the order counts.
    """

    id: str
    title: str
    genre: str  # what kind of text it is
    construct: str  # what was judged
    bounded: bool
    levels: int | None  # steps of its scale, to which ratings may be rounded; None where it has none
    fingerprint: str
    licence: str  # as its card says, like the citations
    citations: tuple[str, ...]


@dataclass(frozen=True)
class Data:
    """The arguments of all corpora of a benchmark; each field has one entry an argument, but for `domains`."""

    arguments: tuple[Argument, ...]
    corpora: tuple[str, ...]
    groups: tuple[str, ...]  # what may never be torn apart, across corpora too
    units: tuple[str, ...]  # what labels are comparable within
    labels: Array  # higher is better; from 0 to 1 where the corpus' scale is bounded, as released elsewhere
    words: Array  # the number of words
    tested: Mask  # False for what is trained on only
    leaks: tuple[frozenset[int], ...]  # places of copies, near-copies, quotations, and what is known to be the same
    domains: Mapping[str, Domain]  # by id, in the benchmark's order
    minimal_pairs: tuple[MinimalPair | None, ...] = ()  # which version of its family; None: a corpus without families

    def __len__(self) -> int:
        return len(self.arguments)

    @cached_property
    def normalised(self) -> tuple[str, ...]:
        """Each text without case, punctuation and white space: the same for copies."""
        return tuple(normalised(argument.text) for argument in self.arguments)

    def key(self, place: int) -> tuple[str, str]:
        return self.corpora[place], self.arguments[place].id or ""

    def places_of(self, corpus: str) -> list[int]:
        """The places of a corpus, which stand in the order in which samples are drawn."""
        return [place for place, own in enumerate(self.corpora) if own == corpus]

    def leaking_into(self, places: Iterable[int]) -> set[int]:
        """The places that have to leave training when some are tested."""
        own = set(places)
        return set().union(*(self.leaks[place] for place in own)) - own


def read_data(benchmark: Benchmark) -> Data:
    """Read the corpora of a benchmark, and draw its samples.

    Raises a `BenchmarkError` where one has no labels for the target, a `CardError` or `CorpusError` where it cannot be
    read.
    """
    return data_of(benchmark, [read_corpus(name) for name in benchmark.corpora])


def data_of(benchmark: Benchmark, corpora: Sequence[Corpus]) -> Data:
    """The arguments of corpora that are read, in the benchmark's order of them."""
    groups = groups_of(corpora)
    domains: dict[str, Domain] = {}
    rows: list[tuple[Argument, Corpus, float, bool]] = []
    for (name, use), corpus in zip(benchmark.corpora.items(), corpora, strict=True):
        chosen = corpus.card.targets.get(benchmark.target)
        if chosen is None or chosen.proxy:
            has = ", ".join(corpus.targets()) or "none"
            raise BenchmarkError(f"{name} has no labels for '{benchmark.target}'. Its targets: {has}.")
        card, label = corpus.card, corpus.card.labels[chosen.label]
        ends = None if label.lowest is None or label.highest is None else (label.lowest, label.highest)
        lowest, span = (ends[0], ends[1] - ends[0]) if ends else (0.0, 1.0)
        domains[card.id] = Domain(
            id=card.id,
            title=card.title,
            genre=use.genre or card.domain,
            construct=use.construct_ or label.title,
            bounded=ends is not None,
            levels=int(span) + 1 if ends and label.kind == "ordinal" and span == int(span) else None,
            fingerprint=card.fingerprint,
            licence=card.licence.id,
            citations=tuple(citation.text for citation in card.citations),
        )
        labelled = {
            argument.id or "": (argument, value)
            for argument in _chosen(corpus, use.only)
            if (value := corpus.target(argument, benchmark.target)) is not None
        }
        order = drawing_order(
            list(labelled),
            np.array([value for _, value in labelled.values()]),
            [groups[card.id, id] for id in labelled],
            seed=f"{benchmark.seed}/{card.id}",
        )
        for rank, id in enumerate(order[: use.train_sample or use.sample]):
            argument, value = labelled[id]
            share = (value - lowest) / span  # (Labels point upwards; mirrored ones stay within their scale.)
            rows.append((argument, corpus, share, use.sample is None or rank < use.sample))
    return Data(
        arguments=tuple(argument for argument, *_ in rows),
        corpora=tuple(corpus.card.id for _, corpus, *_ in rows),
        groups=tuple(groups[corpus.card.id, argument.id or ""] for argument, corpus, *_ in rows),
        units=tuple(corpus.unit(argument) for argument, corpus, *_ in rows),
        labels=np.array([value for *_, value, _ in rows]),
        words=np.array([count_words(argument.text) for argument, *_ in rows], dtype=float),
        tested=np.array([tested for *_, tested in rows]),
        leaks=tuple(leaks_among([(corpus.card.id, argument.id or "") for argument, corpus, *_ in rows], corpora)),
        domains=domains,
        minimal_pairs=tuple(corpus.minimal_pair(argument) for argument, corpus, *_ in rows),
    )


def _chosen(corpus: Corpus, only: Mapping[str, float]) -> list[Argument]:
    known = corpus.card.labels
    for label in only:
        if label not in known:
            raise BenchmarkError(f"only: {corpus.card.id} has no label '{label}'. {nearest(label, known)}")
    wanted = only.items()
    chosen = [each for each in corpus.arguments if all(each.labels.get(label) == value for label, value in wanted)]
    if not chosen:
        said = ", ".join(f"{label}: {value:g}" for label, value in only.items())
        raise BenchmarkError(f"only: {corpus.card.id} has no argument with {said}.")
    return chosen


def drawing_order(ids: Sequence[str], labels: Array, groups: Sequence[str], *, seed: str) -> list[str]:
    """Ids in an order of which every beginning is a fair sample: of all labels alike, of as many groups as can be.

    Five shares of the labels take turns, and within a share its groups; chance decides the rest, by the SHA-256 of
    seed and id, so that neither the order of the file nor another sample's size matters.
    """

    def chance(name: str) -> str:
        return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()

    by_chance = sorted(range(len(ids)), key=lambda place: chance(ids[place]))
    # Ties fall on either side of a share's border by chance, so that shares are of one size.
    ranked = sorted(by_chance, key=lambda place: labels[place])
    share = {place: rank * _STRATA // len(ids) for rank, place in enumerate(ranked)}
    strata: list[dict[str, list[str]]] = [defaultdict(list) for _ in range(_STRATA)]
    for place in by_chance:
        strata[share[place]][groups[place]].append(ids[place])
    turns = [
        _in_turn([members[group] for group in sorted(members, key=lambda group: chance(f"{stratum}/{group}"))])
        for stratum, members in enumerate(strata)
    ]
    return _in_turn(turns)


def _in_turn(lists: Sequence[Sequence[str]]) -> list[str]:
    """The first of each, the second of each, …"""
    return [each for each in chain.from_iterable(zip_longest(*lists)) if each is not None]
