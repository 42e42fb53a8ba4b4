"""Reports of benchmarks whose predictions are made up by formula, as files and as they are printed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import planted
import planted_run
from argqual.report.benchmark.files import write_report
from argqual.report.benchmark.text import text
from pinned.calling import called, masked
from pinned.comparing import ROOT, rounded, structure

_MUCH = 100_000  # characters; of what is longer, a digest and the beginning are compared


def _shortened(found: str) -> str:
    if len(found) <= _MUCH:
        return found
    digest = hashlib.sha256(found.encode()).hexdigest()
    return f"{found[:2000]}\n… {len(found)} characters, SHA-256 {digest}\n"


def hostile_report(folder: Path) -> dict[str, str]:
    """Everything that a report may hold, with hostile names and texts: each of its files, and its first page."""
    results = planted.results()
    files = {path.relative_to(folder).as_posix(): path for path in write_report(results, [], folder)}
    found = {f"hostile/{name}": rounded(path.read_bytes().decode()) for name, path in files.items()}
    return found | {"hostile/first-page.txt": text(results) + "\n"}


def run_report(folder: Path) -> dict[str, str]:
    """A run file, reported by the command line: each file that is written, and all that is printed."""
    planted_run.write(folder / "planted.run.sqlite").close()
    (folder / "planted.yaml").write_text(planted_run.YAML.replace("draws: 400", "draws: 200"), encoding="utf-8")
    report = called(folder, "benchmark", "report", "planted.yaml", "--format", "json")
    assert report.code == 0, report.err
    verdict = called(folder, "benchmark", "verdict", "planted.yaml", "--format", "text")
    found = {"run/report.json.out": rounded(masked(report.out, folder)), "run/verdict.text.out": verdict.out}
    for format in ("text", "json"):
        status = called(folder, "benchmark", "status", "planted.yaml", "--format", format)
        found[f"run/status.{format}.out"] = masked(status.out, folder)
    written = folder / "planted-report"
    for path in sorted(written.rglob("*")):
        if path.is_file():
            name = f"run/{path.relative_to(written).as_posix()}"
            found[name] = rounded(masked(path.read_bytes().decode(), folder))
    return found


def shipped_verdicts() -> dict[str, str]:
    """What the reports in the repository say of their claims."""
    found: dict[str, str] = {}
    for results in ("claims", "claims-0.5b"):
        for format in ("text", "json"):
            verdict = called(ROOT, "benchmark", "verdict", f"benchmarks/results/{results}", "--format", format)
            assert verdict.code == 0, verdict.err
            found[f"verdicts/{results}.{format}.out"] = rounded(verdict.out)
    return found


def as_recorded(found: dict[str, str]) -> dict[str, str]:
    """By the name of the recorded file; of pages their structure; what is much is compared by its digest.

    `results.json` is left out, which is newer than the pins: tests/benchmark/analysis/test_results.py has its tests.
    """
    named = {name: content for name, content in found.items() if not name.endswith("/results.json")}
    pages = {name: structure(content) if name.endswith(".html") else content for name, content in named.items()}
    return {f"reports/{name}": _shortened(content) for name, content in pages.items()}
