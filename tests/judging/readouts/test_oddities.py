"""Whatever a server answers, an argument has the right rating or says why it has none: the table of `oddities`."""

from __future__ import annotations

import json

import pytest

from argqual import Framework, Judge
from argqual.errors import ArgqualError
from argqual.models import traffic
from argqual.models.connect import connect
from chatserver import ChatServer
from loopback import Loopback
from oddities import ODDITIES
from umbrella import TEXT, answer, judge

NAMES = list(ODDITIES)
# How levels are written is read alike on both transports: litellm is asked about what surrounds them.
OF_TRANSPORT = NAMES[NAMES.index("thinking_beside") :]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "_FIRST_DELAY", 0.001)
    monkeypatch.setattr(traffic, "_LONGEST_DELAY", 0.001)
    for name in ("OPENAI_API_KEY", "OPENAI_API_BASE", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def outcome(framework: Framework, name: str, readout: str, engine: str) -> tuple[str, int]:
    """How an argument ends that is answered so, and the requests that it takes."""
    with ChatServer(faults={f"odd_{name}": 1.0}) as server:
        model = connect("openai/test", api_base=f"{server.url}/v1", api_key="sk-k", engine=engine, timeout=5)
        try:
            assessed = Judge(framework, model=model, readout=readout).assess(TEXT)
        except ArgqualError as error:
            said = f"failed: {error}"
        else:
            rated = " ".join(f"{rating.value:g}" for rating in assessed.ratings if rating.value is not None)
            said = rated if assessed.status == "ok" else f"{assessed.status}: {assessed.overall.reason}"
        return said, server.stats().received


def check(framework: Framework, name: str, readout: str, engine: str) -> None:
    said, requests = outcome(framework, name, readout, engine)
    assert ODDITIES[name].allows(said, readout, engine), said
    assert "Traceback" not in said
    assert requests <= traffic.MAX_TRIES  # whose waits between them are 7.5 s together, at most


def test_there_are_more_than_a_hundred() -> None:
    assert len(ODDITIES) > 150


@pytest.mark.parametrize("readout", ["label", "expect"])
@pytest.mark.parametrize("name", NAMES)
def test_an_odd_answer_is_rated_right_or_says_why_not(two: Framework, name: str, readout: str) -> None:
    check(two, name, readout, "lm15")


@pytest.mark.parametrize("name", OF_TRANSPORT)
def test_an_odd_answer_by_way_of_litellm(two: Framework, name: str) -> None:
    check(two, name, "label", "litellm")


NOTES = {"clear": {"rationale": "Short.", "quote": ""}, "fair": {"rationale": "No view is named."}}


@pytest.mark.parametrize(
    "said",
    [
        json.dumps(NOTES),
        f"```json\n{json.dumps(NOTES)}\n```",
        f"<think>Clear or not?</think>{json.dumps(NOTES)}",
        f'{{"clear": "a draft"}}\n{json.dumps(NOTES)}',
        json.dumps({name.upper(): {key.title(): text for key, text in note.items()} for name, note in NOTES.items()}),
        '{"clear": "Short.", "fair": "No view is named."}',
        '{"clear": {"rationale": "Short.", "quote": null}, "fair": {"rationale": "No view is named.", "quote": ["x"]}}',
        json.dumps(NOTES)[:-2],
    ],
)
def test_odd_notes_are_read(loopback: Loopback, two: Framework, said: str) -> None:
    loopback.say(said)
    loopback.say(answer("2", "3"))
    assessed = judge(loopback, two, "label", explain=True).assess(TEXT)
    assert [rating.value for rating in assessed.ratings] == [2.0, 3.0]
    assert [rating.rationale for rating in assessed.ratings] == ["Short.", "No view is named."]
