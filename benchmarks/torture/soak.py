"""Slates, events and reloads for a long time: the memory of each worker must not climb."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import numpy as np

from benchmarks.torture import shops
from benchmarks.torture.load import Slates, Tally, click, doors, timed
from benchmarks.torture.served import Server, serving, usage
from benchmarks.torture.table import Bench, Row
from recsys import versions

EVERY_S = 2.0
WARM_SHARE = 0.3
"""Of the time, in which caches and pools may fill."""
CLIMB_MIB = 10.0
"""By which the fitted line may rise over what follows."""


def run(at: Bench) -> list[Row]:
    """One row."""
    folder = shops.copy_of(at.bundles, at.folder("soak") / "bundles")
    with serving(folder, folder.parent) as server:
        tally, samples, reloads = asyncio.run(_soaked(server, folder, at))
        restarts = server.metric("slatewright_worker_restarts_total")
    kept = samples[int(WARM_SHARE * len(samples)) :]
    at_s, mib = np.array([s for s, _, _ in kept]), np.array([m for _, m, _ in kept])
    slope = float(np.polyfit(at_s, mib, 1)[0]) if len(kept) > 2 else float("nan")
    climb = slope * float(at_s[-1] - at_s[0])
    fds = [n for _, _, n in kept]
    return [
        Row(
            "soak",
            f"{at.soak_minutes:g} minutes of slates and events on 2 workers, {reloads} reloads",
            f"unique memory of both workers {mib[0]:.0f} MiB, then {mib[-1]:.0f}; fitted {60 * slope:+.2f} a minute; "
            f"fds {min(fds)} to {max(fds)}; {tally.shown()}; {restarts:.0f} workers replaced",
            climb < CLIMB_MIB and not tally.failed and not restarts,
            {"soak_mib_per_minute": 60 * slope, "soak_climb_mib": climb, "soak_failed_calls": tally.failed},
        )
    ]


async def _soaked(server: Server, folder: Path, at: Bench) -> tuple[Tally, list[tuple[float, float, int]], int]:
    names, reloads, samples = shops.names(folder)[:2], 0, []
    load = Slates(server.target, n=4, pause_s=0.03)
    began, draw = time.monotonic(), random.Random(1)
    async with load.running() as tally, doors(server.target, 1) as (teller,):
        turn = 0
        while (spent := time.monotonic() - began) < 60 * at.soak_minutes:
            turn += 1
            if turn % 5 == 0:
                reloads += 1
                await asyncio.to_thread(versions.use, folder, names[reloads % 2])
            events = [click(f"s{turn}-{k}", draw.randrange(1_000)) for k in range(50)]
            await timed(tally, lambda events=events: teller.record(events))  # type: ignore[misc]
            await asyncio.sleep(EVERY_S)
            used = await asyncio.to_thread(usage, server.worker_pids())
            samples.append((spent, used.unique, used.fds))
            if turn % 10 == 0:
                at.tell(f"{spent / 60:.1f} min: {used.unique:.0f} MiB, {tally.shown()}")
    return tally, samples, reloads
