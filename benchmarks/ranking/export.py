"""From a log to the two stages every system gets: the test window of `recsys.split`, and one step earlier to choose on.

The test stage's wanted items stay with the runner: no file that a peer can open holds them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy import sparse

from benchmarks.ranking.exchange import Pairs, Stage, as_csr
from offline_jobs.train_candidates import FitInput
from offline_jobs.train_ranker import sample
from recsys.catalogue import read_catalogue
from recsys.errors import EmptyWindowError
from recsys.events import EVENTS_FILE, ITEMS_FILE, LOG_FILE, load_events, read_log
from recsys.profiles.build import WEIGHTS, build_histories, wanted_types
from recsys.profiles.items import ItemTable
from recsys.rerank.training_set import PastRequest, history_at, past_requests
from recsys.split import Window

MAX_VALID = 5_000
SEED = 7


def read_source(log_dir: Path) -> FitInput:
    """An ingested log in memory."""
    return FitInput(read_log(log_dir), load_events(log_dir), read_catalogue(log_dir))


def earlier(window: Window) -> Window:
    """The window one horizon earlier: where peers choose their settings."""
    back = window.horizon_ms
    times = tuple(time_ms - back for time_ms in window.times_ms)
    return Window(window.as_of_ms - back, times, back, window.until_ms - back)


def requests_of(source: FitInput, items: ItemTable, window: Window) -> list[PastRequest]:
    """Every request of a window, as `slatewright evaluate` makes them."""
    later = build_histories(source.events, items, as_of_ms=window.until_ms, from_ms=window.as_of_ms)
    requests = past_requests(
        later, items.taken_types, times_ms=window.times_ms, horizon_ms=window.horizon_ms, until_ms=window.until_ms
    )
    if not requests:
        raise EmptyWindowError(
            f"{source.log.info.name}: no user wants anything in [{window.times_ms[0]}, {window.until_ms}) ms; "
            "expected some; give a longer log or another --holdout-days"
        )
    return requests


def stage_of(
    source: FitInput, items: ItemTable, window: Window, *, name: str, with_wanted: bool, limit: int | None = None
) -> tuple[Stage, list[PastRequest]]:
    """What a peer may see of a window, and its requests (at most `limit`, drawn by a fixed seed).

    `items` serve only to tell which event types count as taking; histories hold the events since the fit up to the
    request's time, as a server would have replayed them.
    """
    events = source.events
    requests = requests_of(source, items, window)
    if limit is not None:
        requests = sample(requests, limit, SEED)
    learned = build_histories(events, items, as_of_ms=window.as_of_ms)
    later = build_histories(events, items, as_of_ms=window.until_ms, from_ms=window.as_of_ms)
    histories = [history_at(learned, later, r.user_row, r.time_ms) for r in requests]
    known, types = learned.events, np.concatenate([h.type_code for h in histories])
    train = Pairs(
        np.repeat(np.arange(learned.n_users, dtype=np.int32), np.diff(learned.indptr)),
        known.item_row,
        known.time_ms,
        WEIGHTS[known.type_code],
        items.taken_types[known.type_code],
    )
    history = Pairs(
        np.repeat(np.arange(len(requests), dtype=np.int32), [len(h) for h in histories]),
        np.concatenate([h.item_row for h in histories]),
        np.concatenate([h.time_ms for h in histories]),
        WEIGHTS[types],
        items.taken_types[types],
    )
    n_items = len(source.catalogue.ids)
    stage = Stage(
        name=name,
        clock=source.log.info.clock,
        as_of_ms=window.as_of_ms,
        n_users=len(events.users),
        n_items=n_items,
        train=train.take(np.flatnonzero((train.item >= 0) & (train.weight > 0))),
        history=history.take(np.flatnonzero((history.item >= 0) & (history.weight > 0))),
        user=np.array([r.user_row for r in requests], np.int32),
        time_ms=np.array([r.time_ms for r in requests], np.int64),
        leaf=items.leaf_row,
        brand=items.brand_row,
        wanted=wanted_matrix(requests, n_items) if with_wanted else None,
    )
    return stage, requests


def wanted_matrix(requests: list[PastRequest], n_items: int) -> sparse.csr_matrix:
    """Wanted items as bool CSR (n_requests, n_items)."""
    row = np.repeat(np.arange(len(requests)), [len(r.wanted) for r in requests])
    return as_csr(row, np.concatenate([r.wanted for r in requests]), (len(requests), n_items))


def often_bought(source: FitInput, out: Path, *, before_ms: int, at_least: int) -> FitInput:
    """A log of only the items taken at least so often before `before_ms`, written to `out`: for dense models.

    Everything later reads that log alone, so every system is restricted alike, in fitting and in answering.
    """
    events = source.events
    visible = events.visible(before_ms) & (events.item_row >= 0)
    counted = visible & wanted_types(events.type_code[visible])[events.type_code]
    count = np.bincount(events.item_row[counted], minlength=len(source.catalogue.ids))
    ids = [source.catalogue.ids.id(row) for row in np.flatnonzero(count >= at_least).tolist()]
    out.mkdir(parents=True, exist_ok=True)
    sizes = {}
    for file in (ITEMS_FILE, EVENTS_FILE):
        table = pq.read_table(source.log.directory / file)
        kept = table.filter(pc.is_in(table["item_id"].cast("string"), value_set=pa.array(ids, pa.string())))
        sizes[file] = len(kept)
        pq.write_table(kept, out / file)
    users = len(pc.unique(pq.read_table(out / EVENTS_FILE, columns=["user_id"])["user_id"]))
    info = replace(
        source.log.info,
        name=f"{source.log.info.name}_items{at_least}",
        n_events=sizes[EVENTS_FILE],
        n_items=sizes[ITEMS_FILE],
        n_users=users,
    )
    (out / LOG_FILE).write_text(info.to_json(), encoding="utf-8")
    return read_source(out)
