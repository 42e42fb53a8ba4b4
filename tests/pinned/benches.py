"""Ten benchmarks and the cells that are made of each: their keys, under which predictions are kept, and their places.

Six are argqual's own that need no corpus but the constructed arguments; four are small ones on made-up letters. Nothing
is fitted or asked.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from argqual.benchmark.running.cells import cells_of
from argqual.benchmark.running.data import Data, read_data
from argqual.benchmark.running.run import BenchmarkPlan, plan_of
from argqual.benchmark.running.splits import folds_of
from argqual.benchmark.spec.config import Benchmark, load_benchmark
from pinned.comparing import ROOT
from smallbenchmark import write_benchmark

OWN_FILES = (
    "claims/1-principles-transfer.yaml",
    "claims/2-style-fools.yaml",
    "claims/3-invalid-rationales.yaml",
    "claims/4-messy-demonstrations.yaml",
    "claims/6-thinking.yaml",
    "constructed/comparisons.yaml",
)
# These read corpora that are not in the repository; only what their files say is compared.
NOT_PLANNED = ("claims/5-latent-ability.yaml", "transfer.yaml")

_TRAINED = """\
  length:
  mean:
  tfidf: {grid: {alpha: [0.5, 2.0]}}
  few: {strategy: tfidf, train: 20}
  surface: {params: {trees: 5}, seeds: 2}
  embedding: {splits: [in_domain]}
"""
_ASKED = """\
  plain:
  ratio: {strategy: principle, params: {framework: ratio}}
  votes: {strategy: principle, params: {framework: dqi, definitions: none, readout: "votes:3"}}
  placebo: {strategy: principle, params: {framework: ratio, control: placebo}}
  exemplars: {params: {k: 2, draws: 2}, seeds: 2}
  both: {strategy: principle+exemplars, params: {framework: qoam, k: 2, draws: 1, explain: true}}
  calibrated: {params: {base: principle, base__framework: ratio, method: isotonic}}
  comparing: {strategy: pairwise, params: {against: test, opponents: 2}, splits: [in_domain]}
"""
SMALL: dict[str, tuple[str, dict[str, str]]] = {
    "small": ("  length:\n  tfidf:\n", {}),
    "trained": (
        _TRAINED,
        {
            "splits": "[in_domain, leave_one_domain_out, corpus_to_corpus, label_budget]",
            "budgets": "[0, 8]",
            "selection": "leave_one_domain_out",
            "seed": "7",
        },
    ),
    "asked": (
        _ASKED,
        {
            "models": "[openai/test, openai/other]",
            "perturbed": "{arguments: 5, strategies: [length, plain]}",
        },
    ),
    "sampled": (
        "  length:\n  tfidf: {grid: {alpha: [1.0, 4.0]}}\n",
        {
            "selection": "oracle",
            "claims": "{words: {says: Words carry over., contrast: tfidf - length, smallest: 0.1}}",
            "baselines": "[length]",
            "intervals_over": "domains",
        },
    ),
}


_READ: dict[str, Data] = {}


def _data_of(benchmark: Benchmark) -> Data:
    """What `plan_of` reads; once for the benchmarks that read the same."""
    wanted = f"{benchmark.corpora!r} {benchmark.target} {benchmark.seed}"
    if wanted not in _READ:
        _READ[wanted] = read_data(benchmark)
    return _READ[wanted]


def planned(name: str, folder: Path) -> BenchmarkPlan:
    """A benchmark by its file or its name, worked out."""
    if name in OWN_FILES:
        benchmark = load_benchmark(ROOT / "benchmarks" / name)
        data = _data_of(benchmark)
        folds, refused = folds_of(benchmark, data)
        return BenchmarkPlan(benchmark, data, tuple(folds), tuple(refused), tuple(cells_of(benchmark, data, folds)))
    strategies, more = SMALL[name]
    file = write_benchmark(folder, strategies, **more)
    if name == "asked":
        file.write_text(file.read_text(encoding="utf-8").replace("folds: 4", "folds: 2"), encoding="utf-8")
    if name == "sampled":
        said = file.read_text(encoding="utf-8").replace(".yaml:\n", ".yaml: {sample: 20, train_sample: 30}\n")
        file.write_text(said, encoding="utf-8")
    return plan_of(load_benchmark(file))


def cells(name: str, folder: Path) -> str:
    """What is planned, a line a cell: its key, then its place in the tables; then what cannot be made."""
    plan = planned(name, folder)
    lines = [f"{len(plan.data)} arguments, {len(plan.folds)} folds, {len(plan.distinct)} cells"]
    if name in OWN_FILES:
        lines.append(f"benchmark {plan.benchmark.fingerprint}")
    for cell, part in plan.cells:
        test = hashlib.sha256(repr(part.test).encode()).hexdigest()[:8]
        train = hashlib.sha256(repr(cell.fold.train).encode()).hexdigest()[:8]
        about = [part.strategy, part.kind, part.model, part.fold, part.seed, part.rung, part.budget, part.removed]
        sizes = f"{len(cell.fold.train)} train {train}, {len(part.test)} test {test}"
        lines.append(f"{cell.key} {' | '.join(map(str, about))} | {sizes} | {cell.name}")
    lines += [f"refused {each.split} {each.name}: {each.reason}" for each in plan.refused]
    return "\n".join(lines) + "\n"


def said() -> dict[str, Any]:
    """What each of argqual's own benchmark files says, in full, with its fingerprint."""
    found: dict[str, Any] = {}
    for name in (*OWN_FILES, *NOT_PLANNED):
        benchmark = load_benchmark(ROOT / "benchmarks" / name)
        content = benchmark.model_dump_json(by_alias=True)
        found[name] = {
            "id": benchmark.id,
            "fingerprint": benchmark.fingerprint,
            "on another model": benchmark.on_model("openai/test").fingerprint,
            "content": hashlib.sha256(content.encode()).hexdigest(),
            "contenders": [[each.title, each.strategy, each.model, list(each.splits)] for each in benchmark.systems()],
        }
    return found
