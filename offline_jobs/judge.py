"""Which place of which slate an event answers: the rules of docs/attribution.md, as one expression.

Invariant: each event gets exactly one verdict, from event times alone, so the order and lateness of arrival change
nothing. An event counts once, for one place, or not at all.
"""

from __future__ import annotations

from typing import Any, Final

import ibis
from ibis.backends import BaseBackend
from ibis.expr.types import Table

COUNTED: Final = "counted"
VERDICTS: Final = (
    COUNTED,
    "unknown_token",  # no slate of the exposure log has this token
    "foreign_user",  # the slate was another user's
    "not_shown",  # the slate did not hold the item
    "before",  # earlier than the slate
    "outside_window",  # later than the window after the slate
    "no_exposure",  # without a token, and the user was not shown the item within the window before
)
ANSWERS: Final = ("impression", "view", "click", "add_to_cart", "purchase", "dislike")
"""Event types that may answer a slate; searches are about no item."""


def places(exposures: Table) -> Table:
    """One row a place shown, every slate once: a call repeated with its id and time is the same slate."""
    first = ibis.window(group_by=exposures.token_id, order_by=exposures.served)
    once = exposures.mutate(nth=ibis.row_number().over(first)).filter(ibis._.nth == 0).drop("nth")
    return once.mutate(slot=once.slots.unnest()).drop("slots").unpack("slot")


def judged(con: BaseBackend, events: Table, users: Table, shown: Table, *, window_ms: int) -> Table:
    """A verdict for every event of `ANSWERS` since the first slate.

    Columns: event_id, verdict, token_id, position, by_token, position_differs. The last four are of the place an event
    counts for, null else. `shown` is what `places` gives, `users` maps user_id to user.
    """
    window = ibis.interval(milliseconds=window_ms)
    since = shown.time.min().as_scalar()
    since_first = events.token_id.notnull() | (events.event_time >= since)
    asked = events.filter(events.event_type.isin(ANSWERS) & events.item_id.notnull() & since_first)
    asked = asked.left_join(users, "user_id")
    asked = con.create_table("asked", asked, temp=True)
    shown = con.create_table(
        "shown", shown.select("token_id", "item_id", "position", "time", "served", "user"), temp=True
    )
    direct = _by_token(asked.filter(asked.token_id.notnull()), shown, window)
    touched = _by_last_touch(asked.filter(asked.token_id.isnull()), shown, window)
    return con.create_table("verdicts", direct.union(touched), temp=True)


def _by_token(asked: Table, shown: Table, window: Any) -> Table:
    slates = shown.group_by(slate="token_id").agg(slate_time=shown.time.min(), slate_user=shown.user.min())
    asked = asked.left_join(slates, asked.token_id == slates.slate)
    cells = shown.select(cell="token_id", shown_item="item_id", place="position")
    found = asked.left_join(cells, [asked.token_id == cells.cell, asked.item_id == cells.shown_item])
    verdict = ibis.cases(
        (found.slate_time.isnull(), "unknown_token"),
        ((found.slate_user != "") & (found.slate_user != found.user.fill_null("")), "foreign_user"),
        (found.place.isnull(), "not_shown"),
        (found.event_time < found.slate_time, "before"),
        (found.event_time >= found.slate_time + window, "outside_window"),
        else_=COUNTED,
    )
    return _said(found.mutate(verdict=verdict, answered=found.token_id), by_token=True)


def _by_last_touch(asked: Table, shown: Table, window: Any) -> Table:
    newest = ibis.window(
        group_by=[shown.user, shown.item_id, shown.time], order_by=[ibis.desc(shown.served), shown.token_id]
    )
    last = shown.filter(shown.user != "").mutate(nth=ibis.row_number().over(newest)).filter(ibis._.nth == 0)
    seen = last.select(seen_user="user", seen_item="item_id", seen_time="time", answered="token_id", place="position")
    found = asked.asof_join(
        seen,
        on=asked.event_time >= seen.seen_time,
        predicates=[asked.user == seen.seen_user, asked.item_id == seen.seen_item],
    )
    missed = found.seen_time.isnull() | (found.event_time >= found.seen_time + window)
    return _said(found.mutate(verdict=ibis.ifelse(missed, "no_exposure", COUNTED)), by_token=False)


def _said(found: Table, *, by_token: bool) -> Table:
    counted = found.verdict == COUNTED
    differs = (found.position.fill_null(0) > 0) & (found.position != found.place)
    return found.select(
        "event_id",
        "verdict",
        token_id=ibis.ifelse(counted, found.answered, ibis.null(str)),
        position=ibis.ifelse(counted, found.place, ibis.null("int32")),
        by_token=ibis.ifelse(counted, by_token, ibis.null(bool)),
        position_differs=ibis.ifelse(counted, differs, ibis.null(bool)),
    )
