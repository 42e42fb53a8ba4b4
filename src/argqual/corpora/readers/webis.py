"""Read Webis-ArgQuality-20: scores of arguments found by a search, and the comparisons they were computed from.

An argument is named by topic, discussion and position: four texts were found for two topics. The
relevance votes do not name the topic, so those four have the votes of both.
"""

from collections import defaultdict
from pathlib import Path

from argqual.argument import Argument
from argqual.corpora.card import Card
from argqual.corpora.corpus import Annotation, Corpus, Pair
from argqual.corpora.readers.parts import Place, argument_of, mean, rating, rows_of, shown

_FULL = "Webis-ArgQuality-20-Full/webis-argquality20-"
_RAW = "Webis-ArgQuality-20-Raw/webis-argquality20-raw-"
_OUTCOMES = {"A": 1.0, "B": 0.0, "Tie": 0.5}
_COMPARED = ("logical", "rhetorical", "dialectical")
_VOTES = "relevance_votes"


def read_webis(card: Card, folder: Path, _texts: Corpus | None = None) -> Corpus:
    """The corpus. Rows with `Is Argument?` false are excluded, as the release's authors do."""
    topics = {
        cells["Topic ID"]: cells["Long Query"]
        for _, cells in rows_of(folder / f"{_FULL}topics.csv", ("Topic ID", "Long Query"))
    }
    votes = _votes(card, folder / f"{_RAW}relevance.csv")
    own = {name: label for name, label in card.labels.items() if name != _VOTES}
    columns = ("Topic ID", "Argument ID", "Discussion ID", "Premise", "Is Argument?", "Stance")
    kept: list[Argument] = []
    excluded: list[Argument] = []
    named: dict[tuple[str, str], list[str]] = defaultdict(list)
    annotations: list[Annotation] = []
    rows = rows_of(folder / f"{_FULL}arguments.csv", (*columns, *(label.column or "" for label in own.values())))
    for place, cells in rows:
        topic = cells["Topic ID"]
        if topic not in topics:
            raise place.error("Topic ID", f"'{shown(topic)}' is not among the topics.")
        key = cells["Discussion ID"], cells["Argument ID"]
        id = "-".join((topic, *key))
        named[key].append(id)
        ratings = {name: rating(cells[label.column or name], name, label, place) for name, label in own.items()}
        cast = votes.get(key, [])
        annotations += [Annotation(id, str(number), _VOTES, vote) for number, vote in enumerate(cast, 1)]
        is_argument = _truth(cells, "Is Argument?", place)
        if not is_argument:  # never compared with another, so the scores in its row mean nothing
            ratings = {name: value for name, value in ratings.items() if name not in ("combined", *_COMPARED)}
        argument = argument_of(
            place,
            "Premise",
            text=cells["Premise"],
            id=id,
            issue=topics[topic],
            stance="pro" if _truth(cells, "Stance", place) else "con",
            domain=card.domain,
            labels={name: value for name, value in ratings.items() if value is not None}
            | ({_VOTES: mean(cast)} if cast else {}),
        )
        (kept if is_argument else excluded).append(argument)
    pairs = [pair for name in _COMPARED for pair in _pairs(folder / f"{_RAW}{name}.csv", name, named)]
    return Corpus(card, tuple(kept), tuple(excluded), tuple(annotations), tuple(pairs))


def _truth(cells: dict[str, str], column: str, place: Place) -> bool:
    if cells[column] not in ("True", "False"):
        raise place.error(column, f"'{shown(cells[column])}' is neither True nor False.")
    return cells[column] == "True"


def _votes(card: Card, path: Path) -> dict[tuple[str, str], list[float]]:
    label = card.labels[_VOTES]
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for place, cells in rows_of(path, ("Discussion ID", "Argument ID", "Relevance")):
        vote = rating(cells["Relevance"], _VOTES, label, place)
        if vote is not None:
            found[cells["Discussion ID"], cells["Argument ID"]].append(vote)
    return found


def _pairs(path: Path, name: str, named: dict[tuple[str, str], list[str]]) -> list[Pair]:
    columns = ("Discussion ID A", "Argument ID A", "Discussion ID B", "Argument ID B", "Comparison")
    found = []
    for place, cells in rows_of(path, columns):
        both = [named.get((cells[f"Discussion ID {side}"], cells[f"Argument ID {side}"]), []) for side in "AB"]
        # Comparisons are within a topic, which tells the two rows of a text apart.
        same = [(a, b) for a in both[0] for b in both[1] if a.split("-")[0] == b.split("-")[0]]
        if len(same) != 1:
            raise place.error("Argument ID A", "this comparison is not of two arguments of one topic.")
        if cells["Comparison"] not in _OUTCOMES:
            raise place.error("Comparison", f"'{shown(cells['Comparison'])}' is none of A, B and Tie.")
        found.append(Pair(*same[0], name, _OUTCOMES[cells["Comparison"]]))
    return found
