"""A model hub on loopback: files of repositories by their revision, as huggingface.co answers for them.

It is a fake of the hub, over real HTTP, with ranges; it can be told to misbehave.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class HubServer:
    """Put contents into `files` by (repository, path); what was asked for is in `got` (GETs) and `ranges`."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], bytes] = {}
        self.revisions = {"main"}
        self.commit = "c0ffee" + "0" * 34
        self.refusing: tuple[int, str] | None = None  # a status, and an X-Error-Code or nothing
        self.token = ""  # that has to be sent, where one has to be
        self.hashed = True  # whether the ETag is a SHA-256, as of large files
        self.promised: bytes | None = None  # what the hash is of, where that is not what is sent
        self.cut_at: int | None = None  # bytes of the next whole answer
        self.got: Counter[str] = Counter()
        self.ranges: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                outer.answer(self)

            do_HEAD = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()

    def put(self, repository: str, path: str, content: bytes | Path) -> None:
        self.files[repository, path] = content.read_bytes() if isinstance(content, Path) else content

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        parts = request.path.partition("?")[0].strip("/").split("/")
        if self.refusing:
            self._send(request, self.refusing[0], b"", {"X-Error-Code": self.refusing[1]} if self.refusing[1] else {})
            return
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            self._send(request, 401, b"", {"X-Error-Code": "GatedRepo"})
            return
        if parts[:2] == ["api", "models"]:
            files = [{"rfilename": path} for name, path in self.files if name == "/".join(parts[2:4])]
            self._send(request, 200 if files else 404, json.dumps({"id": "x", "siblings": files}).encode(), {})
            return
        repository, revision, path = "/".join(parts[:2]), parts[3], "/".join(parts[4:])
        if repository not in {name for name, _ in self.files}:
            self._send(request, 404, b"", {"X-Error-Code": "RepoNotFound"})
        elif revision not in {*self.revisions, self.commit}:
            self._send(request, 404, b"", {"X-Error-Code": "RevisionNotFound"})
        elif (repository, path) not in self.files:
            self._send(request, 404, b"", {"X-Error-Code": "EntryNotFound"})
        else:
            self._send_file(request, self.files[repository, path], path)

    def _send_file(self, request: BaseHTTPRequestHandler, content: bytes, path: str) -> None:
        digest = hashlib.sha256(content if self.promised is None else self.promised).hexdigest()
        headers = {"X-Repo-Commit": self.commit, "ETag": f'"{digest if self.hashed else digest[:40]}"'}
        status, wanted = 200, request.headers.get("Range")
        if request.command == "GET":
            self.got[path] += 1
            if wanted:
                self.ranges.append(wanted)
                start, _, end = wanted.removeprefix("bytes=").partition("-")
                total, content = len(content), content[int(start) : int(end) + 1 if end else None]
                headers["Content-Range"] = f"bytes {start}-{int(start) + len(content) - 1}/{total}"
                status = 206
        cut = self.cut_at if status == 200 and request.command == "GET" else None
        if cut is not None:
            self.cut_at = None
        self._send(request, status, content, headers, cut)

    def _send(
        self,
        request: BaseHTTPRequestHandler,
        status: int,
        content: bytes,
        headers: dict[str, str],
        cut: int | None = None,
    ) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if request.command == "GET":
            with contextlib.suppress(OSError):
                request.wfile.write(content if cut is None else content[:cut])
            request.close_connection = cut is not None
