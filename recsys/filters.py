"""From a caller's filter to a mask over items. Names are matched without regard to case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recsys.errors import ConfigError
from recsys.profiles.items import ItemTable
from recsys.schema import PATH_SEPARATOR
from recsys.slate import ItemFilter

if TYPE_CHECKING:
    from recsys.bundle import Bundle


class FilterIndex:
    """Rows of every category prefix and brand of a bundle."""

    def __init__(self, bundle: Bundle) -> None:
        self._currency = str(bundle.manifest.get("currency") or "")
        self._categories: dict[str, list[int]] = {}
        for row, name in enumerate(bundle.category_names):
            levels = name.casefold().split(PATH_SEPARATOR)
            for depth in range(1, len(levels) + 1):
                self._categories.setdefault(PATH_SEPARATOR.join(levels[:depth]), []).append(row)
        self._brands: dict[str, list[int]] = {}
        for row, brand in enumerate(bundle.brands):
            self._brands.setdefault(brand.casefold(), []).append(row)
        named = bundle.catalogue["currency"].to_pylist()  # pyarrow's fill_null would import pandas
        self._currencies = np.array([self._currency if c is None else c for c in named], dtype=object)
        self._n_categories, self._n_brands = len(bundle.category_names), len(bundle.brands)

    def mask(self, wanted: ItemFilter, items: ItemTable) -> NDArray[np.bool_] | None:
        """Items that pass, bool (n_items,); None where nothing is restricted.

        `in_stock_only` restricts nothing further: what is not available is never shown.
        """
        parts = []
        if wanted.categories:
            parts.append(self.in_categories(wanted.categories, items))
        if wanted.exclude_categories:
            parts.append(~self.in_categories(wanted.exclude_categories, items))
        if wanted.brands:
            parts.append(self.of_brands(wanted.brands, items))
        if wanted.min_price is not None or wanted.max_price is not None:
            currency = wanted.currency or self._currency
            known = sorted(set(self._currencies) - {""})
            if currency and known and currency not in known:
                raise ConfigError(
                    f"filter.currency is {currency}; expected one the catalogue's prices are in ({', '.join(known)}); "
                    "convert the bounds"
                )
            if currency:
                parts.append(self._currencies == currency)
            low = -np.inf if wanted.min_price is None else wanted.min_price
            high = np.inf if wanted.max_price is None else wanted.max_price
            parts.append((items.price >= np.float32(low)) & (items.price <= np.float32(high)))
        return np.logical_and.reduce(parts) if parts else None

    def in_categories(self, names: tuple[str, ...], items: ItemTable) -> NDArray[np.bool_]:
        """Items of any of the categories or what lies below them, bool (n_items,)."""
        rows = [row for name in names for row in self._categories.get(name.casefold(), ())]
        return _members(items.leaf_row, rows, self._n_categories)

    def of_brands(self, names: tuple[str, ...], items: ItemTable) -> NDArray[np.bool_]:
        """Items of any of the brands, bool (n_items,)."""
        rows = [row for name in names for row in self._brands.get(name.casefold(), ())]
        return _members(items.brand_row, rows, self._n_brands)


def _members(values: NDArray[np.int32], rows: list[int], n: int) -> NDArray[np.bool_]:
    """Which values are among `rows`; -1 never is."""
    inside = np.zeros(n + 1, bool)
    inside[rows] = True
    return inside[values]
