"""Which items may appear at all: one mask per request, applied before any source takes its best.

Masking first means a narrow filter costs no places: every source fills its quota from what is allowed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.kernel import ABSENT, blank_slots, kernel
from recsys.profiles.items import ItemTable
from recsys.profiles.user import UserProfile
from recsys.slate import PurchasedPolicy


def eligible(
    items: ItemTable,
    profile: UserProfile,
    *,
    purchased: PurchasedPolicy = "bundle",
    only: NDArray[np.bool_] | None = None,
    excluded: NDArray[np.int32] | None = None,
    by_title: bool = True,
) -> NDArray[np.bool_]:
    """Mask bool (n_items,) of items that are available, not disliked, and pass the purchase policy.

    `purchased`: "bundle" offers a taken item again only where its category's repeat rate says people rebuy.
    `only` is a filter's mask, `excluded` rows the caller rules out. To a shopper items of one title are one thing, so
    what bars an item bars its title; `by_title` false bars rows only, for figures whose targets are item ids.
    """
    barred = profile.disliked
    if purchased != "include":
        taken = profile.taken
        if purchased == "bundle" and len(taken):
            leaf = items.leaf_row[taken]
            known = items.rebuy if len(items.rebuy) else items.rebuy_default
            rebuy = np.where(leaf >= 0, known[np.maximum(leaf, 0)], items.rebuy_default[0])
            taken = taken[~rebuy]
        barred = np.concatenate([barred, taken]) if len(barred) else taken
    allowed = items.available.copy() if only is None else items.available & only
    if by_title and len(barred):
        _bar_titles(allowed, items.title_row, items.title_row[barred], blank_slots(len(allowed)))
    allowed[barred] = False
    if excluded is not None:
        allowed[excluded[excluded >= 0]] = False
    return allowed


@kernel
def _bar_titles(
    allowed: NDArray[np.bool_], title_row: NDArray[np.int32], barred: NDArray[np.int32], slots: NDArray[np.int32]
) -> None:
    """Take away every item with a `barred` title; there are at most as many titles as items."""
    for title in barred:
        slots[title] = 0
    for row in range(len(allowed)):
        if slots[title_row[row]] != ABSENT:
            allowed[row] = False
    for title in barred:
        slots[title] = ABSENT
