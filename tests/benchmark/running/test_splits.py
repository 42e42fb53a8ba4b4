"""Samples and folds: what may never stand on both sides does not, whatever the corpora are like."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from argqual.argument import Argument
from argqual.benchmark.running.data import Data, Domain, data_of
from argqual.benchmark.running.splits import check_fold, folds_of, rung_of
from argqual.benchmark.spec.schema import CorpusUse
from argqual.benchmark.spec.vocabulary import Split
from argqual.corpora.corpus import Corpus
from argqual.errors import BenchmarkError
from madeup import WORDS, benchmark, corpus


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
    assert {fold.split for fold in folds} == set(Split) and not refused
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
    torn = tuple(sorted((*fold.train, fold.test[0])))
    with pytest.raises(AssertionError, match=r"the groups .* stand on both sides"):
        check_fold(replace(fold, train=torn), data)
    with pytest.raises(AssertionError, match="its places do not rise"):
        check_fold(replace(fold, test=fold.test[::-1]), data)
    unseen = replace(data, groups=tuple(map(str, range(len(data)))))
    copied = replace(unseen, arguments=(*data.arguments[:-1], data.arguments[fold.test[0]]))
    with pytest.raises(AssertionError, match=r"the texts of \['one"):
        check_fold(replace(fold, train=(len(data) - 1,)), copied)
    quoted = tuple(frozenset(fold.test) if place in fold.train else each for place, each in enumerate(data.leaks))
    quoted = tuple(frozenset(fold.train) if place in fold.test else each for place, each in enumerate(quoted))
    with pytest.raises(AssertionError, match="30 training arguments leak into the test"):
        check_fold(fold, replace(data, leaks=quoted))
    with pytest.raises(AssertionError, match="for training only"):
        check_fold(fold, replace(data, tested=np.zeros(len(data), dtype=bool)))


def test_the_ladder_goes_by_genre_and_by_what_was_judged() -> None:
    def domain(genre: str, construct: str) -> Domain:
        return Domain("x", "X", genre, construct, True, 5, "f", "CC0-1.0", ())

    domains = {"a": domain("post", "quality"), "b": domain("post", "quality"), "c": domain("speech", "quality")}
    domains["d"] = domain("speech", "cogency")
    data = Data((), (), (), (), np.empty(0), np.empty(0), np.empty(0, dtype=bool), (), domains)
    assert [rung_of([one], ["a"], data) for one in "abcd"] == ["topic", "corpus", "genre", "construct"]
    assert rung_of(["d", "c"], ["a"], data) == "genre"


def tangled(seed: int) -> list[Corpus]:
    """Three corpora with topics in common, copies, near-copies, and short texts that longer ones quote."""
    rng = np.random.default_rng(seed)
    made = [corpus(name, int(rng.integers(45, 70)), seed * 3 + number) for number, name in enumerate("abc")]
    changed = []
    for one, other in zip(made, made[1:] + made[:1], strict=True):
        arguments = list(one.arguments)
        for place in rng.choice(len(arguments), 12, replace=False):
            foreign = other.arguments[int(rng.integers(len(other.arguments)))]
            words = foreign.text.split()
            text, issue = arguments[place].text, arguments[place].issue
            match int(rng.integers(4)):
                case 0:
                    text = foreign.text.upper() + "!"
                case 1:
                    text = " ".join([*words, str(rng.choice(WORDS))])
                case 2:
                    text = " ".join([*rng.choice(WORDS, 40), *words, *rng.choice(WORDS, 40)])
                case _:
                    issue = foreign.issue
            arguments[place] = replace(arguments[place], text=text, issue=issue)
        changed.append(replace(one, arguments=tuple(arguments)))
    return changed


def akin(one: Argument, other: Argument) -> bool:
    """Whether two arguments may not stand on both sides, by looking at them alone."""
    words = [each.text.lower().rstrip("!").split() for each in (one, other)]
    triples, eights = (
        [{tuple(own[start : start + size]) for start in range(len(own) - size + 1)} for own in words] for size in (3, 8)
    )
    common = len(triples[0] & triples[1])
    near = common / (len(triples[0]) + len(triples[1]) - common) >= 0.7
    quoted = len(eights[0] & eights[1]) >= 0.5 * min(map(len, eights))
    return one.issue == other.issue or words[0] == words[1] or near or quoted


@pytest.mark.parametrize("seed", range(8))
def test_nothing_akin_stands_on_both_sides_however_tangled_the_corpora_are(seed: int) -> None:
    chosen = benchmark("a", "b", "c", budgets=[0, 5])
    corpora = tangled(seed)
    data = data_of(chosen, corpora)
    folds, _ = folds_of(chosen, data)
    assert {fold.split for fold in folds} == set(Split)
    pairs = combinations(range(len(data)), 2)
    forbidden = {pair for pair in pairs if akin(*(data.arguments[place] for place in pair))}
    across = [(one, other) for one, other in forbidden if data.corpora[one] != data.corpora[other]]
    assert len(across) > 20
    for fold in folds:
        train, test = set(fold.train), set(fold.test)
        torn = [(one, other) for one, other in forbidden if len({one, other} & train) == 1 == len({one, other} & test)]
        assert not torn, fold.name


@pytest.mark.parametrize("seed", range(3))
def test_folds_are_the_same_whatever_the_order_of_the_files(seed: int) -> None:
    chosen = benchmark("a", "b", "c", budgets=[0, 5])
    corpora = tangled(seed)
    turned = [replace(each, arguments=each.arguments[::-1]) for each in corpora]

    def named(made: list[Corpus]) -> dict[str, tuple[list[str | None], list[str | None]]]:
        data = data_of(chosen, made)
        return {
            fold.name: tuple([data.arguments[place].id for place in side] for side in (fold.train, fold.test))
            for fold in folds_of(chosen, data)[0]
        }

    assert named(corpora) == named(turned)


def test_another_strategy_or_another_corpus_leaves_the_folds_of_a_corpus_as_they_are() -> None:
    one, two = corpus("one", 60, 1), corpus("two", 50, 2)
    alone = benchmark("one", splits=("in_domain",))
    first, _ = folds_of(alone, data_of(alone, [one]))
    more = alone.model_copy(update={"strategies": {**alone.strategies, "tfidf": alone.strategies["length"]}})
    assert folds_of(more, data_of(more, [one]))[0] == first
    both = benchmark("one", "two", splits=("in_domain",))
    assert [fold for fold in folds_of(both, data_of(both, [one, two]))[0] if fold.tested_on == "one"] == first


def test_a_topic_left_out_counts_as_removed_nothing_but_what_leaks() -> None:
    chosen = benchmark("one", splits=("leave_one_topic_out",))
    data = data_of(chosen, [corpus("one", 40, 3, topics=5)])
    folds, refused = folds_of(chosen, data)
    assert len(folds) == 5 and not refused
    for fold in folds:
        assert fold.removed == 0 and len(fold.train) + len(fold.test) == 40
        assert {data.groups[place] for place in fold.test} == {fold.name.split("/")[2]}


def test_a_type_is_tested_whole_and_never_trained_on() -> None:
    chosen = benchmark("one", "two", splits=("leave_one_type_out",))
    made = corpus("one", 80, 4)
    untyped = tuple(replace(each, type=None) if place % 10 == 0 else each for place, each in enumerate(made.arguments))
    few = corpus("two", 40, 5)
    rare = tuple(replace(each, type="rare" if place < 19 else "sign") for place, each in enumerate(few.arguments))
    data = data_of(chosen, [replace(made, arguments=untyped), replace(few, arguments=rare)])
    folds, refused = folds_of(chosen, data)
    assert [each.name for each in refused] == ["leave_one_type_out/rare"]
    assert refused[0].reason == "only 19 arguments are of the type rare; 20 are the least."
    types = [argument.type for argument in data.arguments]
    for kind in ("sign", "cause"):
        own = [fold for fold in folds if fold.tested_on == kind]
        assert sorted(place for fold in own for place in fold.test) == [
            place for place, each in enumerate(types) if each == kind
        ]
        assert all(types[place] not in (kind, None) for fold in own for place in fold.train)


def test_a_type_whose_topics_are_its_own_takes_one_fold_and_all_of_the_others_to_train_on() -> None:
    chosen = benchmark("one", splits=("leave_one_type_out",))
    made = corpus("one", 80, 8)
    typed = tuple(
        replace(each, type=kind, group=f"{kind} {place % 5}", issue=f"{kind} {place % 5}?")
        for place, each in enumerate(made.arguments)
        for kind in ("sign" if place < 40 else "cause",)
    )
    data = data_of(chosen, [replace(made, arguments=typed)])
    folds, refused = folds_of(chosen, data)
    assert not refused and [(fold.tested_on, len(fold.train), len(fold.test)) for fold in folds] == [
        ("cause", 40, 40),
        ("sign", 40, 40),
    ]


def test_only_arguments_with_certain_labels_take_part() -> None:
    made = corpus("one", 40, 9)
    wanted = made.arguments[0].labels["quality"]
    chosen = benchmark("one", splits=("in_domain",))
    some = chosen.model_copy(update={"corpora": {"one": CorpusUse(only={"quality": wanted})}})
    found = data_of(some, [made])
    assert {each.id for each in found.arguments} == {
        each.id for each in made.arguments if each.labels["quality"] == wanted
    }
    for only, said in (
        ({"qualty": 1.0}, "Did you mean 'quality'"),
        ({"quality": 99.0}, "no argument with quality: 99"),
    ):
        with pytest.raises(BenchmarkError, match=said):
            data_of(chosen.model_copy(update={"corpora": {"one": CorpusUse(only=only)}}), [made])


def test_labels_that_cannot_be_put_on_one_scale_are_no_training() -> None:
    chosen = benchmark("one", "two", splits=("in_domain", "leave_one_domain_out", "corpus_to_corpus"))
    made = corpus("one", 40, 6)
    flat = replace(made, arguments=tuple(replace(each, labels={"quality": 3.0}) for each in made.arguments))
    folds, refused = folds_of(chosen, data_of(chosen, [flat, corpus("two", 40, 7)]))
    assert [each.name for each in refused] == [
        "in_domain/one/1",
        "in_domain/one/2",
        "in_domain/one/3",
        "leave_one_domain_out/two",
        "corpus_to_corpus/one>two",
    ]
    assert "no two have different labels on one scale" in refused[0].reason
    assert {fold.tested_on for fold in folds if fold.split == "leave_one_domain_out"} == {"one"}


def test_a_budget_of_labels_on_scales_of_their_own_is_refused() -> None:
    chosen = benchmark("one", "two", splits=("label_budget",), budgets=[0, 4])
    by_topic = corpus("one", 60, 8, topics=20, more="unit: topic_and_stance\n")
    folds, refused = folds_of(chosen, data_of(chosen, [by_topic, corpus("two", 60, 9)]))
    assert {(fold.tested_on, fold.budget) for fold in folds} == {("one", 0), ("two", 0), ("two", 4)}
    assert {each.name.rpartition("/")[0] for each in refused} == {"label_budget/one/4"}
    assert refused[0].reason == "4 of 4 labels have no other one on their scale that differs."
