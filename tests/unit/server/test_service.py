"""RecommendationService over the wire."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from copywriter.writer import Writer
from slatewright.v1 import copy_pb2, feedback_pb2
from slatewright.v1 import recommendation_pb2 as pb


async def test_a_slate_has_ranks_1_to_n_and_no_repeats(shop: Any) -> None:
    """Exactly page_size items, ranks 1..n, no item twice."""
    answer = await shop.recommend(user_id="u", page_size=7)
    assert [item.rank for item in answer.items] == list(range(1, 8))
    assert len({item.item_id for item in answer.items}) == 7
    assert answer.user_status == pb.USER_STATUS_COLD
    assert answer.bundle_version == "fake-1"
    assert dict(answer.variants) == dict.fromkeys(("ranking", "copy", "slate"), "control")


async def test_page_size_is_coerced(shop: Any) -> None:
    """0 means 10, more than 100 means 100; fewer items than asked come with a shortfall."""
    assert len((await shop.recommend()).items) == 10
    all_items = await shop.recommend(page_size=5_000)
    assert shop.fake.seen[-1][0].page_size == 100
    assert len(all_items.items) == 40
    assert all_items.shortfall


async def test_request_id_is_echoed_or_made_up(shop: Any) -> None:
    """The caller's id comes back; without one the server makes one up."""
    assert (await shop.recommend(request_id="r-1")).request_id == "r-1"
    assert len((await shop.recommend()).request_id) == 32


async def test_same_request_id_and_time_give_the_same_slate(shop: Any) -> None:
    """Randomness is seeded from request id and time alone."""

    async def ids(request_id: str, seconds: int) -> list[str]:
        answer = await shop.recommend(request_id=request_id, request_time={"seconds": seconds})
        return [item.item_id for item in answer.items]

    assert await ids("a", 1_600_000_000) == await ids("a", 1_600_000_000)
    assert await ids("a", 1_600_000_000) != await ids("b", 1_600_000_000)


async def test_every_item_has_a_pitch_unless_none_was_asked_for(shop: Any) -> None:
    """Templates where nothing better is ready; mode NONE brings no pitch."""
    for item in (await shop.recommend()).items:
        assert item.pitch.text
        assert item.pitch.origin == copy_pb2.PITCH_ORIGIN_TEMPLATE
        assert not item.pitch.ai_generated
    silent = await shop.recommend(copy={"mode": copy_pb2.COPY_MODE_NONE})
    assert not any(item.HasField("pitch") for item in silent.items)


async def test_explain_adds_sources_reasons_features_and_titles(shop: Any) -> None:
    """They are there with `explain` and absent without."""
    plain = (await shop.recommend()).items[0]
    assert not (plain.sources or plain.reasons or plain.features or plain.title)
    explained = (await shop.recommend(explain=True)).items[0]
    assert explained.sources and explained.reasons and explained.features and explained.title


async def test_a_stream_brings_slate_then_each_pitch_once_then_done(shop: Any) -> None:
    """The first message is the slate without pitches, the last is done, one pitch per item between."""
    request = pb.StreamRecommendRequest(request=pb.RecommendRequest(page_size=5))
    messages = [message async for message in shop.slates.StreamRecommend(request, timeout=10)]
    kinds = [message.WhichOneof("event") for message in messages]
    assert kinds == ["slate", *["pitch"] * 5, "done"]
    slate = messages[0].slate
    assert not any(item.HasField("pitch") for item in slate.items)
    assert sorted(m.pitch.item_id for m in messages[1:-1]) == sorted(i.item_id for i in slate.items)
    assert messages[-1].done.pitches == 5


async def test_similar_items_of_an_unknown_item_are_not_found(shop: Any, refused: Any) -> None:
    """An unknown item is NOT_FOUND with the item named; a known one answers without itself."""
    known = await shop.slates.ListSimilarItems(pb.ListSimilarItemsRequest(item_id="i3"), timeout=10)
    assert "i3" not in {item.item_id for item in known.items}
    assert shop.fake.seen[-1][0].placement == "detail"
    call = shop.slates.ListSimilarItems(pb.ListSimilarItemsRequest(item_id="nope"), timeout=10)
    code, message, reason, _ = await refused(call)
    assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_ITEM")
    assert "'nope'" in message


async def test_an_accepted_event_shows_in_the_next_slate(shop: Any) -> None:
    """A disliked item is gone from the user's next slate, and from nobody else's."""
    before = (await shop.recommend(user_id="u", request_id="r")).items[0].item_id
    dislike = feedback_pb2.EVENT_TYPE_DISLIKE
    await shop.record({"event_id": "e", "user_id": "u", "item_id": before, "type": dislike})
    after = await shop.recommend(user_id="u", page_size=100)
    assert before not in {item.item_id for item in after.items}
    assert after.user_status == pb.USER_STATUS_KNOWN
    others = await shop.recommend(user_id="v", page_size=100)
    assert before in {item.item_id for item in others.items}


async def test_an_explicit_request_time_hides_later_events(shop: Any) -> None:
    """A caller who names the time gets exactly that time."""
    event = {"event_id": "e", "user_id": "u", "item_id": "i1", "type": 7}
    await shop.record({**event, "event_time": {"seconds": 1_600_000_000}})
    earlier = await shop.recommend(user_id="u", page_size=100, request_time={"seconds": 1_590_000_000})
    assert "i1" in {item.item_id for item in earlier.items}
    assert "i1" not in {i.item_id for i in (await shop.recommend(user_id="u", page_size=100)).items}


async def test_updates_show_in_the_next_slate_and_survive(open_shop: Any) -> None:
    """What UpdateItems accepted is in the next slate, and still is after a restart."""
    async with open_shop() as shop:
        request = feedback_pb2.UpdateItemsRequest(
            items=[
                feedback_pb2.ItemUpdate(item_id="i1", stock=0),
                feedback_pb2.ItemUpdate(item_id="i2", price=99.5),
                feedback_pb2.ItemUpdate(item_id="i3", stock=0),
                feedback_pb2.ItemUpdate(item_id="i3", stock=4),
                feedback_pb2.ItemUpdate(item_id="unknown", price=1),
            ]
        )
        answer = await shop.feedback.UpdateItems(request, timeout=10)
        assert (answer.accepted, answer.version) == (4, 1)
        assert [row.index for row in answer.rejected] == [4]
        served = {item.item_id for item in (await shop.recommend(page_size=100)).items}
        assert "i1" not in served
        assert "i3" in served
    async with open_shop() as again:
        served = {item.item_id for item in (await again.recommend(page_size=100)).items}
        assert "i1" not in served
        assert "i3" in served
        assert again.fake.price["i2"] == 99.5


class SlowEngine:
    """Both sides of an engine that is ready and never finishes a text."""

    ready = True
    model = "slow"

    def __init__(self, *_args: Any, **_named: Any) -> None:
        self.asked = 0

    async def generate(self, prompts: Any, **_named: Any) -> Any:
        """Nothing, for a long time."""
        await asyncio.sleep(60)
        yield 0, ""

    async def run(self) -> None:
        """Live as long as the server."""
        await asyncio.sleep(3_600)

    async def follow(self, _on_ready: Any) -> None:
        """Ready from the start."""

    async def stop(self) -> None:
        """Nothing to stop."""

    close = stop


@pytest.mark.parametrize("deadline_s", [0.3, 1.0])
async def test_copy_never_takes_a_slate_past_its_deadline(
    open_shop: Any, monkeypatch: pytest.MonkeyPatch, deadline_s: float
) -> None:
    """With an engine that never answers, every pitch is a template, and slate and stream end in time."""
    for name in ("lifecycle.EngineClient", "backstage.EngineClient", "backstage.EngineProcess"):
        monkeypatch.setattr(f"server.{name}", SlowEngine)
    monkeypatch.setattr("server.lifecycle._writer", lambda _folder: Writer(model="slow"))
    async with open_shop(copy="live") as shop:
        request = pb.RecommendRequest(page_size=5)
        await shop.recommend(copy={"mode": copy_pb2.COPY_MODE_NONE})  # the first call is slower
        for _ in range(3):
            answer = await shop.slates.Recommend(request, timeout=deadline_s)
            assert all(i.pitch.origin == copy_pb2.PITCH_ORIGIN_TEMPLATE for i in answer.items)
        stream = shop.slates.StreamRecommend(pb.StreamRecommendRequest(request=request), timeout=deadline_s)
        kinds = [message.WhichOneof("event") async for message in stream]
        assert kinds == ["slate", *["pitch"] * 5, "done"]


async def test_without_a_deadline_patience_ends(open_shop: Any, monkeypatch: Any) -> None:
    """A caller who sets no deadline waits for pitches as long as the server's setting says."""
    for name in ("lifecycle.EngineClient", "backstage.EngineClient", "backstage.EngineProcess"):
        monkeypatch.setattr(f"server.{name}", SlowEngine)
    monkeypatch.setattr("server.lifecycle._writer", lambda _folder: Writer(model="slow"))
    async with open_shop(copy="live", patience_ms=200) as shop:
        answer = await asyncio.wait_for(shop.slates.Recommend(pb.RecommendRequest()), 5)
        assert all(i.pitch.origin == copy_pb2.PITCH_ORIGIN_TEMPLATE for i in answer.items)


async def test_an_unexpected_error_says_nothing_of_the_inside(shop: Any, refused: Any, capfd: Any) -> None:
    """INTERNAL, no text of the exception to the caller; type and place, no text, in the log."""
    shop.fake.breaks = ZeroDivisionError("secret /etc/passwd user-77")
    code, message, reason, details = await refused(shop.recommend(user_id="user-77", request_id="r9"))
    assert (code, reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "secret" not in message + str(details)
    assert details["ErrorInfo"].metadata["request_id"] == "r9"
    shop.fake.breaks = None
    assert (await shop.recommend()).items
    log = capfd.readouterr().err
    assert "ZeroDivisionError" in log
    assert "r9" in log
    assert "secret" not in log
    assert "user-77" not in log
