"""Read the novices' ratings of the Dagstuhl texts: an archive with a JSON file for each annotator.

Some files hold, besides an annotator's own answers, all those of other members of the group, word for
word (left over in the form they filled in). What a smaller file of the group says completely is
taken out of the larger one, or one person would agree with themselves.
"""

import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from argqual.corpora.card import Card
from argqual.corpora.corpus import Annotation, Corpus
from argqual.corpora.readers.parts import Place, mean, rating, shown
from argqual.errors import CardError, CorpusError

_NAME = re.compile(r"group(\d+)-member(\d+)")


def read_novice(card: Card, folder: Path, texts: Corpus | None) -> Corpus:
    """The ratings, with the texts of the corpus they were made of: Dagstuhl's, whose ids the files use."""
    if texts is None:
        raise CardError(
            f"{card.id}: the reader '{card.reader}' needs 'texts_from'.", hint="Name the corpus with the texts."
        )
    known = {argument.id: argument for argument in texts.texts}
    columns = {label.column or name: name for name, label in card.labels.items()}
    ratings: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    annotations = []
    for annotator, (name, answers) in _own(_files(folder / card.files[0].path)).items():
        for number, (key, cell) in enumerate(answers.items(), 1):
            place = Place(name, number)
            column = next((column for column in columns if key.endswith(f"-{column}")), None)
            if column is None:
                raise place.error(shown(key), "no label of the card has this column.")
            id, label = key.removesuffix(f"-{column}"), columns[column]
            if id not in known:
                raise place.error(shown(key), f"{texts.card.id} has no text '{shown(id)}'.")
            value = rating(str(cell), label, card.labels[label], place)
            annotations.append(Annotation(id, annotator, label, value))
            if value is not None:
                ratings[id][label].append(value)
    means = {id: {label: mean(values) for label, values in said.items()} for id, said in ratings.items()}
    arguments = [replace(known[id], context=None, type=None, group=None, labels=labels) for id, labels in means.items()]
    return Corpus(card, tuple(arguments), annotations=tuple(annotations))


def _files(path: Path) -> dict[tuple[str, str], tuple[str, dict[str, str]]]:
    """Group and member to the name of their file and their answers."""
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                if not name.rstrip().endswith(".json"):
                    continue
                who = _NAME.search(name)
                answers = json.loads(archive.read(name))
                if who is None or not isinstance(answers, dict) or (who[1], who[2]) in found:
                    raise CorpusError(f"{path}: '{name}' is not one annotator's answers.")
                found[who[1], who[2]] = f"{path}/{name}", answers
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise CorpusError(f"{path} cannot be read: {error}.") from None
    return found


def _own(files: Mapping[tuple[str, str], tuple[str, dict[str, str]]]) -> dict[str, tuple[str, dict[str, str]]]:
    """Each annotator's own answers, without those that a smaller file of the group has completely."""
    own = {}
    for (group, member), (name, answers) in files.items():
        copied = {
            key
            for (other_group, other), (_, theirs) in files.items()
            if other_group == group and other != member and len(theirs) < len(answers)
            if theirs.items() <= answers.items()
            for key in theirs
        }
        kept = {key: cell for key, cell in answers.items() if key not in copied}
        own[f"group{group}-member{member}"] = name, kept
    return own
