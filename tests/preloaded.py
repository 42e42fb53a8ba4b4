"""Imports what commands import, before they are forked (`commandline.py`).

The hub's libraries take its address when they are imported: it is one that nobody else gets, where a fork may answer.
"""

import os
import socket
from importlib import import_module
from types import SimpleNamespace

KEPT = socket.socket()
KEPT.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # for who listens there in its stead
KEPT.bind(("127.0.0.1", 0))
HUB = f"127.0.0.1:{KEPT.getsockname()[1]}"
os.environ |= {"HF_ENDPOINT": f"http://{HUB}", "HF_HUB_DISABLE_TELEMETRY": "1"}
os.environ["USE_TORCH"] = "0"  # `datasets` would load it to read a row

for name in (
    "commandline",
    "datasets",
    "datasketch",
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
    "argqual.benchmark.running.planning",
    "argqual.benchmark.running.run",
    "argqual.cli.fetching",
    "argqual.cli.main",
    "argqual.cli.score_batch",
    "argqual.cli.score_strategy",
    "argqual.cli.score_table",
    "argqual.corpora.check",
    "argqual.corpora.reading",
    "argqual.judging.compare",
    "argqual.judging.readouts.conversation",
    "argqual.judging.rounds",
    "argqual.models.batchapi",
    "argqual.models.engines",
    "argqual.models.states",
    "argqual.report.benchmark.files",
    "argqual.report.corpora",
    "argqual.strategies.exemplars",
    "argqual.strategies.optimised",
    "argqual.strategies.saving",
    "argqual.strategies.surface",
    "argqual.tabular.results",
    "argqual.tabular.sources",
):
    import_module(name)

# Reads a file of a hundred thousand lines, for whoever counts the tokens of the tests' server.
tokenizing = import_module("argqual.models.tokenizing")
tokenizing.tokenizer_for(SimpleNamespace(server=None, name="openai/test", tokenizer=None))

del os.environ["USE_TORCH"]
