"""Read UKPConvArg1: a ranking and its strict pairs, in a file for each topic and stance.

The names of the files say topic and stance. In a ranking file a low rank score is a convincing
argument, so the card's label points downwards and is turned here.
"""

from collections.abc import Container
from pathlib import Path

from argqual.argument import Argument
from argqual.corpora.card import Card
from argqual.corpora.corpus import Corpus, Pair
from argqual.corpora.readers.parts import argument_of, plain_text, rating, rows_of, shown

_RANKING = "UKPConvArg1-Ranking-CSV/"
_PAIRS = "UKPConvArg1Strict-CSV/"


def read_ukpconvarg1(card: Card, folder: Path, _texts: Corpus | None = None) -> Corpus:
    """The corpus; an id is the release's own, which dagstuhl uses too."""
    paths = [file.path for file in card.files]
    arguments: dict[str, Argument] = {}
    for path in paths:
        if path.startswith(_RANKING):
            for argument in _ranking(card, folder / path):
                arguments[argument.id or ""] = argument
    pairs = [
        pair for path in paths if path.startswith(_PAIRS) for pair in _pairs(card, folder / path, arguments.keys())
    ]
    return Corpus(card, tuple(arguments.values()), pairs=tuple(pairs))


def _ranking(card: Card, path: Path) -> list[Argument]:
    issue, _, stance = path.stem.partition("_")
    (name, label), *_ = card.labels.items()
    found = []
    for place, cells in rows_of(path, ("#id", "rank", "argument"), delimiter="\t", quoting="none"):
        value = rating(cells["rank"], name, label, place)
        found.append(
            argument_of(
                place,
                "argument",
                text=plain_text(cells["argument"]),
                id=cells["#id"],
                issue=issue,
                stance=stance,
                domain=card.domain,
                labels={} if value is None else {name: value},
            )
        )
    return found


def _pairs(card: Card, path: Path, known: Container[str]) -> list[Pair]:
    name = next(iter(card.labels))
    found = []
    for place, cells in rows_of(path, ("#id", "label"), delimiter="\t", quoting="none"):
        first, _, second = cells["#id"].partition("_")
        for id in (first, second):
            if id not in known:
                raise place.error("#id", f"no ranked argument has the id '{shown(id)}'.")
        if cells["label"] not in ("a1", "a2"):
            raise place.error("label", f"'{shown(cells['label'])}' is neither a1 nor a2.")
        found.append(Pair(first, second, name, 1.0 if cells["label"] == "a1" else 0.0))
    return found
