"""A corpus in memory: arguments, and what people said of them.

Every label and annotation points upwards: higher is better, whatever the release's own direction.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from argqual.argument import Argument
from argqual.corpora.card import TARGETS, Card, Target


class Annotation(NamedTuple):
    """One person's judgement of one argument; `value` is None when they could not judge it."""

    argument: str
    annotator: str
    label: str
    value: float | None


class Pair(NamedTuple):
    """A comparison of two arguments by a label: 1 when the first is better, 0 when the second, 0.5 for a tie."""

    first: str
    second: str
    label: str
    outcome: float


class MinimalPair(NamedTuple):
    """One of the versions of an argument: which criterion was broken (None: none), and whether it is polished."""

    family: str
    broken: str | None
    polished: bool


@dataclass(frozen=True)
class Corpus:
    """What a reader gives.

    `arguments` are the texts that are arguments, in the order of the release; ids are unique in the corpus. `excluded`
    are those of which the release says that they are none: not for scoring, but agreement is about all texts, and a
    copy of one is a copy. `annotations` are individual judgements, of the excluded texts too; `pairs` are comparisons;
    `splits` has the release's own split by id, where it has any.
    """

    card: Card
    arguments: tuple[Argument, ...]
    excluded: tuple[Argument, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    pairs: tuple[Pair, ...] = ()
    splits: Mapping[str, str] = field(default_factory=dict)

    @property
    def texts(self) -> tuple[Argument, ...]:
        """All texts of the release: arguments, then the excluded ones."""
        return self.arguments + self.excluded

    def target(self, argument: Argument, target: Target, *, proxies: bool = False) -> float | None:
        """The label that stands for a target, or None; with `proxies` also one that only measures something akin."""
        chosen = self.card.targets.get(target)
        if chosen is None or (chosen.proxy and not proxies):
            return None
        return argument.labels.get(chosen.label)

    def targets(self, *, proxies: bool = False) -> tuple[Target, ...]:
        """The targets this corpus has, in their usual order."""
        chosen = self.card.targets
        return tuple(name for name in TARGETS if name in chosen and (proxies or not chosen[name].proxy))

    def minimal_pair(self, argument: Argument) -> MinimalPair | None:
        """Which version of its family an argument is, where the corpus was written so."""
        pairs = self.card.minimal_pairs
        if pairs is None:
            return None
        broken = self._worst(argument, pairs.broken)
        polished = argument.labels[pairs.polished] == self.card.labels[pairs.polished].highest
        return MinimalPair(argument.group or "", broken[0] if broken else None, polished)

    def read(self, argument: Argument) -> set[str] | None:
        """The criteria that a reader found broken who did not know; None where none read it."""
        pairs = self.card.minimal_pairs
        if pairs is None or not pairs.read or any(label not in argument.labels for label in pairs.read.values()):
            return None
        return set(self._worst(argument, pairs.read))

    def _worst(self, argument: Argument, labels: Mapping[str, str]) -> list[str]:
        """Those whose label is at its scale's end for worse. Labels were turned upwards when they were read."""
        return [name for name, label in labels.items() if argument.labels[label] == self.card.labels[label].lowest]

    def unit(self, argument: Argument) -> str:
        """What the argument's labels are comparable within: the corpus, or its topic and stance."""
        own = (argument.issue, argument.stance) if self.card.unit == "topic_and_stance" else ()
        return "/".join(part or "" for part in (self.card.id, *own))
