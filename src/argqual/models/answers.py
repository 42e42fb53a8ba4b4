"""A server's answer before it is read: errors under a status of success, and figures that are none.

What a model wrote is never changed here.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from typing import Any

_CLIPPED = -9999.0  # how servers write the log-probability of what they left out
_NONE = 9999.0  # in the place of what is no log-probability: nor is this
_STATUSES = (
    (429, r"rate.?limit|too many requests|throttl|quota"),
    (401, r"api.?key|unauthori[sz]ed|authenticat"),
    (503, r"overload|unavailable|capacity|busy|timed? ?out|try again"),
    (500, r"server.?error|internal"),
)


def error_inside(body: bytes) -> tuple[int, bytes] | None:
    """The status and the body that an error under status 200 should have had, in OpenAI's shape; None without one.

    The status is the one that the error names, or what its words say; else 400, a refusal.
    """
    if b'"error"' not in body:
        return None
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    error = _error_in(content[0] if isinstance(content, list) and len(content) == 1 else content)
    if not error:
        return None
    words = " ".join(str(error[key]) for key in ("type", "code", "message") if error.get(key) is not None)
    named = (re.fullmatch(r"[45]\d\d", str(error.get(key))) for key in ("code", "status", "status_code", "http_code"))
    said = (status for status, pattern in _STATUSES if re.search(pattern, words, re.IGNORECASE))
    status = next((int(each[0]) for each in named if each), None) or next(said, 400)
    return status, json.dumps({"error": {**error, "message": str(error.get("message") or words)}}).encode()


def _error_in(content: Any) -> dict[str, Any] | None:
    """What an answer says of an error, if it says anything."""
    if not isinstance(content, dict):
        return None
    choices = content.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    whole = content if "error" in (content.get("object"), content.get("type")) else None
    for error in (content.get("error"), first.get("error"), whole):
        if isinstance(error, dict) and any(error.values()):
            return {key: error[key] for key in ("message", "type", "code", "status", "param") if key in error} or {
                "message": json.dumps(error)
            }
        if isinstance(error, str) and error.strip():
            return {"message": error.strip()}
    return None


def mended(body: bytes) -> bytes | None:
    """An answer that could not be read, with what need not be read in order; None when it is no JSON object.

    Compression and a byte order mark are taken off. Counts of tokens that are no counts are left out, and further
    choices than the first; log-probabilities given as text are numbers, and null is what was clipped.
    """
    try:
        content = json.loads(_text(body))
    except (ValueError, OSError, EOFError, zlib.error, RecursionError):
        return None
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    if not isinstance(content, dict):
        return None
    if not _error_in(content):
        content.pop("error", None)
    for key in ("usage", "usageMetadata"):
        if key in content:
            content[key] = _counts(content[key])
    if isinstance(choices := content.get("choices"), dict):
        choices = [choices]
    if isinstance(choices, list):
        content["choices"] = choices[:1]
        for choice in choices[:1]:
            _mend_choice(choice)
    return json.dumps(content).encode()


def _text(body: bytes) -> str:
    data = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    return data.decode(json.detect_encoding(data))


def _counts(usage: Any) -> Any:
    """Counts of tokens, and groups of them under a name that ends in `details`; nothing else."""
    if not isinstance(usage, dict):
        return {}
    groups = {key: _counts(value) for key, value in usage.items() if key.lower().endswith("details")}
    return {key: count for key, value in usage.items() if (count := _count(value)) is not None} | groups


def _count(value: Any) -> int | None:
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and value >= 0 else None


def _mend_choice(choice: Any) -> None:
    if not isinstance(choice, dict):
        return
    message, logprobs = choice.get("message"), choice.get("logprobs")
    if isinstance(message, dict) and not isinstance(message.get("tool_calls"), list):
        message.pop("tool_calls", None)
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    for token in tokens if isinstance(tokens, list) else ():
        if isinstance(token, dict):
            top = token.get("top_logprobs")
            token["top_logprobs"] = (
                [_token(each) for each in top if isinstance(each, dict)] if isinstance(top, list) else []
            )
            token |= _token(token)


def _token(entry: dict[str, Any]) -> dict[str, Any]:
    logprob = entry.get("logprob")
    try:
        number = _CLIPPED if logprob is None else float(logprob)
    except (TypeError, ValueError):
        number = _NONE
    number = _CLIPPED if number < _CLIPPED else number if number <= 1.0 else _NONE  # JSON has no NaN and no infinity
    octets = entry.get("bytes")
    whole = isinstance(octets, list) and all(type(each) is int and 0 <= each < 256 for each in octets)
    return {**entry, "token": str(entry.get("token")), "logprob": number, "bytes": octets if whole else None}
