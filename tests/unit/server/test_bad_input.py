"""Bad input over the wire: each kind gets a clear error of the right status, and the server lives on."""

from __future__ import annotations

import random
from typing import Any

import grpc
import pytest

from slatewright.v1 import feedback_pb2
from slatewright.v1 import recommendation_pb2 as pb

INVALID = grpc.StatusCode.INVALID_ARGUMENT
RECOMMEND = "slatewright.v1.RecommendationService/Recommend"
LONG = "x" * 257

BAD_FIELDS: list[tuple[str, dict[str, Any]]] = [
    ("page_size", {"page_size": -1}),
    ("page_size", {"page_size": -(2**31)}),
    ("user_id", {"user_id": LONG}),
    ("user_id", {"user_id": "x" * (4 * 1024 * 1024)}),
    ("user_id", {"user_id": "a\x00b"}),
    ("session_id", {"session_id": "a\nb"}),
    ("request_id", {"request_id": "\u202egnp.exe"}),
    ("placement", {"placement": "p" * 65}),
    ("request_time", {"request_time": {"seconds": -1}}),
    ("request_time", {"request_time": {"seconds": 2**60}}),
    ("request_time", {"request_time": {"seconds": 1, "nanos": -5}}),
    ("context.country", {"context": {"country": "Germany"}}),
    ("context.locale", {"context": {"locale": "de_DE"}}),
    ("context.device", {"context": {"device": "d" * 65}}),
    ("copy.locale", {"copy": {"locale": "en-US; DROP TABLE"}}),
    ("copy.mode", {"copy": {"mode": 77}}),
    ("copy.max_chars", {"copy": {"max_chars": 3}}),
    ("copy.max_chars", {"copy": {"max_chars": -1}}),
    ("exclude_item_ids", {"exclude_item_ids": [str(n) for n in range(1_001)]}),
    ("exclude_item_ids[1]", {"exclude_item_ids": ["a", ""]}),
    ("filter.categories", {"filter": {"categories": ["c"] * 101}}),
    ("filter.categories[0]", {"filter": {"categories": [LONG]}}),
    ("filter.brands[0]", {"filter": {"brands": ["\u2066evil"]}}),
    ("filter.min_price", {"filter": {"min_price": float("nan")}}),
    ("filter.max_price", {"filter": {"max_price": float("inf")}}),
    ("filter.min_price", {"filter": {"min_price": -0.01}}),
    ("filter.min_price", {"filter": {"min_price": 5, "max_price": 4}}),
    ("filter.currency", {"filter": {"currency": "Euro"}}),
    ("filter.currency", {"filter": {"currency": "EUR", "max_price": 4}}),
    ("filter.purchased", {"filter": {"purchased": -3}}),
    ("variant_overrides", {"variant_overrides": {"colour": "control"}}),
    ("variant_overrides[ranking]", {"variant_overrides": {"ranking": "blue"}}),
    ("variant_overrides", {"variant_overrides": {str(n): "x" for n in range(11)}}),
]


@pytest.mark.parametrize(("field", "values"), BAD_FIELDS, ids=lambda v: str(v)[:40])
async def test_a_bad_field_is_named(shop: Any, refused: Any, field: str, values: dict[str, Any]) -> None:
    """INVALID_ARGUMENT naming the field, in the message, ErrorInfo and BadRequest; the value is cut short."""
    code, message, reason, details = await refused(shop.recommend(**values))
    assert (code, reason) == (INVALID, "INVALID_FIELD")
    assert message.removeprefix("length of ").startswith(f"{field} is ")
    assert "; expected " in message
    assert len(message) < 400
    assert message.isprintable()
    assert details["ErrorInfo"].metadata["field"] == field
    assert details["BadRequest"].field_violations[0].field == field
    assert (await shop.recommend()).items


async def test_known_names_are_listed_for_unknown_variants(shop: Any, refused: Any) -> None:
    """The message says which layers and variants there are."""
    _, message, _, _ = await refused(shop.recommend(variant_overrides={"colour": "x"}))
    assert "ranking, copy, slate" in message
    _, message, _, _ = await refused(shop.recommend(variant_overrides={"copy": "x"}))
    assert "control" in message


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        b"\x0a\x05ab",
        b"\x0a\x02\xc3\x28",
        b"\x0b" * 50,
        bytes(range(256)),
    ],
    ids=["tag", "truncated", "not-utf8", "open-groups", "noise"],
)
@pytest.mark.parametrize(
    "method",
    [
        RECOMMEND,
        "slatewright.v1.RecommendationService/ListSimilarItems",
        "slatewright.v1.FeedbackService/RecordEvents",
        "slatewright.v1.FeedbackService/UpdateItems",
        "grpc.health.v1.Health/Check",
    ],
)
async def test_undecodable_bytes_are_the_callers_fault(shop: Any, refused: Any, method: str, data: bytes) -> None:
    """INVALID_ARGUMENT without the decoder's words, for every service, and the server lives on."""
    code, message, reason, _ = await refused(shop.raw(method, data))
    assert (code, reason) == (INVALID, "UNDECODABLE_REQUEST")
    assert "Error" not in message
    assert "parsing" not in message
    assert (await shop.recommend()).items


async def test_undecodable_bytes_on_a_stream(shop: Any, refused: Any) -> None:
    """The same for a streaming answer, and for reflection, whose requests stream."""
    answer = shop.channel.unary_stream("/slatewright.v1.RecommendationService/StreamRecommend")
    code, _, reason, _ = await refused(answer(b"\xff\xff", timeout=10).read())
    assert (code, reason) == (INVALID, "UNDECODABLE_REQUEST")
    both = shop.channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")

    async def requests() -> Any:
        yield b"\xff\xff"

    code, _, reason, _ = await refused(both(requests(), timeout=10).read())
    assert (code, reason) == (INVALID, "UNDECODABLE_REQUEST")


async def test_random_bytes_never_reach_the_inside(shop: Any) -> None:
    """Noise is decoded by luck or refused; it is never UNKNOWN or INTERNAL."""
    noise = random.Random(7)
    for _ in range(150):
        data = noise.randbytes(noise.randrange(1, 200))
        try:
            await shop.raw(RECOMMEND, data)
        except grpc.aio.AioRpcError as error:
            assert error.code() is INVALID, (error, data)
    assert (await shop.recommend()).items


async def test_a_message_beyond_the_limit_is_refused(shop: Any) -> None:
    """Over 8 MB gRPC itself refuses, before decoding, and the server lives on."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await shop.raw(RECOMMEND, b"\x0a" + b"\x00" * (9 * 1024 * 1024))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (await shop.recommend()).items


@pytest.mark.parametrize("method", ["RecommendationService/Nope", "CopyService/WriteCopy", "Nobody/Nothing"])
async def test_an_unserved_method_is_unimplemented(shop: Any, refused: Any, method: str) -> None:
    """UNIMPLEMENTED with ErrorInfo and a request id, as every error has, whatever the shape of the call."""
    for bytes_in in (b"", b"\xff\xff"):
        code, _, reason, details = await refused(shop.raw(f"slatewright.v1.{method}", bytes_in))
        assert (code, reason) == (grpc.StatusCode.UNIMPLEMENTED, "UNSERVED_METHOD")
        assert details["ErrorInfo"].metadata["request_id"]
    stream = shop.channel.unary_stream(f"/slatewright.v1.{method}")
    assert (await refused(stream(b"", timeout=10).read()))[0] is grpc.StatusCode.UNIMPLEMENTED


async def test_the_request_id_is_in_the_error_of_any_other_field(shop: Any, refused: Any, capfd: Any) -> None:
    """The caller's id where it is valid, else one of ours, in ErrorInfo and in the log; feedback calls too."""
    _, _, _, details = await refused(shop.recommend(request_id="mine", page_size=-1))
    assert details["ErrorInfo"].metadata["request_id"] == "mine"
    similar = shop.slates.ListSimilarItems(pb.ListSimilarItemsRequest(request_id="also"), timeout=10)
    _, _, _, details = await refused(similar)
    assert details["ErrorInfo"].metadata["request_id"] == "also"
    made_up = []
    for call in (shop.recommend(request_id=LONG), shop.record(*[GOOD_EVENT] * 1_001), shop.raw(RECOMMEND, b"\xff")):
        _, _, _, details = await refused(call)
        made_up.append(details["ErrorInfo"].metadata["request_id"])
    assert all(len(request_id) == 32 for request_id in made_up)
    log = capfd.readouterr().err
    assert all(request_id in log for request_id in ("mine", "also", *made_up))


async def test_a_token_is_of_an_answer_to_its_user(shop: Any) -> None:
    """Another user's token is rejected; one's own and that of an anonymous answer pass."""
    tokens = [(await shop.recommend(user_id=user)).attribution_token for user in ("u", "v", "")]
    answer = await shop.record(
        *(GOOD_EVENT | {"event_id": str(n), "attribution_token": token} for n, token in enumerate(tokens))
    )
    assert answer.accepted == 2
    assert [row.index for row in answer.rejected] == [1]
    assert answer.rejected[0].reason.startswith("bad_attribution_token: ")


GOOD_EVENT: dict[str, Any] = {"event_id": "e", "user_id": "u", "item_id": "i1", "type": 3}
BAD_EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("type", {"type": 0}),
    ("type", {"type": 99}),
    ("event_id", {"event_id": ""}),
    ("event_id", {"event_id": LONG}),
    ("user_id", {"user_id": ""}),
    ("item_id", {"item_id": " "}),
    ("item_id", {"item_id": "a\x1bb"}),
    ("item_id", {"type": 4, "query": "lamp"}),
    ("query", {"type": 4, "item_id": ""}),
    ("query", {"query": "a click has none"}),
    ("query", {"type": 4, "item_id": "", "query": "q" * 513}),
    ("event_time", {"event_time": {"seconds": 4_000_000_000}}),
    ("event_time", {"event_time": {"seconds": -4}}),
    ("position", {"position": -1}),
    ("quantity", {"quantity": 0}),
    ("quantity", {"quantity": float("nan")}),
    ("quantity", {"quantity": 1e6 + 1}),
    ("unit_price", {"unit_price": 1e308}),
    ("unit_price", {"unit_price": float("-inf")}),
    ("unit_price", {"unit_price": -1}),
    ("attribution_token", {"attribution_token": "forged"}),
]


@pytest.mark.parametrize(("field", "values"), BAD_EVENTS, ids=lambda v: str(v)[:40])
async def test_a_bad_event_costs_only_itself(shop: Any, field: str, values: dict[str, Any]) -> None:
    """It is rejected with its index and a reason; the good one beside it is accepted."""
    answer = await shop.record(GOOD_EVENT | {"event_id": "good"}, GOOD_EVENT | values)
    assert answer.accepted == 1
    assert [row.index for row in answer.rejected] == [1]
    assert answer.rejected[0].reason.startswith(f"bad_{field}: ")


async def test_too_many_entries_are_refused(shop: Any, refused: Any) -> None:
    """More than 1,000 events or updates are one clear error; exactly 1,000 are fine."""
    events = [GOOD_EVENT | {"event_id": str(n)} for n in range(1_001)]
    code, message, _, _ = await refused(shop.record(*events))
    assert code is INVALID
    assert message.startswith("length of events is 1001; expected at most 1000")
    assert (await shop.record(*events[:1_000])).accepted == 1_000


@pytest.mark.parametrize(
    "values",
    [
        {"item_id": ""},
        {"item_id": "unknown", "price": 1},
        {"item_id": "i1"},
        {"item_id": "i1", "price": float("nan")},
        {"item_id": "i1", "stock": -1},
        {"item_id": "i1", "price": 1e308},
    ],
    ids=str,
)
async def test_a_bad_update_costs_only_itself(shop: Any, values: dict[str, Any]) -> None:
    """It is rejected with its index and a reason."""
    update = feedback_pb2.ItemUpdate
    request = feedback_pb2.UpdateItemsRequest(items=[update(**values), update(item_id="i2", price=3)])
    answer = await shop.feedback.UpdateItems(request, timeout=10)
    assert answer.accepted == 1
    assert [row.index for row in answer.rejected] == [0]


async def test_similar_needs_an_item(shop: Any, refused: Any) -> None:
    """An empty item id is INVALID_ARGUMENT, not NOT_FOUND."""
    call = shop.slates.ListSimilarItems(pb.ListSimilarItemsRequest(), timeout=10)
    code, message, _, _ = await refused(call)
    assert code is INVALID
    assert message.startswith("item_id is ''")
