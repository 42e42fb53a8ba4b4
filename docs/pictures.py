"""Draw the pictures of the documentation that can be drawn from what is written elsewhere: `python docs/pictures.py`.

`images/score.svg` is the output that first-score.md shows; `images/layers.svg` is the contract of layers in
pyproject.toml. A test compares both with their sources.
"""

from __future__ import annotations

import io
import re
import tomllib
from pathlib import Path
from xml.sax.saxutils import escape

from rich.console import Console
from rich.text import Text

DOCS = Path(__file__).parent
COMMAND = 'argqual score examples/school-uniforms.txt --issue "Should school uniforms be compulsory?"'
HOLDS = {
    "cli": "commands, options, exit codes",
    "report": "results as text, Markdown, HTML, CSV",
    "benchmark": "what is asked, running it, what came of it",
    "strategies": "all that predicts quality, as scikit-learn estimators",
    "corpora": "cards, readers, agreement, leaks",
    "tabular": "tables in, tables out",
    "judging": "prompt, read-outs, judge, batch, store",
    "assessment": "ratings and how they add up",
    "frameworks": "criteria and scales, from YAML",
    "models": "from a name to something that answers",
    "downloads": "fetched, verified, kept",
    "argument": "a text and what it answers",
    "_registry": "what is known by name",
    "_yaml": "files with line numbers",
    "_plugins": "what installed packages bring, by entry point",
    "_graphemes": "characters, words",
    "stats": "figures, intervals",
    "errors": "what is said",
    "_version": "",
}


def score_output() -> str:
    """The output of the first score, as first-score.md has it."""
    page = (DOCS / "first-score.md").read_text(encoding="utf-8")
    found = re.search(r"```\n(RATIO: .*?)```", page, re.DOTALL)
    assert found is not None
    return found[1]


def score() -> str:
    """That output as a terminal shows it: what stands out in bold, what is said beside it dim."""
    console = Console(record=True, width=82, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text(f"$ {COMMAND}\n", style="bold green"), soft_wrap=False)
    for number, line in enumerate(score_output().splitlines()):
        first = line.split(" ", 1)[0]
        style = "bold" if number == 0 or first == "Overall" else "dim" if number in (1, 2) or "  " not in line else ""
        console.print(Text(line, style=style))
    picture = console.export_svg(title="argqual score", unique_id="score")
    return re.sub(r"\s*@font-face \{.*?\}", "", picture, flags=re.DOTALL)  # no font from elsewhere


def layers() -> list[list[str]]:
    """The layers of the house, top first; rooms of one layer do not know each other."""
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))
    contract = project["tool"]["importlinter"]["contracts"][0]
    return [[name.strip().removeprefix("argqual.") for name in each.split(":")] for each in contract["layers"]]


def house() -> str:
    """The layers as a picture."""
    rows, step, width = layers(), 38, 640
    height = len(rows) * step + 46
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'font-family="ui-sans-serif, system-ui, sans-serif" font-size="13">',
        "<title>The layers of argqual: imports run down, never up</title>",
        f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>',
        f'<path d="M22 16 V{height - 40} m-5 -9 l5 9 l5 -9" fill="none" stroke="#5b6b7b" stroke-width="1.5"/>',
    ]
    for number, rooms in enumerate(rows):
        share = (width - 56) / len(rooms)
        for place, room in enumerate(rooms):
            x, y = 42 + place * share, 12 + number * step
            name = f"{room}/" if (DOCS.parent / "src" / "argqual" / room).is_dir() else f"{room}.py"
            parts += [
                f'<rect x="{x:g}" y="{y}" width="{share - 6:g}" height="{step - 8}" rx="4" fill="#eaf1f8" '
                'stroke="#9db4c9"/>',
                f'<text x="{x + 10:g}" y="{y + 19}" fill="#1c2733"><tspan font-weight="bold">{escape(name)}</tspan>'
                f'<tspan dx="10" fill="#4a5b6c">{escape(HOLDS.get(room, ""))}</tspan></text>',
            ]
    parts.append(
        f'<text x="42" y="{height - 14}" fill="#4a5b6c">Imports run down, never up; rooms side by side do not know '
        "each other.</text>"
    )
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    (DOCS / "images" / "score.svg").write_text(score(), encoding="utf-8")
    (DOCS / "images" / "layers.svg").write_text(house(), encoding="utf-8")
