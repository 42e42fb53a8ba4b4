"""Bring files into a folder, from one source after the other, each file verified.

Files are put in place when all are there and right, so that no reader sees half of them. Until then what came stays
beside them, and a fetch that was interrupted is taken up where it stopped. Fetches to one place wait for one another,
in whatever process. It refuses a file that is not the one described, and it prints nothing.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from argqual.downloads.files import SourceError, WantedFile, writing
from argqual.errors import ArgqualError, Unreachable

Progress = Callable[[int, int, str], None]
"""Told of bytes as they arrive: bytes so far, bytes in all (0 if unknown), source. The first never falls."""


@dataclass(frozen=True)
class FileSource:
    """Somewhere that files may be had, under a name that messages call it by.

    `bring` gets what it has of a job's wanted files and gives each to `FetchJob.keep`, or raises a `SourceError`;
    `networked` says whether that takes a connection.
    """

    name: str
    bring: "Callable[[FetchJob], None]"
    networked: bool = True


Refusal = tuple[FileSource, SourceError]
"""A source, and why it did not give all that was wanted of it."""


class FetchJob:
    """One fetch under way: what is still wanted, and what came.

    Of all `files`, those are `wanted` that have to be brought and are not staged yet. `staging` is the folder for what
    is not complete: a source writes into a folder of its own in it, or to `draft`.
    """

    def __init__(
        self, files: Sequence[WantedFile], wanted: Iterable[WantedFile], staging: Path, progress: Progress | None
    ) -> None:
        self.staging, self.source = staging, ""
        self.wanted = [file for file in wanted if not file.is_right(self.staged(file))]
        self._progress = progress
        self._total = sum(file.bytes or 0 for file in files) if all(file.bytes is not None for file in files) else 0
        self._settled = sum(file.bytes or 0 for file in files if file not in self.wanted)
        self._most = self._settled

    def staged(self, file: WantedFile) -> Path:
        """Where a file lies that is whole and right, until all are."""
        return self.staging / "whole" / file.path

    def draft(self, file: WantedFile) -> Path:
        """Where a source writes a file before it is known to be the right one."""
        path = self.staging / "draft" / hashlib.sha256(file.path.encode()).hexdigest()[:16]
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def keep(self, file: WantedFile, draft: Path) -> None:
        """Take a file over when it is the right one, or else delete it and raise a `SourceError`."""
        try:
            fault = file.fault(draft)
        except SourceError as error:
            draft.unlink(missing_ok=True)
            raise SourceError(str(error).replace(str(draft), file.path)) from None
        if fault:
            draft.unlink()
            raise SourceError(f"{file.path} is another file: {fault.what}")
        size = draft.stat().st_size
        staged = self.staged(file)
        staged.parent.mkdir(parents=True, exist_ok=True)
        os.replace(draft, staged)
        self.wanted.remove(file)
        self._settled += file.bytes if file.bytes is not None else size
        self.report(0)

    def report(self, done: float, _total: int = 0) -> None:
        """Say how many bytes of the file under way are there."""
        so_far = self._settled + int(done)
        self._most = max(self._most, min(so_far, self._total) if self._total else so_far)
        if self._progress:
            self._progress(self._most, self._total, self.source)

    def report_share(self, share: float) -> None:
        """Say which share of all that is left is there, where bytes are not those of the files."""
        self.report(share * max(0, self._total - self._settled))

    def each(self, bring: Callable[[WantedFile], None]) -> None:
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


def from_folder(job: FetchJob, folder: Path) -> None:
    """Copy what a folder of the user's own has of the wanted files, laid out as they are to be."""
    if not folder.is_dir():
        raise SourceError(f"{folder.parent} has no folder {folder.name}")

    def bring(file: WantedFile) -> None:
        draft = job.draft(file)
        try:
            source = (folder / file.path).open("rb")
        except OSError as error:
            raise SourceError(f"{folder / file.path}: {error.strerror or error}") from None
        with source, draft.open("wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
        job.keep(file, draft)

    job.each(bring)


def fetch_files(
    files: Sequence[WantedFile],
    folder: Path,
    sources: Iterable[FileSource],
    *,
    error: type[ArgqualError],
    mark: Path | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> tuple[list[WantedFile], list[Refusal]]:
    """Bring the files that are missing or wrong into a folder.

    Raises `error` when the disk is too full or cannot be written. Beside `mark`, by default the folder, lie the lock
    and what an interrupted fetch left, both called after it. `force` fetches every file even if it is there, and
    forgets what an interrupted fetch left. Returns what could not be had, and what the sources said; nothing of both
    when all files are in place. Without files, every source is asked, and says what it says.
    """
    from filelock import FileLock

    mark = mark or folder
    staging = mark.with_name(f".{mark.name}.parts")
    with writing(mark.parent, error):
        mark.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(mark.with_name(f".{mark.name}.lock")):
            if force:
                shutil.rmtree(staging, ignore_errors=True)
            wanted = [file for file in files if force or not file.is_right(folder / file.path)]
            job = FetchJob(files, wanted, staging, progress)
            refusals: list[Refusal] = []
            for source in sources:
                if files and not job.wanted:
                    break
                job.source = source.name
                try:
                    source.bring(job)
                except SourceError as reason:
                    refusals.append((source, reason))
            if job.wanted or not files:
                return job.wanted, refusals
            for file in wanted:
                (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
                os.replace(job.staged(file), folder / file.path)
            shutil.rmtree(staging, ignore_errors=True)
    return [], []


def not_fetched(what: str, refusals: Sequence[Refusal], error: type[ArgqualError], hint: str) -> ArgqualError:
    """What to raise when no source had the files: `Unreachable` if none that takes a connection could be reached."""
    kind = Unreachable if all(reason.unreachable for source, reason in refusals if source.networked) else error
    return kind(f"{what} could not be fetched.{reasons_of(refusals)}", hint=hint)


def reasons_of(refusals: Iterable[Refusal]) -> str:
    """What each source said, a line each, to stand after a sentence."""
    return "".join(f"\n  {source.name}: {reason}" for source, reason in refusals)
