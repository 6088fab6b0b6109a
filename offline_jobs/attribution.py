"""Join what was shown with what followed: tables for analyses, and a log for the ranker.

Everything is derived anew from both logs on every run, so late, repeated and unordered events need no care: run it
again. The rules are in docs/attribution.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import ibis
from ibis.backends import BaseBackend
from ibis.expr.types import Table

from offline_jobs.analysis import place_table, unit_table
from offline_jobs.feedback import STORE_FILE, feedback, users
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

PLACES_FILE, UNITS_FILE, VERDICTS_FILE = "places.parquet", "units.parquet", "verdicts.parquet"
INFO_FILE, LOG_FOLDER = "attribution.json", "log"
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
    if store is None and state is not None and (state / STORE_FILE).exists():
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
