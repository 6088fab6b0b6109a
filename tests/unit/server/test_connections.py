"""Peers that are half there cost nobody else anything: real sockets, HTTP/2 by hand where gRPC would behave."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from benchmarks.torture.raw_http2 import PREFACE, SlowReader
from server import lifecycle
from slatewright.v1 import recommendation_pb2 as pb

STREAM = "/slatewright.v1.RecommendationService/StreamRecommend"
CHECK = health_pb2.HealthCheckRequest()


async def until(condition: Callable[[], object], *, within_s: float = 20) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it never happened"
        await asyncio.sleep(0.02)


def port(shop: Any) -> int:
    return int(shop.up.address.rpartition(":")[2])


def fds() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def held_by(reader: SlowReader, n: int) -> None:
    """Open `n` streams and wait until the server has begun to answer them."""
    message = pb.StreamRecommendRequest(request=pb.RecommendRequest(page_size=2)).SerializeToString()
    for _ in range(n):
        before = reader.answered
        reader.open(STREAM, message)
        await until(lambda before=before: reader.answered > before)  # type: ignore[misc]


async def test_slow_readers_take_no_place_of_slates(open_shop: Any, refused: Any) -> None:
    """Streams that nobody reads are bounded apart from calls; more are refused; closed ones free their places."""
    async with open_shop(in_flight_limit=2, stream_limit=4) as shop:
        reader = SlowReader(port(shop))
        await held_by(reader, 4)
        assert reader.held == 4
        assert reader.data == 0
        for _ in range(5):
            assert (await shop.recommend(user_id="u")).items
        stream = shop.slates.StreamRecommend(pb.StreamRecommendRequest(), timeout=10)
        code, message, reason, _ = await refused(stream.read())
        assert (code, reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
        assert "4 streams are at work" in message
        watch = health_pb2_grpc.HealthStub(shop.channel).Watch(CHECK, timeout=10)
        assert (await refused(watch.read()))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (await health_pb2_grpc.HealthStub(shop.channel).Check(CHECK, timeout=10)).status == 1
        await asyncio.to_thread(reader.close)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                async for _ in shop.slates.StreamRecommend(pb.StreamRecommendRequest(), timeout=10):
                    pass
                break
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.05)
        else:
            pytest.fail("the places were never free again")


async def test_a_peer_that_is_gone_is_noticed(open_shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection whose peer answers no ping ends; one that does stays."""
    monkeypatch.setattr(lifecycle, "PING_ANSWER_S", 1.0)
    async with open_shop(keepalive_s=1) as shop:
        gone, there = SlowReader(port(shop), mute=True), SlowReader(port(shop))
        await held_by(gone, 1)
        await held_by(there, 1)
        await until(gone.closed.is_set)
        assert not there.closed.is_set()
        await asyncio.to_thread(gone.close)
        await asyncio.to_thread(there.close)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors by /proc")
async def test_who_never_speaks_is_dropped(open_shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections without a whole handshake are closed after a while, so they cannot use up the descriptors."""
    monkeypatch.setattr(lifecycle, "HANDSHAKE_S", 1.0)
    async with open_shop() as shop:
        silent = [socket.create_connection(("127.0.0.1", port(shop))) for _ in range(20)]
        for half in silent[10:]:
            half.sendall(PREFACE[:10])
        await asyncio.sleep(0.2)
        n = fds()
        await until(lambda: fds() <= n - 20)
        for half in silent:
            half.close()


async def test_old_connections_end_without_a_failed_call(open_shop: Any) -> None:
    """Clients are moved to another connection between calls; gRPC sends again what the server has not seen."""
    async with open_shop(connection_age_s=1) as shop:
        end, n = time.monotonic() + 4, 0
        async with grpc.aio.insecure_channel(shop.up.address) as channel:
            call = channel.unary_unary("/slatewright.v1.RecommendationService/Recommend")
            while time.monotonic() < end:
                await call(b"", timeout=5)
                n += 1
        assert n > 20
