"""The sample: who is in it, and what is known of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from argqual.argument import Argument
from argqual.benchmark.running.data import data_of, drawing_order
from argqual.benchmark.spec.schema import CorpusUse
from argqual.corpora.cards import parse_card
from argqual.corpora.corpus import Corpus
from argqual.errors import BenchmarkError
from cardfile import CARD
from madeup import benchmark, corpus

within = partial(benchmark, splits=("in_domain",))


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path_factory.mktemp("cache")))


# Drawing


def test_another_corpus_or_a_larger_sample_does_not_shift_a_sample() -> None:
    one, two = corpus("one", 60, 1), corpus("two", 40, 2)
    small = drawing_order([each.id or "" for each in one.arguments], np.arange(60.0), ["g"] * 60, seed="0/one")
    assert (
        small[:10]
        == drawing_order(
            [each.id or "" for each in reversed(one.arguments)], np.arange(60.0)[::-1], ["g"] * 60, seed="0/one"
        )[:10]
    )
    alone = data_of(within("one"), [one])
    both = data_of(within("one", "two"), [one, two])
    assert [each.id for each in alone.arguments] == [each.id for each in both.arguments[:60]]


def test_a_sample_takes_all_labels_and_all_topics_alike() -> None:
    labels = np.repeat([0.0, 1.0, 2.0, 3.0, 4.0], 20)
    groups = [f"t{number % 10}" for number in range(100)]
    first = drawing_order([str(number) for number in range(100)], labels, groups, seed="s")[:20]
    places = [int(id) for id in first]
    assert Counter(labels[places]) == {0.0: 4, 1.0: 4, 2.0: 4, 3.0: 4, 4.0: 4}
    assert len({groups[place] for place in places}) >= 8


@pytest.mark.parametrize("seed", range(5))
def test_a_sample_holds_every_smaller_one(seed: int) -> None:
    made = corpus("one", 90, seed)
    sizes = (20, 35, 60, 90)
    ids = []
    for size in sizes:
        chosen = within("one").model_copy(update={"corpora": {"one": CorpusUse(sample=size)}})
        ids.append({each.id for each in data_of(chosen, [made]).arguments})
    assert [len(each) for each in ids] == list(sizes)
    assert all(less < more for less, more in pairwise(ids))


def test_a_sample_has_the_labels_of_the_whole_and_nearly_all_its_topics() -> None:
    rng = np.random.default_rng(0)
    labels = rng.beta(5, 1, 3000)  # left-skewed, as labels of crowds are
    groups = [f"t{number}" for number in rng.integers(60, size=3000)]
    first = drawing_order([str(number) for number in range(3000)], labels, groups, seed="s")[:150]
    places = np.array([int(id) for id in first])
    for share in (0.2, 0.4, 0.6, 0.8):
        assert (labels[places] <= np.quantile(labels, share)).mean() == pytest.approx(share, abs=0.01)
    counts = Counter(groups[place] for place in places)
    assert len(counts) >= 55 and max(counts.values()) <= 5  # at random, a topic would have up to 7


def test_seeds_draw_different_samples_and_a_corpus_has_its_own() -> None:
    made = corpus("one", 80, 1)

    def ids(seed: int) -> set[str | None]:
        chosen = within("one", seed=seed)
        chosen = chosen.model_copy(update={"corpora": {"one": CorpusUse(sample=30)}})
        return {each.id for each in data_of(chosen, [made]).arguments}

    assert ids(0) == ids(0) != ids(1)


def test_what_is_trained_on_only_comes_on_top_of_what_is_tested() -> None:
    made = corpus("one", 80, 1)

    def drawn(**sizes: int) -> tuple[list[str | None], list[bool]]:
        chosen = within("one").model_copy(update={"corpora": {"one": CorpusUse(**sizes)}})
        data = data_of(chosen, [made])
        return [each.id for each in data.arguments], data.tested.tolist()

    tested, all_tested = drawn(sample=30)
    trained, flags = drawn(sample=30, train_sample=50)
    assert all(all_tested) and trained[:30] == tested
    assert flags == [True] * 30 + [False] * 20
    assert len(drawn(sample=30, train_sample=5000)[0]) == 80  # as many as there are


# What is known of each


def scored(name: str, label: str, values: list[float | None], *, more: str = "") -> Corpus:
    card = parse_card(CARD.replace("id: letters", f"id: {name}") + f"labels: {{q: {label}}}\n{more}")
    return Corpus(
        card,
        tuple(
            Argument(
                f"{name} says {number} {'more ' * number}.",
                id=f"{name}{number}",
                issue=f"{name} {number % 3}?",
                stance="pro" if number % 2 else "con",
                labels={} if value is None else {"q": value},
            )
            for number, value in enumerate(values)
        ),
    )


OVERALL = "targets: {overall: q}\n"


def test_labels_of_a_bounded_scale_go_from_0_to_1_and_others_stay_as_released() -> None:
    steps = scored("steps", "{title: Steps, lowest: 1, highest: 5, kind: ordinal}", [1, 2, 5], more=OVERALL)
    share = scored("share", "{title: Share, lowest: 0, highest: 1, kind: share}", [0.25, 1], more=OVERALL)
    open_ = scored("open", "{title: Open}", [-2.5, 7], more=OVERALL)
    data = data_of(within("steps", "share", "open"), [steps, share, open_])
    found = {argument.id: label for argument, label in zip(data.arguments, data.labels, strict=True)}
    assert found == {"steps0": 0, "steps1": 0.25, "steps2": 1, "share0": 0.25, "share1": 1, "open0": -2.5, "open1": 7}
    assert [(each.bounded, each.levels) for each in data.domains.values()] == [(True, 5), (True, None), (False, None)]


def test_what_has_no_label_is_not_there() -> None:
    data = data_of(within("one"), [scored("one", "{title: Q}", [1, None, 3, None], more=OVERALL)])
    assert sorted(argument.id or "" for argument in data.arguments) == ["one0", "one2"]


@pytest.mark.parametrize("more", ["", "targets: {overall: {label: q, proxy: true}}\n"])
def test_a_corpus_without_the_target_is_refused(more: str) -> None:
    with pytest.raises(BenchmarkError, match=r"one has no labels for 'overall'\. Its targets: none\."):
        data_of(within("one"), [scored("one", "{title: Q}", [1, 2], more=more)])


def test_units_words_and_groups_go_with_the_argument() -> None:
    by_topic = scored("one", "{title: Q}", [1, 2, 3, 4], more=OVERALL + "unit: topic_and_stance\n")
    data = data_of(within("one"), [by_topic])
    row = {argument.id: place for place, argument in enumerate(data.arguments)}
    assert [data.units[row[f"one{number}"]] for number in range(3)] == [
        "one/one 0?/con",
        "one/one 1?/pro",
        "one/one 2?/con",
    ]
    assert [data.words[row[f"one{number}"]] for number in range(4)] == [4, 5, 6, 7]
    assert data.groups[row["one0"]] == data.groups[row["one3"]] != data.groups[row["one1"]]


def test_a_domain_says_what_it_is_unless_the_benchmark_says_otherwise() -> None:
    made = [scored(name, "{title: Quality}", [1, 2], more=OVERALL) for name in ("one", "two")]
    chosen = within("one", "two")
    own = CorpusUse.model_validate({"genre": "post", "construct": "worth"})
    data = data_of(chosen.model_copy(update={"corpora": {"one": CorpusUse(), "two": own}}), made)
    assert [(each.genre, each.construct) for each in data.domains.values()] == [
        ("letter", "Quality"),
        ("post", "worth"),
    ]


def test_a_quotation_leaks_both_ways_and_joins_no_group() -> None:
    one, two = corpus("one", 30, 1), corpus("two", 30, 2)
    quoting = " ".join([one.arguments[0].text, *two.arguments[0].text.split(), "and", "so", "on"])
    two = replace(two, arguments=(replace(two.arguments[0], text=quoting), *two.arguments[1:]))
    data = data_of(within("one", "two"), [one, two])
    row = {argument.id: place for place, argument in enumerate(data.arguments)}
    assert data.leaking_into([row["one0"]]) == {row["two0"]} and data.leaking_into([row["two0"]]) == {row["one0"]}
    assert data.leaking_into([row["one0"], row["two0"]]) == set()
    assert data.groups[row["one0"]] != data.groups[row["two0"]]
