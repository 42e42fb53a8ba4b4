"""Groups of arguments that must never be split between training and test.

What belongs together: one topic; copies and near-copies; a claim and the speech it is quoted in; what a
card's `group` column says; what a card knows to be the same argument as one of another corpus.

Comparing all texts takes a while, so what was found is kept in the cache (places only, no texts), under
everything it depends on.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from argqual.corpora.corpus import Corpus
from argqual.corpora.fetch import cache_folder
from argqual.corpora.leaks import Leak, Leaks, Text, find_leaks, leak_groups, topic_key

_VERSION = 1  # of how texts are compared; another one finds nothing that was kept


@dataclass(frozen=True)
class Shared:
    """How many texts of `first` stand in `second`, which may be itself, and how many topics both have.

    `copies`: word for word but for case and punctuation, beyond the first within one corpus. `near`: nearly
    so. `inside`: as part of a longer text.
    """

    first: str
    second: str
    copies: int
    near: int
    inside: int
    topics: int


@dataclass(frozen=True)
class Summary:
    """What comparing all texts found, and the groups that follow from it."""

    shared: tuple[Shared, ...]
    texts: int
    groups: int
    largest: int
    largest_group: str


def groups_of(corpora: Sequence[Corpus]) -> dict[tuple[str, str], str]:
    """The group of every text, by corpus and id; excluded texts have one too.

    Parameters
    ----------
    corpora
        All that are used together: a group may span several.
    """
    rows = _rows(corpora)
    names = leak_groups(rows, leaks_of(corpora))
    return {(row.corpus, row.id): name for row, name in zip(rows, names, strict=True)}


def leaks_of(corpora: Sequence[Corpus]) -> Leaks:
    """What the texts of the corpora share; computed once for the same texts."""
    rows = _rows(corpora)
    linked = tuple(_linked(corpora, rows))
    path = cache_folder() / ".leaks" / f"{_digest(rows)}.json"
    found = _kept(path, len(rows))
    if found is None:
        found = find_leaks(rows).leaks
        _keep(path, found)
    return Leaks(rows=tuple(rows), leaks=tuple(found), linked=linked)


def summary_of(corpora: Sequence[Corpus]) -> Summary:
    """What corpora share, pair by pair, and the groups that follow from it."""
    rows = _rows(corpora)
    leaks = leaks_of(corpora)
    groups = Counter(leak_groups(rows, leaks))
    topics = {
        corpus.card.id: {topic_key(argument.issue) for argument in corpus.texts if argument.issue} for corpus in corpora
    }
    texts: dict[tuple[str, str, str], set[int]] = {}
    for leak in leaks.leaks:
        first, second = rows[leak.first].corpus, rows[leak.second].corpus
        texts.setdefault((first, second, leak.kind), set()).add(leak.first)
        if leak.kind != "contained" and first != second:
            texts.setdefault((second, first, leak.kind), set()).add(leak.second)
    shared = []
    for place, first in enumerate(topics):
        for second in list(topics)[place:]:
            pairs = [(first, second)] if first == second else [(first, second), (second, first)]
            for one, other in pairs:
                counts = [
                    len(texts.get((one, other, kind), ())) for kind in ("duplicate", "near_duplicate", "contained")
                ]
                same = len(topics[one] & topics[other]) if one != other else 0
                if any(counts) or same:
                    shared.append(Shared(one, other, *counts, same))
    (largest, size), *_ = groups.most_common(1)
    return Summary(tuple(shared), len(rows), len(groups), size, largest)


def overlap_counts(corpus: Corpus, other: Corpus) -> dict[str, int]:
    """How many texts of a corpus stand in another, by the kinds that cards know.

    `same_text`: copies and near-copies. `inside`: at least half of it stands in a longer text. `same_topic`: topics.
    """
    rows = _rows([corpus, other])
    found: dict[str, set[int]] = {"same_text": set(), "inside": set()}
    for leak in leaks_of([corpus, other]).leaks:
        places = [place for place in (leak.first, leak.second) if rows[place].corpus == corpus.card.id]
        if len(places) != 1:  # both in one of the two
            continue
        if leak.kind != "contained":
            found["same_text"].add(places[0])
        elif places[0] == leak.first:
            found["inside"].add(places[0])
    topics = [{topic_key(each.issue) for each in one.texts if each.issue} for one in (corpus, other)]
    return {kind: len(texts) for kind, texts in found.items()} | {"same_topic": len(topics[0] & topics[1])}


def _rows(corpora: Sequence[Corpus]) -> list[Text]:
    return [
        Text(corpus.card.id, argument.id or "", argument.text, argument.issue)
        for corpus in corpora
        for argument in corpus.texts
    ]


def _linked(corpora: Sequence[Corpus], rows: Sequence[Text]) -> Iterator[tuple[int, int]]:
    """Pairs of rows that cards say are one argument, or belong together."""
    places = {(row.corpus, row.id): place for place, row in enumerate(rows)}
    first: dict[tuple[str, str], int] = {}
    for corpus in corpora:
        own = corpus.card.id
        for argument in corpus.texts:
            place = places[own, argument.id or ""]
            if argument.group is not None:
                yield first.setdefault((own, argument.group), place), place
            for overlap in corpus.card.overlaps:
                if overlap.by == "id" and (overlap.corpus, argument.id or "") in places:
                    yield place, places[overlap.corpus, argument.id or ""]


def _digest(rows: Sequence[Text]) -> str:
    digest = hashlib.sha256(f"{_VERSION}".encode())
    for row in rows:
        digest.update(json.dumps([row.corpus, row.id, row.text]).encode())
    return digest.hexdigest()[:32]


def _kept(path: Path, rows: int) -> list[Leak] | None:
    """What was found before; None when nothing was, or the file is broken."""
    try:
        found = [Leak(*each) for each in json.loads(path.read_text(encoding="utf-8"))]
        return found if all(0 <= leak.first < rows and 0 <= leak.second < rows for leak in found) else None
    except (OSError, ValueError, TypeError):
        return None


def _keep(path: Path, leaks: Sequence[Leak]) -> None:
    """Keep what was found; a cache that cannot be written is no reason to stop."""
    scratch = path.with_suffix(f".{os.getpid()}.tmp")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_text(json.dumps([[each.kind, each.first, each.second, each.share] for each in leaks]))
        scratch.replace(path)
