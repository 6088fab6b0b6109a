"""Bundles that are swapped under load, and bundles that nobody should serve.

That no slate mixes two bundles is seen from outside: each version is first asked a set of requests in quiet; under load
every answer must be, item by item and score by score, the one of the version it names.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from benchmarks.torture import shops
from benchmarks.torture.load import SILENT, Door, Tally, doors, timed, user_id
from benchmarks.torture.served import Server, serving, until
from benchmarks.torture.table import Bench, Row
from recsys import versions
from slatewright.v1 import recommendation_pb2 as pb

N_REQUESTS = 60
LOOPS = 4
WHEN = Timestamp(seconds=1_751_328_000)  # the end of the generated logs

Slate = tuple[tuple[str, float], ...]


def run(at: Bench) -> list[Row]:
    """Swaps, then refusals."""
    folder = shops.copy_of(at.bundles, at.folder("swap") / "bundles")
    with serving(folder, folder.parent) as server:
        swaps = asyncio.run(_swaps(server, folder, at))
        refusals = [_refused(server, folder, kind) for kind in shops.KINDS]
    return [swaps, *refusals]


def _request(number: int) -> pb.RecommendRequest:
    return pb.RecommendRequest(
        user_id=user_id(7 * number), request_id=f"r{number}", request_time=WHEN, page_size=20, copy=SILENT
    )


def _slate(answer: Any) -> Slate:
    return tuple((item.item_id, item.score) for item in answer.items)


async def _swaps(server: Server, folder: Path, at: Bench) -> Row:
    every_s = at.sized(quick=5, full=10)
    n_swaps = at.sized(quick=8, full=30)
    known: dict[str, list[Slate]] = {}
    tally, mixed, n_served = Tally(), [0], dict.fromkeys(shops.names(folder), 0)
    async with doors(server.target, LOOPS) as opened:
        for name in reversed(shops.names(folder)[:2]):
            await _switch(server, folder, name)
            known[name] = [_slate(await opened[0].slates.Recommend(_request(n), timeout=20)) for n in range(N_REQUESTS)]
        first, second = known
        different = sum(a != b for a, b in zip(known[first], known[second], strict=True))
        stop = asyncio.Event()

        async def loop(place: int, door: Door) -> None:
            draw = random.Random(place)
            while not stop.is_set():
                number = draw.randrange(N_REQUESTS)
                answer = await timed(tally, lambda: door.slates.Recommend(_request(number), timeout=20))
                if answer is not None:
                    n_served[answer.bundle_version] += 1
                    mixed[0] += _slate(answer) != known[answer.bundle_version][number]
                await asyncio.sleep(0.01)

        loops = [asyncio.create_task(loop(place, door)) for place, door in enumerate(opened)]
        late = 0
        for turn in range(n_swaps):
            began = asyncio.get_running_loop().time()
            switched = await _switch(server, folder, (first, second)[turn % 2])
            late += not switched
            at.tell(f"swap {turn + 1} of {n_swaps}: {tally.shown()}, mixed {mixed[0]}")
            await asyncio.sleep(max(0.0, every_s - (asyncio.get_running_loop().time() - began)))
        stop.set()
        await asyncio.gather(*loops)
    served = ", ".join(f"{n} by {name}" for name, n in n_served.items() if n)
    return Row(
        "hot swap",
        f"{n_swaps} swaps of two bundles, one every {every_s} s, {LOOPS} closed loops on 2 workers",
        f"{tally.failed} failed calls of {tally.n} ({served}); {mixed[0]} slates not of the version they name "
        f"({different} of {N_REQUESTS} requests tell the versions apart); {late} swaps took over 30 s",
        not tally.failed and not mixed[0] and not late and different > N_REQUESTS // 2,
        {"swap_failed_calls": tally.failed, "swap_mixed_slates": mixed[0], "swap_calls": tally.n},
    )


async def _switch(server: Server, folder: Path, name: str) -> bool:
    """Whether both workers serve the version within half a minute."""
    await asyncio.to_thread(versions.use, folder, name)
    serves = f'slatewright_bundle_workers{{version="{name}"}}'
    took = await asyncio.to_thread(until, lambda: server.metrics().get(serves) == 2, within_s=30)
    return took is not None


def _refused(server: Server, folder: Path, kind: str) -> Row:
    """Publish a bad bundle; it must be named in the log and the metric, and the old one goes on."""
    counted = server.metric("slatewright_bundles_refused_total")
    before = versions.current_name(folder)
    name = shops.spoilt(folder, kind)
    until(lambda: len(_told(server, name)) >= 2, within_s=30)
    tally, others = asyncio.run(_asked(server, before))
    versions.use(folder, before)
    counted = server.metric("slatewright_bundles_refused_total") - counted
    told = _told(server, name)
    why = str(told[0].get("why", told[0].get("trace"))) if told else "nothing"
    return Row(
        f"{kind} bundle",
        "published as current",
        f"refused by {len(told)} of 2 workers, metric +{counted:.0f}, {tally.n} calls, {tally.failed} failed, "
        f"{others} by another bundle; log: {why[:110]}",
        len(told) == 2 and counted == 2 and not tally.failed and not others,
    )


def _told(server: Server, name: str) -> list[dict[str, Any]]:
    return [line for line in server.said("bundle_refused") if line["bundle"] == name]


async def _asked(server: Server, expected: str) -> tuple[Tally, int]:
    tally, others = Tally(), 0
    async with doors(server.target, 6) as opened:
        for number in range(60):
            answer = await timed(tally, lambda n=number: opened[n % 6].recommend(n))  # type: ignore[misc]
            others += answer is not None and answer.bundle_version != expected
    return tally, others
