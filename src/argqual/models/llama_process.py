"""The process in which llama.cpp runs. `argqual.models.llama` starts it as a script; it is never imported.

It reads one line of JSON from standard input, the settings; loads the weights; and writes one line of JSON to standard
output: `url`, where it listens, and `processor`, what it uses of the processor, or `error`, why it does not, and
whether that is because the engine is `missing`. It ends when its standard input does, which is when the process that
started it ends, however that comes about. It knows nothing of argqual, so that it is there in a few milliseconds.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from typing import Any

_LOOK_EVERY = 2.0


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
    if os.name == "posix":
        threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    print(json.dumps(serve(settings)), file=answers, flush=True)
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
