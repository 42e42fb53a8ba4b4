"""Samples and folds: what may never stand on both sides does not, whatever the corpora are like."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import yaml

from argqual.argument import Argument
from argqual.benchmark.config import SPLITS, Benchmark, CorpusUse
from argqual.benchmark.data import Data, Domain, data_of, drawing_order
from argqual.benchmark.splits import check_fold, folds_of, rung_of
from argqual.corpora.cards import parse_card
from argqual.corpora.corpus import Corpus
from cardfile import CARD

WORDS = [f"word{number}" for number in range(400)]


def benchmark(*names: str, splits: tuple[str, ...] = SPLITS, **settings: object) -> Benchmark:
    more = "\n".join(f"{key}: {value}" for key, value in settings.items())
    corpora = "\n".join(f"  {name}:" for name in names)
    text = f"schema: argqual/benchmark@1\nid: b\ntitle: B\nsplits: [{', '.join(splits)}]\nfolds: 3\n{more}\n"
    # Not through `parse_benchmark`, which would look for these corpora's cards.
    return Benchmark.model_validate(yaml.safe_load(f"{text}corpora:\n{corpora}\nstrategies:\n  length:\n"))


def corpus(name: str, count: int, seed: int, *, topics: int = 8, copied: tuple[Argument, ...] = ()) -> Corpus:
    """Made-up arguments; the last ones are copies of others'."""
    rng = np.random.default_rng(seed)
    card = parse_card(
        CARD.replace("id: letters", f"id: {name}")
        + "labels:\n  quality: {title: Quality, lowest: 1, highest: 5, kind: ordinal}\ntargets:\n  overall: quality\n"
    )
    arguments = [
        Argument(
            " ".join(rng.choice(WORDS, 12)),
            id=f"{name}{number}",
            issue=f"{name} topic {rng.integers(topics)}?",
            type=str(rng.choice(["sign", "cause"])),
            labels={"quality": float(rng.integers(1, 6))},
        )
        for number in range(count)
    ]
    arguments += [
        Argument(each.text.upper(), id=f"{name}-{each.id}", issue=f"{name} copy?", labels={"quality": 2.0})
        for each in copied
    ]
    return Corpus(card, tuple(arguments))


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.mark.parametrize("seed", range(6))
def test_no_group_and_no_copy_stands_on_both_sides_of_any_fold(seed: int) -> None:
    one = corpus("one", 60, seed)
    two = corpus("two", 50, seed + 100, copied=one.arguments[:5])
    chosen = benchmark("one", "two", budgets=[0, 4])
    data = data_of(chosen, [one, two])
    folds, refused = folds_of(chosen, data)
    assert {fold.split for fold in folds} == set(SPLITS) and not refused
    for fold in folds:
        check_fold(fold, data)
        train = {data.arguments[place].text.lower() for place in fold.train}
        assert not train & {data.arguments[place].text.lower() for place in fold.test}
        assert not {data.groups[place] for place in fold.train} & {data.groups[place] for place in fold.test}
    assert len({fold.name for fold in folds}) == len(folds)
    away = next(fold for fold in folds if fold.name == "leave_one_domain_out/one")
    assert away.removed == 5 and set(away.trained_on) == {"two"}


def test_every_argument_is_tested_once_within_its_corpus() -> None:
    chosen = benchmark("one", "two", splits=("in_domain",))
    data = data_of(chosen, [corpus("one", 40, 1), corpus("two", 40, 2)])
    folds, _ = folds_of(chosen, data)
    assert Counter(place for fold in folds for place in fold.test) == Counter(range(len(data)))
    assert all(set(fold.trained_on) == {fold.tested_on} and fold.rung == "topic" for fold in folds)


def test_what_is_for_training_only_is_never_tested() -> None:
    chosen = benchmark("one", "two", splits=("in_domain", "leave_one_domain_out"))
    part = CorpusUse(sample=20, train_sample=40)
    chosen = chosen.model_copy(update={"corpora": {"one": part, "two": CorpusUse()}})
    data = data_of(chosen, [corpus("one", 60, 1), corpus("two", 30, 2)])
    assert Counter(data.corpora) == {"one": 40, "two": 30} and data.tested.sum() == 50
    for fold in folds_of(chosen, data)[0]:
        assert data.tested[list(fold.test)].all()
    away = next(fold for fold in folds_of(chosen, data)[0] if fold.name == "leave_one_domain_out/two")
    assert len(away.train) == 40


def test_a_larger_budget_holds_the_labels_of_a_smaller_one() -> None:
    chosen = benchmark("one", "two", splits=("label_budget",), budgets=[0, 4, 16, 500])
    data = data_of(chosen, [corpus("one", 60, 1), corpus("two", 60, 2)])
    folds, refused = folds_of(chosen, data)
    own = {
        (fold.budget, fold.name.rpartition("/")[2]): {each for each in fold.train if data.corpora[each] == "one"}
        for fold in folds
        if fold.tested_on == "one"
    }
    for number in "123":
        assert [len(own[budget, number]) for budget in (0, 4, 16)] == [0, 4, 16]
        assert own[4, number] < own[16, number]
    assert len(refused) == 6 and "not 500" in refused[0].reason


def test_what_cannot_be_made_is_refused_with_its_reason() -> None:
    chosen = benchmark("one", "two", splits=("in_domain", "leave_one_type_out", "leave_one_topic_out"))
    lonely = corpus("one", 30, 1, topics=1)
    data = data_of(chosen, [lonely, corpus("two", 15, 2)])
    _, refused = folds_of(chosen, data)
    said = {each.name: each.reason for each in refused}
    assert said["in_domain/one"] == "one has 1 groups of topics, too few for 3 folds."
    assert said["leave_one_topic_out/one"] == "one is one group of topics."


def test_a_fold_that_leaks_is_found_by_the_check() -> None:
    chosen = benchmark("one", "two", splits=("leave_one_domain_out",))
    data = data_of(chosen, [corpus("one", 30, 1), corpus("two", 30, 2)])
    fold = folds_of(chosen, data)[0][0]
    with pytest.raises(AssertionError, match="stand on both sides"):
        check_fold(type(fold)(**(vars(fold) | {"train": fold.train + fold.test[:1]})), data)


def test_another_corpus_or_a_larger_sample_does_not_shift_a_sample() -> None:
    one, two = corpus("one", 60, 1), corpus("two", 40, 2)
    small = drawing_order([each.id or "" for each in one.arguments], np.arange(60.0), ["g"] * 60, seed="0/one")
    assert (
        small[:10]
        == drawing_order(
            [each.id or "" for each in reversed(one.arguments)], np.arange(60.0)[::-1], ["g"] * 60, seed="0/one"
        )[:10]
    )
    alone = data_of(benchmark("one", splits=("in_domain",)), [one])
    both = data_of(benchmark("one", "two", splits=("in_domain",)), [one, two])
    assert [each.id for each in alone.arguments] == [each.id for each in both.arguments[:60]]


def test_a_sample_takes_all_labels_and_all_topics_alike() -> None:
    labels = np.repeat([0.0, 1.0, 2.0, 3.0, 4.0], 20)
    groups = [f"t{number % 10}" for number in range(100)]
    first = drawing_order([str(number) for number in range(100)], labels, groups, seed="s")[:20]
    places = [int(id) for id in first]
    assert Counter(labels[places]) == {0.0: 4, 1.0: 4, 2.0: 4, 3.0: 4, 4.0: 4}
    assert len({groups[place] for place in places}) >= 8


def test_the_ladder_goes_by_genre_and_by_what_was_judged() -> None:
    def domain(genre: str, construct: str) -> Domain:
        return Domain("x", "X", genre, construct, True, 5, "f", "CC0-1.0", ())

    domains = {"a": domain("post", "quality"), "b": domain("post", "quality"), "c": domain("speech", "quality")}
    domains["d"] = domain("speech", "cogency")
    data = Data((), (), (), (), np.empty(0), np.empty(0), np.empty(0, dtype=bool), (), domains)
    assert [rung_of([one], ["a"], data) for one in "abcd"] == ["topic", "corpus", "genre", "construct"]
    assert rung_of(["d", "c"], ["a"], data) == "genre"
