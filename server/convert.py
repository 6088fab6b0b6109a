"""Requests from protobuf to the library's terms.

Invariant: what leaves here is valid, so the library never sees a bad value of a caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from recsys.slate import MAX_PAGE_SIZE, ItemFilter, PurchasedPolicy
from server import fields
from server.errors import InvalidFieldError
from slatewright.v1 import copy_pb2, recommendation_pb2

CopyWanted = Literal["default", "none", "cached", "live"]
SlateMessage = recommendation_pb2.RecommendRequest | recommendation_pb2.ListSimilarItemsRequest

MAX_EXCLUDED: Final = 1_000
DEFAULT_PAGE_SIZE: Final = 10
MIN_COPY_CHARS, MAX_COPY_CHARS = 40, 1_000

_PURCHASED: Final[dict[int, PurchasedPolicy]] = {
    recommendation_pb2.PURCHASED_POLICY_UNSPECIFIED: "bundle",
    recommendation_pb2.PURCHASED_POLICY_EXCLUDE: "exclude",
    recommendation_pb2.PURCHASED_POLICY_INCLUDE: "include",
}
_COPY: Final[dict[int, CopyWanted]] = {
    copy_pb2.COPY_MODE_UNSPECIFIED: "default",
    copy_pb2.COPY_MODE_NONE: "none",
    copy_pb2.COPY_MODE_CACHED: "cached",
    copy_pb2.COPY_MODE_LIVE: "live",
}


@dataclass(frozen=True, slots=True)
class SlateCall:
    """A valid call for a slate. `time_ms` is None where the caller left the clock to the server."""

    user_id: str
    session_id: str
    request_id: str
    placement: str
    page_size: int
    time_ms: int | None
    exclude_item_ids: tuple[str, ...]
    filter: ItemFilter
    copy: CopyWanted
    locale: str
    """Of the copy: `copy.locale`, else `context.locale`, else empty for the bundle's."""
    max_chars: int
    """Of a pitch; 0 is the copywriter's default."""
    variant_overrides: Mapping[str, str]
    explain: bool
    country: str = ""
    context_locale: str = ""
    device: str = ""


def slate_call(message: SlateMessage, *, request_id: str, placement: str) -> SlateCall:
    """The call a message asks for; `placement` is the default one, `request_id` the one already checked.

    Raises
    ------
    InvalidFieldError
        A field is out of its range.
    """
    copy, context = message.copy, message.context
    country = fields.country("context.country", context.country)
    device = fields.text("context.device", context.device, max_chars=64)
    context_locale = fields.locale("context.locale", context.locale)
    asked_time = message.request_time if message.HasField("request_time") else None
    return SlateCall(
        user_id=fields.text("user_id", message.user_id),
        session_id=fields.text("session_id", message.session_id),
        request_id=request_id,
        placement=fields.text("placement", message.placement, max_chars=64) or placement,
        page_size=page_size(message.page_size),
        time_ms=None if asked_time is None else fields.time_ms("request_time", asked_time),
        exclude_item_ids=fields.texts("exclude_item_ids", message.exclude_item_ids, limit=MAX_EXCLUDED),
        filter=item_filter(message.filter),
        copy=fields.choice("copy.mode", copy.mode, _COPY, copy_pb2.CopyMode.keys()),
        locale=fields.locale("copy.locale", copy.locale) or context_locale,
        max_chars=_max_chars(copy.max_chars),
        variant_overrides=_overrides(message.variant_overrides),
        explain=message.explain,
        country=country,
        context_locale=context_locale,
        device=device,
    )


def page_size(asked: int) -> int:
    """0 → 10, over 100 → 100, negative is refused."""
    if asked < 0:
        raise InvalidFieldError("page_size", asked, expected="0 to 100", remedy="0 takes the default of 10")
    return min(asked or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def item_filter(message: recommendation_pb2.ItemFilter) -> ItemFilter:
    """The filter of a request."""
    low = high = None
    if message.HasField("min_price"):
        low = fields.amount("filter.min_price", message.min_price, at_most=fields.MAX_PRICE)
    if message.HasField("max_price"):
        high = fields.amount("filter.max_price", message.max_price, at_most=fields.MAX_PRICE)
    if low is not None and high is not None and low > high:
        raise InvalidFieldError(
            "filter.min_price",
            low,
            expected=f"at most filter.max_price, which is {high:g}",
            remedy="swap them",
        )
    return ItemFilter(
        categories=fields.texts("filter.categories", message.categories),
        exclude_categories=fields.texts("filter.exclude_categories", message.exclude_categories),
        brands=fields.texts("filter.brands", message.brands),
        min_price=low,
        max_price=high,
        currency=fields.currency("filter.currency", message.currency),
        in_stock_only=message.in_stock_only,
        purchased=fields.choice(
            "filter.purchased",
            message.purchased,
            _PURCHASED,
            recommendation_pb2.PurchasedPolicy.keys(),
        ),
    )


def check_currency(wanted: ItemFilter, bundle_currency: str) -> None:
    """Prices are compared in one currency: the filter's must be the bundle's."""
    bounded = wanted.min_price is not None or wanted.max_price is not None
    if bounded and wanted.currency and bundle_currency and wanted.currency != bundle_currency:
        raise InvalidFieldError(
            "filter.currency",
            wanted.currency,
            expected=f"{bundle_currency}, the currency of this bundle",
            remedy="convert the bounds",
        )


def _max_chars(asked: int) -> int:
    if asked and not MIN_COPY_CHARS <= asked <= MAX_COPY_CHARS:
        raise InvalidFieldError(
            "copy.max_chars",
            asked,
            expected=f"{MIN_COPY_CHARS} to {MAX_COPY_CHARS}",
            remedy="0 takes the default",
        )
    return asked


def _overrides(asked: Mapping[str, str]) -> dict[str, str]:
    if len(asked) > 10:
        raise InvalidFieldError(
            "variant_overrides", len(asked), of="length of ", expected="at most 10", remedy="send fewer"
        )
    return dict(asked)
