"""What servers have shown of their models, kept for the next run: a small JSON file beside the store.

A file that cannot be read or written ends nothing: then it is found out again.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

_DAYS = 90  # servers come to take more
_PATIENCE_SECONDS = 5.0


def learnt_path() -> Path:
    """The file: `ARGQUAL_CAPABILITIES`, or `capabilities.json` beside the store."""
    if given := os.environ.get("ARGQUAL_CAPABILITIES"):
        return Path(given)
    if store := os.environ.get("ARGQUAL_STORE"):
        return Path(store).absolute().with_name("capabilities.json")
    from platformdirs import user_data_path

    return user_data_path("argqual") / "capabilities.json"


def read(place: str, kinds: Mapping[str, tuple[type, ...]]) -> dict[str, dict[str, Any]]:
    """What is kept of a place, by the day on which it was learnt; only facts of these kinds, and none that are old."""
    found: dict[str, dict[str, Any]] = {}
    oldest = (date.today() - timedelta(days=_DAYS)).isoformat()
    entry = _content(learnt_path()).get(place)
    for name, fact in entry.items() if isinstance(entry, dict) else ():
        if not (isinstance(fact, dict) and {"value", "day"} <= fact.keys()):
            continue
        value, day = fact["value"], fact["day"]
        if name in kinds and type(value) in kinds[name] and isinstance(day, str) and day >= oldest:
            found.setdefault(day, {})[name] = tuple(value) if isinstance(value, list) else value
    return found


def keep(place: str, facts: Mapping[str, Any]) -> None:
    """Add facts to what is kept of a place, beside what other processes add."""
    _change(place, facts, beside=True)


def replace(place: str, facts: Mapping[str, Any]) -> None:
    """Keep these facts of a place, and no others."""
    _change(place, facts, beside=False)


def _change(place: str, facts: Mapping[str, Any], *, beside: bool) -> None:
    from filelock import FileLock, Timeout

    path, today = learnt_path(), date.today().isoformat()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f"{path.name}.lock"), timeout=_PATIENCE_SECONDS):
            content = _content(path)
            entry = content.get(place)
            kept = entry if beside and isinstance(entry, dict) else {}
            content[place] = kept | {name: {"value": value, "day": today} for name, value in facts.items()}
            handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(content, file, indent=1, sort_keys=True)
                os.replace(fresh, path)
            except OSError:
                os.unlink(fresh)
                raise
    except (OSError, Timeout):  # a folder that is not ours: what was learnt holds for this run
        return


def _content(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
