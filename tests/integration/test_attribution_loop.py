"""The loop closed: slates through a real server, feedback by token, and a log that a build learns from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from offline_jobs.attribution import attribute
from offline_jobs.ingest import ingest
from recsys.events import load_events, read_log
from recsys.rerank.impressions import GRADES, past_slates
from recsys.shown import read_shown
from server import lifecycle
from server.config import ServerConfig
from slatewright import AsyncClient, Event, EventType, RecommendRequest
from tests.conftest import SHOP_OPTIONS, build_bundles
from tests.served_process import SILENT

CLICK, PURCHASE = EventType.Value("EVENT_TYPE_CLICK"), EventType.Value("EVENT_TYPE_PURCHASE")
USERS = [f"u{n:07d}" for n in range(60)]


async def test_what_was_clicked_is_what_a_build_sees(shop_log: Path, shop_bundles: Path, tmp_path: Path) -> None:
    """Each slate is a group of the log to build from, each answered item has the grade of its strongest response, and
    answers that did not count have none, whatever a build would make of them by its own rule.
    """
    config = ServerConfig(bundles=shop_bundles, state=tmp_path / "state", port=0, exposures=tmp_path / "exposures")
    taken: dict[str, dict[str, int]] = {}
    rng = np.random.default_rng(5)
    async with lifecycle.running(config) as up, AsyncClient(up.address, timeout_s=30) as client:
        for user in USERS:
            answer = await client.recommend(RecommendRequest(user_id=user, copy=SILENT))
            items = [item.item_id for item in answer.items]
            first, second, third = (items[at] for at in rng.choice(10, 3, replace=False))
            token = answer.attribution_token
            events = [
                Event(event_id=f"{user}-1", item_id=first, type=CLICK, attribution_token=token),
                Event(event_id=f"{user}-2", item_id=first, type=PURCHASE, attribution_token=token, quantity=1),
                Event(event_id=f"{user}-3", item_id=second, type=CLICK),
            ]
            for event in events:
                event.user_id = user
            result = await client.record_events(events)
            assert result.accepted == 3
            taken[user] = {first: GRADES["purchase"], second: GRADES["click"], third: 0}
    found = attribute(
        tmp_path / "exposures", tmp_path / "out", state=tmp_path / "state", log_dir=shop_log, window_days=1
    )
    base = read_log(shop_log)
    assert (found.n_slates, found.last_touch) == (60, 60)
    assert found.n_log_events == base.info.n_events + 180 + 600

    log = read_log(tmp_path / "out" / "log")
    assert log.info.n_users == base.info.n_users
    events = load_events(log.directory)
    assert len(events) == found.n_log_events
    shown = read_shown(log.directory, events, from_ms=base.info.end_ms, before_ms=log.info.end_ms)
    slates = past_slates(shown, window_ms=86_400_000)
    assert len(slates) == 60
    for at in range(60):
        slate = slates.of(at)
        assert sorted(slate.position.tolist()) == list(range(1, 11))
        user = events.users.id(slate.user_row)
        labels = {events.items.id(int(row)): int(label) for row, label in zip(slate.shown, slate.label, strict=True)}
        assert {item: labels[item] for item in taken[user]} == taken[user]
        assert sum(label > 0 for label in labels.values()) == 2

    narrow = attribute(
        tmp_path / "exposures", tmp_path / "none", state=tmp_path / "state", log_dir=shop_log, window_days=1e-9
    )
    assert narrow.counted == {}
    events = load_events(tmp_path / "none" / "log")
    shown = read_shown(tmp_path / "none" / "log", events, from_ms=base.info.end_ms, before_ms=log.info.end_ms)
    assert len(past_slates(shown, window_ms=86_400_000).telling()) == 0


async def test_a_build_takes_the_log(tmp_path: Path) -> None:
    """`slatewright build` learns from it as it stands, and publishes."""
    base = tmp_path / "base"
    ingest("synthetic", None, base, options={**SHOP_OPTIONS, "n_users": 120, "n_events": 8_000})
    bundles = build_bundles(base, tmp_path / "bundles")
    config = ServerConfig(bundles=bundles, state=tmp_path / "state", port=0, exposures=tmp_path / "exposures")
    async with lifecycle.running(config) as up, AsyncClient(up.address, timeout_s=30) as client:
        answer = await client.recommend(RecommendRequest(user_id=USERS[0], copy=SILENT))
        event = Event(event_id="one", user_id=USERS[0], item_id=answer.items[3].item_id, type=CLICK)
        event.attribution_token = answer.attribution_token
        await client.record_events([event])
    attribute(tmp_path / "exposures", tmp_path / "out", state=tmp_path / "state", log_dir=base)
    events = pq.read_table(tmp_path / "out" / "log" / "events.parquet")
    assert events.schema.equals(pq.read_schema(base / "events.parquet"), check_metadata=False)
    build_bundles(tmp_path / "out" / "log", tmp_path / "again")
    assert (tmp_path / "again" / "CURRENT").exists()
