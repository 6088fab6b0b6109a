"""Which items may appear at all: one mask per request, applied before any source takes its best.

Masking first means a narrow filter costs no places: every source fills its quota from what is allowed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
    allowed = items.available.copy() if only is None else items.available & only
    barred = profile.disliked
    if purchased != "include":
        taken = profile.taken
        if purchased == "bundle":
            leaf = items.leaf_row[taken]
            known = items.rebuy if len(items.rebuy) else items.rebuy_default
            rebuy = np.where(leaf >= 0, known[np.maximum(leaf, 0)], items.rebuy_default[0])
            taken = taken[~rebuy]
        barred = np.concatenate([barred, taken])
    if by_title and len(barred):
        titles = np.zeros(int(items.title_row.max()) + 1, bool)
        titles[items.title_row[barred]] = True
        allowed &= ~titles[items.title_row]
    allowed[barred] = False
    if excluded is not None:
        allowed[excluded[excluded >= 0]] = False
    return allowed
