"""SIMULATED shoppers' visits to a running server: a slate each, and the clicks and purchases on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp
from numpy.typing import NDArray

from offline_jobs.simulated_shoppers import Shoppers, Visit, responses
from recsys.bundle import Bundle
from recsys.errors import DataError
from slatewright import AsyncClient
from slatewright.v1 import feedback_pb2 as feedback
from slatewright.v1 import recommendation_pb2 as pb

TREATED: Final = "words"
"""The variant of layer `copy` that raises clicks."""
_AT_ONCE: Final = 8


async def answer_all(
    target: str,
    bundle: Bundle,
    shoppers: Shoppers,
    *,
    lift: float,
    eta: float,
    seed: int,
    progress: Callable[[float], None],
) -> tuple[int, int]:
    """(clicks, purchases) of all visits, in the order of their times; one shopper's never at once."""
    clicks = purchases = 0
    async with AsyncClient(target, timeout_s=30) as client:

        async def one(visit: Visit) -> tuple[int, int]:
            request = pb.RecommendRequest(
                user_id=name_of(visit.shopper),
                request_id=f"sim-{seed}-{visit.number}",
                request_time=_stamp(visit.time_ms),
            )
            answer = await client.recommend(request)
            rows = np.array([bundle.item_ids.row(item.item_id) for item in answer.items], np.int64)
            wanted = _wanted(bundle, shoppers.liked[visit.shopper], rows)
            treated = answer.variants["copy"] == TREATED
            clicked, bought = responses(visit, wanted, treated=treated, lift=lift, eta=eta, seed=seed)
            events = _events(visit, answer, clicked, bought, np.asarray(bundle.model.items.price)[rows])
            if events:
                kept = await client.record_events(events)
                if kept.rejected:
                    raise DataError(f"the server refused an event: {kept.rejected[0].reason}")
            return int(clicked.sum()), int(bought.sum())

        for at, group in _groups(shoppers.visits):
            for n_clicked, n_bought in await asyncio.gather(*(one(visit) for visit in group)):
                clicks, purchases = clicks + n_clicked, purchases + n_bought
            progress(at / len(shoppers.visits))
    return clicks, purchases


def _groups(visits: Sequence[Visit]) -> Iterator[tuple[int, list[Visit]]]:
    """Neighbouring visits of different shoppers, and how many are begun by then."""
    group: list[Visit] = []
    for at, visit in enumerate(visits):
        if len(group) == _AT_ONCE or any(visit.shopper == other.shopper for other in group):
            yield at, group
            group = []
        group.append(visit)
    yield len(visits), group


def _wanted(bundle: Bundle, liked: NDArray[np.bool_], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    category = np.asarray(bundle.model.items.leaf_row)[rows]
    wanted: NDArray[np.bool_] = (category >= 0) & liked[category]
    return wanted


def _events(
    visit: Visit,
    answer: pb.RecommendResponse,
    clicked: NDArray[np.bool_],
    bought: NDArray[np.bool_],
    price: NDArray[np.float32],
) -> list[feedback.Event]:
    events = []
    for at in np.flatnonzero(clicked).tolist():
        item = answer.items[at]
        when = visit.time_ms + 1_000 * item.rank
        event = feedback.Event(
            event_id=f"sim-{visit.number}-{item.rank}-c",
            user_id=name_of(visit.shopper),
            item_id=item.item_id,
            type=feedback.EVENT_TYPE_CLICK,
            event_time=_stamp(when),
            attribution_token=answer.attribution_token,
            position=item.rank,
        )
        events.append(event)
        if bought[at]:
            purchase = feedback.Event()
            purchase.CopyFrom(event)
            purchase.event_id = f"sim-{visit.number}-{item.rank}-p"
            purchase.type = feedback.EVENT_TYPE_PURCHASE
            purchase.event_time.CopyFrom(_stamp(when + 60_000))
            purchase.quantity = 1
            if not np.isnan(price[at]):
                purchase.unit_price = float(price[at])
            events.append(purchase)
    return events


def name_of(shopper: int) -> str:
    """A shopper's user id."""
    return f"sim-{shopper:06d}"


def _stamp(ms: int) -> Timestamp:
    return Timestamp(seconds=ms // 1_000, nanos=ms % 1_000 * 1_000_000)
