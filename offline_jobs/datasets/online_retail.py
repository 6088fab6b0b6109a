"""Online Retail (UCI): the raw invoice lines of one UK web shop, 2010-12 to 2011-12.

A line of an invoice "C…" takes goods back. It marks the buyer's latest earlier purchases of the item
as cancelled **at the time of the cancellation**, so that a model built in between still sees them
(docs/decisions/0002-cancellations.md). Times are the shop's local times, read as UTC.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import ibis
import pyarrow as pa
from ibis.backends import BaseBackend
from ibis.expr.types import Table

from offline_jobs.datasets import RawLog, need_path, read_options
from recsys.errors import SchemaError

PRODUCT_CODE: Final = r"^([0-9]{5}[A-Z]{0,2}|DCGS.*)$"
"""Stock codes of goods. All others are postage, fees, discounts, vouchers, samples or corrections."""

COLUMNS: Final = (
    "InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OnlineRetailOptions:
    """The data set has no options."""


def load(con: BaseBackend, path: Path | None, options: Mapping[str, Any]) -> RawLog:
    """Map `online_retail.parquet`, given as file or as the folder holding it."""
    read_options(OnlineRetailOptions, "online_retail", options)
    source = need_path("online_retail", path, "online_retail.parquet or its folder")
    raw = con.read_parquet(source / "online_retail.parquet" if source.is_dir() else source)
    missing = [c for c in COLUMNS if c not in raw.columns]
    if missing:
        raise SchemaError(
            f"{source} lacks {', '.join(missing)}; it has {', '.join(raw.columns)}; "
            "expected the raw Online Retail lines"
        )
    lines = con.create_table("lines", _lines(raw))
    marks = con.create_table("marks", _net(_returned_goods(lines)))
    return RawLog(
        name="online_retail",
        events=_events(lines, marks),
        items=_items(con, lines),
        currency="GBP",
        locale="en-GB",
    )


def _lines(raw: Table) -> Table:
    """One row a line: identical lines are real and told apart by their occurrence number."""
    code = raw.StockCode.upper()
    nth = ibis.row_number().over(
        group_by=[raw.InvoiceNo, code],
        order_by=[raw.InvoiceDate, raw.CustomerID, raw.Quantity, raw.UnitPrice, raw.Description],
    )
    goods = code.re_search(PRODUCT_CODE)
    back = raw.InvoiceNo.startswith("C") & (raw.Quantity < 0)
    return raw.select(
        event_id=raw.InvoiceNo + "-" + code + "-" + (nth + 1).cast("string"),
        invoice=raw.InvoiceNo,
        user_id=raw.CustomerID.cast("int64").cast("string"),
        item_id=code,
        event_time=raw.InvoiceDate.cast("timestamp('UTC', 6)"),
        quantity=raw.Quantity.cast("float64"),
        price=raw.UnitPrice.cast("float64"),
        description=raw.Description,
        goods=goods.fill_null(False),
        back=back.fill_null(False),
    )


def _returned_goods(lines: Table) -> list[dict[str, Any]]:
    """Lines of every (user, item) with a cancellation, oldest first; purchases before returns."""
    usable = lines.filter(lines.goods & lines.user_id.notnull() & (lines.back | (lines.quantity > 0)))
    touched = usable.filter(usable.back).select("user_id", "item_id").distinct()
    rows = usable.semi_join(touched, ["user_id", "item_id"])
    ordered = rows.order_by(["event_time", "back", "event_id"])
    columns = ("event_id", "user_id", "item_id", "event_time", "quantity", "back")
    found: list[dict[str, Any]] = ordered.select(*columns).to_pyarrow().to_pylist()
    return found


def _net(lines: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Allot cancelled units to the latest earlier purchases of the same user and item.

    Returns `event_id` with either `cancelled_time`, for a purchase none of which is left, or
    `refused_as`, for a cancellation. A purchase cancelled in part stays as it was ordered.
    """
    open_purchases: dict[tuple[str, str], list[list[Any]]] = defaultdict(list)
    marks: list[dict[str, Any]] = []
    for line in lines:
        stack = open_purchases[line["user_id"], line["item_id"]]
        if not line["back"]:
            stack.append([line["event_id"], line["quantity"]])
            continue
        units, matched = -line["quantity"], False
        while units > 0 and stack:
            matched = True
            purchase = stack[-1]
            taken = min(units, purchase[1])
            units -= taken
            purchase[1] -= taken
            if purchase[1] <= 0:
                stack.pop()
                marks.append({"event_id": purchase[0], "cancelled_time": line["event_time"]})
        reason = "cancelled" if matched else "cancellation_without_purchase"
        marks.append({"event_id": line["event_id"], "mark": reason})
    schema = pa.schema(
        {
            "event_id": pa.string(),
            "cancelled_time": pa.timestamp("us", "UTC"),
            "mark": pa.string(),
        }
    )
    return pa.Table.from_pylist(marks, schema=schema)


def _events(lines: Table, marks: Table) -> Table:
    joined = lines.left_join(marks, "event_id").drop("event_id_right")
    refused = ibis.cases(
        (~joined.goods, "not_a_product"),
        (joined.mark.notnull(), joined.mark),
        else_=ibis.null("string"),
    )
    return joined.select(
        "event_id",
        "user_id",
        "item_id",
        "event_time",
        "quantity",
        "cancelled_time",
        event_type=ibis.literal("purchase"),
        price=joined.price.nullif(0.0),  # a free sample: what it is worth is not known
        session_id=joined.invoice,
        refused_as=refused,
    )


def _items(con: BaseBackend, lines: Table) -> Table:
    """Catalogue from the paid lines of goods: no categories or brands, for the data name none."""
    sold = lines.filter(lines.goods & (lines.quantity > 0) & (lines.price > 0))
    prices = sold.group_by("item_id").agg(unit_price=sold.price.median().round(2))
    counted = sold.group_by(["item_id", "description"]).agg(n=sold.count())
    best = ibis.row_number().over(
        group_by=counted.item_id,
        order_by=[ibis.desc(counted.n), ibis.desc(counted.description.length()), counted.description],
    )
    ranked = counted.mutate(at=best)
    chosen = ranked.filter(ranked["at"] == 0).select("item_id", "description").order_by("item_id")
    rows = chosen.to_pyarrow()
    titles = [readable_title(d or "") or None for d in rows["description"].to_pylist()]
    titled = pa.table({"item_id": rows["item_id"].cast(pa.string()), "title": pa.array(titles, pa.string())})
    return (
        con.create_table("titles", titled).inner_join(prices, "item_id").select("item_id", "title", price="unit_price")
    )


_SMALL: Final = {"and", "of", "in", "with", "for", "the", "to", "a", "on", "or", "at", "by", "from"}
_KEPT: Final = {"LED", "USB", "UK", "TV", "CD", "3D", "BBQ", "EU", "DIY"}


def readable_title(description: str) -> str:
    """Turn "SET/6 RED  SPOTTY CUPS" into "Set of 6 Red Spotty Cups"."""
    text = re.sub(r"\s+", " ", description.strip(" .,*"))
    text = re.sub(r"\b(SET|S|PACK|BOX|PK)\s?/\s?(\d+)\b", _set_of, text)
    words = [_cased(w, first=at == 0) for at, w in enumerate(re.split(r"([ \-/+(&,.])", text))]
    return re.sub(r",(?=[^\s\d])", ", ", "".join(words))


def _set_of(match: re.Match[str]) -> str:
    unit = {"S": "SET", "PK": "PACK"}.get(match[1], match[1])
    return f"{unit} OF {match[2]}"


def _cased(word: str, *, first: bool) -> str:
    if word.upper() in _KEPT or (word != word.upper() and word != word.lower()):
        return word
    lower = word.lower()
    if lower in _SMALL and not first:
        return lower
    if re.fullmatch(r"\d+[a-z0-9.]*", lower):  # 45x30cm, 500g
        return lower
    return re.sub(r"[a-z]", lambda m: m[0].upper(), lower, count=1)
