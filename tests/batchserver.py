"""The batch APIs of OpenAI and Anthropic on loopback, as they are documented: slow, forgetful and out of order as told.

OpenAI: `POST /v1/files` (multipart), `POST /v1/batches`, `GET /v1/batches[/ID]`, `GET /v1/files/ID/content`.
Anthropic: `POST /v1/messages/batches`, `GET /v1/messages/batches[/ID[/results]]`.
Beside them `POST /v1/chat/completions` and `POST /v1/messages`, answered as in a batch. It is no model: the answers are
those of `chatanswers`. Its state is the test's, so that a client can be killed and another one go on.
"""

from __future__ import annotations

import json
import random
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from chatanswers import Asked, completion

Outcome = str | tuple[int, dict[str, Any]] | None


@dataclass
class Made:
    """A batch: its requests by their names, and how often it was looked at."""

    id: str
    requests: list[tuple[str, dict[str, Any]]]
    metadata: dict[str, str] = field(default_factory=dict)
    looks: int = 0
    answers: list[dict[str, Any]] | None = None
    errors: list[dict[str, Any]] = field(default_factory=list)


class BatchServer:
    """The server in threads of this process.

    Parameters
    ----------
    looks
        How often a batch is looked at before it is over.
    not_there
        How often its answers are not found although it is over.
    outcome_for
        Given a request's body and how often it was asked before: None for a good answer, `expired`, `canceled`,
        `missing`, `unreadable` or `spent` (on thinking), or an HTTP status with the error's body.
    refuse
        Why a whole batch fails its validation (OpenAI); None for the next ones.

    Attributes
    ----------
    billed
        Good answers, by the digest of what was asked.
    calls
        What was asked, as `METHOD path`, in order.
    status_for, body_for
        Errors, and bodies of good answers, that the next calls of a route get (`GET /batches/ID`).
    when
        What to do before a call is answered, by its name: `upload`, `create`, `created`, `look`, `list`, `answers`.
    """

    def __init__(
        self,
        *,
        looks: int = 1,
        not_there: int = 0,
        outcome_for: Callable[[dict[str, Any], int], Outcome] = lambda body, before: None,
    ) -> None:
        self.looks, self.not_there, self.outcome_for = looks, not_there, outcome_for
        self.refuse: str | None = None
        self.billed: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.usage: Counter[str] = Counter()
        self.calls: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.ordinary = 0
        self.batches: dict[str, Made] = {}
        self.files: dict[str, bytes] = {}
        self.when: dict[str, Callable[[], Any]] = {}
        self.status_for: dict[str, list[int]] = defaultdict(list)
        self.body_for: dict[str, list[bytes]] = defaultdict(list)
        self._lock = threading.RLock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                outer._serve(self, "POST", self.rfile.read(int(self.headers["Content-Length"])))

            def do_GET(self) -> None:
                outer._serve(self, "GET", b"")

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients are killed
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, handler: BaseHTTPRequestHandler, method: str, content: bytes) -> None:
        with self._lock:
            self.calls.append(f"{method} {handler.path}")
            self.headers.append({name.lower(): value for name, value in handler.headers.items()})
            parts = urlsplit(handler.path)
            try:
                status, body = self._answer(method, parts.path, parse_qs(parts.query), content, handler)
            except _Gone:
                handler.close_connection = True
                handler.connection.close()
                return
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            handler.send_response(status)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)
        except OSError:  # the client was killed
            handler.close_connection = True

    def _do(self, event: str) -> None:
        """What a test wants to happen at this point; it may end the connection by raising."""
        if then := self.when.pop(event, None):
            then()

    def _answer(
        self, method: str, path: str, query: dict[str, list[str]], content: bytes, handler: BaseHTTPRequestHandler
    ) -> tuple[int, Any]:
        path = path.removeprefix("/v1")
        anthropic = path.startswith("/messages")
        route = f"{method} {re.sub(r'(?<=s/)(?:file-|batch_|msgbatch_)[^/]*', 'ID', path)}"
        if self.body_for[route]:
            return 200, self.body_for[route].pop(0)
        if self.status_for[route]:
            status = self.status_for[route].pop(0)
            return status, _error("error", "told to", anthropic)
        if route in ("POST /chat/completions", "POST /messages"):
            self.ordinary += 1
            return self._respond(json.loads(content), anthropic)
        if route == "POST /files":
            self._do("upload")
            return 200, self._upload(content, handler.headers["Content-Type"])
        if route == "POST /batches":
            return 200, self._create_openai(json.loads(content))
        if route == "POST /messages/batches":
            made = [(each["custom_id"], each["params"]) for each in json.loads(content)["requests"]]
            return 200, self._show(self.create(made, "msgbatch", {}), anthropic)
        if route in ("GET /batches", "GET /messages/batches"):
            return 200, self._list(query, anthropic)
        if route in ("GET /batches/ID", "GET /messages/batches/ID"):
            self._do("look")
            batch = self.batches.get(path.rsplit("/", 1)[1])
            if batch is None:
                return 404, _error("not_found_error", "No such batch.", anthropic)
            batch.looks += 1
            self._work(batch, anthropic)
            return 200, self._show(batch, anthropic)
        if route in ("GET /files/ID/content", "GET /messages/batches/ID/results"):
            self._do("answers")
            if self.not_there > 0:
                self.not_there -= 1
                return 404, _error("not_found_error", "No such File object.", anthropic)
            return 200, self._content(path, anthropic)
        return 404, _error("not_found_error", f"Unknown request URL: {method} {path}.", anthropic)

    def _upload(self, content: bytes, kind: str) -> dict[str, Any]:
        boundary = kind.partition("boundary=")[2].encode()
        parts = {}
        for part in content.split(b"--" + boundary)[1:-1]:
            head, _, value = part.partition(b"\r\n\r\n")
            name = re.search(rb' name="([^"]+)"', head)
            assert name
            parts[name[1].decode()] = value.removesuffix(b"\r\n")
        assert parts["purpose"] == b"batch"
        id = f"file-in{len(self.files)}"
        self.files[id] = parts["file"]
        return {"id": id, "object": "file", "bytes": len(parts["file"]), "purpose": "batch", "status": "processed"}

    def _create_openai(self, made: dict[str, Any]) -> dict[str, Any]:
        assert made["completion_window"] == "24h"
        assert made["endpoint"] == "/v1/chat/completions"
        lines = [json.loads(line) for line in self.files[made["input_file_id"]].splitlines()]
        assert all((line["method"], line["url"]) == ("POST", made["endpoint"]) for line in lines)
        requests = [(line["custom_id"], line["body"]) for line in lines]
        return self._show(self.create(requests, "batch", made.get("metadata") or {}), False)

    def create(self, requests: list[tuple[str, dict[str, Any]]], kind: str, metadata: dict[str, str]) -> Made:
        """Make a batch of requests by their names; its id begins with `kind`."""
        self._do("create")
        names = [name for name, _ in requests]
        assert len(set(names)) == len(names)
        assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in names)
        batch = Made(f"{kind}_{len(self.batches):03d}", requests, metadata)
        self.batches[batch.id] = batch
        self._do("created")
        return batch

    def _list(self, query: dict[str, list[str]], anthropic: bool) -> dict[str, Any]:
        self._do("list")
        ids = list(reversed(self.batches))
        after = query.get("after_id" if anthropic else "after")
        if after:
            ids = ids[ids.index(after[0]) + 1 :]
        page = ids[: int(query["limit"][0])]
        shown = [self._show(self.batches[id], anthropic) for id in page]
        ends = {"first_id": page[0], "last_id": page[-1]} if page else {"first_id": None, "last_id": None}
        return {"object": "list", "data": shown, "has_more": len(page) < len(ids), **ends}

    def _over(self, batch: Made) -> bool:
        return batch.looks > self.looks

    def _show(self, batch: Made, anthropic: bool) -> dict[str, Any]:
        total, over = len(batch.requests), self._over(batch)
        if anthropic:
            ends = Counter(each["result"]["type"] for each in batch.answers or ())
            counts = {name: ends[name] for name in ("succeeded", "errored", "canceled", "expired")}
            counts["processing"] = 0 if over else total
            counts["succeeded"] += total - sum(counts.values())
            return {
                "id": batch.id,
                "type": "message_batch",
                "processing_status": "ended" if over else "in_progress",
                "request_counts": counts,
                "created_at": "2026-11-30T20:00:00Z",
                "results_url": f"{self.url}/messages/batches/{batch.id}/results" if over else None,
            }
        expired = any(each.get("error") for each in batch.errors)
        refused = over and self.refuse
        status = "failed" if refused else "expired" if over and expired else "completed" if over else "in_progress"
        ends = {"output_file_id": None, "error_file_id": None, "errors": None}
        if refused:
            ends["errors"] = {"object": "list", "data": [{"code": "invalid", "line": 3, "message": self.refuse}]}
        elif over:
            ends["output_file_id"] = f"file-out-{batch.id}" if batch.answers else None
            ends["error_file_id"] = f"file-err-{batch.id}" if batch.errors else None
        counts = {"total": total, "completed": total if over else batch.looks, "failed": 0}
        return {
            "id": batch.id,
            "object": "batch",
            "status": status if batch.looks else "validating",
            "metadata": batch.metadata,
            "request_counts": counts,
            **ends,
        }

    def _work(self, batch: Made, anthropic: bool) -> None:
        """Answer a batch's requests, once it is over: in no order, one of them twice, and one of a stranger."""
        if not self._over(batch) or batch.answers is not None or self.refuse:
            return
        batch.answers = []
        for name, body in batch.requests:
            status, found = self._respond(body, anthropic)
            if anthropic:
                kind = found if isinstance(found, str) else "succeeded" if status == 200 else "errored"
                said = {"message": found} if kind == "succeeded" else {"error": found} if kind == "errored" else {}
                if kind != "missing":
                    batch.answers.append({"custom_id": name, "result": {"type": kind, **said}})
            elif isinstance(found, str):
                error = {"code": f"batch_{found}", "message": f"This request could not be executed: {found}."}
                if found != "missing":
                    batch.errors.append({"id": "x", "custom_id": name, "response": None, "error": error})
            else:
                response = {"status_code": status, "request_id": "r", "body": found}
                line = {"id": "x", "custom_id": name, "response": response, "error": None}
                (batch.answers if status == 200 else batch.errors).append(line)
        random.Random(0).shuffle(batch.answers)
        if batch.answers:
            batch.answers += [batch.answers[0], {**batch.answers[0], "custom_id": "argqual-stranger-0"}]

    def _content(self, path: str, anthropic: bool) -> bytes:
        name = path.split("/")[3 if anthropic else 2]
        lines: list[dict[str, Any]] = []
        for batch in self.batches.values():
            if name in (batch.id, f"file-out-{batch.id}"):
                lines = batch.answers or []
            elif name == f"file-err-{batch.id}":
                lines = batch.errors
        return b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    def _respond(self, body: dict[str, Any], anthropic: bool) -> tuple[int, Any]:
        """The status and the answer; for what has none, why."""
        digest = sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        outcome = self.outcome_for(body, self.asked[digest])
        self.asked[digest] += 1
        if isinstance(outcome, tuple):
            return outcome
        if outcome in ("expired", "canceled", "missing"):
            return 0, outcome
        self.billed[digest] += 1
        return 200, self._message(body, outcome) if anthropic else self._completion(body, outcome)

    def _completion(self, body: dict[str, Any], outcome: Outcome) -> dict[str, Any]:
        asked = Asked.read(json.dumps(body).encode())
        tokens = asked.tokens(None) if outcome not in ("unreadable", "spent") else []
        finish = "length" if outcome == "spent" else "stop"
        found: dict[str, Any] = json.loads(
            completion(asked, tokens, number=len(self.billed), logprobs=asked.logprobs, finish=finish)
        )
        for name in ("prompt_tokens", "completion_tokens"):
            self.usage[name] += found["usage"][name]
        return found

    def _message(self, body: dict[str, Any], outcome: Outcome) -> dict[str, Any]:
        system = body.get("system") or ""
        text = system if isinstance(system, str) else "".join(part["text"] for part in system)
        form = (body.get("output_config") or {}).get("format") or {}
        chat: dict[str, Any] = {"messages": [{"role": "system", "content": text}, *body["messages"]]}
        if "schema" in form:
            chat["response_format"] = {"type": "json_schema", "json_schema": {"schema": form["schema"]}}
        asked = Asked.read(json.dumps(chat).encode())
        said = "".join(token for token, _ in asked.tokens(None)) if outcome != "unreadable" else "I would not say."
        usage = {"input_tokens": 1000, "output_tokens": 20}
        self.usage["prompt_tokens"] += 1000
        self.usage["completion_tokens"] += 20
        return {
            "id": f"msg_{len(self.billed)}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [{"type": "text", "text": said}],
            "stop_reason": "end_turn",
            "usage": usage,
        }


class _Gone(Exception):
    """The connection ends without an answer."""


def gone() -> None:
    """As something that happens (`BatchServer.when`): the connection breaks."""
    raise _Gone


def _error(kind: str, message: str, anthropic: bool) -> dict[str, Any]:
    if anthropic:
        return {"type": "error", "error": {"type": kind, "message": message}}
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}
