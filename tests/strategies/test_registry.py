"""Strategies by name."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from sklearn.model_selection import GridSearchCV

from argqual.errors import StrategyError
from argqual.strategies import Calibrated, Jury, Principle, Tfidf
from argqual.strategies.registry import BUILT_IN, create, load_class
from strategies_data import ARGUMENTS, LABELS


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(StrategyError, match="Did you mean 'principle'"):
        load_class("principel")


def test_parameters_are_checked_by_name_before_anything_is_built() -> None:
    with pytest.raises(StrategyError, match=r"no parameter 'alhpa'\. Did you mean 'alpha'"):
        create("tfidf", alhpa=2)
    with pytest.raises(StrategyError, match="'principle' has no parameter 'nothing'"):
        create("calibrated", base="principle", base__nothing=1)
    with pytest.raises(StrategyError, match="cannot be set up"):
        create("jury")


def test_strategies_within_strategies_are_named_too() -> None:
    built = create("calibrated", base="principle", base__framework="qoam", method="ordinal")
    assert isinstance(built, Calibrated) and isinstance(built.base, Principle)
    assert built.base.framework == "qoam" and built.method == "ordinal"
    jury = create("jury", members=["plain", ["mine", "tfidf"]])
    assert isinstance(jury, Jury)
    assert [name for name, _ in jury.members] == ["plain", "mine"] and isinstance(jury.members[1][1], Tfidf)


JURY = {"members": ["plain", ["shown", "exemplars"], ["mapped", "calibrated"]]}


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("calibrated", {"base": "principle", "base__modle": "x"}, r"no parameter 'modle'.*'model'"),
        ("calibrated", {"base": Principle(), "base__modle": "x"}, r"no parameter 'modle' \('base__modle'\).*'model'"),
        ("calibrated", {"base__modle": "x"}, r"no parameter 'modle' \('base__modle'\).*'model'"),
        ("calibrated", {"bose__model": "x"}, r"no parameter 'bose' \('bose__model'\).*'base'"),
        ("calibrated", {"method__model": "x"}, r"'method' of Calibrated is no strategy .*\('method__model'\)"),
        ("jury", JURY | {"shown__modle": "x"}, r"no parameter 'modle' \('shown__modle'\).*'model'"),
        ("jury", JURY | {"shwon__model": "x"}, r"no parameter 'shwon' \('shwon__model'\).*'shown'"),
        ("jury", JURY | {"members__model": "x"}, r"'members' of Jury is no strategy"),
        ("jury", JURY | {"mapped__base__modle": "x"}, r"no parameter 'modle' \('mapped__base__modle'\).*'model'"),
        ("tfidf", {"alpha__model": "x"}, r"'alpha' of Tfidf is no strategy"),
    ],
)
def test_a_misspelt_parameter_is_refused_at_any_depth(name: str, params: dict[str, Any], said: str) -> None:
    with pytest.raises(StrategyError, match=said):
        create(name, **params)
    # The same where it is set later on.
    deep = {key: value for key, value in params.items() if "__" in key}
    built = create(name, **{key: value for key, value in params.items() if key not in deep})
    before = repr(built.get_params())
    with pytest.raises(StrategyError, match=said.split(r" \(")[0]):
        built.set_params(**deep)
    assert repr(built.get_params()) == before


def test_parameters_within_reach_what_they_are_of() -> None:
    assert create("calibrated", base=Principle(), base__framework="qoam").get_params()["base__framework"] == "qoam"
    assert create("calibrated", base__framework="qoam").get_params()["base__framework"] == "qoam"  # the default one
    jury = create("jury", **JURY, shown__k=2, mapped__base__framework="qoam")
    assert (jury.get_params()["shown__k"], jury.get_params()["mapped__base__framework"]) == (2, "qoam")
    assert jury.set_params(plain=Tfidf(), plain__alpha=3.0).get_params()["plain__alpha"] == 3.0
    with pytest.raises(StrategyError, match="no parameter 'alhpa'"):
        GridSearchCV(Tfidf(), {"alhpa": [1.0, 2.0]}, cv=2).fit(ARGUMENTS, LABELS)


def test_every_built_in_strategy_can_be_loaded() -> None:
    for name in BUILT_IN:
        assert load_class(name).__doc__


def test_a_list_of_strategies_imports_nothing_heavy() -> None:
    code = (
        "import sys; from argqual.strategies.registry import known_strategies; known_strategies();"
        "import argqual.strategies; dir(argqual.strategies);"
        "assert not {'sklearn', 'numpy', 'dspy', 'torch', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
