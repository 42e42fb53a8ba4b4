"""Where a long text is cut into parts."""

from __future__ import annotations

import pytest

from argqual._graphemes import whole
from argqual.errors import InputError
from argqual.judging.splitting import TextPart, split_text

ESSAY = """\
Trees in the city

We should plant trees along the main road. They cool the pavement in summer, and the shops gain when people stay.

  First, heat kills. Dr. Smith found that 3.5 degrees less saves lives, e.g. those of the old. Second, trees pay for \
themselves: shops along planted streets earn more than others, as studies in several cities have shown over the years. \
However, some say that trees cost too much. They forget what a hospital bed costs, and what people pay to get away.

1. Costs
They are small.\t
"""


def texts(parts: tuple[TextPart, ...]) -> list[str]:
    return [part.text for part in parts]


def check(text: str, parts: tuple[TextPart, ...]) -> None:
    """Parts are in order, do not overlap, and leave out nothing but white space."""
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    at = 0
    for part in parts:
        assert part.text == text[part.start : part.end]
        assert part.text.strip()
        assert not text[at : part.start].strip()
        assert whole(text, part.end) == part.end
        at = part.end
    assert not text[at:].strip()


@pytest.mark.parametrize("by", ["paragraphs", "arguments"])
@pytest.mark.parametrize(
    "text",
    [
        ESSAY,
        ESSAY.replace("\n", "\r\n"),
        "One.",
        "  One.\n\n",
        "我们应该种树。" * 600,
        "เราควรปลูกต้นไม้ริมถนน " * 300,
        "👩\u200d🔬🇩🇪" * 900,
        "word " * 2000,
        "No stops at all\n" * 50,
        "يجب أن نزرع الأشجار. لماذا؟ لأنها تبرّد. " * 60,
    ],
)
def test_parts_are_all_of_the_text_and_cut_no_character(text: str, by: str) -> None:
    check(text, split_text(text, by))  # type: ignore[arg-type]
    short = split_text(text, by, longest=lambda part: min(len(part), 101))  # type: ignore[arg-type]
    check(text, short)
    assert all(len(part.text) <= 101 for part in short)


def test_paragraphs_are_what_blank_lines_part_with_their_headings() -> None:
    found = texts(split_text(ESSAY))
    assert len(found) == 3
    assert found[0].startswith("Trees in the city\n\nWe should") and found[0].endswith("people stay.")
    assert found[1].startswith("First, heat kills.")
    assert found[2] == "1. Costs\nThey are small."


def test_lines_are_paragraphs_where_no_line_is_blank_and_they_end_as_sentences() -> None:
    assert texts(split_text("One is so.\nTwo is so, too.\nIs three?")) == ["One is so.", "Two is so, too.", "Is three?"]
    wrapped = "This is a paragraph that an editor has\nwrapped to some forty columns, as many do, so\nthat it is one."
    assert texts(split_text(wrapped)) == [wrapped]


def test_arguments_begin_where_a_sentence_opens_a_new_point() -> None:
    found = texts(split_text(ESSAY, "arguments"))
    assert [part[:12] for part in found] == ["Trees in the", "First, heat ", "However, som"]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Bäume kühlen die Straße im Sommer. " * 6, "Außerdem zahlen sie sich aus."),
        ("Les arbres rafraîchissent la rue en été. " * 5, "De plus, ils rapportent."),
        ("Los árboles refrescan la calle en verano. " * 5, "Además, son rentables."),
        ("树木在夏天使街道凉爽。" * 20, "此外，它们带来收入。"),
        ("Деревья охлаждают улицу летом. " * 6, "Кроме того, они окупаются."),
    ],
)
def test_points_are_told_in_several_languages(one: str, two: str) -> None:
    text = f"{one.strip()} {two} {one.strip()}"
    found = texts(split_text(text, "arguments"))
    assert found[0] == one.strip()
    assert found[1].startswith(two)


def test_a_speech_without_paragraphs_is_cut_at_ends_of_sentences() -> None:
    speech = "We have waited for this road for a long time, and now it is here. " * 60
    found = split_text(speech, "arguments")
    assert len(found) > 2
    assert all(part.text.endswith("it is here.") and len(part.text) <= 1200 for part in found)


def test_a_text_of_one_part_is_the_text_itself_so_that_it_is_asked_once() -> None:
    assert split_text(" One part.\n") == (TextPart(1, 0, 11, " One part.\n"),)


def test_another_way_to_split_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match="paragraphs"):
        split_text("One.", "paragraph")  # type: ignore[arg-type]
