"""Peers that are half there: connections that never speak, never answer, never read, and very many streams."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

from benchmarks.torture.load import Slates, Tally
from benchmarks.torture.raw_http2 import PREFACE, SlowReader
from benchmarks.torture.served import Server, Usage, serving, until
from benchmarks.torture.table import Bench, Row
from slatewright.v1 import copy_pb2, recommendation_pb2

STREAM = "/slatewright.v1.RecommendationService/StreamRecommend"
PER_CONNECTION = 500
AT_ONCE = 4
LEAK_FDS, LEAK_THREADS = 8, 8
LEAK_MIB = 40.0


def run(at: Bench) -> list[Row]:
    """Four rows on one server each, so that what one leaves behind is seen."""
    return [_half_open(at), _gone_peers(at), _slow_readers(at), _many_streams(at)]


def _half_open(at: Bench) -> Row:
    n = at.sized(quick=200, full=1_000)
    with serving(at.bundles, at.folder("half-open")) as server:
        before = _settled(server)
        sockets = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(n)]
        for half in sockets[n // 2 :]:
            half.sendall(PREFACE[:10])
        tally = asyncio.run(_slates(server, seconds=3))
        held = server.usage().fds - before.fds
        took = until(lambda: server.usage().fds <= before.fds + LEAK_FDS, within_s=40)
        for half in sockets:
            half.close()
        after = server.usage()
    return Row(
        "half-open connections",
        f"{n} connections, half silent, half with part of a preface, kept open",
        f"{tally.shown()} meanwhile; {held} fds held at first, dropped by the server after "
        f"{'never' if took is None else f'{took:.0f} s'}; before {before}, after {after}",
        not tally.failed and took is not None,
    )


def _gone_peers(at: Bench) -> Row:
    n = 50
    with serving(at.bundles, at.folder("gone"), keepalive_s=2) as server:
        before = _settled(server)
        peers = [SlowReader(server.port, mute=True) for _ in range(n)]
        for peer in peers:
            peer.open(STREAM, _wanted(1))
        took = until(lambda: all(peer.closed.is_set() for peer in peers), within_s=60)
        for peer in peers:
            peer.close()
        after = _settled(server)
    return Row(
        "peers that are gone",
        f"{n} connections with an open stream that answer no ping (keepalive_s 2)",
        f"ended after {'never' if took is None else f'{took:.0f} s'}; before {before}, after {after}",
        took is not None and _flat(before, after),
    )


def _slow_readers(at: Bench) -> Row:
    n = at.sized(quick=200, full=1_000)
    with serving(at.bundles, at.folder("slow"), workers=1, in_flight_limit=100) as server:
        tally, held, data, before, after = Tally(), 0, 0, _settled(server), _settled(server)
        for _ in range(2):  # the second time must need no more than the first
            before = after
            reader = SlowReader(server.port)
            _open(reader, n, _wanted(100))
            asyncio.run(_slates(server, seconds=3, tally=tally))
            held, data = reader.held, reader.data
            reader.close()
            after = _settled(server)
    return Row(
        "slow readers of a stream",
        f"{n} StreamRecommend of 100 items with pitches on one connection that reads nothing, above in_flight_limit",
        f"{held} streams held open, {data} bytes taken; {tally.shown()} meanwhile; once {before}, twice {after}",
        not tally.failed and held > n // 2 and not data and _flat(before, after),
    )


def _many_streams(at: Bench) -> Row:
    n = at.sized(quick=1_000, full=10_000)
    with serving(at.bundles, at.folder("streams")) as server:
        idle = before = after = _settled(server)
        tally, held, opened, during = Tally(), 0, 0, idle
        for turn in range(2):  # the second time must need no more than the first
            before = after
            readers = []
            for _ in range(n // PER_CONNECTION):
                readers.append(SlowReader(server.port))
                _open(readers[-1], PER_CONNECTION, _wanted(1))
            at.tell(f"{sum(r.held for r in readers)} streams open")
            asyncio.run(_slates(server, seconds=5, tally=tally))
            held, opened = sum(r.held for r in readers), sum(r.opened for r in readers)
            during = server.usage() if turn == 0 else during
            for reader in readers:
                reader.close()
            after = _settled(server)
    kib = 1_024 * (during.unique - idle.unique) / max(1, held)
    return Row(
        f"{n:,} open streams",
        f"StreamRecommend on {len(readers)} connections that read nothing",
        f"{held} held open of {opened}, {kib:.0f} KiB each; {tally.shown()} meanwhile; idle {idle}, once {before}, "
        f"twice {after}",
        not tally.failed and held > 0.9 * n and _flat(before, after),
        {"open_streams": held, "open_stream_kib": kib},
    )


def _wanted(n_items: int) -> bytes:
    mode = copy_pb2.COPY_MODE_NONE if n_items == 1 else copy_pb2.COPY_MODE_CACHED
    request = recommendation_pb2.RecommendRequest(page_size=n_items, copy={"mode": mode})
    return recommendation_pb2.StreamRecommendRequest(request=request).SerializeToString()


def _open(reader: SlowReader, n: int, message: bytes) -> None:
    """Open streams until `n` are held, a few at a time so that the workers can follow."""
    while reader.held < n and reader.opened < 2 * n and not reader.closed.is_set():
        if reader.unanswered < AT_ONCE:
            reader.open(STREAM, message)
        else:
            time.sleep(0.001)
    until(lambda: not reader.unanswered, within_s=10)


async def _slates(server: Server, *, seconds: float, tally: Tally | None = None) -> Tally:
    load = Slates(server.target, n=4, timeout_s=5.0)
    load.tally = tally or load.tally
    async with load.running() as noted:
        await asyncio.sleep(seconds)
    return noted


def _settled(server: Server) -> Usage:
    """Usage once the load that warms it up is over and what it leaves is closed."""
    asyncio.run(_slates(server, seconds=2))
    return steady(server.usage)


def steady(look: Callable[[], Usage]) -> Usage:
    """What is used once it no longer falls."""
    now = look()
    for _ in range(10):
        time.sleep(0.5)
        before, now = now, look()
        if now.fds >= before.fds and now.unique > before.unique - 1:
            break
    return now


def _flat(before: Usage, after: Usage) -> bool:
    return (
        after.fds <= before.fds + LEAK_FDS
        and after.threads <= before.threads + LEAK_THREADS
        and after.unique <= before.unique + LEAK_MIB
    )
