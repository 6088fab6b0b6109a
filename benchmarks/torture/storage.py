"""A disk that is full or stands still, a Redis that is gone: a clear error, nothing acknowledged that is not kept, and
slates go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks.torture.load import Door, Slates, Tally, click, doors, timed
from benchmarks.torture.served import Server, serving, until
from benchmarks.torture.table import Bench, Row, missing

STALL_S = 15


def run(at: Bench) -> list[Row]:
    """Both stores."""
    return [_disk_full(at), _disk_stalls(at), _redis_gone(at)]


def _disk_full(at: Bench) -> Row:
    name, done = "disk full", "the state folder's file system is filled to the last byte, then emptied"
    folder = at.folder("full")
    with _small_disk(folder / "state") as mounted:
        if not mounted:
            return missing(name, done, "no tmpfs can be mounted here (root is needed)")
        with serving(at.bundles, folder) as server:
            filler = server.state / "filler"
            seen = asyncio.run(_phases(server, lambda: _fill(filler), filler.unlink, lambda: True))
            server.stop()
            stored = _stored(server.state)
    return _row(name, done, seen, stored)


def _disk_stalls(at: Bench) -> Row:
    name, done = "slow disk", f"the state folder's file system stands still for {STALL_S} s under load (fsfreeze)"
    folder = at.folder("stall")
    with _loop_disk(folder) as mounted:
        if not mounted:
            return missing(name, done, "no loop device can be mounted and frozen here (root is needed)")
        with serving(at.bundles, folder, worker_silence_s=5) as server:
            events, slates, acknowledged = asyncio.run(_stalled(server))
            hung = len(server.said("worker_hangs"))
            server.stop()
            stored = _stored(server.state)
    lost = len(acknowledged - stored)
    before, during, after = events
    longest_s = max(sum(during.took.values(), [0.0]))
    return Row(
        name,
        done,
        f"events before: {before.shown()}; while: {during.shown()}, at most {longest_s:.1f} s; "
        f"after: {after.shown()}; {lost} acknowledged ones lost; slates: {slates.shown()}; {hung} workers hung; the "
        f"error: {next(iter(during.words), 'none')}",
        not lost
        and not before.failed
        and not after.failed
        and not slates.failed
        and not hung
        and during.n > 0
        and set(during.codes) <= {"OK", "UNAVAILABLE"},
        {"slow_disk_lost": lost},
    )


async def _stalled(server: Server) -> tuple[list[Tally], Tally, set[str]]:
    """(events before, while and after, slates over all of it, what was acknowledged)."""
    tallies, acknowledged = [Tally(), Tally(), Tally()], set[str]()
    load = Slates(server.target, n=3, timeout_s=5.0)

    async def send(door: Door, phase: int, end: float) -> None:
        n = 0
        while asyncio.get_running_loop().time() < end:
            n += 1
            event = click(f"{phase}-{id(door)}-{n}", n)
            if await timed(tallies[phase], lambda: door.record([event])) == 1:
                acknowledged.add(event.event_id)
            await asyncio.sleep(0.02)

    async with load.running(), doors(server.target, 4) as opened:
        for phase, (seconds, change) in enumerate(((2, ""), (STALL_S, "-f"), (2, "-u"))):
            if change:
                await asyncio.to_thread(subprocess.run, ["fsfreeze", change, str(server.state)], check=True)
            end = asyncio.get_running_loop().time() + seconds
            if phase == 1:
                sending = [asyncio.create_task(send(door, 1, end)) for door in opened]
                await asyncio.sleep(seconds)
                continue
            if phase == 2:
                await asyncio.gather(*sending)  # what waited for the disk
                end = asyncio.get_running_loop().time() + seconds
            await asyncio.gather(*(send(door, phase, end) for door in opened))
    return tallies, load.tally, acknowledged


def _stored(state: Path) -> set[str]:
    with closing(sqlite3.connect(state / "events.sqlite")) as connection:
        return {event_id for (event_id,) in connection.execute("SELECT event_id FROM events")}


def _redis_gone(at: Bench) -> Row:
    name, done = "Redis gone", "SIGKILL of redis-server under load, then its start"
    if shutil.which("redis-server") is None:
        return missing(name, done, "no redis-server here (Debian package redis-server)")
    folder = at.folder("redis")
    redis = Redis(folder)
    redis.start()
    try:
        env = {"SLATEWRIGHT_KEY": "ab" * 32}
        with serving(at.bundles, folder, env=env, store=f"redis://127.0.0.1:{redis.port}/0") as server:
            seen = asyncio.run(_phases(server, redis.kill, redis.start, redis.answers))
            stored = set(redis.ask("SMEMBERS", "slatewright:ids"))
    finally:
        redis.kill()
    return _row(name, done, seen, stored)


class Seen:
    """Tallies of events and of slates before, while and after, and what was acknowledged."""

    def __init__(self) -> None:
        self.events = [Tally(), Tally(), Tally()]
        self.slates = [Tally(), Tally(), Tally()]
        self.acknowledged: set[str] = set()


def _row(name: str, done: str, seen: Seen, stored: set[str]) -> Row:
    lost = len(seen.acknowledged - stored)
    before, during, after = seen.events
    failed = sum(tally.failed for tally in seen.slates)
    said = next(iter(during.words), "nothing")
    return Row(
        name,
        done,
        f"events before: {before.shown()}; while: {during.shown()}; after: {after.shown()}; {lost} acknowledged ones "
        f"lost; slates: {sum(t.n for t in seen.slates)}, {failed} failed; the error: {said}",
        not lost
        and not before.failed
        and set(during.codes) <= {"UNAVAILABLE", "OK"}
        and during.codes["UNAVAILABLE"] > 0
        and not after.failed
        and not failed,
        {f"{name.lower().replace(' ', '_')}_lost": lost},
    )


async def _phases(
    server: Server, harm: Callable[[], object], heal: Callable[[], object], healed: Callable[[], bool]
) -> Seen:
    seen = Seen()
    async with doors(server.target, 2) as opened:
        for phase, change in enumerate((lambda: None, harm, heal)):
            await asyncio.to_thread(change)
            if phase == 2:
                await asyncio.to_thread(until, healed, within_s=20)
                await asyncio.sleep(1.5)  # who saw it fail looks again after a second
            load = Slates(server.target, n=2, timeout_s=5.0)
            async with load.running():
                for n in range(60):
                    await _send(opened[n % 2], f"{phase}-{n}", seen, phase)
                    await asyncio.sleep(0.03)
            seen.slates[phase] = load.tally
    return seen


async def _send(door: Door, stem: str, seen: Seen, phase: int) -> None:
    """Twenty events in one call, of some size."""
    events = [click(f"{stem}-{k}-{'x' * 100}", k) for k in range(20)]
    if await timed(seen.events[phase], lambda: door.record(events)) == len(events):
        seen.acknowledged.update(event.event_id for event in events)


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 512, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)


@contextmanager
def _small_disk(folder: Path) -> Iterator[bool]:
    """A file system of 8 MiB at the folder inside the block; False where none can be had."""
    folder.mkdir()
    mount = shutil.which("mount")
    if sys.platform != "linux" or os.geteuid() != 0 or not mount:
        yield False
        return
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    try:
        yield made.returncode == 0
    finally:
        if made.returncode == 0:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def _loop_disk(folder: Path) -> Iterator[bool]:
    """A file system on a file, which can be frozen, at `state` inside the block; False where none can be had."""
    state, image = folder / "state", folder / "image"
    state.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0 or not all(map(shutil.which, ("mkfs.ext4", "mount", "fsfreeze"))):
        yield False
        return
    with image.open("wb") as file:
        file.truncate(64 << 20)
    commands = ["mkfs.ext4", "-q", str(image)], ["mount", "-o", "loop", str(image), str(state)]
    mounted = all(subprocess.run(command, capture_output=True, check=False).returncode == 0 for command in commands)
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["fsfreeze", "-u", str(state)], capture_output=True, check=False)
            subprocess.run(["umount", "--lazy", str(state)], check=True)


class Redis:
    """A redis-server that syncs every write, on a port and in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._folder = folder / "redis"
        self._folder.mkdir()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, with what it has on disk."""
        wanted = {"port": str(self.port), "bind": "127.0.0.1", "dir": str(self._folder), "save": ""}
        wanted |= {"appendonly": "yes", "appendfsync": "always"}
        flags = [part for name, value in wanted.items() for part in (f"--{name}", value)]
        self._process = subprocess.Popen(["redis-server", *flags], stdout=subprocess.DEVNULL)
        until(self.answers, within_s=20)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def answers(self) -> bool:
        """Whether it can be used."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False

    def ask(self, *words: str) -> list[str]:
        """The answer of a command that gives a list."""
        command = ["redis-cli", "-p", str(self.port), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
