"""What all workers of one server share: the state folder, the writer of events, the copy of bundles, the copy engine.

Invariant: there is one of each for any number of workers, and workers reach them over Unix sockets in one folder
that only this user can enter.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from recsys.errors import ConfigError
from recsys.secret_key import VARIABLE as KEY_VARIABLE
from recsys.secret_key import load_key
from server.boot import MIRROR_COMMAND, Boot
from server.config import ServerConfig
from server.engine_client import EngineClient
from server.engine_process import ENGINE_COMMAND, EngineProcess
from server.known_stores import note_exposures, note_redis
from server.store import Store
from server.store_service import serve_store
from server.worker_process import WorkerProcess

EVENTS_FILE: Final = "events.sqlite"
STORE_SOCKET: Final = "store.sock"
ENGINE_SOCKET: Final = "engine.sock"
FIRST_LOOK_S: Final = 30.0
"""For the first copy of remote bundles; workers start without it after that, and take it when it is there."""
_MODEL_FILE: Final = "copy-model"


@dataclass(frozen=True, slots=True)
class Backstage:
    """The shared parts; `folder` holds the sockets."""

    folder: Path
    store: Store | None
    """None where Redis keeps the events."""
    engine: EngineProcess | None


@asynccontextmanager
async def backstage(
    config: ServerConfig, *, engine_command: Sequence[str] = ENGINE_COMMAND
) -> AsyncIterator[Backstage]:
    """The shared parts at work inside the block. Raises ConfigError where the state folder is taken or unusable."""
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(_locked(config.state_dir))
        if config.store and KEY_VARIABLE not in os.environ:
            raise ConfigError(
                f"store is {config.store} and {KEY_VARIABLE} is not set; expected one key for all hosts, so that "
                "each takes the others' attribution tokens; make one with `openssl rand -hex 32`"
            )
        if config.store:
            note_redis(config.state_dir, config.store)
        if config.exposures is not None:
            note_exposures(config.state_dir, config.exposures)
        load_key(config.state_dir)  # made here, so that workers find one
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slatewright-")))
        store = None
        if not config.store:
            store = Store(config.state_dir / EVENTS_FILE)
            stack.callback(store.close)
            service = await serve_store(store, folder / STORE_SOCKET)
            stack.push_async_callback(service.stop, 1.0)
        if config.remote:
            await stack.enter_async_context(_mirrored(Boot(0, config, folder)))
        engine = None
        if config.copy == "live":
            client = EngineClient(folder / ENGINE_SOCKET)
            stack.push_async_callback(client.close)
            engine = EngineProcess(
                folder / ENGINE_SOCKET,
                client,
                on_ready=lambda model: _note_model(config.state_dir, model),
                command=engine_command,
                silence_s=config.engine_silence_s,
            )
            stack.push_async_callback(engine.stop)
            await stack.enter_async_context(background(engine.run()))
        yield Backstage(folder, store, engine)


@asynccontextmanager
async def _mirrored(boot: Boot) -> AsyncIterator[None]:
    """The process that copies remote bundles, at work inside the block. Raises ConfigError where it says it cannot."""
    process = WorkerProcess("mirror", boot.line(), command=MIRROR_COMMAND)
    async with background(process.run()):
        try:
            await asyncio.wait({process.first}, timeout=FIRST_LOOK_S)
            if process.first.done():
                process.first.result()
            yield
        finally:
            await process.stop(drain_s=0)


@asynccontextmanager
async def background(work: Coroutine[Any, Any, object]) -> AsyncIterator[None]:
    """`work` as a task inside the block, cancelled at its end."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def last_model(state_dir: Path) -> str:
    """The model that was last used here, whose approved pitches are kept; empty before the first."""
    try:
        return (state_dir / _MODEL_FILE).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _note_model(state_dir: Path, model: str) -> None:
    draft = state_dir / f"{_MODEL_FILE}.new"
    with contextlib.suppress(OSError):  # only costs kept pitches while no engine runs
        draft.write_text(model, encoding="utf-8")
        draft.replace(state_dir / _MODEL_FILE)


@contextmanager
def _locked(state_dir: Path) -> Iterator[None]:
    """Hold the state folder; two servers with one folder would miss each other's events."""
    try:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (state_dir / "lock").open("w")
    except OSError as error:
        raise ConfigError(
            f"state folder {state_dir} cannot be used ({error.strerror}); name another with --state"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"state folder {state_dir} is in use by another server; "
                "stop that one, or name another folder with --state"
            ) from None
        yield
