"""What is counted, on the real calls, and that every name is explained."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import grpc
import pytest
from prometheus_client import REGISTRY

from recsys.errors import ConfigError
from server import admin, metrics
from slatewright.v1 import feedback_pb2

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"
RECOMMEND = "/slatewright.v1.RecommendationService/Recommend"


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def explained() -> set[str]:
    return set(re.findall(r"^\| `(slatewright_\w+)` \|", OPERATIONS.read_text(encoding="utf-8"), re.MULTILINE))


def test_every_metric_is_explained_and_every_explanation_is_of_one() -> None:
    """docs/operations.md has a row for each name that is served, and none for another."""

    class Worker:
        serving, n_restarts = True, 0

    class Shared:
        class store:  # noqa: N801
            commits = waiting = 0

        class engine:  # noqa: N801
            ready, n_restarts = True, 0

    collector = admin.SupervisorCollector([Worker()], Shared())  # type: ignore[list-item, arg-type]
    families = [*collector.collect(), *(f for f in REGISTRY.collect() if f.name.startswith("slatewright_"))]
    served = {f"{f.name}_total" if f.type == "counter" else f.name for f in families}
    assert served == explained()


def test_every_stage_is_explained() -> None:
    """Each name of a stage is in the page, in order."""
    text = OPERATIONS.read_text(encoding="utf-8")
    line = text[text.index("Stages: ") :].partition("\n\n")[0]
    places = [line.index(f"`{stage}`") for stage in metrics.STAGES]
    assert places == sorted(places)


async def test_a_call_is_counted_once_with_its_code_and_stages(shop: Any, refused: Any) -> None:
    """Good and refused calls, pitches, cache, events and updates; an unserved method gets no series of its own."""
    counted = {
        "ok": lambda: value("slatewright_calls_total", rpc=RECOMMEND, code="OK"),
        "bad": lambda: value("slatewright_calls_total", rpc=RECOMMEND, code="INVALID_ARGUMENT"),
        "unserved": lambda: value("slatewright_calls_total", rpc="unserved", code="UNIMPLEMENTED"),
        "pitches": lambda: value("slatewright_pitches_total", origin="TEMPLATE"),
        "misses": lambda: value("slatewright_copy_cache_total", result="miss"),
        "clicks": lambda: value("slatewright_events_accepted_total", type="click"),
        "rejected": lambda: value("slatewright_events_rejected_total"),
        "items": lambda: value("slatewright_items_updated_total"),
        **{
            stage: lambda stage=stage: value("slatewright_stage_seconds_count", stage=stage)  # type: ignore[misc]
            for stage in ("validate", "recent", "wait", "copy", "encode")
        },
    }
    before = {name: read() for name, read in counted.items()}
    await shop.recommend(page_size=7)
    await refused(shop.recommend(page_size=-1))
    with pytest.raises(grpc.aio.AioRpcError):
        await shop.raw("slatewright.v1.Nothing/AtAll", b"")
    await shop.record({"event_id": "a", "user_id": "u", "item_id": "i1", "type": 3}, {"event_id": "b"})
    update = feedback_pb2.ItemUpdate(item_id="i1", price=2.0)
    await shop.feedback.UpdateItems(feedback_pb2.UpdateItemsRequest(items=[update]), timeout=10)
    grown = {name: read() - before[name] for name, read in counted.items()}
    expected = dict.fromkeys(counted, 1.0) | {"pitches": 7.0, "misses": 7.0}
    assert grown == expected
    assert value("slatewright_bundle_workers", version="fake-1") == 1
    async with asyncio.timeout(5):  # the update is stored when the call ends, and shown a moment later
        while value("slatewright_queue_depth"):
            await asyncio.sleep(0.01)


def test_another_bundle_is_told_apart() -> None:
    """The old version counts no worker any more; the end of the log is the new one's."""
    metrics.bundle_serves("old", as_of_ms=5_000, before=None)
    metrics.bundle_serves("new", as_of_ms=7_000, before="old")
    assert value("slatewright_bundle_workers", version="old") == 0
    assert value("slatewright_bundle_workers", version="new") == 1
    assert value("slatewright_bundle_as_of_seconds") == 7


def test_a_taken_admin_port_is_a_clear_error(tmp_path: Path) -> None:
    """ConfigError that names --admin-port; afterwards the port is free again."""
    import socket

    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with pytest.raises(ConfigError, match="--admin-port"), admin.endpoint(port, folder=tmp_path, collectors=()):
            pass
    for _ in range(2):
        with admin.endpoint(port, folder=tmp_path, collectors=()):
            pass
