"""One server from start to drain.

Invariant: it is up before it is ready: health says NOT_SERVING and calls get UNAVAILABLE until a bundle
is loaded. On SIGTERM or SIGINT it says NOT_SERVING, takes no new calls, finishes those in flight within
`drain_s`, commits what waits, ends the engine and leaves with 0.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from copywriter.cache import CopyCache
from copywriter.writer import Writer
from recsys.errors import ConfigError
from recsys.recommender import Recommender
from recsys.tombstones import FILE as TOMBSTONES_FILE
from server import attribution, log
from server.bundles import Bundles
from server.config import ServerConfig
from server.engine_client import EngineClient
from server.engine_process import ENGINE_COMMAND, EngineProcess
from server.executor import CpuThread
from server.feedback import FeedbackService
from server.forgotten import Forgotten
from server.guard import Guard
from server.mirror import Mirror
from server.pitches import Pitches
from server.recent import RecentIndex
from server.rules_file import RulesFile
from server.security.door import Door
from server.service import RecommendationService
from server.store import Store
from slatewright.v1 import feedback_pb2_grpc, recommendation_pb2_grpc

SERVICES: Final = ("slatewright.v1.RecommendationService", "slatewright.v1.FeedbackService")
_MODEL_FILE: Final = "copy-model"
MAX_MESSAGE_BYTES: Final = 8 * 1024 * 1024
"""Above the 4 MB callers may send by default, so that an oversized field is named rather than cut off."""


@dataclass(slots=True)
class Running:
    """A started server; `address` is HOST:PORT with the real port."""

    address: str
    server: grpc.aio.Server
    bundles: Bundles
    engine: EngineProcess | None
    recent: RecentIndex
    store: Store


@asynccontextmanager
async def running(
    config: ServerConfig,
    *,
    open_bundle: Callable[[Path], Recommender] = Recommender.open,
    engine_command: Sequence[str] = ENGINE_COMMAND,
) -> AsyncIterator[Running]:
    """A server that answers inside the block, with its bundle loaded if one is published.

    `open_bundle` and `engine_command` are what tests replace.

    Raises
    ------
    ConfigError
        The port or the state folder is taken or cannot be used, or business rules, callers or certificates are wrong.
    """
    rules = RulesFile(config.rules) if config.rules else None
    mirror = Mirror(config.remote, config.bundles) if config.remote else None
    door = Door(tls=config.tls, callers=config.callers, state_dir=config.state_dir)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(_locked(config.state_dir))
        key = attribution.load_key(config.state_dir)
        store = Store(config.state_dir / "events.sqlite")
        stack.callback(store.close)
        cpu = CpuThread(limit=config.queue_limit)
        stack.callback(cpu.close)
        bundles = Bundles(config.bundles, cpu=cpu, store=store, open_bundle=open_bundle)
        recent = RecentIndex(store.newest, known=bundles.knows, max_users=config.users_in_memory)
        bundles.on_load, store.on_new = recent.forget, recent.add
        forgotten = Forgotten(config.state_dir / TOMBSTONES_FILE, key, on_new=recent.forget)
        writer = _writer(config.state_dir)
        stack.callback(writer.cache.close)
        client = engine = None
        if config.copy == "live":
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slatewright-")))
            client = EngineClient(folder / "engine.sock")
            stack.push_async_callback(client.close)
            engine = EngineProcess(
                folder / "engine.sock",
                client,
                on_ready=lambda model: _use_model(writer, model, config.state_dir),
                command=engine_command,
                silence_s=config.engine_silence_s,
            )
            stack.push_async_callback(engine.stop)
            await stack.enter_async_context(_task(engine.run()))
        pitches = Pitches(writer, engine=client, cpu=cpu, batch_limit=config.generate_limit)
        stack.push_async_callback(pitches.close)

        server = grpc.aio.server(
            interceptors=[Guard(in_flight_limit=config.in_flight_limit), *door.interceptors()],
            options=[
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ],
        )
        recommendation_pb2_grpc.add_RecommendationServiceServicer_to_server(
            RecommendationService(
                config, bundles=bundles, cpu=cpu, recent=recent, pitches=pitches, key=key, known_as=forgotten.known_as
            ),
            server,
        )
        feedback_pb2_grpc.add_FeedbackServiceServicer_to_server(
            FeedbackService(clock=config.clock, bundles=bundles, store=store, recent=recent, key=key),
            server,
        )
        healthy = cast(Any, health).aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
        reflection.enable_server_reflection((*SERVICES, health.SERVICE_NAME), server)
        await _tell(healthy, serving=False)
        address = _bound(server, config, door)
        await server.start()

        async def drain() -> None:
            await healthy.enter_graceful_shutdown()
            await server.stop(config.drain_s)
            log.write("stopped")

        stack.push_async_callback(drain)
        if rules is not None:
            await bundles.use_rules(rules.rules)
        if mirror is not None:
            await mirror.follow()
        await _poll(bundles, healthy)
        for work in _watches(
            config, bundles, healthy=healthy, rules=rules, mirror=mirror, door=door, forgotten=forgotten
        ):
            await stack.enter_async_context(_task(work))
        log.write("listening", address=address, bundle_loaded=bundles.loaded)
        yield Running(address, server, bundles, engine, recent, store)


async def serve(config: ServerConfig, *, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is told HOST:PORT once calls are answered."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with log.capturing_libraries():
        async with running(config) as up:
            ready(up.address)
            await stop.wait()
            log.write("draining", address=up.address)


def _watches(
    config: ServerConfig,
    bundles: Bundles,
    *,
    healthy: Any,
    rules: RulesFile | None,
    mirror: Mirror | None,
    door: Door,
    forgotten: Forgotten,
) -> list[Coroutine[Any, Any, None]]:
    """What a server looks at again and again while it runs."""
    followed = [mirror.watch(poll_s=config.remote_poll_s)] if mirror else []
    own = _watch(bundles, healthy, rules, poll_s=config.poll_s)
    return [*followed, own, door.watch(poll_s=config.poll_s), forgotten.watch(poll_s=config.poll_s)]


async def _watch(bundles: Bundles, healthy: Any, rules: RulesFile | None, *, poll_s: float) -> None:
    while True:
        await asyncio.sleep(poll_s)
        try:
            if rules is not None and await asyncio.to_thread(rules.poll):
                await bundles.use_rules(rules.rules)
            await _poll(bundles, healthy)
        except Exception as error:  # reloading outlives whatever goes wrong with one look
            log.write("poll_failed", trace=log.frames(error))


async def _poll(bundles: Bundles, healthy: Any) -> None:
    if await bundles.poll():
        await _tell(healthy, serving=True)


async def _tell(healthy: Any, *, serving: bool) -> None:
    known = health_pb2.HealthCheckResponse
    for name in ("", *SERVICES):
        await healthy.set(name, known.SERVING if serving else known.NOT_SERVING)


def _writer(state_dir: Path) -> Writer:
    """The copywriter with its kept pitches, which belong to the model that was last used here."""
    try:
        model = (state_dir / _MODEL_FILE).read_text(encoding="utf-8").strip()
    except OSError:
        model = ""
    return Writer(CopyCache(state_dir / "copy.sqlite"), model=model)


def _use_model(writer: Writer, model: str, state_dir: Path) -> None:
    writer.model = model
    with contextlib.suppress(OSError):  # only costs kept pitches while no engine runs
        (state_dir / _MODEL_FILE).write_text(model, encoding="utf-8")


def _bound(server: grpc.aio.Server, config: ServerConfig, door: Door) -> str:
    host = f"[{config.host}]" if ":" in config.host else config.host
    try:
        port = door.listen(server, f"{host}:{config.port}")
    except RuntimeError as error:
        raise ConfigError(
            f"{host}:{config.port} cannot be listened on; expected a free port of this machine; "
            "stop what uses it, or choose another with --port"
        ) from error
    return f"{host}:{port}"


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


@asynccontextmanager
async def _task(work: Any) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
