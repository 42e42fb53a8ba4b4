"""A figure, its 95 % interval, and what it rests on. What cannot be computed is None with a reason, never 0 or 1."""

from dataclasses import dataclass, replace
from typing import Self

FEW_CLUSTERS = 15
MINUS = "\N{MINUS SIGN}"


def decimal(value: float, *, digits: int = 2, signed: bool = False) -> str:
    """A number as papers write it: no zero before its point, a minus as wide as a plus, no sign before nothing."""
    written = f"{abs(value):.{digits}f}"
    sign = "" if float(written) == 0 else MINUS if value < 0 else "+" if signed else ""
    return sign + (written[1:] if written.startswith("0.") else written)


@dataclass(frozen=True)
class Estimate:
    """A figure, its 95 % interval, and what it rests on."""

    value: float | None  # None where it cannot be computed; `reason` then says why
    # The 2.5th and 97.5th percentile of the bootstrap, or what its method says; None where there is none.
    low: float | None
    high: float | None
    n: int  # units that count
    offered: int  # units given
    clusters: int | None  # how many were resampled; None where the units themselves were
    method: str  # what was computed, and how
    reason: str | None = None  # why the value, or its interval, is missing

    @classmethod
    def missing(
        cls, reason: str | None, n: int = 0, offered: int = 0, clusters: int | None = None, method: str = ""
    ) -> Self:
        """One without a value."""
        return cls(None, None, None, n, offered, clusters, method, reason)

    def around(self, value: float, reach: float) -> Self:
        """The same with a value in the middle of its interval."""
        return replace(self, value=value, low=value - reach, high=value + reach)

    @property
    def coverage(self) -> float:
        """The share of the units given that count, 0 to 1."""
        return self.n / self.offered if self.offered else 0.0

    @property
    def few_clusters(self) -> bool:
        """Whether the interval is likely too narrow, since fewer than 15 clusters were resampled."""
        return self.clusters is not None and self.clusters < FEW_CLUSTERS


def exact_if_unanimous(share: Estimate) -> Estimate:
    """A share with an interval where all clusters say wholly yes, or wholly no, and so do not vary.

    The other end is then the exact one of Clopper and Pearson (1934), clusters being the trials: they alone are
    independent.
    """
    if share.value not in (0, 1) or share.low != share.value or share.high != share.value or not share.clusters:
        return share
    reach = 0.025 ** (1 / share.clusters)
    return replace(share, low=reach) if share.value == 1 else replace(share, high=1 - reach)
