"""A folder of the user's own that has the files, laid out as they are to be."""

import shutil
from pathlib import Path

from argqual.downloads.files import SourceError, WantedFile
from argqual.downloads.job import FetchJob


def from_folder(job: FetchJob, folder: Path) -> None:
    """Copy what a folder has of the wanted files."""
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
