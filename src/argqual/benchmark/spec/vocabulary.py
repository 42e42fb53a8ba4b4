"""The words of benchmark files, runs and results, each with what people read for it.

Metrics are in `argqual.stats.metrics`. A value stands in files of before: its heading may change, its name never.
"""

from enum import StrEnum

from argqual._titled import Titled


class Split(Titled):
    """What is trained on and what is tested; see `argqual.benchmark.running.splits`."""

    IN_DOMAIN = "in_domain", "in-domain"
    LEAVE_ONE_TOPIC_OUT = "leave_one_topic_out", "leave one topic out"
    LEAVE_ONE_DOMAIN_OUT = "leave_one_domain_out", "leave one domain out"
    LEAVE_ONE_TYPE_OUT = "leave_one_type_out", "leave one type out"
    CORPUS_TO_CORPUS = "corpus_to_corpus", "corpus to corpus"
    LABEL_BUDGET = "label_budget", "label budget"


ACROSS_DOMAINS = (Split.LEAVE_ONE_DOMAIN_OUT, Split.CORPUS_TO_CORPUS, Split.LABEL_BUDGET)
"""Splits that need two corpora or more."""
OUT_OF_DOMAIN = (
    Split.LEAVE_ONE_DOMAIN_OUT,
    Split.CORPUS_TO_CORPUS,
    Split.LEAVE_ONE_TYPE_OUT,
    Split.LEAVE_ONE_TOPIC_OUT,
)
"""Splits that test elsewhere than they train, the one that a report leads with first."""


class Rung(Titled):
    """How far training is from testing, the nearest first; another construct may be another genre too."""

    TOPIC = "topic", "other topics"
    CORPUS = "corpus", "another corpus"
    GENRE = "genre", "another genre"
    CONSTRUCT = "construct", "another construct"


class PerturbationTest(Titled):
    """What minimal pairs show of a judge; see `argqual.benchmark.analysis.minimal_pairs`.

    How often the sound version is rated above the broken one of the same style, a tie being half; how far ratings fall
    when a criterion is broken, and how far they move by it, whatever the direction; how far they rise, and move, by
    polish alone.
    """

    SENSITIVITY = "sensitivity", "substance sensitivity"
    SUBSTANCE = "substance", "fall by broken substance"
    SUBSTANCE_MOVES = "substance_moves", "move by broken substance"
    STYLE = "style", "rise by polish"
    STYLE_MOVES = "style_moves", "move by polish"
    STYLE_MINUS_SUBSTANCE = "style_minus_substance", "rise by polish minus fall by broken substance"


class FurtherTest(Titled):
    """What is measured beside perturbation tests, and no claim is made of.

    The fall of the rating of one criterion; of comparisons, what standing first adds to the probability of a win, and
    how often the winner changes with the order.
    """

    STYLE_OVER_SUBSTANCE = "style_over_substance", "move by polish over move by broken substance"
    SPECIFICITY = "specificity", "fall of a criterion's rating"
    ORDER_EFFECT = "order_effect", "effect of standing first"
    TURNED_BY_ORDER = "turned_by_order", "turned by the order"


class Perturbation(StrEnum):
    """What is done to the surface of a text; see `argqual.benchmark.running.perturbations`."""

    SHUFFLED = "words shuffled"
    WITHOUT_FUNCTION_WORDS = "without function words"
    PRAISING_ITSELF = "praising itself"
    GIVING_ORDERS = "giving orders"


class Outcome(StrEnum):
    """What a run says of a claim."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNDECIDED = "undecided"


class CellStatus(StrEnum):
    """What became of a cell."""

    DONE = "done"
    FAILED = "failed"
    LEFT = "left"


class Unrated(StrEnum):
    """Why a prediction is missing of which no rating says why."""

    MISSING = "missing"
    CELL_FAILED = "cell failed"
    NOT_RUN = "not run"


class Absence(StrEnum):
    """Why something is not in the tables: a split that cannot be made, a cell that failed or was not run."""

    REFUSED = "refused"
    FAILED = "failed"
    NOT_RUN = "not run"
