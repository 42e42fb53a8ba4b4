"""Bring a corpus's files onto the machine, and see to it that they are the ones its card names.

They come from a mirror (a folder that `ARGQUAL_MIRROR` names), or from the places of the card: a web folder, an
archive, the Hugging Face hub. The files of a card without a source are the user's own and lie beside the card.

It refuses to hand out a file whose hash is not the card's, to show half a file to a reader, to fetch what a licence
restricts before that was agreed to, to write outside of its own folder, and to let a credential into a message.
It prints nothing.
"""

from __future__ import annotations

import csv
import datetime
import hashlib
import json
import logging
import math
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

from platformdirs import user_cache_dir

from argqual._version import __version__
from argqual.corpora.archives import MOST_BYTES, Wanted, take_out
from argqual.corpora.card import Card, File, Place
from argqual.errors import CorpusError, Unreachable
from argqual.models.sources import DISK_FULL, SourceError, free_bytes, hosts_only, shown_size

if TYPE_CHECKING:
    import httpx

Progress = Callable[[int, int, str], None]
"""Told of bytes as they arrive: bytes so far, bytes in all (0 if unknown), place. The first never falls."""

_CONNECT_SECONDS, _READ_SECONDS = 10.0, 30.0
_WAITS = (0.5, 1.0, 2.0, 4.0)  # seconds before the second try, the third and so on
_LONGEST_WAIT = 30.0  # that a server may ask for
_CLOCK_SECONDS = 60  # a date of a file that is younger than this tells no two versions of it apart
_MOST_CELL = 10_000_000  # characters, as in every table
_MIRROR, _BY_REQUEST = "mirror", "by request"
_ARCHIVE = re.compile(r"\.(zip|tar|tgz|tar\.\w+)$", re.IGNORECASE)
_UNWRITABLE = "Set ARGQUAL_CACHE to a folder that can be written."


# ---- where the files lie


def cache_folder() -> Path:
    """The folder of the corpora: `corpora` in `ARGQUAL_CACHE`, or else in the user's cache folder."""
    return Path(os.environ.get("ARGQUAL_CACHE") or user_cache_dir("argqual")).expanduser() / "corpora"


def folder_of(card: Card, card_path: Path) -> Path:
    """Where a card's files lie: in the cache, or beside the card when it names no source."""
    return cache_folder() / card.folder_name if card.source else card_path.parent


def describe_fetch(card: Card) -> str:
    """One line to show before a fetch: how much, from where, to where, and the free disk."""
    if not card.source:
        return "nothing to fetch: its files lie beside the card"
    places = [_name_of(place) for place in card.source if not place.request]
    if (mirror := os.environ.get("ARGQUAL_MIRROR")) and (Path(mirror).expanduser() / card.folder_name).is_dir():
        places = [f"the mirror {mirror}"]
    size = shown_size(card.size) if _sizes_known(card) else "an unknown size"
    folder = cache_folder() / card.folder_name
    where = f"from {' or '.join(dict.fromkeys(places))}" if places else "to be had by request"
    return f"{size}{' ' if places else ', '}{where}, kept in {folder}; free disk {shown_size(free_bytes(folder))}"


def is_fetched(card: Card, card_path: Path) -> bool:
    """Whether every file is there, of the right size; that they are the right ones only `verified` tells."""
    folder = folder_of(card, card_path)
    return bool(card.files) and all(_has_size(file, folder / file.path) for file in card.files)


def _has_size(file: File, path: Path) -> bool:
    try:
        return path.is_file() and _exact(file) in (None, path.stat().st_size)
    except OSError:
        return False


def _exact(file: File) -> int | None:
    """The bytes that the file has to have. The same rows can be written in more bytes or in fewer."""
    return None if file.rows_sha256 else file.bytes


def _most(file: File) -> int:
    exact = _exact(file)
    return MOST_BYTES if exact is None else exact


def _sizes_known(card: Card) -> bool:
    return bool(card.files) and all(file.bytes is not None for file in card.files)


# ---- whether they are the right ones


def verified(card: Card, card_path: Path) -> Path:
    """The folder of the files, after each was hashed whole (about 0.1 s for 15 MB).

    A file for which the card gives neither hash nor size is taken as it is.

    Raises
    ------
    CorpusError
        A file is missing, cannot be read, or is another one than the card describes.
    """
    folder = folder_of(card, card_path)
    again = f"argqual corpora fetch {card.id}"
    if not card.files:
        raise CorpusError(f"The card of {card.id} names no files.", hint=card.homepage or None)
    if missing := [file for file in card.files if not os.path.exists(folder / file.path)]:
        raise CorpusError(
            f"{card.id}: {folder / missing[0].path} is missing{_and_more(len(missing) - 1)}.",
            hint=f"Bring it with '{again}'." if card.source else f"Put it beside the card: {card_path}.",
        )
    for file in card.files:
        if fault := _fault_of(file, folder / file.path):
            own = f"If it was changed on purpose, put '{fault.cure}' into {card_path}."
            raise CorpusError(
                f"{folder / file.path} is not the file that its card describes: {fault.what}.",
                hint=f"Fetch it again with '{again} --force'." if card.source else own,
            )
    return folder


@dataclass(frozen=True)
class _Fault:
    """What is wrong with a file, and what a card would say for it to be right."""

    what: str
    cure: str


def _fault_of(file: File, path: Path) -> _Fault | None:
    try:
        with path.open("rb") as content:
            size = os.fstat(content.fileno()).st_size
            found = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise CorpusError(f"{path}: {error.strerror or error}.") from None
    if file.sha256 == found:
        return None
    if file.rows_sha256:
        rows = rows_digest(path)
        if rows == file.rows_sha256:
            return None
        return _Fault(f"the SHA-256 of its rows is {rows}, expected {file.rows_sha256}", f"rows_sha256: {rows}")
    if file.sha256:
        return _Fault(f"its SHA-256 is {found}, expected {file.sha256}", f"sha256: {found}")
    if file.bytes is not None and file.bytes != size:
        return _Fault(f"it has {size:,} bytes, expected {file.bytes:,}", f"bytes: {size}")
    return None


def _wrong_files(card: Card, folder: Path) -> list[File]:
    """The files that are missing, unreadable or not the card's."""
    return [file for file in card.files if not _is_right(file, folder / file.path)]


def _is_right(file: File, path: Path) -> bool:
    try:
        return path.is_file() and _fault_of(file, path) is None
    except (CorpusError, OSError):
        return False


def rows_digest(path: Path) -> str:
    """SHA-256 of a CSV file as a table: of its header and its rows.

    The order of the rows, quoting, line ends between rows and the way numbers are written do not
    change it; the order of the columns does.

    Raises
    ------
    CorpusError
        The file cannot be read as CSV.
    """
    if csv.field_size_limit() < _MOST_CELL:
        csv.field_size_limit(_MOST_CELL)
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            rows = csv.reader(file)
            header = json.dumps(next(rows, [])).encode()
            hashes = sorted(_row_hash(row) for row in rows if row)
    except OSError as error:
        raise CorpusError(f"{path}: {error.strerror or error}.") from None
    except csv.Error as error:
        raise CorpusError(f"{path} cannot be read as CSV: {error}.") from None
    return hashlib.sha256(hashlib.sha256(header).digest() + b"".join(hashes)).hexdigest()


def _row_hash(row: Sequence[str]) -> bytes:
    return hashlib.sha256(json.dumps([_canonical(cell) for cell in row]).encode()).digest()


def _canonical(cell: str) -> str:
    try:
        number = float(cell)
    except ValueError:
        return cell
    return repr(number) if math.isfinite(number) and "_" not in cell else cell


# ---- consent to a licence


def needs_consent(card: Card) -> bool:
    """Whether the licence forbids something, and this very licence was not yet accepted on this machine."""
    if not card.source or not card.licence.forbids:
        return False
    entry = _accepted().get(card.id)
    return not (isinstance(entry, dict) and entry.get("licence") == _licence_digest(card))


def record_consent(card: Card) -> None:
    """Remember that the licence of a corpus, as it now stands in the card, was accepted.

    Raises
    ------
    CorpusError
        The cache cannot be written.
    """
    from filelock import FileLock

    folder = cache_folder()
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".accepted.lock"):
            today = datetime.datetime.now(datetime.UTC).date().isoformat()
            entries = _accepted() | {card.id: {"licence": _licence_digest(card), "date": today}}
            draft = folder / ".accepted.json"
            draft.write_text(json.dumps(entries, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            draft.replace(folder / "accepted.json")


def _accepted() -> dict[str, Any]:
    """What was accepted; a file that cannot be read says that nothing was."""
    try:
        entries = json.loads((cache_folder() / "accepted.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return entries if isinstance(entries, dict) else {}


def _licence_digest(card: Card) -> str:
    return hashlib.sha256(json.dumps(card.licence.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


def _settle_consent(card: Card, accepted: bool) -> None:
    if not needs_consent(card):
        return
    if accepted:
        record_consent(card)
        return
    licence = card.licence
    raise CorpusError(
        f"The licence of {card.id} ({licence.id}) does not allow {' or '.join(licence.forbids)}."
        + (f" {licence.terms}" if licence.terms else ""),
        hint=f"It is stated here: {licence.evidence}\n"
        f"If you keep to it: 'argqual corpora fetch {card.id} --accept-licence'.",
    )


# ---- fetching


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
    if not (card.by_request and not os.environ.get("ARGQUAL_MIRROR")):
        _settle_consent(card, accepted)
    if not force and card.files and not _wrong_files(card, folder):  # before the lock: a cache of others will do
        return folder
    cache = cache_folder()
    staging = cache / f".{card.folder_name}.parts"
    with _writing(cache):
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f".{card.folder_name}.lock"):
            if force:
                shutil.rmtree(staging, ignore_errors=True)
            wanted = list(card.files) if force else _wrong_files(card, folder)
            if wanted or not card.files:
                _bring(card, wanted, staging, progress)
                _put_in_place(wanted, staging, folder)
            shutil.rmtree(staging, ignore_errors=True)
    return folder


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Turn what a disk refuses into a CorpusError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL:
            raise _no_room(folder, "The disk ran full; what was fetched whole is kept") from None
        raise CorpusError(f"{error.filename or folder}: {error.strerror or error}.", hint=_UNWRITABLE) from None


def _no_room(folder: Path, what: str) -> CorpusError:
    hint = "Make room and fetch again, or set ARGQUAL_CACHE to a folder on another disk."
    return CorpusError(f"{what}, {shown_size(free_bytes(folder))} free in {folder}.", hint=hint)


def _put_in_place(files: Iterable[File], staging: Path, folder: Path) -> None:
    for file in files:
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(_staged(staging, file), target)


def _staged(staging: Path, file: File) -> Path:
    """Where a file lies that is whole and right, until all are."""
    return staging / "whole" / file.path


class _Haul:
    """One fetch under way: what is still wanted, what came, why the rest did not."""

    def __init__(self, card: Card, wanted: Iterable[File], staging: Path, progress: Progress | None) -> None:
        self.card, self.staging = card, staging
        self.wanted = [file for file in wanted if not _is_right(file, _staged(staging, file))]
        self.place = ""
        self._progress = progress
        self._total = card.size if _sizes_known(card) else 0
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
            fault = _fault_of(file, draft)
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


@dataclass(frozen=True)
class _Failure:
    """Why a place did not give what is wanted; `networked` is whether it would have been downloaded from there."""

    place: str
    reason: SourceError
    networked: bool = True


def _bring(card: Card, wanted: Sequence[File], staging: Path, progress: Progress | None) -> None:
    """Get every wanted file, verified, into `staging`, or raise what the places said."""
    haul = _Haul(card, wanted, staging, progress)
    failures: list[_Failure] = []
    for name, bring in _ways(card, haul):
        if card.files and not haul.wanted:
            return
        haul.place = name
        try:
            bring()
        except SourceError as reason:
            failures.append(_Failure(name, reason, networked=name not in (_MIRROR, _BY_REQUEST)))
    if haul.wanted or not card.files:
        raise _all_failed(card, haul.wanted, failures)


def _ways(card: Card, haul: _Haul) -> Iterator[tuple[str, Callable[[], None]]]:
    """The names of the places, with what brings their files, in order."""
    mirror = os.environ.get("ARGQUAL_MIRROR")
    if mirror and card.files:
        yield _MIRROR, partial(_from_mirror, haul, mirror)
    for place in card.source:
        if card.files or place.request:
            yield _name_of(place), partial(_from_place, haul, place)


def _all_failed(card: Card, wanted: Sequence[File], failures: Sequence[_Failure]) -> CorpusError | Unreachable:
    folder = cache_folder() / card.folder_name
    if not failures:
        return CorpusError(f"The card of {card.id} names no files to fetch.", hint=card.homepage or None)
    reasons = "".join(f"\n  {failure.place}: {failure.reason}" for failure in failures)
    files = ", ".join(file.path for file in wanted[:3]) + _and_more(len(wanted) - 3) if wanted else "its files"
    by_hand = f"put {files} into FOLDER/{card.folder_name}/ and set ARGQUAL_MIRROR=FOLDER, or directly into {folder}."
    also = f" See {card.homepage}." if card.homepage else ""
    if card.by_request:
        return CorpusError(
            f"{card.id} cannot be downloaded: it is to be had by request.{reasons}",
            hint=f"When you have it, {by_hand}{also}",
        )
    kind = Unreachable if all(each.reason.unreachable for each in failures if each.networked) else CorpusError
    size = f" ({shown_size(card.size)})" if _sizes_known(card) else ""
    return kind(f"{card.id}{size} could not be fetched.{reasons}", hint=f"Try again, or {by_hand}{also}")


def _and_more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""


# ---- the places


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


def _from_place(haul: _Haul, place: Place) -> None:
    """Bring what a place has of the wanted files.

    Raises
    ------
    SourceError
        It does not have all, or cannot be reached.
    """
    if place.request:
        raise SourceError(place.request.strip())
    if place.web:
        _from_web(haul, place.web)
    elif place.archive:
        _from_archive(haul, place.archive, place.root)
    else:
        _from_hub(haul, place)


def _each(haul: _Haul, bring: Callable[[File], None]) -> None:
    """Bring one wanted file after the other; what fails with one may do for the next, unless nothing answers."""
    failures = []
    for file in list(haul.wanted):
        try:
            bring(file)
        except SourceError as failure:
            if failure.unreachable:
                raise
            failures.append(failure)
    if failures:
        more = len(failures) - 1
        raise SourceError(f"{failures[0]}" + (f" (and {more} more file{'s' * (more > 1)})" if more else ""))


def _from_mirror(haul: _Haul, mirror: str) -> None:
    top = Path(mirror).expanduser()
    if not top.is_dir():
        raise CorpusError(f"ARGQUAL_MIRROR names {mirror}, which is not a folder.", hint="Correct or unset it.")
    folder = top / haul.card.folder_name
    if not folder.is_dir():
        raise SourceError(f"{top} has no folder {haul.card.folder_name}")

    def bring(file: File) -> None:
        draft = haul.draft(file)
        try:
            source = (folder / file.path).open("rb")
        except OSError as error:
            raise SourceError(f"{folder / file.path}: {error.strerror or error}") from None
        with source, draft.open("wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
        haul.keep(file, draft)

    _each(haul, bring)


def _from_web(haul: _Haul, address: str) -> None:
    with _client() as client:

        def bring(file: File) -> None:
            download = _Download(client, _below(address, file.path), haul.staging / "partial", haul.report)
            try:
                path = download.finish(_most(file), _exact(file))
            except SourceError as failure:
                raise SourceError(f"{file.path}: {failure}", unreachable=failure.unreachable) from None
            haul.keep(file, path)

        _each(haul, bring)


def _below(folder: str, path: str) -> str:
    """The address of a file in a web folder; what follows a question mark stays at its end."""
    try:
        parts = urlsplit(folder)
    except ValueError:
        raise SourceError("the card's address is none") from None
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{quote(path)}", fragment=""))


def _from_archive(haul: _Haul, address: str, root: str) -> None:
    """Download the archive whole, and take out what is wanted; it stays until the fetch is done."""
    with _client() as client:
        download = _Download(client, address, haul.staging / "partial", haul.report_share, shares=True)
        archive = download.finish(MOST_BYTES, None)
    members = {(PurePosixPath(root.strip("/")) / file.path).as_posix(): file for file in haul.wanted}
    wanted = {member: Wanted(haul.draft(file), _most(file)) for member, file in members.items()}
    try:
        take_out(archive, wanted, name=_archive_name(address))
        _each(haul, lambda file: haul.keep(file, haul.draft(file)))
    except (CorpusError, SourceError) as error:
        archive.unlink()
        raise SourceError(str(error).rstrip(".")) from None


def _archive_name(address: str) -> str:
    """The part of an address that looks like an archive's name, which need not be the last."""
    parts = [part for part in urlsplit(address).path.split("/") if part]
    return next((part for part in reversed(parts) if _ARCHIVE.search(part)), parts[-1] if parts else "of this address")


# ---- downloading


@contextmanager
def _client() -> Iterator[httpx.Client]:
    import httpx

    try:
        client = httpx.Client(
            follow_redirects=True,
            timeout=httpx.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS),
            headers={"User-Agent": f"argqual/{__version__}", "Accept-Encoding": "identity"},
        )
    except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:  # of the environment's proxies, certificates
        raise SourceError(f"the settings of the connection do not work: {hosts_only(str(error))}") from None
    with _quiet("httpx"), client:
        yield client


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Let libraries log no addresses, which may be signed."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


class _Again(Exception):
    """The same request may do better in a while."""

    def __init__(self, reason: str, *, wait: float | None = None, tries: int = len(_WAITS)) -> None:
        super().__init__(reason)
        self.wait, self.tries = wait, tries


class _Download:
    """One file over HTTP, taken up where an earlier try or an earlier process stopped.

    What came so far lies beside a note of the version it is of. Without such a version it is started over.
    """

    def __init__(
        self,
        client: httpx.Client,
        address: str,
        folder: Path,
        report: Callable[[float], None],
        *,
        shares: bool = False,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(address.encode()).hexdigest()[:16]
        self.client, self.address, self.report, self.shares = client, address, report, shares
        self.part = folder / f"{name}.part"
        self.note = folder / f"{name}.note"
        self.whole = folder / f"{name}.whole"

    def finish(self, most: int, exact: int | None) -> Path:
        """The whole file.

        Parameters
        ----------
        most
            Bytes that are too many if there are more.
        exact
            Bytes it has, where that is known.

        Raises
        ------
        SourceError
            It cannot be had from there.
        CorpusError
            The disk has no room for it.
        """
        if not self.whole.exists():
            self._insist(most, exact)
            os.replace(self.part, self.whole)
            self.note.unlink(missing_ok=True)
        return self.whole

    def _insist(self, most: int, exact: int | None) -> None:
        tried = 0
        while True:
            try:
                return self._try(most, exact)
            except _Again as again:
                if tried >= again.tries:
                    raise SourceError(str(again), unreachable=True) from None
                time.sleep(_WAITS[tried] if again.wait is None else again.wait)
                tried += 1

    def _try(self, most: int, exact: int | None) -> None:
        import httpx

        have, version = self._left()
        headers = {"Range": f"bytes={have}-", "If-Range": version} if have else {}
        try:
            with self.client.stream("GET", self.address, headers=headers) as response:
                self._check_status(response)
                goes_on = response.status_code == 206
                if goes_on and not _continues(response, have, version):
                    self._forget()
                    raise _Again("the server sent another part than was asked for", wait=0)
                self._receive(response, have if goes_on else 0, most, exact)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _Again(f"cannot be reached: {_said(error)}", tries=1) from None
        except (httpx.UnsupportedProtocol, httpx.TooManyRedirects, httpx.DecodingError, httpx.InvalidURL) as error:
            raise SourceError(_said(error)) from None
        except (httpx.TimeoutException, httpx.TransportError) as error:
            raise _Again(f"the connection broke: {_said(error)}") from None

    def _left(self) -> tuple[int, str]:
        """Bytes of an earlier try that can be gone on from, and the version they are of."""
        try:
            version = self.note.read_text(encoding="ascii")
            return (self.part.stat().st_size, version) if version else (0, "")
        except (OSError, ValueError):
            return 0, ""

    def _forget(self) -> None:
        self.note.unlink(missing_ok=True)
        self.part.unlink(missing_ok=True)

    def _check_status(self, response: httpx.Response) -> None:
        status = response.status_code
        if status in (200, 206):
            return
        if status == 416:
            self._forget()
            raise _Again("HTTP 416, no such part", wait=0)
        if status == 429 or status >= 500:
            said = f"HTTP {status}, {'too many requests' if status == 429 else 'the server is in trouble'}"
            wait = _asked_wait(response.headers.get("Retry-After"))
            if wait is not None and wait > _LONGEST_WAIT:
                raise SourceError(f"{said}; it asks to wait {wait:.0f} s", unreachable=True)
            raise _Again(said, wait=wait)
        refused = {401: "credentials refused or wanted", 403: "access refused", 407: "the proxy wants credentials"}
        meaning = refused.get(status, "no such file" if status in (404, 410) else "refused")
        raise SourceError(f"HTTP {status}, {meaning}", unreachable=status in refused)

    def _receive(self, response: httpx.Response, have: int, most: int, exact: int | None) -> None:
        encoded = response.headers.get("Content-Encoding", "identity") != "identity"
        length = None if encoded else _number(response.headers.get("Content-Length"))
        total = None if length is None else have + length
        self._check_size(total, have, most)
        if not have:
            self._forget()
            self.part.touch()
            self.note.write_text("" if encoded else _version_of(response), encoding="ascii")
        done = have
        with self.part.open("ab", buffering=0) as out:
            for chunk in response.iter_bytes(1 << 16):
                done += len(chunk)
                if done > most:
                    self._forget()
                    raise SourceError(f"more than the {most:,} bytes it may have")
                out.write(chunk)
                self.report(done if not self.shares else done / max(total or 0, done))
        expected = exact if total is None else total
        if expected is not None and done < expected:
            raise _Again(f"only {done:,} of {expected:,} bytes came")

    def _check_size(self, total: int | None, have: int, most: int) -> None:
        if total is None:
            return
        if total > most:
            self._forget()
            raise SourceError(f"{total:,} bytes, more than the {most:,} it may have")
        if total - have > free_bytes(self.part.parent):
            raise _no_room(self.part.parent, f"Not enough room on the disk: {shown_size(total - have)} needed")


def _continues(response: httpx.Response, have: int, version: str) -> bool:
    """Whether a part is the one asked for, of the same version of the file."""
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    etag = response.headers.get("ETag")
    same = etag is None or not version.startswith('"') or etag == version
    return found is not None and int(found[1]) == have and have > 0 and same


def _version_of(response: httpx.Response) -> str:
    """What tells this version of a file from any other, byte by byte; empty if nothing does."""
    etag = str(response.headers.get("ETag", ""))
    if etag.startswith('"') and etag.isascii():
        return etag
    modified, now = response.headers.get("Last-Modified", ""), response.headers.get("Date", "")
    try:
        age = parsedate_to_datetime(now) - parsedate_to_datetime(modified)
    except (ValueError, TypeError):
        return ""
    return str(modified) if modified.isascii() and age.total_seconds() >= _CLOCK_SECONDS else ""


def _asked_wait(header: str | None) -> float | None:
    """Seconds that a Retry-After asks for, as a number or as a date."""
    if header is None:
        return None
    if (seconds := _number(header)) is not None:
        return float(seconds)
    try:
        until = parsedate_to_datetime(header)
    except (ValueError, TypeError):
        return None
    now = datetime.datetime.now(until.tzinfo)
    return max(0.0, (until - now).total_seconds())


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,18}", text.strip()) else None


def _said(error: Exception) -> str:
    return hosts_only(f"{type(error).__name__}: {error}").rstrip(".: ")


# ---- the Hugging Face hub


def _from_hub(haul: _Haul, place: Place) -> None:
    """Write each split as CSV. It is streamed, so nothing of it stays in other caches."""
    with _asking_hub(place):
        revision = _revision(place)

    def bring(file: File) -> None:
        split = place.splits.get(file.path)
        if split is None:
            raise SourceError(f"{file.path} is not among its splits")
        draft = haul.draft(file)
        with draft.open("w", encoding="utf-8", newline="") as out, _asking_hub(place):
            _write_split(place, split, revision, csv.writer(out, lineterminator="\n"), lambda: haul.report(out.tell()))
        haul.keep(file, draft)

    _each(haul, bring)


def _revision(place: Place) -> str | None:
    """The commit to read, the same for all splits; an unreachable hub would keep `datasets` busy for half a minute."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        return HfApi().dataset_info(place.hub or "", revision=place.revision, timeout=_CONNECT_SECONDS).sha
    except (RepositoryNotFoundError, RevisionNotFoundError):
        raise
    except HfHubHTTPError:
        return place.revision


def _write_split(place: Place, split: str, revision: str | None, out: Any, report: Callable[[], None]) -> None:
    from argqual.tabular.sources import arrow_rows

    library: Any = import_module("datasets")  # it declares no types
    library.disable_progress_bars()
    data = library.load_dataset(place.hub, place.config, split=split, revision=revision, streaming=True)
    columns = list(data.features) if data.features is not None else []
    if columns:
        out.writerow(columns)
    for table in data.with_format("arrow").iter(batch_size=1000):
        if not columns:
            columns = list(table.column_names)
            out.writerow(columns)
        for row in arrow_rows(table, 1):
            if row.problem:
                raise SourceError(row.problem)
            out.writerow([_cell_text(row.cells.get(column)) for column in columns])
        report()


def _cell_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return repr(value) if isinstance(value, float) else str(value)


@contextmanager
def _asking_hub(place: Place) -> Iterator[None]:
    """Turn what the hub's libraries raise into a SourceError."""
    import httpx
    from huggingface_hub import errors as hub

    try:
        with _quiet("httpx", "huggingface_hub", "datasets"):
            yield
    except (SourceError, CorpusError):
        raise
    except Exception as error:  # these libraries raise whatever theirs raise: httpx, aiohttp, fsspec, pyarrow
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise
        causes = _causes(error)
        if any(isinstance(each, hub.GatedRepoError) or "gated dataset" in str(each) for each in causes):
            page = f"https://huggingface.co/datasets/{place.hub}"
            said = f"access to {place.hub} has to be asked for: accept its terms at {page}, then: hf auth login"
            raise SourceError(said, unreachable=True) from None
        if any(isinstance(each, hub.RepositoryNotFoundError) for each in causes) or "doesn't exist" in str(error):
            raise SourceError(f"no public data set '{place.hub}'") from None
        offline = (httpx.TransportError, ConnectionError, TimeoutError, hub.OfflineModeIsEnabled)
        if any(isinstance(each, offline) for each in causes):
            raise SourceError(f"cannot be reached: {_said(error)}", unreachable=True) from None
        raise SourceError(f"{place.hub}: {_said(error)}") from None


def _causes(error: BaseException) -> list[BaseException]:
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and len(causes) < 10:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    return causes
