"""Runs: kept cell by cell, never twice, whatever fails or is killed."""

from __future__ import annotations

import random
import sqlite3
import time
from pathlib import Path

import numpy as np
import pytest

import commandline
from argqual.benchmark.running.run import begin, plan_of, run_cells
from argqual.benchmark.running.store import Run
from argqual.benchmark.spec.config import load_benchmark
from argqual.errors import BenchmarkError, StrategyError
from smallbenchmark import run_tables, write_benchmark


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("ARGQUAL_MIRROR", raising=False)


def run(file: Path, path: Path, **how: object) -> list[str]:
    """Run what is left; the names of the cells that were."""
    plan, names = plan_of(load_benchmark(file)), []
    with Run(path, create=True) as kept:
        begin(plan, kept)
        run_cells(plan, kept, ended=lambda cell, done: names.append(cell.name), **how)  # type: ignore[arg-type]
    return names


def test_a_strategy_may_be_trained_on_fewer_than_others(tmp_path: Path) -> None:
    splits = {"splits": "[leave_one_domain_out, label_budget]", "budgets": "[8]"}
    strategies = "  tfidf:\n  few: {strategy: tfidf, train: 20}\n"
    plan = plan_of(load_benchmark(write_benchmark(tmp_path, strategies, **splits)))
    sizes = {cell.system.title: {} for cell, _ in plan.cells}
    for cell, _ in plan.cells:
        own = [
            corpus for corpus in map(plan.data.corpora.__getitem__, cell.fold.train) if corpus != cell.fold.tested_on
        ]
        sizes[cell.system.title].setdefault(cell.fold.split, set()).add((len(own), len(cell.fold.train)))
    assert sizes["tfidf"] == {"leave_one_domain_out": {(40, 40)}, "label_budget": {(40, 48)}}
    assert sizes["few"] == {"leave_one_domain_out": {(20, 20)}, "label_budget": {(20, 28)}}


def test_nothing_is_run_twice_and_what_changes_alone_is_run_again(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    first = run(write_benchmark(tmp_path), path)
    assert len(first) == 2 * (2 * 4 + 2)  # two strategies; two domains of four folds, and each from the other
    assert run(write_benchmark(tmp_path), path) == []
    renamed = write_benchmark(tmp_path, "  long: {strategy: length}\n  tfidf:\n")
    assert run(renamed, path) == []
    changed = run(write_benchmark(tmp_path, "  length:\n  tfidf: {params: {alpha: 5}}\n"), path)
    assert len(changed) == 10 and all(name.startswith("tfidf") for name in changed)


def test_a_strategy_that_learns_nothing_is_asked_about_a_domain_once(tmp_path: Path) -> None:
    splits = "[leave_one_domain_out, corpus_to_corpus]"
    plan = plan_of(load_benchmark(write_benchmark(tmp_path, "  ratio: {strategy: principle}\n", splits=splits)))
    cells = [cell.key for cell, _ in plan.cells if cell.system.title == "ratio"]
    assert len(cells) == 4 and len(set(cells)) == 2


def test_predictions_stand_on_the_labels_scale_and_in_one_order_for_all(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    run(write_benchmark(tmp_path), path)
    with Run(path) as kept:
        scored = list(kept.scored())
    inside = {(each.strategy, each.tested_on): each for each in scored if each.split == "in_domain"}
    away = {(each.strategy, each.tested_on): each for each in scored if each.split == "leave_one_domain_out"}
    assert inside["tfidf", "east"].ids == away["tfidf", "east"].ids == away["length", "east"].ids
    assert set(inside["tfidf", "east"].labels) == {0.0, 0.25, 0.5, 0.75, 1.0}
    for each in scored:
        assert each.on_scale and each.levels == 5 and set(each.statuses) == {"ok"}
        assert abs(np.mean(each.predicted) - 0.5) < 0.2
    assert away["tfidf", "west"].trained_on == ("east",) and away["tfidf", "west"].labels_seen == 40


def test_a_cell_that_fails_says_why_and_harms_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise StrategyError("The words are all gone.")

    monkeypatch.setattr("argqual.strategies.surface.Tfidf._fit", fails)
    path = tmp_path / "run.sqlite"
    file = write_benchmark(tmp_path)
    plan = plan_of(load_benchmark(file))
    with Run(path, create=True) as kept:
        begin(plan, kept)
        assert run_cells(plan, kept) == 10
        assert all("all gone" in reason for reason in kept.failures().values())
        failed = [each for each in kept.scored() if each.strategy == "tfidf"]
        assert {status for each in failed for status in each.statuses} == {"cell failed"}
        assert all(np.isnan(each.predicted).all() for each in failed)
        assert kept.forget_failures() == 10 and len(plan.left(kept.done())) == 10


def test_processes_give_what_one_process_gives(tmp_path: Path) -> None:
    file = write_benchmark(tmp_path, "  length:\n  tfidf:\n  surface: {seeds: 2}\n")
    run(file, tmp_path / "one.sqlite")
    run(file, tmp_path / "two.sqlite", jobs=2)
    assert run_tables(tmp_path / "one.sqlite") == run_tables(tmp_path / "two.sqlite")


def test_a_ray_cluster_of_two_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="needs argqual[ray]")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    file = write_benchmark(tmp_path)
    run(file, tmp_path / "one.sqlite")
    run(file, tmp_path / "ray.sqlite", jobs=2, executor="ray")
    assert run_tables(tmp_path / "one.sqlite") == run_tables(tmp_path / "ray.sqlite")


def test_parameters_are_chosen_by_training_arguments_or_marked(tmp_path: Path) -> None:
    grid = "  length:\n  tfidf: {grid: {alpha: [0.1, 1000000]}}\n"
    for selection in ("training_domain", "leave_one_domain_out", "oracle"):
        path = tmp_path / f"{selection}.sqlite"
        run(write_benchmark(tmp_path, grid, selection=selection), path)
        with Run(path) as kept:
            marked = {each.strategy: each.oracle for each in kept.scored()}
        assert marked == {"length": False, "tfidf": selection == "oracle"}


def test_a_claim_that_comes_after_the_first_cell_is_exploratory(tmp_path: Path) -> None:
    claim = "{%s: {says: x, contrast: tfidf - length, metric: spearman, smallest: 0.1}}"
    path = tmp_path / "run.sqlite"
    run(write_benchmark(tmp_path, claims=claim % "before"), path)
    later = write_benchmark(tmp_path, claims=(claim % "before")[:-1] + ", " + (claim % "after")[1:])
    run(later, path)
    with Run(path) as kept:
        assert {name: late for name, (_, late) in kept.claims().items()} == {"before": False, "after": True}
    run(write_benchmark(tmp_path, claims=(claim % "before").replace("0.1", "0.01")), path)
    with Run(path) as kept:
        assert kept.claims()["before"][1]


def test_no_text_of_a_corpus_is_in_a_run(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    run(write_benchmark(tmp_path), path)
    sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    assert b"word1 " not in path.read_bytes() and b"because" not in path.read_bytes()


def test_what_is_no_run_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="There is no run"):
        Run(tmp_path / "none.sqlite")
    (tmp_path / "text").write_text("not a database, and long enough to be looked at", encoding="utf-8")
    with pytest.raises(BenchmarkError, match="is no run"):
        Run(tmp_path / "text")
    other = sqlite3.connect(tmp_path / "other.sqlite")
    other.execute("CREATE TABLE mine (x)")
    other.close()
    with pytest.raises(BenchmarkError, match="another program's"):
        Run(tmp_path / "other.sqlite")


def test_killed_at_random_moments_it_ends_as_if_nothing_had_been(tmp_path: Path) -> None:
    file = write_benchmark(tmp_path, "  length:\n  tfidf:\n  surface: {seeds: 3}\n")
    run(file, tmp_path / "undisturbed.sqlite")
    path = tmp_path / "killed.sqlite"
    words = ["benchmark", "run", str(file), "--run", str(path), "--jobs", "1"]
    moments, kills = random.Random(0), 0
    for _ in range(200):
        # At first in the middle of loading, later ever deeper in the run.
        after = moments.uniform(0.02, 0.3 + kills * 0.1) if kills < 6 else 120
        if not commandline.killed(tmp_path, *words, after=after):
            break
        kills += 1
    else:
        pytest.fail("it never came to an end")
    assert commandline.argqual(tmp_path, *words).returncode == 0
    assert run_tables(path) == run_tables(tmp_path / "undisturbed.sqlite")
    assert kills >= 3, "it was never killed in the middle"


def test_ctrl_c_keeps_what_was_done(tmp_path: Path) -> None:
    file = write_benchmark(tmp_path, "  length:\n  surface: {seeds: 60}\n")
    path = tmp_path / "small.run.sqlite"
    with (tmp_path / "said").open("wb+") as said:
        process = commandline.start(tmp_path, "benchmark", "run", str(file), "--jobs", "1", errors=said.fileno())
        end = time.monotonic() + 60
        while time.monotonic() < end and not (path.exists() and len(_done(path)) > 3):
            time.sleep(0.1)
        commandline.interrupt(process)
        process.join(60)
    errors = (tmp_path / "said").read_text(encoding="utf-8")
    assert process.exitcode == 130 and "Traceback" not in errors, errors
    assert len(_done(path)) > 3


def _done(path: Path) -> dict[str, str]:
    try:
        with Run(path) as kept:
            return kept.done()
    except (BenchmarkError, sqlite3.OperationalError):
        return {}
