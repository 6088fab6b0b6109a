"""A small shop behind a real gRPC server on loopback; the recommender is a fake with the real signature."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from recsys.slate import ItemUpdate, Reason, RecentEvent, Slate, SlateItem, SlateRequest
from recsys.treatment import UNTREATED, Treatment
from server import lifecycle
from server.backstage import Backstage
from server.config import ServerConfig
from server.engine_process import ENGINE_COMMAND
from slatewright.v1 import (
    feedback_pb2,
    feedback_pb2_grpc,
    recommendation_pb2,
    recommendation_pb2_grpc,
)

AS_OF_MS = 1_500_000_000_000
N_ITEMS = 40


class FakeRecommender:
    """Forty items in four categories; order by a hash of the seed, liked categories first."""

    def __init__(self, version: str = "fake-1") -> None:
        self.manifest: Mapping[str, Any] = {
            "version": version,
            "as_of_ms": AS_OF_MS,
            "currency": "USD",
            "locale": "en-US",
        }
        self.seen: list[tuple[SlateRequest, tuple[RecentEvent, ...]]] = []
        self.treatments: list[Treatment] = []
        self.price = {f"i{n}": float(n) for n in range(N_ITEMS)}
        self.available = dict.fromkeys(self.price, True)
        self.breaks: Exception | None = None

    def warm_up(self) -> None:
        """A slate for a stranger."""
        self.recommend(SlateRequest(time_ms=AS_OF_MS, seed_text="warm-up"))

    def recommend(
        self, request: SlateRequest, recent: Sequence[RecentEvent] = (), *, treatment: Treatment = UNTREATED
    ) -> Slate:
        """The slate of one user."""
        self.seen.append((request, tuple(recent)))
        self.treatments.append(treatment)
        if self.breaks:
            raise self.breaks
        visible = [event for event in recent if event.time_ms < request.time_ms]
        barred = {e.item_id for e in visible if e.event_type == "dislike"}
        liked = {self._category(e.item_id) for e in visible if e.event_type == "purchase"}
        barred |= set(request.exclude_item_ids)
        kept = [i for i in self.price if i not in barred and self.available[i]]
        kept.sort(key=lambda i: (self._category(i) not in liked, self._hash(request.seed_text, i)))
        items = tuple(
            SlateItem(i, n + 1, 1.0 / (n + 1), ("popular",), (Reason("popular"),), {"f": 0.5})
            for n, i in enumerate(kept[: request.page_size])
        )
        status = "known" if visible else "cold" if request.user_id else "anonymous"
        short = "" if len(items) == request.page_size else f"only {len(items)} items"
        return Slate(items, status, str(self.manifest["version"]), short)

    def similar(self, item_id: str, request: SlateRequest, recent: Sequence[RecentEvent] = ()) -> Slate:
        """Items in the order of the slate."""
        self.item(item_id)
        slate = self.recommend(request, recent)
        return Slate(tuple(i for i in slate.items if i.item_id != item_id), slate.user_status, "fake-1", "x")

    def item(self, item_id: str) -> Mapping[str, Any]:
        """Catalogue columns."""
        if item_id not in self.price:
            raise KeyError(item_id)
        return {
            "item_id": item_id,
            "title": f"Ridgeline Desk Lamp {item_id.removeprefix('i')}",
            "category": ["Office", f"Desk lamps {self._category(item_id)}"],
            "brand": "Ridgeline",
            "price": self.price[item_id],
            "attributes": {"colour": "black"},
            "available": self.available[item_id],
        }

    def row(self, item_id: str) -> int:
        """Its place, -1 where it is unknown."""
        return list(self.price).index(item_id) if item_id in self.price else -1

    def profile(self, user_id: str, time_ms: int, recent: Sequence[RecentEvent] = ()) -> Mapping[str, Any]:
        """Nothing is known of anybody."""
        return {"status": "cold" if user_id else "anonymous", "n_events": 0}

    def update_items(self, updates: Sequence[ItemUpdate]) -> list[str]:
        """Overlay price and availability."""
        for update in updates:
            if update.price is not None:
                self.price[update.item_id] = update.price
            if update.available is not None:
                self.available[update.item_id] = update.available
            if update.stock is not None:
                self.available[update.item_id] = update.stock > 0 and update.available is not False
        return [update.item_id for update in updates if update.item_id not in self.price]

    @staticmethod
    def _category(item_id: str) -> int:
        return int(item_id.removeprefix("i")) % 4

    @staticmethod
    def _hash(seed: str, item_id: str) -> bytes:
        return hashlib.sha256(f"{seed}{item_id}".encode()).digest()


@dataclass
class Shop:
    """A running server and ways to call it."""

    up: lifecycle.Running
    back: Backstage
    fake: FakeRecommender
    channel: grpc.aio.Channel
    slates: recommendation_pb2_grpc.RecommendationServiceStub
    feedback: feedback_pb2_grpc.FeedbackServiceStub

    async def recommend(self, **fields: Any) -> recommendation_pb2.RecommendResponse:
        """The slate of one user."""
        return await self.slates.Recommend(recommendation_pb2.RecommendRequest(**fields), timeout=10)

    async def record(self, *events: Mapping[str, Any]) -> feedback_pb2.RecordEventsResponse:
        """Hand in events."""
        request = feedback_pb2.RecordEventsRequest(events=[feedback_pb2.Event(**event) for event in events])
        return await self.feedback.RecordEvents(request, timeout=10)

    async def raw(self, method: str, data: bytes) -> bytes:
        """Bytes in, bytes out, to `method` such as `slatewright.v1.FeedbackService/RecordEvents`."""
        return await self.channel.unary_unary(f"/{method}")(data, timeout=10)


OpenShop = Callable[..., AbstractAsyncContextManager[Shop]]


def publish(bundles: Path, version: str) -> None:
    (bundles / version).mkdir(parents=True)
    (bundles / version / "manifest.json").write_text("{}")
    (bundles / "CURRENT").write_text(version)


@pytest.fixture
def open_shop(tmp_path: Path) -> OpenShop:
    """A function that opens a server, to be used with `async with`; settings as in ServerConfig."""

    @asynccontextmanager
    async def opened(
        *,
        published: bool = True,
        engine_command: Sequence[str] = ENGINE_COMMAND,
        open_bundle: Callable[[Path], Any] | None = None,
        **settings: Any,
    ) -> AsyncIterator[Shop]:
        fake = FakeRecommender()
        bundles = tmp_path / "bundles"
        bundles.mkdir(exist_ok=True)
        if published and not (bundles / "CURRENT").exists():
            publish(bundles, "fake-1")
        config = ServerConfig(**{"bundles": bundles, "port": 0, "poll_s": 0.02, **settings})
        async with (
            lifecycle.running(
                config, open_bundle=open_bundle or (lambda _path: fake), engine_command=engine_command
            ) as up,
            grpc.aio.insecure_channel(up.address) as channel,
        ):
            assert up.own
            yield Shop(
                up,
                up.own,
                fake,
                channel,
                recommendation_pb2_grpc.RecommendationServiceStub(channel),
                feedback_pb2_grpc.FeedbackServiceStub(channel),
            )

    return opened


@pytest.fixture
async def shop(open_shop: OpenShop) -> AsyncIterator[Shop]:
    """A server with templates for pitches."""
    async with open_shop() as opened:
        yield opened


@pytest.fixture
def publish_bundle(tmp_path: Path) -> Callable[[str], None]:
    """Publish a version, as `slatewright build` would."""
    return lambda version: publish(tmp_path / "bundles", version)


@pytest.fixture
def refused() -> Callable[[Awaitable[Any]], Awaitable[Any]]:
    """Await a call that must fail: (code, message, reason, details by type name)."""
    from grpc_status import rpc_status

    async def outcome(call: Awaitable[Any]) -> Any:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        error = caught.value
        packed = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")
        assert packed, f"no ErrorInfo: {error.code()} {error.details()}"
        from google.rpc import error_details_pb2, status_pb2

        assert rpc_status.GRPC_DETAILS_METADATA_KEY == "grpc-status-details-bin"
        status = status_pb2.Status.FromString(packed)
        details: dict[str, Any] = {}
        for part in status.details:
            name = part.TypeName().rpartition(".")[2]
            details[name] = getattr(error_details_pb2, name)()
            part.Unpack(details[name])
        assert status.message == error.details()
        return error.code(), error.details(), details["ErrorInfo"].reason, details

    return outcome
