"""Comparisons: asked in both orders and once, scored as Bradley and Terry have it, and missing rather than made up."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import expit
from scipy.stats import spearmanr
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_predict

from argqual.argument import Argument
from argqual.errors import InputError, StrategyError
from argqual.frameworks.catalogue import load_framework
from argqual.frameworks.framework import Framework
from argqual.judging.judge import Judge
from argqual.models.connect import Model, connect
from argqual.models.prices import read_price
from argqual.strategies import Pairwise, create, load_strategy, save_strategy
from argqual.strategies.controls import plain_framework
from argqual.strategies.pairwise import choose_rungs, ladder_position, opponents_of, versus_framework
from chatserver import ChatServer
from loopback import Loopback, Reply, completion

LABELS = np.linspace(-2.0, 2.0, 12)
ARGUMENTS = [Argument(f"Strength {label:+.3f}.", issue=f"Issue {place % 3}?") for place, label in enumerate(LABELS)]


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


@pytest.fixture
def model(server: ChatServer) -> Model:
    return connect("openai/test", api_base=f"{server.url}/v1", api_key="k")


def judge_by_strength(loopback: Loopback, *, favour: float = 0.0) -> Model:
    """A model that prefers the stronger argument, as the strengths in the texts say, and `favour`s the one asked about.

    P(yes) = 1 / (1 + exp(context's strength - argument's strength - favour)).
    """

    def answer(body: Any) -> Reply:
        user = body["messages"][-1]["content"]
        other, own = (float(found) for found in re.findall(r"Strength ([-+.\d]+)\.", user))
        yes = float(expit(own - other + favour))
        code = {"1": yes, "0": 1 - yes}
        said = [('{"', {}), ("better", {}), ('":"', {}), ("1" if yes > 0.5 else "0", code), ('"}', {})]
        content = []
        for token, likely in said:
            top = [{"token": one, "logprob": math.log(share), "bytes": None} for one, share in likely.items()]
            content.append(
                {"token": token, "logprob": math.log(likely.get(token, 1.0)), "bytes": None, "top_logprobs": top}
            )
        message = {"role": "assistant", "content": "".join(token for token, _ in said)}
        return 200, completion(
            {"index": 0, "message": message, "finish_reason": "stop", "logprobs": {"content": content}}
        )

    loopback.queue.extend([answer] * 5000)
    return connect("openai/test", api_base=f"{loopback.url}/v1", api_key="k")


def silent_about(argument: str, context: str) -> Any:
    """A fault in the one order in which `argument` is asked about next to `context`."""

    def fault(body: Any) -> str | None:
        user = body["messages"][1]["content"]
        return "wrong_level" if f"{context}\n</context>" in user and f"{argument}\n</argument>" in user else None

    return fault


# --- What is asked ----------------------------------------------------------------


def test_the_question_names_the_criteria_of_the_framework_and_shows_the_other_argument(model: Model) -> None:
    judge = Pairwise("ratio", model=model).judges()[0]
    system, user = judge.prompt(Argument("One.", issue="Ban it?", context="Two."))
    assert "Is this argument better than the one in the context?" in system["content"]
    assert "0 = no, the one in the context is better\n1 = yes, this argument is better" in system["content"]
    for criterion in load_framework("ratio").asked:
        assert criterion.question in system["content"]
    assert user["content"] == "<issue>\nBan it?\n</issue>\n<context>\nTwo.\n</context>\n<argument>\nOne.\n</argument>"


def test_definitions_say_less_or_more_of_the_criteria() -> None:
    ratio = load_framework("ratio")
    words = [len(versus_framework(ratio, definitions).guidelines.split()) for definitions in ("none", "plain", "full")]
    assert words[0] < words[1] < words[2]
    relevance = ratio.criterion("relevance")
    assert relevance.plain in versus_framework(ratio, "plain").guidelines
    assert relevance.plain not in versus_framework(ratio, "none").guidelines
    assert relevance.name in versus_framework(ratio, "none").guidelines


def test_a_comparison_has_keys_of_its_own_in_the_store(model: Model) -> None:
    pair = Argument("One.", context="Two.")
    keys = {
        Judge(framework, model=model).key(pair)
        for framework in (
            load_framework("ratio"),
            versus_framework(load_framework("ratio")),
            versus_framework(load_framework("ratio"), "plain"),
            versus_framework(load_framework("qoam")),
        )
    }
    assert len(keys) == 4


def test_less_of_a_flaw_is_better() -> None:
    text = versus_framework(load_framework("appropriateness"), "plain").guidelines
    assert "flaw: the better argument has less of it" in text


def test_criteria_that_need_what_is_not_shown_are_left_out(two: Framework) -> None:
    def needing_context(*names: str) -> Framework:
        content = two.model_dump(by_alias=True, exclude_none=True)
        for criterion in content["criteria"]:
            criterion["requires"] = ["context"] if criterion["id"] in names else []
        return Framework.model_validate(content)

    text = versus_framework(needing_context("fair")).guidelines
    assert "Is it clear?" in text and "Is it fair?" not in text
    with pytest.raises(StrategyError, match="need a stance or a context"):
        versus_framework(needing_context("clear", "fair"))


def test_a_framework_that_first_asks_for_the_kind_of_argument_cannot_compare() -> None:
    with pytest.raises(StrategyError, match="kind of argument"):
        versus_framework(load_framework("walton"))


def test_an_argument_on_another_issue_comes_with_its_issue(loopback: Loopback) -> None:
    model = judge_by_strength(loopback)
    pair = [Argument("Strength 1.", issue="Ban it?"), Argument("Strength 2.", issue="Tax it?")]
    Pairwise(model=model, against="test").fit(pair).predict(pair)
    shown = {request["messages"][-1]["content"] for request in loopback.requests}
    assert (
        "<issue>\nBan it?\n</issue>\n<context>\nOn the issue: Tax it?\n\nStrength 2.\n</context>\n"
        "<argument>\nStrength 1.\n</argument>"
    ) in shown
    assert len(shown) == 2


def test_both_orders_are_asked_and_their_mean_is_free_of_what_favours_a_place(loopback: Loopback) -> None:
    model = judge_by_strength(loopback, favour=1.0)
    (found,) = Pairwise(model=model, against="test").fit(ARGUMENTS[:2]).compare(ARGUMENTS[:2])
    gap = LABELS[0] - LABELS[1]
    assert len(loopback.requests) == 2
    assert found.shown_second == pytest.approx(expit(gap + 1), abs=1e-4)
    assert found.shown_first == pytest.approx(1 - expit(-gap + 1), abs=1e-4)
    assert found.probability == pytest.approx((found.shown_first + found.shown_second) / 2)
    assert found.probability < 0.5


def test_nothing_is_asked_twice(server: ChatServer, model: Model) -> None:
    ladder = Pairwise(model=model, rungs=4).fit(ARGUMENTS, LABELS)
    assert server.stats().received == 0
    new = [Argument(f"Reason {number}.") for number in range(5)]
    first = ladder.predict(new)
    assert server.stats().received == 5 * 4 * 2
    assert ladder.predict(new) == pytest.approx(first)
    clone(ladder).fit(ARGUMENTS, LABELS).compare(new)
    assert server.stats().received == 5 * 4 * 2


# --- A ladder ---------------------------------------------------------------------


def test_a_position_on_the_ladder_is_the_maximum_of_the_penalised_likelihood() -> None:
    rng = np.random.default_rng(0)
    for n_rungs in (1, 3, 8):
        rungs, won = rng.normal(size=n_rungs), rng.uniform(size=n_rungs)

        def loss(t: float, rungs: np.ndarray = rungs, won: np.ndarray = won) -> float:
            p = expit(t - rungs)
            return float(-(won * np.log(p) + (1 - won) * np.log(1 - p)).sum() + t**2 / (2 * 2.0**2))

        best = minimize_scalar(loss, bounds=(-20, 20), method="bounded", options={"xatol": 1e-9}).x
        assert ladder_position(won, rungs) == pytest.approx(best, abs=1e-5)


def test_positions_by_hand() -> None:
    # One rung at 0, a flat prior: P(win) = 0.8 where exp(t) = 0.8 / 0.2.
    assert ladder_position(np.array([0.8]), np.array([0.0]), prior_sd=1e3) == pytest.approx(math.log(4), abs=1e-4)
    # Half of all against rungs that lie evenly about 0.
    assert ladder_position(np.array([0.5, 0.5]), np.array([-1.0, 1.0])) == pytest.approx(0.0, abs=1e-9)
    # All won at -1 and 1: at t = 1.643, 2 - 0.9336 - 0.6555 = 0.4109, which is 1.643 / 4.
    assert ladder_position(np.ones(2), np.array([-1.0, 1.0])) == pytest.approx(1.643, abs=1e-3)
    assert ladder_position(np.zeros(2), np.array([-1.0, 1.0])) == pytest.approx(-1.643, abs=1e-3)


def test_a_ladder_puts_arguments_where_they_belong_on_the_labels_scale(loopback: Loopback) -> None:
    model = judge_by_strength(loopback, favour=0.7)
    y = 50 + 10 * LABELS
    strategy = Pairwise(model=model, rungs=6).fit(ARGUMENTS, y)
    new = [Argument(f"Strength {strength:+.2f}.") for strength in (-1.5, -0.6, 0.1, 0.8, 1.4)]
    found = strategy.predict(new)
    assert np.all(np.diff(found) > 0)
    assert found == pytest.approx([35, 44, 51, 58, 64], abs=6)
    assert strategy.seen_.labels == 12 and strategy.seen_.examples == 6 and strategy.seen_.model == "openai/test"
    assert sorted(strategy.positions_) == list(strategy.positions_)


def test_a_rung_is_not_compared_with_itself(loopback: Loopback) -> None:
    strategy = Pairwise(model=judge_by_strength(loopback), rungs=4).fit(ARGUMENTS, LABELS)
    found = strategy.compare(strategy.rungs_)
    assert len(found) == 4 * 3
    assert all(each.first.text != each.second.text for each in found)


def test_rungs_come_from_equal_shares_of_the_labels_and_from_different_issues() -> None:
    rng = np.random.default_rng(1)
    labels = rng.permutation(40).astype(float)
    arguments = [Argument(f"Text {place}.", issue=f"Issue {place % 8}?") for place in range(40)]
    for seed in range(5):
        chosen = choose_rungs(arguments, labels, 8, seed=seed)
        assert [int(labels[place] // 5) for place in chosen] == list(range(8))
        assert len({arguments[place].issue for place in chosen}) >= 6
    assert choose_rungs(arguments, labels, 8, seed=1) == choose_rungs(arguments, labels, 8, seed=1)
    assert choose_rungs(arguments, labels, 8, seed=1) != choose_rungs(arguments, labels, 8, seed=2)


def test_folds_take_their_ladders_from_their_own_training_arguments(loopback: Loopback) -> None:
    strategy = Pairwise(model=judge_by_strength(loopback), rungs=4)
    found = cross_val_predict(strategy, ARGUMENTS, LABELS, cv=3)
    assert spearmanr(found, LABELS).statistic > 0.9


# --- Among those to be scored -----------------------------------------------------


@pytest.mark.parametrize(("n_items", "opponents"), [(7, 4), (8, 6), (9, 6), (50, 2), (101, 6), (300, 10)])
@pytest.mark.parametrize("same_issue", [False, True])
def test_every_argument_has_its_opponents_and_all_are_linked(n_items: int, opponents: int, same_issue: bool) -> None:
    issues = [f"Issue {item % 5}?" for item in range(n_items)] if same_issue else None
    pairs = opponents_of(n_items, opponents, issues=issues, seed=3)
    assert len({frozenset(pair) for pair in pairs}) == len(pairs)
    met = Counter(item for pair in pairs for item in pair)
    assert set(met.values()) == {min(opponents, n_items - 1)} and len(met) == n_items
    first, second = np.array(pairs).T
    links = coo_array((np.ones(len(pairs)), (first, second)), shape=(n_items, n_items))
    assert connected_components(links, directed=False)[0] == 1


def test_few_arguments_are_all_compared_and_the_design_is_seeded() -> None:
    assert opponents_of(3, 6) == [(0, 1), (0, 2), (1, 2)]
    assert opponents_of(1, 6) == []
    assert opponents_of(30, 6, seed=1) == opponents_of(30, 6, seed=1) != opponents_of(30, 6, seed=2)


def test_opponents_are_mostly_of_the_same_issue_where_that_is_wanted() -> None:
    issues = [f"Issue {item % 5}?" for item in range(100)]
    share = {
        same: np.mean([issues[a] == issues[b] for a, b in opponents_of(100, 6, issues=issues if same else None)])
        for same in (False, True)
    }
    # Two of three distances are the shortest; in issues of 20, 1.5 in 20 of those lead out of them.
    assert share[False] < 0.35 < 0.55 < share[True]


def test_scores_without_labels_have_the_order_of_the_strengths(loopback: Loopback) -> None:
    strategy = Pairwise(model=judge_by_strength(loopback, favour=-0.5), against="test").fit(ARGUMENTS)
    assert not strategy.learns and strategy.seen_.labels == 0 and strategy.seen_.examples == 0
    found = strategy.predict(ARGUMENTS)
    assert np.all(np.diff(found) > 0)
    assert found.mean() == pytest.approx(0, abs=1e-6)
    assert len(loopback.requests) == 12 * 6 // 2 * 2


@pytest.mark.parametrize("favour", [-0.5, 0.0, 0.5])
def test_what_standing_first_does_is_reported(loopback: Loopback, favour: float) -> None:
    """The argument asked about stands second: favouring it is an effect against the first place."""
    strategy = Pairwise(model=judge_by_strength(loopback, favour=favour), against="test").fit(ARGUMENTS[:2])
    strong, weak = (float(re.findall(r"Strength ([-+.\d]+)\.", ARGUMENTS[place].text)[0]) for place in (1, 0))
    first, second = 1 - expit(weak - strong + favour), expit(strong - weak + favour)
    order = strategy.predictions(ARGUMENTS[:2]).order
    assert order["order_effect"] == pytest.approx([first - second] * 2, abs=1e-6)
    assert order["turned_by_order"].tolist() == [float((first - 0.5) * (second - 0.5) < 0)] * 2


def test_equal_arguments_are_compared_as_one(loopback: Loopback) -> None:
    strategy = Pairwise(model=judge_by_strength(loopback), against="test").fit(ARGUMENTS)
    found = strategy.predict([ARGUMENTS[0], ARGUMENTS[5], ARGUMENTS[0], ARGUMENTS[9]])
    assert found[0] == found[2] and len(set(found)) == 3
    assert len(loopback.requests) == 3 * 2


def test_one_argument_alone_has_nothing_to_be_compared_with(model: Model) -> None:
    found = Pairwise(model=model, against="test").fit(ARGUMENTS).predictions(ARGUMENTS[:1])
    assert np.isnan(found.values[0]) and found.reasons == ("there is nothing to compare it with",)


# --- What is missing --------------------------------------------------------------


def test_a_comparison_with_one_order_missing_is_missing() -> None:
    one, other = Argument("One."), Argument("Two.")
    with ChatServer(fault_for=silent_about("One.", "Two.")) as spoiled:
        model = connect("openai/test", api_base=f"{spoiled.url}/v1", api_key="k")
        (found,) = Pairwise(model=model, against="test").fit([one, other]).compare([one, other])
        assert found.probability is None and found.shown_second is None
        assert found.shown_first is not None
        assert found.reason is not None and found.reason.startswith("unreadable: ")


def test_a_score_rests_on_the_comparisons_that_there_are_and_on_half_of_them_at_least(loopback: Loopback) -> None:
    y, new = LABELS, [Argument("New one."), Argument("New two.")]

    def faults(many: int) -> Any:
        rungs = [ARGUMENTS[place].text for place in choose_rungs(ARGUMENTS, y, 4, seed=0)][:many]
        silent = [silent_about("New one.", rung) for rung in rungs]
        return lambda body: next((found for fault in silent if (found := fault(body))), None)

    for many, there in ((1, True), (2, True), (3, False)):
        with ChatServer(fault_for=faults(many)) as spoiled:
            model = connect("openai/test", api_base=f"{spoiled.url}/v1", api_key="k")
            found = Pairwise(model=model, rungs=4, store=False).fit(ARGUMENTS, y).predictions(new)
        assert np.isfinite(found.values).tolist() == [there, True]
        assert found.coverage == (1.0 if there else 0.5)
    assert found.reasons[1] is None
    assert str(found.reasons[0]).startswith("1 of 4 comparisons were answered; unreadable: ")


def test_what_no_answered_comparison_links_with_the_others_has_no_score() -> None:
    arguments = [Argument(f"Reason {number}.") for number in range(8)]
    circle = opponents_of(8, 2, seed=0)
    cut = {frozenset(circle[0]), frozenset(circle[3])}  # which leaves chains of 3 and of 5

    def fault(body: Any) -> str | None:
        shown = re.findall(r"Reason (\d)", body["messages"][1]["content"])
        return "wrong_level" if frozenset(map(int, shown)) in cut else None

    with ChatServer(fault_for=fault) as spoiled:
        model = connect("openai/test", api_base=f"{spoiled.url}/v1", api_key="k")
        found = Pairwise(model=model, against="test", opponents=2).fit(arguments).predictions(arguments)
    apart = {circle[1][0], circle[2][0], circle[3][0]}
    assert {place for place, value in enumerate(found.values) if np.isnan(value)} == apart
    assert {reason for reason in found.reasons if reason} == {
        "no chain of answered comparisons links it with most of the others"
    }


def test_comparisons_beyond_a_limit_to_the_cost_are_missing_and_say_so(model: Model) -> None:
    model.price = read_price("1000,1000")
    many = [Argument(f"Reason {number} speaks for it.") for number in range(12)]
    strategy = Pairwise(model=model, rungs=2, definitions="none", max_cost=12.0, concurrency=1).fit(ARGUMENTS, LABELS)
    found = strategy.predictions(many)
    assert 0 < np.isfinite(found.values).sum() < 12
    assert found.usage.cost_usd is not None and 0 < found.usage.cost_usd < 12.0
    assert "limit to the cost" in str(found.reasons[-1])


# --- As an estimator --------------------------------------------------------------


@pytest.mark.parametrize("against", ["ladder", "test"])
def test_a_saved_strategy_predicts_the_same(server: ChatServer, tmp_path: Path, against: str) -> None:
    where = {"model": "openai/test", "api_base": f"{server.url}/v1"}
    strategy = create("pairwise", against=against, rungs=3, opponents=2, **where).fit(ARGUMENTS, LABELS)
    expected = strategy.predict(ARGUMENTS[:5])
    asked = server.stats().received
    loaded = load_strategy(save_strategy(strategy, tmp_path / "saved"))
    assert loaded.get_params() == strategy.get_params()
    assert loaded.predict(ARGUMENTS[:5]) == pytest.approx(expected)
    assert server.stats().received == asked


def test_parameters_are_kept_by_clones_and_can_be_set(model: Model) -> None:
    strategy = Pairwise("qoam", model=model, rungs=5, against="test", same_issue=True)
    assert clone(strategy).get_params() == strategy.get_params()
    assert strategy.set_params(against="ladder").learns


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"against": "tests"}, "'test'"),
        ({"definitions": "ful"}, "'full'"),
        ({"rungs": 1}, "at least 2"),
        ({"opponents": 5}, "even number"),
    ],
)
def test_wrong_parameters_are_errors_of_fit(model: Model, params: dict[str, Any], message: str) -> None:
    with pytest.raises(StrategyError, match=message):
        Pairwise(model=model, **params).fit(ARGUMENTS, LABELS)


def test_a_ladder_takes_labels_and_enough_of_them(model: Model) -> None:
    with pytest.raises(InputError, match="learns from labels"):
        Pairwise(model=model).fit(ARGUMENTS)
    with pytest.raises(InputError, match="too few for a ladder of 8"):
        Pairwise(model=model).fit(ARGUMENTS[:5], LABELS[:5])
    with pytest.raises(NotFittedError):
        Pairwise(model=model).compare(ARGUMENTS)


def test_the_small_model_compares(small_model: Model) -> None:
    pair = [Argument("Tests find mistakes before users do."), Argument("Nobody likes tests.")]
    (found,) = Pairwise(plain_framework(), model=small_model, against="test").fit(pair).compare(pair)
    if found.probability is None:
        assert found.reason
    else:
        assert 0 < found.probability < 1
