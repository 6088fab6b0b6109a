"""Business rules and exploration on a real bundle, over the wire."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from recsys import bundle as bundles
from recsys.errors import ConfigError
from recsys.recommender import Recommender
from recsys.rerank.explore import ExploreConfig
from recsys.rerank.page import SlateConfig
from server import attribution, lifecycle
from server.config import ServerConfig
from slatewright import AsyncClient, ListSimilarItemsRequest
from slatewright.v1 import copy_pb2
from slatewright.v1 import recommendation_pb2 as pb

Opened = Callable[..., AbstractAsyncContextManager[AsyncClient]]
SILENT = {"mode": copy_pb2.COPY_MODE_NONE}


@pytest.fixture
def served(shop_bundles: Path, tmp_path: Path) -> Opened:
    """A function that opens a server on the generated shop with rules or exploration, and a client."""

    @asynccontextmanager
    async def opened(rules: Path | None = None, explore: ExploreConfig | None = None) -> AsyncIterator[AsyncClient]:
        slate = SlateConfig(explore=explore or ExploreConfig())
        config = ServerConfig(bundles=shop_bundles, state=tmp_path / "state", port=0, rules=rules, poll_s=0.02)
        async with (
            lifecycle.running(config, open_bundle=lambda p: Recommender(bundles.load(p), config=slate)) as up,
            AsyncClient(up.address, timeout_s=30) as client,
        ):
            yield client

    return opened


async def _ids(client: AsyncClient, **fields: Any) -> list[str]:
    answer = await client.recommend(pb.RecommendRequest(user_id="u0000007", copy=SILENT, **fields))
    return [item.item_id for item in answer.items]


async def _until(condition: Any) -> None:
    end = time.monotonic() + 10
    while not await condition():
        assert time.monotonic() < end, "it never happened"
        await asyncio.sleep(0.02)


async def test_rules_are_in_force_and_follow_their_file(served: Opened, tmp_path: Path, capfd: Any) -> None:
    """A changed file counts within a look, in every call for a slate; a bad one keeps the last good rules."""
    path = tmp_path / "rules.toml"
    path.write_text("")
    async with served(rules=path) as client:
        ids = await _ids(client)
        never = f'[[rule]]\nname = "gone"\naction = "never_show"\nitems = ["{ids[0]}"]\n'
        pin = f'[[rule]]\nname = "first"\naction = "pin"\nitems = ["{ids[0]}", "{ids[5]}"]\nposition = 1\n'
        path.write_text(never + pin)

        async def pinned() -> bool:
            return (await _ids(client))[0] == ids[5]

        await _until(pinned)
        assert ids[0] not in await _ids(client, page_size=100)
        request = pb.RecommendRequest(user_id="u0000007", explain=True)
        streamed = [m async for m in client.stream_recommend(request)]
        first = next(m.slate for m in streamed if m.HasField("slate")).items[0]
        assert (first.item_id, first.reasons[0].code, first.propensity) == (ids[5], "pinned", 1.0)
        assert first.contributions
        alike = await client.list_similar_items(ListSimilarItemsRequest(item_id=ids[1], page_size=100, copy=SILENT))
        assert ids[0] not in [item.item_id for item in alike.items]
        path.write_text(never + pin + "[[rule]]\n")
        await asyncio.sleep(0.2)
        assert await pinned()
        path.write_text("")

        async def back() -> bool:
            return await _ids(client) == ids

        await _until(back)
    log = capfd.readouterr().err
    assert "rule 3 has no name" in log
    assert log.count('"rules_refused"') == 1


async def test_wrong_rules_at_the_start_are_refused(served: Opened, tmp_path: Path) -> None:
    """The server does not start, and says which rule is wrong."""
    path = tmp_path / "rules.toml"
    path.write_text('[[rule]]\nname = "x"\naction = "bury"\nbrand = ["A"]\n')
    with pytest.raises(ConfigError, match="rule 'x' has an unknown key 'brand'"):
        async with served(rules=path):
            pass


async def test_propensities_are_served_logged_and_sealed(
    served: Opened, tmp_path: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is drawn has its propensity in the answer, in the call's log line and in its token; other places have 1."""
    monkeypatch.setenv("SLATEWRIGHT_KEY", "k" * 32)
    explore = ExploreConfig(slots=2, epsilon=0.5, pool=20)
    seen = set()
    async with served(explore=explore) as client:
        for n in range(20):
            request = pb.RecommendRequest(user_id="u0000007", request_id=f"r-{n}", copy=SILENT)
            answer = await client.recommend(request)
            assert [item.propensity for item in answer.items[:8]] == [1.0] * 8
            drawn = {item.rank: item.propensity for item in answer.items[8:]}
            assert set(drawn.values()) <= {0.5 + 0.05, 0.05}
            token = attribution.unseal(b"k" * 32, answer.attribution_token)
            assert token is not None
            assert dict(token.explored) == drawn
            log = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
            line = next(entry for entry in log if entry.get("request_id") == f"r-{n}")
            assert line["explored"] == [[item.rank, item.item_id, item.propensity] for item in answer.items[8:]]
            seen |= {item.item_id for item in answer.items[8:]}
    assert len(seen) > 4
