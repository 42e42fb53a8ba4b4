"""What a benchmark will take, before anything is asked: cells, requests, tokens, money, time, strategy by strategy.

What several strategies or folds ask alike is counted once, with the first of them, and what the store has not at all.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import fsum

from argqual.benchmark.running.cells import Cell, tested
from argqual.benchmark.running.data import Data
from argqual.benchmark.running.run import BenchmarkPlan
from argqual.judging.judge import Judge
from argqual.judging.plan import Planner
from argqual.judging.store import Store

_AT_ONCE = 16


@dataclass(frozen=True)
class Needed:
    """What is left to do for one strategy."""

    strategy: str
    cells: int
    done: int
    failed: int  # when they were last run
    to_ask: int = 0  # arguments that a model is asked about
    kept: int = 0  # those whose answers the store has already
    tokens: float = 0.0  # read and written
    cost_usd: float | None = 0.0  # None where the price is not known
    seconds: float = 0.0  # of asking; of fitting nothing is known beforehand
    reads: int = 0  # texts whose hidden state is read, or that are embedded; not counted in the time


def needed(plan: BenchmarkPlan, status: Mapping[str, str]) -> Iterator[Needed]:
    """For each strategy of a benchmark, in its order; `status`: of the cells that were run, `done` or `failed`."""
    counted: set[str] = set()
    asked: set[str] = set()
    with Store() as store:
        for title in dict.fromkeys(cell.system.title for cell, _ in plan.cells):
            cells = {cell.key: cell for cell, _ in plan.cells if cell.system.title == title}
            ended = Counter(status.get(key) for key in cells)
            found = Needed(title, len(cells), ended["done"], ended["failed"])
            left = [cell for key, cell in cells.items() if status.get(key) != "done" and key not in counted]
            counted |= cells.keys()
            yield _with_asking(found, plan.data, left, store, asked)


def _with_asking(found: Needed, data: Data, left: list[Cell], store: Store, asked: set[str]) -> Needed:
    planners: dict[int, tuple[Judge, Planner]] = {}  # by judge: those of two folds may show other examples
    reads: set[str] = set()
    for cell in left:
        if not cell.asks:
            continue
        strategy, train = cell.system.build(cell.seed), list(cell.fold.train)
        given, predict = [data.arguments[place] for place in train], tested(cell.fold, cell.perturbation, data)
        labels = data.labels[train] if strategy.learns else None
        asking = list(strategy.plan(given, labels, groups=[data.groups[place] for place in train], predict=predict))
        if not asking:
            reads.update(argument.text for argument in (*given, *predict))
        for judge, argument in asking:
            key = judge.key(argument)
            if key not in asked:
                asked.add(key)
                _, planner = planners.setdefault(id(judge), (judge, Planner(judge, store, sample=50)))
                planner.add(argument)
    servers = ((judge.model.server, planner) for judge, planner in planners.values())
    plans = [planner.plan(concurrency=server.slots if server else _AT_ONCE) for server, planner in servers]
    costs = [None if plan.cost_usd is None else plan.cost_usd.value for plan in plans]
    return replace(
        found,
        to_ask=sum(plan.to_ask for plan in plans),
        kept=sum(plan.kept for plan in plans),
        tokens=fsum(plan.input_tokens.value + plan.output_tokens.value for plan in plans),
        cost_usd=None if None in costs else fsum(cost for cost in costs if cost is not None),
        seconds=sum(plan.seconds for plan in plans),
        reads=len(reads),
    )
