"""`argqual models test`: what a model can do, found out and kept; and what `score` says of one that is switched off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from commandline import argqual
from refusals import Refusing, located, openai_error, refusing, when


def tried(server: Refusing, tmp_path: Path, *words: str, name: str = "openai/m") -> Any:
    variables = {"OPENAI_API_KEY": "sk-planted-secret"}
    path = "/v1" if name.startswith("openai") else ""
    return argqual(tmp_path, "models", "test", name, "--api-base", server.url + path, *words, variables=variables)


def test_what_a_model_can_do_is_found_out_said_and_kept(tmp_path: Path) -> None:
    def few(body: dict[str, Any]) -> Any:
        return openai_error("top_logprobs must be at most 5") if (body.get("top_logprobs") or 0) > 5 else None

    with refusing(when("seed", located("seed")), few) as server:
        done = tried(server, tmp_path, "--json")
        asked = len(server.requests)
        again = argqual(tmp_path, "score", "It rains.", "--model", "openai/m", "--api-base", f"{server.url}/v1")
    found = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert (asked, server.refused) == (4, 2)  # what was learnt was not tried again
    assert "2 small requests" in done.stderr
    assert (found["readout"], found["why"]) == ("expect", "it gives log-probabilities")
    assert found["can"]["log-probabilities"]["value"] is True
    assert found["can"]["seed"]["value"] is False
    assert found["can"]["seed"]["from"].startswith("learnt 20")
    assert found["can"]["temperature"]["value"] is True
    assert again.returncode == 0, again.stderr
    assert "planted" not in done.stdout + done.stderr


@pytest.mark.parametrize("how", ["refused", "left out"])
def test_without_log_probabilities_levels_are_read_as_written(tmp_path: Path, how: str) -> None:
    rules = [when("logprobs", openai_error("logprobs is not supported"))] if how == "refused" else []
    with refusing(*rules, alternatives=None) as server:
        done = tried(server, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "label: it gives no log-probabilities" in done.stdout
    assert "3.00 of 5" in done.stdout


def test_a_model_that_thinks_is_said_to(tmp_path: Path) -> None:
    with refusing(thinks=lambda body: 900) as server:
        done = tried(server, tmp_path, "--json", name="openai/qwen3")
        listed = tried(server, tmp_path, "--json", name="anthropic/claude-sonnet-5-5")
    assert json.loads(done.stdout)["can"]["thinking"]["value"] == "always"
    can = json.loads(listed.stdout)["can"]
    assert can["thinking"]["says"] == "always; told 'low' of low, medium, high"
    assert can["thinking"]["from"] == "listed"
    assert can["temperature"] == {"value": False, "says": "no", "from": "listed"}
    assert can["context"]["value"] == 1_000_000


def test_a_model_that_cannot_be_used_exits_with_1_or_3(tmp_path: Path) -> None:
    with refusing(code="nothing") as server:
        done = tried(server, tmp_path, "--readout", "label")
    assert done.returncode == 1
    assert "unreadable" in done.stdout
    gone = argqual(tmp_path, "models", "test", "openai/m", "--api-base", "http://127.0.0.1:9/v1")
    assert gone.returncode == 3
    assert "Traceback" not in gone.stderr
