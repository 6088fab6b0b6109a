"""A raw log with planted slates: what a shop's own ranking showed, and biased clicks on it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from offline_jobs.ingest import ingest
from offline_jobs.progress import Steps
from offline_jobs.train_candidates import CandidatesConfig, FitInput, fit
from recsys.profiles.build import build_histories
from recsys.rerank.prepare import prepare
from recsys.rerank.training_set import history_at
from recsys.split import Window

SLATES_PER_USER, K = 3, 8
MAPPING = """
[log]
name = "clicked"
currency = "EUR"
end = 2025-07-01T00:00:00Z
[events]
path = "raw_events.parquet"
[items]
path = "items.parquet"
"""


def moment(ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


def event(ms: int, user: str, item: str, kind: str, **more: Any) -> dict[str, Any]:
    name = f"{kind}-{user}-{item}-{ms}"
    return {"event_id": name, "user_id": user, "item_id": item, "event_type": kind, "event_time": moment(ms)} | more


def planted_events(source: FitInput, window: Window, *, seed: int) -> list[dict[str, Any]]:
    """Impressions and clicks in the window: some candidates of each user, popular ones first, clicked where they are of
    the user's favourite categories and looked at, with probability 1 / place. Every other click has its token.
    """
    rng = np.random.default_rng(seed)
    model, earlier = fit(source, as_of_ms=window.as_of_ms, config=CandidatesConfig(), steps=Steps(quiet=True))
    later = build_histories(source.events, model.items, as_of_ms=window.until_ms, from_ms=window.as_of_ms)
    rows = []
    for user_row in range(len(source.events.users)):
        user = source.events.users.id(user_row)
        for ms in sorted(rng.integers(window.as_of_ms, window.until_ms - 120_000, SLATES_PER_USER).tolist()):
            ready = prepare(model, history_at(earlier, later, user_row, ms), time_ms=ms)
            found = ready.candidates.rows
            policy = np.log1p(model.items.popularity[found]) + 0.5 * rng.normal(size=len(found))
            for place, at in enumerate(np.argsort(-policy)[:K].tolist(), start=1):
                item, token = source.catalogue.ids.id(int(found[at])), f"token-{user}-{ms}"
                rows.append(event(ms + place, user, item, "impression", position=place, attribution_token=token))
                liked = ready.profile.leaf_affinity[model.items.leaf_row[found[at]]] > 0.1
                if liked and rng.random() < 1 / place:
                    more = {"attribution_token": token} if len(rows) % 2 else {}
                    rows.append(event(ms + 60_000 + place, user, item, "click", **more))
    return rows


def raw_log(shop_log: Path, folder: Path, rows: list[dict[str, Any]]) -> Path:
    """The shop's own events without impressions, and `rows`, as raw files with a mapping; returns the mapping."""
    folder.mkdir(parents=True)
    events = pq.read_table(shop_log / "events.parquet")
    own = events.filter(pc.not_equal(events["event_type"], "impression"))
    pq.write_table(
        pa.concat_tables([own, pa.Table.from_pylist(rows, schema=own.schema)]), folder / "raw_events.parquet"
    )
    shutil.copy(shop_log / "items.parquet", folder / "items.parquet")
    (folder / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    return folder / "mapping.toml"


def clicked_log(shop_log: Path, folder: Path, rows: list[dict[str, Any]]) -> Path:
    """The same through the real ingest."""
    ingest("tables", None, folder / "log", mapping=raw_log(shop_log, folder / "raw", rows))
    return folder / "log"
