"""What a plan promises is what a run asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from argqual.benchmark.running.planning import needed
from argqual.benchmark.running.run import begin, plan_of, run_cells
from argqual.benchmark.running.store import Run
from argqual.benchmark.spec.config import load_benchmark
from chatserver import ChatServer
from smallbenchmark import write_benchmark

STRATEGIES = """\
  plain:
  again: {strategy: plain}
  exemplars: {params: {k: 2, draws: 1}}
  worked: {strategy: exemplars, params: {pool: constructed, k: 2, draws: 1}}
  calibrated: {params: {base: plain, method: isotonic}}
  comparing: {strategy: pairwise, params: {against: test, opponents: 2}, splits: [in_domain]}
  ladder: {strategy: pairwise, params: {rungs: 3}, splits: [leave_one_domain_out]}
"""


def test_what_is_planned_is_what_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer() as server:
        for name, value in {
            "ARGQUAL_CACHE": str(tmp_path / "cache"),
            "ARGQUAL_STORE": str(tmp_path / "store.sqlite"),
            "OPENAI_API_KEY": "k",
            "OPENAI_API_BASE": f"{server.url}/v1",
        }.items():
            monkeypatch.setenv(name, value)
        more = {"models": "[openai/test]", "perturbed": "{arguments: 5, strategies: [plain, exemplars]}"}
        plan = plan_of(load_benchmark(write_benchmark(tmp_path, STRATEGIES, **more)))
        planned = {each.strategy: each for each in needed(plan, {})}
        assert planned["length"].to_ask == 0
        # Every argument once, and five of each corpus in two other forms, of which one has no function words to lose.
        assert planned["plain"].to_ask == 80 + 2 * (5 + 4)
        assert planned["again"].to_ask == planned["calibrated"].to_ask == 0  # asked with the first of them
        assert planned["exemplars"].to_ask == 2 * 80 + 2 * (5 + 4)  # other examples in domain and away
        assert planned["worked"].to_ask == 80  # the same examples everywhere
        # In both orders: around the circle of each fold; each against three of the other corpus, of which the three
        # and those of the other way meet twice.
        assert planned["comparing"].to_ask == 2 * 80 and planned["ladder"].to_ask == 2 * (3 * 80 - 3 * 3)
        with Run(tmp_path / "run.sqlite", create=True) as run:
            begin(plan, run)
            assert run_cells(plan, run) == 0
            done = run.done()
        assert server.stats().answered == sum(each.to_ask for each in planned.values())
        assert all((each.to_ask, each.done) == (0, each.cells) for each in needed(plan, done))
