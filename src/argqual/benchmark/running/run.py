"""Run the cells of a benchmark: those that are not done, one failure harming no other, kept as they come.

Cells that ask a language model run one after the other in this process, since the model does the waiting and an
embedded one has all cores; the others run before, in as many processes as are wanted, or on a Ray cluster.
"""

import logging
import math
import multiprocessing
import os
import platform
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from threadpoolctl import threadpool_limits

from argqual._plugins import versions_of
from argqual.assessment import Status, Usage
from argqual.benchmark.running.cells import Cell, cells_of, tested
from argqual.benchmark.running.data import Data, read_data
from argqual.benchmark.running.scored import ORDER, ArgumentRow, Placement
from argqual.benchmark.running.selection import selected
from argqual.benchmark.running.splits import Fold, Refused, folds_of
from argqual.benchmark.running.store import Done, Run
from argqual.benchmark.spec.schema import Benchmark
from argqual.benchmark.spec.vocabulary import CellStatus, Unrated
from argqual.corpora.targets import LabelStandardiser
from argqual.errors import ArgqualError, InputError, Unreachable
from argqual.stats.resampling import Array
from argqual.strategies.base import Predictions, PredictionScale
from argqual.strategies.registry import needs

Executor = Literal["processes", "ray"]
_Started = Callable[[Cell], None]
_Ended = Iterator[tuple[Cell, Done]]
_PACKAGES = ("argqual", "dspy", "litellm", "scikit-learn", "numpy", "scipy", "xllamacpp", "torch", "transformers")


@dataclass(frozen=True)
class BenchmarkPlan:
    """A benchmark worked out: its arguments, folds, and cells with their places in the tables."""

    benchmark: Benchmark
    data: Data
    folds: tuple[Fold, ...]
    refused: tuple[Refused, ...]
    cells: tuple[tuple[Cell, Placement], ...]

    @property
    def distinct(self) -> list[Cell]:
        """Each cell once, cheap ones first."""
        return sorted({cell.key: cell for cell, _ in self.cells}.values(), key=lambda cell: cell.asks)

    def left(self, done: Mapping[str, str]) -> list[Cell]:
        return [cell for cell in self.distinct if done.get(cell.key) != CellStatus.DONE]


def plan_of(benchmark: Benchmark) -> BenchmarkPlan:
    """Read a benchmark's corpora and work out its cells; nothing is fitted or asked."""
    data = read_data(benchmark)
    folds, refused = folds_of(benchmark, data)
    return BenchmarkPlan(benchmark, data, tuple(folds), tuple(refused), tuple(cells_of(benchmark, data, folds)))


def begin(plan: BenchmarkPlan, run: Run) -> None:
    """Write down what is to be run, before anything is."""
    benchmark, data = plan.benchmark, plan.data
    facts = {
        "benchmark": benchmark.model_dump(mode="json", by_alias=True),
        "fingerprint": benchmark.fingerprint,
        "taken_up": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions_of(_PACKAGES),
        "python": platform.python_version(),
        "domains": [asdict(domain) for domain in data.domains.values()],
        "twins": [
            [*data.key(place), *version] for place, version in enumerate(data.minimal_pairs) if version is not None
        ],
        "refused": [asdict(each) for each in plan.refused],
    }
    figures = zip(data.labels.tolist(), data.words.tolist(), data.tested.tolist(), strict=True)
    known = zip(data.corpora, data.arguments, data.groups, data.units, figures, strict=True)
    rows = [
        ArgumentRow(corpus, argument.id or "", topic, unit, argument.type, argument.stance, *own)
        for corpus, argument, topic, unit, own in known
    ]
    claims = {name: claim.model_dump(mode="json", exclude_defaults=True) for name, claim in benchmark.claims.items()}
    run.begin(facts, claims, rows, [part for _, part in plan.cells])


def run_cells(
    plan: BenchmarkPlan,
    run: Run,
    *,
    jobs: int = 1,
    executor: Executor = "processes",
    started: _Started = lambda cell: None,
    ended: Callable[[Cell, Done], None] = lambda cell, done: None,
) -> int:
    """Run what is not done; how many cells failed.

    Cells that ask no model run in so many processes (`jobs`), or on a Ray cluster as `ray.init` finds it (`executor`).
    `started` and `ended` are called with each cell, in this process. Raises `Unreachable` where a model cannot be
    reached; what was done is kept.
    """
    failed = 0
    left = plan.left(run.done())
    runner = _on_ray if executor == "ray" else _in_processes if jobs > 1 else _here
    for asks, how in ((False, runner), (True, _here)):
        for cell, done in how(plan, [cell for cell in left if cell.asks is asks], jobs, started):
            run.keep(cell.key, list(map(plan.data.key, cell.fold.test)), done)
            failed += done.status == CellStatus.FAILED
            ended(cell, done)
    return failed


def _here(plan: BenchmarkPlan, cells: Sequence[Cell], jobs: int, started: _Started) -> _Ended:
    for cell in cells:
        started(cell)
        yield cell, run_cell(plan.benchmark, plan.data, cell)


def _in_processes(plan: BenchmarkPlan, cells: Sequence[Cell], jobs: int, started: _Started) -> _Ended:
    if not cells:
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy threads that are in the middle of something
    with ProcessPoolExecutor(jobs, context, _receive, (plan.benchmark, plan.data)) as pool:
        try:
            futures = {pool.submit(_in_worker, cell): cell for cell in cells}
            for cell in cells[:jobs]:
                started(cell)
            for future in as_completed(futures):
                yield futures.pop(future), future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


_RECEIVED: tuple[Benchmark, Data] | None = None


def _receive(benchmark: Benchmark, data: Data) -> None:
    global _RECEIVED
    _RECEIVED = (benchmark, data)
    threadpool_limits(1)  # or there would be more threads than cores, waiting for one another


def _in_worker(cell: Cell) -> Done:
    assert _RECEIVED is not None
    return run_cell(*_RECEIVED, cell)


def _on_ray(plan: BenchmarkPlan, cells: Sequence[Cell], jobs: int, started: _Started) -> _Ended:
    needs("ray")
    import ray

    own = not ray.is_initialized()
    if own:
        ray.init(
            num_cpus=None if "RAY_ADDRESS" in os.environ else jobs,  # a cluster that is there already has its own
            log_to_driver=False,
            logging_level=logging.ERROR,
            include_dashboard=False,
        )
    try:
        remote = ray.remote(num_cpus=1)(run_cell)
        benchmark, data = ray.put(plan.benchmark), ray.put(plan.data)
        futures = {remote.remote(benchmark, data, cell): cell for cell in cells}
        for cell in cells[:1]:
            started(cell)
        while futures:
            (future,), _ = ray.wait(list(futures), num_returns=1)
            yield futures.pop(future), ray.get(future)
    finally:
        if own:
            ray.shutdown()


def run_cell(benchmark: Benchmark, data: Data, cell: Cell) -> Done:
    """Fit a cell's strategy and predict its test; what goes wrong with this cell alone is its result.

    A strategy that learns from labels is fitted on z-scores within what labels are comparable in, with means and
    deviations of the training arguments. Its predictions are put back on the scale from 0 to 1 with their mean over the
    training corpora that have such a scale; with none, only their order counts. Raises `Unreachable` where a model
    cannot be reached, which is not the cell's fault.
    """
    began = time.perf_counter()
    try:
        return _fitted(benchmark, data, cell, began)
    except Unreachable:
        raise
    except Exception as error:  # a bug in a strategy must not cost the others their results
        said = error.message if isinstance(error, ArgqualError) else f"{type(error).__name__}: {error}"
        return Done(CellStatus.FAILED, said, seconds=time.perf_counter() - began)


def _fitted(benchmark: Benchmark, data: Data, cell: Cell, began: float) -> Done:
    fold, system = cell.fold, cell.system
    train, labels, scale = _training(data, fold)
    chosen = selected(system, benchmark, data, fold, train, labels, cell.seed) if system.grid else {}
    strategy = system.build(cell.seed, **chosen)
    arguments = [data.arguments[place] for place in train]
    groups = [data.groups[place] for place in train]
    strategy.fit(arguments, labels if strategy.learns else None, groups=groups)
    found = strategy.predictions(tested(fold, cell.perturbation, data))
    rated, values = strategy.scale is PredictionScale.QUALITY, found.values
    if strategy.learns and not rated and scale:
        mean, deviation = scale
        values = values * deviation + mean
    seen = strategy.seen_
    return Done(
        CellStatus.DONE,
        values=tuple(float(value) for value in values),
        statuses=_statuses(found),
        reasons=tuple(found.reasons),
        ratings=_noted(found),
        on_scale=rated or bool(strategy.learns and scale),
        seconds=time.perf_counter() - began,
        seen=asdict(seen) | {"usage": seen.usage.model_dump(), "params": chosen},
        usage=_asked(found).model_dump(),
    )


def _training(data: Data, fold: Fold) -> tuple[list[int], Array, list[float]]:
    """Places to train on, their z-scores, and mean and deviation that lead back to 0 to 1 (empty: nothing does)."""
    by_unit: dict[str, list[int]] = defaultdict(list)
    for place in fold.train:
        by_unit[data.units[place]].append(place)
    usable = {unit for unit, places in by_unit.items() if np.ptp(data.labels[places]) > 0}
    places = [place for place in fold.train if data.units[place] in usable]
    if not places:
        raise InputError("No corpus or topic to train on has two different labels.")
    units = [data.units[place] for place in places]
    standardiser = LabelStandardiser()
    labels = standardiser.fit_transform(data.labels[places], units)
    corpora = {unit: data.corpora[by_unit[unit][0]] for unit in units}
    scales = (standardiser.units_[unit][:2] for unit, corpus in corpora.items() if data.domains[corpus].bounded)
    return places, labels, [float(np.mean(own)) for own in zip(*scales, strict=True)]


def _statuses(found: Predictions) -> tuple[str, ...]:
    """`ok` for a value; what its rating has come to, or that there is none."""
    said = [each.overall.status for each in found.assessments or ()] or [Status.OK] * len(found.values)
    return tuple(
        Status.OK.value if math.isfinite(value) else Unrated.MISSING if status is Status.OK else status.value
        for value, status in zip(found.values, said, strict=True)
    )


def _noted(found: Predictions) -> tuple[dict[str, float | None], ...]:
    """What is kept of each argument besides its prediction: its criteria's ratings, or what the order of two does."""
    if found.order:
        order = {name: values.tolist() for name, values in found.order.items()}
        return tuple(
            {ORDER + name: own[row] if math.isfinite(own[row]) else None for name, own in order.items()}
            for row in range(len(found.values))
        )
    return tuple(
        {
            rating.criterion: rating.quality if rating.status is Status.OK else None
            for rating in assessment.ratings
            if rating.status is not Status.SKIPPED
        }
        for assessment in found.assessments or ()
    )


def _asked(found: Predictions) -> Usage:
    """What predicting took: answers that were kept cost nothing, but are as slow as they were when they were asked."""
    seconds = Usage.total(each.usage for each in found.assessments or ()).seconds
    return found.usage.model_copy(update={"seconds": seconds}) if seconds and math.isfinite(seconds) else found.usage
