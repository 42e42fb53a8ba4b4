"""The constructed arguments do not give themselves away: what only sees the surface cannot tell sound from broken."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold

from argqual.argument import Argument
from argqual.benchmark.analysis.minimal_pairs import Versions, measured
from argqual.benchmark.spec.vocabulary import PerturbationTest
from argqual.corpora.cards import shipped_folder
from argqual.corpora.corpus import Corpus, MinimalPair
from argqual.corpora.leaks import near_duplicates
from argqual.corpora.reading import read_corpus
from argqual.strategies.pool import read_pool
from argqual.strategies.registry import create

CRITERIA = ("relevance", "acceptability", "sufficiency")
CONNECTIVES = (
    "because since so therefore thus hence consequently accordingly but yet however although though while whereas "
    "unless"
)
HEDGES = (
    "may might perhaps probably possibly likely seems seem appears appear suggests suggest presumably roughly somewhat "
    "could generally usually often sometimes mostly tend tends"
)
QUANTIFIERS = "each every all any most many few several some"
NEGATIONS = "no not never none nobody nothing neither nor without cannot"


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return read_corpus("constructed")


@pytest.fixture(scope="module")
def twins(corpus: Corpus) -> list[MinimalPair]:
    found = [corpus.minimal_pair(argument) for argument in corpus.arguments]
    return [twin for twin in found if twin is not None]


def words(text: str) -> list[str]:
    return re.findall(r"[a-z]+(?:['’][a-z]+)?", text.lower())


def counter(listed: str) -> Callable[[str], int]:
    wanted = set(listed.split())
    return lambda text: sum(word in wanted for word in words(text))


def test_there_are_twelve_types_with_four_families_of_eight_versions(corpus: Corpus, twins: list[MinimalPair]) -> None:
    assert len(corpus.arguments) == len(twins) == len(set(twins)) == 384
    families: dict[str, set[str]] = defaultdict(set)
    for argument in corpus.arguments:
        families[argument.type or ""].add(argument.group or "")
    assert len(families) == 12 and all(len(own) == 4 for own in families.values())
    assert set(families) == set(corpus.card.argument_types)
    for type, own in families.items():
        stances = {argument.group: argument.stance for argument in corpus.arguments if argument.type == type}
        assert sorted(stances[each] or "" for each in own) == ["con", "con", "pro", "pro"], type


def test_versions_are_of_one_length(corpus: Corpus) -> None:
    lengths: dict[str, list[int]] = defaultdict(list)
    for argument in corpus.arguments:
        lengths[argument.group or ""].append(len(argument.text.split()))
    assert all(35 <= each <= 90 for own in lengths.values() for each in own)
    assert all(max(own) <= 1.1 * min(own) for own in lengths.values())


@pytest.mark.parametrize(
    ("count", "apart"),
    [
        pytest.param(lambda text: len(text.split()), 0, id="words"),
        pytest.param(lambda text: sum(map(text.count, ",;:")), 0, id="commas"),
        pytest.param(lambda text: len(re.findall(r"[.!?](?:\s|$)", text)), 0, id="sentences"),
        pytest.param(counter(CONNECTIVES), 0, id="connectives"),
        pytest.param(counter(HEDGES), 0, id="hedges"),
        pytest.param(counter(QUANTIFIERS), 0, id="quantifiers"),
        pytest.param(counter(NEGATIONS), 1, id="negations"),
    ],
)
def test_sound_and_broken_versions_of_a_style_have_as_many(
    corpus: Corpus, twins: list[MinimalPair], count: Callable[[str], int], apart: int
) -> None:
    counts: dict[tuple[str, bool], set[int]] = defaultdict(set)
    for argument, twin in zip(corpus.arguments, twins, strict=True):
        counts[twin.family, twin.polished].add(count(argument.text))
    differing = {key: sorted(own) for key, own in counts.items() if max(own) - min(own) > apart}
    assert not differing


@pytest.mark.parametrize("unseen", ["families", "types"])
@pytest.mark.parametrize("strategy", ["length", "tfidf", "surface"])
def test_what_sees_the_surface_is_at_chance(
    corpus: Corpus, twins: list[MinimalPair], strategy: str, unseen: str
) -> None:
    """Trained on other families, or on other types of argument; one half is chance."""
    arguments: list[Argument] = list(corpus.arguments)
    labels = np.array([argument.labels["quality"] for argument in arguments])
    groups = [argument.group if unseen == "families" else argument.type for argument in arguments]
    found = np.zeros(len(arguments))
    for train, test in GroupKFold(12).split(arguments, groups=groups):
        fitted = create(strategy).fit([arguments[place] for place in train], labels[train])
        found[test] = fitted.predict([arguments[place] for place in test])
    estimate = measured(Versions.of(found, twins), PerturbationTest.SENSITIVITY).estimate
    assert estimate.n == 48 and estimate.low is not None and estimate.high is not None
    assert estimate.low <= 0.5 <= estimate.high, estimate
    assert abs((estimate.value or 0) - 0.5) < 0.1


def test_demonstrations_are_of_other_types_and_their_rationales_of_one_length(corpus: Corpus) -> None:
    path = shipped_folder() / "constructed" / "demonstrations.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == len({row["id"] for row in rows}) == 48 == len(read_pool("constructed"))
    assert not {row["type"] for row in rows} & set(corpus.card.argument_types)
    assert not {row["issue"] for row in rows} & {argument.issue for argument in corpus.arguments}
    assert Counter(row["broken"] for row in rows) == dict.fromkeys((None, *CRITERIA), 12)
    for row in rows:
        lengths = [len(row["rationales"][kind].split()) for kind in ("polished", "messy", "corrupted")]
        assert max(lengths) <= 1.1 * min(lengths), row["id"]
        levels = row["levels"]
        assert (levels["overall"] >= 4) == (row["broken"] is None), row["id"]
        assert {each for each in CRITERIA if levels[each] <= 2} == ({row["broken"]} - {None}), row["id"]


def test_blind_readers_found_in_demonstrations_what_was_built_into_them() -> None:
    """What is broken, and which rationales really support the verdict: the corrupted ones must not, the others must."""
    path = shipped_folder() / "constructed" / "demonstrations.jsonl"
    for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        assert row["read"]["broken"] == row["broken"], row["id"]
        assert row["read"]["valid"] == {"polished": True, "messy": True, "corrupted": False}, row["id"]


def test_demonstrations_and_tests_share_no_text(corpus: Corpus) -> None:
    texts = [argument.text for argument in corpus.arguments]
    shown = [each.text for each in read_pool("constructed")]
    assert not [leak for leak in near_duplicates(texts + shown) if leak.first < len(texts) <= leak.second]
