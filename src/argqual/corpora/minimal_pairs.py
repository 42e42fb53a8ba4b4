"""Whether a corpus whose texts differ by design is what it is meant to be: complete, balanced, and read alike."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from argqual.corpora.corpus import Corpus, MinimalPair
from argqual.corpora.leaks import near_duplicates
from argqual.stats.estimate import Estimate, exact_if_unanimous
from argqual.stats.resampling import Array, Units, codes_of, estimate, ratio


def families_of(corpus: Corpus) -> dict[str, list[tuple[MinimalPair, str]]]:
    """The versions of each family, and their texts."""
    found: dict[str, list[tuple[MinimalPair, str]]] = defaultdict(list)
    for argument in corpus.arguments:
        if version := corpus.minimal_pair(argument):
            found[version.family].append((version, argument.text))
    return dict(found)


def complete_families(corpus: Corpus) -> int:
    """Families that have each version once."""
    assert corpus.card.minimal_pairs is not None
    versions = 2 * (1 + len(corpus.card.minimal_pairs.broken))
    return sum(
        len(own) == versions == len({(version.broken, version.polished) for version, _ in own})
        for own in families_of(corpus).values()
    )


def longest(corpus: Corpus) -> float:
    """The most words of a family's versions, as a multiple of the fewest; the largest of all families."""
    lengths = [[len(text.split()) for _, text in own] for own in families_of(corpus).values()]
    return max(max(own) / min(own) for own in lengths)


def copies_across(corpus: Corpus) -> int:
    """Texts that are nearly a text of another family."""
    rows = [(version.family, text) for own in families_of(corpus).values() for version, text in own]
    pairs = [(each.first, each.second) for each in near_duplicates([text for _, text in rows])]
    return len({place for one, two in pairs if rows[one][0] != rows[two][0] for place in (one, two)})


def read_alike(corpus: Corpus, *, draws: int = 1000) -> Iterator[tuple[str, Estimate]]:
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

    def agreement(weights: Array) -> Array:
        return ratio((built == seen) @ weights, weights.sum(axis=0))

    def by_chance(weights: Array) -> Array:
        total = weights.sum(axis=0)
        shares = [
            ratio((built == one) @ weights, total) * ratio((seen == one) @ weights, total) for one in criteria.values()
        ]
        return np.asarray(np.sum(shares, axis=0))

    def kappa(weights: Array) -> Array:
        chance = by_chance(weights)
        return ratio(agreement(weights) - chance, 1 - chance)

    settings: dict[str, Any] = {"undefined": "all was read as one version", "draws": draws, "seed": 0}
    alike = estimate(agreement, units, method="share", **settings)
    beyond = estimate(kappa, units, method="Cohen's kappa", **settings)
    if alike.value == alike.low == 1:
        alike = exact_if_unanimous(alike)
        chance = float(by_chance(np.ones((units.n, 1)))[0])
        beyond = replace(beyond, low=((alike.low or 0) - chance) / (1 - chance))
    yield "read_alike", alike
    yield "read_kappa", beyond
