"""The command line as a process of its own, with UTF-8 in and out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


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
