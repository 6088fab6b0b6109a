"""Readable names for Complete Journey's upper-case, abbreviated and cut-off product types.

Names come from `complete_journey_names.toml`: whole names first (for a type within its category,
then for a type anywhere), else word by word. A name adds nothing the data do not say.
"""

from __future__ import annotations

import functools
import re
import tomllib
from importlib.resources import files
from typing import Any, Final

UNITS: Final = {
    "OZ": "oz", "OZS": "oz", "LB": "lb", "LBS": "lb", "CT": "ct", "PK": "pack", "GA": "gal",
    "GAL": "gal", "GALON": "gal", "QT": "qt", "PT": "pt", "L": "L", "LT": "L", "LTR": "L",
    "ML": "ml", "DZ": "dozen", "DOZ": "dozen", "G": "g", "GM": "g", "IN": "in", "FT": "ft",
    "YD": "yd", "PC": "pieces", "PCS": "pieces", "SQ FT": "sq ft", "FL OZ": "fl oz",
    "LOAD": "loads", "LOADS": "loads", "LD": "loads", "LDS": "loads", "STEM": "stems",
    "STEMS": "stems", "PKS": "pack",
}  # fmt: skip
"""Unit as printed -> unit as written; a size in any other unit is not shown."""

_NUMBER: Final = r"(?:\d+ \d+/\d+|\d+/\d+|\d*\.\d+|\d+)"
_ONE: Final = re.compile(rf"(?:[LNB] +)?({_NUMBER}) *([A-Z]+(?: [A-Z]+)?)\.?")
_MANY: Final = re.compile(rf"(\d+) ?(?:(PK|CT|P)[/ ]|-|/| - ) ?({_NUMBER}) *(OZ|O|Z|ML|L|LT)?")
_EACH: Final = re.compile(rf"({_NUMBER}) *(OZ|ML|L|LT)/ ?(\d+) *(PK|CT)")
_WEIGHED: Final = ("PRODUCE", "MEAT", "SEAFOOD", "SALAD BAR", "FLORAL")
"""Departments that sell loose goods: their large sizes are the supplier's case, not what is bought."""
_RETAIL_LB: Final = 5.0
_CUT_AT: Final = 30
"""The source cuts names at this length."""


_ANIMALS: Final = ("BEEF", "PORK", "LAMB", "VEAL", "TURKEY", "CHICKEN")
_SAYS_NOTHING: Final = ("", "Other", "Internal", "External", "Seasonal", "Novelties", "Decor")


def department_name(department: str) -> str:
    """Readable department; unknown ones in title case."""
    return str(_names()["departments"].get(department) or _title_case(_words(department)))


def category_name(category: str) -> str:
    """Readable category, or an empty text where the data name none."""
    return str(_names()["categories"].get(category) or _title_case(_words(category)))


def type_name(category: str, kind: str) -> str:
    """Readable product type; falls back to the category where the type is missing."""
    if not kind:
        return category_name(category)
    within = _names()["types_in"].get(category, {})
    given = within.get(kind) or _names()["types"].get(kind)
    if given:
        return str(given)
    name = _words(kind)
    if name in _SAYS_NOTHING:
        return f"{name or 'Other'}: {category_name(category)}" if category else name
    if category in _ANIMALS and category not in kind:  # a cut without its animal
        return f"{category.capitalize()}, {name[:1].lower()}{name[1:]}"
    return name


def title_text(category: str, kind: str, *, size: str | None, store_brand: bool) -> str:
    """Item title, such as "String cheese, 12 oz, store brand"."""
    parts = [type_name(category, kind), size, "store brand" if store_brand else None]
    return ", ".join(p for p in parts if p)


def size_text(package_size: str, *, department: str) -> str | None:
    """Package size such as "12 oz" or "6 x 4 oz"; null where it says nothing about what is bought."""
    text = re.sub(r"\s+", " ", package_size.strip().upper())
    text = re.sub(r" (?:CAN|BTL|BAG|PET|NR|LNNR|LOOSE|AEROS?|CN|REFIL|SL|FM|AVGWT)$", "", text)
    text = re.sub(r"\((?:\d+)\) ?", "", text)
    if text in UNITS and text not in ("L", "PK", "IN", "FT"):
        text = f"1 {text}"
    each, many, one = _EACH.fullmatch(text), _MANY.fullmatch(text), _ONE.fullmatch(text)
    if each:
        return _pack(each[3], each[1], each[2])
    if one and (unit := UNITS.get(one[2])):
        return _single(one[1], unit, loose=department in _WEIGHED)
    if many and (many[2] or "/" not in text or "." in many[3] or _is_multipack(many)):
        return _pack(many[1], many[3], many[4] or "OZ") if many[4] else None
    return None


def _is_multipack(many: re.Match[str]) -> bool:
    """Tell 12/12 OZ (twelve of 12 oz) from 1/2 OZ (half an ounce)."""
    return float(many[1]) >= 4


def _pack(count: str, amount: str, unit: str) -> str | None:
    each = _decimal(amount)
    if each is None or not 1 < int(count) <= 60:
        return None
    return f"{int(count)} x {each} {UNITS[{'O': 'OZ', 'Z': 'OZ'}.get(unit, unit)]}"


def _single(amount: str, unit: str, *, loose: bool) -> str | None:
    number = _decimal(amount)
    if number is None or float(number) > 2_000:  # an internal code, not an amount
        return None
    if loose and (unit in ("ct", "dozen") or (unit == "lb" and float(number) > _RETAIL_LB)):
        return None
    if unit in ("ct", "pack", "pieces", "loads", "stems"):
        if float(number) != int(float(number)) or float(number) < 1:
            return None
        if number == "1":
            return {"stems": "1 stem"}.get(unit)
        return f"{number}-pack" if unit == "pack" else f"{number} {unit.replace('ct', 'count')}"
    return f"{number} {unit}"


def _decimal(amount: str) -> str | None:
    """Turn "8 1/2", ".5" or "014.0" into a plain number; null for zero."""
    whole, _, fraction = amount.rpartition(" ")
    value = float(whole or 0)
    if "/" in fraction:
        over, under = fraction.split("/")
        if not int(under):
            return None
        value += int(over) / int(under)
    else:
        value += float(fraction)
    return f"{round(value, 3):g}" if value else None


def _title_case(text: str) -> str:
    return " ".join(w if w in ("and", "or", "with") else w[:1].upper() + w[1:] for w in text.split())


def _words(text: str) -> str:
    """Expand word by word and put into sentence case; a word the source cut off is left out."""
    table = _names()
    if len(text) == _CUT_AT and "(" not in text:
        text = re.sub(r"[\s/,-]+\S*$", "", text)
    head = next((p for p in table["prefixes"] if text.startswith(p)), "")
    tail = next((s for s in table["suffixes"] if text.endswith(s)), "")
    body = text[len(head) : len(text) - len(tail)]
    body = re.sub(r"\(.*$", "", body)  # brackets hold brand lists, mostly cut off
    body = re.sub(r"\bN/A\b", "", body.replace("*", "")).replace(" S ", "'S ").replace("&", " & ")
    body = body.replace("W/O", "without").replace("W/", "with ")
    words = re.split(r"([\s/,;:&-]+)", body)
    joined = "".join(table["words"].get(w, w.lower()) for w in words)
    joined = re.sub(r"\s*/\s*", " or ", joined.replace(" & ", " and "))
    joined = re.sub(r"\s*[:;]\s*|\s+-\s*|\s*-\s+", ", ", joined)
    joined = table["prefixes"].get(head, "") + joined.strip(" -,") + table["suffixes"].get(tail, "")
    joined = re.sub(r"\s+", " ", joined).strip(" -,&")
    return joined[:1].upper() + joined[1:]


@functools.cache
def _names() -> dict[str, Any]:
    data = files("offline_jobs.datasets").joinpath("complete_journey_names.toml")
    return tomllib.loads(data.read_text(encoding="utf-8"))
