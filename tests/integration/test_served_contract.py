"""The contract of API.md on a real bundle, over the wire."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from server import lifecycle
from server.config import ServerConfig
from slatewright import AsyncClient, Event, EventType, ItemUpdate
from slatewright.v1 import copy_pb2
from slatewright.v1 import recommendation_pb2 as pb

DAY_S = 86_400


class Served:
    """A running server on the generated shop, and its client."""

    def __init__(self, up: lifecycle.Running, client: AsyncClient) -> None:
        self.up = up
        self.client = client
        self.now_s = int(up.bundles.serving().manifest["as_of_ms"]) // 1_000

    def item(self, item_id: str) -> dict[str, Any]:
        """The catalogue's word on an item."""
        return dict(self.up.bundles.serving().item(item_id))

    async def ids(self, **fields: Any) -> list[str]:
        """The items of a slate without copy."""
        request = pb.RecommendRequest(copy={"mode": copy_pb2.COPY_MODE_NONE}, **fields)
        return [item.item_id for item in (await self.client.recommend(request)).items]

    async def did(self, user_id: str, kind: str, item_id: str, *, event_id: str = "") -> None:
        """Record one event."""
        event = Event(
            event_id=event_id or f"{user_id}-{kind}-{item_id}",
            user_id=user_id,
            item_id=item_id,
            type=EventType.Value(f"EVENT_TYPE_{kind.upper()}"),
        )
        assert (await self.client.record_events([event])).accepted == 1


@pytest.fixture
async def served(shop_bundles: Path, tmp_path: Path) -> AsyncIterator[Served]:
    """The real server with the real recommender and template pitches."""
    config = ServerConfig(bundles=shop_bundles, state=tmp_path / "state", port=0)
    async with lifecycle.running(config) as up, AsyncClient(up.address, timeout_s=30) as client:
        yield Served(up, client)


def a_request(dice: random.Random, items: list[str], now_s: int) -> pb.RecommendRequest:
    """A valid request nobody would think of."""
    wanted = pb.ItemFilter(in_stock_only=dice.random() < 0.3, purchased=dice.choice([0, 1, 2]))
    if dice.random() < 0.3:
        wanted.min_price = dice.uniform(0, 40)
    if dice.random() < 0.3:
        wanted.max_price = wanted.min_price + dice.uniform(0, 60)
    return pb.RecommendRequest(
        user_id=dice.choice(["", "nobody", f"u{dice.randrange(400):07d}"]),
        request_id=f"r{dice.random()}",
        page_size=dice.choice([0, 1, 3, 10, 50, 100, 101, 10_000]),
        request_time={"seconds": now_s - dice.choice([0, 0, 30 * DAY_S, -400 * DAY_S])},
        exclude_item_ids=dice.sample(items, dice.choice([0, 1, 30])),
        filter=wanted,
        copy={"mode": copy_pb2.COPY_MODE_NONE},
    )


async def test_every_slate_keeps_the_contract(served: Served) -> None:
    """No repeated item or title, nothing excluded or filtered out, exact size or a shortfall, ranks 1..n."""
    dice = random.Random(3)
    catalogue = await served.ids(page_size=100)
    for _ in range(60):
        request = a_request(dice, catalogue, served.now_s)
        answer = await served.client.recommend(request)
        ids = [item.item_id for item in answer.items]
        items = [served.item(item_id) for item_id in ids]
        assert len(set(ids)) == len(ids)
        assert len({item["title"] for item in items}) == len(ids)
        assert not set(ids) & set(request.exclude_item_ids)
        assert [item.rank for item in answer.items] == list(range(1, len(ids) + 1))
        asked = min(request.page_size or 10, 100)
        assert len(ids) == asked or (len(ids) < asked and answer.shortfall)
        for item in items:
            assert item["available"]
            if request.filter.HasField("min_price"):
                assert item["price"] >= request.filter.min_price
            if request.filter.HasField("max_price"):
                assert item["price"] <= request.filter.max_price
        again = await served.client.recommend(request)
        assert [item.item_id for item in again.items] == ids


async def test_categories_restrict_and_bar(served: Served) -> None:
    """A category path includes what lies below it; an excluded one removes it."""
    some = served.item((await served.ids())[0])
    path = " > ".join(some["category"])
    for item_id in await served.ids(filter={"categories": [path]}):
        assert served.item(item_id)["category"] == some["category"]
    for item_id in await served.ids(page_size=100, filter={"exclude_categories": [path]}):
        assert served.item(item_id)["category"] != some["category"]


async def test_an_unknown_category_is_an_empty_slate_with_a_shortfall(served: Served) -> None:
    """Nothing matches: no error, no item, a stated reason."""
    answer = await served.client.recommend(pb.RecommendRequest(filter={"categories": ["Nowhere"]}))
    assert not answer.items
    assert answer.shortfall


async def test_the_next_slate_reflects_what_happened(served: Served) -> None:
    """A cold user becomes known by one purchase, and their slate changes; a dislike bars for good."""
    cold = await served.client.recommend(pb.RecommendRequest(user_id="new"))
    assert cold.user_status == pb.USER_STATUS_COLD
    bought = (await served.ids(page_size=100))[60]
    await served.did("new", "purchase", bought)
    known = await served.client.recommend(pb.RecommendRequest(user_id="new", explain=True))
    assert known.user_status == pb.USER_STATUS_KNOWN
    assert [i.item_id for i in known.items] != [i.item_id for i in cold.items]
    unwanted = known.items[0].item_id
    await served.did("new", "dislike", unwanted)
    assert unwanted not in await served.ids(user_id="new", page_size=100)


async def test_a_repeated_event_changes_nothing(served: Served) -> None:
    """The same event_id twice is accepted twice and counts once."""
    item = (await served.ids())[0]
    await served.did("twice", "view", item, event_id="same")
    once = await served.ids(user_id="twice", request_id="r")
    await served.did("twice", "view", item, event_id="same")
    assert await served.ids(user_id="twice", request_id="r") == once


async def test_an_update_shows_in_the_next_slate(served: Served) -> None:
    """What sells out is gone from the next slate and back when restocked; prices filter as updated."""
    first = (await served.ids(request_id="r"))[0]
    await served.client.update_items([ItemUpdate(item_id=first, stock=0)])
    assert first not in await served.ids(page_size=100)
    await served.client.update_items([ItemUpdate(item_id=first, stock=3, price=99_999)])
    dear = await served.ids(filter={"min_price": 90_000})
    assert dear == [first]


async def test_similar_items_keep_the_contract_too(served: Served) -> None:
    """Not the item itself, no repeats, ranks 1..n, same filters."""
    some = (await served.ids())[0]
    barred = (await served.ids(page_size=100))[1:20]
    answer = await served.client.list_similar_items(
        pb.ListSimilarItemsRequest(item_id=some, page_size=12, exclude_item_ids=barred)
    )
    ids = [item.item_id for item in answer.items]
    assert len(set(ids)) == len(ids) > 0
    assert not {some, *barred} & set(ids)
    assert [item.rank for item in answer.items] == list(range(1, len(ids) + 1))
    assert all(item.pitch.text for item in answer.items)


async def test_the_token_of_an_answer_is_taken_back(served: Served) -> None:
    """An event may carry the token of its slate; a changed one is rejected."""
    answer = await served.client.recommend(pb.RecommendRequest(user_id="u0000001"))
    click = {"user_id": "u0000001", "item_id": answer.items[0].item_id, "type": 3, "position": 1}
    token = answer.attribution_token
    result = await served.client.record_events(
        [
            Event(event_id="a", attribution_token=token, **click),
            Event(event_id="b", attribution_token=token[:-2] + "AA", **click),
        ]
    )
    assert result.accepted == 1
    assert result.rejected[0].reason.startswith("bad_attribution_token")


async def test_pitches_name_their_facts(served: Served) -> None:
    """Every pitch has a text, an origin, a policy version and a language."""
    for item in (await served.client.recommend(pb.RecommendRequest(user_id="u0000002"))).items:
        assert item.pitch.text
        assert item.pitch.origin == copy_pb2.PITCH_ORIGIN_TEMPLATE
        assert item.pitch.policy_version
        assert item.pitch.locale


async def test_a_price_in_another_currency_is_refused(served: Served) -> None:
    """Bounds are compared in the bundle's currency only."""
    wanted = pb.ItemFilter(max_price=5, currency="JPY")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.client.recommend(pb.RecommendRequest(filter=wanted))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "EUR" in str(caught.value.details())
