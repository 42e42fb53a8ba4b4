"""Enums whose words people read otherwise than files write them."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Titled(StrEnum):
    """A word of files and tables, and what people read for it."""

    heading: str

    def __new__(cls, value: str, heading: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.heading = heading or value
        return member
