"""The engine's process: how it is started, what it says when it cannot go on, and that it ends with what started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from argqual.errors import ModelError, WeightsError
from argqual.models import llama
from argqual.models.connect import Model
from argqual.models.llama import Llama, available_cores, environment
from argqual.models.weights import locate

SMALL = "smollm2-135m"


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)


def test_the_engines_threads_wait_for_a_moment_only() -> None:
    assert environment()["GOMP_SPINCOUNT"] == "1000"


@pytest.mark.parametrize(("name", "value"), [("GOMP_SPINCOUNT", "7"), ("OMP_WAIT_POLICY", "active")])
def test_how_they_wait_is_as_the_user_has_set_it(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert environment()[name] == value
    assert environment().get("GOMP_SPINCOUNT") == os.environ.get("GOMP_SPINCOUNT")


def test_this_process_waits_as_before() -> None:
    environment()
    assert "GOMP_SPINCOUNT" not in os.environ


@pytest.mark.parametrize(
    ("said", "cores"),
    [("max 100000", 8), ("150000 100000", 2), ("10000 100000", 1), ("6400000 100000", 8), ("nonsense", 8)],
)
def test_threads_are_no_more_than_the_container_may_use(
    said: str, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpu.max").write_text(said + "\n")
    monkeypatch.setattr(llama, "_QUOTAS", ((str(tmp_path / "cpu.max"),), (str(tmp_path / "none"),)))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8), raising=False)
    assert available_cores() == cores


def test_the_older_way_of_saying_a_quota_is_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = (tmp_path / "quota", tmp_path / "period")
    files[0].write_text("300000\n")
    files[1].write_text("100000\n")
    monkeypatch.setattr(llama, "_QUOTAS", (tuple(map(str, files)),))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8), raising=False)
    assert available_cores() == 3
    files[0].write_text("-1\n")
    assert available_cores() == 8


def test_without_the_engine_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ModelError, match="xllamacpp") as raised:
        Llama(tmp_path / "any.gguf", context=64)
    assert "argqual[local]" in str(raised.value.hint)


def test_a_file_that_is_no_model_is_refused_when_it_is_needed(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + b"\x00" * 100)
    broken = Llama(tmp_path / "broken.gguf", context=64)
    for _ in range(2):
        with pytest.raises(WeightsError, match="cannot load"):
            _ = broken.address


@pytest.mark.model
def test_an_engine_that_is_killed_is_missed_and_started_anew(small_model: Model) -> None:
    from argqual.models.embedded import shared_server

    weights = locate(SMALL)
    assert weights is not None
    server = shared_server(weights, context=320)
    assert server.count_tokens("A word.") > 1
    os.kill(server.llama._process.pid, signal.SIGKILL)
    with pytest.raises(ModelError, match=r"has ended \(signal 9\)"):
        server.count_tokens("A word.")
    again = shared_server(weights, context=320)
    assert again is not server
    os.kill(again.llama._process.pid, signal.SIGKILL)  # while it loads
    with pytest.raises(WeightsError, match="ended while it loaded"):
        _ = again.address


@pytest.mark.model
def test_an_engine_ends_with_the_process_that_started_it_however_that_ends() -> None:
    code = f"""
import sys, time
from argqual.models.llama import Llama
from argqual.models.weights import locate
print(Llama(locate({SMALL!r}), context=64)._process.pid, flush=True)
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    engine = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    until = time.monotonic() + 20
    while _runs(engine) and time.monotonic() < until:
        time.sleep(0.02)
    assert not _runs(engine)


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
