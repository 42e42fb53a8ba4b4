"""How many tokens a text has: by the model's own tokenizer where that can be had, else by the nearest one here.

Texts of other scripts than Latin have several times as many tokens a character, and models differ by as much, so that
characters say nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_CL100K, _O200K = "cl100k_base", "o200k_base"
# SHA-1 of the addresses that OpenAI's encodings come from, as tiktoken names its copies; litellm carries them.
_FILES = {
    _CL100K: "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
    _O200K: "fb374d419588a4632f3f557e76b4b70aebbca790",
}
_PIECE = 20_000  # characters: a run without spaces takes time by the square of its length
_SECONDS, _TRYING_SECONDS = 60.0, 5.0


@dataclass(frozen=True)
class Tokenizer:
    """Counts tokens; `exact` when it is the model's own. `context` has the model's, where the server says it."""

    name: str
    exact: bool
    count: Callable[[str], int]
    context: int | None = None


def tokenizer_for(model: Any, *, asking: bool = False) -> Tokenizer:
    """The best tokenizer for a `Model`: on this machine, or, `asking`, that of its server where it offers one."""
    if model.server is not None:
        return Tokenizer("the model's own tokenizer", True, model.server.count_tokens)
    here = _on_this_machine(model.name)
    if asking and model.tokenizer is not None and model.tokenizer.answers():
        of_server: ServerTokenizer = model.tokenizer
        name, context = "its server's tokenizer", of_server.context
        return Tokenizer(name, True, lambda text: of_server.count(text) or here.count(text), context)
    return here


def _on_this_machine(name: str) -> Tokenizer:
    encoding, exact = _encoding_of(name)
    if encoding is None:
        return Tokenizer("four characters of ASCII, or two bytes of other letters, a token", False, _by_bytes)
    return Tokenizer(encoding.name.removesuffix("_base"), exact, lambda text: _counted(encoding, text))


def _encoding_of(name: str) -> tuple[Any, bool]:
    """OpenAI's encoding for a model, and whether it is the model's own; None where there is no copy here."""
    provider, _, rest = name.partition("/")
    if provider not in ("openai", "azure"):
        return _encoding(_CL100K), False
    from_list = _listed(rest)
    return _encoding(from_list or _CL100K), from_list is not None


def _listed(name: str) -> str | None:
    """The encoding of a model by tiktoken's list; None when it is not in it."""
    if find_spec("tiktoken") is None:
        return None
    import tiktoken

    try:
        found = tiktoken.encoding_name_for_model(name)
    except KeyError:
        return None
    return found if found in _FILES else None


@cache
def _encoding(name: str) -> Any:
    """An encoding from the copy that litellm carries; None when it is not there."""
    package = find_spec("litellm")
    if package is None or package.origin is None:
        return None
    folder = Path(package.origin).parent / "litellm_core_utils" / "tokenizers"
    if not (folder / _FILES[name]).is_file():  # it would be looked for on the network
        return None
    os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(folder))
    import tiktoken

    return tiktoken.get_encoding(name)


def _counted(encoding: Any, text: str) -> int:
    return sum(len(encoding.encode_ordinary(text[at : at + _PIECE])) for at in range(0, len(text), _PIECE))


def _by_bytes(text: str) -> int:
    ascii_only = len(text) if text.isascii() else sum(character.isascii() for character in text)
    return ascii_only // 4 + (len(text.encode()) - ascii_only) // 2 + 1


class ServerTokenizer:
    """The tokenizer of a server of one's own, as llama.cpp, vLLM and SGLang offer it: `POST /tokenize`.

    `base` is the server's address with or without `/v1`; `name` the model there, `key` what it is asked with.
    """

    def __init__(self, base: str, name: str, key: str) -> None:
        self._url = base.rstrip("/").removesuffix("/v1") + "/tokenize"
        self._name, self._key = name, key
        self._answers: bool | None = None
        self.context: int | None = None  # as vLLM says it beside the tokens
        self._client: Any = None

    def answers(self) -> bool:
        """Whether there is one; asked once."""
        if self._answers is None:
            self._answers = bool(self.count("one two three", seconds=_TRYING_SECONDS))
        return self._answers

    def count(self, text: str, *, seconds: float = _SECONDS) -> int | None:
        """The number of tokens; None where there is no tokenizer, or it does not answer in time."""
        import httpx

        self._client = self._client or httpx.Client()  # a new one each time would read all certificates again
        said = {"model": self._name, "content": text, "prompt": text, "add_special_tokens": False}
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        try:
            answer = self._client.post(self._url, json=said, headers=headers, timeout=seconds).raise_for_status().json()
            found, context = answer.get("count", answer.get("tokens")), answer.get("max_model_len")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, AttributeError):
            return None
        self.context = context if isinstance(context, int) else None
        count = len(found) if isinstance(found, list) else found
        return count if isinstance(count, int) else None
