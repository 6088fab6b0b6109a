"""The exposure log: every slate once, nobody's name, and never in a slate's way."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prometheus_client import REGISTRY

from recsys import exposure_log
from recsys.errors import ConfigError, DataError
from recsys.secret_key import pseudonym, read_key
from recsys.tombstones import FILE, add_tombstone
from server import exposures as queue
from server.forget import forget
from slatewright.v1 import recommendation_pb2 as pb


def rows(folder: Path) -> list[dict[str, Any]]:
    return [row for path in exposure_log.checked(folder) for row in pq.read_table(path, partitioning=None).to_pylist()]


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"slatewright_exposures_{name}_total", labels) or 0.0


async def until(condition: Any) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it never happened"
        await asyncio.sleep(0.02)


async def test_every_slate_is_logged_once_as_it_was_shown(open_shop: Any, tmp_path: Path) -> None:
    """Request, pseudonyms, variants, bundle, and per place item, score, propensity, sources and pitch; no user id."""
    features = tmp_path / "features.json"
    rule = {"key": "exp", "variations": [{"variant": "b", "ranker": "fused"}] * 2, "condition": {"country": "DE"}}
    features.write_text(json.dumps({"slatewright.ranking": {"defaultValue": {}, "rules": [rule]}}))
    folder = tmp_path / "exposures"
    async with open_shop(exposures=folder, features=features) as shop:
        key = read_key(shop.up.own.folder) or read_key(tmp_path / "state")
        answer = await shop.recommend(user_id="user-one", request_id="r1", page_size=3, context={"country": "de"})
        await shop.recommend(
            session_id="visit-9", request_id="r2", copy={"mode": 1}, variant_overrides={"slate": "control"}
        )
        await shop.recommend(request_id="r3", page_size=1)
        stream = pb.StreamRecommendRequest(
            request=pb.RecommendRequest(user_id="user-one", request_id="r4", page_size=2)
        )
        _ = [message async for message in shop.slates.StreamRecommend(stream, timeout=10)]
        await shop.slates.ListSimilarItems(pb.ListSimilarItemsRequest(item_id="i1", request_id="r5"), timeout=10)
    found = {row["request_id"]: row for row in rows(folder)}
    assert [row["call"] for row in found.values()] == ["recommend"] * 3 + ["stream", "similar"]
    first = found["r1"]
    assert first["token_id"] == exposure_log.token_id(answer.attribution_token)
    assert key is not None
    assert first["user"] == pseudonym(key, "user-one")
    assert [found[r]["unit"][:2] for r in found] == ["u:", "s:", "r:", "u:", "r:"]
    assert found["r4"]["unit"] == first["unit"] == f"u:{first['user']}"
    assert dict(first["variants"]) == {"ranking": "b", "copy": "control", "slate": "control"}
    assert (dict(first["experiments"]), first["country"], first["bundle"]) == ({"ranking": "exp"}, "DE", "fake-1")
    assert (found["r2"]["overridden"], found["r2"]["copy_mode"], found["r2"]["user"]) == (["slate"], "none", "")
    assert found["r3"]["experiments"] == []
    assert [(s["position"], s["item_id"], s["score"], s["propensity"]) for s in first["slots"]] == [
        (item.rank, item.item_id, pytest.approx(item.score), item.propensity) for item in answer.items
    ]
    assert {(s["pitch_origin"], s["copy_propensity"]) for s in first["slots"]} == {("TEMPLATE", 1.0)}
    assert first["slots"][0]["sources"] == ["popular"]
    assert all(len(s["pitch_id"]) == 16 for s in [*first["slots"], *found["r4"]["slots"]])
    assert {s["pitch_id"] for s in found["r2"]["slots"]} == {""}
    [day] = {path.parent.name for path in exposure_log.files(folder)}
    assert day == f"day={time.strftime('%Y-%m-%d', time.gmtime())}"
    for path in exposure_log.files(folder):
        content = path.read_bytes()
        assert b"user-one" not in content
        assert b"visit-9" not in content


async def test_files_come_by_themselves_while_it_serves(open_shop: Any, tmp_path: Path) -> None:
    """A file every `exposures_s`, whole: no draft is left."""
    folder = tmp_path / "exposures"
    async with open_shop(exposures=folder, exposures_s=0.05) as shop:
        for n in range(3):
            await shop.recommend(request_id=f"r{n}")
            await until(lambda n=n: len(rows(folder)) == n + 1)
        assert len(exposure_log.files(folder)) == 3
        assert not list(folder.glob(".draft-*"))


async def test_a_full_queue_and_a_failing_disk_fail_no_slate(
    open_shop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    """What the queue cannot hold is counted; what waits is written, in its order, once the disk takes it again."""
    monkeypatch.setattr(queue, "LIMIT", 5)
    folder = tmp_path / "exposures"
    dropped, written = counted("dropped", reason="queue"), counted("written")
    async with open_shop(exposures=folder, exposures_s=0.02) as shop:
        real = exposure_log.add_file

        def broken(*_: Any, **__: Any) -> Path:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(exposure_log, "add_file", broken)
        started = time.monotonic()
        for n in range(8):
            assert (await shop.recommend(request_id=f"r{n}")).items
        assert time.monotonic() - started < 5
        assert counted("dropped", reason="queue") - dropped == 3
        await asyncio.sleep(0.1)
        monkeypatch.setattr(exposure_log, "add_file", real)
        await until(lambda: len(rows(folder)) == 5)
    assert [row["request_id"] for row in rows(folder)] == [f"r{n}" for n in range(5)]
    assert counted("written") - written == 5
    log = capfd.readouterr().err
    assert log.count("exposures_failing") == 1
    assert "No space" not in log


async def test_rows_lost_with_the_disk_are_counted(
    open_shop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that ends while the disk fails says how many it lost, and ends."""
    before = counted("dropped", reason="disk")
    async with open_shop(exposures=tmp_path / "exposures") as shop:
        monkeypatch.setattr(exposure_log, "add_file", lambda *_, **__: Path("/no/such/file").stat())
        await shop.recommend()
        await shop.recommend()
    assert counted("dropped", reason="disk") - before == 2


async def test_a_user_forgotten_meanwhile_is_not_written(open_shop: Any, tmp_path: Path) -> None:
    """What waits of a person at the time of their tombstone never reaches the disk; what comes after does, until
    `slatewright forget`, which finds the folder by itself.
    """
    folder = tmp_path / "exposures"
    async with open_shop(exposures=folder, exposures_s=0.5, state=tmp_path / "state") as shop:
        await shop.recommend(user_id="gone", request_id="before")
        await shop.recommend(user_id="stays", request_id="other")
        key = read_key(tmp_path / "state")
        assert key is not None
        add_tombstone(tmp_path / "state" / FILE, key, "gone", time_ms=time.time_ns() // 1_000_000 + 1)
        await asyncio.sleep(0.01)
        await shop.recommend(user_id="gone", request_id="after")
    assert [row["request_id"] for row in rows(folder)] == ["other", "after"]
    [outcome] = forget(["gone"], state_dir=tmp_path / "state", bundles_dir=tmp_path / "bundles")
    assert outcome.exposures_removed == 1
    assert [row["request_id"] for row in rows(folder)] == ["other"]


def test_a_folder_that_cannot_hold_it_stops_the_start(tmp_path: Path) -> None:
    """ConfigError with the folder."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"):
        exposure_log.make_folder(tmp_path / "file")


def test_erasing_rewrites_whole_files(tmp_path: Path) -> None:
    """Rows of others stay to the value; a file with nobody left goes."""
    empty: dict[str, Any] = dict.fromkeys(exposure_log.SCHEMA.names)
    made = [{**empty, "request_id": r, "user": u} for r, u in (("1", "a"), ("2", "b"), ("3", "a"))]
    path = exposure_log.add_file(tmp_path, pa.Table.from_pylist(made, exposure_log.SCHEMA), served_ms=0, writer="0")
    assert path.parent.name == "day=1970-01-01"
    assert exposure_log.erase(path, frozenset({"c"})) == {}
    assert exposure_log.erase(path, frozenset({"a", "c"})) == {"a": 2}
    assert [row["request_id"] for row in rows(tmp_path)] == ["2"]
    assert exposure_log.erase(path, frozenset({"b"})) == {"b": 1}
    assert exposure_log.files(tmp_path) == []


def test_a_damaged_or_foreign_file_is_named(tmp_path: Path) -> None:
    """DataError with the file; no folder is one too."""
    with pytest.raises(DataError, match="no folder of exposures"):
        exposure_log.files(tmp_path / "none")
    (tmp_path / "day=2026-01-01").mkdir()
    path = tmp_path / "day=2026-01-01" / "x.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"x\.parquet cannot be read"):
        rows(tmp_path)
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(DataError, match="have version None"):
        rows(tmp_path)
