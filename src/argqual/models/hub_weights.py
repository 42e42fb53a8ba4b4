"""Weight files of a model hub that argqual does not know by name: `hf://OWNER/REPO/FILE.gguf`, with `@REVISION` or not.

What the hub has when a file is first fetched is what the name means from then on: its SHA-256 is kept beside it and
decides at every use, and another file under the same name is refused until `--force` is given. Known weights are in
`argqual.models.weights`.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import quote

from argqual.downloads import verified
from argqual.downloads.files import SourceError, WantedFile, free_bytes, is_inside, sha256_of, shown_size, writing
from argqual.downloads.hub import HubFile, HubRefusal, first_bytes, from_hub, hub_file
from argqual.downloads.job import FileSource, Progress, fetch_files, not_fetched
from argqual.errors import ModelError, Unreachable, WeightsError, nearest
from argqual.models.weights import cache_folder

PREFIX = "hf://"
_FORM = "hf://OWNER/REPO/FILE.gguf, or with @REVISION at its end"
_NAME = re.compile(r"hf://([\w.-]+/[\w.-]+)/([^@]+)(?:@([\w./-]+))?", re.IGNORECASE)
_PAGE = re.compile(
    r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/([\w.-]+/[\w.-]+)/(?:resolve|blob)/([^/]+)/([^?#]+)",
    re.IGNORECASE,
)
_MAGIC = b"GGUF"


@dataclass(frozen=True)
class HubName:
    """A file of a hub's repository, at a revision or at the newest one."""

    repository: str
    path: str
    revision: str | None

    def __str__(self) -> str:
        return f"{PREFIX}{self.repository}/{self.path}{f'@{self.revision}' if self.revision else ''}"

    @property
    def folder(self) -> Path:
        """Where the repository's files lie, by their paths."""
        at = f"@{quote(self.revision, safe='')}" if self.revision else ""
        return cache_folder() / "hub" / (self.repository.replace("/", "--") + at)

    @property
    def file(self) -> Path:
        return self.folder / self.path

    @property
    def note(self) -> Path:
        """What is kept of the file."""
        return self.folder / f"{self.path}.json"


@dataclass(frozen=True)
class HubNote:
    """What is kept of a file that was fetched: the name it was asked by, and what tells it from any other."""

    model: str
    bytes: int
    sha256: str
    commit: str | None
    fetched: str


def is_hub_name(name: str) -> bool:
    return name.lower().startswith(PREFIX)


def hub_name(text: str) -> HubName:
    """The file that a name means; a `ModelError` that shows the form where it means none."""
    found = _NAME.fullmatch(text)
    path = found[2] if found else ""
    if found is None or not is_inside(path) or "//" in path or not path.lower().endswith(".gguf"):
        raise ModelError(f"'{text}' names no file of a model hub.", hint=f"Write {_FORM}; its page lists the files.")
    if re.search(r"-\d{5}-of-\d{5}\.gguf$", path, re.IGNORECASE):
        raise ModelError(
            f"{path} is one part of a file in several.",
            hint="Choose one that is whole, or join them by llama-gguf-split.",
        )
    return HubName(found[1], path, found[3])


def named_on_a_page(text: str) -> str | None:
    """The name for a file whose address on the hub's site was given; None for any other text."""
    found = _PAGE.fullmatch(text)
    return str(HubName(found[1], found[3], None if found[2] == "main" else found[2])) if found else None


def kept(name: HubName) -> HubNote | None:
    """What is kept of a file, or None if it was not fetched; a `WeightsError` when the note cannot be read."""
    try:
        return HubNote(**json.loads(name.note.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise WeightsError(f"{name.note} cannot be read: {error}.", hint=_anew(name)) from None


def is_there(name: HubName) -> bool:
    """Whether the file was fetched; that it is the right one only `locate` tells."""
    return name.file.is_file() and kept(name) is not None


def all_kept() -> Iterator[HubNote]:
    """What is kept of every file that was fetched from a hub, by name."""
    for note in sorted((cache_folder() / "hub").rglob("*.json")):
        try:
            found = HubNote(**json.loads(note.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            continue
        if note.with_suffix("").is_file():
            yield found


def locate(name: HubName, *, anew: bool = False) -> tuple[Path, HubNote] | None:
    """The verified file, and what is kept of it; None if it was not fetched.

    It is hashed whole (about 0.7 s a gigabyte) unless it is the one that was found right before, or else `anew`.
    Raises a `WeightsError` if it is another than was fetched, or cannot be read.
    """
    if not is_there(name) or not (found := kept(name)):
        return None
    try:
        fault = verified.fault(WantedFile(name.path, found.bytes, found.sha256), name.file, anew=anew)
    except SourceError as error:
        raise WeightsError(f"{error}.", hint=_anew(name)) from None
    if fault:
        raise WeightsError(f"{name.file} is not the file that was fetched: {fault.what}.", hint=_anew(name))
    return name.file, found


def look_up(name: HubName, *, force: bool = False) -> HubFile:
    """What the hub has under the name. Nothing is fetched but the first four bytes.

    Raises `Unreachable` if it cannot be asked or wants a token, and a `WeightsError` if it has no such file, one that
    is no GGUF, or (but for `force`) another one than was fetched before.
    """
    try:
        found = hub_file(name.repository, name.path, name.revision)
        begun = first_bytes(name.repository, name.path, found.commit or name.revision, len(_MAGIC))
    except HubRefusal as refusal:
        if refusal.gated:
            page = f"https://huggingface.co/{name.repository}"
            raise Unreachable(
                f"{name}: the hub wants to know who asks: {refusal}.",
                hint=f"Accept the conditions on {page} if it has any, then set HF_TOKEN to a token of yours.",
            ) from None
        files = [file for file in refusal.files if file.lower().endswith(".gguf")]
        none = f"It has: {', '.join(refusal.files[:5])}." if refusal.files else f"The form is {_FORM}."
        raise WeightsError(f"{name}: {refusal}.", hint=nearest(name.path, files[:20]) if files else none) from None
    except SourceError as error:
        kind = Unreachable if error.unreachable else WeightsError
        raise kind(f"{name}: the hub: {error}.", hint="Check the network, and HF_ENDPOINT where it is set.") from None
    if begun != _MAGIC:
        raise WeightsError(f"{name} is not a GGUF file.", hint="Choose a .gguf file; the repository's page lists them.")
    before = None if force else kept(name)
    if before and found.sha256 not in (None, before.sha256):
        raise WeightsError(
            f"{name} is another file on the hub now: its SHA-256 is {found.sha256}, that of the one fetched on "
            f"{before.fetched[:10]} is {before.sha256}.",
            hint=f"{_anew(name)} Or name the old one: {name}@{before.commit}" if before.commit else _anew(name),
        )
    return found


def describe(name: HubName, found: HubFile) -> str:
    """One line to show before a download: how much, from where, to where, and the free disk."""
    size = "a size that the hub does not say" if found.bytes is None else shown_size(found.bytes)
    return f"{size} from {name.repository}, kept in {name.folder}; free disk {shown_size(free_bytes(name.folder))}"


def pull(name: HubName, found: HubFile, *, progress: Progress | None = None, force: bool = False) -> Path:
    """Bring a file that was looked up onto the machine, and keep its SHA-256 beside it; returns the verified file.

    An interrupted pull is taken up where it stopped. Raises `Unreachable` if the hub cannot be reached, and a
    `WeightsError` if it gives another file than it said, or the disk is too full or cannot be written.
    """
    source = FileSource("hub", partial(from_hub, repository=name.repository, revision=found.commit or name.revision))
    before = None if force else kept(name)
    wanted = WantedFile(name.path, found.bytes, found.sha256 or (before.sha256 if before else None))
    _, refusals = fetch_files(
        [wanted], name.folder, [source], error=WeightsError, mark=name.file, force=force, progress=progress
    )
    if refusals:
        size = f" ({shown_size(found.bytes)})" if found.bytes is not None else ""
        raise not_fetched(f"{name}{size}", refusals, WeightsError, "Try again; what came is kept.")
    with writing(name.folder, WeightsError):
        digest = found.sha256 or sha256_of(name.file)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        noted = HubNote(str(name), name.file.stat().st_size, digest, found.commit, now)
        draft = name.note.with_name(f".{name.note.name}.tmp")
        draft.write_text(json.dumps(asdict(noted), indent=2) + "\n", encoding="utf-8")
        draft.replace(name.note)
    return name.file


def _anew(name: HubName) -> str:
    return f"Fetch it anew: argqual models pull {shlex.quote(str(name))} --force"
