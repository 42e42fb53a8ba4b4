"""The command line as processes of their own, without their start: each is forked from one that has imported already.

Importing what a command needs takes seconds, and the suite runs hundreds of commands. What loads nothing heavy, and
what a terminal or a pipe does to a command, is tested with interpreters started anew.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any

import pytest


@cache
def _hub_home() -> tempfile.TemporaryDirectory[str]:
    """Where the hub's libraries keep what they fetch, in forks."""
    return tempfile.TemporaryDirectory()


@cache
def _forks() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["preloaded"])
    with pytest.MonkeyPatch.context() as patched:  # before 3.12.8 the process that forks does not get `sys.path`
        patched.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
        patched.setenv("HF_HOME", _hub_home().name)
        for name in ("HF_TOKEN", "HF_HUB_OFFLINE"):
            patched.delenv(name, raising=False)
        forkserver.ensure_running()
    return context


def start(
    folder: Path,
    *words: str | bytes,
    variables: Mapping[str, str] | None = None,
    given: int | None = None,
    out: int | None = None,
    errors: int | None = None,
    heeds_ctrl_c: bool = True,
) -> ForkServerProcess:
    """`argqual …` under way in a folder; its three streams are the descriptors given, or go nowhere.

    In the background of a script (`argqual … &`) it would not heed Ctrl-C.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        descriptors = [DupFd(nothing if each is None else each) for each in (given, out, errors)]
        said = [word if isinstance(word, str) else os.fsdecode(word) for word in words]
        environment = {**os.environ, "PYTHONIOENCODING": "utf-8", **(variables or {})}
        process = _forks().Process(target=_run, args=(said, str(folder), environment, descriptors, heeds_ctrl_c))
        process.start()
    finally:
        os.close(nothing)
    return process


def argqual(
    folder: Path,
    *words: str | bytes,
    given: bytes = b"",
    variables: Mapping[str, str] | None = None,
    timeout: float = 300,
) -> subprocess.CompletedProcess[str]:
    """What `argqual …` in a folder says, and its exit code; a traceback is never what a user should see."""
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        source.write(given)
        source.seek(0)
        streams = {"given": source.fileno(), "out": out.fileno(), "errors": errors.fileno()}
        process = start(folder, *words, variables=variables, **streams)
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(str(words), timeout)
        said = []
        for stream in (out, errors):
            stream.seek(0)
            said.append(stream.read().decode("utf-8"))
    assert "Traceback" not in said[0] + said[1], said
    return subprocess.CompletedProcess(["argqual", *words], process.exitcode, *said)


def in_a_fork(call: Callable[..., Any], *given: Any, timeout: float = 120) -> Any:
    """What a function of a module gives, called in a process of its own in which the hub's libraries know nothing."""
    for each in Path(_hub_home().name).iterdir():
        shutil.rmtree(each)
    theirs, ours = _forks().Pipe(duplex=False)
    process = _forks().Process(target=_call, args=(call, given, {**os.environ}, ours))
    process.start()
    ours.close()
    assert theirs.poll(timeout), f"{call.__name__} does not come back"
    said = theirs.recv()
    process.join()
    return said


def killed(folder: Path, *words: str, after: float, since: Callable[[], bool] = lambda: True) -> bool:
    """Kill `argqual …` by SIGKILL, so many seconds after `since` is so; whether it was still running."""
    process = start(folder, *words)
    while not since() and process.exitcode is None:
        process.join(0.02)
    process.join(after)
    if process.exitcode is not None:
        return False
    process.kill()
    process.join()
    return True


def interrupt(process: ForkServerProcess) -> None:
    """Ctrl-C."""
    assert process.pid
    os.kill(process.pid, signal.SIGINT)


def _call(call: Callable[..., Any], given: tuple[Any, ...], environment: dict[str, str], out: Connection) -> None:
    address = os.environ["HF_ENDPOINT"]
    os.environ.clear()
    os.environ.update(environment | {"HF_ENDPOINT": address})
    out.send(call(*given))


def _run(
    words: list[str], folder: str, environment: dict[str, str], descriptors: list[Any], heeds_ctrl_c: bool
) -> None:
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor.detach(), number)
    encoding = environment["PYTHONIOENCODING"]
    sys.stdin = os.fdopen(0, encoding=encoding, closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding=encoding, closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, encoding=encoding, errors="backslashreplace", closefd=False)
    # Whatever the parent of the suite does with it.
    signal.signal(signal.SIGINT, signal.default_int_handler if heeds_ctrl_c else signal.SIG_IGN)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path not in sys.path]
    os.chdir(folder)
    sys.argv = ["argqual", *words]
    from argqual.cli.main import main

    main()
