"""A server on loopback that speaks chat completions and System One, as told.

It is a fake: it answers what a test queues, over real HTTP. What a model really
answers is tested with a real one.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, Any]


class Loopback:
    """Queue replies with `say` or `reply`; what was asked is in `requests`.

    `tokens` counts the tokens of a text for those who ask at `/tokenize`; None for a server that counts none. `context`
    is what it says there of how much the model takes.
    """

    def __init__(self) -> None:
        self.tokens: Callable[[str], int] | None = None
        self.context: int | None = None
        self.queue: deque[Reply | Callable[[Any], Reply]] = deque()
        self.requests: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.times: list[float] = []
        self.reply_headers: dict[str, str] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path == "/tokenize":
                    self._count(body)
                    return
                outer.requests.append(body)
                outer.headers.append(dict(self.headers))
                outer.paths.append(self.path)
                outer.times.append(time.monotonic())
                reply = outer.queue.popleft() if outer.queue else (500, {"error": {"message": "nothing was queued"}})
                status, content = reply(body) if callable(reply) else reply
                data = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                for name, value in outer.reply_headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def _count(self, body: Any) -> None:
                tokens = outer.tokens(body["content"]) if outer.tokens else None
                data = (
                    b"{}" if tokens is None else json.dumps({"count": tokens, "max_model_len": outer.context}).encode()
                )
                self.send_response(404 if tokens is None else 200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def reply(self, status: int, content: Any) -> None:
        self.queue.append((status, content))

    def say(self, text: str, *, tokens: list[tuple[str, dict[str, float]]] | None = None, finish: str = "stop") -> None:
        """Queue a chat completion; `tokens` are texts with the probabilities of what could stand there."""
        choice: dict[str, Any] = {
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": finish,
        }
        if tokens is not None:
            choice["logprobs"] = {"content": [_token(text, alternatives) for text, alternatives in tokens]}
        self.reply(200, completion(choice))


def completion(choice: dict[str, Any]) -> dict[str, Any]:
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    return {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


def _token(text: str, alternatives: dict[str, float]) -> dict[str, Any]:
    top = [{"token": token, "logprob": math.log(share), "bytes": None} for token, share in alternatives.items()]
    own = math.log(alternatives.get(text, 0.9))
    return {"token": text, "logprob": own, "bytes": None, "top_logprobs": top}
