"""Ingest and build hold nothing of forgotten people, and refuse what was made before."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from offline_jobs import build, source_log
from offline_jobs.forgotten import tombstones_of
from offline_jobs.ingest import ingest
from offline_jobs.progress import Steps
from recsys import bundle as bundles
from recsys.errors import ConfigError, DataError
from recsys.events import load_events, read_log
from recsys.files import read_arrays
from recsys.ids import IdMap
from recsys.tombstones import FILE, add_tombstone

KEY = b"k" * 32
GONE = "maria.lopez"
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def listed(folder: Path, *users: str, time: datetime = NOON) -> Path:
    """A state folder's list with its key."""
    folder.mkdir(exist_ok=True)
    (folder / "key").write_bytes(KEY)
    for user in users:
        add_tombstone(folder / FILE, KEY, user, time_ms=int(time.timestamp() * 1_000))
    return folder / FILE


def table(folder: Path) -> Path:
    """A raw log: two people before and after noon, and rows that are wrong."""
    rows = [
        {"event_id": f"{user}{n}", "user_id": user, "item_id": "i1", "event_type": "view", "event_time": time}
        for user in (GONE, "bert")
        for n, time in enumerate((datetime(2024, 5, 1, 9, tzinfo=UTC), datetime(2024, 5, 1, 15, tzinfo=UTC), None))
    ]
    rows.append({**rows[0], "event_id": "odd", "event_type": "stare"})
    schema = pa.schema(
        {
            **dict.fromkeys(("event_id", "user_id", "item_id", "event_type"), pa.string()),
            "event_time": pa.timestamp("us", "UTC"),
        }
    )
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / "events.parquet")
    mapping = folder / "mapping.toml"
    mapping.write_text('[log]\nname = "t"\n[events]\npath = "events.parquet"\n')
    return mapping


def ids_in(log: Path) -> set[str]:
    """Everything the log's files say, as text."""
    found: set[str] = set()
    for path in log.glob("*.parquet"):
        for column in pq.read_table(path).columns:
            found |= {str(value) for value in column.to_pylist()}
    return found | {(log / "log.json").read_text()}


def test_what_was_before_goes_and_what_comes_after_stays(tmp_path: Path) -> None:
    """Rows before the tombstone, without a time or refused anyway are in no file, only counted; later ones are kept."""
    stones = tombstones_of(listed(tmp_path / "state", GONE))
    info = ingest("tables", table(tmp_path), tmp_path / "log", tombstones=stones)
    assert (info.n_events, dict(info.quarantined), info.n_read["events"]) == (3, {"bad_time": 1, "forgotten": 3}, 7)
    kept = pq.read_table(tmp_path / "log" / "events.parquet").to_pylist()
    assert {row["event_id"] for row in kept} == {f"{GONE}1", "bert0", "bert1"}
    assert not any(f"{GONE}0" in said or f"{GONE}2" in said or "odd" in said for said in ids_in(tmp_path / "log"))
    assert read_log(tmp_path / "log").info.tombstones == stones.honoured
    every = tombstones_of(listed(tmp_path / "state", GONE, time=datetime(2030, 1, 1, tzinfo=UTC)))
    ingest("tables", table(tmp_path), tmp_path / "log", tombstones=every)
    assert not any(GONE in said for said in ids_in(tmp_path / "log"))


def test_a_list_of_others_changes_no_byte_of_the_tables(tmp_path: Path) -> None:
    """Without anybody to forget, events and quarantine are as without a list."""
    stones = tombstones_of(listed(tmp_path / "state", "somebody"))
    for name, given in (("plain", None), ("listed", stones)):
        ingest("tables", table(tmp_path), tmp_path / name, tombstones=given)
    for name in ("events.parquet", "quarantine.parquet"):
        assert (tmp_path / "plain" / name).read_bytes() == (tmp_path / "listed" / name).read_bytes()


def test_a_log_without_times_loses_all_of_them(tmp_path: Path) -> None:
    """An ordered log cannot tell after from before."""
    (tmp_path / "sequences.txt").write_text(f"{GONE} 1 2 3\nbert 2 3 4\n")
    early = datetime(1990, 1, 1, tzinfo=UTC)
    stones = tombstones_of(listed(tmp_path / "state", GONE, time=early))
    info = ingest("sequences", tmp_path, tmp_path / "log", tombstones=stones)
    assert (info.n_events, info.n_users, info.quarantined["forgotten"]) == (3, 1, 3)
    assert not any(GONE in said for said in ids_in(tmp_path / "log"))


def test_a_log_written_before_is_refused(tmp_path: Path) -> None:
    """A job asks to ingest again, by the list it is given or the one beside the bundles; a list must be there."""
    mapping, state = table(tmp_path), tmp_path / "state"
    ingest("tables", mapping, tmp_path / "log")
    parser = argparse.ArgumentParser()
    source_log.add_arguments(parser)
    plain = ["--log", str(tmp_path / "log")]

    def opened(*flags: str, bundles: Path | None = None) -> int:
        with source_log.opened(parser.parse_args([*plain, *flags]), Steps(quiet=True), bundles=bundles) as source:
            return len(source.events)

    assert opened(bundles=tmp_path / "bundles") == 4
    path = listed(state, GONE)
    assert opened() == 4
    for flags, beside in ((("--tombstones", str(path)), None), ((), tmp_path / "bundles")):
        with pytest.raises(DataError, match="ingest it again"):
            opened(*flags, bundles=beside)
    ingest("tables", mapping, tmp_path / "log", tombstones=tombstones_of(path))
    assert opened(bundles=tmp_path / "bundles") == 3
    with pytest.raises(ConfigError, match="is not there"):
        opened("--tombstones", str(tmp_path / "nope.json"))


@pytest.mark.slow
def test_the_next_bundle_holds_nothing_of_them(shop_log: Path, tmp_path: Path) -> None:
    """A real ingest and build without a busy user: in no table, no array and no blob of ids; the manifest says so."""
    busy = load_events(shop_log)
    user = busy.users.id(int(busy.user_row[0]))
    path = listed(tmp_path / "state", user, time=datetime(2100, 1, 1, tzinfo=UTC))
    stones = tombstones_of(path)
    options = {"n_users": 400, "n_items": 600, "n_events": 40_000, "seed": 11}
    info = ingest("synthetic", None, tmp_path / "log", options=options, tombstones=stones)
    assert info.quarantined["forgotten"] == int((busy.user_row == busy.user_row[0]).sum())
    parser = argparse.ArgumentParser()
    build.add_arguments(parser)
    arguments = ["--log", str(tmp_path / "log"), "--out", str(tmp_path / "bundles"), "--quiet", "--json"]
    assert build.run(parser.parse_args(arguments)) == 0
    made = bundles.current(tmp_path / "bundles")
    assert bundles.read_manifest(made)["tombstones"] == stones.honoured
    users = IdMap(**read_arrays(made / "users"))  # type: ignore[arg-type]
    assert users.row(user) == -1
    assert len(users) == len(busy.users) - 1
