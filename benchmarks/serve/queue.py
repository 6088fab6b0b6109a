"""The floor that queueing alone sets: one first-come server fed measured service times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def single_server(rate: float, seconds: float, service_s: Sequence[float], *, seed: int) -> list[float]:
    """Latencies in seconds of Poisson arrivals at `rate` a second, each service drawn from the measured ones (Lindley).

    Lindley 1952, "The theory of queues with a single server".
    """
    rng = np.random.default_rng(seed)
    at_s = np.cumsum(rng.exponential(1 / rate, int(rate * seconds)))
    drawn = rng.choice(np.asarray(service_s), len(at_s))
    free, latency = 0.0, []
    for start, service in zip(at_s.tolist(), drawn.tolist(), strict=True):
        free = max(free, start) + service
        latency.append(free - start)
    return latency
