"""What is sent to a model and what is made of its answer are what they were, whole requests and whole assessments."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from loopback import Loopback
from pinned.comparing import as_json, compare, rounded
from pinned.exchanges import CASES, calibrated_ratio, comparison, errors, exchange, schema, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with serving() as started:
        yield started


@pytest.mark.parametrize("name", list(CASES))
def test_an_assessment_sends_and_holds_what_it_did(server: Loopback, name: str) -> None:
    compare(f"exchanges/{name}.json", rounded(as_json(exchange(server, name))))


def test_a_comparison_sends_and_holds_what_it_did(server: Loopback) -> None:
    compare("comparison.json", rounded(as_json(comparison(server))))


def test_calibrated_ratings_are_shown_as_they_were(server: Loopback) -> None:
    compare("calibrated.json", rounded(as_json(calibrated_ratio(server))))


def test_servers_that_refuse_are_told_of_in_the_same_words(server: Loopback) -> None:
    compare("errors.json", as_json(errors(server)))


def test_an_assessment_has_the_same_json_schema() -> None:
    compare("assessment.schema.json", as_json(schema()))
