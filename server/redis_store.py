"""The store for servers on many hosts: one Redis that keeps every write on disk before it answers.

Invariant: an OK is given only by a Redis whose `appendfsync` is `always` and that evicts nothing; each
connection that writes checks that first. Events are numbered, kept and their ids remembered in one atomic script.
While Redis is away writing fails clearly, and reading says so without making callers wait for it again and again.

Keys, all beginning with `slatewright:`: `seq` (events so far) · `log` (stream, id = number) · `ids` (set of event
ids) · `erased` (how often people were removed, see `erase_redis.py`) · `user:TYPE:USER` (sorted by event time, the
newest `KEPT`; all dislikes) · `overlay_version` · `overlay` (item -> version) · `item:ITEM` (price, available, stock
as last sent).
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final, TypeVar

from redis import asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from recsys.errors import ConfigError
from recsys.schema import EVENT_TYPES
from recsys.slate import ItemUpdate
from server import log
from server.errors import StoreError
from server.event_store import Listener, Numbered
from server.stored_event import StoredEvent

T = TypeVar("T")

PASSWORD: Final = "SLATEWRIGHT_REDIS_PASSWORD"  # noqa: S105  a name, no secret
KEPT: Final = 1_000
"""Events of one user and type that can be read back; dislikes have no bound."""
MAX_NEWS: Final = 5_000
"""Events told of one by one; a worker that is further behind forgets its users and reads them again."""
READ_TIMEOUT_S: Final = 0.1
WRITE_TIMEOUT_S: Final = 5.0
BLIND_S: Final = 1.0
"""After a failed look nobody waits for another one for so long."""
_CHUNK: Final = 1_000
PREFIX: Final = "slatewright:"
_DURABLE: Final = {
    "appendonly": "yes",
    "appendfsync": "always",
    "no-appendfsync-on-rewrite": "no",
    "maxmemory-policy": "noeviction",
}

_APPEND: Final = f"""
local fresh = 0
for i = 1, #ARGV, 5 do
  if redis.call('SADD', '{PREFIX}ids', ARGV[i]) == 1 then
    local seq = string.format('%.0f', redis.call('INCR', '{PREFIX}seq'))
    local user = '{PREFIX}user:' .. ARGV[i + 2] .. ':' .. ARGV[i + 1]
    redis.call('XADD', '{PREFIX}log', seq .. '-0', 'e', ARGV[i + 4])
    redis.call('ZADD', user, ARGV[i + 3], seq .. ':' .. ARGV[i + 4])
    if ARGV[i + 2] ~= 'dislike' then redis.call('ZREMRANGEBYRANK', user, 0, -{KEPT + 1}) end
    fresh = fresh + 1
  end
end
return fresh
"""
"""ARGV: event id, user id, type, time and row of each event."""
_OVERLAY: Final = f"""
if #ARGV == 0 then return tonumber(redis.call('GET', '{PREFIX}overlay_version') or '0') end
local version = redis.call('INCR', '{PREFIX}overlay_version')
for i = 1, #ARGV, 4 do
  for k, field in ipairs({{'price', 'available', 'stock'}}) do
    if ARGV[i + k] ~= '' then redis.call('HSET', '{PREFIX}item:' .. ARGV[i], field, ARGV[i + k]) end
  end
  redis.call('ZADD', '{PREFIX}overlay', string.format('%.0f', version), ARGV[i])
end
return version
"""
"""ARGV: item id, price, available, stock of each item; empty stays as it is."""


class RedisStore:
    """A worker's view of the shared store, and its writer. Made by `connect`."""

    def __init__(self, url: str) -> None:
        self.listener = Listener()
        self._reader: Any = _client(url, timeout_s=READ_TIMEOUT_S)
        self._writer: Any = _client(url, timeout_s=WRITE_TIMEOUT_S, redis_connect_func=_only_durable)
        self._append: Any = self._writer.register_script(_APPEND)
        self._overlay: Any = self._writer.register_script(_OVERLAY)
        self._blind_until_s = 0.0
        self._last_seq = self._last_overlay = self._n_erased = 0
        self._next_look: asyncio.Task[None] | None = None
        self._looking = asyncio.Lock()

    @classmethod
    async def connect(cls, url: str) -> RedisStore:
        """A store that may be written to. Raises ConfigError where there is no Redis, or one that may lose writes."""
        store = cls(url)
        try:
            await store._writer.ping()
            store._last_seq, store._last_overlay, store._n_erased = await store._numbers()
        except ConfigError:
            await store.close()
            raise
        except (RedisError, OSError) as error:
            await store.close()
            raise ConfigError(f"no usable Redis at {url} ({error}); start it, or correct `store`") from error
        return store

    async def append(self, events: Sequence[StoredEvent]) -> int:
        """Make events durable; how many were not there before. Raises StoreError."""
        rows = [(e.event_id, e.user_id, e.event_type, e.time_ms, _packed(e)) for e in events]
        fresh = await self._write(self._append, [value for row in rows for value in row])
        return int(fresh)

    async def overlay(self, updates: Sequence[ItemUpdate]) -> int:
        """Make item updates durable; the overlay's version. Raises StoreError."""
        rows = [(u.item_id, _text(u.price), _text(u.available), _text(u.stock)) for u in updates]
        return int(await self._write(self._overlay, [value for row in rows for value in row]))

    async def catch_up(self) -> None:
        """Tell the listener of what was committed before this call: one round trip, shared by those who wait.

        A look under way may have begun before what this caller must see: it joins the next one.
        """
        if self._next_look is None:
            self._next_look = asyncio.ensure_future(self._look())
            self._next_look.add_done_callback(lambda look: look.cancelled() or look.exception())
        await asyncio.shield(self._next_look)

    async def of_user(self, user_id: str) -> Mapping[str, Sequence[Numbered]]:
        """A user's events by type, the newest event time first."""
        pipe = self._reader.pipeline(transaction=True)
        for kind in EVENT_TYPES:
            pipe.zrange(f"{PREFIX}user:{kind}:{user_id}", 0, -1, desc=True)
        found = await self._read(pipe.execute())
        return {kind: [_numbered(row) for row in rows] for kind, rows in zip(EVENT_TYPES, found, strict=True)}

    async def overlays(self) -> list[ItemUpdate]:
        """Every updated item."""
        shown = []
        ids = await self._read(self._reader.zrange(f"{PREFIX}overlay", 0, -1))
        for start in range(0, len(ids), _CHUNK):
            shown += await self._items(ids[start : start + _CHUNK])
        return shown

    async def close(self) -> None:
        """Close the connections."""
        if self._next_look is not None:
            self._next_look.cancel()
        await self._reader.aclose()
        await self._writer.aclose()

    async def _look(self) -> None:
        async with self._looking:
            self._next_look = None  # who comes from here on needs another one
            seq, overlay, n_erased = await self._read(self._numbers())
            if n_erased != self._n_erased:  # somebody may be in memory who is to be forgotten
                self._n_erased = n_erased
                self.listener.on_gap()
            if seq < self._last_seq or overlay < self._last_overlay:  # a Redis that lost, or another one
                self._last_seq, self._last_overlay = seq, 0
                self.listener.on_gap()
            elif seq - self._last_seq > MAX_NEWS:
                self._last_seq = seq
                self.listener.on_gap()
            elif seq > self._last_seq:
                log = self._reader.xrange(f"{PREFIX}log", min=f"({self._last_seq}-0", max=f"{seq}-0")
                for entry_id, fields in await self._read(log):
                    number = int(entry_id.partition("-")[0])
                    self.listener.on_event(number, _unpacked(fields["e"]))
                self._last_seq = seq
            if overlay > self._last_overlay:
                ids = await self._read(
                    self._reader.zrangebyscore(f"{PREFIX}overlay", f"({self._last_overlay}", overlay)
                )
                self.listener.on_items(await self._items(ids))
                self._last_overlay = overlay

    async def _numbers(self) -> tuple[int, int, int]:
        """Events, versions of the overlay and erasures so far."""
        seq, overlay, erased = await self._reader.mget(*(f"{PREFIX}{k}" for k in ("seq", "overlay_version", "erased")))
        return int(seq or 0), int(overlay or 0), int(erased or 0)

    async def _items(self, item_ids: Sequence[str]) -> list[ItemUpdate]:
        pipe = self._reader.pipeline(transaction=False)
        for item_id in item_ids:
            pipe.hmget(f"{PREFIX}item:{item_id}", "price", "available", "stock")
        found = await self._read(pipe.execute()) if item_ids else []
        return [_shown(item_id, *values) for item_id, values in zip(item_ids, found, strict=True)]

    async def _read(self, asked: Awaitable[T]) -> T:
        """The answer; StoreError at once while Redis was away a moment ago."""
        if time.monotonic() < self._blind_until_s:
            if asyncio.iscoroutine(asked):
                asked.close()
            raise StoreError("the event store does not answer; try again later")
        try:
            return await asked
        except (RedisError, OSError) as error:
            self._blind_until_s = time.monotonic() + BLIND_S
            raise StoreError("the event store does not answer; try again later") from error

    async def _write(self, script: Any, values: Sequence[object]) -> Any:
        try:
            done = await script(args=values)
        except ConfigError as error:
            log.write("store_not_durable", why=str(error))
            raise StoreError("the event store may lose what it is given; nothing was kept; see the log") from error
        except (RedisError, OSError) as error:
            raise StoreError("the event store does not answer; it is not known what was kept; send it again") from error
        self._blind_until_s = 0.0
        return done


async def _only_durable(connection: Any) -> None:
    """For each new connection: ConfigError where this Redis may acknowledge what it then loses."""
    await connection.on_connect()
    try:
        await connection.send_command("CONFIG", "GET", *_DURABLE)
        reply = await connection.read_response()
    except ResponseError as error:
        await connection.disconnect()
        raise ConfigError(f"Redis does not show its settings ({error}); allow CONFIG GET to this user") from error
    found = reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))
    for name, wanted in _DURABLE.items():
        if found.get(name) != wanted:
            await connection.disconnect()  # else the pool would keep it, unchecked
            raise ConfigError(
                f"Redis has {name} {found.get(name)!r}; expected {wanted!r}, else acknowledged events may be lost; "
                f"set it in redis.conf or with `CONFIG SET {name} {wanted}`"
            )


def _client(url: str, *, timeout_s: float, **named: Any) -> Any:
    return aioredis.Redis.from_url(
        url,
        password=os.environ.get(PASSWORD),
        decode_responses=True,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 1),  # once: a kept connection may have been closed long ago
        **named,
    )


def _packed(event: StoredEvent) -> str:
    return json.dumps(event.row(received_ms=time.time_ns() // 1_000_000), separators=(",", ":"))


def _unpacked(row: str) -> StoredEvent:
    *values, _received_ms = json.loads(row)
    return StoredEvent(*values)


def _numbered(member: str) -> Numbered:
    seq, _, row = member.partition(":")
    return int(seq), _unpacked(row)


def _text(value: float | bool | None) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else repr(value)


def _shown(item_id: str, price: str | None, available: str | None, stock: str | None) -> ItemUpdate:
    visible = None
    if available is not None or stock is not None:
        visible = available != "0" and (stock is None or int(stock) > 0)
    return ItemUpdate(item_id, None if price is None else float(price), visible)
