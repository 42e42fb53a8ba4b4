"""The pages of the documentation as the tests read them: blocks, commands, links, headings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
_ENDS = {"|", ">", ">>", ";", "&&", "||", "done"}


def pages() -> list[Path]:
    """README, the pages beside it, those of docs/ and the two beside the data."""
    beside = [path for path in sorted(ROOT.glob("*.md")) if path.name != "CHANGELOG.md"]
    data = [
        ROOT / "frameworks" / "README.md",
        ROOT / "datasets" / "README.md",
        ROOT / "examples" / "pairs" / "README.md",
    ]
    return [*beside, *sorted((ROOT / "docs").glob("*.md")), *data]


def named(path: Path) -> str:
    """A page as tests name it."""
    return path.relative_to(ROOT).as_posix()


@dataclass(frozen=True)
class Block:
    """A fenced block: its kind (`python`, `console`, …), its text, the line that it starts on, the section it is in."""

    kind: str
    text: str
    line: int
    section: str

    @property
    def file(self) -> str | None:
        """The file that it is, where its first line is a comment that names one."""
        found = re.match(r"(?:#|<!--) ([\w./-]+\.\w+)( -->)?$", self.text.partition("\n")[0])
        return found[1] if found else None


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        titles = re.findall(r"^## (.*)$", _without_fences(text[: match.start()]), re.MULTILINE)
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(match[1], match[2], line, titles[-1] if titles else ""))
    return found


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _without_fences(page.read_text(encoding="utf-8"))


def commands(page: Path) -> Iterator[list[str]]:
    """Every call of argqual on a page, in blocks and between backticks, as words."""
    for block in blocks(page):
        if block.kind in ("", "console", "bash", "sh"):
            for line in block.text.replace("\\\n", " ").splitlines():
                if re.match(r"(\$ |.*\| *|.*\bdo )?argqual \S", line):
                    yield from _calls(line.removeprefix("$ "))
    for span in re.findall(r"`(argqual\s[^`]+)`", prose(page)):
        yield from _calls(" ".join(span.split()))


def _calls(line: str) -> Iterator[list[str]]:
    words = shlex.split(re.sub(r"\s+# .*$", "", line))
    while "argqual" in words:
        words = words[words.index("argqual") + 1 :]
        end = next((place for place, word in enumerate(words) if word in _ENDS), len(words))
        yield [word.rstrip(";") for word in words[:end]]


def anchors(page: Path) -> set[str]:
    """The headings of a page, as a link to them is written."""
    titles = re.findall(r"^#{1,6} (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}


def _without_fences(text: str) -> str:
    return _FENCE.sub("", text)
