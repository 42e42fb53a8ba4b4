"""DSPy's engines, sending through a rate limiter.

An engine makes one attempt at one request. DSPy would build it itself, with its own
repeats and a hundred connections at most; argqual builds it, so that the limiter decides
when a request is sent and repeated, and can read the server's rate-limit headers.
"""

from __future__ import annotations

import json
import re
import threading
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any, cast
from urllib.request import getproxies

from argqual.downloads.files import chain_of
from argqual.errors import ArgqualError, Stopped
from argqual.models.answers import error_inside, mended
from argqual.models.traffic import OddAnswer, Traffic, heed_headers

_MOST_CONNECTIONS = 1024
_WORDLESS = re.compile(r"Exception - *(?:Error code: \d+)?\s*(?:\n|\Z)")
_UNREAD = re.compile(  # as litellm says it
    r"(?P<form>Invalid response object|provider returned .{0,40}'choices'"
    r"|Exception - '\w+' object (?:has no attribute|is not \w+|does not support))"
    r"|Exception - error - (?P<why>.*?), Received response"
    r"|Empty or invalid response from LLM endpoint\. Received: (?P<what>.{0,100})",
    re.DOTALL,
)
_CONNECT_SECONDS = 10.0


class Throttled:
    """An engine for `dspy.LM(engine=…)` whose requests go through a rate limiter.

    `reference` is a `dspy.LM` of the same model, asked only what the model can do. `inner` is the engine that sends,
    and `instead` makes another, for what `inner` cannot express.
    """

    def __init__(self, reference: Any, inner: Any, traffic: Traffic, instead: Callable[[], Any] | None = None) -> None:
        self.traffic = traffic
        self._reference = reference
        self._inner = inner
        self._instead = instead
        self._changing = threading.Lock()

    def ask(self, request: Any) -> tuple[Any, int]:
        """A `dspy.lm15.Response`, and how many requests were lost on the way to it (see `Traffic.run`)."""
        from dspy.lm15 import UnsupportedFeatureError

        inner = self._inner
        try:
            return self.traffic.run(lambda: inner.complete(request))
        except UnsupportedFeatureError:  # raised before anything is sent
            with self._changing:
                if self._inner is inner:  # and no other thread has met the same
                    if self._instead is None:
                        raise
                    self._inner, self._instead = self._instead(), None
            return self.ask(request)

    def complete(self, request: Any) -> Any:
        return self.ask(request)[0]

    @property
    def supports_response_schema(self) -> bool:
        return bool(self._reference.supports_response_schema)

    @property
    def supports_reasoning(self) -> bool:
        return bool(self._reference.supports_reasoning)

    @property
    def supported_params(self) -> set[str]:
        return cast(set[str], self._reference.supported_params)


def throttled(reference: Any, traffic: Traffic, *, timeout: float) -> Throttled:
    """The engine that DSPy would choose for `reference`, behind a rate limiter.

    `timeout` is how many seconds to wait for the next byte of an answer.
    """
    from dspy.clients.backend_selection import select_backend
    from dspy.clients.engines.lm15_engine import LM15Engine
    from dspy.lm15 import RouterConfig

    selection = select_backend(reference)
    clients = selection.clients

    def by_litellm() -> Any:
        return _Limited(_litellm_engine(clients), traffic)

    if not selection.native:
        return Throttled(reference, by_litellm(), traffic)
    provider = cast(Any, selection.resolution).provider
    url = clients.get("api_base")
    transport = _LimitedTransport(traffic, timeout)
    native = LM15Engine(
        RouterConfig(
            api_keys={provider: clients["api_key"]} if clients.get("api_key") else None,
            base_urls={provider: url} if url else None,
            transport=transport,
        )
    )
    return Throttled(reference, _Native(native, transport), traffic, by_litellm if reference.engine == "auto" else None)


class _Native:
    """DSPy's own engine. An answer that it cannot read is mended, if that helps, and read again; never sent again."""

    def __init__(self, engine: Any, transport: _LimitedTransport) -> None:
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
            if _is_known(error):
                raise error
            raise OddAnswer(_in_words(error)) from error
        self._transport.read.instead = body
        plainly = replace(request, config=replace(request.config, response_format=None))  # else JSON is read as data
        try:
            return self._engine.complete(plainly)
        except Exception as again:
            if not _is_of_form(again):
                raise
            raise OddAnswer(_in_words(again)) from error
        finally:
            self._transport.read.instead = None


def _litellm_engine(clients: dict[str, Any]) -> Any:
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


def _unread_by_litellm(error: Exception) -> Any:
    """What litellm calls a failure of the server, because it could not read an answer; None for a real one."""
    from dspy.lm15 import ProviderError, ServerError, TransportError

    found = _UNREAD.search(str(error)) if isinstance(error, ServerError | TransportError) else None
    if found is None:
        return None
    if found["form"]:
        return OddAnswer("the answer has not the form of one")
    return ProviderError(f"the answer cannot be read: {found['why'] or found['what']}")


def _with_its_words(error: Exception) -> Any:
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


def _is_known(error: Exception) -> bool:
    """Whether an engine raises this itself, knowing what it means."""
    import httpx
    from dspy.lm15 import LM15Error

    return isinstance(error, LM15Error | httpx.TransportError | ArgqualError | Stopped | ImportError)


def _is_of_form(error: Exception) -> bool:
    """Whether this says that an answer has not the form of one."""
    from dspy.lm15 import ProviderError, ServerError, UnsupportedFeatureError

    odd = isinstance(error, ServerError | UnsupportedFeatureError) or type(error) is ProviderError
    return odd or not _is_known(error)


def _in_words(error: Exception) -> str:
    return f"the answer has not the form of one ({type(error).__name__}: {error})"


class _LimitedTransport:
    """DSPy's HTTP transport, which waits for the limiter and shows it each answer's headers.

    The whole answer is read here, so that a place at the host is held for no longer than
    the network takes: reading what it says is done after.
    """

    def __init__(self, traffic: Traffic, timeout: float) -> None:
        # Not an import statement: mypy finds types there, and then none in DSPy around it.
        transports = import_module("dspy._vendor.lm15.transports")
        self._response = transports.TransportResponse
        self._traffic = traffic
        self.read = threading.local()  # `body`: the last answer; `instead`: what to read in the place of the next
        self._transport = transports.StdlibTransport(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=timeout,
            write_timeout=timeout,
            pool_timeout=timeout,
            max_connections=_MOST_CONNECTIONS,
            trust_env=bool(getproxies()),  # or else it looks for proxies at every request
        )

    def stream(self, request: Any) -> Any:
        if body := getattr(self.read, "instead", None):
            return self._response(
                status=200,
                reason="OK",
                headers=[],
                http_version="HTTP/1.1",
                chunks=iter([body]),
                release=lambda *_: None,
            )
        with self._traffic.under_way(), self._transport.stream(request) as response:
            body = response.read()
        heed_headers(self._traffic.limiter, response.headers)
        status = response.status
        if status == 200 and (error := error_inside(body)):
            status, body = error
        self.read.body = body if status == 200 else None
        return self._response(
            status=status,
            reason=response.reason,
            headers=response.headers,
            http_version=response.http_version,
            chunks=iter([body]),
            release=lambda *_: None,
        )

    def close(self) -> None:
        self._transport.close()


class _Limited:
    """An engine that does not send through a transport of ours, waiting for the limiter as a whole."""

    def __init__(self, engine: Any, traffic: Traffic) -> None:
        self._engine = engine
        self._traffic = traffic

    def complete(self, request: Any) -> Any:
        with self._traffic.under_way():
            try:
                return self._engine.complete(request)
            except Exception as error:
                if unread := _unread_by_litellm(error):
                    raise unread from None
                if _is_known(error):
                    raise _with_its_words(error) from error.__cause__
                raise OddAnswer(_in_words(error)) from error
