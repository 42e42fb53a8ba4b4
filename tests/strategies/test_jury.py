"""Juries: members on one scale, weights from what members had not learnt, and members that are silent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import nnls
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_predict

from argqual.argument import Argument
from argqual.errors import InputError, StrategyError
from argqual.models.connect import Model, connect
from argqual.strategies import Jury, Plain, Principle, create, load_strategy, save_strategy
from argqual.strategies.base import Predictions, Strategy
from argqual.strategies.jury import Combine
from argqual.strategies.pairwise import Pairwise
from chatserver import ChatServer


class Says(Strategy):
    """A fake member: predicts the number that stands at a place in the text; silent where it is a dash."""

    learns = False

    def __init__(self, place: int = 0, factor: float = 1.0) -> None:
        self.place = place
        self.factor = factor

    def _fit(self, arguments: list[Argument], labels: Any, groups: list[Any]) -> None:
        self.fitted_on_ = len(arguments)

    def _predict(self, arguments: list[Argument]) -> Predictions:
        words = [argument.text.split()[self.place] for argument in arguments]
        values = np.array([np.nan if word == "-" else self.factor * float(word) for word in words])
        return Predictions(values, tuple("says nothing" if word == "-" else None for word in words))


class Remembers(Strategy):
    """A fake member: knows the labels it was given by heart, and nothing else."""

    def _fit(self, arguments: list[Argument], labels: Any, groups: list[Any]) -> None:
        self.known_ = {argument.text: label for argument, label in zip(arguments, labels, strict=True)}
        self.mean_ = labels.mean()

    def _predict(self, arguments: list[Argument]) -> Predictions:
        return Predictions(np.array([self.known_.get(argument.text, self.mean_) for argument in arguments]))


def arguments_of(numbers: Any) -> list[Argument]:
    return [
        Argument(" ".join("-" if np.isnan(each) else f"{each:.6f}" for each in row), issue=f"Issue {place % 6}?")
        for place, row in enumerate(numbers)
    ]


@pytest.fixture
def numbers() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(60, 3)).round(6)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


@pytest.fixture
def model(server: ChatServer) -> Model:
    return connect("openai/test", api_base=f"{server.url}/v1", api_key="k")


def jury(*places: int, **params: Any) -> Jury:
    return Jury([(f"at_{place}", Says(place)) for place in places], **params)


def test_members_count_alike_whatever_their_scales() -> None:
    # By hand: 1, 2, 3 and 100, 300, 200 have means 2 and 200, deviations sqrt(2/3) and 100 sqrt(2/3).
    train = arguments_of([[1, 100], [2, 300], [3, 200]])
    fitted = jury(0, 1).fit(train)
    unit = np.sqrt(1.5)
    expected = [(-1 - 1) / 2 * unit, (0 + 1) / 2 * unit, (1 + 0) / 2 * unit]
    assert fitted.predict(train) == pytest.approx(expected)
    # New arguments are measured by the training arguments, not by each other.
    assert fitted.predict(arguments_of([[4, 200]])) == pytest.approx([(2 + 0) / 2 * unit])


def test_a_median_is_not_moved_by_one_member(numbers: np.ndarray) -> None:
    fitted = jury(0, 1, 2, combine="median").fit(arguments_of(numbers))
    standard = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)
    assert fitted.predict(arguments_of(numbers)) == pytest.approx(np.median(standard, axis=1))
    wild = numbers.copy()
    wild[:, 2] = 1e6
    assert np.abs(fitted.predict(arguments_of(wild))).max() < 10


def test_weights_are_those_of_least_squares_that_are_not_negative(numbers: np.ndarray) -> None:
    y = 50 + 4 * numbers[:, 0] + 2 * numbers[:, 1] - 3 * numbers[:, 2]
    fitted = jury(0, 1, 2, combine="weights").fit(arguments_of(numbers), y)
    standard = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)
    expected, _ = nnls(standard, y - y.mean())
    assert fitted.weights_ == pytest.approx(expected, abs=1e-6)
    assert fitted.weights_[2] == 0
    assert fitted.predict(arguments_of(numbers)) == pytest.approx(y.mean() + standard @ expected)


def test_a_member_that_only_remembers_gets_no_weight(numbers: np.ndarray) -> None:
    y = numbers[:, 0] + 0.5 * numbers[:, 1]
    fitted = Jury([("by_heart", Remembers()), ("first", Says())], combine="weights").fit(arguments_of(numbers), y)
    assert fitted.weights_[0] < 0.1 < fitted.weights_[1]
    # It knew all of the training labels, had it been asked about them.
    assert fitted.members_[0].predict(arguments_of(numbers)) == pytest.approx(y)


def test_groups_are_not_torn_when_members_are_fitted_for_the_weights() -> None:
    # Every text stands once in each of two issues: kept whole, an issue's texts are known from the other.
    texts = [f"{value:.1f}" for value in range(12)]
    arguments = [Argument(text, issue=issue) for issue in ("One?", "Two?") for text in texts]
    y = np.tile(np.random.default_rng(1).normal(size=12), 2)
    whole = Jury([("by_heart", Remembers()), ("first", Says())], combine="weights", folds=2).fit(arguments, y)
    assert whole.weights_[0] == pytest.approx(y.std(), rel=1e-6)
    torn = clone(whole).fit(arguments, y, groups=[*range(12), *range(12)])
    assert torn.weights_[0] < 0.5 * y.std()


def test_one_group_alone_cannot_be_held_out(numbers: np.ndarray) -> None:
    alike = [Argument(argument.text, issue="One?") for argument in arguments_of(numbers)]
    with pytest.raises(InputError, match="one group"):
        Jury([("by_heart", Remembers())]).fit(alike, numbers[:, 0])
    assert jury(0, 1).fit(alike).predict(alike).shape == (60,)


def test_a_silent_member_silences_the_jury_unless_a_quorum_has_spoken(numbers: np.ndarray) -> None:
    some = numbers.copy()
    some[0, 1], some[1, 1:], some[2] = np.nan, np.nan, np.nan
    arguments = arguments_of(some)
    found = jury(0, 1, 2).fit(arguments).predictions(arguments)
    assert np.isnan(found.values[:3]).all() and np.isfinite(found.values[3:]).all()
    assert found.reasons[:2] == ("at_1: says nothing", "at_1: says nothing; at_2: says nothing")
    assert found.reasons[3] is None and found.coverage == 57 / 60
    fitted = jury(0, 1, 2, quorum=2).fit(arguments)
    assert np.isfinite(fitted.predict(arguments)).tolist() == [True, False, False] + [True] * 57
    assert fitted.predict(arguments)[0] == pytest.approx(fitted.members_predictions(arguments)[0, [0, 2]].mean())


def test_weights_of_the_members_that_have_spoken_stand_for_all(numbers: np.ndarray) -> None:
    y = 3 * numbers[:, 0] + numbers[:, 1] - numbers[:, 2]
    fitted = jury(0, 1, 2, combine="weights", quorum=1).fit(arguments_of(numbers), y)
    some = np.array([[0.5, np.nan, 0.3], [np.nan, np.nan, 0.3]])
    found = fitted.predictions(arguments_of(some))
    standard = fitted.members_predictions(arguments_of(some))
    assert found.values[0] == pytest.approx(fitted.intercept_ + fitted.weights_.sum() * standard[0, 0])
    assert np.isnan(found.values[1])  # the third has no weight
    assert found.reasons[1] == "at_0: says nothing; at_1: says nothing"


def test_a_jury_whose_members_all_go_against_the_labels_predicts_one_number(numbers: np.ndarray) -> None:
    fitted = jury(0, combine="weights").fit(arguments_of(numbers), 7 - numbers[:, 0])
    assert fitted.weights_.tolist() == [0]
    assert fitted.predict(arguments_of(numbers)) == pytest.approx(np.full(60, (7 - numbers[:, 0]).mean()))


def test_a_member_that_cannot_predict_the_training_arguments_is_named(numbers: np.ndarray) -> None:
    some = numbers.copy()
    some[:40, 1] = np.nan
    with pytest.raises(InputError, match="'at_1' could predict only 20 of 60 training arguments: says nothing"):
        jury(0, 1).fit(arguments_of(some))


def test_how_far_members_disagree_can_be_read_off(numbers: np.ndarray) -> None:
    arguments = arguments_of(numbers)
    members = [("one", Says(0)), ("times_ten", Says(0, factor=10)), ("against", Says(0, factor=-1))]
    fitted = Jury(members).fit(arguments)
    said = fitted.members_predictions(arguments)
    assert said.shape == (60, 3)
    assert said[:, 0] == pytest.approx(said[:, 1]) and said[:, 0] == pytest.approx(-said[:, 2])
    with pytest.raises(NotFittedError):
        jury(0).members_predictions(arguments)


@pytest.mark.parametrize(
    ("members", "combine", "learns"),
    [
        ([("a", Says()), ("b", Says(1))], "mean", False),
        ([("a", Says()), ("b", Says(1))], "weights", True),
        ([("a", Says()), ("b", Remembers())], "median", True),
        ([("a", Pairwise(against="test"))], "mean", False),
        ([("a", Pairwise())], "mean", True),
    ],
)
def test_a_jury_learns_when_a_member_does_or_for_weights(members: Any, combine: Combine, learns: bool) -> None:
    assert Jury(members, combine=combine).learns is learns


def test_a_jury_that_learns_nothing_takes_no_labels(numbers: np.ndarray) -> None:
    assert jury(0, 1).fit(arguments_of(numbers)).seen_.labels == 0
    with pytest.raises(InputError, match="learns from labels"):
        jury(0, 1, combine="weights").fit(arguments_of(numbers))
    assert jury(0, 1, combine="weights").fit(arguments_of(numbers), numbers[:, 0]).seen_.labels == 60


def test_members_parameters_are_reached_by_name_and_cloned(numbers: np.ndarray) -> None:
    one = jury(0, 1)
    assert one.get_params()["at_1__place"] == 1
    assert "at_1__place" not in one.get_params(deep=False)
    one.set_params(at_1__place=2, combine="median")
    copied = clone(one)
    assert copied.get_params()["at_1__place"] == 2 and copied.combine == "median"
    assert copied.members[0][1] is not one.members[0][1]
    copied.set_params(at_0=Says(factor=5))
    assert copied.get_params()["at_0__factor"] == 5 and one.get_params()["at_0__factor"] == 1
    fitted = one.fit(arguments_of(numbers))
    assert not hasattr(one.members[0][1], "seen_") and hasattr(fitted.members_[0], "seen_")


def test_a_grid_search_reaches_into_a_jury(numbers: np.ndarray) -> None:
    arguments = arguments_of(numbers)
    search = GridSearchCV(jury(0, 1), {"at_1__place": [1, 2], "combine": ["mean", "weights"]}, cv=GroupKFold(3))
    search.fit(arguments, numbers[:, 0] + numbers[:, 2], groups=[argument.issue for argument in arguments])
    assert search.best_params_["at_1__place"] == 2
    assert search.best_score_ > 0.95


@pytest.mark.parametrize(
    ("members", "params", "message"),
    [
        ([], {}, "list of names with strategies"),
        ([Says()], {}, "list of names with strategies"),
        ([("a", Says()), ("a", Says())], {}, "not unique"),
        ([("a__b", Says())], {}, "must not contain __"),
        ([("combine", Says())], {}, "conflict"),
        ([("a", "drop")], {}, "'a' is str, not a strategy"),
        ([("a", Says())], {"quorum": 2}, "1 to 1"),
        ([("a", Says())], {"quorum": 0}, "1 to 1"),
        ([("a", Says())], {"combine": "means"}, "'mean'"),
        ([("a", Says())], {"folds": 1}, "at least 2"),
        ([("a", Principle(definitions="ful"))], {}, "'full'"),
    ],
)
def test_what_is_set_up_wrongly_is_an_error_of_fit(members: Any, params: Any, message: str) -> None:
    with pytest.raises(StrategyError, match=message):
        Jury(members, **params).fit(["1.0", "2.0", "3.0"], [1, 2, 3])


def test_models_are_asked_once_by_a_jury_and_its_members(server: ChatServer, model: Model) -> None:
    arguments = [Argument(f"Reason {number} speaks for it.", issue=f"Issue {number % 4}?") for number in range(12)]
    fitted = Jury([("ratio", Principle(model=model)), ("plain", Plain(model=model))]).fit(arguments)
    assert server.stats().received == 24
    assert fitted.seen_.usage.requests == 24 and fitted.seen_.model == "openai/test"
    first = fitted.predict(arguments)
    cross_val_predict(fitted, arguments, np.arange(12.0), cv=3)
    assert server.stats().received == 24
    assert np.isfinite(first).all() and first.mean() == pytest.approx(0)


@pytest.mark.parametrize("combine", ["mean", "weights"])
def test_a_saved_jury_predicts_the_same(server: ChatServer, tmp_path: Path, combine: Combine) -> None:
    where: dict[str, Any] = {"model": "openai/test", "api_base": f"{server.url}/v1"}
    arguments = [Argument(f"Reason {number} speaks for it.", issue=f"Issue {number % 4}?") for number in range(12)]
    members: list[tuple[str, Strategy]] = [
        ("ratio", Principle(**where)),
        ("ladder", Pairwise(rungs=2, **where)),
        ("both", Jury([("plain", Plain(**where)), ("qoam", Principle("qoam", definitions="none", **where))])),
    ]
    y = np.random.default_rng(0).normal(size=12)
    fitted = Jury(members, combine=combine).fit(arguments, y)
    expected = fitted.predict(arguments)
    loaded = load_strategy(save_strategy(fitted, tmp_path / "saved"))
    assert loaded.predict(arguments) == pytest.approx(expected)
    assert isinstance(loaded, Jury) and isinstance(loaded.members[0], tuple)
    assert loaded.get_params()["ladder__rungs"] == 2
    assert loaded.get_params()["both__qoam__definitions"] == "none"
    assert clone(loaded).fit(arguments, y).predict(arguments) == pytest.approx(expected)
    assert loaded.seen_ == fitted.seen_


def test_a_jury_can_be_made_from_names(model: Model) -> None:
    made = create("jury", members=["plain", ["mine", "principle"]], mine__framework="qoam", plain__model=model)
    assert [name for name, _ in made.members] == ["plain", "mine"]
    assert made.get_params()["mine__framework"] == "qoam" and made.get_params()["plain__model"] is model
