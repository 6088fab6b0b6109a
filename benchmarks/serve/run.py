"""The served path at a stated size: CPU per slate, latency under load, memory, start; each beside its reference.

    .venv/bin/python -m benchmarks.serve.run --work var/bench-serve --worlds 1e5x1e6 1e4x1e5

Worlds are ITEMSxUSERS of SIMULATED logs (`benchmarks/serve/world.py`), built once and kept, with a ranker of 300 trees
of 63 leaves and about 200 candidates. The unit of cost is LightGBM's own predict on the request's matrix, one thread,
in the same run. Prints tables, then lines `figure serve.NAME NUMBER`; names of the first world are plain, those of
others end in `.items`.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import lightgbm as lgb
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.serve.process import cpu_s, echo
from benchmarks.serve.queue import single_server
from benchmarks.serve.stages import PARTS, STOCK, stages, stock_ms
from benchmarks.serve.world import World, made
from benchmarks.torture.load import Tally, closed_loop, poisson
from benchmarks.torture.served import Server, serving, usage
from benchmarks.torture.table import quantile
from offline_jobs.progress import Steps
from recsys import bundle as bundles
from recsys.bundle import Bundle
from recsys.rerank.prepare import prepare
from slatewright import RecommendRequest
from slatewright.v1 import copy_pb2, recommendation_pb2_grpc

SHARE_OF_CAPACITY = 0.6
_SILENT = copy_pb2.CopyOptions(mode=copy_pb2.COPY_MODE_NONE)
_CACHED = copy_pb2.CopyOptions(mode=copy_pb2.COPY_MODE_CACHED)


@dataclass(frozen=True, slots=True)
class Measured:
    """One world's figures by name."""

    world: World
    figures: dict[str, float]


def requests_of(bundle: Bundle, n: int, copy: copy_pb2.CopyOptions, *, seed: int) -> list[RecommendRequest]:
    """Requests of `n` users of the log, drawn by a seed."""
    rows = np.random.default_rng(seed).choice(len(bundle.users), n)
    return [RecommendRequest(user_id=bundle.users.id(int(row)), copy=copy) for row in rows]


def caller(
    channels: Sequence[grpc.aio.Channel], requests: Sequence[RecommendRequest]
) -> Callable[[int], Awaitable[Any]]:
    """Calls `Recommend`, channels and requests in turn."""
    stubs = [recommendation_pb2_grpc.RecommendationServiceStub(channel) for channel in channels]

    def call(i: int) -> Awaitable[Any]:
        return stubs[i % len(stubs)].Recommend(requests[i % len(requests)], timeout=30)

    return call


def channels_to(target: str, n: int) -> list[grpc.aio.Channel]:
    """Connections of their own."""
    return [grpc.aio.insecure_channel(target, [("grpc.use_local_subchannel_pool", 1)]) for _ in range(n)]


async def cpu_per_call(server: Server, requests: Sequence[RecommendRequest]) -> tuple[float, list[float]]:
    """(CPU milliseconds of all threads of the server per call, latencies in seconds), one call at a time."""
    (channel,) = channels_to(server.target, 1)
    async with channel:
        call = caller([channel], requests)
        before, latency = cpu_s(server.pid), []
        for i in range(len(requests)):
            started = time.perf_counter()
            await call(i)
            latency.append(time.perf_counter() - started)
        return 1_000 * (cpu_s(server.pid) - before) / len(requests), latency


async def capacity(target: str, requests: Sequence[RecommendRequest], *, seconds: float) -> Tally:
    """Eight closed loops over four connections."""
    channels = channels_to(target, 4)
    tally = await closed_loop(caller(channels, requests), n_clients=8, seconds=seconds)
    for channel in channels:
        await channel.close()
    return tally


async def loaded(server: Server, requests: Sequence[RecommendRequest], seconds: float) -> dict[str, float]:
    """Capacity in closed loops, then latency at a share of it in an open one, beside a queue of the same services."""
    await capacity(server.target, requests, seconds=2)
    full = await capacity(server.target, requests, seconds=seconds)
    per_s = full.codes["OK"] / seconds
    _, alone_s = await cpu_per_call(server, requests[:400])
    found, channels = Tally(), channels_to(server.target, 4)
    rate = SHARE_OF_CAPACITY * per_s
    await poisson(caller(channels, requests), rate=rate, seconds=2 * seconds, seed=1, tally=found)
    for channel in channels:
        await channel.close()
    queue = quantile(single_server(rate, 2 * seconds, alone_s, seed=2), 0.99)
    taken = found.took["OK"]
    return {
        "capacity_per_s": per_s,
        "failed": float(full.failed + found.failed),
        "p50_ms": 1_000 * quantile(taken, 0.5),
        "p99_ms": 1_000 * quantile(taken, 0.99),
        "queue_p99_ms": 1_000 * queue,
        "p99_over_queue": quantile(taken, 0.99) / queue,
    }


async def measured_server(bundle: Bundle, bundles_dir: Path, args: argparse.Namespace) -> dict[str, float]:
    """What a real server with one worker costs and does."""
    silent, cached = (requests_of(bundle, args.calls, copy, seed=3) for copy in (_SILENT, _CACHED))
    booster = lgb.Booster(model_str=bundle.ranker_text)
    rows = [bundle.users.row(request.user_id) for request in silent[:300]]
    asked = [prepare(bundle.model, bundle.histories.of(row), time_ms=bundle.model.as_of_ms).matrix for row in rows]
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        with serving(bundles_dir, Path(folder), workers=1, admin_port=0) as server:
            found["ready_s"] = server.ready_s
            await cpu_per_call(server, silent[:200])
            await cpu_per_call(server, cached)  # fills the cache of templates
            costs: dict[str, list[float]] = {"stock": [], "silent": [], "cached": []}
            for part in range(4):  # interleaved: what else runs here weighs on all alike
                own = slice(part * args.calls // 4, (part + 1) * args.calls // 4)
                costs["stock"].append(stock_ms(booster, asked))
                costs["silent"].append((await cpu_per_call(server, silent[own]))[0])
                costs["cached"].append((await cpu_per_call(server, cached[own]))[0])
            found |= {f"{name}_ms": float(np.median(spent)) for name, spent in costs.items()}
            found["cpu_ratio"] = found["silent_ms"] / found["stock_ms"]
            found["cpu_ratio_cached_copy"] = found["cached_ms"] / found["stock_ms"]
            found |= await loaded(server, silent, args.seconds)
            (channel,) = channels_to(server.target, 1)
            async with channel:
                reply = await caller([channel], silent)(0)
        with echo(reply.SerializeToString(), Path(folder) / "reply") as target:
            answered = await capacity(target, silent, seconds=args.seconds)
    found["echo_per_s"] = answered.codes["OK"] / args.seconds
    found["echo_share"] = found["capacity_per_s"] / found["echo_per_s"]
    return found


async def memory(bundle: Bundle, bundles_dir: Path, args: argparse.Namespace) -> dict[str, float]:
    """What one more worker keeps for itself after it has served, and how long two take to start."""
    requests = requests_of(bundle, args.calls, _SILENT, seed=5)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(bundles_dir, Path(folder), workers=2, admin_port=0) as server,
    ):
        await capacity(server.target, requests, seconds=args.seconds)
        return {
            "worker_unique_mib": max(usage([pid]).unique for pid in server.worker_pids()),
            "ready_two_workers_s": server.ready_s,
        }


def sizes(bundles_dir: Path, bundle: Bundle) -> dict[str, float]:
    """Bytes of the bundle per user and per item."""
    directory = bundles.current(bundles_dir)

    def of(*names: str) -> int:
        return sum(path.stat().st_size for name in names for path in (directory / name).rglob("*") if path.is_file())

    items = of("items", "item_ids", "sources", "features") + (directory / "items.arrow").stat().st_size
    return {
        "bytes_per_user": of("histories", "users") / len(bundle.users),
        "bytes_per_item": items / len(bundle.item_ids),
    }


def measured(world: World, args: argparse.Namespace) -> Measured:
    """Build the world where it is not there, and measure it."""
    path = made(world, args.work, Steps())
    bundle = bundles.load(bundles.current(path), verify=False)
    users = np.random.default_rng(0).choice(len(bundle.users), 300, replace=False).tolist()
    inside = stages(bundle, users)
    figures = {f"stage_{name}_ms": ms for name, ms in inside.ms.items()} | {"stage_stock_ms": inside.stock}
    figures |= {"candidates": inside.n_candidates, "features": float(inside.n_features)}
    figures |= asyncio.run(measured_server(bundle, path, args))
    figures |= asyncio.run(memory(bundle, path, args)) | sizes(path, bundle)
    return Measured(world, figures)


ROWS = (
    ("candidates, features", "{candidates:.0f}, {features:.0f}"),
    (f"{STOCK}, CPU ms (the unit)", "{stock_ms:.2f}"),
    ("Recommend without copy, CPU ms of all server threads", "{silent_ms:.2f}"),
    ("  over the unit", "{cpu_ratio:.2f}"),
    ("Recommend with cached copy, CPU ms", "{cached_ms:.2f}"),
    ("  over the unit", "{cpu_ratio_cached_copy:.2f}"),
    ("calls a second, one worker (closed loop, 8 clients)", "{capacity_per_s:.0f}"),
    ("a bare asyncio echo of the same reply", "{echo_per_s:.0f}"),
    ("  share of it", "{echo_share:.2f}"),
    ("p50, p99 at 60 % of capacity, ms (open loop)", "{p50_ms:.1f}, {p99_ms:.1f}"),
    ("p99 of a simulated queue of the same services, ms", "{queue_p99_ms:.1f}"),
    ("  measured over simulated", "{p99_over_queue:.2f}"),
    ("failed calls", "{failed:.0f}"),
    ("ready after start: one worker, two, s", "{ready_s:.1f}, {ready_two_workers_s:.1f}"),
    ("memory a worker shares with none, MiB", "{worker_unique_mib:.0f}"),
    ("bundle bytes per user, per item", "{bytes_per_user:.0f}, {bytes_per_item:.0f}"),
)


def show(found: Sequence[Measured]) -> None:
    """Tables, then figures."""
    console = Console(width=150)
    heads = [f"{m.world.n_items:,} items\n{m.world.n_users:,} users" for m in found]
    inside = Table("stage of a slate, CPU ms in the library", *heads, title="SIMULATED logs")
    for stage in (*PARTS, "whole", "stock"):
        inside.add_row(stage, *(f"{m.figures.get(f'stage_{stage}_ms', 0):.3f}" for m in found))
    console.print(inside)
    table = Table("one worker of `slatewright serve`", *heads, title="SIMULATED logs")
    for name, form in ROWS:
        table.add_row(name, *(form.format(**m.figures) for m in found))
    console.print(table)
    for place, m in enumerate(found):
        for name, value in m.figures.items():
            print(f"figure serve.{name}{f'.{m.world.n_items}' if place else ''} {value:.4g}")


def world_of(text: str) -> World:
    """`ITEMSxUSERS`, such as 1e5x1e6."""
    items, _, users = text.partition("x")
    try:
        return World(int(float(items)), int(float(users)))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}; expected ITEMSxUSERS such as 1e5x1e6") from None


def main() -> None:
    """Measure each world and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("var/bench-serve"), help="worlds are built and kept here")
    parser.add_argument("--worlds", type=world_of, nargs="+", default=[World()], metavar="ITEMSxUSERS")
    parser.add_argument("--calls", type=int, default=1_200, help="calls whose CPU time is taken")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each load")
    args = parser.parse_args()
    show([measured(world, args) for world in args.worlds])


if __name__ == "__main__":
    main()
