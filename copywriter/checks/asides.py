"""What a pitch says of a trait's noun and not of the item: "Beach towels stay on the sand."

A noun of a trait the reader has may be said; in a clause that speaks of it alone, everyday words claim nothing of
the item.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from copywriter import words
from copywriter.audience import PATH_SEPARATOR
from copywriter.checks import scene
from copywriter.checks.backing import FREE, PROOF_STEMS, RISKY_STEMS
from copywriter.checks.evidence import Evidence
from copywriter.checks.finding import Context
from copywriter.checks.licence import SUPERLATIVE
from copywriter.checks.scene import Token
from copywriter.lexicon import word_set
from copywriter.lexicon.en import ORIGINS
from copywriter.lexicon.plain import COMPARING, DENYING, PERSONAL
from copywriter.stems import stem

_ORIGIN_STEMS: Final = frozenset(map(stem, ORIGINS))
_LISTING: Final = word_set("anyone someone list start starts begin begins lists shopper basket")
_ACCESSORY_BREAK: Final = frozenset(("with", "plus", "including", "includes", "featuring", "made"))


def trait_words(row: Sequence[Token], stems: tuple[str, ...], context: Context) -> set[int]:
    """Words of a trait's noun, said whole, where the item is not said to have or be it."""
    covered: set[int] = set()
    for trait in context.traits:
        if trait.kind in ("category", "because"):
            said = trait.value.rsplit(PATH_SEPARATOR, maxsplit=1)[-1]
        elif trait.kind == "brand":
            said = trait.value
        else:
            continue
        noun = tuple(stem(word.text) for word in words.split(said))
        if not noun or (trait.kind != "brand" and set(noun) & PROOF_STEMS - _ORIGIN_STEMS):
            continue
        for at in range(len(stems) - len(noun) + 1):
            if stems[at : at + len(noun)] != noun:
                continue
            before = row[at - 1].low if at else ""
            mid = at > 0 and row[at - 1].sentence == row[at].sentence and at != 1
            listing = at > 1 and row[at - 2].low in _LISTING
            if before in _ACCESSORY_BREAK and mid and not listing and row[at].zone not in ("question", "opening"):
                continue
            covered |= set(range(at, at + len(noun)))
    return covered


def clauses(row: Sequence[Token], of_traits: set[int], known: Evidence) -> set[int]:
    """Words of clauses that speak of a trait's noun and in no word of the item ("Beach towels stay on the sand.")."""
    found: set[int] = set()
    if not of_traits:
        return found
    begin = 0
    for end in range(1, len(row) + 1):
        whole = end < len(row) and row[end].sentence == row[begin].sentence and row[end].low not in _TURNS
        if whole and not _CLAUSE.search(row[end].gap):
            continue
        inside = set(range(begin, end))
        own = [at for at in inside - of_traits if row[at].stem in known.kinds and row[at].low not in FREE]
        if inside & of_traits and not own and len(inside) < len(row) and row[begin].low not in _ACCESSORY_BREAK:
            found |= inside
        begin = end
    return found


_TURNS: Final = frozenset(("that", "which", "with", "without", "plus", "including"))
"""From these words on a clause may speak of the item again."""
_CLAUSE: Final = re.compile(r"[,;:–—.!?]")


def is_aside(at: int, row: Sequence[Token]) -> bool:
    """Whether an everyday word may stand in a sentence about a trait's noun, in any form."""
    token = row[at]
    low = token.low
    if low in COMPARING or low in PERSONAL or low in DENYING or token.stem in RISKY_STEMS or SUPERLATIVE.match(low):
        return False
    asked = replace(token, zone="act")
    return scene.licensed(asked, list(row), at, edible=False, culinary=True, implied=True) or (
        low.endswith("s") and scene.is_verb(replace(token, low=low[:-1]))
    )
