"""The writer behind a Unix socket behaves as the writer itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recsys.slate import ItemUpdate
from server.errors import OverloadedError, StoreError
from server.store_service import RemoteWriter, serve_store
from server.stored_event import StoredEvent


class Notes:
    """A writer that remembers what it was asked, or refuses."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.breaks: Exception | None = None

    async def append(self, events: Any) -> int:
        """Remember."""
        if self.breaks:
            raise self.breaks
        self.seen += events
        return len(events)

    async def overlay(self, updates: Any) -> int:
        """Remember."""
        if self.breaks:
            raise self.breaks
        self.seen += updates
        return 7


async def test_what_arrives_is_what_was_sent(tmp_path: Path) -> None:
    """Every field, unset ones among it; more than gRPC's own limit of 4 MB."""
    notes = Notes()
    server = await serve_store(notes, tmp_path / "s")
    remote = RemoteWriter(tmp_path / "s")
    events = [
        StoredEvent("a", "u", "i", "click", 5),
        StoredEvent("b", "u", "", "search", 6, query="größer\n", attribution_token="t", position=2),
        StoredEvent("c", "u", "i", "purchase", 7, quantity=2.5, price=0.0),
    ]
    updates = [ItemUpdate("a", price=0.0), ItemUpdate("b", stock=0), ItemUpdate("c", available=False)]
    assert await remote.append(events) == 3
    assert await remote.overlay(updates) == 7
    assert notes.seen == [*events, *updates]
    assert await remote.append([StoredEvent(str(n), "u" * 6_000, "i", "click", 1) for n in range(1_000)]) == 1_000
    await remote.close()
    await server.stop(None)


@pytest.mark.parametrize("error", [StoreError("the disk is full; nothing was kept"), OverloadedError("too much waits")])
async def test_a_refusal_keeps_kind_and_words(tmp_path: Path, error: Exception) -> None:
    """The caller's status is the same as if the writer were in this process."""
    notes = Notes()
    notes.breaks = error
    server = await serve_store(notes, tmp_path / "s")
    remote = RemoteWriter(tmp_path / "s")
    for call in (remote.append([]), remote.overlay([])):
        with pytest.raises(type(error), match=str(error)):
            await call
    await remote.close()
    await server.stop(None)


async def test_a_writer_that_is_gone_is_a_clear_error(tmp_path: Path) -> None:
    """StoreError that says to send it again; an unexpected failure shows nothing of the inside."""
    notes = Notes()
    notes.breaks = ZeroDivisionError("secret")
    server = await serve_store(notes, tmp_path / "s")
    remote = RemoteWriter(tmp_path / "s")
    with pytest.raises(StoreError, match="send it again") as caught:
        await remote.append([])
    assert "secret" not in str(caught.value)
    await server.stop(None)
    with pytest.raises(StoreError, match="UNAVAILABLE"):
        await remote.append([])
    await remote.close()
