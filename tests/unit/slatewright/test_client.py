"""The thin client: deadlines always, retries where they do no harm, both flavours with the same calls."""

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
        self.code = grpc.StatusCode.UNAVAILABLE
        self.sent: list[tuple[str, str]] = []

    def _note(self, context: Any) -> None:
        self.sent += [(k, v) for k, v in context.invocation_metadata() if k in {"x-api-key", "authorization"}]

    def _answer(self, context: Any, answer: Any) -> Any:
        self.calls += 1
        self._note(context)
        time.sleep(self.slow_s)
        if self.failures >= self.calls:
            context.abort(self.code, "not now")
        return answer

    def Recommend(self, request: Any, context: Any) -> Any:
        """A slate that echoes the user."""
        return self._answer(context, pb.RecommendResponse(request_id=request.user_id))

    def ListSimilarItems(self, request: Any, context: Any) -> Any:
        """An answer that echoes the item."""
        return self._answer(context, pb.ListSimilarItemsResponse(request_id=request.item_id))

    def StreamRecommend(self, request: Any, context: Any) -> Any:
        """Only done."""
        self._note(context)
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


def test_events_are_tried_again(flaky: tuple[Flaky, str]) -> None:
    """A server accepts an event once by its id, so that a repeat does no harm."""
    servicer, target = flaky
    servicer.failures = 2
    with Client(target, timeout_s=5) as client:
        assert client.record_events([Event(event_id="e")]).accepted == 1
    assert servicer.calls == 3


def test_item_updates_are_not_tried_again(flaky: tuple[Flaky, str]) -> None:
    """A late repeat would undo a newer update: it is the caller's to send the newest state again."""
    servicer, target = flaky
    servicer.failures = 1
    with Client(target, timeout_s=5) as client, pytest.raises(grpc.RpcError) as caught:
        client.update_items([ItemUpdate()])
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE  # type: ignore[attr-defined]
    assert servicer.calls == 1


@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "INTERNAL", "UNAUTHENTICATED", "INVALID_ARGUMENT"])
def test_nothing_else_is_tried_again(flaky: tuple[Flaky, str], code: str) -> None:
    """Overload above all: a repeat would make it worse."""
    servicer, target = flaky
    servicer.failures, servicer.code = 1, grpc.StatusCode[code]
    with Client(target, timeout_s=5) as client, pytest.raises(grpc.RpcError):
        client.recommend(RecommendRequest())
    assert servicer.calls == 1


def test_many_failures_end_the_retries(flaky: tuple[Flaky, str]) -> None:
    """A server that is down gets fewer repeats the longer it lasts, not three times its load."""
    servicer, target = flaky
    servicer.failures = 10_000
    with Client(target, timeout_s=5, n_channels=1) as client:
        for _ in range(100):
            with pytest.raises(grpc.RpcError):
                client.recommend(RecommendRequest())
    assert servicer.calls < 200


def test_channels_spread_over_workers() -> None:
    """Servers that share a port all get calls; one channel alone sticks to one of them."""
    workers = [Flaky() for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:
        servers, port = [], 0
        for servicer in workers:
            server = grpc.server(pool, options=[("grpc.so_reuseport", 1)])
            recommendation_pb2_grpc.add_RecommendationServiceServicer_to_server(servicer, server)
            port = server.add_insecure_port(f"127.0.0.1:{port}")
            server.start()
            servers.append(server)
        for n_channels, n_reached in ((1, 1), (32, 2)):
            before = [worker.calls for worker in workers]
            with Client(f"127.0.0.1:{port}", timeout_s=5, n_channels=n_channels) as client:
                for _ in range(64):
                    client.recommend(RecommendRequest())
            reached = [worker.calls > n for worker, n in zip(workers, before, strict=True)]
            assert sum(reached) == n_reached
        for server in servers:
            server.stop(None).wait()


async def test_credentials_go_with_every_call(flaky: tuple[Flaky, str]) -> None:
    """A key as it is; a token as it is or as its source gives it anew for each call."""
    servicer, target = flaky
    fresh = iter(f"t{n}" for n in range(9))
    for named, sent in (
        ({"api_key": "k"}, [("x-api-key", "k")] * 5),
        ({"token": "t"}, [("authorization", "Bearer t")] * 5),
        ({"token": lambda: next(fresh)}, [("authorization", f"Bearer t{n}") for n in range(5)]),
    ):
        servicer.sent.clear()
        with Client(target, timeout_s=5, **named) as client:  # type: ignore[arg-type]
            client.recommend(RecommendRequest())
            client.list_similar_items(ListSimilarItemsRequest())
            list(client.stream_recommend(RecommendRequest()))
            client.record_events([])
            client.update_items([])
        assert servicer.sent == sent
    servicer.sent.clear()
    async with AsyncClient(target, timeout_s=5, api_key="k") as aclient:
        await aclient.recommend(RecommendRequest())
        await aclient.list_similar_items(ListSimilarItemsRequest())
        assert [m async for m in aclient.stream_recommend(RecommendRequest())]
        await aclient.record_events([])
        await aclient.update_items([])
    assert servicer.sent == [("x-api-key", "k")] * 5


@pytest.mark.parametrize("kind", [Client, AsyncClient])
async def test_no_secret_travels_in_the_clear(kind: type[Client]) -> None:
    """Beyond this machine a key needs TLS, or a word that the network encrypts; two credentials are one too many."""
    for target in ("shop.internal:50051", "10.0.0.7:1", "dns:///shop:1", "localhost.example.org:1"):
        for named in ({"api_key": "k"}, {"token": "t"}, {"token": lambda: "t"}):
            with pytest.raises(ValueError, match="in the clear"):
                kind(target, **named)  # type: ignore[arg-type]
    for target in ("localhost:1", "127.0.0.1:1", "[::1]:1", "unix:/x"):
        await closed(kind(target, api_key="k"))
    await closed(kind("shop.internal:1", api_key="k", plaintext=True))
    await closed(kind("shop.internal:1", api_key="k", credentials=slatewright.tls()))
    with pytest.raises(ValueError, match="leave out"):
        kind(api_key="k", token="t")
    with pytest.raises(ValueError, match="n_channels is 0"):
        kind(n_channels=0)
    with pytest.raises(ValueError, match="go together"):
        slatewright.tls(cert=b"x")
    with pytest.raises(OSError, match="nope"):
        slatewright.tls("nope.pem")


async def closed(client: Any) -> None:
    """Close either kind."""
    if inspect.isawaitable(done := client.close()):
        await done


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
