"""How a strategy's parameters are chosen, and by what they never are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

from argqual.argument import Argument
from argqual.benchmark.running.data import Data, Domain
from argqual.benchmark.running.selection import combinations, selected
from argqual.benchmark.running.splits import Fold
from argqual.benchmark.spec.systems import System
from argqual.errors import InputError
from argqual.stats.resampling import scaled_within
from argqual.strategies.base import Array, Predictions, Strategy
from madeup import benchmark


class Cue(Strategy):
    """Predicts how often a word stands in a text; learns nothing, and keeps what it was shown."""

    shown: ClassVar[list[tuple[set[str | None], set[str | None]]]] = []

    def __init__(self, *, word: str = "good") -> None:
        self.word = word

    def _fit(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> None:
        self.fitted_ = {argument.id for argument in arguments}

    def _predict(self, arguments: list[Argument]) -> Predictions:
        Cue.shown.append((self.fitted_, {argument.id for argument in arguments}))
        return Predictions(np.array([float(argument.text.split().count(self.word)) for argument in arguments]))


@pytest.fixture(autouse=True)
def cue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(System, "build", lambda self, seed=None, **chosen: Cue(**chosen))
    monkeypatch.setattr(Cue, "shown", [])


CUE = System("cue", "cue", "cue", {}, {"word": ("good", "east", "test", "never")}, 1, ("in_domain",), None)


def data_of(rows: Sequence[tuple[str, str, float, str]], *, leaks: Sequence[tuple[int, int]] = ()) -> Data:
    """From corpus, group, label and text of each row."""
    domain = Domain("x", "X", "letter", "quality", True, 5, "f", "CC0-1.0", ())
    pairs = [*leaks, *((two, one) for one, two in leaks)]
    return Data(
        arguments=tuple(Argument(text, id=str(place)) for place, (*_, text) in enumerate(rows)),
        corpora=tuple(corpus for corpus, *_ in rows),
        groups=tuple(group for _, group, *_ in rows),
        units=tuple(corpus for corpus, *_ in rows),
        labels=np.array([label for *_, label, _ in rows]),
        words=np.ones(len(rows)),
        tested=np.ones(len(rows), dtype=bool),
        leaks=tuple(frozenset(two for one, two in pairs if one == place) for place in range(len(rows))),
        domains={corpus: domain for corpus, *_ in rows},
    )


def text(**cues: int) -> str:
    return " ".join(["text", *(word for word, times in cues.items() for _ in range(times))])


def three_corpora(*, leaks: Sequence[tuple[int, int]] = ()) -> tuple[Data, Fold]:
    """`good` tells a little everywhere, `east` all within east and the wrong way in west, `test` all in the test."""
    rows = []
    for corpus, size in (("east", 24), ("west", 8), ("north", 8)):
        for number in range(size):
            label = number % 4
            good = label if number % 3 else 3 - label
            rows.append(
                (
                    corpus,
                    f"{corpus} {number // 4}",
                    float(label),
                    text(
                        good=good,
                        east=label if corpus == "east" else 3 - label,
                        test=label if corpus == "north" else 0,
                    ),
                )
            )
    data = data_of(rows, leaks=leaks)
    train, test = (
        tuple(place for place, (corpus, *_) in enumerate(rows) if (corpus == "north") == of) for of in (0, 1)
    )
    return data, Fold("leave_one_domain_out", "x", "corpus", ("east", "west"), "north", train, test, 0)


def choose(rule: str, data: Data, fold: Fold, system: System = CUE) -> dict[str, Any]:
    chosen = benchmark("east", "west", "north", splits=("in_domain",), selection=rule)
    return selected(system, chosen, data, fold, fold.train, data.labels[list(fold.train)], 0)


def test_each_rule_chooses_by_what_it_says() -> None:
    data, fold = three_corpora()
    # Of three training arguments in four, `east` tells all; of a training corpus in two, it tells the wrong way.
    assert choose("training_domain", data, fold) == {"word": "east"}
    assert choose("leave_one_domain_out", data, fold) == {"word": "good"}
    assert choose("oracle", data, fold) == {"word": "test"}


@pytest.mark.parametrize("rule", ["training_domain", "leave_one_domain_out"])
def test_nothing_but_the_training_arguments_is_looked_at(rule: str) -> None:
    data, fold = three_corpora()
    choose(rule, data, fold)
    test = {data.arguments[place].id for place in fold.test}
    assert Cue.shown and not any(test & (fitted | held) for fitted, held in Cue.shown)


def test_only_the_oracle_sees_the_test_and_it_is_fitted_on_none_of_it() -> None:
    data, fold = three_corpora()
    choose("oracle", data, fold)
    ids = [{data.arguments[place].id for place in side} for side in (fold.train, fold.test)]
    assert all(shown == (ids[0], ids[1]) for shown in Cue.shown) and len(Cue.shown) == 4


@pytest.mark.parametrize("rule", ["training_domain", "leave_one_domain_out"])
def test_what_is_held_out_to_choose_by_leaks_into_no_fit(rule: str) -> None:
    data, fold = three_corpora(leaks=[(0, 12), (1, 25), (5, 30)])
    data = Data(
        **(
            vars(data)
            | {"groups": tuple("shared" if place in (8, 28) else own for place, own in enumerate(data.groups))}
        )
    )
    choose(rule, data, fold)
    groups = {argument.id: group for argument, group in zip(data.arguments, data.groups, strict=True)}
    for fitted, held in Cue.shown:
        assert not {groups[each] for each in fitted} & {groups[each] for each in held}
        leaking = data.leaking_into(int(each or 0) for each in held)
        assert not leaking & {int(each or 0) for each in fitted}


def test_with_one_training_corpus_it_is_chosen_by_its_groups() -> None:
    data, fold = three_corpora()
    east = Fold(**(vars(fold) | {"train": tuple(range(24)), "trained_on": ("east",)}))
    assert choose("leave_one_domain_out", data, east) == {"word": "east"}
    assert {len(held) for _, held in Cue.shown} == {8}  # a third of 24


def test_with_one_group_only_nothing_can_be_chosen() -> None:
    data, fold = three_corpora()
    one = Data(**(vars(data) | {"groups": ("same",) * len(data)}))
    with pytest.raises(InputError, match="too much of one group"):
        choose("training_domain", one, fold)


def test_one_combination_is_taken_without_looking_and_of_equals_the_first() -> None:
    data, fold = three_corpora()
    assert choose("training_domain", data, fold, CUE._replace(grid={"word": ("never",)})) == {"word": "never"}
    assert not Cue.shown
    same = CUE._replace(grid={"word": ("never", "nowhere")})
    assert choose("training_domain", data, fold, same) == {"word": "never"}


def test_a_grid_is_every_combination_in_the_order_of_the_file() -> None:
    assert list(combinations({"a": (1, 2), "b": ("x", "y")})) == [
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "x"},
        {"a": 2, "b": "y"},
    ]
    assert list(combinations({})) == [{}]


def test_the_oracle_compares_labels_within_what_they_are_comparable_in() -> None:
    # Two topics whose scales lie apart: across them a word that tells the topic would look best.
    found = scaled_within(np.array([0.0, 1.0, 10.0, 12.0, 5.0]), ["a", "a", "b", "b", "c"])
    assert found.tolist() == [-1, 1, -1, 1, 0]
