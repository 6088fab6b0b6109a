"""Checks every log must pass, as table expressions: a row is kept or quarantined, never lost.

Each function returns the same rows it was given plus a `reason` column, null where the row is sound.
Only Ibis operations both DuckDB and Spark know are used.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import ibis
from ibis.expr.types import BooleanValue, Column, FloatingColumn, StringColumn, Table

from recsys.errors import SchemaError
from recsys.schema import (
    EVENT_COLUMNS,
    EVENT_TYPES,
    ITEM_COLUMNS,
    QUARANTINE_COLUMNS,
    REQUIRED_EVENT_COLUMNS,
    REQUIRED_ITEM_COLUMNS,
)

EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
MAX_PRICE: Final = 1e9
"""A price per unit at or beyond this is an error of the source, in any currency."""
MAX_RATING: Final = 10.0
"""A rating outside 0 to this, or a negative count of ratings, becomes null: copy may cite ratings."""
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""Times outside are typing errors, not behaviour, and would overflow downstream arithmetic."""


def canonical(table: Table, columns: dict[str, str], required: tuple[str, ...], *, what: str) -> Table:
    """Give `table` exactly the canonical columns plus `refused_as` and `source_row`.

    Absent optional columns become null; absent required ones raise `SchemaError`.
    """
    missing = [c for c in required if c not in table.columns]
    if missing:
        raise SchemaError(
            f"{what} lack the columns {', '.join(missing)}; they have {', '.join(table.columns)}; "
            "add the columns or map others onto them"
        )
    picked: dict[str, Column] = {}
    for name, dtype in {**columns, "refused_as": "string", "source_row": "string"}.items():
        column = table[name] if name in table.columns else ibis.null(dtype)
        picked[name] = column if column.type() == ibis.dtype(dtype) else column.cast(dtype)
    return table.select(**picked)


def canonical_events(events: Table) -> Table:
    """Canonical event columns; blank ids become null, a missing quantity one, a NaN price unknown."""
    table = canonical(events, EVENT_COLUMNS, REQUIRED_EVENT_COLUMNS, what="events")
    return table.mutate(
        **{c: _blank_to_null(table[c]) for c in ("event_id", "user_id", "item_id")},
        quantity=table.quantity.fill_null(1.0),
        price=_nan_to_null(table.price),
        list_price=_nan_to_null(table.list_price),
    )


def canonical_items(items: Table, *, currency: str | None, locale: str) -> Table:
    """Canonical item columns with the log's currency and locale where an item names none."""
    table = canonical(items, ITEM_COLUMNS, REQUIRED_ITEM_COLUMNS, what="items")
    money = table.currency if currency is None else table.currency.fill_null(currency)
    return table.mutate(
        item_id=_blank_to_null(table.item_id),
        title=_blank_to_null(table.title.strip()),
        brand=_blank_to_null(table.brand.strip()),
        category=table.category.filter(lambda step: step.notnull() & (step.strip() != "")),
        price=_nan_to_null(table.price),
        rating=ibis.cases((table.rating.between(0, MAX_RATING), table.rating), else_=ibis.null("float64")),
        rating_count=ibis.cases((table.rating_count >= 0, table.rating_count), else_=ibis.null("int64")),
        currency=money,
        available=table.available.fill_null(True),
        locale=table.locale.fill_null(locale),
    )


def judge_items(items: Table) -> Table:
    """Add `reason`: of a repeated id the first row in the order of its fields is kept."""
    alone = ibis.cases(
        (items.refused_as.notnull(), items.refused_as),
        (items.item_id.isnull(), "missing_item"),
        (items.title.isnull(), "missing_title"),
        (items.price < 0, "negative_price"),
        (items.price >= MAX_PRICE, "bad_price"),
        else_=ibis.null("string"),
    )
    judged = items.mutate(reason=alone)
    sound = judged.filter(judged.reason.isnull())
    first = ibis.row_number().over(
        group_by=sound.item_id,
        order_by=[sound[c] for c in ("title", "brand", "price", "description", "source_row")],
    )
    ranked = sound.mutate(nth=first)
    kept = ranked.mutate(reason=ibis.cases((ranked.nth > 0, "repeated_item_id"), else_=ibis.null("string"))).drop("nth")
    return kept.union(judged.filter(judged.reason.notnull()))


def judge_events(events: Table, item_ids: Table, *, end: datetime | None) -> Table:
    """Add `reason` from what one row says; repeated ids are judged by `judge_repeats`."""
    known = item_ids.select(item_id=item_ids.item_id, known=ibis.literal(True))
    joined = events.left_join(known, "item_id").drop("item_id_right")
    needs_item = joined.event_type != "search"
    late = joined.event_time >= ibis.literal(end or LATEST)
    reason = ibis.cases(
        (joined.refused_as.notnull(), joined.refused_as),
        (joined.event_id.isnull(), "missing_event_id"),
        (joined.user_id.isnull(), "missing_user"),
        (joined.event_type.isnull() | joined.event_type.notin(EVENT_TYPES), "unknown_type"),
        (needs_item & joined.item_id.isnull(), "missing_item"),
        (_bad_time(joined.event_time), "bad_time"),
        (late, "time_after_end"),
        ((joined.price < 0) | (joined.list_price < 0), "negative_price"),
        ((joined.price >= MAX_PRICE) | (joined.list_price >= MAX_PRICE), "bad_price"),
        (_not_finite(joined.quantity) | (joined.quantity <= 0), "bad_quantity"),
        (joined.item_id.notnull() & joined.known.isnull(), "unknown_item"),
        else_=ibis.null("string"),
    )
    return joined.mutate(reason=reason).drop("known")


def repeated_ids(judged: Table) -> Table:
    """The `event_id` of more than one sound event."""
    sound = judged.filter(judged.reason.isnull())
    counted = sound.group_by("event_id").agg(n=sound.count())
    return counted.filter(counted.n > 1).select("event_id")


def lean(judged: Table, repeated: Table) -> Table:
    """The same rows without `source_row` where no quarantine can want it: it is most of a row's weight."""
    again = repeated.select(event_id=repeated.event_id, again=ibis.literal(True))
    joined = judged.left_join(again, "event_id").drop("event_id_right")
    wanted = joined.reason.notnull() | joined.again.notnull()
    return joined.mutate(source_row=ibis.cases((wanted, joined.source_row), else_=ibis.null("string"))).drop("again")


def judge_repeats(judged: Table, repeated: Table) -> Table:
    """Mark all but the earliest sound event of each of the `repeated` ids.

    Only these are ranked, so a clean log pays one hash aggregate and no sort.
    """
    sound = judged.filter(judged.reason.isnull())
    clear = sound.anti_join(repeated, "event_id")
    again = sound.semi_join(repeated, "event_id")
    fields = [again[c] for c in EVENT_COLUMNS if c not in ("event_id", "event_time")]
    order = [again.event_time, *fields, again.source_row]
    ranked = again.mutate(nth=ibis.row_number().over(group_by=again.event_id, order_by=order))
    reason = ibis.cases((ranked.nth > 0, "repeated_event_id"), else_=ibis.null("string"))
    ranked = ranked.mutate(reason=reason).drop("nth")
    return clear.union(ranked, judged.filter(judged.reason.notnull()))


def quarantine(judged: Table, *, table: str, columns: dict[str, str]) -> Table:
    """Refused rows as (table, reason, row); the row as it came where the adapter kept it."""
    bad = judged.filter(judged.reason.notnull())
    fields = {c: bad[c].cast("string") if bad[c].type().is_floating() else bad[c] for c in columns}
    as_json = ibis.struct(fields).cast("json").cast("string")
    picked = {
        "table": ibis.literal(table),
        "reason": bad.reason,
        "row": ibis.coalesce(bad.source_row, as_json),
    }
    return bad.select(**{c: picked[c].cast(t) for c, t in QUARANTINE_COLUMNS.items()})


def _blank_to_null(text: StringColumn) -> StringColumn:
    return ibis.cases((text.strip() == "", ibis.null("string")), else_=text)


def _nan_to_null(number: FloatingColumn) -> FloatingColumn:
    return ibis.cases((number.isnan(), ibis.null("float64")), else_=number)


def _not_finite(number: FloatingColumn) -> BooleanValue:
    return number.isnan() | number.isinf()


def _bad_time(time: Column) -> BooleanValue:
    return time.isnull() | (time < ibis.literal(EARLIEST)) | (time >= ibis.literal(LATEST))
