"""What texts share: copies, near-copies, claims inside speeches; and the groups that no split may cut.

Comparison is of words: case, punctuation, white space and the many ways to encode a character do not
hide a copy. Candidates for near-copies come from MinHash (Broder 1997), and each is then compared exactly,
so nothing is reported that is not so. Paraphrases are not found.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Literal

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

NEAR = 0.7  # share of word triples that near-copies have in common (Jaccard)
INSIDE = 0.5  # share of a text's 8-grams that stand in a longer one
_SHINGLE = 3
_GRAM = 8
_BANDS, _ROWS = 32, 4  # two texts at .7 become candidates with a probability of .9998
_SEED = 1
_COMMON = 200  # texts that have an 8-gram in common; more is a formula of the genre, not a quotation
_WORD = re.compile(r"\w+")
_UNSEEN = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")  # soft hyphens, zero-width spaces and joiners
_NOT_TOPIC = re.compile(r"^(?:we should|should we)\b|\b(?:the|an?)\b")

Kind = Literal["duplicate", "near_duplicate", "contained"]


@dataclass(frozen=True, slots=True)
class Text:
    """One text to compare: where it stands, and what it is about."""

    corpus: str
    id: str
    text: str
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Leak:
    """Two texts that have too much in common, as places in what was compared.

    `share` is 1 for a duplicate, the Jaccard similarity of word triples for a near-duplicate, and for
    `contained` the share of the first's 8-grams that stand in the second.
    """

    kind: Kind
    first: int
    second: int
    share: float


def normalised(text: str) -> str:
    """The words of a text in lower case, a space between each."""
    seen = unicodedata.normalize("NFKC", _UNSEEN.sub("", text))
    return " ".join(_WORD.findall(seen.casefold().replace("_", " ")))


@lru_cache(maxsize=10_000)  # topics are few, rows are many
def topic_key(topic: str) -> str:
    """A topic without what its spelling varies in: case, punctuation, articles, a leading "we should".

    A topic of nothing else, such as one that is called "A", is its own key.
    """
    words = normalised(topic)
    return " ".join(_NOT_TOPIC.sub(" ", words).split()) or words


def _grams(words: Sequence[str], length: int) -> set[str]:
    return {" ".join(words[start : start + length]) for start in range(len(words) - length + 1)}


def duplicates(texts: Sequence[str]) -> list[list[int]]:
    """Places of texts with the same words, in sets of two and more; texts without any word are left out."""
    return _same([normalised(text) for text in texts])


def _same(texts: Sequence[str]) -> list[list[int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for place, text in enumerate(texts):
        if text:
            places[text].append(place)
    return [same for same in places.values() if len(same) > 1]


def near_duplicates(texts: Sequence[str], *, threshold: float = NEAR) -> list[Leak]:
    """Copies, each with the one before it, and pairs of different texts that share most of their word triples.

    `threshold` is the least Jaccard similarity of the sets of word triples; below .6 some pairs may be missed. A text
    of fewer than three words is one shingle, and so only ever a copy.
    """
    words = [normalised(text) for text in texts]
    leaks = [Leak("duplicate", first, second, 1.0) for same in _same(words) for first, second in pairwise(same)]
    places = _firsts(words)
    shingles = [_grams(words[place].split(), _SHINGLE) or {words[place]} for place in places]
    for one, other in _candidates(shingles):
        common = len(shingles[one] & shingles[other])
        share = common / (len(shingles[one]) + len(shingles[other]) - common)
        if share >= threshold:
            leaks.append(Leak("near_duplicate", places[one], places[other], share))
    return leaks


def _firsts(words: Sequence[str]) -> list[int]:
    """Places of texts that no earlier one is a copy of."""
    return sorted({text: place for place, text in reversed(list(enumerate(words))) if text}.values())


def _candidates(shingles: Sequence[set[str]]) -> list[tuple[int, int]]:
    """Pairs of sets that agree in a band of their MinHash signatures."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(num_perm=_BANDS * _ROWS, params=(_BANDS, _ROWS))
    encoded = [[each.encode() for each in sorted(shingle)] for shingle in shingles]
    found = []
    for place, sketch in enumerate(MinHash.generator(encoded, num_perm=_BANDS * _ROWS, seed=_SEED)):
        found += [(earlier, place) for earlier in index.query(sketch)]
        index.insert(place, sketch, check_duplication=False)
    return sorted(found)


def _quotations(texts: Sequence[str]) -> list[Leak]:
    """Texts of which at least half of the 8-grams stand in one other text; of copies only the first is looked at.

    A text of fewer than eight words cannot be judged and is never reported.
    """
    words = [normalised(text) for text in texts]
    places = _firsts(words)
    own = [words[place].split() for place in places]
    holders: dict[str, list[int]] = defaultdict(list)
    for number, each in enumerate(own):
        for gram in _grams(each, _GRAM):
            holders[gram].append(number)
    index = {gram: found for gram, found in holders.items() if 1 < len(found) <= _COMMON}
    leaks = []
    for first, place in enumerate(places):
        grams = _grams(own[first], _GRAM)
        found = Counter(second for gram in grams for second in index.get(gram, ()) if second != first)
        leaks += [
            Leak("contained", place, places[second], count / len(grams))
            for second, count in sorted(found.items())
            if count >= INSIDE * len(grams)
        ]
    return leaks


@dataclass(frozen=True)
class Leaks:
    """What was found among rows, and pairs of rows that belong together for another reason.

    Of several copies each is linked to the one before it, and only the first is compared with other texts.
    """

    leaks: tuple[Leak, ...]
    linked: tuple[tuple[int, int], ...] = ()

    @cached_property
    def _first(self) -> dict[int, int]:
        """The first copy of each text that is one."""
        first: dict[int, int] = {}
        for leak in self.leaks:
            if leak.kind == "duplicate":
                first[leak.second] = first.get(leak.first, leak.first)
        return first

    @cached_property
    def copies(self) -> dict[int, list[int]]:
        """First copy to the places of all texts with the same words, itself among them."""
        copies: dict[int, list[int]] = defaultdict(list)
        for place, first in self._first.items():
            copies[first].append(place)
        return {first: [first, *places] for first, places in copies.items()}

    def pairs(self, kind: Kind) -> list[tuple[int, int]]:
        """Pairs of near-duplicates, or of texts inside others, each with all its copies."""
        return [
            (one, other)
            for leak in self.leaks
            if leak.kind == kind
            for one in self.copies.get(leak.first, [leak.first])
            for other in self.copies.get(leak.second, [leak.second])
        ]

    def touching(self, places: Iterable[int]) -> set[int]:
        """The rows that share a text, or a link, with any of some rows; those rows themselves not among them.

        What has to leave the training rows when folds are topics and leaks cross topics. A copy shares
        whatever the text it copies does, links included.
        """
        own = set(places)
        tested = {self._first.get(place, place) for place in own}
        found = tested.union(*(self._akin[first] for first in tested if first in self._akin))
        return {place for first in found for place in self.copies.get(first, [first])} - own

    @cached_property
    def _akin(self) -> dict[int, set[int]]:
        """The first copy of a text to those of the texts that it shares a part or a link with."""
        akin: dict[int, set[int]] = defaultdict(set)
        for pair in (*((leak.first, leak.second) for leak in self.leaks), *self.linked):
            one, two = (self._first.get(place, place) for place in pair)
            akin[one].add(two)
            akin[two].add(one)
        return dict(akin)


def find_leaks(rows: Sequence[Text]) -> Leaks:
    """Everything that the texts of rows share."""
    texts = [row.text for row in rows]
    near = near_duplicates(texts)
    told = {(leak.first, leak.second) for leak in near}
    inside = [leak for leak in _quotations(texts) if not told & {(leak.first, leak.second), (leak.second, leak.first)}]
    return Leaks((*near, *inside))


def leak_groups(rows: Sequence[Text], leaks: Leaks) -> list[str]:
    """A name for each row; rows with a topic, a text or a link in common have the same one.

    Quotations do not join: claims about one topic stand in speeches about others, so joining them would make one group
    of most of them. A splitter takes what `Leaks.touching` the test rows out of training instead.

    A name is the first topic of its group, or corpus and id of its first row where it has no topic, and does not depend
    on the order of the rows. No two groups have one name, as long as no two rows have both corpus and id in common.
    """
    pairs = [(leak.first, leak.second) for leak in leaks.leaks if leak.kind != "contained"] + list(leaks.linked)
    keys = [topic_key(row.topic) if row.topic else "" for row in rows]
    first: dict[str, int] = {}
    pairs += [(first.setdefault(key, place), place) for place, key in enumerate(keys) if key]
    one, other = np.array(pairs, dtype=int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(len(rows), len(rows)))
    _, components = connected_components(graph, directed=False)
    names: dict[int, tuple[str, str, str]] = {}
    for component, key, row in zip(components, keys, rows, strict=True):
        name = (key or "\uffff", row.corpus, row.id)
        names[component] = min(names.get(component, name), name)
    shown = {}
    for component, (key, corpus, id) in names.items():
        # The first slash ends the corpus, and topic keys have none, so no two names meet.
        path = f"{corpus.replace('%', '%25').replace('/', '%2F')}/{id}"
        shown[component] = path if key == "\uffff" else key
    return [shown[component] for component in components]
