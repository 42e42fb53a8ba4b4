"""Addresses and keys of servers: what is wrong with one is told before anything is sent.

It refuses to show a user name, a password or a key, also in what it says of a faulty one. Nothing is asked here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from argqual.errors import ModelError

OWN_SERVERS = frozenset({
    "openai", "systemone", "hosted_vllm", "vllm", "lm_studio", "ollama", "ollama_chat", "llamafile", "litellm_proxy",
    "text-completion-openai", "docker_model_runner", "lemonade", "oobabooga", "xinference", "infinity", "custom_openai",
})  # fmt: skip
"""The prefixes under which people run servers of their own; all other ones are a provider's."""
_BELOW_V1 = ("openai", "hosted_vllm", "vllm", "lm_studio")  # whose clients add no /v1 to an address
_VERSIONS = {"anthropic": "/v1", "gemini": "/v1beta", "ollama": "/v1"}  # below which DSPy's own transport asks
_ADDED_BY_LITELLM = ("anthropic", "ollama")
# Where a server is by default, as its documentation says, and litellm does not know: it would ask OpenAI.
_DEFAULTS = {"lm_studio": "http://localhost:1234/v1", "xinference": "http://localhost:9997/v1"}
# What has no address but its owner's, and how one looks; with other variables from which DSPy's transport takes one.
_NEED_ADDRESS: dict[str, tuple[str, tuple[str, ...]]] = {
    "litellm_proxy": ("http://localhost:4000", ()),
    "custom_openai": ("http://localhost:8000", ()),
    "infinity": ("http://localhost:7997", ()),
    "oobabooga": ("http://localhost:5000/v1", ()),
    "azure": ("https://RESOURCE.openai.azure.com", ("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_RESOURCE")),
    "azure_ai": ("https://RESOURCE.services.ai.azure.com", ()),
}
# The domains below which providers are, where one may be given an address of theirs: a region, a resource, the default.
_PROVIDERS_DOMAINS: dict[str, tuple[str, ...]] = {
    "anthropic": ("anthropic.com",),
    "azure": ("azure.com", "azure.us", "azure.cn"),
    "azure_ai": ("azure.com", "azure.us", "azure.cn"),
    "bedrock": ("amazonaws.com",),
    "databricks": ("databricks.com", "azuredatabricks.net"),
    "deepseek": ("deepseek.com",),
    "fireworks_ai": ("fireworks.ai",),
    "gemini": ("googleapis.com",),
    "groq": ("groq.com",),
    "mistral": ("mistral.ai",),
    "openai": ("openai.com",),
    "openrouter": ("openrouter.ai",),
    "together_ai": ("together.xyz", "together.ai"),
    "vertex_ai": ("googleapis.com",),
    "xai": ("x.ai",),
}
_ENDPOINTS = re.compile(r"/(chat/completions|completions|responses|models|embeddings|systemone|decisions|messages)$")
_QUOTES = "\"'`“”‘’„«»"
_OTHER_KEYS = {
    "gemini": ("GOOGLE_API_KEY",),
    "azure": ("AZURE_OPENAI_API_KEY",),
    "together_ai": ("TOGETHERAI_API_KEY", "TOGETHER_API_KEY"),
    "fireworks_ai": ("FIREWORKS_API_KEY",),
    "moonshot": ("MOONSHOTAI_API_KEY",),
    "huggingface": ("HF_TOKEN",),
    "databricks": ("DATABRICKS_TOKEN",),
}
_SPACE = {"\n": "a line end", "\r": "a line end", "\t": "a tab", " ": "a space", "\xa0": "a no-break space"}


def checked_address(address: str, *, provider: str = "", variable: str | None = None, any_path: bool = False) -> str:
    """The address of a server as it was given, when it is one; else a `ModelError` that says what to write.

    `provider` is the prefix of the models that are asked there; `variable` is the environment variable that the
    address is from, None when it was given. `any_path`: none is taken as well.
    """
    shown = f"The address '{shown_address(address)}'{f' in {variable}' if variable else ''}"
    if not address.strip():
        raise ModelError(
            f"The address of the server{f' in {variable}' if variable else ''} is empty.",
            hint="Give one such as --api-base http://localhost:8000/v1, or leave it out for the provider's own.",
        )
    for wrong, remedy in _faults(address, provider, any_path):
        raise ModelError(f"{shown} {wrong}.", hint=remedy)
    return address


def _faults(address: str, provider: str, any_path: bool) -> Iterator[tuple[str, str]]:
    """What is wrong with an address, each with what to do about it."""
    example = "http://localhost:8000" if provider == "systemone" else "http://localhost:8000/v1"
    for character in address:
        if character in _QUOTES:
            yield "has a quotation mark in it", f"Write it without, as in {example}."
        elif character.isspace() or not character.isprintable():
            yield f"has {_SPACE.get(character, 'an invisible character')} in it", "Take it out; was more copied?"
        elif not character.isascii():
            yield f"has the character '{character}' in it", "Write it in ASCII: xn--… for a host, %… for a path."
    scheme, separator, rest = address.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        begun = re.match(r"https?:", address, re.IGNORECASE) or separator
        remedy = f"An address looks like {example}."
        if not begun:
            remedy = f"Did you mean http://{shown_address(address).lstrip('/')}? Or https://…, where the server has it."
        yield "does not begin with http:// or https://", remedy
    authority = _authority(address)
    if "@" in rest and "@" not in authority:
        yield "cannot be read before its host", "In a password write / as %2F, # as %23, ? as %3F and @ as %40."
    server = authority.rpartition("@")[2]
    name, colon, port = server.rpartition(":") if re.search(r":[^]]*$", server) else (server, "", "")
    if re.search(r"[][:]", name) and not _is_bracketed(name):
        yield "has a host that cannot be read", "An IPv6 address stands in brackets: http://[::1]:8000."
    if not name:
        yield "names no server", f"An address looks like {example}."
    if not _is_bracketed(name) and (odd := re.search(r"[^\w.-]", name)):
        yield f"has '{odd[0]}' in its host", f"An address looks like {example}."
    if colon and not port:
        yield "has no port after its colon", "Give one, or leave out the colon."
    if colon and not (port.isdecimal() and 0 < int(port) < 65536):
        yield f"has the port '{port}'", "A port is a number from 1 to 65535."
    if "#" in rest:
        yield "has a # in it", "Leave out what begins with #."
    path = re.split(r"[?#]", rest.removeprefix(authority))[0].rstrip("/")
    shown = shown_address(address).rstrip("/")
    if found := _ENDPOINTS.search(path) if provider != "systemone" else None:
        yield "is that of an endpoint, and not of the server", f"Leave the end out: {shown.removesuffix(found[0])}"
    if not path and provider in _BELOW_V1 and not any_path:
        further = "For one that does not, write the model as custom_openai/NAME."
        yield "has no path", f"Nearly all such servers answer below /v1: {shown}/v1\n  {further}"


def _authority(address: str) -> str:
    """What stands between `//` and the path: user name, password, host and port."""
    return re.split(r"[/?#]", address.partition("://")[2])[0]


def _is_bracketed(host: str) -> bool:
    try:
        return bool(re.fullmatch(r"\[[^][]+\]", host) and urlsplit(f"//{host}").hostname)
    except ValueError:
        return False


def decision_server(address: str) -> str:
    """The address of a decision server without the path of its endpoint, which is added to it."""
    return re.sub(r"(/v1(/systemone)?)?/*$", "", address)


def default_address(provider: str) -> str | None:
    """Where a provider's models are when no address is given; None for what its client knows.

    Raises a `ModelError` when there is no such place: clients would send text and key to another provider.
    """
    example, elsewhere = _NEED_ADDRESS.get(provider, ("", ()))
    if example and not any(os.environ.get(each) for each in elsewhere):
        raise ModelError(
            f"Models of {provider}/ need the address of their server.",
            hint=f"Give --api-base {example}, or set {provider.upper()}_API_BASE.",
        )
    return _DEFAULTS.get(provider)


def asked_at(address: str, provider: str, *, native: bool) -> str:
    """An address as the transport wants it, which adds the version of a protocol to it or does not.

    `native` is DSPy's own transport; else it is litellm's. Either way people write the address with it or without.
    """
    version = _VERSIONS.get(provider)
    if version is None or "?" in address:
        return address
    bare = re.sub(rf"({version})?/*$", "", address)
    if bare != address.rstrip("/") or not urlsplit(address).path.rstrip("/"):
        return bare if provider in _ADDED_BY_LITELLM and not native else bare + version
    return address


def shown_address(address: str) -> str:
    """An address as it may be shown: no user name, no password, no query, nothing that moves a cursor."""
    scheme, separator, rest = address.partition("://")
    if not separator:
        scheme, rest = "", address
    rest = re.split(r"[?#]", rest.rpartition("@")[2])[0]
    shown = f"{scheme}{separator}{rest}".strip()
    return "".join(each if each.isprintable() else " " for each in shown)[:200]


def has_password(address: str) -> bool:
    """Whether a user name or a password stands in an address."""
    return "@" in _authority(address)


def secrets_in(address: str) -> tuple[str, ...]:
    """What no message may show of an address: user name, password and query, as they are written and as meant."""
    who = _authority(address).rpartition("@")[0]
    user, _, password = who.partition(":")
    parts = (who, user, password, address.partition("?")[2])
    found = {each for part in parts for each in (part, unquote(part)) if len(each) > 2}
    return tuple(sorted(found, key=len, reverse=True))


def host_of(address: str) -> str:
    """Host and port, by which the requests under way are counted."""
    parts = urlsplit(address)
    return f"{parts.hostname or address}:{parts.port or ''}"


def is_providers(address: str, provider: str) -> bool:
    """Whether an address is the provider's own, where it charges what it charges elsewhere; else it is a server of
    one's own, or a stranger's, that only speaks as the provider does."""
    host = (urlsplit(address).hostname or "").rstrip(".")
    return any(host == domain or host.endswith(f".{domain}") for domain in _PROVIDERS_DOMAINS.get(provider, ()))


def place_of(address: str) -> str:
    """An address without the user name and password that it may hold, and without a query."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{host_of(address)}{parts.path.rstrip('/')}"


def address_variable(provider: str) -> str | None:
    """The environment variable from which a provider's client takes another address; None when none is set."""
    names = (f"{provider.upper()}_API_BASE", f"{provider.upper()}_BASE_URL")
    return next((name for name in names if os.environ.get(name)), None)


def key_set_for(provider: str) -> str | None:
    """The key in a provider's variables; None when none is set."""
    return next((key for each in _key_variables(provider) if (key := os.environ.get(each))), None)


def _key_variables(provider: str) -> tuple[str, ...]:
    return (f"{provider.upper()}_API_KEY", *_OTHER_KEYS.get(provider, ()))


def check_keys(provider: str, api_key: str | None, *, needed: bool) -> None:
    """A `ModelError` when a key that was given, or that lies in the provider's variables, can be none.

    `needed`: whether a variable that is set must hold one; a server of one's own often wants none.
    """
    if api_key is not None:
        _check_key(api_key, "The key", f"Leave it out, and set {provider.upper()}_API_KEY.")
        return
    for variable in _key_variables(provider):
        key = os.environ.get(variable)
        if key is not None and (key or needed):
            _check_key(key, f"The key in {variable}", f"Set {variable} to a key, or unset it.")
        if key:
            return


def _check_key(key: str, named: str, remedy: str) -> None:
    """`remedy` is what to do about an empty one."""
    if not key.strip():
        raise ModelError(f"{named} is empty.", hint=remedy)
    again = "Set it again, with nothing but the key."
    if key != key.strip():
        what = _SPACE.get(key[-1] if key[-1].isspace() else key[0], "white space")
        raise ModelError(f"{named} has {what} at its {'end' if key[-1].isspace() else 'beginning'}.", hint=again)
    if key[0] in _QUOTES and len(key) > 1 and key[-1] in _QUOTES:
        raise ModelError(f"{named} stands in quotation marks, which are taken for part of it.", hint=again)
    if key.lower().startswith(("bearer ", "basic ")):
        raise ModelError(f"{named} begins with '{key.split()[0]}', which is no part of a key.", hint=again)
    for character in key:
        if not character.isprintable():
            what = _SPACE.get(character, "an invisible character")
            raise ModelError(f"{named} has {what} in it.", hint=again)
        if ord(character) > 255:
            raise ModelError(
                f"{named} has the character '{character}' in it, which no key has.",
                hint=f"{again} Word processors and chat programs change quotes and hyphens.",
            )
