"""Pitches: what is ready in time, written once, and never a slate's problem."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

import copywriter.writer as writing
from copywriter.errors import EngineUnavailableError
from copywriter.gate import Verdict
from copywriter.prompt import Prompt
from copywriter.writer import CopyRequest, Writer, bare_pitch
from server.drafting import Wanted
from server.executor import CpuThread
from server.pitches import Pitches

ITEMS = [
    {"item_id": f"i{n}", "title": f"Ridgeline Desk Lamp {n}", "category": ["Office", "Desk lamps"]} for n in range(4)
]
PROFILE: dict[str, Any] = {"status": "anonymous", "n_events": 0}


@pytest.fixture(autouse=True)
def open_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every text passes: what may be said is tested with the copywriter."""
    monkeypatch.setattr(writing, "review", lambda *_args, **_named: Verdict("PASS", (), ()))


class FakeEngine:
    """Writes a text a prompt, each `pause_s` after the other, the last prompt first."""

    def __init__(self, *, pause_s: float = 0.0, breaks: Exception | None = None) -> None:
        self.ready = True
        self.pause_s = pause_s
        self.breaks = breaks
        self.batches: list[int] = []

    async def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> AsyncIterator[tuple[int, str]]:
        """Like EngineClient.generate."""
        self.batches.append(len(prompts))
        for index in reversed(range(len(prompts))):
            await asyncio.sleep(self.pause_s)
            if self.breaks:
                raise self.breaks
            yield index, "A text."


def wanted(items: Sequence[Any] = ITEMS, mode: Any = "live") -> Wanted:
    """Copy for items, as a slate asks for it."""
    by_id = {item["item_id"]: item for item in items}
    return Wanted(list(by_id), by_id.__getitem__, lambda: PROFILE, mode=mode)


class Desk:
    """Pitches with a fake engine."""

    def __init__(self, engine: FakeEngine | None, *, batch_limit: int = 8) -> None:
        self.cpu = CpuThread(limit=8)
        self.writer = Writer(model="fake")
        self.pitches = Pitches(
            self.writer,
            engine=engine,  # type: ignore[arg-type]
            cpu=self.cpu,
            batch_limit=batch_limit,
        )

    async def ask(self, *, within_s: float, items: Sequence[Any] = ITEMS) -> list[str]:
        """The origin of each item's pitch."""
        plan = await self.pitches.plan(wanted(items), until=time.monotonic() + 5)
        origins = [""] * len(items)
        async for place, pitch in self.pitches.as_ready(plan, until=time.monotonic() + within_s):
            assert not origins[place], "a pitch came twice"
            origins[place] = pitch.origin
        assert all(origins)
        return origins

    async def __aenter__(self) -> Desk:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pitches.close()
        self.cpu.close()
        self.writer.cache.close()


async def test_what_is_written_in_time_is_generated_then_cached() -> None:
    """The first call gets fresh texts, the second the kept ones, without asking the engine."""
    engine = FakeEngine()
    async with Desk(engine) as desk:
        assert await desk.ask(within_s=5) == ["GENERATED"] * 4
        assert await desk.ask(within_s=5) == ["CACHED"] * 4
    assert engine.batches == [4]


async def test_what_is_late_is_a_template_and_kept_for_the_next() -> None:
    """The deadline holds although the engine is slow; its texts serve the next caller."""
    async with Desk(FakeEngine(pause_s=0.1)) as desk:
        started = time.monotonic()
        origins = await desk.ask(within_s=0.25)
        assert time.monotonic() - started < 0.35
        assert origins[0] == "TEMPLATE"
        assert origins[3] == "GENERATED"
        await asyncio.sleep(0.5)
        assert await desk.ask(within_s=0) == ["CACHED"] * 4


async def test_one_text_is_written_once_for_all_who_wait() -> None:
    """Calls for the same texts at the same time share one batch."""
    engine = FakeEngine(pause_s=0.05)
    async with Desk(engine) as desk:
        both = await asyncio.gather(desk.ask(within_s=5), desk.ask(within_s=5))
        assert both == [["GENERATED"] * 4] * 2
    assert engine.batches == [4]


async def test_a_call_that_leaves_does_not_stop_the_writing() -> None:
    """Cancelled callers cost nothing: the batch finishes for the cache."""
    async with Desk(FakeEngine(pause_s=0.02)) as desk:
        call = asyncio.create_task(desk.ask(within_s=5))
        await asyncio.sleep(0.03)
        call.cancel()
        await asyncio.sleep(0.3)
        assert await desk.ask(within_s=0) == ["CACHED"] * 4


async def test_too_many_batches_mean_templates() -> None:
    """Beyond the limit nothing more is asked of the engine and nobody waits for it."""
    engine = FakeEngine(pause_s=0.2)
    async with Desk(engine, batch_limit=1) as desk:
        first = asyncio.create_task(desk.ask(within_s=5, items=ITEMS[:2]))
        await asyncio.sleep(0.02)
        started = time.monotonic()
        assert await desk.ask(within_s=5, items=ITEMS[2:]) == ["TEMPLATE"] * 2
        assert time.monotonic() - started < 0.1
        assert await first == ["GENERATED"] * 2
    assert engine.batches == [2]


@pytest.mark.parametrize("breaks", [EngineUnavailableError("gone"), RuntimeError("bug")], ids=repr)
async def test_a_failing_engine_means_templates(breaks: Exception) -> None:
    """Whatever the engine does, every item has a pitch, and the next call tries again."""
    engine = FakeEngine(breaks=breaks)
    async with Desk(engine) as desk:
        assert await desk.ask(within_s=5) == ["TEMPLATE"] * 4
        engine.breaks = None
        assert await desk.ask(within_s=5) == ["GENERATED"] * 4


async def test_a_refused_text_is_not_written_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the gate refused once is left to the template, without asking or waiting for the engine."""
    monkeypatch.setattr(writing, "review", lambda *_args, **_named: Verdict("BLOCK", (), ()))
    engine = FakeEngine()
    async with Desk(engine) as desk:
        assert await desk.ask(within_s=5) == ["TEMPLATE"] * 4
        engine.pause_s = 5.0
        started = time.monotonic()
        assert await desk.ask(within_s=5) == ["TEMPLATE"] * 4
        assert time.monotonic() - started < 1
    assert engine.batches == [4]


async def test_without_an_engine_nobody_waits() -> None:
    """No engine, or one that is not ready: templates at once."""
    loading = FakeEngine()
    loading.ready = False
    for engine in (None, loading):
        async with Desk(engine) as desk:
            started = time.monotonic()
            assert await desk.ask(within_s=5) == ["TEMPLATE"] * 4
            assert time.monotonic() - started < 1
    assert loading.batches == []


async def test_a_broken_copywriter_costs_the_pitches_not_the_slate(capfd: Any) -> None:
    """Should planning itself fail, every item gets a bare sentence; a line in the log without texts, no error."""
    async with Desk(None) as desk:
        desk.writer.plan = None  # type: ignore[assignment]
        plan = await desk.pitches.plan(wanted(mode="cached"), until=time.monotonic() + 5)
    assert [pitch.text for pitch in plan.pitches] == [bare_pitch(item["item_id"]).text for item in ITEMS]
    log = capfd.readouterr().err
    assert "copy_failed" in log
    assert "Ridgeline" not in log


async def test_planning_ends_in_time_and_lets_others_in_between() -> None:
    """With slow items, what is not planned by `until` is bare, and another call's work starts meanwhile."""
    items = [{**ITEMS[0], "item_id": f"s{n}", "title": f"Ridgeline Desk Lamp {n}"} for n in range(100)]
    async with Desk(None) as desk:
        slow = wanted(items, mode="cached")
        read = slow.item
        slow = replace(slow, item=lambda item_id: (time.sleep(0.01), read(item_id))[1])
        started = time.monotonic()
        planning = asyncio.create_task(desk.pitches.plan(slow, until=started + 0.3))
        await asyncio.sleep(0.02)
        await desk.cpu.run(lambda: None)
        assert time.monotonic() - started < 0.15
        plan = await planning
        assert time.monotonic() - started < 0.4
    bare = [pitch == bare_pitch(item["item_id"]) for pitch, item in zip(plan.pitches, items, strict=True)]
    assert not bare[0]
    assert bare[-1]


async def test_slices_avoid_each_others_phrasings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slate planned item by item reads like one planned at once."""
    monkeypatch.setattr("server.drafting.SLICE_S", 0.0)
    async with Desk(None) as desk:
        plan = await desk.pitches.plan(wanted(mode="cached"), until=time.monotonic() + 5)
        whole = Writer().plan([CopyRequest(item) for item in ITEMS])
    assert [pitch.text for pitch in plan.pitches] == [pitch.text for pitch in whole.pitches]
