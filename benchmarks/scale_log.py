"""SIMULATED event logs of any size, written in chunks: raw tables for `slatewright ingest --dataset tables`.

Nobody's behaviour: users have three tastes each, a taste is a cluster of items of one category, seven events in ten are
on taste; popularity within a cluster and overall follows Zipf's law; activity is log-normal. Everything follows from
the sizes and the seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from offline_jobs.datasets.synthetic import END
from offline_jobs.datasets.synthetic_shop import CATEGORIES, items_table
from recsys.schema import MS_PER_DAY

N_CLUSTERS = 10 * len(CATEGORIES)
N_TASTES = 3
ON_TASTE = 0.7
N_DAYS = 180
PER_SESSION = 4
MAX_EVENTS = 2_000
"""Of one user: log-normal activity has a long tail."""
CHUNK_USERS = 100_000
TYPES = ("view", "click", "add_to_cart", "purchase", "search")
TYPE_SHARE = (0.6, 0.12, 0.1, 0.15, 0.03)
MAPPING = """[log]
name = "simulated_{n_events}"
currency = "EUR"
[events]
path = "events.parquet"
[items]
path = "items.parquet"
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How many events (met within a percent or two), users and items to simulate."""

    n_events: int
    n_users: int
    n_items: int


def write(folder: Path, size: Size, *, seed: int = 0, progress: Callable[[float], None] | None = None) -> Path:
    """Write `events.parquet`, `items.parquet` and their mapping into `folder`; returns the mapping's path."""
    folder.mkdir(parents=True, exist_ok=True)
    items = items_table(size.n_items, seed=seed)
    pq.write_table(items.drop_columns(["item_row"]), folder / "items.parquet")
    prices = items["price"].to_numpy()
    n_written = 0
    writer: pq.ParquetWriter | None = None
    for first in range(0, size.n_users, CHUNK_USERS):
        rng = np.random.default_rng([seed, 2, first])
        part = _events(rng, size, first=first, first_event=n_written, prices=prices)
        if writer is None:
            writer = pq.ParquetWriter(folder / "events.parquet", part.schema)
        writer.write_table(part)
        n_written += len(part)
        if progress is not None:
            progress(min(1.0, (first + CHUNK_USERS) / size.n_users))
    if writer is not None:
        writer.close()
    mapping = folder / "mapping.toml"
    mapping.write_text(MAPPING.format(n_events=size.n_events), encoding="utf-8")
    return mapping


def _events(
    rng: np.random.Generator, size: Size, *, first: int, first_event: int, prices: NDArray[np.float64]
) -> pa.Table:
    """Events of the users from `first` on, by user and time."""
    n_users = min(CHUNK_USERS, size.n_users - first)
    mean = size.n_events / size.n_users
    activity = 1 + (mean - 1) * rng.lognormal(-0.5, 1.0, n_users)
    n_of = np.minimum(rng.poisson(activity - 1) + 1, MAX_EVENTS)
    user = np.repeat(np.arange(n_users), n_of)
    n = len(user)

    tastes = rng.integers(0, N_CLUSTERS, (n_users, N_TASTES))
    cluster = tastes[user, rng.integers(0, N_TASTES, n)]
    in_cluster = (size.n_items - cluster + N_CLUSTERS - 1) // N_CLUSTERS
    on_taste = rng.random(n) < ON_TASTE
    item = np.where(on_taste, _zipf(rng, in_cluster) * N_CLUSTERS + cluster, _zipf(rng, np.full(n, size.n_items)))

    within = np.arange(n) - np.repeat(np.cumsum(n_of) - n_of, n_of)
    session = within // PER_SESSION
    lead = np.arange(n) - within % PER_SESSION
    opened = rng.integers(0, N_DAYS * MS_PER_DAY - 3_600_000, n)[lead]
    end_ms = int(END.timestamp() * 1000)
    time_ms = end_ms - N_DAYS * MS_PER_DAY + opened + within % PER_SESSION * 60_000

    code = rng.choice(len(TYPES), n, p=TYPE_SHARE)
    searched, bought = code == TYPES.index("search"), code == TYPES.index("purchase")
    nouns = pa.array([category.noun for category in CATEGORIES])
    user_id = _padded("u", first + user)
    paid = np.round(prices[item] * np.where(rng.random(n) < 0.25, 0.8, 1.0), 2)
    return pa.table(
        {
            "event_id": _padded("e", first_event + np.arange(n)),
            "user_id": user_id,
            "item_id": pc.if_else(pa.array(searched), pa.scalar(None, pa.string()), _padded("i", item, width=7)),
            "event_type": pa.array(TYPES).take(pa.array(code)),
            "event_time": pa.array(time_ms * 1000, pa.timestamp("us", "UTC")),
            "quantity": pa.array(np.ones(n)),
            "price": pa.array(paid, mask=~bought),
            "list_price": pa.array(prices[item], mask=~bought),
            "query": nouns.take(pa.array(item % len(CATEGORIES), mask=~searched)),
            "session_id": pc.binary_join_element_wise(user_id, pc.cast(pa.array(session), pa.string()), "-s"),
        }
    )


def _zipf(rng: np.random.Generator, n: NDArray[np.int64]) -> NDArray[np.int64]:
    """A rank from 0 below each of `n`, with a probability near 1 / (1 + rank): the inverse of a log-uniform law."""
    return np.minimum((n + 1.0) ** rng.random(len(n)) - 1, n - 1).astype(np.int64)


def _padded(prefix: str, numbers: NDArray[np.int64], *, width: int = 9) -> pa.Array:
    digits = pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), width, padding="0")
    return pc.binary_join_element_wise(pa.scalar(prefix), digits, "")
