"""Where an answer says which level each question has: what is read, and what is left unread rather than guessed."""

from __future__ import annotations

import time

import pytest

from argqual.judging.prompt import Question
from argqual.judging.readouts.codes import code_of, find_codes, spellings


def question(name: str, codes: str = "12345") -> Question:
    return Question(name, "?", tuple(codes), ("poor", "weak", "fair enough", "good", "excellent")[: len(codes)])


CLEAR, FAIR = question("clear"), question("fair")
# What is written, and the codes of `clear` and `fair` in it; None for what is unreadable.
ANSWERS: dict[str, str | None] = {
    "clear: 3 -> 4, fair: 2": None,
    "clear: 3 → 4, fair: 2": None,
    '<rating name="clear" value="4"/><rating name="fair" value="2"/>': "42",
    "(4) clear (2) fair": None,
    "Score 4 for clear, score 2 for fair": None,
    "clear: 4\u00a0/\u00a05, fair: 2": "42",
    "clear: 4, fair: 2 (on a scale from 1 to 5)": "42",
    "clear\t4\nfair\t2": "42",
    "clear: 4?, fair: 2": None,
    '{"clear": "4", "fair": "2", "clear": null}': None,
    '{"clear":"4","fair":"2"}': "42",
    '{"clear": 4.0, "fair": 2.0}': "42",
    '{"clear": 4.5, "fair": 2}': None,
    '{"clear": "3-4", "fair": 2}': None,
    '{"clear": "3 or 4", "fair": 2}': None,
    '{"clear": -4, "fair": 2}': None,
    '{"clear": 7, "fair": 2}': None,
    '{"clear": null, "fair": 2}': None,
    '{"clear": NaN, "fair": 2}': None,
    '{"clear": true, "fair": 2}': None,
    '{"clear": "80%", "fair": 2}': None,
    '{"clear": "4%", "fair": 2}': None,
    '{"clear": {"score": 4}, "fair": {"score": 2}}': "42",
    '{"clear": {"rationale": "It is 3 times said", "score": "4"}, "fair": {"score": 2}}': "42",
    '{"clear": {"score": 4, "max": 5}, "fair": {"score": 2, "max": 5}}': "42",
    '{"clear": {"score": 4, "rating": 3}, "fair": {"score": 2}}': None,
    '{"clear": [4], "fair": [2]}': "42",
    '{"clear": [4, 3], "fair": [2]}': None,
    '{"Clear": 4, "FAIR": 2}': "42",
    '{"clear_score": 4, "fair_score": 2}': "42",
    '{"clear (1-5)": 4, "fair (1-5)": 2}': "42",
    '{"clear_1_to_5": 4, "fair_1_to_5": 2}': "42",
    '{"clear_out_of_5": 4, "fair_out_of_5": 2}': "42",
    '{"klar": 4, "gerecht": 2}': "42",
    '{"fair": 2, "klar": 4}': None,
    "Clear (1-5): 4\nFair (1-5): 2": "42",
    "Clear [1–5]: 4\nFair [1–5]: 2": "42",
    "Clear (1 = low, 5 = high): 4\nFair (1 = low, 5 = high): 2": "42",
    "Clear on a scale of 1 to 5: 4\nFair on a scale of 1 to 5: 2": "42",
    "Clear, on a scale of 1 to 5: 4\nFair, on a scale of 1 to 5: 2": None,
    "Clear: 4 (1-5)\nFair: 2 (1-5)": "42",
    "Clear: (1-5) 4\nFair: (1-5) 2": "42",
    "Clear: 4/5\nFair: 2/5": "42",
    "Clear: 4 / 5\nFair: 2 / 5": "42",
    "Clear: 4/10\nFair: 2/10": None,
    "Clear: 4 out of 5, fair: 2 out of 5": "42",
    "Clear: 4 out of 10, fair: 2 out of 10": None,
    "Clear: 4 (out of 10), fair: 2 (out of 10)": None,
    "Clear: 4 points out of 5; fair: 2 points": "42",
    "Clear: **4**\n\nFair: __2__": "42",
    "**Clear:** 4\n**Fair:** 2": "42",
    "- **Clear**: 4 - good\n- **Fair**: 2 - weak": "42",
    "Clear: 4 (good)\nFair: 2 (weak)": "42",
    "Clear: good\nFair: weak": "42",
    '{"clear": "good", "fair": "weak"}': "42",
    '{"clear": "Good", "fair": "Fair enough"}': "43",
    "Clear: good work\nFair: weak": None,
    "Clear: four. Fair: two.": "42",
    "Clear: one of the best. Fair: two.": None,
    "clear: 4 because it is short. fair: 2 since one side is left out": "42",
    "clear: 4 parts are clear. fair: 2": None,
    "I think clear: 3, fair: 3. No. clear: 4, fair: 2": "42",
    "clear: 3, fair: 3. On reflection clear: 4": None,
    'clear: 3 fair: 1\n{"clear":"4","fair":"2"}': "42",
    '{"clear":"3","fair":"1"}\n{"clear":"4","fair":"2"}': "42",
    '{"clear":"3","fair":"1"}{"clear":"4","fa': None,
    '{"clear":"4","fair":"2"}\nclear: 3 would be too harsh.': "42",
    '{"clear":"4","fair":"2"}\nOn reflection, clear: 3.': None,
    '{"clear":"4","fair":"2"} Final: clear: 3, fair: 1': None,
    '{"clear":"4","fair":"2"}\nClear: the text says 3 things. Fair: it leaves 1 side out.': "42",
    '{"clear":"4","fair":"2","why":"clear: 3 would be harsh"}': "42",
    '{"why":"clear: 3 at first","clear":"4","fair":"2"}': "42",
    '{"clear":"4", // 3 would be too harsh\n"fair":"2"}': "42",
    '{"clear":"4", /* clear: 3 */ "fair":"2"}': "42",
    "{'clear': '4', 'fair': '2'}": "42",
    "{clear: 4, fair: 2}": "42",
    '{"clear":"3","clear":"4","fair":"2"}': "42",
    '```json\n{"clear":"4","fair":"2"}\n```': "42",
    "```\n4, 2\n```": "42",
    '\ufeff{"clear":"4","fair":"2"}': "42",
    '{"clear":"４","fair":"２"}': "42",
    '{"clear":"٤","fair":"٢"}': "42",
    '<think>clear: 3? fair: 1?</think>{"clear":"4","fair":"2"}': "42",
    'clear: 3? fair: 1?</think>{"clear":"4","fair":"2"}': "42",
    '<think>{"clear":"3","fair":"1"} hmm': None,
    '[THINK]{"clear":"3","fair":"1"}[/THINK] clear 4, fair 2': "42",
    "| Criterion | Score |\n|---|---|\n| Clear | 4 |\n| Fair | 2 |": "42",
    "Clear\n4\n\nFair\n2": None,
    "Clear:\n4\n\nFair:\n2": "42",
    "Fair:\n2\n\nClear:\n4": "42",
    "1. clear\n2. fair: 3": None,
    "Both are fine, I have 4 reasons and 2 doubts": None,
    "My levels: 4, 2": "42",
    "4\n2": "42",
    "4 2": "42",
    "[4, 2]": "42",
    "[4, 2, 3]": None,
    "4/5, 2/5": "42",
    "4/10, 2/10": None,
    "4.0, 2.0": "42",
    "4, 2.5": None,
    "-4, 2": None,
    "clear 4, fair 2": "42",
    "clear is 4 and fair is 2": "42",
    "clear gets 4, fair gets 2": "42",
    "clear and fair: 3": None,
    "clear -4, fair 2": None,
    "clear: ~4, fair: 2": None,
    "clear: >4, fair: 2": None,
    "clear: at least 4, fair: 2": None,
    "clear: between 3 and 4, fair: 2": None,
    "clear: 4+, fair: 2": None,
    "clear: 4½, fair: 2": None,
    "clear: 4,5 fair: 2": None,
    "clear = 4; fair = 2": "42",
    "clear -> 4; fair -> 2": "42",
    "clear → 4; fair → 2": "42",
    "Level for clear: Level 4. Level for fair: Level 2.": "42",
    '{"clear": "Level 4", "fair": "level 2"}': "42",
    '{"levels":[{"name":"clear","score":4},{"name":"fair","score":2}]}': None,
    "<clear>4</clear><fair>2</fair>": "42",
    "clear: 4\nfair: 2\n\nThe text has 3 parts. Clear: nothing to add.": "42",
    "$\\boxed{4}$, 2": None,
    '{"clear": "4 ", "fair": " 2"}': "42",
    '{"clear": "four", "fair": "two"}': "42",
    '{"clear":4,"fair":2}<|eot_id|>': "42",
    '{"ratings":{"clear":4,"fair":2}}': "42",
    '[{"clear":4},{"fair":2}]': "42",
    '{"clear": "", "fair": "2"}': None,
    '{"clear": "#", "fair": "2"}': None,
    "clear: N/A, fair: 2": None,
    "The argument is clear (4) and fair (2).": "42",
    "clear: 4️⃣ fair: 2️⃣": None,
    "clear: ④, fair: ②": "42",
    "clear: ★★★★☆ fair: ★★☆☆☆": None,
    '"clear": "4"\n"fair": "2"': "42",
    "clear：4，fair：2": "42",
    '{"clear": 4e0, "fair": 2}': None,
    '{"clear": 04, "fair": 2}': None,
    '{"clear": "IV", "fair": 2}': None,
}


@pytest.mark.parametrize("text", ANSWERS)
def test_an_answer_is_read_right_or_not_at_all(text: str) -> None:
    found = find_codes(text, [CLEAR, FAIR])
    assert (found and "".join(code for code, _ in found)) == ANSWERS[text]


@pytest.mark.parametrize("text", [text for text, codes in ANSWERS.items() if codes])
def test_each_code_is_found_where_it_stands(text: str) -> None:
    for each, (code, position) in zip((CLEAR, FAIR), find_codes(text, [CLEAR, FAIR]) or (), strict=True):
        assert any(code_of(text[position:end], spellings(each)) == code for end in range(position + 1, position + 14))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("A", "A"),
        ('{"quality":"C"}', "C"),
        ("A good argument.", None),
        ("quality: A good one", None),
        ("quality: B-C", None),
        ("quality: B or C", None),
        ("quality: C.", "C"),
        ("quality: B-", None),
        ("D", None),
    ],
)
def test_letters_are_codes_only_where_nothing_follows(text: str, code: str | None) -> None:
    found = find_codes(text, [question("quality", "ABC")])
    assert (found and found[0][0]) == code


@pytest.mark.parametrize("name", ["argument_quality", "argument-quality", "argument quality"])
@pytest.mark.parametrize("key", ["argument_quality", "Argument Quality", "argumentQuality", "ARGUMENT-QUALITY"])
def test_a_name_of_two_words_may_be_joined_in_any_way(name: str, key: str) -> None:
    assert find_codes(f'{{"{key}": 4}}', [question(name)]) == [("4", len(key) + 5)]


@pytest.mark.parametrize(
    "text",
    [
        "clear: 2, fair: 3" + "." * 2000 + "4",
        "clear" + " " * 20000 + "x",
        "clear" + "_" * 20000,
        "clear: " + "- " * 9000,
        "clear " * 3000,
        " " * 20000,
        '"clear' * 2000,
        "clear: 4 " + "x:" * 5000,
        "(" * 20000,
        "clear (" * 3000,
        "1-" * 9000,
        "clear: " + "1 " * 5000,
        "a:" * 9000,
        "\n" * 9000,
        "<think>" * 1000,
        "{" * 9000,
    ],
)
def test_long_nonsense_is_given_up_quickly(text: str) -> None:
    began = time.process_time()
    assert find_codes(text, [CLEAR, FAIR]) is None
    assert time.process_time() - began < 2
