"""Each user's newest events: from memory, from disk, and what may push out what."""

from __future__ import annotations

import asyncio
from typing import Any

from recsys.schema import EVENT_TYPES
from server.errors import StoreError
from server.recent import RecentIndex
from server.stored_event import StoredEvent


class Disk:
    """Committed events, and an index over them that is told of each."""

    def __init__(self, **settings: Any) -> None:
        self.rows: list[tuple[int, StoredEvent]] = []
        self.looks = 0
        self.pause: asyncio.Event | None = None
        self.breaks = False
        self.index = RecentIndex(self, **settings)  # type: ignore[arg-type]

    async def catch_up(self) -> None:
        """Whoever commits tells."""
        if self.breaks:
            raise StoreError("gone")

    async def of_user(self, user_id: str) -> dict[str, list[tuple[int, StoredEvent]]]:
        """Newest first; with a pause between the look and the answer."""
        self.looks += 1
        if self.breaks:
            raise StoreError("gone")
        found = sorted(self.rows, key=lambda row: (-row[1].time_ms, -row[0]))
        if self.pause:
            await self.pause.wait()
        mine = [row for row in found if row[1].user_id == user_id]
        return {kind: [row for row in mine if row[1].event_type == kind] for kind in EVENT_TYPES}

    def commit(self, **fields: Any) -> None:
        """One more event."""
        seq = len(self.rows) + 1
        known = {"user_id": "u", "item_id": "i", "event_type": "click", "time_ms": 1_000}
        self.rows.append((seq, StoredEvent(str(seq), **(known | fields))))
        self.index.add(*self.rows[-1])


async def test_recent_events_come_by_time_and_by_what_the_bundle_knows() -> None:
    """Sorted by time, late arrivals included; sequence numbers say what a bundle has learnt."""
    disk = Disk()
    for item_id, time_ms in [("a", 30), ("b", 10), ("c", 20)]:
        disk.commit(item_id=item_id, time_ms=time_ms)
    assert [e.item_id for e in await disk.index.events("u")] == ["b", "c", "a"]
    assert [e.item_id for e in await disk.index.events("u", after_seq=1)] == ["b", "c"]
    assert await disk.index.newest_ms("u") == 30
    assert await disk.index.events("nobody") == ()
    assert await disk.index.newest_ms("nobody") is None


async def test_memory_and_disk_tell_the_same() -> None:
    """A user followed event by event reads as one read afterwards, bounds included."""
    disk = Disk()
    await disk.index.events("u")
    for n in range(700):
        disk.commit(item_id=f"i{n % 90}", event_type=("click", "impression", "dislike")[n % 3], time_ms=(n * 37) % 500)
    followed, newest = await disk.index.events("u"), await disk.index.newest_ms("u")
    disk.index.forget()
    assert await disk.index.events("u") == followed
    assert await disk.index.newest_ms("u") == newest == 499


async def test_a_flood_of_one_type_pushes_out_nothing_else() -> None:
    """Bounds are per type: a dislike and a purchase outlive thousands of impressions and clicks."""
    disk = Disk()
    await disk.index.events("u")
    disk.commit(event_type="dislike", item_id="bad")
    disk.commit(event_type="purchase", item_id="good")
    for _ in range(3_000):
        disk.commit(event_type="impression")
        disk.commit(event_type="click")
    kinds = [e.event_type for e in await disk.index.events("u")]
    assert kinds.count("dislike") == kinds.count("purchase") == 1
    assert len(kinds) == 302


async def test_a_dislike_is_never_forgotten() -> None:
    """Thousands of later dislikes, repeats among them, bring no item back; in memory and read again."""
    disk = Disk()
    await disk.index.events("u")
    for n in range(3_000):
        disk.commit(event_type="dislike", item_id=f"i{n}", time_ms=n)
        disk.commit(event_type="dislike", item_id="again", time_ms=n)
    for _ in range(2):
        barred = [e.item_id for e in await disk.index.events("u")]
        assert len(barred) == len(set(barred)) == 3_001
        disk.index.forget()


async def test_unknown_items_push_out_nothing() -> None:
    """Events about items the bundle does not have leave the others alone; a bundle that has them finds them."""
    known = {"real"}
    disk = Disk(known=known.__contains__)
    for _ in range(2):
        disk.commit(item_id="real", event_type="purchase", time_ms=1)
        for n in range(500):
            disk.commit(item_id=f"junk{n}", event_type="purchase", time_ms=n)
        assert {e.item_id for e in await disk.index.events("u")} == {"real"}
        assert await disk.index.newest_ms("u") == 499
    known.add("junk499")
    disk.index.forget()
    assert {e.item_id for e in await disk.index.events("u")} == {"real", "junk499"}


async def test_memory_is_bounded_by_users() -> None:
    """Who was not asked about lately is read again, with nothing lost and nothing counted twice."""
    disk = Disk(max_users=2)
    for user in "abcabc":
        disk.commit(user_id=user)
        await disk.index.events(user)
    assert len(disk.index._users) == 2
    assert [len(await disk.index.events(user)) for user in "abc"] == [2, 2, 2]


async def test_what_is_committed_while_a_user_is_read_is_there() -> None:
    """Two calls read one user while an event arrives, a third comes later: nothing is missed, nothing twice."""
    disk = Disk()
    disk.commit(item_id="a")
    disk.pause = asyncio.Event()
    first = asyncio.create_task(disk.index.events("u"))
    await asyncio.sleep(0)
    disk.commit(item_id="b")
    second = asyncio.create_task(disk.index.events("u"))
    await asyncio.sleep(0)
    disk.commit(item_id="c")
    disk.pause.set()
    assert [e.item_id for e in await first] == ["a", "b", "c"]
    assert [e.item_id for e in await second] == ["a", "b", "c"]
    disk.commit(item_id="d")
    assert [e.item_id for e in await disk.index.events("u")] == ["a", "b", "c", "d"]
    assert not disk.index._reading


async def test_without_the_store_memory_serves(capfd: Any) -> None:
    """Who is in memory keeps their events, others have none for the moment; said once; nothing wrong is remembered."""
    disk = Disk()
    disk.commit(user_id="seen")
    disk.commit(user_id="unseen")
    assert len(await disk.index.events("seen")) == 1
    disk.breaks = True
    for _ in range(3):
        await disk.index.catch_up()
        assert len(await disk.index.events("seen")) == 1
        assert await disk.index.events("unseen") == ()
        assert await disk.index.newest_ms("unseen") is None
    assert capfd.readouterr().err.count('"store_unreadable"') == 1
    disk.breaks = False
    await disk.index.catch_up()
    assert len(await disk.index.events("unseen")) == 1
