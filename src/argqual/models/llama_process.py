"""The process in which llama.cpp runs. `argqual.models.llama` starts it as a script; it is never imported.

It reads one line of JSON from standard input, the settings; loads the weights; and writes one line of JSON to standard
output: `url`, where it listens, and `processor`, what it uses of the processor, or `error`, why it does not, and
whether that is because the engine is `missing`. It ends when its standard input does, which is when the process that
started it ends, however that comes about; or, where it is to stay (`argqual.models.warm`), when nobody has used it for
a while. It knows nothing of argqual, so that it is there in a few milliseconds.
"""

from __future__ import annotations

import glob
import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import Any

_LOOK_EVERY = 2.0
_LOOK_AT_FILE = 0.5
_PATIENCE = 3.0  # with an engine that is about to end


def parameters(engine: Any, settings: dict[str, Any]) -> Any:
    """The engine's own parameters for the settings that argqual gives."""
    params = engine.CommonParams()
    params.model.path = settings["weights"]
    params.n_ctx = settings["context"]
    params.n_parallel = settings["slots"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings["threads"]
    params.api_keys = [settings["key"]]
    params.hostnames = ["127.0.0.1"]
    params.ui = False
    params.endpoint_slots = False
    params.warmup = False
    params.verbosity = 0
    params.cache_ram_mib = 0  # it would keep prompts in up to 8 GiB of memory; argqual keeps what is worth it on disk
    if not any("GPU" in device["type"].name for device in engine.get_device_info()):
        params.fit_params = False  # would load the model twice, to see what of it fits a graphics card
    if settings["kept_prompts"]:
        params.slot_save_path = settings["kept_prompts"] + os.sep
    if settings["states"]:
        params.embedding = True
        params.pooling_type = engine.llama_pooling_type.LLAMA_POOLING_TYPE_LAST
        # A text is read in one go, or its last token would not have seen it all.
        params.n_batch = params.n_ubatch = settings["context"]
    return params


def serve(settings: dict[str, Any]) -> dict[str, Any]:
    """Load the weights and listen; what to tell the process that asked for it."""
    try:
        import xllamacpp
    except ImportError as error:
        return {"error": str(error), "missing": True}
    try:
        serve.server = xllamacpp.Server(parameters(xllamacpp, settings))  # type: ignore[attr-defined]
    except Exception as error:
        return {"error": str(error), "missing": False}
    return {"url": serve.server.listening_address, "processor": xllamacpp.get_system_info()}  # type: ignore[attr-defined]


def lock_of(keep: dict[str, Any]) -> Any:
    """The lock by which an engine that stays is known to live; None where another lives, or it cannot be had."""
    from filelock import FileLock

    lock = FileLock(keep["lock"], timeout=_PATIENCE)
    try:
        lock.acquire()
    except (OSError, NotImplementedError):
        return None
    return lock


def announce(keep: dict[str, Any], told: dict[str, Any]) -> bool:
    """Write where the engine is found, for this user alone; whether that could be."""
    draft = f"{keep['file']}.{os.getpid()}.part"
    content = {**told, "pid": os.getpid(), "minutes": keep["minutes"], "about": keep["about"]}
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(content, file)
        os.replace(draft, keep["file"])
    except OSError:
        return False
    return True


def stay(path: str, key: str) -> None:
    """Return when the file that tells of this engine is gone or another's, or nobody has touched it for its minutes.

    Time is what the machine was awake for: who uses the engine could not touch the file meanwhile either.
    """
    touched, since = 0.0, time.monotonic()
    while True:
        try:
            with open(path, encoding="utf-8") as file:
                found = json.load(file)
            if found["key"] != key:
                return
            modified = os.stat(path).st_mtime
            if modified != touched:
                touched, since = modified, time.monotonic()
            elif time.monotonic() - since > found["minutes"] * 60:
                aside = f"{path}.{os.getpid()}.part"
                os.replace(path, aside)  # from here on nobody finds it
                if os.stat(aside).st_mtime == touched:
                    return
                os.replace(aside, path)
        except (OSError, ValueError, LookupError, TypeError):
            return
        time.sleep(_LOOK_AT_FILE)


def _end_with_parent() -> None:
    if os.name == "posix":
        threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    """End when the parent has ended: another process that was forked from it may still hold this one's input open."""
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY)
    os._exit(0)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for argqual, which ends what is under way in good order
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever the engine prints is no answer
    settings = json.loads(sys.stdin.buffer.readline())
    sys.path[:] = settings["path"]
    keep = settings["keep"]
    lock = lock_of(keep) if keep else None
    if lock is None:
        _end_with_parent()
    said = serve(settings)
    stays = lock is not None and "url" in said and announce(keep, {**said, "key": settings["key"]})
    if lock is not None and not stays:
        lock.release()
        _end_with_parent()
    with suppress(OSError):  # who wanted it has ended meanwhile
        print(json.dumps(said), file=answers, flush=True)
    if stays:
        stay(keep["file"], settings["key"])
        for path in glob.glob(glob.escape(keep["file"].removesuffix("json")) + "*"):
            with suppress(OSError):
                os.unlink(path)
    else:
        sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
