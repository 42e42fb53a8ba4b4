"""Every provider and server with every read-out, as a user meets them: on loopback, in their own wire formats.

What comes of each cell is in the matrix of docs/models-and-readouts.md, which says how it was made.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import matrix
from argqual.judging.trial import probe
from argqual.models.connect import connect
from dialects import DIALECTS, Spoken, systemone
from matrix import BEGIN, END, PAGE, WAYS, Outcome, asked_by, row_of, table

FOUND: dict[str, dict[str, dict[str, Outcome]]] = {}


@pytest.fixture(scope="module")
def server() -> Iterator[Spoken]:
    server = Spoken()
    yield server
    server.close()


@pytest.mark.parametrize("row", DIALECTS)
def test_each_cell_rates_or_says_what_to_do(server: Spoken, row: str) -> None:
    cells = FOUND[row] = row_of(server, row)
    for column, ways in cells.items():
        assert len({each.kind for each in ways.values()}) == 1, (column, ways)
    usual = "decide" if row == "a decision server" else "label"
    assert cells[usual]["option"].kind == "rated"
    for outcome in cells["expect"].values():
        assert outcome.kind == "rated" or usual == "decide" or "--readout label" in outcome.said


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("row", [row for row, dialect in DIALECTS.items() if dialect.form is not systemone])
def test_each_can_be_tried_and_what_it_refuses_is_found_out(server: Spoken, row: str, way: str) -> None:
    dialect = DIALECTS[row]
    server.speaks(dialect)
    with asked_by(dialect, server.url, way) as address:
        model = connect(dialect.model, api_base=address)
        shown = probe(model)
    assert shown.follows
    assert bool(shown.alternatives) == model.logprobs == bool(dialect.alternatives)
    assert len(server.requests) <= 6


def test_the_page_has_the_matrix_that_the_tests_make(server: Spoken) -> None:
    rows = {row: FOUND.get(row) or row_of(server, row) for row in DIALECTS}
    page = PAGE.read_text(encoding="utf-8")
    shown = page.partition(BEGIN)[2].partition(END)[0].strip()
    assert shown == table(rows), f"python {matrix.__file__} --write makes it anew"
