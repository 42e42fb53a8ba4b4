"""Strategies that are what they are by construction, through the whole harness: each is called what it is.

On made-up corpora that copy from one another, and on real ones, where nearly all texts of dagstuhl are texts of
ukpconvarg1 too.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from scipy.stats import spearmanr

from argqual.benchmark.analysis.findings import results_of
from argqual.benchmark.analysis.results import Results
from argqual.benchmark.running.data import Data
from argqual.benchmark.running.run import begin, plan_of, run_cells
from argqual.benchmark.running.store import Run
from argqual.benchmark.spec.config import load_benchmark
from argqual.report.benchmark.answer import answer_of
from argqual.strategies import registry
from planted_strategies import Memoriser, Oracle
from smallbenchmark import write_benchmark

MIRROR = os.environ.get("ARGQUAL_MIRROR", "")
NO_MIRROR = not (MIRROR and Path(MIRROR).is_dir())
PLANTED = ("oracle", "memoriser", "guess")
REST = """\
splits: [in_domain, leave_one_domain_out, corpus_to_corpus]
strategies: {length: , oracle: , memoriser: , guess: }
metrics: [spearman, spearman_beyond_length]
draws: 500
perturbed: {arguments: 40, strategies: [length, memoriser, guess]}
claims:
  knowing-beats-counting:
    says: To know is better than to count words.
    contrast: oracle - length
    smallest: 0.1
  memory-carries-over:
    says: What was memorised carries over.
    contrast: memoriser - guess
    smallest: 0.3
  guessing-is-as-good:
    says: To guess is as good as to know.
    contrast: guess - oracle
    smallest: 0.1
    direction: equivalent
  memory-is-lost:
    says: The oracle loses something on the way.
    contrast: oracle
    kind: gap
    smallest: 0.1
"""


class Planted(NamedTuple):
    data: Data
    results: Results


def planted(path: Path, monkeypatch: pytest.MonkeyPatch) -> Planted:
    monkeypatch.setenv("ARGQUAL_CACHE", str(path.parent / "cache"))
    for name in PLANTED:
        known = registry.Known(f"planted_strategies:{name.title()}", "added", "planted")
        monkeypatch.setitem(registry.BUILT_IN, name, known)
    benchmark = load_benchmark(path)
    plan = plan_of(benchmark)
    arguments = map(id, plan.data.arguments)
    monkeypatch.setattr(Oracle, "labels", dict(zip(arguments, plan.data.labels.tolist(), strict=True)))
    with Run(path.parent / "run.sqlite", create=True) as run:
        begin(plan, run)
        assert run_cells(plan, run) == 0
        return Planted(plan.data, results_of(run, benchmark))


def each_is_called_what_it_is(results: Results) -> None:
    assert {claim.id: claim.outcome for claim in results.claims} == {
        "knowing-beats-counting": "supported",
        "memory-carries-over": "contradicted",
        "guessing-is-as-good": "contradicted",
        "memory-is-lost": "contradicted",
    }
    answer = answer_of(results)
    assert answer.decided and answer.sentence.startswith("oracle carries over best")
    for name in ("memoriser", "guess"):
        for split in ("in_domain", "leave_one_domain_out", "corpus_to_corpus"):
            scores = results.select(strategy=name, split=split, metric="spearman", tested_on=None)
            assert scores and all(abs(each.estimate.value or 0) < 0.2 for each in scores), (name, split)
    known = results.select(strategy="oracle", metric="spearman")
    assert known and all(each.estimate.value == pytest.approx(1) for each in known)
    counted = results.select(strategy="length", metric="spearman_beyond_length")
    assert counted and all(each.estimate.value is None and each.estimate.reason for each in counted)
    kept = {(each.strategy, each.perturbation): each.kept.value for each in results.reliance}
    assert kept["length", "words shuffled"] == pytest.approx(1)


def learnt_by_heart(data: Data, train: str, test: str) -> float:
    """How well the memoriser does on a corpus when nothing of it is taken out of training."""
    train_places, test_places = ([i for i, name in enumerate(data.corpora) if name == own] for own in (train, test))
    fitted = Memoriser().fit([data.arguments[place] for place in train_places], data.labels[train_places])
    found = fitted.predict([data.arguments[place] for place in test_places])
    return float(spearmanr(found, data.labels[test_places]).statistic)


def test_on_made_up_corpora_that_copy_from_one_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_benchmark(tmp_path)
    lines = [(tmp_path / f"{name}.csv").read_text(encoding="utf-8").splitlines() for name in ("east", "west")]
    # The west has also printed every letter of the east, with the same quality.
    copied = [line.replace("east", "old west") for line in lines[0][1:]]
    (tmp_path / "west.csv").write_text("\n".join([*lines[1], *copied]) + "\n", encoding="utf-8")
    text = path.read_text(encoding="utf-8")
    kept = [line for line in text.splitlines() if line.startswith(("schema", "id", "title", "folds", "corpora", "  /"))]
    path.write_text("\n".join(kept) + "\n" + REST, encoding="utf-8")
    found = planted(path, monkeypatch)
    assert learnt_by_heart(found.data, "west", "east") > 0.9
    each_is_called_what_it_is(found.results)


@pytest.mark.skipif(NO_MIRROR, reason="needs the corpora: set ARGQUAL_MIRROR to a folder that has them")
def test_on_real_corpora_of_which_one_is_nearly_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "planted.yaml"
    corpora = "corpora: {dagstuhl: , ukpconvarg1: {sample: 400}, webis: {sample: 300}}\n"
    path.write_text(f"schema: argqual/benchmark@1\nid: planted\ntitle: Planted\n{corpora}{REST}", encoding="utf-8")
    found = planted(path, monkeypatch)
    assert learnt_by_heart(found.data, "ukpconvarg1", "dagstuhl") > 0.15
    assert np.isclose(learnt_by_heart(found.data, "dagstuhl", "dagstuhl"), 1, atol=0.05)
    each_is_called_what_it_is(found.results)
