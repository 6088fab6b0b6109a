"""Names, dtypes and units of every table: the only place where they are spelled.

A *log* is a folder with `events.parquet`, `items.parquet`, `quarantine.parquet` and `log.json`.
Times in tables are UTC timestamps; in arrays they are int64 epoch milliseconds (`*_ms`).
"""

from __future__ import annotations

from typing import Final

EVENT_TYPES: Final = (
    "impression",
    "view",
    "click",
    "search",
    "add_to_cart",
    "purchase",
    "dislike",
)
"""Every event type; its position is its code in arrays."""

EVENT_COLUMNS: Final[dict[str, str]] = {
    "event_id": "string",
    "user_id": "string",
    "item_id": "string",  # null for a search
    "event_type": "string",
    "event_time": "timestamp('UTC', 6)",
    "quantity": "float64",  # units bought; 1.0 where the type has none
    "price": "float64",  # paid per unit, in the log's currency; null where unknown
    "list_price": "float64",  # before discounts, per unit; null where unknown
    "query": "string",
    "session_id": "string",  # basket or visit
    "placement": "string",
    "position": "int32",  # place on the page of an impression or of what it led to, from 1; null or 0 where unknown
    "attribution_token": "string",
    "cancelled_time": "timestamp('UTC', 6)",  # from then on the event counts as never done; mostly null
}
"""Column -> ibis type. The first five are required, the rest may be null.

At `as_of` an event is visible if event_time < as_of and not (cancelled_time < as_of).
"""

REQUIRED_EVENT_COLUMNS: Final = ("event_id", "user_id", "item_id", "event_type", "event_time")

ITEM_COLUMNS: Final[dict[str, str]] = {
    "item_id": "string",
    "title": "string",
    "category": "array<string>",  # path, root first: ["Grocery", "Cheese", "String cheese"]
    "brand": "string",
    "price": "float64",
    "currency": "string",  # ISO 4217
    "description": "string",
    "attributes": "map<string, string>",
    "rating": "float64",
    "rating_count": "int64",
    "available": "boolean",
    "locale": "string",  # BCP 47 of the item's texts
}
"""Column -> ibis type. `item_id` and `title` are required, the rest may be null."""

REQUIRED_ITEM_COLUMNS: Final = ("item_id", "title")

QUARANTINE_COLUMNS: Final[dict[str, str]] = {
    "table": "string",  # "events" or "items"
    "reason": "string",  # one of QUARANTINE_REASONS
    "row": "string",  # the offending row as JSON
}

QUARANTINE_REASONS: Final = (
    "missing_event_id",
    "missing_user",
    "missing_item",
    "missing_title",
    "unknown_item",
    "unknown_type",
    "bad_time",
    "time_after_end",
    "negative_price",
    "bad_price",  # infinite or not a number
    "bad_quantity",
    "repeated_event_id",
    "repeated_item_id",
    "cancelled",
    "cancellation_without_purchase",
    "not_a_product",
)

EVENT_WEIGHTS: Final[dict[str, float]] = {
    "impression": 0.0,
    "view": 1.0,
    "click": 1.5,
    "search": 0.0,
    "add_to_cart": 3.0,
    "purchase": 5.0,
    "dislike": 0.0,
}
"""How much one event of a type says about taste, before time decay."""

PATH_SEPARATOR: Final = " > "
"""Joins a category path where it must be one string."""

MS_PER_DAY: Final = 86_400_000
