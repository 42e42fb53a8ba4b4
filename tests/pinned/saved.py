"""Files as today's code saves them, kept under `data/saved`, and what loading them gives."""

from __future__ import annotations

from pathlib import Path

import dspy

from argqual.catalogue import load_framework
from argqual.judging.program import RatingProgram, save_program

SAVED = Path(__file__).parent / "data" / "saved"


def save_a_program() -> None:
    """RATIO with other instructions and one demonstration."""
    program = RatingProgram(load_framework("ratio"), definitions="plain")
    program.rate.signature = program.rate.signature.with_instructions("Judge strictly, and in this order.")
    shown = dspy.Example(argument="So.", issue="Why?", relevance=1, acceptability=2, sufficiency=0)
    program.rate.demos = [shown.with_inputs("argument", "issue")]
    save_program(program, SAVED / "program.json")
