"""What a benchmark's figures rest on: corpora with their licences and citations, frameworks, versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version

from argqual.benchmark.results import Source
from argqual.corpora.card import Card, Label
from argqual.corpora.cards import load_card
from argqual.errors import ArgqualError

PACKAGES = ("numpy", "scipy", "scikit-learn", "dspy-ai", "litellm", "datasets", "xllamacpp", "torch", "transformers")
"""Packages that figures may depend on."""


def corpus_sources(corpora: Iterable[str]) -> Iterator[Source]:
    """Each corpus as its card describes it; one without a card to be found here has its name only."""
    for name in corpora:
        card = card_of(name)
        if card is None:
            yield Source("corpus", name, "its card is not to be found here")
            continue
        yield Source(
            kind="corpus",
            id=card.id,
            title=card.title,
            fingerprint=card.fingerprint,
            licence=card.licence.id,
            terms=card.licence.terms.strip(),
            citations=tuple(_cited(each.text, each.doi, each.url) for each in card.citations),
            share_alike=card.licence.share_alike,
        )


def framework_sources(frameworks: Iterable[str]) -> Iterator[Source]:
    """Each framework by id, version and fingerprint."""
    from argqual.catalogue import load_framework

    for name in frameworks:
        try:
            framework = load_framework(name)
        except ArgqualError:
            yield Source("framework", name, "not to be found here")
            continue
        yield Source(
            kind="framework",
            id=f"{framework.id} {framework.version}",
            title=framework.title,
            fingerprint=framework.fingerprint,
            licence=framework.license,
            citations=tuple(_cited(each.text, each.doi, each.url) for each in framework.citations),
        )


def _cited(text: str, doi: str | None, url: str | None) -> str:
    return f"{' '.join(text.split())} {f'doi:{doi}' if doi else url or ''}".strip()


def card_of(corpus: str) -> Card | None:
    """A corpus' card, where it is to be found."""
    try:
        return load_card(corpus)[0]
    except ArgqualError:
        return None


def label_of(card: Card, target: str) -> Label | None:
    """The label that stands for a target."""
    chosen = next((chosen for name, chosen in card.targets.items() if name == target), None)
    return card.labels[chosen.label] if chosen else None


def ceiling(card: Card, target: str) -> float | None:
    """The human ceiling of the label that stands for a target, as the card has it."""
    chosen = next((chosen for name, chosen in card.targets.items() if name == target), None)
    return card.figures.ceiling.get(chosen.label) if chosen else None


def versions() -> dict[str, str]:
    """Installed versions of what figures may depend on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
