"""FeedbackService: what happened since the bundle, made durable before it is acknowledged."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from server import attribution, log, metrics
from server.bundles import Bundles
from server.clock import latest_event_ms, now_ms
from server.config import Clock
from server.convert_feedback import Times, check_length, event, split, update
from server.event_store import EventStore
from server.fields import MAX_ID_CHARS
from server.recent import RecentIndex
from server.stored_event import StoredEvent
from slatewright.v1 import feedback_pb2, feedback_pb2_grpc

_STRIDE: Final = 50
"""Events checked before the event loop does something else."""


class FeedbackService(feedback_pb2_grpc.FeedbackServiceServicer):
    """Both calls of the service; state is in the store and the index."""

    def __init__(
        self,
        *,
        clock: Clock,
        bundles: Bundles,
        store: EventStore,
        recent: RecentIndex,
        key: bytes,
        refresh: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._bundles = bundles
        self._store = store
        self._recent = recent
        self._key = key
        self._refresh = refresh

    async def RecordEvents(  # noqa: N802  the contract's name
        self, request: feedback_pb2.RecordEventsRequest, _context: Any
    ) -> feedback_pb2.RecordEventsResponse:
        """Accept the valid events; OK once they are on disk."""
        as_of_ms = 0
        if self._bundles.loaded:
            as_of_ms = int(str(self._bundles.serving().manifest["as_of_ms"]))
        newest: dict[str, int | None] = {}
        times = Times(
            now_ms=lambda user_id: now_ms(
                self._clock if as_of_ms else "wall", as_of_ms=as_of_ms, newest_ms=newest[user_id]
            ),
            latest_ms=latest_event_ms(as_of_ms=as_of_ms),
        )
        check_length("events", request.events)
        self._refresh()  # first: it drops what memory must not hold
        await self._recent.catch_up()
        good: list[StoredEvent] = []
        bad: list[tuple[int, str]] = []
        for first in range(0, len(request.events), _STRIDE):
            part = request.events[first : first + _STRIDE]
            for message in part:
                timeless = not message.HasField("event_time") and len(message.user_id) <= MAX_ID_CHARS
                if timeless and message.user_id not in newest:
                    newest[message.user_id] = await self._recent.newest_ms(message.user_id)
            accepted, rejected = split(part, lambda m: event(m, times, genuine=self._genuine), first=first)
            good += accepted
            bad += rejected
            await asyncio.sleep(0)  # others have their turn
        if good:
            await self._store.append(good)
            metrics.counted(metrics.EVENTS, Counter(kept.event_type for kept in good))
        metrics.EVENTS_REJECTED.inc(len(bad))
        log.note(accepted=len(good), rejected=len(bad))
        response = feedback_pb2.RecordEventsResponse(accepted=len(good))
        for index, reason in bad:
            response.rejected.add(index=index, reason=reason)
        return response

    async def UpdateItems(  # noqa: N802  the contract's name
        self, request: feedback_pb2.UpdateItemsRequest, _context: Any
    ) -> feedback_pb2.UpdateItemsResponse:
        """Accept the valid updates; OK once they are on disk and in the next slate."""
        check_length("items", request.items)
        good, bad = await self._bundles.in_thread(
            lambda bundle: split(request.items, lambda m: update(m, known=lambda item_id: bundle.row(item_id) >= 0))
        )
        version = await self._bundles.update_items(good)
        metrics.ITEMS.inc(len(good))
        log.note(accepted=len(good), rejected=len(bad), overlay_version=version)
        response = feedback_pb2.UpdateItemsResponse(accepted=len(good), version=version)
        for index, reason in bad:
            response.rejected.add(index=index, reason=reason)
        return response

    def _genuine(self, token: str, user_id: str) -> bool:
        """An answer to nobody may lead to anybody's event: people log in between."""
        opened = attribution.unseal(self._key, token)
        return opened is not None and opened.user in ("", attribution.pseudonym(self._key, user_id))
