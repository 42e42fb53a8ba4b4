"""Providers and servers on loopback, each strict about its own wire format as documented; and who asks them.

They are fakes over real HTTP, and no provider is asked. A `Dialect` says at which path, with which header and which
fields it is asked, what it refuses and in which words, and in which form it answers and thinks. `Spoken` serves one.
Two questions are always answered 2 and 3, surely; what is thought before the answer says 1 and 1, so that a draft
which is taken for the answer shows.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from loopback import Loopback
from refusals import Refusal, Rule, located, no_system, object_error, openai_error, when

KEY = "sk-loopback-0123456789"
ANSWER = {"clear": "2", "fair": "3"}
DRAFT = 'Perhaps {"clear":"1","fair":"1"}? Let me look again at "says rain".'
THOUGHT, READ, CACHED, WRITTEN = 3000, 100, 80, 10  # tokens
_NOTES = {"clear": {"rationale": "Short.", "quote": "says rain"}, "fair": {"rationale": "No view is named."}}
_SHARES = '{"probabilities": {"0": 0.0, "1": %s, "2": %s}, "confidence": 1.0}'
_FORM = {"clear": _SHARES % (1.0, 0.0), "fair": _SHARES % (0.0, 1.0)}


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


_CHAT = _names(
    "model messages temperature top_p n stop stream seed max_tokens response_format logprobs "
    "top_logprobs tools tool_choice presence_penalty frequency_penalty user"
)
_OPENAI = _CHAT | _names(
    "max_completion_tokens reasoning_effort store metadata service_tier verbosity "
    "prompt_cache_key logit_bias parallel_tool_calls stream_options modalities "
    "safety_identifier"
)


@dataclass(frozen=True)
class Dialect:
    """How a provider or a server is asked, and what it says.

    Parameters
    ----------
    model
        The name that a user writes.
    path, base
        The path (a pattern, with its query) at which it answers; and the part of it that belongs to the address.
    header
        In which header the key stands, with what before it; empty where none is wanted.
    fields
        The fields that a body may have; None where others are ignored. `unknown` words the refusal of one.
    rules
        What else it refuses: the first rule that says something is answered.
    form
        The answer to a body, as JSON.
    thinks, thinker
        How a thought is written, for `form`; and the model that thinks, where it is another.
    alternatives
        Of how many tokens it gives log-probabilities; 0 for none.
    caches
        How it counts what it found in its cache: `details`; `hits` as well; `marked`, if that was; `content`.
    decides
        The path (a pattern) at which it answers decisions, where its documentation has one.
    variables
        What else a user must set.
    lost
        How it answers a path that it does not have.
    """

    model: str
    path: str
    base: str = "/v1"
    header: tuple[str, str] = ("authorization", "Bearer ")
    fields: frozenset[str] | None = None
    unknown: Callable[[str], Refusal] = lambda name: openai_error(f"Unrecognized request argument supplied: {name}")
    rules: tuple[Rule, ...] = ()
    form: Callable[[Any, Dialect, str], Any] = field(
        default=lambda body, dialect, thought: chat(body, dialect, thought)
    )
    thinks: str = "reasoning_content"
    thinker: str = ""
    alternatives: int = 0
    caches: str = ""
    decides: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    lost: Refusal = (404, {"error": {"message": "Not Found", "type": "invalid_request_error", "code": None}})

    @property
    def provider(self) -> str:
        return self.model.partition("/")[0]


class Spoken(Loopback):
    """A server that speaks one dialect after the other; `thinking` has it think before it answers."""

    def __init__(self) -> None:
        super().__init__()
        self.dialect = next(iter(DIALECTS.values()))
        self.thinking = False
        self._kept: set[str] = set()
        self.queue = self  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return True

    def popleft(self) -> Callable[[Any], Refusal]:
        return self._answer

    def speaks(self, dialect: Dialect, *, thinking: bool = False) -> None:
        self.dialect, self.thinking = dialect, thinking
        self._kept.clear()
        for seen in (self.requests, self.paths, self.headers):
            seen.clear()

    def _answer(self, body: Any) -> Refusal:
        path, headers = self.paths[-1], {name.lower(): value for name, value in self.headers[-1].items()}
        if path == "/api/show" and self.dialect.provider == "ollama":
            return 200, {"model_info": {}, "template": "{{ .Prompt }}", "capabilities": ["completion", "thinking"]}
        decides = bool(self.dialect.decides) and re.fullmatch(self.dialect.decides, path) is not None
        if not decides and not re.fullmatch(self.dialect.path, path):
            return self.dialect.lost
        name, before = self.dialect.header
        if name and headers.get(name) != before + KEY:
            return 401, {"error": {"message": "Incorrect API key provided.", "type": "invalid_request_error"}}
        if decides:
            return 200, systemone(body) if isinstance(body["questions"], dict) else decisions(body)
        if self.dialect.fields is not None and (odd := sorted(set(body) - self.dialect.fields)):
            return self.dialect.unknown(odd[0])
        for rule in self.dialect.rules:
            if (refusal := rule(body)) is not None:
                return refusal
        answer = self.dialect.form(body, self.dialect, DRAFT if self.thinking else "")
        begun = re.sub(r"<argument>.*?</argument>", "", json.dumps(body), flags=re.DOTALL)
        _count_cached(answer, self.dialect.caches, marked="cache_control" in begun, found=begun in self._kept)
        self._kept.add(begun)
        return 200, answer


def _count_cached(answer: Any, how: str, *, marked: bool, found: bool) -> None:
    """Say of an answer's tokens which were found in the provider's cache, as it counts them."""
    if how == "marked" and marked:  # beside the others
        name = "cache_read_input_tokens" if found else "cache_creation_input_tokens"
        answer["usage"] |= {"input_tokens": READ - CACHED, name: CACHED}
    elif how in ("details", "hits") and found:
        answer["usage"]["prompt_tokens_details"] = {"cached_tokens": CACHED}
        if how == "hits":
            answer["usage"] |= {"prompt_cache_hit_tokens": CACHED, "prompt_cache_miss_tokens": READ - CACHED}
    elif how == "content" and found:
        answer["usageMetadata"]["cachedContentTokenCount"] = CACHED


def said(body: Any) -> str:
    """The text that a request asks for: notes, levels, or DSPy's form."""
    prompt = json.dumps(body)
    if "[[ ##" in prompt:
        names = [name for name in ("clear", "fair") if f"[[ ## {name} ## ]]" in prompt]
        return "\n\n".join(f"[[ ## {name} ## ]]\n{_FORM.get(name, '')}" for name in [*names, "completed"])
    if "First write notes" in prompt and "Now the levels." not in prompt:
        return json.dumps(_NOTES)
    if "Does rain make things wet?" in prompt:
        return '{"answer":"yes"}'
    return json.dumps(ANSWER, separators=(",", ":"))


def _entries(text: str, top: int) -> list[dict[str, Any]]:
    """The tokens of a text with their log-probabilities: one character a token."""
    others = dict.fromkeys("123", 1e-09)
    found = []
    for character in text:
        likely = dict(sorted({**others, character: 0.99}.items(), key=lambda item: -item[1])[:top])
        entries = [
            {"token": token, "logprob": math.log(share), "bytes": list(token.encode())}
            for token, share in likely.items()
        ]
        found.append({"token": character, "logprob": math.log(0.99), "bytes": None, "top_logprobs": entries})
    return found


def _most(body: Mapping[str, Any], *names: str) -> int:
    return next((body[name] for name in names if body.get(name)), 10**9)


def chat(body: Any, dialect: Dialect, thought: str) -> Any:
    """As a chat completion."""
    most = _most(body, "max_completion_tokens", "max_tokens")
    taken = THOUGHT if thought else 0
    cut = taken + WRITTEN > most
    text = "" if cut else said(body)
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if thought and dialect.thinks == "<think>":
        message["content"] = f"<think>\n{thought}" + ("" if cut else f"\n</think>\n\n{text}")
    elif thought and dialect.thinks == "parts":
        parts: list[Any] = [{"type": "thinking", "thinking": [{"type": "text", "text": thought}]}]
        message["content"] = [*parts, *([] if cut else [{"type": "text", "text": text}])]
    elif thought and dialect.thinks:
        message[dialect.thinks] = thought
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": "length" if cut else "stop"}
    if body.get("logprobs") and dialect.alternatives:
        top = min(int(body.get("top_logprobs") or 0), dialect.alternatives)
        shown = message["content"] if isinstance(message["content"], str) else text
        choice["logprobs"] = {"content": _entries(shown, top)}
    written = min(taken + WRITTEN, most)
    usage: dict[str, Any] = {"prompt_tokens": READ, "completion_tokens": written, "total_tokens": READ + written}
    if thought and dialect.thinks not in ("<think>", "parts"):
        usage["completion_tokens_details"] = {"reasoning_tokens": min(taken, most)}
    about = {"id": "c", "object": "chat.completion", "created": 1, "model": body["model"]}
    tier = {"service_tier": "on_demand"} if dialect.provider == "groq" else {}
    return {**about, "choices": [choice], "usage": usage, **tier}


def messages(body: Any, dialect: Dialect, thought: str) -> Any:
    """As Anthropic's messages; to an answer in a tool's form, where that is how a schema is asked for."""
    thought = thought or DRAFT  # it always thinks
    cut = body["max_tokens"] < THOUGHT + WRITTEN
    content: list[dict[str, Any]] = [{"type": "thinking", "thinking": thought, "signature": "s"}]
    if not cut:
        content.append({"type": "text", "text": said(body)})
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": "max_tokens" if cut else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": READ, "output_tokens": min(THOUGHT + WRITTEN, body["max_tokens"])},
    }


def contents(body: Any, dialect: Dialect, thought: str) -> Any:
    """As Gemini's contents; thoughts are counted beside the answer, and shown when asked for."""
    settings = body["generationConfig"]
    most = _most(settings, "maxOutputTokens", "max_output_tokens")
    taken = THOUGHT if thought else 0
    cut = taken + WRITTEN > most
    parts: list[dict[str, Any]] = []
    if thought and settings.get("thinkingConfig", {}).get("includeThoughts"):
        parts.append({"text": thought, "thought": True})
    if not cut:
        parts.append({"text": said(body)})
    usage = {
        "promptTokenCount": READ,
        "candidatesTokenCount": 0 if cut else WRITTEN,
        "thoughtsTokenCount": taken,
        "totalTokenCount": READ + WRITTEN + taken,
    }
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "MAX_TOKENS" if cut else "STOP"}
    return {"candidates": [{**candidate, "index": 0}], "usageMetadata": usage, "modelVersion": "m"}


def ollama(body: Any, dialect: Dialect, thought: str) -> Any:
    """As Ollama: its own `/api/generate` and `/api/chat`, or a chat completion."""
    if "prompt" not in body and "options" not in body:
        return chat(body, dialect, thought)
    about = {"model": body["model"], "created_at": "2026-11-30T00:00:00Z", "done": True, "done_reason": "stop"}
    counts = {"prompt_eval_count": READ, "eval_count": WRITTEN + (THOUGHT if thought else 0)}
    if "prompt" in body:
        shown = {"thinking": thought} if thought else {}
        return {**about, **counts, "response": said(body), **shown}
    message = {"role": "assistant", "content": said(body), **({"thinking": thought} if thought else {})}
    return {**about, **counts, "message": message}


def systemone(body: Any, dialect: Dialect | None = None, thought: str = "") -> Any:
    """As a decision server; what it has no use for is what the other forms take."""
    shares = {"clear": [0.0, 1.0, 0.0], "fair": [0.0, 0.0, 1.0]}
    found = {
        name: {
            "type": "score",
            "score": float(shares[name].index(1.0)),
            "probabilities": {str(i): share for i, share in enumerate(shares[name])},
            "legend": {str(i): level for i, level in enumerate(body["questions"][name]["criteria"])},
            "confidence": 1.0,
        }
        for name in body["questions"]
    }
    return {"model": body["model"], "answers": found, "usage": {"input_tokens": READ, "output_tokens": 0}}


def decisions(body: Any) -> Any:
    """As OpenAI's decisions."""
    answers = []
    for question in body["questions"]:
        labels = [level["label"] for level in question["levels"]]
        chosen = int(ANSWER[question["name"]]) - 1
        shares = [{"value": i, "label": each, "probability": float(i == chosen)} for i, each in enumerate(labels)]
        answers.append(
            {"type": "score", "name": question["name"], "score": chosen, "probabilities": shares, "confidence": 1.0}
        )
    usage = {"input_tokens": READ, "output_tokens": 0, "total_tokens": READ}
    return {"model": body["model"], "answers": answers, "usage": usage}


def _anthropic_error(message: str) -> Refusal:
    return 400, {"type": "error", "error": {"type": "invalid_request_error", "message": message}}


def _google_error(message: str) -> Refusal:
    return 400, {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}


def _mistral_error(name: str) -> Refusal:
    status, content = located(name)
    return status, {"object": "error", "message": content, "type": "invalid_request_error", "param": None, "code": None}


def _tgi_error(message: str) -> Refusal:
    return 422, {"error": f"Input validation error: {message}", "error_type": "validation"}


def _more_than(most: int, refusal: Refusal) -> Rule:
    return lambda body: refusal if (body.get("top_logprobs") or 0) > most else None


def _schema_type(allowed: Iterable[str], refusal: Refusal) -> Rule:
    return lambda body: refusal if (body.get("response_format") or {}).get("type", "text") not in allowed else None


def _deep(body: Any, name: str) -> bool:
    """Whether a field of this name stands anywhere in a body, a schema's own keywords too."""
    if isinstance(body, dict):
        return any(key == name or _deep(value, name) for key, value in body.items())
    return isinstance(body, list) and any(_deep(each, name) for each in body)


def _no_keyword(name: str, refusal: Refusal) -> Rule:
    return lambda body: refusal if _deep(body, name) else None


def _cold(refusal: Refusal) -> Rule:
    return lambda body: refusal if body.get("temperature") == 0 else None


def _no_warmth(body: Any) -> Refusal | None:
    """OpenAI's and Azure's models that reason take a temperature only when they are told not to."""
    if body.get("temperature", 1) == 1 or body.get("reasoning_effort") == "none":
        return None
    said = "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) is supported."
    return openai_error(said, param="temperature")


_OLD_LIMIT = when(
    "max_tokens",
    openai_error(
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        param="max_tokens",
    ),
)
_OPENAI_SCHEMA = _no_keyword(
    "maxLength",
    openai_error(
        "Invalid schema for response_format 'answer': In context=('properties', 'rationale'), 'maxLength' is not "
        "permitted.",
        param="response_format",
    ),
)
_PROXIED = "litellm.UnsupportedParamsError: ollama does not support parameters: ['logprobs', 'top_logprobs']"

DIALECTS: dict[str, Dialect] = {
    "OpenAI, chat": Dialect(
        "openai/gpt-4.1",
        "/v1/chat/completions",
        fields=_OPENAI,
        rules=(_OLD_LIMIT, _OPENAI_SCHEMA),
        thinks="",
        thinker="openai/o3",
        alternatives=20,
        caches="details",
    ),
    "OpenAI, decisions": Dialect(
        "openai/gpt-6-luna",
        "/v1/chat/completions",
        decides="/v1/decisions",
        fields=_OPENAI,
        rules=(_no_warmth, _OLD_LIMIT, _OPENAI_SCHEMA),
        thinks="",
        alternatives=20,
        caches="details",
    ),
    "Anthropic": Dialect(
        "anthropic/claude-sonnet-5-5",
        "/v1/messages",
        base="",
        header=("x-api-key", ""),
        fields=_names(
            "model messages max_tokens system temperature top_p top_k stop_sequences stream metadata "
            "thinking tools tool_choice output_config output_format service_tier cache_control"
        ),
        unknown=lambda name: _anthropic_error(f"{name}: Extra inputs are not permitted"),
        rules=(
            when("temperature", _anthropic_error("`temperature` is not supported by this model.")),
            lambda body: (
                _anthropic_error("thinking.type: 'disabled' is not supported by this model.")
                if (body.get("thinking") or {}).get("type") == "disabled"
                else None
            ),
            lambda body: (
                _anthropic_error("Thinking may not be enabled when tool_choice forces tool use.")
                if (body.get("tool_choice") or {}).get("type") in ("tool", "any")
                else None
            ),
            _no_keyword(
                "maxLength",
                _anthropic_error("output_config.format: For 'string' type, property 'maxLength' is not supported"),
            ),
        ),
        form=messages,
        lost=(404, {"type": "error", "error": {"type": "not_found_error", "message": "Not found"}}),
        caches="marked",
    ),
    "Gemini": Dialect(
        "gemini/gemini-3.5-flash",
        r"/v1beta/models/gemini-3.5-flash:generateContent",
        base="",
        header=("x-goog-api-key", ""),
        fields=_names("contents systemInstruction system_instruction generationConfig safetySettings tools toolConfig"),
        unknown=lambda name: _google_error(f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.'),
        rules=(when("responseLogprobs", _google_error("Logprobs is not enabled for models/gemini-3.5-flash")),),
        form=contents,
        lost=(404, {"error": {"code": 404, "message": "Requested entity was not found.", "status": "NOT_FOUND"}}),
        caches="content",
    ),
    "Azure OpenAI": Dialect(
        "azure/my-deployment",
        r"/openai/deployments/my-deployment/chat/completions\?api-version=2025-04-01-preview",
        base="",
        header=("api-key", ""),
        fields=_OPENAI,
        rules=(_OLD_LIMIT, _OPENAI_SCHEMA),
        thinks="",
        alternatives=20,
        variables={"AZURE_API_VERSION": "2025-04-01-preview"},
        lost=(404, {"error": {"code": "404", "message": "Resource not found"}}),
        caches="details",
        decides=r"/openai/v1/decisions(\?.*)?",
    ),
    "Mistral": Dialect(
        "mistral/mistral-large-latest",
        "/v1/chat/completions",
        fields=_CHAT - {"seed", "logprobs", "top_logprobs", "user"} | {"random_seed", "safe_prompt", "prompt_mode"},
        unknown=_mistral_error,
        thinks="parts",
        thinker="mistral/magistral-medium-latest",
    ),
    "DeepSeek": Dialect(
        "deepseek/deepseek-flash-latest",
        "/chat/completions",
        base="",
        rules=(_schema_type(("text", "json_object"), openai_error("This response_format type is unavailable now")),),
        thinker="deepseek/deepseek-v4-flash",
        alternatives=20,
        caches="hits",
    ),
    "Groq": Dialect(
        "groq/openai/gpt-oss-120b",
        "/openai/v1/chat/completions",
        base="/openai/v1",
        fields=_OPENAI | {"reasoning_format", "include_reasoning"},
        unknown=lambda name: openai_error(f"property '{name}' is unsupported"),
        rules=(when("logprobs", openai_error("`logprobs` is not supported with this model", param="logprobs")),),
        thinks="reasoning",
        caches="details",
    ),
    "OpenRouter": Dialect(
        "openrouter/meta-llama/llama-3.3-70b-instruct",
        "/api/v1/chat/completions",
        base="/api/v1",
        thinks="reasoning",
        thinker="openrouter/qwen/qwen3-8b",
        alternatives=20,
        caches="details",
        decides=r"/api/alpha/decisions",
    ),
    "Ollama": Dialect(
        "ollama/llama3.2",
        "/api/generate|/api/chat|/v1/chat/completions",
        base="",
        header=("", ""),
        form=ollama,
        thinks="reasoning",
        thinker="ollama/qwen3:8b",
        alternatives=20,
        lost=(404, "404 page not found"),
        decides=r"/v1/systemone",
    ),
    "LM Studio": Dialect(
        "lm_studio/qwen3-8b",
        "/v1/chat/completions",
        header=("", ""),
        rules=(
            _schema_type(("text", "json_schema"), (400, {"error": "'response_format.type' must be 'json_schema'"})),
        ),
        thinks="<think>",
        lost=(200, {"error": "Unexpected endpoint or method. (POST /chat/completions)"}),
        decides=r"/v1/systemone",
    ),
    "vLLM": Dialect(
        "hosted_vllm/google/gemma-3-4b-it",
        "/v1/chat/completions",
        rules=(
            _more_than(5, object_error("Requested sample logprobs of 20, which is greater than max allowed: 5")),
            no_system(object_error("System role not supported")),
        ),
        alternatives=5,
        lost=(404, {"detail": "Not Found"}),
        caches="details",
        decides=r"/v1/systemone",
    ),
    "SGLang": Dialect(
        "openai/qwen3-8b",
        "/v1/chat/completions",
        header=("", ""),
        alternatives=20,
        lost=(404, {"detail": "Not Found"}),
        caches="details",
        decides=r"/v1/decisions",
    ),
    "TGI": Dialect(
        "openai/tgi",
        "/v1/chat/completions",
        header=("", ""),
        rules=(
            _cold(_tgi_error("`temperature` must be strictly positive")),
            _more_than(5, _tgi_error("`top_n_tokens` must be >= 0 and <= 5.")),
            _schema_type(
                ("json", "regex", "text"),
                (
                    422,
                    "Failed to deserialize: response_format: unknown variant `json_schema`, expected `json`",
                ),
            ),
        ),
        thinks="<think>",
        alternatives=5,
    ),
    "llama.cpp": Dialect(
        "openai/qwen3-8b.gguf",
        "/v1/chat/completions",
        header=("", ""),
        rules=(_no_keyword("maxLength", openai_error("failed to parse grammar", status=500)),),
        alternatives=20,
        caches="details",
    ),
    "LiteLLM proxy": Dialect(
        "litellm_proxy/my-model",
        "/v1/chat/completions",
        rules=(
            when("top_logprobs", (400, {"error": {"message": _PROXIED, "type": None, "param": None, "code": "400"}})),
        ),
        caches="details",
    ),
    "a decision server": Dialect(
        "systemone/decider",
        "/v1/systemone",
        base="",
        fields=frozenset({"model", "state", "questions"}),
        unknown=located,
        form=systemone,
    ),
}
