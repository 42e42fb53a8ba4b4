"""Bring a corpus's files onto the machine, and see to it that they are the ones its card names.

They come from a mirror (a folder that `ARGQUAL_MIRROR` names), or from the places of the card: a web folder, an
archive, the Hugging Face hub. The files of a card without a source are the user's own and lie beside the card.

It refuses to hand out a file whose hash is not the card's, to show half a file to a reader, to fetch what a licence
restricts before that was agreed to, to write outside of its own folder, and to let a credential into a message.
It prints nothing.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from argqual.corpora.card import Card, CardSource
from argqual.corpora.consent import settle_consent
from argqual.corpora.files import and_more, cache_folder, folder_of, verified
from argqual.corpora.hub import from_splits
from argqual.downloads.disk import free_bytes, shown_size
from argqual.downloads.files import SourceError, WantedFile
from argqual.downloads.http import from_archive, from_web, host_of
from argqual.downloads.job import FetchJob, FileSource, Progress, Refusal, fetch_files, not_fetched, reasons_of
from argqual.downloads.mirror import from_folder
from argqual.errors import ArgqualError, CorpusError


def fetch(
    card: Card, card_path: Path, *, accepted: bool = False, force: bool = False, progress: Progress | None = None
) -> Path:
    """Bring the files that are missing or broken into the cache, and return the verified folder.

    The mirror is asked first, then the card's places in their order; what one does not have, the next may. `accepted`
    says that the user keeps to what the licence says, which is remembered; `force` fetches every file even if it is
    there, and forgets what an interrupted fetch left.

    Raises a `CorpusError` if the licence was not accepted, no place has the right files, they are to be had by
    request only, or the disk is too full or cannot be written; `Unreachable` if no place could be reached, or each
    refused the credentials.
    """
    if not card.source:
        return verified(card, card_path)
    folder = folder_of(card, card_path)
    settle_consent(card, accepted)
    if card.files and not force and all(file.is_right(folder / file.path) for file in card.wanted):
        return folder  # before the lock: a cache of others will do
    wanted, refusals = fetch_files(
        card.wanted, folder, _sources(card), error=CorpusError, force=force, progress=progress
    )
    if wanted or not card.files:
        raise _all_failed(card, wanted, refusals)
    return folder


def _sources(card: Card) -> Iterator[FileSource]:
    """The mirror, where there is one, and the places of the card, in order."""
    if card.files and (mirror := os.environ.get("ARGQUAL_MIRROR")):
        top = Path(mirror).expanduser()
        if not top.is_dir():
            raise CorpusError(f"ARGQUAL_MIRROR names {mirror}, which is not a folder.", hint="Correct or unset it.")
        yield FileSource("mirror", partial(from_folder, folder=top / card.folder_name), networked=False)
    for source in card.source:
        if card.files or source.request:
            yield FileSource(_name_of(source), _bring(source), networked=source.request is None)


def _bring(source: CardSource) -> Callable[[FetchJob], None]:
    if source.web:
        return partial(from_web, address=source.web)
    if source.archive:
        return partial(from_archive, address=source.archive, root=source.root)
    if source.hub:
        return partial(from_splits, source=source)

    def ask(job: FetchJob) -> None:
        raise SourceError((source.request or "").strip())

    return ask


def _name_of(source: CardSource) -> str:
    """What a source is called in messages."""
    if source.hub:
        return host_of(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    return host_of(source.web or source.archive or "") or "by request"


def _all_failed(card: Card, wanted: Sequence[WantedFile], refusals: Sequence[Refusal]) -> ArgqualError:
    folder = cache_folder() / card.folder_name
    if not refusals:
        return CorpusError(f"The card of {card.id} names no files to fetch.", hint=card.homepage or None)
    files = ", ".join(file.path for file in wanted[:3]) + and_more(len(wanted) - 3) if wanted else "its files"
    by_hand = f"put {files} into FOLDER/{card.folder_name}/ and set ARGQUAL_MIRROR=FOLDER, or directly into {folder}."
    also = f" See {card.homepage}." if card.homepage else ""
    if card.by_request:
        return CorpusError(
            f"{card.id} cannot be downloaded: it is to be had by request.{reasons_of(refusals)}",
            hint=f"When you have it, {by_hand}{also}",
        )
    size = f" ({shown_size(card.size)})" if card.sizes_known else ""
    return not_fetched(f"{card.id}{size}", refusals, CorpusError, f"Try again, or {by_hand}{also}")


def describe_fetch(card: Card) -> str:
    """One line to show before a fetch: how much, from where, to where, and the free disk."""
    if not card.source:
        return "nothing to fetch: its files lie beside the card"
    places = [_name_of(source) for source in card.source if not source.request]
    if (mirror := os.environ.get("ARGQUAL_MIRROR")) and (Path(mirror).expanduser() / card.folder_name).is_dir():
        places = [f"the mirror {mirror}"]
    size = shown_size(card.size) if card.sizes_known else "an unknown size"
    folder = cache_folder() / card.folder_name
    where = f"from {' or '.join(dict.fromkeys(places))}" if places else "to be had by request"
    return f"{size}{' ' if places else ', '}{where}, kept in {folder}; free disk {shown_size(free_bytes(folder))}"
