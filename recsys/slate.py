"""What is asked of the recommender and what it answers: plain frozen values, no behaviour.

These are the library's own terms; the server converts them from and to protobuf messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from recsys.errors import ConfigError

PurchasedPolicy = Literal["bundle", "exclude", "include"]
UserStatus = Literal["known", "cold", "anonymous"]

MAX_PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Which items may appear. An empty tuple or None does not restrict.

    A category matches an item when it equals the item's full path joined by " > ", or a leading part of it.
    Comparison of categories and brands ignores case. An item without a price fails any price bound.
    """

    categories: tuple[str, ...] = ()
    exclude_categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    min_price: float | None = None
    max_price: float | None = None
    currency: str | None = None
    in_stock_only: bool = False
    purchased: PurchasedPolicy = "bundle"


@dataclass(frozen=True, slots=True)
class SlateRequest:
    """One slate wanted, at `time_ms` (UTC epoch milliseconds); `seed_text` seeds all randomness."""

    user_id: str = ""
    time_ms: int = 0
    page_size: int = 10
    placement: str = "home"
    seed_text: str = ""
    exclude_item_ids: tuple[str, ...] = ()
    filter: ItemFilter = field(default_factory=ItemFilter)
    explain: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.page_size <= MAX_PAGE_SIZE:
            raise ConfigError(f"page_size is {self.page_size}; expected 1 to {MAX_PAGE_SIZE}; ask for fewer items")


@dataclass(frozen=True, slots=True)
class RecentEvent:
    """One event the bundle has not seen. `item_id` is empty for a search."""

    item_id: str
    event_type: str
    time_ms: int
    quantity: float = 1.0
    price: float | None = None
    query: str = ""


@dataclass(frozen=True, slots=True)
class ItemUpdate:
    """New price, stock or availability of one item; None leaves the field as it is."""

    item_id: str
    price: float | None = None
    available: bool | None = None
    stock: int | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an item is in a slate: a stable code and, where there is one, the user's item it rests on."""

    code: str
    evidence_item_id: str = ""


@dataclass(frozen=True, slots=True)
class SlateItem:
    """One place of a slate; `rank` is 1-based, `features` and `contributions` only when explained.

    `score` is the ranker's, 0 for a pinned item that no source proposed. `propensity` is the probability that this
    item is shown at this place: 1 but in exploration slots. `contributions` holds what the features that raised the
    score most added to it.
    """

    item_id: str
    rank: int
    score: float
    sources: tuple[str, ...]
    reasons: tuple[Reason, ...]
    features: Mapping[str, float] = field(default_factory=dict)
    propensity: float = 1.0
    contributions: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Slate:
    """The answer; `shortfall` says why there are fewer items than asked, else it is empty."""

    items: tuple[SlateItem, ...]
    user_status: UserStatus
    bundle_version: str
    shortfall: str = ""
