"""What a model's name names: weights on this machine, or a model elsewhere."""

from __future__ import annotations

import hashlib
import re
import shlex
from pathlib import Path
from typing import Literal

from argqual._plugins import added
from argqual.errors import ModelError, WeightsError, nearest
from argqual.models import hub_weights
from argqual.models import weights as weight_files
from argqual.models.addresses import OWN_SERVERS, shown_address

GROUP = "argqual.models"
DEFAULT_MODEL = "local"
SYSTEM_ONE = "systemone"


def is_embedded(name: str, api_base: str | None = None) -> bool:
    """Whether a model of this name runs on this machine, from weights on this machine.

    `openai/x.gguf` is a model on a server, unless there is a file of this path and no address.
    """
    if name == "local" or name in weight_files.KNOWN or hub_weights.is_hub_name(name):
        return True
    provider, separator, _ = name.partition("/")
    served = bool(separator) and (provider in OWN_SERVERS or provider in added(GROUP))
    is_file = name.lower().endswith(".gguf")
    return is_file and not (served and (api_base or not Path(name).is_file()))


def check_name(name: str) -> Literal["known", "file", "hosted"]:
    """What a model's name names: known weights, a weight file, or a model elsewhere; a `ModelError` for nothing."""
    if hub_weights.is_hub_name(name):
        hub_weights.hub_name(name)
        return "known"
    if page := hub_weights.named_on_a_page(name):
        raise ModelError(f"'{name}' is a page of the hub.", hint=f"Write it so: {page}")
    if "://" in name:
        raise ModelError(
            f"'{shown_address(name)}' is an address, and no model's name.",
            hint="Give it as --api-base, with the model as openai/NAME.",
        )
    if is_embedded(name):
        return "file" if name.lower().endswith(".gguf") else "known"
    provider, _, rest = name.partition("/")
    if provider and rest and not re.search(r"\s", provider):
        return "hosted"
    known = ["local", *weight_files.KNOWN, *(f"{prefix}/" for prefix in added(GROUP))]
    raise ModelError(
        f"No model is called '{name}'. {nearest(name, known)}",
        hint="Hosted models are written provider/name, such as openai/gpt-6-luna or anthropic/claude-sonnet-5-5.",
    )


def embedded_id(name: str) -> str:
    """The id of embedded weights: `local` is the default ones."""
    return weight_files.DEFAULT if name == "local" else name


def embedded_weights(name: str) -> tuple[str, Path, str]:
    """Weights here: the name that results give them, their file, and a digest that tells them from others.

    Raises a `WeightsError` if they are not on this machine, or are broken.
    """
    wanted = embedded_id(name)
    if hub_weights.is_hub_name(wanted):
        if found := hub_weights.locate(hub_weights.hub_name(wanted)):
            return wanted, found[0], found[1].sha256
        pulling = f"Run: argqual models pull {shlex.quote(wanted)}"
        raise WeightsError(f"The weights of {wanted} are not on this machine.", hint=pulling)
    known = weight_files.KNOWN.get(wanted)
    path = weight_files.locate(wanted)
    if path is None:
        size = f" ({weight_files.describe_download(known)})" if known else ""
        raise WeightsError(
            f"The weights of {wanted} are not on this machine{size}.", hint=f"Run: argqual models pull {wanted}"
        )
    return (wanted, path, known.sha256) if known else (path.name, path, _file_identity(path))


def name_of(identity: str, path: Path) -> str:
    """The name of weights with such a digest: an id, one on a hub, or else their file."""
    known = {each.sha256: each.id for each in weight_files.KNOWN.values()}
    known |= {each.sha256: each.model for each in hub_weights.all_kept()}
    return known.get(identity, str(path))


def _file_identity(path: Path) -> str:
    """A file's size and a digest of its first and last megabyte: quick, and different for different weights."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(2**20))
        file.seek(max(0, size - 2**20))
        digest.update(file.read())
    return digest.hexdigest()
