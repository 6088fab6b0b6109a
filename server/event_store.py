"""What a worker asks of the store of events and item updates, whichever keeps them.

Invariant: what any worker got an OK for is known to every worker after its next `catch_up`. `append` and `overlay`
return only once their entries are durable; an error means that none is known to be kept, and that sending the same
call again is safe: `event_id` is unique.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from recsys.slate import ItemUpdate
from server.stored_event import StoredEvent

Numbered = tuple[int, StoredEvent]
"""An event and its place in the order of commits, over all workers."""


class Listener:
    """Who hears of what was committed, by this worker or another; on the event loop, in the order of commits."""

    def __init__(self) -> None:
        self.on_event: Callable[[int, StoredEvent], None] = lambda _seq, _event: None
        self.on_items: Callable[[Sequence[ItemUpdate]], None] = lambda _updates: None
        """Told what the items now are: price, and as `available` whether they may be shown."""
        self.on_gap: Callable[[], None] = lambda: None
        """More events were committed than are worth telling of one by one: forget, and read users again."""


class Writer(Protocol):
    """The side that makes things durable. StoreError where it cannot, OverloadedError where too much waits."""

    async def append(self, events: Sequence[StoredEvent]) -> int:
        """Keep events, all or none; how many were not there before."""

    async def overlay(self, updates: Sequence[ItemUpdate]) -> int:
        """Keep item updates, all or none; the overlay's version."""


class EventStore(Writer, Protocol):
    """A worker's whole view of the store. Reading raises StoreError where the store cannot be reached."""

    listener: Listener

    async def catch_up(self) -> None:
        """Tell the listener of everything committed before this call. Hot path: once per slate."""

    async def of_user(self, user_id: str) -> Mapping[str, Iterable[Numbered]]:
        """By type, a user's events, the newest event time first; to be consumed at once."""

    async def overlays(self) -> Sequence[ItemUpdate]:
        """Every updated item, as `Listener.on_items` is told of it."""

    async def close(self) -> None:
        """Let go of files and connections."""
