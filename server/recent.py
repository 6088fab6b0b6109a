"""Each user's newest events, in memory, for the next slate.

Invariant: every committed event is here, in the order of its sequence number, up to the bounds below.

What a bundle has already learnt is told by sequence numbers, not by times: a bundle whose manifest carries
`feedback_seq` was built from a log that holds this store's events up to that number, and those are left out
for it. A bundle without it has seen none of them, whatever their times are. So no event counts twice, and
an event that arrives late (its time before the bundle's `as_of`) still counts.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from recsys.slate import RecentEvent
from server.stored_event import StoredEvent

_BOUNDS: Final = {"impression": 100, "dislike": 1_000}
_BOUND: Final = 200
"""Events kept per user; impressions and dislikes apart, so that neither pushes out the rest."""


class RecentIndex:
    """Read and written on the event loop only."""

    def __init__(self) -> None:
        self._users: dict[str, dict[str, deque[tuple[int, RecentEvent]]]] = {}

    def add(self, seq: int, event: StoredEvent) -> None:
        """Take in a committed event."""
        kind = event.event_type if event.event_type in _BOUNDS else ""
        kinds = self._users.setdefault(event.user_id, {})
        if kind not in kinds:
            kinds[kind] = deque(maxlen=_BOUNDS.get(kind, _BOUND))
        kinds[kind].append((seq, event.recent()))

    def events(self, user_id: str, *, after_seq: int = 0) -> tuple[RecentEvent, ...]:
        """A user's events by time, those at `after_seq` and before left out; empty for nobody."""
        kinds = self._users.get(user_id)
        if not kinds:
            return ()
        found = [pair for kind in kinds.values() for pair in kind if pair[0] > after_seq]
        found.sort(key=lambda pair: (pair[1].time_ms, pair[0]))
        return tuple(event for _seq, event in found)

    def newest_ms(self, user_id: str) -> int | None:
        """The latest event time of a user; None without events."""
        kinds = self._users.get(user_id, {})
        return max((event.time_ms for kind in kinds.values() for _, event in kind), default=None)
