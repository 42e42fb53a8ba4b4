"""From a run file to the report: planted strategies are called what they are, and the figures are scipy's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from argqual.benchmark.analysis.findings import results_of
from argqual.benchmark.analysis.predicted import Predicted
from argqual.benchmark.analysis.results import Results
from argqual.benchmark.analysis.summary import coverage_of
from argqual.benchmark.running.store import Run
from argqual.report.benchmark.answer import answer_of, notes_of
from argqual.report.benchmark.html import html
from argqual.report.benchmark.text import text
from planted_run import DOMAINS, benchmark, rows, write


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write(tmp_path_factory.mktemp("run") / "planted.run.sqlite")


@pytest.fixture(scope="module")
def results(run: Run) -> Results:
    return results_of(run, benchmark())


def test_the_oracle_leads_and_the_memoriser_loses_the_most(results: Results) -> None:
    answer = answer_of(results)
    assert answer.decided and answer.sentence.startswith("oracle carries over best")
    assert answer.details[0].startswith("memoriser loses the most")
    found = results.transfer("memoriser")
    assert found is not None and found.gap.low is not None
    assert found.gap.low > 0.5 and (found.outside.low or 0) < 0 < (found.outside.high or 0)


def test_claims_are_called_what_they_are(results: Results) -> None:
    assert {claim.id: claim.outcome for claim in results.claims} == {
        "oracle-beats-memory": "supported",
        "memory-loses-more": "supported",
        "guessing-is-better-than-the-oracle": "contradicted",
    }
    assert not any(claim.exploratory for claim in results.claims)


def test_a_claim_that_came_or_changed_later_is_exploratory(run: Run) -> None:
    said = benchmark()
    claims = dict(said.claims)
    claims["oracle-beats-memory"] = claims["oracle-beats-memory"].model_copy(update={"smallest": 0.01})
    found = results_of(run, said.model_copy(update={"claims": claims}))
    assert [claim.id for claim in found.claims if claim.exploratory] == ["oracle-beats-memory"]


def test_figures_are_scipys(run: Run, results: Results) -> None:
    scored = {each.tested_on: each for each in run.scored() if (each.strategy, each.split) == ("oracle", results.split)}
    expected = {domain: spearmanr(each.predicted, each.labels).statistic for domain, each in scored.items()}
    found = results.select(strategy="oracle", split=results.split, metric="spearman")
    assert {each.tested_on: each.estimate.value for each in found if each.tested_on} == pytest.approx(expected)
    mean = next(each.estimate for each in found if each.tested_on is None)
    assert mean.value == pytest.approx(np.mean(list(expected.values())))
    assert (mean.n, mean.clusters) == (310, 65)


def test_length_has_nothing_beyond_length_and_is_compared_by_plain_spearman(results: Results) -> None:
    found = results.transfer("length")
    assert found is not None and found.outside.value is None and found.outside.reason
    assert {(each.other, each.metric) for each in results.contrasts} == {("length", "spearman")}
    assert all(each.holm is not None and each.p is not None and each.holm >= each.p for each in results.contrasts)


def test_mae_is_only_where_predictions_are_on_the_labels_scale(results: Results) -> None:
    by_domain = {
        each.tested_on: each.estimate for each in results.select(strategy="oracle", split=results.split, metric="mae")
    }
    assert by_domain["dagstuhl"].value is not None
    assert by_domain["webis"].value is None and "open scale" in (by_domain["webis"].reason or "")


def test_seeds_are_a_mean_with_their_spread(run: Run, results: Results) -> None:
    seeds = [
        spearmanr(each.predicted, each.labels).statistic
        for each in run.scored()
        if (each.strategy, each.split, each.tested_on) == ("guess", results.split, "webis")
    ]
    score = next(
        each
        for each in results.select(strategy="guess", split=results.split, metric="spearman")
        if each.tested_on == "webis"
    )
    assert len(seeds) == 2
    assert score.estimate.value == pytest.approx(np.mean(seeds)) and score.seed_sd == pytest.approx(
        np.std(seeds, ddof=1)
    )


def test_costs_coverage_and_criteria(results: Results) -> None:
    cost = next(each for each in results.costs if each.strategy == "oracle")
    assert (cost.arguments, cost.requests, cost.seconds_each) == (310, 310, pytest.approx(0.5))
    assert all(each.share == 1 and each.degenerate is None for each in results.coverage)
    found = {(each.criterion, each.tested_on): each.estimate for each in results.criteria}
    assert {criterion for criterion, _ in found} == {"clarity", "order"}
    assert (found["clarity", "webis"].value or 0) > 0.8 and found["order", "webis"].value is None


def test_a_constant_in_each_domain_is_an_alarm_although_domains_differ(run: Run) -> None:
    constant = [
        replace(each, predicted=np.full(len(each.ids), level))
        for level, each in enumerate(each for each in run.scored() if each.split == "leave_one_domain_out")
        if each.strategy == "oracle"
    ]
    coverage = next(coverage_of(Predicted(tuple(constant), ("spearman",), 200, 0)))
    assert coverage.degenerate == "90 of 90 predictions are 0 (dagstuhl; alike in 3 of 3 domains)"


def test_cells_that_were_not_run_are_said_and_nothing_is_made_up(tmp_path: Path) -> None:
    run = write(tmp_path / "partial.run.sqlite", leave_out="guess")
    found = results_of(run, benchmark())
    assert found.methods.cells - found.methods.cells_done == 18
    assert any(each.kind == "not run" and each.name == "guess: 18 folds" for each in found.missing)
    transfer = found.transfer("guess")
    assert transfer is not None and transfer.outside.value is None
    assert next(each for each in found.claims if "guess" in each.id).outcome == "undecided"
    assert any("18 of 45 cells have no result" in note for note in notes_of(found))
    assert "guess" in text(found)


def test_no_text_of_a_corpus_is_in_the_results(results: Results) -> None:
    assert results == results.without_texts()
    assert {each.id for each in results.disagreements} <= {row.id for row in rows()}


def test_the_report_names_sources_licences_and_what_was_refused(results: Results) -> None:
    page = html(results)
    assert all(domain in page for domain in DOMAINS)
    assert "CC-BY-4.0" in page and "RATIO" in page and "no types" in page
    assert "Wachsmuth" in page  # who to cite for dagstuhl


def test_a_changed_configuration_is_said(run: Run) -> None:
    said = benchmark()
    changed = said.model_copy(update={"draws": 300})
    found = results_of(run, changed)
    assert any("was changed after the run" in note for note in notes_of(found))
    assert not any(claim.exploratory for claim in found.claims)
    assert replace(found.methods, run_fingerprint=found.methods.fingerprint).run_fingerprint != said.fingerprint
