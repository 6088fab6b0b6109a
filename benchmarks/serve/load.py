"""Calls at a server: a closed loop for capacity, an open one (Poisson arrivals) for latency from the intended start."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Call = Callable[[int], Awaitable[object]]
"""One call, by its number; raises where it fails."""


@dataclass(frozen=True, slots=True)
class Load:
    """Latencies in seconds, in the order of the calls, and how many calls failed."""

    latency_s: NDArray[np.float64]
    failed: int
    seconds: float

    @property
    def per_s(self) -> float:
        """Calls answered a second."""
        return len(self.latency_s) / self.seconds

    def ms(self, percentile: float) -> float:
        """A percentile in milliseconds."""
        return 1_000 * float(np.percentile(self.latency_s, percentile)) if len(self.latency_s) else float("nan")


async def closed_loop(call: Call, *, n_clients: int, seconds: float) -> Load:
    """Each client calls again as soon as it is answered."""
    began, latency, failed, count = time.perf_counter(), [], 0, iter(range(10**9))

    async def client() -> None:
        nonlocal failed
        while (started := time.perf_counter()) - began < seconds:
            try:
                await call(next(count))
                latency.append(time.perf_counter() - started)
            except Exception:  # counted, and shown
                failed += 1

    await asyncio.gather(*(client() for _ in range(n_clients)))
    return Load(np.array(latency), failed, time.perf_counter() - began)


def arrivals(rate: float, seconds: float, *, seed: int) -> NDArray[np.float64]:
    """Intended starts of a Poisson process, in seconds."""
    gaps = np.random.default_rng(seed).exponential(1 / rate, int(rate * seconds * 2) + 10)
    at = np.cumsum(gaps)
    return at[at < seconds]


async def open_loop(call: Call, at_s: NDArray[np.float64]) -> Load:
    """Calls started at `at_s` whether or not earlier ones are answered; a late start counts as latency."""
    latency = np.full(len(at_s), np.nan)
    failed = 0
    began = time.perf_counter()

    async def one(i: int, due: float) -> None:
        nonlocal failed
        try:
            await call(i)
            latency[i] = time.perf_counter() - due
        except Exception:  # counted, and shown
            failed += 1

    tasks = []
    for i, start in enumerate(at_s.tolist()):
        due = began + start
        if (left := due - time.perf_counter()) > 0:
            await asyncio.sleep(left)
        tasks.append(asyncio.create_task(one(i, due)))
    await asyncio.gather(*tasks)
    return Load(latency[np.isfinite(latency)], failed, time.perf_counter() - began)


def single_server(at_s: NDArray[np.float64], service_s: Sequence[float], *, seed: int) -> NDArray[np.float64]:
    """Latencies of one first-come server at these arrivals, each service time drawn from the measured ones: the floor
    that queueing alone sets (Lindley's recursion).
    """
    drawn = np.random.default_rng(seed).choice(np.asarray(service_s), len(at_s))
    free, latency = 0.0, np.empty(len(at_s))
    for i, (start, service) in enumerate(zip(at_s.tolist(), drawn.tolist(), strict=True)):
        free = max(free, start) + service
        latency[i] = free - start
    return latency
