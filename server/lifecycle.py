"""One worker from start to drain.

Invariant: it is up before it is ready: health says NOT_SERVING and calls get UNAVAILABLE until a bundle
is loaded. On SIGTERM or SIGINT it says NOT_SERVING, takes no new calls, finishes those in flight within
`drain_s` and leaves with 0. What it shares with other workers is `backstage.py`'s, in another process.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from copywriter.cache import CopyCache
from copywriter.writer import Writer
from recsys.recommender import Recommender
from recsys.tombstones import FILE as TOMBSTONES_FILE
from server import attribution, log, ports
from server.backstage import (
    ENGINE_SOCKET,
    Backstage,
    background,
    backstage,
    last_model,
)
from server.bundles import Bundles
from server.choosing import Choose, choosing
from server.config import ServerConfig
from server.engine_client import EngineClient
from server.engine_process import ENGINE_COMMAND
from server.event_store import EventStore
from server.executor import CpuThread
from server.exposures import Exposures
from server.feedback import FeedbackService
from server.forgotten import Forgotten, forgotten_at
from server.guard import Guard
from server.open_store import opened_store
from server.pitches import Pitches
from server.recent import RecentIndex
from server.rules_file import RulesFile
from server.security.door import Door
from server.service import RecommendationService
from server.worker_process import BEAT_S
from slatewright.v1 import feedback_pb2_grpc, recommendation_pb2_grpc

SERVICES: Final = ("slatewright.v1.RecommendationService", "slatewright.v1.FeedbackService")
MAX_MESSAGE_BYTES: Final = 8 * 1024 * 1024
"""Above the 4 MB callers may send by default, so that an oversized field is named rather than cut off."""
CALLS_PER_CONNECTION: Final = 1_000
"""Open at a time; gRPC's clients hold back further ones until some are done."""
PING_ANSWER_S: Final = 20.0
HANDSHAKE_S: Final = 10.0
"""For TLS and the first bytes of HTTP/2."""
LAST_CALLS_S: Final = 60.0
"""What calls of a connection that ends by its age have left."""


@dataclass(slots=True)
class Running:
    """A started worker; `address` is HOST:PORT with the real port. `own` is its backstage where it has one alone."""

    address: str
    server: grpc.aio.Server
    bundles: Bundles
    recent: RecentIndex
    store: EventStore
    cpu: CpuThread
    own: Backstage | None


@asynccontextmanager
async def running(
    config: ServerConfig,
    *,
    shared: Path | None = None,
    index: int = 0,
    open_bundle: Callable[[Path], Recommender] = Recommender.open,
    engine_command: Sequence[str] = ENGINE_COMMAND,
) -> AsyncIterator[Running]:
    """A worker that answers inside the block, with its bundle loaded if one is published.

    `shared` is the folder of a running backstage, whose supervisor reserved the port; without one the worker is
    alone and has a backstage in this process. `index` is its number among others. `open_bundle` and `engine_command`
    are what tests replace.

    Raises
    ------
    ConfigError
        The port or the state folder is taken or cannot be used, or business rules, callers or certificates are wrong.
    """
    rules = RulesFile(config.rules) if config.rules else None
    door = Door(tls=config.tls, callers=config.callers, state_dir=config.state_dir)
    async with contextlib.AsyncExitStack() as stack:
        own = None
        if shared is None:
            own = await stack.enter_async_context(backstage(config, engine_command=engine_command))
        folder = own.folder if own else shared
        assert folder  # noqa: S101  for the type checker
        key = attribution.load_key(config.state_dir)
        store = await stack.enter_async_context(opened_store(config, folder))
        cpu = CpuThread(limit=config.queue_limit)
        stack.callback(cpu.close)
        bundles = Bundles(config.bundles, cpu=cpu, store=store, open_bundle=open_bundle)
        recent = RecentIndex(store, known=bundles.knows, max_users=config.users_in_memory)
        bundles.on_load = recent.forget
        store.listener.on_event, store.listener.on_gap = recent.add, recent.forget
        store.listener.on_items = bundles.show
        forgotten = Forgotten(config.state_dir / TOMBSTONES_FILE, key, on_new=recent.forget)
        choose, exposures = await stack.enter_async_context(_experiments(config, bundles, key, index))
        writer = _writer(config.state_dir)
        stack.callback(writer.cache.close)
        client = None
        if config.copy == "live":
            client = EngineClient(folder / ENGINE_SOCKET)
            stack.push_async_callback(client.close)
            await stack.enter_async_context(background(client.follow(partial(setattr, writer, "model"))))
        batch_limit = max(1, config.generate_limit // config.workers)
        pitches = Pitches(writer, engine=client, cpu=cpu, batch_limit=batch_limit)
        stack.push_async_callback(pitches.close)

        server = grpc.aio.server(
            interceptors=[
                Guard(in_flight_limit=config.in_flight_limit, stream_limit=config.stream_limit),
                *door.interceptors(),
            ],
            options=[("grpc.so_reuseport", int(shared is not None)), *_connections(config)],
        )
        recommendation_pb2_grpc.add_RecommendationServiceServicer_to_server(
            RecommendationService(
                config,
                bundles=bundles,
                cpu=cpu,
                recent=recent,
                pitches=pitches,
                key=key,
                known_as=forgotten.known_as,
                choose=choose,
                exposures=exposures,
            ),
            server,
        )
        feedback_pb2_grpc.add_FeedbackServiceServicer_to_server(
            FeedbackService(
                clock=config.clock, bundles=bundles, store=store, recent=recent, key=key, refresh=forgotten.refresh
            ),
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
        await _poll(bundles, healthy)
        for work in (
            _watch(bundles, recent, healthy, rules, poll_s=config.poll_s),
            door.watch(poll_s=config.poll_s),
            forgotten.watch(poll_s=config.poll_s),
        ):
            await stack.enter_async_context(background(work))
        log.write("listening", address=address, bundle_loaded=bundles.loaded)
        yield Running(address, server, bundles, recent, store, cpu, own)


@asynccontextmanager
async def _experiments(
    config: ServerConfig, bundles: Bundles, key: bytes, index: int
) -> AsyncIterator[tuple[Choose, Exposures | None]]:
    """How variants are chosen, and the log of what is shown where one is wanted."""
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(bundles.others.close)
        choose = await stack.enter_async_context(choosing(config, want=bundles.others.want))
        exposures = None
        if config.exposures is not None:
            gone = forgotten_at(config.state_dir / TOMBSTONES_FILE, key)
            exposures = Exposures(config.exposures, key, every_s=config.exposures_s, writer=str(index), forgotten=gone)
            stack.push_async_callback(asyncio.to_thread, exposures.close)
        yield choose, exposures


async def serve(
    config: ServerConfig, *, shared: Path, index: int, ready: Callable[[str], None], alive: Callable[[], None]
) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is told HOST:PORT once calls are answered, `alive` of each beat."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with log.capturing_libraries():
        async with running(config, shared=shared, index=index) as up:
            ready(up.address)
            async with background(_beat(up.cpu, alive, patience_s=config.worker_silence_s)):
                await stop.wait()
                log.write("draining", address=up.address)


async def _beat(cpu: CpuThread, alive: Callable[[], None], *, patience_s: float) -> None:
    """Tell that this loop turns and that the CPU thread is not stuck in one piece of work."""
    while True:
        if cpu.at_work_s < patience_s:
            alive()
        await asyncio.sleep(BEAT_S)


async def _watch(
    bundles: Bundles, recent: RecentIndex, healthy: Any, rules: RulesFile | None, *, poll_s: float
) -> None:
    while True:
        await asyncio.sleep(poll_s)
        try:
            await recent.catch_up()  # a worker without calls does not fall behind
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


def _connections(config: ServerConfig) -> list[tuple[str, int]]:
    """What bounds a connection: peers that are gone, never speak or never read do not hold memory for long."""
    return [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_concurrent_streams", CALLS_PER_CONNECTION),
        ("grpc.keepalive_time_ms", round(1_000 * config.keepalive_s)),
        ("grpc.keepalive_timeout_ms", round(1_000 * PING_ANSWER_S)),
        ("grpc.http2.ping_timeout_ms", round(1_000 * PING_ANSWER_S)),  # what counts in newer cores, a minute else
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.max_connection_age_ms", round(1_000 * config.connection_age_s)),
        ("grpc.max_connection_age_grace_ms", round(1_000 * LAST_CALLS_S)),
        ("grpc.server_handshake_timeout_ms", round(1_000 * HANDSHAKE_S)),
    ]


def _writer(state_dir: Path) -> Writer:
    """The copywriter with its kept pitches, which belong to the model that was last used here."""
    return Writer(CopyCache(state_dir / "copy.sqlite"), model=last_model(state_dir))


def _bound(server: grpc.aio.Server, config: ServerConfig, door: Door) -> str:
    host = f"[{config.host}]" if ":" in config.host else config.host
    try:
        port = door.listen(server, f"{host}:{config.port}")
    except RuntimeError as error:
        raise ports.taken(config.host, config.port) from error
    return f"{host}:{port}"
