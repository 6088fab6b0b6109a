"""Item profiles: aligned arrays of what the catalogue says and what behaviour before `as_of` shows."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from recsys.catalogue import Catalogue
from recsys.profiles.queries import QueryIndex

REBUY_PRIOR = 20.0
"""Purchases of the whole log's repeat rate that each category's own rate is mixed with."""
REBUY_THRESHOLD = 0.02
"""A category whose share of repeat purchases is below this does not offer bought items again."""


@dataclass(frozen=True, slots=True)
class ItemTable:
    """Arrays (n_items,) unless said otherwise; rows as in the catalogue, -1 where there is none.

    Counts are of events with a positive weight before `as_of`; windows end at `as_of`. To take an item is to purchase
    it, or to act on it at all where the log has no purchases (`taken_types`). Every statistic a feature
    reads is float32. `rebuy` (n_categories,) is the policy for `purchased = UNSPECIFIED`.
    """

    leaf_row: NDArray[np.int32]
    parent_row: NDArray[np.int32]
    brand_row: NDArray[np.int32]
    title_row: NDArray[np.int32]
    head_row: NDArray[np.int32]  # equal for titles that start with the same word: a brand or a line, often
    price: NDArray[np.float32]  # the catalogue's: for filters and copy, never for features
    paid: NDArray[np.float32]  # mean paid per unit; NaN if never bought
    available: NDArray[np.bool_]
    n_events: NDArray[np.float32]
    n_users: NDArray[np.float32]
    n_7d: NDArray[np.float32]
    n_28d: NDArray[np.float32]
    trend: NDArray[np.float32]  # log ratio of the last 28 days to the 28 before
    popularity: NDArray[np.float32]  # events decayed with a half-life of 28 days
    repeat_rate: NDArray[np.float32]  # share of its takers who took it again, shrunk
    gap_days: NDArray[np.float32]  # mean days between a user's takings of it; NaN if never twice
    discount: NDArray[np.float32]  # mean share off the list price
    age_days: NDArray[np.float32]  # since its first event; NaN if never seen
    mean_log_age: NDArray[np.float32]  # mean log(1 + days) of its events; NaN if never seen
    newest_share: NDArray[np.float32]  # share of its users whose newest event is on it, shrunk
    mean_user_events: NDArray[np.float32]  # mean log(1 + events) of its users, by event
    head_popularity: NDArray[np.float32]  # decayed events of all items with the same first word
    share_of_leaf: NDArray[np.float32]  # of its leaf category's decayed events; NaN without one
    share_of_brand: NDArray[np.float32]
    share_of_head: NDArray[np.float32]
    price_z: NDArray[np.float32]  # log price against its leaf category, in standard deviations
    category_repeat: NDArray[np.float32]  # (n_categories,)
    category_gap_days: NDArray[np.float32]  # (n_categories,)
    rebuy: NDArray[np.bool_]  # (n_categories,)
    taken_types: NDArray[np.bool_]  # (n_event_types,): purchases, or every strong event where the log has none
    rebuy_default: NDArray[np.bool_]  # (1,): items without a category
    brand_share: NDArray[np.float32]  # (n_brands,): share of the catalogue's items
    queries: QueryIndex

    def __len__(self) -> int:
        return len(self.leaf_row)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Every array by name, for saving."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "queries"}
        return own | {f"query_{f.name}": getattr(self.queries, f.name) for f in fields(QueryIndex)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> ItemTable:
        """Inverse of `arrays`."""
        queries = QueryIndex(**{f.name: arrays[f"query_{f.name}"] for f in fields(QueryIndex)})  # type: ignore[arg-type]
        own = {f.name: arrays[f.name] for f in fields(cls) if f.name != "queries"}
        return cls(**own, queries=queries)  # type: ignore[arg-type]


def price_z_scores(price: NDArray[np.float32], leaf_row: NDArray[np.int32]) -> NDArray[np.float32]:
    """Log price minus its leaf category's mean, over the category's deviation; NaN where unpriced."""
    priced = np.isfinite(price) & (price > 0) & (leaf_row >= 0)
    n = int(leaf_row.max(initial=-1)) + 1
    leaf, log_price = leaf_row[priced], np.log(price[priced].astype(np.float64))
    count = np.maximum(np.bincount(leaf, minlength=n), 1)
    mean = np.bincount(leaf, log_price, n) / count
    variance = np.bincount(leaf, (log_price - mean[leaf]) ** 2, n) / count
    z = np.full(len(price), np.nan, np.float32)
    z[priced] = (log_price - mean[leaf]) / np.maximum(np.sqrt(variance[leaf]), 0.1)
    return z


def parent_rows(catalogue: Catalogue) -> NDArray[np.int32]:
    """Row of the category one step above each item's leaf; the leaf itself at the root."""
    leaf = catalogue.leaf_row
    row_of = {path: row for row, path in enumerate(catalogue.category_paths)}
    above = np.array([row_of[path[:-1] or path] for path in catalogue.category_paths], np.int32)
    return np.where(leaf >= 0, above[np.maximum(leaf, 0)], -1).astype(np.int32) if len(above) else leaf
