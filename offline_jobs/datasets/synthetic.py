"""A generated shop with planted tastes, so that tests know the right answer.

Behaviour comes in *interests*: a user meets one item and goes some way with it (impression, click,
view, add to cart, purchase; or it starts from a search; or it ends in a dislike). Each warm user has
one to three taste categories. Interests are dealt to them at random, but never beyond the planted
strength, so at most half of a user's events are on taste. Everything follows from `seed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import ibis
import numpy as np
import pyarrow as pa
from ibis.backends import BaseBackend
from ibis.expr.types import Table
from numpy.typing import NDArray

from offline_jobs.datasets import RawLog, read_options
from offline_jobs.datasets.synthetic_shop import CATEGORIES, PLACEMENTS, items_table
from recsys.errors import ConfigError
from recsys.schema import EVENT_TYPES, MS_PER_DAY, PATH_SEPARATOR

END: Final = datetime(2025, 7, 1, tzinfo=UTC)
N_DAYS: Final = 90
COLD_SHARE: Final = 0.1
"""Share of users with a handful of events and no planted taste."""
MIN_WARM_INTERESTS: Final = 30
STRENGTH: Final = (0.35, 0.5)
"""Range of the share of a warm user's events that is on taste."""
SEARCH_SHARE: Final = 0.05
PER_SESSION: Final = 5
CHUNK_USERS: Final = 5_000

CODE: Final = {name: code for code, name in enumerate(EVENT_TYPES)}
STEPS: Final = ("impression", "click", "view", "add_to_cart", "purchase")
DEPTHS: Final = (1, 3, 4, 5)
DEPTH_SHARE: Final = (0.5, 0.25, 0.15, 0.1)
DISLIKE_SHARE: Final = 0.03
EVENTS_PER_INTEREST: Final = 2.37


@dataclass(frozen=True, slots=True)
class SyntheticOptions:
    """Sizes of the shop; `n_events` is met within a few percent."""

    n_users: int = 2_000
    n_items: int = 1_200
    n_events: int = 200_000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Interests:
    """Aligned arrays, by user ascending: who met which item and how far it went."""

    user: NDArray[np.int64]
    item: NDArray[np.int64]
    depth: NDArray[np.int64]
    searched: NDArray[np.bool_]
    disliked: NDArray[np.bool_]


def load(con: BaseBackend, path: Path | None, options: Mapping[str, Any]) -> RawLog:
    """Generate the shop; the planted tastes come along as the extra table `truth`."""
    chosen = read_options(SyntheticOptions, "synthetic", options)
    if path is not None:
        raise ConfigError(f"dataset synthetic is generated; --path is {path}; leave it out")
    if chosen.n_items < len(CATEGORIES) or chosen.n_users < 1 or chosen.n_events < chosen.n_users:
        raise ConfigError(
            f"a shop of {chosen.n_users} users, {chosen.n_items} items and {chosen.n_events} events "
            f"cannot be made; expected n_users >= 1, n_items >= {len(CATEGORIES)}, n_events >= n_users"
        )
    items = con.create_table("shop_items", items_table(chosen.n_items, seed=chosen.seed))
    prices = items.order_by("item_row").select("price").to_pyarrow()["price"].to_numpy()
    for first in range(0, chosen.n_users, CHUNK_USERS):
        part, truth = _behaviour(chosen, first, np.asarray(prices))
        if first:
            con.insert("shop_events", part)
            con.insert("truth", truth)
        else:
            con.create_table("shop_events", part)
            con.create_table("truth", truth)
    return RawLog(
        name="synthetic",
        events=_events(con.table("shop_events")),
        items=items.drop("item_row"),
        end=END,
        currency="EUR",
        locale="en",
        extras={"truth": con.table("truth").order_by(["user_id", "category"])},
    )


def _behaviour(chosen: SyntheticOptions, first: int, prices: NDArray[np.float64]) -> tuple[pa.Table, pa.Table]:
    """Events and truth of one chunk of users, seeded by its position."""
    rng = np.random.default_rng([chosen.seed, 1, first])
    n_users = min(CHUNK_USERS, chosen.n_users - first)
    tastes, strength = _plant(rng, n_users)
    n_interests = _interests_per_user(rng, n_users, chosen, warm=strength > 0)
    user = np.repeat(np.arange(n_users), n_interests)
    depth = rng.choice(DEPTHS, len(user), p=DEPTH_SHARE)
    searched = rng.random(len(user)) < SEARCH_SHARE
    disliked = (depth == 1) & ~searched & (rng.random(len(user)) < DISLIKE_SHARE)
    size = depth + disliked  # a search takes the place of the impression

    starts = np.concatenate([[0], np.cumsum(n_interests)[:-1]])
    total = np.add.reduceat(size, starts)
    on_taste = _deal(rng, size, starts, n_interests, budget=strength * total)
    category = _categories(rng, user, on_taste, tastes)
    item = _item_of(rng, category, chosen.n_items)
    interests = Interests(user=user, item=item, depth=depth, searched=searched, disliked=disliked)
    nth = np.arange(len(user)) - np.repeat(starts, n_interests)
    events = _event_table(rng, interests, nth=nth, first=first, prices=prices)
    spent = np.zeros((n_users, len(CATEGORIES)), np.int64)
    np.add.at(spent, (user, category), size)
    return events, _truth_table(tastes, spent / total[:, None], first=first)


def _plant(rng: np.random.Generator, n_users: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Taste categories (n_users, 3), -1 for none, and strength, zero for a cold user."""
    tastes = np.argsort(rng.random((n_users, len(CATEGORIES))), axis=1)[:, :3]
    cold = rng.random(n_users) < COLD_SHARE
    n_tastes = np.where(cold, 0, rng.integers(1, 4, n_users))
    tastes[np.arange(3) >= n_tastes[:, None]] = -1
    return tastes, np.where(cold, 0.0, rng.uniform(*STRENGTH, n_users))


def _interests_per_user(
    rng: np.random.Generator,
    n_users: int,
    chosen: SyntheticOptions,
    *,
    warm: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Interests so that about `n_events` events come out; warm users get a minimum if it allows."""
    mean = chosen.n_events / chosen.n_users / EVENTS_PER_INTEREST / (1 - COLD_SHARE)
    least = min(MIN_WARM_INTERESTS, max(1, int(mean)))
    spread = rng.lognormal(-0.32, 0.8, n_users)  # mean one
    many = least + np.round((mean - least) * spread).astype(np.int64)
    few: NDArray[np.int64] = np.where(warm, many, rng.integers(1, 4, n_users))
    return few


def _deal(
    rng: np.random.Generator,
    size: NDArray[np.int64],
    starts: NDArray[np.int64],
    n_interests: NDArray[np.int64],
    *,
    budget: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Pick random interests of each user while their events fit the user's budget."""
    user = np.repeat(np.arange(len(starts)), n_interests)
    order = np.lexsort((rng.random(len(size)), user))
    running = np.cumsum(size[order])
    offset = np.repeat(running[starts] - size[order][starts], n_interests)
    picked = np.zeros(len(size), bool)
    picked[order] = running - offset <= budget[user]
    return picked


def _categories(
    rng: np.random.Generator,
    user: NDArray[np.int64],
    on_taste: NDArray[np.bool_],
    tastes: NDArray[np.int64],
) -> NDArray[np.int64]:
    """On taste: one of the user's own. Off taste: any other, mildly skewed to popular ones."""
    n_tastes = (tastes >= 0).sum(axis=1)
    which = (rng.random(len(user)) * np.maximum(n_tastes[user], 1)).astype(np.int64)
    weight = 1.0 / (np.arange(len(CATEGORIES)) + 12.0)
    elsewhere = rng.choice(len(CATEGORIES), len(user), p=weight / weight.sum())
    for _ in range(len(CATEGORIES)):  # step on from a category that is one of the user's tastes
        clash = (elsewhere[:, None] == tastes[user]).any(axis=1)
        if not clash.any():
            break
        elsewhere[clash] = (elsewhere[clash] + 1) % len(CATEGORIES)
    return np.where(on_taste, tastes[user, which], elsewhere)


def _item_of(rng: np.random.Generator, category: NDArray[np.int64], n_items: int) -> NDArray[np.int64]:
    """An item of the category, the early ones more often; item_row % n_categories is the category."""
    n_in = (n_items - category + len(CATEGORIES) - 1) // len(CATEGORIES)
    nth = (n_in * rng.random(len(category)) ** 2).astype(np.int64)
    return nth * len(CATEGORIES) + category


def _event_table(
    rng: np.random.Generator,
    interests: Interests,
    *,
    nth: NDArray[np.int64],
    first: int,
    prices: NDArray[np.float64],
) -> pa.Table:
    """Unroll interests into events, as numbers: the table engine puts on ids and texts.

    `nth` counts a user's interests; five in a row make a session, which begins at a random hour.
    """
    user, item, depth = interests.user, interests.item, interests.depth
    session, within = nth // PER_SESSION, nth % PER_SESSION
    lead = np.arange(len(user)) - within  # the session's first interest
    hours = rng.integers(0, N_DAYS, len(user)) * 24 + rng.integers(7, 23, len(user))
    opened = hours[lead] * 3_600_000 + rng.integers(0, 3_000_000, len(user))[lead]
    begun = opened + within * 90_000

    size = depth + interests.disliked
    at = np.repeat(np.arange(len(user)), size)
    step = np.arange(len(at)) - np.repeat(np.cumsum(size) - size, size)
    code = np.array([CODE[s] for s in STEPS])[step]
    code[(step == 0) & interests.searched[at]] = CODE["search"]
    code[(step == 1) & interests.disliked[at]] = CODE["dislike"]
    bought = code == CODE["purchase"]
    seen = (code == CODE["impression"]) | (code == CODE["click"])
    off = np.where(rng.random(len(at)) < 0.25, rng.choice((0.1, 0.2, 0.3), len(at)), 0.0)
    placement = (user + session)[at] % len(PLACEMENTS)
    quantity = np.where(bought, rng.integers(1, 3, len(at)), 1)
    paid = np.round(prices[item[at]] * (1 - off), 2)
    return pa.table(
        {
            "user_row": pa.array(first + user[at], pa.int32()),
            "nth": pa.array(np.arange(len(at)) - _first_of(user[at]), pa.int32()),
            "item_row": pa.array(item[at], pa.int32()),
            "code": pa.array(code, pa.int8()),
            "time_ms": pa.array(begun[at] + step * 7_000, pa.int64()),
            "session": pa.array(session[at], pa.int32()),
            "position": pa.array(within[at] + 1, pa.int32(), mask=~seen),
            "placement": pa.array(placement, pa.int8(), mask=~seen),
            "quantity": pa.array(quantity, pa.float64()),
            "price": pa.array(paid, pa.float64(), mask=~bought),
            "list_price": pa.array(prices[item[at]], pa.float64(), mask=~bought),
        }
    )


def _first_of(user: NDArray[np.int64]) -> NDArray[np.int64]:
    """Per row, the position of its user's first row; `user` ascends."""
    begins = np.flatnonzero(np.diff(user, prepend=-1))
    return np.repeat(begins, np.diff(begins, append=len(user)))


def _truth_table(tastes: NDArray[np.int64], share: NDArray[np.float64], *, first: int) -> pa.Table:
    """One row per user and taste: its category path and its share of the user's events."""
    owner, slot = np.nonzero(tastes >= 0)
    kind = tastes[owner, slot]
    names = [PATH_SEPARATOR.join(c.path) for c in CATEGORIES]
    return pa.table(
        {
            "user_id": pa.array([f"u{first + u:07d}" for u in owner], pa.string()),
            "category": pa.array([names[k] for k in kind], pa.string()),
            "strength": pa.array(share[owner, kind], pa.float64()),
        }
    )


def _events(rows: Table) -> Table:
    """Put ids, names and times on the generated numbers."""
    user_id = ibis.literal("u") + rows.user_row.cast("string").lpad(7, "0")
    code_of = {name: rows.code == code for name, code in CODE.items()}
    types = ibis.cases(*((is_it, name) for name, is_it in code_of.items()))
    category = rows.item_row % len(CATEGORIES)
    queries = ibis.cases(*((category == i, c.noun) for i, c in enumerate(CATEGORIES)))
    searching = code_of["search"]
    nothing = ibis.null("string")
    start_ms = int(END.timestamp() * 1000) - N_DAYS * MS_PER_DAY
    return rows.select(
        event_id=user_id + "-" + rows.nth.cast("string").lpad(7, "0"),
        user_id=user_id,
        item_id=ibis.cases((searching, nothing), else_=ibis.literal("i") + rows.item_row.cast("string").lpad(7, "0")),
        event_type=types,
        event_time=(rows.time_ms + start_ms).as_timestamp("ms").cast("timestamp('UTC', 6)"),
        quantity=rows.quantity,
        price=rows.price,
        list_price=rows.list_price,
        query=ibis.cases((searching, queries), else_=nothing),
        session_id=user_id + "-s" + rows.session.cast("string"),
        placement=ibis.cases(*((rows.placement == i, p) for i, p in enumerate(PLACEMENTS))),
        position=rows.position,
    )
