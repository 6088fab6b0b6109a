"""The generated shop: the planted answer is in the log, and never more than half of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from offline_jobs.ingest import ingest
from recsys.errors import ConfigError
from recsys.schema import EVENT_TYPES, EVENT_WEIGHTS, PATH_SEPARATOR

SIZE = {"n_users": 300, "n_items": 240, "n_events": 30_000, "seed": 7}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop") / "log"
    ingest("synthetic", None, folder, options=SIZE)
    return folder


def test_size_and_variety(shop: Path) -> None:
    """About the asked number of events of every type, in at least twenty categories."""
    events = pq.read_table(shop / "events.parquet")
    items = pq.read_table(shop / "items.parquet")
    assert abs(len(events) - SIZE["n_events"]) < 0.15 * SIZE["n_events"]
    assert set(events["event_type"].to_pylist()) == set(EVENT_TYPES)
    assert len({tuple(c) for c in items["category"].to_pylist()}) >= 20
    assert pq.read_table(shop / "quarantine.parquet").num_rows == 0


def test_planted_tastes_can_be_found(shop: Path) -> None:
    """Weighted events show a warm user's strongest taste in the top three; at most half is on taste."""
    category = {
        row["item_id"]: PATH_SEPARATOR.join(row["category"])
        for row in pq.read_table(shop / "items.parquet", columns=["item_id", "category"]).to_pylist()
    }
    truth: dict[str, dict[str, float]] = defaultdict(dict)
    for row in pq.read_table(shop / "truth.parquet").to_pylist():
        truth[row["user_id"]][row["category"]] = row["strength"]
    weights: dict[str, Counter[str]] = defaultdict(Counter)
    for row in pq.read_table(shop / "events.parquet").to_pylist():
        if row["item_id"] is not None:
            weights[row["user_id"]][category[row["item_id"]]] += EVENT_WEIGHTS[row["event_type"]]
    found = [max(t, key=t.__getitem__) in dict(weights[u].most_common(3)) for u, t in truth.items()]
    assert sum(found) / len(found) >= 0.95
    assert all(0.2 < sum(t.values()) <= 0.5 for t in truth.values())
    assert all(1 <= len(t) <= 3 for t in truth.values())


def test_search_has_a_query_and_no_item(shop: Path) -> None:
    """Only searches have queries, only they lack an item; only purchases have a price."""
    for row in pq.read_table(shop / "events.parquet").slice(0, 3000).to_pylist():
        searched = row["event_type"] == "search"
        assert (row["query"] is not None) == searched == (row["item_id"] is None)
        assert (row["price"] is not None) == (row["event_type"] == "purchase")
        assert (row["position"] is not None) == (row["event_type"] in ("impression", "click"))


def test_item_facts_agree_with_the_texts(shop: Path) -> None:
    """Every attribute an item claims is in its title or description, so copy can be checked."""
    for item in pq.read_table(shop / "items.parquet").to_pylist():
        said = f"{item['title']} {item['description']}"
        assert all(value in said for _, value in item["attributes"])


def test_the_seed_decides(shop: Path, tmp_path: Path) -> None:
    """The same seed gives the same bytes, another seed other events."""
    ingest("synthetic", None, tmp_path / "same", options=SIZE)
    for name in ("events.parquet", "items.parquet", "truth.parquet", "log.json"):
        assert (tmp_path / "same" / name).read_bytes() == (shop / name).read_bytes()
    ingest("synthetic", None, tmp_path / "other", options=SIZE | {"seed": 8})
    assert (tmp_path / "other" / "events.parquet").read_bytes() != (shop / "events.parquet").read_bytes()


def test_impossible_shops(tmp_path: Path) -> None:
    """Sizes that cannot hold the planted structure are refused."""
    with pytest.raises(ConfigError, match="n_items >= 24"):
        ingest("synthetic", None, tmp_path / "log", options={"n_items": 3})
    with pytest.raises(ConfigError, match="leave it out"):
        ingest("synthetic", tmp_path, tmp_path / "log")
