"""How an item and a trait are put into words, shared by templates and prompts.

Every choice is a function of a hash of item and trait: the same input gives the same wording.
"""

from __future__ import annotations

import hashlib
from typing import Final

from copywriter import quantities, words
from copywriter.audience import PATH_SEPARATOR, Trait
from copywriter.facts import Fact, FactSheet
from copywriter.lexicon import word_set
from copywriter.lexicon.en import CAPITAL
from copywriter.naming import spoken_category

_SAID_UNITS = frozenset(("g", "kg", "oz", "lb", "ml", "cl", "L", "fl oz", "pt", "qt", "gal"))
_MAX_SIZE_CHARS: Final = 20
_MAX_LB: Final = 15.0
"""More pounds than this are a paper's grade or a load more often than a content."""
_CONTENT_KEYS = word_set("size volume contents content net")
"""Attributes whose amount is what one gets; a "weight" is that of the thing."""
_NOT_A_CONTENT = word_set("capacity holds up paper cardstock weight load scale maximum")


def mid_sentence(sheet: FactSheet) -> str:
    """A common noun in lower case ("string cheese"); a name keeps its capitals."""
    first, _, rest = sheet.name.partition(" ")
    plain = first[1:].islower() and first.lower() not in CAPITAL and not sheet.text_of("brand")
    common = rest == rest.lower() if rest else first.lower() == sheet.noun
    if not plain or not common:
        return sheet.name
    low = sheet.name[0].lower() + sheet.name[1:]
    return " ".join(low.replace("&", " and ").split())


def net_content(sheet: FactSheet) -> str:
    """The net weight or volume, if there is just one that can be meant."""
    said = [
        fact
        for fact in sheet.of_kind("quantity")
        if fact.unit in _SAID_UNITS and (fact.source == "title" or _CONTENT_KEYS & set(fact.id.split(".")))
    ]
    pounds = [fact.value for fact in said if fact.unit == "lb"]
    if any(isinstance(value, float) and value > _MAX_LB for value in pounds):
        return ""
    units = [fact.unit for fact in said]
    if not said or len(set(units)) != len(units):
        return ""
    if set(words.lemmas(sheet.text_of("title"))) & _NOT_A_CONTENT:
        return ""
    return said[0].text


def stated_size(sheet: FactSheet) -> str:
    """The size an attribute states: an amount ("24 cm"), or a name ("size A5")."""
    text = only(tuple(fact for fact in sheet.of_kind("attribute") if fact.value == "size"))
    if not text or len(text) > _MAX_SIZE_CHARS:
        return ""
    found = quantities.parse(text)
    if len(found) == 1 and found[0].text == text and not text.endswith("pieces"):
        return quantities.shown(found[0])
    if found or " " in text:
        return text
    return f"size {text}"


def only(facts: tuple[Fact, ...]) -> str:
    """The text of a fact that has no rival of its kind, or ""."""
    return facts[0].text if len(facts) == 1 else ""


def pools(sheet: FactSheet, used: tuple[Trait, ...]) -> list[tuple[str, str, str]]:
    """(pool, noun, brand) in order of preference."""
    if sheet.restricted:
        return [("restricted", sheet.noun, "")]
    if sheet.sensitive:
        return [("sensitive", "", "")]
    found: list[tuple[str, str, str]] = []
    for trait in used:
        if trait.kind in ("category", "because"):
            levels = trait.value.split(PATH_SEPARATOR)
            whole_shop = len(levels) == 1 and len(sheet.path) > 1  # "Grocery" is no thing to buy
            found.append((trait.kind, "" if whole_shop else spoken_category(levels[-1]), ""))
        elif trait.kind == "brand" and trait.value == "store brand":
            found.append(("store brand", "", trait.value))
        elif trait.kind == "brand":
            found.append(("brand", "", sheet.text_of("brand")))
        elif trait.value in ("repeat", "explore") and seed_of(sheet.item_id, trait.id) % 3 == 0:
            found.append((trait.value, "", ""))
    telling = [pool for pool in found if pool[0] in ("category", "brand", "store brand")]
    if len(telling) > 1 and seed_of(sheet.item_id, "which") % 2:
        found.remove(telling[1])
        found.insert(0, telling[1])
    return [*found, ("neutral", sheet.noun, "")]


def repeats_name(noun: str, sheet: FactSheet) -> bool:
    """Whether the noun says all the name says: "Shopping for bananas? Consider bananas." is no advice."""
    return set(words.lemmas(noun)) >= set(words.lemmas(sheet.name))


def rotate(rows: tuple[str, ...], seed: int) -> list[str]:
    """`rows` starting at a place chosen by `seed`."""
    at = seed % len(rows)
    return [*rows[at:], *rows[:at]]


def seed_of(*parts: str) -> int:
    """A stable number from texts."""
    digest = hashlib.blake2b("\x1f".join(parts).encode("utf-8", "replace"), digest_size=8)
    return int.from_bytes(digest.digest(), "big")
