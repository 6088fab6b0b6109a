"""Turn a raw log into a checked one: every source row ends in the log or in its quarantine, but for forgotten people's.

The log's folder appears complete or not at all, and the same source gives the same bytes.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import duckdb
import ibis
import pyarrow as pa
from ibis.backends import BaseBackend
from ibis.expr.types import Table
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid

from offline_jobs import datasets, validate
from offline_jobs.forgotten import REASON, tombstones_of, without_forgotten
from offline_jobs.replace_dir import replace_dir
from recsys.errors import ConfigError, DataError
from recsys.events import EVENTS_FILE, ITEMS_FILE, LOG_FILE, QUARANTINE_FILE, LogInfo
from recsys.schema import EVENT_COLUMNS, ITEM_COLUMNS, MS_PER_DAY
from recsys.tombstones import Tombstones

HELP: Final = "check a raw log and write it as Parquet"
EXAMPLE: Final = "slatewright ingest --dataset complete_journey --out var/logs/complete_journey"
KEPT: Final = ""
ROW_GROUP: Final = 122_880
STEPS: Final = ("read items", "read events", "write items", "write events", "write quarantine")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--dataset", required=True, choices=list(datasets.ADAPTERS))
    parser.add_argument("--path", type=Path, help="file or folder of the raw log")
    parser.add_argument("--out", type=Path, required=True, help="folder of the log to write")
    parser.add_argument("--mapping", type=Path, help="TOML column mapping (dataset tables)")
    parser.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="option of the dataset")
    parser.add_argument("--sample-users", type=int, help="keep about this many users, by hash")
    parser.add_argument("--memory-limit", default="1GB", help="of the table engine (default 1GB)")
    parser.add_argument("--tombstones", type=Path, metavar="FILE", help="leave out people forgotten by a server's list")
    parser.add_argument("--json", action="store_true", help="print the log's description as JSON")


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    options = dict(_key_value(text) for text in args.option)
    if args.sample_users is not None:
        options["sample_users"] = args.sample_users
    info = ingest(
        args.dataset,
        args.path,
        args.out,
        mapping=args.mapping,
        options=options,
        tombstones=tombstones_of(args.tombstones),
        memory_limit=args.memory_limit,
        progress=sys.stderr.isatty(),
    )
    if args.json:
        sys.stdout.write(info.to_json())
    else:
        Console().print(_summary(info, args.out))
    return 0


def ingest(
    name: str,
    path: Path | str | None,
    out_dir: Path | str,
    *,
    mapping: Path | str | None = None,
    options: Mapping[str, Any] | None = None,
    tombstones: Tombstones | None = None,
    memory_limit: str = "1GB",
    threads: int = 2,
    progress: bool = False,
) -> LogInfo:
    """Read the dataset `name`, check it and write the log into `out_dir`.

    Larger-than-memory logs spill to a temporary database beside `out_dir`. Raises `ConfigError` for
    settings, `DataError` or `SchemaError` where the source cannot be a log; then nothing is written.
    """
    settings = {**(options or {}), **({"mapping": str(mapping)} if mapping else {})}
    source = Path(path) if path is not None else None
    with (
        replace_dir(Path(out_dir), marker=LOG_FILE) as folder,
        _steps(progress) as step,
        _engine(folder, memory_limit, threads) as con,
        datasets.reading(source or f"dataset {name}"),
    ):
        return _write_log(con, datasets.load(name, con, source, settings), folder, tombstones or Tombstones(), step)


def _write_log(con: BaseBackend, raw: datasets.RawLog, folder: Path, stones: Tombstones, step: Any) -> LogInfo:
    step("read items")
    items = validate.canonical_items(raw.items, currency=raw.currency, locale=raw.locale)
    items = con.create_table("items_judged", validate.judge_items(items))
    good_items = items.filter(items.reason.isnull()).select(*ITEM_COLUMNS)
    step("read events")
    events, n_forgotten = without_forgotten(con, validate.canonical_events(raw.events), stones, clock=raw.clock)
    single = validate.judge_events(events, good_items, end=raw.end)
    repeated = con.create_table("events_repeated", validate.repeated_ids(single))
    kept_once = con.create_table("events_single", validate.lean(single, repeated), temp=True)
    events = validate.judge_repeats(kept_once, repeated)
    good = events.filter(events.reason.isnull()).select(*EVENT_COLUMNS)

    tallies = {"events": _tally(events), "items": _tally(items)}
    if n_forgotten:
        tallies["events"][REASON] = n_forgotten
    n_read = {what: sum(tally.values()) for what, tally in tallies.items()}
    n_kept = {what: tally.pop(KEPT, 0) for what, tally in tallies.items()}
    for what, tally in tallies.items():
        if not n_kept[what]:
            reasons = ", ".join(f"{r}: {n}" for r, n in tally.items()) or "there are none"
            raise DataError(
                f"log {raw.name}: none of {n_read[what]} {what} rows can be used ({reasons}); "
                "expected at least one; check the file and its column mapping"
            )
    step("write items")
    good_items.order_by("item_id").to_parquet(folder / ITEMS_FILE, row_group_size=ROW_GROUP)
    for stem, extra in raw.extras.items():
        extra.to_parquet(folder / f"{stem}.parquet", row_group_size=ROW_GROUP)
    step("write events")
    ordered = good.order_by(["event_time", "event_id"])
    ordered.to_parquet(folder / EVENTS_FILE, row_group_size=ROW_GROUP)
    step("write quarantine")
    refused = validate.quarantine(items, table="items", columns=ITEM_COLUMNS).union(
        validate.quarantine(events, table="events", columns=EVENT_COLUMNS)
    )
    refused = refused.order_by(["table", "reason", "row"])
    refused.to_parquet(folder / QUARANTINE_FILE, row_group_size=ROW_GROUP)

    span = good.agg(first=good.event_time.min(), last=good.event_time.max(), n_users=good.user_id.nunique())
    [seen] = span.to_pyarrow().to_pylist()
    one_step = MS_PER_DAY if raw.clock == "ordinal" else 1
    reasons_of_both = Counter(tallies["events"]) + Counter(tallies["items"])
    info = LogInfo(
        name=raw.name,
        start_ms=_epoch_ms(seen["first"]),
        end_ms=_epoch_ms(raw.end) if raw.end else _epoch_ms(seen["last"]) + one_step,
        clock=raw.clock,
        currency=raw.currency,
        locale=raw.locale,
        n_events=n_kept["events"],
        n_items=n_kept["items"],
        n_users=seen["n_users"],
        quarantined=dict(sorted(reasons_of_both.items())),
        n_read=n_read,
        tombstones=stones.honoured,
    )
    (folder / LOG_FILE).write_text(info.to_json(), encoding="utf-8")
    return info


def _tally(judged: Table) -> dict[str, int]:
    """Rows by reason, and those without one under `KEPT`."""
    reason = judged.reason.fill_null(KEPT)
    counts = judged.group_by(reason=reason).agg(n=judged.count()).order_by("reason")
    return {row["reason"]: row["n"] for row in counts.to_pyarrow().to_pylist()}


def _epoch_ms(time: Any) -> int:
    """Whole milliseconds since the epoch, rounded down."""
    micros: int = pa.scalar(time, pa.timestamp("us", "UTC")).value
    return micros // 1000


@contextlib.contextmanager
def _engine(folder: Path, memory_limit: str, threads: int) -> Iterator[BaseBackend]:
    """DuckDB on a temporary file on the output's disk, removed afterwards."""
    scratch = folder / ".scratch"
    scratch.mkdir()
    try:
        con = ibis.duckdb.connect(scratch / "ingest.duckdb", memory_limit=memory_limit, threads=threads)
    except duckdb.Error as error:
        raise ConfigError(
            f"the table engine does not start with memory_limit {memory_limit!r}, threads {threads}: "
            f"{str(error).splitlines()[0]}; expected a size such as 1GB and at least one thread"
        ) from error
    try:
        yield con
    finally:
        con.disconnect()
        shutil.rmtree(scratch)


@contextlib.contextmanager
def _steps(show: bool) -> Iterator[Any]:
    """Yield a function that moves the progress bar to the step it is given."""
    columns = (TextColumn("{task.description:<18}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not show, transient=True) as bar:
        task = bar.add_task("open", total=len(STEPS) + 1)

        def step(name: str) -> None:
            bar.update(task, description=name, advance=1)

        yield step


def _summary(info: LogInfo, out_dir: Path) -> Grid:
    grid = Grid(title=f"log {info.name} → {out_dir}", show_header=False)
    span_days = (info.end_ms - info.start_ms) / MS_PER_DAY
    grid.add_row("events", f"{info.n_events:,} of {info.n_read['events']:,} read")
    grid.add_row("items", f"{info.n_items:,} of {info.n_read['items']:,} read")
    grid.add_row("users", f"{info.n_users:,}")
    grid.add_row("span", f"{span_days:,.1f} days, {info.clock} clock")
    for reason, n in sorted(info.quarantined.items(), key=lambda pair: -pair[1]):
        grid.add_row(f"refused: {reason}", f"{n:,}")
    return grid


def _key_value(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"--option is {text!r}; expected KEY=VALUE")
    return key, value
