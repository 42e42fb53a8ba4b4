"""Read a corpus by the name of its card: fetched if need be, verified, checked row by row."""

import os

from argqual.corpora.cards import load_card
from argqual.corpora.corpus import Corpus
from argqual.corpora.fetch import fetch as fetch_files
from argqual.corpora.fetch import is_fetched, verified
from argqual.corpora.readers.registry import find_reader
from argqual.errors import CardError, CorpusError


def read_corpus(name: str | os.PathLike[str], *, fetch: bool = True) -> Corpus:
    """The corpus of a card: `name` is one (`dagstuhl`), or the path of a card.

    `fetch` brings the files when they are not there; otherwise that is an error. What a licence forbids has to be
    agreed to first: `argqual corpora fetch`.

    Raises a `CardError` if there is no such card, or it is not valid; a `CorpusError` if the files cannot be had, are
    not those of the card, or do not hold what it says, and the message names file, row and column.
    """
    card, path = load_card(name)
    if card.reader is None:
        raise CorpusError(
            f"{card.id} is described, but argqual has no reader for it.",
            hint=f"See 'argqual corpora info {card.id}'; a 'table' section in a card of your own may do.",
        )
    reader = find_reader(card.reader, path)
    to_fetch = fetch and card.source and not is_fetched(card, path)
    folder = fetch_files(card, path) if to_fetch else verified(card, path)
    texts = None
    if card.texts_from is not None:
        if load_card(card.texts_from)[0].texts_from:
            raise CardError(f"{path}: texts_from: {card.texts_from} has no texts of its own either.")
        texts = read_corpus(card.texts_from, fetch=fetch)
    corpus = reader(card, folder, texts)
    if not corpus.arguments:
        raise CorpusError(f"{path}: not one argument was read.", hint="Look at 'keep', and at the files.")
    seen: set[str | None] = set()
    for argument in corpus.texts:
        if argument.id in seen:
            raise CorpusError(f"{corpus.card.id}: two texts have the id '{argument.id}'.")
        seen.add(argument.id)
    return corpus
