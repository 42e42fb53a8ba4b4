"""llama.cpp, in a process of its own beside this one.

There it has its own environment and its own OpenMP, so that how it waits touches no other library here; it loads while
this process imports what it needs; and when it runs out of memory, this process can say so. It brings its own server
(continuous batching, prompt cache, schema-bound output, log-probabilities), which listens on loopback only, on a port
that the system chooses, behind a key that is made anew each time.
"""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from argqual import _underway
from argqual.errors import ModelError, WeightsError

PROGRAM = Path(__file__).with_name("llama_process.py")
_SPINS = "1000"
_WAITS = {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}
_TIMEOUT_SECONDS = 3600.0
_LOOK_EVERY = 0.1
_LAST_SECONDS = 5.0
_QUOTAS = (
    ("/sys/fs/cgroup/cpu.max",),
    ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
)


@dataclass(frozen=True)
class Address:
    """Where a server listens, and the key it wants."""

    url: str
    key: str = field(repr=False)


def settings_of(
    weights: Path, *, context: int, slots: int = 1, states: bool = False, kept_prompts: Path | None = None
) -> dict[str, Any]:
    """What an engine is started with, as `Llama`, and its threads; paths are whole."""
    return {
        "weights": os.path.abspath(weights),
        "context": context * slots,
        "slots": slots,
        "states": states,
        "threads": available_cores(),
        "kept_prompts": os.path.abspath(kept_prompts) if kept_prompts else "",
    }


class LlamaServer:
    """llama.cpp with weights, as it is asked, whichever process has started it."""

    def __init__(self, weights: Path, kept_prompts: Path | None, key: str) -> None:
        self.weights = weights
        self.kept_prompts = kept_prompts
        self.key = key

    @property
    def address(self) -> Address:
        """Where it listens, as soon as it does; a `WeightsError` if it cannot load the file."""
        raise NotImplementedError

    @property
    def processor(self) -> str:
        """What the engine uses of the processor, as it says it."""
        raise NotImplementedError

    @property
    def ended(self) -> bool:
        """Whether its process has ended."""
        raise NotImplementedError

    def check(self) -> None:
        """Raise a `ModelError` if its process has ended."""
        raise NotImplementedError

    def post(self, path: str, body: dict[str, Any], *, timeout: float = _TIMEOUT_SECONDS) -> Any:
        """What its server answers; an `OSError` when it refuses, a `ModelError` when it has ended."""
        address = self.address
        request = urllib.request.Request(  # noqa: S310
            address.url + path,
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {address.key}", "Content-Type": "application/json"},
        )
        try:
            with _straight.open(request, timeout=timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError:
            raise
        except OSError:
            self.check()
            raise


class Llama(LlamaServer):
    """An engine with weights, a GGUF file. It begins to load at once; what needs it waits until it listens.

    Parameters
    ----------
    context
        Tokens of prompt and answer together, for each of the `slots`: requests worked on at once, which share the
        machine's cores.
    states
        Whether it gives the state of a text's last token instead of answers.
    kept_prompts
        The folder into which it writes, and from which it reads, the states of prompts; None for none.
    keep
        How its process is to stay when this one has ended (`argqual.models.warm`); None for one that ends with it.

    Raises
    ------
    ModelError
        The extra `local` is not installed.
    """

    def __init__(
        self,
        weights: Path,
        *,
        context: int,
        slots: int = 1,
        states: bool = False,
        kept_prompts: Path | None = None,
        keep: Mapping[str, Any] | None = None,
    ) -> None:
        if importlib.util.find_spec("xllamacpp") is None:
            raise _missing("it is not installed")
        super().__init__(weights, kept_prompts, secrets.token_urlsafe(24))
        settings = {
            **settings_of(weights, context=context, slots=slots, states=states, kept_prompts=kept_prompts),
            "key": self.key,
            "keep": keep,
            "path": [os.path.abspath(folder) for folder in sys.path],
        }
        self._said = _scratch()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said or subprocess.DEVNULL,
            env=environment(),
            cwd=os.path.dirname(keep["file"]) if keep else None,
            start_new_session=True,
        )
        if not keep:
            weakref.finalize(self, _end, self._process, os.getpid())
        self._answer: dict[str, Any] = {}
        self._answered = threading.Event()
        threading.Thread(target=self._listen, args=(json.dumps(settings),), daemon=True).start()

    @property
    def address(self) -> Address:
        return Address(self._loaded()["url"], self.key)

    @property
    def processor(self) -> str:
        return str(self._loaded()["processor"])

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def check(self) -> None:
        with suppress(subprocess.TimeoutExpired):  # it may be about to
            code = self._process.wait(timeout=_LAST_SECONDS)
            memory = "Was the machine out of memory? A smaller model takes less: argqual models list"
            raise ModelError(
                f"The engine that runs {self.weights.name} has ended ({self._why(code)}).",
                hint=memory if code else "Was it stopped (argqual models stop)? Run this again: it starts another.",
            )

    def _loaded(self) -> dict[str, Any]:
        if not self._answered.is_set():
            with _underway.doing(f"loading {self.weights.name}") as tell:
                while not self._answered.wait(_LOOK_EVERY):
                    tell(self._mapped())
        said = self._answer
        if "url" in said:
            return said
        if said.get("missing"):
            raise _missing(said["error"])
        if "error" in said:
            raise WeightsError(
                f"The engine cannot load {self.weights}: {said['error']}.",
                hint="Is it a GGUF file of a language model?",
            )
        raise WeightsError(
            f"The engine ended while it loaded {self.weights} ({self._why(self._process.wait())}).",
            hint="Is there enough memory for it? It takes about twice what the file has.",
        )

    def _listen(self, settings: str) -> None:
        """Hand the settings over, and wait for what the process says of itself."""
        pipes = self._process
        assert pipes.stdin is not None and pipes.stdout is not None
        with suppress(OSError, ValueError):  # it has ended, or said nothing
            pipes.stdin.write(settings.encode() + b"\n")
            pipes.stdin.flush()
            self._answer = json.loads(pipes.stdout.readline())
        self._answered.set()

    def _mapped(self) -> float:
        """Which share of the file is in its memory by now, where the system tells."""
        with suppress(OSError, ValueError, IndexError):
            pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[2])
            return pages * os.sysconf("SC_PAGE_SIZE") / self.weights.stat().st_size
        return 0.0

    def _why(self, code: int) -> str:
        said = ""
        if self._said is not None:
            self._said.seek(0)
            said = self._said.read()[-2000:].decode("utf-8", "replace").strip().rpartition("\n")[2]
        return (f"signal {-code}" if code < 0 else f"exit code {code}") + (f": {said}" if said else "")


def environment() -> dict[str, str]:
    """The engine's environment: OpenMP's threads wait for a moment only, unless the user has said how they are to.

    By default they wait actively, which is a little faster on an idle machine and many times slower where anything
    else uses a core (`benchmarks/speed/start.py --parts waits`).
    """
    own = {} if _WAITS & os.environ.keys() else {"GOMP_SPINCOUNT": _SPINS}
    return {"GGML_NO_BACKTRACE": "1", **os.environ, **own}  # which takes half a minute, by a debugger


def available_cores() -> int:
    """Cores that this process may use (at least 1): by its affinity, and by the quota of its container."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, *(int(quota + 0.5) for quota in _quotas()), cores))


def _quotas() -> list[float]:
    """Cores that the system lets a container have, where it limits them."""
    found = []
    for files in _QUOTAS:
        with suppress(OSError, ValueError, ZeroDivisionError):  # not limited, or said in another way
            quota, period = map(float, " ".join(Path(file).read_text() for file in files).split())
            if quota > 0:
                found.append(quota / period)
    return found


_straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _missing(why: str) -> ModelError:
    return ModelError(
        f"The embedded model needs the engine xllamacpp ({why}).", hint="Run: pip install 'argqual[local]'"
    )


def _scratch() -> IO[bytes] | None:
    """A file for what the engine says when it breaks; None where there is no room for any."""
    try:
        return tempfile.TemporaryFile()
    except OSError:
        return None


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    """End the engine with the process that started it; one that was forked from that leaves it alone."""
    if os.getpid() == owner:
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        process.wait()
