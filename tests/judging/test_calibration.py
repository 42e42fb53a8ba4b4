"""Calibrations that are shipped: what they belong to, what they change, and what they leave alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from argqual.argument import Argument
from argqual.assessment import Assessment, Status
from argqual.cli.main import app
from argqual.frameworks.catalogue import load_framework
from argqual.frameworks.framework import Framework
from argqual.judging import calibration
from argqual.judging.calibration import Calibration, Curve, calibrated, shipped
from argqual.judging.judge import Judge
from argqual.judging.program import RatingProgram
from argqual.models import weights
from argqual.models.connect import Model, connect
from argqual.tabular.results import ResultColumns
from chatserver import ChatServer

CURVE = Curve(slope=2.0, thresholds=(3.0, 5.0, 7.0, 9.0))
ARGUMENT = Argument("Reasons speak for it.")


@pytest.fixture
def model() -> Iterator[Model]:
    with ChatServer() as server:
        yield connect("openai/test", api_base=f"{server.url}/v1", api_key="k")


@pytest.fixture
def ratio() -> Framework:
    return load_framework("ratio")


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, model: Model) -> Calibration:
    """A calibration for the test server's model, in the place of the shipped ones."""
    made = Calibration.model_validate(
        {
            "schema": "argqual/calibration@1",
            "id": "for-tests",
            "program": Judge("ratio", model=model).fingerprint,
            "model": "openai/test",
            "readout": "expect",
            "curves": {"relevance": CURVE, "overall": CURVE},
            "note": "Levels are of letters.",
            "card": {},
        }
    )
    monkeypatch.setattr(calibration, "shipped", lambda: (made,))
    return made


def test_every_shipped_calibration_belongs_to_a_shipped_framework_and_known_weights(ratio: Framework) -> None:
    """A changed prompt needs a new fit: benchmarks/strategies/fit_calibration.py."""
    assert [each.id for each in shipped()] == ["ratio-qwen2.5-coder-1.5b-1"]
    for each in shipped():
        assert each.program == RatingProgram(ratio).fingerprint
        assert each.model in weights.KNOWN
        assert set(each.curves) == {*(criterion.id for criterion in ratio.asked), "overall"}
        assert each.note
        assert {"fitted_on", "licence", "levels", "evidence", "limits"} <= set(each.card)


@pytest.mark.parametrize("curve", [CURVE, *(curve for each in shipped() for curve in each.curves.values())])
def test_a_curve_gives_probabilities_whose_mean_never_falls(curve: Curve) -> None:
    values = [1 + step / 25 for step in range(101)]
    shares = [curve.probabilities(value) for value in values]
    assert all(sum(each) == pytest.approx(1) and min(each) >= 0 for each in shares)
    means = [sum(place * share for place, share in enumerate(each)) for each in shares]
    assert means == sorted(means)


def test_a_curve_is_the_proportional_odds_model() -> None:
    # At value 2: logit P(level <= 2nd) = 5 - 2 * 2 = 1, so P = 1 / (1 + e^-1) = .731059.
    assert sum(CURVE.probabilities(2.0)[:2]) == pytest.approx(0.731059, abs=1e-6)


def test_ratings_keep_what_the_model_said(own: Calibration, model: Model, ratio: Framework) -> None:
    raw = Judge(ratio, model=model).assess(ARGUMENT)
    found = calibrated(raw, ratio)
    relevance = found.rating("relevance")
    assert relevance.raw == raw.rating("relevance").value
    assert relevance.probability_source == "calibrated"
    assert relevance.probabilities is not None
    assert list(relevance.probabilities.values()) == pytest.approx(list(CURVE.probabilities(relevance.raw or 0)))
    assert found.rating("sufficiency") == raw.rating("sufficiency")  # no curve
    assert found.overall.raw == raw.overall.value and found.overall.spread is not None
    assert found.calibration == own.id
    assert calibrated(found, ratio) == found  # once is enough
    assert Assessment.model_validate_json(found.model_dump_json()) == found


_FLAWS = """\
schema: argqual/framework@1
id: flaws
version: "1"
title: Flaws
description: What is wrong with it.
license: CC-BY-4.0
provenance: {{status: own, sources: [], caveat: Made for a test.}}
scale: {{levels: [{five}]}}
aggregate: {aggregate}
criteria:
  - id: haste
    name: Haste
    plain: Is it hasty?
    question: How hasty is it?
    higher_is_better: false
    {scale}
  - id: spite
    name: Spite
    plain: Is it spiteful?
    question: How spiteful is it?
    higher_is_better: false
"""
_THREE = "scale: {levels: [{value: 0, label: none}, {value: 1, label: some}, {value: 2, label: much}]}"


@pytest.mark.parametrize(
    ("aggregate", "scale", "curve"),
    [
        ("weighted_mean", "", CURVE),  # all are flaws, so the overall rating is one too
        ("haste", "", CURVE),
        ("haste", _THREE, Curve(slope=2.0, thresholds=(1.0, 3.0))),  # the overall rating is on that criterion's scale
    ],
)
def test_a_calibrated_flaw_is_better_the_less_of_it_there_is(
    monkeypatch: pytest.MonkeyPatch, model: Model, tmp_path: Path, aggregate: str, scale: str, curve: Curve
) -> None:
    path = tmp_path / "flaws.yaml"
    five = ", ".join(f"{{value: {value}, label: level {value}}}" for value in range(1, 6))
    path.write_text(_FLAWS.format(aggregate=aggregate, scale=scale, five=five))
    judge = Judge(path, model=model)
    content = {
        "schema": "argqual/calibration@1",
        "id": "of-flaws",
        "program": judge.fingerprint,
        "model": "openai/test",
    }
    content |= {"readout": "expect", "curves": {"overall": curve}, "note": "Of flaws.", "card": {}}
    monkeypatch.setattr(calibration, "shipped", lambda: (Calibration.model_validate(content),))
    raw = judge.assess(ARGUMENT)
    found = calibrated(raw, judge.framework).overall
    assert found.raw == raw.overall.value and found.unit is not None
    assert found.quality == pytest.approx(1 - found.unit) and found.quality != pytest.approx(found.unit)
    assert found.scale == raw.overall.scale and (found.criterion, found.name) == ("overall", "Overall")


def test_another_prompt_or_readout_is_left_alone(own: Calibration, model: Model, ratio: Framework) -> None:
    for settings in ({"definitions": "none"}, {"readout": "label"}):
        raw = Judge(ratio, model=model, **settings).assess(ARGUMENT)  # type: ignore[arg-type]
        assert calibrated(raw, ratio) == raw


def test_a_rating_that_could_not_be_had_stays_without_a_value(own: Calibration, model: Model, ratio: Framework) -> None:
    failed = Judge(ratio, model=model).failed(ARGUMENT, Status.FAILED, "no answer")
    found = calibrated(failed, ratio)
    assert found.overall.value is None and found.rating("relevance").raw is None


def test_a_table_is_calibrated_unless_raw_is_asked_for(own: Calibration, model: Model, ratio: Framework) -> None:
    raw = Judge(ratio, model=model).assess(ARGUMENT)
    cells, plain = ResultColumns(ratio).cells(raw), ResultColumns(ratio, raw=True).cells(raw)
    assert cells["ratio_calibration"] == "for-tests" and plain["ratio_calibration"] is None
    assert plain["ratio_overall"] == raw.overall.value != cells["ratio_overall"]


def test_score_is_calibrated_and_says_so_unless_raw_is_asked_for(
    own: Calibration, model: Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    server = ["--model", "openai/test", "--api-base", model.identity]
    results = [
        json.loads(CliRunner().invoke(app, ["score", ARGUMENT.text, *server, *more]).stdout) for more in ([], ["--raw"])
    ]
    assert [result["calibration"] for result in results] == ["for-tests", None]
    assert results[0]["overall"]["raw"] == results[1]["overall"]["value"]
    text = CliRunner().invoke(app, ["score", ARGUMENT.text, *server, "--format", "text"]).stdout
    assert "calibrated by for-tests" in " ".join(text.split()) and text.endswith("Levels are of letters.\n")
    raw = CliRunner().invoke(app, ["score", ARGUMENT.text, *server, "--format", "text", "--raw"]).stdout
    assert "Levels are" not in raw
