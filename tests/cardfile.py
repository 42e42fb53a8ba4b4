"""Small cards and files for tests. Every sentence in them is made up."""

from __future__ import annotations

from pathlib import Path

CARD = """\
schema: argqual/corpus@1
id: letters
title: Letters
description: Made up for tests.
domain: letter
licence: {id: CC0-1.0, evidence: made up, redistribution: true, commercial: true}
"""

LABELS = """\
labels:
  quality: {title: Quality, lowest: 1, highest: 5}
"""


def own_card(
    folder: Path, data: str | bytes, *, table: str = "{}", name: str = "letters.csv", rest: str = LABELS
) -> Path:
    """A card of one's own beside its file."""
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    path = folder / "letters.yaml"
    path.write_text(f"{CARD}files: [{{path: {name}}}]\nreader: table\ntable: {table}\n{rest}", encoding="utf-8")
    return path
