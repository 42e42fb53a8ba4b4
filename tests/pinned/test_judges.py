"""What an assessment is kept under, what a model is shown and what asking takes are what they were."""

from __future__ import annotations

from pinned.comparing import as_json, compare
from pinned.judges import keys, plans, prompts, refusals


def test_assessments_are_kept_under_the_same_keys() -> None:
    compare("keys.json", as_json(keys()))


def test_models_are_shown_the_same_prompts() -> None:
    compare("prompts.json", as_json(prompts()))


def test_asking_takes_the_same_requests_and_costs() -> None:
    compare("plans.json", as_json(plans()))


def test_judges_refuse_in_the_same_words() -> None:
    compare("refusals.json", as_json(refusals()))
