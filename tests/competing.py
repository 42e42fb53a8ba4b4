"""What one of several processes does to a store in a test: a module of its own, which a new process can import."""

from __future__ import annotations

import time
from pathlib import Path

from argqual.assessment import Assessment
from argqual.judging.store import Store


def compete(path: str, numbers: list[int], asked: str, kept: str) -> None:
    """Claim and answer keys in small steps, noting each that was asked."""
    assessment = Assessment.model_validate_json(kept)
    store = Store(Path(path))
    left = [f"k{number}" for number in numbers]
    with open(asked, "a") as file:
        while left:
            claims = store.claim(left[:7])
            file.writelines(f"{key}\n" for key in claims.granted)
            time.sleep(0.001)
            store.settle(dict.fromkeys(claims.granted, assessment))
            left = [key for key in left if key not in claims.granted and key not in claims.found]
    store.close()
