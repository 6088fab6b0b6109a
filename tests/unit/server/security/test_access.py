"""Nobody unknown gets through, nobody beyond their scope, and each refusal says why in the contract's terms."""

from __future__ import annotations

import asyncio
import hashlib
import time
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from hypothesis import given, settings
from hypothesis import strategies as st

from server.errors import UnauthenticatedError
from server.security.access import _known
from server.security.callers import Caller, Callers
from server.security.scope import RPCS
from slatewright.v1 import feedback_pb2, recommendation_pb2


def hashed(key: str) -> str:
    """What the callers' file holds of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


ALL, HOME, TINY, SLOW = "sw_all-of-it", "sw_home-only", "sw_tiny", "sw_slow"
FILE = f"""
[[caller]]
name = "all"
key_sha256 = ["{hashed(ALL)}", "{hashed("sw_next")}"]
rpcs = ["*"]

[[caller]]
name = "home"
key_sha256 = ["{hashed(HOME)}"]
rpcs = ["Recommend", "StreamRecommend", "ListSimilarItems"]
placements = ["home"]

[[caller]]
name = "tiny"
key_sha256 = ["{hashed(TINY)}"]
rpcs = ["RecordEvents"]
max_request_bytes = 100

[[caller]]
name = "slow"
key_sha256 = ["{hashed(SLOW)}"]
rpcs = ["Recommend"]
rate = 0.5
burst = 2
"""
REQUESTS = {
    "Recommend": recommendation_pb2.RecommendRequest(),
    "StreamRecommend": recommendation_pb2.StreamRecommendRequest(),
    "ListSimilarItems": recommendation_pb2.ListSimilarItemsRequest(item_id="i1"),
    "RecordEvents": feedback_pb2.RecordEventsRequest(),
    "UpdateItems": feedback_pb2.UpdateItemsRequest(),
}
Metadata = tuple[tuple[str, str], ...]


def key(value: str) -> Metadata:
    return (("x-api-key", value),)


@pytest.fixture
def callers(tmp_path: Path) -> Path:
    path = tmp_path / "callers.toml"
    path.write_text(FILE)
    return path


async def call(shop: Any, path: str, data: bytes, metadata: Metadata) -> list[bytes]:
    """Any method, bytes in and out, whatever its shape: all that it answers."""
    stream = shop.channel.unary_stream(path)(data, timeout=10, metadata=metadata)
    return [message async for message in stream]


def test_every_call_of_the_contract_has_a_request_here() -> None:
    """A call added later must be put into these tests."""
    assert set(RPCS.values()) == set(REQUESTS)


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        key(""),
        key("sw_all-of-i"),
        key(ALL + "x"),
        key(hashed(ALL)),
        key(ALL) + key(ALL),
        (*key(ALL), ("authorization", "Bearer x")),
        (("authorization", f"Bearer {ALL}"),),
        (("authorization", ALL),),
        (("authorization", f"Basic {ALL}"),),
        (("authorization", ""),),
        (("x-api-keys", ALL),),
        (("x-api-key-bin", ALL.encode()),),
    ],
    ids=str,
)
async def test_no_call_gets_through_without_good_credentials(
    open_shop: Any, refused: Any, callers: Path, metadata: Metadata, capfd: Any
) -> None:
    """UNAUTHENTICATED with its reason, for every method and any bytes; nothing is computed, no secret is logged."""
    async with open_shop(callers=callers) as shop:
        for path, rpc in RPCS.items():
            for data in (REQUESTS[rpc].SerializeToString(), b"\xff\xff\xff"):
                code, message, reason, _ = await refused(call(shop, path, data, metadata))
                assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
                assert ALL not in message
        assert not [r for r, _ in shop.fake.seen if r.seed_text != "warm-up"]
    logged = capfd.readouterr().err
    assert ALL not in logged
    assert logged.count('"code": "UNAUTHENTICATED"') == 2 * len(RPCS)


async def test_every_call_gets_through_with_them(open_shop: Any, callers: Path, capfd: Any) -> None:
    """Either key of a caller; the log names the caller and holds neither key nor hash."""
    async with open_shop(callers=callers) as shop:
        for path, rpc in RPCS.items():
            for value in (ALL, "sw_next"):
                assert await call(shop, path, REQUESTS[rpc].SerializeToString(), key(value))
        answer = await shop.slates.Recommend(
            recommendation_pb2.RecommendRequest(user_id="u-4711"), metadata=key(ALL), timeout=5
        )
        assert len(answer.items) == 10
    logged = capfd.readouterr().err
    assert logged.count('"caller": "all"') == 2 * len(RPCS) + 1
    assert all(secret not in logged for secret in (ALL, "sw_next", hashed(ALL), "u-4711"))


async def test_nothing_is_received_before_the_caller_is_known(open_shop: Any, refused: Any, callers: Path) -> None:
    """A stranger is refused while the request is still unsent: not a byte of it is waited for."""
    async with open_shop(callers=callers) as shop:
        for path in RPCS:
            stream = shop.channel.stream_unary(path)(timeout=5)  # nothing is ever written
            code, _, reason, _ = await refused(stream)
            assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")


async def test_scopes_are_kept(open_shop: Any, refused: Any, callers: Path) -> None:
    """Outside of the listed calls and placements: PERMISSION_DENIED; an empty placement counts as its default."""
    async with open_shop(callers=callers) as shop:

        async def outcome(rpc: str, message: Any, by: str) -> Any:
            path = next(path for path, name in RPCS.items() if name == rpc)
            return await refused(call(shop, path, message.SerializeToString(), key(by)))

        for rpc in ("RecordEvents", "UpdateItems"):
            assert (await outcome(rpc, REQUESTS[rpc], HOME))[::2][:2] == (
                grpc.StatusCode.PERMISSION_DENIED,
                "OUT_OF_SCOPE",
            )
        cart = recommendation_pb2.RecommendRequest(placement="cart")
        for rpc, message in (
            ("Recommend", cart),
            ("StreamRecommend", recommendation_pb2.StreamRecommendRequest(request=cart)),
            ("ListSimilarItems", REQUESTS["ListSimilarItems"]),
        ):
            code, message_shown, reason, _ = await outcome(rpc, message, HOME)
            assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "OUT_OF_SCOPE")
            assert "home" in message_shown
        for asked in ("", "home"):
            request = recommendation_pb2.RecommendRequest(placement=asked)
            assert (await shop.slates.Recommend(request, metadata=key(HOME), timeout=5)).items
        served = {r.placement for r, _ in shop.fake.seen if r.seed_text != "warm-up"}
        assert served == {"home"}


async def test_a_quota_sheds_with_the_time_to_come_back(open_shop: Any, refused: Any, callers: Path) -> None:
    """RESOURCE_EXHAUSTED with RetryInfo once the burst is spent; other callers do not notice."""
    async with open_shop(callers=callers) as shop:
        request = REQUESTS["Recommend"]
        for _ in range(2):
            assert (await shop.slates.Recommend(request, metadata=key(SLOW), timeout=5)).items
        code, _, reason, details = await refused(shop.slates.Recommend(request, metadata=key(SLOW), timeout=5))
        assert (code, reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")
        assert 0 < details["RetryInfo"].retry_delay.ToMilliseconds() <= 2_001
        assert (await shop.slates.Recommend(request, metadata=key(ALL), timeout=5)).items


async def test_a_large_request_is_refused_undecoded(open_shop: Any, refused: Any, callers: Path) -> None:
    """Above the caller's size: RESOURCE_EXHAUSTED, whether it can be decoded or not; above the server's as well."""
    async with open_shop(callers=callers) as shop:
        path = "/slatewright.v1.FeedbackService/RecordEvents"
        code, _, reason, _ = await refused(call(shop, path, b"\xff" * 101, key(TINY)))
        assert (code, reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(shop, path, b"\xff" * (9 << 20), key(ALL))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert len(await call(shop, path, b"", key(TINY))) == 1


async def test_known_callers_get_clear_errors_too(open_shop: Any, refused: Any, callers: Path) -> None:
    """Undecodable bytes, no message at all and an unknown method answer as on an open server."""
    async with open_shop(callers=callers) as shop:
        path = "/slatewright.v1.RecommendationService/Recommend"
        code, _, reason, _ = await refused(call(shop, path, b"\xff\xff\xff", key(ALL)))
        assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "UNDECODABLE_REQUEST")
        empty = shop.channel.stream_unary(path)(iter(()), timeout=5, metadata=key(ALL))
        code, _, reason, _ = await refused(empty)
        assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "UNDECODABLE_REQUEST")
        code, _, reason, _ = await refused(call(shop, "/slatewright.v1.Nothing/Here", b"", key(ALL)))
        assert (code, reason) == (grpc.StatusCode.UNIMPLEMENTED, "UNSERVED_METHOD")


async def test_a_caller_that_sends_nothing_holds_no_place(
    open_shop: Any, refused: Any, callers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that is opened and then left alone ends by itself, and others are served meanwhile and after."""
    monkeypatch.setattr("server.security.access.RECEIVE_S", 0.2)
    async with open_shop(callers=callers, in_flight_limit=2) as shop:
        silent = shop.channel.stream_unary("/slatewright.v1.RecommendationService/Recommend")(metadata=key(ALL))
        for _ in range(3):
            assert (await shop.slates.Recommend(REQUESTS["Recommend"], metadata=key(ALL), timeout=5)).items
        code, message, _, _ = await refused(silent)
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert "no message" in message


class Called:
    """What the interceptor sees of a call: headers and a certificate's names."""

    def __init__(self, headers: list[tuple[str, Any]], names: list[bytes]) -> None:
        self._headers, self._names = headers, names

    def invocation_metadata(self) -> Any:
        """The headers."""
        return tuple(self._headers)

    def auth_context(self) -> Any:
        """The peer."""
        return {"x509_subject_alternative_name": self._names} if self._names else {}


near = st.sampled_from([ALL, HOME, TINY, SLOW]).flatmap(
    lambda k: st.sampled_from([k, k[:-1], k + " ", " " + k, k.upper(), hashed(k), f"Bearer {k}", k + "\x00", k * 2])
)
header = st.tuples(
    st.sampled_from(["x-api-key", "authorization", "x-api-key-bin", "cookie", "X-API-KEY", ":authority"]),
    st.one_of(near, st.text(max_size=300), st.just("")),
)


@settings(max_examples=1_000, deadline=None)
@given(st.lists(header, max_size=4), st.lists(st.one_of(st.just(b"feed"), st.binary(max_size=20)), max_size=3))
def test_only_the_very_credentials_open(headers: list[tuple[str, Any]], names: list[bytes]) -> None:
    """Whatever is sent, a caller is known by exactly one of its keys in one header, and by nothing else."""
    every = {ALL: "all", HOME: "home"}
    known = Callers(
        {hashlib.sha256(k.encode()).digest(): Caller(n, frozenset()) for k, n in every.items()}, {}, {}, None
    )
    ours = [(name, value) for name, value in headers if name in {"x-api-key", "authorization"}]
    expected = every.get(ours[0][1]) if len(ours) == 1 and ours[0][0] == "x-api-key" else None
    if expected is None:
        with pytest.raises(UnauthenticatedError):
            _known(known, Called(headers, names))
    else:
        assert _known(known, Called(headers, names)).name == expected


async def test_health_is_open_and_reflection_is_for_callers(open_shop: Any, refused: Any, callers: Path) -> None:
    """A balancer needs no key; who wants to look around needs any."""

    async def ask() -> Any:
        yield reflection_pb2.ServerReflectionRequest(list_services="")

    async with open_shop(callers=callers) as shop:
        health = health_pb2_grpc.HealthStub(shop.channel)
        assert (await health.Check(health_pb2.HealthCheckRequest(), timeout=5)).status == 1
        stub = reflection_pb2_grpc.ServerReflectionStub(shop.channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in stub.ServerReflectionInfo(ask(), timeout=5):
                pass
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        answers = [a async for a in stub.ServerReflectionInfo(ask(), timeout=5, metadata=key(TINY))]
        assert len(answers) == 1


async def test_a_bearer_token_is_a_credential(
    open_shop: Any, refused: Any, callers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signed token of the agreed issuer gets its subject's scope; a subject nobody listed is nobody."""
    monkeypatch.setenv("SLATEWRIGHT_JWT_SECRET", "s" * 32)
    agreed = '[jwt]\nissuer = "id"\naudience = "shop"\nalgorithms = ["HS256"]\n'
    entry = '[[caller]]\nname = "app"\njwt_subjects = ["app-7"]\nrpcs = ["Recommend"]\n'
    callers.write_text(agreed + FILE + entry)

    def bearer(subject: str) -> Metadata:
        claims = {"iss": "id", "aud": "shop", "sub": subject, "exp": time.time() + 60}
        return (("authorization", f"Bearer {jwt.encode(claims, 's' * 32)}"),)

    async with open_shop(callers=callers) as shop:
        slates = shop.slates
        assert (await slates.Recommend(REQUESTS["Recommend"], metadata=bearer("app-7"), timeout=5)).items
        for call_of, subject, expected in (
            (slates.Recommend(REQUESTS["Recommend"], metadata=bearer("app-8"), timeout=5), "app-8", "UNAUTHENTICATED"),
            (
                slates.ListSimilarItems(REQUESTS["ListSimilarItems"], metadata=bearer("app-7"), timeout=5),
                "",
                "OUT_OF_SCOPE",
            ),
        ):
            _, message, reason, _ = await refused(call_of)
            assert reason == expected
            assert not subject or subject not in message


async def test_changed_callers_are_in_force_without_a_restart(
    open_shop: Any, refused: Any, callers: Path, capfd: Any
) -> None:
    """A revoked key is refused and a new one let in; a wrong file changes nothing and is told once."""
    async with open_shop(callers=callers) as shop:
        request = REQUESTS["Recommend"]

        async def admitted(value: str) -> bool:
            try:
                return bool((await shop.slates.Recommend(request, metadata=key(value), timeout=5)).items)
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.UNAUTHENTICATED
                return False

        assert await admitted(ALL)
        callers.write_text(FILE.replace(hashed(ALL), hashed("sw_renewed")))
        for _ in range(200):
            if await admitted("sw_renewed"):
                break
            await asyncio.sleep(0.02)
        assert not await admitted(ALL)
        for damage in (None, "[[caller]]", "not toml ["):
            callers.unlink() if damage is None else callers.write_text(damage)
            await asyncio.sleep(0.1)
            assert await admitted("sw_renewed")
    assert capfd.readouterr().err.count('"callers_refused"') == 3
