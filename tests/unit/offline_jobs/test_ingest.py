"""Ingest: bad rows are quarantined with a reason, bad files refused with one clear error."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from offline_jobs import ingest as command
from offline_jobs.ingest import ingest
from recsys.errors import ConfigError, DataError, SchemaError
from recsys.events import read_log

DAY = datetime(2024, 5, 1, tzinfo=UTC)


def write_events(folder: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows as Parquet beside a mapping that names it; returns the mapping."""
    schema = pa.schema(
        {
            "event_id": pa.string(),
            "user_id": pa.string(),
            "item_id": pa.string(),
            "event_type": pa.string(),
            "event_time": pa.timestamp("us", "UTC"),
            "quantity": pa.float64(),
            "price": pa.float64(),
        }
    )
    pq.write_table(pa.Table.from_pylist([dict(r) for r in rows], schema=schema), folder / "events.parquet")
    mapping = folder / "mapping.toml"
    mapping.write_text('[log]\nname = "t"\nend = 2024-06-01T00:00:00Z\n[events]\npath = "events.parquet"\n')
    return mapping


def event(**changes: Any) -> dict[str, Any]:
    sound = {
        "event_id": "e1",
        "user_id": "u1",
        "item_id": "i1",
        "event_type": "view",
        "event_time": DAY,
        "quantity": 1.0,
        "price": 2.0,
    }
    return sound | changes


BAD = {
    "missing_event_id": event(event_id=None),
    "missing_user": event(event_id="e2", user_id="  "),
    "missing_item": event(event_id="e3", item_id=None),
    "unknown_type": event(event_id="e4", event_type="stare"),
    "bad_time": event(event_id="e5", event_time=None),
    "time_after_end": event(event_id="e6", event_time=datetime(2024, 6, 1, tzinfo=UTC)),
    "negative_price": event(event_id="e7", price=-0.01),
    "bad_price": event(event_id="e8", price=math.inf),
    "bad_quantity": event(event_id="e9", quantity=0.0),
    "repeated_event_id": event(event_id="e0", event_time=datetime(2024, 5, 2, tzinfo=UTC)),
}


def test_each_kind_of_bad_row_has_its_reason(tmp_path: Path) -> None:
    """A row with one fault is refused for that fault and kept as JSON; the sound row stays."""
    info = ingest("tables", write_events(tmp_path, [event(event_id="e0"), *BAD.values()]), tmp_path / "log")
    assert (info.n_events, dict(info.quarantined)) == (1, dict.fromkeys(BAD, 1))
    for row in pq.read_table(tmp_path / "log" / "quarantine.parquet").to_pylist():
        assert row["table"] == "events"
        assert json.loads(row["row"])["event_id"] == BAD[row["reason"]]["event_id"]


def test_numbers_and_times_out_of_all_reason(tmp_path: Path) -> None:
    """NaN, infinite and negative quantities, year 1 and year 9999 are faults, and their JSON parses."""
    quantities = [event(event_id=str(n), quantity=n) for n in (math.nan, math.inf, -math.inf, -1.0)]
    times = [event(event_id=str(y), event_time=datetime(y, 1, 1, tzinfo=UTC)) for y in (1, 1899, 2200, 9999)]
    info = ingest("tables", write_events(tmp_path, [event(), *quantities, *times]), tmp_path / "log")
    assert dict(info.quarantined) == {"bad_quantity": 4, "bad_time": 4}
    rows = pq.read_table(tmp_path / "log" / "quarantine.parquet")["row"].to_pylist()
    assert {json.loads(r)["event_id"] for r in rows} == {"nan", "inf", "-inf", "-1.0", "1", "1899", "2200", "9999"}


def test_defaults_of_sound_rows(tmp_path: Path) -> None:
    """A missing quantity is one, a NaN price is unknown, a search needs no item."""
    rows = [event(quantity=None, price=math.nan), event(event_id="s", event_type="search", item_id=None)]
    ingest("tables", write_events(tmp_path, rows), tmp_path / "log")
    first, search = pq.read_table(tmp_path / "log" / "events.parquet").to_pylist()
    assert (first["quantity"], first["price"], search["item_id"]) == (1.0, None, None)


def test_log_json_says_what_was_written(tmp_path: Path) -> None:
    """Start is the first event, end the stated one; counts add up to the rows read."""
    info = ingest("tables", write_events(tmp_path, [event(), BAD["bad_quantity"]]), tmp_path / "log")
    assert read_log(tmp_path / "log").info == info
    assert info.start_ms == int(DAY.timestamp() * 1000)
    assert info.end_ms == int(datetime(2024, 6, 1, tzinfo=UTC).timestamp() * 1000)
    assert info.n_read["events"] == info.n_events + sum(info.quarantined.values()) == 2


CSV = "uid,sku,what,when,n,paid\nu1,i1,buy,1714550400,1,2.50\nu1,i1,buy,1714550400,1,2.50\n"
CSV_MAPPING = """
[log]
name = "csv"
[events]
path = "raw.csv"
columns = {user_id = "uid", item_id = "sku", event_type = "what", event_time = "when", quantity = "n", price = "paid"}
time_unit = "s"
event_types = {buy = "purchase"}
"""


def csv_log(folder: Path, text: str | bytes, mapping: str = CSV_MAPPING) -> Path:
    (folder / "raw.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    (folder / "mapping.toml").write_text(mapping)
    return folder / "mapping.toml"


def test_csv_with_mapping(tmp_path: Path) -> None:
    """Own column and type names map; identical rows without ids are two events with stable ids."""
    info = ingest("tables", csv_log(tmp_path, CSV), tmp_path / "log")
    rows = pq.read_table(tmp_path / "log" / "events.parquet").to_pylist()
    assert [r["event_type"] for r in rows] == ["purchase", "purchase"]
    assert rows[0]["event_time"] == datetime(2024, 5, 1, 8, tzinfo=UTC)
    assert len({r["event_id"] for r in rows}) == info.n_events == 2
    assert info.end_ms == info.start_ms + 1


def test_unreadable_cells_are_quarantined(tmp_path: Path) -> None:
    """A cell that cannot be read refuses its row, never the file, and never becomes a guess."""
    times = [f"u1,i1,buy,{t},1,1" for t in ("soon", "1e30", "nan", "-1e18", "")]
    others = ["u1,i1,buy,1714550400,many,1", "u1,i1,buy,1714550400,1,cheap", ",i1,buy,1714550400,1,1"]
    info = ingest("tables", csv_log(tmp_path, CSV + "\n".join([*times, *others]) + "\n"), tmp_path / "log")
    assert info.n_events == 2
    assert dict(info.quarantined) == {"bad_time": 5, "bad_quantity": 1, "bad_price": 1, "missing_user": 1}


def test_time_format(tmp_path: Path) -> None:
    """A time pattern reads matching texts and refuses the others."""
    mapping = CSV_MAPPING.replace('time_unit = "s"', 'time_format = "%d/%m/%Y %H:%M"')
    text = "uid,sku,what,when,n,paid\nu,i,view,31/12/2023 23:59,,\nu,i,view,2023-12-31,,\n"
    info = ingest("tables", csv_log(tmp_path, text, mapping), tmp_path / "log")
    assert (info.n_events, dict(info.quarantined)) == (1, {"bad_time": 1})


def test_json_lines_and_items(tmp_path: Path) -> None:
    """JSON Lines events join items whose category is split and whose columns become attributes."""
    (tmp_path / "e.jsonl").write_text(
        '{"user_id": "u", "item_id": "7", "event_type": "view", "event_time": "2024-05-01T10:00:00+02:00"}\n'
        '{"user_id": "u", "item_id": "8", "event_type": "view", "event_time": "2024-05-01T10:00:00Z"}\n'
    )
    (tmp_path / "i.csv").write_text("item_id,title,path,mat,price\n7,Red lamp,Home / Lamps,brass,9.5\n9,,x,,\n")
    (tmp_path / "m.toml").write_text(
        '[log]\nname="j"\ncurrency="EUR"\n[events]\npath="e.jsonl"\n[items]\npath="i.csv"\n'
        'columns={category="path"}\ncategory_separator="/"\nattributes={material="mat"}\n'
    )
    info = ingest("tables", tmp_path / "m.toml", tmp_path / "log")
    assert dict(info.quarantined) == {"missing_title": 1, "unknown_item": 1}
    [item] = pq.read_table(tmp_path / "log" / "items.parquet").to_pylist()
    assert (item["category"], item["attributes"]) == (["Home", "Lamps"], [("material", "brass")])
    assert (item["currency"], item["available"], item["locale"]) == ("EUR", True, "en")
    [row] = pq.read_table(tmp_path / "log" / "events.parquet").to_pylist()
    assert row["event_time"] == datetime(2024, 5, 1, 8, tzinfo=UTC)


def no_log(out: Path) -> bool:
    """Neither the log nor any remains of the attempt."""
    return not out.exists() and not list(out.parent.glob(f".{out.name}*"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff\xfePAR1 garbage" * 50,
        b"PAR1",
        b"uid,sku\n\xff\xfe,1\n" * 3,
        b"a;b\n1;2\n",
        b"uid,sku,what,when,n,paid\n",
    ],
    ids=["empty", "binary", "magic", "not utf-8", "other columns", "no rows"],
)
def test_a_file_that_is_no_log(content: bytes, tmp_path: Path) -> None:
    """One error that names the file and says what was expected; nothing is left behind."""
    with pytest.raises(DataError, match=r"raw\.csv|log csv") as caught:
        ingest("tables", csv_log(tmp_path, content), tmp_path / "log")
    assert "expected" in str(caught.value) or "it has" in str(caught.value) or "add them" in str(caught.value)
    assert no_log(tmp_path / "log")


def test_garbage_called_parquet(tmp_path: Path) -> None:
    """Bytes that are no Parquet are refused, not half read."""
    (tmp_path / "events.parquet").write_bytes(b"PAR1" + bytes(range(256)) * 20 + b"PAR1")
    (tmp_path / "m.toml").write_text('[events]\npath = "events.parquet"\n')
    with pytest.raises(DataError, match="expected a file"):
        ingest("tables", tmp_path / "m.toml", tmp_path / "log")
    assert no_log(tmp_path / "log")


def test_missing_file_and_folder_for_a_file(tmp_path: Path) -> None:
    """A missing file and a folder in its place are told apart."""
    (tmp_path / "m.toml").write_text('[events]\npath = "events.parquet"\n')
    with pytest.raises(DataError, match="missing"):
        ingest("tables", tmp_path / "m.toml", tmp_path / "log")
    (tmp_path / "events.parquet").mkdir()
    with pytest.raises(DataError, match="a folder"):
        ingest("tables", tmp_path / "m.toml", tmp_path / "log")


def test_all_rows_refused(tmp_path: Path) -> None:
    """A log of which nothing is left is an error that counts the reasons."""
    mapping = write_events(tmp_path, [event(user_id=None), event(event_id="e2", user_id=None)])
    with pytest.raises(DataError, match="missing_user: 2"):
        ingest("tables", mapping, tmp_path / "log")
    assert no_log(tmp_path / "log")


@pytest.mark.parametrize(
    ("mapping", "match"),
    [
        ('[events]\npath="raw.csv"\ncolour="red"\n', r"colour; it knows path"),
        ('[evnts]\npath="raw.csv"\n', r"evnts.*it knows the sections log, events, items"),
        ('[events]\npath="raw.csv"\ncolumns={usr="uid"}\n', r"maps usr; it knows event_id"),
        ('[events]\npath="raw.xls"\n', r"format is None; expected parquet"),
        (CSV_MAPPING.replace('"s"', '"h"'), "time_unit is 'h'"),
        ("[events\n", "expected a TOML file"),
        ("[events]\n", "no path"),
        ('[log]\nend="yesterday"\n[events]\npath="raw.csv"\n', "end is 'yesterday'"),
    ],
)  # fmt: skip
def test_mapping_mistakes(mapping: str, match: str, tmp_path: Path) -> None:
    """A mapping's mistakes are configuration errors that name what is known."""
    with pytest.raises(ConfigError, match=match):
        ingest("tables", csv_log(tmp_path, CSV, mapping), tmp_path / "log")


def test_mapping_names_an_absent_column(tmp_path: Path) -> None:
    """A mapped column the file lacks is a schema error listing what the file has."""
    mapping = CSV_MAPPING.replace('"uid"', '"customer"')
    with pytest.raises(SchemaError, match="no column customer; it has uid, sku"):
        ingest("tables", csv_log(tmp_path, CSV, mapping), tmp_path / "log")


def test_unknown_dataset_and_option(tmp_path: Path) -> None:
    """Unknown names raise and list the known ones."""
    with pytest.raises(ConfigError, match="'movies' is unknown; expected one of complete_journey"):
        ingest("movies", None, tmp_path / "log")
    with pytest.raises(ConfigError, match="no option 'colour'; it knows n_users"):
        ingest("synthetic", None, tmp_path / "log", options={"colour": 1})
    with pytest.raises(ConfigError, match="n_users of dataset synthetic is 'many'; expected int"):
        ingest("synthetic", None, tmp_path / "log", options={"n_users": "many"})


def test_engine_settings_are_checked(tmp_path: Path) -> None:
    """A memory limit that is no size is a configuration error."""
    with pytest.raises(ConfigError, match="memory_limit 'lots'"):
        ingest("tables", write_events(tmp_path, [event()]), tmp_path / "log", memory_limit="lots")
    assert no_log(tmp_path / "log")


def test_a_failure_keeps_the_old_log(tmp_path: Path) -> None:
    """A second, failing run leaves the first log as it was."""
    mapping = write_events(tmp_path, [event()])
    ingest("tables", mapping, tmp_path / "log")
    before = (tmp_path / "log" / "log.json").read_bytes()
    write_events(tmp_path, [event(user_id=None)])
    with pytest.raises(DataError):
        ingest("tables", mapping, tmp_path / "log")
    assert (tmp_path / "log" / "log.json").read_bytes() == before


def test_command_prints_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` prints log.json, without it a table; the exit code is zero."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    size = ["--option", "n_users=5", "--option", "n_events=100", "--option", "n_items=30"]
    args = ["--dataset", "synthetic", "--out", str(tmp_path / "log"), *size]
    assert command.run(parser.parse_args([*args, "--json"])) == 0
    assert json.loads(capsys.readouterr().out)["n_users"] == 5
    assert command.run(parser.parse_args(args)) == 0
    assert "events" in capsys.readouterr().out


def test_facts_copy_may_cite_are_sane(tmp_path: Path) -> None:
    """Ratings off any scale, negative counts and null category steps become null or go; absurd prices are refused."""
    rows = [
        {"item_id": "a", "title": "A", "category": ["X", None, " "], "rating": float("inf"), "rating_count": -3},
        {"item_id": "b", "title": "B", "category": None, "rating": 4.5, "rating_count": 2},
        {"item_id": "c", "title": "C", "price": 1e18},
    ]
    schema = pa.schema(
        {
            **dict.fromkeys(("item_id", "title"), pa.string()),
            "category": pa.list_(pa.string()),
            **dict.fromkeys(("rating", "price"), pa.float64()),
            "rating_count": pa.int64(),
        }
    )
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), tmp_path / "items.parquet")
    event = {"event_id": "1", "user_id": "u", "item_id": "a", "event_type": "view", "event_time": DAY}
    mapping = write_events(tmp_path, [event])
    mapping.write_text(mapping.read_text() + '[items]\npath = "items.parquet"\n')
    info = ingest("tables", None, tmp_path / "log", mapping=mapping)
    a, b = pq.read_table(tmp_path / "log" / "items.parquet").to_pylist()
    assert (a["category"], a["rating"], a["rating_count"]) == (["X"], None, None)
    assert (b["rating"], b["rating_count"]) == (4.5, 2)
    assert info.quarantined == {"bad_price": 1}


@pytest.mark.parametrize(
    "line",
    ['event_types = ["a"]', "time_format = 5", 'time_unit = ["s"]', "columns = { user_id = 5 }", "path = 7"],
)
def test_a_mapping_of_the_wrong_kind_is_one_error(tmp_path: Path, line: str) -> None:
    """A list or number where a text or a table of texts belongs names its key."""
    mapping = tmp_path / "m.toml"
    mapping.write_text(f"[events]\n{line}\n" + ('path = "e.csv"\n' if "path" not in line else ""))
    with pytest.raises(ConfigError, match=line.split(maxsplit=1)[0]):
        ingest("tables", None, tmp_path / "log", mapping=mapping)
