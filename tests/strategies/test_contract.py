"""What every strategy promises as a scikit-learn estimator, checked on each of them.

scikit-learn's own checks that make sense for estimators of texts are run as they are; those that need a
numeric table are repeated here with arguments. Models are the tests' own server, the smallest embedded
model where a real one is needed, and a real encoder of two layers with random weights.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold, LeaveOneGroupOut, cross_val_score, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks

from argqual.errors import InputError
from argqual.frameworks.catalogue import parse_framework
from argqual.strategies import (
    Calibrated,
    Conditioned,
    Embedding,
    Encoder,
    Exemplars,
    Jury,
    Length,
    Mean,
    Pairwise,
    Plain,
    Principle,
    PrincipleExemplars,
    Probe,
    Strategy,
    Surface,
    Tfidf,
    load_strategy,
    save_strategy,
)
from argqual.strategies.registry import BUILT_IN, load_class
from chatserver import ChatServer
from conftest import TWO_QUESTIONS
from strategies_data import ARGUMENTS, ISSUES, LABELS
from tinyencoder import write_tiny

SMALL = "smollm2-135m"
SHORT = parse_framework(TWO_QUESTIONS, name="two.yaml")  # what is quick to read
Factory = Callable[["Places"], Strategy]


class Places:
    """Where models are: the server's address, and the folder of a tiny encoder."""

    def __init__(self, server: str, encoder: Path) -> None:
        self.asked = {"model": "openai/test", "api_base": f"{server}/v1"}
        self.trained = {"model": str(encoder), "max_tokens": 32}


FACTORIES: dict[str, Factory] = {
    "mean": lambda at: Mean(),
    "length": lambda at: Length(),
    "tfidf": lambda at: Tfidf(),
    "surface": lambda at: Surface(trees=5),
    "embedding": lambda at: Embedding(**at.trained),
    "probe": lambda at: Probe(model=SMALL, alphas=(10.0,)),
    "encoder": lambda at: Encoder(**at.trained, epochs=1),
    "conditioned": lambda at: Conditioned(**at.trained, epochs=1, paraphrases=("name", "plain"), criterion="relevance"),
    "plain": lambda at: Plain(**at.asked),
    "principle": lambda at: Principle("ratio", **at.asked),
    "exemplars": lambda at: Exemplars(k=2, draws=1, **at.asked),
    "principle+exemplars": lambda at: PrincipleExemplars("ratio", k=2, draws=1, **at.asked),
    "calibrated": lambda at: Calibrated(Principle("ratio", **at.asked)),
    "pairwise": lambda at: Pairwise(rungs=2, **at.asked),
    "jury": lambda at: Jury([("length", Length()), ("ratio", Principle("ratio", **at.asked))]),
}
# Its runs are long; tests/strategies/test_optimised.py has its checks.
ELSEWHERE = {"optimised"}
GRIDS = {"tfidf": {"alpha": [0.5, 2.0]}, "principle": {"definitions": ["none", "full"]}, "exemplars": {"k": [1, 2]}}
# Of scikit-learn's checks, those that do not make a table of numbers.
CHECKS = (
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_set_params",
    "check_valid_tag_types",
)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    folder = tmp_path_factory.mktemp("encoder")
    write_tiny(folder, extra=" ".join(argument.text for argument in ARGUMENTS))
    before = os.environ.get("OPENAI_API_KEY")
    os.environ["OPENAI_API_KEY"] = "k"
    with ChatServer() as server:
        yield Places(server.url, folder)
    os.environ.pop("OPENAI_API_KEY")
    if before is not None:
        os.environ["OPENAI_API_KEY"] = before


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.model] if name == "probe" else []) for name in FACTORIES])
def strategy(request: pytest.FixtureRequest, places: Places) -> Strategy:
    return FACTORIES[request.param](places)


def test_every_built_in_strategy_is_checked() -> None:
    assert set(FACTORIES) | ELSEWHERE == set(BUILT_IN)


@pytest.mark.parametrize("check", CHECKS)
def test_scikit_learns_own_checks_pass(strategy: Strategy, check: str) -> None:
    getattr(estimator_checks, check)(type(strategy).__name__, strategy)


@pytest.mark.parametrize("name", [name for name in BUILT_IN if name != "jury"])
def test_defaults_make_an_estimator(name: str) -> None:
    kind = load_class(name)
    estimator_checks.check_parameters_default_constructible(kind.__name__, kind())


def test_fit_returns_the_strategy_and_leaves_its_parameters_alone(strategy: Strategy) -> None:
    before = clone(strategy).get_params()
    assert strategy.fit(ARGUMENTS, LABELS, groups=ISSUES) is strategy
    assert {name: repr(value) for name, value in strategy.get_params().items()} == {
        name: repr(value) for name, value in before.items()
    }
    predicted = strategy.predict(ARGUMENTS[:5])
    assert predicted.shape == (5,) and predicted.dtype == float
    assert strategy.seen_.seconds > 0 and strategy.seen_.labels == (len(LABELS) if strategy.learns else 0)


def test_fitting_again_forgets_and_clones_are_the_same(strategy: Strategy) -> None:
    once = clone(strategy).fit(ARGUMENTS, LABELS, groups=ISSUES).predict(ARGUMENTS)
    twice = clone(strategy).fit(ARGUMENTS[:12], LABELS[:12], groups=ISSUES[:12])
    assert twice.fit(ARGUMENTS, LABELS, groups=ISSUES).predict(ARGUMENTS) == pytest.approx(once, nan_ok=True, abs=1e-5)


def test_predictions_hang_on_the_argument_and_not_on_its_neighbours(strategy: Strategy) -> None:
    if isinstance(strategy, Pairwise) and strategy.against == "test":
        pytest.skip("compares the arguments with each other")
    fitted = strategy.fit(ARGUMENTS, LABELS, groups=ISSUES)
    together = fitted.predict(ARGUMENTS[:4])
    turned = fitted.predict(ARGUMENTS[:4][::-1])[::-1]
    alone = np.concatenate([fitted.predict([argument]) for argument in ARGUMENTS[:4]])
    assert together == pytest.approx(turned, nan_ok=True, abs=1e-5)
    assert together == pytest.approx(alone, nan_ok=True, abs=1e-5)


def test_cross_validation_with_topics_held_out(strategy: Strategy) -> None:
    scores = cross_val_score(strategy, ARGUMENTS, LABELS, groups=ISSUES, cv=LeaveOneGroupOut())
    assert scores.shape == (4,)
    found = cross_validate(strategy, ARGUMENTS, LABELS, groups=ISSUES, cv=GroupKFold(2), return_estimator=True)
    assert all(hasattr(fitted, "seen_") for fitted in found["estimator"])


def test_a_strategy_ends_a_pipeline(strategy: Strategy) -> None:
    pipeline = Pipeline([("first", FunctionTransformer()), ("strategy", strategy)]).fit(ARGUMENTS, LABELS)
    assert pipeline.predict(ARGUMENTS[:3]).shape == (3,)


@pytest.mark.parametrize("name", list(GRIDS))
def test_a_grid_search_finds_parameters(name: str, places: Places) -> None:
    search = GridSearchCV(FACTORIES[name](places), GRIDS[name], cv=GroupKFold(2)).fit(ARGUMENTS, LABELS, groups=ISSUES)
    assert search.best_params_.keys() == GRIDS[name].keys()


@pytest.mark.parametrize("name", ["mean", "tfidf", "principle"])
def test_arguments_come_in_any_sequence(name: str, places: Places) -> None:
    texts = [argument.text for argument in ARGUMENTS]
    strategy = FACTORIES[name](places).fit(texts, LABELS)
    expected = strategy.predict(texts[:3])
    array = np.empty(3, dtype=object)
    array[:] = texts[:3]
    for given in (
        tuple(texts[:3]),
        array,
        np.array(texts[:3]),
        pd.Series(texts[:3]),
        [{"text": text} for text in texts[:3]],
    ):
        assert strategy.predict(given) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([*LABELS[:-1], np.nan], "1 of 24 labels are missing"),
        ([*LABELS[:-1], None], "1 of 24 labels are missing"),
        ([3.0] * 24, "All 24 labels are 3"),
        (LABELS[:-1], "each has one"),
        (None, "there are none"),
        (["good"] * 24, "Labels are numbers"),
    ],
)
def test_labels_that_nothing_can_be_learnt_from_are_refused(strategy: Strategy, labels: Any, said: str) -> None:
    if not strategy.learns:
        strategy.fit(ARGUMENTS[:2], labels)  # does not look at them
        return
    if isinstance(strategy, Mean) and said.startswith("All"):
        assert strategy.fit(ARGUMENTS, labels).predict(ARGUMENTS[:1]) == [3.0]
        return
    with pytest.raises(InputError, match=said):
        strategy.fit(ARGUMENTS, labels)


def test_one_labelled_argument_is_too_few(strategy: Strategy) -> None:
    if not strategy.learns or isinstance(strategy, Mean):
        pytest.skip("learns nothing, or a mean")
    with pytest.raises(InputError, match="too few"):
        strategy.fit(ARGUMENTS[:1], LABELS[:1])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "There are no arguments"),
        ("a text", "Expected a sequence"),
        (np.array([["a", "b"]]), "not a table of shape"),
        ([ARGUMENTS[0], "  "], "Argument 1 .counted from 0.: The argument is empty"),
        ([ARGUMENTS[0], 7], "Argument 1 .counted from 0. is int"),
    ],
)
def test_what_is_no_argument_is_refused_and_named(given: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Mean().fit(given, [1.0] * len(given))


def test_predicting_before_fitting_is_an_error(strategy: Strategy) -> None:
    with pytest.raises(NotFittedError):
        strategy.predict(ARGUMENTS[:1])


def test_a_saved_strategy_predicts_the_same_and_holds_no_pickle(strategy: Strategy, tmp_path: Path) -> None:
    fitted = strategy.fit(ARGUMENTS, LABELS, groups=ISSUES)
    folder = save_strategy(fitted, tmp_path / "saved")
    again = load_strategy(folder)
    assert again.predict(ARGUMENTS) == pytest.approx(fitted.predict(ARGUMENTS), nan_ok=True, abs=1e-5)
    assert again.seen_ == fitted.seen_
    kinds = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert kinds <= {".json", ".safetensors", ".skops", ".txt"}


def test_the_score_is_spearman_and_warns_of_missing_predictions() -> None:
    from argqual.strategies import MissingPredictionsWarning, Predictions

    class Halting(Mean):
        """A fake: it predicts the number of characters, and nothing for the last argument."""

        def _predict(self, arguments: list[Any]) -> Predictions:
            return Predictions(np.array([float(len(each.text)) for each in arguments[:-1]] + [np.nan]))

    fitted = Halting().fit(["a", "bb", "ccc", "d"], [1, 2, 3, 9])
    with pytest.warns(MissingPredictionsWarning, match="1 of 4 arguments"):
        assert fitted.score(["a", "bb", "ccc", "d"], [1, 2, 3, 9]) == pytest.approx(1.0)


ON_THE_SMALL_MODEL: dict[str, Callable[[dict[str, Any]], Strategy]] = {
    "plain": lambda asked: Plain(**asked),
    "principle": lambda asked: Principle(SHORT, definitions="none", **asked),
    "exemplars": lambda asked: Exemplars(k=1, draws=1, **asked),
    "calibrated": lambda asked: Calibrated(Principle(SHORT, definitions="none", **asked), method="ordinal", levels=2),
}


@pytest.mark.model
@pytest.mark.parametrize("name", list(ON_THE_SMALL_MODEL))
def test_the_smallest_embedded_model_goes_through_scikit_learns_tools(name: str) -> None:
    some = [place for place in range(len(ARGUMENTS) // 2) if place % 6 < 2]  # two of each of two issues
    arguments, labels = [ARGUMENTS[place] for place in some], [LABELS[place] for place in some]
    issues = [ISSUES[place] for place in some]
    strategy = ON_THE_SMALL_MODEL[name]({"model": SMALL, "readout": "label"})
    found = cross_validate(strategy, arguments, labels, groups=issues, cv=GroupKFold(2), return_estimator=True)
    predicted = found["estimator"][0].predict(arguments)
    assert np.isfinite(predicted).all()
    pipeline = Pipeline([("strategy", clone(strategy))]).fit(arguments, labels)
    assert np.isfinite(pipeline.predict(arguments[:2])).all()
    search = GridSearchCV(pipeline, {"strategy": [clone(strategy)]}, cv=GroupKFold(2))
    assert search.fit(arguments, labels, groups=issues).best_params_["strategy"] is not None
