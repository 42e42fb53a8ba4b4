"""A server that speaks OpenAI's chat completions on loopback, quickly, and misbehaves on demand.

In a test:

    with ChatServer(faults={"429": 0.1, "reset": 0.05}, latency=0.01, seed=1) as server:
        connect("openai/test", api_base=server.url + "/v1", api_key="k")

As a process of its own, for benchmarks (`ChatServerProcess` in Python):

    python tests/chatserver.py --latency 0.2 --faults '{"429": 0.05}' --seed 1

which prints `{"url": "http://127.0.0.1:PORT"}` and serves until it is stopped. `GET /stats`
gives the statistics, `POST /reset` clears them and starts the faults' draws again,
`POST /configure` changes `Settings`.

It answers with one code for each question of the request's JSON Schema, or of the form
in its system message. The codes and their log-probabilities hang on the user message that
holds the argument and the question's name alone, so an argument gets the same ratings whatever
else is asked, and in whatever order. It is no model: the ratings mean nothing. It reads
only requests with a Content-Length, keeps no credentials and streams nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from copy import deepcopy
from dataclasses import fields, replace
from typing import Any, Self

from chatdesk import FAULTS, Desk, Reply, Settings, Statistics, refusal

_MOST_HEAD = 65536
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue", re.IGNORECASE)
_AUTHORIZATION = re.compile(rb"\r\nauthorization:[ \t]*([^\r\n]*)", re.IGNORECASE)
_JSON = "Content-Type: application/json\r\n"
_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    411: "Length Required",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
# Long enough for a client to have read the first half before the connection breaks under it.
_HALF_SECONDS = 0.02


class House:
    """What all connections share.

    They read into one buffer, each taking out at once what it was sent: a plain
    `asyncio.Protocol` gets 256 KiB of fresh memory from the system for every read,
    which took a third of the server's time.
    """

    def __init__(self, desk: Desk, loop: asyncio.AbstractEventLoop) -> None:
        self.desk = desk
        self.loop = loop
        self.connections: set[Connection] = set()
        self.buffer = memoryview(bytearray(65536))


class Connection(asyncio.BufferedProtocol):
    """One connection; its requests are answered one after the other."""

    transport: asyncio.Transport

    def __init__(self, house: House) -> None:
        self._house = house
        self._desk = house.desk
        self._loop = house.loop
        self._buffer = b""
        self._head_length = 0
        self._length = 0
        self._reply: Reply | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closes = False
        self._draining = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=0)  # to be told when an answer has left in full
        self._house.connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._house.connections.discard(self)
        if self._timer:
            self._timer.cancel()
        if self._reply:
            if self._reply.counts:
                self._desk.lost()
            self._reply = None

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._house.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._buffer += self._house.buffer[:nbytes]
        if self._reply is None:
            self._read()

    def _read(self) -> None:
        """Take one request out of the buffer, if all of it is there."""
        if not self._head_length:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > _MOST_HEAD:
                    self._refuse(431)
                return
            head = self._buffer[:end]
            length = _LENGTH.search(head)
            if length is None and not head.startswith((b"GET ", b"HEAD ")):
                self._refuse(411)
                return
            self._head_length = end + 4
            self._length = int(length[1]) if length else 0
            if len(self._buffer) < self._head_length + self._length and _EXPECT.search(head):
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        start, end = self._head_length, self._head_length + self._length
        if len(self._buffer) < end:
            return
        head, body, self._buffer = self._buffer[:start], self._buffer[start:end], self._buffer[end:]
        self._head_length = 0
        self._closes = _CLOSE.search(head) is not None
        self._request(head, body)

    def _refuse(self, status: int) -> None:
        self._buffer, self._closes = b"", True
        self._reply = refusal(status, "invalid_request_error", _REASONS[status], counts=False)
        self._send()

    def _request(self, head: bytes, body: bytes) -> None:
        method, path, _ = head[: head.index(b"\r\n")].decode("latin-1").split(" ", 2)
        if method == "POST" and path.partition("?")[0].endswith("/chat/completions"):

            def authorization() -> str:
                found = _AUTHORIZATION.search(head)
                return found[1].decode("latin-1") if found else ""

            self._reply = self._desk.received(body, authorization)
        else:
            self._reply = self._desk.control(method, path, body)
        if self._reply.delay > 0:
            self._timer = self._loop.call_later(self._reply.delay, self._send)
        else:
            self._send()

    def _send(self) -> None:
        reply = self._reply
        assert reply is not None
        self._timer = None
        if reply.ending in ("hang", "reset_before"):
            self._break()
            return
        head = (
            f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Odd')}\r\n"
            f"{'' if 'Content-Type' in reply.headers else _JSON}{reply.headers}"
            f"{'Connection: close' if self._closes else 'Connection: keep-alive'}\r\n"
            f"Content-Length: {len(reply.body)}\r\n\r\n"
        ).encode("latin-1")
        if reply.ending == "reset":
            self.transport.write(head + reply.body[: len(reply.body) // 2])
            self._timer = self._loop.call_later(_HALF_SECONDS, self._break)
            return
        self.transport.write(head + reply.body)
        if self.transport.is_closing():
            return  # connection_lost counts it
        if self.transport.get_write_buffer_size():
            self._draining = True
        else:
            self._sent()

    def resume_writing(self) -> None:
        if self._draining:
            self._draining = False
            self._sent()

    def _sent(self) -> None:
        assert self._reply is not None
        if self._reply.counts:
            self._desk.sent(self._reply)
        self._reply = None
        if self._closes:
            self.transport.close()
        elif self._buffer:
            self._loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        if self._reply is None and self._buffer:
            self._read()

    def _break(self) -> None:
        """Close with a reset rather than an end."""
        connected: socket.socket = self.transport.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


async def _serve(desk: Desk, port: int, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    house = House(desk, loop)
    server = await loop.create_server(lambda: Connection(house), "127.0.0.1", port, backlog=1024)
    ready(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await stop.wait()
    server.close()
    for connection in list(house.connections):
        connection.transport.abort()
    await asyncio.sleep(0.01)  # for the connections to be closed


class ChatServer:
    """The server in a thread of this process; settings as in `Settings`.

    Parameters
    ----------
    fault_for
        Given a request's body, the fault it meets; None leaves it to `faults`. It is
        called in the server's thread.
    """

    url: str

    def __init__(self, *, port: int = 0, fault_for: Callable[[Any], str | None] | None = None, **settings: Any) -> None:
        self._desk = Desk(Settings(**settings), fault_for)
        self._port = port
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="chat server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failure:
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def stats(self) -> Statistics:
        copied: Statistics = self._in_loop(lambda: deepcopy(self._desk.statistics))
        return copied

    def reset(self) -> None:
        self._in_loop(self._desk.reset)

    def configure(self, **changes: Any) -> None:
        self._in_loop(lambda: self._desk.configure(replace(self._desk.settings, **changes)))

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # shown by the thread that started it
            self._failure = error
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        await _serve(self._desk, self._port, self._is_ready, self._stop)

    def _is_ready(self, url: str) -> None:
        self.url = url
        self._ready.set()

    def _in_loop(self, call: Callable[[], Any]) -> Any:
        """Call in the server's thread, or here once it has ended."""
        if not self._thread.is_alive():
            return call()

        async def called() -> Any:
            return call()

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result(timeout=10)


class ChatServerProcess:
    """The server in a process of its own; settings as in `Settings`. It ends with this process."""

    url: str

    def __init__(self, *, port: int = 0, **settings: Any) -> None:
        Settings(**settings)
        options = [
            text for name, value in settings.items() for text in ("--" + name.replace("_", "-"), json.dumps(value))
        ]
        self._command = [sys.executable, os.path.abspath(__file__), "--port", str(port), "--while-stdin", *options]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.url = json.loads(self._process.stdout.readline())["url"]
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()

    @property
    def pid(self) -> int:
        return self._process.pid

    def stats(self) -> Statistics:
        return Statistics.from_json(self._ask("GET", "/stats"))

    def reset(self) -> None:
        self._ask("POST", "/reset")

    def configure(self, **changes: Any) -> None:
        self._ask("POST", "/configure", changes)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=10)
        try:
            connection.request(method, path, body=json.dumps(body or {}))
            response = connection.getresponse()
            said = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise ValueError(said["error"]["message"])
        return said


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Speaks chat completions on loopback. Values are JSON.",
        epilog="Faults: "
        + "; ".join(f"{name}: {what}" for name, what in FAULTS.items() if not name.startswith("odd_"))
        + "; odd_NAME: one of oddities.py.",
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--while-stdin", action="store_true", help="end with the standard input")
    for option in fields(Settings):
        parser.add_argument(
            "--" + option.name.replace("_", "-"),
            type=json.loads,
            nargs="?" if option.name == "rate_headers" else None,
            const=True if option.name == "rate_headers" else None,
            default=argparse.SUPPRESS,
        )
    options = vars(parser.parse_args())
    port, while_stdin = options.pop("port"), options.pop("while_stdin")
    try:
        settings = Settings(**options)
    except ValueError as error:
        parser.error(str(error))
    desk = Desk(settings)

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if while_stdin:
            loop.add_reader(0, lambda: None if os.read(0, 1024) else stop.set())
        await _serve(desk, port, lambda url: print(json.dumps({"url": url}), flush=True), stop)

    gc.freeze()
    gc.set_threshold(50_000)
    asyncio.run(serve())


if __name__ == "__main__":
    main()
