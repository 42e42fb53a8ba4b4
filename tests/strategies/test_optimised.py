"""The strategy `optimised`: each optimiser end to end, over HTTP, within its budget."""

from __future__ import annotations

import copy
import importlib.util
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from argqual.argument import Argument
from argqual.assessment import Assessment
from argqual.errors import InputError, ModelError, StrategyError, Unreachable
from argqual.frameworks.framework import Framework
from argqual.judging.judge import Judge
from argqual.judging.program import load_program, save_program
from argqual.models.connect import Model, connect
from argqual.models.prices import Price, read_price
from argqual.strategies import load_strategy, save_strategy
from argqual.strategies.base import telling
from argqual.strategies.optimised import OptimisationWarning, Optimised
from argqual.strategies.optimisers import OPTIMISERS, agreement
from chatserver import ChatServer
from loopback import Loopback, completion

# Twenty arguments on five topics; the number in the text is what people said, 1 to 3.
ARGUMENTS = [
    Argument(f"Reason {number} has weight {number % 3 + 1}, so be it.", issue=f"Topic {number // 4}?")
    for number in range(20)
]
LABELS = np.array([float(number % 3 + 1) for number in range(20)])
MAGIC = "Look at the weight."


class Player(Loopback):
    """Plays the task model, which rates rightly once it is told or shown what to look at, and the reflection model."""

    def __init__(self, fault: Callable[[Any], Any] | None = None) -> None:
        super().__init__()
        self.queue = _Always(self._answer)  # type: ignore[assignment]
        self.fault = fault

    @property
    def tasks(self) -> list[Any]:
        return [body for body in self.requests if is_task(body)]

    def _answer(self, body: Any) -> tuple[int, Any]:
        if self.fault and (fault := self.fault(body)):
            return fault
        return 200, completion({"index": 0, "message": {"role": "assistant", "content": said(body)}})


class _Always:
    def __init__(self, answer: Callable[[Any], tuple[int, Any]]) -> None:
        self.popleft = lambda: answer


def is_task(body: Any) -> bool:
    return "<argument>" in body["messages"][-1]["content"] and body["messages"][0]["role"] == "system"


def said(body: Any) -> str:
    if is_task(body):
        system = body["messages"][0]["content"]
        weight = re.search(r"weight (\d)", body["messages"][-1]["content"])
        assert weight
        level = weight[1] if MAGIC in system or "\nExamples\n" in system else "3"
        return json.dumps({"clear": level, "fair": level})
    # DSPy's proposers ask in two forms: JSON, and fields between markers.
    asked = json.dumps(body["messages"])
    if "new_instruction" in asked:
        return json.dumps({"new_instruction": MAGIC})
    fields = ("proposed_instruction", "observations", "summary", "program_description", "module_description")
    shown = [name for name in fields if f"[[ ## {name} ## ]]" in asked]
    return "".join(f"[[ ## {name} ## ]]\n{MAGIC}\n\n" for name in shown) + "[[ ## completed ## ]]"


@pytest.fixture
def player() -> Iterator[Player]:
    server = Player()
    yield server
    server.close()


@pytest.fixture
def model(player: Player) -> Model:
    return connect("openai/test", api_base=f"{player.url}/v1", api_key="k")


def optimised(framework: Framework, model: Model, **params: Any) -> Optimised:
    settings = {"readout": "label", "budget_calls": 60, "validation": 0.4, "concurrency": 2}
    return Optimised(framework, model=model, **(settings | params))


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_each_optimiser_improves_a_prompt_within_its_budget(
    two: Framework, player: Player, model: Model, optimiser: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    fitted = optimised(two, model, optimiser=optimiser).fit(ARGUMENTS, LABELS)
    assert fitted.calls_ == len(player.requests) <= 60
    assert fitted.seen_.usage.requests == fitted.calls_ and fitted.seen_.labels == 20
    assert fitted.score_after_["metric"] > fitted.score_before_["metric"]
    assert fitted.score_after_["spearman"] == pytest.approx(1.0)
    assert fitted.score_before_["spearman"] is None  # all ratings were equal
    assert fitted.prompt_before_ != fitted.prompt_after_
    assert fitted.failures_ == 0 and fitted.ended_ in ("finished", "budget")
    sent = [json.dumps(body["messages"]) for body in player.tasks]
    assert len(set(sent)) == len(sent)  # nothing was asked twice
    assert capfd.readouterr().out == ""
    assert fitted.predict(ARGUMENTS[:3]) == pytest.approx([0.0, 0.5, 1.0])


def test_examples_are_shown_as_codes_and_hold_inputs_and_levels_only(
    two: Framework, model: Model, player: Player
) -> None:
    for optimiser in ("labelled", "bootstrap"):
        fitted = optimised(two, model, optimiser=optimiser, demos=3).fit(ARGUMENTS, LABELS)
        demos = fitted.program_["rate"]["demos"]
        assert len(demos) == 3 == fitted.seen_.examples
        for demo in demos:
            assert set(demo) == {"issue", "argument", "clear", "fair"}
            assert demo["clear"] == demo["fair"] == re.search(r"weight (\d)", demo["argument"])[1]  # type: ignore[index]
            assert json.dumps(demo, ensure_ascii=False) in fitted.prompt_after_


def test_validation_groups_are_never_shown(two: Framework, model: Model) -> None:
    for seed in range(2):
        fitted = optimised(two, model, optimiser="labelled", demos=12, seed=seed).fit(ARGUMENTS, LABELS)
        shown = {demo["issue"] for demo in fitted.program_["rate"]["demos"]}
        assert len(shown) == 3  # two of five topics are held out
        assert fitted.score_after_["n"] == 8 and fitted.score_after_["clusters"] == 2


def test_the_loss_is_the_mean_distance_to_people_and_says_which_way(two: Framework, model: Model) -> None:
    assessment: Assessment = Judge(two, model=model, readout="label").assess("It has weight 1.")
    # The player says 3 of 1 to 3 for all: quality 1. People: 0.25 and 0.95, so 1 - (0.75 + 0.05) / 2.
    score, feedback = agreement(assessment, {"overall": 0.25, "clear": 0.95})
    assert score == pytest.approx(0.6)
    assert "people 0.25, the program 1.00: too high" in feedback and "about right" in feedback


def test_targets_of_criteria_count_beside_the_overall_label(two: Framework, model: Model) -> None:
    labelled = [
        Argument(each.text, issue=each.issue, labels={"said": 4 - label})
        for each, label in zip(ARGUMENTS, LABELS, strict=True)
    ]
    fitted = optimised(two, model, optimiser="labelled", targets={"clear": "said"})
    fitted.fit(labelled, LABELS)
    alone = optimised(two, model, optimiser="labelled").fit(labelled, LABELS)
    assert fitted.score_before_["metric"] != pytest.approx(alone.score_before_["metric"])


def test_an_unreadable_answer_scores_nothing_and_is_counted(two: Framework) -> None:
    def fault(body: Any) -> Any:
        bad = any(f"Reason {number} " in body["messages"][1]["content"] for number in range(3, 20, 4))  # one a topic
        return (200, completion({"index": 0, "message": {"role": "assistant", "content": "no"}})) if bad else None

    server = Player(fault)
    try:
        model = connect("openai/test", api_base=f"{server.url}/v1", api_key="k")
        fitted = optimised(two, model, optimiser="bootstrap").fit(ARGUMENTS, LABELS)
        assert fitted.failures_ >= 1
    finally:
        server.close()


@pytest.mark.parametrize(("optimiser", "calls"), [("gepa", 13), ("miprov2", 17), ("bootstrap", 19)])
def test_a_spent_budget_ends_the_run_and_keeps_the_best(
    two: Framework, player: Player, model: Model, optimiser: Any, calls: int
) -> None:
    fitted = optimised(two, model, optimiser=optimiser, budget_calls=calls).fit(ARGUMENTS, LABELS)
    assert len(player.requests) <= calls
    assert fitted.score_after_["metric"] >= fitted.score_before_["metric"]
    assert fitted.predict(ARGUMENTS[:1]).shape == (1,)


def test_a_budget_in_dollars_is_kept_and_needs_prices(two: Framework, player: Player, model: Model) -> None:
    with pytest.raises(InputError, match=r"price of openai/test"):
        optimised(two, model, budget_usd=1.0).fit(ARGUMENTS, LABELS)
    assert not player.requests
    model.price = Price(1e-5, 1e-5)  # 110 tokens a request: 0.0011 USD
    fitted = optimised(two, model, budget_usd=0.3, budget_calls=None).fit(ARGUMENTS, LABELS)
    assert 0.0011 * len(player.requests) == pytest.approx(fitted.seen_.usage.cost_usd)
    assert fitted.seen_.usage.cost_usd <= 0.3


@pytest.mark.usefixtures("impatient")
def test_an_unreachable_reflection_model_costs_nothing(two: Framework, player: Player, model: Model) -> None:
    away = connect("openai/away", api_base="http://127.0.0.1:9/v1", api_key="k")
    with pytest.raises(Unreachable, match="openai/away"):
        optimised(two, model, reflection_model=away).fit(ARGUMENTS, LABELS)
    assert not player.requests


@pytest.mark.parametrize(("optimiser", "package"), [("gepa", "gepa"), ("miprov2", "optuna")])
def test_a_missing_package_is_said_before_anything_is_asked(
    two: Framework, player: Player, model: Model, optimiser: Any, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == package else found(name))
    with pytest.raises(StrategyError, match=package) as caught:
        optimised(two, model, optimiser=optimiser).fit(ARGUMENTS, LABELS)
    assert "argqual[optimise]" in (caught.value.hint or "")
    assert not player.requests


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"optimiser": "gepta"}, "'gepa'"),
        ({"definitions": "ful"}, "'full'"),
        ({"validation": 1.0}, "share"),
        ({"optimiser": "labelled", "demos": 0}, "nothing to show"),
        ({"targets": {"cleer": "x"}}, "does not ask"),
        ({"readout": "verbal"}, "verbal"),
        ({"budget_calls": None}, "limits"),
        ({"budget_calls": 0}, "more than 0"),
        ({"optimiser": "labelled", "budget_calls": 15}, "too small"),
    ],
)
def test_wrong_parameters_are_errors_before_anything_is_asked(
    two: Framework, player: Player, model: Model, params: dict[str, Any], said: str
) -> None:
    with pytest.raises((StrategyError, InputError), match=said):
        optimised(two, model, **params).fit(ARGUMENTS, LABELS)
    assert not player.requests


def test_one_group_cannot_be_held_out_of(two: Framework, model: Model) -> None:
    with pytest.raises(InputError, match="one group"):
        optimised(two, model, optimiser="labelled").fit(ARGUMENTS, LABELS, groups=["a"] * 20)


def test_a_model_that_never_answers_readably_is_an_error(two: Framework) -> None:
    server = Player(lambda body: (200, completion({"index": 0, "message": {"role": "assistant", "content": "no"}})))
    try:
        model = connect("openai/test", api_base=f"{server.url}/v1", api_key="k")
        with pytest.raises(ModelError, match="Not one of 8"):
            optimised(two, model, optimiser="labelled").fit(ARGUMENTS, LABELS)
    finally:
        server.close()


def test_stopping_keeps_the_best_so_far(two: Framework, model: Model) -> None:
    strategy = optimised(two, model)
    with telling(lambda words: strategy.stop() if int(words.split()[0]) >= 12 else None):
        strategy.fit(ARGUMENTS, LABELS)
    assert strategy.ended_ == "interrupted" and strategy.calls_ <= 14
    assert np.isfinite(strategy.predict(ARGUMENTS[:2])).all()


def test_a_reflection_model_that_fails_later_ends_the_run_with_a_warning(two: Framework) -> None:
    refused = (401, {"error": {"message": "no", "type": "invalid_api_key", "code": "invalid_api_key"}})

    def fault(body: Any) -> Any:
        return None if is_task(body) or "Answer with: ok" in json.dumps(body) else refused

    server = Player(fault)
    try:
        model = connect("openai/test", api_base=f"{server.url}/v1", api_key="k")
        with pytest.warns(OptimisationWarning):
            fitted = optimised(two, model, optimiser="miprov2").fit(ARGUMENTS, LABELS)
        assert fitted.score_after_["metric"] >= fitted.score_before_["metric"]
    finally:
        server.close()


def test_a_saved_strategy_and_a_saved_program_rate_alike(
    tmp_path: Any, two: Framework, player: Player, model: Model
) -> None:
    strategy = Optimised(
        two, optimiser="bootstrap", model="openai/test", api_base=f"{player.url}/v1", readout="label", validation=0.4
    ).fit(ARGUMENTS, LABELS)
    before = strategy.predict(ARGUMENTS)
    folder = save_strategy(strategy, tmp_path / "saved")
    assert {path.name for path in folder.iterdir()} == {"strategy.json"}
    loaded = load_strategy(folder)
    assert loaded.predict(ARGUMENTS) == pytest.approx(before)
    assert loaded.program_["rate"]["demos"] == strategy.program_["rate"]["demos"]
    save_program(strategy.program(), tmp_path / "two.json")
    judge = Judge(two, model=model, readout="label", program=load_program(tmp_path / "two.json", two))
    assert judge.prompt(ARGUMENTS[0])[0]["content"] == strategy.prompt_after_


def test_clones_share_nothing_that_was_fitted(two: Framework, model: Model) -> None:
    fitted = optimised(two, model, optimiser="labelled").fit(ARGUMENTS, LABELS)
    assert not hasattr(clone(fitted), "program_")
    assert clone(fitted).get_params()["optimiser"] == "labelled"


def test_a_prompt_that_changes_no_rating_is_not_taken(two: Framework) -> None:
    with ChatServer() as server:  # its ratings hang on the argument alone
        model = connect("openai/test", api_base=f"{server.url}/v1", api_key="k")
        fitted = optimised(two, model, optimiser="labelled", readout="expect").fit(ARGUMENTS, LABELS)
    assert fitted.calls_ == 16 and fitted.score_after_ == fitted.score_before_
    assert fitted.prompt_after_ == fitted.prompt_before_ and fitted.program_["rate"]["demos"] == []


@pytest.mark.parametrize("optimiser", ["bootstrap", "gepa"])
def test_a_stop_before_anything_is_asked_asks_nothing(
    two: Framework, model: Model, player: Player, optimiser: Any
) -> None:
    strategy = optimised(two, model, optimiser=optimiser)
    strategy.stop()
    with pytest.raises(KeyboardInterrupt):
        strategy.fit(ARGUMENTS, LABELS)
    assert not player.requests
    assert strategy.fit(ARGUMENTS, LABELS).ended_ in ("finished", "budget")  # the next run is another one


def test_a_budget_too_small_for_one_request_is_an_error_that_says_so(two: Framework, model: Model) -> None:
    model.price = read_price("1,1")
    with pytest.raises(StrategyError, match="budget was spent before"):
        optimised(two, model, optimiser="gepa", budget_usd=1e-9).fit(ARGUMENTS, LABELS)


def test_votes_count_as_many_requests_as_they_take(two: Framework, model: Model, player: Player) -> None:
    with pytest.raises(InputError, match="takes 48"):
        optimised(two, model, optimiser="labelled", readout="votes:3", budget_calls=40).fit(ARGUMENTS, LABELS)
    assert not player.requests
    fitted = optimised(two, model, optimiser="labelled", readout="votes:3", budget_calls=48).fit(ARGUMENTS, LABELS)
    assert fitted.calls_ == 48 and fitted.ended_ == "finished"


def test_a_fitted_one_can_be_copied(two: Framework, model: Model) -> None:
    fitted = optimised(two, model, optimiser="labelled").fit(ARGUMENTS, LABELS)
    fitted.set_params(model="openai/test", api_base="http://127.0.0.1:9")  # a connection itself cannot be
    assert copy.deepcopy(fitted).program_ == fitted.program_
