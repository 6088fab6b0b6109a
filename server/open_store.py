"""Which store of events a worker opens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from recsys.errors import ConfigError
from server.backstage import EVENTS_FILE, STORE_SOCKET
from server.config import ServerConfig
from server.event_store import EventStore
from server.sqlite_store import SqliteStore
from server.store_service import RemoteWriter


@asynccontextmanager
async def opened_store(config: ServerConfig, shared: Path) -> AsyncIterator[EventStore]:
    """The configured store inside the block; `shared` is the backstage's folder. Raises ConfigError."""
    if config.store:
        store: EventStore = await _redis(config.store)
        try:
            yield store
        finally:
            await store.close()
        return
    writer = RemoteWriter(shared / STORE_SOCKET)
    store = SqliteStore(config.state_dir / EVENTS_FILE, writer)
    try:
        yield store
    finally:
        await store.close()
        await writer.close()


async def _redis(url: str) -> EventStore:
    try:
        from server.redis_store import RedisStore  # noqa: PLC0415  an extra of its own
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"store {url} needs {error.name}, which is not installed; run pip install 'slatewright[redis]'"
        ) from error
    return await RedisStore.connect(url)
