"""A thin typed client of a Slatewright server: `Client` for threads, `AsyncClient` for asyncio.

Invariant: every call has a deadline, and what is tried again does no harm twice (`channels.py`). Errors are gRPC's own
(`grpc.RpcError`), so that `code()` and `details()` say what happened.

    with Client("localhost:50051") as client:
        slate = client.recommend(RecommendRequest(user_id="7", page_size=8))

    Client("shop.internal:50051", credentials=tls("ca.pem"), api_key=os.environ["FEED_KEY"])
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import cycle
from types import TracebackType
from typing import Final, Self

import grpc

from slatewright.channels import N_CHANNELS, OPTIONS, Metadata, Token, check, metadata
from slatewright.v1 import (
    feedback_pb2,
    feedback_pb2_grpc,
    recommendation_pb2,
    recommendation_pb2_grpc,
)

DEFAULT_TARGET: Final = "localhost:50051"
DEFAULT_TIMEOUT_S: Final = 0.3


class Client:
    """Blocking calls; safe to share between threads.

    Parameters
    ----------
    target : `HOST:PORT`, or any gRPC name such as `dns:///shop.internal:50051`
    timeout_s : each call's deadline
    credentials : of the connection, see `tls`; without them nothing is encrypted
    api_key, token : who calls, one of them; beyond this machine only with `credentials`, or with `plaintext`, which
        says that the network encrypts
    n_channels : connections, used in turn; as many as the server has worker processes, or a few more
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        credentials: grpc.ChannelCredentials | None = None,
        api_key: str = "",
        token: Token = "",
        plaintext: bool = False,
        n_channels: int = N_CHANNELS,
    ) -> None:
        check(
            target,
            api_key=api_key,
            token=token,
            encrypted=plaintext or credentials is not None,
            n_channels=n_channels,
        )
        self._api_key, self._token = api_key, token
        self._channels = [
            grpc.secure_channel(target, credentials, options=OPTIONS)
            if credentials
            else grpc.insecure_channel(target, options=OPTIONS)
            for _ in range(n_channels)
        ]
        self._slates = cycle([recommendation_pb2_grpc.RecommendationServiceStub(c) for c in self._channels])
        self._feedback = cycle([feedback_pb2_grpc.FeedbackServiceStub(c) for c in self._channels])
        self._timeout_s = timeout_s

    def recommend(
        self, request: recommendation_pb2.RecommendRequest, *, timeout_s: float | None = None
    ) -> recommendation_pb2.RecommendResponse:
        """One slate, with the pitches that were ready in time."""
        return next(self._slates).Recommend(request, timeout=timeout_s or self._timeout_s, metadata=self._sent())

    def stream_recommend(
        self, request: recommendation_pb2.RecommendRequest, *, timeout_s: float | None = None
    ) -> Iterator[recommendation_pb2.StreamRecommendResponse]:
        """The slate at once, then its pitches as they are ready, then `done`."""
        wrapped = recommendation_pb2.StreamRecommendRequest(request=request)
        return iter(
            next(self._slates).StreamRecommend(wrapped, timeout=timeout_s or self._timeout_s, metadata=self._sent())
        )

    def list_similar_items(
        self, request: recommendation_pb2.ListSimilarItemsRequest, *, timeout_s: float | None = None
    ) -> recommendation_pb2.ListSimilarItemsResponse:
        """Items like one item."""
        return next(self._slates).ListSimilarItems(request, timeout=timeout_s or self._timeout_s, metadata=self._sent())

    def record_events(
        self, events: Iterable[feedback_pb2.Event], *, timeout_s: float | None = None
    ) -> feedback_pb2.RecordEventsResponse:
        """Hand in events; returns once the accepted ones are on disk. Repeat it safely: ids are unique."""
        request = feedback_pb2.RecordEventsRequest(events=events)
        return next(self._feedback).RecordEvents(request, timeout=timeout_s or self._timeout_s, metadata=self._sent())

    def update_items(
        self, items: Iterable[feedback_pb2.ItemUpdate], *, timeout_s: float | None = None
    ) -> feedback_pb2.UpdateItemsResponse:
        """Hand in new prices, stock and availability."""
        request = feedback_pb2.UpdateItemsRequest(items=items)
        return next(self._feedback).UpdateItems(request, timeout=timeout_s or self._timeout_s, metadata=self._sent())

    def close(self) -> None:
        """Close the channels."""
        for channel in self._channels:
            channel.close()

    def _sent(self) -> Metadata:
        return metadata(self._api_key, self._token)

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
        api_key: str = "",
        token: Token = "",
        plaintext: bool = False,
        n_channels: int = N_CHANNELS,
    ) -> None:
        check(
            target,
            api_key=api_key,
            token=token,
            encrypted=plaintext or credentials is not None,
            n_channels=n_channels,
        )
        self._api_key, self._token = api_key, token
        self._channels = [
            grpc.aio.secure_channel(target, credentials, options=OPTIONS)
            if credentials
            else grpc.aio.insecure_channel(target, options=OPTIONS)
            for _ in range(n_channels)
        ]
        self._slates = cycle([recommendation_pb2_grpc.RecommendationServiceStub(c) for c in self._channels])
        self._feedback = cycle([feedback_pb2_grpc.FeedbackServiceStub(c) for c in self._channels])
        self._timeout_s = timeout_s

    async def recommend(
        self, request: recommendation_pb2.RecommendRequest, *, timeout_s: float | None = None
    ) -> recommendation_pb2.RecommendResponse:
        """One slate, with the pitches that were ready in time."""
        return await next(self._slates).Recommend(request, timeout=timeout_s or self._timeout_s, metadata=self._sent())

    async def stream_recommend(
        self, request: recommendation_pb2.RecommendRequest, *, timeout_s: float | None = None
    ) -> AsyncIterator[recommendation_pb2.StreamRecommendResponse]:
        """The slate at once, then its pitches as they are ready, then `done`."""
        wrapped = recommendation_pb2.StreamRecommendRequest(request=request)
        call = next(self._slates).StreamRecommend(wrapped, timeout=timeout_s or self._timeout_s, metadata=self._sent())
        async for message in call:
            yield message

    async def list_similar_items(
        self, request: recommendation_pb2.ListSimilarItemsRequest, *, timeout_s: float | None = None
    ) -> recommendation_pb2.ListSimilarItemsResponse:
        """Items like one item."""
        return await next(self._slates).ListSimilarItems(
            request, timeout=timeout_s or self._timeout_s, metadata=self._sent()
        )

    async def record_events(
        self, events: Iterable[feedback_pb2.Event], *, timeout_s: float | None = None
    ) -> feedback_pb2.RecordEventsResponse:
        """Hand in events; returns once the accepted ones are on disk. Repeat it safely: ids are unique."""
        request = feedback_pb2.RecordEventsRequest(events=events)
        return await next(self._feedback).RecordEvents(
            request, timeout=timeout_s or self._timeout_s, metadata=self._sent()
        )

    async def update_items(
        self, items: Iterable[feedback_pb2.ItemUpdate], *, timeout_s: float | None = None
    ) -> feedback_pb2.UpdateItemsResponse:
        """Hand in new prices, stock and availability."""
        request = feedback_pb2.UpdateItemsRequest(items=items)
        return await next(self._feedback).UpdateItems(
            request, timeout=timeout_s or self._timeout_s, metadata=self._sent()
        )

    async def close(self) -> None:
        """Close the channels."""
        for channel in self._channels:
            await channel.close(None)

    def _sent(self) -> Metadata:
        return metadata(self._api_key, self._token)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
