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
) -> NDArray[np.bool_]:
    """Mask bool (n_items,) of items that are available, not disliked, and pass the purchase policy.

    `purchased`: "bundle" offers a bought item again only where its category's repeat rate says people rebuy.
    `only` is a filter's mask, `excluded` rows the caller rules out.
    """
    allowed = items.available.copy() if only is None else items.available & only
    if purchased != "include":
        seen = profile.items
        if purchased == "bundle":
            leaf = items.leaf_row[seen]
            known = items.rebuy if len(items.rebuy) else items.rebuy_default
            rebuy = np.where(leaf >= 0, known[np.maximum(leaf, 0)], items.rebuy_default[0])
            seen = seen[~rebuy]
        allowed[seen] = False
    allowed[profile.disliked[profile.disliked >= 0]] = False
    if excluded is not None:
        allowed[excluded[excluded >= 0]] = False
    return allowed
