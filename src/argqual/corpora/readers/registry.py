"""The readers by name, as a card's `reader` names them: argqual's own, and those of installed packages.

A package adds one with an entry point of the group `argqual.readers`:

    [project.entry-points."argqual.readers"]
    my_release = "my_package.reading:read_my_release"

Nothing is imported before a card with that reader is read.
"""

from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from traceback import extract_tb

from argqual._plugins import added, imported
from argqual.corpora.card import Card
from argqual.corpora.corpus import Corpus
from argqual.errors import ArgqualError, CardError, CorpusError, nearest

GROUP = "argqual.readers"
_OWN = {
    name: EntryPoint(name, f"argqual.corpora.readers.{name}:read_{name}", GROUP)
    for name in ("table", "ukpconvarg1", "webis", "typic", "novice")
}


Reader = Callable[[Card, Path, Corpus | None], Corpus]
"""A function that makes a corpus of the files of a release.

It is given a card, the folder where its files lie, each verified, and the corpus that its `texts_from` names; None
where it names none. Every label and annotation it gives points upwards (`argqual.corpora.readers.parts.oriented`), and
ids are unique. What a file has wrong it raises as a `CorpusError` that names file, row and column; it leaves out no row
in silence.
"""


def find_reader(name: str, card_path: Path) -> Reader:
    """The reader of a name; a `CardError` if there is none, or it cannot be imported."""
    known = added(GROUP) | _OWN
    if name not in known:
        hint = f"A package's reader is found once that is installed, with an entry point of {GROUP}."
        raise CardError(f"{card_path}: no reader is called '{name}'. {nearest(name, known)}", hint=hint)
    reader = imported(known[name], _called, CardError)
    return reader if name in _OWN else _told(name, reader)


def _told(name: str, reader: Reader) -> Reader:
    """A package's reader whose slips end in a sentence."""

    def read(card: Card, folder: Path, texts: Corpus | None) -> Corpus:
        try:
            corpus = reader(card, folder, texts)
            if not isinstance(corpus, Corpus):
                raise TypeError(f"it gave {type(corpus).__name__}, not a Corpus")
        except ArgqualError:
            raise
        except Exception as error:  # whatever another package does
            place = extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}, line {place.lineno}"
            raise CorpusError(
                f"{card.id}: the reader '{name}' of an installed package failed: {type(error).__name__}: {error} "
                f"({where}).",
                hint="Its authors can mend it. Are the files those that it was made for?",
            ) from error
        return corpus

    return read


def _called(found: Reader) -> Reader:
    if not callable(found):
        raise TypeError(f"{found!r} is no function")
    return found
