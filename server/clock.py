"""What time it is for a request.

Invariant: an accepted event of a user is before that user's next default "now", under either clock.

`--clock wall`: now is the wall clock. `--clock bundle`: time stands still at the end of the bundle's
log (`as_of_ms`, exclusive), so that a log of 2017 is served as of 2017. In both, a user who has events
at or after that moment is one millisecond past the newest of them; another user's events move nothing.
An event without a time gets its user's now. A caller who names `request_time` gets exactly that:
later events are invisible.
"""

from __future__ import annotations

import time
from typing import Final

from server.config import Clock

MAX_TIME_MS: Final = 4_102_444_800_000
"""2100-01-01: nothing later is taken for a time."""
FUTURE_TOLERANCE_MS: Final = 600_000
"""How far a caller's clock may run ahead of ours."""


def wall_ms() -> int:
    """UTC epoch milliseconds."""
    return time.time_ns() // 1_000_000


def now_ms(clock: Clock, *, as_of_ms: int, newest_ms: int | None) -> int:
    """A user's now; `newest_ms` is the time of the user's newest accepted event."""
    base = as_of_ms if clock == "bundle" else wall_ms()
    return base if newest_ms is None else max(base, newest_ms + 1)


def latest_event_ms(*, as_of_ms: int) -> int:
    """An event after this moment is in the future under either clock."""
    return max(as_of_ms, wall_ms()) + FUTURE_TOLERANCE_MS
