"""Each user's newest events: from memory, from disk, and what may push out what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from server.recent import RecentIndex
from server.stored_event import StoredEvent


class Disk:
    """Committed events, and an index over them that is told of each."""

    def __init__(self, **settings: Any) -> None:
        self.rows: list[tuple[int, StoredEvent]] = []
        self.looks = 0
        self.index = RecentIndex(self.read, **settings)

    def read(self, user_id: str, kind: str) -> Iterator[tuple[int, StoredEvent]]:
        """Newest first."""
        self.looks += 1
        found = [row for row in self.rows if (row[1].user_id, row[1].event_type) == (user_id, kind)]
        yield from sorted(found, key=lambda row: (-row[1].time_ms, -row[0]))

    def commit(self, **fields: Any) -> None:
        """One more event."""
        seq = len(self.rows) + 1
        known = {"user_id": "u", "item_id": "i", "event_type": "click", "time_ms": 1_000}
        self.rows.append((seq, StoredEvent(str(seq), **(known | fields))))
        self.index.add(*self.rows[-1])


def test_recent_events_come_by_time_and_by_what_the_bundle_knows() -> None:
    """Sorted by time, late arrivals included; sequence numbers say what a bundle has learnt."""
    disk = Disk()
    for item_id, time_ms in [("a", 30), ("b", 10), ("c", 20)]:
        disk.commit(item_id=item_id, time_ms=time_ms)
    assert [e.item_id for e in disk.index.events("u")] == ["b", "c", "a"]
    assert [e.item_id for e in disk.index.events("u", after_seq=1)] == ["b", "c"]
    assert disk.index.newest_ms("u") == 30
    assert disk.index.events("nobody") == ()
    assert disk.index.newest_ms("nobody") is None


def test_memory_and_disk_tell_the_same() -> None:
    """A user followed event by event reads as one read afterwards, bounds included."""
    disk = Disk()
    disk.index.events("u")
    for n in range(700):
        disk.commit(item_id=f"i{n % 90}", event_type=("click", "impression", "dislike")[n % 3], time_ms=(n * 37) % 500)
    followed, newest = disk.index.events("u"), disk.index.newest_ms("u")
    disk.index.forget()
    assert disk.index.events("u") == followed
    assert disk.index.newest_ms("u") == newest == 499


def test_a_flood_of_one_type_pushes_out_nothing_else() -> None:
    """Bounds are per type: a dislike and a purchase outlive thousands of impressions and clicks."""
    disk = Disk()
    disk.index.events("u")
    disk.commit(event_type="dislike", item_id="bad")
    disk.commit(event_type="purchase", item_id="good")
    for _ in range(3_000):
        disk.commit(event_type="impression")
        disk.commit(event_type="click")
    kinds = [e.event_type for e in disk.index.events("u")]
    assert kinds.count("dislike") == kinds.count("purchase") == 1
    assert len(kinds) == 302


def test_a_dislike_is_never_forgotten() -> None:
    """Thousands of later dislikes, repeats among them, bring no item back; in memory and read again."""
    disk = Disk()
    disk.index.events("u")
    for n in range(3_000):
        disk.commit(event_type="dislike", item_id=f"i{n}", time_ms=n)
        disk.commit(event_type="dislike", item_id="again", time_ms=n)
    for _ in range(2):
        barred = [e.item_id for e in disk.index.events("u")]
        assert len(barred) == len(set(barred)) == 3_001
        disk.index.forget()


def test_unknown_items_push_out_nothing() -> None:
    """Events about items the bundle does not have leave the others alone; a bundle that has them finds them."""
    known = {"real"}
    disk = Disk(known=known.__contains__)
    for _ in range(2):
        disk.commit(item_id="real", event_type="purchase", time_ms=1)
        for n in range(500):
            disk.commit(item_id=f"junk{n}", event_type="purchase", time_ms=n)
        assert {e.item_id for e in disk.index.events("u")} == {"real"}
        assert disk.index.newest_ms("u") == 499
    known.add("junk499")
    disk.index.forget()
    assert {e.item_id for e in disk.index.events("u")} == {"real", "junk499"}


def test_memory_is_bounded_by_users() -> None:
    """Who was not asked about lately is read again, with nothing lost and nothing counted twice."""
    disk = Disk(max_users=2)
    for user in "abcabc":
        disk.commit(user_id=user)
        disk.index.events(user)
    assert len(disk.index._users) == 2
    assert [len(disk.index.events(user)) for user in "abc"] == [2, 2, 2]
