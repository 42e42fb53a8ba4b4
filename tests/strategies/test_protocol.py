"""What a benchmark, a plan and the command line ask of any strategy, and how settings are declared once."""

from __future__ import annotations

import inspect
import pydoc
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from argqual.argument import Argument
from argqual.errors import InputError, StrategyError
from argqual.strategies import Calibrated, Exemplars, Jury, Optimised, Pairwise, Plain, Principle, Tfidf, create
from argqual.strategies.base import Predictions, PredictionScale, Strategy
from argqual.strategies.given import as_arguments
from argqual.strategies.registry import BUILT_IN, Family, load_class

ASKING = ("plain", "principle", "exemplars", "principle+exemplars", "optimised", "pairwise")
SETTINGS = {"model", "readout", "concurrency", "max_cost", "store", "api_base"}


@dataclass(eq=False, repr=False)
class Shouted(Plain):
    """A stranger's strategy that adds a parameter to those of `Plain`."""

    _: KW_ONLY
    volume: float = 1.0


class Bare(Strategy):
    """Says nothing of itself."""

    def _fit(self, arguments: Any, labels: Any, groups: Any) -> None:
        self.fitted_ = True

    def _predict(self, arguments: Any) -> Predictions:
        return Predictions(np.zeros(len(arguments)))


@pytest.mark.parametrize("name", ASKING)
def test_settings_of_judges_are_parameters_of_every_strategy_that_asks(name: str) -> None:
    kind = load_class(name)
    assert kind.parameter_names() == sorted(inspect.signature(kind).parameters)
    assert set(kind.parameter_names()) >= SETTINGS
    built = create(name, model="openai/test", max_cost=2.0)
    assert (built.get_params()["model"], clone(built).max_cost) == ("openai/test", 2.0)
    assert built.set_params(readout="label").readout == "label"
    assert "max_cost" in pydoc.render_doc(kind)
    with pytest.raises(TypeError, match="modle"):
        kind(modle="openai/test")


def test_a_strangers_strategy_takes_the_settings_of_its_base() -> None:
    shouted = Shouted(volume=2.0, model="openai/test", explain="long")
    assert shouted.get_params() == Plain(model="openai/test", explain="long").get_params() | {"volume": 2.0}
    assert repr(shouted) == "Shouted(explain='long', model='openai/test', volume=2.0)"
    assert Shouted.parameter_types()["max_cost"] == float | None


@pytest.mark.parametrize("kind", [Optimised, Pairwise])
def test_what_a_strategy_has_no_use_for_is_no_parameter_of_it(kind: type[Strategy]) -> None:
    assert "explain" not in kind.parameter_names()
    with pytest.raises(TypeError, match="explain"):
        kind(explain=True)


def test_a_strategy_that_says_nothing_of_itself_asks_nothing() -> None:
    bare = Bare().fit(["One.", "Two."], [1.0, 2.0])
    assert list(bare.plan(["One.", "Two."], [1.0, 2.0], predict=["Three."])) == []
    assert bare.judges() == [] and bare.rated_framework() is None and bare.model_names() == []
    assert bare.scale is PredictionScale.LABELS
    with pytest.raises(StrategyError, match="Bare gives no ratings"):
        bare.assess(["One."])


def test_parts_are_told_with_the_prefixes_of_their_parameters() -> None:
    jury = Jury([("length", create("length")), ("mapped", Calibrated(Principle("qoam", model="openai/test")))])
    assert [prefix for prefix, _ in jury.parts()] == ["", "length__", "mapped__", "mapped__base__"]
    assert jury.model_names() == ["openai/test"]
    assert jury.get_params()["mapped__base__model"] == "openai/test"


@pytest.mark.parametrize(
    ("strategy", "scale"),
    [
        (Tfidf(), "labels"),
        (Principle(), "quality"),
        (Exemplars(), "quality"),
        (Calibrated(), "labels"),
        (Pairwise(), "labels"),
        (Pairwise(against="test"), "relative"),
        (Jury([("a", Tfidf())]), "own"),
        (Jury([("a", Tfidf())], combine="weights"), "labels"),
        (Jury([("a", Pairwise(against="test"))]), "relative"),
    ],
)
def test_what_predictions_mean_is_said(strategy: Strategy, scale: str) -> None:
    assert strategy.scale == scale


def test_parameters_are_checked_without_a_model() -> None:
    away = {"model": "openai/test", "api_base": "http://127.0.0.1:9/v1"}
    Principle("ratio", **away).check(connect=False)
    for wrong in (
        Principle("ratoi", **away),
        Principle(definitions="ful", **away),
        Calibrated(Principle(ask="one", **away)),  # type: ignore[arg-type]
        Jury([("a", Pairwise(rungs=1, **away))]),
        create("embedding", alphas=[-1.0]),
        create("principle+exemplars", definitions="ful", **away),
    ):
        with pytest.raises(Exception, match=r"ratoi|ful|one|rungs|alphas"):
            wrong.check(connect=False)


def test_every_family_has_a_title() -> None:
    assert all(family.heading for family in Family)
    assert {known.family for known in BUILT_IN.values()} == set(Family) - {Family.ADDED}


@pytest.mark.parametrize(
    "labels",
    [
        {"said": 2, "other": None, "third": float("nan")},
        [{"name": "said", "value": 2.0}, {"name": "other", "value": None}],  # as load_corpus lists them
    ],
)
def test_a_row_keeps_all_that_is_known_of_an_argument(labels: Any) -> None:
    known = {name: name.title() for name in ("id", "issue", "stance", "context", "domain", "type", "group")}
    (argument,) = as_arguments([{"text": "So it is.", "language": "en", "labels": labels, **known}])
    assert argument == Argument("So it is.", **known, labels={"said": 2.0})
    assert {each.name for each in fields(Argument)} == {"text", "labels", *known}  # a new field has to be read too


def test_what_is_missing_in_a_row_is_missing_as_pandas_says_it() -> None:
    rows = [{"text": "One.", "stance": float("nan"), "labels": float("nan")}, {"text": "Two.", "labels": None}]
    assert as_arguments(rows) == [Argument("One."), Argument("Two.")]


@pytest.mark.parametrize("labels", [3.0, "good", ["good"], {"overall": "good"}])
def test_labels_that_are_no_numbers_by_name_are_refused(labels: Any) -> None:
    with pytest.raises(InputError, match=r"Argument 1 \(counted from 0\): Its labels are"):
        as_arguments([{"text": "One."}, {"text": "Two.", "labels": labels}])
