"""Judges that are what they are by construction, over the constructed arguments and through the whole harness."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest

from argqual.argument import Argument
from argqual.benchmark.analysis.findings import results_of
from argqual.benchmark.analysis.results import Results
from argqual.benchmark.running.run import begin, plan_of, run_cells
from argqual.benchmark.running.store import Run
from argqual.benchmark.spec.config import load_benchmark
from argqual.corpora.reading import read_corpus
from argqual.report.benchmark import markdown as benchmark_markdown
from argqual.report.benchmark import text as benchmark_text
from argqual.strategies import registry
from argqual.strategies.base import Array, Predictions, Strategy

YAML = """\
schema: argqual/benchmark@1
id: judges
title: Judges that are what they are
corpora: {constructed: }
splits: [leave_one_type_out]
strategies: {length: , oracle: , polish: , both: , comparer: }
metrics: [spearman]
draws: 200
perturbed: {arguments: 24, strategies: [length], kinds: [praising itself]}
claims:
  seeing:
    {says: The oracle sees substance., contrast: oracle - length, kind: probe, probe: sensitivity,
     split: leave_one_type_out, smallest: 0.1}
  polish-fools:
    {says: Polish moves the polish detector more than substance., contrast: polish, kind: probe,
     probe: style_minus_substance, split: leave_one_type_out, smallest: 0.1}
  oracle-is-not-fooled:
    {says: Polish moves the oracle more than substance., contrast: oracle, kind: probe,
     probe: style_minus_substance, split: leave_one_type_out, smallest: 0.1}
  half-of-it:
    {says: The polish detector sees half of what the oracle sees., contrast: polish - oracle, share: 0.5, kind: probe,
     probe: sensitivity, split: leave_one_type_out, smallest: 0.1}
"""


class _Judge(Strategy):
    labels: ClassVar[Mapping[str, Mapping[str, float]]] = {}
    learns = False

    def _fit(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> None:
        self.fitted_ = True

    def _predict(self, arguments: list[Argument]) -> Predictions:
        return Predictions(np.array([self._rating(self.labels[argument.text]) for argument in arguments]))

    def _rating(self, labels: Mapping[str, float]) -> float:
        raise NotImplementedError


class Oracle(_Judge):
    """Sees what is broken, and nothing else."""

    def _rating(self, labels: Mapping[str, float]) -> float:
        return labels["quality"]


class Polish(_Judge):
    """Sees the style, and nothing else."""

    def _rating(self, labels: Mapping[str, float]) -> float:
        return labels["polished"]


class Both(_Judge):
    """Sees substance, and half as much style."""

    def _rating(self, labels: Mapping[str, float]) -> float:
        return labels["quality"] + 0.5 * labels["polished"]


class Comparer(Oracle):
    """Sees what is broken by comparing; in plain style it sees nothing, and takes whichever stands first."""

    def _predict(self, arguments: list[Argument]) -> Predictions:
        plain = np.array([1 - self.labels[argument.text]["polished"] for argument in arguments])
        return Predictions(super()._predict(arguments).values, order={"order_effect": plain, "turned_by_order": plain})


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("judges")
    file = folder / "judges.yaml"
    file.write_text(YAML, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        for judge in (Oracle, Polish, Both, Comparer):
            known = registry.Known(f"{__name__}:{judge.__name__}", "added", "planted")
            patch.setitem(registry.BUILT_IN, judge.__name__.lower(), known)
        labels = {each.text: each.labels for each in read_corpus("constructed").arguments}
        patch.setattr(_Judge, "labels", labels)
        benchmark = load_benchmark(file)
        plan = plan_of(benchmark)
        with Run(folder / "run.sqlite", create=True) as run:
            begin(plan, run)
            assert run_cells(plan, run) == 0
            return results_of(run, benchmark)


def value(results: Results, strategy: str, probe: str) -> float | None:
    found = [
        each for each in results.probes if each.strategy == strategy and each.name == probe and each.broken is None
    ]
    assert len(found) == 1
    return found[0].estimate.value


def test_each_judge_gets_the_figures_it_deserves(results: Results) -> None:
    assert value(results, "oracle", "sensitivity") == 1
    assert value(results, "polish", "sensitivity") == value(results, "length", "sensitivity") == 0.5
    assert value(results, "oracle", "style_moves") == 0 and (value(results, "polish", "style_moves") or 0) > 1
    assert value(results, "polish", "substance") == value(results, "length", "substance") == 0
    substance, style = (value(results, "both", each) or 0 for each in ("substance", "style"))
    assert style == pytest.approx(substance / 2)


def test_what_the_order_of_two_does_is_reported_of_those_who_compare(results: Results) -> None:
    found = {each.name: each for each in results.probes if each.name in ("order_effect", "turned_by_order")}
    assert {each.strategy for each in found.values()} == {"comparer"}
    assert [each.estimate.value for each in found.values()] == [0.5, 0.5]
    assert found["order_effect"].estimate.n == 48
    page = benchmark_markdown.markdown(results)
    assert "effect of standing first" in page and "turned by the order" in page


def test_claims_about_them_are_decided_as_they_are(results: Results) -> None:
    assert {claim.id: claim.outcome for claim in results.claims} == {
        "seeing": "supported",
        "polish-fools": "supported",
        "oracle-is-not-fooled": "contradicted",
        "half-of-it": "contradicted",
    }


def test_the_report_says_so(results: Results) -> None:
    page = benchmark_markdown.markdown(results)
    assert "substance sensitivity" in page.lower() and "oracle" in page


def test_the_first_page_leads_with_substance_and_calls_no_label_a_judgement_of_people(results: Results) -> None:
    page = benchmark_text.text(results)
    assert "oracle rates the sound one higher in 1.00" in " ".join(page.split())
    assert "over all types of argument at once" in " ".join(page.split())
    assert "1 domain, 384 arguments, 48 topics" in " ".join(page.split())
    assert "people's judgements" not in page and all(len(line) <= 80 for line in page.splitlines())
    table = page[page.index("how often the sound one") :]
    assert re.search(r"^oracle +1\.00 ", table, re.MULTILINE) and re.search(r"^polish +\.50 ", table, re.MULTILINE)


def test_what_praise_does_is_one_figure_over_all_types_with_an_interval(results: Results) -> None:
    (found,) = results.reliance
    assert found.rise.n == 24 and found.kept.low is not None
    assert found.rise.low is not None and found.rise.low > 0  # who counts words is told more of them
