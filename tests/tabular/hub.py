"""A small Hugging Face hub on loopback: the requests that streaming a data set makes, answered.

A folder is the data set `owner/essays`. What asks it does so in a fork, since the hub's libraries take their address
from the environment when they are imported.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

SHA = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    folder: Path
    seen: list[str]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # a reply in one packet

    def log_message(self, *_: Any) -> None:
        pass

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.seen.append(f"{self.command} {self.path} {self.headers.get('range') or ''} {body[:300]!r}")
        path = self.path.partition("?")[0]
        api = "/api/datasets/owner/essays"
        if path.startswith("/api/datasets/owner/gated") or path.startswith("/datasets/owner/gated"):
            self.reply(403, {"error": "Access is restricted."}, {"X-Error-Code": "GatedRepo"})
        elif path in (api, f"{api}/revision/{SHA}", f"{api}/revision/main"):
            siblings = [{"rfilename": name} for name in self.names()]
            self.reply(200, {"id": "owner/essays", "sha": SHA, "siblings": siblings, "private": False, "tags": []})
        elif path.startswith(f"{api}/paths-info/"):
            asked = json.loads(body)["paths"] if body.startswith(b"{") else []
            self.reply(200, [self.entry(name) for name in asked if name in self.names()])
        elif path.startswith(f"{api}/tree/"):
            below = path.split("/tree/", 1)[1].partition("/")[2]
            found = self.tree(below, recursive="recursive=true" in self.path.lower())
            if found:
                self.reply(200, found)
            else:
                self.reply(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"})
        elif path.startswith("/datasets/owner/essays/resolve/"):
            self.file(path.split("/resolve/", 1)[1].partition("/")[2])
        elif "owner/essays" in path:
            self.reply(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"})
        else:
            self.reply(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})

    do_GET = do_HEAD = do_POST = handle_any

    def names(self) -> list[str]:
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())

    def tree(self, folder: str, *, recursive: bool) -> list[dict[str, Any]]:
        """What lies in a folder, or anywhere below it: folders, then files."""
        inside = [Path(name) for name in self.names() if Path(folder) in Path(name).parents]
        folders = {above for name in inside for above in name.parents if Path(folder) in above.parents}
        chosen = [each for each in (*sorted(folders), *inside) if recursive or each.parent == Path(folder)]
        about = {each: {"type": "directory", "path": each.as_posix(), "oid": SHA} for each in folders}
        return [about.get(each) or self.entry(each.as_posix()) for each in chosen]

    def entry(self, name: str) -> dict[str, Any]:
        raw = (self.folder / name).read_bytes()
        return {"type": "file", "path": name, "size": len(raw), "oid": hashlib.sha1(raw).hexdigest()}

    def file(self, name: str) -> None:
        if name not in self.names():
            self.reply(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"})
            return
        raw = (self.folder / name).read_bytes()
        headers = {"X-Repo-Commit": SHA, "ETag": f'"{hashlib.sha1(raw).hexdigest()}"', "Accept-Ranges": "bytes"}
        code, wanted = 200, self.headers.get("range")
        if wanted:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            end = min(int(last) if last else len(raw) - 1, len(raw) - 1)
            headers["Content-Range"] = f"bytes {first}-{end}/{len(raw)}"
            code, raw = 206, raw[int(first) : end + 1]
        self.reply(code, raw, headers)

    def reply(self, code: int, content: Any, headers: dict[str, str] | None = None) -> None:
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/octet-stream" if raw is content else "application/json")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)


@contextmanager
def serving(folder: Path) -> Iterator[list[str]]:
    """A hub that serves a folder, where the hub's libraries of a fork ask; gives the requests that come."""
    from preloaded import HUB

    Hub.folder, Hub.seen = folder, []
    host, port = HUB.split(":")
    server = ThreadingHTTPServer((host, int(port)), Hub)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield Hub.seen
    finally:
        server.server_close()


def read(folder: Path | None, spec: str, skip: int) -> dict[str, Any]:
    """What argqual reads from a spec at a hub, or at none; to be called in a fork (`commandline.in_a_fork`)."""
    from argqual.errors import InputError
    from argqual.tabular.sources import open_source

    with serving(folder) if folder else nullcontext([]) as seen:
        try:
            source = open_source(spec)
            said = {
                "columns": source.columns,
                "schema": None if source.schema is None else [str(field.type) for field in source.schema],
                "identity": source.identity(),
                "count": source.count(),
                "rows": [row.cells for row in source.rows(skip)],
            }
        except InputError as error:
            said = {"error": error.message, "hint": error.hint}
        return {**said, "requests": seen}


def fetch(folder: Path | None, card: str) -> tuple[str, str, str]:
    """How a card's files are fetched from a hub, or from none: the hub's address, the error's name and words."""
    from argqual.corpora import fetch as module
    from argqual.corpora.card import Card
    from argqual.errors import ArgqualError
    from preloaded import HUB

    with serving(folder) if folder else nullcontext():
        try:
            module.fetch(Card.model_validate_json(card), Path("x.yaml"))
        except ArgqualError as error:
            return HUB, type(error).__name__, str(error)
        return HUB, "", ""
