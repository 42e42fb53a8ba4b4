"""Defaults of one's own: a model, a framework, an address and how long an engine stays; of the environment or a file.

A flag beats the environment, and the environment beats the file. Keys are in neither: they stay in the variables of
their providers. An address belongs to the model that it was set with, so that no text, and no key, goes to a place
that is another model's.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import typer

from argqual.errors import InputError, nearest

Source = Literal["environment", "file", "default"]
VARIABLES = {
    "model": "ARGQUAL_MODEL",
    "framework": "ARGQUAL_FRAMEWORK",
    "api_base": "ARGQUAL_API_BASE",
    "keep": "ARGQUAL_KEEP",
}
DEFAULTS = {"model": "local", "framework": "ratio", "api_base": None, "keep": None}
LEAST_MINUTES, MOST_MINUTES = 0.1, 1440
_SECRET = re.compile(r"key|token|secret|password|credential", re.IGNORECASE)
_MOST_BYTES = 100_000


@dataclass(frozen=True)
class Setting:
    """A default, and where it is from; `value` is None where nothing is set."""

    value: str | None
    source: Source


def settings_file() -> Path:
    """Where defaults are kept: the file that `ARGQUAL_CONFIG` names, or else one in the user's configuration folder."""
    if given := os.environ.get("ARGQUAL_CONFIG"):
        return Path(os.path.expanduser(given))
    from platformdirs import user_config_path  # no help waits for it

    return user_config_path("argqual") / "config.toml"


def read_settings() -> dict[str, str]:
    """What the file says; nothing when there is none. An `InputError` with the place of whatever is wrong in it."""
    import tomllib  # no help waits for it

    text = settings_text()
    path = settings_file()
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path}{_place(str(error))}: this is no TOML: {re.sub(r' *[(]at .*[)]', '', str(error))}.",
            hint='Lines look like: model = "local". Text stands in quotation marks.',
        ) from None
    for key, value in found.items():
        where = f"{path}{_line_of(key, text)}"
        check_name(key, where=f"{where}: ")
        if key == "keep":
            found[key] = f"{minutes(str(value), where=f'{where}: '):g}"
        elif not isinstance(value, str) or not value.strip():
            raise InputError(f"{where}: '{key}' must be a text.", hint=f'For example {key} = "{_EXAMPLES[key]}".')
    return found


def minutes(given: str, *, where: str = "") -> float:
    """A number of minutes for which an engine stays; an `InputError` where it can be none."""
    try:
        found = float(given)
    except ValueError:
        found = -1.0
    if not (found == 0 or LEAST_MINUTES <= found <= MOST_MINUTES):
        raise InputError(
            f"{where}'keep' is {given}, which is no number of minutes from {LEAST_MINUTES} to {MOST_MINUTES}.",
            hint="For example 10; 0 leaves no engine behind.",
        )
    return found


def keep_minutes(model: str, api_base: str | None) -> float | None:
    """For how many minutes the engine of a model is to stay after the command; None for one that is to end with it."""
    from argqual.models.names import is_embedded

    if not is_embedded(model, api_base):
        return None
    found = setting("keep")
    if found.value is None:
        return None
    where = f"{VARIABLES['keep']}: " if found.source == "environment" else ""
    return minutes(found.value, where=where) or None


_EXAMPLES = {"model": "local", "framework": "ratio", "api_base": "http://localhost:8000/v1"}


def settings_text() -> str:
    """The file as text, empty when there is none; an `InputError` when it cannot be read."""
    path = settings_file()
    try:
        if not path.exists():
            return ""
        content = path.read_bytes()
        if len(content) > _MOST_BYTES:
            raise InputError(f"{path} is too large for a file of settings.", hint="Is ARGQUAL_CONFIG another file?")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}:{line}: this is not UTF-8.", hint="Save the file as UTF-8.") from None
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read: {said}.", hint="It, or another that ARGQUAL_CONFIG names.") from None


def check_name(key: str, *, where: str = "") -> None:
    """An `InputError` unless a default is called so; keys of providers are kept elsewhere."""
    if key in VARIABLES:
        return
    if _SECRET.search(key):
        raise InputError(
            f"{where}Keys are not kept among the settings.",
            hint="Set the provider's environment variable, such as OPENAI_API_KEY or ANTHROPIC_API_KEY.",
        )
    raise InputError(f"{where}No setting is called '{key}'. {nearest(key, VARIABLES)}")


def setting(key: str) -> Setting:
    """A default by name: the environment's, or else the file's, or else argqual's own."""
    if given := os.environ.get(VARIABLES[key]):
        return Setting(given, "environment")
    if kept := read_settings().get(key):
        return Setting(kept, "file")
    return Setting(DEFAULTS[key], "default")


def address_for(model: str, *, flagged: bool) -> tuple[str | None, str | None]:
    """The address set for a model, and what to say where one is set and not meant for it.

    `flagged`: the model was named in the command, so that it need not be the one that the address was set with.
    """
    from argqual.models.names import is_embedded

    address = setting("api_base")
    if address.value is None or is_embedded(model, address.value):
        return None, None
    kept = read_settings()
    mate = kept.get("model") if address.source == "file" else setting("model").value
    if address.source == "file":
        meant = model == mate if mate else not flagged or _may_be_there(model, None)
    else:
        meant = not flagged or model == mate or _may_be_there(model, mate)
    if meant:
        return address.value, None
    from argqual.models.addresses import shown_address

    where = VARIABLES["api_base"] if address.source == "environment" else str(settings_file())
    return None, (
        f"{model} is not asked at {shown_address(address.value)}: that address in {where} was set for "
        f"{mate or 'another kind of server'}. --api-base says otherwise."
    )


def _may_be_there(model: str, mate: str | None) -> bool:
    """Whether a model may be on the server on which another is, or on one of the user's own."""
    from argqual.models.addresses import OWN_SERVERS
    from argqual.models.names import is_embedded

    provider = model.partition("/")[0]
    if mate is None or is_embedded(mate):
        return provider in OWN_SERVERS
    return provider == mate.partition("/")[0]


# ---- what options take when they are not given


def _is_default(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return not context.resilient_parsing and source is not None and source.name == "DEFAULT"


def default_model(context: typer.Context, parameter: typer.CallbackParam, value: Any) -> Any:
    """Of `--model`: as given, by the environment (which the option reads itself), or by the file."""
    return setting("model").value if _is_default(context, str(parameter.name)) else value


def default_framework(context: typer.Context, parameter: typer.CallbackParam, value: Any) -> Any:
    """Of `--framework`, in the same way."""
    return setting("framework").value if _is_default(context, str(parameter.name)) else value


def default_address(context: typer.Context, parameter: typer.CallbackParam, value: Any) -> Any:
    """Of `--api-base`: as given, or the address that was set for the model, which is declared before it."""
    source = context.get_parameter_source(str(parameter.name))
    if context.resilient_parsing or source is None or source.name == "COMMANDLINE":
        return value
    name = "model" if "model" in context.params else "name"
    model = context.params.get(name)
    if not isinstance(model, str):
        return None
    named = context.get_parameter_source(name)
    address, said = address_for(model, flagged=named is not None and named.name == "COMMANDLINE")
    if said:
        typer.echo(said, err=True)
    return address


# ---- changing the file


def write_setting(key: str, value: str | None) -> list[str]:
    """Set a default in the file, or forget it (None); returns other settings that were forgotten with it.

    What else stands in the file, comments too, stays as it is. The file is replaced whole, or not at all.
    """
    import tomllib

    before = read_settings()
    wanted = {name: kept for name, kept in before.items() if name != key} | ({key: value} if value else {})
    forgotten = []
    if key == "model" and before.get("model") not in (None, value) and "api_base" in wanted:
        del wanted["api_base"]  # it was set with the other model
        forgotten.append("api_base")
    lines = settings_text().splitlines(keepends=True)
    for name in {key, *forgotten}:
        lines = [line for line in lines if not re.match(rf'\s*"?{name}"?\s*=', line)]
    text = "".join(lines)
    if value:
        text += "" if not text or text.endswith("\n") else "\n"
        text += f"{key} = {value if key == 'keep' else json.dumps(value, ensure_ascii=False)}\n"
    path = settings_file()
    try:
        found = tomllib.loads(text).items()
        fits = {name: f"{float(kept):g}" if name == "keep" else kept for name, kept in found} == wanted
    except ValueError:
        fits = False
    if not fits:
        raise InputError(f"'{key}' cannot be changed in {path} without losing something.", hint="Change it by hand.")
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(target)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise InputError(f"{path} cannot be written: {error.strerror or error}.", hint=_ELSEWHERE) from None
    return forgotten


_ELSEWHERE = "ARGQUAL_CONFIG may name another file."


def _place(said: str) -> str:
    found = re.search(r"line (\d+), column (\d+)", said)
    return f":{found[1]}:{found[2]}" if found else ""


def _line_of(key: str, text: str) -> str:
    """The line of a key, to stand after the file's name."""
    pattern = re.compile(rf"""\s*\[*\s*["']?{re.escape(key)}["']?\s*[.=\]]""")
    found = (number for number, line in enumerate(text.splitlines(), start=1) if pattern.match(line))
    return next((f":{number}" for number in found), "")
