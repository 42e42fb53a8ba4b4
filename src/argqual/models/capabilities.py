"""What a model can do, and where each fact comes from.

In this order: what this server has answered before (`argqual.models.learnt`), litellm's packaged list, DSPy, and a
careful default. What nothing says is tried: `argqual.models.asking` sends it, and learns from a refusal.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any, Literal

from argqual.errors import ModelError
from argqual.models import learnt
from argqual.models.listing import listed

Thinking = Literal["never", "optional", "always"]
EFFORTS = ("none", "minimal", "low", "medium", "high")
MOST_ALTERNATIVES = 20

# Which providers' documentation has chat completions return log-probabilities.
_DOCUMENTED_LOGPROBS = frozenset({"openai", "azure", "deepseek", "hosted_vllm", "together_ai", "fireworks_ai"})
# Whose models that reason do so unless told otherwise, and take an effort, also where the list names none.
_REASON_UNTOLD = frozenset({"openai", "azure", "gemini"})
# Through whom Claude is told what of a prompt to keep, and from how many tokens on where the list does not say.
_MARKED = frozenset({"anthropic", "bedrock", "vertex_ai", "azure_ai"})
_MARKS_FROM = 1024
# What vLLM's documentation has it told.
_PREFILL = {"hosted_vllm": {"continue_final_message": True, "add_generation_prompt": False}}
_SOON_DAYS = 90
_DECISION_MODES = ("evaluation", "decisions")  # of the list, for models that answer nothing else


@dataclass(frozen=True)
class Capabilities:
    """What a model can do.

    Parameters
    ----------
    logprobs
        Whether it returns log-probabilities; None when nothing says.
    top_logprobs
        Of how many alternatives, at most.
    temperature, least_temperature
        Whether it takes a temperature, and the least one.
    seed, schema, strict, lengths, system
        Whether it takes a seed, a JSON Schema, a schema to be followed strictly, one that limits the length of texts,
        a system message.
    max_tokens_field
        How it wants the most tokens of an answer called; empty when it takes no limit, None when the transport knows.
    thinking
        Whether it thinks before it answers: never, when told, or always.
    effort, efforts
        How hard it is told to think unless another is wanted, None to say nothing; and what it offers, from the least.
    output_tokens, context_tokens
        Most tokens that it writes, and that it reads.
    decisions
        Whether the provider has a decisions endpoint for it.
    chat
        Whether it can be asked anything but decisions.
    caching
        Whether the provider keeps what begins many prompts.
    marks_from
        From how many tokens on it keeps what is marked; None where it is not told what to keep.
    prefill
        What is sent beside an answer that is begun for it, so that it goes on with that; None where it does not.
    deprecated, successor
        The day (ISO 8601) on which it is switched off, and what the provider names instead.
    sources
        Where a fact comes from, by its name: `learnt DATE`, `listed`, `DSPy`; `default` when it is not here.
    """

    logprobs: bool | None = None
    top_logprobs: int = MOST_ALTERNATIVES
    temperature: bool = True
    least_temperature: float = 0.0
    seed: bool = True
    schema: bool = True
    strict: bool = True
    lengths: bool = True
    system: bool = True
    max_tokens_field: str | None = None
    thinking: Thinking = "never"
    effort: str | None = None
    efforts: tuple[str, ...] = ()
    output_tokens: int | None = None
    context_tokens: int | None = None
    decisions: bool = False
    chat: bool = True
    caching: bool = False
    marks_from: int | None = None
    prefill: Mapping[str, bool] | None = None
    deprecated: str | None = None
    successor: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    def source(self, name: str) -> str:
        """Where a fact comes from."""
        return self.sources.get(name, "default")

    def was_learnt(self, name: str) -> bool:
        """Whether the server has said so itself."""
        return self.source(name).startswith("learnt")

    def knowing(self, source: str, facts: Mapping[str, Any]) -> Capabilities:
        """The same with other facts, which come from a source."""
        return replace(self, **facts, sources={**self.sources, **dict.fromkeys(facts, source)})

    def deprecation(self, today: date) -> str | None:
        """That it is switched off, or soon will be, in words."""
        try:
            day = date.fromisoformat(self.deprecated or "")
        except ValueError:
            return None
        if (day - today).days > _SOON_DAYS:
            return None
        instead = f"; the provider names {self.successor} instead" if self.successor else ""
        return f"{'was' if day <= today else 'will be'} switched off by its provider on {day}{instead}"


class Abilities:
    """What is known of one model at one address: changes while it is asked, and is kept for the next run.

    Parameters
    ----------
    known
        What is known from elsewhere.
    effort
        How hard it is to think, where that was asked for.
    place
        Under which what is learnt is kept; None to keep nothing.
    """

    def __init__(
        self, known: Capabilities | None = None, *, effort: str | None = None, place: str | None = None
    ) -> None:
        self.now = self._known = known or Capabilities()
        self.effort = effort
        self.budgeted = False  # what an answer may take was set aside before: no more is to be asked for at once
        self.learning = threading.RLock()  # one thread finds out what a server takes, while the others wait
        self._place = f"{place} effort={effort}" if place and effort else place
        if self._place:
            for day, facts in learnt.read(self._place, _kinds()).items():
                self.now = self.now.knowing(f"learnt {day}", facts)

    def learn(self, **facts: Any) -> None:
        """Take in what the server has shown."""
        with self.learning:
            self.now = self.now.knowing(f"learnt {date.today().isoformat()}", facts)
        if self._place:
            learnt.keep(self._place, facts)

    @contextmanager
    def anew(self) -> Iterator[None]:
        """Find everything out anew; what was learnt before is replaced when that has gone well."""
        place, self._place = self._place, None
        before, self.now = self.now, self._known
        try:
            yield
        except BaseException:
            self.now, self._place = before, place
            raise
        self._place = place
        if place:
            learnt.replace(
                place, {fact: getattr(self.now, fact) for fact in self.now.sources if self.now.was_learnt(fact)}
            )

    @property
    def effort_to_send(self) -> str | None:
        return self.effort or self.now.effort

    @property
    def thinks(self) -> bool:
        """Whether it thinks first, as it is asked now: then its answers need room for that."""
        if self.now.thinking == "always":
            return True
        return self.effort is not None and self.effort != "none"


def _kinds() -> dict[str, tuple[type, ...]]:
    """The facts that can be learnt, and as what they are kept."""
    kinds = {each.name: (bool,) for each in fields(Capabilities) if each.default in (True, False)}
    return kinds | {
        "logprobs": (bool,),
        "top_logprobs": (int,),
        "least_temperature": (int, float),
        "max_tokens_field": (str,),
        "thinking": (str,),
        "effort": (str, type(None)),
        "efforts": (list,),
        "output_tokens": (int,),
        "prefill": (dict,),
        "context_tokens": (int,),
    }


def known_before(provider: str, name: str, *, api_base: str | None = None) -> Capabilities:
    """What the lists say of `provider/name`, and the careful default for the rest; nothing is asked."""
    entry = listed(provider, name, anywhere=bool(api_base))
    known = Capabilities().knowing("listed", _listed_facts(provider, name, entry, own_server=bool(api_base)))
    if not entry and not api_base and _dspy_says_reasons(provider, name):
        known = known.knowing("DSPy", {"thinking": "always"})
    # A server of one's own is taken to speak as the provider does whose name it is given.
    if known.thinking == "never" and provider in _DOCUMENTED_LOGPROBS:
        return replace(known, logprobs=True, prefill=_PREFILL.get(provider))
    return replace(known, logprobs=False) if known.thinking == "always" else known


def _dspy_says_reasons(provider: str, name: str) -> bool:
    from dspy.clients.model_metadata import model_info

    return model_info(provider, name).get("supports_reasoning") is True


def _listed_facts(provider: str, name: str, entry: Mapping[str, Any], *, own_server: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for fact, key in (("output_tokens", "max_output_tokens"), ("context_tokens", "max_input_tokens")):
        if isinstance(entry.get(key), int):
            facts[fact] = entry[key]
    for fact, key in (("temperature", "supports_sampling_params"), ("system", "supports_system_messages")):
        if entry.get(key) is False:
            facts[fact] = False
    if entry.get("supports_prompt_caching") is True:
        facts["caching"] = True
        if provider in _MARKED and "claude" in name:
            least = entry.get("prompt_cache_min_tokens")
            facts["marks_from"] = least if isinstance(least, int) else _MARKS_FROM
    if entry.get("mode") in _DECISION_MODES:
        facts |= {"decisions": True, "chat": False}
    elif {"/v1/decisions", "/v1/systemone"} & set(entry.get("supported_endpoints") or ()):
        facts["decisions"] = True
    if not own_server:
        if isinstance(entry.get("deprecation_date"), str):
            facts["deprecated"] = entry["deprecation_date"]
        if isinstance(entry.get("successor_model"), str):
            facts["successor"] = entry["successor_model"]
    return facts | _thinking_facts(provider, entry)


def _thinking_facts(provider: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Whether a model of the list thinks, and the least effort that it offers."""
    always = entry.get("thinking_always_on") is True
    if not always and entry.get("supports_reasoning") is not True:
        return {}
    efforts, said = _efforts(entry)
    family = str(entry.get("litellm_provider") or provider)
    if "anthropic" in family and not always and entry.get("thinking_on_by_default") is not True:
        return {"thinking": "optional", "efforts": efforts}  # thinks only when told
    if not said and (family not in _REASON_UNTOLD or "litellm_provider" not in entry):
        return {"thinking": "always"}  # whether it takes an effort is not known, and one could set it thinking
    if family == "gemini" and entry.get("supports_minimal_reasoning_effort") is not False and "minimal" not in efforts:
        efforts = ("minimal", *efforts)
    least = efforts[0] if efforts else None
    if least == "none":
        return {"thinking": "optional", "effort": least, "efforts": efforts}
    # OpenAI's take no temperature while they reason, which its documentation says and the list does not.
    fixed = {"temperature": False} if family in ("openai", "azure") else {}
    return {"thinking": "always", "effort": least, "efforts": efforts, **fixed}


def _efforts(entry: Mapping[str, Any]) -> tuple[tuple[str, ...], bool]:
    """The efforts that an entry names, from the least, and whether it names them at all."""
    levels = entry.get("reasoning_effort_levels")
    if isinstance(levels, list):
        return tuple(each for each in EFFORTS if each in levels), True
    less = {name: entry.get(f"supports_{name}_reasoning_effort") for name in EFFORTS[:3]}
    said = any(each is not None for each in less.values()) or entry.get("supports_output_config") is True
    offered = {name for name in ("none", "minimal") if less[name] is True} | {"low", "medium", "high"}
    return tuple(each for each in EFFORTS if each in offered), said


def check_effort(name: str, effort: str | None, known: Capabilities) -> None:
    """Raise a `ModelError` for an effort that a model is known not to offer."""
    if effort is None:
        return
    if effort not in EFFORTS:
        raise ModelError(f"'{effort}' is no effort.", hint=f"There are {', '.join(EFFORTS)}.")
    if known.thinking == "optional" and effort == "none":
        return
    if known.efforts and effort not in known.efforts:
        offered = ", ".join(known.efforts)
        raise ModelError(f"{name} cannot think with the effort '{effort}'.", hint=f"It offers {offered}: --effort.")
