"""What a licence forbids has to be agreed to, once on a machine and for the very words of the licence."""

import datetime
import hashlib
import json
import os
from typing import Any

from argqual.corpora.card import Card
from argqual.corpora.files import cache_folder
from argqual.downloads.disk import writing
from argqual.errors import CorpusError


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


def settle_consent(card: Card, accepted: bool) -> None:
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
