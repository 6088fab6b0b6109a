"""No leak: whatever a log says at or after `as_of`, nothing fitted or computed at `as_of` differs in a bit.

The arrays are those that `ItemTable`, `Sources` and `Histories` name themselves, so a new one is covered at once.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from offline_jobs.ingest import ingest
from offline_jobs.progress import Steps
from offline_jobs.train_candidates import CandidatesConfig, FitInput, fit
from recsys.candidates.retrieve import propose, score_sources
from recsys.catalogue import read_catalogue
from recsys.events import EVENTS_FILE, ITEMS_FILE, load_events, read_log
from recsys.profiles.store import Histories
from recsys.rerank.prepare import Model, prepare
from recsys.schema import MS_PER_DAY

N_USERS, N_ITEMS, N_REQUESTS = 40, 60, 12
QUIET = Steps(quiet=True)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OFFSETS_MS = (0, 1, 1_000, MS_PER_DAY, 9 * MS_PER_DAY)

Arrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Plant:
    """`n_users` users act on one item `offset_ms` after `as_of`; `cancelled`: and take it back at once."""

    item: int
    n_users: int
    event_type: str
    offset_ms: int
    cancelled: bool


_plants = st.lists(
    st.builds(
        Plant,
        item=st.integers(0, N_ITEMS - 1),
        n_users=st.sampled_from([1, 7, N_USERS]),
        event_type=st.sampled_from(["purchase", "view", "click", "add_to_cart", "search", "dislike", "impression"]),
        offset_ms=st.sampled_from(OFFSETS_MS),
        cancelled=st.booleans(),
    ),
    min_size=1,
    max_size=8,
)
_real = settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@dataclass(frozen=True)
class Shop:
    """A small ingested log, a moment inside it, and all that is known at that moment."""

    log: Path
    as_of_ms: int
    arrays: Arrays
    requests: dict[str, Arrays]


def _source(log: Path) -> FitInput:
    """The log in memory, said to have no clock times: that adds the timeline, and takes away nothing."""
    found = read_log(log)
    ordinal = replace(found, info=replace(found.info, clock="ordinal"))
    return FitInput(ordinal, load_events(log), read_catalogue(log))


def _arrays(model: Model, histories: Histories) -> Arrays:
    parts = {"items": model.items.arrays(), "sources": model.sources.arrays(), "histories": histories.arrays()}
    parts |= {"features": {"static": model.static}, "als": {"factors": model.sources.als.factors}}
    return {f"{part}.{name}": array for part, arrays in parts.items() for name, array in arrays.items()}


def _requests(source: FitInput, model: Model, histories: Histories) -> dict[str, Arrays]:
    """Per user id, every source's own list, the merged candidates and the feature matrix of a request at `as_of`."""
    found = {}
    for user_id in (f"u{n:07d}" for n in range(N_REQUESTS)):
        ready = prepare(model, histories.of(source.events.users.row(user_id)), time_ms=model.as_of_ms)
        every = np.ones(len(model.items), bool)
        scored = score_sources(model.sources, ready.profile)
        lists: Arrays = dict(propose(model.sources, scored, ready.profile, every, quotas=model.sources.quotas))
        merged = {"rows": ready.candidates.rows, "ranks": ready.candidates.ranks, "fused": ready.candidates.fused}
        found[user_id] = lists | merged | {"features": ready.matrix}
    return found


def _known(log: Path, as_of_ms: int) -> tuple[Arrays, dict[str, Arrays]]:
    source = _source(log)
    model, histories = fit(source, as_of_ms=as_of_ms, config=CandidatesConfig(), steps=QUIET)
    return _arrays(model, histories), _requests(source, model, histories)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A generated shop through the real ingest, cut two thirds into its time."""
    log = tmp_path_factory.mktemp("leak") / "log"
    ingest("synthetic", None, log, options={"n_users": N_USERS, "n_items": N_ITEMS, "n_events": 3_000, "seed": 5})
    info = read_log(log).info
    as_of_ms = info.end_ms - (info.end_ms - info.start_ms) // 3
    arrays, requests = _known(log, as_of_ms)
    assert all(len(found["features"]) > 0 for found in requests.values())
    assert np.isfinite(arrays["sources.timeline_place"]).any()
    return Shop(log, as_of_ms, arrays, requests)


def _time(ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=ms)


def _planted(shop: Shop, plants: list[Plant], users: list[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for plant in plants:
        at = _time(shop.as_of_ms + plant.offset_ms)
        search, bought = plant.event_type == "search", plant.event_type == "purchase"
        for user_id in users[: plant.n_users]:
            row = {
                "event_id": f"planted-{len(rows):07d}",
                "user_id": user_id,
                "item_id": None if search else f"i{plant.item:07d}",
                "event_type": plant.event_type,
                "event_time": at,
                "quantity": 9.0,
                "price": 0.01 if bought else None,
                "list_price": 999.0 if bought else None,
                "query": "frying pan" if search else None,
                "cancelled_time": at if plant.cancelled and bought else None,
            }
            rows.append(row)
    return rows


def _forge(shop: Shop, into: Path, rows: list[dict[str, Any]], *, cancel_from_ms: int | None = None) -> Path:
    """A copy of the log with `rows` added; every earlier purchase cancelled at `cancel_from_ms` where one is given."""
    forged = into / "log"
    shutil.rmtree(forged, ignore_errors=True)
    shutil.copytree(shop.log, forged)
    table = pq.read_table(shop.log / EVENTS_FILE)
    if cancel_from_ms is not None:
        at = table.column_names.index("cancelled_time")
        kept = [
            _time(cancel_from_ms) if kind == "purchase" and time < _time(shop.as_of_ms) else was
            for kind, time, was in zip(
                table["event_type"].to_pylist(),
                table["event_time"].to_pylist(),
                table["cancelled_time"].to_pylist(),
                strict=True,
            )
        ]
        table = table.set_column(at, table.schema.field(at), pa.array(kept, table.schema.field(at).type))
    added = pa.Table.from_pylist(rows, schema=table.schema)
    both = pa.concat_tables([table, added]).sort_by([("event_time", "ascending"), ("event_id", "ascending")])
    pq.write_table(both, forged / EVENTS_FILE)
    return forged


def _same(honest: Arrays, other: Arrays, where: str) -> None:
    assert honest.keys() == other.keys()
    for name, array in honest.items():
        assert array.dtype == other[name].dtype, f"{where} {name}"
        assert array.shape == other[name].shape, f"{where} {name}"
        assert array.tobytes() == other[name].tobytes(), f"{where} {name} knows what happened at or after as_of"


@_real
@given(plants=_plants, cancel_after_ms=st.sampled_from([None, *OFFSETS_MS]))
def test_what_happens_from_as_of_on_changes_no_bit(
    shop: Shop, tmp_path: Path, plants: list[Plant], cancel_after_ms: int | None
) -> None:
    """Events planted at or after `as_of`, and earlier purchases cancelled from then on, leave every array, list and
    feature row at `as_of` as they were, bit for bit.
    """
    users = [f"u{n:07d}" for n in range(N_USERS)]
    cancel_from_ms = None if cancel_after_ms is None else shop.as_of_ms + cancel_after_ms
    forged = _forge(shop, tmp_path, _planted(shop, plants, users), cancel_from_ms=cancel_from_ms)
    arrays, requests = _known(forged, shop.as_of_ms)
    _same(shop.arrays, arrays, "fitted")
    for user_id, honest in shop.requests.items():
        _same(honest, requests[user_id], user_id)


NEW_ITEM_BUYERS = [f"u{n:07d}" for n in range(7)]
NEW_USERS = ("a", "u0000003x", "zz")
"""Ids that stand before, among and after those of the log, so that rows move."""


def test_users_nobody_had_met_leave_everybody_else_as_they_were(shop: Shop, tmp_path: Path) -> None:
    """Users whose first event comes at or after `as_of` change no array but for their own empty histories: ALS starts
    from the same random numbers, user kNN draws and weighs the same users.
    """
    plants = [Plant(item, len(NEW_USERS), "purchase", offset, cancelled=False) for item, offset in ((3, 0), (9, 1_000))]
    forged = _forge(shop, tmp_path, _planted(shop, plants, list(NEW_USERS)))
    source = _source(forged)
    model, histories = fit(source, as_of_ms=shop.as_of_ms, config=CandidatesConfig(), steps=QUIET)
    arrays, requests = _arrays(model, histories), _requests(source, model, histories)
    new_rows = np.sort(source.events.users.rows_of(NEW_USERS))
    lengths = np.diff(histories.indptr)
    assert new_rows.min() >= 0
    assert not lengths[new_rows].any()
    arrays["histories.indptr"] = np.concatenate(([0], np.cumsum(np.delete(lengths, new_rows))))
    _same(shop.arrays, arrays, "fitted")
    for user_id, honest in shop.requests.items():
        _same(honest, requests[user_id], user_id)


BEHAVIOUR = ("als", "next", "previous", "together")
"""Sources fitted on events alone."""
STATISTICS = (
    *("paid", "n_events", "n_users", "n_7d", "n_28d", "trend", "popularity", "repeat_rate", "gap_days", "discount"),
    *("age_days", "mean_log_age", "newest_share", "mean_user_events", "head_popularity", "share_of_leaf"),
    *("share_of_brand", "share_of_head", "price_z"),
)
"""Per item, counted from events."""


def test_items_nobody_had_met_leave_what_behaviour_says(shop: Shop, tmp_path: Path) -> None:
    """Items that enter the catalogue and whose first event comes at or after `as_of`: every statistic of the others and
    every source fitted on events is the same bit for bit, and nothing of these sources leads to a new item.

    A catalogue has no times: its rows, the new ones too, count as known at any `as_of`, else no source could propose
    an item before its first event. So what is read off the catalogue's texts may differ: word weights and with them
    `content`, its kin (`bridged`, `users`) and the query index, the numbering of titles, and `brand_share`.
    """
    events = _planted(shop, [Plant(item, 7, "purchase", 0, cancelled=False) for item in range(3)], NEW_ITEM_BUYERS)
    new_ids = ["a", "i0000009x", "zz"]
    for row, item_id in zip(events, [new_ids[n // 7] for n in range(len(events))], strict=True):
        row["item_id"] = item_id
    forged = _forge(shop, tmp_path, events)
    items = pq.read_table(shop.log / ITEMS_FILE)
    pattern = items.slice(0, 1).to_pylist()[0]
    added = [pattern | {"item_id": item_id, "title": f"wholly new thing {item_id}"} for item_id in new_ids]
    both = pa.concat_tables([items, pa.Table.from_pylist(added, schema=items.schema)]).sort_by("item_id")
    pq.write_table(both, forged / ITEMS_FILE)
    source = _source(forged)
    model, histories = fit(source, as_of_ms=shop.as_of_ms, config=CandidatesConfig(), steps=QUIET)
    new_rows = np.sort(source.catalogue.ids.rows_of(new_ids))
    old_rows = np.delete(np.arange(len(source.catalogue)), new_rows)
    old_row_of = np.full(len(source.catalogue), -1, np.int32)
    old_row_of[old_rows] = np.arange(len(old_rows))

    arrays = _arrays(model, histories)
    found = {f"items.{name}": arrays[f"items.{name}"][old_rows] for name in STATISTICS}
    found |= {name: array for name, array in arrays.items() if name.startswith("histories.")}
    found["histories.item_row"] = np.where(
        arrays["histories.item_row"] >= 0, old_row_of[arrays["histories.item_row"]], np.int32(-1)
    )
    found |= {"als.factors": arrays["als.factors"][old_rows]}
    for name in BEHAVIOUR[1:]:
        lengths = np.diff(arrays[f"sources.{name}_indptr"])
        assert not lengths[new_rows].any()
        found[f"sources.{name}_indptr"] = np.concatenate(([0], np.cumsum(lengths[old_rows])))
        found[f"sources.{name}_indices"] = old_row_of[arrays[f"sources.{name}_indices"]]
        assert found[f"sources.{name}_indices"].min() >= 0
        found[f"sources.{name}_values"] = arrays[f"sources.{name}_values"]
    assert not arrays["als.factors"][new_rows].any()
    _same({name: shop.arrays[name] for name in found}, found, "fitted")


def test_one_millisecond_earlier_is_seen(shop: Shop, tmp_path: Path) -> None:
    """The same plant one millisecond before `as_of` does change arrays, lists and features: the property can fail."""
    users = [f"u{n:07d}" for n in range(N_USERS)]
    plants = [Plant(item=3, n_users=N_USERS, event_type="purchase", offset_ms=-1, cancelled=False)]
    arrays, requests = _known(_forge(shop, tmp_path, _planted(shop, plants, users)), shop.as_of_ms)
    changed = {name for name, array in shop.arrays.items() if array.tobytes() != arrays[name].tobytes()}
    assert {"items.popularity", "sources.popular_order", "histories.indptr"} <= changed
    for user_id, honest in shop.requests.items():
        assert honest["features"].tobytes() != requests[user_id]["features"].tobytes()
