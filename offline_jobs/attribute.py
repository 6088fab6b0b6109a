"""`slatewright attribute`: join what was shown with what followed, for analyses and for the ranker.

Everything is derived anew from both logs on every run, so late, repeated and unordered events need no care: run it
again. The rules are in docs/attribution.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import ibis
from ibis.backends import BaseBackend
from ibis.expr.types import Table
from rich.console import Console
from rich.table import Table as Grid

from offline_jobs.analysis import place_table, unit_table
from offline_jobs.feedback import feedback, users
from offline_jobs.forgotten import tombstones_of
from offline_jobs.impressions_log import item_ids, write_log
from offline_jobs.judge import COUNTED, VERDICTS, judged, places
from offline_jobs.progress import Steps
from offline_jobs.replace_dir import replace_dir
from recsys import exposure_log
from recsys.errors import ConfigError, DataError
from recsys.events import read_log
from recsys.schema import MS_PER_DAY
from recsys.secret_key import VARIABLE, read_key
from recsys.tombstones import FILE as TOMBSTONES_FILE

HELP: Final = "join slates shown with the feedback that followed, for analyses and training"
EXAMPLE: Final = (
    "slatewright attribute --exposures var/exposures --state var/state --log var/logs/shop --out var/attributed"
)
PLACES_FILE, UNITS_FILE, VERDICTS_FILE, INFO_FILE = (
    "places.parquet",
    "units.parquet",
    "verdicts.parquet",
    "attribution.json",
)
LOG_FOLDER: Final = "log"
WINDOW_DAYS: Final = 7.0


@dataclass(frozen=True, slots=True)
class Attribution:
    """What `attribution.json` says; times are epoch milliseconds."""

    simulated: bool
    """True where the exposures say so (`slatewright simulate`)."""
    n_slates: int
    n_places: int
    n_units: int
    n_forgotten: int
    verdicts: Mapping[str, int]
    counted: Mapping[str, int]
    """Counted events by type."""
    last_touch: int
    """Of the counted events, those without a token."""
    position_differs: int
    """Of the counted events, those that named another place than the item's."""
    window_days: float
    until_ms: int
    n_log_events: int | None
    """Events of the log written for a build; None without one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "--exposures", type=Path, required=True, metavar="DIR", help="as `serve --exposures` wrote them"
    )
    parser.add_argument(
        "--state", type=Path, metavar="DIR", help="the server's state folder: its key and its tombstones"
    )
    parser.add_argument("--events", type=Path, metavar="FILE", help="feedback: the server's events.sqlite (of --state)")
    parser.add_argument(
        "--log", type=Path, metavar="DIR", help="an ingested log; with it a log to build from is written"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the tables")
    parser.add_argument("--window-days", type=float, default=WINDOW_DAYS, help=f"after a slate ({WINDOW_DAYS:g})")
    parser.add_argument(
        "--seen-only", action="store_true", help="train on places with an impression event only, not on all that left"
    )
    parser.add_argument("--tombstones", type=Path, metavar="FILE", help="people to leave out (the state's)")
    parser.add_argument("--memory-limit", default="1GB", help="of the table engine (1GB)")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(args: argparse.Namespace) -> int:
    """Attribute; print a table or JSON."""
    found = attribute(
        args.exposures,
        args.out,
        state=args.state,
        store=args.events,
        log_dir=args.log,
        window_days=args.window_days,
        seen_only=args.seen_only,
        tombstones=args.tombstones,
        memory_limit=args.memory_limit,
        steps=Steps(quiet=args.quiet or args.json),
    )
    if args.json:
        print(json.dumps(asdict(found), indent=1))
    else:
        Console().print(_summary(found, args.out))
    return 0


def attribute(
    exposures: Path,
    out: Path,
    *,
    state: Path | None = None,
    store: Path | None = None,
    log_dir: Path | None = None,
    window_days: float = WINDOW_DAYS,
    seen_only: bool = False,
    tombstones: Path | None = None,
    memory_limit: str = "1GB",
    steps: Steps | None = None,
) -> Attribution:
    """Write the tables into `out`. Raises `ConfigError` for settings, `DataError` for logs that cannot be read."""
    if not 0 < window_days <= 365:
        raise ConfigError(f"--window-days is {window_days:g}; expected above 0 and up to 365; choose one of these")
    if state is None and store is not None:
        state = store if store.is_dir() else store.parent
    if store is None and state is not None and (state / "events.sqlite").exists():
        store = state
    if store is None and log_dir is None:
        raise ConfigError("no feedback is named; expected the server's --state or --events, or a --log with its events")
    key = read_key(state or Path())
    if key is None:
        raise ConfigError(f"the exposures' users are pseudonyms; name the server's --state, or set {VARIABLE}")
    if tombstones is None and state is not None and (state / TOMBSTONES_FILE).exists():
        tombstones = state / TOMBSTONES_FILE
    stones = tombstones_of(tombstones)
    log = None if log_dir is None else read_log(log_dir)
    steps = steps or Steps(quiet=True)
    window_ms = round(window_days * MS_PER_DAY)
    with replace_dir(out, marker=INFO_FILE) as folder:
        scratch = folder / ".scratch"
        scratch.mkdir()
        con = ibis.duckdb.connect(scratch / "attribute.duckdb", memory_limit=memory_limit, threads=2)
        try:
            with steps.step("read slates"):
                shown = con.create_table("all_places", places(_exposures(con, exposures)), temp=True)
            with steps.step("read feedback"):
                clock = log.info.clock if log else "wall"
                events, n_forgotten = feedback(con, store=store, log_dir=log_dir, stones=stones, clock=clock)
                known = users(con, events, key)
            with steps.step("judge feedback"):
                verdicts = judged(con, events, known, shown, window_ms=window_ms)
                until = _newest(shown, events)
                table = place_table(con, shown, events, verdicts, until=until, window_ms=window_ms)
            with steps.step("write tables"):
                table.to_parquet(folder / PLACES_FILE)
                unit_table(table).to_parquet(folder / UNITS_FILE)
                verdicts.order_by("event_id").to_parquet(folder / VERDICTS_FILE)
            n_log = None
            if log is not None:
                with steps.step("write the log"):
                    n_log = write_log(
                        folder / LOG_FOLDER,
                        log,
                        events=events,
                        verdicts=verdicts,
                        shown=table,
                        users=known,
                        items=item_ids(con, log),
                        seen_only=seen_only,
                    ).n_events
            found = _counted(
                con,
                folder,
                simulated=(exposures / exposure_log.SIMULATED).exists(),
                events=events,
                n_forgotten=n_forgotten,
                window_days=window_days,
                until=until,
                n_log=n_log,
            )
        finally:
            con.disconnect()
        (scratch / "attribute.duckdb").unlink(missing_ok=True)
        scratch.rmdir()
        (folder / INFO_FILE).write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
    return found


def _exposures(con: BaseBackend, folder: Path) -> Table:
    """The exposure log as one table. `DataError` where a file is damaged or of another version."""
    paths = exposure_log.checked(folder)
    if not paths:
        raise DataError(f"{folder} holds no exposures yet; serve with --exposures, a file comes every half minute")
    return con.read_parquet([str(path) for path in paths], hive_partitioning=False)


def _newest(shown: Table, events: Table) -> datetime:
    """The newest time either log knows."""
    ends = [shown.time.max().to_pyarrow().as_py(), events.event_time.max().to_pyarrow().as_py()]
    newest: datetime = max(end for end in ends if end is not None)
    return newest


def _counted(
    con: BaseBackend,
    folder: Path,
    *,
    simulated: bool,
    events: Table,
    n_forgotten: int,
    window_days: float,
    until: datetime,
    n_log: int | None,
) -> Attribution:
    placed, units = con.read_parquet(folder / PLACES_FILE), con.read_parquet(folder / UNITS_FILE)
    verdicts = con.read_parquet(folder / VERDICTS_FILE)
    tally = dict(verdicts.verdict.value_counts(name="n").to_pyarrow().to_pandas().itertuples(index=False))
    counted = verdicts.filter(verdicts.verdict == COUNTED)
    kinds = counted.inner_join(events.select("event_id", "event_type"), "event_id").event_type.value_counts(name="n")
    return Attribution(
        simulated=simulated,
        n_slates=_int(placed.token_id.nunique()),
        n_places=_int(placed.count()),
        n_units=_int(units.unit.nunique()),
        n_forgotten=n_forgotten,
        verdicts={verdict: int(tally.get(verdict, 0)) for verdict in VERDICTS},
        counted={kind: int(n) for kind, n in sorted(kinds.to_pyarrow().to_pandas().itertuples(index=False))},
        last_touch=_int((~counted.by_token).sum()),
        position_differs=_int(counted.position_differs.sum()),
        window_days=window_days,
        until_ms=round(until.timestamp() * 1_000),
        n_log_events=n_log,
    )


def _int(value: Any) -> int:
    return int(value.to_pyarrow().as_py() or 0)


def _summary(found: Attribution, out: Path) -> Grid:
    label = "SIMULATED, " if found.simulated else ""
    grid = Grid(title=f"{label}{out}: responses within {found.window_days:g} days", show_header=False)
    grid.add_row("slates", f"{found.n_slates:,}")
    grid.add_row("places shown", f"{found.n_places:,}")
    grid.add_row("units (users, sessions, requests)", f"{found.n_units:,}")
    for kind, n in found.counted.items():
        grid.add_row(f"counted: {kind}", f"{n:,}")
    grid.add_row("… of them without a token, by last touch", f"{found.last_touch:,}")
    grid.add_row("… of them naming another place", f"{found.position_differs:,}")
    for verdict, n in found.verdicts.items():
        if verdict != COUNTED and n:
            grid.add_row(f"not counted: {verdict.replace('_', ' ')}", f"{n:,}")
    if found.n_forgotten:
        grid.add_row("not counted: forgotten people's", f"{found.n_forgotten:,}")
    if found.n_log_events is not None:
        grid.add_row("events of the log to build from", f"{found.n_log_events:,}")
    return grid
