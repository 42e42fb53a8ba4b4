"""Columns are found by their usual names, and a row that cannot be scored says why."""

from __future__ import annotations

import pytest

from argqual.errors import InputError
from argqual.tabular.columns import Columns, choose_columns, to_argument
from argqual.tabular.table import TableRow


def test_usual_names_are_found_whatever_their_case():
    chosen = choose_columns(["#id", "Topic", "Argument", "Stance", "votes"])
    assert chosen == Columns("Argument", issue="Topic", stance="Stance", id="#id")
    assert chosen.describe() == "text from 'Argument', issue from 'Topic', stance from 'Stance', id from '#id'"


def test_the_more_telling_name_wins():
    assert choose_columns(["body", "text", "title", "issue"]) == Columns("text", issue="issue")


def test_a_given_name_is_taken_and_not_guessed_for_anything_else():
    assert choose_columns(["title", "body"], text="title") == Columns("title")


def test_an_empty_name_means_no_column():
    assert choose_columns(["text", "title", "id"], issue="", id="") == Columns("text")


def test_a_misspelt_name_is_met_with_the_nearest():
    with pytest.raises(InputError, match=r"no column 'comentary'.*\n.*'commentary'"):
        choose_columns(["commentary", "x"], text="comentary")


def test_without_a_text_column_all_columns_are_listed():
    with pytest.raises(InputError, match=r"'a', 'b'.*\n.*--text NAME"):
        choose_columns(["a", "b"])


def test_one_column_cannot_have_two_roles():
    with pytest.raises(InputError, match="'a' cannot be both text and issue"):
        choose_columns(["a"], text="a", issue="a")


def test_a_row_becomes_an_argument():
    row = TableRow({"text": "We must act.", "topic": "Climate", "id": 7, "stance": None, "parent": "  "})
    argument = to_argument(row, Columns("text", "topic", "stance", "parent", "id"))
    assert (argument.text, argument.issue, argument.stance, argument.context, argument.id) == (
        "We must act.", "Climate", None, None, "7",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        (None, "the text is empty"),
        (" \n", "the text is empty"),
        (float("nan"), "the text is empty"),
        (3, "the text is a number, not text"),
        (True, "the text is true or false, not text"),
        (["a"], "the text is a list, not text"),
        ({"a": 1}, "the text is an object, not text"),
        (b"a", "the text is of the type bytes, not text"),
        ("\ud800", "not valid Unicode"),
    ],
)
def test_what_is_no_text_is_an_error_that_says_so(cell: object, why: str):
    with pytest.raises(InputError, match=why):
        to_argument(TableRow({"text": cell}), Columns("text"))


def test_a_row_without_the_text_column_is_an_error():
    with pytest.raises(InputError, match="the text is empty"):
        to_argument(TableRow({"other": "x"}), Columns("text"))


def test_the_problem_of_a_row_is_the_error():
    with pytest.raises(InputError, match="line 3: not JSON"):
        to_argument(TableRow({}, "line 3: not JSON"), Columns("text"))


def test_an_issue_that_is_a_list_is_an_error():
    with pytest.raises(InputError, match="the issue is a list, not text"):
        to_argument(TableRow({"text": "a", "issue": [1]}), Columns("text", "issue"))
