"""What was recorded, and how it is compared: to the letter, with a readable difference.

Recorded files lie in `data`: JSON with one value a line, or text as it is. What two runs or two machines cannot have
alike (dates, seconds, versions, places of temporary folders) is masked before it is recorded or compared; figures keep
nine digits.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parent / "data"
ROOT = Path(__file__).parents[2]
_MOST_LINES = 60
_MOST_CHARACTERS = 400
_LONG_FIGURE = re.compile(r"-?\d+\.\d{9,}(?:e-?\d+)?")


def as_json(content: Any) -> str:
    """JSON with one value a line; texts of several lines as a list of lines, so that a difference can be read."""
    return json.dumps(_lined(content), indent=1, ensure_ascii=False) + "\n"


def _lined(content: Any) -> Any:
    if isinstance(content, str) and "\n" in content:
        return {"lines": content.split("\n")}
    if isinstance(content, Mapping):
        return {key: _lined(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_lined(value) for value in content]
    return content


def rounded(text: str) -> str:
    """A text whose long figures have nine digits: the last ones hang on the machine."""
    return _LONG_FIGURE.sub(lambda found: f"{float(found[0]):.9g}", text)


class _Structure(HTMLParser):
    """Elements with their attributes, and texts, one a line: what is left of a page when it is laid out anew."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = (f' {name}="{value}"' for name, value in sorted(attrs))
        self.lines.append(f"<{tag}{''.join(given)}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        self.lines.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.lines += [" ".join(data.split())] if data.strip() else []


def structure(page: str) -> str:
    """An HTML page without what its look does not hang on: space around texts, and the order of attributes."""
    parser = _Structure()
    parser.feed(page)
    parser.close()
    return "\n".join(parser.lines) + "\n"


def recorded(name: str) -> str:
    """What stands in a file of `data`."""
    return (DATA / name).read_bytes().decode()


def record(name: str, found: str) -> None:
    """Write a file of `data` anew."""
    path = DATA / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(found.encode())


def compare(name: str, found: str) -> None:
    """Fail with the difference when something is not what was recorded, character by character."""
    said = recorded(name)
    if found == said:
        return
    lines = difflib.unified_diff(said.splitlines(), found.splitlines(), f"recorded {name}", "found", n=2, lineterm="")
    shown = [line[:_MOST_CHARACTERS] for line in lines]
    rest = [f"… and {len(shown) - _MOST_LINES} lines more"] if len(shown) > _MOST_LINES else []
    pytest.fail("\n".join([*shown[:_MOST_LINES], *rest]) or "only line ends differ", pytrace=False)
