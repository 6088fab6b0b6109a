"""The items of a log as aligned arrays and texts; an item's row is the position of its id, ascending."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys.errors import DataError
from recsys.events import ITEMS_FILE, read_columns
from recsys.ids import IdMap
from recsys.schema import ITEM_COLUMNS


@dataclass(frozen=True, slots=True)
class Catalogue:
    """n items; everything is aligned with their rows.

    Attributes
    ----------
    table : the canonical item columns, one row an item
    ids : row <-> item_id, ids ascending
    titles : per item
    price : float32, in the item's currency, NaN where unknown
    available : bool
    category_paths : every category and every one above it, ascending
    leaf_row : int32, the item's own category in `category_paths`, -1 without one
    brands : distinct names, ascending
    brand_row : int32, position in `brands`, -1 without one
    title_row : int32, equal for items whose titles differ only in case, spaces or punctuation
    head_row : int32, equal for items whose titles start with the same word
    texts : what content similarity reads: title, path, brand, attributes, description
    """

    table: pa.Table
    ids: IdMap
    titles: list[str]
    price: NDArray[np.float32]
    available: NDArray[np.bool_]
    category_paths: list[tuple[str, ...]]
    leaf_row: NDArray[np.int32]
    brands: list[str]
    brand_row: NDArray[np.int32]
    title_row: NDArray[np.int32]
    head_row: NDArray[np.int32]
    texts: list[str]

    def __len__(self) -> int:
        return len(self.titles)


def read_catalogue(log_dir: Path | str) -> Catalogue:
    """Read a log's items; raises `DataError` where the file is missing or not in id order."""
    return catalogue_of(read_columns(Path(log_dir) / ITEMS_FILE, tuple(ITEM_COLUMNS)))


def catalogue_of(items: pa.Table) -> Catalogue:
    """Build the arrays from a table in canonical item columns, sorted by `item_id`."""
    ids: list[str] = items["item_id"].to_pylist()
    if any(a >= b for a, b in itertools.pairwise(ids)):
        raise DataError("items are not in ascending order of item_id; ingest the log again")
    titles: list[str] = items["title"].to_pylist()
    names: list[str | None] = items["brand"].to_pylist()
    paths = [tuple(step for step in path or () if step) for path in items["category"].to_pylist()]
    category_paths = sorted({prefix for path in set(paths) for prefix in _prefixes(path)})
    row_of = {path: row for row, path in enumerate(category_paths)}
    brands = sorted({name for name in names if name is not None})
    brand_of: dict[str | None, int] = {name: row for row, name in enumerate(brands)}
    return Catalogue(
        table=items,
        ids=IdMap.build(ids),
        titles=titles,
        price=items["price"].cast(pa.float32()).fill_null(float("nan")).to_numpy(),
        available=items["available"].fill_null(True).to_numpy(),
        category_paths=category_paths,
        leaf_row=np.array([row_of.get(path, -1) for path in paths], np.int32),
        brands=brands,
        brand_row=np.array([brand_of.get(name, -1) for name in names], np.int32),
        title_row=_title_rows(titles),
        head_row=_head_rows(titles),
        texts=_texts(items),
    )


def normal_title(title: str) -> str:
    """Case-folded words of a title, without punctuation and with single spaces."""
    return re.sub(r"[\W_]+", " ", title.casefold()).strip()


def _prefixes(path: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [path[: depth + 1] for depth in range(len(path))]


def _title_rows(titles: Sequence[str]) -> NDArray[np.int32]:
    """A title of punctuation alone stands for itself."""
    keys = [normal_title(t) or t for t in titles]
    row_of = {key: row for row, key in enumerate(sorted(set(keys)))}
    return np.array([row_of[k] for k in keys], np.int32)


def _head_rows(titles: Sequence[str]) -> NDArray[np.int32]:
    """Rows of first words; a title of punctuation alone stands for itself."""
    heads = [(normal_title(t) or t).split(" ", 1)[0] for t in titles]
    row_of = {head: row for row, head in enumerate(sorted(set(heads)))}
    return np.array([row_of[h] for h in heads], np.int32)


def _texts(items: pa.Table) -> list[str]:
    columns = ("title", "category", "brand", "attributes", "description")
    rows = zip(*(items[c].to_pylist() for c in columns), strict=True)
    return [" ".join(_words(*row)) for row in rows]


def _words(
    title: str,
    category: Sequence[str] | None,
    brand: str | None,
    attributes: Sequence[tuple[str, str | None]] | None,
    description: str | None,
) -> list[str]:
    values: list[Any] = [title, *(category or ()), brand, *(v for _, v in attributes or ()), description]
    return [v for v in values if v]
