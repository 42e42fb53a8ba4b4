"""Fixtures: a small real model, a server on loopback, and a framework of two questions."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
os.environ["ARGQUAL_KEPT_PROMPTS"] = "0"  # no test finds what another has kept
if "PYTEST_XDIST_WORKER" in os.environ:  # several run the suite: threads that wait actively would slow all of them
    os.environ |= {"OMP_NUM_THREADS": "1", "OMP_THREAD_LIMIT": "1", "OMP_WAIT_POLICY": "passive"}

from argqual.frameworks.catalogue import parse_framework
from argqual.frameworks.framework import Framework
from argqual.models import encoders, traffic, weights
from argqual.models.connect import Model, connect
from loopback import Loopback

SMALL = "smollm2-135m"
STORES = count()
# Modules whose tests start processes and servers, or train, the longest first; `make quick` leaves them out.
SLOW = (
    "test_score_table", "test_weights", "test_contract", "test_batch", "test_run", "test_fetch", "test_score_batch",
    "test_planning", "test_bad_input", "test_startup", "test_examples", "test_package", "test_benchmark_report",
    "test_browser", "test_corpora_command", "test_plugin", "test_hub", "test_matrix", "test_rounds", "test_constructed",
    "test_config_command", "test_optimised", "test_streams", "test_score_files", "test_fit_command", "test_findings",
    "test_conditioned", "test_encoders",
    "test_warm", "test_optimise_command", "test_hub_weights", "test_combinations", "test_encoder", "test_calibrated",
    "test_chatserver", "test_benchmark_command", "test_perturbations", "test_models_command", "test_embedding",
    "test_planted_judges", "test_planted", "test_oddities", "test_frameworks_command", "test_help", "test_jury",
)  # fmt: skip

# Modules that load the same slow library, or fork: one process does it for all of them. Those that fork are two groups,
# of about the same length.
TOGETHER = {
    "litellm": (
        "test_addresses", "test_asking", "test_batch", "test_caching", "test_combinations", "test_decisions",
        "test_expect", "test_failures", "test_oddities", "test_real_decisions", "test_traffic",
    ),
    "model": ("test_gguf", "test_hub_weights", "test_probe", "test_proxy", "test_real_model"),
    "torch": ("test_conditioned", "test_contract", "test_embedding", "test_encoder", "test_encoders"),
    "skops": ("test_calibrated", "test_jury", "test_saved", "test_saving"),
    "commands": (
        "test_benchmark_command", "test_corpora_command", "test_fetch", "test_fit_command", "test_help",
        "test_optimise_command", "test_pages", "test_plugin", "test_run", "test_score_command",
        "test_strategies_command",
    ),
    "tables": (
        "test_bad_input", "test_frameworks_command", "test_hub", "test_models_command", "test_parts",
        "test_score_batch", "test_score_files", "test_score_table", "test_streams",
    ),
}  # fmt: skip
GROUPS = {module: group for group, modules in TOGETHER.items() for module in modules}


def pytest_configure(config: pytest.Config) -> None:
    """Workers begin to collect in different rooms, and find compiled where others have been."""
    worker, workers = os.environ.get("PYTEST_XDIST_WORKER"), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if worker and config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        found = sorted(Path(__file__).parent.iterdir())
        rooms = [str(path) for path in found if path.name.startswith("test_") or list(path.rglob("test_*.py"))]
        first = int(worker.removeprefix("gw")) * len(rooms) // workers % len(rooms)
        config.args = rooms[first:] + rooms[:first]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What `-m "not slow"` leaves out is not even imported: torch and `datasets` take seconds."""
    return True if collection_path.stem in SLOW and "not slow" in config.option.markexpr else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """The tests of a module are one process's: what they share is made once, and loaded once."""
    from xdist.scheduler import LoadScopeScheduling

    class ByModule(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module = Path(nodeid.partition("::")[0]).stem
            return GROUPS.get(module, module)

    return ByModule(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `model` ask a real one: skipped without its weights, and first, since they take longest."""
    for item in items:
        if item.path.stem in SLOW:
            item.add_marker(pytest.mark.slow)
        if "small_model" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.model)
        if marker := item.get_closest_marker("model"):
            name = marker.args[0] if marker.args else SMALL
            there = encoders.is_fetched(name) if name in encoders.KNOWN_ENCODERS else weights.is_fetched(name)
            item.add_marker(pytest.mark.skipif(not there, reason=f"needs weights: argqual models pull {name}"))
    # What takes longest begins first, so that no process ends long after the others.
    places = {name: place for place, name in enumerate(SLOW)}

    def order(item: pytest.Item) -> tuple[bool, int, str]:
        return item.get_closest_marker("model") is None, places.get(item.path.stem, len(SLOW)), str(item.path)

    items.sort(key=order)
    gc.freeze()  # a million objects of libraries need not be looked through again and again


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test finds what another has kept, nor what the user has, nor the user's defaults."""
    monkeypatch.setenv("ARGQUAL_CONFIG", os.devnull)
    for name in ("ARGQUAL_MODEL", "ARGQUAL_FRAMEWORK", "ARGQUAL_API_BASE", "ARGQUAL_KEEP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(traffic, "_limiters", {})  # a server may get the port of one that was in trouble
    folder = tmp_path_factory.getbasetemp() / "stores" / str(next(STORES))  # `mktemp` would look through all before
    folder.mkdir(parents=True)
    monkeypatch.setenv("ARGQUAL_STORE", str(folder / "assessments.sqlite"))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not answer is asked as often as ever, without the seconds between."""
    monkeypatch.setattr(traffic, "_FIRST_DELAY", 0.01)


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
