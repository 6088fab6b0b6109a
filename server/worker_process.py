"""Starts one worker, or the process that copies bundles, and starts it again whenever it dies.

Invariant: a worker that was not asked to stop is replaced, however it ended, with growing pauses while it keeps dying.
One that hangs is ended first: a worker says `alive` once in `BEAT_S`, from its event loop and only while its CPU thread
gets on, so a stopped process, a blocked loop and a stuck computation are all silent.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from recsys.errors import ConfigError
from server import log
from server.backoff import Backoff

KILL_AFTER_S: Final = 5.0
"""Beyond the time it has to drain."""
BEAT_S: Final = 1.0
FIRST_WORD_S: Final = 120.0
"""How long a worker may take to its first word, imports and a large bundle among it."""


class WorkerProcess:
    """Supervises one worker; `run()` is a task that lives as long as the server.

    `boot` is what the worker reads first; `env` None is this process's; `on_death` is told the pid. `command` is
    spawned, never forked: gRPC is at work in this process. Silent for `silence_s`, it is killed; None waits forever.
    """

    def __init__(
        self,
        index: int | str,
        boot: bytes,
        *,
        command: Sequence[str],
        env: Mapping[str, str] | None = None,
        on_death: Callable[[int], None] = lambda _pid: None,
        silence_s: float | None = None,
    ) -> None:
        self._index = index
        self._boot = boot
        self._command = command
        self._env = env
        self._on_death = on_death
        self._silence_s = silence_s
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self.serving = False
        self.n_restarts = 0
        self.first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when it serves for the first time; ConfigError where it says that it never will."""

    @property
    def pid(self) -> int | None:
        """The worker's process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def run(self) -> None:
        """Keep the worker running until `stop` or cancelled."""
        backoff = Backoff()
        while not self._stopping:
            started = time.monotonic()
            try:
                await self._live()
            except OSError as error:  # a spawn the system refuses: it may not at the next try
                log.write("worker_failed", worker=self._index, trace=log.frames(error))
            self.serving = False
            if self._stopping:
                return
            lived_s = time.monotonic() - started
            pause_s = backoff.pause_s(lived_s=lived_s)
            self.n_restarts += 1
            code = self._process.returncode if self._process else None
            died = {"worker": self._index, "code": code, "lived_s": round(lived_s, 1), "restart_in_s": pause_s}
            log.write("worker_died", **died)
            await asyncio.sleep(pause_s)

    async def stop(self, *, drain_s: float) -> None:
        """Have it drain and end; killed where it takes longer than it may."""
        self._stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), drain_s + KILL_AFTER_S)
            except TimeoutError:
                log.write("worker_killed", worker=self._index)
                process.kill()
                await process.wait()

    async def _live(self) -> None:
        """One worker from start to death."""
        self._process = None
        pipe = asyncio.subprocess.PIPE
        # A session of its own: Ctrl-C in a terminal reaches the supervisor, which drains.
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=pipe, stdout=pipe, start_new_session=True, env=self._env
        )
        self._process = process
        log.write("worker_started", worker=self._index, pid=process.pid)
        assert process.stdin and process.stdout  # noqa: S101  for the type checker
        with contextlib.suppress(ConnectionError):  # it died at once
            process.stdin.write(self._boot)
            await process.stdin.drain()
        await self._listen(process, process.stdout)
        await process.wait()
        self._on_death(process.pid)

    async def _listen(self, process: asyncio.subprocess.Process, words: asyncio.StreamReader) -> None:
        """Until it has nothing more to say; killed where it is silent for too long."""
        allowed_s = None if self._silence_s is None else max(FIRST_WORD_S, self._silence_s)
        while True:
            try:
                line = await asyncio.wait_for(words.readline(), allowed_s)
            except TimeoutError:
                if self._stopping:  # it drains; `stop` has its own patience
                    continue
                log.write("worker_hangs", worker=self._index, pid=process.pid, silent_s=allowed_s)
                self.serving = False
                process.kill()
                return
            if not line:
                return
            allowed_s = self._silence_s
            self._hear(line.decode("utf-8", "replace").strip())

    def _hear(self, said: str) -> None:
        kind, _, why = said.partition(" ")
        if kind == "alive":
            return
        self.serving = kind == "ready"
        if kind == "error":
            log.write("worker_refused", worker=self._index, why=why)
        if self.first.done():
            return
        if kind == "ready":
            self.first.set_result(None)
        elif kind == "error":
            self.first.set_exception(ConfigError(why))
