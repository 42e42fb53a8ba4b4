"""Strategies that ask a model: what they ask, what becomes of failures, what is asked twice (nothing)."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut, cross_val_predict

from argqual.argument import Argument
from argqual.assessment import Status
from argqual.errors import ArgqualError, StrategyError
from argqual.frameworks.catalogue import load_framework
from argqual.frameworks.framework import Framework
from argqual.judging.judge import Judge
from argqual.judging.program import criterion_text
from argqual.models.connect import Model, connect
from argqual.models.prices import read_price
from argqual.strategies import Calibrated, Exemplars, Jury, Pairwise, Plain, Principle, Strategy
from argqual.strategies.controls import CONTROLS, control_framework, plain_framework
from argqual.strategies.prompted import checklist, corpus_framework, parts_of
from chatserver import ChatServer

ARGUMENTS = [Argument(f"Reason {number} speaks for it.", issue=f"Issue {number % 4}?") for number in range(12)]


def prompt_words(framework: Framework) -> int:
    """Words with which a model is told of a framework's criteria and levels."""
    texts = [framework.guidelines]
    for criterion in framework.asked:
        texts += [criterion_text(criterion, "full"), *framework.anchors(criterion)]
    return sum(len(text.split()) for text in texts)


@pytest.fixture
def server() -> ChatServer:
    with ChatServer() as running:
        yield running


@pytest.fixture
def model(server: ChatServer) -> Model:
    return connect("openai/test", api_base=f"{server.url}/v1", api_key="k")


def test_the_prediction_is_the_overall_quality_of_the_judges_own_assessment(model: Model) -> None:
    judge = Judge("ratio", model=model)
    expected = [judge.assess(argument).overall.quality for argument in ARGUMENTS]
    assert Principle("ratio", model=model).fit(ARGUMENTS).predict(ARGUMENTS) == pytest.approx(expected)


def test_folds_of_a_cross_validation_ask_about_each_argument_once(server: ChatServer, model: Model) -> None:
    y, groups = np.arange(12.0), [argument.issue for argument in ARGUMENTS]
    cross_val_predict(Principle("ratio", model=model), ARGUMENTS, y, groups=groups, cv=LeaveOneGroupOut())
    assert server.stats().received == 12
    strategy = clone(Principle("ratio", model=model)).fit(ARGUMENTS)
    strategy.predict(ARGUMENTS)
    assert server.stats().received == 12
    Principle("ratio", model=model, store=False).fit(ARGUMENTS).predict(ARGUMENTS)
    assert server.stats().received == 24


def test_a_grid_search_over_definitions_asks_each_wording_once(server: ChatServer, model: Model) -> None:
    search = GridSearchCV(Principle("ratio", model=model), {"definitions": ["none", "plain"]}, cv=3)
    search.fit(ARGUMENTS, np.arange(12.0))
    assert search.best_params_["definitions"] in ("none", "plain")
    assert server.stats().received == 24


def test_what_fails_is_missing_with_its_reason_and_never_a_number(model: Model) -> None:
    long = Argument("word " * 20, issue=None)

    def fault(body: object) -> str | None:
        return "wrong_level" if "word word" in str(body) else None

    with ChatServer(fault_for=fault) as spoiled:
        broken = connect("openai/test", api_base=f"{spoiled.url}/v1", api_key="k")
        found = Principle("ratio", model=broken).fit(ARGUMENTS).predictions([*ARGUMENTS, long])
    assert np.isnan(found.values[-1])
    assert np.isfinite(found.values[:-1]).all()
    assert found.coverage == 12 / 13
    assert found.reasons[-1] is not None and found.reasons[-1].startswith("unreadable")


def test_arguments_beyond_a_limit_to_the_cost_are_missing_and_say_so(model: Model) -> None:
    model.price = read_price("1000,1000")
    many = [Argument(f"Reason {number} speaks for it.") for number in range(40)]
    found = Plain(model=model, max_cost=8.0, concurrency=1).fit(many).predictions(many)
    assert 0 < np.isfinite(found.values).sum() < 40
    assert found.usage.cost_usd is not None and found.usage.cost_usd < 8.0
    assert "limit to the cost" in str(found.reasons[-1])


@pytest.mark.parametrize(
    "strategy",
    [
        Principle("ratio"),
        Principle("ratio", ask="one_by_one"),
        Exemplars(k=2, draws=2),
        Exemplars(k=2, draws=1, rationales="polished"),
        Pairwise("ratio", against="test", opponents=2),
        Calibrated(Principle("ratio"), folds=2),
        Jury([("one", Plain()), ("two", Principle("ratio"))]),
    ],
    ids=["principle", "one by one", "exemplars", "rationales", "pairwise", "calibrated", "jury"],
)
def test_answers_that_were_kept_cost_nothing(server: ChatServer, model: Model, strategy: Strategy) -> None:
    model.price = read_price("1,1")
    for _, part in strategy.parts():
        if "model" in part.parameter_names():
            part.set_params(model=model)
    asking, labels = clone(strategy), np.arange(12.0)
    asked = asking.fit(ARGUMENTS, labels).predictions(ARGUMENTS)
    received = server.stats().received
    paid = [asking.seen_.usage, asked.usage]
    assert sum(usage.requests for usage in paid) == received > 0
    assert sum(usage.input_tokens or 0 for usage in paid) > 0 < sum(usage.cost_usd or 0 for usage in paid)
    again = clone(strategy).fit(ARGUMENTS, labels)
    kept = again.predictions(ARGUMENTS)
    assert server.stats().received == received and kept.values == pytest.approx(asked.values)
    for usage in (again.seen_.usage, kept.usage):
        assert not any((usage.requests, usage.input_tokens, usage.output_tokens, usage.cost_usd))
    if kept.assessments:  # each still remembers what it took
        assert all(each.usage.requests for each in kept.assessments)


def test_a_model_that_is_not_there_is_an_error_before_anything_is_predicted() -> None:
    with pytest.raises(ArgqualError, match="No model is called"):
        Principle("ratio", model="nowhere").fit(ARGUMENTS)


@pytest.mark.parametrize("definitions", ["none", "plain", "full"])
def test_definitions_say_less_or_more(model: Model, definitions: str) -> None:
    strategy = Principle("ratio", model=model, definitions=definitions).fit(ARGUMENTS)
    words = len(strategy.judges()[0].prompt(ARGUMENTS[0])[0]["content"].split())
    bounds = {"none": (100, 180), "plain": (130, 220), "full": (600, 900)}[definitions]
    assert bounds[0] < words < bounds[1]


def test_one_by_one_asks_a_question_a_request_and_adds_up_as_the_framework_says(
    server: ChatServer, model: Model
) -> None:
    found = Principle("ratio", model=model, ask="one_by_one").fit(ARGUMENTS).assess(ARGUMENTS[:3])
    assert server.stats().received == 9
    for assessment in found:
        qualities = [assessment.rating(name).quality for name in ("relevance", "acceptability", "sufficiency")]
        assert assessment.overall.quality == pytest.approx(float(np.prod(qualities)) ** (1 / 3))
        assert assessment.usage.requests == 3


def test_a_checklist_asks_the_checks_and_rates_by_the_share_of_yes(model: Model) -> None:
    (found,) = Principle("ratio", model=model, ask="checklist").fit(ARGUMENTS).assess(ARGUMENTS[:1])
    yes = [found.rating(f"relevance_check{number}").unit for number in (1, 2)]
    assert found.rating("relevance").unit == pytest.approx(float(np.mean(yes)))
    assert found.rating("relevance").asked is False


def test_a_framework_without_checks_cannot_be_a_checklist() -> None:
    with pytest.raises(StrategyError, match="no checks"):
        checklist(plain_framework())


def test_parts_of_a_framework_ask_each_criterion_once() -> None:
    framework = load_framework("qoam")
    parts = parts_of(framework)
    assert [part.asked[0].id for part in parts] == [criterion.id for criterion in framework.asked]


def test_the_corpus_own_question_can_stand_instead_of_a_framework(model: Model) -> None:
    strategy = Principle(definitions="corpus", corpus="ibm_argq_rank_30k", model=model).fit(ARGUMENTS)
    assert "friend" in strategy.judges()[0].prompt(ARGUMENTS[0])[0]["content"]
    with pytest.raises(StrategyError, match="does not say"):
        corpus_framework("typic")
    with pytest.raises(StrategyError, match="go together"):
        Principle(definitions="corpus", model=model).fit(ARGUMENTS)


@pytest.mark.parametrize("name", ["ratio", "qoam", "wachsmuth2017", "damer", "toulmin", "pragma-dialectics"])
@pytest.mark.parametrize("control", ["placebo", "mismatched"])
def test_a_control_is_as_long_as_what_it_controls_for(name: str, control: str) -> None:
    framework = load_framework(name)
    other = control_framework(framework, control)
    assert len(other.asked) == len(framework.asked)
    assert prompt_words(other) == pytest.approx(prompt_words(framework), rel=0.05)
    shared = {criterion.name for criterion in framework.asked} & {criterion.name for criterion in other.asked}
    assert not shared
    assert [len(other.scale_of(one).levels) for one in other.asked] == [
        len(framework.scale_of(one).levels) for one in framework.asked
    ]


def test_shuffling_puts_every_definition_under_another_name() -> None:
    framework = load_framework("ratio")
    other = control_framework(framework, "shuffled", seed=3)
    assert [criterion.name for criterion in other.asked] == [criterion.name for criterion in framework.asked]
    assert sorted(one.definition for one in other.asked) == sorted(one.definition for one in framework.asked)
    assert all(a.definition != b.definition for a, b in zip(other.asked, framework.asked, strict=True))


def test_controls_are_frameworks_of_their_own_to_the_store(model: Model) -> None:
    keys = {
        Judge(control_framework(load_framework("ratio"), control), model=model).key(ARGUMENTS[0])
        for control in CONTROLS
    }
    assert len(keys) == 3


def test_a_misspelt_parameter_value_suggests_the_nearest() -> None:
    with pytest.raises(StrategyError, match="'jointly'"):
        Principle(ask="joint").fit(ARGUMENTS)
    with pytest.raises(StrategyError, match="'placebo'"):
        Principle(control="placbo").fit(ARGUMENTS)


def test_assessments_come_in_the_order_of_the_arguments(model: Model) -> None:
    found = Principle(model=model).fit(ARGUMENTS).assess([ARGUMENTS[3], ARGUMENTS[1], ARGUMENTS[3]])
    assert found[0].overall.value == found[2].overall.value
    assert all(each.status is Status.OK for each in found)


def test_the_small_model_answers_a_plain_question(small_model: Model) -> None:
    found = Plain(model=small_model).fit(ARGUMENTS[:2]).predictions(ARGUMENTS[:2])
    assert found.assessments is not None and found.usage.requests >= 2
    assert np.all((found.values >= 0) & (found.values <= 1) | np.isnan(found.values))
