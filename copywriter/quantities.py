"""Amounts with units, read from free text and compared in base units (g, ml, mm, count).

Ambiguous forms ("12/8.3 oz", "12/20 ct") yield nothing: a number that may be wrong is no fact.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_UNIT_ROWS = (
    ("mass", "g", 1.0, "g gram grams"),
    ("mass", "kg", 1000.0, "kg kilo kilos kilogram kilograms"),
    ("mass", "mg", 0.001, "mg milligram milligrams"),
    ("mass", "oz", 28.349523, "oz ounce ounces"),
    ("mass", "lb", 453.59237, "lb lbs pound pounds"),
    ("volume", "ml", 1.0, "ml milliliter milliliters millilitre millilitres"),
    ("volume", "cl", 10.0, "cl"),
    ("volume", "L", 1000.0, "l liter liters litre litres ltr"),
    ("volume", "fl oz", 29.573530, "floz"),
    ("volume", "pt", 473.17647, "pt pint pints"),
    ("volume", "qt", 946.35295, "qt quart quarts"),
    ("volume", "gal", 3785.4118, "gal ga gallon gallons"),
    ("length", "mm", 1.0, "mm millimeter millimeters"),
    ("length", "cm", 10.0, "cm centimeter centimeters"),
    ("length", "m", 1000.0, "meter meters metre metres"),
    ("length", "in", 25.4, 'inch inches "'),
    ("length", "ft", 304.8, "ft foot feet"),
    ("length", "yd", 914.4, "yd yds yard yards"),
    ("count", "count", 1.0, "ct count pc pcs piece pieces ea each"),
    ("pack", "pack", 1.0, "pack packs pk pks"),
    ("percent", "%", 1.0, "% percent"),
    ("power", "w", 1.0, "w watt watts"),
    ("voltage", "v", 1.0, "v volt volts"),
    ("memory", "gb", 1.0, "gb"),
    ("charge", "mah", 1.0, "mah"),
)
_UNITS: dict[str, tuple[str, str, float]] = {
    spelling: (dimension, unit, factor)
    for dimension, unit, factor, spellings in _UNIT_ROWS
    for spelling in spellings.split()
}
"""Spelling -> (dimension, unit as shown, factor to the dimension's base unit)."""

_AMOUNT = (
    r"(?P<n>\d{1,3}(?:,\d{3})+(?!\d)|\d{1,4}[ -]\d{1,2}/\d{1,2}(?![\d.])|\d{1,2}/\d{1,2}(?![\d.])"
    r"|\d{0,6}\.\d{1,3}(?![\d.])|\d{1,6}(?![\d.,]*\d))"
)
_START = r"(?<![\d.\w])(?<!\d/)(?<!\d,)(?<!\d-)"
_NAMES = "|".join(sorted((re.escape(unit) for unit in _UNITS if unit.isalpha()), key=len, reverse=True))
_MEASURE = re.compile(
    rf"{_START}{_AMOUNT}(?P<gap>\s?-?\s?)"
    rf"(?:(?P<fl>fl\.?\s?oz|fluid[ -]ounces?)|(?P<u>{_NAMES})|(?P<s>[%\"])|(?P<in>in))"
    r"(?!\w|-\d)",
    re.I,
)
_IN_CLOSE = re.compile(r"\s*(?:[.,;)x/]|$|by\b|wide\b|long\b|diameter\b)", re.I)
_DIMENSIONS = re.compile(r"\s*(?:x\b|in\b|inch|ft\b|feet|cm\b|mm\b)", re.I)
"""After one letter, the sign of a measure ("1/8 W x 324 L inches") and not of watts or litres."""
_NOT_ONE_AMOUNT = re.compile(
    r"\b(?:under|over|up to|above|below|than|least|most|about|approx\.?|approximately|from|holds|max\.?"
    r"|min\.?|minimum|maximum|between|to)\s*$",
    re.I,
)
"""Before an amount: it is a bound ("under 15 lb") or a range, not what the item is."""
_GROUP_OF = re.compile(rf"\b(?P<g>pack|set|box|case|bag|lot|bundle)\s+of\s+{_AMOUNT}(?![\w%\"])", re.I)
_DOZEN = re.compile(rf"{_START}{_AMOUNT}\s?-?\s?dozen\b", re.I)
_LARGER = {"g": "kg", "ml": "L"}
_SHAPES = {"pack": "pack", "set": "set"}
MAX_COUNT = 5000
MAX_AMOUNT = 100_000


@dataclass(frozen=True, slots=True)
class Quantity:
    """`amount` of `unit`; `base` is the amount in the dimension's base unit; text `[start, end)`."""

    amount: float
    unit: str
    dimension: str
    base: float
    text: str
    start: int
    end: int

    def same_as(self, other: Quantity) -> bool:
        """Whether both say the same, up to rounding (0.28 kg = 280 g)."""
        mine, theirs = self.dimension, other.dimension
        if mine != theirs and {mine, theirs} != {"count", "pack"}:
            return False
        if self.unit == other.unit:
            return math.isclose(self.base, other.base, rel_tol=1e-4)
        return math.isclose(self.base, other.base, rel_tol=0.005)


def amount(text: str) -> float | None:
    """The number written in `text` ("1,000", "2-1/4", ".5"), or None if it is ambiguous."""
    plain = text.replace(",", "")
    whole, slash, below = plain.partition("/")
    if not slash:
        return float(plain)
    head, _, above = whole.replace("-", " ").rpartition(" ")
    if not above.isdecimal() or not below.isdecimal():
        return None
    top, bottom = int(above), int(below)
    if bottom not in (2, 3, 4, 5, 8, 16, 32) or top >= bottom or math.gcd(top, bottom) != 1:
        return None
    return (float(head) if head else 0.0) + top / bottom


def _quantity(match: re.Match[str], dimension: str, unit: str, factor: float) -> Quantity | None:
    value = amount(match["n"])
    if value is None or not 0 < value <= MAX_AMOUNT:
        return None
    base = value * factor
    if dimension in ("count", "pack") and (base > MAX_COUNT or base != int(base)):
        return None
    return Quantity(value, unit, dimension, base, match.group(), match.start(), match.end())


def parse(text: str) -> tuple[Quantity, ...]:
    """Every unambiguous quantity of `text`, in order, none overlapping."""
    found = [_quantity(match, "count", "count", 12.0) for match in _DOZEN.finditer(text)]
    found += [
        _quantity(match, "pack", _SHAPES.get(match["g"].lower(), "pack"), 1.0) for match in _GROUP_OF.finditer(text)
    ]
    for match in _MEASURE.finditer(text):
        if _NOT_ONE_AMOUNT.search(text[max(0, match.start() - 16) : match.start()]):
            continue
        if len(match["u"] or "") == 1 and _DIMENSIONS.match(text, match.end()):
            continue
        if match["fl"]:
            unit = "floz"
        elif match["in"]:
            if not _IN_CLOSE.match(text, match.end()) and not match["gap"].strip():
                continue
            unit = "inch"
        else:
            unit = (match["u"] or match["s"]).lower()
        found.append(_quantity(match, *_UNITS[unit]))
    kept: list[Quantity] = []
    for one in sorted((q for q in found if q), key=lambda q: (q.start, -q.end)):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return tuple(kept)


def shown(quantity: Quantity) -> str:
    """`quantity` as a shopper reads it: "14.5 oz", "30-count", "pack of 6"."""
    amount, unit = quantity.amount, quantity.unit
    if unit in _LARGER and amount >= 1000:
        amount, unit = amount / 1000, _LARGER[unit]
    number = f"{amount:g}"
    if quantity.unit == "count":
        return f"{quantity.base:g}-count"
    if quantity.dimension == "pack":
        return f"{'set' if quantity.unit == 'set' else 'pack'} of {quantity.base:g}"
    if quantity.unit == "%":
        return f"{number}%"
    return f"{number} {unit}"
