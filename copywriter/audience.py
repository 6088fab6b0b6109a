"""From a profile to at most five coarse traits that nobody would mind being told about.

Allowed: categories shopped often, a brand chosen often, a liking for the familiar or the new, and
the category behind a slate's reason. Never: age, income, family, health, diet, faith (see
`lexicon/sensitive.py`), price behaviour, hours, dates, counts, searches, single purchases.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from copywriter.facts import FactSheet
from copywriter.lexicon.materials import NOT_A_BRAND, STORE_BRAND
from copywriter.lexicon.sensitive import is_sensitive
from copywriter.naming import spoken_category
from copywriter.untrusted import clean, is_quotable

PATH_SEPARATOR: Final = " > "
MAX_TRAITS: Final = 5
MAX_CATEGORIES: Final = 3
MIN_CATEGORY_SHARE: Final = 0.05
MIN_BRAND_SHARE: Final = 0.10
MIN_EVENTS: Final = 5
REPEATS: Final = 0.5
EXPLORES: Final = 0.1
DEPARTMENT_WORDS: Final = frozenset({"health", "drug"})
"""Sensitive words that in a root level only name a department ("Health & Beauty")."""


@dataclass(frozen=True, slots=True)
class Trait:
    """A coarse liking: `id` is "kind:value" (kind: category, because, brand, habit), `text` says it."""

    id: str
    text: str

    @property
    def kind(self) -> str:
        """The part of the id before the colon."""
        return self.id.partition(":")[0]

    @property
    def value(self) -> str:
        """The part of the id after the colon: a category path, a brand or a habit."""
        return self.id.partition(":")[2]


def traits(
    profile: Mapping[str, object],
    *,
    reasons: Sequence[tuple[str, str]] = (),
    min_users: int = 0,
    trait_users: Mapping[str, int] | None = None,
) -> tuple[Trait, ...]:
    """The traits copy may use, strongest first.

    Parameters
    ----------
    profile
        The recommender's coarse profile; anything missing or malformed yields no trait.
    reasons
        The slate's true reasons as (code, category path of the evidence item).
    min_users, trait_users
        With both, a trait id shared by fewer than `min_users` users is not used.
    """
    found: list[Trait] = []
    n_events = _number(profile.get("n_events"), default=0.0)
    if profile.get("status", "known") == "known" and n_events >= MIN_EVENTS:
        found += _categories(profile.get("top_categories"))
        found += _brands(profile.get("top_brands"))
        found += _habits(_number(profile.get("repeat_share"), default=-1.0), n_events)
    found += _because(reasons)
    kept: dict[str, Trait] = {}
    for trait in found:
        rare = trait_users is not None and trait_users.get(trait.id, 0) < min_users
        if not rare:
            kept.setdefault(trait.id, trait)
    return tuple(kept.values())[:MAX_TRAITS]


def relevant(sheet: FactSheet, found: Sequence[Trait]) -> tuple[Trait, ...]:
    """The traits that touch this item, the most specific first; none for a sensitive item.

    Copy sees only these: what has nothing to do with the item is nobody's business.
    """
    if sheet.sensitive:
        return ()
    path = [level.lower() for level in sheet.path]
    names = {sheet.text_of("brand").lower(), sheet.text_of("label").lower()} - {""}
    matched: list[tuple[int, Trait]] = []
    for trait in found:
        levels = [level.lower() for level in trait.value.split(PATH_SEPARATOR)]
        if trait.kind == "category" and levels == path[: len(levels)]:
            matched.append((-len(levels) - 10, trait))
        elif trait.kind == "brand" and trait.value.lower() in names:
            matched.append((-10, trait))
        elif trait.kind == "because" and levels[:2] == path[: len(levels[:2])]:
            matched.append((-5, trait))
        elif trait.kind == "habit":
            matched.append((0, trait))
    return tuple(trait for _, trait in sorted(matched, key=lambda row: row[0]))


def category_trait(path: object, *, kind: str = "category") -> Trait | None:
    """A trait of a category path, or None if the path is sensitive or cannot be said."""
    levels = [clean(level, max_chars=80) for level in str(path or "")[:600].split(PATH_SEPARATOR)]
    levels = [level for level in levels if level][:8]
    if not levels:
        return None
    root = " ".join(w for w in levels[0].split() if w.lower() not in DEPARTMENT_WORDS)
    checked = [root if len(levels) > 1 else levels[0], *levels[1:]]
    noun = spoken_category(levels[-1])
    if not noun or any(map(is_sensitive, checked)):
        return None
    verb = "recently looked at" if kind == "because" else "often shops for"
    return Trait(f"{kind}:{PATH_SEPARATOR.join(levels)}", f"{verb} {noun}")


def _categories(rows: object) -> list[Trait]:
    found: list[Trait] = []
    for path, share in _pairs(rows):
        trait = category_trait(path) if share >= MIN_CATEGORY_SHARE else None
        if trait is not None:
            found.append(trait)
    return found[:MAX_CATEGORIES]


def _brands(rows: object) -> list[Trait]:
    for name, share in _pairs(rows):
        brand = clean(name, max_chars=40)
        low = brand.lower()
        if share < MIN_BRAND_SHARE or not brand or is_sensitive(brand):
            continue
        if low in STORE_BRAND:
            return [Trait("brand:store brand", "often picks store brands")]
        if low not in NOT_A_BRAND and is_quotable(brand):
            return [Trait(f"brand:{brand}", f"often picks {brand}")]
    return []


def _habits(repeat_share: float, n_events: float) -> list[Trait]:
    if repeat_share >= REPEATS:
        return [Trait("habit:repeat", "likes to come back to favourites")]
    if 0 <= repeat_share <= EXPLORES and n_events >= 4 * MIN_EVENTS:
        return [Trait("habit:explore", "likes to try something different")]
    return []


def _because(reasons: Sequence[tuple[str, str]]) -> list[Trait]:
    found = [category_trait(path, kind="because") for _code, path in reasons if path]
    return [trait for trait in found if trait is not None][:1]


def _pairs(rows: object) -> list[tuple[object, float]]:
    if not isinstance(rows, (list, tuple)):
        return []
    return [
        (row[0], _number(row[1], default=0.0)) for row in rows[:20] if isinstance(row, (list, tuple)) and len(row) == 2
    ]


def _number(value: object, *, default: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        return default
    return float(value)
