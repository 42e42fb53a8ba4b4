"""A package with plug-ins, as installed: importable, with the metadata that names its entry points."""

from __future__ import annotations

from pathlib import Path

import pytest


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str, points: dict[str, dict[str, str]]) -> None:
    """Make the module `addition` of this code importable, with entry points by group and name."""
    (folder / "addition.py").write_text(code, encoding="utf-8")
    metadata = folder / "addition-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: addition\nVersion: 1.0\n", encoding="utf-8")
    lines = []
    for group, named in points.items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in named.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
