"""A thin typed client of a Slatewright server: `Client` for threads, `AsyncClient` for asyncio.

Invariant: every call has a deadline, and only reads are tried again, only on UNAVAILABLE, only inside the
deadline. Errors are gRPC's own (`grpc.RpcError`), so that `code()` and `details()` say what happened.

    with Client("localhost:50051") as client:
        slate = client.recommend(RecommendRequest(user_id="7", page_size=8))
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from types import TracebackType
from typing import Final, Self

import grpc

from slatewright.v1 import (
    feedback_pb2,
    feedback_pb2_grpc,
    recommendation_pb2,
    recommendation_pb2_grpc,
)

DEFAULT_TARGET: Final = "localhost:50051"
DEFAULT_TIMEOUT_S: Final = 0.3

_READS: Final = "slatewright.v1.RecommendationService"
_OPTIONS: Final = [
    (
        "grpc.service_config",
        json.dumps(
            {
                "methodConfig": [
                    {
                        "name": [{"service": _READS}],
                        "retryPolicy": {
                            "maxAttempts": 3,
                            "initialBackoff": "0.02s",
                            "maxBackoff": "0.2s",
                            "backoffMultiplier": 2,
                            "retryableStatusCodes": ["UNAVAILABLE"],
                        },
                    }
                ]
            }
        ),
    )
]


class Client:
    """Blocking calls; safe to share between threads. `timeout_s` is each call's deadline."""

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        self._channel = (
            grpc.secure_channel(target, credentials, options=_OPTIONS)
            if credentials
            else grpc.insecure_channel(target, options=_OPTIONS)
        )
        self._slates = recommendation_pb2_grpc.RecommendationServiceStub(self._channel)
        self._feedback = feedback_pb2_grpc.FeedbackServiceStub(self._channel)
        self._timeout_s = timeout_s

    def recommend(
        self, request: recommendation_pb2.RecommendRequest, *, timeout_s: float | None = None
    ) -> recommendation_pb2.RecommendResponse:
        """One slate, with the pitches that were ready in time."""
        return self._slates.Recommend(request, timeout=timeout_s or self._timeout_s)

    def stream_recommend(
        self, request: recommendation_pb2.RecommendRequest, *, timeout_s: float | None = None
    ) -> Iterator[recommendation_pb2.StreamRecommendResponse]:
        """The slate at once, then its pitches as they are ready, then `done`."""
        wrapped = recommendation_pb2.StreamRecommendRequest(request=request)
        return iter(self._slates.StreamRecommend(wrapped, timeout=timeout_s or self._timeout_s))

    def list_similar_items(
        self, request: recommendation_pb2.ListSimilarItemsRequest, *, timeout_s: float | None = None
    ) -> recommendation_pb2.ListSimilarItemsResponse:
        """Items like one item."""
        return self._slates.ListSimilarItems(request, timeout=timeout_s or self._timeout_s)

    def record_events(
        self, events: Iterable[feedback_pb2.Event], *, timeout_s: float | None = None
    ) -> feedback_pb2.RecordEventsResponse:
        """Hand in events; returns once the accepted ones are on disk. Repeat it safely: ids are unique."""
        request = feedback_pb2.RecordEventsRequest(events=events)
        return self._feedback.RecordEvents(request, timeout=timeout_s or self._timeout_s)

    def update_items(
        self, items: Iterable[feedback_pb2.ItemUpdate], *, timeout_s: float | None = None
    ) -> feedback_pb2.UpdateItemsResponse:
        """Hand in new prices, stock and availability."""
        request = feedback_pb2.UpdateItemsRequest(items=items)
        return self._feedback.UpdateItems(request, timeout=timeout_s or self._timeout_s)

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncClient:
    """The same calls for asyncio; make it and use it in one event loop."""

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        self._channel = (
            grpc.aio.secure_channel(target, credentials, options=_OPTIONS)
            if credentials
            else grpc.aio.insecure_channel(target, options=_OPTIONS)
        )
        self._slates = recommendation_pb2_grpc.RecommendationServiceStub(self._channel)
        self._feedback = feedback_pb2_grpc.FeedbackServiceStub(self._channel)
        self._timeout_s = timeout_s

    async def recommend(
        self, request: recommendation_pb2.RecommendRequest, *, timeout_s: float | None = None
    ) -> recommendation_pb2.RecommendResponse:
        """One slate, with the pitches that were ready in time."""
        return await self._slates.Recommend(request, timeout=timeout_s or self._timeout_s)

    async def stream_recommend(
        self, request: recommendation_pb2.RecommendRequest, *, timeout_s: float | None = None
    ) -> AsyncIterator[recommendation_pb2.StreamRecommendResponse]:
        """The slate at once, then its pitches as they are ready, then `done`."""
        wrapped = recommendation_pb2.StreamRecommendRequest(request=request)
        call = self._slates.StreamRecommend(wrapped, timeout=timeout_s or self._timeout_s)
        async for message in call:
            yield message

    async def list_similar_items(
        self, request: recommendation_pb2.ListSimilarItemsRequest, *, timeout_s: float | None = None
    ) -> recommendation_pb2.ListSimilarItemsResponse:
        """Items like one item."""
        return await self._slates.ListSimilarItems(request, timeout=timeout_s or self._timeout_s)

    async def record_events(
        self, events: Iterable[feedback_pb2.Event], *, timeout_s: float | None = None
    ) -> feedback_pb2.RecordEventsResponse:
        """Hand in events; returns once the accepted ones are on disk. Repeat it safely: ids are unique."""
        request = feedback_pb2.RecordEventsRequest(events=events)
        return await self._feedback.RecordEvents(request, timeout=timeout_s or self._timeout_s)

    async def update_items(
        self, items: Iterable[feedback_pb2.ItemUpdate], *, timeout_s: float | None = None
    ) -> feedback_pb2.UpdateItemsResponse:
        """Hand in new prices, stock and availability."""
        request = feedback_pb2.UpdateItemsRequest(items=items)
        return await self._feedback.UpdateItems(request, timeout=timeout_s or self._timeout_s)

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
