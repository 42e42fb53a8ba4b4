"""Asks a model as it wants to be asked: what it refuses is left out, lowered or said otherwise, and remembered.

A request is first fitted to what is known of the model (`fitted`). A refusal that names something which was sent is a
lesson (`lesson`): the request goes out again without it, one thread learning while the others wait, and what was
learnt holds from then on. It never happens in silence: each answer carries what was changed for it
(`Response.adaptations`), and results say it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from argqual.errors import ModelError, ReadoutError
from argqual.models.capabilities import EFFORTS, Abilities, Capabilities
from argqual.models.errorbodies import message_in, without_passages

Ask = Callable[[Any], tuple[Any, int]]

_MOST_LESSONS = 12
_LEAST_TEMPERATURE = 0.01
_LEAST_ROOM = 256  # tokens; a context that leaves no more is too short for the prompt
WITHOUT_LOGPROBS = "Use --readout label (one call), --readout votes:5 (five calls), or a model that returns them."

# How servers call what was sent. What is sent of these is looked for in what they say.
_NAMES = {
    "logprobs": r"top_?logprobs|log_?prob(?:s|abilit)|top_n_tokens",
    "seed": r"random_seed|\bseed\b",
    "caching": r"cache_control|cachePoint|prompt cach",
    "temperature": r"temperature|sampling param",
    "strict": r"\bstrict\b",
    "lengths": r"max_?length",
    "schema": r"response_?format|json[_ ]?schema|schema|grammar|structured|output_config|response_?mime|guided|pattern"
    r"|json[_ ]mode|json_object",
    "effort": r"reasoning|\beffort\b|thinking",
    "max_tokens": r"max_(?:completion_|output_|new_)?tokens|maxOutputTokens",
    "system": r"system[_ ]?(?:role|message|prompt|instruction)|role\W{0,3}\s*system|system\W{0,3} role|developer "
    r"(?:role|message|instruction)|roles? must alternate|only (?:the )?user and assistant",
}
_UNKNOWN = re.compile(
    r"unsupported|not support|n't support|unknown|unrecogni|unexpected|extra|not permitted|not allowed|not available"
    r"|n't available|not enabled|n't enabled|n't take|no longer|deprecated|refus|forbidden|additional propert",
    re.IGNORECASE,
)
_REFUSING = re.compile(
    rf"{_UNKNOWN.pattern}|invalid|must|only|greater|less|exceed|too (?:large|many|high)|cannot|can't|fail|error|parse",
    re.IGNORECASE,
)
_WHAT_IT_TAKES = re.compile(r"^\W*(?:supported|allowed|valid|accepted|available|permitted)\b[^.;]*", re.IGNORECASE)
# What is refused about one text is no lesson about the model.
_OF_THE_TEXT = re.compile(
    r"content[ _-]?(?:filter|management|policy|moderation)|usage polic|flagged|safety|harm|violat", re.IGNORECASE
)
_STATUS = re.compile(r"(?:error code|status(?: code)?|HTTP)[:=]?\s*\d{3}", re.IGNORECASE)
_POSITIVE = re.compile(r"positive|greater than 0|> ?0|above 0|non-?zero|not be (?:0|zero)", re.IGNORECASE)
_CONTEXT = re.compile(r"(?:context (?:length|size|window)|max_model_len)\D{0,30}(\d[\d,]*)", re.IGNORECASE)
_IN_PROMPT = re.compile(r"(\d[\d,]*)(?: tokens)? (?:in the (?:messages|input|prompt)|input tokens|prompt tokens)")


def ask(send: Ask, request: Any, abilities: Abilities, *, name: str = "the model") -> tuple[Any, int]:
    """The answer to a `dspy.lm15.Request`, fitted to what the model takes, and the requests lost on the way to it.

    `send` sends a request as it is (`Engine.ask`), and may raise what `dspy.lm15` raises.

    Raises
    ------
    ReadoutError
        The model gives no log-probabilities, and they were asked for.
    ModelError
        It refuses the effort that was asked for by name.
    """
    error: Exception
    for _ in range(_MOST_LESSONS):
        with abilities.learning:  # while another thread finds out what the server takes, nothing more is spent on it
            now = abilities.now
        try:
            return _sent(send, request, abilities, now, name)
        except _refusals() as refusal:
            error = refusal
        with abilities.learning:
            if abilities.now is now:
                return _learning(send, request, abilities, error, name)
    raise error


def _sent(send: Ask, request: Any, abilities: Abilities, known: Capabilities, name: str) -> tuple[Any, int]:
    if request.config.logprobs and known.logprobs is False and known.was_learnt("logprobs"):
        raise ReadoutError(f"{name} gives no log-probabilities, and they were asked for.", hint=WITHOUT_LOGPROBS)
    fit, changes = fitted(request, known, abilities)
    response, lost = send(fit)
    _look_at(response, abilities)
    if changes and hasattr(response, "adaptations"):
        response = replace(response, adaptations=(*response.adaptations, *changes))
    return response, lost


def _look_at(response: Any, abilities: Abilities) -> None:
    """Learn from an answer what nothing else says."""
    now = abilities.now
    if now.logprobs is None and response.logprobs and any(token.top for token in response.logprobs):
        abilities.learn(logprobs=True)
    if not abilities.thinks and has_thought(response):
        abilities.learn(thinking="always")


def has_thought(response: Any) -> bool:
    """Whether a model has thought before it answered, as far as the answer says so."""
    if (response.usage.reasoning_tokens or 0) > 0:
        return True
    return any(getattr(part, "type", "") == "thinking" for part in response.message.parts)


def _learning(send: Ask, request: Any, abilities: Abilities, error: Exception, name: str) -> tuple[Any, int]:
    """Ask again without what a refusal names, until the request is taken; then that is known."""
    before = tried = abilities.now
    for _ in range(_MOST_LESSONS):
        fit, _changes = fitted(request, tried, abilities)
        learnt = lesson(error, fit, tried)
        if not learnt:
            raise error
        if "effort" in learnt and abilities.effort:
            offered = ", ".join(learnt.get("efforts", ()))
            raise ModelError(
                f"{name} refuses the effort '{abilities.effort}'.",
                hint=f"It offers {offered}: --effort." if offered else "Leave out --effort.",
            )
        if learnt.get("logprobs") is False:
            abilities.learn(**_differences(before, tried), **learnt)
            raise ReadoutError(f"{name} refuses log-probabilities, and they were asked for.", hint=WITHOUT_LOGPROBS)
        tried = tried.knowing("learnt now", learnt)
        try:
            answer = _sent(send, request, abilities, tried, name)
        except _refusals() as refusal:
            error = refusal
            continue
        abilities.learn(**_differences(before, tried))
        return answer
    raise error


def _differences(before: Capabilities, after: Capabilities) -> dict[str, Any]:
    return {name: getattr(after, name) for name, source in after.sources.items() if before.source(name) != source}


def _refusals() -> tuple[type[Exception], ...]:
    from dspy.lm15 import AuthError, InvalidRequestError, UnsupportedFeatureError

    return (InvalidRequestError, UnsupportedFeatureError, AuthError)


def refusal_of(error: Exception, request: Any) -> Exception:
    """The error itself, or a refusal in its place when a server calls one a failure of its own (status 500, 501)."""
    from dspy.lm15 import InvalidRequestError, ServerError

    if isinstance(error, ServerError) and error.status in (500, 501) and _named(_said(error), request):
        return cast(Exception, InvalidRequestError(_said(error), status=error.status, provider=error.provider))
    return error


def fitted(request: Any, known: Capabilities, abilities: Abilities) -> tuple[Any, list[Any]]:
    """The request as the model takes it, and what was changed for what the server has refused (`Adaptation`s)."""
    config, changes = request.config, _Changes(known)
    settings: dict[str, Any] = {}
    if config.temperature is not None and not known.temperature:
        settings["temperature"] = None
        changes.add("temperature", "dropped", "the temperature was left out: the model takes none")
    elif config.temperature is not None and config.temperature < known.least_temperature:
        settings["temperature"] = known.least_temperature
        said = f"the temperature was raised to {known.least_temperature:g}, the least that the model takes"
        changes.add("least_temperature", "clamped", said)
    if config.seed is not None and not known.seed:
        settings["seed"] = None
        changes.add("seed", "dropped", "the seed was left out: the model takes none")
    if config.logprobs is not None and config.logprobs > known.top_logprobs:
        settings["logprobs"] = known.top_logprobs
        said = f"log-probabilities of the {known.top_logprobs} likeliest tokens instead of {config.logprobs}: no more "
        changes.add("top_logprobs", "clamped", f"{said}are given")
    if config.cache is not None and not known.caching:
        settings["cache"] = None
        changes.add("caching", "dropped", "no part of the prompt was marked to be kept: the server takes no marks")
    if config.response_format is not None:
        settings |= _form(config.response_format, known, changes)
    if config.max_tokens is not None:
        settings |= _limit(config, known, changes)
    effort = abilities.effort or known.effort
    if config.reasoning is None and effort is not None and not (effort == "none" and known.effort is None):
        settings["reasoning"] = _reasoning(effort)
    if known.was_learnt("effort"):
        how = f"lowest effort that the model takes is '{known.effort}'" if known.effort else "model takes no effort"
        changes.add("effort", "substituted" if known.effort else "dropped", f"the {how}")
    fit = replace(request, config=replace(config, **settings)) if settings else request
    if request.system and not known.system:
        fit = _without_system(fit)
        changes.add("system", "substituted", "the instructions stand in the first message: it takes no system message")
    return fit, changes.found


class _Changes:
    """What was changed, of which the server itself has shown that it must be."""

    def __init__(self, known: Capabilities) -> None:
        self.found: list[Any] = []
        self._known = known

    def add(self, fact: str, action: Any, said: str) -> None:
        from dspy.lm15 import Adaptation

        if self._known.was_learnt(fact):
            self.found.append(Adaptation(field=f"argqual.{fact}", action=action, reason=said))


def _form(form: dict[str, Any], known: Capabilities, changes: _Changes) -> dict[str, Any]:
    if not known.schema:
        changes.add("schema", "dropped", "the schema of the answer was left out: the model takes none")
        return {"response_format": None}
    fit = form
    if "strict" in form and not known.strict:
        changes.add("strict", "dropped", "strict was left out of the schema: the model does not take it")
        fit = {key: value for key, value in form.items() if key != "strict"}
    if not known.lengths and _has_lengths(form):
        changes.add("lengths", "dropped", "the schema says nothing of how long texts are: the model does not take it")
        fit = {**fit, "schema": _without_lengths(form["schema"])}
    return {} if fit is form else {"response_format": fit}


def _has_lengths(form: dict[str, Any]) -> bool:
    return '"maxLength":' in json.dumps(form)


def _without_lengths(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    return {key: _without_lengths(about) for key, about in schema.items() if key != "maxLength"}


def _limit(config: Any, known: Capabilities, changes: _Changes) -> dict[str, Any]:
    most = config.max_tokens
    settings: dict[str, Any] = {}
    if known.output_tokens and most > known.output_tokens:
        most = settings["max_tokens"] = known.output_tokens
        changes.add("output_tokens", "clamped", f"answers of {most:,} tokens at most: the model allows no more")
    if known.max_tokens_field is not None:
        settings["max_tokens"] = None
        if known.max_tokens_field:
            settings["extensions"] = {**(config.extensions or {}), known.max_tokens_field: most}
            said = f"the most tokens of an answer were called {known.max_tokens_field}"
        else:
            said = "no limit of tokens was set for an answer: the model takes none"
        changes.add("max_tokens_field", "substituted" if known.max_tokens_field else "dropped", said)
    return settings


def _reasoning(effort: str) -> Any:
    from dspy.lm15 import Reasoning

    words: Any = "off" if effort == "none" else effort
    return Reasoning(effort=words)


def _without_system(request: Any) -> Any:
    """The request with its system text before that of the first user message."""
    from dspy.lm15 import Message

    first, *others = request.messages
    system = request.system if isinstance(request.system, str) else "\n".join(part.text for part in request.system)
    return replace(request, system=None, messages=(Message.user(f"{system}\n\n{first.text}"), *others))


def lesson(error: Exception, request: Any, known: Capabilities) -> dict[str, Any] | None:
    """What a refusal of a (fitted) request teaches of a model: facts that are new; None when it names nothing sent."""
    from dspy.lm15 import AuthError

    said = _without_what_was_sent(_said(error), request)
    if _OF_THE_TEXT.search(said):
        return None
    names = _named(said, request)
    if isinstance(error, AuthError):  # some models are refused their log-probabilities as if that were a right
        names = [name for name in names if name == "logprobs"]
    if (room := _room_in_context(said, request)) is not None:
        return {"output_tokens": room}
    for name in names:
        learnt: dict[str, Any] | None = _TEACHES[name](said, request, known)
        if learnt and (name == "effort" or any(_is_news(known, fact, value) for fact, value in learnt.items())):
            return learnt
    return None


def _is_news(known: Capabilities, fact: str, value: Any) -> bool:
    """Whether a fact is not known, or was only taken for granted: then the server has now said so itself."""
    return getattr(known, fact) != value or not known.was_learnt(fact)


def _said(error: Exception) -> str:
    """What a server says, with what litellm keeps beside it, and without the status, which is no limit of anything."""
    said = str(getattr(error, "message", None) or error)
    beside = message_in(getattr(error.__cause__, "body", None))
    return _STATUS.sub("", said if beside in said else f"{said}; {beside}")


def _named(said: str, request: Any) -> list[str]:
    """What was sent and is named in a refusal, the likeliest cause first."""
    config = request.config
    form = config.response_format or {}
    sent = {
        "logprobs": config.logprobs is not None,
        "seed": config.seed is not None,
        "caching": config.cache is not None,
        "temperature": config.temperature is not None,
        "strict": "strict" in form,
        "lengths": _has_lengths(form),
        "schema": bool(form),
        "effort": config.reasoning is not None,
        "max_tokens": config.max_tokens is not None or "max_tokens" in str(config.extensions),
        "system": bool(request.system),
    }
    places: dict[str, tuple[bool, bool, int]] = {}
    clauses = [_WHAT_IT_TAKES.sub("", clause) for clause in re.split(r"(?<=[.;\n])\s", said)]
    for number, clause in enumerate(clauses):
        refusing = _REFUSING.search(clause) is not None
        for name, pattern in _NAMES.items():
            if sent[name] and (found := re.search(pattern, clause, re.IGNORECASE)):
                place = (not refusing, name == "schema", number * 10_000 + found.start())
                places[name] = min(places.get(name, place), place)
    return sorted(places, key=lambda name: places[name])


def _without_what_was_sent(said: str, request: Any) -> str:
    """What a server says, without addresses, the model's name, and what it repeats of the texts that were sent."""
    texts = [message.text or "" for message in request.messages]
    return without_passages(re.sub(r"https?://\S+", "", said).replace(request.model, ""), texts)


def _room_in_context(said: str, request: Any) -> int | None:
    """Tokens left for an answer where a prompt and the room to think are together too long for the context."""
    context, prompt, most = _CONTEXT.search(said), _IN_PROMPT.search(said), request.config.max_tokens
    if not (context and prompt and most):
        return None
    left = int((_number(context) - _number(prompt)) * 0.9)  # the next prompt may be longer
    return left if _LEAST_ROOM <= left < most else None


def _number(found: re.Match[str]) -> int:
    return int(found[1].replace(",", ""))


def _numbers(said: str) -> list[int]:
    return [int(each.replace(",", "")) for each in re.findall(r"(?<![\w.])\d[\d,]*(?![\w.]*\w)", said)]


def _of_logprobs(said: str, request: Any, known: Capabilities) -> dict[str, Any]:
    asked = request.config.logprobs
    allowed = [number for number in _numbers(said) if 1 < number < asked]
    if allowed:
        return {"top_logprobs": max(allowed)}
    if asked > 5 and not _UNKNOWN.search(said):
        return {"top_logprobs": 5}
    return {"logprobs": False}


def _of_temperature(said: str, request: Any, known: Capabilities) -> dict[str, Any]:
    if _POSITIVE.search(said) and request.config.temperature < _LEAST_TEMPERATURE:
        return {"least_temperature": _LEAST_TEMPERATURE}
    return {"temperature": False}


def _of_effort(said: str, request: Any, known: Capabilities) -> dict[str, Any]:
    refused = "none" if request.config.reasoning.effort == "off" else request.config.reasoning.effort
    thinks = {"thinking": "always"} if refused == "none" else {}  # it cannot be kept from it
    words = [word for word in EFFORTS if re.search(rf"[\"'`]{word}[\"'`]|\b{word}\b", said, re.IGNORECASE)]
    offered = tuple(word for word in words if word != refused)
    if offered:
        return {"effort": offered[0], "efforts": offered, **thinks}
    if refused in words and refused in EFFORTS[:2]:  # this one word is not offered; the next may be
        further = EFFORTS[EFFORTS.index(refused) + 1 :]
        return {"effort": further[0], "efforts": further, **thinks}
    return {"effort": None, "efforts": ()}


def _of_max_tokens(said: str, request: Any, known: Capabilities) -> dict[str, Any]:
    most = request.config.max_tokens
    allowed = [number for number in _numbers(said) if _LEAST_ROOM <= number < most] if most else []
    if allowed and (known.max_tokens_field is not None or not _UNKNOWN.search(said)):
        return {"output_tokens": max(allowed)}
    if known.max_tokens_field is not None:  # the other name was refused as well
        return {"max_tokens_field": ""}
    first = re.search(r"max_(?:completion_)?tokens", said)
    return {"max_tokens_field": "max_completion_tokens" if first and first[0] == "max_tokens" else "max_tokens"}


_TEACHES: dict[str, Callable[[str, Any, Capabilities], dict[str, Any]]] = {
    "logprobs": _of_logprobs,
    "seed": lambda *_: {"seed": False},
    "caching": lambda *_: {"caching": False},
    "temperature": _of_temperature,
    "strict": lambda *_: {"strict": False},
    "lengths": lambda *_: {"lengths": False},
    "schema": lambda *_: {"schema": False},
    "effort": _of_effort,
    "max_tokens": _of_max_tokens,
    "system": lambda *_: {"system": False},
}
