"""Each user's newest events, for the next slate: in the store always, in memory for the users seen last.

Invariant: every committed event about an item of the serving bundle, and every search, is found here by its
event time, up to the bounds below; dislikes have no bound but the bundle's items, one event an item, so that no
item comes back. Events about items the bundle does not have change no slate: they stay in the store only, where
another bundle that knows the item finds them, and push out nothing.

What a bundle has already learnt is told by sequence numbers, not by times: a bundle whose manifest carries
`feedback_seq` was built from a log that holds this store's events up to that number, and those are left out
for it. A bundle without it has seen none of them, whatever their times are. So no event counts twice, and
an event that arrives late (its time before the bundle's `as_of`) still counts.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable
from itertools import islice
from typing import Final

from recsys.schema import EVENT_TYPES
from recsys.slate import RecentEvent
from server import log, metrics
from server.errors import StoreError
from server.event_store import EventStore, Numbered
from server.stored_event import StoredEvent

BOUNDS: Final = {kind: 100 if kind == "impression" else 200 for kind in EVENT_TYPES if kind != "dislike"}
"""Events kept per user and type, so that no type pushes out another."""
MAX_READ: Final = 20_000
"""Events of one user and type looked at in the store: what lies behind so many unknown items is forgotten."""

_Timed = tuple[int, int, RecentEvent]  # event time, seq, event


class _User:
    """One user's events; `newest_ms` is over all of them, kept or not."""

    __slots__ = ("_disliked", "_kinds", "last_seq", "newest_ms")

    def __init__(self) -> None:
        self._kinds: dict[str, list[_Timed]] = {}
        self._disliked: dict[str, _Timed] = {}
        self.newest_ms: int | None = None
        self.last_seq = dict.fromkeys(EVENT_TYPES, 0)
        """By type: each type is read from the store in one look, so up to here nothing of it is missing."""

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
    """The users seen last; used on the event loop only, and told by the store's listener of each commit.

    `known` tells whether the bundle has an item. While the store cannot be read, what is in memory serves.
    Memory: `max_users` users, each with at most 1,100 events and one dislike per item of the bundle.
    """

    def __init__(
        self,
        store: EventStore,
        *,
        known: Callable[[str], bool] = lambda _item_id: True,
        max_users: int = 20_000,
    ) -> None:
        self._store = store
        self._known = known
        self._max_users = max_users
        self._users: OrderedDict[str, _User] = OrderedDict()
        self._reading: dict[str, list[list[Numbered]]] = {}
        """What was committed while a user is being read, one list a reading: it may have begun before."""
        self._n_forgotten = 0
        self._unreadable = False

    async def catch_up(self) -> None:
        """Take in what was committed before this call, by this worker or another.

        # Hot path: once per slate.
        """
        try:
            await self._store.catch_up()
        except StoreError as error:
            self._tell(error)
        else:
            self._unreadable = False

    def add(self, seq: int, event: StoredEvent) -> None:
        """Take in a committed event; of a user not in memory it is read when asked for."""
        for arrived in self._reading.get(event.user_id, ()):
            arrived.append((seq, event))
        user = self._users.get(event.user_id)
        if user is not None and seq > user.last_seq[event.event_type]:
            user.take(seq, event, known=self._is_known(event))

    async def events(self, user_id: str, *, after_seq: int = 0) -> tuple[RecentEvent, ...]:
        """A user's events by time, those at `after_seq` and before left out; empty for nobody."""
        user = await self._user(user_id) if user_id else None
        return user.events(after_seq) if user else ()

    async def newest_ms(self, user_id: str) -> int | None:
        """The latest event time of a user; None without events."""
        user = await self._user(user_id) if user_id else None
        return user.newest_ms if user else None

    def forget(self) -> None:
        """Read everybody again when asked for: a new bundle may know other items."""
        self._users.clear()
        self._n_forgotten += 1

    async def _user(self, user_id: str) -> _User | None:
        """The user; None where the store cannot be read."""
        user = self._users.get(user_id)
        while user is None:
            at = self._n_forgotten
            try:
                user = await self._from_store(user_id)
            except StoreError as error:
                self._tell(error)
                return None
            if at != self._n_forgotten:  # commits of this moment may have been skipped
                user = None
                continue
            self._users[user_id] = user
            if len(self._users) > self._max_users:
                self._users.popitem(last=False)
        if user_id in self._users:
            self._users.move_to_end(user_id)
        return user

    async def _from_store(self, user_id: str) -> _User:
        user, arrived = _User(), list[Numbered]()
        self._reading.setdefault(user_id, []).append(arrived)
        try:
            kinds = await self._store.of_user(user_id)
        finally:
            others = [reading for reading in self._reading.pop(user_id) if reading is not arrived]
            if others:
                self._reading[user_id] = others
        for kind, found in kinds.items():
            for seq, event in islice(found, MAX_READ):
                user.take(seq, event, known=self._is_known(event))
                if user.full(kind):
                    break
        for seq, event in arrived:
            if seq > user.last_seq[event.event_type]:
                user.take(seq, event, known=self._is_known(event))
        return user

    def _is_known(self, event: StoredEvent) -> bool:
        return not event.item_id or self._known(event.item_id)

    def _tell(self, error: StoreError) -> None:
        """Log once, until the store can be read again."""
        metrics.STORE_UNREADABLE.inc()
        if not self._unreadable:
            self._unreadable = True
            log.write("store_unreadable", why=str(error), trace=log.frames(error))
