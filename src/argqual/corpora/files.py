"""Where the files of a corpus lie, and whether they are the ones its card names."""

import os
from pathlib import Path

from argqual.corpora.card import Card
from argqual.downloads import disk
from argqual.downloads.files import SourceError, WantedFile
from argqual.errors import CorpusError


def cache_folder() -> Path:
    """The folder of the corpora: `corpora` in `ARGQUAL_CACHE`, or else in the user's cache folder."""
    return disk.cache_folder("corpora")


def folder_of(card: Card, card_path: Path) -> Path:
    """Where a card's files lie: in the cache, or beside the card when it names no source."""
    return cache_folder() / card.folder_name if card.source else card_path.parent


def is_fetched(card: Card, card_path: Path) -> bool:
    """Whether every file is there, of the right size; that they are the right ones only `verified` tells."""
    folder = folder_of(card, card_path)

    def has_size(file: WantedFile) -> bool:
        path = folder / file.path
        return path.is_file() and file.exact_bytes in (None, path.stat().st_size)

    try:
        return bool(card.files) and all(map(has_size, card.wanted))
    except OSError:
        return False


def verified(card: Card, card_path: Path) -> Path:
    """The folder of the files, after each was hashed whole (about 0.1 s for 15 MB).

    A file for which the card gives neither hash nor size is taken as it is. Raises a `CorpusError` if a file is
    missing, cannot be read, or is another one than the card describes.
    """
    folder = folder_of(card, card_path)
    again = f"argqual corpora fetch {card.id}"
    if not card.files:
        raise CorpusError(f"The card of {card.id} names no files.", hint=card.homepage or None)
    if missing := [file for file in card.files if not os.path.exists(folder / file.path)]:
        raise CorpusError(
            f"{card.id}: {folder / missing[0].path} is missing{and_more(len(missing) - 1)}.",
            hint=f"Bring it with '{again}'." if card.source else f"Put it beside the card: {card_path}.",
        )
    for file in card.wanted:
        try:
            fault = file.fault(folder / file.path)
        except SourceError as error:
            raise CorpusError(f"{error}.") from None
        if fault:
            own = f"If it was changed on purpose, put '{fault.cure}' into {card_path}."
            raise CorpusError(
                f"{folder / file.path} is not the file that its card describes: {fault.what}.",
                hint=f"Fetch it again with '{again} --force'." if card.source else own,
            )
    return folder


def and_more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""
