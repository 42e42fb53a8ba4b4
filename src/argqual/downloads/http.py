"""Files over HTTP: taken up where they stopped, tried again when that may help, never longer than they may be."""

import hashlib
import itertools
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from argqual._version import __version__
from argqual.downloads.archives import take_out
from argqual.downloads.files import MOST_BYTES, SourceError, WantedFile, hosts_only, require_room, said_by
from argqual.downloads.job import FetchJob

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS, _READ_SECONDS = 10.0, 30.0
_WAITS = (0.5, 1.0, 2.0, 4.0)  # seconds before the second try, the third and so on
_LONGEST_WAIT = 30.0  # that a server may ask for
_ARCHIVE = re.compile(r"\.(zip|tar|tgz|tar\.\w+)$", re.IGNORECASE)
_UNITS = {
    word: seconds
    for seconds, words in (
        (1e-9, "ns"), (1e-6, "us µs"), (1e-3, "ms msec millisecond milliseconds"), (1.0, "s sec secs second seconds"),
        (60.0, "m min mins minute minutes"), (3600.0, "h hr hrs hour hours"), (86400.0, "d day days"),
    )
    for word in words.split()
}  # fmt: skip
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zµ]+)")
_EPOCH = 1e9  # 2001-09-09, in seconds
_CLOCK_SECONDS = 60  # a date of a file that is younger than this tells no two versions of it apart


def from_web(job: FetchJob, address: str) -> None:
    """Bring files that lie below the address of a folder, by their paths."""
    with open_client() as client:

        def bring(file: WantedFile) -> None:
            download = Download(client, _below(address, file.path), job.staging / "partial", job.report)
            try:
                path = download.finish(file.most_bytes, file.exact_bytes)
            except SourceError as failure:
                raise SourceError(f"{file.path}: {failure}", unreachable=failure.unreachable) from None
            job.keep(file, path)

        job.each(bring)


def _below(folder: str, path: str) -> str:
    """The address of a file in a web folder; what follows a question mark stays at its end."""
    try:
        parts = urlsplit(folder)
    except ValueError:
        raise SourceError("its address is none") from None
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{quote(path)}", fragment=""))


def from_archive(job: FetchJob, address: str, root: str) -> None:
    """Download an archive whole, and take out what is wanted below the folder `root`.

    The archive stays until all of the job's files are there.
    """
    with open_client() as client:
        archive = Download(
            client, address, job.staging / "partial", lambda done, total: job.report_share(done / total)
        ).finish(MOST_BYTES, None)
    top = PurePosixPath(root.strip("/"))
    targets = {(top / file.path).as_posix(): (job.draft(file), file.most_bytes) for file in job.wanted}
    try:
        take_out(archive, targets, name=_archive_name(address))
        job.each(lambda file: job.keep(file, job.draft(file)))
    except SourceError:
        archive.unlink()
        raise


def _archive_name(address: str) -> str:
    """The part of an address that looks like an archive's name, which need not be the last."""
    parts = [part for part in urlsplit(address).path.split("/") if part]
    return next((part for part in reversed(parts) if _ARCHIVE.search(part)), parts[-1] if parts else "of this address")


def host_of(address: str) -> str:
    """Of an address no more than the host, as the rest may hold a credential."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "an address that is none"
    return f"{host}:{port}" if port else host


@contextmanager
def open_client(headers: Mapping[str, str] | None = None) -> "Iterator[httpx.Client]":
    import httpx

    try:
        client = httpx.Client(
            follow_redirects=True,
            timeout=httpx.Timeout(_READ_SECONDS, connect=CONNECT_SECONDS),
            headers={**(headers or {}), "User-Agent": f"argqual/{__version__}", "Accept-Encoding": "identity"},
        )
    except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:  # of the environment's proxies, certificates
        raise SourceError(f"the settings of the connection do not work: {hosts_only(str(error))}") from None
    with quiet("httpx"), client:
        yield client


@contextmanager
def quiet(*names: str) -> Iterator[None]:
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


class Download:
    """One file over HTTP, taken up where an earlier try or an earlier process stopped.

    What came so far lies beside a note of the version it is of. Without such a version it is started over. `report` is
    told the bytes so far, and in all as far as that is known.
    """

    def __init__(self, client: "httpx.Client", address: str, folder: Path, report: Callable[[int, int], None]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(address.encode()).hexdigest()[:16]
        self.client, self.address, self.report = client, address, report
        self.part = folder / f"{name}.part"
        self.note = folder / f"{name}.note"
        self.whole = folder / f"{name}.whole"

    def finish(self, most: int, exact: int | None) -> Path:
        """The whole file, of at most `most` bytes, and of `exact` where that is known.

        Raises a `SourceError` if it cannot be had from there, and `NoRoom` if the disk has no room for it.
        """
        if not self.whole.exists():
            require_room(self.part.parent, (exact or 0) - self._left()[0])
            for tried in itertools.count():
                try:
                    self._try(most, exact)
                    break
                except _Again as again:
                    if tried >= again.tries:
                        raise SourceError(str(again), unreachable=True) from None
                    time.sleep(_WAITS[tried] if again.wait is None else again.wait)
            os.replace(self.part, self.whole)
            self.note.unlink(missing_ok=True)
        return self.whole

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
            raise _Again(f"cannot be reached: {said_by(error)}", tries=1) from None
        except (httpx.UnsupportedProtocol, httpx.TooManyRedirects, httpx.DecodingError, httpx.InvalidURL) as error:
            raise SourceError(said_by(error)) from None
        except (httpx.TimeoutException, httpx.TransportError) as error:
            raise _Again(f"the connection broke: {said_by(error)}") from None

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

    def _check_status(self, response: "httpx.Response") -> None:
        status = response.status_code
        if status in (200, 206):
            return
        if status == 416:
            self._forget()
            raise _Again("HTTP 416, no such part", wait=0)
        if status == 429 or status >= 500:
            said = f"HTTP {status}, {'too many requests' if status == 429 else 'the server is in trouble'}"
            wait = seconds_from(response.headers.get("Retry-After"))
            if wait is not None and wait > _LONGEST_WAIT:
                raise SourceError(f"{said}; it asks to wait {wait:.0f} s", unreachable=True)
            raise _Again(said, wait=wait)
        refused = {401: "credentials refused or wanted", 403: "access refused", 407: "the proxy wants credentials"}
        meaning = refused.get(status, "no such file" if status in (404, 410) else "refused")
        raise SourceError(f"HTTP {status}, {meaning}", unreachable=status in refused)

    def _receive(self, response: "httpx.Response", have: int, most: int, exact: int | None) -> None:
        encoded = response.headers.get("Content-Encoding", "identity") != "identity"
        length = "" if encoded else response.headers.get("Content-Length", "").strip()
        total = have + int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None
        if total is not None:
            if total > most:
                self._forget()
                raise SourceError(f"{total:,} bytes, more than the {most:,} it may have")
            require_room(self.part.parent, total - have)
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
                self.report(done, max(total or 0, done))
        expected = exact if total is None else total
        if expected is not None and done < expected:
            raise _Again(f"only {done:,} of {expected:,} bytes came")


def _continues(response: "httpx.Response", have: int, version: str) -> bool:
    """Whether a part is the one asked for, of the same version of the file."""
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    etag = response.headers.get("ETag")
    same = etag is None or not version.startswith('"') or etag == version
    return found is not None and int(found[1]) == have and have > 0 and same


def _version_of(response: "httpx.Response") -> str:
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


def seconds_from(value: str | float | None) -> float | None:
    """Seconds from now: from `12`, `1m30s`, `120ms`, a date (HTTP or ISO), or an epoch in seconds or parts of them.

    None when it is none of these.
    """
    if value is None:
        return None
    text = str(value).strip().strip('"')
    if re.fullmatch(r"\d+(\.\d*)?(e\+?\d{1,2})?", text):
        return _until(float(text))
    spoken = text.lower().removeprefix("pt")
    parts = _DURATION.findall(spoken)
    if parts and all(unit in _UNITS for _, unit in parts) and not _DURATION.sub("", spoken).strip(" ,"):
        return float(sum(float(number) * _UNITS[unit] for number, unit in parts))
    try:
        when = datetime.fromisoformat(text) if text[:4].isdigit() else parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def _until(number: float) -> float:
    """A number as seconds from now: one of 1e9 and more is a time, since nobody is asked to wait for thirty years."""
    if number < _EPOCH:
        return number
    while number >= _EPOCH * 100:  # thousandths, millionths, …
        number /= 1000
    return max(0.0, number - time.time())
