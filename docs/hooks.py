"""What the site adds to Markdown: pages that lie elsewhere in the repository, their links, and references made anew.

mkdocs calls the `on_…` functions. A link in any page is written as the forge wants it, relative to the file; here it
becomes a link to the page on the site, or to the forge where the site has none. A link to nothing is left as it is,
for `mkdocs build --strict` to refuse.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import typer.main
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
ELSEWHERE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "RELEASING.md": "releasing.md",
    "CHANGELOG.md": "changes.md",
    "frameworks/README.md": "frameworks.md",
    "datasets/README.md": "corpus-cards.md",
}
_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?\)")
_FENCED = re.compile(r"^(```.*?^```)", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in docs/."""
    pages = {page: (ROOT / source).read_text(encoding="utf-8") for source, page in ELSEWHERE.items()}
    pages |= {"commands.md": commands_page(), "python.md": python_page()}
    for page, content in pages.items():
        files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links of the repository into links of the site; fenced blocks stay as they are."""
    at = page.file.src_uri
    source = next((source for source, name in ELSEWHERE.items() if name == at), f"docs/{at}")
    parts = _FENCED.split(markdown)
    return "".join(
        part if part.startswith("```") else _LINK.sub(lambda found: _linked(found, source, at, config), part)
        for part in parts
    )


def _linked(found: re.Match[str], source: str, at: str, config: MkDocsConfig) -> str:
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), found[1]))
    anchor = found[2] or ""
    if target in ELSEWHERE:
        return f"]({posixpath.relpath(ELSEWHERE[target], posixpath.dirname(at) or '.')}{anchor})"
    if target.startswith("docs/"):
        return f"]({posixpath.relpath(target.removeprefix('docs/'), posixpath.dirname(at) or '.')}{anchor})"
    if (ROOT / target).exists():
        return f"]({config.repo_url}/{'tree' if (ROOT / target).is_dir() else 'blob'}/main/{target}{anchor})"
    return found[0]


def commands_page() -> str:
    """Every command with its arguments and options, as the command line itself declares them."""
    lines = [
        "# Every command",
        "",
        "Written when this site is built, from what `argqual COMMAND --help` is made of.",
    ]
    for name, command in commands():
        context = click.Context(command, info_name=name)
        usage = " ".join([name, *command.collect_usage_pieces(context)])
        lines += ["", f"## `{name}`", "", _paragraphs(command.help or ""), "", "```text", usage, "```"]
        panels: dict[str, list[str]] = {}
        for each in command.get_params(context):
            if row := _row(each, context):
                panels.setdefault(getattr(each, "rich_help_panel", None) or "", []).append(row)
        if panels:
            lines += ["", "| argument or option | what it does | if left out |", "| --- | --- | --- |"]
        for title, rows in panels.items():
            lines += [f"| **{title}** | | |"] * bool(title) + rows
    return "\n".join(lines) + "\n"


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that does something, by the words that call it."""
    from argqual.cli.main import app

    def below(words: str, command: Any) -> Iterator[tuple[str, Any]]:
        context = click.Context(command, info_name=words)
        if not hasattr(command, "list_commands"):
            yield words, command
            return
        for name in command.list_commands(context):
            yield from below(f"{words} {name}", command.get_command(context, name))

    yield from below("argqual", typer.main.get_command(app))


def _row(parameter: Any, context: Any) -> str | None:
    record = parameter.get_help_record(context)
    if record is None or getattr(parameter, "hidden", False):
        return None
    names = " ".join((record[0] or parameter.name).split()).removesuffix(" <str>")
    said = " ".join((getattr(parameter, "help", None) or "").split())
    default = parameter.default
    plain = isinstance(default, (str, int, float)) and not isinstance(default, bool) and default != ""
    shown = f"`{default}`" if plain else ""
    return f"| `{names}` | {_cell(said)} | {shown} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _paragraphs(text: str) -> str:
    """A docstring's paragraphs; `\\b` keeps lines in a terminal, and means nothing here."""
    return re.sub(r"^[ \t]+", "", text.replace("\b", ""), flags=re.MULTILINE).strip()


def python_page() -> str:
    """The public names of argqual and of its strategies; their docstrings follow from the sources."""
    import argqual
    import argqual.strategies

    lines = [
        "# Python",
        "",
        "All that `argqual` and `argqual.strategies` name is public, and nothing else is. Names are loaded when they "
        "are first used.",
    ]
    for package in (argqual, argqual.strategies):
        lines += ["", f"## {package.__name__}"]
        for name in package.__all__:
            if not name.startswith("_"):
                lines += ["", f"::: {package.__name__}.{name}"]
    return "\n".join(lines) + "\n"
