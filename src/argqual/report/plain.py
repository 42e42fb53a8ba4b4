"""Text from strangers, models and files, made safe to print. Light: the command line loads it at once."""

import re
import textwrap

_NOT_TEXT = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff]"
)

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~$])")
_ESCAPED = re.compile(r"\\([^\w\s]|_)")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_FIRST = re.compile(r"^(?:[-+](?=[-\s]|$)|\d{1,9}(?=[.)](?:\s|$)))")  # a list's item, or a rule

WIDTH = 80  # columns that every table and message keeps to


def clean(untrusted: str) -> str:
    """Text that cannot move a terminal's cursor, change its colours or turn its direction."""
    return _NOT_TEXT.sub("\N{REPLACEMENT CHARACTER}", untrusted)


def as_markdown(untrusted: str) -> str:
    """On one line, with nothing that Markdown, or the HTML it becomes, would take for its own."""
    line = _MARKDOWN.sub(r"\\\1", " ".join(clean(untrusted).split()))
    line = _ENTITY.sub(r"\&", line)
    return _FIRST.sub(lambda found: f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}", line)


def from_markdown(written: str) -> str:
    """The words that `as_markdown` has made safe."""
    return _ESCAPED.sub(r"\1", written)


def paragraph(words: str, *, indent: int = 0, hanging: int = 0) -> str:
    """Words as lines of at most `WIDTH` columns; all but the first stand `hanging` columns further in."""
    text = " ".join(clean(words).split())
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hanging),
        break_on_hyphens=False,
        break_long_words=False,
    )


def dollars(usd: float) -> str:
    """What little something cost, to a hundredth of a cent; what cost less than that did not cost nothing."""
    return f"{usd:.4f} USD" if usd >= 0.00005 or usd <= 0 else "under 0.0001 USD"


def shortened(words: str, width: int) -> str:
    """Words cut to a column, with a mark where something is missing."""
    return words if len(words) <= width else words[: width - 1] + "…"
