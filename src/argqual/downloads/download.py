"""One file over HTTP: taken up where it stopped, tried again when that may help, never longer than it may be."""

from __future__ import annotations

import datetime
import hashlib
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING

from argqual._version import __version__
from argqual.corpora.files import no_room
from argqual.downloads.sources import SourceError, free_bytes, hosts_only, shown_size

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS, _READ_SECONDS = 10.0, 30.0
_WAITS = (0.5, 1.0, 2.0, 4.0)  # seconds before the second try, the third and so on
_LONGEST_WAIT = 30.0  # that a server may ask for
_CLOCK_SECONDS = 60  # a date of a file that is younger than this tells no two versions of it apart


@contextmanager
def open_client() -> Iterator[httpx.Client]:
    import httpx

    try:
        client = httpx.Client(
            follow_redirects=True,
            timeout=httpx.Timeout(_READ_SECONDS, connect=CONNECT_SECONDS),
            headers={"User-Agent": f"argqual/{__version__}", "Accept-Encoding": "identity"},
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
            raise no_room(self.part.parent, f"Not enough room on the disk: {shown_size(total - have)} needed")


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


def said_by(error: Exception) -> str:
    return hosts_only(f"{type(error).__name__}: {error}").rstrip(".: ")
