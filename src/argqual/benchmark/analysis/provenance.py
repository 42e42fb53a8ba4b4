"""What a benchmark's figures rest on, as far as it can be found here: cards and frameworks, licences and citations."""

from argqual.benchmark.analysis.results import CitedSource
from argqual.corpora.card import Card
from argqual.corpora.cards import load_card
from argqual.errors import ArgqualError
from argqual.frameworks.catalogue import load_framework


def corpus_source(name: str) -> CitedSource:
    """A corpus as its card describes it; its name only, where there is no card to be found."""
    card = _card(name)
    if card is None:
        return CitedSource("corpus", name, name)
    return CitedSource(
        kind="corpus",
        id=card.id,
        title=card.title,
        fingerprint=card.fingerprint,
        licence=card.licence.id,
        terms=card.licence.terms.strip(),
        citations=tuple(_cited(each.text, each.doi, each.url) for each in card.citations),
        share_alike=card.licence.share_alike,
    )


def framework_source(name: str) -> CitedSource:
    """A framework by id, version and fingerprint."""
    try:
        framework = load_framework(name)
    except ArgqualError:
        return CitedSource("framework", name, "not to be found here")
    return CitedSource(
        kind="framework",
        id=f"{framework.id} {framework.version}",
        title=framework.title,
        fingerprint=framework.fingerprint,
        licence=framework.license,
        citations=tuple(_cited(each.text, each.doi, each.url) for each in framework.citations),
    )


def ceiling(corpus: str, target: str) -> float | None:
    """The human ceiling of the label that stands for a target, as the corpus' card has it."""
    card = _card(corpus)
    chosen = None if card is None else next((each for name, each in card.targets.items() if name == target), None)
    return None if card is None or chosen is None else card.figures.ceiling.get(chosen.label)


def _card(name: str) -> Card | None:
    try:
        return load_card(name)[0]
    except ArgqualError:
        return None


def _cited(text: str, doi: str | None, url: str | None) -> str:
    return f"{' '.join(text.split())} {f'doi:{doi}' if doi else url or ''}".strip()
