"""Goldens: arguments whose right ratings are known, and what is expected of them."""

from typing import Annotated, Any, Self

from pydantic import Discriminator, Tag, model_validator

from argqual._schema import Number, Part, Text, wrong
from argqual.errors import nearest
from argqual.frameworks.scale import FrameworkId


class Ordering(Part):
    """A golden expectation: one argument is rated above another."""

    better: str
    worse: str
    criteria: tuple[str, ...] = ("overall",)


class Bound(Part):
    """A golden expectation: an argument's rating lies within bounds, in values of the scale."""

    argument: str
    criteria: tuple[str, ...] = ("overall",)
    at_least: Number | None = None
    at_most: Number | None = None

    @model_validator(mode="after")
    def _expects_something(self) -> Self:
        low, high = self.at_least, self.at_most
        if (low is None and high is None) or (low is not None and high is not None and low > high):
            raise wrong("say at_least, at_most, or both (the first not above the second)")
        return self


def _kind(expectation: Any) -> str:
    """Which of the two an expectation is meant to be, so that a mistake in it is reported once."""
    if isinstance(expectation, dict):
        return "Bound" if {"argument", "at_least", "at_most"} & set(expectation) else "Ordering"
    return type(expectation).__name__ if isinstance(expectation, (Ordering, Bound)) else "Ordering"


class Golden(Part):
    """Arguments whose right ratings are known well enough to test a judge on."""

    id: FrameworkId
    issue: Text | None = None
    stance: Text | None = None
    context: Text | None = None
    arguments: dict[str, Text]
    expect: tuple[
        Annotated[Annotated[Ordering, Tag("Ordering")] | Annotated[Bound, Tag("Bound")], Discriminator(_kind)], ...
    ]

    @model_validator(mode="before")
    @classmethod
    def _one_or_many(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("expect"), dict):
            return {**data, "expect": [data["expect"]]}
        return data

    @model_validator(mode="after")
    def _known_arguments(self) -> Self:
        for each in self.expect:
            for name in (each.argument,) if isinstance(each, Bound) else (each.better, each.worse):
                if name not in self.arguments:
                    raise wrong(f"golden '{self.id}' has no argument '{name}'. {nearest(name, self.arguments)}")
        return self
