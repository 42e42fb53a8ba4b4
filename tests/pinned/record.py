"""Record anew what the tests beside this file compare to.

    python tests/pinned/record.py [GROUP …]

The pins say what somebody who uses argqual could notice: store keys, prompts, requests, assessments, cells, reports,
help, exit codes and messages, and that files saved before still load. They say that it is the same as before, not that
it is right; that is said by the other tests. So recording anew is a deliberate act: it is done when a change of what
users notice is wanted, its difference is read line by line before it is committed, and it is told in the changelog. A
changed key means that what users have kept is asked and paid for again.

The groups whose names begin with `saved-` are left out unless they are named: they make the files under `data/saved`
anew. That throws away what earlier versions wrote, which is what these
files are there for: it is right only where a new kind of file is added, and then only for that file.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from pinned.benches import OWN_FILES, SMALL, cells, said
from pinned.commands import EXITS, PRINTED, exits, options, prepared, printed, unreachable
from pinned.comparing import DATA, as_json, record, rounded
from pinned.exchanges import CASES, calibrated_ratio, comparison, errors, exchange, schema, serving
from pinned.judges import keys, plans, prompts, refusals
from pinned.reports import as_recorded, hostile_report, run_report, shipped_verdicts
from pinned.saved import (
    STRATEGIES,
    kept,
    loaded,
    program_found,
    run_found,
    save_a_program,
    save_a_run,
    save_a_store,
    save_strategies,
)
from pinned.steady import steady


def _judges() -> None:
    record("keys.json", as_json(keys()))
    record("prompts.json", as_json(prompts()))
    record("plans.json", as_json(plans()))
    record("refusals.json", as_json(refusals()))


def _exchanges() -> None:
    with serving() as server:
        for name in CASES:
            record(f"exchanges/{name}.json", rounded(as_json(exchange(server, name))))
        record("comparison.json", rounded(as_json(comparison(server))))
        record("calibrated.json", rounded(as_json(calibrated_ratio(server))))
        record("errors.json", as_json(errors(server)))
    record("assessment.schema.json", as_json(schema()))


def _benches() -> None:
    for name in (*OWN_FILES, *SMALL):
        with tempfile.TemporaryDirectory() as folder:
            record(f"cells/{Path(name).stem}.txt", cells(name, Path(folder)))
    record("benchmarks.json", as_json(said()))


def _reports() -> None:
    shutil.rmtree(DATA / "reports", ignore_errors=True)
    for part in (hostile_report, run_report):
        with tempfile.TemporaryDirectory() as folder:
            for name, content in as_recorded(part(Path(folder))).items():
                record(name, content)
    for name, content in as_recorded(shipped_verdicts()).items():
        record(name, content)


def _commands() -> None:
    record("options.json", as_json(options()))
    for name in PRINTED:
        with tempfile.TemporaryDirectory() as folder:
            record(f"printed/{name}.txt", rounded(printed(prepared(Path(folder)), name)))
    with serving() as server:
        for name in EXITS:
            with tempfile.TemporaryDirectory() as folder:
                record(f"exits/{name}.json", rounded(as_json(exits(prepared(Path(folder)), server, name))))
    with tempfile.TemporaryDirectory() as folder:
        record("unreachable.json", as_json(unreachable(Path(folder))))


def _loaded() -> None:
    for name in STRATEGIES:
        record(f"loaded/{name}.json", as_json(loaded(name)))
    with tempfile.TemporaryDirectory() as folder:
        record("loaded/store.json", rounded(as_json(kept(Path(folder)))))
    with tempfile.TemporaryDirectory() as folder:
        record("loaded/run.json", rounded(as_json(run_found(Path(folder)))))
    record("loaded/program.json", as_json(program_found()))


def _store() -> None:
    with serving() as server:
        save_a_store(server)


def _run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        save_a_run(Path(folder))


GROUPS: dict[str, Callable[[], None]] = {
    "judges": _judges,
    "exchanges": _exchanges,
    "benches": _benches,
    "reports": _reports,
    "commands": _commands,
    "loaded": _loaded,
}
ONLY_WHEN_NAMED: dict[str, Callable[[], None]] = {
    "saved-program": save_a_program,
    "saved-strategies": save_strategies,
    "saved-store": _store,
    "saved-run": _run,
}


def main() -> None:
    known = GROUPS | ONLY_WHEN_NAMED
    for name in sys.argv[1:] or GROUPS:
        with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
            steady(patch, Path(folder))
            known[name]()


if __name__ == "__main__":
    main()
