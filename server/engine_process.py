"""Starts the copy engine, and starts it again when it dies, hangs or cannot be started.

Invariant: the engine is a child that never outlives the server (it reads its stdin and leaves at its end),
and no failure of it reaches a slate: while it is away or loading, `EngineClient.ready` is False.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from server import log
from server.backoff import Backoff
from server.engine_client import PROBE_S, EngineClient

ENGINE_COMMAND: Final = (sys.executable, "-m", "server.copy_engine")

_KILL_AFTER_S: Final = 5.0
FIRST_ANSWER_S: Final = 120.0
"""How long an engine may take until it says anything, that the model is loading among it."""


class EngineProcess:
    """Supervises one engine at `socket`; `run()` is a task that lives as long as the server.

    `on_ready` is told the model's name each time an engine has loaded it; `command` takes `--socket PATH`.
    An engine that is silent for `silence_s` with a batch open is killed; the batch ends with what it has.
    """

    def __init__(
        self,
        socket: Path,
        client: EngineClient,
        *,
        on_ready: Callable[[str], None],
        command: Sequence[str] = ENGINE_COMMAND,
        silence_s: float = 30.0,
    ) -> None:
        self._command = [*command, "--socket", str(socket)]
        self._client = client
        self._on_ready = on_ready
        self._silence_s = silence_s
        self._process: asyncio.subprocess.Process | None = None
        self._began_s = 0.0
        self.n_restarts = 0

    @property
    def pid(self) -> int | None:
        """The engine's process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def ready(self) -> bool:
        """Whether the engine can write now."""
        return self._client.ready

    async def run(self) -> None:
        """Keep an engine running until cancelled."""
        backoff = Backoff()
        while True:
            started = time.monotonic()
            try:
                await self._live()
            except Exception as error:  # such as a fork the system refuses: it may not at the next try
                log.write("engine_failed", trace=log.frames(error))
                await self.stop()
            self._client.ready = False
            lived_s = time.monotonic() - started
            pause_s = backoff.pause_s(lived_s=lived_s)
            self.n_restarts += 1
            code = self._process.returncode if self._process else None
            log.write("engine_died", code=code, lived_s=round(lived_s, 1), restart_in_s=pause_s)
            await asyncio.sleep(pause_s)

    async def stop(self) -> None:
        """End the engine: asked first, then killed."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _KILL_AFTER_S)
            except TimeoutError:
                process.kill()
                await process.wait()

    async def _live(self) -> None:
        """One engine from start to death."""
        self._process = None
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
        )
        log.write("engine_started", pid=self._process.pid)
        await self._watch(self._process)

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Until the engine dies: note when it is loaded, end it when it hangs."""
        gone = asyncio.ensure_future(process.wait())
        self._client.silent_s = self._client.answered_s = 0.0
        self._began_s = time.monotonic()
        try:
            while not gone.done():
                if (silent_s := self._silent_s()) > self._silence_s:
                    log.write("engine_hangs", silent_s=round(silent_s, 1))
                    self._client.ready = False
                    process.kill()
                    await gone
                    break
                was_ready = self._client.ready
                if await self._client.probe() and not was_ready:
                    log.write("engine_ready", model=self._client.model)
                    self._on_ready(self._client.model)
                await asyncio.wait({gone}, timeout=4 * PROBE_S if was_ready else PROBE_S)
        finally:
            gone.cancel()

    def _silent_s(self) -> float:
        """How long the engine has brought nothing that is due, texts or an answer to a probe."""
        due_s = self._client.answered_s + 4 * PROBE_S if self._client.answered_s else self._began_s + FIRST_ANSWER_S
        return max(self._client.silent_s, time.monotonic() - due_s)
