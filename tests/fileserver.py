"""A file server on loopback with ranges and versions, that can be made to misbehave.

It counts what it is asked and what it sends, so that a test can tell a file that was
taken up where it stopped from one that was fetched anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """One file, and how it is served.

    Parameters
    ----------
    etag, modified
        What tells its version; with None the header is left out.
    ranges
        Whether a range is answered with a part of the file.
    careless
        Whether a part is sent of whatever version there is, and If-Range ignored.
    statuses
        Answers given before the file itself, each with its headers.
    cuts
        After how many bytes of the body each of the next answers breaks off.
    length
        What Content-Length says: the truth, or this; with "none" the header is left out.
    hold
        Bytes that are sent before the rest waits for `FileServer.release`.
    after_cut
        Called after an answer broke off, with this file.
    """

    content: bytes
    etag: str | None = ""
    modified: str | None = None
    ranges: bool = True
    careless: bool = False
    statuses: deque[tuple[int, dict[str, str]]] = field(default_factory=deque)
    cuts: deque[int] = field(default_factory=deque)
    length: int | str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    hold: int | None = None
    after_cut: Callable[[Served], None] = lambda _: None

    def version(self) -> str | None:
        return f'"{hashlib.sha256(self.content).hexdigest()[:16]}"' if self.etag == "" else self.etag


class FileServer:
    """Put files into `files` by their address as it goes over the wire (quoted)."""

    def __init__(self) -> None:
        self.files: dict[str, Served] = {}
        self.asked: list[str] = []
        self.ranges: list[tuple[str, str]] = []  # address, Range
        self.headers: list[dict[str, str]] = []
        self.sent: Counter[str] = Counter()  # bytes of bodies, by address
        self.release = threading.Event()
        self.holding = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                outer._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.http.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def add(self, address: str, content: bytes, **how: object) -> Served:
        self.files[address] = Served(content, **how)  # type: ignore[arg-type]
        return self.files[address]

    def close(self) -> None:
        self.release.set()
        self.http.shutdown()
        self.http.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        self.headers.append(dict(request.headers))
        wanted = request.headers.get("Range")
        if wanted:
            self.ranges.append((request.path, wanted))
        file = self.files.get(request.path)
        if file is None:
            self._send(request, 404, {}, b"")
        elif file.statuses:
            status, headers = file.statuses.popleft()
            self._send(request, status, headers, b"")
        else:
            self._send_file(request, file, wanted)

    def _send_file(self, request: BaseHTTPRequestHandler, file: Served, wanted: str | None) -> None:
        version = file.version()
        headers = dict(file.headers)
        if version:
            headers["ETag"] = version
        if file.modified:
            headers["Last-Modified"] = file.modified
        status, body = 200, file.content
        same = file.careless or request.headers.get("If-Range") in (None, version, file.modified)
        if wanted and file.ranges and same:
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            if start >= len(body):
                self._send(request, 416, {}, b"")
                return
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            status, body = 206, body[start:]
        self._send(request, status, headers, body, file)

    def _send(
        self,
        request: BaseHTTPRequestHandler,
        status: int,
        headers: dict[str, str],
        body: bytes,
        file: Served | None = None,
    ) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        length = file.length if file is not None and file.length is not None else len(body)
        if length == "none":
            request.close_connection = True
        else:
            request.send_header("Content-Length", str(length))
        request.end_headers()
        cut = file.cuts.popleft() if file is not None and file.cuts else None
        if cut is not None or length != len(body):
            request.close_connection = True
        body = body if cut is None else body[:cut]
        held = len(body) if file is None or file.hold is None else file.hold
        with contextlib.suppress(OSError):  # the other side went away
            for piece, first in ((body[:held], True), (body[held:], False)):
                if not first and piece:
                    self.holding.set()
                    self.release.wait(30)
                request.wfile.write(piece)
                self.sent[request.path] += len(piece)
        if cut is not None and file is not None:
            file.after_cut(file)
