"""Events and item updates from protobuf to stored rows.

Invariant: one bad entry never costs the others: it is rejected with a stable code and a remedy,
while a call that as a whole makes no sense is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from recsys.schema import EVENT_TYPES
from recsys.slate import ItemUpdate
from server import fields
from server.errors import InvalidFieldError
from server.stored_event import StoredEvent
from slatewright.v1 import feedback_pb2

MAX_ENTRIES: Final = 1_000
MAX_QUERY_CHARS: Final = 512
_TYPES: Final[dict[int, str]] = {getattr(feedback_pb2, f"EVENT_TYPE_{name.upper()}"): name for name in EVENT_TYPES}

M = TypeVar("M")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Times:
    """What a user's event times are judged by, UTC epoch milliseconds."""

    now_ms: Callable[[str], int]
    """A user's now: the time of an event that states none."""
    latest_ms: int
    """Later than this is the future."""


def check_length(field: str, messages: Sequence[object]) -> None:
    """Raises InvalidFieldError where there are more than 1,000 entries."""
    if len(messages) > MAX_ENTRIES:
        raise InvalidFieldError(
            field,
            len(messages),
            of="length of ",
            expected=f"at most {MAX_ENTRIES}",
            remedy="split them over several calls",
        )


def split(messages: Sequence[M], convert: Callable[[M], V], *, first: int = 0) -> tuple[list[V], list[tuple[int, str]]]:
    """Valid entries, and rejected ones as (index, reason); `first` is the index of the first message."""
    good: list[V] = []
    bad: list[tuple[int, str]] = []
    for index, message in enumerate(messages, start=first):
        try:
            good.append(convert(message))
        except InvalidFieldError as error:
            bad.append((index, f"bad_{error.field}: {error}"))
    return good, bad


def event(message: feedback_pb2.Event, times: Times, *, genuine: Callable[[str, str], bool]) -> StoredEvent:
    """One event; `genuine(token, user)`: the token is of an answer to that user. Raises InvalidFieldError."""
    kind = fields.choice("type", message.type, _TYPES, list(feedback_pb2.EventType.keys())[1:])
    user_id = fields.required("user_id", message.user_id)
    stated = message.HasField("event_time")
    time_ms = fields.time_ms("event_time", message.event_time) if stated else times.now_ms(user_id)
    if stated and time_ms > times.latest_ms:  # a user's now may be later: our clock was ahead and was put back
        raise InvalidFieldError("event_time", f"{time_ms} ms", expected="no time in the future", remedy="check clocks")
    if message.position < 0:
        raise InvalidFieldError("position", message.position, expected="1 or more", remedy="0 means unknown")
    if message.attribution_token and not genuine(message.attribution_token, user_id):
        raise InvalidFieldError(
            "attribution_token",
            message.attribution_token,
            expected="the token of an answer to this user, unchanged",
            remedy="send it back as it came, or leave it out",
        )
    search = kind == "search"
    query = fields.text("query", message.query, max_chars=MAX_QUERY_CHARS, prose=True).strip()
    if search != bool(query):
        expected = "words" if search else "nothing: only a search has a query"
        raise InvalidFieldError("query", message.query, expected=expected, remedy="correct it")
    if search and message.item_id:
        raise InvalidFieldError("item_id", message.item_id, expected="nothing for a search", remedy="leave it out")
    return StoredEvent(
        event_id=fields.required("event_id", message.event_id),
        user_id=user_id,
        item_id="" if search else fields.required("item_id", message.item_id),
        event_type=kind,
        time_ms=time_ms,
        query=query,
        attribution_token=message.attribution_token,
        position=message.position,
        quantity=_quantity(message),
        price=_price("unit_price", message.unit_price) if message.HasField("unit_price") else None,
    )


def update(message: feedback_pb2.ItemUpdate, *, known: Callable[[str], bool]) -> ItemUpdate:
    """One item update; `known` tells whether the bundle has the item. Raises InvalidFieldError."""
    item_id = fields.required("item_id", message.item_id)
    price = stock = available = None
    if message.HasField("price"):
        price = _price("price", message.price)
    if message.HasField("stock"):
        stock = message.stock
        if stock < 0:
            raise InvalidFieldError("stock", stock, expected="0 or more", remedy="correct it")
    if message.HasField("available"):
        available = message.available
    if price is None and stock is None and available is None:
        raise InvalidFieldError("item", item_id, expected="price, stock or available", remedy="set one of them")
    if not known(item_id):
        raise InvalidFieldError("item_id", item_id, expected="an item of the bundle", remedy="publish it first")
    return ItemUpdate(item_id=item_id, price=price, available=available, stock=stock)


def _price(field: str, value: float) -> float:
    return fields.amount(field, value, at_most=fields.MAX_PRICE)


def _quantity(message: feedback_pb2.Event) -> float:
    if not message.HasField("quantity"):
        return 1.0
    return fields.amount("quantity", message.quantity, at_most=fields.MAX_QUANTITY, positive=True)
