"""Which form of an answer the read-out `expect` is to have on the embedded model: written, or begun for it.

Three forms, to the same prompt: `json`, an answer to all questions that the model writes; `chain`, an answer that is
begun for it, going on with the likeliest level of each question (`expect:prefilled`); `independent`, where each
question is begun by itself, as if it were the first. Ranks beyond length on corpora with human ratings, and on the
constructed arguments how often the sound version is rated above its broken twin, and whether the criterion that was
broken is the one that falls. Each form is compared to `json` on the same arguments, with intervals.

    python benchmarks/strategies/answer_forms.py ratio dagstuhl:304 webis:120 ibm_argq_rank_30k:150 constructed:1000

Needs the weights of `local` and `ARGQUAL_MIRROR` or fetched corpora; what was asked before comes from the store, so it
can be stopped and started again. Writes results/answer-forms-FRAMEWORK.json.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sample import Sample, figures, paired_difference, provenance, sample, shown, write

from argqual.argument import Argument
from argqual.assessment import Assessment
from argqual.benchmark.analysis.minimal_pairs import Versions, measured
from argqual.benchmark.spec.vocabulary import PerturbationTest
from argqual.corpora.reading import read_corpus
from argqual.judging.batch import assess_all
from argqual.judging.judge import Judge
from argqual.judging.readouts.conversation import Conversation
from argqual.judging.readouts.expect import Expect, level_token
from argqual.judging.readouts.reading import Distribution, token_distribution
from argqual.judging.store import Store
from argqual.models.connect import connect
from argqual.stats.inference import mean


class Independent(Expect):
    """Each question begun as if it were the first."""

    def __init__(self) -> None:
        super().__init__("prefilled")
        self.name = "expect:independent"

    def read(self, conversation: Conversation) -> list[Distribution]:
        return [
            token_distribution(question, level_token(conversation, f'{{"{question.name}":"'))
            for question in conversation.prompt.questions
        ]


def main(framework: str, wanted: Sequence[str]) -> None:
    model = connect("local")
    judges = {form: Judge(framework, model=model, readout=f"expect:{form}") for form in ("json", "prefilled")}
    judges["independent"] = Judge(framework, model=model, readout="expect:prefilled")
    judges["independent"].readout = Independent()
    content = provenance() | {"framework": framework, "model": model.name, "corpora": {}}
    for name, _, most in (each.partition(":") for each in wanted):
        if name == "constructed":
            content["constructed"] = _constructed(judges)
        else:
            content["corpora"][name] = _corpus(judges, sample(name, int(most)))
        print("written:", write(f"answer-forms-{framework}.json", content), flush=True)


def _assessed(judges: Mapping[str, Judge], arguments: Sequence[Argument]) -> dict[str, list[Assessment]]:
    """Each argument by all judges in turn: what they share of the prompt is read once."""
    found: dict[str, list[Assessment]] = {form: [] for form in judges}
    with Store() as store:
        for number, argument in enumerate(arguments, 1):
            for form, judge in judges.items():
                found[form] += assess_all(judge, [argument], store=store)
            if number % 20 == 0:
                print(f"{number} of {len(arguments)}", file=sys.stderr, flush=True)
    return found


def _overall(assessments: Sequence[Assessment]) -> np.ndarray:
    values = [each.overall.quality for each in assessments]
    return np.array([np.nan if value is None else value for value in values])


def _corpus(judges: dict[str, Judge], drawn: Sample) -> dict[str, Any]:
    values = {form: _overall(found) for form, found in _assessed(judges, drawn.arguments).items()}
    found: dict[str, Any] = {form: figures(each, drawn) for form, each in values.items()}
    for form in ("prefilled", "independent"):
        found[f"{form} - json"] = paired_difference(values[form], values["json"], drawn)
    for form, each in found.items():
        print(drawn.corpus.card.id, form, each, flush=True)
    return found


def _constructed(judges: dict[str, Judge]) -> dict[str, Any]:
    corpus = read_corpus("constructed")
    arguments = list(corpus.arguments)
    twins = [twin for argument in arguments if (twin := corpus.minimal_pair(argument))]
    found: dict[str, Any] = {}
    right: dict[str, np.ndarray] = {}
    for form, assessments in _assessed(judges, arguments).items():
        versions = Versions.of(_overall(assessments), twins)
        falls = versions.falls().reshape(len(versions.ratings), -1)
        right[form] = np.where(np.isfinite(falls), (falls > 0) + 0.5 * (falls == 0), np.nan).mean(axis=1)
        found[form] = {
            "sound above broken twin": shown(measured(versions, PerturbationTest.SENSITIVITY).estimate),
            "fall by criterion": _specificity(judges[form], assessments, twins, versions.criteria),
        }
        print("constructed", form, found[form], flush=True)
    for form in ("prefilled", "independent"):
        found[f"{form} - json"] = shown(mean(right[form] - right["json"], method="mean over families").estimate)
    return found


def _specificity(judge: Judge, assessments: Sequence[Assessment], twins: Sequence[Any], broken: Sequence[str]) -> Any:
    """How far each criterion (0 to 1) falls when one is broken: mean over families, by the broken criterion."""
    table: dict[str, dict[str, Any]] = {each: {} for each in broken}
    for criterion in judge.framework.asked:
        values = [each.rating(criterion.id).quality for each in assessments]
        falls = Versions.of([np.nan if value is None else value for value in values], twins).falls().mean(axis=-1)
        for place, name in enumerate(broken):
            table[name][criterion.id] = shown(mean(falls[:, place], method="mean over families").estimate)
    return table


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
