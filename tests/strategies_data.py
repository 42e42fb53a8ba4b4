"""Made-up arguments on four issues, with labels from 1 to 5. Every sentence was written for the tests."""

from __future__ import annotations

from argqual.argument import Argument

_TEXTS = {
    "Should the library open on Sundays?": [
        ("Open it on Sundays, because people who work all week cannot come on any other day.", 4.0),
        ("Yes! Sundays! Of course!", 1.0),
        ("Two branches tried it last year, and a third of all loans there now fall on a Sunday.", 5.0),
        ("It should stay closed, since the staff have families too and nobody has said who would pay them.", 3.5),
        ("Books are old and so are Sundays.", 1.5),
        ("If the reading room alone were open, one caretaker would be enough, so the cost would be small.", 4.5),
    ],
    "Should the market square be closed to cars?": [
        ("Close it: the traders who asked for parking sell no more than those who did not.", 4.0),
        ("Cars stink.", 1.0),
        ("Buses would take ten minutes longer, and the old people who live there depend on them.", 4.0),
        ("My uncle always parks there, so it must be allowed.", 1.5),
        ("A trial for one summer would show whether the shops lose customers before anything is built.", 4.5),
        ("Everybody knows that squares are for people and not for machines of any kind.", 2.0),
    ],
    "Should homework be marked?": [
        ("Marks for homework mostly measure how much help there is at home.", 4.0),
        ("Homework is bad, marks are bad, school is bad.", 1.0),
        ("A comment on each piece takes a teacher longer than a mark, but pupils read comments and not marks.", 4.5),
        ("Without marks half of the class would not do it, as last spring has shown in our school.", 3.5),
        ("Why not.", 1.0),
        ("Marks are needed, because parents ask for them, although what they ask for is not always what helps.", 3.0),
    ],
    "Should the village keep its pond?": [
        ("Keep it; it holds the water of a heavy rain, which would otherwise run into the cellars.", 4.5),
        ("Ponds are wet and ducks are nice.", 1.5),
        ("It costs four hundred a year to keep, less than the street lamps beside it.", 4.0),
        ("A child could drown in it, and a fence would cost more than filling it in.", 3.5),
        ("Fill it in, nobody likes it, everybody says so, ask anyone you want.", 1.5),
        ("The school uses it for lessons in biology, though only twice in the year.", 3.5),
    ],
}

ARGUMENTS = [Argument(text, issue=issue) for issue, texts in _TEXTS.items() for text, _ in texts]
LABELS = [label for texts in _TEXTS.values() for _, label in texts]
ISSUES = [argument.issue for argument in ARGUMENTS]
