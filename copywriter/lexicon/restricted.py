"""Goods that the law lets nobody advertise freely: they are listed, never promoted.

Reviewed one by one. Stems match the beginning of a word, words match whole; `HARMLESS` phrases are cut out first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from copywriter.lexicon import word_set

STEMS: Final[tuple[str, ...]] = (
    # tobacco and nicotine
    "tobacco", "cigar", "nicotin", "vape", "vaping", "e-cig", "ecig", "e-liquid", "hookah", "shisha", "snus", "snuff",
    # alcohol
    "alcohol", "liquor", "whisk", "vodka", "bourbon", "tequila", "brandy", "cognac", "champagne", "prosecco", "liqueur",
    "absinth", "mezcal",
    # cannabis, gambling, weapons
    "cannabi", "marijuana", "lotter", "gambl", "casino", "firearm", "ammunition", "handgun", "shotgun",
)  # fmt: skip
WORDS: Final = word_set(
    "beer beers ale ales lager lagers wine wines gin rum sake cider ciders spirits stout thc cbd snuff "
    "rolling-papers pistol rifle rifles"
)
AMBIGUOUS: Final = word_set(
    "beer beers ale ales wine wines gin rum sake cider ciders spirits stout lager lagers cognac champagne bourbon "
    "brandy whiskey whisky tobacco prosecco snuff vodka tequila"
)
"""Colours, tastes, glasses and jokes, too: "a belt in cognac"."""
_DRINKS: Final = re.compile(r"\b(?:drinks?|beverages?|grocery|food|liquor|alcohol\w*|tobacco|smok\w+|bar)\b", re.I)
HARMLESS: Final = re.compile(
    r"\b(?:[^\W\d_]+,? )?(?:non|no|zero|without|free of)[- ]?alcohol\w*|alcohol[- ]?(?:free|based)|(?:rubbing|isopropyl"
    r"|cetyl|cetearyl) alcohol\w*"
    r"|alcohol (?:dispensers?|wipes?|prep pads?|swabs?|pads?|markers?|ink|inks)|root beer|ginger (?:beer|ale)"
    r"|apple cider(?: vinegar)?"
    r"|cider vinegar|wine (?:vinegar|glass(?:es)?|racks?|openers?|coolers?|stoppers?|bags?|aerators?|fridges?)"
    r"|(?:red|white|rice) wine vinegar|beer (?:mugs?|glass(?:es)?|bread|batter|steins?)"
    r"|whisk(?:e?y)? (?:glass(?:es)?|stones?)"
    r"|whisks?\b|whisker\w*|whisking|champagne (?:gold|glass(?:es)?|flutes?|colou?r(?:ed)?)|rum (?:raisin"
    r"|cake)|cigar box(?:es)?"
    r"|rifle(?:d|s)? through|nerf \w+|toy \w+|bourbon (?:biscuits?|vanilla|creams?)|tobacco (?:brown"
    r"|leaf scent)|cider (?:donuts?)"
    r"|spirits? levels?|(?:mineral|white) spirits|casino[- ]style (?:cards?|chips?)|poker chips?"
    r"|cocktail (?:napkins?|shakers?)",
    re.I,
)
_WORD: Final = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*")


def is_restricted(title: str, path: Sequence[str] = ()) -> bool:
    """Whether an item is of goods that must not be promoted.

    A word that also names a colour or a taste counts in a title only where a category says that the item is a drink,
    or, without a category, where it ends the name ("Vodka 750 ml").
    """
    if any(_names(level) for level in path):
        return True
    found = _names(title)
    if found - AMBIGUOUS:
        return True
    if path:
        return bool(found) and any(_DRINKS.search(level) for level in path)
    return any(re.search(rf"\b{re.escape(word)}\s*(?:,|\d|$)", title, re.I) for word in found)


def _names(text: str) -> frozenset[str]:
    rest = HARMLESS.sub(" ", text.lower())
    return frozenset(word for word in _WORD.findall(rest) if word in WORDS or word.startswith(STEMS))
