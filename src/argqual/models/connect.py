"""From a model's name to something that answers.

`local` and the ids of `argqual models list` are embedded models, and so are the path of a GGUF
file and one on a hub, `hf://OWNER/REPO/FILE.gguf`. `systemone/NAME` is a decision endpoint.
`PREFIX/NAME` is a model of an installed package that has given this prefix (`ModelSource`).
Everything else is `provider/name`, as DSPy and litellm write it.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from argqual._plugins import added, imported
from argqual.errors import ModelError
from argqual.models import asking
from argqual.models import weights as weight_files
from argqual.models.addresses import (
    OWN_SERVERS,
    address_variable,
    asked_at,
    check_keys,
    checked_address,
    decision_server,
    default_address,
    has_password,
    host_of,
    is_providers,
    key_set_for,
    place_of,
    secrets_in,
)
from argqual.models.capabilities import Abilities, Capabilities, check_effort, known_before
from argqual.models.decisions import Decider, OwnServer, Provider, is_spoken
from argqual.models.embedded import CONTEXT_TOKENS, DEFAULT_SLOTS, MOST_SLOTS, EmbeddedServer, shared_server
from argqual.models.gguf import WeightFile, described
from argqual.models.names import DEFAULT_MODEL, GROUP, SYSTEM_ONE, check_name, embedded_weights, is_embedded
from argqual.models.prices import FREE, Price, listed_price
from argqual.models.slots import Slots
from argqual.models.tokenizing import ServerTokenizer
from argqual.models.traffic import RateLimiter, Traffic, limiter_for

TIMEOUT_SECONDS = 120.0
# Nothing is lost on the way to a model on this machine; on a slow machine a long
# framework's first reading takes minutes.
_EMBEDDED_TIMEOUT_SECONDS = 3600.0


class Engine(Protocol):
    """What sends a model's requests and waits for its answers; called from several threads at once."""

    def ask(self, request: Any) -> tuple[Any, int]:
        """The answer to a `dspy.lm15.Request` (system, messages, config with schema and log-probabilities).

        Returns a `dspy.lm15.Response` (text, usage, finish_reason, log-probabilities where they were asked for),
        and how many requests were lost on the way to it and may have been charged. It may raise what `dspy.lm15`
        raises, which is then said plainly (`argqual.models.failures`); a `dspy.lm15.InvalidRequestError` or
        `UnsupportedFeatureError` that names something in the request has it sent again without that
        (`argqual.models.asking`).
        """


class ModelSource(Protocol):
    """Connects the models of one prefix; for packages that bring models of their own.

    An entry point of the group `argqual.models` names such a function, under its prefix: `mine/NAME` is what
    `connect_mine("NAME", …)` returns. It is imported when a model with its prefix is asked for; `systemone/` and
    the embedded models are argqual's own.

        [project.entry-points."argqual.models"]
        mine = "my_package:connect_mine"
    """

    def __call__(self, name: str, *, api_base: str | None, api_key: str | None) -> Model:
        """The model, with an `engine` and an `identity`; an `ArgqualError` when there is none. Nothing is asked."""


@dataclass
class Model:
    """Something that answers, and what is known of it.

    Parameters
    ----------
    name
        As it stands in results: the id of embedded weights, or `provider/name`.
    lm, engine
        The `dspy.LM`, and the engine beneath it; None for a decision endpoint. Only the read-out `verbal` and
        optimisation need the `dspy.LM`.
    traffic
        Through which every request goes.
    identity
        What answers, exactly, in which version and where: part of the key under which an assessment is kept.
    logprobs
        Whether it returns log-probabilities, as far as is known before asking.
    follows_schema
        Whether it is shown a JSON Schema of the answer.
    price
        What its tokens cost; None when that is not known.
    abilities
        What it can do, as far as is known by now, and how hard it is to think.
    decider
        What asks it for decisions; None where that is not possible.
    endpoint
        Where it is, if it gives decisions and nothing else.
    tokenizer
        That of a server of one's own, which may offer none.
    """

    name: str
    lm: Any = None
    engine: Engine | None = field(default=None, repr=False)
    traffic: Traffic = field(default_factory=lambda: Traffic(RateLimiter()), repr=False)
    identity: str = ""
    logprobs: bool = False
    follows_schema: bool = True
    price: Price | None = None
    abilities: Abilities = field(default_factory=Abilities, repr=False)
    endpoint: str | None = field(default=None, repr=False)
    decider: Decider | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    tokenizer: ServerTokenizer | None = field(default=None, repr=False)
    server: EmbeddedServer | None = field(default=None, repr=False)

    def __sklearn_clone__(self) -> Model:
        """Estimators that are cloned share the connection."""
        return self

    @property
    def reasoning(self) -> bool:
        """Whether it thinks before it answers, so that its answers need room for that."""
        return self.abilities.thinks

    def ask(self, request: Any) -> tuple[Any, int]:
        """The answer to a `dspy.lm15.Request`, fitted to what the model takes, and the requests lost on the way."""
        assert self.engine is not None
        return asking.ask(self.engine.ask, request, self.abilities, name=self.name)


def connect(
    name: str = DEFAULT_MODEL,
    *,
    api_base: str | None = None,
    api_key: str | None = None,
    engine: str = "auto",
    slots: int | None = None,
    timeout: float = TIMEOUT_SECONDS,
    effort: str | None = None,
    any_path: bool = False,
) -> Model:
    """A model by name. Nothing is asked of it yet.

    Parameters
    ----------
    api_base, api_key
        Address and key of an OpenAI-compatible server or a decision endpoint; by
        default the provider's own, with the key from its environment variable.
    engine
        DSPy's transport: `auto`, `lm15` (native) or `litellm`.
    slots
        For an embedded model, the number of requests worked on at once (1 when left out, 8 at most).
    timeout
        Seconds to wait for the next byte of a hosted model's answer.
    effort
        How hard a hosted model is to think before it answers (none, minimal, low, medium or high); the least that it
        offers when left out.
    any_path
        Take an address without a path, which is most likely a mistake: for one that lies with something saved.

    Raises
    ------
    ModelError
        No such model.
    WeightsError
        An embedded model's weights are not on this machine, or are broken.
    """
    # DSPy and litellm would otherwise look a list up on the network before the first request.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    check_name(name)
    if is_embedded(name, api_base):
        if api_base:
            raise ModelError(
                f"'{name}' is an embedded model; it has no address.",
                hint="For a server, write the model as openai/NAME.",
            )
        _thinks_not(name, effort)
        return _embedded(name, engine=engine, slots=_slots(slots))
    provider, _, rest = name.partition("/")
    if provider == SYSTEM_ONE:
        _thinks_not(name, effort)
        return _system_one(rest, api_base, api_key)
    if source := added(GROUP).get(provider):
        _thinks_not(name, effort)
        connected: Model = imported(source, lambda found: found, ModelError)(rest, api_base=api_base, api_key=api_key)
        return connected
    return _hosted(name, provider, api_base, api_key, engine, timeout, effort, any_path)


def begin(
    name: str, *, api_base: str | None = None, slots: int | None = None, keep: float | None = None
) -> EmbeddedServer | None:
    """Begin to load what `connect` will want of this machine, so that other things can be done meanwhile.

    An engine that is started for it stays for `keep` minutes after it was last used, or ends with this process (None).
    Nothing for a model elsewhere. Raises as `connect`.
    """
    check_name(name)
    if api_base or not is_embedded(name):
        return None
    return _begun(name, _slots(slots), keep)[-1]


def _begun(name: str, slots: int, keep: float | None = None) -> tuple[str, Path, str, EmbeddedServer]:
    """An embedded model's name, file and identity, and its server, which may not have loaded it yet."""
    name, path, identity = embedded_weights(name)
    return name, path, identity, shared_server(path, slots=slots, identity=identity, keep=keep)


def _slots(wanted: int | None) -> int:
    return min(wanted or DEFAULT_SLOTS, MOST_SLOTS)


def _thinks_not(name: str, effort: str | None) -> None:
    if effort not in (None, "none"):
        raise ModelError(f"'{name}' cannot be told how hard to think.", hint="Leave out --effort.")


def _embedded(name: str, *, engine: str, slots: int) -> Model:
    name, path, identity, server = _begun(name, slots)
    import dspy  # noqa: F401 — takes as long as loading a small model, and is done beside it

    traffic = Traffic(limiter_for(server.address.url, ceiling=slots))
    about = WeightFile() if name in weight_files.KNOWN else described(path)
    if about.decision_type:
        url, key = server.address.url, server.address.key
        return Model(
            name,
            traffic=traffic,
            identity=f"{identity}, {CONTEXT_TOKENS} tokens",
            abilities=Abilities(Capabilities(decisions=True, chat=False, context_tokens=CONTEXT_TOKENS)),
            price=FREE,
            decider=OwnServer(url, path.stem, key, traffic, _EMBEDDED_TIMEOUT_SECONDS),
            endpoint=url,
            secrets=(key,),
            server=server,
        )
    lm = _language_model(
        f"openai/{path.stem}",
        traffic,
        engine="lm15" if engine == "auto" else engine,
        api_base=f"{server.address.url}/v1",
        api_key=server.address.key,
        timeout=_EMBEDDED_TIMEOUT_SECONDS,
        slots=server.held,
    )
    return Model(
        name,
        lm,
        engine=lm.engine,
        traffic=traffic,
        identity=f"{identity}, {CONTEXT_TOKENS} tokens",
        logprobs=True,
        abilities=Abilities(
            Capabilities(logprobs=True, context_tokens=CONTEXT_TOKENS, prefill=None if about.thinks else {})
        ),
        price=FREE,
        secrets=(server.address.key,),
        server=server,
    )


def _system_one(name: str, api_base: str | None, api_key: str | None) -> Model:
    base = os.environ.get("SYSTEMONE_API_BASE") if api_base is None else api_base
    if base is None:
        raise ModelError(
            f"The decision model '{name}' needs the address of its server.",
            hint="Give --api-base http://HOST:PORT or set SYSTEMONE_API_BASE.",
        )
    checked_address(base, provider=SYSTEM_ONE, variable="SYSTEMONE_API_BASE" if api_base is None else None)
    check_keys(SYSTEM_ONE, api_key, needed=False)
    key = api_key or os.environ.get("SYSTEMONE_API_KEY") or ""
    endpoint, traffic = decision_server(base), Traffic(limiter_for(host_of(base)))
    return Model(
        f"{SYSTEM_ONE}/{name}",
        traffic=traffic,
        identity=place_of(endpoint),
        endpoint=endpoint,
        decider=OwnServer(endpoint, name, key, traffic),
        secrets=(*filter(None, [key]), *secrets_in(base)),
    )


def _hosted(
    name: str,
    provider: str,
    api_base: str | None,
    api_key: str | None,
    engine: str,
    timeout: float,
    effort: str | None,
    any_path: bool,
) -> Model:
    variable = address_variable(provider) if api_base is None else None
    base = os.environ[variable] if variable else api_base
    if base is None:
        base = default_address(provider)
    if base is not None:
        checked_address(base, provider=provider, variable=variable, any_path=any_path)
        if engine == "auto" and has_password(base):
            engine = "litellm"  # DSPy's own takes user name and password for part of the host
    check_keys(provider, api_key, needed=base is None)
    if variable and provider == "ollama" and engine == "auto":
        engine = "lm15"  # as with an address that is given: litellm asks Ollama thrice for what it asks once
    settings: dict[str, Any] = {"api_key": api_key} if api_key else {}
    if base is not None:  # also one from a variable: not every client looks there
        settings["api_base"] = asked_at(base, provider, native=engine == "lm15" or (engine == "auto" and not variable))
        if key := api_key or key_set_for(provider):  # not every client looks for it in the variable
            settings["api_key"] = key
        elif provider in OWN_SERVERS or (api_base and provider != "azure"):  # Azure's has tokens of other kinds
            settings["api_key"] = "none"  # a server of one's own often wants no key; the client insists on one
    traffic = Traffic(limiter_for(host_of(base) if base else provider))
    known = known_before(provider, name.partition("/")[2], api_base=api_base)
    check_effort(name, effort, known)
    identity = place_of(base) if base else provider
    abilities = Abilities(known, effort=effort, place=f"{identity} {name}")
    decider = Provider(name, base, settings.get("api_key"), traffic, timeout) if is_spoken(provider) else None
    if not known.chat and decider is None:
        raise ModelError(
            f"{name} gives decisions and nothing else, and how {provider} is asked for them is not known.",
            hint="Where it speaks System One, write it as systemone/NAME and give its --api-base.",
        )
    lm = None
    if known.chat:
        lm = _language_model(name, traffic, engine=engine, timeout=timeout, abilities=abilities, **settings)
    secrets = tuple(
        value for key, value in os.environ.items() if key.endswith(("_API_KEY", "_TOKEN")) and len(value) > 7
    )
    return Model(
        name,
        lm,
        engine=lm and lm.engine,
        traffic=traffic,
        identity=f"{identity}, effort {effort}" if effort else identity,
        logprobs=abilities.now.logprobs is True,
        follows_schema=abilities.now.schema,
        abilities=abilities,
        price=_price_at(base, provider, name),
        decider=decider,
        endpoint=None if known.chat else identity,
        secrets=(*secrets, *filter(None, [api_key]), *secrets_in(base or "")),
        tokenizer=_tokenizer(name, base, settings.get("api_key", "")) if provider in OWN_SERVERS else None,
    )


def _price_at(base: str | None, provider: str, name: str) -> Price | None:
    """What is listed for a model where it is its provider that is asked; of a server of one's own nothing is known.

    What is listed as free is run at home wherever it is.
    """
    price = listed_price(provider, name.partition("/")[2])
    return price if base is None or price == FREE or is_providers(base, provider) else None


def _tokenizer(name: str, base: str | None, key: str) -> ServerTokenizer | None:
    return ServerTokenizer(base, name.partition("/")[2], key) if base and "?" not in base else None


def _language_model(
    name: str,
    traffic: Traffic,
    *,
    engine: str,
    timeout: float,
    abilities: Abilities | None = None,
    slots: Slots | None = None,
    **settings: Any,
) -> Any:
    for noisy in ("LiteLLM", "dspy"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)  # an error's traceback, which is said in words anyway
    import dspy

    from argqual.models.engines import throttled

    try:
        reference = dspy.LM(name, engine=engine, cache=False, num_retries=0, timeout=timeout, **settings)
        sender = throttled(reference, traffic, timeout=timeout, abilities=abilities, slots=slots)
        return dspy.LM(name, engine=sender, cache=False, num_retries=0)
    except (ValueError, TypeError, dspy.utils.exceptions.LMError, dspy.lm15.LM15Error) as error:
        raise ModelError(f"Cannot use the model '{name}': {error}") from None
