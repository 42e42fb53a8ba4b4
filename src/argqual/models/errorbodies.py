"""What servers say of an error: brought into one shape, `{"error": {"message": …}}`, and without what was sent.

OpenAI's shape names the parameter beside the message, FastAPI has `detail`, vLLM and FastChat put the message on top.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

_PASSAGE = 12  # characters; shorter passages that a message shares with a text say nothing


def in_one_shape(body: bytes) -> bytes:
    """The body of an error with its message where clients look for it, and with the parameter that it names in it."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    if isinstance(content, str) and content:
        content = {"message": content}
    if not isinstance(content, dict):
        return body
    error = content.get("error")
    if isinstance(error, str) and error:
        return body
    inner: dict[str, Any] = error if isinstance(error, dict) else content
    message = message_in(content)
    if not message or (inner is error and message == error.get("message")):
        return body
    kept = {key: value for key, value in inner.items() if key in ("type", "code", "status") and inner is error}
    return json.dumps({**content, "error": {**kept, "message": message}}).encode()


def message_in(content: Any) -> str:
    """The message in an error's body, with the parameter that it names; empty when there is none."""
    error = content.get("error") if isinstance(content, dict) else None
    inner = error if isinstance(error, dict) else content
    if not isinstance(inner, dict):
        return _words(inner)
    message, param = _message(inner), inner.get("param")
    named = isinstance(param, str) and param and param not in message
    return f"{message} (param: {param})".strip() if named else message


def _message(error: dict[str, Any]) -> str:
    for key in ("message", "msg", "detail", "details", "error_message", "error_description", "title"):
        if found := _words(error.get(key)):
            return found
    return ""


def _words(found: Any) -> str:
    """A message in words; of a list of faults (FastAPI), where each is and what it is."""
    if isinstance(found, str):
        return found.strip()
    if isinstance(found, dict):
        return _message(found)
    if isinstance(found, list):
        return "; ".join(filter(None, map(_fault, found)))
    return ""


def _fault(each: Any) -> str:
    if not isinstance(each, dict):
        return _words(each)
    where = each.get("loc")
    place = ".".join(str(part) for part in where) if isinstance(where, list) else ""
    return f"{place}: {_message(each)}" if place else _message(each)


def without_passages(text: str, private: Iterable[str]) -> str:
    """Text without the passages that it shares with any of the private texts (of twelve characters and more)."""
    pieces = {each[start : start + _PASSAGE] for each in private for start in range(len(each) - _PASSAGE + 1)}
    shared = [False] * len(text)
    for start in range(len(text) - _PASSAGE + 1):
        if text[start : start + _PASSAGE] in pieces:
            shared[start : start + _PASSAGE] = [True] * _PASSAGE
    marked = "".join("\0" if hidden else character for character, hidden in zip(text, shared, strict=True))
    return re.sub("\0+", "…", marked)
