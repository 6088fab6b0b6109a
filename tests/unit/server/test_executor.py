"""What the CPU thread takes and what it refuses: by deadline, by length, and less of it under overload."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from server import executor
from server.errors import OverloadedError
from server.executor import STANDING_LIMIT, CpuThread
from server.lifecycle import _beat


@pytest.fixture
def cpu() -> Iterator[CpuThread]:
    thread = CpuThread(limit=20)
    yield thread
    thread.close()


class Held:
    """Pieces of work that wait until they may go on."""

    def __init__(self, cpu: CpuThread, n: int) -> None:
        self.go = threading.Event()
        self.done = [asyncio.ensure_future(cpu.run(self.go.wait, bounded=False)) for _ in range(n)]

    async def __aenter__(self) -> Held:
        await asyncio.sleep(0.02)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.go.set()
        await asyncio.gather(*self.done)


async def test_a_burst_may_fill_the_queue(cpu: CpuThread) -> None:
    """As long as the thread was idle a moment ago, its limit is the whole one."""
    async with Held(cpu, 19):
        assert not cpu.overloaded
        cpu.admit(None)
    async with Held(cpu, 20):
        with pytest.raises(OverloadedError, match=r"^20 pieces of work wait"):
            cpu.admit(None)


async def test_a_queue_that_stays_is_cut(cpu: CpuThread, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that waits without a break means overload: few may wait, until the thread has been idle once."""
    monkeypatch.setattr(executor, "STANDING_S", 0.1)
    async with Held(cpu, STANDING_LIMIT):
        cpu.admit(None)
        await asyncio.sleep(0.15)
        assert cpu.overloaded
        with pytest.raises(OverloadedError) as refused:
            cpu.admit(time.monotonic() + 1)
        cpu.admit(None)
        assert refused.value.retry_after_ms >= 100
    await asyncio.sleep(0.02)
    assert not cpu.overloaded
    async with Held(cpu, STANDING_LIMIT):
        cpu.admit(None)


async def test_who_has_time_may_wait_under_overload(cpu: CpuThread, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the remaining time may be spent in the queue, up to its limit."""
    monkeypatch.setattr(executor, "STANDING_S", 0.02)
    monkeypatch.setattr(executor, "STANDING_PIECES", 0)
    await cpu.run(lambda: time.sleep(0.05))
    async with Held(cpu, 12):
        await asyncio.sleep(0.05)
        assert cpu.overloaded
        with pytest.raises(OverloadedError):
            cpu.admit(time.monotonic() + 5)  # half a second: at most ten pieces
        cpu.admit(time.monotonic() + 60)


async def test_copy_gives_way_first(cpu: CpuThread, monkeypatch: pytest.MonkeyPatch) -> None:
    """Yielding work has half of the places."""
    monkeypatch.setattr(executor, "STANDING_S", 0.02)
    async with Held(cpu, STANDING_LIMIT // 2):
        await asyncio.sleep(0.05)
        cpu.admit(time.monotonic() + 1)
        with pytest.raises(OverloadedError):
            cpu.admit(time.monotonic() + 1, yielding=True)
    cpu.admit(None, yielding=True)


async def test_what_could_not_be_done_in_time_is_refused_at_once(cpu: CpuThread) -> None:
    """The usual time of a piece, times those ahead, against the deadline; an idle thread refuses nothing."""
    for _ in range(3):
        await cpu.run(lambda: time.sleep(0.05))
    assert 0.04 < cpu.usual_s < 0.1
    cpu.admit(time.monotonic() + 0.001)
    async with Held(cpu, 2):
        cpu.admit(time.monotonic() + 1)
        with pytest.raises(OverloadedError) as refused:
            cpu.admit(time.monotonic() + 0.1)
        assert refused.value.retry_after_ms == pytest.approx(100, abs=60)


async def test_a_stuck_thread_silences_the_beat(cpu: CpuThread) -> None:
    """While the thread is at one piece of work for too long, the worker does not say that it is alive."""
    beats: list[float] = []
    assert cpu.at_work_s == 0
    beating = asyncio.ensure_future(_beat(cpu, lambda: beats.append(cpu.at_work_s), patience_s=0.2))
    await asyncio.sleep(0.05)
    assert beats == [0]
    async with Held(cpu, 1):
        await asyncio.sleep(1.1)
        assert cpu.at_work_s > 1
        assert len(beats) == 1
    await asyncio.sleep(1.1)
    assert len(beats) == 2
    beating.cancel()
