"""The command line as a process of its own, with UTF-8 in and out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

# As `preexec_fn`: whether a process heeds Ctrl-C, which one in the background of a script (`make test &`) does not.
heeds_ctrl_c = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
ignores_ctrl_c = partial(signal.signal, signal.SIGINT, signal.SIG_IGN)


def argqual(folder: Path, *words: str, variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """`python -m argqual …` in a folder; a traceback is never what a user should see."""
    ran = subprocess.run(
        [sys.executable, "-m", "argqual", *words],
        cwd=folder,
        env=os.environ | {"PYTHONIOENCODING": "utf-8", **(variables or {})},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    assert "Traceback" not in ran.stdout + ran.stderr
    return ran
