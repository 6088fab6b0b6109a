"""The thin client: deadlines always, retries for reads only, both flavours with the same calls."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

import slatewright
from slatewright import AsyncClient, Client, Event, ItemUpdate, ListSimilarItemsRequest, RecommendRequest
from slatewright.v1 import feedback_pb2, feedback_pb2_grpc, recommendation_pb2_grpc
from slatewright.v1 import recommendation_pb2 as pb


class Flaky(recommendation_pb2_grpc.RecommendationServiceServicer, feedback_pb2_grpc.FeedbackServiceServicer):
    """Fails the first `failures` calls with UNAVAILABLE, and is slow on request."""

    def __init__(self) -> None:
        self.failures = 0
        self.slow_s = 0.0
        self.calls = 0

    def _answer(self, context: Any, answer: Any) -> Any:
        self.calls += 1
        time.sleep(self.slow_s)
        if self.failures >= self.calls:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        return answer

    def Recommend(self, request: Any, context: Any) -> Any:
        """A slate that echoes the user."""
        return self._answer(context, pb.RecommendResponse(request_id=request.user_id))

    def ListSimilarItems(self, request: Any, context: Any) -> Any:
        """An answer that echoes the item."""
        return self._answer(context, pb.ListSimilarItemsResponse(request_id=request.item_id))

    def StreamRecommend(self, request: Any, context: Any) -> Any:
        """Only done."""
        yield pb.StreamRecommendResponse(done=pb.StreamDone(pitches=len(request.request.user_id)))

    def RecordEvents(self, request: Any, context: Any) -> Any:
        """Accept all."""
        return self._answer(context, feedback_pb2.RecordEventsResponse(accepted=len(request.events)))

    def UpdateItems(self, request: Any, context: Any) -> Any:
        """Accept all."""
        return self._answer(context, feedback_pb2.UpdateItemsResponse(accepted=len(request.items)))


@pytest.fixture
def flaky() -> Iterator[tuple[Flaky, str]]:
    """A server of canned answers: (its servicer, HOST:PORT)."""
    servicer = Flaky()
    with ThreadPoolExecutor(4) as pool:
        server = grpc.server(pool)
        recommendation_pb2_grpc.add_RecommendationServiceServicer_to_server(servicer, server)
        feedback_pb2_grpc.add_FeedbackServiceServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield servicer, f"127.0.0.1:{port}"
        server.stop(None).wait()


def test_every_call_arrives(flaky: tuple[Flaky, str]) -> None:
    """Five calls, five answers."""
    with Client(flaky[1], timeout_s=5) as client:
        assert client.recommend(RecommendRequest(user_id="u")).request_id == "u"
        assert client.list_similar_items(ListSimilarItemsRequest(item_id="i")).request_id == "i"
        assert [m.done.pitches for m in client.stream_recommend(RecommendRequest(user_id="u"))] == [1]
        assert client.record_events([Event(), Event()]).accepted == 2
        assert client.update_items([ItemUpdate()]).accepted == 1


async def test_every_call_arrives_with_asyncio(flaky: tuple[Flaky, str]) -> None:
    """The same for the asynchronous client."""
    async with AsyncClient(flaky[1], timeout_s=5) as client:
        assert (await client.recommend(RecommendRequest(user_id="u"))).request_id == "u"
        similar = await client.list_similar_items(ListSimilarItemsRequest(item_id="i"))
        assert similar.request_id == "i"
        stream = client.stream_recommend(RecommendRequest(user_id="u"))
        assert [message.done.pitches async for message in stream] == [1]
        assert (await client.record_events([Event()])).accepted == 1
        assert (await client.update_items([ItemUpdate()])).accepted == 1


def test_a_read_is_tried_again_when_the_server_is_away(flaky: tuple[Flaky, str]) -> None:
    """UNAVAILABLE on a read is tried up to three times inside the deadline."""
    servicer, target = flaky
    servicer.failures = 2
    with Client(target, timeout_s=5) as client:
        assert client.recommend(RecommendRequest(user_id="u")).request_id == "u"
    assert servicer.calls == 3


def test_a_write_is_not_tried_again(flaky: tuple[Flaky, str]) -> None:
    """Writes are the caller's to repeat: event ids make that safe."""
    servicer, target = flaky
    servicer.failures = 1
    with Client(target, timeout_s=5) as client, pytest.raises(grpc.RpcError) as caught:
        client.record_events([Event()])
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE  # type: ignore[attr-defined]
    assert servicer.calls == 1


def test_a_slow_server_costs_the_deadline_and_no_more(flaky: tuple[Flaky, str]) -> None:
    """Without a word from the caller, 0.3 s."""
    flaky[0].slow_s = 2.0
    started = time.monotonic()
    with Client(flaky[1]) as client, pytest.raises(grpc.RpcError) as caught:
        client.recommend(RecommendRequest())
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED  # type: ignore[attr-defined]
    assert time.monotonic() - started < 1.5


def test_both_clients_offer_the_same_calls() -> None:
    """Whoever knows one knows the other."""

    def calls(kind: type) -> set[str]:
        return {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if name[0] != "_"}

    assert calls(Client) == calls(AsyncClient)


def test_the_public_surface_is_complete() -> None:
    """Everything exported exists, and everything imported is exported."""
    public = {n for n, v in vars(slatewright).items() if inspect.isclass(v)}
    assert public == {n for n in slatewright.__all__ if inspect.isclass(getattr(slatewright, n))}
    assert all(hasattr(slatewright, name) for name in slatewright.__all__)
