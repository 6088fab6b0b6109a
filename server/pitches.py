"""Pitches for a slate: what is ready at once, and what the engine finishes in time.

Invariant: every item gets exactly one pitch. A text is written once however many calls wait for it
(single flight per cache key), and a call that leaves does not stop it: the result goes to the cache.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from copywriter.errors import CopyError
from copywriter.writer import Accepted, Job, Pitch, Plan, Writer
from server import log, metrics
from server.drafting import Drafting, Wanted
from server.engine_client import EngineClient
from server.errors import OverloadedError, SlateTimeoutError
from server.executor import CpuThread

NO_PLAN: Final = Plan((), ())
"""For a call that wants no copy."""
_REFUSED_S: Final = 3_600.0
"""A text the gate refused is not asked for again so soon: the model would write it again."""
_MAX_REFUSED: Final = 20_000


class Pitches:
    """Plans in the CPU thread; everything else on the event loop. `engine` None: nothing is generated."""

    def __init__(self, writer: Writer, *, engine: EngineClient | None, cpu: CpuThread, batch_limit: int) -> None:
        self._writer = writer
        self._engine = engine
        self._cpu = cpu
        self._batch_limit = batch_limit
        self._flights: dict[str, asyncio.Future[Pitch | None]] = {}
        self._batches: set[asyncio.Task[None]] = set()
        self._refused: dict[str, float] = {}

    async def plan(self, wanted: Wanted, *, until: float) -> Plan:
        """Pitches of a slate's items, and jobs that would better them; what is not planned by `until` is bare.

        The CPU thread plans in slices, so that other calls get their turn between them. Copy never fails a
        slate: where the copywriter fails, or the thread has no time, the remaining items get a bare sentence. Under
        overload nothing new is generated.
        """
        able = self._engine is not None and self._engine.ready and not self._cpu.overloaded
        drafting = Drafting(self._writer, wanted, able=able)
        try:
            while not drafting.finished and (left_s := until - time.monotonic()) > 0:
                slice_of = self._cpu.run(lambda: drafting.go_on(until=until), until=until, yielding=True)
                await asyncio.wait_for(slice_of, left_s)
        except OverloadedError:
            metrics.COPY_SHED.inc()
        except (TimeoutError, SlateTimeoutError):
            pass
        except Exception as error:
            log.write("copy_failed", trace=log.frames(error))
        plan = drafting.plan()
        n_kept = sum(pitch.origin == "CACHED" for pitch in plan.pitches)
        metrics.counted(metrics.COPY_CACHE, {"hit": n_kept, "miss": len(plan.pitches) - n_kept})
        return plan

    async def as_ready(self, plan: Plan, *, until: float) -> AsyncIterator[tuple[int, Pitch]]:
        """(place, pitch) of every item: those ready first, the rest as they finish or at `until`.

        `until` is a `time.monotonic()`; what is not finished by then is the plan's template.
        """
        flights = {flight: job for job, flight in self._begin(plan.jobs)}
        late = {job.index for job in flights.values()}
        for place, pitch in enumerate(plan.pitches):
            if place not in late:
                yield place, pitch
        waiting = set(flights)
        while waiting and (left_s := until - time.monotonic()) > 0:
            done, waiting = await asyncio.wait(waiting, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            for flight in done:
                job, written = flights[flight], flight.result()
                fits = written is not None and len(written.text) <= job.max_chars
                yield job.index, written if written and fits else plan.pitches[job.index]
        for flight in waiting:
            yield flights[flight].index, plan.pitches[flights[flight].index]

    async def close(self) -> None:
        """Give up what is being written; calls that wait get their template."""
        for batch in list(self._batches):
            batch.cancel()
        await asyncio.gather(*self._batches, return_exceptions=True)

    def _begin(self, jobs: Sequence[Job]) -> list[tuple[Job, asyncio.Future[Pitch | None]]]:
        """The flight of each job: one that is under way, or a new one. Jobs nobody can do have none."""
        engine = self._engine
        if engine is None or not engine.ready:
            return []
        room = len(self._batches) < self._batch_limit
        fresh: list[Job] = []
        begun: list[tuple[Job, asyncio.Future[Pitch | None]]] = []
        for job in jobs:
            digest = job.key.digest
            if digest not in self._flights and room and self._worth_a_try(digest):
                self._flights[digest] = asyncio.get_running_loop().create_future()
                fresh.append(job)
            if digest in self._flights:
                begun.append((job, self._flights[digest]))
        if fresh:
            batch = asyncio.ensure_future(self._write(engine, fresh))
            self._batches.add(batch)
            batch.add_done_callback(self._batches.discard)
        return begun

    async def _write(self, engine: EngineClient, jobs: Sequence[Job]) -> None:
        """Have one batch written, gate each text, land its flight, log what the gate said by rule."""
        verdicts: Counter[str] = Counter()
        started = time.monotonic()
        try:
            prompts = [job.prompt for job in jobs]
            longest = max(job.max_new_tokens for job in jobs)
            async for index, text in engine.generate(prompts, max_new_tokens=longest):
                accepted = await self._cpu.run(_judged(self._writer, jobs[index], text), bounded=False)
                verdicts.update(["passed"] if accepted.pitch else accepted.verdict.rules)
                if accepted.pitch is None:
                    self._refuse(jobs[index].key.digest)
                self._land(jobs[index], accepted.pitch)
        except CopyError as error:
            log.write("copy_unavailable", why=str(error))
        except Exception as error:
            log.write("copy_failed", trace=log.frames(error))
        finally:
            for job in jobs:
                self._land(job, None)
            metrics.counted(metrics.VERDICTS, verdicts)
            took_ms = round(1000 * (time.monotonic() - started))
            log.write("copy_batch", n=len(jobs), ms=took_ms, verdicts=dict(sorted(verdicts.items())))

    def _worth_a_try(self, digest: str) -> bool:
        refused = self._refused.get(digest)
        return refused is None or time.monotonic() - refused > _REFUSED_S

    def _refuse(self, digest: str) -> None:
        if len(self._refused) >= _MAX_REFUSED:
            self._refused.pop(next(iter(self._refused)))
        self._refused[digest] = time.monotonic()

    def _land(self, job: Job, pitch: Pitch | None) -> None:
        flight = self._flights.pop(job.key.digest, None)
        if flight is not None and not flight.done():
            flight.set_result(pitch)


def _judged(writer: Writer, job: Job, text: str) -> Callable[[], Accepted]:
    return lambda: writer.accept(job, text)
