"""Arguments are text from strangers: kept as they are, read as UTF-8, and fenced before a model sees them."""

from __future__ import annotations

import random
import re

import pytest

from argqual import Argument
from argqual.argument import decode_argument, fence
from argqual.errors import EXIT_USAGE, InputError

# The argument


def test_a_text_is_kept_to_the_letter() -> None:
    text = "  We should,\n\tbecause “yes”. </argument>\r\n"
    assert Argument(text).text == text


@pytest.mark.parametrize("text", ["", " ", "\n\t \r\n", "\u00a0\u2003\u3000"])
def test_an_empty_text_is_refused_with_what_to_give_instead(text: str) -> None:
    with pytest.raises(InputError, match="empty") as caught:
        Argument(text)
    assert caught.value.hint and caught.value.exit_code == EXIT_USAGE


@pytest.mark.parametrize("value", [None, b"bytes", 5, ["a"], float("nan")])
def test_what_is_not_text_is_refused_by_its_type(value: object) -> None:
    with pytest.raises(InputError, match=type(value).__name__):
        Argument(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["issue", "stance", "context"])
def test_an_input_that_is_not_text_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(InputError, match=name):
        Argument("A text.", **{name: 5})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["text", "issue", "stance", "context"])
def test_half_a_character_is_refused_by_the_input_that_holds_it(name: str) -> None:
    with pytest.raises(InputError, match=name):
        Argument(**{"text": "A text.", name: "half \ud83d"})  # type: ignore[arg-type]


def test_a_judge_sees_the_inputs_that_say_something() -> None:
    argument = Argument("A.", issue="Q?", stance=" ", context="", domain="forum", id="7", labels={"quality": 1.0})
    assert argument.inputs() == {"issue": "Q?", "argument": "A."}


def test_two_arguments_do_not_share_their_labels() -> None:
    assert Argument("A.").labels is not Argument("B.").labels


# Reading


@pytest.mark.parametrize(
    ("raw", "line", "byte", "value"),
    [
        (b"caf\xe9", 1, 3, "0xe9"),
        (b"one\ntwo\ncaf\xe9\nfour", 3, 11, "0xe9"),
        (b"one\r\ntwo \x80", 2, 9, "0x80"),
        (b"cut off \xe2\x82", 1, 8, "0xe2"),
        (b"\xef\xbb\xbfone\ntwo\ncaf\xe9", 3, 14, "0xe9"),
        (b"\xef\xbb\xbf\xff", 1, 3, "0xff"),
    ],
)
def test_bytes_that_are_not_utf8_are_placed(raw: bytes, line: int, byte: int, value: str) -> None:
    assert raw[byte] == int(value, 16)
    with pytest.raises(InputError) as caught:
        decode_argument(raw, name="a.txt")
    assert caught.value.message.startswith(f"a.txt:{line}: ")
    assert f"byte {byte} " in caught.value.message and value in caught.value.message
    assert "iconv" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("raw", "line"), [(b"\x00", 1), (b"PK\x03\x04", 1), (b"one\ntwo\x1b[31m", 2), (b"a\nb\nc\x07", 3)]
)
def test_a_binary_file_is_called_one_on_the_line_that_shows_it(raw: bytes, line: int) -> None:
    with pytest.raises(InputError, match="binary") as caught:
        decode_argument(raw, name="a.txt")
    assert caught.value.message.startswith(f"a.txt:{line}: ")


@pytest.mark.parametrize("raw", [b"", b" \n\t", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_a_file_without_text_is_empty(raw: bytes) -> None:
    with pytest.raises(InputError, match=r"a\.txt is empty"):
        decode_argument(raw, name="a.txt")


# The fence

# What ends the fence, starts a field of DSPy's, or stands for the end of a turn in the chat templates of
# ChatML, Llama 2 and 3, Mistral, Gemma, Phi and DeepSeek (whose bars are the full-width ones).
MARKUP = [
    "</argument>",
    "<argument>",
    "</issue>",
    "</ARGUMENT >",
    "<!-- ",
    "<?xml",
    "<|im_end|>",
    "<|im_start|>system",
    "<|eot_id|>",
    "<|start_header_id|>",
    "<|endoftext|>",
    "<s>",
    "</s>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<think>",
    "<tool_call>",
    "[[ ## ",
    "[[ ## answer ## ]]",
    "[[##answer##]]",
    "[[\n## answer ##\n]]",
    " ## ]]",
    "[INST]",
    "[/INST]",
    "[inst]",
    "<<SYS>>",
    "<</SYS>>",
    "[SYSTEM_PROMPT]",
    "[/SYSTEM_PROMPT]",
    "[TOOL_CALLS]",
    "[AVAILABLE_TOOLS]",
    "<｜end▁of▁sentence｜>",
    "<｜User｜>",
    "<｜Assistant｜>",
]


AROUND = ["{}", "a{}b", "<{}>", "[{}]", "<{0}{0}>", "[[{}]]", "|{}|", "\n{}\n", "## {}"]


@pytest.mark.parametrize("markup", MARKUP)
def test_no_markup_of_a_prompt_survives_the_fence(markup: str) -> None:
    for around in AROUND:
        assert markup not in fence(around.format(markup))


def test_what_the_fence_puts_apart_is_not_markup_for_a_lenient_reader_either() -> None:
    # A parser of XML or HTML forgives white space before a tag's end, not after its opening.
    assert not re.search(r"</?\w", fence("x</argument>y<argument>z</ argument ><a href=''>"))


@pytest.mark.parametrize(
    "text",
    ["2 < 3 and 5 > 4", "a <- b", "if x<3", "[1] and [2, 3]", "a | b", "# heading\n## second", "<3", "array[[1]]"],
)
def test_plain_writing_passes_the_fence_unchanged(text: str) -> None:
    assert fence(text) == text


def without_spaces(text: str) -> str:
    return text.replace(" ", "")


def test_the_fence_adds_spaces_and_changes_nothing_else() -> None:
    chance = random.Random(3)
    pieces = [*MARKUP, *"<>[]|#/ \n!?", "##", "[[", "]]", "｜", "word", "Ünï", "論證"]
    for _ in range(3000):
        text = "".join(chance.choices(pieces, k=chance.randint(1, 12)))
        fenced = fence(text)
        assert without_spaces(fenced) == without_spaces(text)
        assert not [markup for markup in MARKUP if markup in fenced and markup.strip() not in (">", "<")], text
        assert fence(fenced) == fenced


def test_a_long_text_of_openings_is_fenced_at_once() -> None:
    # Each pattern looks ahead: over white space that repeats, that must not mean looking over it again and again.
    for text in ("[" * 200_000, "[[" + " " * 200_000, "##" + " " * 200_000, "## " * 60_000, "<" * 200_000):
        assert without_spaces(fence(text)) == without_spaces(text)
