"""The batch APIs of OpenAI and Anthropic, as documented: requests in a file, answers within a day, half the price.

DSPy's transport has a `BatchJob` for both; it asks OpenAI's Responses API, which argqual does not, names requests by
their place alone, and finds no batch again whose id was lost. So these are clients of argqual's own, over the same
addresses, keys and headers as the ordinary requests (`argqual.models.deferred.Deferred.door`).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import quote

from argqual.errors import ModelError
from argqual.models.errorbodies import message_in
from argqual.models.traffic import RefusedByServer

_PAGE = 100
_MOST_PAGES = 50
_LABEL = "argqual"  # under which a batch at OpenAI carries its tag
_CHAT, _MESSAGES = "/chat/completions", "/messages"
# Anthropic names the kind of an error inside a batch, and no status.
_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}


@dataclass(frozen=True)
class Progress:
    """How far a batch is: whether it is `over`, what was `counted` of its requests, by their state.

    `refused` says why it was refused as a whole; `ended` why requests have no answer, and `again` whether they may be
    asked again. `files` are where its answers lie.
    """

    over: bool
    counted: dict[str, int] = field(default_factory=dict)
    refused: str | None = None
    ended: str = "the provider gave no answer"
    again: bool = True
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answered:
    """A line of a batch's answers: `status` is an HTTP status and `body` what came with it, or 0 and why not."""

    custom_id: str
    status: int
    body: bytes
    again: bool = True


class BatchApi(Protocol):
    """A provider's batches; `most_requests` and `most_bytes` are what one holds.

    All may raise `RefusedByServer` and what httpx raises; nothing is repeated here.
    """

    most_requests: int
    most_bytes: int

    def line(self, custom_id: str, body: bytes) -> bytes:
        """A request as it stands in the file; the file has one a line."""

    def newest(self) -> str | None:
        """The id of the last batch that there is."""

    def submit(self, file: Path, tag: str) -> str:
        """Give a file of requests over; the batch's id."""

    def find(self, tag: str, *, after: str | None, requests: int) -> tuple[list[str], bool]:
        """The ids of batches that may be the one of this tag, made after another; and whether that is certain."""

    def progress(self, id: str) -> Progress: ...

    def answers(self, id: str, progress: Progress) -> Iterator[Answered]:
        """The answers of a batch that is over, in any order; all of them have been fetched when it returns."""


def batch_api(model_name: str, url: str, headers: list[tuple[str, str]], *, timeout: float) -> BatchApi:
    """The batches of a provider, by where the ordinary requests go; a `ModelError` where there are none."""
    provider = model_name.partition("/")[0]
    if provider == "openai" and url.endswith(_CHAT):
        return OpenAIBatches(_Client(url.removesuffix(_CHAT), headers, timeout))
    if provider == "anthropic" and url.endswith(_MESSAGES):
        return AnthropicBatches(_Client(url, headers, timeout))
    raise ModelError(
        f"{model_name} has no batch API that argqual knows: it knows those of OpenAI and Anthropic.",
        hint="Leave out --batch.",
    )


class _Client:
    """HTTP with the headers of ordinary requests."""

    def __init__(self, base: str, headers: list[tuple[str, str]], timeout: float) -> None:
        import httpx

        kept = {name: value for name, value in headers if name.lower() not in ("content-type", "content-length")}
        self.base = base
        self._http = httpx.Client(headers=kept, timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)))

    def json(self, method: str, path: str, **settings: Any) -> Any:
        response = self._http.request(method, self.base + path, **settings)
        _check(response)
        found = response.json()
        if not isinstance(found, dict):
            raise ValueError("an answer that is no JSON object")
        return found

    def download(self, path: str) -> IO[bytes]:
        """A whole file."""
        file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever reads it closes it
        with self._http.stream("GET", self.base + path) as response:
            _check(response)
            for chunk in response.iter_bytes():
                file.write(chunk)
        file.seek(0)
        return file

    def pages(self, path: str, cursor: str) -> Iterator[dict[str, Any]]:
        """All that a list has, the newest first."""
        settings: dict[str, Any] = {"limit": _PAGE}
        for _ in range(_MOST_PAGES):
            page = self.json("GET", path, params=settings)
            entries = [each for each in page.get("data") or () if isinstance(each, dict) and each.get("id")]
            yield from entries
            if not page.get("has_more") or not entries:
                return
            settings[cursor] = str(entries[-1]["id"])

    def newest(self, path: str) -> str | None:
        entries = self.json("GET", path, params={"limit": 1}).get("data") or ()
        return _id(entries[0]) if entries else None


class OpenAIBatches:
    """`/files` and `/batches`: a JSONL file is uploaded, then a batch made of it, which can carry a tag."""

    most_requests = 50_000
    most_bytes = 200_000_000

    def __init__(self, client: _Client) -> None:
        self._client = client

    def line(self, custom_id: str, body: bytes) -> bytes:
        head = json.dumps({"custom_id": custom_id, "method": "POST", "url": "/v1" + _CHAT})
        return head[:-1].encode() + b', "body": ' + body + b"}"

    def newest(self) -> str | None:
        return self._client.newest("/batches")

    def submit(self, file: Path, tag: str) -> str:
        with file.open("rb") as content:
            uploaded = self._client.json(
                "POST",
                "/files",
                data={"purpose": "batch"},
                files={"file": (f"{tag}.jsonl", content, "application/jsonl")},
            )
        made = {
            "input_file_id": _id(uploaded),
            "endpoint": "/v1" + _CHAT,
            "completion_window": "24h",
            "metadata": {_LABEL: tag},
        }
        return _id(self._client.json("POST", "/batches", json=made))

    def find(self, tag: str, *, after: str | None, requests: int) -> tuple[list[str], bool]:
        for each in self._client.pages("/batches", "after"):
            if (each.get("metadata") or {}).get(_LABEL) == tag:
                return [str(each["id"])], True
            if each["id"] == after:
                break
        return [], True

    def progress(self, id: str) -> Progress:
        found = self._client.json("GET", f"/batches/{quote(id, safe='')}")
        status = str(found.get("status") or "")
        counts = found.get("request_counts") or {}
        counted = {name: int(counts.get(name) or 0) for name in ("completed", "failed", "total")}
        if status == "failed":
            errors = (found.get("errors") or {}).get("data") or ()
            said = "; ".join(_of_line(each) for each in errors if isinstance(each, dict))
            return Progress(True, counted, refused=said or "it does not say why")
        files = tuple(str(found[key]) for key in ("output_file_id", "error_file_id") if found.get(key))
        ended = {
            "expired": "the batch expired before it was asked",
            "cancelled": "the batch was cancelled before it was asked",
        }.get(status, "it is not among the batch's answers")
        over = status in ("completed", "expired", "cancelled")
        return Progress(over, counted, ended=ended, again=status != "cancelled", files=files)

    def answers(self, id: str, progress: Progress) -> Iterator[Answered]:
        files = [self._client.download(f"/files/{quote(file, safe='')}/content") for file in progress.files]
        return (self._answer(each, progress) for file in files for each in _objects(file))

    def _answer(self, line: dict[str, Any], progress: Progress) -> Answered:
        custom_id, response, error = str(line.get("custom_id")), line.get("response"), line.get("error")
        if isinstance(response, dict) and isinstance(response.get("status_code"), int):
            return Answered(custom_id, response["status_code"], _body(response.get("body")))
        said = error.get("message") if isinstance(error, dict) else None
        return Answered(custom_id, 0, str(said or progress.ended).encode(), again=progress.again)


class AnthropicBatches:
    """`/messages/batches`: requests in one body. A batch carries no tag, but its answers carry their names."""

    most_requests = 100_000
    most_bytes = 256_000_000

    def __init__(self, client: _Client) -> None:
        self._client = client

    def line(self, custom_id: str, body: bytes) -> bytes:
        return json.dumps({"custom_id": custom_id})[:-1].encode() + b', "params": ' + body + b"}"

    def newest(self) -> str | None:
        return self._client.newest("/batches")

    def submit(self, file: Path, tag: str) -> str:
        def content() -> Iterator[bytes]:
            yield b'{"requests": ['
            with file.open("rb") as lines:
                for number, line in enumerate(lines):
                    yield (b",\n" if number else b"") + line.rstrip(b"\n")
            yield b"]}"

        size = file.stat().st_size + sum(map(len, (b'{"requests": [', b"]}")))
        count = _lines_in(file)
        length = size + (count - 1) * 2 - count  # each line end is left out, and what parts two lines put in
        headers = {"content-type": "application/json", "content-length": str(length)}
        return _id(self._client.json("POST", "/batches", content=content(), headers=headers))

    def find(self, tag: str, *, after: str | None, requests: int) -> tuple[list[str], bool]:
        found = []
        for each in self._client.pages("/batches", "after_id"):
            if each["id"] == after:
                break
            counts = [value for value in (each.get("request_counts") or {}).values() if isinstance(value, int)]
            if sum(counts) == requests:
                found.append(str(each["id"]))
        return found, False

    def progress(self, id: str) -> Progress:
        found = self._client.json("GET", f"/batches/{quote(id, safe='')}")
        counts = found.get("request_counts") or {}
        counted = {str(name): value for name, value in counts.items() if isinstance(value, int)}
        return Progress(found.get("processing_status") == "ended", counted)

    def answers(self, id: str, progress: Progress) -> Iterator[Answered]:
        file = self._client.download(f"/batches/{quote(id, safe='')}/results")
        return (answer for each in _objects(file) if (answer := self._answer(each)))

    def _answer(self, line: dict[str, Any]) -> Answered | None:
        custom_id, result = str(line.get("custom_id")), line.get("result")
        result = result if isinstance(result, dict) else {}
        kind = result.get("type")
        if kind == "succeeded":
            return Answered(custom_id, 200, _body(result.get("message")))
        if kind == "errored":
            return self._errored(custom_id, result.get("error"))
        if kind == "expired":
            return Answered(custom_id, 0, b"the batch expired before it was asked")
        if kind == "canceled":
            return Answered(custom_id, 0, b"the batch was cancelled before it was asked", again=False)
        return None

    def _errored(self, custom_id: str, error: Any) -> Answered:
        whole = error if isinstance(error, dict) and "error" in error else {"type": "error", "error": error}
        inner = whole["error"] if isinstance(whole["error"], dict) else {}
        return Answered(custom_id, _STATUSES.get(str(inner.get("type")), 500), _body(whole))


def _check(response: Any) -> None:
    """Raise for an HTTP status that is an error, with what the provider says of it."""
    if response.status_code < 400:
        return
    response.read()
    try:
        said = message_in(response.json())
    except (ValueError, RecursionError):
        said = ""
    raise RefusedByServer(response.status_code, said or response.text[:200], response.headers)


def _objects(file: IO[bytes]) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file of lines; what is none is left out."""
    with file:
        for line in file:
            with suppress(ValueError, RecursionError):
                found = json.loads(line)
                if isinstance(found, dict):
                    yield found


def _id(found: dict[str, Any]) -> str:
    if not isinstance(found["id"], str) or not found["id"]:
        raise ValueError("an answer without an id")
    return found["id"]


def _body(found: Any) -> bytes:
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode()


def _of_line(error: dict[str, Any]) -> str:
    line = f"line {error['line']}: " if error.get("line") else ""
    return f"{line}{error.get('message') or error.get('code') or 'it does not say why'}"


def _lines_in(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(1 for _ in lines)
