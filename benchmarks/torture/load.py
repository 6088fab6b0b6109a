"""Calls to a server: closed loops, and open-loop load whose calls begin at times drawn beforehand.

Invariant: latency of open-loop calls counts from when the call was meant to begin, so a server, or a load generator,
that falls behind is seen and not hidden.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

import grpc
from grpc_status import rpc_status

from benchmarks.torture.shops import N_USERS
from slatewright.v1 import (
    copy_pb2,
    feedback_pb2,
    feedback_pb2_grpc,
    recommendation_pb2,
    recommendation_pb2_grpc,
)

SILENT = copy_pb2.CopyOptions(mode=copy_pb2.COPY_MODE_NONE)
TIMEOUT_S = 20.0


class Door:
    """One connection of its own. No retry policy: every failure is seen, but for calls that no server has seen."""

    def __init__(self, target: str, *, secure: grpc.ChannelCredentials | None = None) -> None:
        options = [
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_reconnect_backoff_ms", 300),
            ("grpc.initial_reconnect_backoff_ms", 100),
        ]
        self.channel = (
            grpc.aio.secure_channel(target, secure, options) if secure else grpc.aio.insecure_channel(target, options)
        )
        self.slates = recommendation_pb2_grpc.RecommendationServiceStub(self.channel)
        self.feedback = feedback_pb2_grpc.FeedbackServiceStub(self.channel)

    async def recommend(self, user: int, **fields: Any) -> recommendation_pb2.RecommendResponse:
        """A slate."""
        timeout_s = fields.pop("timeout_s", TIMEOUT_S)
        request = recommendation_pb2.RecommendRequest(user_id=user_id(user), **({"copy": SILENT} | fields))
        return await self.slates.Recommend(request, timeout=timeout_s)

    async def record(self, events: Sequence[feedback_pb2.Event]) -> int:
        """Events accepted."""
        answer = await self.feedback.RecordEvents(feedback_pb2.RecordEventsRequest(events=events), timeout=TIMEOUT_S)
        return int(answer.accepted)


def user_id(number: int) -> str:
    """A user of the generated shop."""
    return f"u{number % N_USERS:07d}"


def click(event_id: str, user: int, item_id: str = "i0000001") -> feedback_pb2.Event:
    """A click."""
    return feedback_pb2.Event(event_id=event_id, user_id=user_id(user), item_id=item_id, type="EVENT_TYPE_CLICK")


@asynccontextmanager
async def doors(target: str, n: int, **how: Any) -> AsyncIterator[list[Door]]:
    """Connections, closed at the end."""
    opened = [Door(target, **how) for _ in range(n)]
    try:
        yield opened
    finally:
        for door in opened:
            await door.channel.close(None)


@dataclass(slots=True)
class Tally:
    """What became of calls: `codes` by name, `took` seconds by code, `retry` how many refusals said when to return."""

    codes: Counter[str] = field(default_factory=Counter)
    took: dict[str, list[float]] = field(default_factory=dict)
    words: Counter[str] = field(default_factory=Counter)
    retry: int = 0

    @property
    def n(self) -> int:
        """Calls."""
        return self.codes.total()

    @property
    def failed(self) -> int:
        """Those not OK."""
        return self.n - self.codes["OK"]

    def note(self, code: str, seconds: float, error: grpc.aio.AioRpcError | None = None) -> None:
        """One call."""
        self.codes[code] += 1
        self.took.setdefault(code, []).append(seconds)
        if error is not None:
            self.words[f"{code}: {(error.details() or '')[:160]}"] += 1
            with contextlib.suppress(ValueError):
                status = rpc_status.from_call(error)
                self.retry += any(d.type_url.endswith("RetryInfo") for d in (status.details if status else ()))

    def shown(self) -> str:
        """Counts by code."""
        return ", ".join(f"{n} {code}" for code, n in self.codes.most_common()) or "no call"


async def timed(tally: Tally, call: Callable[[], Awaitable[Any]], *, since: float | None = None) -> Any:
    """The answer of a call, None where it failed; `since` is when it was meant to begin."""
    began = time.perf_counter() if since is None else since
    try:
        answer = await call()
    except grpc.aio.AioRpcError as error:
        tally.note(error.code().name, time.perf_counter() - began, error)
        return None
    tally.note("OK", time.perf_counter() - began)
    return answer


class Slates:
    """Closed loops that ask for slates until told to stop; `check` may look at each answer."""

    def __init__(
        self,
        target: str,
        *,
        n: int = 4,
        pause_s: float = 0.02,
        check: Callable[[Any], None] | None = None,
        **fields: Any,
    ) -> None:
        self.tally = Tally()
        self._target, self._n, self._pause_s, self._check, self._fields = target, n, pause_s, check, fields

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Tally]:
        """The loops at work inside the block."""
        stop = asyncio.Event()
        async with doors(self._target, self._n) as opened:
            loops = [asyncio.create_task(self._loop(place, door, stop)) for place, door in enumerate(opened)]
            try:
                yield self.tally
            finally:
                stop.set()
                await asyncio.gather(*loops)

    async def _loop(self, place: int, door: Door, stop: asyncio.Event) -> None:
        draw = random.Random(place)
        while not stop.is_set():
            answer = await timed(self.tally, lambda: door.recommend(draw.randrange(N_USERS), **self._fields))
            if answer is not None and self._check:
                self._check(answer)
            await asyncio.sleep(self._pause_s)


async def poisson(
    call: Callable[[int], Awaitable[Any]], *, rate: float, seconds: float, seed: int, tally: Tally
) -> list[float]:
    """Calls at Poisson times, never waiting for one another; how late each was begun by this generator."""
    draw = random.Random(seed)
    begin, at, number = time.perf_counter() + 0.05, 0.0, 0
    under_way: set[asyncio.Task[Any]] = set()
    late = []
    while (at := at + draw.expovariate(rate)) < seconds:
        if (wait_s := begin + at - time.perf_counter()) > 0:
            await asyncio.sleep(wait_s)
        late.append(max(0.0, time.perf_counter() - begin - at))
        task = asyncio.create_task(timed(tally, lambda n=number: call(n), since=begin + at))  # type: ignore[misc]
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        number += 1
    await asyncio.gather(*under_way)
    return late


async def closed_loop(call: Callable[[int], Awaitable[Any]], *, n_clients: int, seconds: float) -> Tally:
    """Each client calls again as soon as it is answered."""
    tally, end, numbers = Tally(), time.perf_counter() + seconds, count()

    async def client() -> None:
        while time.perf_counter() < end:
            await timed(tally, partial(call, next(numbers)))

    await asyncio.gather(*(client() for _ in range(n_clients)))
    return tally
