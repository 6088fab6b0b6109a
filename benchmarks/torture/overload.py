"""Three times what one worker can do, as Poisson arrivals: who is served is served fast, who is not is told at once.

Capacity is measured by closed loops just before; the reference is the same open-loop load at 60 % of it.
"""

from __future__ import annotations

import asyncio
import time

from benchmarks.torture.load import Tally, closed_loop, doors, poisson, timed
from benchmarks.torture.served import Server, serving
from benchmarks.torture.table import Bench, Row, quantile

DOORS = 8
DEADLINE_S = 0.5


def run(at: Bench) -> list[Row]:
    """Capacity, 60 %, 300 %, recovery."""
    with serving(at.bundles, at.folder("overload"), workers=1) as server:
        return [asyncio.run(_measured(server, at))]


async def _measured(server: Server, at: Bench) -> Row:
    seconds = float(at.sized(quick=20, full=60))
    async with doors(server.target, DOORS) as opened:

        async def call(number: int) -> object:
            return await opened[number % DOORS].recommend(number, timeout_s=DEADLINE_S)

        warm = Tally()
        await poisson(call, rate=20, seconds=2, seed=1, tally=warm)
        alone_s = min(seconds, 10)
        capacity = (await closed_loop(call, n_clients=4, seconds=alone_s)).codes["OK"] / alone_s
        at.tell(f"capacity {capacity:.0f} slates a second")
        usual, crowd, after = Tally(), Tally(), Tally()
        await poisson(call, rate=0.6 * capacity, seconds=seconds, seed=2, tally=usual)
        at.tell(f"at 60 %: {usual.shown()}, p99 {_ms(usual, 'OK'):.1f} ms")
        late = await poisson(call, rate=3 * capacity, seconds=seconds, seed=3, tally=crowd)
        recovery_s = await _recovered(call, limit_s=1.5 * quantile(usual.took["OK"], 0.99))
        await poisson(call, rate=0.6 * capacity, seconds=min(seconds, 10), seed=4, tally=after)
    refused = crowd.took.get("RESOURCE_EXHAUSTED", [])
    n_refused, other = len(refused), crowd.n - crowd.codes["OK"] - len(refused)
    ratio = quantile(crowd.took["OK"], 0.99) / quantile(usual.took["OK"], 0.99)
    refused_ms = 1_000 * quantile(refused, 0.99)
    passed = ratio <= 2 and refused_ms <= 20 and crowd.retry == n_refused and not other and recovery_s <= 5
    return Row(
        "overload",
        f"one worker, {capacity:.0f} slates/s; Poisson at 60, 300 %, {seconds:.0f} s each; deadline {DEADLINE_S} s",
        f"accepted p99 {_ms(crowd, 'OK'):.1f} ms beside {_ms(usual, 'OK'):.1f} ms; goodput "
        f"{crowd.codes['OK'] / seconds / capacity:.0%} of capacity; {n_refused} refused, p50 "
        f"{1_000 * quantile(refused, 0.5):.1f} p99 {refused_ms:.1f} ms, {crowd.retry} with retry info; {other} other "
        f"({crowd.shown()}); generator late p99 {1_000 * quantile(late, 0.99):.1f} ms; recovered after "
        f"{recovery_s:.1f} s, then p99 {_ms(after, 'OK'):.1f} ms, {after.failed} failed; at 60 % {usual.failed} failed",
        passed,
        {
            "overload_p99_ratio": ratio,
            "overload_refused_p99_ms": refused_ms,
            "overload_recovery_s": recovery_s,
            "overload_goodput": crowd.codes["OK"] / seconds / capacity,
        },
    )


def _ms(tally: Tally, code: str) -> float:
    return 1_000 * quantile(tally.took.get(code, []), 0.99)


async def _recovered(call: object, *, limit_s: float) -> float:
    """Seconds until ten calls in a row, one at a time, are answered within `limit_s`."""
    began = since = time.perf_counter()
    good = 0
    while good < 10 and time.perf_counter() - began < 30:
        tally = Tally()
        if not good:
            since = time.perf_counter()
        await timed(tally, lambda: call(good))  # type: ignore[operator]
        good = good + 1 if tally.took.get("OK", [limit_s + 1])[0] <= limit_s else 0
        await asyncio.sleep(0.01)
    return since - began if good >= 10 else float("inf")
