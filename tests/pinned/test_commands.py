"""The command line takes, prints and says what it did, and exits as it did."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loopback import Loopback
from pinned.commands import EXITS, PRINTED, exits, helps, options, prepared, printed, unreachable
from pinned.comparing import as_json, compare, rounded
from pinned.exchanges import serving


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with serving() as started:
        yield started


def test_every_command_has_the_options_defaults_and_words_that_it_had() -> None:
    compare("options.json", as_json(options()))


def test_every_help_can_be_printed_and_names_every_option() -> None:
    for words, missing in helps():
        assert missing == [], words


@pytest.mark.parametrize("name", list(PRINTED))
def test_a_command_prints_what_it_printed(name: str, tmp_path: Path) -> None:
    compare(f"printed/{name}.txt", rounded(printed(prepared(tmp_path), name)))


@pytest.mark.parametrize("name", list(EXITS))
def test_a_command_exits_and_says_as_it_did(name: str, tmp_path: Path, server: Loopback) -> None:
    compare(f"exits/{name}.json", rounded(as_json(exits(prepared(tmp_path), server, name))))


def test_a_server_that_is_not_there_is_an_exit_with_3(tmp_path: Path) -> None:
    compare("unreachable.json", as_json(unreachable(tmp_path)))
