"""Does `argqual compare` see which of two versions is sound, and how often does the order decide instead?

Each sound argument against each of its broken twins, in plain style, by RATIO on the embedded model: 144 comparisons in
48 families, both orders asked. Every figure is one of a family first, then the mean over families with Student's t.

    python benchmarks/constructed/compare_twins.py        # writes results/constructed-compare.json

What was asked before stands in the result, so it can be stopped and started again: about 15 minutes on two cores.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from argqual.argument import Argument
from argqual.benchmark.inference import mean
from argqual.corpora.bootstrap import exact_if_unanimous
from argqual.corpora.reading import read_corpus
from argqual.judging.compare import compare

RESULTS = Path(__file__).parents[1] / "results" / "constructed-compare.json"
Asked = dict[str, Any]


def main() -> None:
    corpus = read_corpus("constructed")
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    done: dict[str, Asked] = known.get("comparisons", {}) if known.get("corpus") == corpus.card.fingerprint else {}
    sound: dict[str, Argument] = {}
    broken: list[tuple[str, str, Argument]] = []
    for argument in corpus.arguments:
        twin = corpus.twin(argument)
        if twin and not twin.polished:
            if twin.broken is None:
                sound[twin.family] = argument
            else:
                broken.append((twin.family, twin.broken, argument))
    for number, (family, criterion, argument) in enumerate(broken, start=1):
        id = argument.id or ""
        if id in done:
            continue
        found = compare(sound[family], argument)
        answers = {each.criterion: each for each in (*found.criteria, found.overall)}
        done[id] = {
            "family": family,
            "broken": criterion,
            "model": found.model,
            "sound first, sound second": {
                name: [_rounded(each.shown_first), _rounded(each.shown_second)] for name, each in answers.items()
            },
        }
        print(f"{number} of {len(broken)}: {id}", flush=True)
        _write(corpus.card.fingerprint, done)
    _write(corpus.card.fingerprint, done)


def _write(fingerprint: str, done: dict[str, Asked]) -> None:
    criteria = sorted({each["broken"] for each in done.values()})
    overall = {id: each["sound first, sound second"]["overall"] for id, each in done.items()}
    figures = {name: _over_families(done, overall, figure) for name, figure in _FIGURES.items()}
    for criterion in criteria:
        own = {id: each for id, each in done.items() if each["broken"] == criterion}
        on_it = {id: each["sound first, sound second"][criterion] for id, each in own.items()}
        name = "sound the more probable in both orders together"
        figures[f"{criterion} broken: {name}"] = _over_families(own, overall, _FIGURES[name])
        figures[f"{criterion} broken: the same, asked about {criterion}"] = _over_families(own, on_it, _FIGURES[name])
    content = {
        "command": "python benchmarks/constructed/compare_twins.py",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: version(name) for name in ("argqual", "numpy", "scipy", "dspy", "xllamacpp")},
        "corpus": fingerprint,
        "figures": figures,
        "comparisons": done,
    }
    draft = RESULTS.with_suffix(".tmp")
    draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    draft.replace(RESULTS)


_FIGURES: dict[str, Callable[[float, float], float]] = {
    "sound the more probable in both orders together": lambda first, second: (np.sign(first + second - 1) + 1) / 2,
    "sound wins, both orders agreeing": lambda first, second: float(min(first, second) > 0.5),
    "broken wins, both orders agreeing": lambda first, second: float(max(first, second) < 0.5),
    "undecided, the orders disagreeing": lambda first, second: float(min(first, second) <= 0.5 <= max(first, second)),
    "what standing first adds to the probability of a win": lambda first, second: first - second,
}


def _over_families(
    done: dict[str, Asked], answers: dict[str, list[float | None]], figure: Callable[[float, float], float]
) -> dict[str, float | int | None]:
    """Of families whose comparisons were all answered."""
    by_family: dict[str, list[float]] = defaultdict(list)
    for id, (first, second) in answers.items():
        by_family[done[id]["family"]].append(np.nan if first is None or second is None else figure(first, second))
    values = np.array([np.mean(own) for own in by_family.values()])
    estimate = exact_if_unanimous(mean(values, method="mean over families").estimate)
    ends = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    return {name: None if end is None else round(end, 3) for name, end in ends.items()} | {
        "families": estimate.n,
        "of": estimate.offered,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


if __name__ == "__main__":
    main()
