"""What the strategy benchmarks have in common: samples of corpora, and figures with intervals."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from argqual.argument import Argument
from argqual.corpora.corpus import Corpus
from argqual.corpora.groups import groups_of
from argqual.corpora.reading import read_corpus
from argqual.stats.correlation import partial_spearman, spearman
from argqual.stats.estimate import Estimate

RESULTS = Path(__file__).parents[1] / "results"
_PACKAGES = ("argqual", "dspy", "xllamacpp", "scikit-learn", "numpy", "scipy", "torch", "transformers")


class Sample(NamedTuple):
    """Arguments of a corpus that have the target, with their labels, groups and topics."""

    corpus: Corpus
    arguments: list[Argument]
    labels: np.ndarray
    groups: list[str]

    @property
    def words(self) -> np.ndarray:
        return np.array([len(argument.text.split()) for argument in self.arguments], dtype=float)


def sample(name: str, most: int, *, target: Any = "overall") -> Sample:
    """The first `most` arguments with the target, in the order of the SHA-256 of their ids.

    Labels that are comparable within a topic only are standardised within it (of the whole release).
    """
    corpus = read_corpus(name)
    groups = groups_of([corpus])
    ordered = sorted(corpus.arguments, key=lambda argument: hashlib.sha256((argument.id or "").encode()).hexdigest())
    labelled = [(each, label) for each in ordered if (label := corpus.target(each, target)) is not None][:most]
    arguments = [argument for argument, _ in labelled]
    return Sample(
        corpus,
        arguments,
        np.array([label for _, label in labelled]),
        [groups[corpus.card.id, argument.id or ""] for argument in arguments],
    )


def figures(predicted: np.ndarray, drawn: Sample, *, draws: int = 2000) -> dict[str, Any]:
    """Spearman and length-partialled Spearman with 95 % intervals over groups, and the coverage."""
    plain = spearman(predicted, drawn.labels, clusters=drawn.groups, draws=draws)
    partial = partial_spearman(predicted, drawn.labels, drawn.words, clusters=drawn.groups, draws=draws)
    return {
        "spearman": shown(plain),
        "length_partialled": shown(partial),
        "n": plain.n,
        "offered": plain.offered,
        "clusters": plain.clusters,
    }


def shown(estimate: Estimate) -> list[float | None]:
    """Value, low, high, rounded; None where there is none."""
    return [None if each is None else round(each, 3) for each in (estimate.value, estimate.low, estimate.high)]


def paired_difference(
    one: np.ndarray, other: np.ndarray, drawn: Sample, *, draws: int = 2000, seed: int = 0
) -> list[float | None]:
    """Difference of two length-partialled Spearman correlations on the same arguments, with its interval.

    Groups are resampled, the same ones for both; arguments that either could not rate are left out.
    """
    kept = np.isfinite(one) & np.isfinite(other)
    codes = np.unique(np.array(drawn.groups)[kept], return_inverse=True)[1]
    places = [np.flatnonzero(codes == code) for code in range(codes.max() + 1)]
    columns = [each[kept] for each in (one, other, drawn.labels, drawn.words)]
    rng = np.random.default_rng(seed)

    def difference(rows: np.ndarray) -> float:
        first, second, labels, words = (each[rows] for each in columns)
        return _partial(first, labels, words) - _partial(second, labels, words)

    value = difference(np.arange(int(kept.sum())))
    drawn_values = [
        difference(np.concatenate([places[code] for code in rng.integers(len(places), size=len(places))]))
        for _ in range(draws)
    ]
    low, high = np.nanquantile(drawn_values, (0.025, 0.975))
    return [round(float(each), 3) for each in (value, low, high)]


def _partial(x: np.ndarray, y: np.ndarray, given: np.ndarray) -> float:
    from scipy.stats import rankdata

    r = np.corrcoef([rankdata(each) for each in (x, y, given)])
    return float((r[0, 1] - r[0, 2] * r[1, 2]) / np.sqrt((1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2)))


def provenance() -> dict[str, Any]:
    """The command, the date, the commit and the versions behind a result."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "command": " ".join(["python", *sys.argv]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "versions": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def write(name: str, content: dict[str, Any]) -> Path:
    path = RESULTS / name
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def rows(arguments: Sequence[Argument], places: Sequence[int]) -> list[Argument]:
    return [arguments[place] for place in places]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
