"""The fact sheet: everything that may be said of an item, and nothing else.

Facts come from title, brand, category and attributes. Price, stock and discount never become
facts (they change between writing and reading), nor does a description: it is advertising.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from copywriter import quantities, words
from copywriter.lexicon.materials import (
    COLOURS,
    CONTEXT_BARS,
    MATERIALS,
    NOT_A_BRAND,
    SHADES,
    STORE_BRAND,
)
from copywriter.lexicon.restricted import is_restricted
from copywriter.lexicon.sensitive import is_sensitive
from copywriter.naming import spoken_category, spoken_name
from copywriter.untrusted import clean, is_hostile, is_quotable

MAX_TITLE_CHARS = 300
MAX_LEVELS = 8
MAX_ATTRIBUTES = 20
MIN_RATINGS = 20
PASSING_FACTS = frozenset(("rating.count",))
"""Ids of facts that change with every visitor: no part of the hash, so copy that cites one is not kept."""

_INCHES = re.compile(r"(?<=\d)\s?(?:\"|'')\s?(?=\w)|(?<=\d)\s?(?:\"|'')")
_SHORT_VALUE = re.compile(r"[\w .,+/×-]{1,16}")
"""A value without words that may be said: "2+", "5-7", "9.5 x 4"."""
_SEGMENT = re.compile(r"[,()\[\]]|\s[-–]\s?")


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that may be said: `text` as said, `value` and `unit` normalised, `source` its column."""

    id: str
    kind: str
    text: str
    value: str | float | None
    unit: str | None
    source: str


@dataclass(frozen=True, slots=True)
class FactSheet:
    """All facts of one item.

    `name` and `noun` are the spoken title and category ("" where none may be spoken);
    `path` is the cleaned category path;
    `sensitive` forbids linking the item to the person, `restricted` forbids promoting it at all (tobacco, alcohol);
    `fact_hash` changes when a fact does.
    """

    item_id: str
    name: str
    noun: str
    path: tuple[str, ...]
    facts: tuple[Fact, ...]
    sensitive: bool
    restricted: bool
    locale: str
    fact_hash: str

    def of_kind(self, kind: str) -> tuple[Fact, ...]:
        """The facts of one kind, in sheet order."""
        return tuple(fact for fact in self.facts if fact.kind == kind)

    def text_of(self, kind: str) -> str:
        """The first fact's text of that kind, or ""."""
        return next((fact.text for fact in self.facts if fact.kind == kind), "")


def fact_sheet(item: Mapping[str, object]) -> FactSheet:
    """Read an item mapping (item columns; any may be missing, None, NaN or hostile)."""
    title = _INCHES.sub("-inch ", clean(item.get("title"), max_chars=MAX_TITLE_CHARS)).strip()
    path = _levels(item.get("category"))
    facts: list[Fact] = []
    if title:
        facts.append(Fact("title", "title", title, None, None, "title"))
    facts += _brand(clean(item.get("brand"), max_chars=60))
    facts += [Fact(f"category.{at}", "category", level, None, None, "category") for at, level in enumerate(path)]
    attributes = _attributes(item.get("attributes"))
    facts += attributes
    texts = [("title", title), *((fact.id, fact.text) for fact in attributes)]
    facts += _quantities(texts, attributes)
    brand = facts[1].text if len(facts) > 1 and facts[1].kind == "brand" else ""
    facts += _materials(_without(title, brand), attributes)
    facts += _rating(item.get("rating"), item.get("rating_count"))
    return FactSheet(
        item_id=clean(item.get("item_id"), max_chars=200),
        name=""
        if is_hostile(item.get("title"))
        else spoken_name(title, brand=next((f.text for f in facts if f.kind == "brand"), "")),
        noun=next((noun for noun in map(spoken_category, reversed(path)) if noun), ""),
        path=path,
        facts=tuple(facts),
        sensitive=is_sensitive(title) or any(map(is_sensitive, path)),
        restricted=is_restricted(title, path),
        locale=clean(item.get("locale"), max_chars=20),
        fact_hash=_digest(facts),
    )


def _digest(facts: Iterable[Fact]) -> str:
    rows = [[f.id, f.kind, f.text, f.value, f.unit] for f in facts if f.id not in PASSING_FACTS]
    body = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _levels(category: object) -> tuple[str, ...]:
    if isinstance(category, str):
        category = category.split(" > ")
    if not isinstance(category, Iterable) or isinstance(category, (bytes, Mapping)):
        return ()
    levels = []
    for level in islice(category, 3 * MAX_LEVELS):
        text = clean(level, max_chars=80)
        if text and is_quotable(text):
            levels.append(text)
        if len(levels) == MAX_LEVELS:
            break
    return tuple(levels)


def _brand(brand: str) -> list[Fact]:
    low = brand.lower()
    if low in STORE_BRAND:
        return [Fact("label", "label", "store brand", "store brand", None, "brand")]
    if not brand or low in NOT_A_BRAND or not _nameable(brand):
        return []
    return [Fact("brand", "brand", brand, low, None, "brand")]


def _nameable(brand: str) -> bool:
    return is_quotable(brand) or (1 < len(brand) <= 4 and brand.isalnum())


def _attributes(attributes: object) -> list[Fact]:
    if not isinstance(attributes, Mapping):
        try:
            attributes = dict(attributes) if isinstance(attributes, (list, tuple)) else {}
        except (TypeError, ValueError):
            return []
    facts = []
    for key, value in list(attributes.items())[:MAX_ATTRIBUTES]:
        name = clean(key, max_chars=40).replace("_", " ").strip().lower()
        text = clean(value, max_chars=80)
        if not name or not text or not is_quotable(name) or not _quotable_value(text):
            continue
        facts.append(Fact(f"attribute.{name}", "attribute", text, name, None, "attributes"))
    return facts


def _quotable_value(text: str) -> bool:
    return (
        is_quotable(text) or bool(quantities.parse(text)) or text.isalnum() or _SHORT_VALUE.fullmatch(text) is not None
    )


def _quantities(texts: list[tuple[str, str]], attributes: list[Fact]) -> list[Fact]:
    facts: list[Fact] = []
    seen: list[quantities.Quantity] = []
    found = [(source, one) for source, text in texts for one in quantities.parse(text)]
    for fact in attributes:  # "weight g": "280" states its unit in the key
        if fact.text.replace(".", "", 1).isdecimal():
            unit = str(fact.value).split(" ")[-1]
            found += [(fact.id, one) for one in quantities.parse(f"{fact.text} {unit}")]
    for source, one in found:
        if any(one.same_as(other) for other in seen):
            continue
        seen.append(one)
        column = "title" if source == "title" else "attributes"
        kind = "count" if one.dimension in ("count", "pack") else "quantity"
        value = one.base if kind == "count" else one.amount
        name = f"{kind}.{len(seen)}" if source == "title" else f"{kind}.{source.partition('.')[2]}.{len(seen)}"
        facts.append(Fact(name, kind, quantities.shown(one), value, one.unit, column))
    return facts


def _without(title: str, brand: str) -> str:
    """`title` less its brand: a pen by "Silk Road" is not of silk."""
    return re.sub(rf"\b{re.escape(brand)}\b", " ", title, flags=re.I) if brand else title


def _materials(title: str, attributes: list[Fact]) -> list[Fact]:
    """Colours and materials. A title's colour must stand alone (", Navy Blue,"): "cream" may be one, or not."""
    facts: dict[str, Fact] = {}
    for part in _SEGMENT.split(title)[1:]:
        _add_colour(facts, part, "title")
    for fact in attributes:
        if fact.value in ("color", "colour", "shade"):
            _add_colour(facts, fact.text, "attributes", stated=True)
    sources = [("title", title)]
    sources += [("attributes", f.text) for f in attributes if f.value in ("material", "fabric")]
    for column, text in sources:
        found = words.split(text)
        for at, word in enumerate(found):
            low = word.text.lower()
            around = {w.text.lower() for w in found[max(0, at - 1) : at + 2]}
            barred = bool(around & CONTEXT_BARS) or (at > 0 and found[at - 1].lemma == "for")
            if low in MATERIALS and not barred:
                key = f"material.{low}"
                if key not in facts or column == "attributes":
                    facts[key] = Fact(key, "material", low, low, None, column)
    return list(facts.values())


def _add_colour(facts: dict[str, Fact], text: str, column: str, *, stated: bool = False) -> None:
    low = " ".join(text.lower().split())
    parts = low.split()
    known = bool(parts) and parts[-1] in COLOURS and set(parts[:-1]) <= SHADES | COLOURS
    if len(parts) <= 3 and (known or (stated and low.replace(" ", "").replace("-", "").isalpha())):
        facts.setdefault(f"colour.{low}", Fact(f"colour.{low}", "colour", low, low, None, column))


def _rating(rating: object, count: object) -> list[Fact]:
    try:
        stars, n_ratings = float(str(rating)), float(str(count))
    except ValueError:
        return []
    if not 0 < stars <= 5 or not n_ratings >= MIN_RATINGS:
        return []
    return [
        Fact("rating", "rating", f"{stars:.1f} out of 5", round(stars, 1), "stars", "rating"),
        Fact("rating.count", "ratings", f"{n_ratings:.0f} ratings", n_ratings, "ratings", "rating_count"),
    ]
