"""An engine that stays when the process that started it has ended, for all processes of this user that want the same.

Beside one another, in a folder of the cache that is this user's alone, lie for each such engine

- `ID.json`, which says where it listens and with which key. The engine writes it when it listens, and ends when it is
  gone, or when nobody has touched it for as long as it says; whoever uses the engine touches it while it runs.
- `ID.lock`, held by the engine for as long as it lives, however it ends: what is written of a dead one is known by it.
- `ID.N.turn`, held by the process whose turn it is with the engine's slot N, and `ID.N.holds`, which beginning of a
  prompt that slot has read (`argqual.models.slots`).

The ID is a digest of all that an engine depends on: what was started with other weights, another version, or for
another size is not found. Nothing here fails: where there is no such engine, or it does not answer, a process starts
its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from argqual import _underway
from argqual.downloads.files import cache_of
from argqual.errors import ModelError
from argqual.models.llama import PROGRAM, Address, LlamaServer
from argqual.models.names import name_of

_DIGITS = 32
_TOUCH_EVERY = 2.0
_LOOK_EVERY = 0.02
_LOADING_SECONDS = 120.0
_ANSWER_SECONDS = 10.0
_ENDING_SECONDS = 10.0
_ABANDONED_SECONDS = 86400.0
_PAUSE_SECONDS = 0.1  # between two requests about one text
_PATIENCE_SECONDS, _LITTLE_PATIENCE_SECONDS = 60.0, 1.0  # with whose turn it is: it may have been stopped
_VARIABLES = ("CUDA_", "GGML_", "GOMP_", "LLAMA_", "OMP_")


def folder() -> Path:
    """Where engines that stay are found: one of this user's own, also in a cache that several share."""
    return Path(os.path.abspath(cache_of(f"engines-{os.getuid()}" if hasattr(os, "getuid") else "engines")))


@dataclass(frozen=True)
class EnginePlace:
    """Where an engine for some settings is found, if there is one; `about` is what it depends on."""

    stem: Path
    about: Mapping[str, Any]

    @classmethod
    def of(cls, settings: Mapping[str, Any], identity: str) -> EnginePlace | None:
        """That of an engine with settings of `llama.settings_of`, for weights of this identity; None for none."""
        try:
            file, engine = os.stat(settings["weights"]), version("xllamacpp")
        except (OSError, PackageNotFoundError):  # which is said when they are needed
            return None
        about = {
            **settings,
            "identity": identity,
            "file": [file.st_size, file.st_mtime_ns, file.st_ino],
            "engine": engine,
            "process": hashlib.sha256(PROGRAM.read_bytes()).hexdigest(),
            "machine": platform.node(),  # several may share the cache
            "variables": _digest([each for each in sorted(os.environ.items()) if each[0].startswith(_VARIABLES)]),
        }
        return cls(folder() / _digest(about), about)

    @property
    def file(self) -> Path:
        return self.stem.with_suffix(".json")

    @property
    def lock(self) -> Path:
        return self.stem.with_suffix(".lock")

    def for_engine(self, minutes: float) -> dict[str, Any] | None:
        """What an engine is told that is to stay so long after it was last used; None where it cannot be kept."""
        with suppress(OSError):
            folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_own(folder()):
            return None
        for path in folder().iterdir():  # of engines that were killed
            with suppress(OSError):
                lock = path.with_name(path.name.partition(".")[0] + ".lock")
                if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS and not _is_held(lock):
                    path.unlink()
        return {"file": str(self.file), "lock": str(self.lock), "minutes": minutes, "about": dict(self.about)}


@dataclass(frozen=True)
class KeptEngine:
    """What an engine that stays has said of itself."""

    place: EnginePlace
    url: str
    key: str
    processor: str
    process: int
    minutes: float

    @property
    def weights(self) -> Path:
        return Path(self.place.about["weights"])

    @property
    def identity(self) -> str:
        return str(self.place.about["identity"])

    @property
    def name(self) -> str:
        """What its model is called."""
        return name_of(self.identity, self.weights)

    @property
    def memory_bytes(self) -> int | None:
        """What it has in memory, its weights among it; None where the system does not tell."""
        with suppress(OSError, ValueError, IndexError):
            pages = int(Path(f"/proc/{self.process}/statm").read_text().split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE")
        return None


class WarmLlama(LlamaServer):
    """An engine that another process has started."""

    def __init__(self, told: KeptEngine, kept_prompts: Path | None) -> None:
        super().__init__(told.weights, kept_prompts, told.key)
        self._told = told

    @property
    def address(self) -> Address:
        return Address(self._told.url, self.key)

    @property
    def processor(self) -> str:
        return self._told.processor

    @property
    def ended(self) -> bool:
        return not _is_held(self._told.place.lock) or not _is_key_of(self._told.place.file, self.key)

    def check(self) -> None:
        until = time.monotonic() + 1.0  # it may be about to
        while time.monotonic() < until:
            if self.ended:
                raise ModelError(
                    f"The engine that was kept for {self.weights.name} has ended.",
                    hint="Was it stopped, or the machine out of memory? Run this again: it starts another.",
                )
            time.sleep(_LOOK_EVERY)


def found(place: EnginePlace | None, kept_prompts: Path | None) -> WarmLlama | None:
    """The engine at a place, if it lives and answers; waits for one that is being loaded."""
    if place is None or not _is_own(folder()):
        return None
    told = _told(place)
    if told is None and _is_held(place.lock):
        if place.file.exists():  # not what the engine has written
            with suppress(OSError):
                place.file.unlink()
        else:
            told = _loaded(place)
    if told is None or not _is_held(place.lock):
        return None
    warm = WarmLlama(told, kept_prompts)
    try:
        os.utime(place.file)  # it does not end now
        warm.post("/tokenize", {"content": "a"}, timeout=_ANSWER_SECONDS)
    except (OSError, ValueError, ModelError):
        return None
    return warm


def _loaded(place: EnginePlace) -> KeptEngine | None:
    """What an engine says that another process has begun to load."""
    with _underway.doing(f"waiting for {Path(place.about['weights']).name}, which another process loads"):
        until = time.monotonic() + _LOADING_SECONDS
        while (told := _told(place)) is None and _is_held(place.lock) and time.monotonic() < until:
            time.sleep(_LOOK_EVERY)
    return told


def all_kept() -> list[KeptEngine]:
    """The engines of this user that stay."""
    if not _is_own(folder()):
        return []
    places = [EnginePlace(path.with_suffix(""), {}) for path in sorted(folder().glob("*.json"))]
    return [told for place in places if (told := _told(place)) and _is_held(place.lock)]


def keep_for(told: KeptEngine, minutes: float) -> KeptEngine:
    """An engine that from now on stays so long after it was last used, if that can be written."""
    draft = told.place.stem.with_suffix(f".{os.getpid()}.part")
    try:
        content = json.loads(told.place.file.read_bytes()) | {"minutes": minutes}
        draft.touch(0o600)
        draft.write_text(json.dumps(content), encoding="utf-8")
        draft.replace(told.place.file)
    except OSError:
        return told
    return replace(told, minutes=minutes)


def stop(told: KeptEngine) -> bool:
    """End an engine; whether it has."""
    told.place.file.unlink(missing_ok=True)
    until = time.monotonic() + _ENDING_SECONDS
    while _is_held(told.place.lock) and time.monotonic() < until:
        time.sleep(_LOOK_EVERY)
    return not _is_held(told.place.lock)


class Turns:
    """An engine's slots, of which each is one process's at a time, for as long as it asks about one text.

    Who waits for a turn comes before who has just had one. While there is this object's process, the engine stays.
    """

    def __init__(self, place: EnginePlace, key: str) -> None:
        self._place = place
        self._key = key
        self._patience = _PATIENCE_SECONDS
        self._changing = threading.Lock()
        self._mine: dict[int, tuple[Any, str]] = {}  # the lock that is held for a slot, and the text it is held for
        self._leaving: dict[int, threading.Timer] = {}
        threading.Thread(target=self._touch, daemon=True).start()

    @contextmanager
    def turn(self, slot: int, text: str) -> Iterator[None]:
        """One's turn with a slot; what is asked next about the same text is part of it, if it is asked at once."""
        with self._changing:
            if leaving := self._leaving.pop(slot, None):
                leaving.cancel()
            if slot in self._mine and self._mine[slot][1] != (text or None):
                self._mine.pop(slot)[0].release()
        if slot not in self._mine:
            self._wait(slot, text)
        try:
            yield
        finally:
            with self._changing:
                self._leaving[slot] = leaving = threading.Timer(_PAUSE_SECONDS, self._leave)
                leaving.args = (slot, leaving)
                leaving.daemon = True
                leaving.start()

    def holds(self, slot: int, beginning: str) -> bool:
        """Whether a slot has read a beginning, by what the last process has left."""
        try:
            return self._path(slot, "holds").read_text(encoding="utf-8") == self._mark(beginning)
        except (OSError, ValueError):
            return False

    def note(self, slot: int, beginning: str) -> None:
        """Leave it to the next process which beginning a slot has read."""
        with suppress(OSError):
            self._path(slot, "holds").write_text(self._mark(beginning), encoding="utf-8")

    def _wait(self, slot: int, text: str) -> None:
        from filelock import FileLock

        path = self._path(slot, "turn")
        patience, self._patience = self._patience, _LITTLE_PATIENCE_SECONDS
        with suppress(OSError, NotImplementedError):  # without a turn: the engine has them wait by itself
            turn = FileLock(path, thread_local=False)
            with _said_if_slow(), FileLock(f"{path}.next").acquire(patience, poll_interval=_LOOK_EVERY):
                turn.acquire(patience, poll_interval=_LOOK_EVERY)
            self._mine[slot], self._patience = (turn, text), _PATIENCE_SECONDS

    def _leave(self, slot: int, leaving: threading.Timer) -> None:
        with self._changing:
            if self._leaving.get(slot) is leaving:
                del self._leaving[slot]
                if slot in self._mine:
                    self._mine.pop(slot)[0].release()

    def _touch(self) -> None:
        while True:
            with suppress(OSError):
                if _is_key_of(self._place.file, self._key):
                    os.utime(self._place.file)
            time.sleep(_TOUCH_EVERY)

    def _mark(self, beginning: str) -> str:
        return _digest([self._key, beginning])

    def _path(self, slot: int, kind: str) -> Path:
        return self._place.stem.with_suffix(f".{slot}.{kind}")


@contextmanager
def _said_if_slow(seconds: float = 1.0) -> Iterator[None]:
    """Say that another process has the engine, if that lasts."""
    over = threading.Event()

    def say() -> None:
        if not over.wait(seconds):
            with _underway.doing("waiting for the engine, which another process uses"):
                over.wait()

    threading.Thread(target=say, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _digest(of: Any) -> str:
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:_DIGITS]


def _told(place: EnginePlace) -> KeptEngine | None:
    """What the file of a place says; None where there is none, it is broken, or may be another user's."""
    try:
        if not _is_own(place.file):
            return None
        said = json.loads(place.file.read_bytes())
        about = said["about"]
        if place.about and about != json.loads(json.dumps(place.about)):
            return None
        url, key, processor = (str(said[name]) for name in ("url", "key", "processor"))
        if not url.startswith("http://127.0.0.1:") or not about["weights"] or not about["identity"]:
            return None
        return KeptEngine(EnginePlace(place.stem, about), url, key, processor, int(said["pid"]), float(said["minutes"]))
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _is_key_of(path: Path, key: str) -> bool:
    try:
        return bool(json.loads(path.read_bytes())["key"] == key)
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _is_held(lock: Path) -> bool:
    """Whether an engine lives that holds a lock."""
    from filelock import FileLock, Timeout

    if not lock.exists():
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True
    except (OSError, NotImplementedError):
        return False


def _is_own(path: Path) -> bool:
    """Whether a file or folder is there, is this user's, and can be read by nobody else."""
    try:
        stat = path.lstat()
    except OSError:
        return False
    return not hasattr(os, "getuid") or (stat.st_uid == os.getuid() and not stat.st_mode & 0o077)
