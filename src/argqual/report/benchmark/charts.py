"""Charts as SVG: small functions from figures to marks.

Places along x are percentages and everything else is pixels, so a chart takes the width that it is given, on a
phone as on a desk, while its text keeps its size: no script, no second drawing. Colours come from the
style sheet, so that dark pages and paper have their own, and no mark is told from another by colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup

from argqual.benchmark.analysis.results import Bin
from argqual.report.benchmark.words import number
from argqual.report.markup import joined, tag
from argqual.stats.resampling import Estimate

_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
_NARROW = 300  # pixels of a chart on a phone: labels that do not meet there meet nowhere


@dataclass(frozen=True)
class Axis:
    """Equally spaced ticks; the first and the last are its ends."""

    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        """Where a value stands, 0 to 100; what is outside stands at the end."""
        low, high = self.ticks[0], self.ticks[-1]
        return 100 * min(max((value - low) / (high - low), 0), 1)


def axis_over(values: Iterable[float | None], *, include: Sequence[float] = (0.0,), most: int = 6) -> Axis:
    """The axis of at most so many round steps that holds all values, and those to include."""
    given = [*include, *(value for value in values if value is not None)]
    low, high = min(given), max(given)
    if low == high:
        low, high = low - 0.5, high + 0.5
    step = next((step for step in _STEPS if math.ceil(high / step) - math.floor(low / step) <= most), high - low)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return Axis(tuple(round(place * step, 6) for place in range(first, last + 1)))


def svg(title: str, *marks: Markup | None, height: int, kind: str) -> Markup:
    """A picture with a title, which a pointer shows and a screen reader says."""
    return tag("svg", tag("title", title), *marks, class_=kind, role="img", width="100%", height=height)


# --- a row of a forest plot


def axis_row(axis: Axis, *, signed: bool = False) -> Markup:
    """The numbers over a column of rows; every second one is `minor`, and left out where there is little room."""
    zero = axis.ticks.index(0.0) if 0.0 in axis.ticks else 0
    ends = {0: "start", len(axis.ticks) - 1: "end"}
    labels = (
        tag(
            "text",
            number(tick, signed=signed),
            x=_percent(axis.at(tick)),
            y=14,
            text_anchor=ends.get(place, "middle"),
            class_="minor" if (place - zero) % 2 else None,
        )
        for place, tick in enumerate(axis.ticks)
    )
    return tag("svg", *labels, class_="axis", aria_hidden="true", width="100%", height=20)


class Mark(NamedTuple):
    """A figure in a row: its kind (a class of the style sheet), and whether its marker is filled."""

    estimate: Estimate
    kind: str
    filled: bool = True


def row(axis: Axis, title: str, marks: Sequence[Mark], *, worst: float | None = None) -> Markup:
    """Figures with their intervals, one lane each.

    Parameters
    ----------
    worst
        A value to mark with a cross on the last lane.
    """
    lane = 16
    height = lane * len(marks) + 14
    drawn: list[Markup | None] = []
    for place, mark in enumerate(marks):
        y = 7 + lane * place + lane // 2
        drawn += _interval(axis, mark, y)
        if place == len(marks) - 1 and worst is not None:
            drawn.append(at(axis.at(worst), y, tag("path", class_=f"{mark.kind} cross", d="M-4-4L4 4M-4 4L4-4")))
    return svg(title, *drawn, height=height, kind="row")


def _interval(axis: Axis, mark: Mark, y: int) -> Iterable[Markup]:
    found = mark.estimate
    if found.low is not None and found.high is not None:
        yield tag(
            "line",
            class_=f"{mark.kind} whisker",
            x1=_percent(axis.at(found.low)),
            x2=_percent(axis.at(found.high)),
            y1=y,
            y2=y,
        )
    if found.value is not None:
        shape = "M0-5L5 0L0 5L-5 0Z" if mark.kind == "inside" else "M-5 0A5 5 0 1 1 5 0A5 5 0 1 1-5 0Z"
        filled = "marker" if mark.filled else "marker open"
        yield at(axis.at(found.value), y, tag("path", class_=f"{mark.kind} {filled}", d=shape))


# --- charts with two axes


def at(x: float, y: float, *marks: Markup) -> Markup:
    """Marks whose places are pixels, around a point of the chart."""
    return tag("svg", *marks, x=_percent(x), y=f"{y:.1f}", overflow="visible")


def _percent(value: float) -> str:
    return f"{value:.2f}%"


@dataclass(frozen=True)
class Frame:
    """Two axes; y is `height` pixels high. `x_labels` stand for the ticks of x where these are no numbers."""

    x: Axis
    y: Axis
    height: int
    x_labels: tuple[str, ...] = ()

    def place(self, x: float, y: float) -> tuple[float, float]:
        return self.x.at(x), self.height * (1 - self.y.at(y) / 100)

    def line(self, one: tuple[float, float], two: tuple[float, float], kind: str) -> Markup:
        (x1, y1), (x2, y2) = self.place(*one), self.place(*two)
        return tag("line", class_=kind, x1=_percent(x1), x2=_percent(x2), y1=f"{y1:.1f}", y2=f"{y2:.1f}")

    def grid(self) -> Markup:
        lines = []
        for tick in self.y.ticks:
            y = self.place(0, tick)[1]
            lines.append(tag("line", class_="zero" if tick == 0 else "grid", x1="0%", x2="100%", y1=y, y2=y))
            lines.append(tag("text", number(tick), class_="tick", x=-6, y=f"{y + 4:.1f}", text_anchor="end"))
        labels = self.x_labels or tuple(number(tick) for tick in self.x.ticks)
        for place, (tick, label) in enumerate(zip(self.x.ticks, labels, strict=True)):
            anchor = "start" if place == 0 else "end" if place == len(labels) - 1 else "middle"
            x = _percent(self.x.at(tick))
            lines.append(tag("text", label, class_="tick", x=x, y=self.height + 16, text_anchor=anchor))
        return joined(*lines)

    def picture(self, title: str, *marks: Markup | None) -> Markup:
        drawn = svg(title, self.grid(), *marks, height=self.height, kind="chart")
        return tag("div", drawn, class_="frame")


def curve(
    frame: Frame,
    title: str,
    points: Sequence[tuple[float, Estimate]],
    others: Sequence[Sequence[tuple[float, Estimate]]],
) -> Markup:
    """Figures with whiskers, joined by a line; the lines of `others` stand behind it for comparison."""
    marks = []
    for line in (*others, points):
        known = [(x, found.value) for x, found in line if found.value is not None]
        kind = "curve" if line is points else "other"
        marks += [frame.line(one, two, kind) for one, two in pairwise(known)]
    for x, found in points:
        if found.value is None:
            continue
        if found.low is not None and found.high is not None:
            marks.append(frame.line((x, found.low), (x, found.high), "outside whisker"))
        left, top = frame.place(x, found.value)
        marks.append(tag("circle", class_="outside marker", cx=_percent(left), cy=f"{top:.1f}", r=4))
    return frame.picture(title, *marks)


def reliability(title: str, bins: Sequence[Bin]) -> Markup:
    """Mean label against mean prediction, a point a bin, its size by how many; the diagonal is perfect calibration."""
    unit = Axis((0.0, 0.25, 0.5, 0.75, 1.0))
    frame = Frame(unit, unit, 170)
    most = max(each.n for each in bins)
    places = [(each.predicted, each.observed) for each in bins]
    marks = [frame.line((0, 0), (1, 1), "diagonal")]
    marks += [frame.line(one, two, "curve") for one, two in pairwise(places)]
    for each, place in zip(bins, places, strict=True):
        left, top = frame.place(*place)
        radius = f"{3 + 3 * math.sqrt(each.n / most):.1f}"
        said = tag("title", f"{each.n} predictions: mean {number(each.predicted)}, mean label {number(each.observed)}")
        marks.append(
            tag("g", said, tag("circle", class_="outside marker", cx=_percent(left), cy=f"{top:.1f}", r=radius))
        )
    return frame.picture(title, *marks)


class Point(NamedTuple):
    """A strategy in the plane: `code` is what stands beside it, `name` what a pointer shows."""

    x: float
    found: Estimate
    code: str
    name: str
    family: str


_SHAPES = {
    "floor": "M-5-5H5V5H-5Z",
    "training": "M-5.5 0A5.5 5.5 0 1 1 5.5 0A5.5 5.5 0 1 1-5.5 0Z",
    "principle": "M0-7L7 0L0 7L-7 0Z",
    "exemplar": "M0-6.5L6.5 5H-6.5Z",
    "combined": "M-2-6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z",
}
_BESIDE = (
    (11, 4, "start"), (-11, 4, "end"), (0, -12, "middle"), (0, 20, "middle"),
    (11, -9, "start"), (-11, -9, "end"), (11, 18, "start"), (-11, 18, "end"),
)  # fmt: skip


def shape(family: str) -> Markup:
    """The marker of a family of strategies, as it stands in charts."""
    return tag("path", class_=f"marker family {family}", d=_SHAPES.get(family, _SHAPES["training"]))


def swatch(family: str) -> Markup:
    """The same for a line of text."""
    return tag("svg", shape(family), class_="swatch", width=16, height=16, viewBox="-8 -8 16 16", aria_hidden="true")


def scatter(frame: Frame, title: str, points: Sequence[Point]) -> Markup:
    """Points with whiskers and a code beside each, where it covers nothing that stands there already."""
    marks: list[Markup] = []
    places = [frame.place(each.x, each.found.value or 0) for each in points]
    taken = [(left / 100 * _NARROW - 7, top - 7, left / 100 * _NARROW + 7, top + 7) for left, top in places]
    for each, (left, top) in zip(points, places, strict=True):
        if each.found.low is not None and each.found.high is not None:
            marks.append(frame.line((each.x, each.found.low), (each.x, each.found.high), "thin whisker"))
        dx, dy, anchor = _beside(left / 100 * _NARROW, top, 8 * len(each.code), taken)
        code = tag("text", each.code, class_="code", x=dx, y=dy, text_anchor=anchor)
        marks.append(at(left, top, tag("title", each.name), shape(each.family), code))
    return frame.picture(title, *marks)


def _beside(x: float, y: float, width: float, taken: list[tuple[float, float, float, float]]) -> tuple[int, int, str]:
    """The first place around a point where a label of this width covers nothing; it is then taken."""
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
