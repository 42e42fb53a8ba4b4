"""Scales: ordered levels, and the step between a level and a number."""

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from argqual._schema import Number, Part, Text, wrong

_FARTHEST = 1e6  # from 0; every level is then written with all of its digits
FrameworkId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=60)]


class Level(Part):
    """One step of a scale.

    `value` is the number people use for it; values rise along the scale and need
    not be evenly spaced.
    """

    value: Number
    label: Text
    description: str = ""

    @property
    def written(self) -> str:
        """The value as a person writes it: `3`, `2.5`."""
        return f"{self.value:g}"


class Scale(Part):
    """Ordered levels, lowest first, and whether a judge may abstain.

    Parameters
    ----------
    levels
        2 to 10 of them, with rising values and different labels.
    abstain
        The label of "cannot say"; without one, every question must be answered.
    """

    levels: Annotated[tuple[Level, ...], Field(min_length=2, max_length=10)]
    abstain: Text | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        values = [level.value for level in self.levels]
        if any(low >= high for low, high in pairwise(values)):
            written = ", ".join(level.written for level in self.levels)
            raise wrong(f"the levels' values must rise from worst to best, but are {written}")
        shown_as = [level.written for level in self.levels]
        for place, (level, shown) in enumerate(zip(self.levels, shown_as, strict=True)):
            if abs(level.value) > _FARTHEST:
                raise wrong(f"the level {shown} is further from 0 than {_FARTHEST:,.0f}", "levels", place, "value")
            if shown in shown_as[:place]:
                said = f"two levels would both be written as {shown}; values have at most six digits"
                raise wrong(said, "levels", place, "value")
        labels = [level.label for level in self.levels]
        if len(set(labels)) < len(labels):
            raise wrong("two levels of a scale have the same label")
        if self.abstain in labels:
            raise wrong(f"'{self.abstain}' is a level, so it cannot also mean that the judge abstains")
        return self

    @property
    def lowest(self) -> float:
        return self.levels[0].value

    @property
    def highest(self) -> float:
        return self.levels[-1].value

    def unit(self, value: float) -> float:
        """A value of the scale as a share of its range, 0 to 1."""
        return (value - self.lowest) / (self.highest - self.lowest)

    def nearest(self, value: float) -> Level:
        """The level whose value is nearest; the lower of two equally near ones."""
        return min(self.levels, key=lambda level: abs(level.value - value))

    def from_unit(self, unit: float) -> float:
        """The inverse of `unit`."""
        return self.lowest + unit * (self.highest - self.lowest)
