from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from argqual.judging.prompt import Question, level_codes
from argqual.judging.readouts.reading import (
    Distribution,
    Unreadable,
    mean_distribution,
    read_codes,
    read_notes,
    token_distributions,
    written_distributions,
)


@dataclass(frozen=True)
class Token:
    token: str
    logprob: float
    top: tuple[Token, ...] = ()


def token(text: str, alternatives: dict[str, float] | None = None) -> Token:
    shares = alternatives or {text: 1.0}
    top = tuple(Token(other, math.log(share)) for other, share in shares.items())
    return Token(text, math.log(shares.get(text, 0.5)), top)


def question(name: str, codes: str = "12345", abstain: str | None = None) -> Question:
    return Question(name, "?", tuple(codes), tuple(codes), abstain=abstain)


A, B, C = question("relevance"), question("acceptability"), question("sufficiency")


@pytest.mark.parametrize(
    "text",
    [
        '{"relevance":"4","acceptability":"2","sufficiency":"5"}',
        '{\n  "relevance": 4,\n  "acceptability": 2,\n  "sufficiency": 5\n}',
        '{"sufficiency": "5", "relevance": "4", "acceptability": "2"}',
        '```json\n{"relevance":"4","acceptability":"2","sufficiency":"5"}\n```',
        '{"levels":"4,2,5"}',
        "4,2,5",
        "4 2 5",
        "four, two, five",
        "**4**, **2**, **5**",
        "relevance: 4/5\nacceptability: 2/5\nsufficiency: 5/5",
        "Relevance - **4**; Acceptability = 2; Sufficiency: five",
        '{"relevance": 4, "acceptability": "2", "sufficiency": 5}',
        'I first thought relevance: 3 fits.\n{"relevance":"4","acceptability":"2","sufficiency":"5"}',
    ],
)
def test_levels_are_found_in_the_forms_that_models_write(text: str) -> None:
    assert [code for code, _ in read_codes(text, [A, B, C])] == ["4", "2", "5"]
    for code, position in read_codes(text, [A, B, C]):
        assert text[position] in {code, "f", "t"}


@pytest.mark.parametrize(
    "text", ["", "no levels", "4,2", "4,2,5,1", "4,2,9", "4.5,2,5", "44,2,5", '{"relevance":"#","acceptability":"#"}']
)
def test_an_answer_without_one_level_a_question_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        read_codes(text, [A, B, C])


def test_a_code_that_belongs_to_another_question_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        read_codes('{"levels":"A,4"}', [question("one"), question("two", "ABC")])


def test_a_distribution_is_read_from_the_alternatives_to_the_levels_own_token() -> None:
    tokens = [token('{"levels":"'), token("4", {"4": 0.6, "3": 0.2, "5": 0.1}), token('"}')]
    [read] = token_distributions(tokens, [A])
    # 0.9 of the mass is on levels: 0.2, 0.6 and 0.1 become 2/9, 6/9 and 1/9.
    assert read.probabilities == pytest.approx((0, 0, 2 / 9, 6 / 9, 1 / 9))
    assert read.off_scale == pytest.approx(0.1)


def test_tokens_that_share_a_levels_text_are_added_up() -> None:
    alternatives = {"4": 0.3, " 4": 0.2, '"4': 0.1, "4,": 0.1, "four": 0.1, "2": 0.1, "45": 0.1}
    [read] = token_distributions([token('{"levels":'), token('"4', alternatives), token('"}')], [A])
    assert read.probabilities[3] == pytest.approx(0.8 / 0.9)
    assert read.probabilities[1] == pytest.approx(0.1 / 0.9)
    assert read.off_scale == pytest.approx(0.1)


def test_a_level_that_shares_its_token_with_a_comma_is_read() -> None:
    tokens = [token('{"levels":"'), token("4", {"4": 1.0}), token(",2", {",2": 0.7, ",3": 0.3}), token('"}')]
    first, second = token_distributions(tokens, [A, B])
    assert first.probabilities[3] == pytest.approx(1.0)
    assert second.probabilities == pytest.approx((0, 0.7, 0.3, 0, 0))


def test_abstention_is_kept_apart_from_the_levels() -> None:
    asked = question("clear", "123", abstain="cannot judge")
    [read] = token_distributions([token("X", {"X": 0.6, "1": 0.3, "2": 0.1})], [asked])
    assert read.abstain == pytest.approx(0.6)
    assert read.probabilities == pytest.approx((0.75, 0.25, 0))


def test_a_written_level_holds_all_of_the_mass() -> None:
    assert written_distributions('{"levels":"2"}', [A])[0].probabilities == (0, 1, 0, 0, 0)


def test_ten_levels_get_one_character_each() -> None:
    codes = level_codes([str(value) for value in range(1, 11)])
    assert codes == tuple("ABCDEFGHIJ")
    assert level_codes(["0", "1", "2"]) == ("0", "1", "2")
    assert level_codes(["-1", "0", "1"]) == ("A", "B", "C")
    asked = Question("q", "?", codes, codes)
    [read] = token_distributions([token("J", {"J": 0.5, "A": 0.5})], [asked])
    assert read.probabilities[9] == read.probabilities[0] == pytest.approx(0.5)


def test_votes_become_frequencies_and_unreadable_ones_are_mass_outside() -> None:
    samples = [Distribution((1.0, 0.0)), Distribution((0.0, 1.0)), Distribution((1.0, 0.0))]
    mean = mean_distribution(samples, unreadable=1)
    assert mean.probabilities == pytest.approx((2 / 3, 1 / 3))
    assert mean.off_scale == pytest.approx(1 / 4)


def test_notes_are_read_also_when_their_end_is_cut_off() -> None:
    whole = '{"relevance":{"rationale":"It bears.","quote":"rain"},"acceptability":{"rationale":"Forecasts'
    notes = read_notes(whole, [A, B, C])
    assert notes["relevance"].rationale == "It bears."
    assert notes["relevance"].quote == "rain"
    assert notes["acceptability"].rationale == "Forecasts"
    assert "sufficiency" not in notes


def test_an_answer_without_any_note_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        read_notes("I would rather not.", [A])
