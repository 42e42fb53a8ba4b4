"""One cell: as JSON, as text, and back.

Whatever a source may hold becomes something that every format can: times as ISO
text, decimals as they are written, bytes in base64, NaN as nothing.
"""

import base64
import datetime
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


def well_formed(text: str) -> str:
    """Text that can be written as UTF-8: half a surrogate pair becomes its escape."""
    if text.isascii() or not _LONE_SURROGATE.search(text):
        return text
    return text.encode("utf-8", "backslashreplace").decode()


def as_json(value: Any, *, ascii: bool = False) -> str:
    """A value as one line of JSON. Lone surrogates are still in it."""
    try:
        return json.dumps(value, ensure_ascii=ascii, allow_nan=False, default=_plain)
    except ValueError:  # NaN or an infinity, which JSON has not
        finite = each_float(value, lambda number: number if math.isfinite(number) else None)
        return json.dumps(finite, ensure_ascii=ascii, allow_nan=False, default=_plain)


def as_text(value: Any) -> str:
    """A value as the cell of a CSV file; None and NaN are empty."""
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, float):
        return repr(float(value))
    plain = value if isinstance(value, (bool, int, list, tuple, dict)) else _plain(value)
    if isinstance(plain, str):
        return plain
    return "" if plain is None else as_json(plain)


def settled(value: Any, kind: type) -> Any:
    """A result cell in the type of its column; a `TypeError`, no fault of the user's, if it has another."""
    if value is None:
        return None
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) if math.isfinite(value) else None
    if kind is dict and isinstance(value, Mapping):
        return dict(value)
    if kind in (str, int) and isinstance(value, kind) and not isinstance(value, bool):
        return value
    raise TypeError(f"a result cell of the type {type(value).__name__} in a column of {kind.__name__}")


def restored(value: Any, kind: type) -> Any:
    """A result cell that was read from a file, in the type of its column; a `ValueError` if it cannot be one."""
    if value is None or value == "":
        return None
    if kind is str:
        return str(value)
    if kind is dict:
        found = json.loads(value) if isinstance(value, str) else value
        if not isinstance(found, dict):
            raise ValueError("no JSON object")
        return found
    if isinstance(value, (str, int, float)):
        return kind(value)
    raise ValueError("no number")


def _plain(value: Any) -> Any:
    """What JSON can hold instead of what it cannot."""
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat() if value == value else None  # NaT is not itself
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    return str(value)


def each_float(value: Any, change: Callable[[float], Any]) -> Any:
    """A value with each float in it changed."""
    if isinstance(value, float):
        return change(value)
    if isinstance(value, dict):
        return {name: each_float(item, change) for name, item in value.items()}
    return [each_float(item, change) for item in value] if isinstance(value, (list, tuple)) else value
