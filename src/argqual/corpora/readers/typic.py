"""Read TYPIC: debate experts' comments on rebuttals, each filed under a template that says what is wrong.

A label counts the comments of some templates, named by the letters their ids begin with, in the
label's `column` ("CA VAL"; "*" for every comment). Counts point downwards, so they are negative here.
Each judge who said anything of a text has a count for every label, which may be none.
"""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from argqual.corpora.card import Card
from argqual.corpora.corpus import Annotation, Corpus
from argqual.corpora.readers.parts import Place, argument_of, mean, oriented
from argqual.errors import CorpusError

_COMMENTS = "diagnoses/en/diagnostic_comments.json"


def read_typic(card: Card, folder: Path, _texts: Corpus | None = None) -> Corpus:
    """The rebuttals that were judged; what each answers is its context."""
    wanted = {name: (label.column or name).split() for name, label in card.labels.items()}
    counts: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)  # text, judge, label
    for row, comment in _objects(folder / _COMMENTS, ("counter_argument_id", "judge", "template_annotations")):
        judged = counts[comment["counter_argument_id"]].setdefault(comment["judge"], dict.fromkeys(wanted, 0.0))
        filed = [_letters(each, row) for each in comment["template_annotations"]]
        for name, letters in wanted.items():
            # Where two annotators filed a comment differently, each counts for half of it.
            judged[name] += mean([float("*" in letters or each in letters) for each in filed]) if filed else 0.0
    arguments, annotations = [], []
    for path in [file.path for file in card.files if file.path.endswith("/counter_arguments.json")]:
        # `arguments/01_homework_should_be_abolished/…` is about this motion.
        issue = re.sub(r"^\d+_", "", Path(path).parent.name).replace("_", " ").capitalize()
        originals = {
            each["original_argument_id"]: each["speech"]
            for _, each in _objects(folder / Path(path).with_name("original_arguments.json"), ("speech",))
        }
        for place, each in _objects(folder / path, ("counter_argument_id", "speech", "original_argument_id")):
            id = each["counter_argument_id"]
            if id not in counts:
                continue
            if each["original_argument_id"] not in originals:
                raise place.error("original_argument_id", f"there is no such argument beside {path}.")
            said = {
                judge: {name: oriented(count, card.labels[name]) for name, count in found.items()}
                for judge, found in counts[id].items()
            }
            annotations += [
                Annotation(id, judge, name, value) for judge, found in said.items() for name, value in found.items()
            ]
            arguments.append(
                argument_of(
                    place,
                    "speech",
                    text=each["speech"],
                    id=id,
                    issue=issue,
                    stance="against the motion",
                    context=originals[each["original_argument_id"]],
                    domain=card.domain,
                    type="rebuttal",
                    labels={name: mean([found[name] for found in said.values()]) for name in wanted},
                )
            )
    if missing := sorted(set(counts) - {argument.id for argument in arguments}):
        raise CorpusError(f"{folder / _COMMENTS}: comments on '{missing[0]}', which is among no arguments.")
    return Corpus(card, tuple(arguments), annotations=tuple(annotations))


def _letters(annotation: Any, place: Place) -> str:
    try:
        return str(annotation["template"]["template_id"]).rstrip("0123456789")
    except (KeyError, TypeError):
        raise place.error("template_annotations", "no template_id in it.") from None


def _objects(path: Path, keys: tuple[str, ...]) -> list[tuple[Place, dict[str, Any]]]:
    """The objects of a file that is one JSON list."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CorpusError(f"Cannot read {path}: {error.strerror or error}.") from None
    except ValueError as error:
        raise CorpusError(f"{path}: not a JSON file ({error}).") from None
    if not isinstance(found, list):
        raise CorpusError(f"{path}: not a JSON list.")
    objects = []
    for number, each in enumerate(found, 1):
        place = Place(path, number)
        for key in keys:
            if not isinstance(each, dict) or key not in each:
                raise place.error(key, "this key is missing.")
        objects.append((place, each))
    return objects
