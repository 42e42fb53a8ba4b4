"""Groups of arguments that must never be split between training and test.

What belongs together: one topic; copies and near-copies; what a card's `group` column says; what a card
knows to be the same argument as one of another corpus. Claims that are quoted in a text of another group
are not joined to it, but have to leave training when that text is tested: `leaking_into`.

Comparing all texts takes a while, so what was found is kept in the cache (places only, no texts), under
everything it depends on.
"""

import hashlib
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from argqual.corpora.corpus import Corpus
from argqual.corpora.fetch import cache_folder
from argqual.corpora.leaks import Kind, Leak, Leaks, Text, find_leaks, leak_groups, topic_key
from argqual.errors import CorpusError

_VERSION = 3  # of how texts are compared; another one finds nothing that was kept


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
    """What comparing all texts found, and the groups that follow from it.

    `quoted`: texts that stand inside one of another group.
    """

    shared: tuple[Shared, ...]
    texts: int
    groups: int
    largest: int
    largest_group: str
    quoted: int


def groups_of(corpora: Sequence[Corpus]) -> dict[tuple[str, str], str]:
    """The group of every text, by corpus and id; excluded texts have one too.

    `corpora` are all that are used together: a group may span several.
    """
    rows = _rows(corpora)
    names = leak_groups(rows, _leaks(corpora, rows))
    return {(row.corpus, row.id): name for row, name in zip(rows, names, strict=True)}


def leaking_into(test: Iterable[tuple[str, str]], corpora: Sequence[Corpus]) -> set[tuple[str, str]]:
    """The texts that have to leave training when some are tested: copies, near-copies, quotations, links.

    `test` has corpus and id of each tested text.
    """
    rows = _rows(corpora)
    places = {(row.corpus, row.id): place for place, row in enumerate(rows)}
    found = _leaks(corpora, rows).touching(places[each] for each in test)
    return {(rows[place].corpus, rows[place].id) for place in found}


def leaks_among(texts: Sequence[tuple[str, str]], corpora: Sequence[Corpus]) -> list[frozenset[int]]:
    """For each of some texts, by corpus and id, the places of those among them that leak into it."""
    rows = _rows(corpora)
    places = {(row.corpus, row.id): place for place, row in enumerate(rows)}
    own = {places[text]: number for number, text in enumerate(texts)}
    leaks = _leaks(corpora, rows)
    return [frozenset(own[each] for each in leaks.touching([place]) if each in own) for place in own]


def _leaks(corpora: Sequence[Corpus], rows: Sequence[Text]) -> Leaks:
    """What the corpora's rows share; computed once for the same texts."""
    linked = tuple(_linked(corpora, rows))
    digest = hashlib.sha256(f"{_VERSION}".encode())
    for row in rows:
        digest.update(json.dumps([row.corpus, row.id, row.text]).encode())
    path = cache_folder() / ".leaks" / f"{digest.hexdigest()[:32]}.json"
    found = _kept(path, len(rows))
    if found is None:
        found = find_leaks(rows).leaks
        _keep(path, found)
    return Leaks(found, linked)


def summary_of(corpora: Sequence[Corpus]) -> Summary:
    """What corpora share, pair by pair, and the groups that follow from it."""
    rows = _rows(corpora)
    leaks = _leaks(corpora, rows)
    named = leak_groups(rows, leaks)
    groups = Counter(named)
    (largest, size), *_ = groups.most_common(1)
    quoted = {one for one, other in leaks.pairs("contained") if named[one] != named[other]}
    found = _shared_texts(rows, leaks)
    topics = _topics(corpora)
    shared = []
    for first, second in product(topics, repeat=2):
        counts = [len(found.get((kind, first, second), ())) for kind in _KINDS]
        counts.append(len(topics[first] & topics[second]) if first != second else 0)
        if any(counts):
            shared.append(Shared(first, second, *counts))
    return Summary(tuple(shared), len(rows), len(groups), size, largest, len(quoted))


def overlap_counts(corpus: Corpus, other: Corpus) -> dict[str, int]:
    """How many texts of a corpus stand in another, by the kinds that cards know.

    `same_text`: copies and near-copies. `inside`: at least half of it stands in a longer text. `same_topic`: topics.
    """
    pair = sorted((corpus, other), key=lambda each: each.card.id)  # so that both directions are compared once
    rows = _rows(pair)
    found = _shared_texts(rows, _leaks(pair, rows))
    copies, near, inside = (found.get((kind, corpus.card.id, other.card.id), set()) for kind in _KINDS)
    one, two = _topics(pair).values()
    return {"same_text": len(copies | near), "inside": len(inside), "same_topic": len(one & two)}


_KINDS: tuple[Kind, ...] = ("duplicate", "near_duplicate", "contained")


def _shared_texts(rows: Sequence[Text], leaks: Leaks) -> dict[tuple[Kind, str, str], set[int]]:
    """Places of the texts of a corpus that stand in a corpus, by kind; of copies within one, all but the first."""
    found: dict[tuple[Kind, str, str], set[int]] = defaultdict(set)
    for same in leaks.copies.values():
        for place, one in enumerate(same):
            for other in same[:place]:
                found["duplicate", rows[one].corpus, rows[other].corpus].add(one)
                if rows[one].corpus != rows[other].corpus:
                    found["duplicate", rows[other].corpus, rows[one].corpus].add(other)
    for one, other in leaks.pairs("near_duplicate"):
        found["near_duplicate", rows[one].corpus, rows[other].corpus].add(one)
        found["near_duplicate", rows[other].corpus, rows[one].corpus].add(other)
    for one, other in leaks.pairs("contained"):
        found["contained", rows[one].corpus, rows[other].corpus].add(one)
    return found


def _topics(corpora: Sequence[Corpus]) -> dict[str, set[str]]:
    return {
        corpus.card.id: {topic_key(argument.issue) for argument in corpus.texts if argument.issue} for corpus in corpora
    }


def _rows(corpora: Sequence[Corpus]) -> list[Text]:
    names = Counter(corpus.card.id for corpus in corpora)
    if twice := [name for name, times in names.items() if times > 1]:
        raise CorpusError(f"Two corpora are called '{twice[0]}'.", hint="Give one of the cards another id.")
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


def _kept(path: Path, rows: int) -> tuple[Leak, ...] | None:
    """What was found before; None when nothing was, or the file is broken."""
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        found = tuple(Leak(*each) for each in read)
        inside = all(0 <= place < rows for leak in found for place in (leak.first, leak.second))
        return found if isinstance(read, list) and inside else None
    except (OSError, ValueError, TypeError):
        return None


def _keep(path: Path, leaks: Sequence[Leak]) -> None:
    """Keep what was found; a cache that cannot be written is no reason to stop."""
    scratch = path.with_suffix(f".{os.getpid()}.tmp")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_text(json.dumps([[each.kind, each.first, each.second, each.share] for each in leaks]))
        scratch.replace(path)
