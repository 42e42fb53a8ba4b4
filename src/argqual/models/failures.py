"""What went wrong at a model's server, said plainly: without secrets, and without the text that was sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from argqual.errors import (
    ArgqualError,
    CredentialsError,
    ModelError,
    Outage,
    Stopped,
    TextRefused,
    TooLongError,
    UnknownModelError,
    Unreachable,
    nearest,
)
from argqual.models.addresses import OWN_SERVERS
from argqual.models.errorbodies import without_passages
from argqual.models.listing import providers
from argqual.models.traffic import OddAnswer, RefusedByServer

if TYPE_CHECKING:
    from argqual.models.connect import Model

_NETWORK_HINT = "Check the network and --api-base. --model local needs neither."
_LONGEST_SAYING = 300
_BEARER = re.compile(r"(?i)\b(bearer|basic|x-api-key:?)\s+[^\s\"',}]+")
_IN_ADDRESS = re.compile(r"://[^\s/?#\"']+@")  # a user name, a password
_TOO_LONG = re.compile(
    r"context.?(size|length|window|limit)|maximum context|too (long|large)|too many (input )?tokens"
    r"|exceeds? (the )?(max|limit)|(max|input) tokens",
    re.IGNORECASE,
)
_NO_SUCH_KEY = re.compile(r"No connected db\b")  # LiteLLM's proxy without a database, of any key but its own
_NO_SUCH_MODEL = re.compile(  # as it is said under another status than 404
    r"invalid model(?! ?(?:output|response))|not a valid model|model not exist"
    r"|model\b.{0,80}(?:does not exist|not found)",
    re.IGNORECASE,
)
_NO_PROVIDER = re.compile(r"LLM Provider NOT provided", re.IGNORECASE)
_MISSING = re.compile(r"No module named '(?P<module>[\w.]+)'|pip install (?P<what>'[^']+'|[\w\[\].,-]+)")
_OTHER_CREDENTIALS = {  # of providers that have no key of their name
    "bedrock": "Set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, with AWS_REGION",
    "vertex_ai": "Run: gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS",
    "sagemaker": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, with AWS_REGION",
    "watsonx": "Set WATSONX_APIKEY and WATSONX_URL",
    "github_copilot": "Sign in to GitHub",
}
_BLOCKED_CODES = ("promptFeedback", "SAFETY", "BLOCKLIST", "SPII", "PROHIBITED_CONTENT", "IMAGE_SAFETY")  # Gemini's
# What is refused about one text, as providers say it; in a message, or in its code.
_ABOUT_THE_TEXT = re.compile(
    r"content.{0,12}(filter|polic|management|moderat|restrict|risk|violat|inspection|blocked)|responsible.?ai|moderation"
    r"|flagged|guardrail|safety (system|filter|setting|reason|polic|check)|usage (polic|guideline)|content usage"
    r"|(prompt|candidate|request|input|output|response) (was |is |has been )?(blocked|filtered|rejected|refused)"
    r"|(prohibited|inappropriate|harmful|unsafe|sensitive|offensive|objectionable|disallowed) (content|material|text)"
    r"|prohibited_content|invalid_prompt|data_inspection|content exists risk|considered high risk|recitation|jailbreak"
    r"|violat\w+ (our|the|of|any|\w+'s) .{0,30}(polic|guideline|terms)|敏感|不安全",
    re.IGNORECASE,
)


@contextmanager
def plain_errors(model: Model, private: Iterable[str] = ()) -> Iterator[None]:
    """Turn what DSPy and HTTP clients raise into argqual's errors, without secrets.

    An error raised here has the attribute `lost` of the one it stands for (see `Traffic.run`). `private` is what was
    sent: servers repeat it in their messages, and it is none of a log's business.
    """
    try:
        yield
    except Exception as error:
        if stopped := _within(error, Stopped):
            raise stopped from None
        if outage := _within(error, Outage):  # perhaps on its way through DSPy
            last = _plain(model, outage.error, private)
            raise Outage(f"{last.message} ({outage.message})", outage.error, hint=last.hint) from None
        if isinstance(error, ArgqualError) or not _foreseen(error):
            raise
        plain = _plain(model, error, private)
        plain.lost = getattr(error, "lost", 0)
        raise plain from None


def _within(error: BaseException, kind: type[Any]) -> Any:
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, kind):
        seen = seen.__cause__
    return seen


def _foreseen(error: Exception) -> bool:
    import httpx
    from dspy.lm15 import LM15Error
    from dspy.utils.exceptions import LMError

    kinds = LMError | LM15Error | httpx.TransportError | RefusedByServer | OddAnswer | ValueError
    return isinstance(error, kinds)


def _plain(model: Model, error: Exception, private: Iterable[str]) -> ArgqualError:
    """argqual's error for one of a client's."""

    def said(error: Exception, what: str) -> str:
        first = str(error).partition("Traceback (most recent call last)")[0].strip().split("\n\n")[0]
        cut = without_passages(masked(first, model.secrets), private)
        more = "…" if len(cut) > _LONGEST_SAYING else ""
        return f"The model {model.name} {what}: {cut[:_LONGEST_SAYING]}{more}"

    import httpx
    from dspy.clients.errors import wrap_error
    from dspy.utils import exceptions as lm

    if _refuses_text(error, private):
        return TextRefused(said(error, "does not rate this text"))
    if isinstance(error, OddAnswer):
        return ModelError(said(error, "gave an answer that cannot be used"))
    if isinstance(error, RefusedByServer):
        if error.status in (401, 403):
            return CredentialsError(said(error, "refuses the credentials"), hint=_key_hint(model))
        if error.status == 429:
            return Unreachable(said(error, "is asked too often"), hint="Wait a little, then try again.")
        if error.status == 404 and "model" in str(error).lower():
            return UnknownModelError(said(error, "is not known there"), hint="Check the model's name.")
        if error.status < 500 and _TOO_LONG.search(str(error)):
            return TooLongError(said(error, "says that the prompt is too long"))
        if (error.status < 500 and error.status != 408) or error.status == 501:
            return ModelError(said(error, f"refuses the request ({error.status})"))
        return Unreachable(said(error, f"failed ({error.status})"), hint="Try again later.")
    if isinstance(error, httpx.TransportError):
        return Unreachable(said(error, "cannot be reached"), hint=_NETWORK_HINT)
    wrapped = wrap_error(error, model=model.name)
    if _NO_SUCH_KEY.search(str(wrapped)):
        return CredentialsError(said(wrapped, "does not know the key"), hint=_key_hint(model))
    if isinstance(wrapped, lm.LMAuthError | lm.LMNotConfiguredError | lm.LMBillingError):
        return CredentialsError(said(wrapped, "refuses the credentials"), hint=_key_hint(model))
    if isinstance(wrapped, lm.ContextWindowExceededError):
        return TooLongError(said(wrapped, "says that the prompt is too long"))
    if isinstance(wrapped, lm.LMUnsupportedModelError):
        return UnknownModelError(said(wrapped, "is not known there"), hint=_name_hint(model))
    if _NO_PROVIDER.search(str(wrapped)):
        return UnknownModelError(_no_provider(model.name), hint=f"Is it openai/{model.name}, on a server of yours?")
    if missing := _MISSING.search(str(wrapped)):
        return ModelError(said(wrapped, "needs another package"), hint=_package_hint(model, missing))
    if isinstance(wrapped, lm.LMRateLimitError):
        return Unreachable(said(wrapped, "is asked too often"), hint="Wait a little, then try again.")
    if isinstance(wrapped, lm.LMTransportError | lm.LMTimeoutError | lm.LMServerError):
        return Unreachable(said(wrapped, "cannot be reached"), hint=_network_hint(model))
    if type(wrapped) is lm.LMProviderError and (wrapped.status or 200) < 300:
        return ModelError(said(wrapped, "gave an answer that cannot be used"))
    if isinstance(wrapped, lm.LMUnexpectedError):
        if isinstance(error, ImportError) or isinstance(error.__cause__, ImportError):
            return ModelError(said(wrapped, "needs another package"))
        return ModelError(said(wrapped, "gave an answer that cannot be used"))
    if getattr(wrapped, "status", None) == 413 or _TOO_LONG.search(str(wrapped)):
        return TooLongError(said(wrapped, "says that the prompt is too long"))
    if _NO_SUCH_MODEL.search(str(wrapped)):
        return UnknownModelError(said(wrapped, "is not known there"), hint=_name_hint(model))
    hint = _name_hint(model) if getattr(wrapped, "status", None) == 404 else None
    return ModelError(said(wrapped, "refuses the request"), hint=hint)


def _refuses_text(error: Exception, private: Iterable[str]) -> bool:
    """Whether a provider refuses what this one text says; another text may well be rated."""
    from dspy.lm15 import BillingError, RateLimitError, ServerError, TransportError

    if isinstance(error, BillingError | RateLimitError | ServerError | TransportError | OddAnswer):
        return False
    if (getattr(error, "status", None) or 400) not in (200, 400, 403, 409, 422, 451):
        return False
    code = str(getattr(error, "provider_code", None) or "")
    said = without_passages(str(error), private)
    return _ABOUT_THE_TEXT.search(f"{said} {code.replace('_', ' ')}") is not None or code in _BLOCKED_CODES


def _key_hint(model: Model) -> str:
    provider = model.name.split("/")[0]
    what = _OTHER_CREDENTIALS.get(provider) or f"Set {provider.upper()}_API_KEY to a valid key"
    return f"{what}, or use --model local, which needs none."


def _network_hint(model: Model) -> str:
    provider = model.name.split("/")[0]
    if provider == "openai" or provider not in OWN_SERVERS:
        return _NETWORK_HINT
    return f"Is its server running? Where it is elsewhere, give --api-base, or set {provider.upper()}_API_BASE."


def _package_hint(model: Model, missing: re.Match[str]) -> str:
    if model.name.startswith("vllm/"):
        return f"For a vLLM server, write hosted_{model.name}."
    return f"Run: pip install {(missing['what'] or missing['module']).rstrip('.')}"


def _no_provider(name: str) -> str:
    """That nobody knows a provider, with the nearest that somebody does."""
    provider = name.split("/")[0]
    near = nearest(provider, providers())
    return f"No provider is called '{provider}'." + (f" {near}" if near.startswith("Did") else "")


def _name_hint(model: Model) -> str:
    elsewhere = "://" in model.identity and not re.search(r"/v\d", model.identity)
    return "Check the model's name" + (", and the address: most servers answer below /v1." if elsewhere else ".")


def masked(text: str, secrets: tuple[str, ...]) -> str:
    """Text without any of the secrets in it, and without what stands after `Bearer`."""
    for secret in secrets:
        text = text.replace(secret, "…")
    return _BEARER.sub(r"\1 …", _IN_ADDRESS.sub("://", text))
