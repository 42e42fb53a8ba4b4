"""Answers that DSPy's engines cannot read: mended and read again, or told from failures of the server."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import replace
from typing import Any

from argqual.downloads.files import chain_of
from argqual.errors import ArgqualError, Stopped
from argqual.models.answers import error_inside, mended
from argqual.models.traffic import OddAnswer

_WORDLESS = re.compile(r"Exception - *(?:Error code: \d+)?\s*(?:\n|\Z)")
_UNREAD = re.compile(  # as litellm says it
    r"(?P<form>Invalid response object|provider returned .{0,40}'choices'"
    r"|Exception - '\w+' object (?:has no attribute|is not \w+|does not support))"
    r"|Exception - error - (?P<why>.*?), Received response"
    r"|Empty or invalid response from LLM endpoint\. Received: (?P<what>.{0,100})",
    re.DOTALL,
)


class Native:
    """DSPy's own engine. An answer that it cannot read is mended, if that helps, and read again; never sent again.

    `transport` keeps the body of its last answer for each thread, as `read.body`, and hands on `read.instead` in the
    place of the next one.
    """

    def __init__(self, engine: Any, transport: Any) -> None:
        self._engine = engine
        self._transport = transport

    def complete(self, request: Any) -> Any:
        self._transport.read.body = None
        try:
            return self._engine.complete(request)
        except Exception as error:
            body = self._transport.read.body
            if body is None or not _is_of_form(error):
                raise
            return self._once_more(request, mended(body), error)

    def _once_more(self, request: Any, body: bytes | None, error: Exception) -> Any:
        if body is None:
            if is_known(error):
                raise error
            raise OddAnswer(in_words(error)) from error
        self._transport.read.instead = body
        plainly = replace(request, config=replace(request.config, response_format=None))  # else JSON is read as data
        try:
            return self._engine.complete(plainly)
        except Exception as again:
            if not _is_of_form(again):
                raise
            raise OddAnswer(in_words(again)) from error
        finally:
            self._transport.read.instead = None


def litellm_engine(clients: dict[str, Any]) -> Any:
    """DSPy's engine by way of litellm; what it cannot read of litellm's answer is mended and read again."""
    from dspy.clients.engines.litellm_engine import LiteLLMEngine
    from dspy.clients.legacy_outputs import plain

    warnings.filterwarnings("ignore", "Pydantic serializer warnings", UserWarning)  # of every odd answer
    engine = LiteLLMEngine(**clients)
    read = engine._response

    def read_mended(raw: Any, request: Any) -> Any:
        try:
            return read(raw, request)
        except Exception as error:
            body = mended(json.dumps(plain(raw), default=str).encode()) if _is_of_form(error) else None
            if body is None:
                raise
            return read(json.loads(body), request)

    engine._response = read_mended
    return engine


def unread_by_litellm(error: Exception) -> Any:
    """What litellm calls a failure of the server, because it could not read an answer; None for a real one."""
    from dspy.lm15 import ProviderError, ServerError, TransportError

    found = _UNREAD.search(str(error)) if isinstance(error, ServerError | TransportError) else None
    if found is None:
        return None
    if found["form"]:
        return OddAnswer("the answer has not the form of one")
    return ProviderError(f"the answer cannot be read: {found['why'] or found['what']}")


def with_its_words(error: Exception) -> Any:
    """A refusal with what the server said, which litellm leaves out where it does not know the form of it."""
    from dspy.lm15 import ProviderError

    if not isinstance(error, ProviderError) or not _WORDLESS.search(error.message):
        return error
    for cause in chain_of(error):
        said = getattr(getattr(cause, "response", None), "text", None) or getattr(cause, "message", None)
        if isinstance(said, str) and said.strip() and said not in error.message:
            inside = error_inside(said.encode())
            words = json.loads(inside[1])["error"]["message"] if inside else said.strip()
            return type(error)(str(words)[:1000], status=error.status, provider_code=error.provider_code)
    return error


def is_known(error: Exception) -> bool:
    """Whether an engine raises this itself, knowing what it means."""
    import httpx
    from dspy.lm15 import LM15Error

    return isinstance(error, LM15Error | httpx.TransportError | ArgqualError | Stopped | ImportError)


def _is_of_form(error: Exception) -> bool:
    """Whether this says that an answer has not the form of one."""
    from dspy.lm15 import ProviderError, ServerError, UnsupportedFeatureError

    odd = isinstance(error, ServerError | UnsupportedFeatureError) or type(error) is ProviderError
    return odd or not is_known(error)


def in_words(error: Exception) -> str:
    return f"the answer has not the form of one ({type(error).__name__}: {error})"
