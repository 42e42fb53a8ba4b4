"""Imports what commands import, before they are forked (`commandline.py`)."""

from importlib import import_module

for name in (
    "commandline",
    "datasets",
    "dspy",
    "dspy.adapters.types.decision",
    "dspy.lm15",
    "huggingface_hub",
    "pyarrow.parquet",
    "scipy.optimize",
    "scipy.stats",
    "sklearn.ensemble",
    "sklearn.feature_extraction.text",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "argqual.benchmark.analysis.findings",
    "argqual.benchmark.running.run",
    "argqual.cli.main",
    "argqual.cli.score_strategy",
    "argqual.cli.score_table",
    "argqual.corpora.check",
    "argqual.corpora.reading",
    "argqual.judging.compare",
    "argqual.models.states",
    "argqual.report.benchmark.files",
    "argqual.report.corpora",
    "argqual.strategies.exemplars",
    "argqual.strategies.optimised",
    "argqual.strategies.saving",
    "argqual.tabular.sources",
):
    import_module(name)
