"""Fixtures: a small real model, a server on loopback, and a framework of two questions."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
os.environ["ARGQUAL_KEPT_PROMPTS"] = "0"  # no test finds what another has kept
if "PYTEST_XDIST_WORKER" in os.environ:  # several run the suite: threads that wait actively would slow all of them
    os.environ |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}

from argqual.frameworks.catalogue import parse_framework
from argqual.frameworks.framework import Framework
from argqual.models import encoders, traffic, weights
from argqual.models.connect import Model, connect
from loopback import Loopback

SMALL = "smollm2-135m"
# Modules whose tests start processes and servers, or train; `make quick` leaves them out.
SLOW = {
    "test_bad_input", "test_batch", "test_benchmark_command", "test_benchmark_report", "test_browser",
    "test_calibrated", "test_chatserver", "test_combinations", "test_conditioned", "test_config_command",
    "test_constructed", "test_contract", "test_corpora_command", "test_embedding", "test_encoder", "test_encoders",
    "test_examples", "test_fetch", "test_findings", "test_fit_command", "test_hub", "test_hub_weights",
    "test_matrix", "test_models_command", "test_oddities", "test_optimise_command", "test_optimised", "test_package",
    "test_perturbations", "test_planning", "test_planted", "test_planted_judges", "test_plugin", "test_rounds",
    "test_run", "test_score_batch", "test_score_table", "test_startup", "test_weights",
}  # fmt: skip


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What `-m "not slow"` leaves out is not even imported: torch and `datasets` take seconds."""
    return True if collection_path.stem in SLOW and "not slow" in config.option.markexpr else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `model` ask a real one: skipped without its weights, and all in one process, which starts first."""
    for item in items:
        if item.path.stem in SLOW:
            item.add_marker(pytest.mark.slow)
        if "small_model" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.model)
        if marker := item.get_closest_marker("model"):
            name = marker.args[0] if marker.args else SMALL
            there = encoders.is_fetched(name) if name in encoders.KNOWN_ENCODERS else weights.is_fetched(name)
            item.add_marker(pytest.mark.skipif(not there, reason=f"needs weights: argqual models pull {name}"))
            item.add_marker(pytest.mark.xdist_group("model"))
    # What takes longest begins first, so that no process ends long after the others.
    items.sort(key=lambda item: (item.get_closest_marker("model") is None, item.get_closest_marker("slow") is None))
    gc.freeze()  # a million objects of libraries need not be looked through again and again


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test finds what another has kept, nor what the user has, nor the user's defaults."""
    monkeypatch.setenv("ARGQUAL_CONFIG", os.devnull)
    for name in ("ARGQUAL_MODEL", "ARGQUAL_FRAMEWORK", "ARGQUAL_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(traffic, "_limiters", {})  # a server may get the port of one that was in trouble
    monkeypatch.setenv("ARGQUAL_STORE", str(tmp_path_factory.mktemp("store") / "assessments.sqlite"))


@pytest.fixture(scope="session")
def small_model() -> Model:
    """SmolLM2-135M: a real model whose ratings mean nothing, for the plumbing."""
    return connect(SMALL)


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    for name in ("OPENAI_API_KEY", "OPENAI_API_BASE", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    server = Loopback()
    yield server
    server.close()


TWO_QUESTIONS = """\
schema: argqual/framework@1
id: two
version: "1"
title: Two questions
description: For tests.
license: CC0-1.0
provenance: {status: own}
inputs: {issue: optional, context: optional}
scale:
  levels: [{value: 1, label: low}, {value: 2, label: middle}, {value: 3, label: high}]
criteria:
  - {id: clear, name: Clear, plain: It is clear., question: Is it clear?, evidence: quote}
  - {id: fair, name: Fair, plain: It is fair., question: Is it fair?}
"""


@pytest.fixture
def two() -> Framework:
    return parse_framework(TWO_QUESTIONS, name="two.yaml")
