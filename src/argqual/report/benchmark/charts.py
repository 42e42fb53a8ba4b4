"""Where the marks of charts stand; the templates draw them as SVG.

Places along x are percentages and everything else is pixels, so a chart takes the width that it is given, on a
phone as on a desk, while its text keeps its size: no script, no second drawing. Colours come from the
style sheet, so that dark pages and paper have their own, and no mark is told from another by colour alone.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Self

from argqual.benchmark.analysis.results import SystemResult
from argqual.report.benchmark.words import number
from argqual.stats.estimate import Estimate
from argqual.stats.metrics import Bin

_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
_NARROW = 300  # pixels of a chart on a phone: labels that do not meet there meet nowhere
_BESIDE = (
    (11, 4, "start"), (-11, 4, "end"), (0, -12, "middle"), (0, 20, "middle"),
    (11, -9, "start"), (-11, -9, "end"), (11, 18, "start"), (-11, 18, "end"),
)  # fmt: skip


@dataclass(frozen=True)
class Axis:
    """Equally spaced ticks; the first and the last are its ends."""

    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        """Where a value stands, 0 to 100; what is outside stands at the end."""
        low, high = self.ticks[0], self.ticks[-1]
        return 100 * min(max((value - low) / (high - low), 0), 1)

    @property
    def zero(self) -> int:
        """The place of the tick at 0; the first where there is none."""
        return self.ticks.index(0.0) if 0.0 in self.ticks else 0


def axis_over(estimates: Iterable[Estimate]) -> Axis:
    """The axis of at most six round steps that holds all figures with their intervals, and 0."""
    ends = (end for each in estimates for end in (each.value, each.low, each.high))
    given = [0.0, *(end for end in ends if end is not None)]
    low, high = min(given), max(given)
    if low == high:
        low, high = low - 0.5, high + 0.5
    step = next((step for step in _STEPS if math.ceil(high / step) - math.floor(low / step) <= 6), high - low)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return Axis(tuple(round(place * step, 6) for place in range(first, last + 1)))


class Mark(NamedTuple):
    """A figure in a row: its kind (a class of the style sheet), and whether its marker is filled."""

    estimate: Estimate
    kind: str
    filled: bool = True


class Point(NamedTuple):
    """A point of a chart with two axes, where y is known: a circle, or with a code the marker of its strategy's family.

    `low` and `high` are the ends of its interval, `says` is what a pointer shows. The code stands `beside` the point:
    as far from it, in pixels, and how anchored.
    """

    x: float
    y: float | None
    low: float | None = None
    high: float | None = None
    radius: float = 4
    says: str = ""
    family: str = ""
    code: str = ""
    beside: tuple[int, int, str] = (0, 0, "")

    @classmethod
    def of(cls, x: float, found: Estimate) -> Self:
        return cls(x, found.value, found.low, found.high)


@dataclass(frozen=True)
class Axes:
    """Two axes; y is `height` pixels high. `labels` stand below the ticks of x."""

    x: Axis
    y: Axis
    height: int
    labels: tuple[str, ...]

    def top(self, y: float) -> float:
        """Where a value of y stands, in pixels from above."""
        return self.height * (1 - self.y.at(y) / 100)


class Line(NamedTuple):
    """Points joined in order, those left out where y is not known; its kind is a class of the style sheet."""

    kind: str
    points: list[Point]

    @property
    def segments(self) -> Iterable[tuple[Point, Point]]:
        """From each known point to the next."""
        return pairwise(point for point in self.points if point.y is not None)


@dataclass(frozen=True)
class Picture:
    """A chart with two axes. `title` is what a screen reader says; `system` and `caption` stand above it."""

    title: str
    frame: Axes
    lines: list[Line]
    points: list[Point]
    system: SystemResult | None = None
    caption: str = ""


def reliability_curve(bins: Sequence[Bin]) -> tuple[Axes, list[Line], list[Point]]:
    """Mean label against mean prediction, a point a bin, its size by how many; the diagonal is perfect calibration."""
    unit = Axis((0.0, 0.25, 0.5, 0.75, 1.0))
    frame = Axes(unit, unit, 170, tuple(number(tick) for tick in unit.ticks))
    most = max(each.n for each in bins)
    points = []
    for each in bins:
        says = f"{each.n} predictions: mean {number(each.predicted)}, mean label {number(each.observed)}"
        radius = round(3 + 3 * math.sqrt(each.n / most), 1)
        points.append(Point(each.predicted, each.observed, radius=radius, says=says))
    return frame, [Line("diagonal", [Point(0, 0), Point(1, 1)]), Line("curve", points)], points


def labelled(frame: Axes, points: Iterable[Point]) -> list[Point]:
    """The points with their codes beside them, where these cover nothing that stands there already."""
    given = list(points)
    places = [(frame.x.at(each.x) / 100 * _NARROW, frame.top(each.y or 0)) for each in given]
    taken = [(left - 7, top - 7, left + 7, top + 7) for left, top in places]
    return [each._replace(beside=_beside(*place, each.code, taken)) for each, place in zip(given, places, strict=True)]


def _beside(x: float, y: float, code: str, taken: list[tuple[float, float, float, float]]) -> tuple[int, int, str]:
    """The first place around a point where a code covers nothing; it is then taken."""
    width = 8 * len(code)
    starts = {"start": 0.0, "middle": -width / 2, "end": -width}
    boxes = []
    for dx, dy, anchor in _BESIDE:
        left = x + dx + starts[anchor]
        boxes.append((left, y + dy - 10, left + width, y + dy + 2))
    free = (place for place, box in enumerate(boxes) if not any(_meet(box, other) for other in taken))
    chosen = next(free, 0)
    taken.append(boxes[chosen])
    return _BESIDE[chosen]


def _meet(one: tuple[float, float, float, float], two: tuple[float, float, float, float]) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]
