"""HTML and SVG from values: the one place where text from outside becomes markup, and it is escaped there."""

from __future__ import annotations

from markupsafe import Markup, escape

from argqual.report.plain import clean

Child = object  # text (escaped), Markup (as it is), a number, None (left out)
_VOID = frozenset({"meta", "br", "hr", "line", "circle", "rect", "path"})


def tag(name: str, /, *children: Child, **attributes: object) -> Markup:
    """An element. `class_` is `class` and `data_label` is `data-label`; an attribute that is None is left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{given}/>")  # noqa: S704 - attributes are escaped above
    return Markup(f"<{name}{given}>") + joined(*children) + Markup(f"</{name}>")  # noqa: S704


def text(value: object) -> Markup:
    """Text made safe: no control or direction characters, and nothing that a browser takes for markup."""
    return value if isinstance(value, Markup) else escape(clean(str(value)))


def joined(*children: Child) -> Markup:
    return Markup("").join(text(child) for child in children if child is not None)


def stranger(words: str) -> Markup:
    """Words of a corpus: in an element of their own, whose direction follows them and moves nothing around it."""
    return tag("bdi", words)
