"""Strategies by name."""

from __future__ import annotations

import subprocess
import sys

import pytest

from argqual.errors import StrategyError
from argqual.strategies import Calibrated, Jury, Principle, Tfidf
from argqual.strategies.registry import BUILT_IN, create, load_class


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
