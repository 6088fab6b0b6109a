"""FeedbackService: what happened since the bundle, made durable before it is acknowledged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from recsys.recommender import Recommender
from server import attribution, log
from server.bundles import Bundles
from server.clock import latest_event_ms, now_ms
from server.config import Clock
from server.convert_feedback import Times, event, split, update
from server.recent import RecentIndex
from server.store import Store
from slatewright.v1 import feedback_pb2, feedback_pb2_grpc


class FeedbackService(feedback_pb2_grpc.FeedbackServiceServicer):
    """Both calls of the service; state is in the store and the index."""

    def __init__(self, *, clock: Clock, bundles: Bundles, store: Store, recent: RecentIndex, key: bytes) -> None:
        self._clock = clock
        self._bundles = bundles
        self._store = store
        self._recent = recent
        self._key = key

    async def RecordEvents(  # noqa: N802  the contract's name
        self, request: feedback_pb2.RecordEventsRequest, _context: Any
    ) -> feedback_pb2.RecordEventsResponse:
        """Accept the valid events; OK once they are on disk."""
        as_of_ms = 0
        if self._bundles.loaded:
            as_of_ms = int(str(self._bundles.serving().manifest["as_of_ms"]))
        times = Times(
            now_ms=lambda user_id: now_ms(
                self._clock if as_of_ms else "wall",
                as_of_ms=as_of_ms,
                newest_ms=self._recent.newest_ms(user_id),
            ),
            latest_ms=latest_event_ms(as_of_ms=as_of_ms),
        )
        good, bad = split(
            "events",
            request.events,
            lambda message: event(message, times, genuine=self._genuine),
        )
        if good:
            await self._store.append([accepted for _index, accepted in good])
        log.note(accepted=len(good), rejected=len(bad))
        response = feedback_pb2.RecordEventsResponse(accepted=len(good))
        for index, reason in bad:
            response.rejected.add(index=index, reason=reason)
        return response

    async def UpdateItems(  # noqa: N802  the contract's name
        self, request: feedback_pb2.UpdateItemsRequest, _context: Any
    ) -> feedback_pb2.UpdateItemsResponse:
        """Accept the valid updates; OK once they are on disk and in the next slate."""
        good, bad = await self._bundles.in_thread(
            lambda bundle: split("items", request.items, lambda message: update(message, known=_known(bundle)))
        )
        version = await self._bundles.update_items([accepted for _index, accepted in good])
        log.note(accepted=len(good), rejected=len(bad), overlay_version=version)
        response = feedback_pb2.UpdateItemsResponse(accepted=len(good), version=version)
        for index, reason in bad:
            response.rejected.add(index=index, reason=reason)
        return response

    def _genuine(self, token: str) -> bool:
        return attribution.unseal(self._key, token) is not None


def _known(bundle: Recommender) -> Callable[[str], bool]:
    def known(item_id: str) -> bool:
        try:
            bundle.item(item_id)
        except KeyError:
            return False
        return True

    return known
