"""How often a caller may call.

Invariant: in any span of t seconds a caller gets through at most `burst + rate * t` calls. One number per caller is
kept, the time at which its next call is due (GCRA, the token bucket as a clock), and it outlives a change of the
callers' file.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from server.errors import QuotaExceededError


@dataclass(frozen=True, slots=True)
class Quota:
    """`rate` calls a second in the long run, `burst` at once."""

    rate: float
    burst: int


class Quotas:
    """The state of every caller's quota in this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due: dict[str, float] = {}

    def spend(self, caller: str, quota: Quota) -> None:
        """Count one call. Raises QuotaExceededError, which says when to come back, and then counts nothing."""
        now, step = self._clock(), 1.0 / quota.rate
        due = max(self._due.get(caller, now), now) + step
        early_s = due - now - quota.burst * step
        if early_s > 1e-9:
            raise QuotaExceededError(
                f"caller {caller} made more than {quota.burst} calls at once or {quota.rate:g} a second; "
                "expected fewer; come back after the delay given",
                retry_after_ms=max(1, round(1_000 * early_s + 0.5)),
            )
        self._due[caller] = due
