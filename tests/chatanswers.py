"""What the chat server reads in a request, and what it answers to it: made-up codes with log-probabilities."""

from __future__ import annotations

import json
import math
import random
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

_SHAPES = 64  # distributions for each code that can be answered
Token = tuple[str, str]  # its text, and its entry in `logprobs` as JSON


def shares(codes: tuple[str, ...], answered: int, shape: int) -> list[float]:
    """A distribution over codes in which the answered one has the most; `shape` picks one of many."""
    draws = random.Random(f"{codes} {answered} {shape}")
    weights = [draws.uniform(0.001, 1.0) + (index == answered) for index in range(len(codes))]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def _code_token(codes: tuple[str, ...], top: int, answered: int, shape: int, *, wrong: bool = False) -> Token:
    likely = dict(zip(codes, shares(codes, answered, shape), strict=True))
    if wrong:
        other = next(code for code in ("9", "Z", "@") if code not in codes)
        likely = {other: 0.7} | {code: share * 0.3 for code, share in likely.items()}
    ranked = sorted(((math.log(share), code) for code, share in likely.items()), reverse=True)
    return _token(ranked[0][1], ranked[0][0], [(json.dumps(code)[1:-1], logprob) for logprob, code in ranked[:top]])


@lru_cache(maxsize=65536)
def _sure_token(text: str, top: int) -> Token:
    return _token(text, 0.0, [(text, 0.0)] if top else [])


def _token(text: str, logprob: float, top: list[tuple[str, float]]) -> Token:
    entries = [{"token": text, "logprob": logprob, "bytes": None} for text, logprob in top]
    entry = {"token": text, "logprob": logprob, "bytes": None, "top_logprobs": entries}
    return text, json.dumps(entry, separators=(",", ":"))


@lru_cache(maxsize=1024)
def _answers_known(codes: tuple[str, ...], top: int) -> dict[int, Token]:
    """The answers to all questions with these codes, made as they are needed."""
    return {}


class Form:
    """The questions to answer, each with its name and codes, and the tokens of their answers as far as known."""

    def __init__(self, questions: Sequence[tuple[str, tuple[str, ...]]]) -> None:
        self.questions = questions
        self._known: dict[int, list[tuple[bytes, list[Token], tuple[str, ...], dict[int, Token]]]] = {}

    def __len__(self) -> int:
        return len(self.questions)

    def tokens(self, argument: str, top: int, wrong: int | None) -> list[Token]:
        """The answer: `{"clear":"3","fair":"1"}`, each code a token of its own."""
        known = self._known.get(top)
        if known is None:
            known = self._known[top] = [self._prepared(number, top) for number in range(len(self))]
        begun = sha256(utf8(argument))
        tokens: list[Token] = []
        for number, (name, before, codes, answers) in enumerate(known):
            digest = begun.copy()
            digest.update(name)
            drawn = digest.digest()
            answered, shape = drawn[0] % len(codes), drawn[1] % _SHAPES
            token = answers.get(answered * _SHAPES + shape)
            if token is None:
                token = answers[answered * _SHAPES + shape] = _code_token(codes, top, answered, shape)
            tokens += before
            tokens.append(token if number != wrong else _code_token(codes, top, answered, shape, wrong=True))
        tokens.append(_sure_token('"}', top))
        return tokens

    def _prepared(self, number: int, top: int) -> tuple[bytes, list[Token], tuple[str, ...], dict[int, Token]]:
        name, codes = self.questions[number]
        before = ('","' if number else '{"', json.dumps(name, ensure_ascii=False)[1:-1], '":"')
        return utf8(name), [_sure_token(text, top) for text in before], codes, _answers_known(codes, top)


def _text_tokens(text: str, top: int) -> list[Token]:
    return [_sure_token(piece, top) for piece in re.findall(r"\s?\w+|\s|[^\w\s]", text)]


def _form_of(schema: Any) -> Form | None:
    """The questions of a schema whose properties all are codes, else None."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or not properties:
        return None
    questions = []
    for name, about in properties.items():
        codes = about.get("enum") if isinstance(about, dict) else None
        if not codes or not all(isinstance(code, str) for code in codes):
            return None
        questions.append((name, tuple(codes)))
    return Form(questions)


def _fill(schema: Any, name: str, argument: str) -> Any:
    """Something that follows a schema; as far as notes need it."""
    drawn = sha256(utf8(argument + name)).digest()
    if not isinstance(schema, dict):
        return None
    if schema.get("enum"):
        return schema["enum"][drawn[0] % len(schema["enum"])]
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if kind == "object":
        return {key: _fill(about, f"{name} {key}".strip(), argument) for key, about in schema["properties"].items()}
    if kind == "string":
        text = _first_words(argument) if name.endswith("quote") else f"As to {name}, it is so ({drawn.hex()[:6]})."
        return text[: schema.get("maxLength")]
    return {"number": drawn[0] / 255, "integer": drawn[0], "boolean": drawn[0] > 127, "array": []}.get(kind)


def _first_words(argument: str) -> str:
    inside = re.search(r"<argument>\n(.*)\n</argument>", argument, re.DOTALL)
    return " ".join((inside[1] if inside else argument).split("\n")[0].split(" ")[:5])


@lru_cache(maxsize=256)
def _form_in(text: str) -> Form | None:
    """The questions of the form `{"clear":"#","fair":"#"}` in a prompt, with the codes listed for them there."""
    forms = re.findall(r'\{"[^{}]*":"#"[^{}]*\}', text)
    try:
        names = list(json.loads(forms[-1])) if forms else []
    except ValueError:
        return None
    questions = []
    for name in names:
        listed = re.search(rf"^\d+\. {re.escape(name)}: .*?((?:^\w = [^\n]*\n)+)", text, re.MULTILINE | re.DOTALL)
        codes = tuple(re.findall(r"^(\w) = ", listed[1], re.MULTILINE)) if listed else ("1", "2", "3", "4", "5")
        questions.append((name, codes))
    return Form(questions) if questions else None


@lru_cache(maxsize=256)
def _notes_schema_in(text: str) -> Any:
    """The schema of the notes whose example stands in a prompt, else None."""
    begins = list(re.finditer(r'\{"[^"{}]+":\{"rationale":"\.\.\."', text))
    if not begins:
        return None
    try:
        example, _ = json.JSONDecoder().raw_decode(text, begins[-1].start())
    except ValueError:
        return None
    return _schema_like(example)


def _schema_like(example: Any) -> Any:
    if isinstance(example, dict):
        return {"type": "object", "properties": {name: _schema_like(value) for name, value in example.items()}}
    return {"type": "string"}


def _schema_in(body: Any) -> Any:
    asked_for = body.get("response_format")
    return asked_for["json_schema"]["schema"] if asked_for and asked_for.get("type") == "json_schema" else None


@lru_cache(maxsize=256)
def _end(text: bytes) -> tuple[dict[str, Any], Form | None]:
    end = json.loads(b"{" + text)
    return end, _form_of(_schema_in(end))


def _load(body: bytes) -> tuple[Any, Form | None]:
    """A request's body, and the form in its schema.

    Bodies that end alike, from the schema on, have that end read once: it is most of a
    body, and the same for all arguments. A quotation mark inside a string is escaped,
    so what is found is a key; if not one of the body's own, neither part can be read.
    """
    at = body.rfind(b'"response_format":')
    if at > 0:
        try:
            end, form = _end(body[at:])
            return json.loads(body[:at] + b'"":0}') | end, form
        except (ValueError, TypeError, KeyError, AttributeError):
            pass
    found = json.loads(body)
    return found, _form_of(_schema_in(found)) if isinstance(found, dict) else None


@dataclass(slots=True)
class Asked:
    """A request for a chat completion, as far as it matters here."""

    body: dict[str, Any]
    roles: list[str]
    contents: list[str]
    argument: str
    logprobs: bool
    top: int
    form: Form | None

    @classmethod
    def read(cls, data: bytes) -> Asked:
        """Raises ValueError when the body is no such request."""
        try:
            body, form = _load(data)
            messages = body["messages"]
            roles = [message["role"] for message in messages]
            contents = [_content(message["content"]) for message in messages]
            asked = cls(
                body=body,
                roles=roles,
                contents=contents,
                argument=_argument_in(roles, contents),
                logprobs=bool(body.get("logprobs")),
                top=int(body.get("top_logprobs") or 0),
                form=form,
            )
            if form is None and asked.schema is None:
                asked.form = _form_in(asked.system) or _form_in(contents[-1])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"not a request for a chat completion ({type(error).__name__}: {error})") from None
        return asked

    @property
    def system(self) -> str:
        return self.contents[0] if self.roles[0] in ("system", "developer") else ""

    @property
    def schema(self) -> Any:
        """What the answer must be like, where it is not the levels: for notes, what their example shows."""
        if self.body.get("response_format"):
            return _schema_in(self.body)
        return _notes_schema_in(self.system) if self.roles.count("user") == 1 else None

    def tokens(self, wrong: int | None) -> list[Token]:
        if self.form is not None:
            return self.form.tokens(self.argument, self.top, wrong)
        schema = self.schema
        if schema is None:
            return _text_tokens("Nothing was asked that this server knows.", self.top)
        return _text_tokens(json.dumps(_fill(schema, "", self.argument), ensure_ascii=False), self.top)


def _argument_in(roles: Sequence[str], contents: Sequence[str]) -> str:
    """The message with the argument: the last user message that holds one (examples come before), else the first."""
    users = [content for role, content in zip(roles, contents, strict=True) if role == "user"]
    return next((content for content in reversed(users) if "<argument>" in content), users[0])


def _content(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content or () if part.get("type") == "text")


def completion(asked: Asked, tokens: list[Token], *, number: int, logprobs: bool, finish: str) -> bytes:
    text, model = json.dumps("".join([text for text, _ in tokens])), json.dumps(str(asked.body.get("model", "")))
    entries = f'{{"content":[{",".join([entry for _, entry in tokens])}],"refusal":null}}' if logprobs else "null"
    read, written = sum(map(len, asked.contents)) // 4 + 1, len(tokens)
    return (
        f'{{"id":"chatcmpl-{number}","object":"chat.completion","created":{int(time.time())},'
        f'"model":{model},"choices":[{{"index":0,"message":{{"role":"assistant","content":{text},'
        f'"refusal":null}},"logprobs":{entries},"finish_reason":"{finish}"}}],"usage":{{"prompt_tokens":{read},'
        f'"completion_tokens":{written},"total_tokens":{read + written}}}}}'
    ).encode()


def prompt_digest(contents: Iterable[str]) -> str:
    """Digest of all of a request's messages: SHA-256 of their texts, each with a zero byte after it, 16 digits."""
    return sha256(b"".join(utf8(content) + b"\0" for content in contents)).hexdigest()[:16]


def text_digest(text: str) -> str:
    """Digest of one text: SHA-256, 16 digits."""
    return sha256(utf8(text)).hexdigest()[:16]


def utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
