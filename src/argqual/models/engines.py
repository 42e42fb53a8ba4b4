"""DSPy's engines, sending through a rate limiter.

An engine makes one attempt at one request. DSPy would build it itself, with its own
repeats and a hundred connections at most; argqual builds it, so that the limiter decides
when a request is sent and repeated, and can read the server's rate-limit headers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any, cast
from urllib.request import getproxies

from argqual.models import asking
from argqual.models.answers import error_inside
from argqual.models.capabilities import Abilities
from argqual.models.errorbodies import in_one_shape
from argqual.models.mending import Native, in_words, is_known, litellm_engine, unread_by_litellm, with_its_words
from argqual.models.slots import Prepared, Slots
from argqual.models.traffic import OddAnswer, Traffic, heed_headers, with_waits

_MOST_CONNECTIONS = 1024
_CONNECT_SECONDS = 10.0


class Throttled:
    """An engine for `dspy.LM(engine=…)` whose requests go through a rate limiter.

    `reference` is a `dspy.LM` of the same model, asked only what the model can do. `inner` is the engine that sends,
    and `instead` makes another, for what `inner` cannot express. `abilities` are what DSPy's own requests are fitted
    to; those of argqual's read-outs are fitted before they come here. `over` makes the same engine over another
    transport (a `WholeTransport`), and is None where requests go through litellm, which has its own.
    """

    def __init__(
        self,
        reference: Any,
        inner: Any,
        traffic: Traffic,
        instead: Callable[[], Any] | None = None,
        abilities: Abilities | None = None,
        over: Callable[[Any], Any] | None = None,
    ) -> None:
        self.traffic = traffic
        self.abilities = abilities or Abilities()
        self._reference = reference
        self._inner = inner
        self._instead = instead
        self.over = over
        self._changing = threading.Lock()

    def ask(self, request: Any) -> tuple[Any, int]:
        """A `dspy.lm15.Response`, and how many requests were lost on the way to it (see `Traffic.run`)."""
        from dspy.lm15 import UnsupportedFeatureError

        inner = self._inner
        try:
            return self.traffic.run(lambda: told_apart(inner, request))
        except UnsupportedFeatureError:  # raised before anything is sent
            with self._changing:
                if self._inner is inner:  # and no other thread has met the same
                    if self._instead is None:
                        raise
                    self._inner, self._instead = self._instead(), None
            return self.ask(request)

    def complete(self, request: Any) -> Any:
        return asking.ask(self.ask, request, self.abilities)[0]

    @property
    def supports_response_schema(self) -> bool:
        return bool(self._reference.supports_response_schema)

    @property
    def supports_reasoning(self) -> bool:
        return bool(self._reference.supports_reasoning)

    @property
    def supported_params(self) -> set[str]:
        return cast(set[str], self._reference.supported_params)


def told_apart(inner: Any, request: Any) -> Any:
    """An engine's answer; what a server calls its own failure, and is a refusal of what was sent, is raised as one."""
    try:
        return inner.complete(request)
    except Exception as error:
        told = asking.refusal_of(error, request)
        if told is error:
            raise
        raise told from error


def throttled(
    reference: Any,
    traffic: Traffic,
    *,
    timeout: float,
    abilities: Abilities | None = None,
    slots: Slots | None = None,
) -> Throttled:
    """The engine that DSPy would choose for `reference`, behind a rate limiter.

    `timeout` is how many seconds to wait for the next byte of an answer; `slots` are those of an embedded model.
    """
    from dspy.clients.backend_selection import select_backend
    from dspy.clients.engines.lm15_engine import LM15Engine
    from dspy.lm15 import RouterConfig

    selection = select_backend(reference)
    clients = selection.clients

    def prepared(engine: Any, *, native: bool) -> Any:
        return engine if slots is None else Prepared(engine, slots, traffic, native=native)

    def by_litellm() -> Any:
        return prepared(_Limited(litellm_engine(clients), traffic), native=False)

    if not selection.native:
        return Throttled(reference, by_litellm(), traffic, abilities=abilities)
    provider = cast(Any, selection.resolution).provider
    url = clients.get("api_base")

    def over(transport: Any) -> Any:
        config = RouterConfig(
            api_keys={provider: clients["api_key"]} if clients.get("api_key") else None,
            base_urls={provider: url} if url else None,
            transport=transport,
        )
        return prepared(Native(LM15Engine(config), transport), native=True)

    instead = by_litellm if reference.engine == "auto" else None
    return Throttled(reference, over(_LimitedTransport(traffic, timeout)), traffic, instead, abilities, over)


class WholeTransport:
    """A transport for DSPy that has the whole answer before any of it is read. A subclass gives `fetch`."""

    def __init__(self) -> None:
        self.read = threading.local()  # `body`: the last answer; `instead`: what to read in the place of the next

    def fetch(self, request: Any) -> tuple[int, str, list[tuple[str, str]], bytes]:
        """The status, its reason, the headers and the body of the answer to a request."""
        raise NotImplementedError

    def stream(self, request: Any) -> Any:
        if body := getattr(self.read, "instead", None):
            return _response(200, "OK", [], body)
        status, reason, headers, body = self.fetch(request)
        if status == 200 and (error := error_inside(body)):
            status, body = error
        if status >= 400:
            body = in_one_shape(body)
        self.read.body = body if status == 200 else None
        return _response(status, reason, with_waits(headers), body)

    def close(self) -> None:
        """Nothing is open."""


def _response(status: int, reason: str, headers: list[tuple[str, str]], body: bytes) -> Any:
    # Not an import statement: mypy finds types there, and then none in DSPy around it.
    return import_module("dspy._vendor.lm15.transports").TransportResponse(
        status=status,
        reason=reason,
        headers=headers,
        http_version="HTTP/1.1",
        chunks=iter([body]),
        release=lambda *_: None,
    )


class _LimitedTransport(WholeTransport):
    """DSPy's HTTP transport, which waits for the limiter and shows it each answer's headers.

    The whole answer is read here, so that a place at the host is held for no longer than
    the network takes: reading what it says is done after.
    """

    def __init__(self, traffic: Traffic, timeout: float) -> None:
        super().__init__()
        transports = import_module("dspy._vendor.lm15.transports")  # see `_response`
        self._traffic = traffic
        self._transport = transports.StdlibTransport(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=timeout,
            write_timeout=timeout,
            pool_timeout=timeout,
            max_connections=_MOST_CONNECTIONS,
            trust_env=bool(getproxies()),  # or else it looks for proxies at every request
        )

    def fetch(self, request: Any) -> tuple[int, str, list[tuple[str, str]], bytes]:
        with self._traffic.under_way(), self._transport.stream(request) as response:
            body = response.read()
        heed_headers(self._traffic.limiter, response.headers)
        return response.status, response.reason, response.headers, body

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
                return self._engine.complete(_marked_by_litellm(request))
            except Exception as error:
                if unread := unread_by_litellm(error):
                    raise unread from None
                if is_known(error):
                    raise with_its_words(error) from error.__cause__
                raise OddAnswer(in_words(error)) from error


def _marked_by_litellm(request: Any) -> Any:
    """The request with what is to be kept of it told in litellm's words, which it passes on in the provider's."""
    cache = request.config.cache
    if cache is None:
        return request
    places: list[dict[str, Any]] = [{"location": "message", "role": "system"}]
    if cache.prefix_until_index is not None:  # the system message comes before the others
        places.append({"location": "message", "index": cache.prefix_until_index + bool(request.system)})
    told = {**(request.config.extensions or {}), "cache_control_injection_points": places}
    return replace(request, config=replace(request.config, cache=None, extensions=told))
