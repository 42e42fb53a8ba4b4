"""Results as a file: read again exactly as they were, by its schema, or refused with a reason."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

import planted
from argqual.benchmark.analysis.results import Results, plain_data, read, results_schema, written
from argqual.benchmark.spec.vocabulary import Outcome, PerturbationTest, Split
from argqual.errors import BenchmarkError
from argqual.stats.estimate import Estimate


@pytest.fixture(scope="module")
def results() -> Results:
    return planted.results()


def kept(results: Results, folder: Path) -> Results:
    path = folder / "results.json"
    path.write_text(written(results), encoding="utf-8")
    return read(path)


def test_they_are_read_again_as_they_were(results: Results, tmp_path: Path) -> None:
    found = kept(results, tmp_path)
    assert found == results and written(kept(found, tmp_path)) == written(found)
    assert isinstance(found.split, Split) and isinstance(found.claims[0].outcome, Outcome)
    assert isinstance(found.scores[0].trained_on, tuple) and found.reliability[0].bins == results.reliability[0].bins


def test_a_number_that_is_not_finite_stays_what_it_is_and_nothing_stays_nothing(
    results: Results, tmp_path: Path
) -> None:
    odd = Estimate(float("nan"), -math.inf, None, 3, 4, None, "m")
    found = kept(replace(results, scores=(replace(results.scores[0], estimate=odd, rung=None),)), tmp_path).scores[0]
    assert math.isnan(found.estimate.value or 0) and found.estimate.low == -math.inf
    assert found.estimate.high is None and found.rung is None
    assert plain_data(odd) | {"method": "", "reason": ""} == {
        "value": None, "low": None, "high": None, "n": 3, "offered": 4, "clusters": None, "method": "", "reason": "",
    }  # fmt: skip


def test_the_schema_describes_the_file_and_nothing_else(results: Results) -> None:
    content, schema = json.loads(written(results)), results_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(content, schema)
    for bad in (content | {"split": "in domain"}, {"schema": content["schema"]}, content | {"schema": "other"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": "argqual/results@9"}, r"its schema is 'argqual/results@9', not 'argqual/results@1'"),
        ({"scores": [{"strategy": "a"}]}, r"results\.json is no file of results: scores\.0\.split: Field required"),
        ({"split": "nowhere"}, "no file of results: split: "),
    ],
)
def test_what_is_no_file_of_results_is_refused(
    results: Results, tmp_path: Path, change: dict[str, object], said: str
) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(json.loads(written(results)) | change), encoding="utf-8")
    with pytest.raises(BenchmarkError, match=said):
        read(path)


@pytest.mark.parametrize("text", ["", "[1]", "{", "{}"])
def test_neither_is_other_json_or_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BenchmarkError, match="is no file of results"):
        read(path)


def test_a_word_is_what_files_say_and_has_a_heading_for_people() -> None:
    assert Split("leave_one_domain_out") == "leave_one_domain_out" == f"{Split.LEAVE_ONE_DOMAIN_OUT}"
    assert Split.LEAVE_ONE_DOMAIN_OUT.heading == "leave one domain out"
    assert [test.heading for test in PerturbationTest][:2] == ["substance sensitivity", "fall by broken substance"]
