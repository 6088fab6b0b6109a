"""The catalogue's arrays: aligned with ids, categories with every level above them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from recsys.catalogue import catalogue_of, normal_title
from recsys.errors import DataError

SCHEMA = pa.schema(
    {
        "item_id": pa.string(),
        "title": pa.string(),
        "category": pa.list_(pa.string()),
        "brand": pa.string(),
        "price": pa.float64(),
        "currency": pa.string(),
        "description": pa.string(),
        "attributes": pa.map_(pa.string(), pa.string()),
        "rating": pa.float64(),
        "rating_count": pa.int64(),
        "available": pa.bool_(),
        "locale": pa.string(),
    }
)


def items(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=SCHEMA)


def test_arrays() -> None:
    """Paths, levels, brands, prices and texts line up with the items."""
    catalogue = catalogue_of(
        items(
            {
                "item_id": "a",
                "title": "Lamp",
                "category": ["Home", "Light", "Desk", "Small"],
                "brand": "Z",
                "price": 2.0,
            },
            {
                "item_id": "b",
                "title": "Mug",
                "category": ["Home"],
                "attributes": [("colour", "red")],
                "available": False,
            },
            {"item_id": "c", "title": "Rug", "brand": "A", "description": "Soft."},
        )
    )
    home, small = (catalogue.category_paths.index(("Home", "Light", "Desk", "Small")[:n]) for n in (1, 4))
    assert len(catalogue.category_paths) == 4
    assert catalogue.leaf_row.tolist() == [small, home, -1]
    assert (catalogue.brands, catalogue.brand_row.tolist()) == (["A", "Z"], [1, -1, 0])
    assert catalogue.available.tolist() == [True, False, True]
    assert catalogue.price[0] == 2.0
    assert np.isnan(catalogue.price[1:]).all()
    assert catalogue.texts == ["Lamp Home Light Desk Small Z", "Mug Home red", "Rug A Soft."]
    assert catalogue.table.num_rows == len(catalogue) == len(catalogue.ids) == 3


def test_titles_that_differ_only_in_form_share_a_row() -> None:
    """Case, spaces and punctuation do not make another title; words do."""
    names = ["Red  mug!", "red MUG", "Red mug, large", "!!", "??"]
    catalogue = catalogue_of(items(*({"item_id": str(n), "title": t} for n, t in enumerate(names))))
    rows = catalogue.title_row.tolist()
    assert rows[0] == rows[1]
    assert len(set(rows)) == 4
    assert normal_title("  STRASSE-Straße ") == "strasse strasse"


def test_an_empty_catalogue_has_shapes() -> None:
    """No items still gives arrays of the right shape."""
    catalogue = catalogue_of(items())
    assert (len(catalogue), catalogue.leaf_row.shape, catalogue.texts) == (0, (0,), [])


def test_unsorted_items_are_refused() -> None:
    """Rows would not mean what other files say they mean."""
    with pytest.raises(DataError, match="ascending"):
        catalogue_of(items({"item_id": "b", "title": "x"}, {"item_id": "a", "title": "y"}))
