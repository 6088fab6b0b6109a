"""A GrowthBook file drives the server: every rule reaches the slate, and the log says what was shown."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from benchmarks.experiments import propensities
from recsys import exposure_log
from recsys.bundle import current
from recsys.recommender import Recommender
from recsys.slate import Slate, SlateItem, SlateRequest
from recsys.treatment import UNTREATED, Treatment, read_treatment
from server import lifecycle
from server.config import ServerConfig
from slatewright import AsyncClient, RecommendRequest
from tests.served_process import SILENT, Serve, doors, until

RANKING, SLATE = "slatewright.ranking", "slatewright.slate"
FUSED = {"variant": "fused", "ranker": "fused"}
POPULAR = {
    "variant": "popular",
    "quotas": dict.fromkeys(
        ("als", "users", "next", "previous", "together", "content", "bridged", "repurchase", "category"), 0
    ),
}
VARIED = {"variant": "varied", "diversity": {"trade_off": 0.9}}
EXPLORING = {"variant": "exploring", "explore": {"slots": 4, "epsilon": 1.0, "pool": 40}}
USERS = [f"u{n:07d}" for n in range(40)]

Opened = Callable[..., AbstractAsyncContextManager[AsyncClient]]


@pytest.fixture(scope="module")
def expected(shop_bundles: Path) -> Callable[..., list[str]]:
    """The slate of a user that the library gives under a variant's settings."""
    recommender = Recommender.open(current(shop_bundles))
    as_of_ms = recommender.manifest["as_of_ms"]

    def slate(user: str, *values: dict[str, Any]) -> list[str]:
        treatment: Treatment = UNTREATED
        for value in values:
            treatment = treatment.joined(read_treatment({k: v for k, v in value.items() if k != "variant"}))
        request = SlateRequest(user_id=user, time_ms=as_of_ms, seed_text=f"r-{user}|{as_of_ms}")
        return [item.item_id for item in recommender.recommend(request, treatment=treatment).items]

    return slate


@pytest.fixture
def served(shop_bundles: Path, tmp_path: Path) -> Opened:
    """A function that opens a server on the generated shop with features, and a client."""

    @asynccontextmanager
    async def opened(features: dict[str, Any]) -> AsyncIterator[AsyncClient]:
        path = tmp_path / "features.json"
        path.write_text(json.dumps({"features": features}))
        config = ServerConfig(bundles=shop_bundles, state=tmp_path / "state", port=0, features=path, poll_s=0.05)
        async with lifecycle.running(config) as up, AsyncClient(up.address, timeout_s=30) as client:
            yield client

    return opened


async def slates(client: AsyncClient, **fields: Any) -> dict[str, tuple[dict[str, str], list[str]]]:
    found = {}
    for user in USERS:
        answer = await client.recommend(RecommendRequest(user_id=user, request_id=f"r-{user}", copy=SILENT, **fields))
        found[user] = dict(answer.variants), [item.item_id for item in answer.items]
    return found


def experiment(value: dict[str, Any], **rule: Any) -> dict[str, Any]:
    return {"defaultValue": {}, "rules": [{"key": "exp", "variations": [{}, value], **rule}]}


async def test_weights_and_coverage_reach_the_slate(served: Opened, expected: Any) -> None:
    """Each user's slate is to the item that of the variant the answer names; all are met."""
    rule = {"key": "exp", "variations": [{}, FUSED, POPULAR], "weights": [0.4, 0.3, 0.3], "coverage": 0.8}
    async with served({RANKING: {"defaultValue": {}, "rules": [rule]}}) as client:
        found = await slates(client)
    by_name = {"control": {}, "fused": FUSED, "popular": POPULAR}
    for user, (names, items) in found.items():
        assert items == expected(user, by_name[names["ranking"]])
    assert set(Counter(names["ranking"] for names, _ in found.values())) == set(by_name)
    assert sum(expected(user) != expected(user, FUSED) for user in USERS) > 20
    assert sum(expected(user) != expected(user, POPULAR) for user in USERS) > 20


@pytest.mark.parametrize("coverage", [0.0, 1.0])
async def test_coverage_bounds(served: Opened, expected: Any, coverage: float) -> None:
    """Nobody at 0, everybody at 1."""
    async with served({RANKING: experiment(FUSED, coverage=coverage, weights=[0, 1])}) as client:
        for user, (names, items) in (await slates(client)).items():
            assert names["ranking"] == ("fused" if coverage else "control")
            assert items == expected(user, FUSED if coverage else {})


async def test_layers_join_and_namespaces_divide(served: Opened, expected: Any) -> None:
    """Two layers at once change one slate; in one namespace a user is in one of two experiments only."""
    features = {
        RANKING: {"defaultValue": FUSED},
        SLATE: {
            "defaultValue": {},
            "rules": [
                {"key": "a", "variations": [VARIED, {}], "weights": [1, 0], "namespace": ["ns", 0, 0.5]},
                {"key": "b", "variations": [EXPLORING, {}], "weights": [1, 0], "namespace": ["ns", 0.5, 1]},
            ],
        },
    }
    async with served(features) as client:
        found = await slates(client)
    assert {names["slate"] for names, _ in found.values()} == {"varied", "exploring"}
    for user, (names, items) in found.items():
        assert items == expected(user, FUSED, VARIED if names["slate"] == "varied" else EXPLORING)


async def test_forced_values_and_targeting_reach_the_slate(served: Opened, expected: Any) -> None:
    """A condition on the call's country, and a value forced on named users."""
    rules = [
        {"condition": {"country": "DE"}, "force": POPULAR},
        {"condition": {"user_id": {"$in": USERS[:3]}}, "force": FUSED},
    ]
    async with served({RANKING: {"defaultValue": {}, "rules": rules}}) as client:
        plain, german = await slates(client), await slates(client, context={"country": "DE"})
    for user in USERS:
        assert plain[user][1] == expected(user, FUSED if user in USERS[:3] else {})
        assert german[user][1] == expected(user, POPULAR)


async def test_exploration_of_a_variant_has_its_propensities(served: Opened) -> None:
    """Four places are drawn evenly from pools of ten: 0.1 each; the control's are 1."""
    async with served({SLATE: experiment(EXPLORING, weights=[0.5, 0.5])}) as client:
        seen = set()
        for user in USERS:
            answer = await client.recommend(RecommendRequest(user_id=user, copy=SILENT))
            drawn = [round(item.propensity, 9) for item in answer.items]
            assert drawn == ([1.0] * 6 + [0.1] * 4 if answer.variants["slate"] == "exploring" else [1.0] * 10)
            seen.add(answer.variants["slate"])
    assert seen == {"control", "exploring"}


@pytest.mark.slow
async def test_logged_propensities_are_those_of_what_was_shown(shop_bundles: Path, tmp_path: Path) -> None:
    """Over thousands of calls through the server, chi-square of the log's own propensities, places and pairs."""
    features = tmp_path / "features.json"
    features.write_text(json.dumps({SLATE: {"defaultValue": EXPLORING | {"explore": {"slots": 3, "pool": 12}}}}))
    config = ServerConfig(
        bundles=shop_bundles, state=tmp_path / "state", port=0, features=features, exposures=tmp_path / "exposures"
    )
    async with lifecycle.running(config) as up, AsyncClient(up.address, timeout_s=60) as client:
        for _ in range(100):
            requests = (RecommendRequest(user_id=USERS[n % 2], copy=SILENT, page_size=6) for n in range(30))
            await asyncio.gather(*(client.recommend(request) for request in requests))
    rows = [
        row
        for path in exposure_log.checked(tmp_path / "exposures")
        for row in pq.read_table(path, partitioning=None).to_pylist()
    ]
    assert len(rows) == 3_000
    slates = []
    for row in rows:
        items = [
            SlateItem(slot["item_id"], slot["position"], 0.0, (), (), propensity=slot["propensity"])
            for slot in row["slots"]
        ]
        slates.append((row["user"], Slate(tuple(items), "known", row["bundle"])))
    for fit in propensities.fits(slates).values():
        assert fit.off < 1e-9
        assert fit.p > 1e-4


def test_workers_switch_together_and_log_every_slate_once(serve: Serve, tmp_path: Path) -> None:
    """Both workers follow the file within 2 s without a failed call; their exposures add up to the calls answered."""
    path, folder = tmp_path / "features.json", tmp_path / "exposures"
    path.write_text(json.dumps({RANKING: {"defaultValue": FUSED}}))
    flags = ("--features", str(path), "--exposures", str(folder))
    with serve(*flags) as served, doors(served) as opened:
        for door in opened:
            door.items("u0000001")
        assert served.served_by() == {0, 1}
        path.write_text(json.dumps({RANKING: {"defaultValue": POPULAR}}))
        switched, n_late = time.monotonic(), 0
        while time.monotonic() < switched + 3:
            for door in opened:
                n_late += time.monotonic() > switched + 2
                door.items("u0000001")
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(30) == 0
        calls = served.said("call")
        until(lambda: len(served.said("stopped")) >= 3)
    assert {call["code"] for call in calls} == {"OK"}
    logged = [
        row for path in exposure_log.checked(folder) for row in pq.read_table(path, partitioning=None).to_pylist()
    ]
    assert sorted(row["request_id"] for row in logged) == sorted(str(call["request_id"]) for call in calls)
    variants = [dict(row["variants"])["ranking"] for row in sorted(logged, key=lambda row: row["served"])]
    assert set(variants[:12]) == {"fused"}
    assert n_late > 20
    assert set(variants[-n_late:]) == {"popular"}
    assert {path.name.split("-")[1] for path in exposure_log.files(folder)} == {"0", "1"}
