"""What a plan promises is what a run asks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from argqual.argument import Argument
from argqual.benchmark.running.planning import Needed, needed
from argqual.benchmark.running.run import begin, plan_of, run_cells
from argqual.benchmark.running.store import Run
from argqual.benchmark.spec.config import load_benchmark
from argqual.judging.judge import Judge
from argqual.strategies import registry
from argqual.strategies.base import Predictions, PredictionScale, Strategy
from argqual.strategies.controls import plain_framework
from argqual.strategies.prompted import Plain
from chatserver import ChatServer
from smallbenchmark import write_benchmark

COUNT = 16  # arguments of each of two corpora
STRATEGIES = """\
  plain:
  again: {strategy: plain}
  exemplars: {params: {k: 2, draws: 1}}
  worked: {strategy: exemplars, params: {pool: constructed, k: 2, draws: 1}}
  calibrated: {params: {base: plain, method: isotonic}}
  comparing: {strategy: pairwise, params: {against: test, opponents: 2}, splits: [in_domain]}
  ladder: {strategy: pairwise, params: {rungs: 3}, splits: [leave_one_domain_out]}
"""


class Loudest(Strategy):
    """A stranger's strategy: the better of what a model says of a text as it stands and of the same in capitals."""

    learns = False
    scale = PredictionScale.QUALITY
    models = ("model",)

    def __init__(self, *, model: str = "local") -> None:
        self.model = model

    def judges(self) -> list[Judge]:
        return [Judge(plain_framework(), model=self.model)]

    def _plan(self, arguments: Any, labels: Any, groups: Any, predict: list[Argument]) -> Iterator[Any]:
        (judge,) = self.judges()
        return ((judge, said) for argument in predict for said in (argument, Argument(argument.text.upper())))

    def _fit(self, arguments: list[Argument], labels: Any, groups: list[Any]) -> None:
        self.fitted_ = True

    def _predict(self, arguments: list[Argument]) -> Predictions:
        judges, asked = zip(*self._plan([], None, [], arguments), strict=True)
        said = np.array([each.overall.quality for each in Plain()._ask(judges[0], asked)], dtype=float)
        return Predictions(said.reshape(-1, 2).max(axis=1))


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    with ChatServer() as server:
        for name, value in {
            "ARGQUAL_CACHE": str(tmp_path / "cache"),
            "ARGQUAL_STORE": str(tmp_path / "store.sqlite"),
            "OPENAI_API_KEY": "k",
            "OPENAI_API_BASE": f"{server.url}/v1",
        }.items():
            monkeypatch.setenv(name, value)
        yield server


def test_what_is_planned_is_what_is_asked(tmp_path: Path, server: ChatServer) -> None:
    more = {"models": "[openai/test]", "perturbed": "{arguments: 5, strategies: [plain, exemplars]}"}
    plan = plan_of(load_benchmark(write_benchmark(tmp_path, STRATEGIES, count=COUNT, folds=2, **more)))
    planned = {each.strategy: each for each in needed(plan, {})}
    assert planned["length"].to_ask == 0
    # Every argument once, and five of each corpus in two other forms, of which one has no function words to lose.
    assert planned["plain"].to_ask == 2 * COUNT + 2 * (5 + 4)
    assert planned["again"].to_ask == planned["calibrated"].to_ask == 0  # asked with the first of them
    assert planned["exemplars"].to_ask == 2 * 2 * COUNT + 2 * (5 + 4)  # other examples in domain and away
    assert planned["worked"].to_ask == 2 * COUNT  # the same examples everywhere
    # In both orders: around the circle of each fold; each against three of the other corpus, of which the three
    # and those of the other way meet twice.
    assert planned["comparing"].to_ask == 2 * 2 * COUNT
    assert planned["ladder"].to_ask == 2 * (3 * 2 * COUNT - 3 * 3)
    with Run(tmp_path / "run.sqlite", create=True) as run:
        begin(plan, run)
        assert run_cells(plan, run) == 0
        done = run.done()
    assert server.stats().answered == sum(each.to_ask for each in planned.values())
    assert all((each.to_ask, each.done) == (0, each.cells) for each in needed(plan, done))
    with Run(tmp_path / "run.sqlite") as run:  # each answer is paid for once, by the strategy that asked it
        took = [json.loads(content) for (content,) in run._connection.execute("SELECT content FROM cell")]
    asked = [usage["requests"] for cell in took for usage in (cell["usage"], cell["seen"]["usage"])]
    assert sum(asked) == server.stats().answered


def test_a_strangers_strategy_and_a_jury_have_plans_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: ChatServer
) -> None:
    known = registry.Known(f"{__name__}:Loudest", registry.Family.ADDED, "a stranger's")
    monkeypatch.setitem(registry.BUILT_IN, "loudest", known)
    strategies = """\
  loudest:
  jury: {params: {members: [plain, [shown, exemplars]], combine: mean, shown__k: 2, shown__draws: 1, folds: 2}}
"""
    plan = plan_of(load_benchmark(write_benchmark(tmp_path, strategies, count=COUNT, folds=2, models="[openai/test]")))
    planned = {each.strategy: each for each in needed(plan, {})}
    assert planned["loudest"].to_ask == 2 * 2 * COUNT  # each as it stands, and in capitals
    assert server.stats().answered == 0  # a plan asks nothing
    with Run(tmp_path / "run.sqlite", create=True) as run:
        begin(plan, run)
        assert run_cells(plan, run) == 0
    assert server.stats().answered == sum(each.to_ask for each in planned.values())


BUDGETS = """\
  tuned: {strategy: optimised, params: {optimiser: gepa, budget_calls: 50, reflection_model: openai/writer}}
  mapped: {strategy: calibrated, params: {base: optimised, base__demos: 3, base__budget_calls: 20, folds: 2}}
  jury: {params: {members: [[tuned, optimised], plain], tuned__budget_calls: 30, folds: 3}}
  written: {strategy: exemplars, params: {k: 2, draws: 1, rationales: polished}}
  rungs: {strategy: pairwise, params: {rungs: 3}}
"""
APART = {"models": "[openai/gpt-4.1-mini]", "splits": "[leave_one_domain_out]"}


def planned_of(folder: Path, strategies: str) -> dict[str, Needed]:
    """By strategy, out of domain only: two folds of forty to train on and forty to test."""
    folder.mkdir(exist_ok=True)
    plan = plan_of(load_benchmark(write_benchmark(folder, strategies, **APART)))
    return {each.strategy: each for each in needed(plan, {})}


def test_a_plan_asks_nothing_and_holds_what_optimisers_may_spend(tmp_path: Path, server: ChatServer) -> None:
    with patch.object(Strategy, "fit", side_effect=AssertionError("a plan fits nothing")):
        planned = planned_of(tmp_path, BUDGETS)
    assert server.stats().received == 0
    # Calibrated fits on all and on each of two folds; a jury on all and on each of three.
    assert {name: planned[name].trying for name in ("tuned", "mapped", "jury", "written", "rungs")} == {
        "tuned": 2 * 50, "mapped": 2 * 3 * 20, "jury": 2 * 4 * 30, "written": 0, "rungs": 0,
    }  # fmt: skip
    # Predicted: 40 in each fold, by a prompt of that fold; of what is cross-fitted the 40 trained on too.
    assert planned["tuned"].to_ask == 2 * 40 and planned["mapped"].to_ask == 2 * (40 + 40)
    assert all(planned[name].cost_usd is None for name in ("tuned", "mapped", "jury"))  # of a server of one's own
    assert not any(each.problems for each in planned.values())


@pytest.mark.parametrize(("limit", "spent"), [("budget_calls: 50", None), ("budget_usd: 3, budget_calls: null", 6.0)])
def test_the_cost_of_a_plan_holds_what_an_optimiser_may_spend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, spent: float | None
) -> None:
    monkeypatch.setenv("ARGQUAL_STORE", str(tmp_path / "store.sqlite"))
    strategies = f"""\
  ratio: {{strategy: principle, params: {{framework: ratio}}}}
  tuned: {{strategy: optimised, params: {{framework: ratio, optimiser: bootstrap, {limit}}}}}
"""
    planned = planned_of(tmp_path, strategies)
    plain, tuned = planned["ratio"].cost_usd, planned["tuned"].cost_usd
    assert plain and tuned and planned["tuned"].to_ask == planned["ratio"].to_ask == 80
    # What is tried costs what a rating does, and there are 80 ratings and twice 50 tries; or as much as may be spent.
    asked = tuned - spent if spent else tuned * 80 / (80 + 2 * 50)
    assert asked == pytest.approx(plain, rel=0.1)


def test_a_jury_is_planned_as_the_sum_of_its_judges(tmp_path: Path, server: ChatServer) -> None:
    def planned(strategies: str, name: str) -> Needed:
        return planned_of(tmp_path / name, strategies)[name]

    one = planned("  one: {strategy: plain}\n", "one")
    two = planned("  two: {strategy: principle, params: {framework: ratio, readout: 'votes:3'}}\n", "two")
    for combine in ("mean", "weights"):
        members = f"members: [plain, [three, principle]], three__readout: 'votes:3', combine: {combine}"
        jury = planned(f"  {combine}: {{strategy: jury, params: {{{members}}}}}\n", combine)
        assert jury.to_ask == one.to_ask + two.to_ask == 160
        assert jury.tokens == pytest.approx(one.tokens + two.tokens, rel=0.02)  # some are counted
    assert server.stats().received == 0


def test_a_grid_is_planned_with_all_that_is_chosen_from(tmp_path: Path, server: ChatServer) -> None:
    strategies = """\
  worded: {strategy: principle, params: {framework: ratio}, grid: {definitions: [none, plain, full]}}
  impossible: {strategy: exemplars, params: {k: 41, draws: 1}}
  alone: {strategy: principle, params: {framework: ratio, definitions: none}}
"""
    planned = planned_of(tmp_path, strategies)
    assert planned["worded"].to_ask == 3 * 80 and planned["alone"].to_ask == 0  # each wording about each argument
    (said,) = planned["impossible"].problems  # what cannot be fitted is said, and the others are planned
    assert "41 examples are to be shown" in said and server.stats().received == 0
