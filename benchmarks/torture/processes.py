"""Processes that die or hang, clocks that jump, a bundle folder that vanishes: slates flow on, or fail clearly."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.torture import shops
from benchmarks.torture.load import Door, Slates, Tally, click, doors, timed, user_id
from benchmarks.torture.served import Server, alive, serving, tree, until
from benchmarks.torture.table import Bench, Row, missing
from slatewright.v1 import copy_pb2, feedback_pb2

CLEAR = {"OK", "UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "CANCELLED"}
"""What a caller may see while something is broken."""
DAY_S = 86_400


def run(at: Bench) -> list[Row]:
    """Every fault on a server of its own."""
    return [_worker_killed(at), _worker_hung(at), _orphans(at), *_engine(at), _clock(at), _folder_deleted(at)]


def _worker_killed(at: Bench) -> Row:
    with serving(at.bundles, at.folder("killed")) as server:
        victim = server.worker_pids()[0]
        tally, later, took = asyncio.run(_broken(server, _signal(victim, signal.SIGKILL), _other(server, victim)))
    return Row(
        "worker killed",
        "SIGKILL of one of two workers under load",
        f"another one serves after {took:.1f} s; meanwhile {tally.shown()}; then {later.shown()}",
        took < 60 and not later.failed and set(tally.codes) <= CLEAR,
        {"worker_replaced_s": took},
    )


def _worker_hung(at: Bench) -> Row:
    with serving(at.bundles, at.folder("hung"), worker_silence_s=3) as server:
        victim = server.worker_pids()[0]
        tally, later, took = asyncio.run(_broken(server, _signal(victim, signal.SIGSTOP), _other(server, victim)))
        told = len(server.said("worker_hangs"))
    return Row(
        "worker hung",
        "SIGSTOP of one of two workers under load (worker_silence_s 3)",
        f"found {told} time, another one serves after {took:.1f} s; meanwhile {tally.shown()}; then {later.shown()}",
        took < 60 and told == 1 and not later.failed and set(tally.codes) <= CLEAR,
        {"hung_worker_replaced_s": took},
    )


def _orphans(at: Bench) -> Row:
    with serving(at.bundles, at.folder("orphans")) as server:
        family = tree(server.pid)
        os.kill(server.worker_pids()[0], signal.SIGSTOP)
        server.kill()
        left = until(lambda: not any(alive(pid) for pid in family), within_s=10)
        ready_s = server.start()
        _, later, _ = asyncio.run(_broken(server, lambda: None, lambda: True))
    return Row(
        "supervisor killed beside a stopped worker",
        "SIGSTOP of a worker, SIGKILL of the supervisor, start on the same port and state",
        f"{'all processes gone' if left is not None else 'processes left behind'}, ready again after {ready_s:.1f} s, "
        f"then {later.shown()}",
        left is not None and not later.failed,
    )


def _signal(pid: int, number: int) -> Callable[[], None]:
    return lambda: os.kill(pid, number)


def _other(server: Server, victim: int) -> Callable[[], bool]:
    """Whether the worker was replaced and all serve."""
    return lambda: victim not in server.worker_pids() and server.metric("slatewright_workers_serving") == 2


async def _broken(server: Server, harm: Callable[[], object], healed: Callable[[], bool]) -> tuple[Tally, Tally, float]:
    """(calls from the harm until it healed, calls after that on new connections, seconds between)."""
    load = Slates(server.target, n=6, pause_s=0.03, timeout_s=1.0)
    async with load.running():
        await asyncio.sleep(1)
        began = time.monotonic()
        await asyncio.to_thread(harm)
        took = await asyncio.to_thread(until, healed, within_s=90)
    after = Slates(server.target, n=6, pause_s=0.03, timeout_s=5.0)
    async with after.running():
        await asyncio.sleep(3)
    return load.tally, after.tally, (time.monotonic() - began - 3) if took is not None else float("inf")


def _engine(at: Bench) -> list[Row]:
    done = "SIGKILL of the copy engine while it writes", "SIGSTOP of it (engine_silence_s 4)"
    names = "copy engine killed", "copy engine hung"
    with serving(at.bundles, at.folder("engine"), copy="live", engine_silence_s=4) as server:
        if until(lambda: server.metric("slatewright_engine_ready") == 1, within_s=240) is None:
            why = "no language model could be loaded"
            return [missing(name, what, why) for name, what in zip(names, done, strict=True)]
        signals = signal.SIGKILL, signal.SIGSTOP
        return [_engine_row(server, *row) for row in zip(names, done, signals, strict=True)]


def _engine_row(server: Server, name: str, done: str, number: int) -> Row:
    restarts = server.metric("slatewright_engine_restarts_total")

    def harm() -> None:
        os.kill(int(server.said("engine_started")[-1]["pid"]), number)

    def healed() -> bool:
        page = server.metrics()
        return page["slatewright_engine_restarts_total"] > restarts and page["slatewright_engine_ready"] == 1

    tally, later, took, generated = asyncio.run(_writing(server, harm, healed))
    return Row(
        name,
        done,
        f"slates meanwhile: {tally.shown()}; the engine writes again after {took:.0f} s; then {later.shown()}, "
        f"{generated} texts written",
        took < 200 and not tally.failed and not later.failed and generated > 0,
        {f"{name.replace(' ', '_')}_s": took},
    )


async def _writing(
    server: Server, harm: Callable[[], None], healed: Callable[[], bool]
) -> tuple[Tally, Tally, float, int]:
    """Slates with live copy around the harm: all must come, whatever becomes of their words."""
    live = copy_pb2.CopyOptions(mode=copy_pb2.COPY_MODE_LIVE)
    load = Slates(server.target, n=2, pause_s=0.2, copy=live, timeout_s=3.0, page_size=3)
    async with load.running():
        await asyncio.sleep(2)
        began = time.monotonic()
        harm()
        healthy = await asyncio.to_thread(until, healed, within_s=200, pause_s=0.5)
        took = time.monotonic() - began if healthy is not None else float("inf")
    before = server.metric("slatewright_gate_verdicts_total")

    def written() -> int:
        return round(server.metric("slatewright_gate_verdicts_total") - before)

    after = Slates(server.target, n=1, pause_s=0.1, copy=live, timeout_s=5.0, page_size=2)
    async with after.running():
        await asyncio.to_thread(until, written, within_s=60, pause_s=0.5)
    return load.tally, after.tally, took, written()


def _clock(at: Bench) -> Row:
    name, done = "clock jumps", "the wall clock jumps a day ahead, then two days back, under load"
    folder = at.folder("clock")
    library, offset = folder / "jumping_clock.so", folder / "offset"
    if (compiler := shutil.which("cc")) is None:
        return missing(name, done, "no C compiler here, and the clock is a few lines of C")
    source = Path(__file__).with_name("jumping_clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(source)], check=True)
    offset.write_bytes(struct.pack("q", 0))
    env = {"LD_PRELOAD": str(library), "JUMPING_CLOCK": str(offset)}
    with serving(at.bundles, folder, env=env, clock="wall") as server:
        slates, events, kept = asyncio.run(_jumping(server, offset))
        restarts = server.metric("slatewright_worker_restarts_total")
        times = [json.loads(line)["time"] for line in server.log.read_text().splitlines()]
    return Row(
        name,
        done,
        f"slates: {slates.shown()}; events: {events.shown()}; {kept} of 3 dislikes kept the item away at once; "
        f"{restarts:.0f} workers replaced; the log spans {(max(times) - min(times)) / DAY_S:.1f} days",
        not slates.failed and not events.failed and kept == 3 and not restarts and max(times) - min(times) > DAY_S,
    )


async def _jumping(server: Server, offset: Path) -> tuple[Tally, Tally, int]:
    events, kept = Tally(), 0
    load = Slates(server.target, n=3, timeout_s=5.0)
    async with load.running() as tally, doors(server.target, 2) as (teller, asker):
        for turn, days in enumerate((0, 1, -1)):
            with offset.open("r+b") as file:
                file.write(struct.pack("q", days * DAY_S))
            await asyncio.sleep(2)
            await timed(events, lambda turn=turn: teller.record([click(f"e{turn}", 1)]))  # type: ignore[misc]
            kept += await _disliked(teller, asker, turn, events)
    return tally, events, kept


async def _disliked(teller: Door, asker: Door, turn: int, events: Tally) -> bool:
    """Whether an item that was just disliked is gone from the next slate."""
    item_id = (await asker.recommend(9, page_size=5)).items[0].item_id
    dislike = feedback_pb2.Event(
        event_id=f"d{turn}", user_id=user_id(9), item_id=item_id, type=feedback_pb2.EVENT_TYPE_DISLIKE
    )
    await timed(events, lambda: teller.record([dislike]))
    return item_id not in {item.item_id for item in (await asker.recommend(9, page_size=100)).items}


def _folder_deleted(at: Bench) -> Row:
    folder = shops.copy_of(at.bundles, at.folder("deleted") / "bundles")
    with serving(folder, folder.parent) as server:
        aside = folder.with_name("aside")
        shutil.copytree(folder, aside)
        tally, gone, back = asyncio.run(_deleted(server, folder, aside))
    return Row(
        "bundle folder deleted",
        "rm -r of the bundles while serving; a worker killed then; the folder put back",
        f"{tally.shown()} without it; with a new worker that has none: {gone.shown()}; folder back: {back.shown()}",
        not tally.failed and set(gone.codes) <= {"OK", "UNAVAILABLE"} and gone.codes["OK"] > 0 and not back.failed,
    )


async def _deleted(server: Server, folder: Path, aside: Path) -> tuple[Tally, Tally, Tally]:
    tallies = []

    async def load(seconds: float) -> None:
        slates = Slates(server.target, n=6, timeout_s=5.0)
        async with slates.running():
            await asyncio.sleep(seconds)
        tallies.append(slates.tally)

    shutil.rmtree(folder)
    await load(3)
    victim = server.worker_pids()[0]
    os.kill(victim, signal.SIGKILL)
    await asyncio.to_thread(until, _other(server, victim), within_s=60)
    await load(3)
    aside.rename(folder)
    await asyncio.to_thread(until, lambda: len(server.said("bundle_loaded")) >= 3, within_s=30)
    await load(3)
    return tallies[0], tallies[1], tallies[2]
