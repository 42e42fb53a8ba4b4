"""One prompt optimisation end to end on the embedded model: RATIO on dagstuhl, tested on topics it never saw.

    python benchmarks/strategies/optimise.py bootstrap
    python benchmarks/strategies/optimise.py gepa --budget 120

Forty arguments of eight topics to learn from and choose by, sixty of the other topics to test on. Criteria are
scored by their own labels. Answers before and after come from the store where they were asked before.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from sample import RESULTS, Sample, figures, paired_difference, provenance, sample, write

from argqual.argument import fence
from argqual.strategies import Optimised, Principle

NAME = "optimise-ratio.json"
TARGETS = {
    "relevance": "local_relevance",
    "acceptability": "local_acceptability",
    "sufficiency": "local_sufficiency",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("optimiser", choices=["labelled", "bootstrap", "miprov2", "gepa"])
    parser.add_argument("--budget", type=int, default=120, help="requests")
    parser.add_argument("--demos", type=int, default=3)
    parser.add_argument("--train", type=int, default=40)
    parser.add_argument("--test", type=int, default=60)
    options = parser.parse_args()
    whole = sample("dagstuhl", 10_000)
    topics = sorted(set(whole.groups))
    train = _part(whole, set(topics[::2]), options.train)
    test = _part(whole, set(topics[1::2]), options.test)
    started = time.perf_counter()
    fitted = Optimised(
        "ratio",
        optimiser=options.optimiser,
        budget_calls=options.budget,
        demos=options.demos,
        targets=TARGETS,
    ).fit(train.arguments, train.labels, groups=train.groups)
    seconds = time.perf_counter() - started
    before = Principle("ratio").fit(test.arguments).predict(test.arguments)
    after = fitted.predict(test.arguments)
    found: dict[str, Any] = provenance() | {
        "model": "qwen2.5-coder-1.5b",
        "corpus": "dagstuhl, overall",
        "trained_on": [argument.id for argument in train.arguments],
        "tested_on": [argument.id for argument in test.arguments],
        "calls": fitted.calls_,
        "failures": fitted.failures_,
        "ended": fitted.ended_,
        "usage": fitted.seen_.usage.model_dump(),
        "seconds": round(seconds, 1),
        "chosen_by": {"before": fitted.score_before_, "after": fitted.score_after_},
        "held_out_topics": {
            "before": figures(before, test),
            "after": figures(after, test),
            "after - before, length partialled out": paired_difference(after, before, test),
        },
        "prompt": {
            "before": fitted.prompt_before_.splitlines(),
            "after": _without_texts(fitted.prompt_after_, train).splitlines(),
        },
    }
    path = RESULTS / NAME
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    content[options.optimiser] = found
    print(
        json.dumps({name: value for name, value in found.items() if name not in ("trained_on", "tested_on")}, indent=1)
    )
    print("written:", write(NAME, content))


def _part(whole: Sample, topics: set[str], most: int) -> Sample:
    places = [place for place, group in enumerate(whole.groups) if group in topics][:most]
    return Sample(
        whole.corpus,
        [whole.arguments[place] for place in places],
        whole.labels[places],
        [whole.groups[place] for place in places],
    )


def _without_texts(prompt: str, train: Sample) -> str:
    """A prompt with the ids of the arguments it shows in the place of their texts."""
    for argument in train.arguments:
        for text in (argument.text, fence(argument.text)):
            prompt = prompt.replace(json.dumps(text, ensure_ascii=False)[1:-1], f"[{argument.id}]")
    return prompt


if __name__ == "__main__":
    main()
