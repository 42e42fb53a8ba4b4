"""Bring a corpus's files onto the machine, and see to it that they are the ones its card names.

They come from a mirror (a folder that `ARGQUAL_MIRROR` names), or from the places of the card: a web folder, an
archive, the Hugging Face hub. The files of a card without a source are the user's own and lie beside the card.

It refuses to hand out a file whose hash is not the card's, to show half a file to a reader, to fetch what a licence
restricts before that was agreed to, to write outside of its own folder, to let a credential into a message, and to
print anything.
"""

import csv
import datetime
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from argqual.corpora.card import Card, CardSource
from argqual.downloads.files import SourceError, WantedFile, cache_of, free_bytes, said_by, shown_size, writing
from argqual.downloads.http import from_archive, from_web, host_of
from argqual.downloads.hub import asking_hub, dataset_revision, stream_dataset, trouble_of
from argqual.downloads.job import FetchJob, FileSource, Progress, fetch_files, from_folder, not_fetched, reasons_of
from argqual.errors import CorpusError
from argqual.tabular.arrowrows import arrow_rows


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
    _settle_consent(card, accepted)
    if card.files and not force and all(file.is_right(folder / file.path) for file in card.wanted):
        return folder  # before the lock: a cache of others will do
    wanted, refusals = fetch_files(
        card.wanted, folder, _sources(card), error=CorpusError, force=force, progress=progress
    )
    if card.files and not wanted:
        return folder
    if not refusals:
        raise CorpusError(f"The card of {card.id} names no files to fetch.", hint=card.homepage or None)
    files = ", ".join(file.path for file in wanted[:3]) + _and_more(len(wanted) - 3) if wanted else "its files"
    by_hand = f"put {files} into FOLDER/{card.folder_name}/ and set ARGQUAL_MIRROR=FOLDER, or directly into {folder}."
    by_hand += f" See {card.homepage}." if card.homepage else ""
    if card.by_request:
        raise CorpusError(
            f"{card.id} cannot be downloaded: it is to be had by request.{reasons_of(refusals)}",
            hint=f"When you have it, {by_hand}",
        )
    size = f" ({shown_size(card.size)})" if card.sizes_known else ""
    raise not_fetched(f"{card.id}{size}", refusals, CorpusError, f"Try again, or {by_hand}")


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
    return partial(_from_splits if source.hub else _by_request, source=source)


def _by_request(_: FetchJob, source: CardSource) -> None:
    raise SourceError((source.request or "").strip())


def _name_of(source: CardSource) -> str:
    """What a source is called in messages."""
    if source.hub:
        return host_of(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    return host_of(source.web or source.archive or "") or "by request"


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


def cache_folder() -> Path:
    """The folder of the corpora: `corpora` in `ARGQUAL_CACHE`, or else in the user's cache folder."""
    return cache_of("corpora")


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
            f"{card.id}: {folder / missing[0].path} is missing{_and_more(len(missing) - 1)}.",
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


def _and_more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""


def needs_consent(card: Card) -> bool:
    """Whether the licence forbids something, and this very licence was not yet accepted on this machine.

    What people have to ask for, and no mirror can have, is not fetched, so there is nothing to agree to.
    """
    out_of_reach = card.by_request and not os.environ.get("ARGQUAL_MIRROR")
    if not card.source or not card.licence.forbids or out_of_reach:
        return False
    entry = _accepted().get(card.id)
    return not (isinstance(entry, dict) and entry.get("licence") == _licence_digest(card))


def record_consent(card: Card) -> None:
    """Remember that the licence of a corpus, as it now stands in the card, was accepted.

    Raises a `CorpusError` if the cache cannot be written.
    """
    from filelock import FileLock

    folder = cache_folder()
    with writing(folder, CorpusError):
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
    """See to it that the licence was accepted: once on a machine, and for the very words of the licence."""
    if not needs_consent(card):
        return None
    if accepted:
        return record_consent(card)
    licence = card.licence
    raise CorpusError(
        f"The licence of {card.id} ({licence.id}) does not allow {' or '.join(licence.forbids)}."
        + (f" {licence.terms}" if licence.terms else ""),
        hint=f"It is stated here: {licence.evidence}\n"
        f"If you keep to it: 'argqual corpora fetch {card.id} --accept-licence'.",
    )


def _from_splits(job: FetchJob, source: CardSource) -> None:
    """Write splits of a data set of the hub, each as CSV. It is streamed, so nothing of it stays in other caches."""
    repository = source.hub or ""
    asking = partial(asking_hub, partial(_told, repository), "httpx", "httpx2", "huggingface_hub", "datasets")
    with asking():
        revision = dataset_revision(repository, source.revision)

    def bring(file: WantedFile) -> None:
        split = source.splits.get(file.path)
        if split is None:
            raise SourceError(f"{file.path} is not among its splits")
        draft = job.draft(file)
        with draft.open("w", encoding="utf-8", newline="") as out, asking():
            write = csv.writer(out, lineterminator="\n").writerow
            data = stream_dataset(repository, source.config, split=split, revision=revision)
            columns = list(data.features or ())
            if columns:
                write(columns)
            for table in data.with_format("arrow").iter(batch_size=1000):
                if not columns:
                    columns = list(table.column_names)
                    write(columns)
                for row in arrow_rows(table, 1):
                    if row.problem:
                        raise SourceError(row.problem)
                    write([_cell_text(row.cells.get(column)) for column in columns])
                job.report(out.tell())
        job.keep(file, draft)

    job.each(bring)


def _cell_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return repr(value) if isinstance(value, float) else str(value)


def _told(repository: str, error: Exception) -> SourceError:
    """What a data set's libraries say, in argqual's words."""
    trouble = trouble_of(error)
    said = {
        "gated": f"access to {repository} has to be asked for: accept its terms at "
        f"https://huggingface.co/datasets/{repository}, then: hf auth login",
        "absent": f"no public data set '{repository}'",
        "unreachable": f"cannot be reached: {said_by(error)}",
        "other": f"{repository}: {said_by(error)}",
    }
    return SourceError(said[trouble], unreachable=trouble in ("gated", "unreachable"))
