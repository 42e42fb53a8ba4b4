"""What a benchmark will take, before anything is asked: cells, requests, tokens, money, time, strategy by strategy.

What several strategies or folds ask alike is counted once, with the first of them, and what the store has not at all.
Nothing is fitted and nothing is asked, so all of it is an estimate: of a prompt that is yet to be written there is a
stand-in, and of what an optimiser tries its budget.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import fsum

from argqual.benchmark.running.cells import Cell, tested
from argqual.benchmark.running.run import BenchmarkPlan
from argqual.benchmark.running.selection import combinations, inner_folds
from argqual.errors import InputError
from argqual.judging.judge import Judge
from argqual.judging.plan import Plan, Planner
from argqual.judging.store import Store
from argqual.strategies.base import Questions, TryingLimit

_AT_ONCE = 16


@dataclass(frozen=True)
class Needed:
    """What is left to do for one strategy, as far as it can be known without doing it."""

    strategy: str
    cells: int
    done: int
    failed: int  # when they were last run
    to_ask: int = 0  # arguments that a model is asked about
    kept: int = 0  # those whose answers the store has already
    tokens: float = 0.0  # read and written
    cost_usd: float | None = 0.0  # of both, asking and trying; None where the price is not known
    seconds: float = 0.0  # of asking; of fitting nothing is known beforehand
    reads: int = 0  # texts whose hidden state is read, or that are embedded; not counted in the time
    trying: int = 0  # requests with which optimisers may try things, at most, besides those for what is to ask
    trying_usd: float = 0.0  # what those may spend whose requests are limited by nothing else
    problems: tuple[str, ...] = ()  # why cells cannot be fitted, which is what will become of them


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
            yield _with_asking(found, plan, left, store, asked)


def _with_asking(found: Needed, plan: BenchmarkPlan, left: list[Cell], store: Store, asked: set[str]) -> Needed:
    planners: dict[int, tuple[Judge, Planner]] = {}  # by judge: those of two folds may show other examples
    reads: set[str] = set()
    limits: list[TryingLimit] = []
    problems: list[str] = []
    for cell in left:
        if not cell.asks:
            continue
        own: list[TryingLimit] = []
        try:
            asking = list(_questions(plan, cell, own))
        except InputError as error:  # the cell will fail with it, and the others go on
            problems.append(error.message)
            continue
        limits += own
        if not asking:
            texts = (*cell.fold.train, *cell.fold.test)
            reads.update(plan.data.arguments[place].text for place in texts)
        for judge, argument in asking:
            key = judge.key(argument)
            if key not in asked:
                asked.add(key)
                made = planners.setdefault(id(judge), (judge, Planner(judge, store, sample=50, trying=False)))
                made[1].add(argument)
    servers = ((judge.model.server, planner) for judge, planner in planners.values())
    plans = [planner.plan(concurrency=server.slots if server else _AT_ONCE) for server, planner in servers]
    costs = [None if each.cost_usd is None else each.cost_usd.value for each in plans]
    costs += [_cost_of_trying(each, plans) for each in limits]
    return replace(
        found,
        to_ask=sum(each.to_ask for each in plans),
        kept=sum(each.kept for each in plans),
        tokens=fsum(each.input_tokens.value + each.output_tokens.value for each in plans),
        cost_usd=None if None in costs else fsum(cost for cost in costs if cost is not None),
        seconds=sum(each.seconds for each in plans),
        reads=len(reads),
        trying=sum(each.calls or 0 for each in limits),
        trying_usd=fsum(each.usd or 0.0 for each in limits if each.calls is None),
        problems=tuple(dict.fromkeys(problems)),
    )


def _questions(plan: BenchmarkPlan, cell: Cell, limits: list[TryingLimit]) -> Questions:
    """What a cell would ask, and (added to `limits`) what it may spend on trying.

    Where parameters are chosen from a grid, all of them on the inner folds; then the first ones, for want of better
    knowledge.
    """
    data, fold, system = plan.data, cell.fold, cell.system
    train, candidates = list(fold.train), list(combinations(system.grid))
    if len(candidates) > 1:
        inner = list(inner_folds(plan.benchmark, data, fold, train, data.labels[train]))
        for chosen in candidates:
            strategy = system.build(cell.seed, **chosen)
            for places, labels, held, _ in inner:
                limits += strategy.trying()
                yield from strategy.plan(
                    [data.arguments[place] for place in places],
                    labels if strategy.learns else None,
                    groups=[data.groups[place] for place in places],
                    predict=[data.arguments[place] for place in held],
                )
    strategy = system.build(cell.seed, **candidates[0])
    limits += strategy.trying()
    yield from strategy.plan(
        [data.arguments[place] for place in train],
        data.labels[train] if strategy.learns else None,
        groups=[data.groups[place] for place in train],
        predict=tested(fold, cell.perturbation, data),
    )


def _cost_of_trying(limit: TryingLimit, plans: list[Plan]) -> float | None:
    """US dollars: as many requests as there may be, each at what one costs of those that are planned; None: not known.

    Never more than the limit in dollars.
    """
    requests = sum(each.requests for each in plans)
    costs = [each.cost_usd.value for each in plans if each.cost_usd is not None]
    if limit.calls is None or not requests or len(costs) < len(plans):
        return limit.usd
    found = limit.calls * fsum(costs) / requests
    return found if limit.usd is None else min(found, limit.usd)
