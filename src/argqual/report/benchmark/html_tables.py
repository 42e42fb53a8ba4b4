"""Tables of the HTML report: exact ones, shaded ones, and rows with a chart in the middle.

On a narrow screen the rows become blocks with the column's name beside each value, so nothing scrolls sideways. The
roles are written out, since a browser forgets that a table is one when its display changes.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from argqual.report.benchmark.charts import Axis
from argqual.report.benchmark.views import Cell, Table
from argqual.report.benchmark.words import NOTHING, figure, interval, number, rests_on
from argqual.report.markup import joined, tag
from argqual.stats.resampling import Estimate

_SHADES = 6
_WIDE = 10  # with more columns than these, the letters become smaller


def exact(table: Table, *, opened: bool = False, heading: bool = True) -> Markup:
    """All figures of a table, with what each rests on; closed at first unless nothing stands above it."""
    spread = any(isinstance(cell, Estimate) for row in table.rows for cell in row)
    words = [any(isinstance(cell, str) for cell in column) for column in zip(*table.rows, strict=True)]
    heads = [_head(title, None if left else "right") for title, left in zip(table.columns, words, strict=True)]
    rows = []
    for first, *rest in table.rows:
        named = zip(table.columns[1:], rest, words[1:], strict=True)
        made = [_cell(table, name, cell, "words" if left else "right") for name, cell, left in named]
        rows.append(tag("tr", tag("th", _plain(first), scope="row", role="rowheader"), *made, role="row"))
    note = f"{table.note} " if table.note else ""
    under = "Each figure stands over its 95 % interval and what it rests on." if spread else ""
    body = joined(
        _table(table.title, heads, [tag("tbody", *rows, role="rowgroup")], "exact", len(table.columns)),
        tag("p", note + under, class_="note") if note + under else None,
    )
    if opened:
        return joined(tag("h3", table.title) if heading else None, body)
    return tag("details", tag("summary", f"{table.title}: the figures"), body)


def _head(title: object, kind: str | None = None) -> Markup:
    return tag("th", title, scope="col", role="columnheader", class_=kind)


def _table(caption: str, heads: Sequence[Markup], bodies: Sequence[Markup], kind: str, columns: int) -> Markup:
    head = tag("thead", tag("tr", *heads, role="row"), role="rowgroup")
    wide = " wide" if columns > _WIDE else ""
    return tag("table", tag("caption", caption), head, *bodies, class_=f"{kind}{wide}", role="table")


def _plain(cell: Cell) -> str:
    if cell is None:
        return NOTHING
    if isinstance(cell, Estimate):
        return figure(cell)
    if isinstance(cell, float):
        return number(cell, digits=3 if abs(cell) <= 1 else 1)
    return f"{cell:,}" if isinstance(cell, int) else cell


def _cell(table: Table, name: str, cell: Cell, kind: str) -> Markup:
    if isinstance(cell, Estimate):
        ends = interval(cell, signed=table.signed)
        content = joined(
            tag("span", number(cell.value, signed=table.signed), class_="value"),
            tag("small", ends) if ends else None,
            tag("small", rests_on(cell)),
        )
        return tag("td", content, role="cell", data_label=name, class_=kind)
    return tag("td", tag("span", _plain(cell)), role="cell", data_label=name, class_=kind)


# --- rows with a chart


def plot_table(
    caption: str,
    corner: str,
    scale: Markup,
    axis: Axis,
    columns: Sequence[str],
    rows: Sequence[tuple[object, Markup, Sequence[object]]],
    *,
    ends: tuple[str, str] | None = None,
) -> Markup:
    """A row each: name, chart, numbers. `scale` stands over the charts; `ends` say what its two directions mean."""
    meaning = tag("div", *(tag("span", each) for each in ends), class_="ends") if ends else None
    heads = [
        _head(corner),
        tag("th", meaning, scale, scope="col", role="columnheader", class_="scale", aria_label=caption),
        *map(_head, columns),
    ]
    grid = f"--steps:{len(axis.ticks) - 1};--zero:{axis.at(0):.2f}%"
    made = []
    for name, chart, numbers in rows:
        cells = [
            tag("td", tag("span", value), role="cell", data_label=column, class_="blank" if value == NOTHING else None)
            for column, value in zip(columns, numbers, strict=True)
        ]
        plot = tag("td", chart, role="cell", class_="plot")
        made.append(tag("tr", tag("th", name, scope="row", role="rowheader"), plot, *cells, role="row"))
    head = tag("thead", tag("tr", *heads, role="row"), role="rowgroup")
    body = tag("tbody", *made, role="rowgroup")
    return tag("table", tag("caption", caption), head, body, class_="plots", role="table", style=grid)


# --- shaded tables

Heat = tuple[object, Sequence[tuple[Estimate | None, bool]]]  # a row: its name, and cells with whether each is framed


def heat_table(
    caption: str,
    corner: str,
    heads: Sequence[Markup],
    labels: Sequence[str],
    groups: Sequence[tuple[object | None, Sequence[Heat]]],
    *,
    signed: bool = False,
) -> Markup:
    """Figures shaded by their value; groups of rows have a heading of their own."""
    bodies = []
    for title, rows in groups:
        made = []
        if title is not None:
            heading = tag("th", title, colspan=len(heads) + 1, scope="rowgroup", role="rowheader")
            made.append(tag("tr", heading, class_="group", role="row"))
        for name, cells in rows:
            tested = [_heat(each, framed, label, signed) for (each, framed), label in zip(cells, labels, strict=True)]
            head = tag(
                "th",
                name,
                scope="row",
                role="rowheader",
                data_label=corner if title is not None else None,
                class_="strategy" if title is None else None,
            )
            made.append(tag("tr", head, *tested, role="row"))
        bodies.append(tag("tbody", *made, role="rowgroup", class_="single" if title is None else None))
    return _table(caption, [_head(corner), *map(_head, heads)], bodies, "heat", len(heads) + 1)


def _heat(found: Estimate | None, framed: bool, label: str, signed: bool) -> Markup:
    frame = " framed" if framed else ""
    if found is None or found.value is None:
        why = found.reason if found is not None else None
        return tag("td", tag("span", NOTHING, class_="value"), role="cell", data_label=label, class_="none", title=why)
    value = found.value
    shade = min(int(abs(value) * _SHADES / 0.6), _SHADES - 1)
    sign = "below" if round(value, 2) < 0 else "above"
    sure = "" if found.low is None or found.high is None or found.low <= 0 <= found.high else " sure"
    bar = tag("span", class_=f"bar{sure}", style=f"--share:{min(abs(value), 1):.3f}", aria_hidden="true")
    content = joined(
        tag("span", number(value, signed=signed), class_="value"),
        tag("small", interval(found, signed=signed) or "no interval"),
        bar,
    )
    kind = f"{sign}{shade}{frame}"
    return tag("td", content, role="cell", data_label=label, class_=kind, title=rests_on(found))
