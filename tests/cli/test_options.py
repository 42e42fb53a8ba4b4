"""What commands show while they work."""

from __future__ import annotations

import pytest

from argqual.cli import options


def test_off_a_terminal_a_step_says_how_far_it_is_at_intervals(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with options.step("Fitting") as say:
        say("too soon for another line")
        monkeypatch.setattr(options, "_EVERY", 0.0)
        say("3 of 9 \x1b[31mtexts")
    assert capsys.readouterr().err == "Fitting …\n  3 of 9 \ufffd[31mtexts\n"
