"""Does an optimised prompt carry over to topics that it never saw? RATIO and an embedded model, on one corpus.

Topics are drawn with a seed: eight to learn from, the others to test on. The optimiser holds out part of its own
eight to choose by; the test topics are asked about before and after, and seen by nothing else.

    python benchmarks/strategies/optimise.py gepa --calls 200

Needs the weights of `local` and `ARGQUAL_MIRROR` or a fetched corpus. Writes `results/optimise-ratio-OPTIMISER.json`,
in which the corpus' texts are replaced by ids; instructions that quote a part of one have to be looked through by hand.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
from sample import Sample, figures, paired_difference, provenance, sample, write

from argqual.argument import Argument, fence
from argqual.strategies import Optimised, Principle

TOPICS = 8
_LONG = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("optimiser", choices=("labelled", "bootstrap", "miprov2", "gepa"))
    parser.add_argument("--corpus", default="dagstuhl")
    parser.add_argument("--model", default="local")
    parser.add_argument("--reflection-model")
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--train", type=int, default=40)
    parser.add_argument("--test", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    train, test = split(sample(chosen.corpus, 10**9), chosen.train, chosen.test, chosen.seed)
    before = Principle("ratio", model=chosen.model).fit(test.arguments).predict(test.arguments)
    strategy = Optimised(
        "ratio",
        optimiser=chosen.optimiser,
        model=chosen.model,
        reflection_model=chosen.reflection_model,
        budget_calls=chosen.calls,
        seed=chosen.seed,
    )
    began = time.perf_counter()
    strategy.fit(train.arguments, train.labels, groups=train.groups)
    seconds = time.perf_counter() - began
    after = strategy.predict(test.arguments)
    content = provenance() | vars(chosen) | {
        "train": {"n": len(train.arguments), "groups": sorted(set(train.groups))},
        "test": {"n": len(test.arguments), "groups": len(set(test.groups))},
        "held_out_topics": {
            "before": figures(before, test),
            "after": figures(after, test),
            "after - before, length-partialled": paired_difference(after, before, test),
        },
        "validation": {"before": strategy.score_before_, "after": strategy.score_after_},
        "prompt_before": strategy.prompt_before_,
        "prompt_after": without_texts(strategy.prompt_after_, train.arguments),
        "calls": strategy.calls_,
        "failures": strategy.failures_,
        "ended": strategy.ended_,
        "seconds": round(seconds, 1),
    }  # fmt: skip
    print(json.dumps(content["held_out_topics"], indent=2))
    print("written:", write(f"optimise-ratio-{chosen.optimiser}.json", content))


def split(drawn: Sample, train: int, test: int, seed: int) -> tuple[Sample, Sample]:
    """Arguments of eight topics, and of the others; as many as wanted of each, in the sample's order."""
    order = np.random.default_rng(seed).permutation(sorted(set(drawn.groups)))
    learnt = set(order[:TOPICS].tolist())
    inside = [place for place, group in enumerate(drawn.groups) if group in learnt][:train]
    outside = [place for place, group in enumerate(drawn.groups) if group not in learnt][:test]
    return part(drawn, inside), part(drawn, outside)


def part(drawn: Sample, places: list[int]) -> Sample:
    return Sample(
        drawn.corpus,
        [drawn.arguments[place] for place in places],
        drawn.labels[places],
        [drawn.groups[place] for place in places],
    )


def without_texts(prompt: str, arguments: list[Argument]) -> str:
    """A prompt whose examples show ids in place of the corpus' texts, as those stand in JSON or as they are."""
    for argument in arguments:
        fields: dict[str, Any] = {"text": argument.text, "issue": argument.issue, "stance": argument.stance}
        for name, text in fields.items():
            if text:
                said = fence(text)
                label = f"[{name} of {argument.id}]"
                prompt = prompt.replace(json.dumps(said, ensure_ascii=False), json.dumps(label))
                if len(said) >= _LONG:  # a stance may be a word that instructions use too
                    prompt = prompt.replace(said, label)
    return prompt


if __name__ == "__main__":
    main()
