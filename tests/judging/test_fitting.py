"""How much of a text fits, in any script: what is told is within two hundredths of what the server takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from argqual import Framework
from argqual._graphemes import between_words, count_words, whole
from argqual.errors import TooLongError
from argqual.judging.fitting import Refusal, largest
from argqual.models.connect import Model
from argqual.models.tokenizing import tokenizer_for
from loopback import Loopback, Reply, completion
from umbrella import answer, judge, server_model

LIMIT = 2000
TEXTS = {
    "emoji": ("😀🎉👩‍🔬🇩🇪" * 3000)[:20_000],
    "Georgian": "საქართველო არის ლამაზი ქვეყანა და მისი ენა უძველესია. " * 370,
    "Chinese": "我们应该在城市里种更多的树因为它们可以降低夏天的温度" * 770,
    "Thai": "เราควรปลูกต้นไม้ริมถนนเพราะทำให้อากาศเย็น" * 490,
    "Arabic": "يجب أن نزرع المزيد من الأشجار لأنها تبرّد الشوارع في الصيف. " * 340,
    "Hindi": "हमें सड़क के किनारे पेड़ लगाने चाहिए क्योंकि वे गर्मी कम करते हैं। " * 300,
    "a title and Chinese": "Trees: " + "我们应该在城市里种更多的树因为它们可以降低夏天的温度" * 770,
    "English": "Trees cool the pavement, and that is a reason to plant them. " * 330,
}


def bytes_in_threes(text: str) -> int:
    """The tokenizer of a model that does not exist: three bytes a token."""
    return (len(text.encode()) + 2) // 3


def taking(limit: int) -> Callable[[Any], Reply]:
    """A server with a context of `limit` tokens that says so as llama.cpp does."""

    def reply(body: Any) -> Reply:
        used = sum(bytes_in_threes(message["content"]) + 4 for message in body["messages"])
        if used >= limit:
            said = f"request ({used} tokens) exceeds the available context size ({limit} tokens)"
            return 400, {"error": {"message": said, "code": 400}}
        message = {"role": "assistant", "content": answer("3", "2")}
        return 200, completion({"index": 0, "message": message, "finish_reason": "stop"})

    return reply


@pytest.mark.parametrize(
    ("script", "counts"), [*((script, False) for script in TEXTS), ("emoji", True), ("Thai", True)]
)
def test_what_is_told_to_fit_fits_and_little_more_does(
    loopback: Loopback, two: Framework, script: str, counts: bool
) -> None:
    text = TEXTS[script]
    loopback.tokens = bytes_in_threes if counts else None
    loopback.queue.extend([taking(LIMIT)] * 9)
    rating = judge(loopback, two, "label")
    with pytest.raises(TooLongError) as raised:
        rating.assess(text)
    told = re.search(r"About ([\d,]+) of its characters would fit", raised.value.message)
    assert told is not None
    assert ("estimated" in raised.value.message) is not counts
    fits = int(told[1].replace(",", ""))
    assert rating.assess(text[: int(fits * 0.98)]).status == "ok"
    answered = 30  # tokens of the answer, which must fit as well
    with pytest.raises(TooLongError):
        rating.assess(text[: int(fits * (1.02 + answered / LIMIT))])


@pytest.mark.parametrize("script", TEXTS)
def test_truncate_rates_all_that_fits_and_cuts_no_character(loopback: Loopback, two: Framework, script: str) -> None:
    text = TEXTS[script]
    loopback.tokens = bytes_in_threes
    loopback.queue.extend([taking(LIMIT)] * 3)
    rated = judge(loopback, two, "label", truncate=True).assess(text)
    sent = loopback.requests[-1]["messages"][-1]["content"]
    shown = sent.removeprefix("<argument>\n").removesuffix("\n</argument>")
    used = sum(bytes_in_threes(message["content"]) + 4 for message in loopback.requests[-1]["messages"])
    assert LIMIT * 0.96 < used < LIMIT
    assert text.startswith(shown)
    assert whole(text, len(shown)) == len(shown)
    assert f"only the first {len(shown):,} of {len(text):,} characters were rated" in rated.notes
    assert len(loopback.requests) == 2


def test_a_server_that_gives_no_numbers_is_not_said_to_take_half(loopback: Loopback, two: Framework) -> None:
    def refuse(body: Any) -> Reply:
        status, content = taking(LIMIT)(body)
        return (status, content) if status == 200 else (400, {"error": {"message": "context length exceeded"}})

    loopback.queue.extend([refuse] * 9)
    with pytest.raises(TooLongError, match="How much of it would fit is not known"):
        judge(loopback, two, "label").assess(TEXTS["Georgian"])
    rated = judge(loopback, two, "label", truncate=True).assess(TEXTS["Georgian"])
    assert rated.status == "ok"


@pytest.mark.parametrize(
    ("message", "limit", "used"),
    [
        ("request (2500 tokens) exceeds the available context size (2000 tokens)", 2000, 2500),
        (
            "This model's maximum context length is 8192 tokens. However, you requested 100 output tokens and your "
            "prompt contains at least 9000 input tokens, for a total of at least 9100 tokens.",
            8192,
            9100,
        ),
        ("This model's maximum context length is 900 tokens. However, your messages resulted in 2,000", 900, 2000),
        ("prompt is too long: 208310 tokens > 200000 maximum", 200000, 208310),
        ("The input token count (40000) exceeds the maximum number of tokens allowed (32768).", 32768, 40000),
        ("input length and `max_tokens` exceed context limit: 198000 + 21333 > 200000", 200000, 219333),
        ("Input validation error: `inputs` must have less than 1024 tokens. Given: 1500", 1024, 1500),
        ("The maximum context length is 4096 tokens.", 4096, None),
        ("context length exceeded", None, None),
    ],
)
def test_the_limit_is_told_from_the_other_numbers_of_a_refusal(
    message: str, limit: int | None, used: int | None
) -> None:
    assert (Refusal.of(message).limit, Refusal.of(message).used) == (limit, used)


@pytest.mark.parametrize(
    "spread", [[2.86] * 20_000, [0.2] * 3000 + [3.0] * 20_000, [3.0] * 1000 + [0.2] * 40_000, [4.0] * 10]
)
def test_the_largest_length_is_found_in_few_counts(spread: list[float]) -> None:
    sums = [0.0]
    for each in spread:
        sums.append(sums[-1] + each)
    asked: list[int] = []

    def tokens(length: int) -> int:
        asked.append(length)
        return int(sums[length])

    found = largest(tokens, 7000, len(spread))
    best = max(length for length, total in enumerate(sums) if int(total) <= 7000)
    assert best * 0.998 <= found <= best
    assert len(asked) <= 16


@pytest.mark.parametrize(
    ("text", "length", "kept"),
    [
        ("e\u0301e\u0301", 3, "e\u0301"),  # an accent by itself
        ("👩\u200d🔬👩\u200d🔬", 5, "👩\u200d🔬"),  # a joiner of no width
        ("🇩🇪🇫🇷🇮🇹", 3, "🇩🇪"),  # half a flag
        ("नमस्ते", 4, "नम"),
        ("a\r\nb", 2, "a"),
        ("plain", 3, "pla"),
    ],
)
def test_a_cut_goes_through_no_character_as_people_see_it(text: str, length: int, kept: str) -> None:
    assert text[: whole(text, length)] == kept


def test_a_cut_leaves_no_half_word_and_keeps_what_has_no_spaces() -> None:
    assert between_words("one two three", 9) == len("one two ")
    assert between_words("one two three", 7) == len("one two")
    assert between_words("Trees: " + "树" * 500, 300) == 300


def test_a_hosted_model_is_counted_by_its_own_encoding_where_one_is_known() -> None:
    georgian = TEXTS["Georgian"]
    known, unknown = (tokenizer_for(Model(name)) for name in ("openai/gpt-4o", "anthropic/somebody"))
    assert (known.name, known.exact) == ("o200k", True)
    assert not unknown.exact
    assert unknown.count(georgian) > 3 * known.count(georgian)


def test_a_server_that_stops_counting_is_estimated(loopback: Loopback) -> None:
    loopback.tokens = bytes_in_threes
    tokenizer = tokenizer_for(server_model(loopback), asking=True)
    assert tokenizer.exact and tokenizer.count("Trees.") == 2
    loopback.tokens = None
    assert tokenizer.count("Trees are good.") in range(3, 6)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("We should “walk” – now.", 5),
        ("我们应该种树。", 6),
        ("用 GPU 训练模型, OK?", 7),
        ("เราปลูกต้นไม้", 10),  # vowels above and below are no letters of their own
        ("나무를 심어야 한다.", 3),
        ("", 0),
    ],
)
def test_scripts_without_spaces_are_as_long_as_they_have_letters(text: str, words: int) -> None:
    assert count_words(text) == words
