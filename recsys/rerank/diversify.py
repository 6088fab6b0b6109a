"""From scores to places: one item per title, and caps on how much of a slate one category or brand may hold.

Greedy in score order, so the best item is always first. Items that a cap held back fill the end of the slate
when nothing else is left: a full slate beats a diverse but short one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.profiles.items import ItemTable


@dataclass(frozen=True, slots=True)
class DiversityConfig:
    """Largest share of a slate from one leaf category or one brand.

    A brand that holds more than `label_share` of the catalogue ("store brand") is a label and is not capped.
    """

    category_share: float = 0.5
    brand_share: float = 0.5
    label_share: float = 0.1


def diversify(
    order: NDArray[np.int64],
    rows: NDArray[np.int32],
    items: ItemTable,
    *,
    n: int,
    config: DiversityConfig,
) -> list[int]:
    """Positions of the chosen candidates, best first; `order` are positions by descending score."""
    category_cap = max(int(np.ceil(config.category_share * n)), 1)
    brand_cap = max(int(np.ceil(config.brand_share * n)), 1)
    titles: set[int] = set()
    categories: dict[int, int] = {}
    brands: dict[int, int] = {}
    chosen: list[int] = []
    held_back: list[int] = []
    for at in order.tolist():
        row = int(rows[at])
        title = int(items.title_row[row])
        if title in titles:
            continue
        leaf, brand = int(items.leaf_row[row]), int(items.brand_row[row])
        over = (leaf >= 0 and categories.get(leaf, 0) >= category_cap) or (
            brand >= 0 and brands.get(brand, 0) >= brand_cap and items.brand_share[brand] <= config.label_share
        )
        if over:
            held_back.append(at)
            continue
        titles.add(title)
        categories[leaf] = categories.get(leaf, 0) + 1
        brands[brand] = brands.get(brand, 0) + 1
        chosen.append(at)
        if len(chosen) == n:
            return chosen
    for at in held_back:
        title = int(items.title_row[rows[at]])
        if title not in titles and len(chosen) < n:
            titles.add(title)
            chosen.append(at)
    return chosen
