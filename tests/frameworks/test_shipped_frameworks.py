"""What every framework that comes with argqual must have."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from argqual import Framework
from argqual._yaml import read_yaml
from argqual.frameworks.catalogue import read_framework, shipped_folder
from argqual.frameworks.framework import json_schema, walk
from argqual.frameworks.golden import Bound

TEN = {
    "ratio",
    "qoam",
    "wachsmuth2017",
    "damer",
    "toulmin",
    "walton",
    "pragma-dialectics",
    "appropriateness",
    "dqi",
    "essay-strength",
}
FILES = sorted(shipped_folder().glob("*.yaml"))


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def framework(path: Path) -> Framework:
    return read_framework(path)


def test_the_ten_frameworks_are_there() -> None:
    assert {path.stem for path in FILES} >= TEN


def test_its_id_is_its_file_name(framework: Framework, path: Path) -> None:
    assert framework.id == path.stem


def test_an_editor_accepts_it(path: Path) -> None:
    data = json.loads(json.dumps(read_yaml(path)))  # as an editor sees it: all keys are text
    assert [error.message for error in Draft202012Validator(json_schema()).iter_errors(data)] == []


def test_it_names_its_sources_and_cites_them(framework: Framework) -> None:
    cited = [citation.id for citation in framework.citations]
    assert framework.provenance.sources
    assert set(framework.provenance.sources) <= set(cited)
    assert len(cited) == len(set(cited))


def test_it_says_what_is_not_its_sources(framework: Framework) -> None:
    assert framework.provenance.status == "published" or framework.provenance.caveat


def test_every_question_comes_with_all_that_a_judge_needs(framework: Framework) -> None:
    for criterion in framework.asked:
        assert criterion.question.strip().endswith("?"), criterion.id
        assert criterion.definition.strip(), criterion.id
        # Its own anchors: by level, or as the descriptions of a scale that is its own.
        levels = framework.scale_of(criterion).levels
        own = dict(criterion.levels)
        if criterion.scale:
            own |= {level.value: level.description for level in levels if level.description}
        assert sorted(own) == [level.value for level in levels], criterion.id
        assert len(set(framework.anchors(criterion))) == len(levels), criterion.id


def test_every_criterion_can_be_said_in_one_plain_sentence(framework: Framework) -> None:
    for criterion in walk(framework.criteria):
        assert criterion.plain.strip().endswith("."), criterion.id
        assert len(criterion.plain) <= 160, criterion.id


def test_it_counts_something(framework: Framework) -> None:
    assert any(criterion.weight > 0 for criterion in framework.criteria)
    for parent in walk(framework.criteria):
        assert not parent.criteria or any(child.weight > 0 for child in parent.criteria), parent.id


def test_every_kind_of_argument_has_questions(framework: Framework) -> None:
    if framework.select:
        asked = {criterion.when for criterion in framework.asked}
        assert {option.id for option in framework.select.options} <= asked or None in asked


def test_it_has_goldens_to_try_a_judge_on(framework: Framework) -> None:
    assert len(framework.goldens) >= 2
    assert len({golden.id for golden in framework.goldens}) == len(framework.goldens)
    for golden in framework.goldens:
        assert golden.expect
        texts = [" ".join(text.split()) for text in golden.arguments.values()]
        assert len(set(texts)) == len(texts), golden.id


def test_its_goldens_give_what_it_requires(framework: Framework) -> None:
    required = [name for name, kind in framework.inputs.declared().items() if kind == "required"]
    for golden in framework.goldens:
        assert all(getattr(golden, name) for name in required), golden.id


def test_its_goldens_ask_for_levels_that_there_are(framework: Framework) -> None:
    for golden in framework.goldens:
        for expectation in golden.expect:
            if not isinstance(expectation, Bound):
                assert expectation.better != expectation.worse, golden.id
                continue
            for name in expectation.criteria:
                scale = framework.scale if name == "overall" else framework.scale_of(framework.criterion(name))
                bounds = [bound for bound in (expectation.at_least, expectation.at_most) if bound is not None]
                assert bounds and all(scale.lowest <= bound <= scale.highest for bound in bounds), golden.id


def test_its_crosswalks_lead_to_criteria_that_there_are(framework: Framework) -> None:
    shipped = {path.stem: path for path in FILES}
    for criterion in walk(framework.criteria):
        for target in criterion.same_as:
            name, separator, other = target.partition("/")
            assert separator and name != framework.id, target
            assert name in TEN, target
            if name in shipped:
                assert other in {found.id for found in walk(read_framework(shipped[name]).criteria)}, target


def test_crosswalks_lead_both_ways() -> None:
    frameworks = [read_framework(path) for path in FILES]
    ways = {
        (f"{framework.id}/{criterion.id}", target)
        for framework in frameworks
        for criterion in walk(framework.criteria)
        for target in criterion.same_as
    }
    assert {(there, here) for here, there in ways} == ways


def test_no_two_frameworks_ask_the_same() -> None:
    fingerprints = Counter(read_framework(path).fingerprint for path in FILES)
    assert max(fingerprints.values()) == 1


def test_ratio_multiplies_relevance_acceptability_and_sufficiency() -> None:
    ratio = read_framework(shipped_folder() / "ratio.yaml")
    assert [criterion.id for criterion in ratio.asked] == ["relevance", "acceptability", "sufficiency"]
    assert ratio.aggregate == "geometric_mean"
    assert {criterion.weight for criterion in ratio.asked} == {1}


def test_wachsmuth_et_al_have_fifteen_dimensions_on_three_levels_with_an_own_overall() -> None:
    # Wachsmuth et al. (2017): three sub-dimensions under cogency, five under effectiveness, three under
    # reasonableness; these three, and overall quality: 11 + 3 + 1 = 15. Each is low, medium or high, or left open.
    framework = read_framework(shipped_folder() / "wachsmuth2017.yaml")
    assert len(framework.asked) == 15
    assert [level.value for level in framework.scale.levels] == [1, 2, 3]
    assert framework.scale.abstain
    assert framework.aggregate in {criterion.id for criterion in framework.asked}
    children = {parent.id: len(parent.criteria) for parent in framework.criteria if parent.criteria}
    assert children == {"cogency": 3, "effectiveness": 5, "reasonableness": 3}


def test_qoam_asks_eleven_questions_under_logic_dialectic_and_rhetoric() -> None:
    framework = read_framework(shipped_folder() / "qoam.yaml")
    assert len(framework.asked) == 11
    assert [criterion.id for criterion in framework.criteria] == ["logic", "dialectic", "rhetoric"]
