"""Start, readiness, new bundles, overload, drain, and the engine's deaths."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from copywriter.gate import Verdict
from recsys import lease
from recsys.errors import BundleMismatchError, ConfigError
from slatewright.v1 import copy_pb2, feedback_pb2
from slatewright.v1 import recommendation_pb2 as pb

HEALTH = health_pb2.HealthCheckResponse
SERVICES = ("", "slatewright.v1.RecommendationService", "slatewright.v1.FeedbackService")

ENGINE = """
import sys
from server import copy_engine

class Engine:
    model = "fake-model"
    def generate(self, prompts, *, deadline_s=None, max_new_tokens=48, on_text=None):
        for index, prompt in enumerate(prompts):
            on_text(index, "A text.")
        return []

copy_engine._load = Engine
sys.exit(copy_engine.main())
"""


async def health(channel: grpc.aio.Channel, service: str = "") -> int:
    stub = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest(service=service)
    return (await stub.Check(request, timeout=5)).status


async def until(condition: Any, *, within_s: float = 10) -> None:
    end = time.monotonic() + within_s
    while not (found := condition()) or (asyncio.iscoroutine(found) and not await found):
        assert time.monotonic() < end, "it never happened"
        await asyncio.sleep(0.02)


async def test_without_a_bundle_it_is_up_and_not_serving(open_shop: Any, refused: Any, publish_bundle: Any) -> None:
    """Health says NOT_SERVING, calls get UNAVAILABLE, events are kept; a bundle is picked up by itself."""
    async with open_shop(published=False) as shop:
        assert [await health(shop.channel, s) for s in SERVICES] == [HEALTH.NOT_SERVING] * 3
        code, _, reason, _ = await refused(shop.recommend())
        assert (code, reason) == (grpc.StatusCode.UNAVAILABLE, "NO_BUNDLE")
        event = {"event_id": "e", "user_id": "u", "item_id": "i1", "type": 7}
        assert (await shop.record(event)).accepted == 1
        publish_bundle("v1")
        await until(lambda: shop.up.bundles.loaded)
        await asyncio.sleep(0.05)
        assert [await health(shop.channel, s) for s in SERVICES] == [HEALTH.SERVING] * 3
        served = await shop.recommend(user_id="u", page_size=100)
        assert "i1" not in {item.item_id for item in served.items}


async def test_a_balancer_can_watch_health(open_shop: Any, publish_bundle: Any) -> None:
    """Health's Watch tells of the change from NOT_SERVING to SERVING by itself."""
    async with open_shop(published=False) as shop:
        watch = health_pb2_grpc.HealthStub(shop.channel).Watch(health_pb2.HealthCheckRequest(), timeout=10)
        assert (await watch.read()).status == HEALTH.NOT_SERVING
        publish_bundle("v1")
        assert (await watch.read()).status == HEALTH.SERVING
        watch.cancel()


async def test_a_new_bundle_takes_over_and_a_bad_one_does_not(
    open_shop: Any, publish_bundle: Any, tmp_path: Path, capfd: Any
) -> None:
    """Between calls the new bundle serves; one that cannot be opened is named in the log and left out."""
    fakes: dict[str, Any] = {}

    async with open_shop() as donor:
        kind = type(donor.fake)

    def open_bundle(path: Path) -> Any:
        if path.name == "bad":
            raise BundleMismatchError("feature hash differs")
        if path.name == "worse":
            raise ZeroDivisionError("deep inside")
        return fakes.setdefault(path.name, kind(path.name))

    async with open_shop(open_bundle=open_bundle) as shop:
        assert (await shop.recommend()).bundle_version == "fake-1"
        publish_bundle("v2")
        await until(lambda: shop.up.bundles.serving().manifest["version"] == "v2")
        assert (await shop.recommend()).bundle_version == "v2"
        for version in ("bad", "worse"):
            publish_bundle(version)
            await asyncio.sleep(0.15)
            assert (await shop.recommend()).bundle_version == "v2"
        publish_bundle("v3")
        await until(lambda: shop.up.bundles.serving().manifest["version"] == "v3")
    log = capfd.readouterr().err
    assert log.count('"bundle_refused"') == 2
    assert "feature hash differs" in log


@pytest.mark.parametrize("damage", [b"\xff\xfe\x00bad", b"", b"../..", b"nowhere", b"a\x00b", b"x" * 5_000], ids=repr)
async def test_a_damaged_pointer_ends_nothing(
    open_shop: Any, publish_bundle: Any, tmp_path: Path, capfd: Any, damage: bytes
) -> None:
    """Whatever CURRENT holds, the server starts and serves on, says so once, and loads the next good one."""
    for serving in (False, True):
        publish_bundle(f"good-{serving}")
        async with open_shop(state=tmp_path / f"state-{serving}") as shop:
            assert shop.up.bundles.loaded
            (tmp_path / "bundles" / "CURRENT").write_bytes(damage)
            await asyncio.sleep(0.1)
            assert (await shop.recommend()).items
            assert capfd.readouterr().err.count('"bundle_unreadable"') == 1
            seen = shop.up.bundles._seen
            publish_bundle(f"next-{serving}")
            await until(lambda seen=seen, shop=shop: shop.up.bundles._seen != seen)  # type: ignore[misc]
        (tmp_path / "bundles" / "CURRENT").write_bytes(damage)
        async with open_shop(state=tmp_path / f"state-{serving}") as shop:
            assert not shop.up.bundles.loaded
        capfd.readouterr()


async def test_a_reload_misses_no_update(open_shop: Any, publish_bundle: Any, tmp_path: Path) -> None:
    """An update stored while a bundle is opened is shown by it, also one that takes an earlier one back."""
    async with open_shop() as donor:
        kind = type(donor.fake)
    opened: list[Any] = []
    gate = threading.Event()

    def open_bundle(path: Path) -> Any:
        if opened:
            gate.wait(5)
        opened.append(kind(path.name))
        return opened[-1]

    async with open_shop(open_bundle=open_bundle) as shop:

        async def price(value: float) -> None:
            update = feedback_pb2.ItemUpdate(item_id="i1", price=value)
            await shop.feedback.UpdateItems(feedback_pb2.UpdateItemsRequest(items=[update]), timeout=10)

        await price(1)
        publish_bundle("v2")
        await asyncio.sleep(0.1)
        await price(2)
        updates = opened[0].update_items
        gate.set()
        await price(1)
        await until(lambda: len(opened) == 2 and shop.up.bundles.serving() is opened[1])
        assert updates
        await until(lambda: opened[1].price["i1"] == 1)  # it is shown in the CPU thread, before any later slate


async def test_a_queue_too_long_for_the_deadline_is_refused_at_once(open_shop: Any, refused: Any) -> None:
    """Who cannot be served in time is told so, with a time to come back, and costs nothing; an idle thread serves."""
    async with open_shop() as shop:
        plain = shop.fake.recommend
        shop.fake.recommend = lambda *a: (time.sleep(0.2), plain(*a))[1]
        request = pb.RecommendRequest(copy={"mode": copy_pb2.COPY_MODE_NONE})
        for _ in range(3):
            assert (await shop.slates.Recommend(request, timeout=5)).items
        waiting = [shop.slates.Recommend(request, timeout=5) for _ in range(5)]
        await asyncio.sleep(0.05)
        started = time.monotonic()
        code, _, reason, details = await refused(shop.slates.Recommend(request, timeout=0.5))
        assert (code, reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
        assert details["RetryInfo"].retry_delay.ToMilliseconds() >= 300
        assert time.monotonic() - started < 0.2
        assert all(answer.items for answer in await asyncio.gather(*waiting))


async def test_a_large_feedback_call_leaves_room_for_others(open_shop: Any) -> None:
    """Health answers within milliseconds while a thousand events a call are recorded for one busy user."""
    async with open_shop() as shop:

        async def load(worker: int) -> None:
            for call in range(4):
                names = [f"{worker}-{call}-{n}" for n in range(1_000)]
                await shop.record(*({"event_id": i, "user_id": "hot", "item_id": "i1", "type": 7} for i in names))

        loads = [asyncio.create_task(load(worker)) for worker in range(2)]
        waits = []
        while not all(task.done() for task in loads):
            started = time.monotonic()
            await health(shop.channel)
            waits.append(time.monotonic() - started)
            await asyncio.sleep(0.005)
        await asyncio.gather(*loads)
        assert sorted(waits)[len(waits) // 2] < 0.05  # client and server share this process


async def test_a_taken_port_and_a_taken_state_folder_are_clear_errors(open_shop: Any, tmp_path: Path) -> None:
    """Two servers never share a port or a state folder by accident."""
    async with open_shop() as shop:
        with pytest.raises(ConfigError, match="in use by another server"):
            async with open_shop():
                pass
        port = int(shop.up.address.rpartition(":")[2])
        with pytest.raises(ConfigError, match="cannot be listened on"):
            async with open_shop(port=port, state=tmp_path / "other"):
                pass
        assert (await shop.recommend()).items


async def test_reflection_lists_the_services(shop: Any) -> None:
    """Tools such as grpcurl and its like can look around."""
    from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

    stub = reflection_pb2_grpc.ServerReflectionStub(shop.channel)

    async def requests() -> Any:
        yield reflection_pb2.ServerReflectionRequest(list_services="")

    async for answer in stub.ServerReflectionInfo(requests(), timeout=5):
        names = {service.name for service in answer.list_services_response.service}
        assert names >= {*SERVICES[1:], "grpc.health.v1.Health"}


async def test_a_full_queue_sheds_with_a_time_to_come_back(open_shop: Any, refused: Any) -> None:
    """RESOURCE_EXHAUSTED with RetryInfo, at once, while what waits is served."""
    gate = threading.Event()
    async with open_shop(queue_limit=2) as shop:
        shop.fake.recommend, plain = lambda *a: (gate.wait(5), plain(*a))[1], shop.fake.recommend
        waiting = [asyncio.create_task(shop.recommend()) for _ in range(2)]
        await asyncio.sleep(0.1)
        started = time.monotonic()
        code, _, reason, details = await refused(shop.recommend())
        assert (code, reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
        assert details["RetryInfo"].retry_delay.ToMilliseconds() > 0
        assert time.monotonic() - started < 0.5
        gate.set()
        assert all(answer.items for answer in await asyncio.gather(*waiting))


async def test_too_many_calls_at_once_are_shed(open_shop: Any, refused: Any) -> None:
    """The whole server is bounded too; health still answers."""
    gate = threading.Event()
    async with open_shop(in_flight_limit=1) as shop:
        shop.fake.recommend, plain = lambda *a: (gate.wait(5), plain(*a))[1], shop.fake.recommend
        first = asyncio.create_task(shop.recommend())
        await asyncio.sleep(0.1)
        code, _, reason, _ = await refused(shop.recommend())
        assert (code, reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
        assert await health(shop.channel) == HEALTH.SERVING
        gate.set()
        assert (await first).items


async def test_what_cannot_start_in_time_is_never_started(open_shop: Any) -> None:
    """A call whose deadline passes while it waits costs the CPU thread nothing."""
    gate = threading.Event()
    async with open_shop() as shop:
        plain = shop.fake.recommend
        shop.fake.recommend = lambda *a: (gate.wait(5), plain(*a))[1]
        first = asyncio.create_task(shop.recommend())
        await asyncio.sleep(0.1)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await shop.slates.Recommend(pb.RecommendRequest(), timeout=0.1)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        n_computed = len(shop.fake.seen)
        gate.set()
        await first
        await asyncio.sleep(0.05)
        assert len(shop.fake.seen) == n_computed + 1


async def test_drain_finishes_what_is_in_flight(open_shop: Any) -> None:
    """A call that is at work when the server stops still gets its slate."""
    async with open_shop(drain_s=5) as shop:
        plain = shop.fake.recommend
        shop.fake.recommend = lambda *a: (time.sleep(0.4), plain(*a))[1]
        call = asyncio.create_task(shop.recommend())
        await asyncio.sleep(0.1)
        await shop.up.server.stop(5)
        assert (await call).items


@pytest.mark.slow
async def test_killing_the_engine_never_costs_a_slate(open_shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGKILL at any moment: slates go on with templates, the engine comes back, pitches follow."""
    monkeypatch.setattr("copywriter.writer.review", lambda *_args, **_named: Verdict("PASS", (), ()))
    command = (sys.executable, "-c", ENGINE)
    live = {"mode": copy_pb2.COPY_MODE_LIVE}
    async with open_shop(copy="live", engine_command=command) as shop:
        seen: set[int] = set()
        for attempt in range(5):
            await until(lambda: shop.back.engine.pid not in {None, *seen}, within_s=60)
            if attempt % 2:
                await asyncio.sleep(0.2 * attempt)
            calls = [asyncio.create_task(shop.recommend(user_id=f"{attempt}-{n}", copy=live)) for n in range(5)]
            await asyncio.sleep(0.003 * attempt)
            seen.add(shop.back.engine.pid)
            os.kill(shop.back.engine.pid, signal.SIGKILL)
            for answer in await asyncio.gather(*calls):
                assert len(answer.items) == 10
                assert all(item.pitch.text for item in answer.items)

        async def generated() -> bool:
            answer = await shop.recommend(page_size=40, copy=live)
            return any(item.pitch.ai_generated for item in answer.items)

        await until(generated, within_s=60)
        await until(lambda: shop.back.engine.pid is not None, within_s=60)
        assert (await shop.recommend(copy=live)).items[0].pitch.model in {"fake-model", "template"}
        pid = shop.back.engine.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_served_bundle_is_held_and_freed(open_shop: Any, publish_bundle: Any, tmp_path: Path) -> None:
    """While it serves, or a call still uses it, `bundles gc` sees it in use; after that nobody holds it."""
    async with open_shop() as donor:
        kind = type(donor.fake)
    gate, slow = threading.Event(), threading.Event()
    folder = tmp_path / "bundles"

    class Slow(kind):  # type: ignore[misc, valid-type]
        def recommend(self, *given: Any) -> Any:
            """The slate, once the gate is open."""
            if slow.is_set() and self.manifest["version"] == "v1":
                gate.wait(5)
            return super().recommend(*given)

    publish_bundle("v1")
    async with open_shop(open_bundle=lambda path: Slow(path.name)) as shop:
        assert lease.held(folder / "v1")
        slow.set()
        call = asyncio.create_task(shop.recommend())
        await asyncio.sleep(0.05)
        publish_bundle("v2")
        await until(lambda: shop.up.bundles.serving().manifest["version"] == "v2")
        assert lease.held(folder / "v2")
        assert lease.held(folder / "v1")
        gate.set()
        await call
        await until(lambda: not lease.held(folder / "v1"))
    assert (folder / "v2").is_dir()
