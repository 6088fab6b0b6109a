"""What a server does with a bundle it should not serve, on real bundles and without a process."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recsys import bundle as bundles
from recsys import versions
from server.bundles import Bundles
from server.executor import CpuThread
from server.recent import RecentIndex
from server.sqlite_store import SqliteStore
from server.store import Store


@pytest.fixture
def folder(shop_bundles: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shop_bundles, tmp_path / "bundles"))


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[Bundles]:
    """A worker's view of the folder, after its first look."""
    cpu, writer = CpuThread(limit=8), Store(folder.parent / "events.sqlite")
    store = SqliteStore(folder.parent / "events.sqlite", writer)
    found = Bundles(folder, cpu=cpu, store=store)
    found.on_load = RecentIndex(store).forget
    await found.poll()
    try:
        yield found
    finally:
        cpu.close()
        await store.close()
        writer.close()


def publish_another(folder: Path, *, loss: float, how: str = "publish") -> str:
    """A new version whose measured NDCG@10 lies `loss` below the interval of what is current."""
    bundle = bundles.load(bundles.current(folder))
    slate = bundle.manifest["metrics"]["slate"]
    slate = slate | {"ndcg@10": slate["intervals"]["ndcg@10"][0] - loss}
    manifest = {**bundle.manifest, "metrics": bundle.manifest["metrics"] | {"slate": slate}}
    text = bundle.ranker_text + "\n" * (len(list(folder.iterdir())))
    return bundles.publish(replace(bundle, manifest=manifest, ranker_text=text), folder, how=how).name


async def test_a_worse_bundle_waits_until_somebody_chooses_it(folder: Path, capsys: Any) -> None:
    """Copied in by whatever means, it is refused with figures and remedy; `use` is the remedy, force another."""
    first = bundles.current(folder).name
    async with watched(folder) as found:
        worse = publish_another(folder, loss=0.01)
        assert not await found.poll()
        assert found.serving().manifest["version"] == first
        [told] = [line for line in map(json.loads, capsys.readouterr().err.splitlines()) if "refused" in line["event"]]
        assert told["bundle"] == worse
        assert f"slatewright bundles use {worse}" in told["why"]
        assert not await found.poll()
        assert "refused" not in capsys.readouterr().err
        versions.use(folder, worse)
        assert await found.poll()
        assert found.serving().manifest["version"] == worse
        assert versions.rollback(folder).name == first
        assert await found.poll()
        forced = publish_another(folder, loss=0.01, how="force")
        assert await found.poll()
        assert found.serving().manifest["version"] == forced
        better = publish_another(folder, loss=-0.01)
        assert await found.poll()
        assert found.serving().manifest["version"] == better


@pytest.mark.parametrize("damage", ["worse", "flipped", "truncated"])
async def test_a_new_worker_serves_what_was_current_before(folder: Path, damage: str) -> None:
    """It must refuse what CURRENT names and has nothing else; then it takes what is good as soon as it is there."""
    first = bundles.current(folder).name
    bad = publish_another(folder, loss=0.01 if damage == "worse" else -0.01)
    ranker = folder / bad / "ranker.txt"
    if damage == "flipped":
        text = ranker.read_bytes()
        ranker.write_bytes(text[:-20] + bytes([text[-20] ^ 1]) + text[-19:])
    if damage == "truncated":
        ranker.write_bytes(ranker.read_bytes()[:-1])
    async with watched(folder) as found:
        assert found.serving().manifest["version"] == first
        assert not await found.poll()
        good = publish_another(folder, loss=-0.02) if damage == "worse" else first
        if damage != "worse":
            versions.use(folder, good)
        assert await found.poll() or good == first
        assert found.serving().manifest["version"] == good
