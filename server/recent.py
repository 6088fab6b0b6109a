"""Each user's newest events, for the next slate: on disk always, in memory for the users seen last.

Invariant: every committed event about an item of the serving bundle, and every search, is found here by its
event time, up to the bounds below; dislikes have no bound but the bundle's items, one event an item, so that no
item comes back. Events about items the bundle does not have change no slate: they stay on disk only, where
another bundle that knows the item finds them, and push out nothing.

What a bundle has already learnt is told by sequence numbers, not by times: a bundle whose manifest carries
`feedback_seq` was built from a log that holds this store's events up to that number, and those are left out
for it. A bundle without it has seen none of them, whatever their times are. So no event counts twice, and
an event that arrives late (its time before the bundle's `as_of`) still counts.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from recsys.schema import EVENT_TYPES
from recsys.slate import RecentEvent
from server.stored_event import StoredEvent

BOUNDS: Final = {kind: 100 if kind == "impression" else 200 for kind in EVENT_TYPES if kind != "dislike"}
"""Events kept per user and type, so that no type pushes out another."""
MAX_READ: Final = 20_000
"""Events of one user and type looked at on disk: what lies behind so many unknown items is forgotten."""

_Timed = tuple[int, int, RecentEvent]  # event time, seq, event


class _User:
    """One user's events; `newest_ms` is over all of them, kept or not."""

    __slots__ = ("_disliked", "_kinds", "last_seq", "newest_ms")

    def __init__(self) -> None:
        self._kinds: dict[str, list[_Timed]] = {}
        self._disliked: dict[str, _Timed] = {}
        self.newest_ms: int | None = None
        self.last_seq = dict.fromkeys(EVENT_TYPES, 0)
        """By type: each type is read from disk in one look, so up to here nothing of it is missing."""

    def take(self, seq: int, event: StoredEvent, *, known: bool) -> None:
        """Take in one event; in any order."""
        self.last_seq[event.event_type] = max(self.last_seq[event.event_type], seq)
        self.newest_ms = event.time_ms if self.newest_ms is None else max(self.newest_ms, event.time_ms)
        if not known:
            return
        entry = (event.time_ms, seq, event.recent())
        if event.event_type == "dislike":
            kept = self._disliked.get(event.item_id)
            if kept is None or seq > kept[1]:
                self._disliked[event.item_id] = entry
            return
        heap = self._kinds.setdefault(event.event_type, [])
        if len(heap) < BOUNDS[event.event_type]:
            heapq.heappush(heap, entry)
        else:
            heapq.heappushpop(heap, entry)

    def full(self, kind: str) -> bool:
        """Whether older events of a type could change nothing."""
        return len(self._kinds.get(kind, ())) >= BOUNDS.get(kind, MAX_READ)

    def events(self, after_seq: int) -> tuple[RecentEvent, ...]:
        """By time, those at `after_seq` and before left out."""
        found = [entry for heap in self._kinds.values() for entry in heap if entry[1] > after_seq]
        found += [entry for entry in self._disliked.values() if entry[1] > after_seq]
        return tuple(event for _time, _seq, event in sorted(found, key=lambda entry: entry[:2]))


class RecentIndex:
    """Read and written on the event loop only.

    `read(user, type)` yields committed events, the newest first; `known` tells whether the bundle has an item.
    Memory: `max_users` users, each with at most 1,100 events and one dislike per item of the bundle.
    """

    def __init__(
        self,
        read: Callable[[str, str], Iterable[tuple[int, StoredEvent]]],
        *,
        known: Callable[[str], bool] = lambda _item_id: True,
        max_users: int = 20_000,
    ) -> None:
        self._read = read
        self._known = known
        self._max_users = max_users
        self._users: OrderedDict[str, _User] = OrderedDict()

    def add(self, seq: int, event: StoredEvent) -> None:
        """Take in a committed event; of a user not in memory it is read when asked for."""
        user = self._users.get(event.user_id)
        if user is not None and seq > user.last_seq[event.event_type]:
            user.take(seq, event, known=self._is_known(event))

    def events(self, user_id: str, *, after_seq: int = 0) -> tuple[RecentEvent, ...]:
        """A user's events by time, those at `after_seq` and before left out; empty for nobody."""
        return self._user(user_id).events(after_seq) if user_id else ()

    def newest_ms(self, user_id: str) -> int | None:
        """The latest event time of a user; None without events."""
        return self._user(user_id).newest_ms if user_id else None

    def forget(self) -> None:
        """Read everybody again when asked for: a new bundle may know other items."""
        self._users.clear()

    def _user(self, user_id: str) -> _User:
        user = self._users.get(user_id)
        if user is None:
            user = self._users[user_id] = self._from_disk(user_id)
            if len(self._users) > self._max_users:
                self._users.popitem(last=False)
        self._users.move_to_end(user_id)
        return user

    def _from_disk(self, user_id: str) -> _User:
        user = _User()
        for kind in EVENT_TYPES:
            for seq, event in islice(self._read(user_id, kind), MAX_READ):
                user.take(seq, event, known=self._is_known(event))
                if user.full(kind):
                    break
        return user

    def _is_known(self, event: StoredEvent) -> bool:
        return not event.item_id or self._known(event.item_id)
