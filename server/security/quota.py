"""How often a caller may call.

Invariant: in any span of t seconds a caller gets through at most `burst + rate * t` calls. One number per caller is
kept, the time at which its next call is due (GCRA, the token bucket as a clock), and it outlives a change of the
callers' file and a worker's death.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from server.errors import QuotaExceededError
from server.security.quota_file import DueFile

_ROUNDING_S: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Quota:
    """`rate` calls a second in the long run, `burst` at once."""

    rate: float
    burst: int


class Quotas:
    """The state of every caller's quota: in `file`, where several workers count together."""

    def __init__(self, file: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due = DueFile(file)

    def spend(self, caller: str, quota: Quota) -> None:
        """Count one call. Raises QuotaExceededError, which says when to come back, and then counts nothing."""
        step = 1.0 / quota.rate
        span_s = quota.burst * step
        with self._due.locked():
            now = self._clock()  # inside: another worker's call must not seem to come from the future
            known = self._due.get(caller)
            if known is None or not now <= known <= now + span_s + _ROUNDING_S:
                known = now  # nothing is due, or that was before the machine or the quota began anew
            due = known + step
            early_s = due - now - span_s
            if early_s <= _ROUNDING_S:
                self._due.put(caller, due)
                return
        raise QuotaExceededError(
            f"caller {caller} made more than {quota.burst} calls at once or {quota.rate:g} a second; "
            "expected fewer; come back after the delay given",
            retry_after_ms=max(1, round(1_000 * early_s + 0.5)),
        )
