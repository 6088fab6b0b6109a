"""`slatewright serve`: one process that keeps N workers and what they share.

Invariant: calls are answered by workers only; this process holds the port, the writer of events and the copy engine,
replaces what dies, and outlives none of it: its children leave when it does. It imports nothing of the slates.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from server import log, ports
from server.backstage import Backstage, background, backstage
from server.boot import WORKER_COMMAND, Boot
from server.config import ServerConfig
from server.worker_process import WorkerProcess

QUIET: Final = {"GRPC_VERBOSITY": "ERROR"}
"""gRPC's core otherwise tells of each handshake that fails, in lines that are no JSON and that strangers can cause."""


@dataclass(frozen=True, slots=True)
class Supervised:
    """A started server; `address` is HOST:PORT with the real port."""

    address: str
    workers: Sequence[WorkerProcess]
    shared: Backstage


async def serve(config: ServerConfig, *, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is told HOST:PORT once every worker answers calls.

    Raises
    ------
    ConfigError
        The port or the state folder is taken or cannot be used, or a worker says what it cannot do.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with log.capturing_libraries():
        async with supervised(config) as up:
            stopped = asyncio.ensure_future(stop.wait())
            serving = asyncio.ensure_future(_all_serve(up.workers))
            await asyncio.wait({stopped, serving}, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                serving.result()
                ready(up.address)
            await stopped
            serving.cancel()
            log.write("draining", address=up.address)
    log.write("stopped")


async def _all_serve(workers: Sequence[WorkerProcess]) -> None:
    await asyncio.gather(*(worker.first for worker in workers))


def _nothing(_pid: int) -> None:
    """For a death nobody asks about."""


@asynccontextmanager
async def supervised(config: ServerConfig) -> AsyncIterator[Supervised]:
    """Workers and what they share, started inside the block and drained at its end."""
    async with contextlib.AsyncExitStack() as stack:
        port = stack.enter_context(ports.reserved(config.host, config.port))
        shared = await stack.enter_async_context(backstage(config))
        told = replace(config, port=port)
        boots = [Boot(n, told, shared.folder) for n in range(config.workers)]
        env = QUIET | os.environ
        on_death: Callable[[int], None] = _nothing
        if config.admin_port:
            from server import admin  # noqa: PLC0415  nobody else needs it

            folder = shared.folder / "metrics"
            folder.mkdir()
            env, on_death = env | {admin.FOLDER_VARIABLE: str(folder)}, admin.forget_gauges(folder)
        workers = [
            WorkerProcess(
                boot.index,
                boot.line(),
                command=WORKER_COMMAND,
                env=env,
                on_death=on_death,
                silence_s=config.worker_silence_s,
            )
            for boot in boots
        ]
        if config.admin_port:
            known = [admin.SupervisorCollector(workers, shared)]
            stack.enter_context(admin.endpoint(config.admin_port, folder=folder, collectors=known))

        async def drain() -> None:
            await asyncio.gather(*(worker.stop(drain_s=config.drain_s) for worker in workers))

        for worker in workers:
            await stack.enter_async_context(background(worker.run()))
        stack.push_async_callback(drain)
        host = f"[{config.host}]" if ":" in config.host else config.host
        yield Supervised(f"{host}:{port}", workers, shared)
