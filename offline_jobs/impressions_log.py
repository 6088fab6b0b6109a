"""A log to build from: what a log holds, and what was shown and answered since.

Invariant: in it an impression and its responses share a token, and nothing that did not count shares one: a build's own
rule, which would join a response without a token to the newest impression, finds nothing to join.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import ibis
from ibis.expr.types import Table

from offline_jobs.ingest import ROW_GROUP
from offline_jobs.judge import ANSWERS, COUNTED
from recsys.errors import DataError
from recsys.events import EVENTS_FILE, ITEMS_FILE, LOG_FILE, Log, LogInfo
from recsys.schema import EVENT_COLUMNS

UNCOUNTED: Final = "uncounted"
"""The token of a response that did not count: no impression has it."""
_PREFIX: Final = "shown-"


def write_log(
    out: Path, log: Log, *, events: Table, verdicts: Table, shown: Table, users: Table, items: Table, seen_only: bool
) -> LogInfo:
    """Write the log into the folder `out`, made here; its description.

    Slates of users with no event at all are left out: nothing followed them. With `seen_only` so are places without an
    impression event. Events of items the log does not have are left out too.
    """
    if log.info.clock != "wall":
        raise DataError(
            f"log {log.info.name} has no clock times; expected a log with them, to set exposures beside its events"
        )
    out.mkdir()
    whole = _impressions(shown, users, seen_only=seen_only).union(_answers(events, verdicts))
    whole = whole.semi_join(items, "item_id").union(whole.filter(whole.item_id.isnull()))
    whole = whole.order_by(["event_time", "event_id"])
    whole.to_parquet(out / EVENTS_FILE, row_group_size=ROW_GROUP)
    for path in log.directory.glob("*.parquet"):
        if path.name != EVENTS_FILE:
            shutil.copyfile(path, out / path.name)
    written = ibis.read_parquet(out / EVENTS_FILE)
    [span] = (
        written.agg(
            n=written.count(),
            first=written.event_time.min(),
            last=written.event_time.max(),
            users=written.user_id.nunique(),
        )
        .to_pyarrow()
        .to_pylist()
    )
    info = replace(
        log.info,
        start_ms=_ms(span["first"]),
        end_ms=max(log.info.end_ms, _ms(span["last"]) + 1),
        n_events=span["n"],
        n_users=span["users"],
    )
    (out / LOG_FILE).write_text(info.to_json(), encoding="utf-8")
    return info


def item_ids(con: Any, log: Log) -> Table:
    """Ids of the log's items."""
    return con.read_parquet(log.directory / ITEMS_FILE).select("item_id")


def _impressions(shown: Table, users: Table, *, seen_only: bool) -> Table:
    known = shown.inner_join(users, "user")
    if seen_only:
        known = known.filter(known.impressions > 0)
    return _canonical(
        known.mutate(
            event_id=ibis.literal(_PREFIX) + known.token_id + "-" + known.position.cast(str),
            event_type=ibis.literal("impression"),
            event_time=known.time,
            attribution_token=known.token_id,
        )
    )


def _answers(events: Table, verdicts: Table) -> Table:
    """The events, impressions that were counted or came without a log excepted: the exposure log has them."""
    said = events.left_join(verdicts.select("event_id", "verdict", answered="token_id", place="position"), "event_id")
    counted = said.verdict.fill_null("") == COUNTED
    impression = said.event_type == "impression"
    said = said.filter(~impression | (said.of_log & ~counted))
    named = ibis.cases(
        (said.verdict.fill_null("") == COUNTED, said.answered),
        (
            said.verdict.isnull() | (said.verdict == "unknown_token") | ~said.event_type.isin(ANSWERS),
            said.attribution_token,
        ),
        else_=UNCOUNTED,
    )
    return _canonical(said.mutate(attribution_token=named, position=ibis.coalesce(said.place, said.position)))


def _canonical(table: Table) -> Table:
    """The columns of a log, nulls where there is none."""
    types = dict(EVENT_COLUMNS)
    return table.select(**{n: table[n].cast(t) if n in table.columns else ibis.null(t) for n, t in types.items()})


def _ms(time: Any) -> int:
    return int(time.timestamp() * 1_000)
