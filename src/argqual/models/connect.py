"""From a model's name to something that answers.

`local` and the ids of `argqual models list` are embedded models, and so is the path
of a GGUF file. `systemone/NAME` is a decision endpoint. Everything else is
`provider/name`, as DSPy and litellm write it.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from argqual.errors import ArgqualError, ModelError, TooLongError, Unreachable, WeightsError, nearest
from argqual.models import weights as weight_files
from argqual.models.embedded import EmbeddedServer, shared_server

DEFAULT_MODEL = "local"
SYSTEM_ONE = "systemone"
_TIMEOUT_SECONDS = 120.0
# Nothing is lost on the way to a model in this process; on a slow machine a long
# framework's first reading takes minutes.
_EMBEDDED_TIMEOUT_SECONDS = 3600.0

# Whose chat completions return log-probabilities, as their documentation says (2026).
_GIVES_LOGPROBS = ("openai", "azure", "deepseek", "hosted_vllm", "together_ai", "fireworks_ai")
_REASONING = re.compile(r"(^|/)(o[1345](-|$)|gpt-5(?!.*chat)|deepseek-reasoner)")


@dataclass
class Model:
    """Something that answers, and what is known of it.

    Parameters
    ----------
    name
        As it stands in results: the id of embedded weights, or `provider/name`.
    lm
        The `dspy.LM`; None for a decision endpoint.
    logprobs
        Whether it returns log-probabilities, as far as is known before asking.
    follows_schema
        Whether it takes a JSON Schema; turned off when the server refuses one.
    reasoning
        A model that thinks first: it takes no temperature and needs room to think.
    """

    name: str
    lm: Any = None
    logprobs: bool = False
    follows_schema: bool = True
    reasoning: bool = False
    free: bool = False
    endpoint: str | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    server: EmbeddedServer | None = field(default=None, repr=False)


def connect(
    name: str = DEFAULT_MODEL,
    *,
    api_base: str | None = None,
    api_key: str | None = None,
    engine: str = "auto",
    slots: int = 1,
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
        For an embedded model, the number of requests worked on at once.

    Raises
    ------
    ModelError
        No such model.
    WeightsError
        An embedded model's weights are not on this machine, or are broken.
    """
    if name == "local" or name in weight_files.KNOWN or name.endswith(".gguf"):
        if api_base:
            raise ModelError(
                f"'{name}' is an embedded model; it has no address.",
                hint="For a server, write the model as openai/NAME.",
            )
        return _embedded(name, engine=engine, slots=slots)
    provider, separator, rest = name.partition("/")
    if not separator or not rest:
        raise ModelError(
            f"No model is called '{name}'. {nearest(name, ['local', *weight_files.KNOWN])}",
            hint="Hosted models are written provider/name, such as openai/gpt-4.1-mini or anthropic/claude-sonnet-4-5.",
        )
    if provider == SYSTEM_ONE:
        return _system_one(rest, api_base, api_key)
    return _hosted(name, provider, api_base, api_key, engine)


def embedded_id(name: str) -> str:
    """The id of embedded weights: `local` is the default ones."""
    return weight_files.DEFAULT if name == "local" else name


def _embedded(name: str, *, engine: str, slots: int) -> Model:
    wanted = embedded_id(name)
    path = weight_files.locate(wanted)
    if path is None:
        weights = weight_files.KNOWN[wanted]
        raise WeightsError(
            f"The weights of {wanted} are not on this machine ({weight_files.describe_download(weights)}).",
            hint=f"Run: argqual models pull {wanted}",
        )
    server = shared_server(path, slots=slots)
    lm = _language_model(
        f"openai/{path.stem}",
        engine="lm15" if engine == "auto" else engine,
        api_base=f"{server.address.url}/v1",
        api_key=server.address.key,
        timeout=_EMBEDDED_TIMEOUT_SECONDS,
    )
    shown = wanted if wanted in weight_files.KNOWN else path.name
    return Model(shown, lm, logprobs=True, free=True, secrets=(server.address.key,), server=server)


def _system_one(name: str, api_base: str | None, api_key: str | None) -> Model:
    base = api_base or os.environ.get("SYSTEMONE_API_BASE")
    if not base:
        raise ModelError(
            f"The decision model '{name}' needs the address of its server.",
            hint="Give --api-base http://HOST:PORT or set SYSTEMONE_API_BASE.",
        )
    key = api_key or os.environ.get("SYSTEMONE_API_KEY") or ""
    return Model(f"{SYSTEM_ONE}/{name}", endpoint=base.rstrip("/"), secrets=(key,) if key else ())


def _hosted(name: str, provider: str, api_base: str | None, api_key: str | None, engine: str) -> Model:
    reasoning = bool(_REASONING.search(name))
    settings = {key: value for key, value in (("api_base", api_base), ("api_key", api_key)) if value}
    if api_base and "api_key" not in settings and not os.environ.get(f"{provider.upper()}_API_KEY"):
        settings["api_key"] = "none"  # a server of one's own often wants no key; the client insists on one
    lm = _language_model(name, engine=engine, **settings)
    known = bool(api_base and provider == "openai") or provider in _GIVES_LOGPROBS
    secrets = tuple(
        value for key, value in os.environ.items() if key.endswith(("_API_KEY", "_TOKEN")) and len(value) > 7
    )
    return Model(
        name, lm, logprobs=known and not reasoning, reasoning=reasoning, secrets=(*secrets, *filter(None, [api_key]))
    )


def _language_model(name: str, *, engine: str, **settings: Any) -> Any:
    # Both would otherwise look a price list up on the network before the first request.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    logging.getLogger("LiteLLM").setLevel(logging.ERROR)
    import dspy

    try:
        settings.setdefault("timeout", _TIMEOUT_SECONDS)
        return dspy.LM(name, engine=engine, cache=False, num_retries=2, **settings)
    except (ValueError, TypeError, dspy.utils.exceptions.LMError) as error:
        raise ModelError(f"Cannot use the model '{name}': {error}") from None


_TOO_LONG = re.compile(r"context (size|length|window)|maximum context|too long|too many tokens", re.IGNORECASE)


@contextmanager
def plain_errors(model: Model) -> Iterator[None]:
    """Turn what DSPy and HTTP clients raise into argqual's errors, without secrets."""
    import httpx
    from dspy.utils import exceptions as lm

    try:
        yield
    except ArgqualError:
        raise
    except (lm.LMAuthError, lm.LMNotConfiguredError, lm.LMBillingError) as error:
        raise Unreachable(_said(model, error, "refuses the credentials"), hint=_key_hint(model)) from None
    except lm.ContextWindowExceededError as error:
        raise TooLongError(_said(model, error, "says that the prompt is too long")) from None
    except lm.LMUnsupportedModelError as error:
        raise ModelError(_said(model, error, "is not known there"), hint="Check the model's name.") from None
    except lm.LMRateLimitError as error:
        raise Unreachable(_said(model, error, "is asked too often"), hint="Wait a little, then try again.") from None
    except (lm.LMTransportError, lm.LMTimeoutError, lm.LMServerError, httpx.TransportError) as error:
        raise Unreachable(
            _said(model, error, "cannot be reached"),
            hint="Check the network and --api-base. --model local needs neither.",
        ) from None
    except lm.LMUnexpectedError as error:
        if isinstance(error.__cause__, ImportError):
            raise ModelError(_said(model, error, "needs another package")) from None
        raise ModelError(_said(model, error, "gave an answer that cannot be used")) from None
    except (lm.LMInvalidRequestError, lm.LMUnsupportedFeatureError, lm.LMError) as error:
        if _TOO_LONG.search(str(error)):
            raise TooLongError(_said(model, error, "says that the prompt is too long")) from None
        raise ModelError(_said(model, error, "refuses the request")) from None


def _said(model: Model, error: Exception, what: str) -> str:
    first = str(error).strip().split("\n\n")[0]
    return f"The model {model.name} {what}: {masked(first, model.secrets)}"


def _key_hint(model: Model) -> str:
    provider = model.name.split("/")[0].upper()
    return f"Set {provider}_API_KEY to a valid key, or use --model local, which needs none."


def masked(text: str, secrets: tuple[str, ...]) -> str:
    """Text without any of the secrets in it."""
    for secret in secrets:
        text = text.replace(secret, "…")
    return text
