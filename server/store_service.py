"""The writer behind a Unix socket: how every worker reaches the one `Store`.

Invariant: an OK leaves only after the commit. What the writer refuses keeps its words and its kind; all else,
a writer that is gone among it, is "not known to be kept", which sending again puts right.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import grpc

from recsys.slate import ItemUpdate
from server import log
from server.errors import OverloadedError, StoreError
from server.event_store import Writer
from server.stored_event import StoredEvent
from slatewright.internal.v1 import event_store_pb2 as pb
from slatewright.internal.v1 import event_store_pb2_grpc

WRITE_TIMEOUT_S: Final = 10.0
_OPTIONS: Final = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
"""Callers' messages are bounded where they arrive."""


class EventStoreService(event_store_pb2_grpc.EventStoreServiceServicer):
    """Both calls; the state is the store's."""

    def __init__(self, store: Writer) -> None:
        self._store = store

    async def AppendEvents(  # noqa: N802  the contract's name
        self, request: pb.AppendEventsRequest, context: Any
    ) -> pb.AppendEventsResponse:
        """Keep events."""
        events = [_event(message) for message in request.events]
        try:
            return pb.AppendEventsResponse(fresh=await self._store.append(events))
        except (OverloadedError, StoreError) as error:
            await _refuse(context, error)
            raise

    async def OverlayItems(  # noqa: N802  the contract's name
        self, request: pb.OverlayItemsRequest, context: Any
    ) -> pb.OverlayItemsResponse:
        """Keep item updates."""
        updates = [_update(message) for message in request.items]
        try:
            return pb.OverlayItemsResponse(version=await self._store.overlay(updates))
        except (OverloadedError, StoreError) as error:
            await _refuse(context, error)
            raise


async def serve_store(store: Writer, socket: Path) -> grpc.aio.Server:
    """A started server of `store` on a Unix socket."""
    server = grpc.aio.server(options=_OPTIONS)
    event_store_pb2_grpc.add_EventStoreServiceServicer_to_server(EventStoreService(store), server)
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    return server


class RemoteWriter:
    """A `Writer` that is in another process."""

    def __init__(self, socket: Path) -> None:
        options = [*_OPTIONS, ("grpc.enable_http_proxy", 0), ("grpc.max_reconnect_backoff_ms", 500)]
        self._channel = grpc.aio.insecure_channel(f"unix:{socket}", options=options)
        self._stub = event_store_pb2_grpc.EventStoreServiceStub(self._channel)

    async def append(self, events: Sequence[StoredEvent]) -> int:
        """Keep events, all or none; how many were not there before."""
        request = pb.AppendEventsRequest(events=[_event_message(event) for event in events])
        try:
            answer = await self._stub.AppendEvents(request, timeout=WRITE_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise _understood(error) from error
        return int(answer.fresh)

    async def overlay(self, updates: Sequence[ItemUpdate]) -> int:
        """Keep item updates, all or none; the overlay's version."""
        request = pb.OverlayItemsRequest(items=[_update_message(update) for update in updates])
        try:
            answer = await self._stub.OverlayItems(request, timeout=WRITE_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise _understood(error) from error
        return int(answer.version)

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close(None)


async def _refuse(context: Any, error: Exception) -> None:
    """Abort the call: this raises."""
    overloaded = isinstance(error, OverloadedError)
    if not overloaded:
        log.write("store_failed", trace=log.frames(error))
    code = grpc.StatusCode.RESOURCE_EXHAUSTED if overloaded else grpc.StatusCode.ABORTED
    await context.abort(code, str(error))


def _understood(error: grpc.aio.AioRpcError) -> Exception:
    said = error.details() or ""
    if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return OverloadedError(said)
    if error.code() is grpc.StatusCode.ABORTED:
        return StoreError(said)
    return StoreError(f"the store's writer answered {error.code().name}; it is not known what was kept; send it again")


def _event(message: pb.StoredEvent) -> StoredEvent:
    return StoredEvent(
        *(message.event_id, message.user_id, message.item_id, message.event_type, message.time_ms),
        *(message.query, message.attribution_token, message.position, message.quantity),
        message.price if message.HasField("price") else None,
    )


def _event_message(event: StoredEvent) -> pb.StoredEvent:
    return pb.StoredEvent(
        event_id=event.event_id,
        user_id=event.user_id,
        item_id=event.item_id,
        event_type=event.event_type,
        time_ms=event.time_ms,
        query=event.query,
        attribution_token=event.attribution_token,
        position=event.position,
        quantity=event.quantity,
        price=event.price,
    )


def _update(message: pb.StoredItemUpdate) -> ItemUpdate:
    return ItemUpdate(
        message.item_id,
        message.price if message.HasField("price") else None,
        message.available if message.HasField("available") else None,
        message.stock if message.HasField("stock") else None,
    )


def _update_message(update: ItemUpdate) -> pb.StoredItemUpdate:
    message = pb.StoredItemUpdate(item_id=update.item_id)
    for name in ("price", "stock", "available"):
        if (value := getattr(update, name)) is not None:
            setattr(message, name, value)
    return message
