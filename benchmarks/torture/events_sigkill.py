"""Events under SIGKILL: what was acknowledged is on disk, once, however often workers and their supervisor are killed.

SIGKILL does not test fsync (the page cache survives it), so the system calls are counted as well, by strace where it
may trace, and set against the commits that the server counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

from benchmarks.torture.load import Door, Tally, click, doors, timed
from benchmarks.torture.served import Server, serving, until
from benchmarks.torture.table import Bench, Row, missing, quantile

SENDERS = 8


class Sending:
    """Loops that hand in events of ids of their own, again under the same ids where they were not acknowledged."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.acknowledged: set[str] = set()
        self.tally = Tally()
        self.stop = asyncio.Event()

    async def run(self) -> None:
        """Until `stop`."""
        async with doors(self.target, SENDERS) as opened:
            await asyncio.gather(*(self._loop(place, door) for place, door in enumerate(opened)))

    async def _loop(self, place: int, door: Door) -> None:
        draw = random.Random(place)
        ids: list[str] = []
        n = 0
        while not self.stop.is_set():
            if not ids:
                ids = [f"{place}-{n + k}" for k in range(draw.randint(1, 5))]
                n += len(ids)
                if draw.random() < 0.05 and self.acknowledged:
                    ids.append(next(iter(self.acknowledged)))  # a repeat of what was accepted
            events = [click(event_id, draw.randrange(500)) for event_id in ids]
            accepted = await timed(self.tally, lambda events=events: door.record(events))  # type: ignore[misc]
            if accepted == len(ids):
                self.acknowledged.update(ids)
                ids = []
            elif accepted is None and draw.random() < 0.3:
                ids = []  # this sender gives up: the event may be there or not, but not twice
            elif accepted is None:
                await asyncio.sleep(0.05)


def run(at: Bench) -> list[Row]:
    """Kills, then counts and times."""
    return [_kills(at), *_disk(at)]


def _kills(at: Bench) -> Row:
    kills = at.sized(quick=5, full=50)
    with serving(at.bundles, at.folder("events")) as server:
        sending = asyncio.run(_under_load(server, kills, at))
        server.stop()
        stored = _stored(server.state)
    lost = len(sending.acknowledged - set(stored))
    doubled = len(stored) - len(set(stored))
    return Row(
        "events under SIGKILL",
        f"{SENDERS} senders; {kills} kills, of the supervisor (the writer) and of a worker in turn",
        f"{len(sending.acknowledged)} acknowledged, {lost} lost, {doubled} doubled; calls: {sending.tally.shown()}",
        not lost and not doubled and bool(sending.acknowledged),
        {"events_lost": lost, "events_doubled": doubled, "events_kills": kills},
    )


async def _under_load(server: Server, kills: int, at: Bench) -> Sending:
    sending = Sending(server.target)
    load = asyncio.create_task(sending.run())
    draw = random.Random(7)
    for turn in range(kills):
        await asyncio.sleep(draw.uniform(0.3, 1.5))
        if turn % 2 == 0:
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
        else:
            pid = draw.choice(server.worker_pids())
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        at.tell(f"kill {turn + 1} of {kills}, {len(sending.acknowledged)} events acknowledged")
    await asyncio.sleep(1)
    sending.stop.set()
    await load
    return sending


def _stored(state: Path) -> list[str]:
    with closing(sqlite3.connect(state / "events.sqlite")) as connection:
        return [event_id for (event_id,) in connection.execute("SELECT event_id FROM events")]


def _disk(at: Bench) -> list[Row]:
    """Commits, fsyncs and times, without kills."""
    seconds = at.sized(quick=5, full=20)
    with serving(at.bundles, at.folder("fsync")) as server:
        before = _fsync_s(server.folder)
        sending, commits, _ = asyncio.run(_steady(server, seconds, trace=None))
        after = _fsync_s(server.folder)
        disk_ms, call_ms = 1_000 * quantile(before + after, 0.99), 1_000 * quantile(sending.tally.took["OK"], 0.99)
        timing = Row(
            "events beside the disk",
            f"{SENDERS} senders for {seconds} s; 4 KiB written and synced 400 times before and after, same folder",
            f"RecordEvents p99 {call_ms:.1f} ms, fsync alone p99 {disk_ms:.1f} ms; {sending.tally.n} calls in "
            f"{commits} commits",
            not sending.tally.failed,
            {"record_events_p99_ms": call_ms, "disk_fsync_p99_ms": disk_ms},
        )
        done = f"the writer's fsync and fdatasync counted by strace for {seconds} s"
        if not (strace := shutil.which("strace")):
            return [timing, missing("fsyncs", done, "no strace here")]
        trace = server.folder / "strace"
        sending, commits, traced = asyncio.run(_steady(server, seconds, trace=(strace, trace)))
        if not traced:
            return [timing, missing("fsyncs", done, "strace may not trace here")]
        fsyncs = sum(line.rstrip().endswith("= 0") for line in trace.read_text().splitlines())
    counted = Row(
        "fsyncs",
        done,
        f"{fsyncs} syncs, {commits} commits, {sending.tally.codes['OK']} calls acknowledged",
        fsyncs >= commits > 0,
        {"fsyncs_per_commit": fsyncs / max(1, commits)},
    )
    return [timing, counted]


async def _steady(server: Server, seconds: int, *, trace: tuple[str, Path] | None) -> tuple[Sending, int, bool]:
    """Load without kills: (what was sent, commits meanwhile, whether strace traced)."""
    strace = None
    if trace:
        command = [trace[0], "-f", "-e", "trace=fsync,fdatasync", "-o", str(trace[1]), "-p", str(server.pid)]
        strace = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        attached = await asyncio.to_thread(until, lambda: _tracer(server.pid) or strace.poll() is not None, within_s=10)
        if attached is None or strace.poll() is not None:
            strace.kill()
            strace.wait()
            return Sending(server.target), 0, False
    before = server.metric("slatewright_store_commits_total")
    sending = Sending(server.target)
    load = asyncio.create_task(sending.run())
    await asyncio.sleep(seconds)
    sending.stop.set()
    await load
    commits = round(server.metric("slatewright_store_commits_total") - before)
    if strace:
        strace.send_signal(signal.SIGINT)
        await asyncio.to_thread(strace.wait)
    return sending, commits, True


def _tracer(pid: int) -> bool:
    """Whether every thread of a process is traced."""
    states = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    return all("TracerPid:\t0\n" not in state for state in states)


def _fsync_s(folder: Path) -> list[float]:
    """What the disk takes for one page, in seconds."""
    took = []
    with (folder / "page").open("wb", buffering=0) as file:
        for _ in range(400):
            file.write(b"x" * 4_096)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    return took
