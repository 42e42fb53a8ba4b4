"""What a plan promises is what a run asks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from argqual.argument import Argument
from argqual.benchmark.running.planning import needed
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
