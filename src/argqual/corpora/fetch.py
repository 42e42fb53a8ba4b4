"""Bring a corpus's files onto the machine, and see to it that they are the ones its card names.

They come from a mirror (a folder that `ARGQUAL_MIRROR` names), or from the places of the card: a web folder, an
archive, the Hugging Face hub. The files of a card without a source are the user's own and lie beside the card.

It refuses to hand out a file whose hash is not the card's, to show half a file to a reader, to fetch what a licence
restricts before that was agreed to, to write outside of its own folder, and to let a credential into a message.
It prints nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlsplit, urlunsplit

from argqual.corpora.archives import MOST_BYTES, Wanted, take_out
from argqual.corpora.card import Card, File, Place
from argqual.corpora.consent import needs_consent, record_consent, settle_consent
from argqual.corpora.files import (
    and_more,
    cache_folder,
    exact_size,
    fault_of,
    folder_of,
    is_fetched,
    is_right,
    most_bytes,
    rows_digest,
    sizes_known,
    verified,
    writing,
    wrong_files,
)
from argqual.corpora.hub import from_hub
from argqual.downloads.download import Download, open_client
from argqual.downloads.sources import SourceError, free_bytes, shown_size
from argqual.errors import CorpusError, Unreachable

__all__ = [
    "Progress",
    "cache_folder",
    "describe_fetch",
    "fetch",
    "folder_of",
    "is_fetched",
    "needs_consent",
    "record_consent",
    "rows_digest",
    "verified",
]

Progress = Callable[[int, int, str], None]
"""Told of bytes as they arrive: bytes so far, bytes in all (0 if unknown), place. The first never falls."""

_MIRROR, _BY_REQUEST = "mirror", "by request"
_ARCHIVE = re.compile(r"\.(zip|tar|tgz|tar\.\w+)$", re.IGNORECASE)


def fetch(
    card: Card, card_path: Path, *, accepted: bool = False, force: bool = False, progress: Progress | None = None
) -> Path:
    """Bring the files that are missing or broken into the cache, and return the verified folder.

    The mirror is asked first, then the card's places in their order; what one does not have, the next may. Files are
    put in place when all are there and right. Until then a fetch that was interrupted is taken up where it stopped.
    Fetches of one corpus wait for one another, in whatever process.

    Parameters
    ----------
    accepted
        The user keeps to what the licence says; remembered.
    force
        Fetch every file even if it is there, and forget what an interrupted fetch left.

    Raises
    ------
    CorpusError
        The licence was not accepted, no place has the right files, they are to be had by request only, or the disk is
        too full or cannot be written.
    Unreachable
        No place could be reached, or each refused the credentials.
    """
    from filelock import FileLock

    if not card.source:
        return verified(card, card_path)
    folder = folder_of(card, card_path)
    settle_consent(card, accepted)
    if not force and card.files and not wrong_files(card, folder):  # before the lock: a cache of others will do
        return folder
    cache = cache_folder()
    staging = cache / f".{card.folder_name}.parts"
    with writing(cache):
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f".{card.folder_name}.lock"):
            if force:
                shutil.rmtree(staging, ignore_errors=True)
            wanted = list(card.files) if force else wrong_files(card, folder)
            if wanted or not card.files:
                _bring(card, wanted, staging, progress)
                _put_in_place(wanted, staging, folder)
            shutil.rmtree(staging, ignore_errors=True)
    return folder


def _put_in_place(files: Iterable[File], staging: Path, folder: Path) -> None:
    for file in files:
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(_staged(staging, file), target)


def _staged(staging: Path, file: File) -> Path:
    """Where a file lies that is whole and right, until all are."""
    return staging / "whole" / file.path


class FetchJob:
    """One fetch under way: what is still wanted, what came, why the rest did not."""

    def __init__(self, card: Card, wanted: Iterable[File], staging: Path, progress: Progress | None) -> None:
        self.card, self.staging = card, staging
        self.wanted = [file for file in wanted if not is_right(file, _staged(staging, file))]
        self.place = ""
        self._progress = progress
        self._total = card.size if sizes_known(card) else 0
        left = {file.path for file in self.wanted}
        self._settled = sum(file.bytes or 0 for file in card.files if file.path not in left)
        self._most = self._settled

    def draft(self, file: File) -> Path:
        """Where a place writes a file before it is known to be the right one."""
        path = self.staging / "draft" / hashlib.sha256(file.path.encode()).hexdigest()[:16]
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def keep(self, file: File, draft: Path) -> None:
        """Take a file over when it is the right one, or else delete it.

        Raises
        ------
        SourceError
            It is another file.
        """
        try:
            fault = fault_of(file, draft)
        except CorpusError as error:
            draft.unlink(missing_ok=True)
            raise SourceError(error.message.replace(str(draft), file.path).rstrip(".")) from None
        if fault:
            draft.unlink()
            raise SourceError(f"{file.path} is another file: {fault.what}")
        size = draft.stat().st_size
        staged = _staged(self.staging, file)
        staged.parent.mkdir(parents=True, exist_ok=True)
        os.replace(draft, staged)
        self.wanted.remove(file)
        self._settled += file.bytes if file.bytes is not None else size
        self.report(0)

    def report(self, done: float) -> None:
        """Say how many bytes of the file under way are there."""
        so_far = self._settled + int(done)
        self._most = max(self._most, min(so_far, self._total) if self._total else so_far)
        if self._progress:
            self._progress(self._most, self._total, self.place)

    def report_share(self, share: float) -> None:
        """Say which share of all that is left is there, where bytes are not those of the files."""
        self.report(share * max(0, self._total - self._settled))

    def each(self, bring: Callable[[File], None]) -> None:
        """Bring one wanted file after the other; what fails with one may do for the next, unless nothing answers."""
        failures = []
        for file in list(self.wanted):
            try:
                bring(file)
            except SourceError as failure:
                if failure.unreachable:
                    raise
                failures.append(failure)
        if failures:
            more = len(failures) - 1
            raise SourceError(f"{failures[0]}" + (f" (and {more} more file{'s' * (more > 1)})" if more else ""))


@dataclass(frozen=True)
class _Failure:
    """Why a place did not give what is wanted; `networked` is whether it would have been downloaded from there."""

    place: str
    reason: SourceError
    networked: bool = True


def _bring(card: Card, wanted: Sequence[File], staging: Path, progress: Progress | None) -> None:
    """Get every wanted file, verified, into `staging`, or raise what the places said."""
    job = FetchJob(card, wanted, staging, progress)
    failures: list[_Failure] = []
    for name, bring in _ways(card, job):
        if card.files and not job.wanted:
            return
        job.place = name
        try:
            bring()
        except SourceError as reason:
            failures.append(_Failure(name, reason, networked=name not in (_MIRROR, _BY_REQUEST)))
    if job.wanted or not card.files:
        raise _all_failed(card, job.wanted, failures)


def _ways(card: Card, job: FetchJob) -> Iterator[tuple[str, Callable[[], None]]]:
    """The names of the places, with what brings their files, in order."""
    mirror = os.environ.get("ARGQUAL_MIRROR")
    if mirror and card.files:
        yield _MIRROR, partial(_from_mirror, job, mirror)
    for place in card.source:
        if card.files or place.request:
            yield _name_of(place), partial(_from_place, job, place)


def _all_failed(card: Card, wanted: Sequence[File], failures: Sequence[_Failure]) -> CorpusError | Unreachable:
    folder = cache_folder() / card.folder_name
    if not failures:
        return CorpusError(f"The card of {card.id} names no files to fetch.", hint=card.homepage or None)
    reasons = "".join(f"\n  {failure.place}: {failure.reason}" for failure in failures)
    files = ", ".join(file.path for file in wanted[:3]) + and_more(len(wanted) - 3) if wanted else "its files"
    by_hand = f"put {files} into FOLDER/{card.folder_name}/ and set ARGQUAL_MIRROR=FOLDER, or directly into {folder}."
    also = f" See {card.homepage}." if card.homepage else ""
    if card.by_request:
        return CorpusError(
            f"{card.id} cannot be downloaded: it is to be had by request.{reasons}",
            hint=f"When you have it, {by_hand}{also}",
        )
    kind = Unreachable if all(each.reason.unreachable for each in failures if each.networked) else CorpusError
    size = f" ({shown_size(card.size)})" if sizes_known(card) else ""
    return kind(f"{card.id}{size} could not be fetched.{reasons}", hint=f"Try again, or {by_hand}{also}")


def _name_of(place: Place) -> str:
    """What a place is called in messages; of an address no more than the host, as the rest may hold a credential."""
    if place.hub:
        return _host_of(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    return _host_of(place.web or place.archive or "") or _BY_REQUEST


def _host_of(address: str) -> str:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "an address that is none"
    return f"{host}:{port}" if port else host


def _from_place(job: FetchJob, place: Place) -> None:
    """Bring what a place has of the wanted files.

    Raises
    ------
    SourceError
        It does not have all, or cannot be reached.
    """
    if place.request:
        raise SourceError(place.request.strip())
    if place.web:
        _from_web(job, place.web)
    elif place.archive:
        _from_archive(job, place.archive, place.root)
    else:
        from_hub(job, place)


def _from_mirror(job: FetchJob, mirror: str) -> None:
    top = Path(mirror).expanduser()
    if not top.is_dir():
        raise CorpusError(f"ARGQUAL_MIRROR names {mirror}, which is not a folder.", hint="Correct or unset it.")
    folder = top / job.card.folder_name
    if not folder.is_dir():
        raise SourceError(f"{top} has no folder {job.card.folder_name}")

    def bring(file: File) -> None:
        draft = job.draft(file)
        try:
            source = (folder / file.path).open("rb")
        except OSError as error:
            raise SourceError(f"{folder / file.path}: {error.strerror or error}") from None
        with source, draft.open("wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
        job.keep(file, draft)

    job.each(bring)


def _from_web(job: FetchJob, address: str) -> None:
    with open_client() as client:

        def bring(file: File) -> None:
            download = Download(client, _below(address, file.path), job.staging / "partial", job.report)
            try:
                path = download.finish(most_bytes(file), exact_size(file))
            except SourceError as failure:
                raise SourceError(f"{file.path}: {failure}", unreachable=failure.unreachable) from None
            job.keep(file, path)

        job.each(bring)


def _below(folder: str, path: str) -> str:
    """The address of a file in a web folder; what follows a question mark stays at its end."""
    try:
        parts = urlsplit(folder)
    except ValueError:
        raise SourceError("the card's address is none") from None
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{quote(path)}", fragment=""))


def _from_archive(job: FetchJob, address: str, root: str) -> None:
    """Download the archive whole, and take out what is wanted; it stays until the fetch is done."""
    with open_client() as client:
        download = Download(client, address, job.staging / "partial", job.report_share, shares=True)
        archive = download.finish(MOST_BYTES, None)
    members = {(PurePosixPath(root.strip("/")) / file.path).as_posix(): file for file in job.wanted}
    wanted = {member: Wanted(job.draft(file), most_bytes(file)) for member, file in members.items()}
    try:
        take_out(archive, wanted, name=_archive_name(address))
        job.each(lambda file: job.keep(file, job.draft(file)))
    except (CorpusError, SourceError) as error:
        archive.unlink()
        raise SourceError(str(error).rstrip(".")) from None


def _archive_name(address: str) -> str:
    """The part of an address that looks like an archive's name, which need not be the last."""
    parts = [part for part in urlsplit(address).path.split("/") if part]
    return next((part for part in reversed(parts) if _ARCHIVE.search(part)), parts[-1] if parts else "of this address")


def describe_fetch(card: Card) -> str:
    """One line to show before a fetch: how much, from where, to where, and the free disk."""
    if not card.source:
        return "nothing to fetch: its files lie beside the card"
    places = [_name_of(place) for place in card.source if not place.request]
    if (mirror := os.environ.get("ARGQUAL_MIRROR")) and (Path(mirror).expanduser() / card.folder_name).is_dir():
        places = [f"the mirror {mirror}"]
    size = shown_size(card.size) if sizes_known(card) else "an unknown size"
    folder = cache_folder() / card.folder_name
    where = f"from {' or '.join(dict.fromkeys(places))}" if places else "to be had by request"
    return f"{size}{' ' if places else ', '}{where}, kept in {folder}; free disk {shown_size(free_bytes(folder))}"
